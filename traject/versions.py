"""The programmes that trajectories were launched with, from the texts that were stored then."""

from functools import lru_cache

from sqlalchemy import bindparam
from sqlmodel import Session, SQLModel, select

from models import ProgrammeVersion
from traject.programme import Programme
from traject.programme_file import parse_programme

_versions = SQLModel.metadata.tables[str(ProgrammeVersion.__tablename__)].c
# By columns: the heartbeat reads them several times, and rows as objects cost more than the texts.
_ALL = select(_versions.id, _versions.sha256, _versions.key, _versions.version)
_TEXT = select(_versions.text).where(_versions.id == bindparam("which"))

_known: dict[tuple[str, str], Programme] = {}
"""By sha256 and name, because a version never changes; there are as many as were ever launched."""


@lru_cache(maxsize=256)
def programme_of(text: str, name: str) -> Programme:
    """A programme version, from the text that was stored at its launch."""
    return parse_programme(text, name)


def programmes(session: Session) -> dict[int, Programme]:
    """Every stored programme version, by id."""
    rows = session.connection().execute
    found: dict[int, Programme] = {}
    for number, sha256, key, version in rows(_ALL).all():
        name = f"{key}@{version}"
        programme = _known.get((sha256, name))
        if programme is None:
            text = rows(_TEXT, {"which": number}).scalar_one()
            programme = _known[sha256, name] = programme_of(text, name)
        found[number] = programme
    return found
