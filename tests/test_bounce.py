"""Delivery reports in the shape of many mail servers, in Dutch, German and English: who was not reached, and why."""

import pytest
from bounce_shapes import SHAPES, STILL_TRIED, WENT_WELL
from bounce_texts import DELAYS, VARIANTS
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


ALL_SHAPES = VARIANTS | SHAPES


@pytest.mark.parametrize("name", ALL_SHAPES)
def test_what_a_server_writes_tells_who_was_not_reached_and_why(name):
    (subject, sender), text, (is_hard, status, reason) = ALL_SHAPES[name]
    found = failures_of(report(text, subject, sender))
    assert [(each.address, each.is_hard, each.status, each.reason.value) for each in found] == [
        (TO, is_hard, status, reason)
    ]
    assert found[0].is_final


ALL_DELAYS = {f"1 {name}": each for name, each in DELAYS.items()} | {
    f"2 {name}": each for name, each in STILL_TRIED.items()
}


@pytest.mark.parametrize("name", ALL_DELAYS)
def test_a_delay_is_no_failure_yet(name):
    subject, text = ALL_DELAYS[name]
    (found,) = failures_of(report(text, subject, "postmaster@mx.example"))
    assert (found.address, found.is_hard, found.is_final) == (TO, False, False)


@pytest.mark.parametrize("name", WENT_WELL)
def test_what_arrived_or_was_passed_on_is_no_failure(name):
    subject, sender, text = WENT_WELL[name]
    bounce = read_bounce(read_mail(report(text, subject, sender)))
    assert (bounce.failures, bounce.is_complaint) == ((), False)


def test_the_one_who_was_written_to_counts_when_the_report_only_has_a_name():
    text = (
        "Your mail to the following recipients could not be delivered because they are not accepting mail from "
        "traject@hart.example:\n\tnoor\n"
    )
    found = failures_of(
        report(text, "Mail Delivery Problem", "Mail Delivery Subsystem <MAILER-DAEMON@school.example>")
    )
    assert [(each.address, each.is_hard, each.reason) for each in found] == [(TO, False, Reason.BLOCKED)]


def test_two_recipients_share_a_reason_that_is_said_once():
    text = (
        "Your message was not delivered within 2 days.\nHost school.example is not responding.\n\nThe following recipients "
        "did not receive your message:\n\n     <noor@school.example>\n     <jan@school.example>\n"
    )
    found = failures_of(report(text, "Mail System Error - Returned Mail"))
    assert {(each.address, each.is_hard, each.reason) for each in found} == {
        (TO, False, Reason.EXPIRED),
        ("jan@school.example", False, Reason.EXPIRED),
    }


def test_a_report_keeps_both_the_address_it_failed_on_and_the_one_we_wrote_to():
    fields = f"Final-Recipient: rfc822; nv@elsewhere.example\nOriginal-Recipient: rfc822; {TO}\nAction: failed\nStatus: 5.1.1"
    (found,) = failures_of(STATUS.format(fields=fields).encode())
    assert (found.address, found.also) == ("nv@elsewhere.example", (TO,))


DOVECOT = b"""\
From: Mail Delivery Subsystem <postmaster@school.example>
To: traject+b-1@hart.example
Subject: Automatically rejected mail
Auto-Submitted: auto-replied (rejected)
MIME-Version: 1.0
Content-Type: multipart/report; report-type=disposition-notification; boundary="=b"

--=b
Content-Type: text/plain

Your message to <noor@school.example> was automatically rejected:
Quota exceeded
--=b
Content-Type: message/disposition-notification

Final-Recipient: rfc822; noor@school.example
Disposition: automatic-action/MDN-sent-automatically; deleted

--=b--
"""


def test_a_filter_that_refuses_by_way_of_a_receipt_is_a_bounce():
    (found,) = failures_of(DOVECOT)
    assert (found.address, found.reason) == (TO, Reason.MAILBOX_FULL)


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


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("550 Sender address rejected: undeliverable address: unknown user", Reason.BLOCKED),
        (
            "550 Verification failed for <traject@hart.example>\nNo such user here\nSender verify failed",
            Reason.BLOCKED,
        ),
        ("Name service error for name=school.example type=MX: Host not found, try again", Reason.NETWORK),
        ("DNS type 'mx' lookup of school.example responded with code SERVFAIL", Reason.NETWORK),
        (
            "450 4.1.1 Recipient address rejected: unverified address: connect to mx: timed out",
            Reason.NETWORK,
        ),
        ("450 4.1.1 Recipient address rejected: unverified address: user unknown", Reason.USER_UNKNOWN),
        ("550 User noor not local; no forwarding", Reason.USER_UNKNOWN),
        ("605 Not delivering to previously bounced address", Reason.USER_UNKNOWN),
        ("Gebruiker noor niet gevonden in de Domino-directory", Reason.USER_UNKNOWN),
    ],
)
def test_words_about_the_sender_or_the_moment_say_nothing_of_the_address(words, reason):
    assert of_words(words) is reason


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
