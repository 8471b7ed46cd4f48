"""Programme versions, as they were when they were launched."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import SQLModel

from models.columns import id_field, instant


class ProgrammeVersion(SQLModel, table=True):
    """One version of a programme. It never changes: a changed file under the same version is refused."""

    __tablename__ = "programme_versions"
    __table_args__ = (UniqueConstraint("key", "version"),)

    id: int | None = id_field()
    key: str
    version: int
    title: str
    sha256: str
    text: str
    stored_at: datetime = instant()
