"""What a server's reply says of an address, when code and words do not agree or only one of them tells."""

import pytest

from calendars.bounce import Failure, read_bounce
from calendars.bounce_reasons import Reason
from calendars.mail_parts import read_mail

TO = "noor@school.example"
REPORT = """\
Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.example>
To: traject+b-1@hart.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered to one or more recipients.

<{to}>: host mx.school.example[192.0.2.1] said: {reply} (in reply to RCPT TO command)

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {to}
Action: failed
Status: {status}
Diagnostic-Code: smtp; {reply}

--b--
"""
SENDMAIL = """\
Return-Path: <>
From: Mail Delivery Subsystem <MAILER-DAEMON@mx.example>
To: traject+b-1@hart.example
Subject: Returned mail: see transcript for details

   ----- The following addresses had permanent fatal errors -----
noor@school.example
    (reason: 553 Sender Policy Framework (SPF) fail)

   ----- Transcript of session follows -----
>>> DATA
<<< 553 Sender Policy Framework (SPF) fail
550 5.1.1 noor@school.example... User unknown
"""
NOBODY = """\
Return-Path: <>
From: {sender}
To: traject+b-1@hart.example
Auto-Submitted: auto-replied

You sent mail to noor@school.example. That's not a valid user here.
"""
OF_OLD = """\
Return-Path: <>
From: "Mail Deliver System" <MAILER-DAEMON>
To: traject+b-1@hart.example
Subject: Returned Mail: User unknown
Content-Type: multipart/mixed; boundary="---b"

-----b
Content-Type: text/plain
   charset="iso-8859-1"

The original message was received at Thu, 29 Apr 2027 23:34:45 +0200

---The following addresses had delivery errors---

noor@school.example [User unknown]

-----b--
"""

HARD = {
    "a code of policy, and nobody there": ("5.7.1", "550 5.7.1 No such user"),
    "a code of policy, and no mailbox": ("5.7.1", "550 5.7.1 No mailbox found"),
    "qmail with a code of policy": ("5.0.0", "553 sorry, badrcptto(user mail-box not found) (#5.7.1)"),
    "postfix with a code of policy": (
        "5.7.1",
        "554 5.7.1 <noor@school.example>: Recipient address rejected: Nonexistent user",
    ),
    "qmail with another code of policy": ("5.0.0", "550 sorry, no mailbox here by that name. (#5.7.17)"),
    "a domain that nobody serves": ("5.0.0", "[school.example]: Name or service not known"),
    "addresses, in the plural": ("5.0.0", "550 destination addresses were unknown"),
    "Dutch": ("5.0.0", "550 De gebruiker bestaat niet"),
    "German, in a header": ("5.0.0", "550 Empfänger unbekannt"),
    "a directory": ("5.0.0", "550 address not present in directory"),
    "a list of known recipients": ("5.0.0", "550 recipient is not in my validrcptto list"),
    "a name that is not allowed": ("5.0.0", "553 mailbox name not allowed"),
    "Italian": ("5.0.0", "550 nessun utente simile in questo indirizzo"),
    "Spanish": ("5.0.0", "550 El destinatario no existe"),
    "an address that was left": ("5.0.0", "550 This address is no longer available"),
    "no domain": ("5.0.0", "550 We weren't able to find the recipient domain"),
}
SOFT = {
    "a rate, with a code of the address": (
        "5.2.1",
        "550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages "
        "from being delivered",
        Reason.TOO_MANY,
    ),
    "what the recipient chose, with a code of the address": (
        "5.1.1",
        "550 5.1.1 Refused due to recipient preferences",
        Reason.BLOCKED,
    ),
    "spam, with a code of the address": ("5.1.1", "550 5.1.1 Message considered spam", Reason.SPAM),
    "a quarantine, with a code of the address": (
        "5.2.1",
        "550 5.2.1 Content filter agent quarantined this message",
        Reason.POLICY,
    ),
    "the sender's domain": ("5.0.0", "550 Sender domain does not exist", Reason.BLOCKED),
    "the domain of the From": (
        "5.2.0",
        "550 5.2.0 From: Domain is invalid. Please provide a valid From:",
        Reason.BLOCKED,
    ),
    "too many others": ("5.0.0", "550 too many invalid recipients", Reason.TOO_MANY),
    "a relay": ("5.0.0", "550 we don't handle mail for school.example", Reason.POLICY),
    "a server that wants to be confirmed": (
        "5.0.0",
        "550 Your server requires confirmation. Visit http://mx.example/Whitelist",
        Reason.BLOCKED,
    ),
    "IPv6": ("5.7.510", "550 school.example does not accept email over IPv6", Reason.BLOCKED),
    "a HELO": ("5.5.4", "501 5.5.4 Invalid domain name", Reason.SYSTEM),
    "a full disk, under a heading": (
        "5.0.0",
        "Undeliverable Address. The recipient is over disk quota",
        Reason.MAILBOX_FULL,
    ),
    "our own domain": ("5.0.0", "550 cannot resolve your domain", Reason.BLOCKED),
    "an address that is still being looked at": (
        "4.1.1",
        "450 4.1.1 <noor@school.example>: Recipient address rejected: unverified address: Address verification in progress",
        Reason.NETWORK,
    ),
    "what the mail holds": (
        "5.6.0",
        "550 5.6.0 CAT.InvalidContent; The property SMTP Address is invalid",
        Reason.POLICY,
    ),
    "no space": ("5.0.0", "550 mail box space not enough", Reason.MAILBOX_FULL),
}


def failure_of(mail: str) -> Failure:
    bounce = read_bounce(read_mail(mail.replace("\n", "\r\n").encode()))
    assert bounce
    (failure,) = bounce.failures
    return failure


@pytest.mark.parametrize("name", HARD)
def test_words_that_say_nobody_is_there_count_whatever_the_code(name):
    status, reply = HARD[name]
    found = failure_of(REPORT.format(to=TO, status=status, reply=reply))
    assert (found.address, found.is_hard) == (TO, True)


@pytest.mark.parametrize("name", SOFT)
def test_words_about_something_else_make_no_address_wrong(name):
    status, reply, reason = SOFT[name]
    found = failure_of(REPORT.format(to=TO, status=status, reply=reply))
    assert (found.address, found.is_hard, found.reason) == (TO, False, reason)


def test_what_the_other_server_said_counts_before_what_sendmail_makes_of_it():
    found = failure_of(SENDMAIL)
    assert (found.address, found.is_hard, found.reason) == (TO, False, Reason.POLICY)


def test_a_mail_from_nobody_that_says_nobody_is_there_is_a_report():
    assert failure_of(NOBODY.format(sender="<>")).is_hard
    assert read_bounce(read_mail(NOBODY.format(sender="Noor <noor@school.example>").encode())) is None


@pytest.mark.parametrize("address", ["noor@localhost", "noor@[192.0.2.1]", "noor@#school.example", "a@b.c"])
def test_a_field_of_the_report_gives_any_address(address):
    found = failure_of(REPORT.format(to=address, status="5.1.1", reply="550 5.1.1 user unknown"))
    assert (found.address, found.is_hard) == (address, True)


@pytest.mark.parametrize("address", ["noor\0@localhost", "noor@local\x1bhost", "noor@ localhost"])
def test_no_address_is_made_of_what_cannot_be_printed(address):
    assert failure_of(REPORT.format(to=address, status="5.1.1", reply="550 user unknown")).address is None


def test_a_part_whose_type_lacks_its_semicolon_is_read_all_the_same():
    found = failure_of(OF_OLD)
    assert (found.address, found.is_hard) == (TO, True)
