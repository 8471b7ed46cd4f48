"""Which gatherings need a date now: those without one, or whose people are taken by now. Then whom it is time to invite."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, exists, union_all
from sqlmodel import col, select

from models import BusyTime, RoleHolder, StepRow, Trajectory
from models.enums import StepKind, StepState, TrajectoryState
from traject.advance import AdvanceReport, advance, due_with, follow
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
    due = due_with(store, StepKind.GATHERING, now)
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
        known = programmes(session)
        rows = session.connection().execute
        wrong = [
            number
            for number, key, version in rows(_WITHOUT_DATE, {"soon": now + LEAST_NOTICE})
            if not ((step := known[version].step_of.get(key)) and step.is_shared)
        ]
        taken = [
            number
            for number, key, version, role in rows(_OVERLAPPED, {"now": now})
            if (step := known[version].step_of.get(key)) and role in step.to
        ]
        return sorted({*wrong, *taken})  # in order here: asked to, SQLite goes over all steps by trajectory


_TO_PLACE = (
    col(Trajectory.state) == TrajectoryState.RUNNING,
    col(StepRow.kind) == StepKind.GATHERING,
    col(StepRow.state) == StepState.PLANNED,
)
_STEPS = select(StepRow.trajectory_id, StepRow.key, Trajectory.programme_version_id).join(
    Trajectory, col(Trajectory.id) == col(StepRow.trajectory_id)
)
# Three questions, because each has its index; as one with `or`, SQLite goes over everything that is planned.
_WITHOUT_DATE = union_all(
    # What waits for a theme has no start either, but an end: that of its window.
    _STEPS.where(*_TO_PLACE, col(StepRow.starts_at).is_(None), col(StepRow.ends_at).is_(None)),
    _STEPS.where(*_TO_PLACE, col(StepRow.acted_at).is_not(None)),
    _STEPS.where(
        *_TO_PLACE,
        col(StepRow.starts_at) < bindparam("soon"),
        col(StepRow.on_hold).is_(False),
        col(StepRow.moved_to).is_(None),
    ),
)
# Of whom a calendar is read are few; their trajectories are looked at, and not everybody else's.
_OVERLAPPED = (
    select(StepRow.trajectory_id, StepRow.key, Trajectory.programme_version_id, RoleHolder.role)
    .join(Trajectory, col(Trajectory.id) == col(StepRow.trajectory_id))
    .join(RoleHolder, col(RoleHolder.trajectory_id) == col(StepRow.trajectory_id))
    .where(
        *_TO_PLACE,
        col(StepRow.moved_to).is_(None),
        col(StepRow.starts_at) > bindparam("now"),
        col(RoleHolder.until).is_(None),
        col(RoleHolder.person_id).in_(select(BusyTime.person_id)),
        exists().where(
            col(BusyTime.person_id) == col(RoleHolder.person_id),
            col(BusyTime.starts_at) < col(StepRow.ends_at),
            col(BusyTime.ends_at) > col(StepRow.starts_at),
        ),
    )
)
