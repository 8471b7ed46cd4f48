"""Each fault of an invitation mail is found, by one good mail broken in one place."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_invitation import JAN, event

from calendars.invitation import cancel, request
from calendars.lint_mail import lint_mail

CALENDAR = request(event(summary="Studiemiddag één"), JAN)
HEAD = b"""\
From: Hart <planning@hart.example>
To: Jan de Vries <jan@school.example>
Date: Tue, 01 Sep 2026 10:00:00 +0200
Subject: Studiemiddag
Message-ID: <7f0c@traject.example>
Auto-Submitted: auto-generated
X-Auto-Response-Suppress: OOF, AutoReply
Reply-To: planning@hart.example
References: <7f0c@traject.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="buiten"

--buiten
Content-Type: multipart/alternative; boundary="binnen"

"""
PLAIN = b"--binnen\nContent-Type: text/plain; charset=utf-8\n\nKomt u ook?\n\n"
PAGE = b'<html lang="nl"><meta name="color-scheme" content="light dark"><p>Komt u ook?</p>'
HTML = b"--binnen\nContent-Type: text/html; charset=utf-8\n\n" + PAGE + b"\n\n"
INLINE_HEAD = b"--binnen\nContent-Type: text/calendar; method=REQUEST; charset=UTF-8\nContent-Transfer-Encoding: base64\n"
ATTACHED_HEAD = (
    b'--buiten\nContent-Type: application/ics; name="invite.ics"\nContent-Transfer-Encoding: base64\n'
    b'Content-Disposition: attachment; filename="invite.ics"\n'
)


def mail(
    head: bytes = HEAD,
    texts: bytes = PLAIN + HTML,
    inline_head: bytes = INLINE_HEAD,
    calendar: bytes = CALENDAR,
    attached_head: bytes = ATTACHED_HEAD,
    attached: bytes | None = None,
    encode=base64.encodebytes,
) -> bytes:
    inline = inline_head + b"\n" + encode(calendar) + b"\n--binnen--\n\n"
    copy = attached_head + b"\n" + encode(calendar if attached is None else attached) + b"\n--buiten--\n"
    return (head + texts + inline + copy).replace(b"\n", b"\r\n")


def without(header: bytes) -> bytes:
    return b"".join(line for line in HEAD.splitlines(keepends=True) if not line.startswith(header))


GOOD = mail()
ATTACHED_AS_CALENDAR = ATTACHED_HEAD.replace(b"application/ics", b"text/calendar; method=CANCEL")
BROKEN = [
    ("mail-bare-line-end", GOOD.replace(b"\r\n", b"\n")),
    ("mail-bare-line-end", GOOD.replace(b"Komt u", b"Komt\ru")),
    ("mail-line-too-long", mail(texts=PLAIN.replace(b"Komt", b"Komt" * 300) + HTML)),
    ("mail-unreadable", mail(texts=PLAIN * 120)),
    ("mail-unreadable", GOOD + b"\r\n" * 500_000),
    ("header-not-ascii", mail(head=HEAD.replace(b"Hart <", "Hárt <".encode()))),
    ("header-count", mail(head=without(b"Message-ID"))),
    ("header-count", mail(head=without(b"Date"))),
    ("header-count", mail(head=b"Subject: nog een\n" + HEAD)),
    ("header-form", mail(head=HEAD.replace(b"Tue, 01 Sep 2026", b"gisteren"))),
    ("header-form", mail(head=HEAD.replace(b"<7f0c@traject.example>", b"7f0c@traject.example"))),
    ("header-form", mail(head=HEAD.replace(b"<planning@hart.example>", b"van alles"))),
    ("header-form", mail(head=HEAD.replace(b"Subject: Studiemiddag", b"Subject: "))),
    ("auto-submitted", mail(head=without(b"Auto-Submitted"))),
    ("auto-response-suppress", mail(head=without(b"X-Auto-Response-Suppress"))),
    ("list-unsubscribe", mail(head=b"List-Unsubscribe: <https://traject.example/af>\n" + HEAD)),
    ("list-unsubscribe", mail(head=b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\n" + HEAD)),
    ("auto-response-suppress", mail(head=HEAD.replace(b"OOF, AutoReply", b"DR, RN"))),
    ("references-own-id", mail(head=without(b"References"))),
    ("references-own-id", mail(head=HEAD.replace(b"References: <7f0c", b"References: <anders"))),
    ("reply-to-organizer", mail(head=without(b"Reply-To"))),
    ("reply-to-organizer", mail(head=HEAD.replace(b"Reply-To: planning@", b"Reply-To: info@"))),
    ("html-lang", mail(texts=PLAIN + HTML.replace(b' lang="nl"', b""))),
    ("html-lang", mail(texts=PLAIN + HTML.replace(b'lang="nl"', b'lang=""'))),
    ("html-script", mail(texts=PLAIN + HTML.replace(b"<p>", b"<script>x()</script><p>"))),
    ("html-stylesheet", mail(texts=PLAIN + HTML.replace(b"<p>", b'<style>@import "x.css";</style><p>'))),
    ("html-color-scheme", mail(texts=PLAIN + HTML.replace(b"color-scheme", b"viewport"))),
    ("html-alt", mail(texts=PLAIN + HTML.replace(b"<p>", b'<img src="https://hart.example/logo.png"><p>'))),
    ("html-table-role", mail(texts=PLAIN + HTML.replace(b"<p>", b"<table><tr><td>x</table><p>"))),
    ("html-stylesheet", mail(texts=PLAIN + HTML.replace(b"<p>", b'<link rel="stylesheet" href="x.css"><p>'))),
    ("receivers-several", mail(head=b"Cc: piet@school.example\n" + HEAD)),
    (
        "receiver-not-invited",
        mail(head=HEAD.replace(b"Jan de Vries <jan@school.example>", b"wie het leest:;")),
    ),
    ("receiver-not-invited", mail(head=HEAD.replace(b"jan@", b"piet@"))),
    ("tree-root", mail(head=HEAD.replace(b"multipart/mixed", b"multipart/related"))),
    ("tree-root", b"Content-Type: text/calendar; method=REQUEST; charset=UTF-8\r\n\r\n" + CALENDAR),
    ("tree-mixed", mail(texts=b"--buiten\nContent-Type: text/plain\n\nextra\n" + PLAIN + HTML)),
    ("tree-alternative", mail(texts=HTML + PLAIN)),
    ("tree-alternative", mail(texts=PLAIN)),
    ("tree-alternative", mail(texts=PLAIN + HTML + PLAIN)),
    ("plain-empty", mail(texts=PLAIN.replace(b"Komt u ook?", b" ") + HTML)),
    ("html-too-big", mail(texts=PLAIN + HTML.replace(b"</p>", b"lang\n" * 25_000 + b"</p>"))),
    ("inline-count", mail(inline_head=INLINE_HEAD.replace(b"text/calendar", b"text/x-vcal"))),
    ("inline-count", mail(inline_head=INLINE_HEAD + b"Content-Disposition: attachment\n")),
    ("inline-disposition", mail(inline_head=INLINE_HEAD + b"Content-Disposition: inline\n")),
    ("attachment-count", mail(attached_head=ATTACHED_HEAD.replace(b"application/ics", b"application/pdf"))),
    ("attachment-name", mail(attached_head=ATTACHED_HEAD.replace(b"invite.ics", b"meeting.ics"))),
    ("attachment-differs", mail(attached=CALENDAR.replace(b"SEQUENCE:0", b"SEQUENCE:1"))),
    ("bare-lf", mail(attached=CALENDAR.replace(b"\r\n", b"\n"))),
    ("content-id", mail(inline_head=INLINE_HEAD + b"Content-ID: <1@traject.example>\n")),
    ("charset-parameter", mail(inline_head=INLINE_HEAD.replace(b"; charset=UTF-8", b""))),
    ("charset-parameter", mail(inline_head=INLINE_HEAD.replace(b"UTF-8", b"iso-8859-1"))),
    ("method-parameter-missing", mail(inline_head=INLINE_HEAD.replace(b"; method=REQUEST", b""))),
    ("method-parameter-differs", mail(inline_head=INLINE_HEAD.replace(b"method=REQUEST", b"method=PUBLISH"))),
    ("method-parameter-differs", mail(calendar=cancel(event(), JAN))),
    ("method-parameter-differs", mail(calendar=CALENDAR.replace(b"METHOD:REQUEST\r\n", b""))),
    ("method-parameter-differs", mail(attached_head=ATTACHED_AS_CALENDAR)),
    ("line-too-long", mail(calendar=CALENDAR.replace(b"Studiemiddag", b"Studiemiddag" * 8))),
]


@pytest.mark.parametrize(
    ("code", "data"),
    [pytest.param(code, data, id=f"{at:02}-{code}") for at, (code, data) in enumerate(BROKEN)],
)
def test_a_mail_broken_in_one_place_is_found_out(code, data):
    findings = lint_mail(data)
    assert code in [finding.code for finding in findings]
    assert all(finding.message.endswith(".") for finding in findings)


def test_the_good_mail_is_clean():
    assert lint_mail(GOOD) == []


def test_a_cancellation_with_its_own_method_is_clean():
    head = INLINE_HEAD.replace(b"method=REQUEST", b"method=CANCEL")
    assert lint_mail(mail(calendar=cancel(event(sequence=1), JAN), inline_head=head)) == []


def test_a_calendar_sent_without_encoding_is_clean():
    heads = {"inline_head": INLINE_HEAD, "attached_head": ATTACHED_HEAD}
    seven_bit = {name: head.replace(b"base64", b"7bit") for name, head in heads.items()}
    data = mail(calendar=request(event(), JAN), encode=lambda body: body.replace(b"\r\n", b"\n"), **seven_bit)
    assert b"DTSTAMP" in data
    assert lint_mail(data) == []


@given(st.binary(max_size=300))
@settings(max_examples=150)
def test_lint_mail_never_raises_on_garbage(data):
    assert lint_mail(data)


@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=12), st.integers(0, 30))
@settings(max_examples=150)
def test_lint_mail_never_raises_on_damage(at, junk, cut):
    lint_mail(GOOD[:at] + junk + GOOD[at + cut :])
