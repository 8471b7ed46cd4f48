"""The figures at the end, each counted from what the server received and what the database holds."""

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from calendars.school_year import SchoolCalendar, SchoolYear
from models import (
    EvaluationRequest,
    EvaluationResponse,
    EvaluationRound,
    Event,
    Invitation,
    Message,
    StageRow,
    StepRow,
    Trajectory,
)
from models.enums import MessageKind, MessageState, PartStat, StepState

_STARTS = {"trajectory.launched", "trajectory.resumed"}
_overview = aliased(Message)
_CAME_AS = func.coalesce(col(_overview.message_id), col(Message.message_id))
"""The Message-ID under which a message came: its own, or that of the overview in which it stands."""
_ENDS = {"trajectory.paused", "trajectory.finished", "trajectory.cancelled"}


def invitations(session: Session) -> dict[str, int]:
    """How many invitations stand at which answer; those that were taken back are left out."""
    query = (
        select(Invitation.partstat, func.count())
        .where(col(Invitation.is_cancelled).is_(False))
        .group_by(col(Invitation.partstat))
    )
    return {PartStat(partstat).value: number for partstat, number in sorted(session.exec(query).all())}


def evaluations(session: Session, received: set[str]) -> dict[str, dict[str, int]]:
    """By school year: how many were asked, by a request or a reminder that arrived, and how many answered."""
    asked: dict[str, set[int | None]] = defaultdict(set)
    query = (
        select(EvaluationRound.school_year, EvaluationRequest.id, _CAME_AS)
        .join(EvaluationRequest, col(EvaluationRequest.round_id) == col(EvaluationRound.id))
        .join(Message, col(Message.request_id) == col(EvaluationRequest.id))
        .outerjoin(_overview, col(_overview.id) == col(Message.digest_id))
    )
    for year, request, message_id in session.exec(query):
        if message_id in received:
            asked[year].add(request)
    answers = (
        select(EvaluationRound.school_year, func.count())
        .join(EvaluationRequest, col(EvaluationRequest.round_id) == col(EvaluationRound.id))
        .join(EvaluationResponse, col(EvaluationResponse.request_id) == col(EvaluationRequest.id))
        .group_by(col(EvaluationRound.school_year))
    )
    answered = dict(session.exec(answers).all())
    return {year: {"asked": len(asked[year]), "answered": answered.get(year, 0)} for year in sorted(asked)}


def missed(session: Session) -> list[dict[str, str]]:
    """Every step that was missed, with the reason that staff see."""
    query = (
        select(Trajectory.reference, StepRow.key, StepRow.cycle, StepRow.note)
        .join(Trajectory, col(Trajectory.id) == col(StepRow.trajectory_id))
        .where(StepRow.state == StepState.MISSED)
        .order_by(col(Trajectory.reference), col(StepRow.key), col(StepRow.cycle))
    )
    return [
        {"reference": reference, "step": key, "cycle": cycle, "why": note}
        for reference, key, cycle, note in session.exec(query)
    ]


def lost(session: Session, received: set[str]) -> list[str]:
    """What the database says was delivered and never came, and who was asked or invited without any mail."""
    accepted = (
        select(_CAME_AS, Message.effect_key)
        .outerjoin(_overview, col(_overview.id) == col(Message.digest_id))
        .where(Message.state == MessageState.ACCEPTED)
    )
    gone = [f"message {key}" for message_id, key in session.exec(accepted) if message_id not in received]
    unasked = (
        select(EvaluationRequest.id)
        .outerjoin(Message, col(Message.request_id) == col(EvaluationRequest.id))
        .where(col(Message.id).is_(None))
    )
    gone += [f"request {number}" for number in session.exec(unasked)]
    uninvited = (
        select(Invitation.id)
        .outerjoin(Message, col(Message.invitation_id) == col(Invitation.id))
        .where(col(Message.id).is_(None))
    )
    gone += [f"invitation {number}" for number in session.exec(uninvited)]
    return gone


def without_evaluation(
    session: Session,
    calendar: SchoolCalendar,
    received: set[str],
    refused: set[str],
    years: list[SchoolYear],
    until: datetime,
) -> list[str]:
    """School and school year of which nobody was asked, though the trajectory ran in May or June.

    Asked is: a request arrived, or the mail server refused it for good. What ran for no working day at all in the
    window could not be asked.
    """
    asked: set[tuple[int, str]] = set()
    query = (
        select(
            EvaluationRound.trajectory_id,
            EvaluationRound.school_year,
            Message.message_id,
            Message.return_path,
        )
        .join(EvaluationRequest, col(EvaluationRequest.round_id) == col(EvaluationRound.id))
        .join(Message, col(Message.request_id) == col(EvaluationRequest.id))
        .where(Message.kind == MessageKind.EVALUATION_REQUEST)
    )
    for trajectory, year, message_id, path in session.exec(query):
        if message_id in received or path in refused:
            asked.add((trajectory, year))
    ran = _running(session, until)
    forgotten: list[str] = []
    schools = (
        select(Trajectory).where(col(Trajectory.organisation_id).is_not(None)).order_by(col(Trajectory.id))
    )
    for trajectory in session.exec(schools):
        number = trajectory.id or 0
        forgotten += [
            f"{trajectory.reference} {year}"
            for year in years
            if (number, str(year)) not in asked and _ran_in_window(ran[number], year, calendar)
        ]
    return forgotten


def _running(session: Session, until: datetime) -> dict[int, list[tuple[datetime, datetime]]]:
    """When each trajectory ran, from the history."""
    spans: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    since: dict[int, datetime] = {}
    events = select(Event).where(col(Event.name).in_(_STARTS | _ENDS)).order_by(col(Event.at), col(Event.id))
    for event in session.exec(events):
        number = event.trajectory_id or 0
        if event.name in _STARTS:
            since.setdefault(number, event.at)
        elif number in since:
            spans[number].append((since.pop(number), event.at))
    for number, at in since.items():
        spans[number].append((at, until))
    over = _last_stage_closed(session)
    return {
        number: [(start, min(end, over.get(number, end))) for start, end in found]
        for number, found in spans.items()
    }


def _last_stage_closed(session: Session) -> dict[int, datetime]:
    """When the last stage of each trajectory closed; after that it only waits for what people were asked."""
    query = (
        select(StageRow.trajectory_id, func.max(StageRow.closed_at))
        .group_by(col(StageRow.trajectory_id))
        .having(func.count() == func.count(col(StageRow.closed_at)))
    )
    return {number: at for number, at in session.exec(query) if at is not None}


def _ran_in_window(
    spans: list[tuple[datetime, datetime]], year: SchoolYear, calendar: SchoolCalendar
) -> bool:
    day = date(year.ends_on.year, 5, 1)
    while day.month < 7:
        if calendar.is_working_day(day):
            noon = calendar.next_sending_moment(calendar.local(day, time(12))).astimezone(UTC)
            if any(start <= noon and noon + timedelta(hours=1) <= end for start, end in spans):
                return True
        day += timedelta(days=1)
    return False
