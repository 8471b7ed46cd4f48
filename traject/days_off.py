"""Which days of its own a school is free, and what that changes in its trajectories.

A school's own file tells whole school years: what was known of the years that it speaks of makes place. Days that are
added by hand come beside what is known.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, select

from calendars.school_ics import CalendarFileError, mark_replacements, parse_school_ics
from calendars.school_year import DayOff, SchoolYear
from models import DayOff as DayOffRow
from models import Gathering
from traject.calendar_changes import follow_calendar, refuse_reversed
from traject.dossier import Dossier, row_id
from traject.errors import Refused
from traject.plan import SchoolClosed
from traject.schools import school_with
from traject.settings import Settings
from traject.staff_action import StaffResult, changing
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
    return _in_order(_value(row) for row in _rows(session, row_id(school_with(session, code))))


def _in_order(days: Iterable[DayOff]) -> list[DayOff]:
    """Days off by date, then by name."""
    return sorted(days, key=lambda day: (day.starts_on, day.ends_on, day.label))


def read_days_off(data: bytes, source: str) -> list[DayOff]:
    """The days off in a school's calendar file. Refused, with file and line, when it cannot be read or names none."""
    try:
        found = parse_school_ics(data, source=source)
    except CalendarFileError as error:
        raise Refused(
            f"{error.dutch}. De agenda is niet ingelezen", f"{error.english}. The calendar was not read"
        ) from error
    if not found:
        raise Refused(
            f"{source}: deze agenda noemt geen vrije dagen; kijk of het de jaarkalender van de school is",
            f"{source}: this calendar names no days off; check that it is the school's calendar of the year",
        )
    return found


def new_day_off(starts_on: date, ends_on: date, label: str) -> DayOff:
    """Days off as staff name them; a whole `Meivakantie` takes the place of the official one. Refused when reversed."""
    refuse_reversed(starts_on, ends_on, label)
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
    with changing(store, dry_run=dry_run) as session:
        school = school_with(session, code)
        organisation = row_id(school)
        rows = {_value(row): row for row in _rows(session, organisation)}
        years = {SchoolYear.of(day.starts_on) for day in file}
        gone = {day for day in rows if SchoolYear.of(day.starts_on) in years} | _starting(rows, remove)
        wanted = {*file, *add}
        added, removed = _in_order(wanted - rows.keys()), _in_order(gone - wanted)
        for day in removed:
            session.delete(rows[day])
        session.add_all(_row(organisation, day) for day in added)
        session.flush()
        followed: list[StaffResult] = []
        if added or removed:
            followed = follow_calendar(session, settings, now, organisation=organisation, hindrance=_is_free)
        return DaysOffResult(school.name, tuple(added), tuple(removed), tuple(followed))


def _is_free(dossier: Dossier, gathering: Gathering) -> str:
    """That the school, or one of the schools of a group, is free on the day of a gathering."""
    day = dossier.calendar.to_local(gathering.starts_at).date()
    if holiday := dossier.calendar.holiday_on(day):
        return f"de school is vrij: {holiday.label}"
    closed = (fact for fact in dossier.around if isinstance(fact, SchoolClosed))
    found = (f"{each.who} is vrij: {each.label}" for each in closed if each.starts_on <= day <= each.ends_on)
    return next(found, "")


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
            raise Refused(
                f"op {day:%d-%m-%Y} begint geen eigen vrije dag van deze school",
                f"no own day off of this school begins on {day:%d-%m-%Y}; `traject schools calendar` shows them",
            )
    return {off for off in known if off.starts_on in days}
