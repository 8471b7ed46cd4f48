"""How the database is opened, locked and kept at the version of the code.

SQLite and PostgreSQL behave alike here: a writing session holds the write lock from its first statement (SQLite) or
locks the rows it claims (PostgreSQL), so that no decision is made on rows that another process is changing.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session

from traject.errors import StoreError

MIGRATIONS = Path(__file__).parent.parent / "migrations"

LOCK_PATIENCE = 30.0
"""Seconds that SQLite waits for another process that writes; `?timeout=…` in the URL sets another."""

RESTED = 1.0
"""Seconds after which a connection is asked whether its server still knows it. None is restarted in less."""

_WRITING = {"traject_writing": True}
_GLANCING = {"traject_glancing": True}


class Store:
    """One database: `read()` and `write()` give sessions; leaving `write()` commits, an exception rolls back."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        self.engine = _open(url, is_sqlite=self.is_sqlite)
        self._writing = self.engine.execution_options(**_WRITING)
        glancing = _GLANCING if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        self._glancing = self.engine.execution_options(**glancing)

    @contextmanager
    def read(self) -> Generator[Session]:
        """A session that only reads."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def glance(self) -> Generator[Connection]:
        """A connection for one statement that reads: without BEGIN and ROLLBACK a server is asked once, not three times."""
        with self._glancing.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Generator[Session]:
        """A session whose changes are all committed at the end, or none of them."""
        with Session(self._writing, expire_on_commit=False) as session, session.begin():
            session.connection()
            yield session

    def upgrade(self) -> None:
        """Bring the tables to the version of the code. StoreError when they are newer, or cannot be reached."""
        config = _alembic()
        try:
            with self._writing.begin() as connection:
                if not self.is_sqlite:  # two processes that start at once: one migrates, the other waits
                    connection.execute(text("SELECT pg_advisory_xact_lock(7261)"))
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        except CommandError as error:
            where = self.engine.url.render_as_string()
            raise StoreError(
                f"de database {where} is nieuwer dan deze versie van Traject ({error}); werk Traject bij, of laat "
                "TRAJECT_DATABASE_URL naar een andere database wijzen",
                f"the database {where} is newer than this version of Traject ({error}); update Traject, or point "
                "TRAJECT_DATABASE_URL at another database",
            ) from error
        except OperationalError as error:
            where = self.engine.url.render_as_string()
            raise StoreError(
                f"de database {where} kan niet worden geopend: {error.orig}; controleer TRAJECT_DATABASE_URL, of de "
                "server draait, of daar geschreven mag worden en of de schijf niet vol is",
                f"the database {where} cannot be opened: {error.orig}; check TRAJECT_DATABASE_URL, that the server "
                "runs and that the disk is not full",
            ) from error

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def _open(url: str, *, is_sqlite: bool) -> Engine:
    # hide_parameters: an error message must not carry names, addresses or answers into a log.
    if not is_sqlite:
        engine = create_engine(url, pool_size=10, hide_parameters=True)
        _ping_what_rested(engine)
        return engine
    parsed = make_url(url)
    patience = float(str(parsed.query.get("timeout", LOCK_PATIENCE)))
    engine = create_engine(
        parsed.difference_update_query(["timeout"]),
        connect_args={"timeout": patience, "check_same_thread": False},
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def configure(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.isolation_level = None  # pyright: ignore[reportAttributeAccessIssue]  # we say BEGIN ourselves
        cursor = connection.cursor()
        # NORMAL in WAL: a commit survives a killed process; a power cut may undo the last ones as a whole. What
        # is undone is due again, so nothing is lost; a mail of that moment can go out twice, byte for byte.
        pragmas = ("foreign_keys = ON", "synchronous = NORMAL", "cache_size = -65536")
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        for attempt in range(20):  # turning WAL on does not wait for busy_timeout
            try:
                cursor.execute("PRAGMA journal_mode = WAL")
                break
            except Exception as error:
                if "locked" not in str(error) or attempt == 19:
                    raise
                time.sleep(0.05)
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        options = connection.get_execution_options()
        if "traject_glancing" not in options:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if "traject_writing" in options else "BEGIN")

    return engine


def _ping_what_rested(engine: Engine) -> None:
    """SQLAlchemy's `pool_pre_ping`, but not before every statement: asking takes as long as a small answer."""

    @event.listens_for(engine, "checkin")
    def note(_: object, record: ConnectionPoolEntry) -> None:  # pyright: ignore[reportUnusedFunction]
        record.info["used"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ping(connection: DBAPIConnection, record: ConnectionPoolEntry, _: object) -> None:  # pyright: ignore[reportUnusedFunction]
        used = record.info.get("used")
        if used is None or time.monotonic() - used < RESTED:
            return
        try:
            alive = engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error
        if not alive:
            raise DisconnectionError
