"""Which sentences are right, with `#` for a number and `~` for a key: what a wrong one is compared with."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from traject.programme import Anchor, Unit
from traject.words import (
    ANCHORS,
    CYCLES,
    MONTHS,
    PREDICATES,
    PREVIOUS_STAGE,
    SIGNS,
    UNITS,
    YEAR_WORDS,
    AnchorWords,
    inverse,
)

UNIT_WORDS: dict[str, tuple[Unit, int]] = {
    **{word: (unit, 1) for unit, both in UNITS.items() for words in both for word in words},
    **dict.fromkeys(YEAR_WORDS, (Unit.MONTHS, 12)),
}
SIGN_WORDS = inverse(SIGNS)


class Anchors(NamedTuple):
    """What a moment can be counted from, by phrase, and every sentence with `#` for a number and `~` for a key."""

    at: dict[str, Anchor]
    after: dict[str, Anchor]
    shapes: tuple[str, ...]


def _anchors(words: Mapping[Anchor, AnchorWords]) -> Anchors:
    at = inverse({anchor: both.at for anchor, both in words.items()})
    after = inverse({anchor: both.noun for anchor, both in words.items()})
    spans = [f"# {unit} {sign}" for unit in UNIT_WORDS for sign in SIGN_WORDS]
    ends = (*after, "stap ~", "step ~")
    shapes = (*at, "bij stap ~", "at step ~", *(f"{span} {end}" for span in spans for end in ends))
    return Anchors(at, after, shapes)


MOMENTS = _anchors(ANCHORS)
STARTS = _anchors({Anchor.LAUNCH: ANCHORS[Anchor.LAUNCH], Anchor.STAGE_ENDS: PREVIOUS_STAGE})
CYCLE_SHAPES = tuple(
    f"{pattern.format(every='#')} {between} # {month} {and_} # {other}"
    for language, (between, and_) in enumerate((("tussen", "en"), ("between", "and")))
    for pattern in (both[language] for both in CYCLES.values())
    for month in (names[language] for names in MONTHS)
    for other in (names[language] for names in MONTHS)
)
CONDITION_SHAPES = tuple(
    re.sub(r"\(\?:[^)]*\)", verb, pattern).format(key="~")
    for both in PREDICATES.values()
    for pattern in both
    for verb in (re.findall(r"\w+(?=[|)])", pattern) or [""])
)
