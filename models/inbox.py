"""Everything that arrived: stored first, applied once."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from models.columns import bytes_field, choice, id_field, instant, json_field, ref
from models.enums import InboxKind, InboxState


class Arrival(SQLModel, table=True):
    """One thing that arrived. `external_key` (a hash or a mailbox's UID) makes a second arrival of the same a no-op."""

    __tablename__ = "inbox"
    __table_args__ = (
        Index(
            "ix_inbox_stored",
            "id",
            sqlite_where=text("state = 'stored'"),
            postgresql_where=text("state = 'stored'"),
        ),
    )

    id: int | None = id_field()
    external_key: str = Field(unique=True)
    kind: InboxKind = choice(InboxKind)
    received_at: datetime = instant()
    invitation_id: int | None = ref("invitations.id", nullable=True)
    request_id: int | None = ref("evaluation_requests.id", nullable=True)
    payload: dict[str, Any] = json_field()  # PARTSTAT and comment, or the answers
    raw: bytes | None = bytes_field(nullable=True)  # the mail as it came
    state: InboxState = choice(InboxState, InboxState.STORED)
    outcome: str = ""  # counted, stale, quarantined, proposal, ignored, recorded
    why: str = ""
    applied_at: datetime | None = instant(nullable=True)
