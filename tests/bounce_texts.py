"""What mail servers write when a mail to noor@school.example does not arrive, in their shape, and what it means."""

# What a server wrote, in the shape it writes; (subject, sender, text), whether it is hard, the status, the reason.
VARIANTS = {
    "exchange online, Dutch": (
        ("Onbestelbaar: Studiemiddag", "postmaster@school.example"),
        "Uw bericht aan noor@school.example kan niet worden bezorgd.\n\nnoor is niet gevonden op school.example.\n\n"
        "Diagnostische gegevens voor beheerders:\n\nnoor@school.example\n"
        "Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup'\n\n"
        "Oorspronkelijke berichtkoppen:\n",
        (True, "5.1.10", "userunknown"),
    ),
    "exchange server, Dutch": (
        ("Onbestelbaar: Studiemiddag", "Microsoft Outlook <MicrosoftExchange329e@school.example>"),
        "Bezorging van het bericht aan deze geadresseerden of groepen is mislukt:\n\n"
        "Noor Visser (noor@school.example)<mailto:noor@school.example>\nHet ingevoerde e-mailadres kan niet worden gevonden. "
        "Controleer het e-mailadres van de geadresseerde.\n",
        (True, "5.1.1", "userunknown"),
    ),
    "exchange server, Dutch, full": (
        ("Onbestelbaar: Studiemiddag", "postmaster@school.example"),
        "Kan uw bericht niet bezorgen bij de volgende geadresseerden:\n\nnoor@school.example<mailto:noor@school.example>\n"
        "Het postvak van de geadresseerde is vol en kan nu geen berichten aannemen.\n",
        (False, "5.2.2", "mailboxfull"),
    ),
    "Dutch provider": (
        ("Niet bestelbaar bericht", ""),
        "Uw e-mail kon niet worden afgeleverd.\n\n  noor@school.example\n    Onbekende gebruiker\n",
        (True, "5.1.1", "userunknown"),
    ),
    "Dutch provider, domain": (
        ("Aflevering mislukt", ""),
        "Uw bericht aan noor@school.example kon niet worden afgeleverd: het domein school.example bestaat niet.\n",
        (True, "5.1.2", "hostunknown"),
    ),
    "exchange online, German": (
        ("Unzustellbar: Studiemiddag", "postmaster@school.example"),
        "Ihre Nachricht an noor@school.example konnte nicht zugestellt werden.\n\nDiagnoseinformationen für Administratoren:\n"
        "\nnoor@school.example\nRemote Server returned '550 5.4.1 Recipient address rejected: Access denied. "
        "AS(201806281) [AM0EUR02FT011.eop-EUR02.prod.protection.outlook.com]'\n\nUrsprüngliche Nachrichtenkopfzeilen:\n",
        (True, "5.4.1", "userunknown"),
    ),
    "German provider": (
        ("Unzustellbare Nachricht", ""),
        "Die Nachricht konnte nicht zugestellt werden.\n\n<noor@school.example>:\nUnbekannter Empfänger\n",
        (True, "5.1.1", "userunknown"),
    ),
    "German provider, full": (
        ("Zustellfehler", ""),
        "Ihre Nachricht konnte nicht zugestellt werden:\n\nnoor@school.example\nDas Postfach des Empfängers ist voll.\n",
        (False, "5.2.2", "mailboxfull"),
    ),
    "gmail": (
        ("Delivery Status Notification (Failure)", "Mail Delivery Subsystem <mailer-daemon@googlemail.com>"),
        "** Address not found **\n\nYour message wasn't delivered to noor@school.example because the address couldn't be "
        "found, or is unable to receive mail.\n\nThe response was:\n\n550 5.1.1 The email account that you tried to reach does "
        "not exist. Please try double-checking the address.\n",
        (True, "5.1.1", "userunknown"),
    ),
    "gmail, over quota": (
        ("Delivery Status Notification (Failure)", "Mail Delivery Subsystem <mailer-daemon@googlemail.com>"),
        "Your message wasn't delivered to noor@school.example.\n\nThe response was:\n\n552 5.2.2 The email account that you "
        "tried to reach is over quota.\n",
        (False, "5.2.2", "mailboxfull"),
    ),
    "gmail, not authenticated": (
        ("Delivery Status Notification (Failure)", "Mail Delivery Subsystem <mailer-daemon@googlemail.com>"),
        "** Message blocked **\n\nYour message to noor@school.example has been blocked.\n\nThe response was:\n\n550-5.7.26 This mail "
        "is unauthenticated, which poses a security risk to the sender and Gmail users.\n",
        (False, "5.7.26", "policyviolation"),
    ),
    "postfix, text only": (
        ("Undelivered Mail Returned to Sender", ""),
        "This is the mail system at host mx.example.\n\n<noor@school.example>: host mx.school.example[192.0.2.1] said: 550 5.1.1\n"
        "    <noor@school.example>: Recipient address rejected: User unknown in\n    virtual mailbox table (in reply to RCPT TO "
        "command)\n",
        (True, "5.1.1", "userunknown"),
    ),
    "postfix, no host": (
        ("Undelivered Mail Returned to Sender", ""),
        "<noor@school.example>: Host or domain name not found. Name service error for\n    name=school.example type=MX: Host not "
        "found\n",
        (True, "5.1.2", "hostunknown"),
    ),
    "postfix, greylisted to the end": (
        ("Undelivered Mail Returned to Sender", ""),
        "<noor@school.example>: host mx.school.example[192.0.2.1] said: 450 4.7.1\n    <noor@school.example>: Recipient address "
        "rejected: Greylisted, try again later (in reply to RCPT TO command)\n",
        (False, "4.7.1", "toomanyconn"),
    ),
    "exim, no such user": (
        ("Mail delivery failed: returning message to sender", ""),
        "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to "
        "one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  noor@school.example\n"
        "    host mx.school.example [192.0.2.1]\n    SMTP error from remote mail server after RCPT TO:<noor@school.example>:\n"
        "    550 No such recipient here\n\n------ This is a copy of the message, including all the headers. ------\n",
        (True, "5.1.1", "userunknown"),
    ),
    "exim, unrouteable": (
        ("Mail delivery failed: returning message to sender", ""),
        "The following address(es) failed:\n\n  noor@school.example\n    Unrouteable address\n",
        (True, "5.1.1", "userunknown"),
    ),
    "exim, retry timeout": (
        ("Mail delivery failed: returning message to sender", ""),
        "The following address(es) failed:\n\n  noor@school.example\n    host mx.school.example [192.0.2.1]: retry timeout exceeded\n",
        (False, "4.4.7", "expired"),
    ),
    "exim, a bare 550 at RCPT": (
        ("Mail delivery failed: returning message to sender", ""),
        "The following address(es) failed:\n\n  noor@school.example\n    SMTP error from remote mail server after RCPT "
        "TO:<noor@school.example>:\n    550 Sorry\n",
        (True, "5.1.1", "userunknown"),
    ),
    "qmail": (
        ("failure notice", "MAILER-DAEMON@mx.example"),
        "Hi. This is the qmail-send program at mx.example.\nI'm afraid I wasn't able to deliver your message to the following "
        "addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<noor@school.example>:\nSorry, no mailbox "
        "here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n",
        (True, "5.1.1", "userunknown"),
    ),
    "qmail, no host": (
        ("failure notice", "MAILER-DAEMON@mx.example"),
        "<noor@school.example>:\nSorry, I couldn't find any host named school.example. (#5.1.2)\n",
        (True, "5.1.2", "hostunknown"),
    ),
    "sendmail": (
        ("Returned mail: see transcript for details", ""),
        "   ----- The following addresses had permanent fatal errors -----\n<noor@school.example>\n    (reason: 550 5.1.1 "
        "<noor@school.example>... User unknown)\n\n   ----- Transcript of session follows -----\n>>> DATA\n<<< 550 5.1.1 "
        "<noor@school.example>... User unknown\n",
        (True, "5.1.1", "userunknown"),
    ),
    "domino": (
        (
            "DELIVERY FAILURE: User noor (noor@school.example) not listed in Domino Directory",
            "Postmaster@school.example",
        ),
        "Your message\n\n  Subject: Studiemiddag\n\nwas not delivered to:\n\n  noor@school.example\n\nbecause:\n\n  User noor "
        "(noor@school.example) not listed in Domino Directory\n",
        (True, "5.1.1", "userunknown"),
    ),
    "opensmtpd": (
        ("Delivery status notification: error", "Mailer Daemon <MAILER-DAEMON@mx.example>"),
        "    Hi!\n\n    An error has occurred while attempting to deliver a message for\n    the following list of "
        "recipients:\n\nnoor@school.example: 550 5.1.1 Invalid recipient\n\n    Below is a copy of the original message:\n",
        (True, "5.1.1", "userunknown"),
    ),
    "barracuda": (
        ("**Message you sent blocked by our bulk email filter**", "MAILER-DAEMON <>"),
        "Your message to: noor@school.example\nwas blocked by our Spam Firewall. The email you sent has NOT BEEN DELIVERED.\n",
        (False, "5.7.1", "spamdetected"),
    ),
    "zoho": (
        ("Undelivered Mail Returned to Sender", "mailer-daemon@mail.zoho.example"),
        "This message was created automatically by mail delivery software.\nA message that you sent could not be delivered to one "
        "or more of its recipients. This is a permanent error.\n\nnoor@school.example Invalid Address, ERROR_CODE :550, ERROR_CODE "
        ":5.1.1\n",
        (True, "5.1.1", "userunknown"),
    ),
    "yahoo": (
        ("Failure Notice", "MAILER-DAEMON@yahoo.example"),
        "Sorry, we were unable to deliver your message to the following address.\n\n<noor@school.example>:\n554: delivery error: dd "
        "This user doesn't have a school.example account (noor@school.example) [0] - mta1.mail.example\n",
        (True, "5.1.1", "userunknown"),
    ),
    "outlook.com, blocked": (
        ("Undelivered Mail Returned to Sender", ""),
        "<noor@school.example>: host school-example.mail.protection.outlook.com[192.0.2.1] said: 550\n    5.7.606 Access denied, "
        "banned sending IP [198.51.100.2]. To request removal from this list\n    (in reply to RCPT TO command)\n",
        (False, "5.7.606", "blocked"),
    ),
    "a block list at RCPT, without an enhanced code": (
        ("Undelivered Mail Returned to Sender", ""),
        "<noor@school.example>: host mx.school.example[192.0.2.1] said: 554 Service\n    unavailable; Client host [198.51.100.2] "
        "blocked using zen.spamhaus.org (in\n    reply to RCPT TO command)\n",
        (False, "5.7.1", "blocked"),
    ),
    "a closed account": (
        ("Undelivered Mail Returned to Sender", ""),
        "<noor@school.example>: host mx.school.example[192.0.2.1] said: 554 The mailbox\n    of this user has been suspended\n",
        (False, "5.2.1", "suspend"),
    ),
    "a domain without mail": (
        ("Undelivered Mail Returned to Sender", ""),
        "<noor@school.example>: Domain school.example does not accept mail (nullMX)\n",
        (True, "5.1.10", "notaccept"),
    ),
    "too big": (
        ("Undelivered Mail Returned to Sender", ""),
        "<noor@school.example>: message size 12345678 exceeds size limit 10240000 of\n    server mx.school.example[192.0.2.1]\n",
        (False, "5.3.4", "mesgtoobig"),
    ),
    "dragonfly": (
        ("Mail delivery failed", "MAILER-DAEMON <>"),
        "This is the DragonFly Mail Agent v0.13 at mx.example.\n\nThere was an error delivering your mail to "
        "<noor@school.example>.\n\nmx.school.example [192.0.2.1] did not like our final DATA:\n550-5.7.26 Unauthenticated email "
        "is not accepted due to domain's\n\n550 5.7.26 DMARC policy.\n\nMessage headers follow.\n",
        (False, "5.7.26", "policyviolation"),
    ),
    "the sender is refused with a code of the address": (
        ("Undelivered Mail Returned to Sender", ""),
        "<noor@school.example>: host mx.school.example[192.0.2.1] said: 550\n    5.1.0 <traject+b-1@hart.example> sender rejected. "
        "AUP#CDRBL (in reply to MAIL\n    FROM command)\n",
        (False, "5.1.0", "blocked"),
    ),
    "nobody answers": (
        ("Undelivered Mail Returned to Sender", ""),
        "<noor@school.example>: connect to mx.school.example[192.0.2.1]:25: Connection\n    timed out\n",
        (False, "4.4.1", "networkerror"),
    ),
}

DELAYS = {
    "postfix": ("Delayed Mail (still being retried)", "Your message could not be delivered for more than 4 hours.\nIt will be "
                "retried until it is 5 days old.\n\n<noor@school.example>: connect to mx: Connection refused\n"),
    "gmail": ("Delivery Status Notification (Delay)", "** Delivery incomplete **\n\nThere was a temporary problem delivering your "
              "message to noor@school.example. Gmail will retry for 46 more hours.\n"),
    "exim": ("Warning: message 1abc delayed 24 hours", "The message has not yet been delivered to the following address:\n\n  "
             "noor@school.example\n\nNo action is required on your part. Delivery attempts will continue.\n"),
    "exchange, Dutch": ("Bezorging vertraagd: Studiemiddag", "De bezorging aan deze geadresseerden is vertraagd:\n\n"
                        "noor@school.example\n\nEr wordt opnieuw geprobeerd het bericht te bezorgen.\n"),
    "exchange, German": ("Verzögert: Studiemiddag", "Die Zustellung an noor@school.example ist verzögert. Es wird weiter versucht.\n"),
}  # fmt: skip
