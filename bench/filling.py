"""Makes one trajectory that was really launched into a hundred thousand, each with all rows of the first, by SQL alone.

What is multiplied is quiet at the instant of measuring: what was due has happened, the rest lies ahead.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, create_engine, delete, text
from sqlmodel import SQLModel, select

from bench import places
from models import Message, MessageContent, StepRow, Trajectory
from models.enums import MessageState, StepState
from traject import nudges
from traject.advance import advance
from traject.launch import launch
from traject.settings import Settings
from traject.store import Store

OWN_IDS = {
    "trajectories": 1,
    "people": 3,
    "stages": 10,
    "steps": 120,
    "role_holders": 3,
    "events": 200,
    "gatherings": 20,
    "invitations": 60,
    "evaluation_rounds": 4,
    "evaluation_requests": 12,
    "messages": 200,
}
"""How many ids of each table a trajectory gets: at least as many as the first one has rows."""

KEPT = {"events": 5, "messages": 5}
"""Of the history the last rows only: a hundred thousand histories would fill the disk, and no figure reads them."""

REFERENCES = {
    "trajectory_id": "trajectories",
    "step_id": "steps",
    "person_id": "people",
    "gathering_id": "gatherings",
    "invitation_id": "invitations",
    "round_id": "evaluation_rounds",
    "request_id": "evaluation_requests",
}
UNIQUE_TEXT = ("reference", "effect_key", "message_id", "uid", "tag", "email")


def one_trajectory(store: Store, settings: Settings) -> datetime:
    """Launch one school and live with it until its first evaluation was asked; gives an instant with nothing due."""
    launch(store, [places.request(0)], settings=settings, now=places.NOW)
    now = places.NOW
    until = places.NOW + timedelta(days=245)
    while True:
        with store.write() as session:
            trajectory = session.exec(select(Trajectory)).one()
            # Stages wait for what staff does; without this nobody would come past the first one.
            for step in session.exec(select(StepRow).where(StepRow.state == StepState.OPEN)):
                if step.ends_at is None:
                    step.state, step.done_at = StepState.DONE, now
            for message in session.exec(select(Message).where(Message.state == MessageState.QUEUED)):
                message.state, message.accepted_at, message.next_attempt_at = MessageState.ACCEPTED, now, None
            # A hundred thousand of them would only measure the disk.
            session.connection().execute(delete(MessageContent))
            due = trajectory.next_due_at
        if due is None or due > until:
            break
        now = max(due, now)
        advance(store, settings, now=now)
        nudges.send(store, settings, now=now)
    return now + timedelta(hours=1)


def multiply(store: Store, count: int) -> Mapping[str, int]:
    """Make `count` trajectories of the one there is; gives the rows of each table in the end."""
    # A connection of its own: without foreign keys being looked up and waiting for the disk, which is most of a copy.
    engine = create_engine(store.engine.url, isolation_level="AUTOCOMMIT")
    quick = (
        ("PRAGMA foreign_keys = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -262144")
        if store.is_sqlite
        else ("SET session_replication_role = replica", "SET synchronous_commit = off")
    )
    with engine.connect() as connection:
        for statement in quick:
            connection.execute(text(statement))
        for name, kept in KEPT.items():
            newest = f"SELECT id FROM {name} ORDER BY id DESC LIMIT {kept}"
            connection.execute(text(f"DELETE FROM {name} WHERE id NOT IN ({newest})"))
        for name, width in OWN_IDS.items():
            _copy(connection, name, width, count)
        if not store.is_sqlite:  # what autovacuum does there within minutes; SQLite has nothing that does it
            connection.execute(text("VACUUM ANALYZE"))
        rows = {
            name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in OWN_IDS
        }
    engine.dispose()
    return rows


def _copy(connection: Connection, name: str, width: int, count: int) -> None:
    """Copy a table's rows `count - 1` times; every id and every reference moves to the copy's own."""
    last = connection.execute(text(f"SELECT coalesce(max(id), 0) FROM {name}")).scalar_one()
    if last > width:
        message = f"{name}: a trajectory has {last} rows, room was made for {width}; raise OWN_IDS in bench/filling.py"
        raise ValueError(message)
    columns = [column.name for column in SQLModel.metadata.tables[name].columns]
    values = ", ".join(_value(column, width) for column in columns)
    numbers = f"SELECT 1 UNION ALL SELECT n + 1 FROM copy WHERE n < {count - 1}"
    connection.execute(
        text(
            f"INSERT INTO {name} ({', '.join(columns)}) WITH RECURSIVE copy(n) AS ({numbers}) "
            f"SELECT {values} FROM copy CROSS JOIN (SELECT * FROM {name}) AS old"
        )
    )


def _value(column: str, width: int) -> str:
    if column == "id":
        return f"old.id + copy.n * {width}"
    if column in REFERENCES:
        return f"old.{column} + copy.n * {OWN_IDS[REFERENCES[column]]}"
    if column in UNIQUE_TEXT:
        return f"old.{column} || '-' || copy.n"
    return f"old.{column}"
