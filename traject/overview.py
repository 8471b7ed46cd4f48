"""What staff see of the trajectories: how far each is, what is about to happen, and who has not answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, func, select

from models import (
    EvaluationRequest,
    EvaluationRound,
    Gathering,
    Invitation,
    Organisation,
    ProgrammeVersion,
    StageRow,
    StepRow,
    Task,
    Trajectory,
)
from models.enums import (
    Certainty,
    GatheringState,
    RequestState,
    StageState,
    StepKind,
    StepState,
    TaskState,
    TrajectoryState,
)
from traject.choosing import asks_others
from traject.dossier import programme_of
from traject.programme import Step, Text
from traject.words import part_in_english

LIVE = (TrajectoryState.RUNNING, TrajectoryState.PAUSED)


@dataclass(frozen=True, slots=True)
class TrajectoryLine:
    """One trajectory in the list. `unanswered` counts people, `next_at` is its first moment to come."""

    reference: str
    name: str
    programme: str
    state: TrajectoryState
    stage: str  # the title of what is open; empty between stages
    starts_on: date
    ends_on: date | None
    next_at: datetime | None
    next_title: str
    unanswered: int
    tasks: int
    missed: int


@dataclass(frozen=True, slots=True)
class Coming:
    """One thing that is going to happen. `what` says what the engine does.

    It sends, invites, asks, holds, closes, assigns; where a date is not its own to choose it asks staff to `choose`
    one, or to `look` for one that others offer.
    """

    at: datetime
    what: str
    reference: str
    name: str
    key: str
    cycle: str
    kind: StepKind
    title: Text
    to: tuple[Text, ...]  # the titles of the roles
    certainty: Certainty
    on_hold: bool


def trajectories(session: Session, *, everything: bool = False) -> list[TrajectoryLine]:
    """The trajectories that run or are paused, or all of them, by name."""
    query = (
        select(Trajectory, ProgrammeVersion.key, Organisation.name)
        .join(ProgrammeVersion, col(ProgrammeVersion.id) == col(Trajectory.programme_version_id))
        .join(Organisation, col(Organisation.id) == col(Trajectory.organisation_id), isouter=True)
        .order_by(col(Trajectory.reference))
    )
    if not everything:
        query = query.where(col(Trajectory.state).in_(LIVE))
    stages = dict(
        session.exec(
            select(StageRow.trajectory_id, StageRow.title)
            .where(StageRow.state == StageState.OPEN)
            .order_by(col(StageRow.position).desc())
        ).all()
    )
    upcoming = _next_steps(session)
    unanswered = _unanswered(session)
    tasks = _counts(session, Task.trajectory_id, Task.state == TaskState.OPEN)
    missed = _counts(session, StepRow.trajectory_id, StepRow.state == StepState.MISSED)
    lines: list[TrajectoryLine] = []
    for trajectory, programme, school in session.exec(query):
        number = trajectory.id or 0
        next_at, next_title = upcoming.get(number, (None, ""))
        lines.append(
            TrajectoryLine(
                reference=trajectory.reference,
                name=school or trajectory.group_name,
                programme=programme,
                state=trajectory.state,
                stage=stages.get(number, ""),
                starts_on=trajectory.starts_on,
                ends_on=trajectory.ends_on,
                next_at=next_at if trajectory.state in LIVE else None,
                next_title=next_title if trajectory.state in LIVE else "",
                unanswered=unanswered.get(number, 0),
                tasks=tasks.get(number, 0),
                missed=missed.get(number, 0),
            )
        )
    return lines


def _next_steps(session: Session) -> dict[int, tuple[datetime, str]]:
    """The first planned step of each trajectory; one row each, however long the plans are."""
    planned = (StepRow.state == StepState.PLANNED, col(StepRow.due_at).is_not(None))
    first = (
        select(StepRow.trajectory_id, func.min(StepRow.due_at).label("due_at"))
        .where(*planned)
        .group_by(col(StepRow.trajectory_id))
        .subquery()
    )
    found = session.exec(
        select(StepRow.trajectory_id, StepRow.due_at, StepRow.title)
        .join(first, col(StepRow.trajectory_id) == first.c.trajectory_id)
        .where(*planned, col(StepRow.due_at) == first.c.due_at)
        .order_by(col(StepRow.id).desc())
    )
    return {trajectory_id: (due_at, title) for trajectory_id, due_at, title in found if due_at}


def _counts(session: Session, by: int, *where: bool) -> dict[int, int]:
    """How many rows there are by trajectory; the arguments are columns and conditions on them."""
    return dict(session.exec(select(by, func.count()).where(*where).group_by(col(by))).all())


def _unanswered(session: Session) -> dict[int, int]:
    """How many answers are awaited, by trajectory; of who joined a gathering elsewhere at both."""
    asked = session.exec(
        select(EvaluationRound.trajectory_id, func.count())
        .join(EvaluationRequest, col(EvaluationRequest.round_id) == col(EvaluationRound.id))
        .where(EvaluationRequest.state == RequestState.ASKED)
        .group_by(col(EvaluationRound.trajectory_id))
    )
    found = dict(asked.all())
    invited = session.exec(
        select(Gathering.trajectory_id, func.count())
        .join(Invitation, col(Invitation.gathering_id) == col(Gathering.id))
        .where(
            Gathering.state == GatheringState.FIXED,
            col(Invitation.answered_at).is_(None),
            col(Invitation.is_cancelled).is_(False),
        )
        .group_by(col(Gathering.trajectory_id))
    )
    joined = session.exec(
        select(StepRow.trajectory_id, func.count())
        .join(Invitation, col(Invitation.step_id) == col(StepRow.id))
        .join(Gathering, col(Gathering.id) == col(Invitation.gathering_id))
        .where(
            Gathering.state == GatheringState.FIXED,
            col(Gathering.trajectory_id) != col(StepRow.trajectory_id),
            col(Invitation.answered_at).is_(None),
            col(Invitation.is_cancelled).is_(False),
        )
        .group_by(col(StepRow.trajectory_id))
    )
    for trajectory_id, count in (*invited, *joined):
        found[trajectory_id] = found.get(trajectory_id, 0) + count
    return found


def coming(session: Session, *, until: datetime, now: datetime, only: int | None = None) -> list[Coming]:
    """Everything that is going to happen in running trajectories until an instant, overdue things first.

    A gathering is there twice: when people are invited, and when it is held.
    """
    query = (
        select(StepRow, Trajectory, ProgrammeVersion, Organisation.name)
        .join(Trajectory, col(Trajectory.id) == col(StepRow.trajectory_id))
        .join(ProgrammeVersion, col(ProgrammeVersion.id) == col(Trajectory.programme_version_id))
        .join(Organisation, col(Organisation.id) == col(Trajectory.organisation_id), isouter=True)
        .where(
            Trajectory.state == TrajectoryState.RUNNING,
            col(StepRow.state).in_((StepState.PLANNED, StepState.OPEN)),
            (col(StepRow.due_at) <= until)
            | (col(StepRow.starts_at) <= until)
            | (col(StepRow.ends_at) <= until),
        )
    )
    if only is not None:
        query = query.where(StepRow.trajectory_id == only)
    found: list[Coming] = []
    for row, trajectory, version, school in session.exec(query):
        programme = programme_of(version)
        step = next((s for s in programme.steps if s.key == row.key.partition("/")[0]), None)
        title, to = _words(row, step)
        found += [
            Coming(
                at=at,
                what=what,
                reference=trajectory.reference,
                name=school or trajectory.group_name,
                key=row.key,
                cycle=row.cycle,
                kind=row.kind,
                title=title,
                to=tuple(
                    role.title
                    for role in programme.roles
                    if (role.staff if what in _FOR_STAFF else role.key in to)
                ),
                certainty=row.certainty,
                on_hold=row.on_hold,
            )
            for at, what in _moments(row, step, now)
            if at <= until
        ]
    return sorted(found, key=lambda one: (one.at, one.reference, one.key, one.cycle))


def _words(row: StepRow, step: Step | None) -> tuple[Text, tuple[str, ...]]:
    """What a row is called in both languages, and the roles it is for."""
    if step is None:
        return Text(row.title), ()
    part = row.key.partition("/")[2]
    if part == "escalation" and step.escalation:
        return step.escalation.title, (step.escalation.to,)
    return Text(row.title, f"{part_in_english(part)}{step.title.in_language('en')}"), step.to


_ACTS = {
    StepKind.MAIL: "send",
    StepKind.GATHERING: "invite",
    StepKind.EVALUATION: "ask",
    StepKind.TASK: "assign",
}


_FOR_STAFF = ("choose", "look")


def _moments(row: StepRow, step: Step | None, now: datetime) -> Sequence[tuple[datetime, str]]:
    moments: list[tuple[datetime, str]] = []
    if row.state is StepState.PLANNED and row.due_at:
        act = _ACTS[row.kind]
        if step is not None and row.kind is StepKind.GATHERING and asks_others(step, row):
            act = "look" if step.is_shared else "choose"
        if act != "look" or row.starts_at is None:  # else who holds it elsewhere invites them
            moments.append((row.due_at, act))
    if row.kind is StepKind.GATHERING and row.starts_at and row.starts_at > now:
        moments.append((row.starts_at, "hold"))
    if row.kind is StepKind.EVALUATION and row.ends_at and row.ends_at > now:
        moments.append((row.ends_at, "close"))
    return moments
