"""Calendar feeds: who may read which gatherings under a secret, revocable URL."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from models.columns import choice, id_field, instant, ref
from models.enums import FeedKind


class Feed(SQLModel, table=True):
    """One subscription. Only the SHA-256 of the random token is kept."""

    __tablename__ = "feeds"

    id: int | None = id_field()
    token_hash: str = Field(unique=True)
    kind: FeedKind = choice(FeedKind)
    person_id: int | None = ref("people.id", nullable=True)
    trajectory_id: int | None = ref("trajectories.id", nullable=True)  # of a school or of a group
    created_at: datetime = instant()
    revoked_at: datetime | None = instant(nullable=True)
