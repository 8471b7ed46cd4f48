"""Each way in which an invitation is known to break somewhere, one sample a way: the lint finds every one of them."""

import pytest
from test_calendar_lint import ALARM, ATTENDEE, CANCEL, GOOD, ZONE, swap
from test_calendar_lint_mail import CALENDAR, HEAD, HTML, INLINE_HEAD, PLAIN, mail, without
from test_invitation import JAN, event

from calendars.invitation import cancel
from calendars.lint import lint
from calendars.lint_mail import lint_mail

LONG = b"LOCATION:" + b"De Pletterij, " * 8
DTSTAMP = b"DTSTAMP:20260901T080000Z"
CALENDARS = {
    # What a REQUEST must have
    "no PRODID": ("prodid-missing", swap(b"PRODID:-//Hart Haarlem//Traject//NL\r\n", b"")),
    "no VERSION": ("version-missing", swap(b"VERSION:2.0\r\n", b"")),
    "no METHOD: Gmail shows nothing, and later ignores the CANCEL": (
        "method-missing",
        swap(b"METHOD:REQUEST\r\n", b""),
    ),
    "METHOD inside VEVENT": (
        "method-misplaced",
        swap(b"METHOD:REQUEST\r\n", b"").replace(b"UID:", b"METHOD:REQUEST\r\nUID:", 1),
    ),
    "no UID": ("uid-missing", swap(b"UID:7f0c@traject.example\r\n", b"")),
    "no DTSTAMP": ("dtstamp-missing", swap(DTSTAMP + b"\r\n", b"")),
    "local DTSTAMP": ("dtstamp-not-utc", swap(DTSTAMP, b"DTSTAMP:20260901T100000")),
    "no DTSTART": ("dtstart-missing", swap(b"DTSTART;TZID=Europe/Amsterdam:20261105T133000\r\n", b"")),
    "no DTEND": ("dtend-missing", swap(b"DTEND;TZID=Europe/Amsterdam:20261105T163000\r\n", b"")),
    "no ORGANIZER": ("organizer-missing", swap(b'ORGANIZER;CN="Hart":mailto:planning@hart.example\r\n', b"")),
    "no SUMMARY": ("summary-missing", swap(b"SUMMARY:Studiemiddag muziek\r\n", b"")),
    "no SEQUENCE": ("sequence-missing", swap(b"SEQUENCE:0\r\n", b"")),
    "nobody is asked": ("attendee-missing", swap(ATTENDEE, b"")),
    "several see each other": (
        "attendees-several",
        swap(ATTENDEE, ATTENDEE + ATTENDEE.replace(b"jan@", b"p@")),
    ),
    "TZID without VTIMEZONE": ("tzid-without-vtimezone", GOOD.replace(ZONE, b"")),
    "one of two TZIDs without VTIMEZONE": (
        "tzid-without-vtimezone",
        swap(b"DTEND;TZID=Europe/Amsterdam", b"DTEND;TZID=Europe/Brussels"),
    ),
    "a VTIMEZONE that is not right for the date": (
        "vtimezone-wrong",
        swap(b"BYMONTH=10;BYDAY=-1SU", b"BYMONTH=11;BYDAY=-1SU"),
    ),
    "a stale VTIMEZONE": (
        "vtimezone-wrong",
        swap(b"BYMONTH=10;BYDAY=-1SU", b"BYMONTH=10;BYDAY=-1SU;UNTIL=20201231T000000Z"),
    ),
    "no zone at all: every reader sees another hour": (
        "floating-time",
        swap(b"DTSTART;TZID=Europe/Amsterdam:", b"DTSTART:"),
    ),
    "UID made from the date": ("uid-from-date", swap(b"UID:7f0c", b"UID:20261105")),
    "UID made from the title": ("uid-from-title", swap(b"UID:7f0c", b"UID:Studiemiddag_muziek")),
    # What a CANCEL must have
    "SEQUENCE of a CANCEL not above that of the invitation": ("cancel-sequence", cancel(event(), JAN)),
    "a CANCEL without STATUS:CANCELLED": ("cancel-status", swap(b"STATUS:CANCELLED\r\n", b"", CANCEL)),
    "VALARM in a CANCEL": ("alarm-in-cancel", swap(b"END:VEVENT", ALARM + b"END:VEVENT", CANCEL)),
    "a cancellation sent as a REQUEST": (
        "request-cancelled",
        swap(b"STATUS:CONFIRMED", b"STATUS:CANCELLED"),
    ),
    # Octets
    "LF alone": ("bare-lf", GOOD.replace(b"\r\n", b"\n")),
    "long lines": ("line-too-long", swap(b"STATUS:", LONG.replace(b",", b"\\,") + b"\r\nSTATUS:")),
    "folded inside a character": ("fold-in-character", swap("É".encode(), b"\xc3\r\n \x89")),
    "a comma that is not escaped": ("unescaped", swap(b"Neem de map mee\\,", b"Neem de map mee,")),
    "a semicolon that is not escaped": ("unescaped", swap(b"zin\\;", b"zin;")),
    "a backslash that is not escaped": ("unescaped", swap(b"Studiemiddag muziek", b"Studiemiddag\\muziek")),
    "ORGANIZER without mailto:": ("organizer-without-mailto", swap(b"mailto:planning@", b"planning@")),
    # What is forwarded
    "a secret link in DESCRIPTION": (
        "secret-link",
        swap(b"Neem de map", b"https://x.nl/a?token=abcdefghij "),
    ),
}
MAILS = {
    # The tree
    "no alternatives": (
        "tree-mixed",
        mail(head=HEAD.replace(b"multipart/alternative", b"multipart/related")),
    ),
    "another root": ("tree-root", mail(head=HEAD.replace(b"multipart/mixed", b"multipart/related"))),
    "the alternatives in another order": ("tree-alternative", mail(texts=HTML + PLAIN)),
    "no plain text": ("plain-empty", mail(texts=PLAIN.replace(b"Komt u ook?", b"") + HTML)),
    "the calendar as attachment only": (
        "inline-count",
        mail(inline_head=INLINE_HEAD + b'Content-Disposition: attachment; filename="invite.ics"\n'),
    ),
    "the calendar inline with a Content-Disposition": (
        "inline-disposition",
        mail(inline_head=INLINE_HEAD + b"Content-Disposition: inline\n"),
    ),
    "a Content-ID": ("content-id", mail(inline_head=INLINE_HEAD + b"Content-ID: <1@x.example>\n")),
    "no invite.ics": ("attachment-count", mail(attached_head=b"--buiten\nContent-Type: text/plain\n")),
    "another invite.ics": (
        "attachment-differs",
        mail(attached=CALENDAR.replace(b"SEQUENCE:0", b"SEQUENCE:1")),
    ),
    "no method in the Content-Type": (
        "method-parameter-missing",
        mail(inline_head=INLINE_HEAD.replace(b"; method=REQUEST", b"")),
    ),
    "a method that is not the METHOD": (
        "method-parameter-differs",
        mail(inline_head=INLINE_HEAD.replace(b"method=REQUEST", b"method=CANCEL")),
    ),
    "a CANCEL whose MIME header says REQUEST": (
        "method-parameter-differs",
        mail(calendar=cancel(event(sequence=1), JAN)),
    ),
    "no charset": ("charset-parameter", mail(inline_head=INLINE_HEAD.replace(b"; charset=UTF-8", b""))),
    # The headers
    "our Message-ID is not in References": ("references-own-id", mail(head=without(b"References"))),
    "no Auto-Submitted": ("auto-submitted", mail(head=without(b"Auto-Submitted"))),
    "no X-Auto-Response-Suppress": ("auto-response-suppress", mail(head=without(b"X-Auto-Response"))),
    "Reply-To is not the tagged ORGANIZER": (
        "reply-to-organizer",
        mail(head=HEAD.replace(b"Reply-To: planning@", b"Reply-To: planning+k7x2@")),
    ),
    "List-Unsubscribe on an invitation": (
        "list-unsubscribe",
        mail(head=b"List-Unsubscribe: <https://traject.example/af>\n" + HEAD),
    ),
    "several receivers": ("receivers-several", mail(head=b"Cc: piet@school.example\n" + HEAD)),
    # The HTML
    "no language": ("html-lang", mail(texts=PLAIN + HTML.replace(b' lang="nl"', b""))),
    "no alt text": ("html-alt", mail(texts=PLAIN + HTML.replace(b"<p>", b'<img src="x.png"><p>'))),
    "a table of the layout": (
        "html-table-role",
        mail(texts=PLAIN + HTML.replace(b"<p>", b"<table><tr><td>x</table><p>")),
    ),
    "no color-scheme": ("html-color-scheme", mail(texts=PLAIN + HTML.replace(b"color-scheme", b"robots"))),
    "CSS that is not inlined": (
        "html-stylesheet",
        mail(texts=PLAIN + HTML.replace(b"<p>", b'<link rel="stylesheet" href="x.css"><p>')),
    ),
    "more than 100 kB": (
        "html-too-big",
        mail(texts=PLAIN + HTML.replace(b"</p>", b"lang\n" * 21_000 + b"</p>")),
    ),
}


@pytest.mark.parametrize("way", CALENDARS)
def test_a_calendar_that_breaks_in_this_way_is_found_out(way: str) -> None:
    code, data = CALENDARS[way]
    assert data not in (GOOD, CANCEL)
    assert code in {finding.code for finding in lint(data)}


@pytest.mark.parametrize("way", MAILS)
def test_a_mail_that_breaks_in_this_way_is_found_out(way: str) -> None:
    code, data = MAILS[way]
    assert data != mail()
    assert code in {finding.code for finding in lint_mail(data)}
