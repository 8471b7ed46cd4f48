"""Calendar arithmetic in the units of a programme: spans, and days within a school year."""

from datetime import date, timedelta

from calendars.school_year import SchoolYear, add_months
from traject.programme import Cycle, DayOfYear, Span, Unit


def shift(day: date, span: Span, sign: int) -> date:
    """The day that lies a span before (-1) or after (1) a day; month ends stay month ends."""
    if span.unit is Unit.MONTHS:
        return add_months(day, sign * span.amount)
    return day + timedelta(days=sign * span.amount * (7 if span.unit is Unit.WEEKS else 1))


def year_bounds(year: SchoolYear, cycle: Cycle) -> tuple[date, date]:
    """The first and the last day of a cycle's window in a school year."""
    return _in_year(year, cycle.first), _in_year(year, cycle.last)


def _in_year(year: SchoolYear, day: DayOfYear) -> date:
    number = year.starts_on.year + (0 if day.month >= 8 else 1)
    if (day.month, day.day) == (2, 29):
        return date(number, 3, 1) - timedelta(days=1)
    return date(number, day.month, day.day)
