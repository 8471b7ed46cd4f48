"""People, and the roles they hold in a trajectory over time."""

from datetime import date, datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from models.columns import choice, id_field, instant, ref
from models.enums import AddressState

_HAS_AGENDA = text("agenda <> ''")


class Person(SQLModel, table=True):
    """Someone who gets mail. The address, in lower case, is the key."""

    __tablename__ = "people"
    __table_args__ = (
        Index("ix_people_agenda", "id", sqlite_where=_HAS_AGENDA, postgresql_where=_HAS_AGENDA),
    )

    id: int | None = id_field()
    name: str
    email: str = Field(unique=True)
    language: str = "nl"
    organisation_id: int | None = ref("organisations.id", nullable=True)
    address_state: AddressState = choice(AddressState, AddressState.OK)
    address_state_at: datetime | None = instant(nullable=True)
    away_until: date | None = None  # said by an automatic answer
    unsubscribed_at: datetime | None = instant(nullable=True)  # from what may be unsubscribed
    agenda: str = ""  # staff: URL or file of a calendar or free/busy .ics
    agenda_read_at: datetime | None = instant(nullable=True)
    agenda_etag: str = ""  # of what was read, so that an unchanged calendar is not fetched again
    agenda_problem: str = ""  # in Dutch, and on a line of its own in English


class Alias(SQLModel, table=True):
    """Another address that a person answers from; linked by staff, once, from the mail that showed it."""

    __tablename__ = "aliases"

    id: int | None = id_field()
    email: str = Field(unique=True)
    person_id: int = ref("people.id")
    arrival_id: int | None = ref("inbox.id", nullable=True)
    linked_at: datetime = instant()


class BusyTime(SQLModel, table=True):
    """When somebody of the staff is taken, as their own calendar said when it was last read."""

    __tablename__ = "busy_times"

    id: int | None = id_field()
    person_id: int = ref("people.id")
    starts_at: datetime = instant()
    ends_at: datetime = instant()


class RoleHolder(SQLModel, table=True):
    """One person in one role of one trajectory, from one instant until another."""

    __tablename__ = "role_holders"
    __table_args__ = (
        Index(
            "uq_role_holders_current",
            "trajectory_id",
            "role",
            "person_id",
            unique=True,
            sqlite_where=text("until IS NULL"),
            postgresql_where=text("until IS NULL"),
        ),
    )

    id: int | None = id_field()
    trajectory_id: int = ref("trajectories.id")
    role: str
    person_id: int = ref("people.id")
    since: datetime = instant()
    until: datetime | None = instant(nullable=True)
