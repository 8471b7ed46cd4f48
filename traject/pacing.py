"""What the rate plan still allows now, over all processes, and which mail waits because its receiver had its share.

Counted from the attempts in the outbox itself, so nothing has to be kept in step. Read only when something is due.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, select, text, update
from sqlmodel import Session, SQLModel

from models import Message
from models.enums import MessageState
from traject.programme import Text
from traject.rates import DAY, MAILS, MINUTE, HowLong, RatePlan, Waiting, domain_of, how_long, rate_plan
from traject.settings import Settings

_messages = SQLModel.metadata.tables[str(Message.__tablename__)]
_m = _messages.c
_WAITING = text("state IN ('queued', 'attempting')")  # as the partial index says it


class Room(NamedTuple):
    """How many may be attempted now (None: any number), and when the limit that holds lets more go."""

    left: int | None
    resume_at: datetime


_USED = select(func.count(), func.max(_m.attempted_at), func.min(_m.attempted_at)).where(
    _m.attempted_at > bindparam("since", type_=_m.attempted_at.type)
)


def lock(connection: Connection) -> None:
    """Count and claim as one, over all processes, until the transaction ends. SQLite has the write lock already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(7262)"))


def room(connection: Connection, plan: RatePlan, now: datetime) -> Room:
    """What the limits of the minute and the day leave."""
    rooms: list[Room] = []
    if plan.per_minute:
        used, last = connection.execute(_USED, {"since": now - MINUTE}).one()[:2]
        # The next lot goes as a whole, when the last of this minute is a minute old.
        rooms.append(
            Room(max(0, plan.per_minute - used), (last if used >= plan.per_minute else now) + MINUTE)
        )
    if plan.per_day:
        used, _, first = connection.execute(_USED, {"since": now - DAY}).one()
        rooms.append(Room(max(0, plan.per_day - used), (first or now) + DAY))  # comes back mail by mail
    return min(rooms, key=lambda room: (room.left, now - room.resume_at), default=Room(None, now))


def spread(connection: Connection, addresses: Sequence[str], plan: RatePlan, now: datetime) -> bool:
    """Let what goes beyond a domain's share of this minute wait, a share a minute; whether anything had to wait.

    `addresses`: who would get mail now. Nobody else is held up by a domain with many mails.
    """
    recent = connection.execute(select(_m.to_email).where(_m.attempted_at > now - MINUTE)).scalars()
    used = Counter(domain_of(address) for address in recent)
    wanted = Counter(domain_of(address) for address in addresses)
    moved = False
    for domain, count in wanted.items():
        left = max(0, plan.per_domain - used[domain])
        if count > left:
            moved |= _put_off(connection, domain, left, plan.per_domain, now)
    return moved


def to_domain(domain: str) -> ColumnElement[bool]:
    """Mail to this receiving domain."""
    return func.lower(_m.to_email).endswith("@" + domain, autoescape=True)


def _put_off(connection: Connection, domain: str, left: int, share: int, now: datetime) -> bool:
    mine = select(_m.id).where(_WAITING, _m.next_attempt_at <= now, to_domain(domain))
    rows = connection.execute(
        mine.order_by(_m.next_attempt_at, _m.id).with_for_update(skip_locked=True)
    ).scalars()
    later: list[dict[str, Any]] = [
        {"which": number, "at": now + (place // share + 1) * MINUTE}
        for place, number in enumerate(list(rows)[left:])
    ]
    if later:
        waits = update(_messages).where(_m.id == bindparam("which"))
        connection.execute(waits.values(next_attempt_at=bindparam("at")), later)
    return bool(later)


def waiting(session: Session) -> list[Waiting]:
    """Everything that waits in the outbox, with the moment from which it may go."""
    rows = session.connection().execute(
        select(_m.to_email, _m.next_attempt_at).where(_WAITING).order_by(_m.next_attempt_at, _m.id)
    )
    return [Waiting(domain_of(address), at) for address, at in rows]


def used_today(session: Session, now: datetime) -> int:
    """How many were attempted in the past 24 hours."""
    counted = select(func.count()).where(
        and_(_m.attempted_at > now - DAY, _m.state != MessageState.ATTEMPTING)
    )
    return session.connection().execute(counted).scalar_one()


@dataclass(frozen=True, slots=True)
class Ahead:
    """What the outbox holds and what left today: what new mails come behind."""

    plan: RatePlan
    waiting: Sequence[Waiting] = ()
    used_today: int = 0

    def how_long(
        self, by_domain: Mapping[str, int], at: datetime, nouns: tuple[Text, Text] = MAILS
    ) -> HowLong:
        """How long these mails (how many to each receiving domain) take when they may go from `at`."""
        return how_long(
            by_domain, self.plan, now=at, waiting=self.waiting, used_today=self.used_today, nouns=nouns
        )


def look_ahead(session: Session, settings: Settings, now: datetime) -> Ahead:
    """Read what new mails come behind; nothing is read when no limit holds."""
    plan = rate_plan(settings)
    if not plan.is_limited:
        return Ahead(plan)
    return Ahead(plan, waiting(session), used_today(session, now) if plan.per_day else 0)
