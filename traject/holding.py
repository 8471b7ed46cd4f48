"""Whether one message is kept back, goes on, or never goes: decided by staff, or for them, until it is claimed.

Every function works in the transaction of the session it is given.
"""

from datetime import datetime

from sqlalchemy import bindparam, func, select, update
from sqlmodel import Session, SQLModel

from models import Message
from models.enums import MessageState
from traject import digest_parts
from traject.errors import Refused

_messages = SQLModel.metadata.tables[str(Message.__tablename__)]
_m = _messages.c
_DUTCH = {"held": "vastgehouden", "released": "vrijgegeven", "skipped": "overgeslagen"}
_STATES = {
    MessageState.QUEUED: "klaar",
    MessageState.HELD: "vastgehouden",
    MessageState.ATTEMPTING: "onderweg",
    MessageState.ACCEPTED: "verstuurd",
    MessageState.FAILED: "mislukt",
    MessageState.WITHDRAWN: "ingetrokken",
    MessageState.WITHHELD: "niet verstuurd",
}


def hold(session: Session, message_id: int, *, reason: str = "") -> None:
    """Keep one queued message back until it is released. Refused once it was claimed."""
    _decide(session, message_id, "held", {MessageState.QUEUED}, state=MessageState.HELD, answer=reason)


def release(session: Session, message_id: int, *, now: datetime) -> None:
    """Let one held message go: it is queued anew, and its days of trying start now. Refused when it is not held."""
    _decide(
        session,
        message_id,
        "released",
        {MessageState.HELD},
        state=MessageState.QUEUED,
        answer="",
        attempts=0,
        queued_at=now,
        next_attempt_at=func.coalesce(_m.next_attempt_at, bindparam("at", now, type_=_m.queued_at.type)),
    )


def skip(session: Session, message_id: int, *, reason: str = "") -> None:
    """Never send one message, nor what stands in it. Refused once it was claimed."""
    states = {MessageState.QUEUED, MessageState.HELD}
    _decide(
        session,
        message_id,
        "skipped",
        states,
        state=MessageState.WITHDRAWN,
        answer=reason,
        next_attempt_at=None,
    )
    digest_parts.withdraw(session.connection(), message_id, why=reason)


def _decide(
    session: Session, message_id: int, done: str, allowed: set[MessageState], **values: object
) -> None:
    connection = session.connection()
    changed = connection.execute(
        update(_messages).where(_m.id == message_id, _m.state.in_(allowed)).values(**values)
    )
    if changed.rowcount == 0:
        found = connection.execute(select(_m.state).where(_m.id == message_id)).scalar()
        if found is None:
            raise Refused(
                f"er is geen mail {message_id}; `traject outbox list` toont de nummers",
                f"there is no message {message_id}; `traject outbox list` shows the numbers",
            )
        words = " of ".join(_STATES[state] for state in sorted(allowed))
        raise Refused(
            f"mail {message_id} kan niet worden {_DUTCH[done]}: hij is {_STATES[MessageState(found)]}; dat kan alleen zolang hij {words} is",
            f"message {message_id} cannot be {done}: it is {found}; only one that is {' or '.join(sorted(allowed))} can",
        )
