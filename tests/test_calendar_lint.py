"""Each fault of a calendar part is found, by one good invitation broken in one place."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_invitation import JAN, attendees, event, events, shown

from calendars.invitation import CalendarEvent, Method, cancel, decline_counter, prepare, request
from calendars.lint import lint
from calendars.vtimezone import vtimezone

GOOD = request(event(description="Neem de map mee, en goede zin; tot dan", location="Zaal É"), JAN)
CANCEL = cancel(event(sequence=1), JAN)
ZONE = vtimezone("Europe/Amsterdam", 2026)
ATTENDEE = GOOD[GOOD.index(b"ATTENDEE") : GOOD.index(b"END:VEVENT")]
ALARM = b"BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:Straks\r\nTRIGGER:-PT1H\r\nEND:VALARM\r\n"
DAYLIGHT_ONLY = ZONE[: ZONE.index(b"BEGIN:STANDARD")] + b"END:VTIMEZONE\r\n"


def swap(old: bytes, new: bytes, good: bytes = GOOD) -> bytes:
    assert good.count(old) >= 1, old
    return good.replace(old, new, 1)


def within(line: bytes) -> bytes:
    return swap(b"END:VEVENT", line + b"\r\nEND:VEVENT")


END = b"DTEND;TZID=Europe/Amsterdam:20261105T163000"
BROKEN = [
    ("bom", b"\xef\xbb\xbf" + GOOD),
    ("no-final-line-end", GOOD.removesuffix(b"\r\n")),
    ("bare-lf", GOOD.replace(b"\r\n", b"\n")),
    ("bare-lf", swap(b"TRANSP:OPAQUE\r\n", b"TRANSP:OPAQUE\n")),
    ("bare-cr", swap(b"Neem de", b"Neem\rX-DE:")),
    ("line-too-long", swap(b"Studiemiddag muziek", b"Studiemiddag muziek" + b"!" * 60)),
    ("line-too-long", swap("Zaal É".encode(), "É".encode() * 35)),
    ("blank-line", swap(b"BEGIN:VEVENT", b"\r\nBEGIN:VEVENT")),
    ("control-character", swap(b"muziek", b"muz\x08iek")),
    ("control-character", swap(b"muziek", "muz\x9fiek".encode())),
    ("fold-in-character", swap("É".encode(), b"\xc3\r\n \x89")),
    ("not-utf-8", swap("É".encode(), b"\xc9")),
    ("not-a-content-line", swap(b"TRANSP:OPAQUE", b"TRANSP OPAQUE")),
    ("not-a-content-line", swap(b'CN="Jan de Vries"', b'CN="Jan de Vries')),
    ("parameter-quotes", swap(b'CN="Jan de Vries"', b'CN=Jan "de" Vries')),
    ("unbalanced", swap(b"END:VTIMEZONE\r\n", b"")),
    ("unbalanced", swap(b"END:VEVENT\r\n", b"")),
    ("unbalanced", swap(b"END:VEVENT", b"END:VTODO")),
    ("too-deep", GOOD + b"BEGIN:X\r\n" * 20),
    ("not-one-calendar", GOOD + GOOD),
    ("not-one-calendar", b""),
    ("not-one-calendar", b"<html>geen agenda</html>\r\n"),
    ("version-missing", swap(b"VERSION:2.0\r\n", b"")),
    ("version", swap(b"VERSION:2.0", b"VERSION:1.0")),
    ("prodid-missing", swap(b"PRODID:-//Hart Haarlem//Traject//NL\r\n", b"")),
    ("method-missing", swap(b"METHOD:REQUEST\r\n", b"")),
    ("method-misplaced", swap(b"UID:", b"METHOD:REQUEST\r\nUID:")),
    ("method-unknown", swap(b"METHOD:REQUEST", b"METHOD:INVITE")),
    ("property-twice", swap(b"METHOD:REQUEST\r\n", b"METHOD:REQUEST\r\nMETHOD:CANCEL\r\n")),
    ("property-twice", swap(b"SEQUENCE:0\r\n", b"SEQUENCE:0\r\nSEQUENCE:1\r\n")),
    ("not-one-event", GOOD[: GOOD.index(b"BEGIN:VEVENT")] + b"END:VCALENDAR\r\n"),
    ("uid-missing", swap(b"UID:7f0c@traject.example\r\n", b"")),
    ("dtstamp-missing", swap(b"DTSTAMP:20260901T080000Z\r\n", b"")),
    ("dtstart-missing", swap(b"DTSTART;TZID=Europe/Amsterdam:20261105T133000\r\n", b"")),
    ("dtend-missing", swap(b"DTEND;TZID=Europe/Amsterdam:20261105T163000\r\n", b"")),
    ("summary-missing", swap(b"SUMMARY:Studiemiddag muziek\r\n", b"SUMMARY:\r\n")),
    ("organizer-missing", swap(b'ORGANIZER;CN="Hart":mailto:planning@hart.example\r\n', b"")),
    ("sequence-missing", swap(b"SEQUENCE:0\r\n", b"")),
    ("bad-sequence", swap(b"SEQUENCE:0", b"SEQUENCE:-1")),
    ("bad-sequence", swap(b"SEQUENCE:0", b"SEQUENCE:2147483648")),
    ("cancel-sequence", cancel(event(), JAN)),
    ("uid-from-date", swap(b"UID:7f0c", b"UID:20261105-middag")),
    ("uid-from-title", swap(b"UID:7f0c", b"UID:studiemiddag-muziek-1")),
    ("other-component", swap(b"BEGIN:VEVENT", b"BEGIN:VTODO\r\nUID:2\r\nEND:VTODO\r\nBEGIN:VEVENT")),
    ("request-status", swap(b"END:VEVENT", b"REQUEST-STATUS:2.0;Success\r\nEND:VEVENT")),
    ("request-status", swap(b"END:VEVENT", b"REQUEST-STATUS:2.0;Success\r\nEND:VEVENT", CANCEL)),
    ("alarm-in-cancel", swap(b"END:VEVENT", ALARM + b"END:VEVENT", decline_counter(event(), JAN))),
    ("cancel-status", swap(b"STATUS:CANCELLED\r\n", b"", CANCEL)),
    ("cancel-status", swap(b"STATUS:CANCELLED", b"STATUS:CONFIRMED", CANCEL)),
    ("request-cancelled", swap(b"STATUS:CONFIRMED", b"STATUS:CANCELLED")),
    ("alarm-in-cancel", swap(b"END:VEVENT", ALARM + b"END:VEVENT", CANCEL)),
    ("secret-link", swap(b"Neem de map", b"https://x.nl/a/Zk3_pQ9xT1vB7mW2rL5n\r\n ")),
    ("secret-link", swap(b"Neem de map", b"https://x.nl/a?token=abcdefghij ")),
    ("secret-link", swap(b"Neem de map", b"https://x.nl/4f9a7c1e2b8d4e6fa0c3d5e7\r\n ")),
    ("dtstamp-not-utc", swap(b"DTSTAMP:20260901T080000Z", b"DTSTAMP:20260901T100000")),
    ("dtstamp-not-utc", swap(b"DTSTAMP:20260901T080000Z", b"DTSTAMP;TZID=Europe/Amsterdam:20260901T100000")),
    ("bad-date-time", swap(b"20261105T133000", b"20261105")),
    ("bad-date-time", swap(b"20261105T133000", b"20261305T133000")),
    ("bad-date-time", swap(b"20261105T133000", b"2026115T13300")),
    ("utc-with-tzid", swap(b"20261105T133000", b"20261105T123000Z")),
    ("floating-time", swap(b"DTSTART;TZID=Europe/Amsterdam:", b"DTSTART:")),
    ("tzid-without-vtimezone", GOOD.replace(ZONE, b"")),
    ("tzid-without-vtimezone", swap(b"DTEND;TZID=Europe/Amsterdam", b"DTEND;TZID=Europe/Brussels")),
    ("tzid-not-iana", GOOD.replace(b"Europe/Amsterdam", b"Amsterdam, Berlin, Rome")),
    (
        "tzid-without-vtimezone",
        GOOD.replace(ZONE, b"").replace(b"Europe/Amsterdam", b"W. Europe Standard Time"),
    ),
    ("vtimezone-wrong", GOOD.replace(b"Europe/Amsterdam", b"GMT Standard Time")),
    ("tzid-not-iana", GOOD.replace(b"Europe/Amsterdam", b"Pacific")),
    ("vtimezone-twice", swap(ZONE, ZONE + ZONE)),
    ("vtimezone-wrong", swap(ZONE, DAYLIGHT_ONLY)),
    ("vtimezone-wrong", swap(b"TZOFFSETTO:+0100", b"TZOFFSETTO:+0000")),
    ("vtimezone-wrong", swap(b"BYMONTH=10;BYDAY=-1SU", b"BYMONTH=10;BYDAY=-1SU;UNTIL=20251231T000000Z")),
    (
        "vtimezone-wrong",
        swap(b"RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU", b"RRULE:FREQ=YEARLY;BYMONTH=12;BYDAY=-1SU"),
    ),
    ("vtimezone-unreadable", swap(b"TZOFFSETTO:+0100\r\n", b"")),
    ("vtimezone-unreadable", swap(b"TZID:Europe/Amsterdam\r\n", b"")),
    ("vtimezone-unreadable", swap(b"RRULE:FREQ=YEARLY", b"RRULE:FREQ=SECONDLY")),
    ("vtimezone-unreadable", swap(ZONE, b"BEGIN:VTIMEZONE\r\nTZID:Europe/Amsterdam\r\nEND:VTIMEZONE\r\n")),
    ("local-time-unclear", GOOD.replace(b"20261105T", b"20261025T").replace(b"T133000", b"T023000")),
    ("local-time-unclear", GOOD.replace(b"20261105T", b"20270328T").replace(b"T133000", b"T023000")),
    ("end-not-after-start", swap(b"20261105T163000", b"20261105T133000")),
    ("end-not-after-start", swap(b"DTEND;TZID=Europe/Amsterdam:20261105T163000", b"DTEND:20261105T113000Z")),
    ("organizer-without-mailto", swap(b"mailto:planning@", b"planning@")),
    ("attendee-without-mailto", swap(b"mailto:jan@", b"jan@")),
    ("attendee-without-mailto", swap(b"mailto:jan@school.example", b"mailto:jan")),
    ("attendee-missing", swap(ATTENDEE, b"")),
    ("attendee-missing", swap(CANCEL[CANCEL.index(b"ATTENDEE") : CANCEL.index(b"END:VEVENT")], b"", CANCEL)),
    ("attendees-several", swap(ATTENDEE, ATTENDEE + ATTENDEE.replace(b"jan@", b"piet@"))),
    ("bad-partstat", swap(b"NEEDS-ACTION", b"MAYBE")),
    ("bad-role", swap(b"ROLE=REQ-PARTICIPANT", b"ROLE=GUEST")),
    ("rsvp-missing", swap(b"RSVP=TRUE", b"RSVP=FALSE")),
    ("unescaped", swap(b"Neem de map mee\\,", b"Neem de map mee,")),
    ("unescaped", swap(b"zin\\;", b"zin;")),
    ("unescaped", swap(b"Studiemiddag muziek", b"Studiemiddag \\muziek")),
    ("unescaped", within(b"CONTACT:Hart, Haarlem")),
    ("outside-calendar", b"Hallo: hier is de agenda\r\n" + GOOD),
    ("outside-calendar", GOOD + b"X-FOOT:verstuurd door een lijst\r\n"),
    ("prodid-missing", swap(b"PRODID:-//Hart Haarlem//Traject//NL", b"PRODID:")),
    ("method-missing", swap(b"METHOD:REQUEST", b"METHOD:")),
    ("parameter-comma", swap(b'CN="Jan de Vries"', b"CN=Vries, Jan de")),
    ("bad-value", swap(b"STATUS:CONFIRMED", b"STATUS:NEEDS-ACTION")),
    ("bad-value", swap(b"TRANSP:OPAQUE", b"TRANSP:BUSY")),
    ("bad-value", within(b"PRIORITY:12")),
    ("bad-value", within(b"RRULE:FREQ=SOMETIMES")),
    ("bad-value", swap(END, b"DURATION:-PT3H")),
    ("bad-value", swap(END, b"DURATION:3 uur")),
    ("end-and-duration", within(b"DURATION:PT3H")),
    ("property-twice", within(b"PRIORITY:1\r\nPRIORITY:2")),
    ("dtstamp-not-utc", swap(b"DTSTAMP:20260901T080000Z", b"DTSTAMP:20261399T080000Z")),
    ("dtstamp-not-utc", within(b"CREATED:20260901T080000")),
    ("dtstamp-not-utc", within(b"LAST-MODIFIED;TZID=Europe/Amsterdam:20260901T080000")),
    ("bad-date-time", swap(b"DTSTART;TZID=Europe/Amsterdam:20261105T133000", b"DTSTART;VALUE=DATE:20261105")),
    ("bad-date-time", GOOD.replace(b"T;TZID=Europe/Amsterdam:", b"T;VALUE=DATE:")),
    ("other-component", within(b"BEGIN:VEVENT\r\nUID:2@x.example\r\nEND:VEVENT")),
    ("alarm-incomplete", within(ALARM.replace(b"TRIGGER:-PT1H\r\n", b"").rstrip())),
    ("alarm-incomplete", within(ALARM.replace(b"ACTION:DISPLAY\r\n", b"").rstrip())),
    ("alarm-incomplete", within(ALARM.replace(b"DESCRIPTION:Straks\r\n", b"").rstrip())),
    ("secret-link", within(b"ATTACH:https://x.nl/a?token=abcdefghij")),
    ("secret-link", within(b'X-ALT-DESC;FMTTYPE=text/html:<a href="https://x.nl/a?token=abcdefghij">x</a>')),
    ("secret-link", within(ALARM.replace(b"Straks", b"https://x.nl/a?token=abcdefghij").rstrip())),
    ("secret-link", swap(b"DESCRIPTION:", b'DESCRIPTION;ALTREP="https://x.nl/a?token=abcdefghij":\r\n ')),
    ("secret-link", swap(b"Neem de map", b"https://x.nl/a/s3cret")),
    ("uid-from-date", swap(b"UID:7f0c", b"UID:2026-11-05_1")),
    (
        "uid-from-title",
        swap(b"muziek\r\n", "muzïek\r\n".encode(), swap(b"UID:7f0c", b"UID:studiemiddag-muziek")),
    ),
    ("organizer-without-mailto", swap(b"mailto:planning@hart.example", b"mailto:<planning@hart.example>")),
    ("attendee-without-mailto", swap(b"mailto:jan@", b"mailto://jan@")),
    ("publish-attendee", swap(b"METHOD:REQUEST", b"METHOD:PUBLISH")),
]


@pytest.mark.parametrize(
    ("code", "data"),
    [pytest.param(code, data, id=f"{at:02}-{code}") for at, (code, data) in enumerate(BROKEN)],
)
def test_a_calendar_broken_in_one_place_is_found_out(code, data):
    findings = lint(data)
    assert code in [finding.code for finding in findings]
    for finding in findings:
        assert finding.message.endswith(".")
        assert finding.line <= data.count(b"\n") + 1


def test_the_good_ones_that_are_broken_above_are_clean():
    assert lint(GOOD) == []
    assert lint(CANCEL) == []


def test_a_finding_names_the_line():
    (finding,) = [
        found for found in lint(swap(b"mailto:planning@", b"planning@")) if "organizer" in found.code
    ]
    assert GOOD.split(b"\r\n")[finding.line - 1].startswith(b"ORGANIZER")


@given(event=events, attendee=attendees, method=st.sampled_from([Method.REQUEST, Method.CANCEL]))
@settings(max_examples=150)
def test_what_we_build_is_clean(event: CalendarEvent, attendee, method):
    event = replace(event, sequence=max(event.sequence, 1))  # a CANCEL is newer than what it cancels
    codes = {finding.code for finding in lint(prepare(event, method).for_attendee(attendee))}
    needs_title = method is Method.REQUEST and not shown(event.summary).strip()
    assert codes == ({"summary-missing"} if needs_title else set())


@pytest.mark.parametrize("year", range(2024, 2060, 5))
@pytest.mark.parametrize("month", range(1, 13))
def test_invitations_of_every_month_for_years_ahead_are_clean(year, month):
    start = datetime(year, month, 28, 12, 30, tzinfo=UTC)
    assert lint(request(event(starts_at=start, ends_at=start.replace(hour=15)), JAN)) == []


@pytest.mark.parametrize("until", ["20261231", "20261025T010000Z", "20261025T030000"])
def test_a_rule_that_ends_after_the_change_before_the_meeting_is_right(until):
    rule = b"RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"
    assert lint(swap(rule, b"%s;UNTIL=%s" % (rule, until.encode()))) == []


@pytest.mark.parametrize(
    "link",
    ["https://traject.example/bijeenkomsten/studiemiddag-muziek-2026", "https://www.hartnu.nl/Onderwijs/PO"],
)
def test_a_public_link_is_no_secret(link):
    assert lint(request(event(description=f"Meer: {link}"), JAN)) == []


@given(st.binary(max_size=400))
@settings(max_examples=200)
def test_lint_never_raises_on_garbage(data):
    assert lint(data)


@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=12), st.integers(0, 30))
@settings(max_examples=300)
def test_lint_never_raises_on_damage(at, junk, cut):
    lint(GOOD[:at] + junk + GOOD[at + cut :])
