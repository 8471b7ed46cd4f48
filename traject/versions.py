"""The programmes that trajectories were launched with, from the texts that were stored then."""

from functools import lru_cache

from sqlmodel import Session, SQLModel, select

from models import ProgrammeVersion
from traject.programme import Programme
from traject.programme_file import parse_programme

_versions = SQLModel.metadata.tables[str(ProgrammeVersion.__tablename__)].c
# By columns: the heartbeat reads them several times, and rows as objects cost more than the texts.
_ALL = select(_versions.id, _versions.text, _versions.key, _versions.version)


@lru_cache(maxsize=256)
def programme_of(text: str, name: str) -> Programme:
    """A programme version, from the text that was stored at its launch."""
    return parse_programme(text, name)


def programmes(session: Session) -> dict[int, Programme]:
    """Every stored programme version, by id."""
    rows = session.connection().execute(_ALL)
    return {number: programme_of(text, f"{key}@{version}") for number, text, key, version in rows}
