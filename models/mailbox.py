"""How far each mailbox was read, and what stands in the way."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from models.columns import id_field, instant


class Mailbox(SQLModel, table=True):
    """One mailbox that answers come in by. UIDs count within one UIDVALIDITY (RFC 3501 §2.3.1.1)."""

    __tablename__ = "mailboxes"

    id: int | None = id_field()
    name: str = Field(unique=True)  # the URL without its password, or the folder
    uid_validity: int | None = None
    last_uid: int = 0
    read_at: datetime | None = instant(nullable=True)
    problem: str = ""  # said to staff once; empty: it can be read
    problem_since: datetime | None = instant(nullable=True)
