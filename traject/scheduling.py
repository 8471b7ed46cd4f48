"""Which gatherings need a date now: those without one, or whose people are taken by now. Then whom it is time to invite."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session, col, or_, select

from models import BusyTime, RoleHolder, StepRow, Trajectory
from models.enums import StepKind, StepState, TrajectoryState
from traject.advance import AdvanceReport, advance, follow
from traject.dossier import load
from traject.effects import Effects
from traject.planner import LEAST_NOTICE
from traject.settings import Settings
from traject.staff_agenda import AgendaReport, read_agendas
from traject.store import Store
from traject.themes import follow_themes
from traject.versions import programmes


@dataclass
class ScheduleReport:
    """What one run did. `replanned`: trajectories whose gatherings were planned again; `joined`: by a shared theme."""

    agendas: AgendaReport = field(default_factory=AgendaReport)
    replanned: list[int] = field(default_factory=list)
    joined: list[int] = field(default_factory=list)
    advanced: AdvanceReport = field(default_factory=AdvanceReport)


def schedule_gatherings(store: Store, settings: Settings, *, now: datetime) -> ScheduleReport:
    """Read when staff are taken, plan again what has no date or a wrong one; then invite whom it is time to invite."""
    agendas = read_agendas(store, settings, now=now)
    report = ScheduleReport(agendas, plan_dates_again(store, settings, now=now))
    report.joined = follow_themes(store, settings, now=now)
    due = _with_due_gatherings(store, now)
    only = [*dict.fromkeys([*report.replanned, *report.joined, *due])]
    report.advanced = advance(store, settings, now=now, only=only)
    return report


def plan_dates_again(store: Store, settings: Settings, *, now: datetime) -> list[int]:
    """Plan again what has no date, or one at which people are taken; gives the trajectories whose dates changed."""
    changed: list[int] = []
    for trajectory_id in _to_look_at(store, now):
        with store.write() as session:
            dossier = load(session, trajectory_id, settings, now, lock=True)
            before = {name: row.starts_at for name, row in dossier.steps.items()}
            follow(session, dossier, Effects(session, dossier, settings, now))
            if before != {name: row.starts_at for name, row in dossier.steps.items()}:
                dossier.trajectory.next_due_at = now
                changed.append(trajectory_id)
    return changed


def _to_look_at(store: Store, now: datetime) -> list[int]:
    """Trajectories that run and have a gathering whose date may be wrong.

    It has none; nobody was invited and it is too near to do so; the people whom it is for are taken by now; or staff
    were asked to choose, and what is proposed to them grows old. What waits for a theme follows the theme.
    """
    with store.read() as session:
        shared = {
            (number, step.key)
            for number, programme in programmes(session).items()
            for step in programme.steps
            if step.is_shared
        }
        running = (
            select(StepRow.trajectory_id, StepRow.key, Trajectory.programme_version_id)
            .join(Trajectory, col(Trajectory.id) == col(StepRow.trajectory_id))
            .where(
                Trajectory.state == TrajectoryState.RUNNING,
                StepRow.kind == StepKind.GATHERING,
                StepRow.state == StepState.PLANNED,
            )
            .distinct()
        )
        without = running.where(
            or_(
                # What waits for a theme has no start either, but an end: that of its window.
                col(StepRow.starts_at).is_(None) & col(StepRow.ends_at).is_(None),
                col(StepRow.acted_at).is_not(None),
                (col(StepRow.starts_at) < now + LEAST_NOTICE)
                & col(StepRow.on_hold).is_(False)
                & col(StepRow.moved_to).is_(None),
            )
        )
        wrong = [number for number, key, version in session.exec(without) if (version, key) not in shared]
        return [*dict.fromkeys([*wrong, *_overlapped(session, now)])]


def _overlapped(session: Session, now: datetime) -> list[int]:
    """Those with a gathering for somebody of staff who is taken then, by their own calendar, and that can still move."""
    query = (
        select(StepRow, RoleHolder.role, Trajectory.programme_version_id)
        .join(Trajectory, col(Trajectory.id) == col(StepRow.trajectory_id))
        .join(RoleHolder, col(RoleHolder.trajectory_id) == col(StepRow.trajectory_id))
        .join(BusyTime, col(BusyTime.person_id) == col(RoleHolder.person_id))
        .where(
            Trajectory.state == TrajectoryState.RUNNING,
            StepRow.kind == StepKind.GATHERING,
            StepRow.state == StepState.PLANNED,
            col(StepRow.moved_to).is_(None),
            col(StepRow.starts_at) > now,
            col(RoleHolder.until).is_(None),
            col(BusyTime.starts_at) < col(StepRow.ends_at),
            col(BusyTime.ends_at) > col(StepRow.starts_at),
        )
        .order_by(col(StepRow.trajectory_id))
    )
    found: list[int] = []
    known = programmes(session)
    for row, role, version_id in session.exec(query):
        step = known[version_id].step_of.get(row.key)
        if step and role in step.to:
            found.append(row.trajectory_id)
    return found


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
