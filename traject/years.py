"""Every running trajectory is asked for its evaluation every school year: what makes sure that nobody is left out."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import col, select

from calendars.school_year import SchoolYear
from models import EvaluationRound, StepRow, Trajectory
from models.enums import RoundState, StepKind, TrajectoryState
from traject.advance import AdvanceReport, advance, follow
from traject.dossier import load
from traject.effects import Effects
from traject.evaluations import close_round
from traject.settings import Settings
from traject.store import Store


@dataclass
class YearReport:
    """What one run did. `mended`: trajectories that had no row for this school year and have one now."""

    school_year: str
    mended: list[int] = field(default_factory=list)
    closed: int = 0
    advanced: AdvanceReport = field(default_factory=AdvanceReport)


def queue_yearly_evaluations(store: Store, settings: Settings, *, now: datetime) -> YearReport:
    """Ask, remind and close what is due of this school year's evaluations, and mend what was forgotten.

    The plan already holds a row per school year. This looks from the other side: a running trajectory without a row for
    this school year is planned again; a round past its end is closed, also of trajectories that finished.
    """
    local = now.astimezone(settings.zone).date()
    report = YearReport(str(SchoolYear.of(local)))
    for trajectory_id in _without_a_row(store, report.school_year):
        with store.write() as session:
            dossier = load(session, trajectory_id, settings, now, lock=True)
            before = set(dossier.steps)
            follow(session, dossier, Effects(session, dossier, settings, now))
            if set(dossier.steps) - before:
                dossier.trajectory.next_due_at = now
                report.mended.append(trajectory_id)
    due = _with_due_evaluations(store, now)
    report.advanced = advance(store, settings, now=now, only=[*dict.fromkeys([*report.mended, *due])])
    with store.write() as session:
        over = select(EvaluationRound).where(
            EvaluationRound.state == RoundState.OPEN, col(EvaluationRound.closes_at) <= now
        )
        report.closed = sum(close_round(session, found, now) for found in session.exec(over))
    return report


def _without_a_row(store: Store, school_year: str) -> list[int]:
    """Running trajectories that are evaluated in the yearly cycle but have no row for this school year."""
    with store.read() as session:
        yearly = select(StepRow.trajectory_id).where(StepRow.kind == StepKind.EVALUATION, StepRow.cycle != "")
        this_year = yearly.where(StepRow.cycle == school_year)
        query = select(Trajectory.id).where(
            Trajectory.state == TrajectoryState.RUNNING,
            col(Trajectory.id).in_(yearly),
            col(Trajectory.id).not_in(this_year),
        )
        return [found for found in session.exec(query) if found is not None]


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
