"""Which days a school works, when mail may go out, and which instant a local time of a day is."""

import re
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from calendars.holidays import REGIONS, SCHOOL_HOLIDAYS, Holiday, public_holidays, school_holidays

FIRST_MONTH = 8  # a school year runs from 1 August
SATURDAY = 5
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class SchoolYear:
    """A school year, 1 August to 31 July, written `2026-2027`. `first` is the year in which it begins."""

    first: int

    @classmethod
    def of(cls, day: date) -> "SchoolYear":
        """The school year in which a day falls."""
        return cls(_first_year(day))

    @classmethod
    def parse(cls, text: str) -> "SchoolYear":
        """`2026-2027` as a school year; ValueError, with how to write it, for anything else."""
        found = re.fullmatch(r"([0-9]{4})-([0-9]{4})", text.strip())
        if found is None or int(found[2]) != int(found[1]) + 1 or int(found[1]) == 0:
            raise ValueError(
                f"{text!r} is not a school year; write two years that follow each other, as 2026-2027"
            )
        return cls(int(found[1]))

    @property
    def starts_on(self) -> date:
        """Its first day, 1 August."""
        return date(self.first, FIRST_MONTH, 1)

    @property
    def ends_on(self) -> date:
        """Its last day, 31 July."""
        return date(self.first + 1, FIRST_MONTH, 1) - ONE_DAY

    def next(self) -> "SchoolYear":
        """The school year after this one."""
        return SchoolYear(self.first + 1)

    def __str__(self) -> str:
        return f"{self.first:04}-{self.first + 1:04}"


@dataclass(frozen=True, slots=True)
class DayOff:
    """Days on which one school is free, first to last. `replaces` names the school holiday they stand in for."""

    starts_on: date
    ends_on: date
    label: str
    replaces: str | None = None

    def __post_init__(self) -> None:
        if self.ends_on < self.starts_on:
            raise ValueError(
                f"{self.label!r} ends on {self.ends_on}, before it begins on {self.starts_on}; swap the dates"
            )
        if self.replaces is not None and self.replaces not in SCHOOL_HOLIDAYS:
            meant = get_close_matches(self.replaces.capitalize(), SCHOOL_HOLIDAYS, n=1)
            remedy = f"did you mean {meant[0]}?" if meant else f"choose from {', '.join(SCHOOL_HOLIDAYS)}"
            raise ValueError(
                f"{self.label!r} replaces {self.replaces!r}, which is no school holiday; {remedy}"
            )

    @property
    def holiday_year(self) -> SchoolYear:
        """The school year whose holiday they replace: a summer holiday that begins in August ends the year before."""
        return SchoolYear.of(add_months(self.starts_on, -1))


@dataclass(frozen=True, slots=True)
class QuietPeriod:
    """Days, first to last, on which schools work and are not to be mailed: a national monitor, a test week."""

    starts_on: date
    ends_on: date
    label: str

    def __post_init__(self) -> None:
        if self.ends_on < self.starts_on:
            raise ValueError(
                f"{self.label!r} ends on {self.ends_on}, before it begins on {self.starts_on}; swap the dates"
            )


@dataclass(frozen=True, slots=True)
class SchoolCalendar:
    """The calendar of one school: its region's holidays, public holidays, its own days off and its sending hours.

    Made by `school_calendar`. A value: equal when built from the same parts, hashable. Days are local dates in
    `timezone`; instants go in aware and come out in UTC. Source of the holidays: `calendars.holidays`, which also
    says what an estimate is.
    """

    region: str
    overrides: tuple[DayOff, ...]
    timezone: str
    sending_from: time
    sending_until: time
    quiet: tuple[QuietPeriod, ...] = ()
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)
    _years: dict[int, "_Year"] = field(
        default_factory=dict[int, "_Year"], init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if self.region not in REGIONS:
            raise ValueError(f"holiday region {self.region!r} is unknown; choose from {', '.join(REGIONS)}")
        if self.sending_from >= self.sending_until:
            raise ValueError(
                f"mail may go out from {self.sending_from:%H:%M} until {self.sending_until:%H:%M}, which is never; "
                "let sending begin before it ends, on the same day"
            )
        try:
            zone = ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError) as error:  # OSError: "Europe" is a directory of zones
            raise ValueError(
                f"time zone {self.timezone!r} is unknown; write it as Europe/Amsterdam"
            ) from error
        object.__setattr__(self, "_zone", zone)

    def holiday_on(self, day: date) -> Holiday | None:
        """Why a day is free (its own day off before a school holiday before a public one); None when it is not."""
        return self._year(day).free_days.get(day)

    def is_estimated(self, day: date) -> bool:
        """Whether the answer for a day rests on holidays that are not published yet, and may still change."""
        year = self._year(day)
        holiday = year.free_days.get(day)
        return year.is_estimated if holiday is None else holiday.estimated

    def is_working_day(self, day: date) -> bool:
        """Monday to Friday, and not in a school holiday, a public holiday (Good Friday too) or an own day off."""
        return day.weekday() < SATURDAY and day not in self._year(day).free_days

    def is_school_day(self, day: date) -> bool:
        """Whether a gathering may be planned on a day: the working days, so never an own day off or Good Friday."""
        return self.is_working_day(day)

    def next_working_day(self, day: date) -> date:
        """The first working day on or after a day: a working day is its own answer."""
        if self.is_working_day(day):
            return day
        after = self._year(day).working_after
        found = after.get(day)
        if found is None:
            found = day + ONE_DAY
            while not self.is_working_day(found):
                found += ONE_DAY
            after[day] = found
        return found

    def is_sending_day(self, day: date) -> bool:
        """Whether mail may go out on a day: a working day that is not quiet."""
        return self.is_working_day(day) and self.quiet_on(day) is None

    def quiet_on(self, day: date) -> QuietPeriod | None:
        """Why no mail goes out on a day that schools may work; None when it may."""
        return next((period for period in self.quiet if period.starts_on <= day <= period.ends_on), None)

    def _next_sending_day(self, day: date) -> date:
        while True:
            day = self.next_working_day(day)
            period = self.quiet_on(day)
            if period is None:
                return day
            day = period.ends_on + ONE_DAY

    def next_sending_moment(self, instant: datetime) -> datetime:
        """The first moment from an instant on at which mail may go out: a working day, not quiet, within the sending hours.

        An allowed instant comes back unchanged, in UTC. When only the day moves, the local time stays: Saturday 10:00
        becomes Monday 10:00. Before the hours: that day when they begin; from `sending_until` on: the next working
        day when they begin. Raises ValueError for an instant without a time zone.
        """
        local = self.to_local(instant)
        day, clock = local.date(), local.time()
        due = self._next_sending_day(day if clock < self.sending_until else day + ONE_DAY)
        if clock < self.sending_from or clock >= self.sending_until:
            clock = self.sending_from
        elif due == day:
            return instant.astimezone(UTC)
        return self.local(due, clock)

    def local(self, day: date, clock: time) -> datetime:
        """The instant, in UTC, of a local time on a day.

        A time that the clock skips moves forward (02:30 becomes 03:30); of a time that comes twice the first is meant,
        unless `clock.fold` says the second (PEP 495), so that `to_local` can always be undone.
        """
        return datetime.combine(day, clock, self._zone).astimezone(UTC)

    def to_local(self, instant: datetime) -> datetime:
        """An instant in the school's own time. Raises ValueError for one without a time zone."""
        if instant.tzinfo is None:
            raise ValueError(f"{instant} has no time zone; pass an aware datetime")
        return instant.astimezone(self._zone)

    def _year(self, day: date) -> "_Year":
        first = _first_year(day)
        year = self._years.get(first)
        if year is None:
            year = self._years[first] = _year(self.region, self.overrides, first)
        return year


class _Year(NamedTuple):
    """What a school year of a calendar is asked for thousands of times."""

    free_days: Mapping[date, Holiday]
    is_estimated: bool  # of its school holidays at least one is
    working_after: dict[date, date]  # of a day that is free, the first that is not; filled as it is asked


def school_calendar(
    region: str = "Noord",
    overrides: Sequence[DayOff] = (),
    timezone: str = "Europe/Amsterdam",
    sending_from: time = time(8),
    sending_until: time = time(17),
    quiet: Sequence[QuietPeriod] = (),
) -> SchoolCalendar:
    """The calendar of a school, cheap to make: schools without own days off share what is computed.

    In: the holiday region (Noord, Midden, Zuid), the school's own days off, an IANA time zone, the local hours
    between which mail may go out (until: no longer at that minute) and the quiet periods in which none does. Days off that replace a holiday take the place of
    that region's dates in that school year, all of them together; others are added. Raises ValueError, with the
    remedy, for an unknown region or zone and for hours that never allow anything.
    """
    return SchoolCalendar(region, tuple(overrides), timezone, sending_from, sending_until, tuple(quiet))


def add_months(day: date, months: int) -> date:
    """The same day some months later, or earlier when negative; the last of the month where there is no such day.

    31 January and a month is 28 or 29 February. ValueError outside the years 1-9999.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not date.min.year <= year <= date.max.year:
        raise ValueError(f"{day} and {months} months is outside the calendar; check the number of months")
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _first_year(day: date) -> int:
    return day.year if day.month >= FIRST_MONTH else day.year - 1


def _own_holidays(region: str, overrides: tuple[DayOff, ...], first: int) -> list[Holiday]:
    """The region's holidays that begin in a school year, without those that the school replaces."""
    replaced = {off.replaces for off in overrides if off.replaces and off.holiday_year.first == first}
    return [holiday for holiday in school_holidays(region, first) if holiday.label not in replaced]


@lru_cache(maxsize=1024)
def _year(region: str, overrides: tuple[DayOff, ...], first: int) -> _Year:
    """The free days of a school year; of two holidays that claim a day the later in the list wins."""
    school_year = SchoolYear(first)
    of_this_year = _own_holidays(region, overrides, first)
    holidays = [
        *public_holidays(first),
        *_own_holidays(region, overrides, first - 1),  # its summer lasts into this year
        *of_this_year,
        *(
            Holiday(off.label, off.starts_on, off.ends_on)
            for off in overrides
            if off.starts_on <= school_year.ends_on and off.ends_on >= school_year.starts_on
        ),
    ]
    return _Year(
        free_days={day: holiday for holiday in holidays for day in holiday.days()},
        is_estimated=any(holiday.estimated for holiday in of_this_year),
        working_after={},
    )
