"""Laws of the school calendar: school years, holidays, sending moments, local time and months."""

import csv
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from calendars.holidays import REGIONS, SCHOOL_HOLIDAYS, _estimate, school_holidays
from calendars.school_year import DayOff, SchoolYear, add_months, school_calendar

NOORD = school_calendar()
OWN = school_calendar(
    overrides=[
        DayOff(date(2027, 4, 24), date(2027, 5, 9), "Meivakantie", "Meivakantie"),
        DayOff(date(2026, 11, 11), date(2026, 11, 11), "Studiedag"),
    ]
)
DAYS = st.dates(date(2014, 1, 1), date(2060, 12, 31))
INSTANTS = st.integers(0, 47 * 365 * 86_400).map(
    lambda s: datetime(2014, 1, 1, tzinfo=UTC) + timedelta(seconds=s)
)
CALENDARS = st.sampled_from([NOORD, OWN])


def amsterdam(day: str, clock: str) -> datetime:
    return NOORD.local(date.fromisoformat(day), time.fromisoformat(clock))


@given(DAYS)
def test_a_day_falls_in_exactly_its_school_year(day: date):
    year = SchoolYear.of(day)
    assert year.starts_on <= day <= year.ends_on
    assert SchoolYear.of(year.ends_on + timedelta(days=1)) == year.next() > year
    assert SchoolYear.parse(str(year)) == year
    assert hash(SchoolYear.parse(str(year))) == hash(year)


def test_a_school_year_is_written_with_both_years():
    assert str(SchoolYear.of(date(2026, 8, 1))) == "2026-2027"
    assert str(SchoolYear.of(date(2026, 7, 31))) == "2025-2026"


@pytest.mark.parametrize("text", ["2026", "2026-2028", "2026/2027", "2026-27", "", "later"])
def test_what_is_not_a_school_year_is_refused_with_how_to_write_it(text: str):
    with pytest.raises(
        ValueError, match="is not a school year; write two years that follow each other, as 2026-2027"
    ):
        SchoolYear.parse(text)


def test_the_holidays_of_noord_agree_with_the_cross_checked_list(shared: Path):
    with (shared / "data" / "school_holidays.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["region"] == "Noord"]
    assert len(rows) > 40
    for row in rows:
        starts_on, ends_on = date.fromisoformat(row["start"]), date.fromisoformat(row["end"])
        year = SchoolYear.parse(row["school_year"]).first
        (holiday,) = [h for h in school_holidays("Noord", year) if h.label == row["holiday"]]
        assert (holiday.starts_on, holiday.ends_on, holiday.estimated) == (starts_on, ends_on, False)
        for day in holiday.days():
            assert NOORD.holiday_on(day) == holiday


def test_the_public_holidays_agree_with_the_list(shared: Path):
    with (shared / "data" / "nl_public_holidays.csv").open() as file:
        rows = list(csv.DictReader(file))
    listed = {date.fromisoformat(row["date"]) for row in rows if row["category"] == "public"}
    years = {day.year for day in listed}
    for ordinal in range(date(min(years), 1, 1).toordinal(), date(max(years), 12, 31).toordinal() + 1):
        day = date.fromordinal(ordinal)
        in_school_holiday = (h := NOORD.holiday_on(day)) is not None and h.label in SCHOOL_HOLIDAYS
        assert NOORD.is_working_day(day) == (
            day.weekday() < 5 and day not in listed and not in_school_holiday
        ), day


@pytest.mark.parametrize(
    ("day", "label"),
    [
        ("2026-04-03", "Goede vrijdag"),
        ("2026-05-14", "Hemelvaartsdag"),
        ("2026-12-25", "Kerstvakantie"),
        ("2027-05-05", None),
        ("2025-05-05", "Bevrijdingsdag"),
        ("2026-08-16", "Zomervakantie"),
        ("2026-08-17", None),
        ("2026-11-11", None),
    ],
)
def test_why_a_day_is_free(day: str, label: str | None):
    holiday = NOORD.holiday_on(date.fromisoformat(day))
    assert (holiday.label if holiday else None) == label
    assert NOORD.is_school_day(date.fromisoformat(day)) == (label is None)


def test_a_year_that_is_not_published_is_estimated_and_says_so():
    assert not NOORD.is_estimated(date(2030, 7, 31))
    assert not NOORD.is_estimated(date(2030, 8, 30)), "the published summer of 2030 lasts into the next year"
    assert NOORD.is_estimated(date(2030, 10, 7))
    christmas = NOORD.holiday_on(date(2030, 12, 27))
    assert christmas.label == "Kerstvakantie"
    assert christmas.estimated


@pytest.mark.parametrize(("region", "weeks"), [("Noord", 1), ("Midden", 2), ("Zuid", 1)])
def test_the_estimate_stays_close_to_every_published_year(region: str, weeks: int):
    for year in range(2014, 2030):
        for official, estimate in zip(school_holidays(region, year), _estimate(region, year), strict=True):
            assert not official.estimated
            assert official.label == estimate.label
            assert official.ends_on - official.starts_on == estimate.ends_on - estimate.starts_on
            assert abs(official.starts_on - estimate.starts_on) <= timedelta(weeks=weeks)


@given(st.sampled_from(REGIONS), st.integers(2014, 2080))
def test_every_school_year_has_five_holidays_that_do_not_touch(region: str, year: int):
    holidays = school_holidays(region, year)
    assert [h.label for h in holidays] == list(SCHOOL_HOLIDAYS)
    assert all(a.ends_on < b.starts_on for a, b in pairwise(holidays))


def test_an_own_holiday_takes_the_place_of_the_official_one_in_that_year_only():
    assert NOORD.is_working_day(date(2027, 5, 4))
    assert not OWN.is_working_day(date(2027, 5, 4))
    moved = school_calendar(overrides=[DayOff(date(2027, 5, 1), date(2027, 5, 9), "Mei", "Meivakantie")])
    assert moved.is_working_day(date(2027, 4, 26))
    assert not moved.is_working_day(date(2028, 5, 1)), "the official one of the year after"
    assert not moved.is_working_day(date(2027, 4, 27)), "Koningsdag stays"


def test_an_own_day_off_is_added():
    assert NOORD.is_working_day(date(2026, 11, 11))
    assert OWN.holiday_on(date(2026, 11, 11)).label == "Studiedag"


def test_a_summer_that_begins_in_august_replaces_the_summer_of_the_year_that_ends():
    late = school_calendar(overrides=[DayOff(date(2027, 8, 1), date(2027, 9, 5), "Zomer", "Zomervakantie")])
    assert late.is_working_day(date(2027, 7, 12))
    assert not late.is_working_day(date(2027, 9, 3))
    assert not late.is_working_day(date(2028, 7, 17))


def test_a_year_whose_holidays_the_school_gave_itself_is_not_an_estimate():
    given_days = [DayOff(h.starts_on, h.ends_on, h.label, h.label) for h in school_holidays("Noord", 2030)]
    assert not school_calendar(overrides=given_days).is_estimated(date(2030, 10, 7))
    assert school_calendar(overrides=given_days[:4]).is_estimated(date(2030, 10, 7))


@pytest.mark.parametrize(
    ("due", "sent"),
    [
        (("2026-09-05", "10:00"), ("2026-09-07", "10:00")),
        (("2026-09-04", "18:30"), ("2026-09-07", "08:00")),
        (("2026-09-05", "18:30"), ("2026-09-07", "08:00")),
        (("2026-09-05", "06:00"), ("2026-09-07", "08:00")),
        (("2026-09-07", "06:00"), ("2026-09-07", "08:00")),
        (("2026-09-07", "08:00"), ("2026-09-07", "08:00")),
        (("2026-09-07", "16:59:59"), ("2026-09-07", "16:59:59")),
        (("2026-09-07", "17:00"), ("2026-09-08", "08:00")),
        (("2026-10-09", "17:30"), ("2026-10-19", "08:00")),
        (("2026-10-14", "11:15"), ("2026-10-19", "11:15")),
        (("2026-12-18", "17:01"), ("2027-01-04", "08:00")),
        (("2026-04-02", "20:00"), ("2026-04-07", "08:00")),
        (("2026-03-28", "10:00"), ("2026-03-30", "10:00")),
    ],
    ids=lambda value: " ".join(value),
)
def test_mail_waits_for_the_next_sending_moment(due: tuple[str, str], sent: tuple[str, str]):
    assert NOORD.next_sending_moment(amsterdam(*due)) == amsterdam(*sent)


@given(CALENDARS, INSTANTS)
def test_a_sending_moment_is_allowed_never_earlier_and_stays_where_it_is(calendar, instant: datetime):
    sent = calendar.next_sending_moment(instant)
    local = calendar.to_local(sent)
    assert sent >= instant
    assert sent.tzinfo is UTC
    assert time(8) <= local.time() < time(17)
    assert calendar.is_working_day(local.date())
    assert calendar.next_sending_moment(sent) == sent


@given(CALENDARS, INSTANTS, INSTANTS)
def test_no_sending_moment_is_skipped(calendar, one: datetime, other: datetime):
    due, later = sorted((one, other))
    local = calendar.to_local(later)
    if time(8) <= local.time() < time(17) and calendar.is_working_day(local.date()):
        assert calendar.next_sending_moment(due).date() <= later.date()


@given(INSTANTS)
@example(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
@example(datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
def test_local_time_and_back_is_the_same_instant(instant: datetime):
    local = NOORD.to_local(instant)
    assert NOORD.local(local.date(), local.time()) == instant


@pytest.mark.parametrize(
    ("day", "clock", "expected"),
    [
        ("2026-03-29", "02:30", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("2026-10-25", "02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-01-14", "13:30", datetime(2026, 1, 14, 12, 30, tzinfo=UTC)),
        ("2026-07-01", "13:30", datetime(2026, 7, 1, 11, 30, tzinfo=UTC)),
    ],
    ids=["skipped, moves forward", "twice, the first", "winter", "summer"],
)
def test_a_local_time_is_one_instant(day: str, clock: str, expected: datetime):
    assert amsterdam(day, clock) == expected


def test_an_instant_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="has no time zone"):
        NOORD.next_sending_moment(datetime(2026, 9, 7, 10, tzinfo=UTC).replace(tzinfo=None))


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [("2027-01-31", 1, "2027-02-28"), ("2028-01-31", 1, "2028-02-29"), ("2028-02-29", 12, "2029-02-28"),
     ("2026-11-30", 3, "2027-02-28"), ("2026-03-31", -1, "2026-02-28"), ("2026-12-15", 1, "2027-01-15")],
)  # fmt: skip
def test_months_are_added_and_month_ends_clamped(day: str, months: int, expected: str):
    assert add_months(date.fromisoformat(day), months) == date.fromisoformat(expected)


@given(DAYS, DAYS, st.integers(-120, 120), st.integers(0, 24))
def test_adding_months_keeps_the_order(one: date, other: date, months: int, more: int):
    first, last = sorted((one, other))
    assert add_months(first, months) <= add_months(last, months) <= add_months(last, months + more)


def test_months_outside_the_calendar_are_refused():
    with pytest.raises(ValueError, match="outside the calendar"):
        add_months(date(2026, 1, 1), 12 * 9000)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"region": "Oost"}, "'Oost' is unknown; choose from Noord, Midden, Zuid"),
        ({"timezone": "Europe"}, "'Europe' is unknown; write it as Europe/Amsterdam"),
        ({"timezone": "Europe/Haarlem"}, "'Europe/Haarlem' is unknown"),
        ({"sending_from": time(17), "sending_until": time(8)}, "which is never"),
    ],
)
def test_a_calendar_that_cannot_be_is_refused(arguments: dict[str, object], message: str):
    with pytest.raises(ValueError, match=message):
        school_calendar(**arguments)


def test_a_day_off_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="did you mean Meivakantie"):
        DayOff(date(2027, 5, 1), date(2027, 5, 9), "Mei", "Mei vakantie")
    with pytest.raises(ValueError, match="before it begins"):
        DayOff(date(2027, 5, 9), date(2027, 5, 1), "Mei")


def test_calendars_of_the_same_parts_are_equal_and_hashable():
    again = school_calendar(overrides=list(OWN.overrides))
    assert again == OWN != NOORD
    assert hash(again) == hash(OWN)
