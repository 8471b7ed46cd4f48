"""Which days off a school's own calendar file tells: `.ics` bytes in, DayOff values out.

Taken is an event whose name says that the whole school is free, in whole words: a holiday (`...vakantie`, also in two
words), `vrij`, `vrije dag`, `lesvrij`, `roostervrij`, `vrijaf`, `studiedag`, `margedag`, `roosterdag`, `teamdag`,
`calamiteitendag`, `verhuisdag`, `feestdag`, Pasen, Goede Vrijdag, Hemelvaart, Pinksteren, Koningsdag, Bevrijdingsdag,
Kerst, Nieuwjaar. Left out, because the school is then open for somebody: a name that speaks of a part of the day or of
the school (`middag`, `uur`, `groep`, `onderbouw`), of the days around (`laatste schooldag`, `voor de`, `begin`), of a
party (`viering`, `ontbijt`), or that says `niet` or `geen`; and a cancelled event.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar, Event

from calendars.holidays import SCHOOL_HOLIDAYS
from calendars.school_year import DayOff, SchoolYear

ZONE = ZoneInfo("Europe/Amsterdam")
SCHOOL_DAY = (time(9), time(15))  # an event that covers these hours takes the whole day
LONGEST = timedelta(weeks=10)
RULES_FOLLOWED = timedelta(days=3653)  # ten years: a rule without an end has to end somewhere
MOST_BYTES = 2_000_000
# A holiday that is shorter in the file is a mark at its beginning, and does not take the place of the official one.
SHORTEST_HOLIDAY = 5
ONE_DAY = timedelta(days=1)

FREE = re.compile(
    r"\b(\w*vakantie|vrij|vrije dag(en)?|(les|rooster)vrije?|vrijaf|(studie|marge|rooster|team)-?dag(en)?"
    r"|calamiteitendag|verhuisdag(en)?|feestdag(en)?|pasen|paas(zondag|maandag|dag(en)?|weekend)|goede vrijdag"
    r"|hemelvaart(sdag|sweekend)?|pinksteren|pinkster(maandag|dag(en)?)|(koning|bevrijding)sdag"
    r"|kerst(mis|dag(en)?)?|nieuwjaar(sdag)?)\b"
)
OPEN_ALL_THE_SAME = re.compile(
    r"middag|ochtend|avond|viering|ontbijt|diner|lunch|\b(uur|groep(en)?|klas(sen)?|leerjaar|kleuters"
    r"|(onder|midden|boven)bouw|(eerste|laatste) (school|les)dag|(voor|na) (de|het)|begin|begint|start|eind|einde"
    r"|niet|geen|\w*rooster)\b"
)
OFFICIAL_NAMES = {name.lower(): name for name in SCHOOL_HOLIDAYS} | {"krokusvakantie": "Voorjaarsvakantie"}
YEARS = range(2000, 2100)  # outside it a year is a slip of the keyboard
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
RULE_PARTS_BELOW_A_DAY = ("BYHOUR", "BYMINUTE", "BYSECOND")
EXPORT_AGAIN = (
    "exporteer de agenda opnieuw als iCalendar-bestand (.ics)",
    "export the calendar again as an iCalendar file (.ics)",
)
CORRECT = ("verbeter het in de agenda van de school", "correct it in the school's calendar")
InBoth = tuple[str, str]
"""A text in Dutch and in English."""


class CalendarFileError(ValueError):
    """A school's calendar file cannot be read. Says which file, where in it, what is wrong and how to mend it."""

    def __init__(self, source: str, line: int, what: InBoth, remedy: InBoth) -> None:
        self.dutch, self.english = (
            f"{source}:{line}: {said}; {mended}" for said, mended in zip(what, remedy, strict=True)
        )
        super().__init__(self.dutch)
        self.source = source
        self.line = line
        self.what = what
        self.remedy = remedy


def parse_school_ics(data: bytes, *, source: str) -> list[DayOff]:
    """The days off in a school's own calendar file, in order of date, each once; empty when it names none.

    Which events count stands at the head of this module. An event takes the days of which it covers 9:00-15:00,
    Amsterdam time; times without a zone, and with an unknown one, are read as Amsterdam time. Repeating events are
    followed for ten years. A name that is an official school holiday (`Meivakantie`, `Krokusvakantie 2027`) sets
    `replaces`, if the file gives that holiday at least five days in that school year.

    In: the bytes of the file (UTF-8 with or without BOM, else Windows-1252; any line end) and its name for messages.
    Raises CalendarFileError, and nothing else, for a file that cannot be read or a free day that cannot be dated.
    Source: RFC 5545 §3.6.1, §3.8.
    """
    text = _text(data, source)
    days_off: set[DayOff] = set()
    for line, series in _series(text, source):
        try:
            days_off.update(_days_off(series))
        except _Unclear as error:
            name = _name(series[0])
            what = (f"de gebeurtenis {name!r} {error.what[0]}", f"the event {name!r} {error.what[1]}")
            raise CalendarFileError(source, line, what, error.remedy) from error
        except Exception as error:  # icalendar and dateutil raise whatever they meet
            name = _name(series[0])
            what = (
                f"de gebeurtenis {name!r} kan niet worden gelezen ({error})",
                f"the event {name!r} cannot be read ({error})",
            )
            raise CalendarFileError(source, line, what, CORRECT) from error
    return mark_replacements(days_off)


class _Unclear(Exception):
    """An event that does not tell its days; the message continues "the event 'x' ..."."""

    def __init__(self, what: InBoth, remedy: InBoth) -> None:
        super().__init__(what[1])
        self.what, self.remedy = what, remedy


def _text(data: bytes, source: str) -> str:
    """The file as text, known to hold a calendar from its beginning to its end."""
    if len(data) > MOST_BYTES:
        what = (
            f"het bestand heeft {len(data)} bytes, meer dan {MOST_BYTES}",
            f"the file has {len(data):,} bytes, more than {MOST_BYTES:,}",
        )
        remedy = ("exporteer alleen één of twee schooljaren", "export one or two school years only")
        raise CalendarFileError(source, 1, what, remedy)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    lines = text.upper().splitlines()
    if "BEGIN:VCALENDAR" not in (line.strip() for line in lines):
        what = (
            "dit is geen agenda: BEGIN:VCALENDAR ontbreekt",
            "this is not a calendar: BEGIN:VCALENDAR is missing",
        )
        raise CalendarFileError(source, 1, what, EXPORT_AGAIN)
    if lines[-1].strip() != "END:VCALENDAR" and "END:VCALENDAR" not in (line.strip() for line in lines[-5:]):
        what = (
            "de agenda breekt af voor END:VCALENDAR",
            "the calendar breaks off before END:VCALENDAR",
        )
        raise CalendarFileError(source, len(lines), what, EXPORT_AGAIN)
    return text


def _series(text: str, source: str) -> Iterator[tuple[int, list[Event]]]:
    """The events that name a free day, with the line on which they begin; those that share a repeating rule together."""
    try:
        calendars = Calendar.from_ical(text, multiple=True)
    except Exception as error:  # as IsADirectoryError for TZID=Pacific (icalendar 7.3)
        line, content = _culprit(text, str(error))
        reason = ("onbekende tijdzone", "unknown time zone") if isinstance(error, OSError) else (error, error)
        what = (
            f"{content!r} kan niet worden gelezen ({reason[0]})",
            f"{content!r} cannot be read ({reason[1]})",
        )
        raise CalendarFileError(source, line, what, EXPORT_AGAIN) from error
    lines = [n for n, line in enumerate(text.splitlines(), 1) if line.strip().upper() == "BEGIN:VEVENT"]
    events = [
        event for calendar in calendars for event in calendar.walk("VEVENT") if isinstance(event, Event)
    ]
    if len(lines) != len(events):
        what = ("een gebeurtenis heeft geen END:VEVENT", "an event has no END:VEVENT")
        raise CalendarFileError(source, lines[-1] if lines else 1, what, EXPORT_AGAIN)
    by_uid: dict[str, list[Event]] = {}
    for n, event in enumerate(events):
        by_uid.setdefault(str(event.get("UID", f"without UID {n}")), []).append(event)
    for line, event in zip(lines, events, strict=True):
        family = by_uid.get(str(event.get("UID")), [event])
        repeats = any(e.get("RRULE") or e.get("RDATE") is not None for e in family)
        if not repeats:
            family = [event]
        elif event.get("RECURRENCE-ID") is not None:
            continue  # told by the event that it changes
        if any(_is_free(e) for e in family):
            yield line, family


def _culprit(text: str, message: str) -> tuple[int, str]:
    """The content line that an error speaks of: the longest that it quotes, else the first zone it can stumble on."""
    lines = list(enumerate(text.splitlines(), 1))
    quoted = [(n, line.strip()) for n, line in lines if line.strip() and line.strip() in message]
    zones = [
        (n, line) for n, line in lines if (z := re.search(r'TZID="?([^:;"]+)', line)) and z[1] in message
    ]
    return max(quoted, key=lambda found: len(found[1]), default=(zones or [(1, "the file")])[0])


def _days_off(series: list[Event]) -> Iterator[DayOff]:
    """The days off of one event, or of all that repeat by its rule."""
    for event in series:
        for name, problem in event.errors:
            if name in {"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"}:
                raise _Unclear(
                    (
                        f"heeft een {name} die niet te lezen is ({problem})",
                        f"has a {name} that cannot be read ({problem})",
                    ),
                    CORRECT,
                )
    for event in _occurrences(series):
        if not _is_free(event):
            continue
        starts_at, ends_at = _span(event)
        first = starts_at.date() if starts_at.time() <= SCHOOL_DAY[0] else starts_at.date() + ONE_DAY
        last = ends_at.date() if ends_at.time() >= SCHOOL_DAY[1] else ends_at.date() - ONE_DAY
        if first <= last:
            yield DayOff(first, last, _name(event))


def _occurrences(series: list[Event]) -> Iterable[Any]:
    rules: list[Any] = [event["RRULE"] for event in series if event.get("RRULE")]
    if not rules and all(event.get("RDATE") is None for event in series):
        return series
    for rule in rules:
        if rule.get("FREQ", [""])[0] not in FREQUENCIES or any(
            part in rule for part in RULE_PARTS_BELOW_A_DAY
        ):
            raise _Unclear(
                ("herhaalt zich binnen een dag", "repeats within a day"),
                (
                    "laat haar per dag, week, maand of jaar herhalen",
                    "let it repeat by day, week, month or year",
                ),
            )
        if rule.get("INTERVAL", [1])[0] < 1:  # dateutil would never come back
            raise _Unclear(
                ("herhaalt zich om de 0 keer", "repeats every 0 times"),
                ("verbeter hoe vaak zij herhaalt", "correct how often it repeats"),
            )
    begin = min(_local(event, "DTSTART") for event in series)
    calendar = Calendar()
    for event in series:
        calendar.add_component(event)
    return recurring_ical_events.of(calendar).between(begin - ONE_DAY, begin + RULES_FOLLOWED)


def _span(event: Event) -> tuple[datetime, datetime]:
    """Begin and end in Amsterdam time, without zone; an all-day event ends on the midnight after its last day."""
    starts_at = _local(event, "DTSTART")
    duration = getattr(event.get("DURATION"), "dt", None)
    if event.get("DTEND") is not None:
        ends_at = _local(event, "DTEND")
    else:
        ends_at = starts_at + (duration if isinstance(duration, timedelta) else timedelta())
    if ends_at < starts_at:
        raise _Unclear(
            (
                f"eindigt op {ends_at:%d-%m-%Y}, voor het begin op {starts_at:%d-%m-%Y}",
                f"ends on {ends_at:%Y-%m-%d}, before it begins on {starts_at:%Y-%m-%d}",
            ),
            ("verbeter haar einde", "correct its end"),
        )
    if ends_at == starts_at and not isinstance(_moment(event, "DTSTART"), datetime):
        ends_at += ONE_DAY  # no end, or an end on the same day: one whole day
    if ends_at - starts_at > LONGEST:
        raise _Unclear(
            (
                f"duurt {(ends_at - starts_at).days} dagen, langer dan elke vakantie",
                f"lasts {(ends_at - starts_at).days} days, longer than any holiday",
            ),
            (
                f"verbeter haar einde, of knip haar in stukken van hoogstens {LONGEST.days} dagen",
                f"correct its end, or cut it into parts of at most {LONGEST.days} days",
            ),
        )
    return starts_at, ends_at


def _local(event: Event, name: str) -> datetime:
    """A date property in Amsterdam time, without zone: a day is its midnight."""
    moment = _moment(event, name)
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time())
    return moment if moment.tzinfo is None else moment.astimezone(ZONE).replace(tzinfo=None)


def _moment(event: Event, name: str) -> date:
    moment = getattr(event.get(name), "dt", None)
    if not isinstance(moment, date):
        raise _Unclear(
            (f"heeft geen {name} met één datum", f"has no {name} that is one date"),
            (
                "geef haar één datum in de agenda van de school",
                "give it one date in the school's calendar",
            ),
        )
    if moment.year not in YEARS:
        raise _Unclear(
            (f"heeft een {name} in het jaar {moment.year}", f"has a {name} in the year {moment.year}"),
            ("verbeter het jaar", "correct the year"),
        )
    return moment


def _name(event: Event) -> str:
    summary = event.get("SUMMARY", "")
    return " ".join(str(summary[0] if isinstance(summary, list) else summary).split())


def _is_free(event: Event) -> bool:
    name = _name(event).casefold()
    cancelled = str(event.get("STATUS", "")).upper() == "CANCELLED"
    return bool(FREE.search(name)) and not OPEN_ALL_THE_SAME.search(name) and not cancelled


def mark_replacements(days_off: Collection[DayOff]) -> list[DayOff]:
    """The same days in order, those that stand for an official holiday (by name, five days or more) marked as such."""
    lengths: Counter[tuple[str | None, SchoolYear]] = Counter()
    for off in days_off:
        lengths[_official_name(off.label), off.holiday_year] += (off.ends_on - off.starts_on).days + 1
    marked = [
        DayOff(off.starts_on, off.ends_on, off.label, name)
        if (name := _official_name(off.label)) and lengths[name, off.holiday_year] >= SHORTEST_HOLIDAY
        else off
        for off in days_off
    ]
    return sorted(marked, key=lambda off: (off.starts_on, off.ends_on, off.label))


def _official_name(label: str) -> str | None:
    """The official holiday that a label names, apart from years, marks and how it is spaced: `Mei vakantie 2027`."""
    return OFFICIAL_NAMES.get("".join(re.findall(r"[^\W\d_]+", label.casefold())))
