"""Delivery reports in the shape of many mail servers, in Dutch, German and English: who was not reached, and why."""

import pytest
from test_reply_samples import SAMPLES, expected

from calendars.bounce import Failure, read_bounce
from calendars.bounce_reasons import CODE, Reason, of_codes, of_words
from calendars.mail_parts import read_mail

TO = "noor@school.example"
HEAD = """\
Return-Path: <>
From: {sender}
To: traject+b-1@hart.example
Subject: {subject}
Message-ID: <1@mx.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

{text}
"""
RETURNED = """
Received: from out.hart.example by mx.example; Mon, 7 Sep 2026 10:00:00 +0200
From: Hart <traject@hart.example>
To: someone.else@hart.example
Message-ID: <m1@hart.example>
Subject: 550 5.1.1 user unknown
"""


def report(text: str, subject: str = "Undelivered Mail Returned to Sender", sender: str = "") -> bytes:
    sender = sender or "Mail Delivery System <MAILER-DAEMON@mx.example>"
    return HEAD.format(sender=sender, subject=subject, text=text + RETURNED).replace("\n", "\r\n").encode()


def failures_of(mail: bytes) -> tuple[Failure, ...]:
    bounce = read_bounce(read_mail(mail))
    return bounce.failures if bounce else ()


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


@pytest.mark.parametrize("name", VARIANTS)
def test_what_a_server_writes_tells_who_was_not_reached_and_why(name):
    (subject, sender), text, (is_hard, status, reason) = VARIANTS[name]
    found = failures_of(report(text, subject, sender))
    assert [(each.address, each.is_hard, each.status, each.reason.value) for each in found] == [
        (TO, is_hard, status, reason)
    ]
    assert found[0].is_final


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


@pytest.mark.parametrize("name", DELAYS)
def test_a_delay_is_no_failure_yet(name):
    subject, text = DELAYS[name]
    (found,) = failures_of(report(text, subject, "postmaster@mx.example"))
    assert (found.address, found.is_hard, found.is_final) == (TO, False, False)


DECOYS = {
    "a person asks about a bounce": b"From: jan@school.example\r\nSubject: Re: Undeliverable: Studiemiddag\r\n\r\nWat betekent dit? 550 5.1.1 "
    b"user unknown: noor@school.example could not be delivered\r\n",
    "an out-of-office": b"Return-Path: <>\r\nFrom: noor@school.example\r\nSubject: Automatisch antwoord: Studiemiddag\r\n"
    b"Auto-Submitted: auto-replied\r\n\r\nIk ben er niet. Mail kan niet worden bezorgd bij jan@school.example.\r\n",
    "a postmaster's question": b"From: postmaster@school.example\r\nSubject: Vraag\r\n\r\nWie is onze contactpersoon? Groet, Jan\r\n",
    "a receipt": b"Return-Path: <>\r\nFrom: noor@school.example\r\nSubject: Gelezen: Studiemiddag\r\nContent-Type: multipart/report; "
    b"report-type=disposition-notification; boundary=b\r\n\r\n--b\r\n\r\nGelezen\r\n--b\r\nContent-Type: "
    b"message/disposition-notification\r\n\r\nFinal-Recipient: rfc822; noor@school.example\r\nDisposition: manual-action; "
    b"deleted\r\n\r\n--b--\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", DECOYS)
def test_what_only_looks_like_a_report_is_none(name):
    assert read_bounce(read_mail(DECOYS[name])) is None


def test_a_report_that_all_went_well_has_no_failure():
    mail = report(
        "Your message was successfully delivered to noor@school.example\n",
        "Delivery Status Notification (Success)",
    )
    bounce = read_bounce(read_mail(mail))
    assert (bounce.failures, bounce.is_complaint) == ((), False)
    assert "<m1@hart.example>" in bounce.message_ids


STATUS = """\
Return-Path: <>
From: MAILER-DAEMON@mx.example
To: traject+b-1@hart.example
Subject: Undelivered
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=b"

--=b
Content-Type: text/plain

It did not arrive.

--=b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

{fields}

--=b
Content-Type: message/rfc822

Message-ID: <m1@hart.example>
Content-Type: text/calendar

BEGIN:VCALENDAR
UID:a-long-uid-that-is-folded-by-some
 -server@hart.example
END:VCALENDAR

--=b--
"""


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ("Final-Recipient: rfc822;{to}\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp;550 5.1.1 x", (True, "5.1.1")),
        ("Final-Recipient: LOCAL; noor\nOriginal-Recipient: rfc822; {to}\nAction: failed\nStatus: 5.1.1", (True, "5.1.1")),
        ("Final-Recipient: rfc822; {to}\nAction: FAILED (bounced)\nStatus: 5.2.2 (full)", (False, "5.2.2")),
        ("Final-Recipient: rfc822; {to}\nStatus: 5.4.4", (True, "5.4.4")),
        ("Final-Recipient: rfc822; {to}\nAction: failed\nStatus: 5.1.0", (True, "5.1.0")),
        ("Final-Recipient: rfc822; {to}\nAction: failed\nStatus: 5.1.8", (False, "5.1.8")),
        ("Final-Recipient: rfc822; {to}\nAction: failed\nStatus: 5.2.1", (True, "5.2.1")),
        ("Final-Recipient: rfc822; {to}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.7.1 spam", (False, "5.7.1")),
        ("Final-Recipient: rfc822; {to}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 rejected by our RBL", (False, "5.1.1")),
        ("Final-Recipient: rfc822; {to}\nAction: failed\nStatus: 4.4.7", (False, "4.4.7")),
        ("Final-Recipient: rfc822; {to}\nAction: failed\nStatus: 4.1.1\nDiagnostic-Code: smtp; 450 User unknown", (True, "4.1.1")),
        ("Final-Recipient: rfc822; {to}\nAction: delayed\nStatus: 5.1.1", (False, "5.1.1")),
    ],
    ids=lambda value: str(value)[-40:] if isinstance(value, str) else None,
)  # fmt: skip
def test_the_fields_of_a_report_are_read_as_servers_fill_them(fields, wanted):
    (found,) = failures_of(STATUS.format(fields=fields.format(to=TO)).encode())
    assert (found.address, (found.is_hard, found.status)) == (TO, wanted)


def test_a_report_tells_which_mail_it_is_about_and_which_invitation():
    bounce = read_bounce(
        read_mail(STATUS.format(fields=f"Final-Recipient: rfc822; {TO}\nAction: failed").encode())
    )
    assert bounce.sent_to == ("traject+b-1@hart.example",)
    assert bounce.message_ids == ("<m1@hart.example>",)
    assert bounce.uids == ("a-long-uid-that-is-folded-by-some-server@hart.example",)


def test_each_of_two_recipients_has_a_reason_of_its_own():
    text = (
        "<noor@school.example>: host mx[192.0.2.1] said: 550 5.1.1 User unknown\n\n"
        "<jan@school.example>: host mx[192.0.2.1] said: 552 5.2.2 Mailbox full\n"
    )
    found = failures_of(report(text))
    assert [(each.address, each.is_hard) for each in found] == [(TO, True), ("jan@school.example", False)]


def test_amazon_ses_says_it_in_json():
    text = (
        '{"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bouncedRecipients":[{"emailAddress":'
        '"noor@school.example","action":"failed","status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 user unknown"}]},"mail":{}}\n'
    )
    (found,) = failures_of(report(text, "AWS Notification Message", "no-reply@sns.example"))
    assert (found.address, found.is_hard, found.status) == (TO, True, "5.1.1")


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("550-5.1.1 x", ["5.1.1"]),
        ("(#5.1.1).", ["5.1.1"]),
        ("ERROR_CODE :5.1.1 <", ["5.1.1"]),
        ("192.0.2.1 and 5.1.1.1 and 15.1.112.19 and 4.92.3", []),
    ],
)
def test_a_code_is_told_from_an_address_or_a_version(text, codes):
    assert CODE.findall(text) == codes


def test_a_code_that_says_nothing_certain_leaves_it_to_the_words():
    assert of_codes(["5.0.0", "5.5.0"]) == (Reason.UNDEFINED, "")
    assert of_codes(["5.0.0", "5.2.2"]) == (Reason.MAILBOX_FULL, "5.2.2")
    assert of_words("nothing that anybody knows") is Reason.UNDEFINED


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("name", sorted(expected("bounces")))
def test_every_sample_names_who_failed_and_whether_for_good(name, line_end):
    wanted = expected("bounces")[name]
    mail = (SAMPLES / "bounces" / name).read_bytes().replace(b"\r\n", b"\n").replace(b"\n", line_end)
    bounce = read_bounce(read_mail(mail))
    if wanted["outcome"] in ("bounced", "delayed"):
        assert [(each.address, each.is_hard) for each in bounce.failures] == [
            (each["recipient"], each["hard"]) for each in wanted["failures"]
        ]
        assert all(each.is_final == (wanted["outcome"] == "bounced") for each in bounce.failures)
    else:
        assert bounce is None or not bounce.failures
        assert (bounce is not None and bounce.is_complaint) == (wanted["outcome"] == "feedback")
