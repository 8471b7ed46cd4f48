"""The history: past-tense facts, append-only."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from models.columns import id_field, instant, json_field, ref


class Event(SQLModel, table=True):
    """One fact: `trajectory.launched`, `stage.opened`, `step.held`, `invitation.accepted`, `message.bounced`.

    `details` holds ids, keys and dates only, so that a person can be erased and the fact stays.
    """

    __tablename__ = "events"

    id: int | None = id_field()
    at: datetime = instant()
    name: str = Field(index=True)
    trajectory_id: int | None = ref("trajectories.id", nullable=True)
    actor: str = "traject"  # traject, staff, participant
    details: dict[str, Any] = json_field()
