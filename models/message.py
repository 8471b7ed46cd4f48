"""The outbox: one mail to one person, with its bytes frozen when it is queued."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, Relationship, SQLModel

from models.columns import bytes_field, choice, id_field, instant, ref
from models.enums import MessageKind, MessageState

_WAITING = text("state IN ('queued', 'attempting')")
_IN_A_DIGEST = text("digest_id IS NOT NULL")


class MessageContent(SQLModel, table=True):
    """The bytes of one mail, apart: SQLite writes a whole row anew at each change of state, with all that is in it."""

    __tablename__ = "message_contents"

    message_id: int | None = Field(
        default=None, foreign_key="messages.id", ondelete="CASCADE", primary_key=True
    )
    data: bytes = bytes_field()


class NudgedInvitation(SQLModel, table=True):
    """One of the invitations that a nudge asks about: one mail asks about several, of several trajectories."""

    __tablename__ = "nudged_invitations"

    message_id: int | None = Field(
        default=None, foreign_key="messages.id", ondelete="CASCADE", primary_key=True
    )
    invitation_id: int | None = Field(
        default=None, foreign_key="invitations.id", primary_key=True, index=True
    )


class Message(SQLModel, table=True):
    """One mail to one person. A second message with the same effect key cannot exist.

    `next_attempt_at` is when it may be claimed (while *queued*) or when its lease ends (while *attempting*). A message that
    stands in an overview is *attempting* without a lease, until the server has spoken of the overview.
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_waiting", "next_attempt_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_messages_attempted_at", "attempted_at"),
        Index("ix_messages_digest_id", "digest_id", sqlite_where=_IN_A_DIGEST, postgresql_where=_IN_A_DIGEST),
    )

    id: int | None = id_field()
    effect_key: str = Field(unique=True)
    kind: MessageKind = choice(MessageKind)
    trajectory_id: int | None = ref("trajectories.id", nullable=True)
    step_id: int | None = ref("steps.id", nullable=True)
    person_id: int | None = ref("people.id", nullable=True)
    invitation_id: int | None = ref("invitations.id", nullable=True)
    request_id: int | None = ref("evaluation_requests.id", nullable=True)
    digest_id: int | None = ref("messages.id", index=False, nullable=True)  # the overview in which it stands
    is_reminder: bool = False  # withdrawn when its reason disappears
    to_email: str
    return_path: str = Field(index=True)  # VERP: unique to the message, so that a bounce names it
    message_id: str = Field(unique=True)
    subject: str
    sequence: int | None = None  # of the invitation it carries
    state: MessageState = choice(MessageState, MessageState.QUEUED)
    queued_at: datetime = instant()
    next_attempt_at: datetime | None = instant(nullable=True)
    expires_at: datetime | None = instant(nullable=True)  # a meeting's start: later is useless
    attempts: int = 0
    attempted_at: datetime | None = instant(nullable=True)
    accepted_at: datetime | None = instant(nullable=True)
    answer: str = ""  # the server's last words, or why it was withheld, held or withdrawn

    content: MessageContent | None = Relationship()  # None only when withheld

    @property
    def data(self) -> bytes | None:
        """The frozen bytes, read when asked for."""
        return self.content.data if self.content else None
