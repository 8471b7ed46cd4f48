"""The words of the sentences in a programme: for every meaning its Dutch and its English phrase, in that order."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeVar

from traject.programme import Anchor, Predicate, Unit

M = TypeVar("M")

PARTS = {"reminder": "Reminder: ", "nudge": "Asked again: "}
"""What the English title of a step begins with where a row belongs to it: `reminder-1` of `intake/reminder-1`."""


class AnchorWords(NamedTuple):
    """How an anchor is said: as a moment of its own, and after a span (`14 days before …`)."""

    at: tuple[str, str]
    noun: tuple[str, str]


ANCHORS: dict[Anchor, AnchorWords] = {
    Anchor.LAUNCH: AnchorWords(("bij de lancering", "at the launch"), ("de lancering", "the launch")),
    Anchor.STAGE_OPENS: AnchorWords(
        ("bij de start van de fase", "when the stage opens"), ("de start van de fase", "the stage opens")
    ),
    Anchor.STAGE_ENDS: AnchorWords(
        ("bij het einde van de fase", "when the stage ends"), ("het einde van de fase", "the stage ends")
    ),
    Anchor.TRAJECTORY_ENDS: AnchorWords(
        ("bij het einde van het traject", "when the trajectory ends"),
        ("het einde van het traject", "the trajectory ends"),
    ),
    Anchor.CYCLE_OPENS: AnchorWords(
        ("bij het begin van de periode", "when the period opens"),
        ("het begin van de periode", "the period opens"),
    ),
}
"""`Anchor.STEP` is not here: it is said as `stap intake`, `step intake`."""

PREVIOUS_STAGE = AnchorWords(
    ("na de vorige fase", "after the previous stage"), ("de vorige fase", "the previous stage")
)

UNITS: dict[Unit, tuple[tuple[str, str], tuple[str, str]]] = {
    Unit.DAYS: (("dag", "dagen"), ("day", "days")),
    Unit.WEEKS: (("week", "weken"), ("week", "weeks")),
    Unit.MONTHS: (("maand", "maanden"), ("month", "months")),
}
YEAR_WORDS = ("jaar", "year", "years")  # twelve months

SIGNS: dict[Literal[-1, 1], tuple[str, str]] = {-1: ("voor", "before"), 1: ("na", "after")}

WEEKDAYS = (
    ("maandag", "monday"),
    ("dinsdag", "tuesday"),
    ("woensdag", "wednesday"),
    ("donderdag", "thursday"),
    ("vrijdag", "friday"),
    ("zaterdag", "saturday"),
    ("zondag", "sunday"),
)
ANY_DAY = ("elke werkdag", "any working day")

MONTHS = (
    ("januari", "january"),
    ("februari", "february"),
    ("maart", "march"),
    ("april", "april"),
    ("mei", "may"),
    ("juni", "june"),
    ("juli", "july"),
    ("augustus", "august"),
    ("september", "september"),
    ("oktober", "october"),
    ("november", "november"),
    ("december", "december"),
)

CYCLES: dict[int, tuple[str, str]] = {
    1: ("elk schooljaar", "every school year"),
    2: ("om het schooljaar", "every other school year"),
    0: ("elke {every} schooljaren", "every {every} school years"),  # any other number
}

WITHIN = ("binnen de fase", "within the stage", "binnen de periode", "within the period")
HOLIDAYS = {
    "niet in een vakantie": False,
    "not in a holiday": False,
    "ook in een vakantie": True,
    "also in a holiday": True,
}

PREDICATES: dict[Predicate, tuple[str, str]] = {
    Predicate.HAS_ROLE: ("er is een {key}", "there is (?:a|an) {key}"),
    Predicate.LACKS_ROLE: ("er is geen {key}", "there is no {key}"),
    Predicate.STEP_DONE: (
        "stap {key} is (?:gedaan|gehouden|beantwoord|verstuurd)",
        "step {key} is (?:done|held|answered|sent)",
    ),
    Predicate.STEP_OPEN: (
        "stap {key} is nog niet (?:gedaan|gehouden|beantwoord|verstuurd)",
        "step {key} is not yet (?:done|held|answered|sent)",
    ),
    Predicate.SCHOOL_TYPE: ("de school is van het type {key}", "the school is of type {key}"),
}
"""Patterns: of the words in `(?:…|…)` each is read, the first is said."""


def inverse(phrases: Mapping[M, tuple[str, str]]) -> dict[str, M]:
    """Every phrase with its meaning."""
    return {phrase: meaning for meaning, both in phrases.items() for phrase in both}


def _vocabulary(language: int) -> set[str]:
    tables = (SIGNS, CYCLES, PREDICATES, dict(enumerate(WEEKDAYS)), dict(enumerate(MONTHS)))
    phrases = [both[language] for table in tables for both in table.values()]
    phrases += [words.at[language] for words in (*ANCHORS.values(), PREVIOUS_STAGE)]
    phrases += [word for both in UNITS.values() for word in both[language]]
    phrases += [*WITHIN[language::2], *list(HOLIDAYS)[language::2], ANY_DAY[language]]
    return {word for phrase in phrases for word in phrase.split() if word.isalpha()}


DUTCH = frozenset(_vocabulary(0) - _vocabulary(1))
ENGLISH = frozenset(_vocabulary(1) - _vocabulary(0))
"""The words by which the language of a sentence is known."""


def part_in_english(part: str) -> str:
    """What comes before the step's English title; empty for the step itself."""
    return next((words for kind, words in PARTS.items() if part.startswith(kind)), "")
