"""What was due while nothing ran: it goes in sending hours too, though the first heartbeat may come at night or in a weekend."""

from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlmodel import SQLModel

from models import Message
from models.enums import MessageState
from traject.dossier import calendars_of
from traject.effects import AT_ONCE
from traject.settings import Settings
from traject.store import Store

LATE = timedelta(hours=1)
"""Heartbeats come every five minutes; what is later than this waited for more than its turn."""

_m = SQLModel.metadata.tables[str(Message.__tablename__)].c


def wait_for_hours(store: Store, settings: Settings, now: datetime) -> int:
    """Let what is late wait for the sending hours, outside of them; gives how many.

    Not what may go at any hour, what was tried before, or what would be useless by then.
    """
    with store.read() as session:
        at = calendars_of(session, (), settings)[None].next_sending_moment(now)
    if at == now:
        return 0
    is_late = (
        _m.state == MessageState.QUEUED,
        _m.next_attempt_at <= now - LATE,
        _m.attempts == 0,
        _m.kind.not_in(AT_ONCE),
        or_(_m.expires_at.is_(None), _m.expires_at > at),
    )
    with store.write() as session:
        late = update(Message).where(*is_late).values(next_attempt_at=at)
        return session.connection().execute(late).rowcount
