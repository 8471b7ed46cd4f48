"""The page behind the link in an evaluation request: the questionnaire, as it was asked, with what was answered before.

Opening it changes nothing. Sending it stores the answers, then applies them; until the round closes they can be changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import col, select
from starlette.exceptions import HTTPException

from models import (
    AccessToken,
    Arrival,
    EvaluationRequest,
    EvaluationResponse,
    EvaluationRound,
    Person,
    Trajectory,
)
from models.enums import InboxKind
from portal.answering import adviser_of, keep_and_apply, organisation_of, thanks_address, waking
from portal.forms import SWITCH, Form, read_form
from portal.pages import Desk, language_of
from portal.public import GET
from traject.access import open_token
from traject.evaluations import AnswerResult, can_answer
from traject.mail_words import moment, weekday
from traject.questionnaire import (
    Answers,
    FieldProblem,
    Questionnaire,
    check_answers,
    read_questionnaire,
)


@dataclass(frozen=True, slots=True)
class EvaluationView:
    """What the page shows."""

    request_id: int
    questionnaire: Questionnaire
    trajectory: Trajectory
    organisation: str
    school_year: str
    person: Person
    adviser: Person | None
    closes_at: datetime
    closed: AnswerResult | None
    """Why it cannot be answered any more."""
    answers: Form
    """What was answered before, as the form would send it."""
    last_outcome: str | None
    """What became of the last answers that came in; empty while they wait; None: there were none."""


def evaluation_pages(desk: Desk) -> APIRouter:
    """Make the routes."""
    router = APIRouter()

    def view(token: str) -> EvaluationView:
        now = desk.clock()
        with desk.store.read() as session:
            opened = open_token(session, token, now)
            if not isinstance(opened, AccessToken) or opened.request_id is None:
                raise HTTPException(404)
            asked = session.get_one(EvaluationRequest, opened.request_id)
            round_ = session.get_one(EvaluationRound, asked.round_id)
            trajectory = session.get_one(Trajectory, round_.trajectory_id)
            answers = session.exec(
                select(EvaluationResponse.answers).where(EvaluationResponse.request_id == asked.id)
            ).one_or_none()
            last = session.exec(
                select(Arrival.outcome).where(Arrival.request_id == asked.id).order_by(col(Arrival.id).desc())
            ).first()
            shown = EvaluationView(
                request_id=opened.request_id,
                questionnaire=read_questionnaire(
                    desk.settings.programmes_dir / "questionnaires" / f"{round_.questionnaire}.yaml"
                ),
                trajectory=trajectory,
                organisation=organisation_of(session, trajectory),
                school_year=round_.school_year,
                person=session.get_one(Person, asked.person_id),
                adviser=adviser_of(session, round_.trajectory_id),
                closes_at=round_.closes_at,
                closed=can_answer(asked, round_, now),
                answers=as_form(answers or {}),
                last_outcome=last,
            )
            session.expunge_all()
        return shown

    def page(
        request: Request, shown: EvaluationView, form: Form, problems: list[FieldProblem], status: int = 200
    ) -> Response:
        language = language_of(request, shown.person.language)
        return desk.page(
            request,
            "evaluation.html",
            language=shown.person.language,
            status=status,
            view=shown,
            form=form,
            problems={problem.key: problem.message for problem in problems},
            until=last_moment(shown.closes_at, language, desk.settings.timezone),
        )

    @router.api_route("/e/{token}", methods=GET)
    def evaluation(request: Request, token: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        shown = view(token)
        return page(request, shown, shown.answers, [])

    @router.post("/e/{token}")
    def answer(  # pyright: ignore[reportUnusedFunction]
        request: Request, token: str, form: Annotated[Form, Depends(read_form)]
    ) -> Response:
        shown = view(token)
        checked = check_answers(shown.questionnaire, form)
        if SWITCH in form:
            wrong = [] if isinstance(checked, Answers) else checked
            return page(request, shown, form, wrong if form[SWITCH] == ["refused"] else [])
        if not isinstance(checked, Answers):
            return page(request, shown, form, checked, 422)
        payload = {
            "answers": {
                key: list(value) if isinstance(value, tuple) else value
                for key, value in checked.values.items()
            },
            "questionnaire": shown.questionnaire.key,
            "version": shown.questionnaire.version,
        }
        keep_and_apply(desk, InboxKind.EVALUATION_ANSWER, payload, request_id=shown.request_id)
        return RedirectResponse(
            thanks_address(request), status_code=303, background=waking(desk, shown.trajectory)
        )

    @router.api_route("/e/{token}/bedankt", methods=GET)
    def thanks(request: Request, token: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        shown = view(token)
        language = language_of(request, shown.person.language)
        return desk.page(
            request,
            "evaluation-thanks.html",
            language=shown.person.language,
            view=shown,
            until=last_moment(shown.closes_at, language, desk.settings.timezone),
            back=f"/e/{token}",
        )

    return router


def as_form(answers: Mapping[str, Any]) -> Form:
    """Recorded answers as the form sends them."""
    return {
        key: [str(each) for each in value] if isinstance(value, list) else [str(value)]
        for key, value in answers.items()
    }


def last_moment(closes_at: datetime, language: str, timezone: str) -> str:
    """`tot en met zondag 1 november 2026` when it closes at midnight, else with the hour."""
    local = closes_at.astimezone(ZoneInfo(timezone))
    if local.time() == time.min:
        words = "tot en met" if language == "nl" else "up to and including"
        return f"{words} {weekday(local.date() - timedelta(days=1), language)}"
    words = "tot" if language == "nl" else "until"
    return f"{words} {moment(closes_at, language, timezone)}"
