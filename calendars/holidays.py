"""Which holidays a school year has: the published ones of a region, or an estimate while there are none.

Source: PyPI `holidays`, country NL. School holidays are its category "school" (the ministry's "Regeling vaststelling
schoolvakanties"; Christmas, May and summer bind, autumn and spring are advice), public ones its category "public".
Bevrijdingsdag is public only every fifth year. Good Friday is counted as a public holiday: schools differ, so nothing
is planned or mailed on that day, also where a school is open.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import pairwise

from holidays.countries.netherlands import Netherlands

REGIONS = ("Noord", "Midden", "Zuid")  # in the order in which they take turns with the early summer
SCHOOL_HOLIDAYS = ("Herfstvakantie", "Kerstvakantie", "Voorjaarsvakantie", "Meivakantie", "Zomervakantie")

# The ISO week in which summer begins: a cycle of six years, the regions two years apart (Noord began it in 2015).
SUMMER_WEEKS = (28, 29, 30, 30, 29, 28)
SUMMER_CYCLE_BEGAN = 2015
SATURDAY = 6
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Holiday:
    """A period without school: `ends_on` is its last day. `estimated`: the dates are not published yet."""

    label: str
    starts_on: date
    ends_on: date
    estimated: bool = False

    def days(self) -> Iterator[date]:
        """Every day of it, first to last."""
        for ordinal in range(self.starts_on.toordinal(), self.ends_on.toordinal() + 1):
            yield date.fromordinal(ordinal)


@cache
def public_holidays(year: int) -> tuple[Holiday, ...]:
    """The Dutch public holidays of the school year that begins on 1 August of `year`, in order of date."""
    found = Netherlands(categories=("public",), years=(year, year + 1), language="nl")
    return tuple(
        Holiday(label, day, day)
        for day, label in sorted(found.items())
        if date(year, 8, 1) <= day <= date(year + 1, 7, 31)
    )


@cache
def school_holidays(region: str, year: int) -> tuple[Holiday, ...]:
    """The five school holidays that begin in the school year of 1 August `year`, in order of date.

    They are an estimate, all five, when the source does not have the whole year: it guesses a Christmas beyond the
    last published autumn (2030), which is not taken over. `region` is one of REGIONS.
    """
    published = tuple(_published(region, year))
    return published if len(published) == len(SCHOOL_HOLIDAYS) else _estimate(region, year)


def _published(region: str, year: int) -> Iterator[Holiday]:
    """The periods that the source has; it lists single days, each with the name of its holiday."""
    found = Netherlands(subdiv=region, categories=("school",), years=(year, year + 1), language="nl")
    days = sorted(found.items())
    firsts = [i for i, (day, label) in enumerate(days) if i == 0 or days[i - 1] != (day - ONE_DAY, label)]
    for first, after in pairwise([*firsts, len(days)]):
        starts_on, label = days[first]
        if date(year, 8, 1) <= starts_on <= date(year + 1, 7, 31):
            yield Holiday(label, starts_on, days[after - 1][0])


def _estimate(region: str, year: int) -> tuple[Holiday, ...]:
    """The pattern of the published years: Noord never left it by more than a week, the others once by two.

    Autumn in week 42, or 43 after a late summer; Christmas from the Saturday on or before the 25th, two weeks; spring
    from the third Saturday of February; May from the Saturday on or after 24 April; summer by turns, six weeks.
    """
    autumn_week = 43 if _summer_week(region, year) == max(SUMMER_WEEKS) else 42
    starts = (
        (_saturday_before(year, autumn_week), 1),
        (_saturday_from(date(year, 12, 19)), 2),
        (_saturday_from(date(year + 1, 2, 15)), 1),
        (_saturday_from(date(year + 1, 4, 24)), 1),
        (_saturday_before(year + 1, _summer_week(region, year + 1)), 6),
    )
    return tuple(
        Holiday(label, starts_on, starts_on + timedelta(weeks=weeks, days=1), estimated=True)
        for label, (starts_on, weeks) in zip(SCHOOL_HOLIDAYS, starts, strict=True)
    )


def _summer_week(region: str, year: int) -> int:
    return SUMMER_WEEKS[(year - SUMMER_CYCLE_BEGAN - 2 * REGIONS.index(region)) % len(SUMMER_WEEKS)]


def _saturday_before(year: int, week: int) -> date:
    return date.fromisocalendar(year, week - 1, SATURDAY)


def _saturday_from(day: date) -> date:
    return day + timedelta(days=(SATURDAY - day.isoweekday()) % 7)
