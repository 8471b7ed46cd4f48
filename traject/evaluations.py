"""What becomes of the answers to an evaluation: recorded, replaced until the round closes, counted.

Asking is decided in `advance`; this is the side of those who answer.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from models import EvaluationRequest, EvaluationResponse, EvaluationRound, Event
from models.enums import RequestState, RoundState
from traject.outbox import withdraw


class AnswerResult(StrEnum):
    """What became of one answer."""

    COUNTED = "counted"
    UNCHANGED = "unchanged"  # the same as what is recorded
    STALE = "stale"  # a later answer is recorded already
    CLOSED = "closed"  # the round was closed
    WITHDRAWN = "withdrawn"  # this person is no longer asked


def can_answer(request: EvaluationRequest, round_: EvaluationRound, at: datetime) -> AnswerResult | None:
    """Why this person cannot answer at `at`; None: they can."""
    if request.state is RequestState.WITHDRAWN:
        return AnswerResult.WITHDRAWN
    if round_.state is RoundState.CLOSED or round_.closes_at <= at or request.state is RequestState.EXPIRED:
        return AnswerResult.CLOSED
    return None


def record_answers(
    session: Session,
    request: EvaluationRequest,
    answers: Mapping[str, Any],
    *,
    questionnaire: str,
    version: int,
    received_at: datetime,
    now: datetime,
) -> AnswerResult:
    """Record one person's answers; those that came later replace those that came before.

    In: answers by question key, already checked against that version of the questionnaire; `received_at`: when they
    came in, which decides whether they were in time and which are the latest. Writes the response, the request's
    state, the event, and withdraws what would still remind. Anything but COUNTED changes nothing that counts.
    """
    round_ = session.get_one(EvaluationRound, request.round_id)
    refused = can_answer(request, round_, received_at)
    if refused:
        return refused
    response = session.exec(
        select(EvaluationResponse).where(EvaluationResponse.request_id == request.id)
    ).one_or_none()
    if response and response.received_at > received_at:
        return AnswerResult.STALE
    given = dict(answers)
    if response and (response.answers, response.questionnaire_version) == (given, version):
        return AnswerResult.UNCHANGED
    event = "evaluation.answered" if response is None else "evaluation.amended"
    if response is None:
        response = EvaluationResponse(
            request_id=request.id or 0,
            questionnaire=questionnaire,
            questionnaire_version=version,
            received_at=received_at,
        )
    response.answers = given
    response.questionnaire = questionnaire
    response.questionnaire_version = version
    response.received_at = received_at
    request.state = RequestState.ANSWERED
    request.answered_at = received_at
    session.add_all([response, request])
    session.add(
        Event(
            at=now,
            name=event,
            trajectory_id=round_.trajectory_id,
            actor="participant",
            details={"request": request.id, "round": round_.id, "school_year": round_.school_year},
        )
    )
    withdraw(session, reason="er is geantwoord", request_id=request.id)
    return AnswerResult.COUNTED


def round_progress(session: Session, round_id: int) -> tuple[int, int]:
    """How many are asked and how many of those have answered. Who was withdrawn counts in neither."""
    counts = dict(
        session.exec(
            select(EvaluationRequest.state, func.count())
            .where(EvaluationRequest.round_id == round_id)
            .group_by(col(EvaluationRequest.state))
        ).all()
    )
    counts.pop(RequestState.WITHDRAWN, None)
    return sum(counts.values()), counts.get(RequestState.ANSWERED, 0)


def close_round(session: Session, round_: EvaluationRound, now: datetime) -> bool:
    """End a round: who has not answered is expired and no longer reminded. False: it was closed already."""
    if round_.state is RoundState.CLOSED:
        return False
    asked, answered = round_progress(session, round_.id or 0)
    unanswered = session.exec(
        select(EvaluationRequest.id).where(
            EvaluationRequest.round_id == round_.id, EvaluationRequest.state == RequestState.ASKED
        )
    ).all()
    for request_id in unanswered:
        withdraw(session, reason="de evaluatie is gesloten", request_id=request_id)
    session.exec(
        update(EvaluationRequest)
        .where(col(EvaluationRequest.id).in_(unanswered))
        .values(state=RequestState.EXPIRED)
    )
    round_.state = RoundState.CLOSED
    session.add(round_)
    session.add(
        Event(
            at=now,
            name="evaluation.closed",
            trajectory_id=round_.trajectory_id,
            details={
                "round": round_.id,
                "school_year": round_.school_year,
                "asked": asked,
                "answered": answered,
            },
        )
    )
    return True
