"""What a change of a gathering means for those who were invited: nothing, other words, or a new question.

The table of RFC 5546 §2.1.4: whatever could undo an acceptance raises SEQUENCE and asks everybody again; other words get
a new DTSTAMP, and the answers stay.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum

from models import Gathering
from models.enums import GatheringState


class Significance(StrEnum):
    """How much a change matters to a calendar."""

    NOTHING = "nothing"  # nothing changed, nothing is sent
    WORDS = "words"  # a new DTSTAMP, the same SEQUENCE, answers kept
    NEW = "new"  # a higher SEQUENCE, PARTSTAT back to NEEDS-ACTION


@dataclass(frozen=True, slots=True)
class Told:
    """What people are told of a gathering."""

    starts_at: datetime
    ends_at: datetime
    place: str
    title: str
    description: str
    is_cancelled: bool = False


MEANING: dict[str, Significance] = {
    "starts_at": Significance.NEW,
    "ends_at": Significance.NEW,
    "place": Significance.NEW,
    "is_cancelled": Significance.NEW,
    "title": Significance.WORDS,
    "description": Significance.WORDS,
}


def told(gathering: Gathering) -> Told:
    """What people are told of it as it is now."""
    return Told(
        starts_at=gathering.starts_at,
        ends_at=gathering.ends_at,
        place=gathering.place,
        title=gathering.title,
        description=gathering.description,
        is_cancelled=gathering.state is GatheringState.CANCELLED,
    )


def changed(before: Told, after: Told) -> frozenset[str]:
    """The names of what differs."""
    return frozenset(
        each.name for each in fields(Told) if getattr(before, each.name) != getattr(after, each.name)
    )


def significance(before: Told, after: Told) -> Significance:
    """The most that any of the differences means."""
    meanings = {MEANING[name] for name in changed(before, after)}
    return next(
        (one for one in (Significance.NEW, Significance.WORDS) if one in meanings), Significance.NOTHING
    )
