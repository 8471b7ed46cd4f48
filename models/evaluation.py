"""Yearly evaluations: rounds, requests, responses, and the tokens behind the links in mails."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from models.columns import choice, id_field, instant, json_field, ref
from models.enums import RequestState, RoundState

_OPEN = text("state = 'open'")


class EvaluationRound(SQLModel, table=True):
    """One school year's evaluation of one trajectory."""

    __tablename__ = "evaluation_rounds"
    __table_args__ = (
        UniqueConstraint("trajectory_id", "step_key", "school_year"),
        Index("ix_evaluation_rounds_open", "closes_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    id: int | None = id_field()
    trajectory_id: int = ref("trajectories.id", index=False)
    step_id: int = ref("steps.id", unique=True)
    step_key: str
    school_year: str  # 2026-2027
    questionnaire: str
    state: RoundState = choice(RoundState, RoundState.OPEN)
    opened_at: datetime = instant()
    closes_at: datetime = instant()


class EvaluationRequest(SQLModel, table=True):
    """One person's ask in one round."""

    __tablename__ = "evaluation_requests"
    __table_args__ = (UniqueConstraint("round_id", "person_id"),)

    id: int | None = id_field()
    round_id: int = ref("evaluation_rounds.id", index=False)
    person_id: int = ref("people.id")
    role: str
    tag: str = Field(unique=True)  # ties a bounce to this request
    state: RequestState = choice(RequestState, RequestState.ASKED)
    asked_at: datetime = instant()
    answered_at: datetime | None = instant(nullable=True)


class EvaluationResponse(SQLModel, table=True):
    """The answers to one request: pseudonymous, not anonymous. Answering again replaces them until the round closes."""

    __tablename__ = "evaluation_responses"

    id: int | None = id_field()
    request_id: int = ref("evaluation_requests.id", unique=True)
    answers: dict[str, Any] = json_field()
    questionnaire: str
    questionnaire_version: int
    received_at: datetime = instant()


class AccessToken(SQLModel, table=True):
    """What a link in a mail opens. Only the SHA-256 of the random token is kept."""

    __tablename__ = "access_tokens"

    id: int | None = id_field()
    token_hash: str = Field(unique=True)
    invitation_id: int | None = ref("invitations.id", nullable=True)
    request_id: int | None = ref("evaluation_requests.id", nullable=True)
    created_at: datetime = instant()
    expires_at: datetime = instant()
    revoked_at: datetime | None = instant(nullable=True)
