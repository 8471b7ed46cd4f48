"""What must stand in the database before anything can be launched: the tables, the schools, the programmes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, select

from models import ProgrammeVersion, School
from traject.launch import LaunchError, store_version
from traject.programme import Programme, Text
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
    `settings.programmes_dir`. Raises StoreError, ProgrammeError, or LaunchError for a changed programme whose version was
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

    Raises LaunchError, naming every file that must get a higher version.
    """
    before = {(row.key, row.version): row.sha256 for row in session.exec(select(ProgrammeVersion))}
    done: dict[str, list[str]] = {"added": [], "replaced": [], "unchanged": []}
    refused: list[Text] = []
    for programme in programmes:
        try:
            store_version(session, programme, now)
        except LaunchError as error:
            refused += error.problems
        known = before.get((programme.key, programme.version))
        what = "added" if known is None else "unchanged" if known == programme.sha256 else "replaced"
        done[what].append(f"{programme.key}@{programme.version}")
    if refused:
        raise LaunchError(refused)
    return ProgrammeReport(**{what: tuple(names) for what, names in done.items()})
