"""When somebody is taken: the bytes of their calendar (`.ics`, or a free/busy answer) in, intervals out.

Only when, never what: titles, places and guests are not looked at, are in no value and in no error. Not busy are
events that are transparent, cancelled, marked as free or as working elsewhere, and events without a length. Tentative
ones are: whoever may be elsewhere is not free. Of a free/busy answer every period counts that is not FREE.
Source: RFC 5545 §3.6.1, §3.6.4, §3.8.2.7.
"""

import re
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar, Event

MOST_BYTES = 5_000_000
MOST_TIMES = 20_000
"""More intervals than this is no person's calendar."""
YEARS = range(1970, 2100)
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
RULE_PARTS_BELOW_A_DAY = ("BYHOUR", "BYMINUTE", "BYSECOND")
NOT_TAKEN = ("FREE", "WORKINGELSEWHERE")  # X-MICROSOFT-CDO-BUSYSTATUS
DATES = frozenset({"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"})
ONE_DAY = timedelta(days=1)
LONGEST_READING = 20.0
"""Seconds. Rules that meet no day cost seconds each, and a hostile file may hold thousands."""

Interval = tuple[datetime, datetime]


class BusyFileError(ValueError):
    """A calendar that cannot be read: what is wrong and how to mend it, in Dutch and English; never what stands in it."""

    def __init__(self, dutch: str, english: str, line: int | None = None) -> None:
        self.dutch = f"{dutch}{f' (regel {line})' if line else ''}"
        self.english = f"{english}{f' (line {line})' if line else ''}"
        super().__init__(self.english)


def parse_busy(data: bytes, *, first: datetime, last: datetime, zone: ZoneInfo) -> list[Interval]:
    """The intervals in which the owner of a calendar is taken, between two instants, in UTC, merged and in order.

    In: the bytes (UTF-8 with or without BOM, else Windows-1252), the aware instants between which to look (what
    reaches over them is cut), the zone of times that name none. Raises BusyFileError, and nothing else, for bytes that
    are no calendar, too many, or hold an event whose time cannot be read.
    """
    text = _text(data)
    calendars = _calendars(text)
    found = _merged(_cut(_all(text, calendars, first, last, zone), first, last))
    if len(found) > MOST_TIMES:
        raise BusyFileError(
            "de agenda heeft te veel bezette tijden; geef de agenda van één persoon",
            "the calendar has too many busy times; give the calendar of one person",
        )
    return found


def _text(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise BusyFileError(
            f"de agenda is groter dan {MOST_BYTES // 1_000_000} MB; deel een agenda zonder bijlagen en zonder wat voorbij is",
            f"the calendar is larger than {MOST_BYTES // 1_000_000} MB; share one without attachments and without its past",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    lines = [line.strip().upper() for line in text.splitlines()]
    if "BEGIN:VCALENDAR" not in lines:
        raise BusyFileError(
            "dit is geen agenda; geef het adres van een iCalendar-bestand (.ics)",
            "this is no calendar; give the address of an iCalendar file (.ics)",
        )
    if "END:VCALENDAR" not in lines[-5:] or lines.count("BEGIN:VEVENT") != lines.count("END:VEVENT"):
        raise BusyFileError(
            "de agenda breekt halverwege af; deel hem opnieuw",
            "the calendar breaks off halfway; share it again",
            len(lines),
        )
    return text


def _calendars(text: str) -> list[Calendar]:
    try:
        found = Calendar.from_ical(text, multiple=True)
    except (
        Exception
    ):  # as IsADirectoryError for TZID=Pacific (icalendar 7.3); its message quotes the calendar
        raise BusyFileError(
            "de agenda kan niet worden gelezen; deel hem opnieuw",
            "the calendar cannot be read; share it again",
            _culprit(text),
        ) from None
    return [each for each in found if isinstance(each, Calendar)]


def _culprit(text: str) -> int | None:
    """The first line that cannot be read by itself: the name, a colon, a value."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith((" ", "\t")) and not re.match(r"[A-Za-z0-9-]+[:;]", line):
            return number
    return None


def _all(
    text: str, calendars: list[Calendar], first: datetime, last: datetime, zone: ZoneInfo
) -> Iterator[Interval]:
    lines = [n for n, line in enumerate(text.splitlines(), 1) if line.strip().upper() == "BEGIN:VEVENT"]
    families: dict[str, list[tuple[Event, int | None]]] = defaultdict(list)
    number = 0
    for calendar in calendars:
        for event in calendar.walk("VEVENT"):
            if isinstance(event, Event):
                at = lines[number] if number < len(lines) else None
                families[str(event.get("UID") or f"without UID {number}")].append((event, at))
                number += 1
        for answer in calendar.walk("VFREEBUSY"):
            yield from _answered(answer, zone)
    count, until = 0, monotonic() + LONGEST_READING
    for family in families.values():
        line = family[0][1]
        if monotonic() > until:
            raise BusyFileError(
                "de agenda heeft meer herhalingen dan te volgen zijn; deel hem zonder wat voorbij is",
                "the calendar has more repeating events than can be followed; share it without its past",
                line,
            )
        try:
            for event in _occurrences([event for event, _ in family], first, last, zone):
                if _is_taken(event) and (interval := _span(event, zone)):
                    yield interval
                    count += 1
                    if count > MOST_TIMES * 2:
                        return
        except _Unclear as unclear:
            raise _in_event(unclear.dutch, unclear.english, line) from None
        except Exception:  # icalendar and dateutil raise whatever they meet, and quote what they read
            raise _in_event("kan niet worden gelezen", "cannot be read", line) from None


def _in_event(dutch: str, english: str, line: int | None) -> BusyFileError:
    return BusyFileError(
        f"een afspraak {dutch}; verbeter hem in de agenda", f"an event {english}; correct it there", line
    )


class _Unclear(Exception):
    """Continues "an event …"; says nothing of what the event is about."""

    def __init__(self, dutch: str, english: str) -> None:
        self.dutch, self.english = dutch, english
        super().__init__(english)


def _occurrences(family: list[Event], first: datetime, last: datetime, zone: ZoneInfo) -> Iterable[Any]:
    for event in family:
        for name, _ in event.errors:
            if name in DATES:
                raise _Unclear(f"heeft een {name} die niet te lezen is", f"has a {name} that cannot be read")
    rules: list[Any] = [event["RRULE"] for event in family if event.get("RRULE")]
    if not rules and all(event.get("RDATE") is None for event in family):
        return [event for event in family if not _ended(event, first, zone)]
    for rule in rules:
        if not hasattr(rule, "get"):
            raise _Unclear("heeft twee regels om te herhalen", "has two rules by which it repeats")
        if rule.get("FREQ", [""])[0] not in FREQUENCIES or any(
            part in rule for part in RULE_PARTS_BELOW_A_DAY
        ):
            raise _Unclear("herhaalt zich binnen een dag", "repeats within a day")
        if rule.get("INTERVAL", [1])[0] < 1:  # dateutil would never come back
            raise _Unclear("herhaalt zich om de 0 keer", "repeats every 0 times")
        if not _can_meet(rule):  # else it would be followed to the year 9999
            raise _Unclear(
                "herhaalt zich op een dag die niet bestaat", "repeats on a day that does not exist"
            )
    _moment(family[0], "DTSTART")
    calendar = Calendar()
    for event in family:
        _moment(event, "DTSTART")
        calendar.add_component(event)
    return recurring_ical_events.of(calendar).between(first, last)


def _can_meet(rule: Any) -> bool:
    """Not so for 30 February."""
    months = rule.get("BYMONTH") or range(1, 13)
    days = rule.get("BYMONTHDAY") or [1]
    return any(abs(int(day)) <= monthrange(2028, int(month))[1] for month in months for day in days)


def _ended(event: Event, first: datetime, zone: ZoneInfo) -> bool:
    span = _span(event, zone)
    return span is None or span[1] <= first


def _is_taken(event: Event) -> bool:
    status = str(event.get("STATUS", "")).upper()
    shown = str(event.get("TRANSP", "")).upper()
    busy = str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper()
    return status != "CANCELLED" and shown != "TRANSPARENT" and busy not in NOT_TAKEN


def _span(event: Event, zone: ZoneInfo) -> Interval | None:
    """Begin and end; None for an event without a length."""
    begin = _moment(event, "DTSTART")
    starts_at = _instant(begin, zone)
    duration = getattr(event.get("DURATION"), "dt", None)
    if event.get("DTEND") is not None:
        ends_at = _instant(_moment(event, "DTEND"), zone)
    elif isinstance(duration, timedelta):
        ends_at = starts_at + duration
    elif isinstance(begin, datetime):
        ends_at = starts_at
    else:
        ends_at = _instant(begin + ONE_DAY, zone)
    if ends_at < starts_at:
        raise _Unclear("eindigt voor het begin", "ends before it begins")
    if ends_at == starts_at and not isinstance(begin, datetime):
        ends_at = _instant(begin + ONE_DAY, zone)
    return (starts_at, ends_at) if ends_at > starts_at else None


def _answered(answer: Any, zone: ZoneInfo) -> Iterator[Interval]:
    """The periods of a free/busy answer."""
    lines = answer.get("FREEBUSY", [])
    for line in lines if isinstance(lines, list) else [lines]:
        kind = str(line.params.get("FBTYPE", "BUSY")).upper() if hasattr(line, "params") else "BUSY"
        for period in getattr(line, "dts", None) or [line]:
            span = getattr(period, "dt", None)
            if not isinstance(span, tuple):
                raise BusyFileError(
                    "een bezette periode kan niet worden gelezen", "a busy period cannot be read"
                )
            begin, end = span
            starts_at = _instant(begin, zone)
            ends_at = starts_at + end if isinstance(end, timedelta) else _instant(end, zone)
            if kind != "FREE" and ends_at > starts_at:
                yield starts_at, ends_at


def _moment(event: Event, name: str) -> date:
    moment = getattr(event.get(name), "dt", None)
    if not isinstance(moment, date):
        raise _Unclear(f"heeft geen {name} met één datum", f"has no {name} that is one date")
    if moment.year not in YEARS:
        raise _Unclear(
            f"heeft een {name} in het jaar {moment.year}", f"has a {name} in the year {moment.year}"
        )
    return moment


def _instant(moment: date, zone: ZoneInfo) -> datetime:
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time(), zone)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _cut(found: Iterable[Interval], first: datetime, last: datetime) -> Iterator[Interval]:
    for starts_at, ends_at in found:
        if ends_at > first and starts_at < last:
            yield max(starts_at, first.astimezone(UTC)), min(ends_at, last.astimezone(UTC))


def _merged(found: Iterable[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for starts_at, ends_at in sorted(found):
        if merged and starts_at <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], ends_at))
        else:
            merged.append((starts_at, ends_at))
    return merged
