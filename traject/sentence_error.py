"""What is told of a sentence that is not understood: the part, what is possible there, the nearest right sentence."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from traject.programme import Text
from traject.words import DUTCH, ENGLISH

KEY = r"[a-z][a-z0-9-]*"
"""A role's, stage's or step's key."""


def plain(text: str) -> str:
    """The text in lower case with single spaces."""
    return " ".join(text.casefold().split())


NOT_UNDERSTOOD = Text("wordt niet begrepen", "is not understood")


class SentenceError(ValueError):
    """A sentence of a programme has a fault: which part, what is possible there, the nearest right sentence."""

    def __init__(
        self,
        sentence: str,
        part: str,
        possible: Iterable[str],
        nearest: str | None = None,
        *,
        reason: Text = NOT_UNDERSTOOD,
    ) -> None:
        self.sentence, self.part, self.possible, self.nearest = sentence, part, tuple(possible), nearest
        where = f" in {sentence!r}" if part != plain(sentence) else ""
        listed = ", ".join(self.possible)
        self.said = Text(
            f"{part!r} {reason.nl}{where}; hier kan: {listed}{f'; bedoel je {nearest!r}?' if nearest else ''}",
            f"{part!r} {reason.en}{where}; possible here: {listed}"
            f"{f'; did you mean {nearest!r}?' if nearest else ''}",
        )
        super().__init__(self.said.nl)


def not_understood(
    text: str, part: str, possible: Iterable[str], shapes: Iterable[str], *, whole: bool = True
) -> SentenceError:
    """The error with the nearest sentence: by shape, with the numbers and keys of `text` put back in.

    With `whole` false the shapes stand for `part` alone. What is possible is told in the sentence's own language.
    """
    sentence = plain(text)
    other = DUTCH if set(sentence.split()) & ENGLISH and not set(sentence.split()) & DUTCH else ENGLISH
    possible = [phrase for phrase in possible if not set(phrase.split()) & other]
    fills = re.findall(r"\d+(?:[:.]\d+)?", sentence)
    keys = re.findall(rf"(?:step|stap) ({KEY})", sentence)
    masked = sentence if whole else part
    for key in keys:
        masked = masked.replace(f" {key}", " ~", 1)
    nearest = get_close_matches(re.sub(r"\d+(?:[:.]\d+)?", "#", masked), list(shapes), 1, 0.6)
    if not nearest:
        return SentenceError(text, part, possible)
    said = nearest[0]
    if said.count("#") > len(fills) or said.count("~") > len(keys):
        return SentenceError(text, part, possible)
    for fill in fills:
        said = said.replace("#", fill, 1)
    for key in keys:
        said = said.replace("~", key, 1)
    return SentenceError(text, part, possible, said if whole else sentence.replace(part, said))
