"""The database or the mail server fails for a while: a clear sentence, nothing half done, and the next run does the work."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from commands import LAUNCH, Ran, with_settings
from engine_cases import COORDINATOR, HEAD, MORNING, PROGRAMMES, World, add_school, dump, engine_settings
from smtp_faults import Post, serving
from sqlalchemy import Connection, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError

from models.enums import MessageState
from traject.advance import advance
from traject.engine import RunReport, run_once
from traject.reconcile import reconcile
from traject.settings import Settings
from traject.store import Store
from traject.up import up

LATER = MORNING + timedelta(hours=2)
PORT_OF_NOBODY = 1


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    """Two schools that were launched this morning, on SQLite and on PostgreSQL."""
    return launched(store, database_url, tmp_path)


@pytest.fixture
def light(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """The same on SQLite, which is left waiting for half a second at most."""
    store = Store(f"{sqlite_url}?timeout=0.5")
    yield launched(store, f"{sqlite_url}?timeout=0.5", tmp_path)
    store.close()


def launched(store: Store, url: str, folder: Path) -> World:
    made = World(store, engine_settings(url, folder / "var"))
    add_school(store)
    add_school(store, "27YD00", "De Ark")
    made.launch()
    made.launch(school="27YD00")
    return made


def run(world: World, port: int = PORT_OF_NOBODY, at: Any = MORNING) -> RunReport:
    """One round of everything, as a heartbeat and `traject run-once` do it."""
    values = world.settings.model_dump() | {"smtp_url": f"smtp://127.0.0.1:{port}"}
    return asyncio.run(run_once(world.store, Settings(**values), clock=lambda: at))


def everything_is_done(world: World, at: Any = LATER) -> None:
    """A later round does what was left: every school its welcome, once, and all agrees."""
    with serving(Post()) as post:
        assert run(world, post.port, at).advanced.failed == {}
        assert post.to() == sorted([COORDINATOR.email, HEAD.email] * 2)
        assert reconcile(world.store, world.settings, at) == []
        once = dump(world.store)
        run(world, post.port, at)
        assert dump(world.store) == once
        assert len(post.received) == 4


@contextmanager
def another_writes(world: World, seconds: float) -> Generator[None]:
    """Another process holds SQLite's write lock for so long."""
    other = sqlite3.connect(make_url(str(world.store.engine.url)).database or "", check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(seconds, other.rollback)
    release.start()
    try:
        yield
    finally:
        release.cancel()
        release.join()
        other.rollback()
        other.close()


def cli(monkeypatch: pytest.MonkeyPatch, world: World, *words: str, **more: str) -> Ran:
    given = {"TRAJECT_PROGRAMMES_DIR": str(PROGRAMMES)} | more
    return with_settings(monkeypatch, world.settings, **given)(*words)


# Locked


def test_while_another_writes_the_work_waits_and_is_done(sqlite_url: str, tmp_path: Path):
    store = Store(sqlite_url)
    world = launched(store, sqlite_url, tmp_path)
    started = time.monotonic()
    with another_writes(world, 1.5):
        everything_is_done(world, MORNING)
    assert time.monotonic() - started > 1.4
    store.close()


def test_when_another_writes_too_long_a_round_stops_with_a_sentence_and_nothing_is_half_done(
    light: World, monkeypatch: pytest.MonkeyPatch
):
    before = dump(light.store)
    with another_writes(light, 30):
        ran = cli(monkeypatch, light, "run-once", "--now", "2026-09-07 10:00")
        assert dump(light.store) == before
    assert (ran.code, ran.out) == (1, "")
    assert "De database kan niet worden gebruikt: database is locked. Er is niets half gedaan." in ran.err
    everything_is_done(light, MORNING)


def test_when_another_writes_too_long_a_launch_is_refused_and_can_be_done_again(
    light: World, monkeypatch: pytest.MonkeyPatch
):
    words = ["launch", "proef", "--school", "16LF00", "--start", "eerstvolgende", "--again", "--yes"]
    words += [word for word in LAUNCH if word.startswith("--role")]
    before = dump(light.store)
    with another_writes(light, 30):
        ran = cli(monkeypatch, light, *words)
        assert dump(light.store) == before
    assert ran.code == 1
    assert "database is locked" in ran.err
    assert cli(monkeypatch, light, *words).code == 0


def test_a_school_that_another_process_works_on_is_left_to_it(postgres_database: str, tmp_path: Path):
    store = Store(postgres_database)
    world = launched(store, postgres_database, tmp_path)
    first = world.trajectory().id
    with store.engine.connect() as other:
        other.execute(text("SELECT 1 FROM trajectories WHERE id = :id FOR UPDATE"), {"id": first})
        report = advance(store, world.settings, now=MORNING)
    assert first not in report.trajectories
    assert len(report.trajectories) == 1
    everything_is_done(world, MORNING)
    store.close()


# Gone


@contextmanager
def killed_at(world: World, words: str) -> Generator[list[str]]:
    """The server ends our connection at the first statement that begins with these words; gives what was killed."""
    killed: list[str] = []
    admin = create_engine(world.store.engine.url)

    def kill(connection: Connection, cursor: Any, statement: str, *rest: Any) -> None:
        if not killed and statement.startswith(words):
            killed.append(statement)
            mine = connection.connection.dbapi_connection.info.backend_pid
            with admin.begin() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": mine})

    event.listen(world.store.engine, "before_cursor_execute", kill)
    try:
        yield killed
    finally:
        event.remove(world.store.engine, "before_cursor_execute", kill)
        admin.dispose()


@pytest.mark.parametrize(
    "words", ["INSERT INTO messages", "INSERT INTO events", "UPDATE trajectories", "UPDATE steps"]
)
def test_a_connection_that_is_killed_in_the_middle_of_a_school_leaves_nothing_of_it(
    postgres_database: str, tmp_path: Path, words: str
):
    store = Store(postgres_database)
    world = launched(store, postgres_database, tmp_path)
    untouched = {name: rows for name, rows in dump(store).items() if name != "trajectories"}
    with killed_at(world, words) as killed, suppress(DBAPIError):
        advance(store, world.settings, now=MORNING, limit=1)
    assert killed
    assert {name: rows for name, rows in dump(store).items() if name != "trajectories"} == untouched
    everything_is_done(world)
    store.close()


@pytest.mark.parametrize("words", ["UPDATE messages", "SELECT messages"])
def test_a_connection_that_is_killed_while_mail_goes_out_loses_no_mail(
    postgres_database: str, tmp_path: Path, words: str
):
    store = Store(postgres_database)
    world = launched(store, postgres_database, tmp_path)
    world.advance(MORNING)
    with serving(Post()) as post:
        with killed_at(world, words) as killed, suppress(DBAPIError):
            run(world, post.port)
        assert killed
        run(world, post.port, LATER)
        assert set(post.to()) == {COORDINATOR.email, HEAD.email}
        assert 4 <= len(post.received) <= 8, "what was in flight may come twice"
        for recipient in set(post.to()):
            copies = {data for _, to, data in post.received if to == recipient}
            assert len(copies) == 2, "byte for byte: one text for each of the two schools"
    assert {message.state for message in world.mails()} == {MessageState.ACCEPTED}
    store.close()


def test_a_database_that_is_away_for_a_while_is_said_and_the_same_process_goes_on_when_it_is_back(
    postgres_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store = Store(postgres_database)
    world = launched(store, postgres_database, tmp_path)
    before = dump(store)
    url = make_url(postgres_database)
    admin = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {url.database} WITH ALLOW_CONNECTIONS false"))
        gone = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
        connection.execute(text(gone), {"name": url.database})
        with pytest.raises(DBAPIError):
            run(world)
        ran = cli(monkeypatch, world, "run-once", "--now", "2026-09-07 10:00")
        connection.execute(text(f"ALTER DATABASE {url.database} WITH ALLOW_CONNECTIONS true"))
    admin.dispose()
    assert ran.code == 1
    assert "De database kan niet worden gebruikt" in ran.err
    assert "Controleer TRAJECT_DATABASE_URL" in ran.err.replace("\n", " ")
    assert dump(store) == before
    everything_is_done(world, MORNING)
    store.close()


# Full


@contextmanager
def full_disk(world: World) -> Generator[None]:
    """The database has no room to grow: SQLite then says what it says on a full disk."""
    with world.store.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    world.store.close()

    def small(connection: Any, _: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(world.store.engine, "connect", small)
    try:
        yield
    finally:
        event.remove(world.store.engine, "connect", small)
        world.store.close()


def test_on_a_full_disk_nothing_is_half_done_and_with_room_the_next_round_does_it(light: World):
    before = {name: rows for name, rows in dump(light.store).items() if name != "trajectories"}
    with full_disk(light):
        said = ""
        try:
            said = " ".join(run(light).advanced.failed.values())
        except DBAPIError as error:
            said = str(error)
        after = dump(light.store)
    assert "database or disk is full" in said
    changed = {name for name, rows in before.items() if after[name] != rows}
    assert changed <= {"events"}, "at most the note that the daily look was done"
    everything_is_done(light)


# No mail server


def test_without_a_mail_server_everything_waits_and_that_is_said(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    ran = cli(monkeypatch, world, "run-once", "--now", "2026-09-07 10:00", "--json")
    assert ran.code == 1
    delivery = ran.json["delivery"]
    assert delivery["problem"].startswith("de mailserver 127.0.0.1:1 kan niet worden gebruikt: ")
    assert "wat uit moest gaan wacht; controleer TRAJECT_SMTP_URL" in delivery["problem"]
    assert (delivery["accepted"], delivery["failed"]) == (0, 0)
    waiting = world.mails(state="queued")
    assert len(waiting) == len(world.mails()) == 4
    everything_is_done(world)


# Newer


def test_a_database_that_is_newer_than_the_code_is_left_alone_by_every_command(
    light: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    with light.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    before = dump(light.store)
    for command in (["run-once"], ["reconcile"], ["init"], ["launch", *LAUNCH[1:], "--yes"]):
        ran = cli(monkeypatch, light, *command)
        assert ran.code == 1, command
        assert "nieuwer dan deze versie" in ran.err or "newer than this version" in ran.err
    assert dump(light.store) == before


def test_traject_up_starts_nothing_on_a_newer_database(
    light: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    with light.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    monkeypatch.chdir(Path(__file__).parent.parent)
    ports = {"prefect_port": 0, "portal_port": 0, "mailbox_port": 0}
    settings = light.settings.model_copy(update=ports)
    assert up(settings) == 1
    said = capsys.readouterr().out
    assert "is nieuwer dan deze versie van Traject" in said
    assert "Traceback" not in said
    assert not (light.settings.var_dir / "log").exists()
