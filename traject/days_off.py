"""Which days of its own a school is free, and what that changes in its trajectories.

A school's own file tells whole school years: what was known of the years that it speaks of makes place. Days that are
added by hand come beside what is known.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, or_, select

from calendars.school_ics import CalendarFileError, mark_replacements, parse_school_ics
from calendars.school_year import DayOff, SchoolYear
from models import DayOff as DayOffRow
from models import Organisation, Person, RoleHolder, School, Trajectory
from models.enums import TrajectoryState
from traject.dossier import Dossier, load, open_gatherings, row_id
from traject.effects import Effects
from traject.errors import Refused
from traject.plan import SchoolClosed, diff
from traject.replan import current_plan
from traject.settings import Settings
from traject.staff_action import DryRun, StaffResult, Work, how_ended, let_follow
from traject.store import Store


@dataclass(frozen=True, slots=True)
class DaysOffResult:
    """What a change of a school's days did, or with a dry run would do: the days, and each trajectory that follows."""

    school: str
    added: tuple[DayOff, ...]
    removed: tuple[DayOff, ...]
    trajectories: tuple[StaffResult, ...]


def days_off(session: Session, code: str) -> list[DayOff]:
    """The own days off of a school, by date. Refused for an unknown code."""
    organisation, _ = _school(session, code)
    return _in_order(_value(row) for row in _rows(session, organisation))


def _in_order(days: Iterable[DayOff]) -> list[DayOff]:
    """Days off by date, then by name."""
    return sorted(days, key=lambda day: (day.starts_on, day.ends_on, day.label))


def read_days_off(data: bytes, source: str) -> list[DayOff]:
    """The days off in a school's calendar file. Refused, with file and line, when it cannot be read or names none."""
    try:
        found = parse_school_ics(data, source=source)
    except CalendarFileError as error:
        message = f"{error}. De agenda is niet ingelezen"
        raise Refused(message) from error
    if not found:
        message = (
            f"{source}: deze agenda noemt geen vrije dagen; kijk of het de jaarkalender van de school is"
        )
        raise Refused(message)
    return found


def new_day_off(starts_on: date, ends_on: date, label: str) -> DayOff:
    """Days off as staff name them; a whole `Meivakantie` takes the place of the official one. Refused when reversed."""
    if ends_on < starts_on:
        message = f"‘{label}’ eindigt op {ends_on:%d-%m-%Y}, voor het begin op {starts_on:%d-%m-%Y}; draai de dagen om"
        raise Refused(message)
    [marked] = mark_replacements([DayOff(starts_on, ends_on, label)])
    return marked


def change_days_off(
    store: Store,
    settings: Settings,
    code: str,
    *,
    now: datetime,
    file: Sequence[DayOff] = (),
    add: Sequence[DayOff] = (),
    remove: Sequence[date] = (),
    dry_run: bool = False,
) -> DaysOffResult:
    """Write a school's own days, and plan its running and paused trajectories again, all in one transaction.

    `file`: the days of whole school years; `remove`: the first day of what no longer holds. A gathering that people
    know of keeps its date: when the school turns out to be free then, the adviser gets a task.
    """
    result = DaysOffResult(code, (), (), ())
    try:
        with store.write() as session:
            organisation, name = _school(session, code)
            rows = {_value(row): row for row in _rows(session, organisation)}
            years = {SchoolYear.of(day.starts_on) for day in file}
            gone = {day for day in rows if SchoolYear.of(day.starts_on) in years} | _starting(rows, remove)
            wanted = {*file, *add}
            added, removed = _in_order(wanted - rows.keys()), _in_order(gone - wanted)
            for day in removed:
                session.delete(rows[day])
            session.add_all(_row(organisation, day) for day in added)
            session.flush()
            changed = bool(added or removed)
            followed = [
                follow_calendar(session, trajectory, settings, now)
                for trajectory in (_trajectories(session, organisation) if changed else ())
            ]
            result = DaysOffResult(name, tuple(added), tuple(removed), tuple(followed))
            if dry_run:
                raise DryRun
    except DryRun:
        pass
    return result


def free_on(dossier: Dossier, day: date) -> str:
    """Why the school, or one of the schools of a group, is free on a day; empty when none is."""
    if holiday := dossier.calendar.holiday_on(day):
        return holiday.label
    closed = (fact for fact in dossier.around if isinstance(fact, SchoolClosed))
    return next((f"{fact.who}: {fact.label}" for fact in closed if fact.starts_on <= day <= fact.ends_on), "")


def follow_calendar(session: Session, trajectory_id: int, settings: Settings, now: datetime) -> StaffResult:
    """Plan one trajectory again after its calendar changed, and let follow what is due by it."""
    dossier = load(session, trajectory_id, settings, now, lock=True)
    before = current_plan(dossier)
    work = Work(session, dossier, Effects(session, dossier, settings, now), now)
    work.effects.event("calendar.changed", actor="staff")
    for gathering in open_gatherings(dossier, now):
        day = dossier.calendar.to_local(gathering.starts_at).date()
        free = free_on(dossier, day)
        if free:
            row = next(row for row in dossier.steps.values() if row.id == gathering.step_id)
            work.effects.task(
                work.effects.key(row, "day-off", day.isoformat()),
                f"Kies een andere datum: {row.title}",
                f"De school is op {day:%d-%m-%Y} vrij ({free}), en mensen zijn al uitgenodigd. "
                f"Verplaats de bijeenkomst met `traject move {dossier.trajectory.reference} {row.key} --to …`.",
                row=row,
            )
    let_follow(work, settings)
    changes = diff(before, current_plan(dossier))
    return StaffResult(
        reference=dossier.trajectory.reference,
        changes=changes,
        ended=how_ended(changes, dossier),
        mails=work.effects.queued,
    )


def _school(session: Session, code: str) -> tuple[int, str]:
    query = select(Organisation).join(School).where(School.code == code.strip().upper())
    found = session.exec(query).first()
    if found is None:
        message = f"school ‘{code}’ bestaat niet; `traject schools list` toont de codes"
        raise Refused(message)
    return row_id(found), found.name


def _rows(session: Session, organisation: int) -> Sequence[DayOffRow]:
    return session.exec(select(DayOffRow).where(DayOffRow.organisation_id == organisation)).all()


def _value(row: DayOffRow) -> DayOff:
    return DayOff(row.starts_on, row.ends_on, row.label, row.replaces)


def _row(organisation: int, day: DayOff) -> DayOffRow:
    return DayOffRow(
        organisation_id=organisation,
        starts_on=day.starts_on,
        ends_on=day.ends_on,
        label=day.label,
        replaces=day.replaces,
    )


def _starting(known: dict[DayOff, DayOffRow], days: Sequence[date]) -> set[DayOff]:
    for day in days:
        if day not in {off.starts_on for off in known}:
            message = f"op {day:%d-%m-%Y} begint geen eigen vrije dag van deze school"
            raise Refused(message)
    return {off for off in known if off.starts_on in days}


def _trajectories(session: Session, organisation: int) -> Sequence[int]:
    """The school's own, and those of groups in which somebody of the school takes part."""
    takes_part = (
        select(RoleHolder.trajectory_id)
        .join(Person, col(Person.id) == col(RoleHolder.person_id))
        .where(Person.organisation_id == organisation, col(RoleHolder.until).is_(None))
    )
    query = select(col(Trajectory.id)).where(
        or_(col(Trajectory.organisation_id) == organisation, col(Trajectory.id).in_(takes_part)),
        col(Trajectory.state).in_((TrajectoryState.RUNNING, TrajectoryState.PAUSED)),
    )
    return [found for found in session.exec(query.order_by(col(Trajectory.id))) if found is not None]
