"""Every running trajectory is asked for its evaluation every school year: what makes sure that nobody is left out."""

from dataclasses import dataclass, field
from datetime import datetime, time

from sqlalchemy import Connection, bindparam
from sqlmodel import col, select

from calendars.school_year import SchoolYear
from models import EvaluationRound, Event, StepRow, Trajectory
from models.enums import RoundState, StepKind, TrajectoryState
from traject.advance import AdvanceReport, advance, follow
from traject.dossier import Dossier, load
from traject.effects import Effects
from traject.evaluations import close_round
from traject.planner import plan
from traject.programme import Step
from traject.settings import Settings
from traject.store import Store
from traject.versions import programmes

LOOKED = "years.looked"
"""The event that says that nobody was forgotten on that day."""


@dataclass
class YearReport:
    """What one run did. `mended`: trajectories that had no row for this school year and have one now."""

    school_year: str
    mended: list[int] = field(default_factory=list)
    closed: int = 0
    advanced: AdvanceReport = field(default_factory=AdvanceReport)


def queue_yearly_evaluations(store: Store, settings: Settings, *, now: datetime) -> YearReport:
    """Ask, remind and close what is due of this school year's evaluations, and mend what was forgotten.

    Once a day is enough. The plan already holds a row per school year. This looks from the other side: a running
    trajectory without a row for this school year is planned again; a round past its end is closed, also of
    trajectories that finished.
    """
    local = now.astimezone(settings.zone).date()
    report = YearReport(str(SchoolYear.of(local)))
    for trajectory_id in _without_a_row(store, report.school_year):
        with store.write() as session:
            dossier = load(session, trajectory_id, settings, now, lock=True)
            if _is_forgotten(dossier, report.school_year, now):
                follow(session, dossier, Effects(session, dossier, settings, now))
                dossier.trajectory.next_due_at = now
                report.mended.append(trajectory_id)
    due = _with_due_evaluations(store, now)
    report.advanced = advance(store, settings, now=now, only=[*dict.fromkeys([*report.mended, *due])])
    with store.write() as session:
        over = select(EvaluationRound).where(
            EvaluationRound.state == RoundState.OPEN, col(EvaluationRound.closes_at) <= now
        )
        report.closed = sum(close_round(session, found, now) for found in session.exec(over))
        if not looked_today(session.connection(), settings, now):
            session.add(Event(at=now, name=LOOKED, details={"school_year": report.school_year}))
    return report


_LOOKED = (
    select(col(Event.id))
    .where(
        col(Event.name) == LOOKED, col(Event.at) >= bindparam("midnight"), col(Event.at) <= bindparam("now")
    )
    .limit(1)
)


def looked_today(connection: Connection, settings: Settings, now: datetime) -> bool:
    """Whether `queue_yearly_evaluations` ran on this local day.

    It reads every running trajectory, so a heartbeat asks this first; what is due within the day `advance` does.
    """
    midnight = datetime.combine(now.astimezone(settings.zone).date(), time(), settings.zone)
    return connection.execute(_LOOKED, {"midnight": midnight, "now": now}).first() is not None


def _without_a_row(store: Store, school_year: str) -> list[int]:
    """Running trajectories of programmes with a yearly evaluation that have no row for this school year."""
    with store.read() as session:
        versions = [
            number
            for number, programme in programmes(session).items()
            if any(_is_yearly(step) for step in programme.steps)
        ]
        this_year = select(StepRow.trajectory_id).where(
            StepRow.kind == StepKind.EVALUATION, StepRow.cycle == school_year
        )
        query = select(Trajectory.id).where(
            Trajectory.state == TrajectoryState.RUNNING,
            col(Trajectory.programme_version_id).in_(versions),
            col(Trajectory.id).not_in(this_year),
        )
        return [found for found in session.exec(query) if found is not None]


def _is_yearly(step: Step) -> bool:
    return step.kind is StepKind.EVALUATION and step.cycle is not None


def _is_forgotten(dossier: Dossier, school_year: str, now: datetime) -> bool:
    """Whether the plan has an evaluation in this school year that the rows lack: not so for who started too late in it."""
    made = plan(dossier.programme, dossier.facts(now), dossier.calendar)
    yearly = {step.key for step in dossier.programme.steps if _is_yearly(step)}
    return any(
        step.key in yearly and step.cycle == school_year and step.id not in dossier.steps
        for step in made.steps
    )


def _with_due_evaluations(store: Store, now: datetime) -> list[int]:
    with store.read() as session:
        query = (
            select(Trajectory.id)
            .join(StepRow, col(StepRow.trajectory_id) == col(Trajectory.id))
            .where(
                Trajectory.state == TrajectoryState.RUNNING,
                col(Trajectory.next_due_at) <= now,
                StepRow.kind == StepKind.EVALUATION,
                col(StepRow.due_at) <= now,
            )
            .distinct()
        )
        return [found for found in session.exec(query) if found is not None]
