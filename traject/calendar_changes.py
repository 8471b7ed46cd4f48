"""What a change of school calendars moves: every trajectory that it concerns is planned again, in the same transaction.

A gathering that people know of keeps its date; when it can no longer be then, the adviser gets a task.
"""

from collections.abc import Callable
from datetime import date, datetime

from sqlmodel import Session, col, or_, select

from models import Gathering, Person, RoleHolder, Trajectory
from models.enums import TrajectoryState
from traject.dossier import Dossier, load, open_gatherings
from traject.effects import Effects
from traject.errors import Refused
from traject.plan import diff
from traject.replan import current_plan
from traject.settings import Settings
from traject.staff_action import StaffResult, Work, how_ended, let_follow

Hindrance = Callable[[Dossier, Gathering], str]
"""Why a gathering that people know of can no longer be then, as a clause; empty when it can."""


def refuse_reversed(starts_on: date, ends_on: date, label: str) -> None:
    """A period ends on or after the day on which it begins."""
    if ends_on < starts_on:
        raise Refused(
            f"‘{label}’ eindigt op {ends_on:%d-%m-%Y}, voor het begin op {starts_on:%d-%m-%Y}; draai de dagen om",
            f"‘{label}’ ends on {ends_on:%d-%m-%Y}, before it begins on {starts_on:%d-%m-%Y}; swap the days",
        )


def follow_calendar(
    session: Session,
    settings: Settings,
    now: datetime,
    *,
    organisation: int | None = None,
    hindrance: Hindrance | None = None,
) -> list[StaffResult]:
    """Plan again every trajectory that a calendar counts for: of one school, or of None all; each as its own result."""
    followed: list[StaffResult] = []
    for trajectory_id in _concerned(session, organisation):
        dossier = load(session, trajectory_id, settings, now, lock=True)
        before = current_plan(dossier)
        work = Work(session, dossier, Effects(session, dossier, settings, now), now)
        work.effects.event("calendar.changed", actor="staff")
        for gathering in open_gatherings(dossier, now) if hindrance else ():
            if hindrance and (why := hindrance(dossier, gathering)):
                _ask_for_another_date(work, gathering, why)
        let_follow(work, settings)
        changes = diff(before, current_plan(dossier))
        reference, ended = dossier.trajectory.reference, how_ended(changes, dossier)
        followed.append(StaffResult(reference, changes=changes, ended=ended, mails=work.effects.queued))
    return followed


def _ask_for_another_date(work: Work, gathering: Gathering, why: str) -> None:
    day = work.dossier.calendar.to_local(gathering.starts_at).date()
    row = next(row for row in work.dossier.steps.values() if row.id == gathering.step_id)
    work.effects.task(
        work.effects.key(row, "day-off", day.isoformat()),
        f"Kies een andere datum: {row.title}",
        f"Op {day:%d-%m-%Y} kan het niet meer ({why}), en mensen zijn al uitgenodigd. "
        f"Verplaats de bijeenkomst met `traject move {work.dossier.trajectory.reference} {row.key} --to …`.",
        row=row,
    )


def _concerned(session: Session, organisation: int | None) -> list[int]:
    """Running and paused trajectories: of a school its own, and those of groups in which somebody of it takes part."""
    query = select(Trajectory.id).where(
        col(Trajectory.state).in_((TrajectoryState.RUNNING, TrajectoryState.PAUSED))
    )
    if organisation is not None:
        takes_part = (
            select(RoleHolder.trajectory_id)
            .join(Person, col(Person.id) == col(RoleHolder.person_id))
            .where(Person.organisation_id == organisation, col(RoleHolder.until).is_(None))
        )
        query = query.where(
            or_(col(Trajectory.organisation_id) == organisation, col(Trajectory.id).in_(takes_part))
        )
    return [found for found in session.exec(query.order_by(col(Trajectory.id))) if found is not None]
