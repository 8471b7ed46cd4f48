"""Which VTIMEZONE tells a calendar the local time of a date, and what offset a given VTIMEZONE means.

Own text, because `icalendar.Timezone.from_tzid` writes the onset of summer time in the new local time (03:00)
where RFC 5545 §3.6.5 asks the old (02:00), and lists dates instead of the yearly rule that Outlook reads.
"""

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from itertools import groupby
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from calendars.content_lines import Component, folded

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FIRST_YEAR = 1970
MAX_LINES = 1_000  # of an observance that others wrote; the longest real ones have some 200
_PROBE = timedelta(days=7)  # no zone changes its clock twice within a week


@dataclass(frozen=True, slots=True)
class _Change:
    """One change of a zone's clock: when, in the local time before it (naive), and the offsets around it."""

    onset: datetime
    before: timedelta
    after: timedelta
    name: str

    @property
    def kind(self) -> tuple[object, ...]:
        """What changes of one yearly rule have in common."""
        return self.onset.month, self.onset.weekday(), self.onset.time(), self.before, self.after, self.name

    @property
    def ordinals(self) -> set[int]:
        """The places of its weekday in its month: from the front (1-5) and, for the last, -1."""
        is_last = self.onset.day + 7 > monthrange(self.onset.year, self.onset.month)[1]
        return {(self.onset.day - 1) // 7 + 1} | ({-1} if is_last else set())


@lru_cache(maxsize=256)
def known_zone(tzid: str) -> ZoneInfo | None:
    """Return the IANA zone of that name, or None (also where zoneinfo fails on a folder, such as `Pacific`)."""
    try:
        return ZoneInfo(tzid)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def comes_twice(local: datetime) -> bool:
    """Whether that wall time is one that a change of the clock repeats or skips."""
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


@cache
def vtimezone(tzid: str, year: int, last_year: int | None = None) -> bytes:
    """Return the VTIMEZONE of an IANA zone, right from the start of `year` to the end of the year after `last_year`.

    Without `last_year` it is for the dates of one year.

    Yearly rules where the zone has them, with onsets as far back as the rule goes; dates where it has not.
    Raises ZoneInfoNotFoundError for an unknown zone.
    """
    zone = ZoneInfo(tzid)
    end = (year if last_year is None else last_year) + 3
    changes = list(_changes(zone, FIRST_YEAR, end - 1))
    near = [change for change in changes if change.onset.year >= year - 1]
    lines = ["BEGIN:VTIMEZONE", f"TZID:{tzid}"]
    by_dates: list[_Change] = []
    for _, group in groupby(
        sorted(near, key=lambda change: (change.kind, change.onset)), key=lambda one: one.kind
    ):
        wanted = list(group)
        rule = _yearly_rule(wanted, changes, range(year - 1, end))
        if rule is None:
            by_dates += wanted
        else:
            lines += _observance(*rule)
    if by_dates or not near:  # without a rule that began long ago, say what holds at the start
        start = datetime(year - 1, 1, 1, tzinfo=zone)
        offset = start.utcoffset() or timedelta()
        lines += _observance(
            _Change(start.replace(tzinfo=None), offset, offset, start.tzname() or tzid), None
        )
        for change in sorted(by_dates, key=lambda change: change.onset):
            lines += _observance(change, None)
    return b"".join(map(folded, [*lines, "END:VTIMEZONE"]))


def _changes(zone: ZoneInfo, first_year: int, last_year: int) -> Iterator[_Change]:
    """Yield every change of the zone's clock in these years (UTC), in order."""

    def clock(at: datetime) -> tuple[timedelta, str]:
        local = at.astimezone(zone)
        return local.utcoffset() or timedelta(), local.tzname() or ""

    at, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    while at < end:
        low, high = at, at + _PROBE
        if clock(low) != clock(high):
            while high - low > timedelta(seconds=1):
                middle = (low + (high - low) / 2).replace(microsecond=0)
                low, high = (middle, high) if clock(middle) == clock(at) else (low, middle)
            (before, _), (after, name) = clock(at), clock(high)
            yield _Change((high + before).replace(tzinfo=None), before, after, name)
        at += _PROBE


def _yearly_rule(
    wanted: list[_Change], changes: Iterable[_Change], years: range
) -> tuple[_Change, str] | None:
    """Return the first change of the yearly rule that holds in all these years and its RRULE, or None."""
    if [change.onset.year for change in wanted] != list(years):
        return None
    alike = {change.onset.year: change for change in changes if change.kind == wanted[0].kind}
    found: list[tuple[int, int]] = []
    for ordinal in set[int].intersection(*(change.ordinals for change in wanted)):
        first = years[0]
        while first - 1 in alike and ordinal in alike[first - 1].ordinals:
            first -= 1
        found.append((first, ordinal))
    if not found:
        return None
    first, ordinal = min(found)  # the rule that explains most years
    onset = wanted[0].onset
    return alike[first], f"RRULE:FREQ=YEARLY;BYMONTH={onset.month};BYDAY={ordinal}{WEEKDAYS[onset.weekday()]}"


def _observance(change: _Change, rule: str | None) -> list[str]:
    kind = "DAYLIGHT" if change.after > change.before else "STANDARD"
    return [
        f"BEGIN:{kind}",
        f"DTSTART:{change.onset:%Y%m%dT%H%M%S}",
        *([rule] if rule else []),
        f"TZOFFSETFROM:{_offset_text(change.before)}",
        f"TZOFFSETTO:{_offset_text(change.after)}",
        f"TZNAME:{change.name}",
        f"END:{kind}",
    ]


def _offset_text(offset: timedelta) -> str:
    seconds = int(abs(offset).total_seconds())
    text = f"{'-' if offset < timedelta() else '+'}{seconds // 3600:02}{seconds // 60 % 60:02}"
    return f"{text}{seconds % 60:02}" if seconds % 60 else text


def offset_at(zone: Component, local: datetime) -> timedelta:
    """Return the UTC offset that a VTIMEZONE gives to a local time (naive; the first of two when it comes twice).

    Raises ValueError, saying why, when the VTIMEZONE has no answer: a property missing or not understood (rules must
    be yearly, on a weekday of a month), or no observance that began by then.
    """
    observances = [part for part in zone.components if part.name in ("STANDARD", "DAYLIGHT")]
    if not observances:
        raise ValueError("it has no STANDARD and no DAYLIGHT")
    begun: list[tuple[datetime, timedelta]] = []
    for part in observances:
        offset = _offset(part, "TZOFFSETTO")
        begun += [(onset, offset) for onset in _onsets(part, local) if onset <= local]
    if not begun:
        raise ValueError(f"none of its observances has begun by {local:%Y-%m-%d}")
    return max(begun)[1]


def _onsets(observance: Component, local: datetime) -> Iterator[datetime]:
    """Yield the onsets of an observance that can be the last one before a local time."""
    if len(observance.lines) > MAX_LINES:
        raise ValueError(f"its {observance.name} has more than {MAX_LINES} lines")
    start = _local_time(_value(observance, "DTSTART"))
    yield start
    for line in observance.all("RDATE"):
        yield from map(_local_time, line.value.split(","))
    for line in observance.all("RRULE"):
        rule = {
            key.upper(): value.upper()
            for key, _, value in (part.partition("=") for part in line.value.split(";"))
        }
        until = _until(rule, _offset(observance, "TZOFFSETFROM"))
        for year in range(max(local.year - 1, 1), local.year + 1):
            onset = datetime.combine(_day_of_rule(rule, year), start.time())
            if onset >= start and (until is None or onset <= until):
                yield onset


def _day_of_rule(rule: dict[str, str], year: int) -> date:
    known = {"FREQ", "BYMONTH", "BYDAY", "BYMONTHDAY", "INTERVAL", "UNTIL", "WKST"}
    by_day = re.fullmatch(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)", rule.get("BYDAY", ""))
    month = re.fullmatch(r"0?([1-9])|(1[0-2])", rule.get("BYMONTH", ""))
    if (
        rule.get("FREQ") != "YEARLY"
        or rule.get("INTERVAL", "1") != "1"
        or not (by_day and month)
        or rule.keys() - known
    ):
        raise ValueError("its RRULE is not a yearly rule on a weekday of a month")
    number = int(month[0])
    days = [date(year, number, day) for day in range(1, monthrange(year, number)[1] + 1)]
    days = [day for day in days if WEEKDAYS[day.weekday()] == by_day[2]]
    if allowed := rule.get("BYMONTHDAY"):
        days = [day for day in days if str(day.day) in allowed.split(",")]
    ordinal = int(by_day[1] or 1)
    try:
        return days[ordinal - 1 if ordinal > 0 else ordinal]
    except IndexError as error:
        raise ValueError(f"its RRULE has no day in {year}") from error


def _until(rule: dict[str, str], before: timedelta) -> datetime | None:
    if "UNTIL" not in rule:
        return None
    text = rule["UNTIL"]
    if "T" not in text:
        return datetime.combine(_local_time(f"{text}T000000").date(), time.max)
    return _local_time(text.removesuffix("Z")) + (before if text.endswith("Z") else timedelta())


def _value(component: Component, name: str) -> str:
    line = component.first(name)
    if line is None:
        raise ValueError(f"its {component.name} has no {name}")
    return line.value.strip()


def _offset(observance: Component, name: str) -> timedelta:
    found = re.fullmatch(r"([+-])([01]\d|2[0-3])([0-5]\d)([0-5]\d)?", _value(observance, name))
    if found is None:
        raise ValueError(f"its {name} is no offset such as +0100")
    size = timedelta(hours=int(found[2]), minutes=int(found[3]), seconds=int(found[4] or 0))
    return -size if found[1] == "-" else size


def _local_time(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%S")  # noqa: DTZ007 local time of the zone itself
    except ValueError as error:
        raise ValueError("it has an onset that is no local time such as 19961027T030000") from error
