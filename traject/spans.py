"""Calendar arithmetic in the units of a programme: spans, and days within a school year."""

from datetime import date, timedelta

from calendars.school_year import SchoolYear, add_months
from traject.programme import Cycle, DayOfYear, Span, Unit

LEAST_WINDOW = timedelta(days=14)
"""Whoever starts later than this before the end of a period is asked in the next."""


def shift(day: date, span: Span, sign: int) -> date:
    """The day that lies a span before (-1) or after (1) a day; month ends stay month ends."""
    if span.unit is Unit.MONTHS:
        return add_months(day, sign * span.amount)
    return day + timedelta(days=sign * span.amount * (7 if span.unit is Unit.WEEKS else 1))


def year_bounds(year: SchoolYear, cycle: Cycle) -> tuple[date, date]:
    """The first and the last day of a cycle's window in a school year."""
    return _in_year(year, cycle.first), _in_year(year, cycle.last)


def comes_in(year: SchoolYear, cycle: Cycle, starts_on: date, ends_on: date) -> bool:
    """Whether what returns comes in this school year, in what lasts from a first to a last day."""
    first, last = year_bounds(year, cycle)
    is_late = starts_on > first and starts_on + LEAST_WINDOW > last
    number = year.first - SchoolYear.of(starts_on).first + 1
    return number > 0 and number % cycle.every == 0 and first <= ends_on and not is_late


def _in_year(year: SchoolYear, day: DayOfYear) -> date:
    number = year.starts_on.year + (0 if day.month >= 8 else 1)
    if (day.month, day.day) == (2, 29):
        return date(number, 3, 1) - timedelta(days=1)
    return date(number, day.month, day.day)
