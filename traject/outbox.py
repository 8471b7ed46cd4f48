"""Which messages go out, which wait, and what is written when the mail server has spoken.

Every function works in the transaction of the session it is given, so that a message is queued, withdrawn or recorded
together with the fact it belongs to. SMTP is delivery.py; what an answer means is refusal.py.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, insert, or_, select, text, update
from sqlmodel import Session, SQLModel
from sqlmodel import select as sql_select

from models import Gathering, Invitation, Message, MessageContent, NudgedInvitation
from models.enums import MessageKind, MessageState
from traject import digest_parts, pacing
from traject.rates import MINUTE, UNLIMITED, RatePlan, domain_of
from traject.refusal import Meaning, Refusal, Scope, retry_at
from traject.undelivered import give_up, plain

LEASE = timedelta(minutes=10)
"""How long a claimed message belongs to its process. Longer than any SMTP conversation may last."""

_messages = SQLModel.metadata.tables[str(Message.__tablename__)]
_contents = SQLModel.metadata.tables[str(MessageContent.__tablename__)]
_m = _messages.c
_nudged = SQLModel.metadata.tables[str(NudgedInvitation.__tablename__)].c
_invitations = SQLModel.metadata.tables[str(Invitation.__tablename__)]
_gatherings = SQLModel.metadata.tables[str(Gathering.__tablename__)]
# As the partial index says it, else SQLite reads the table.
_WAITING = text("state IN ('queued', 'attempting')")
_STAYED = _m.state.in_((MessageState.QUEUED, MessageState.HELD, MessageState.ATTEMPTING))


class Claimed(NamedTuple):
    """A message that this process may send now. `attempts` counts this one and proves the claim."""

    id: int
    attempts: int
    to_email: str
    return_path: str
    data: bytes
    kind: MessageKind


class Claim(NamedTuple):
    """What may be sent now; `expired` came too late and was given up; `resume_at`: the rate limit is reached."""

    messages: list[Claimed]
    expired: int
    resume_at: datetime | None


class Candidate(NamedTuple):
    """A message that would be claimed now: what it is, and for whom."""

    id: int
    kind: MessageKind
    person_id: int | None


Merging = Callable[[Session, Sequence[Candidate], datetime], bool]
"""Looks at what would be claimed now, and may put messages together or off; whether anything changed."""


class PutOff(NamedTuple):
    """How many messages wait longer, and how many were given up because waiting longer is of no use."""

    deferred: int
    failed: int


# Queueing


_NEW = [column for column in _messages.columns if column.key != "id"]
# As text: what SQLAlchemy has for ON CONFLICT it compiles anew every time, which takes longer than the rest of it.
_ADD = text(
    f"{insert(_messages).values({column.key: bindparam(column.key) for column in _NEW})} "
    "ON CONFLICT (effect_key) DO NOTHING RETURNING id, effect_key"
).bindparams(*(bindparam(column.key, type_=column.type) for column in _NEW))


def queue(session: Session, message: Message) -> bool:
    """Put a message in the outbox; False when its effect key is there already, and then nothing changes."""
    return bool(queue_all(session, [message]))


def queue_all(session: Session, messages: Iterable[Message]) -> set[str]:
    """Put messages in the outbox; gives the effect keys that were new. ValueError when bytes are missing."""
    outgoing = list(messages)
    if not outgoing:
        return set()
    session.flush()  # what the messages refer to may still be in the session
    connection = session.connection()
    added = [connection.execute(_ADD, row).first() for row in [_row(message) for message in outgoing]]
    new = {row.effect_key: row.id for row in added if row}
    # The first of two with one key is the one that went in.
    contents = {m.effect_key: m.content for m in reversed(outgoing) if m.content and m.effect_key in new}
    if contents:
        rows = [{"message_id": new[key], "data": content.data} for key, content in contents.items()]
        connection.execute(insert(_contents), rows)
    return set(new)


def find(session: Session, effect_key: str) -> Message:
    """The message of an effect that was queued."""
    return session.exec(sql_select(Message).where(Message.effect_key == effect_key)).one()


def _row(message: Message) -> dict[str, Any]:
    row = {column.key: getattr(message, column.key) for column in _NEW}
    if message.state is not MessageState.WITHHELD:
        if not message.content:
            reason = f"message {message.effect_key!r} has no bytes; compose it, or queue it as withheld"
            raise ValueError(reason)
        row["next_attempt_at"] = message.next_attempt_at or message.queued_at
    return row


def withdraw(
    session: Session,
    *,
    reason: str,
    invitation_id: int | None = None,
    request_id: int | None = None,
    person_id: int | None = None,
    trajectory_id: int | None = None,
    step_id: int | None = None,
    reminders_only: bool = True,
) -> int:
    """Withdraw what waits for all the given ids together; gives how many. ValueError without any id.

    A message being sent at this moment is withdrawn too: it is never tried again, and becomes *accepted* when the server
    takes it all the same. A withdrawn message with an `attempted_at` may have arrived.
    """
    wanted = {
        "invitation_id": invitation_id,
        "request_id": request_id,
        "person_id": person_id,
        "trajectory_id": trajectory_id,
        "step_id": step_id,
    }
    # A nudge is about several gatherings; what else it asks, the next look asks anew.
    about = nudges_about(session, invitation_id=invitation_id, trajectory_id=trajectory_id)
    conditions = [
        or_(_m[name] == value, _m.id.in_(about))
        if about and name in ("invitation_id", "trajectory_id")
        else _m[name] == value
        for name, value in wanted.items()
        if value is not None
    ]
    if not conditions:
        message = "say what to withdraw: give at least one id"
        raise ValueError(message)
    conditions.append(_STAYED)
    if invitation_id is None:  # who was told of a meeting hears that it is off, whatever else disappears
        conditions.append(_m.kind != MessageKind.CANCELLATION)
    if reminders_only:
        conditions.append(_m.is_reminder.is_(True))
    session.flush()
    done = session.connection().execute(
        update(_messages)
        .where(*conditions)
        .values(state=MessageState.WITHDRAWN, answer=reason, next_attempt_at=None)
    )
    return done.rowcount


_about = _messages.alias().c
_REMINDS = (  # built once, as it runs for every answer; in two parts, because each has an index
    update(_messages)
    .where(
        _m.id.in_(
            select(_about.id)
            .where(_about.invitation_id == bindparam("answered"))
            .union_all(select(_nudged.message_id).where(_nudged.invitation_id == bindparam("answered")))
        ),
        _STAYED,
        _m.is_reminder.is_(True),
    )
    .values(state=MessageState.WITHDRAWN, answer=bindparam("reason"), next_attempt_at=None)
)


def withdraw_reminders(session: Session, invitation_id: int, *, reason: str) -> int:
    """Withdraw what would still ask about this invitation, as `withdraw` does, in one statement; gives how many."""
    values = {"answered": invitation_id, "reason": reason}
    return session.connection().execute(_REMINDS, values).rowcount


_NUDGES = select(_m.id).where(_m.id == _nudged.message_id, _STAYED).distinct()
_ABOUT_INVITATION = _NUDGES.where(_nudged.invitation_id == bindparam("which"))
_ABOUT_TRAJECTORY = _NUDGES.where(
    _nudged.invitation_id == _invitations.c.id,
    _invitations.c.gathering_id == _gatherings.c.id,
    _gatherings.c.trajectory_id == bindparam("which"),
)


def nudges_about(
    session: Session, *, invitation_id: int | None = None, trajectory_id: int | None = None
) -> Sequence[int]:
    """The nudges that wait to go out and ask about this invitation, or about this trajectory; by id."""
    query = _ABOUT_TRAJECTORY if invitation_id is None else _ABOUT_INVITATION
    which = trajectory_id if invitation_id is None else invitation_id
    if which is None:
        return []
    session.flush()
    return session.connection().execute(query, {"which": which}).scalars().all()


# Sending


def due(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """Queued and its time has come, or claimed by a process whose lease ended."""
    return and_(_WAITING, _m.next_attempt_at <= now)


# Built once: building them costs as much as running them, and they run for every message.
_NOW = bindparam("now", type_=_m.queued_at.type)
_ONE = update(_messages).where(_m.id == bindparam("which"))
_OLDEST_DUE = (
    select(
        _m.id,
        _m.attempts,
        _m.to_email,
        _m.return_path,
        _contents.c.data,
        _m.kind,
        _m.expires_at,
        _m.person_id,
    )
    .join(_contents)
    .where(due(_NOW))
    .order_by(_m.next_attempt_at, _m.id)
    .limit(bindparam("wanted"))
    .with_for_update(skip_locked=True, of=_messages)
)
_ATTEMPTING = _ONE.values(
    state=MessageState.ATTEMPTING,
    attempts=_m.attempts + 1,
    attempted_at=_NOW,
    next_attempt_at=bindparam("lease_ends"),
)
_ACCEPTED = _ONE.values(
    state=MessageState.ACCEPTED, accepted_at=_NOW, next_attempt_at=None, answer=bindparam("said")
)


_COUNT_DUE = select(func.count()).where(due(_NOW))


def count_due(connection: Connection, *, now: datetime, only: int | None = None) -> int:
    """How many messages could be sent now; `only`: whether this one could."""
    wanted = _COUNT_DUE if only is None else _COUNT_DUE.where(_m.id == only)
    return connection.execute(wanted, {"now": now}).scalar_one()


def claim(
    session: Session,
    count: int,
    *,
    now: datetime,
    plan: RatePlan = UNLIMITED,
    only: int | None = None,
    merging: Merging | None = None,
) -> Claim:
    """Mark up to `count` due messages as *attempting* until the lease ends, oldest first, and give them.

    Commit before the first byte goes out. The plan holds over all processes; who has had its share waits, and keeps
    nobody else waiting. A message whose `expires_at` has passed is given up instead. `only`: this message, or none.
    `merging` may put messages together or off before they are claimed.
    """
    connection = session.connection()
    resume_at = None
    if plan.is_limited:
        pacing.lock(connection)
        room = pacing.room(connection, plan, now)
        if room.left == 0:
            waiting = connection.execute(select(_m.id).where(due(now)).limit(1)).first()
            return Claim([], 0, room.resume_at if waiting else None)
        if room.left is not None and count >= room.left:
            count, resume_at = room.left, room.resume_at
    expired = 0
    full_domains = False
    oldest = _OLDEST_DUE if only is None else _OLDEST_DUE.where(_m.id == only)
    while True:
        rows = connection.execute(oldest, {"now": now, "wanted": count}).all()
        late = [row.id for row in rows if row.expires_at is not None and row.expires_at <= now]
        for message_id in late:
            give_up(connection, message_id, "te laat", now=now)
        expired += len(late)
        if late or (
            merging and merging(session, [Candidate(row.id, row.kind, row.person_id) for row in rows], now)
        ):
            continue
        if not plan.per_domain or not pacing.spread(connection, [row.to_email for row in rows], plan, now):
            break
        full_domains = True
    if rows:
        lease = {"now": now, "lease_ends": now + LEASE}
        connection.execute(_ATTEMPTING, [lease | {"which": row.id} for row in rows])
    claimed = [Claimed(row[0], row[1] + 1, *row[2:6]) for row in rows]
    if full_domains:
        return Claim(claimed, expired, now + MINUTE)
    return Claim(claimed, expired, resume_at if len(rows) == count else None)


def accepted(session: Session, answers: Sequence[tuple[Claimed, str]], *, now: datetime) -> None:
    """Record that the server took these messages: each with the server's 250 text.

    Whatever the row says by now: it did go out.
    """
    connection = session.connection()
    said = [{"now": now, "which": claimed.id, "said": plain(answer)} for claimed, answer in answers]
    connection.execute(_ACCEPTED, said)
    digests = [claimed.id for claimed, _ in answers if claimed.kind is MessageKind.DIGEST]
    digest_parts.arrived(connection, digests, now=now)


def failed(session: Session, claimed: Claimed, refusal: Refusal, *, now: datetime) -> PutOff:
    """Record that the server did not take this message: try later, or give up and tell staff.

    An overview that cannot have arrived is taken apart, so that answers still win; one that may have goes again as it was.
    A bad address marks the person and holds what else waits for them. "Too much" (421, 452) puts off everything to the
    same provider. Nothing is written when the claim was lost: another process has it, or it was withdrawn.
    """
    connection = session.connection()
    row = connection.execute(
        select(_m.queued_at, _m.expires_at)
        .where(_m.id == claimed.id, _m.state == MessageState.ATTEMPTING, _m.attempts == claimed.attempts)
        .with_for_update()
    ).first()
    if row is None:
        return PutOff(0, 0)
    if refusal.meaning is not Meaning.LATER:
        give_up(connection, claimed.id, refusal, now=now)
        return PutOff(0, 1)
    is_digest = claimed.kind is MessageKind.DIGEST
    tried = claimed.attempts + (digest_parts.tried_before(connection, claimed.id) if is_digest else 0)
    at = retry_at(claimed.id, tried, now=now, queued_at=row.queued_at, expires_at=row.expires_at)
    others = PutOff(0, 0)
    if refusal.scope is Scope.PROVIDER and at:
        same = pacing.to_domain(domain_of(claimed.to_email))
        waiting = and_(_WAITING, _m.state == MessageState.QUEUED, _m.next_attempt_at < at, same)
        others = _put_off(connection, waiting, refusal, now=now, not_before=at)
    if at is None:
        give_up(connection, claimed.id, refusal, now=now)
        return PutOff(0, 1)
    if is_digest and claimed.attempts == 1 and not refusal.may_have_arrived:
        digest_parts.take_apart(connection, claimed.id, at=at, why=plain(str(refusal)))
        return PutOff(others.deferred + 1, others.failed)
    connection.execute(
        update(_messages)
        .where(_m.id == claimed.id)
        .values(state=MessageState.QUEUED, next_attempt_at=at, answer=plain(str(refusal)))
    )
    return PutOff(others.deferred + 1, others.failed)


def put_off_all(session: Session, refusal: Refusal, *, now: datetime) -> PutOff:
    """The server as a whole cannot be used: everything due counts an attempt and waits by the table."""
    return _put_off(session.connection(), due(now), refusal, now=now, not_before=now)


def _put_off(
    connection: Connection,
    which: ColumnElement[bool],
    refusal: Refusal,
    *,
    now: datetime,
    not_before: datetime,
) -> PutOff:
    rows = connection.execute(
        select(_m.id, _m.attempts, _m.queued_at, _m.expires_at).where(which).with_for_update(skip_locked=True)
    ).all()
    later: list[dict[str, Any]] = []
    for row in rows:
        tried = row.attempts + 1
        at = retry_at(row.id, tried, now=now, queued_at=row.queued_at, expires_at=row.expires_at)
        if at is None:
            give_up(connection, row.id, refusal, now=now)
        else:
            later.append({"which": row.id, "tried": tried, "at": max(at, not_before)})
    if later:
        connection.execute(
            update(_messages)
            .where(_m.id == bindparam("which"))
            .values(
                state=MessageState.QUEUED,
                attempts=bindparam("tried"),
                next_attempt_at=bindparam("at"),
                answer=plain(str(refusal)),
            ),
            later,
        )
    return PutOff(len(later), len(rows) - len(later))
