"""What is read from a school's own calendar file, and what is refused with which sentence."""

import re
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calendars.school_ics import CalendarFileError, parse_school_ics
from calendars.school_year import DayOff, school_calendar


def event(*lines: str, name: str = "Studiedag") -> str:
    return "\n".join(["BEGIN:VEVENT", f"SUMMARY:{name}", *lines, "END:VEVENT"])


def calendar(*events: str) -> bytes:
    return "\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *events, "END:VCALENDAR", ""]).encode()


def days(data: bytes) -> list[tuple[str, str]]:
    return [(str(off.starts_on), str(off.ends_on)) for off in parse_school_ics(data, source="school.ics")]


ONE = ("2024-10-01", "2024-10-01")
SAMPLES = {
    "an all-day end is exclusive": (
        ("DTSTART;VALUE=DATE:20241001", "DTEND;VALUE=DATE:20241003"),
        [("2024-10-01", "2024-10-02")],
    ),
    "no end is one day": (("DTSTART;VALUE=DATE:20241001",), [ONE]),
    "an end on the same day is one day": (
        ("DTSTART;VALUE=DATE:20241001", "DTEND;VALUE=DATE:20241001"),
        [ONE],
    ),
    "a duration": (("DTSTART;VALUE=DATE:20241001", "DURATION:P2D"), [("2024-10-01", "2024-10-02")]),
    "UTC midnights of Amsterdam": (("DTSTART:20240930T220000Z", "DTEND:20241001T220000Z"), [ONE]),
    "a zone of Windows": (
        (
            "DTSTART;TZID=W. Europe Standard Time:20241001T000000",
            "DTEND;TZID=W. Europe Standard Time:20241002T000000",
        ),
        [ONE],
    ),
    "a day and an instant mixed": (("DTSTART;VALUE=DATE:20241001", "DTEND:20241002T000000Z"), [ONE]),
    "school hours": (("DTSTART:20241001T083000", "DTEND:20241001T153000"), [ONE]),
    "an afternoon is not a day": (("DTSTART:20241001T120000", "DTEND:20241001T170000"), []),
    "from noon to the next evening is one day": (("DTSTART:20240930T120000", "DTEND:20241001T200000"), [ONE]),
    "a moment without end": (("DTSTART:20241001T090000",), []),
    "a cancelled one": (("DTSTART;VALUE=DATE:20241001", "STATUS:CANCELLED"), []),
    "a rule that is empty": (("DTSTART;VALUE=DATE:20241001", "RRULE:"), [ONE]),
    "a rule with an exception": (
        ("DTSTART;VALUE=DATE:20241001", "RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE;VALUE=DATE:20241008"),
        [ONE, ("2024-10-15", "2024-10-15")],
    ),
    "extra dates": (
        ("DTSTART;VALUE=DATE:20241001", "RDATE;VALUE=DATE:20241105"),
        [ONE, ("2024-11-05", "2024-11-05")],
    ),
}


@pytest.mark.parametrize(("lines", "expected"), SAMPLES.values(), ids=SAMPLES.keys())
def test_an_event_takes_the_days_it_covers(lines: tuple[str, ...], expected: list[tuple[str, str]]):
    assert days(calendar(event(*lines))) == expected


def test_a_rule_without_end_is_followed_for_ten_years():
    found = days(calendar(event("DTSTART;VALUE=DATE:20241001", "RRULE:FREQ=YEARLY")))
    assert found[-1] == ("2034-10-01", "2034-10-01")


def test_an_occurrence_that_was_moved_is_told_once_at_its_new_date():
    data = calendar(
        event("UID:a", "DTSTART;VALUE=DATE:20241001", "RRULE:FREQ=WEEKLY;COUNT=2"),
        event("UID:a", "RECURRENCE-ID;VALUE=DATE:20241008", "DTSTART;VALUE=DATE:20241010"),
    )
    assert days(data) == [ONE, ("2024-10-10", "2024-10-10")]


@pytest.mark.parametrize(
    "name",
    [
        "Herfstvakantie",
        "Leerlingen vrij",
        "Goede Vrijdag",
        "2e paasdag",
        "STUDIEDAG team",
        "Kerst",
        "Roostervrije dag",
    ],
)
def test_a_name_that_says_free_is_taken(name: str):
    assert days(calendar(event("DTSTART;VALUE=DATE:20241001", name=name))) == [ONE]


@pytest.mark.parametrize(
    "name",
    ["Vrijdag gymnastiek", "Studiemiddag", "Kerstviering", "Laatste schooldag voor de zomervakantie", "Groep 1-4 vrij", "Paasontbijt",
     "Begin kerstvakantie", "Vrij vanaf 12 uur", "Vakantierooster", "Musical", "Niet vrij"],
)  # fmt: skip
def test_a_name_that_does_not_say_free_for_all_is_left_out(name: str):
    assert days(calendar(event("DTSTART;VALUE=DATE:20241001", name=name))) == []


@pytest.mark.parametrize(
    ("name", "replaces"),
    [
        ("Meivakantie", "Meivakantie"),
        ("Mei vakantie 2027", "Meivakantie"),
        ("KROKUSVAKANTIE", "Voorjaarsvakantie"),
        ("Skivakantie", None),
    ],
)
def test_the_name_of_an_official_holiday_replaces_it(name: str, replaces: str | None):
    (off,) = parse_school_ics(
        calendar(event("DTSTART;VALUE=DATE:20270424", "DTEND;VALUE=DATE:20270510", name=name)), source="s"
    )
    assert off == DayOff(date(2027, 4, 24), date(2027, 5, 9), name, replaces)


def test_a_single_day_named_after_a_holiday_marks_its_beginning_and_replaces_nothing():
    found = parse_school_ics(calendar(event("DTSTART;VALUE=DATE:20270710", name="Zomervakantie")), source="s")
    assert found[0].replaces is None
    assert not school_calendar(overrides=found).is_working_day(date(2027, 8, 3))


def test_byte_order_mark_line_ends_and_windows_characters_do_not_matter():
    plain = calendar(event("DTSTART;VALUE=DATE:20241001", name="Studiedag André"))
    expected = parse_school_ics(plain, source="s")
    assert expected[0].label == "Studiedag André"
    for same in (b"\xef\xbb\xbf" + plain, plain.replace(b"\n", b"\r\n"), plain.decode().encode("cp1252")):
        assert parse_school_ics(same, source="s") == expected


BROKEN = {
    "not a calendar": (b"<html></html>", "f.ics:1: this is not a calendar"),
    "empty": (b"", "f.ics:1: this is not a calendar"),
    "broken off": (b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Vrij\n", "f.ics:3: the calendar breaks off"),
    "an event without end": (b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Vrij\nEND:VCALENDAR\n", "f.ics:2: an event has no END:VEVENT"),
    "a line outside events": (b"BEGIN:VCALENDAR\nfoo bar\nEND:VCALENDAR\n", "f.ics:2: 'foo bar' cannot be read"),
    "a zone that is a directory": (calendar(event("DTSTART;TZID=Pacific:20240101T000000")), "f.ics:5: .*unknown time zone"),
    "no such month": (calendar(event("DTSTART;VALUE=DATE:20241301")), "f.ics:3: the event 'Studiedag' has a DTSTART that cannot be read"),
    "no date": (calendar(event()), "f.ics:3: .* has no DTSTART"),
    "two dates": (calendar(event(*["DTSTART;VALUE=DATE:20241001"] * 2)), "has no DTSTART that is one date"),
    "a time of day": (calendar(event("DTSTART;VALUE=TIME:100000")), "has no DTSTART that is one date"),
    "an unknown rule": (calendar(event("DTSTART;VALUE=DATE:20241001", "RRULE:FREQ=FOO")), "has a RRULE that cannot be read"),
    "every second": (calendar(event("DTSTART;VALUE=DATE:20241001", "RRULE:FREQ=SECONDLY")), "repeats within a day"),
    "an interval of nothing": (calendar(event("DTSTART;VALUE=DATE:20241001", "RRULE:FREQ=DAILY;INTERVAL=0")), "repeats every 0 times"),
    "backwards": (calendar(event("DTSTART;VALUE=DATE:20241001", "DTEND;VALUE=DATE:20240901")), "before it begins"),
    "years long": (calendar(event("DTSTART;VALUE=DATE:20241001", "DTEND;VALUE=DATE:20341001")), "lasts 3652 days"),
    "the year 1": (calendar(event("DTSTART;VALUE=DATE:00010101")), "in the year 1"),
    "the last day": (calendar(event("DTSTART;VALUE=DATE:99991231")), "in the year 9999"),
    "far too big": (b" " * 2_000_001, "more than 2,000,000"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_refused_with_its_line_and_a_remedy(data: bytes, message: str):
    with pytest.raises(CalendarFileError) as caught:
        parse_school_ics(data, source="f.ics")
    assert re.search(message, caught.value.english)
    assert str(caught.value) == caught.value.dutch
    dutch, english = caught.value.remedy
    assert caught.value.dutch.endswith(f"; {dutch}")
    assert caught.value.english.endswith(f"; {english}")
    assert not {"the", "cannot", "has", "repeats"} & set(caught.value.dutch.split(" (")[0].split())


LINES = st.sampled_from(
    ["DTSTART;VALUE=DATE:20241001", "DTEND:20241002T000000Z", "DTSTART;TZID=Pacific:20240101T000000", "RRULE:FREQ=WEEKLY",
     "RRULE:FREQ=DAILY;INTERVAL=0", "EXDATE:20241001", "RDATE;VALUE=PERIOD:20240101T000000Z/P1D", "UID:a", "RECURRENCE-ID:20241001",
     "DURATION:-P1D", "BEGIN:VEVENT", "END:VEVENT", "X", "SUMMARY:Vrij", "DTEND;VALUE=DATE:20240931", ":", "RRULE:", "BEGIN:VTIMEZONE"]
)  # fmt: skip


@given(st.lists(st.lists(LINES, max_size=5), max_size=3))
def test_no_file_raises_anything_but_its_own_error(events: list[list[str]]):
    with suppress(CalendarFileError):
        found = parse_school_ics(calendar(*(event(*lines) for lines in events)), source="f.ics")
        assert all(off.starts_on <= off.ends_on for off in found)


def test_the_calendar_of_a_real_school_in_haarlem(shared: Path):
    path = shared / "data" / "school_calendar_zonnewijzer_2023-2024.ics"
    found = parse_school_ics(path.read_bytes(), source=path.name)
    assert len(found) == 17
    assert DayOff(date(2024, 4, 27), date(2024, 5, 12), "Meivakantie", "Meivakantie") in found
    school = school_calendar(overrides=found)
    assert school.next_working_day(date(2024, 4, 27)) == date(2024, 5, 13)
    assert school.holiday_on(date(2024, 2, 13)).label == "Studiedag"
