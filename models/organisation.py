"""Organisations, the schools among them, and the days on which a school is free."""

from datetime import date

from sqlmodel import Field, SQLModel

from models.columns import choice, id_field, ref
from models.enums import OrganisationKind


class Organisation(SQLModel, table=True):
    """A school, a culture partner, Hart itself or another body that people belong to."""

    __tablename__ = "organisations"

    id: int | None = id_field()
    kind: OrganisationKind = choice(OrganisationKind)
    name: str  # the display name: DUO's official ones cannot be used on a screen
    municipality: str = Field(default="", index=True)
    website: str = ""
    meeting_hours: str = ""  # weekdays and hours on which its people can meet; empty: always


class School(SQLModel, table=True):
    """What DUO says of one location of a school. The key is the vestigingscode: names change, addresses are shared."""

    __tablename__ = "schools"

    organisation_id: int = Field(foreign_key="organisations.id", primary_key=True)
    code: str = Field(unique=True, max_length=8)
    brin: str = ""
    sector: str = ""  # po, so, vo, mbo
    school_type: str = ""  # DUO's own: bo, sbo, so/vso, VBO/MAVO…
    official_name: str = ""
    street: str = ""
    house_number: str = ""
    postcode: str = ""
    place: str = ""
    denomination: str = ""
    board_number: str = ""
    edition: str = ""  # of DUO's file


class Location(SQLModel, table=True):
    """A place that gatherings name, and for how many people it is. One that is not here has room for everybody."""

    __tablename__ = "locations"

    id: int | None = id_field()
    name: str = Field(unique=True)  # as programmes write it: `place:`
    seats: int


class QuietPeriod(SQLModel, table=True):
    """Days on which no school is mailed, although schools work: only news about a meeting goes out."""

    __tablename__ = "quiet_periods"

    id: int | None = id_field()
    starts_on: date
    ends_on: date  # inclusive
    label: str


class DayOff(SQLModel, table=True):
    """Days on which one school is free, beside or instead of an official holiday."""

    __tablename__ = "days_off"

    id: int | None = id_field()
    organisation_id: int = ref("organisations.id")
    starts_on: date
    ends_on: date  # inclusive
    label: str = ""
    replaces: str | None = None  # the official holiday that it stands for, by its Dutch name
