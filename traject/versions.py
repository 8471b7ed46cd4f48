"""The programme that a trajectory was launched with, from the text that was stored then."""

from functools import lru_cache

from traject.programme import Programme
from traject.programme_file import parse_programme


@lru_cache(maxsize=256)
def programme_of(text: str, name: str) -> Programme:
    """A programme version, from the text that was stored at its launch."""
    return parse_programme(text, name)
