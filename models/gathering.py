"""Gatherings and the invitations to them."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from models.columns import choice, id_field, instant, ref
from models.enums import GatheringState, PartStat


class Gathering(SQLModel, table=True):
    """A meeting people are invited to. UID never changes; SEQUENCE never falls (RFC 5546 §2.1.4)."""

    __tablename__ = "gatherings"

    id: int | None = id_field()
    trajectory_id: int = ref("trajectories.id")
    step_id: int = ref("steps.id", unique=True)
    uid: str = Field(unique=True)
    sequence: int = 0
    state: GatheringState = choice(GatheringState, GatheringState.FIXED)
    title: str
    description: str = ""
    place: str = ""
    starts_at: datetime = instant(index=True)
    ends_at: datetime = instant()
    timezone: str = "Europe/Amsterdam"
    revision: int = 0  # rises with every change that people are told, also one that keeps SEQUENCE
    changed_at: datetime | None = instant(
        nullable=True
    )  # DTSTAMP and LAST-MODIFIED; None: not since it was fixed
    series: str = ""  # gatherings of one trajectory and cycle that belong together
    theme: str = Field(default="", index=True)  # what other trajectories ask for: muziek, beeldend…
    capacity: int | None = None  # places for those who are not required; None: as many as come
    materials_url: str = ""  # sent along with the thanks


class Invitation(SQLModel, table=True):
    """One person's place at one gathering.

    `sequence` is the SEQUENCE last sent to this person; `tag` ties mail that comes back (ORGANIZER, Reply-To, VERP) to
    this invitation and stays the same over updates.
    """

    __tablename__ = "invitations"
    __table_args__ = (
        UniqueConstraint("gathering_id", "person_id"),
        Index(
            "ix_invitations_nudge_wanted",
            "nudge_wanted_at",
            sqlite_where=text("nudge_wanted_at IS NOT NULL"),
            postgresql_where=text("nudge_wanted_at IS NOT NULL"),
        ),
    )

    id: int | None = id_field()
    gathering_id: int = ref("gatherings.id", index=False)
    person_id: int = ref("people.id")
    tag: str = Field(unique=True)
    address: str  # as invited: replies name it
    sequence: int = 0
    partstat: PartStat = choice(PartStat, PartStat.NEEDS_ACTION)
    answered_at: datetime | None = instant(nullable=True)
    answer_sequence: int | None = None
    answer_dtstamp: datetime | None = instant(nullable=True)
    comment: str = ""
    is_cancelled: bool = False
    is_required: bool = True  # has a place whatever the capacity (ROLE=REQ-PARTICIPANT)
    step_id: int | None = ref("steps.id", nullable=True)  # in another trajectory, that asked for the theme
    waiting_since: datetime | None = instant(nullable=True)  # accepted when it was full
    offered_until: datetime | None = instant(nullable=True)  # a place came free; until when it is kept
    nudge_wanted_at: datetime | None = instant(
        nullable=True
    )  # from when: asked once more, in one mail a person
    proposed_starts_at: datetime | None = instant(nullable=True)  # COUNTER: another time that was proposed
    proposed_ends_at: datetime | None = instant(nullable=True)
    proposed_at: datetime | None = instant(nullable=True)  # its DTSTAMP; kept, so that no older one counts
    attended: bool | None = None  # None: not recorded yet
