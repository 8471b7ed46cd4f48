"""How a fact makes the plan follow: the trajectory becomes due now."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, or_, update
from sqlmodel import Session, col, select

from models import Trajectory

_LOCK = (  # built once, because building it costs as much as running it
    select(Trajectory.id)
    .where(col(Trajectory.id).in_(bindparam("ids", expanding=True)))
    .order_by(col(Trajectory.id))
    .with_for_update()
)

_HELD = "trajectories that are locked"


def lock_trajectories(session: Session, trajectory_ids: Collection[int]) -> None:
    """Take the trajectories before anything that belongs to them, as `advance` does, so that the two never wait for each other.

    SQLite has one writer, which holds all of them. What this transaction holds already is not asked for again: a batch of
    answers is mostly to a few.
    """
    connection = session.connection()
    if connection.dialect.name != "postgresql":
        return
    known: tuple[object, set[int]] = session.info.get(_HELD, (None, set()))
    transaction = session.get_transaction()
    held = known[1] if known[0] is transaction else set[int]()
    wanted = set(trajectory_ids) - held
    if not wanted:
        return
    connection.execute(_LOCK, {"ids": sorted(wanted)}).all()
    if not session.in_nested_transaction():  # a savepoint that is rolled back gives its locks back
        session.info[_HELD] = (transaction, held | wanted)


def wake(
    session: Session, trajectory_ids: Collection[int], now: datetime, at: datetime | None = None
) -> None:
    """Let `advance` look at these trajectories at the next heartbeat; with `at`, at that instant at the latest."""
    wanted = max(now, at) if at else now
    due = col(Trajectory.next_due_at)
    session.exec(
        update(Trajectory)
        .where(col(Trajectory.id).in_(trajectory_ids), or_(due.is_(None), due > wanted))
        .values(next_due_at=wanted)
    )
