"""When somebody is taken, from their own calendar: only when, never what, and never for ever."""

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calendars.busy import MOST_BYTES, BusyFileError, Interval, parse_busy

ZONE = ZoneInfo("Europe/Amsterdam")
FIRST = datetime(2026, 9, 1, tzinfo=UTC)
LAST = FIRST + timedelta(days=730)
SECRET = "Gesprek met de bedrijfsarts"


def calendar(*parts: str) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//nl", *parts, "END:VCALENDAR", ""]
    return "\r\n".join(lines).encode()


def event(*lines: str, uid: str = "een@school.example") -> str:
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", f"SUMMARY:{SECRET}", *lines, "END:VEVENT"])


def read(data: bytes) -> list[Interval]:
    return parse_busy(data, first=FIRST, last=LAST, zone=ZONE)


def said(data: bytes) -> list[str]:
    """The busy times in local time."""
    return [
        f"{a.astimezone(ZONE):%Y-%m-%d %H:%M} – {b.astimezone(ZONE):%Y-%m-%d %H:%M}" for a, b in read(data)
    ]


AFTERNOON = ("DTSTART;TZID=Europe/Amsterdam:20261006T133000", "DTEND;TZID=Europe/Amsterdam:20261006T150000")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(AFTERNOON, ["2026-10-06 13:30 – 2026-10-06 15:00"], id="local"),
        pytest.param(
            ("DTSTART:20261006T113000Z", "DURATION:PT90M"), ["2026-10-06 13:30 – 2026-10-06 15:00"], id="utc"
        ),
        pytest.param(
            ("DTSTART:20261006T133000", "DTEND:20261006T150000"),
            ["2026-10-06 13:30 – 2026-10-06 15:00"],
            id="no zone",
        ),
        pytest.param(
            ("DTSTART;VALUE=DATE:20261013",), ["2026-10-13 00:00 – 2026-10-14 00:00"], id="a whole day"
        ),
        pytest.param(
            ("DTSTART;VALUE=DATE:20261025", "DTEND;VALUE=DATE:20261026"),
            ["2026-10-25 00:00 – 2026-10-26 00:00"],
            id="the day of 25 hours",
        ),
        pytest.param(
            (*AFTERNOON, "STATUS:TENTATIVE"), ["2026-10-06 13:30 – 2026-10-06 15:00"], id="tentative"
        ),
        pytest.param(
            (*AFTERNOON, "RRULE:"), ["2026-10-06 13:30 – 2026-10-06 15:00"], id="a rule that is empty"
        ),
        pytest.param((*AFTERNOON, "TRANSP:TRANSPARENT"), [], id="transparent"),
        pytest.param((*AFTERNOON, "STATUS:CANCELLED"), [], id="cancelled"),
        pytest.param((*AFTERNOON, "X-MICROSOFT-CDO-BUSYSTATUS:FREE"), [], id="free"),
        pytest.param(("DTSTART:20261006T133000Z",), [], id="no length"),
        pytest.param(("DTSTART:20250106T133000Z", "DURATION:PT1H"), [], id="over"),
        pytest.param(
            ("DTSTART:20260831T220000Z", "DTEND:20260901T100000Z"),
            ["2026-09-01 02:00 – 2026-09-01 12:00"],
            id="begun before",
        ),
    ],
)
def test_an_event_takes_its_time_unless_it_says_that_it_does_not(lines: tuple[str, ...], expected: list[str]):
    assert said(calendar(event(*lines))) == expected


def test_what_repeats_is_followed_over_the_clock_change_and_its_exceptions_are_kept():
    series = event(
        "DTSTART;TZID=Europe/Amsterdam:20261013T090000",
        "DURATION:PT1H",
        "RRULE:FREQ=WEEKLY;COUNT=4",
        "EXDATE;TZID=Europe/Amsterdam:20261020T090000",
    )
    moved = event(
        "DTSTART;TZID=Europe/Amsterdam:20261104T110000",
        "DURATION:PT1H",
        "RECURRENCE-ID;TZID=Europe/Amsterdam:20261103T090000",
    )
    assert said(calendar(series, moved)) == [
        "2026-10-13 09:00 – 2026-10-13 10:00",
        "2026-10-27 09:00 – 2026-10-27 10:00",
        "2026-11-04 11:00 – 2026-11-04 12:00",
    ]


def test_a_rule_without_an_end_is_followed_as_far_as_is_looked():
    found = read(calendar(event("DTSTART:20240102T090000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY")))
    assert len(found) == 105
    assert found[-1][1] <= LAST


def test_times_that_touch_or_overlap_are_one():
    data = calendar(
        event("DTSTART:20261006T080000Z", "DURATION:PT1H", uid="a"),
        event("DTSTART:20261006T090000Z", "DURATION:PT1H", uid="b"),
        event("DTSTART:20261006T083000Z", "DURATION:PT1H", uid="c"),
    )
    assert said(data) == ["2026-10-06 10:00 – 2026-10-06 12:00"]


def test_a_free_busy_answer_says_when_and_its_free_periods_do_not_count():
    answer = "\r\n".join(
        [
            "BEGIN:VFREEBUSY",
            "UID:f",
            "DTSTAMP:20260901T000000Z",
            "FREEBUSY;FBTYPE=BUSY:20261006T080000Z/20261006T100000Z,20261007T080000Z/PT2H",
            "FREEBUSY;FBTYPE=FREE:20261008T080000Z/PT2H",
            "FREEBUSY:20261009T080000Z/PT2H",
            "END:VFREEBUSY",
        ]
    )
    assert [each[:10] for each in said(calendar(answer))] == ["2026-10-06", "2026-10-07", "2026-10-09"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(b"<!doctype html><title>Inloggen</title>", "geen agenda", id="a page"),
        pytest.param(b"", "geen agenda", id="nothing"),
        pytest.param(calendar(event(*AFTERNOON))[:-30], "breekt halverwege af", id="cut off"),
        pytest.param(b" " * (MOST_BYTES + 1), "groter dan 5 MB", id="too large"),
        pytest.param(
            calendar(event("DTSTART;TZID=Pacific:20261006T133000")), "kan niet worden gelezen", id="zone"
        ),
        pytest.param(calendar(event("DTSTART:gisteren")), "DTSTART die niet te lezen is", id="no date"),
        pytest.param(
            calendar(event(*AFTERNOON, "RRULE:FREQ=SECONDLY")), "herhaalt zich binnen een dag", id="secondly"
        ),
        pytest.param(
            calendar(event(*AFTERNOON, "RRULE:FREQ=DAILY;INTERVAL=0")), "om de 0 keer", id="never further"
        ),
        pytest.param(
            calendar(event(*AFTERNOON, "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")),
            "op een dag die niet bestaat",
            id="30 February",
        ),
        pytest.param(calendar(event("DTSTART:00010101T000000Z")), "in het jaar 1", id="year 1"),
        pytest.param(
            calendar(event("DTSTART:20261006T100000Z", "DTEND:20261006T090000Z")),
            "voor het begin",
            id="backwards",
        ),
    ],
)
def test_what_cannot_be_read_is_named_without_a_word_of_what_stands_in_it(data: bytes, why: str):
    began = time.monotonic()
    with pytest.raises(BusyFileError) as caught:
        read(data)
    assert why in caught.value.dutch
    assert SECRET not in f"{caught.value.dutch}{caught.value.english}{caught.value.__cause__}"
    assert time.monotonic() - began < 5


@settings(max_examples=60)
@given(st.data())
def test_no_bytes_raise_anything_else(data: st.DataObject):
    whole = calendar(
        event(*AFTERNOON, "RRULE:FREQ=WEEKLY;BYDAY=TU,TH"), event("DTSTART;VALUE=DATE:20261013", uid="b")
    )
    at = data.draw(st.integers(0, len(whole) - 1))
    until = data.draw(st.integers(at, min(len(whole), at + 40)))
    broken = whole[:at] + data.draw(st.binary(max_size=12)) + whole[until:]
    try:
        found = read(broken)
    except BusyFileError:
        return
    assert found == sorted(found)
    assert all(FIRST <= a < b <= LAST for a, b in found)
    assert all(earlier[1] < later[0] for earlier, later in pairwise(found))
