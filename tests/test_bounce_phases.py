"""At which point of the SMTP conversation a mail was refused, which decides what the refusal is about."""

import pytest

from calendars.bounce import Failure, read_bounce
from calendars.mail_parts import read_mail

HEAD = "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: {to}\nSubject: Undelivered Mail Returned to Sender\n\n"
POSTFIX = "<noor@school.example>: host mx.school.example[192.0.2.1] said:\n    {said}\n"
SENDMAIL = (
    "   ----- The following addresses had permanent fatal errors -----\n<noor@school.example>\n\n"
    "   ----- Transcript of session follows -----\n... while talking to mx.school.example.:\n>>> {command}\n<<< {said}\n"
)


def failures_of(text: str, to: str = "traject+b-1@hart.example") -> tuple[Failure, ...]:
    bounce = read_bounce(read_mail((HEAD.format(to=to) + text).encode()))
    return bounce.failures if bounce else ()


@pytest.mark.parametrize(
    ("said", "is_hard", "reason"),
    [
        ("550 Unknown user noor@school.example (in reply to RCPT TO command)", True, "userunknown"),
        ("550 Unknown user noor@school.example (in reply to end of DATA command)", False, "filtered"),
        ("550 5.1.1 no such user (in reply to end of DATA command)", True, "userunknown"),
        ("553 5.1.0 hart.example does not exist (in reply to MAIL FROM command)", False, "blocked"),
        ("550 Domain not found (in reply to MAIL FROM command)", False, "blocked"),
        (
            "554 5.7.1 Recipient address rejected: Access denied (in reply to RCPT TO command)",
            True,
            "userunknown",
        ),
    ],
)
def test_what_postfix_says_of_the_command_tells_what_was_refused(said: str, is_hard: bool, reason: str):
    found = failures_of(POSTFIX.format(said=said))
    assert [(each.address, each.is_hard, each.reason.value) for each in found] == [
        ("noor@school.example", is_hard, reason)
    ]


@pytest.mark.parametrize(
    ("command", "is_hard", "reason"),
    [
        ("RCPT To:<noor@school.example>", True, "userunknown"),
        ("DATA", False, "filtered"),
        ("MAIL From:<traject@hart.example>", False, "blocked"),
    ],
)
def test_what_sendmail_shows_of_the_conversation_tells_it_too(command: str, is_hard: bool, reason: str):
    found = failures_of(SENDMAIL.format(command=command, said="550 User unknown"))
    assert [(each.is_hard, each.reason.value) for each in found] == [(is_hard, reason)]


def test_a_reply_in_several_lines_is_read_past_the_codes_between_its_words():
    said = (
        "550-5.2.1 The user you write to gets mail at a\n    rate that 550-5.2.1 prevents additional messages from being "
        "delivered. 550 5.2.1 (in reply to RCPT TO command)"
    )
    found = failures_of(POSTFIX.format(said=said))
    assert [(each.is_hard, each.reason.value) for each in found] == [(False, "toomanyconn")]


def test_somebody_who_wrote_to_their_own_address_hears_that_it_failed():
    found = failures_of("noor@school.example:\n550 5.1.1 no such user\n", to="noor@school.example")
    assert [(each.address, each.is_hard) for each in found] == [("noor@school.example", True)]
