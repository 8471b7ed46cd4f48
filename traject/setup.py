"""What must stand in the database before anything can be launched: the tables, the schools, the programmes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from models import ProgrammeVersion, School, Trajectory
from traject.errors import Refused
from traject.programme import Programme
from traject.programme_file import load_programmes
from traject.schools import ImportReport, import_schools, shipped_schools
from traject.settings import Settings
from traject.store import Store


@dataclass(frozen=True, slots=True)
class ProgrammeReport:
    """What storing programmes did, as `key@version`."""

    added: tuple[str, ...]
    replaced: tuple[str, ...]
    unchanged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetupReport:
    """What `initialise` did."""

    schools: ImportReport
    programmes: ProgrammeReport


def initialise(settings: Settings, now: datetime) -> SetupReport:
    """Make the database ready, or bring it up to date; a second time changes nothing.

    Creates and migrates the tables, adds the shipped schools that are not there, stores the programmes of
    `settings.programmes_dir`. Raises StoreError, ProgrammeError, or Refused for a changed programme whose version was
    launched; then no school and no programme is stored.
    """
    programmes = load_programmes(settings.programmes_dir)
    store = Store(settings.database_url)
    try:
        store.upgrade()
        with store.write() as session:
            known = set(session.exec(select(School.code)))
            schools = import_schools(session, [s for s in shipped_schools() if s.code not in known])
            return SetupReport(schools, store_programmes(session, programmes.values(), now))
    finally:
        store.close()


def store_programmes(session: Session, programmes: Iterable[Programme], now: datetime) -> ProgrammeReport:
    """Store each version once. A changed text replaces a version that was never launched, and is refused otherwise.

    Raises Refused, naming every file that must get a higher version.
    """
    stored = {(row.key, row.version): row for row in session.exec(select(ProgrammeVersion))}
    launched = set(session.exec(select(col(Trajectory.programme_version_id)).distinct()))
    done: dict[str, list[str]] = {"added": [], "replaced": [], "unchanged": []}
    refused: list[str] = []
    for programme in programmes:
        name = f"{programme.key}@{programme.version}"
        row = stored.get((programme.key, programme.version))
        if row is not None and row.sha256 == programme.sha256:
            done["unchanged"].append(name)
            continue
        if row is not None and row.id in launched:
            newest = max(version for key, version in stored if key == programme.key)
            refused.append(
                f"{programme.path}: versie {programme.version} van ‘{programme.key}’ is al gestart en verandert niet "
                f"meer; zet `version: {newest + 1}` in het bestand"
            )
            continue
        done["added" if row is None else "replaced"].append(name)
        row = row or ProgrammeVersion(
            key=programme.key, version=programme.version, title="", sha256="", text="", stored_at=now
        )
        row.title, row.sha256, row.text, row.stored_at = (
            programme.title.nl,
            programme.sha256,
            programme.source,
            now,
        )
        session.add(row)
    if refused:
        raise Refused("\n".join(refused))
    session.flush()
    return ProgrammeReport(**{what: tuple(names) for what, names in done.items()})
