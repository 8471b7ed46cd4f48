"""Quiet periods: weeks in which schools are not mailed, and what adding or removing one moves.

A monitor or a test week takes all of a school's attention. Only news about a meeting that people have in their
calendar goes out then; everything else waits for the first moment after it, and the plan shows that moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from calendars.school_year import QuietPeriod
from models import Message
from models import QuietPeriod as QuietPeriodRow
from models.enums import MessageState
from traject.calendar_changes import follow_calendar, refuse_reversed
from traject.dossier import calendars_of, quiet_periods
from traject.effects import AT_ONCE
from traject.errors import Refused
from traject.settings import Settings
from traject.staff_action import StaffResult, changing
from traject.store import Store

LONGEST = timedelta(weeks=8)
"""More is no quiet period but a pause, and an evaluation or an invitation would come too late."""


@dataclass(frozen=True, slots=True)
class QuietResult:
    """What a change did, or with a dry run would do. `waiting`: mails in the outbox that wait longer."""

    added: tuple[QuietPeriod, ...]
    removed: tuple[QuietPeriod, ...]
    trajectories: tuple[StaffResult, ...]
    waiting: int


def new_quiet(starts_on: date, ends_on: date, label: str) -> QuietPeriod:
    """A quiet period as staff name it. Refused when it is reversed, too long or has no name."""
    refuse_reversed(starts_on, ends_on, label)
    if ends_on - starts_on >= LONGEST:
        raise Refused(
            f"‘{label}’ duurt langer dan {LONGEST.days // 7} weken; zet in plaats daarvan trajecten stil met `traject pause`",
            f"‘{label}’ lasts longer than {LONGEST.days // 7} weeks; pause trajectories instead, with `traject pause`",
        )
    if not label.strip():
        raise Refused(
            "geef de stille periode een naam, zoals ‘Monitor cultuureducatie’",
            "give the quiet period a name, such as ‘National monitor’",
        )
    return QuietPeriod(starts_on, ends_on, label.strip())


def change_quiet(
    store: Store,
    settings: Settings,
    *,
    now: datetime,
    add: Sequence[QuietPeriod] = (),
    remove: Sequence[date] = (),
    dry_run: bool = False,
) -> QuietResult:
    """Write the quiet periods, and plan every running and paused trajectory again, all in one transaction.

    `remove`: the first day of what no longer holds; Refused when none begins then. What is there already is not added.
    """
    with changing(store, dry_run=dry_run) as session:
        known = quiet_periods(session)
        gone = [period for day in remove for period in _starting(known, day)]
        added = [period for period in dict.fromkeys(add) if period not in known]
        for row in session.exec(select(QuietPeriodRow)):
            if row.starts_on in remove:
                session.delete(row)
        session.add_all(
            QuietPeriodRow(starts_on=new.starts_on, ends_on=new.ends_on, label=new.label) for new in added
        )
        session.flush()
        waiting = _wait(session, added, settings)
        followed = follow_calendar(session, settings, now) if added or gone else []
        moved = tuple(one for one in followed if one.changes.steps or one.mails)
        return QuietResult(tuple(added), tuple(gone), moved, waiting)


def _starting(known: Sequence[QuietPeriod], day: date) -> list[QuietPeriod]:
    found = [period for period in known if period.starts_on == day]
    if not found:
        raise Refused(
            f"op {day:%d-%m-%Y} begint geen stille periode; `traject quiet list` toont ze",
            f"no quiet period begins on {day:%d-%m-%Y}; `traject quiet list` shows them",
        )
    return found


def _wait(session: Session, added: Sequence[QuietPeriod], settings: Settings) -> int:
    """Let what is queued for a quiet day wait until after it; gives how many."""
    calendar = calendars_of(session, (), settings)[None]
    queued = select(Message).where(Message.state == MessageState.QUEUED, col(Message.kind).not_in(AT_ONCE))
    moved = 0
    for message in session.exec(queued) if added else ():
        at = message.next_attempt_at
        if at is not None and calendar.quiet_on(calendar.to_local(at).date()):
            message.next_attempt_at = calendar.next_sending_moment(at)
            moved += 1
    return moved
