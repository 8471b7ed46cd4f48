"""Delivery reports that came out of form on their way: the fields that machines read stand in the text."""

import pytest

from calendars.bounce import read_bounce
from calendars.mail_parts import read_mail

WORDS = "This is the mail system at host mx.example.\n\n<noor@school.example>: could not be delivered, see below\n"
FIELDS = (
    "Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; noor@school.example\nAction: failed\nStatus: 5.1.1\n"
    "Diagnostic-Code: smtp; 550 5.1.1 no such\n    user here\n"
)
RETURNED = "From: Hart <traject@hart.example>\nTo: noor@school.example\nMessage-ID: <m1@hart.example>\n"


def mail(declared: str, written: str, *, head: str = "MIME-Version: 1.0\n", before: str = "--") -> bytes:
    """A report whose Content-Type (none when empty) declares one boundary, while another stands in the text."""
    kind = f'Content-Type: multipart/report; report-type=delivery-status; boundary="{declared}"\n'
    return (
        f"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: traject+b-1@hart.example\n{head}{kind if declared else ''}"
        f"Subject: Undelivered Mail Returned to Sender\n\nThis is a MIME-encapsulated message.\n\n"
        f"--{written}\nContent-Type: text/plain\n\n{WORDS}\n"
        f"{before}{written}\nContent-Type: message/delivery-status\n\n{FIELDS}\n"
        f"--{written}\nContent-Type: message/rfc822\n\n{RETURNED}\n--{written}--\n"
    ).encode()


ENCLOSED = (
    b"Return-Path: <>\nFrom: MAILER-DAEMON@relay.example\nTo: traject+b-1@hart.example\nMIME-Version: 1.0\n"
    b"Content-Type: text/plain\nSubject: Undelivered Mail Returned to Sender\n\nYour mail could not be delivered.\n"
    b"For help, contact <help@relay.example>\nof <help@relay.example>\n\n-----\n"
) + mail("a", "a")


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(mail("a.1/mx.example", "a.2/mx.example"), id="another boundary than the declared one"),
        pytest.param(mail("a", "a", before=" --"), id="a boundary that was moved to the right"),
        pytest.param(mail("", "a", head=""), id="no word of MIME in the header"),
        pytest.param(ENCLOSED, id="a whole report as the text of another"),
    ],
)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_a_report_out_of_form_tells_who_was_not_reached(found: bytes, line_end: bytes):
    bounce = read_bounce(read_mail(found.replace(b"\n", line_end)))
    assert bounce is not None
    assert [(each.address, each.is_hard, each.status) for each in bounce.failures] == [
        ("noor@school.example", True, "5.1.1")
    ]


def test_fields_that_somebody_quotes_in_an_ordinary_mail_are_no_report():
    asks = f"From: anna@hart.example\nTo: traject@hart.example\nSubject: Wat is dit?\n\nIk kreeg dit terug:\n\n{FIELDS}"
    assert read_bounce(read_mail(asks.encode())) is None


def test_an_address_that_could_be_reached_is_no_failure():
    well = mail("a", "a").replace(b"Action: failed", b"Action: deliverable").replace(b"5.1.1", b"2.1.5")
    bounce = read_bounce(read_mail(well))
    assert bounce is not None
    assert bounce.failures == ()


def test_who_was_not_reached_can_stand_only_in_the_header_that_is_returned_as_text():
    report = (
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: traject+b-1@hart.example\n"
        "Subject: Returned mail: Cannot send message for 4 days\n\n   ----- Transcript of session follows -----\n"
        "421 school.example (smtp)... Deferred: Connection timed out during user open with school.example\n\n"
        "   ----- Unsent message follows -----\nReceived: by out.hart.example;\n    Mon, 7 Sep 2026 10:00:00 +0200\n"
        f"{RETURNED}\nTo: somebody.else@hart.example\n"
    )
    bounce = read_bounce(read_mail(report.encode()))
    assert bounce is not None
    assert [(each.address, each.is_hard) for each in bounce.failures] == [("noor@school.example", False)]
