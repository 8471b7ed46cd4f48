"""On which weekdays and at which hours a school can meet, as staff set it, and what that changes in its trajectories."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from models import Gathering
from traject.agenda import Agenda
from traject.calendar_changes import follow_calendar
from traject.dossier import Dossier, row_id
from traject.meeting_hours import MeetingHours, hours_text, read_hours
from traject.plan import SchoolHours
from traject.schools import school_with
from traject.settings import Settings
from traject.staff_action import StaffResult, changing
from traject.store import Store


@dataclass(frozen=True, slots=True)
class HoursResult:
    """What a change did, or with a dry run would do: the hours before and after, and each trajectory that follows."""

    school: str
    before: tuple[MeetingHours, ...]
    after: tuple[MeetingHours, ...]
    trajectories: tuple[StaffResult, ...]


def school_hours(session: Session, code: str) -> tuple[MeetingHours, ...]:
    """When a school can meet; empty: always. Refused for an unknown code."""
    return read_hours(school_with(session, code).meeting_hours)


def change_hours(
    store: Store, settings: Settings, code: str, text: str, *, now: datetime, dry_run: bool = False
) -> HoursResult:
    """Let a school meet only on these weekdays and at these hours (empty: always); its trajectories are planned again.

    A gathering that people know of keeps its date: when the school cannot meet then, the adviser gets a task.
    """
    after = read_hours(text)
    with changing(store, dry_run=dry_run) as session:
        school = school_with(session, code)
        before = read_hours(school.meeting_hours)
        followed: list[StaffResult] = []
        if after != before:
            school.meeting_hours = hours_text(after)
            session.flush()
            number = row_id(school)
            followed = follow_calendar(session, settings, now, organisation=number, hindrance=_cannot_meet)
        return HoursResult(school.name, before, after, tuple(followed))


def _cannot_meet(dossier: Dossier, gathering: Gathering) -> str:
    hours = [fact for fact in dossier.around if isinstance(fact, SchoolHours)]
    key = next(key for (key, _), row in dossier.steps.items() if row.id == gathering.step_id)
    slot = (gathering.starts_at, gathering.ends_at)
    why = Agenda(dossier.calendar, hours=hours).why_not_school(slot, dossier.programme.step(key).to)
    return why.say().nl if why else ""
