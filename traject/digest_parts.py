"""What becomes of the messages that stand in an overview, once the server has spoken of the overview.

Until then they are *attempting* without a lease, so that each is withdrawn with its reason like any other message.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, func, select, update
from sqlmodel import SQLModel

from models import Message
from models.enums import MessageState

_messages = SQLModel.metadata.tables[str(Message.__tablename__)]
_m = _messages.c


def arrived(connection: Connection, digest_ids: Iterable[int], *, now: datetime) -> None:
    """The server took these overviews: so it took what stands in them, whatever its row says by now."""
    for digest_id in digest_ids:
        connection.execute(
            update(_messages)
            .where(_m.digest_id == digest_id)
            .values(
                state=MessageState.ACCEPTED,
                accepted_at=now,
                next_attempt_at=None,
                answer=_standing_in(digest_id),
            )
        )


def tried_before(connection: Connection, digest_id: int) -> int:
    """How often what stands in an overview was tried in earlier overviews, or by itself."""
    return connection.execute(
        select(func.coalesce(func.max(_m.attempts), 0)).where(_m.digest_id == digest_id)
    ).scalar_one()


def take_apart(connection: Connection, digest_id: int, *, at: datetime, why: str) -> None:
    """An overview did not arrive: it is withdrawn, and each message in it waits by itself until `at`.

    What was withdrawn meanwhile stays so, and what is still of use may be put together anew.
    """
    connection.execute(
        update(_messages)
        .where(_m.digest_id == digest_id, _m.state == MessageState.ATTEMPTING)
        .values(state=MessageState.QUEUED, next_attempt_at=at, attempts=_m.attempts + 1, answer=why)
    )
    connection.execute(update(_messages).where(_m.digest_id == digest_id).values(digest_id=None))
    withdraw(connection, digest_id, why=why)


def withdraw(connection: Connection, digest_id: int, *, why: str) -> None:
    """An overview is never sent (again), and neither is what still stands in it."""
    connection.execute(
        update(_messages)
        .where(
            (_m.id == digest_id) | (_m.digest_id == digest_id),
            _m.state.in_((MessageState.QUEUED, MessageState.HELD, MessageState.ATTEMPTING)),
        )
        .values(state=MessageState.WITHDRAWN, next_attempt_at=None, answer=why)
    )


def given_up(connection: Connection, digest_id: int, attempts: int) -> list[int]:
    """The messages in an overview that was given up after so many attempts, which are to be given up too."""
    mine = update(_messages).where(_m.digest_id == digest_id, _m.state == MessageState.ATTEMPTING)
    return sorted(connection.execute(mine.values(attempts=attempts).returning(_m.id)).scalars())


def _standing_in(digest_id: int) -> str:
    return f"in overzicht {digest_id}"
