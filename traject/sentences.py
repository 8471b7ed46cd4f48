"""What a sentence in a programme means, and how a value is said again, in Dutch and in English.

Every phrase stands in one table with one meaning; `parse_x(say(x, language)) == x` holds for every value a programme
can hold. A sentence may be in either language, with any capitals and spaces. Roles and steps are named by their keys.

A window that says only from when (`from 13:30`) gets a latest start: the one with which it still ends at 17:00, and
never before its earliest start (an evening meeting `from 19:30` starts at 19:30).
"""

import re
from collections.abc import Iterable, Mapping
from datetime import time, timedelta

from traject.programme import Anchor, Condition, Cycle, DayOfYear, Moment, Span, Text, Window
from traject.sentence_error import KEY, SentenceError, not_understood, plain
from traject.sentence_shapes import (
    CONDITION_SHAPES,
    CYCLE_SHAPES,
    MOMENTS,
    SIGN_WORDS,
    STARTS,
    UNIT_WORDS,
    Anchors,
)
from traject.words import (
    ANCHORS,
    ANY_DAY,
    CYCLES,
    ENGLISH,
    HOLIDAYS,
    MONTHS,
    PREDICATES,
    PREVIOUS_STAGE,
    SIGNS,
    UNITS,
    WEEKDAYS,
    WITHIN,
    AnchorWords,
    inverse,
)

END_OF_DAY = time(17, 0)
_FIRST_FIRST = ("1 augustus - 31 juli, de eerste dag eerst", "1 August - 31 July, the first day first")
LONGEST_AMOUNT = 3660  # ten years of days

_WEEKDAY = inverse(dict(enumerate(WEEKDAYS)))
_MONTH = inverse(dict(enumerate(MONTHS, start=1)))
_STEP = re.compile(rf"(?:step|stap) (?P<key>{KEY})")
_CLOCK = r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?: uur)?"


def parse_span(text: str) -> Span:
    """Read a length: `14 days`, `3 maanden`, `1 jaar` (12 months)."""
    sentence = plain(text)
    match = re.fullmatch(r"(\d+) (\S+)", sentence)
    if not match:
        raise not_understood(
            text, sentence, ("14 dagen", "2 weken", "3 maanden"), ("# dagen", "# weken", "# maanden")
        )
    return _span(text, match[1], match[2], [f"# {unit}" for unit in UNIT_WORDS])


def parse_moment(text: str) -> Moment:
    """Read a step's moment: `14 days before the stage ends, at 10:00`, `7 dagen na stap intake`."""
    return _moment(text, MOMENTS)


def parse_start(text: str) -> Moment:
    """Read a stage's start: `bij de lancering`, `na de vorige fase`, `2 weeks after the previous stage`.

    The previous stage's end is `Anchor.STAGE_ENDS` here.
    """
    return _moment(text, STARTS)


def parse_cycle(text: str) -> Cycle:
    """Read `every school year between 1 May and 30 June`; both days are inclusive, within 1 August - 31 July."""
    sentence = plain(text)
    match = re.fullmatch(r"(.+?) (?:between|tussen) (.+?) (?:and|en) (.+)", sentence)
    possible = (
        "elk schooljaar tussen 1 mei en 30 juni",
        "om het schooljaar tussen …",
        "elke 3 schooljaren tussen …",
    )
    if not match:
        raise not_understood(text, sentence, possible, CYCLE_SHAPES)
    every = _every(text, match[1])
    first, last = _day_of_year(text, match[2]), _day_of_year(text, match[3])
    if _in_school_year(first) > _in_school_year(last):
        raise SentenceError(
            text,
            f"{match[2]} - {match[3]}",
            (_FIRST_FIRST[_is_english(text)],),
            reason=Text("past niet in één schooljaar", "does not fit in one school year"),
        )
    return Cycle(every, first, last)


def parse_condition(text: str) -> Condition:
    """Read one condition: `there is a partner`, `stap intake is nog niet gedaan`, `the school is of type sbo`."""
    sentence = re.sub(r"^(?:only if|alleen als) ", "", plain(text))
    for predicate, patterns in PREDICATES.items():
        for pattern in patterns:
            match = re.fullmatch(pattern.format(key=f"(?P<key>{KEY})"), sentence)
            if match:
                return Condition(predicate, match["key"])
    possible = tuple(_first_words(PREDICATES[predicate][0]).format(key="…") for predicate in PREDICATES)
    raise not_understood(text, sentence, possible, CONDITION_SHAPES)


def parse_window(text: str) -> Window:
    """Read when a gathering may be: `within the stage, Tuesday or Thursday, from 13:30, 3 hours`.

    The parts stand in any order. Needed are a start (`from 13:30`, `at 13:30`, `between 13:00 and 14:30`) and a
    duration; without weekdays any working day will do; without a word about holidays it is not in one.
    """
    days: list[int] = []
    bounds: tuple[time, time | None] | None = None
    duration: timedelta | None = None
    since: Moment | None = None
    in_holidays = False
    for part in re.split(r",\s+", plain(text)):
        if part in WITHIN or part in ANY_DAY:
            continue
        if part in HOLIDAYS:
            in_holidays = HOLIDAYS[part]
        elif found := _bounds(text, part):
            bounds = found
        elif length := _duration(text, part):
            duration = length
        elif match := re.fullmatch(r"(?:from|vanaf) (.+)", part):
            since = parse_moment(match[1])
        else:
            days += _weekdays(text, part)
    if bounds is None:
        raise SentenceError(
            text,
            plain(text),
            ("vanaf 13:30", "om 13:30", "tussen 13:00 en 14:30"),
            reason=Text("heeft geen tijd", "has no time"),
        )
    if duration is None:
        raise SentenceError(
            text, plain(text), ("3 uur", "90 minuten"), reason=Text("heeft geen duur", "has no duration")
        )
    if since is not None and since.at is not None:
        raise SentenceError(
            text,
            f"{since.at:%H:%M}",
            ("a day" if _is_english(text) else "een dag",),
            reason=Text("is een tijd te veel", "is a time too many"),
        )
    earliest, latest = bounds
    return Window(
        duration,
        earliest,
        latest or default_latest(earliest, duration),
        tuple(sorted(set(days))),
        since,
        in_holidays,
    )


def default_latest(earliest: time, duration: timedelta) -> time:
    """The latest start when only the earliest is said: it still ends at 17:00, and is never before `earliest`."""
    minutes = END_OF_DAY.hour * 60 - int(duration.total_seconds() // 60)
    return max(earliest, time(*divmod(minutes, 60))) if minutes > 0 else earliest


def say(value: Span | Moment | Cycle | Condition | Window, language: str) -> str:
    """Say a value as a sentence in `nl` or `en` that the matching `parse_…` reads back as the same value.

    A window is said without `within the stage`: whether it lies in a stage or in a yearly period, its step knows.
    """
    english = language == "en"
    match value:
        case Span():
            return _say_span(value, english)
        case Moment():
            return _say_moment(value, english, ANCHORS)
        case Cycle():
            named = {1: CYCLES[1], 2: CYCLES[2]}.get(value.every, CYCLES[0])
            first, last = _say_day(value.first, english), _say_day(value.last, english)
            between, and_ = ("between", "and") if english else ("tussen", "en")
            return f"{named[english].format(every=value.every)} {between} {first} {and_} {last}"
        case Condition():
            return _first_words(PREDICATES[value.predicate][english]).format(key=value.subject)
        case Window():
            return ", ".join(_window_parts(value, english))


def say_start(value: Moment, language: str) -> str:
    """Say a stage's start; the other way of `parse_start`."""
    return _say_moment(value, language == "en", {**ANCHORS, Anchor.STAGE_ENDS: PREVIOUS_STAGE})


# Reading


def _is_english(text: str) -> bool:
    return bool(set(plain(text).split()) & ENGLISH)


def _moment(text: str, words: Anchors) -> Moment:
    sentence, at = plain(text), None
    if match := re.fullmatch(rf"(.+), (?:at|om) {_CLOCK}", sentence):
        sentence, at = match[1], _time(text, match["hour"], match["minute"])
    if sentence in words.at:
        return Moment(words.at[sentence], at=at)
    if match := re.fullmatch(rf"(?:at|bij) {_STEP.pattern}", sentence):
        return Moment(Anchor.STEP, step=match["key"], at=at)
    match = re.fullmatch(r"(\d+) (\S+) (\S+) (.+)", sentence)
    if not match:
        raise not_understood(text, sentence, (*words.at, "14 dagen na …", "2 weken voor …"), words.shapes)
    span = _span(text, match[1], match[2], words.shapes)
    if match[3] not in SIGN_WORDS:
        raise not_understood(text, match[3], SIGN_WORDS, words.shapes)
    if span.amount == 0:
        raise SentenceError(
            text,
            f"{match[1]} {match[2]}",
            ("1 dag", *words.at),
            reason=Text("is geen lengte", "is no length"),
        )
    if step := _STEP.fullmatch(match[4]):
        return Moment(Anchor.STEP, SIGN_WORDS[match[3]], span, step["key"], at)
    if match[4] not in words.after:
        raise not_understood(text, match[4], (*words.after, "stap …"), words.shapes)
    return Moment(words.after[match[4]], SIGN_WORDS[match[3]], span, at=at)


def _span(text: str, amount: str, word: str, shapes: Iterable[str]) -> Span:
    if word not in UNIT_WORDS:
        raise not_understood(text, word, UNIT_WORDS, shapes)
    unit, many = UNIT_WORDS[word]
    if len(amount) > 4 or int(amount) * many > LONGEST_AMOUNT:
        raise SentenceError(
            text, amount, (f"1 - {LONGEST_AMOUNT // many} {word}",), reason=Text("is te veel", "is too many")
        )
    return Span(int(amount) * many, unit)


def _every(text: str, words: str) -> int:
    for every, patterns in CYCLES.items():
        for pattern in patterns:
            match = re.fullmatch(pattern.replace("{every}", r"(\d{1,2})"), words)
            if match:
                count = every or int(match[1])
                if count:
                    return count
    raise not_understood(
        text, words, (p.format(every=3) for patterns in CYCLES.values() for p in patterns), CYCLE_SHAPES
    )


def _day_of_year(text: str, words: str) -> DayOfYear:
    match = re.fullmatch(r"(\d{1,2}) (\S+)", words)
    if not match or match[2] not in _MONTH:
        raise not_understood(text, words, ("1 mei", "30 juni", "1 May", "30 June"), CYCLE_SHAPES)
    day, month = int(match[1]), _MONTH[match[2]]
    if not 1 <= day <= _DAYS[month - 1]:
        raise SentenceError(
            text,
            words,
            (f"1 {match[2]} - {_DAYS[month - 1]} {match[2]}",),
            reason=Text("bestaat niet", "does not exist"),
        )
    return DayOfYear(month, day)


_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _in_school_year(day: DayOfYear) -> tuple[int, int]:
    return ((day.month - 8) % 12, day.day)


def _bounds(text: str, part: str) -> tuple[time, time | None] | None:
    clock = r"(\d{1,2})[:.](\d{2})(?: uur)?"
    if match := re.fullmatch(rf"(?:from|vanaf) {clock}", part):
        return _time(text, match[1], match[2]), None
    if match := re.fullmatch(rf"(?:at|om) {clock}", part):
        start = _time(text, match[1], match[2])
        return start, start
    if match := re.fullmatch(rf"(?:start )?(?:between|tussen) {clock} (?:and|en) {clock}", part):
        earliest, latest = _time(text, match[1], match[2]), _time(text, match[3], match[4])
        if latest < earliest:
            raise SentenceError(
                text,
                part,
                (f"{latest:%H:%M} - {earliest:%H:%M}",),
                reason=Text("eindigt voor het begint", "ends before it begins"),
            )
        return earliest, latest
    return None


def _duration(text: str, part: str) -> timedelta | None:
    if match := re.fullmatch(r"(\d{1,3})(?:[.,](5))? (?:uur|uren|hours?)", part):
        length = timedelta(hours=int(match[1]), minutes=30 if match[2] else 0)
    elif match := re.fullmatch(r"(\d{1,4}) (?:minuut|minuten|minutes?)", part):
        length = timedelta(minutes=int(match[1]))
    else:
        return None
    if not timedelta() < length <= timedelta(hours=24):
        raise SentenceError(
            text,
            part,
            ("1 minuut - 24 uur",),
            reason=Text("is te lang of te kort", "is too long or too short"),
        )
    return length


def _weekdays(text: str, part: str) -> list[int]:
    words = re.split(r" (?:of|or) ", part)
    for word in words:
        if word not in _WEEKDAY:
            possible = (*_WEEKDAY, "vanaf 13:30", "3 uur", *WITHIN, *HOLIDAYS)
            raise not_understood(text, word, possible, (*_WEEKDAY, *WITHIN, *HOLIDAYS), whole=False)
    return [_WEEKDAY[word] for word in words]


def _time(text: str, hour: str, minute: str) -> time:
    if int(hour) > 23 or int(minute) > 59:
        raise SentenceError(
            text, f"{hour}:{minute}", ("00:00 - 23:59",), reason=Text("bestaat niet", "does not exist")
        )
    return time(int(hour), int(minute))


# Saying


def _say_span(span: Span, english: bool) -> str:
    one, many = UNITS[span.unit][english]
    return f"{span.amount} {one if span.amount == 1 else many}"


def _say_moment(moment: Moment, english: bool, anchors: Mapping[Anchor, AnchorWords]) -> str:
    at = f", {'at' if english else 'om'} {moment.at:%H:%M}" if moment.at is not None else ""
    step = f"{'step' if english else 'stap'} {moment.step}"
    if moment.sign == 0:
        words = anchors[moment.anchor].at[english] if moment.anchor in anchors else ""
        return (words or f"{'at' if english else 'bij'} {step}") + at
    noun = anchors[moment.anchor].noun[english] if moment.anchor in anchors else step
    return f"{_say_span(moment.span, english)} {SIGNS[moment.sign][english]} {noun}{at}"


def _say_day(day: DayOfYear, english: bool) -> str:
    month = MONTHS[day.month - 1][english]
    return f"{day.day} {month.capitalize() if english else month}"


def _window_parts(window: Window, english: bool) -> Iterable[str]:
    if window.since:
        yield f"{'from' if english else 'vanaf'} {_say_moment(window.since, english, ANCHORS)}"
    names = [WEEKDAYS[day][english] for day in window.weekdays]
    if names:
        yield (" or " if english else " of ").join(name.capitalize() if english else name for name in names)
    if window.latest == window.earliest:
        yield f"{'at' if english else 'om'} {window.earliest:%H:%M}"
    elif window.latest == default_latest(window.earliest, window.duration):
        yield f"{'from' if english else 'vanaf'} {window.earliest:%H:%M}"
    else:
        words = ("between", "and") if english else ("start tussen", "en")
        yield f"{words[0]} {window.earliest:%H:%M} {words[1]} {window.latest:%H:%M}"
    hours, minutes = divmod(int(window.duration.total_seconds() // 60), 60)
    if minutes:
        yield f"{hours * 60 + minutes} {'minutes' if english else 'minuten'}"
    else:
        yield f"{hours} {('hour' if hours == 1 else 'hours') if english else 'uur'}"
    if english:
        yield "also in a holiday" if window.in_holidays else "not in a holiday"
    else:
        yield "ook in een vakantie" if window.in_holidays else "niet in een vakantie"


def _first_words(pattern: str) -> str:
    """The words that a pattern says: of `is (?:gedaan|gehouden)` the first."""
    return re.sub(r"\(\?:([^|)]*)[^)]*\)", r"\1", pattern)
