"""People, and the roles they hold in a trajectory over time."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from models.columns import choice, id_field, instant, ref
from models.enums import AddressState


class Person(SQLModel, table=True):
    """Someone who gets mail. The address, in lower case, is the key."""

    __tablename__ = "people"

    id: int | None = id_field()
    name: str
    email: str = Field(unique=True)
    language: str = "nl"
    organisation_id: int | None = ref("organisations.id", nullable=True)
    address_state: AddressState = choice(AddressState, AddressState.OK)
    address_state_at: datetime | None = instant(nullable=True)


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
