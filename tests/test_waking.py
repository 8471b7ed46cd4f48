"""Trajectories are locked once in a transaction, and again when the lock was given back."""

from typing import Any

import pytest
from answering import World, build
from sqlalchemy.event import listen

from traject.store import Store
from traject.waking import lock_trajectories


@pytest.fixture
def world(store: Store) -> World:
    return build(store)


@pytest.fixture
def asked(store: Store) -> list[str]:
    """Every statement that locks, as it is sent."""
    sent: list[str] = []

    def seen(_: Any, __: Any, statement: str, *rest: Any) -> None:
        sent.extend([statement] if "FOR UPDATE" in statement else [])

    listen(store.engine, "before_cursor_execute", seen)
    return sent


def test_a_transaction_asks_once_for_what_it_holds(store: Store, world: World, asked: list[str]):
    for _ in range(2):
        with store.write() as session:
            for _ in range(3):
                lock_trajectories(session, [world.trajectory])
    assert len(asked) == (0 if store.is_sqlite else 2)


def test_what_a_savepoint_gave_back_is_asked_for_again(store: Store, world: World, asked: list[str]):
    with store.write() as session:
        with session.begin_nested() as savepoint:
            lock_trajectories(session, [world.trajectory])
            savepoint.rollback()
        lock_trajectories(session, [world.trajectory])
        lock_trajectories(session, [])
    assert len(asked) == (0 if store.is_sqlite else 2)


def test_a_lock_ends_with_its_transaction(store: Store, world: World, asked: list[str]):
    with store.read() as session:  # one session, two transactions
        for _ in range(2):
            lock_trajectories(session, [world.trajectory])
            session.commit()
    assert len(asked) == (0 if store.is_sqlite else 2)
