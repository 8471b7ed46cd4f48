"""More of what mail servers write, by product: gateways, older servers, providers, other languages; and what it means."""

UNKNOWN = (True, "5.1.1", "userunknown")
NO_HOST = (True, "5.1.2", "hostunknown")
FULL = (False, "5.2.2", "mailboxfull")
CLOSED = (False, "5.2.1", "suspend")
BLOCKED = (False, "5.7.1", "blocked")

# As bounce_texts.VARIANTS: (subject, sender, empty for a daemon), the text, and (hard, status, reason).
SHAPES = {
    # Products
    "sendmail 8, an account that is closed": (
        ("Returned mail: User unknown", ""),
        "The original message was received at Mon, 7 Sep 2026 10:00:00 +0200\nfrom out.hart.example\n\n   ----- The following "
        "addresses had permanent fatal errors -----\n<noor@school.example>\n\n   ----- Transcript of session follows -----\n... while "
        "talking to mx.school.example.:\n>>> RCPT To:<noor@school.example>\n<<< 550 5.1.1 <noor@school.example>... User unknown\n"
        "550 <noor@school.example>... User unknown\n",
        UNKNOWN,
    ),
    "sendmail 5": (
        ("Returned mail: User unknown", ""),
        "   ----- Transcript of session follows -----\n550 noor@school.example... User unknown\n\n   ----- Unsent message follows -----\n",
        UNKNOWN,
    ),
    "lotus notes": (
        ("UNDELIVERABLE MAIL", "Notes Mail Router <postmaster@school.example>"),
        "------- Failure Reasons  --------\n\nUser not listed in public Name & Address Book\nnoor@school.example\n\n\n------- Returned "
        "Message --------\n",
        UNKNOWN,
    ),
    "domino, German": (
        ("ZUSTELLUNGSFEHLER: Benutzer nicht im Domino-Verzeichnis", "Postmaster@school.example"),
        "Ihr Dokument:   Studiemiddag\nwurde nicht zugestellt an:   noor@school.example\naufgrund von:   Benutzer noor nicht im "
        "Domino-Verzeichnis gefunden\n",
        UNKNOWN,
    ),
    "groupwise": (
        ("Mail System Error - Undeliverable Message", "Mailer-Daemon@school.example"),
        "The message that you sent was undeliverable to the following:\n    noor@school.example (user not found)\n\nPossibly truncated "
        "original message follows:\n",
        UNKNOWN,
    ),
    "imail": (
        ("Undeliverable Mail", "Postmaster@school.example"),
        "Unknown user: noor@school.example\n\n\nOriginal message follows.\n",
        UNKNOWN,
    ),
    "imail, full": (
        ("Undeliverable Mail", "Postmaster@school.example"),
        "User mailbox exceeds allowed size: noor@school.example\n\n\nOriginal message follows.\n",
        FULL,
    ),
    "imail, tried often": (
        ("Undeliverable Mail", "Postmaster@school.example"),
        "Delivery failed 20 attempts: noor@school.example\n\n\nOriginal message follows.\n",
        (False, "4.4.7", "expired"),
    ),
    "exchange 2003": (
        ("Undeliverable: Studiemiddag", "System Administrator <postmaster@school.example>"),
        "Your message\n\n  To:      team@school.example\n  Subject: Studiemiddag\n  Sent:    Mon, 7 Sep 2026 10:00:00 +0200\n\ndid not "
        "reach the following recipient(s):\n\nnoor@school.example on Mon, 7 Sep 2026 10:00:02 +0200\n    The e-mail account does not "
        "exist at the organization this message was sent to.\n    <mx.school.example #5.1.1>\n",
        UNKNOWN,
    ),
    "exchange 5.5, an X.400 name": (
        ("Undeliverable: Studiemiddag", "System Administrator <postmaster@school.example>"),
        "Your message\n\n  To:      team@hart.example\n  Subject: Studiemiddag\n  Sent:    Mon, 7 Sep 2026\n\ndid not reach the "
        "following recipient(s):\n\nc=NL;a= ;p=School;o=Nexus;dda:SMTP=noor@school.example; on Mon, 7 Sep 2026 10:00:02\n    The "
        "recipient name is not recognized\n    MSEXCH:IMS:School:Nexus:MX1 0 (000C05A6) Unknown Recipient\n",
        UNKNOWN,
    ),
    "exchange, French": (
        ("Non remis : Studiemiddag", "postmaster@school.example"),
        "Échec de la remise pour ces destinataires ou groupes :\n\nnoor@school.example<mailto:noor@school.example>\nL’adresse de "
        "messagerie que vous avez entrée est introuvable. Vérifiez l’adresse de messagerie du destinataire.\n",
        UNKNOWN,
    ),
    "exchange, German": (
        ("Unzustellbar: Studiemiddag", "postmaster@school.example"),
        "Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Gruppen:\n\nnoor@school.example<mailto:noor@school.example>\n"
        "Die eingegebene E-Mail-Adresse wurde nicht gefunden. Bitte prüfen Sie die Adresse.\n",
        UNKNOWN,
    ),
    "exchange, German, full": (
        ("Unzustellbar: Studiemiddag", "postmaster@school.example"),
        "Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Gruppen:\n\nnoor@school.example<mailto:noor@school.example>\n"
        "Das Postfach des Empfängers ist voll und kann zurzeit keine Nachrichten empfangen.\n",
        FULL,
    ),
    "exchange, restricted to members": (
        ("Undeliverable: Studiemiddag", "postmaster@school.example"),
        "Delivery has failed to these recipients or groups:\n\nnoor@school.example<mailto:noor@school.example>\nYour message can't be "
        "delivered because delivery to this address is restricted.\n\nDiagnostic information for administrators:\n\n"
        "noor@school.example\nRemote Server returned '550 5.7.129 RESOLVER.RST.RestrictedToRecipientsPermission; not authorized'\n",
        (False, "5.7.129", "policyviolation"),
    ),
    "exchange, a routing loop": (
        ("Undeliverable: Studiemiddag", "postmaster@school.example"),
        "Delivery has failed to these recipients or groups:\n\nnoor@school.example\nRemote Server returned '554 5.4.14 Hop count "
        "exceeded - possible mail loop ATTR34'\n",
        (False, "5.4.14", "networkerror"),
    ),
    "exchange online, nobody answered": (
        ("Undeliverable: Studiemiddag", "postmaster@school.example"),
        "Delivery has failed to these recipients or groups:\n\nnoor@school.example\nServer at school.example (192.0.2.1) returned '550 "
        "5.4.316 Message expired, connection refused(Socket error code 10061)'\n",
        (False, "5.4.316", "expired"),
    ),
    "exchange online, no domain": (
        ("Undeliverable: Studiemiddag", "postmaster@school.example"),
        "Your message to noor@school.example couldn't be delivered.\n\nschool.example couldn't be found. Error: 550 5.4.310 DNS domain "
        "school.example does not exist [Message=InfoDomainNonexistent]\n",
        (True, "5.4.310", "hostunknown"),
    ),
    "exchange online, too fast for one mailbox": (
        ("Undeliverable: Studiemiddag", "postmaster@school.example"),
        "noor@school.example\nRemote Server returned '554 5.2.121 RESOLVER.RST.RecipientRateLimit; the recipient has exceeded its limit "
        "for messages'\nDelivery has failed to this recipient.\n",
        (False, "5.2.121", "toomanyconn"),
    ),
    "exim, cPanel, full": (
        ("Mail delivery failed: returning message to sender", ""),
        "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or "
        "more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  noor@school.example\n    LMTP error "
        "from remote mail server after end of data:\n    552 5.2.2 <noor@school.example> Quota exceeded (mailbox for user is full)\n",
        FULL,
    ),
    "exim, No Such User Here": (
        ("Mail delivery failed: returning message to sender", ""),
        "The following address(es) failed:\n\n  noor@school.example\n    (ultimately generated from team@school.example)\n    No Such "
        "User Here\n",
        UNKNOWN,
    ),
    "mdaemon": (
        ("Permanent Delivery Failure", "MDaemon@school.example"),
        "The attached message had PERMANENT fatal delivery errors.\n\nAfter one or more unsuccessful delivery attempts the attached "
        "message has been\nremoved from the mail queue on this server.\n\nFailed address:  noor@school.example\n\n--- Session Transcript "
        "---\n Mon 2026-09-07 10:00:02: --> RCPT To:<noor@school.example>\n Mon 2026-09-07 10:00:02: <-- 550 5.1.1 recipient unknown\n",
        UNKNOWN,
    ),
    "hmailserver": (
        ("Message undeliverable: Studiemiddag", "mailer-daemon@school.example"),
        "Your message did not reach some or all of the intended recipients.\n\n   Sent: Mon, 7 Sep 2026\n   Subject: Studiemiddag\n\n"
        "The following recipient(s) could not be reached:\n\nnoor@school.example\n   Error Type: SMTP\n   Remote server (192.0.2.1) "
        "issued an error.\n   hMailServer sent: RCPT TO:<noor@school.example>\n   Remote server replied: 550 Unknown user\n\nhMailServer\n",
        UNKNOWN,
    ),
    "mailenable": (
        ("Message Delivery Failure", "Postmaster <postmaster@school.example>"),
        "MailEnable: Message could not be delivered to some recipients.\nThe following recipient(s) could not be reached:\n\n"
        "\tRecipient: [SMTP:noor@school.example]\n\tReason: Remote SMTP Server Returned: 550 No such user - psmtp\n",
        UNKNOWN,
    ),
    "apache james": (
        ("Re: Studiemiddag", "postmaster@school.example"),
        "Hi. This is the James mail server at mx.school.example.\nI'm afraid I wasn't able to deliver your message to the following "
        "addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.  Below\nI include the list of recipients and "
        "the reason why I was unable to deliver\nyour message.\n\nnoor@school.example\n\nThe error message: 550 - Requested action not "
        "taken: no such user here\n",
        UNKNOWN,
    ),
    "courier": (
        ("NOTICE: mail delivery status.", "courier mail server <@mx.example>"),
        "This is a delivery status notification from mx.example,\nrunning the Courier mail server, version 0.65.2.\n\n                "
        "          UNDELIVERABLE MAIL\n\nYour message to the following recipients cannot be delivered:\n\n<noor@school.example>:\n    "
        "mx.school.example [192.0.2.1]:\n>>> RCPT TO:<noor@school.example>\n<<< 550 5.1.1 <noor@school.example>... User Unknown\n",
        UNKNOWN,
    ),
    "interscan": (
        ("Mail could not be delivered", "MAILER-DAEMON@school.example"),
        "****** Message from InterScan Messaging Security Suite ******\n\nSent <<< RCPT TO:<noor@school.example>\nReceived >>> 550 5.1.1 "
        "<noor@school.example>... user unknown\n\nUnable to deliver message to <noor@school.example>.\n************************     End "
        "of message     **********************\n",
        UNKNOWN,
    ),
    "a virus wall that gave up": (
        ("Mail could not be delivered", "inetgw@school.example"),
        "****** Message from InterScan E-Mail VirusWall NT ******\n\nThe following mail could not be delivered: noor@school.example\n"
        "Reason:  Exceeded Maximum Delivery Attempts.\n\n*****************     End of message     ***************\n",
        (False, "4.4.7", "expired"),
    ),
    "mail marshal": (
        ("Undeliverable Mail: Studiemiddag", "MailMarshal@school.example"),
        "Your message:\n   From:    traject@hart.example\n   Subject: Studiemiddag\nCould not be delivered because of\n\n550 5.1.1 User "
        "unknown\n\nThe following recipients were affected:\n    noor@school.example\n",
        UNKNOWN,
    ),
    "surf control": (
        ("Message could not be delivered.", "Postmaster@school.example"),
        "Your message could not be sent.\nA transcript of the attempts to send the message follows.\nThe number of attempts made: 1\n"
        "Addressed To: noor@school.example\n\nMon, 07 Sep 2026 10:00:02\nFailed to send to identified host,\nnoor@school.example: "
        "[192.0.2.1], 550 noor@school.example... User Unknown\n--- Message non-deliverable.\n",
        UNKNOWN,
    ),
    "mcafee": (
        ("Undeliverable message", "McAfee Gateway <postmaster@school.example>"),
        "The message could not be delivered.\n\n--- The following addresses had delivery problems ---\n\n<noor@school.example>   (User "
        "unknown noor@school.example)\n",
        UNKNOWN,
    ),
    "mimecast, unknown": (
        ("[Postmaster] Email Delivery Failure", "postmaster@school.example"),
        "This is a delivery failure notification message indicating that\nan email you addressed to email address :\n-- "
        "noor@school.example\n\ncould not be delivered. The problem appears to be :\n-- Recipient email address is possibly incorrect\n\n"
        "Additional information follows :\n-- 550 Invalid Recipient - https://community.example/docs/DOC-1369#550\n",
        UNKNOWN,
    ),
    "mimecast, refused": (
        ("[Postmaster] Email Delivery Failure", "postmaster@school.example"),
        "This is a delivery failure notification message indicating that\nan email you addressed to email address :\n-- "
        "noor@school.example\n\ncould not be delivered. The problem appears to be :\n-- Recipient server rejected the message\n\n"
        "Additional information follows :\n-- 550 Administrative prohibition - envelope blocked\n",
        BLOCKED,
    ),
    "proofpoint, an address it does not know": (
        ("Undelivered Mail Returned to Sender", ""),
        "<noor@school.example>: host mx0a-001.pphosted.example[192.0.2.1] said: 550 5.1.1\n    User Unknown (in reply to RCPT TO "
        "command)\n",
        UNKNOWN,
    ),
    "proofpoint, a sender it does not trust": (
        ("Undelivered Mail Returned to Sender", ""),
        "<noor@school.example>: host mx0a-001.pphosted.example[192.0.2.1] refused to talk to\n    me: 554 Blocked - see "
        "https://ipcheck.proofpoint.example/?ip=198.51.100.2\n",
        BLOCKED,
    ),
    "barracuda in front": (
        ("Undelivered Mail Returned to Sender", ""),
        "<noor@school.example>: host d1.ess.barracudanetworks.example[192.0.2.1] said: 550\n    permanent failure for one or more "
        "recipients (noor@school.example:550 5.1.1\n    User unknown) (in reply to end of DATA command)\n",
        UNKNOWN,
    ),
    "messagelabs": (
        ("Mail Delivery Failure", "MAILER-DAEMON@mx.messagelabs.example"),
        "This is the mail delivery agent at messagelabs.example.\n\nI was unable to deliver your message to the following addresses:\n\n"
        "noor@school.example\n\nReason: 550 Invalid recipient <noor@school.example> (#5.1.1)\n\nThe message subject was: Studiemiddag\n",
        UNKNOWN,
    ),
    "opensmtpd, remote answer": (
        ("Delivery status notification: error", "Mailer Daemon <MAILER-DAEMON@mx.example>"),
        "    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this email.\n\n    An error has occurred while attempting to "
        "deliver a message for\n    the following list of recipients:\n\nnoor@school.example: No MX found for domain\n",
        NO_HOST,
    ),
    "a server that writes sentences": (
        ("Undeliverable: Studiemiddag", "postmaster@mx.example"),
        "We had trouble delivering your message. Full details follow:\n\nSubject: 'Studiemiddag'\nDate: 'Mon, 7 Sep 2026'\n\n1 "
        "error(s):\n\nSMTP Server <mx.school.example> rejected recipient <noor@school.example>\n  (Error following RCPT command). It "
        "responded as follows: [550 5.1.1 unknown user]\n",
        UNKNOWN,
    ),
    # Providers
    "gmail, of old": (
        ("Delivery Status Notification (Failure)", "Mail Delivery Subsystem <mailer-daemon@googlemail.com>"),
        "Delivery to the following recipient failed permanently:\n\n     noor@school.example\n\nTechnical details of permanent failure:\n"
        "Google tried to deliver your message, but it was rejected by the recipient domain. The error that the other server returned "
        "was: 550 550 Unknown user noor@school.example (state 14).\n",
        UNKNOWN,
    ),
    "gmail, of old, no domain": (
        ("Delivery Status Notification (Failure)", "Mail Delivery Subsystem <mailer-daemon@googlemail.com>"),
        "Delivery to the following recipient failed permanently:\n\n     noor@school.example\n\nTechnical details of permanent failure:\n"
        "DNS Error: Domain name not found\n",
        NO_HOST,
    ),
    "gmail, Dutch": (
        ("Delivery Status Notification (Failure)", "Mail Delivery Subsystem <mailer-daemon@googlemail.com>"),
        "** Adres niet gevonden **\n\nJe bericht is niet bezorgd bij noor@school.example, omdat het adres niet kan worden gevonden of geen "
        "e-mail kan ontvangen.\n",
        UNKNOWN,
    ),
    "gmail, German": (
        ("Delivery Status Notification (Failure)", "Mail Delivery Subsystem <mailer-daemon@googlemail.com>"),
        "** Adresse nicht gefunden **\n\nDeine Nachricht wurde nicht an noor@school.example zugestellt, da die Adresse nicht gefunden "
        "wurde oder keine E-Mails empfangen kann.\n",
        UNKNOWN,
    ),
    "gmail, French": (
        ("Delivery Status Notification (Failure)", "Mail Delivery Subsystem <mailer-daemon@googlemail.com>"),
        "** Adresse introuvable **\n\nVotre message n'a pas été distribué à noor@school.example, car l'adresse est introuvable ou ne peut "
        "pas recevoir de messages.\n",
        UNKNOWN,
    ),
    "gmail, Dutch, full": (
        ("Delivery Status Notification (Failure)", "Mail Delivery Subsystem <mailer-daemon@googlemail.com>"),
        "** Inbox van ontvanger is vol **\n\nJe bericht is niet bezorgd bij noor@school.example. De inbox is vol of er komt nu te veel "
        "e-mail binnen.\n",
        FULL,
    ),
    "icloud, full": (
        ("Undelivered Mail Returned to Sender", ""),
        "<noor@school.example>: host mx01.mail.icloud.example[192.0.2.1] said: 552 5.2.2\n    <noor@school.example>: user is over quota "
        "(in reply to RCPT TO command)\n",
        FULL,
    ),
    "icloud, closed": (
        ("Undelivered Mail Returned to Sender", ""),
        "<noor@school.example>: host mx01.mail.icloud.example[192.0.2.1] said: 550 5.1.1\n    <noor@school.example>: inactive email "
        "address (in reply to RCPT TO command)\n",
        UNKNOWN,
    ),
    "icloud, policy": (
        ("Undelivered Mail Returned to Sender", ""),
        "<noor@school.example>: host mx01.mail.icloud.example[192.0.2.1] said: 550 5.7.1\n    [HM08] Message rejected due to local "
        "policy. (in reply to end of DATA command)\n",
        (False, "5.7.1", "policyviolation"),
    ),
    "yahoo, closed": (
        ("Failure Notice", "MAILER-DAEMON@yahoo.example"),
        "Sorry, we were unable to deliver your message to the following address.\n\n<noor@school.example>:\n554: 30: Sorry, your message to "
        "noor@school.example cannot be delivered. This mailbox is disabled (554.30).\n",
        CLOSED,
    ),
    "yahoo, deferred until given up": (
        ("Undelivered Mail Returned to Sender", ""),
        "<noor@school.example>: host mta5.am0.yahoodns.example[192.0.2.1] refused to talk to\n    me: 421 4.7.0 [TSS04] Messages from "
        "198.51.100.2 temporarily deferred due to\n    unexpected volume or user complaints - 4.16.55.1\n",
        (False, "4.7.0", "toomanyconn"),
    ),
    "aol, this one sender": (
        ("Returned mail: Service unavailable", ""),
        "   ----- The following addresses had permanent fatal errors -----\n<noor@school.example>\n\n   ----- Transcript of session follows "
        "-----\n... while talking to air-xi.mail.aol.example.:\n>>> RCPT To:<noor@school.example>\n<<< 550 noor IS NOT ACCEPTING MAIL FROM "
        "THIS SENDER\n554 <noor@school.example>... Service unavailable\n",
        BLOCKED,
    ),
    "hotmail": (
        ("Undelivered Mail Returned to Sender", ""),
        "<noor@school.example>: host mx1.hotmail.example[192.0.2.1] said: 550 Requested action\n    not taken: mailbox unavailable (in "
        "reply to RCPT TO command)\n",
        UNKNOWN,
    ),
    "hotmail, full": (
        ("Undelivered Mail Returned to Sender", ""),
        "<noor@school.example>: host mx1.hotmail.example[192.0.2.1] said: 552 Requested mail\n    action aborted: exceeded storage "
        "allocation (in reply to RCPT TO command)\n",
        FULL,
    ),
    "gmx, policy": (
        ("Undelivered Mail Returned to Sender", ""),
        "<noor@school.example>: host mx00.gmx.example[192.0.2.1] refused to talk to me: 554-gmx\n    (mxgmx016) Nemesis ESMTP Service not "
        "available 554-No SMTP service 554 IP\n    address is block listed.\n",
        BLOCKED,
    ),
    "a French provider": (
        ("Message non distribué", "postmaster@school.example"),
        "Votre message n'a pas pu être délivré à\nnoor@school.example\n\nBoîte aux lettres pleine\n",
        FULL,
    ),
    "a Dutch school, moved": (
        ("Niet bezorgd: Studiemiddag", "postmaster@school.example"),
        "Uw bericht aan noor@school.example is niet bezorgd. Noor is hier niet meer werkzaam.\n",
        (True, "5.1.6", "hasmoved"),
    ),
    "a Dutch provider, full": (
        ("Uw bericht is niet afgeleverd", ""),
        "Uw bericht aan noor@school.example kon niet worden afgeleverd, omdat de mailbox van de ontvanger vol is.\n",
        FULL,
    ),
    "a Dutch provider, blocked account": (
        ("Aflevering mislukt", ""),
        "Uw bericht aan noor@school.example kon niet worden afgeleverd: dit account is geblokkeerd.\n",
        CLOSED,
    ),
}  # fmt: skip

# Warnings that it takes longer, and that it is still tried: (subject, text).
STILL_TRIED = {
    "sendmail": ("Warning: could not send message for past 4 hours", "    **********************************************\n    **      "
                 "THIS IS A WARNING MESSAGE ONLY      **\n    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **\n\n   ----- The following "
                 "addresses had transient non-fatal errors -----\n<noor@school.example>\n\n   ----- Transcript of session follows -----\n"
                 "<noor@school.example>... Deferred: Connection timed out with mx.school.example.\n"),
    "a gateway": ("Delivery failure notification", "Your message could not be delivered to the following recipients:\n\n"
                  "noor@school.example\n\nPlease do not resend your original message.\nDelivery attempts will continue to be made for 5 days.\n"),
    "opensmtpd": ("Delivery status notification: warning", "    Hi!\n\n    A message is delayed for more than 4 hours for the following\n"
                  "    list of recipients:\n\nnoor@school.example: Connection refused\n\n    Please note that this is only a temporary failure report.\n"),
    "gmail, Dutch": ("Delivery Status Notification (Delay)", "** Bezorging onvolledig **\n\nEr was een tijdelijk probleem bij het bezorgen "
                     "van je bericht aan noor@school.example. Gmail probeert het nog 46 uur.\n"),
    "exchange, French": ("Retardé : Studiemiddag", "La remise à ces destinataires est retardée :\n\nnoor@school.example\n\nDe nouvelles "
                         "tentatives de remise seront effectuées.\n"),
}  # fmt: skip

# Reports without a failure: (subject, sender, text).
WENT_WELL = {
    "relayed": ("Delivery Status Notification (Relay)", "postmaster@school.example", "This is an automatically generated Delivery Status "
                "Notification.\n\nYour message has been successfully relayed to the following recipients, but the requested delivery status "
                "notifications may not be generated by the destination.\n\n       noor@school.example\n"),
    "relayed, exchange": ("Relayed: Studiemiddag", "postmaster@school.example", "Delivery to these recipients or groups is complete, but no "
                          "delivery notification was sent by the destination server:\n\nnoor@school.example\n"),
    "delivered, Dutch": ("Bezorgd: Studiemiddag", "postmaster@school.example", "Uw bericht is bezorgd bij de volgende geadresseerden:\n\n"
                         "noor@school.example\n"),
}  # fmt: skip
