"""Who hears of a message that cannot be delivered, and what else then waits."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

from models import Event, Message, Organisation, Person, ProgrammeVersion, RoleHolder, Task, Trajectory
from models.enums import AddressState, MessageKind, MessageState, TaskState
from traject import digest_parts
from traject.programme_file import ProgrammeError
from traject.refusal import Meaning, Refusal
from traject.versions import programme_of

_messages = SQLModel.metadata.tables[str(Message.__tablename__)]
_people = SQLModel.metadata.tables[str(Person.__tablename__)]
_tasks = SQLModel.metadata.tables[str(Task.__tablename__)]
_holders = SQLModel.metadata.tables[str(RoleHolder.__tablename__)]
_trajectories = SQLModel.metadata.tables[str(Trajectory.__tablename__)]
_versions = SQLModel.metadata.tables[str(ProgrammeVersion.__tablename__)]
_organisations = SQLModel.metadata.tables[str(Organisation.__tablename__)]
_events = SQLModel.metadata.tables[str(Event.__tablename__)]
_m = _messages.c
_ANSWER_LENGTH = 500

NO_ADDRESS = "het adres van deze persoon werkt niet meer"
"""Why a message is held; with the server's code behind it when it was waiting already."""

BOUNCE, UNDELIVERED = "bounce:", "undelivered:"
"""How the effect keys of these tasks begin: the address of a person, and one message."""


def give_up(connection: Connection, message_id: int, why: Refusal | str, *, now: datetime) -> None:
    """The message is *failed*: an event for the history, and a task, because nobody else would notice."""
    row = connection.execute(
        update(_messages)
        .where(_m.id == message_id)
        .values(state=MessageState.FAILED, next_attempt_at=None, answer=plain(str(why)))
        .returning(_m.trajectory_id, _m.step_id, _m.person_id, _m.attempts, _m.kind)
    ).one()
    status = why.status if isinstance(why, Refusal) else why
    bad_address = isinstance(why, Refusal) and why.meaning is Meaning.ADDRESS
    person_id = row.person_id if bad_address else None
    held = mark_bounced(connection, person_id, status, now=now) if person_id is not None else 0
    connection.execute(
        insert(_events).values(
            at=now,
            name="message.bounced" if bad_address else "message.failed",
            trajectory_id=row.trajectory_id,
            actor="traject",
            details={"message": message_id, "person": row.person_id, "status": status, "held": held},
        )
    )
    if row.kind is MessageKind.DIGEST:
        for part in digest_parts.given_up(connection, message_id, row.attempts):
            give_up(connection, part, why, now=now)
    if row.trajectory_id is None:
        return
    if person_id is not None:
        ask_for_address(connection, person_id, row.trajectory_id, now=now)
        return
    detail = (
        f"Bericht {message_id} is na {row.attempts} {'poging' if row.attempts == 1 else 'pogingen'} niet verstuurd ({status}) en wordt niet opnieuw "
        "geprobeerd. Bekijk het in de uitgaande post en neem zo nodig zelf contact op."
    )
    _open_task(
        connection,
        f"{UNDELIVERED}{message_id}",
        trajectory_id=row.trajectory_id,
        step_id=row.step_id,
        person_id=row.person_id,
        title="Bericht is niet verstuurd",
        detail=detail,
        created_at=now,
    )


def ask_for_address(connection: Connection, person_id: int, trajectory_id: int, *, now: datetime) -> None:
    """Ask staff for another address of this person: one task with the same words, however many mails come back."""
    person = connection.execute(select(_people).where(_people.c.id == person_id)).one()
    is_held = select(func.count()).where(_m.person_id == person_id, _m.state == MessageState.HELD)
    held = connection.execute(is_held).scalar_one()
    _open_task(
        connection,
        f"{BOUNCE}{person_id}",
        trajectory_id=trajectory_id,
        person_id=person_id,
        title=f"Het adres van {_who(connection, person, trajectory_id)} werkt niet meer: wie is het nu?",
        detail=(
            f"Mail aan {person.email} komt terug; {held} {'bericht wacht' if held == 1 else 'berichten wachten'}. Is er een "
            f"ander adres: `traject people change {person.email} --email NIEUW`. Doet iemand anders het nu: draag de rol over. "
            f"Werkt het adres toch: `traject people works {person.email}`."
        ),
        created_at=now,
    )


def _who(connection: Connection, person: Row[Any], trajectory_id: int) -> str:
    """A person as staff know them: role, name, and school (of a group's: their own).

    `intern cultuurcoördinator Noor Visser van De Regenboog`.
    """
    where = connection.execute(
        select(_trajectories.c.organisation_id, _trajectories.c.group_name, _versions)
        .join(_versions, _versions.c.id == _trajectories.c.programme_version_id)
        .where(_trajectories.c.id == trajectory_id)
    ).one()
    roles = connection.execute(
        select(_holders.c.role).where(
            _holders.c.trajectory_id == trajectory_id,
            _holders.c.person_id == person.id,
            _holders.c.until.is_(None),
        )
    ).scalars()
    titles = _titles(where)
    home = select(_organisations.c.name).where(
        _organisations.c.id == (where.organisation_id or person.organisation_id)
    )
    name = f"{' en '.join(titles.get(role) or str(role) for role in roles)} {person.name}".strip()
    return f"{name} van {connection.execute(home).scalar() or where.group_name}"


def _titles(version: Row[Any]) -> dict[str, str]:
    """What the roles of a stored programme are called; none when it cannot be read, as the task matters more."""
    try:
        return {role.key: role.title.nl for role in programme_of(version).roles}
    except ProgrammeError:
        return {}


def _open_task(
    connection: Connection, key: str, *, detail: str, trajectory_id: int, created_at: datetime, **values: Any
) -> None:
    """Open a task; again, when it was done and the same breaks another time. Its trajectory then mails it."""
    reopened = {"state": TaskState.OPEN, "done_at": None, "detail": detail}
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(
        dialect.insert(_tasks)
        .values(effect_key=key, trajectory_id=trajectory_id, created_at=created_at, **values, **reopened)
        .on_conflict_do_update(index_elements=["effect_key"], set_=reopened)
    )
    _wake(connection, trajectory_id, created_at)


def _wake(connection: Connection, trajectory_id: int, now: datetime) -> None:
    """As `waking.wake`, where a message is held already: who has the trajectory now is not waited for.

    That one may not see the task any more; it is then mailed when the trajectory next has something due.
    """
    due = _trajectories.c.next_due_at
    later = (_trajectories.c.id == trajectory_id) & (due.is_(None) | (due > now))
    free = select(_trajectories.c.id).where(later).with_for_update(skip_locked=True, key_share=True)
    if connection.execute(free).first() is not None:
        connection.execute(
            update(_trajectories).where(_trajectories.c.id == trajectory_id).values(next_due_at=now)
        )


def mark_bounced(connection: Connection, person_id: int, status: str, *, now: datetime) -> int:
    """Nobody is at this person's address: reminders are withdrawn, what else waits is held; gives how many were held."""
    connection.execute(
        update(_people)
        .where(_people.c.id == person_id)
        .values(address_state=AddressState.BOUNCED, address_state_at=now)
    )
    waiting = update(_messages).where(_m.person_id == person_id, _m.state == MessageState.QUEUED)
    said = f"{NO_ADDRESS} ({status})"
    connection.execute(
        waiting.where(_m.is_reminder.is_(True)).values(
            state=MessageState.WITHDRAWN, answer=said, next_attempt_at=None
        )
    )
    return connection.execute(waiting.values(state=MessageState.HELD, answer=said)).rowcount


def plain(said: str) -> str:
    """A server's words as a database can hold them: it may send any bytes."""
    clean = said.encode("utf-8", "replace").decode().replace("\0", "?")
    return clean[:_ANSWER_LENGTH]
