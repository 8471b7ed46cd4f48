"""How far each mailbox was read, and what stands in the way."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from models.columns import id_field, instant


class Mailbox(SQLModel, table=True):
    """One mailbox that answers come in by. UIDs count within one UIDVALIDITY, 32 bits each (RFC 3501 §2.3.1.1).

    A folder of this machine has none: then `last_uid` is the second (Unix) of the newest file that was read.
    """

    __tablename__ = "mailboxes"

    id: int | None = id_field()
    name: str = Field(unique=True)  # the URL without its password, or the folder
    uid_validity: int | None = Field(default=None, sa_type=BigInteger)
    last_uid: int = Field(default=0, sa_type=BigInteger)
    read_at: datetime | None = instant(nullable=True)
    problem: str = ""  # said to staff once; empty: it can be read
    problem_since: datetime | None = instant(nullable=True)
