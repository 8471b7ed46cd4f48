"""What staff change of a person: the address, the name, or that the address works after all; and what then goes where.

A calendar shows an invitation only to the address that it names, so a new address is a new ATTENDEE (RFC 5546 §3.2.2.6):
the old one gets a CANCEL when it works, the new one a REQUEST with a higher SEQUENCE, and the answer that was given stays.
Other mail that waits goes to the new address as it was written; so does what came back.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from models import (
    Alias,
    Event,
    Gathering,
    Invitation,
    Message,
    MessageContent,
    Person,
    RoleHolder,
    Task,
    Trajectory,
)
from models.enums import AddressState, GatheringState, MessageKind, MessageState, TaskState, TrajectoryState
from traject import access, holding, outbox
from traject.addresses import person_problem
from traject.dossier import Dossier, load, open_gatherings, row_id
from traject.effects import PAUSED, Effects, Queued
from traject.errors import Refused
from traject.gatherings import Gatherings
from traject.mail_bytes import readdressed
from traject.settings import Settings
from traject.staff_action import changing
from traject.store import Store
from traject.undelivered import NO_ADDRESS
from traject.unsubscribe import OPTIONAL
from traject.waking import lock_trajectories, wake

_WAITING = (MessageState.QUEUED, MessageState.HELD)


@dataclass
class Readdressed:
    """What a change of a person did, or would do."""

    name: str
    email: str
    mails: list[Queued] = field(default_factory=list[Queued])
    """New mail: invitations to the new address, cancellations to the old one, and again what came back."""
    moved: int = 0
    """How many mails that waited now go to the new address."""
    released: int = 0
    """How many that were held because the address did not work go now."""
    greeted: int = 0
    """How many mails that wait were written before and greet the person by the old name; their bytes are frozen."""


def change_person(
    store: Store,
    settings: Settings,
    email: str,
    *,
    new_email: str = "",
    new_name: str = "",
    now: datetime,
    dry_run: bool = False,
) -> Readdressed:
    """Give a person another address or name. Refused when nobody has `email`, or somebody else has the new one."""
    result = Readdressed("", "")
    with changing(store, dry_run=dry_run) as session:
        person = _person(session, email)
        lock_trajectories(session, _trajectories(session, person))  # before the person, as a bounce does
        session.refresh(person, with_for_update=True)
        name, to = new_name.strip() or person.name, new_email.strip().lower() or person.email
        _refuse(session, person, name, to)
        dossiers = [load(session, each, settings, now, lock=True) for each in _trajectories(session, person)]
        effects = [Effects(session, dossier, settings, now) for dossier in dossiers]
        if to != person.email:
            _move(session, person, name, to, effects, result, now)
        result.greeted = _greeted(session, person) if name != person.name else 0
        person.name = name
        session.add(Event(at=now, name="person.changed", actor="staff", details={"person": person.id}))
        result.name, result.email = person.name, person.email
        result.mails += [mail for each in effects for mail in each.queued]
    return result


def address_works(store: Store, email: str, *, now: datetime, dry_run: bool = False) -> Readdressed:
    """The address works after all: what waits goes, and the task that asked for another is done."""
    result = Readdressed("", "")
    with changing(store, dry_run=dry_run) as session:
        person = _person(session, email)
        lock_trajectories(session, _trajectories(session, person))
        session.refresh(person, with_for_update=True)
        result.name, result.email = person.name, person.email
        result.released = _works(session, person, now)
    return result


def _person(session: Session, email: str) -> Person:
    found = session.exec(select(Person).where(Person.email == email.strip().lower())).one_or_none()
    if found is None:
        raise Refused(
            f"niemand heeft het adres ‘{email}’; `traject people list` toont wie er zijn",
            f"nobody has the address ‘{email}’; `traject people list` shows who there are",
        )
    return found


def _refuse(session: Session, person: Person, name: str, to: str) -> None:
    if (name, to) == (person.name, person.email):
        raise Refused(
            f"{person.name} heet al zo en heeft dit adres al; geef een andere --name of --email",
            f"{person.name} has this name and this address already; give another --name or --email",
        )
    if problem := person_problem(name, to):
        raise Refused(problem.nl, problem.en)
    other = session.exec(select(Person).where(Person.email == to, Person.id != person.id)).one_or_none()
    if other is not None:
        raise Refused(
            f"{to} is van {other.name}; draag de rol over met `traject hand-over`",
            f"{to} belongs to {other.name}; hand the role over with `traject hand-over`",
        )
    alias = session.exec(select(Alias).where(Alias.email == to)).one_or_none()
    if alias is not None and alias.person_id != person.id:
        raise Refused(
            f"{to} is aan iemand anders gekoppeld; maak dat eerst los met `traject inbox unlink {to}`",
            f"{to} is linked to somebody else; end that first with `traject inbox unlink {to}`",
        )


def _trajectories(session: Session, person: Person) -> list[int]:
    """Where the person has a role or is invited, in the order in which they are locked."""
    held = select(RoleHolder.trajectory_id).where(
        RoleHolder.person_id == person.id, col(RoleHolder.until).is_(None)
    )
    invited = (
        select(Gathering.trajectory_id)
        .join(Invitation, col(Invitation.gathering_id) == col(Gathering.id))
        .where(
            Invitation.person_id == person.id,
            col(Invitation.is_cancelled).is_(False),
            Gathering.state == GatheringState.FIXED,
        )
    )
    return sorted({*session.exec(held), *session.exec(invited)})


def _move(
    session: Session,
    person: Person,
    name: str,
    to: str,
    effects: Iterable[Effects],
    result: Readdressed,
    now: datetime,
) -> None:
    old_works = person.address_state is AddressState.OK
    came_back = [] if old_works else _came_back(session, person)
    invited = [(Gatherings(each), _invited(each.dossier, now, person)) for each in effects]
    for gatherings, pairs in invited:
        for gathering, invitation in pairs:
            has_it = row_id(invitation) in gatherings.mail.last_told(gathering)
            gathering.sequence = max(gathering.sequence, invitation.sequence) + 1
            invitation.sequence = gathering.sequence
            reason = "de uitnodiging gaat naar een ander adres"
            outbox.withdraw(session, reason=reason, invitation_id=row_id(invitation), reminders_only=False)
            access.revoke(session, now=now, invitation_id=row_id(invitation))  # whoever reads mail there
            if has_it and old_works:
                gatherings.mail.cancel(gathering, invitation, person, reason="", goes_on=True)
                gathering.sequence += 1
                invitation.sequence = gathering.sequence
    old = person.email
    person.name, person.email = name, to
    person.address_state, person.address_state_at = AddressState.OK, None
    alias = session.exec(select(Alias).where(Alias.email == to)).one_or_none()
    if alias is not None:
        session.delete(alias)  # it is their own address now
    session.flush()
    for gatherings, pairs in invited:
        for gathering, invitation in pairs:
            gatherings.mail.request(gathering, invitation, person)
    result.moved = _move_waiting(session, person, old)
    result.mails += _send_again(session, person, came_back, now)
    result.released = _works(session, person, now)


def _invited(dossier: Dossier, now: datetime, person: Person) -> list[tuple[Gathering, Invitation]]:
    """The gatherings to come in which this person has a place."""
    return [
        (gathering, invitation)
        for gathering in open_gatherings(dossier, now)
        for invitation, guest in dossier.invitations[row_id(gathering)]
        if guest.id == person.id and not invitation.is_cancelled
    ]


def _greeted(session: Session, person: Person) -> int:
    """How many mails that were queued already wait for this person."""
    waiting = select(func.count()).where(Message.person_id == person.id, col(Message.state).in_(_WAITING))
    return session.exec(waiting).one()


def _move_waiting(session: Session, person: Person, old: str) -> int:
    """Give what still waits the new address; who was invited at the old one gets what was written for it no more."""
    moved = 0
    waiting = select(Message).where(
        Message.person_id == person.id,
        col(Message.state).in_(_WAITING),
        Message.to_email == old,
        Message.kind != MessageKind.CANCELLATION,
    )
    for message in session.exec(waiting.order_by(col(Message.id))):
        if message.content is not None:
            message.content.data = readdressed(
                message.content.data, person.name, person.email, message.message_id
            )
            message.to_email = person.email
            moved += 1
    return moved


def _came_back(session: Session, person: Person) -> list[Message]:
    """What was sent to the address that does not work and is still of use: not what is about a gathering or a reminder."""
    bounced = {
        event.details.get("message")
        for event in session.exec(select(Event).where(Event.name == "message.bounced"))
        if event.details.get("person") == person.id
    }
    query = select(Message).where(
        Message.person_id == person.id,
        Message.to_email == person.email,
        Message.kind != MessageKind.DIGEST,  # what stood in it comes by itself
        col(Message.invitation_id).is_(None),
        col(Message.is_reminder).is_(False),
        col(Message.state).in_([MessageState.ACCEPTED, MessageState.FAILED]),
    )
    found = session.exec(query.order_by(col(Message.id)))
    return [each for each in found if each.id in bounced or each.digest_id in bounced]


def _send_again(
    session: Session, person: Person, came_back: Iterable[Message], now: datetime
) -> list[Queued]:
    sent: list[Queued] = []
    for message in came_back:
        if message.content is None or (message.expires_at and message.expires_at <= now):
            continue
        if person.unsubscribed_at and message.kind in OPTIONAL:
            continue
        key = f"{message.effect_key}:to:{hashlib.sha256(person.email.encode()).hexdigest()[:12]}"
        tag = hashlib.sha256(f"{key}:{message.message_id}".encode()).hexdigest()[:20]
        local, _, domain = message.return_path.partition("@")
        message_id = f"<{tag}@{domain}>"
        again = Message(
            effect_key=key,
            kind=message.kind,
            trajectory_id=message.trajectory_id,
            step_id=message.step_id,
            person_id=message.person_id,
            request_id=message.request_id,
            to_email=person.email,
            return_path=f"{local.partition('+')[0]}+b-{tag}@{domain}",
            message_id=message_id,
            subject=message.subject,
            content=MessageContent(
                data=readdressed(message.content.data, person.name, person.email, message_id)
            ),
            queued_at=now,
            expires_at=message.expires_at,
        )
        if outbox.queue(session, again):
            sent.append(Queued(message.kind, person.name, person.email, message.subject))
    return sent


def _works(session: Session, person: Person, now: datetime) -> int:
    """Release what waited for an address; of a trajectory that is paused it waits on."""
    if person.address_state is not AddressState.OK:
        person.address_state, person.address_state_at = AddressState.OK, now
    held = (
        select(Message, Trajectory.state)
        .join(Trajectory, col(Trajectory.id) == col(Message.trajectory_id), isouter=True)
        .where(
            Message.person_id == person.id,
            Message.state == MessageState.HELD,
            col(Message.answer).startswith(NO_ADDRESS),
        )
    )
    freed: list[int] = []
    for message, state in session.exec(held).all():
        if state is TrajectoryState.PAUSED and message.kind is not MessageKind.CANCELLATION:
            message.answer = PAUSED
        else:
            freed.append(row_id(message))
    session.flush()
    for message_id in freed:
        holding.release(session, message_id, now=now)
    task = session.exec(select(Task).where(Task.effect_key == f"bounce:{person.id}")).one_or_none()
    if task is not None and task.state is TaskState.OPEN:
        task.state, task.done_at = TaskState.DONE, now
    session.add(Event(at=now, name="person.address-works", actor="staff", details={"person": person.id}))
    wake(session, _trajectories(session, person), now)
    return len(freed)
