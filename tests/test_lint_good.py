"""What is right by RFC 5545 and 5546, however seldom we write it so, is no fault to the lint."""

import pytest
from test_calendar_lint import ALARM, CANCEL, END, GOOD, ZONE, swap, within
from test_calendar_lint_mail import ATTACHED_HEAD, HEAD, HTML, INLINE_HEAD, PLAIN, mail

from calendars.lint import lint
from calendars.lint_mail import lint_mail

START = b"DTSTART;TZID=Europe/Amsterdam:20261105T133000"
NO_ZONE = GOOD.replace(ZONE, b"")
DISPLAYED = ALARM.replace(b"TRIGGER:-PT1H", b"TRIGGER;VALUE=DATE-TIME:20261105T100000Z")
OUTLOOK_ZONE = b"""\
BEGIN:VTIMEZONE
TZID:W. Europe Standard Time
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
""".replace(b"\n", b"\r\n")

RIGHT = {
    "enumerated values in small letters": GOOD.replace(b"NEEDS-ACTION", b"needs-action").replace(
        b"REQ-PARTICIPANT", b"req-participant"
    ),
    "names in small letters": swap(b"STATUS:CONFIRMED", b"status:confirmed"),
    "a method in small letters": swap(b"METHOD:REQUEST", b"METHOD:request"),
    "MAILTO in capitals": swap(b"mailto:jan@", b"MAILTO:jan@"),
    "a tag in the address": swap(b"mailto:planning@", b"mailto:planning+k7x2@"),
    "a duration instead of an end": swap(END, b"DURATION:PT3H"),
    "a duration of days": swap(END, b"DURATION:P1DT2H30M"),
    "UTC without a zone": NO_ZONE.replace(START, b"DTSTART:20261105T123000Z").replace(END, b"DTEND:20261105T153000Z"),
    "whole days": NO_ZONE.replace(START, b"DTSTART;VALUE=DATE:20261105").replace(END, b"DTEND;VALUE=DATE:20261106"),
    "the type said": swap(b"DTSTART;TZID", b"DTSTART;VALUE=DATE-TIME;TZID"),
    "a zone in quotes": swap(b"DTSTART;TZID=Europe/Amsterdam", b'DTSTART;TZID="Europe/Amsterdam"'),
    "a zone as Outlook names it": GOOD.replace(b"Europe/Amsterdam", b"W. Europe Standard Time"),
    "a zone as Outlook writes it": NO_ZONE.replace(b"BEGIN:VEVENT", OUTLOOK_ZONE + b"BEGIN:VEVENT").replace(b"Europe/Amsterdam", b"W. Europe Standard Time"),
    "the zone after the event": NO_ZONE.replace(b"END:VCALENDAR", ZONE + b"END:VCALENDAR"),
    "a zone too many": swap(ZONE, ZONE + ZONE.replace(b"Amsterdam", b"Brussels")),
    "folded with a tab": swap(b"Neem de map", b"Neem\r\n\t de map"),
    "a line of 75 octets": within(b"X-A:" + b"a" * 71),
    "an alarm": within(ALARM.rstrip()),
    "an alarm at an instant": within(DISPLAYED.rstrip()),
    "an alarm that only sounds": within(b"BEGIN:VALARM\r\nACTION:AUDIO\r\nTRIGGER:-PT30M\r\nEND:VALARM"),
    "categories": within(b"CATEGORIES:School,Muziek"),
    "a position": within(b"GEO:52.38;4.63"),
    "class, priority and instants": within(b"CLASS:PUBLIC\r\nPRIORITY:5\r\nCREATED:20260901T080000Z"),
    "a public page": within(b"URL:https://www.hart.example/agenda/studiemiddag-2026"),
    "a public file": within(b"ATTACH;FMTTYPE=application/pdf:https://hart.example/route.pdf"),
    "properties of clients": within(b"X-MICROSOFT-CDO-BUSYSTATUS:BUSY\r\nX-APPLE-STRUCTURED-LOCATION:geo:52,4"),
    "a language": swap(b"SUMMARY:", b"SUMMARY;LANGUAGE=nl:"),
    "a name in quotes with everything": swap(b'CN="Jan de Vries"', b'CN="Vries, Jan; A: b"').replace(b"PARTSTAT=\r\n NEEDS", b"\r\n PARTSTAT=NEEDS"),
    "a name without quotes": swap(b'CN="Jan de Vries"', b"CN=Jan de Vries"),
    "another sign of line end": swap(b"Neem de map mee", b"Neem de\\Nmap mee"),
    "tentative": swap(b"STATUS:CONFIRMED", b"STATUS:TENTATIVE"),
    "no status": swap(b"STATUS:CONFIRMED\r\n", b""),
    "an answer that is kept": swap(b"NEEDS-ACTION", b"ACCEPTED"),
    "a later version": swap(b"SEQUENCE:0", b"SEQUENCE:7"),
    "a UUID": swap(b"UID:7f0c@traject.example", b"UID:0b7e3f2c-5f7e-4d0a-9a51-1f2e3d4c5b6a"),
    "a letter of four octets": swap(b"Studiemiddag muziek", "Studiemiddag 🎻".encode()),
    "a CANCEL without title and end": CANCEL.replace(b"SUMMARY:Studiemiddag muziek\r\n", b"").replace(END + b"\r\n", b""),
    "what RFC 9073 adds": within(b"BEGIN:PARTICIPANT\r\nUID:p\r\nPARTICIPANT-TYPE:SPEAKER\r\nEND:PARTICIPANT"),
}  # fmt: skip
RIGHT_MAILS = {
    "nothing automatic at all": mail(head=HEAD.replace(b"OOF, AutoReply", b"All")),
    "a method in small letters": mail(inline_head=INLINE_HEAD.replace(b"REQUEST", b"request")),
    "parameters in quotes and another order": mail(
        inline_head=INLINE_HEAD.replace(b"method=REQUEST; charset=UTF-8", b'charset="utf-8"; method="REQUEST"')
    ),
    "the component said": mail(inline_head=INLINE_HEAD.replace(b"; charset", b"; component=VEVENT; charset")),
    "an attachment with its method": mail(
        attached_head=ATTACHED_HEAD.replace(b"application/ics", b"text/calendar; method=REQUEST; charset=UTF-8")
    ),
    "References with more": mail(head=HEAD.replace(b"References: ", b"References: <e1@traject.example> ")),
    "an encoded subject": mail(head=HEAD.replace(b"t: Studiemiddag", b"t: =?utf-8?q?Studiemiddag_=C3=A9?=")),
    "headers of servers": mail(head=b"Received: from a by b; Tue, 01 Sep 2026 10:00:00 +0200\n" + HEAD),
    "an address without a name": mail(head=HEAD.replace(b"Jan de Vries <jan@school.example>", b"Jan@school.example")),
    "a date with its zone's name": mail(head=HEAD.replace(b"10:00:00 +0200", b"10:00:00 +0200 (CEST)")),
    "an image without a word": mail(texts=PLAIN + HTML.replace(b"<p>", b'<img src="x.png" alt=""><p>')),
    "a table with its role": mail(texts=PLAIN + HTML.replace(b"<p>", b'<table role="presentation"></table><p>')),
    "a language with its country": mail(texts=PLAIN + HTML.replace(b'"nl"', b'"nl-NL"')),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_a_calendar_that_is_right_is_clean(name):
    assert lint(RIGHT[name]) == []


@pytest.mark.parametrize("name", RIGHT_MAILS)
def test_a_mail_that_is_right_is_clean(name):
    assert lint_mail(RIGHT_MAILS[name]) == []
