"""Which schools Traject knows: files of schools become rows, by vestigingscode, as often as one likes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from sqlmodel import Session, select

from models import Organisation, School
from models.enums import OrganisationKind
from traject.errors import Refused
from traject.school_file import SchoolFileError, SchoolProblem, SchoolRecord, read_schools
from traject.school_names import display_name

__all__ = [
    "AREA",
    "ImportReport",
    "SchoolFileError",
    "SchoolProblem",
    "SchoolRecord",
    "import_schools",
    "in_area",
    "read_schools",
    "school_with",
    "shipped_schools",
]

AREA = ("Haarlem", "Heemstede", "Zandvoort")
"""The municipalities that Hart works for; DUO's lists are of the whole country."""

SHIPPED = Path(__file__).parent / "data" / "schools.csv"

_FACTS = (
    "brin",
    "sector",
    "school_type",
    "official_name",
    "street",
    "house_number",
    "postcode",
    "place",
    "denomination",
    "board_number",
)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, by vestigingscode in the order of the file."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]


def school_with(session: Session, code: str) -> Organisation:
    """The school with this vestigingscode, in capitals or not. Refused when there is none."""
    query = select(Organisation).join(School).where(School.code == code.strip().upper())
    found = session.exec(query).first()
    if found is None:
        raise Refused(
            f"school ‘{code}’ bestaat niet; `traject schools list` toont de codes",
            f"there is no school ‘{code}’; `traject schools list` shows the codes",
        )
    return found


def shipped_schools() -> list[SchoolRecord]:
    """The schools of Haarlem, Heemstede and Zandvoort that come with Traject. Source: DUO, the edition in each row."""
    return read_schools(SHIPPED.read_bytes(), SHIPPED.name)


def in_area(records: Iterable[SchoolRecord], area: Sequence[str] = AREA) -> list[SchoolRecord]:
    """The records that belong to Hart: from DUO's lists only these municipalities, from other files all."""
    wanted = {municipality.casefold() for municipality in area}
    return [r for r in records if not r.from_duo or r.municipality.casefold() in wanted]


def import_schools(session: Session, records: Sequence[SchoolRecord]) -> ImportReport:
    """Add schools and bring known ones up to date, within the session's transaction.

    What a file does not say keeps its value, so that DUO's lists complete each other. A name that staff (or Traject)
    gave a school stays; one that was only derived from the official name follows it.
    """
    codes = [record.code for record in records]
    statement = select(School, Organisation).join(Organisation)
    known = {school.code: (school, organisation) for school, organisation in session.exec(statement)}
    new = {record.code: _organisation(record) for record in records if record.code not in known}
    session.add_all(new.values())
    session.flush()  # gives the organisations their ids, all at once
    changed: set[str] = set()
    for record in records:
        if record.code in new:
            session.add(_school(record, cast("int", new[record.code].id)))
        elif _update(*known[record.code], record):
            changed.add(record.code)
    session.flush()
    return ImportReport(
        added=tuple(code for code in codes if code in new),
        changed=tuple(code for code in codes if code in changed),
        unchanged=tuple(code for code in codes if code not in new and code not in changed),
    )


def _organisation(record: SchoolRecord) -> Organisation:
    return Organisation(
        kind=OrganisationKind.SCHOOL,
        name=record.name,
        municipality=record.municipality,
        website=record.website,
    )


def _school(record: SchoolRecord, organisation_id: int) -> School:
    facts = {fact: getattr(record, fact) for fact in _FACTS}
    return School(organisation_id=organisation_id, code=record.code, edition=record.edition, **facts)


def _update(school: School, organisation: Organisation, record: SchoolRecord) -> bool:
    """Write what differs; tell whether anything did."""
    name = organisation.name
    if record.is_named or name == display_name(school.official_name):
        name = record.name
    wanted = [(organisation, "name", name), (school, "official_name", record.official_name)]
    wanted += [(organisation, "municipality", record.municipality), (organisation, "website", record.website)]
    wanted += [(school, fact, getattr(record, fact)) for fact in _FACTS]
    differing = [
        (row, field, value) for row, field, value in wanted if value and getattr(row, field) != value
    ]
    for row, field, value in differing:
        setattr(row, field, value)
    if differing:
        school.edition = record.edition
    return bool(differing)
