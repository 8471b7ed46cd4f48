"""Which gatherings need a date now: those without one. Then whom it is time to invite."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import col, select

from models import StepRow, Trajectory
from models.enums import StepKind, StepState, TrajectoryState
from traject.advance import AdvanceReport, advance, follow
from traject.dossier import load
from traject.effects import Effects
from traject.settings import Settings
from traject.store import Store


@dataclass
class ScheduleReport:
    """What one run did. `replanned`: trajectories whose gatherings were planned again."""

    replanned: list[int] = field(default_factory=list)
    advanced: AdvanceReport = field(default_factory=AdvanceReport)


def schedule_gatherings(store: Store, settings: Settings, *, now: datetime) -> ScheduleReport:
    """Plan again what has no date; then invite whom it is time to invite."""
    report = ScheduleReport()
    for trajectory_id in _undated(store):
        with store.write() as session:
            dossier = load(session, trajectory_id, settings, now, lock=True)
            before = {name: row.starts_at for name, row in dossier.steps.items()}
            follow(session, dossier, Effects(session, dossier, settings, now))
            if before != {name: row.starts_at for name, row in dossier.steps.items()}:
                dossier.trajectory.next_due_at = now
                report.replanned.append(trajectory_id)
    due = _with_due_gatherings(store, now)
    report.advanced = advance(store, settings, now=now, only=[*dict.fromkeys([*report.replanned, *due])])
    return report


def _undated(store: Store) -> list[int]:
    with store.read() as session:
        query = (
            select(StepRow.trajectory_id)
            .join(Trajectory, col(Trajectory.id) == col(StepRow.trajectory_id))
            .where(
                Trajectory.state == TrajectoryState.RUNNING,
                StepRow.kind == StepKind.GATHERING,
                StepRow.state == StepState.PLANNED,
                col(StepRow.starts_at).is_(None),
            )
            .distinct()
        )
        return list(session.exec(query))


def _with_due_gatherings(store: Store, now: datetime) -> list[int]:
    with store.read() as session:
        query = (
            select(StepRow.trajectory_id)
            .join(Trajectory, col(Trajectory.id) == col(StepRow.trajectory_id))
            .where(
                Trajectory.state == TrajectoryState.RUNNING,
                col(Trajectory.next_due_at) <= now,
                StepRow.kind == StepKind.GATHERING,
                col(StepRow.due_at) <= now,
                col(StepRow.state).in_((StepState.PLANNED, StepState.OPEN)),
            )
            .distinct()
        )
        return list(session.exec(query))
