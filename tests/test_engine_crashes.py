"""Launch and advance killed at every commit: nothing half done, and the second run ends as if nothing had happened."""

import multiprocessing
import os
import signal
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from engine_cases import MORNING, World, add_school, dump, end_state, engine_settings, local, request
from sqlalchemy import Connection, event

from models import Trajectory
from traject.advance import advance
from traject.launch import launch
from traject.settings import Settings
from traject.store import Store

CODES = ("16LF00", "27YD00")

Work = Callable[[Store, Settings], object]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _run(work: Work, settings: Settings, moment: str, number: int) -> None:
    store = Store(settings.database_url)
    writes = 0

    @event.listens_for(store.engine, "commit")
    def commit(connection: Connection) -> None:
        nonlocal writes
        if connection.get_execution_options().get("traject_writing"):
            writes += 1
            if (moment, number) == ("before", writes):
                die()

    @event.listens_for(store.engine, "checkin")
    def checkin(*_: object) -> None:
        if moment == "after" and writes >= number:
            die()

    work(store, settings)
    os._exit(0)


def killed_at(world: World, work: Work, moment: str, number: int) -> bool:
    """Run it in a process of its own that kills itself there; False when it came to its end."""
    process = multiprocessing.get_context("fork").Process(
        target=_run, args=(work, world.settings, moment, number)
    )
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def launching(store: Store, settings: Settings) -> object:
    return launch(store, [request(school=code) for code in CODES], settings=settings, now=MORNING)


def advancing(at: datetime) -> Work:
    return lambda store, settings: advance(store, settings, now=at)


def two_schools(store: Store, url: str, folder: Path) -> World:
    add_school(store)
    add_school(store, "27YD00", "De Ark")
    return World(store, engine_settings(url, folder / "var"))


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    return two_schools(store, database_url, tmp_path)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_launch_that_is_killed_at_its_commit_left_everything_or_nothing(world: World, moment: str):
    before = dump(world.store)
    assert killed_at(world, launching, moment, 1)
    if moment == "before":
        assert dump(world.store) == before
        launching(world.store, world.settings)
    assert [t.reference for t in world.rows(Trajectory)] == ["proef:16LF00", "proef:27YD00"]
    assert len(world.advance(MORNING).trajectories) == 2
    assert len(world.mails("welcome")) == 4


DUE = local(2026, 10, 9, 10)
"""After a month in which nothing ran: everything of that month is due at once, at both schools."""


def lived(world: World) -> World:
    launching(world.store, world.settings)
    world.advance(local(2026, 9, 8, 12))
    return world


@pytest.fixture
def uninterrupted(sqlite_template: Path, tmp_path: Path) -> World:
    """The life that nothing happened to."""
    path = tmp_path / "uninterrupted.db"
    with sqlite3.connect(sqlite_template) as template:
        template.execute(f"VACUUM INTO '{path}'")
    store = Store(f"sqlite:///{path}")
    world = lived(two_schools(store, f"sqlite:///{path}", tmp_path))
    world.advance(DUE)
    store.close()
    return world


def test_an_advance_that_is_killed_at_any_commit_ends_the_same_after_the_next(
    world: World, uninterrupted: World
):
    """Killed before and after every commit in turn, each process going on where the last one fell."""
    lived(world)
    points = [("before", 1), ("after", 1), ("before", 1), ("after", 1)]
    changed: list[int] = []
    for moment, number in points:
        assert killed_at(world, advancing(DUE), moment, number)
        changed.append(len({m.trajectory_id for m in world.mails() if m.queued_at == DUE}))
    assert changed == [0, 1, 1, 2], "a trajectory is whole or untouched"
    assert not killed_at(world, advancing(DUE), "before", 1), "nothing is left to do"
    assert end_state(world.store) == end_state(uninterrupted.store)
