"""The programmes that trajectories were launched with, from the texts that were stored then."""

from typing import Any

from sqlalchemy import Row, bindparam
from sqlmodel import Session, SQLModel, select

from models import ProgrammeVersion
from traject.programme import Programme
from traject.programme_file import parse_programme

_versions = SQLModel.metadata.tables[str(ProgrammeVersion.__tablename__)].c
# By columns: the heartbeat reads them several times, and rows as objects cost more than the texts.
_ALL = select(_versions.id, _versions.sha256, _versions.key, _versions.version)
_TEXT = select(_versions.text).where(_versions.id == bindparam("which"))

_known: dict[tuple[str, str], Programme] = {}
"""By sha256 and name, because a version never changes; spares reading every text, which takes as long as all the rest."""


def programme_of(version: ProgrammeVersion | Row[Any]) -> Programme:
    """A programme version, from the text that was stored at its launch; read once. Raises ProgrammeError."""
    return parse_programme(version.text, f"{version.key}@{version.version}")


def programmes(session: Session) -> dict[int, Programme]:
    """Every stored programme version, by id."""
    rows = session.connection().execute
    found: dict[int, Programme] = {}
    for number, sha256, key, version in rows(_ALL).all():
        name = f"{key}@{version}"
        programme = _known.get((sha256, name))
        if programme is None:
            text = rows(_TEXT, {"which": number}).scalar_one()
            programme = _known[sha256, name] = parse_programme(text, name)
        found[number] = programme
    return found
