"""Another time that an invited person proposed (COUNTER): which of several holds, and until when.

The latest by its own DTSTAMP, in whatever order they arrive; until staff decide, or the gathering changes.
"""

from datetime import UTC, datetime, timedelta

from sqlmodel import Session, col, select

from calendars.reply import Reply
from models import Gathering, Invitation, Person, Task
from models.enums import TaskState
from traject import nudges
from traject.mail_words import period

_WHAT = "proposal"
_LONGEST = timedelta(days=31)
"""A meeting that would last longer is a mistake of a calendar: its end is not taken over."""


def receive(
    session: Session,
    gathering: Gathering,
    invitation: Invitation,
    person: Person,
    reply: Reply,
    *,
    given_at: datetime,
    now: datetime,
) -> bool:
    """Keep a proposal and make the task for the adviser, once.

    False: a later one is known already, or it was decided on.
    """
    start = reply.proposed_start
    if invitation.proposed_at is not None and given_at <= invitation.proposed_at:
        known, is_open = invitation.proposed_starts_at, open_task(session, invitation) is not None
        # Of two made in one second the later time holds, whichever arrives first.
        later = start is not None and (known is None or start > known)
        if given_at < invitation.proposed_at or not is_open or not later:
            return given_at == invitation.proposed_at and is_open and start == known
    settle(session, invitation, now=now, state=TaskState.CANCELLED)
    invitation.proposed_at = given_at
    invitation.proposed_starts_at, invitation.proposed_ends_at = _span(reply, gathering)
    nudges.ask_no_more(session, invitation, reason="er is een ander moment voorgesteld")
    planned = period(gathering.starts_at, "nl", gathering.ends_at, gathering.timezone)
    key = f"{_prefix(invitation)}{given_at:%Y%m%dT%H%M%S}:{f'{start:%Y%m%dT%H%M}' if start else 'unknown'}"
    if session.exec(select(Task.id).where(Task.effect_key == key)).first() is not None:
        return True
    number, who = gathering.id, invitation.address
    detail = (
        f"Voorgesteld: {_in_words(invitation, reply, gathering)}. Gepland: {planned}. Neem het over met `traject gatherings "
        f"accept-proposal {number} {who}`, of laat met `decline-proposal {number} {who}` weten dat het moment blijft. "
        "Tot dan geldt de uitnodiging zoals zij is."
    )
    if reply.comment:
        detail += f" Opmerking: ‘{reply.comment}’"
    session.add(
        Task(
            effect_key=key,
            trajectory_id=gathering.trajectory_id,
            step_id=gathering.step_id,
            person_id=person.id,
            title=f"{person.name} stelt een ander moment voor: {gathering.title}",
            detail=detail,
            created_at=now,
        )
    )
    return True


def open_task(session: Session, invitation: Invitation) -> Task | None:
    """The task about the proposal that nobody decided on yet."""
    key = col(Task.effect_key).startswith(_prefix(invitation), autoescape=True)
    return session.exec(select(Task).where(key, Task.state == TaskState.OPEN)).first()


def settle(
    session: Session, invitation: Invitation, *, now: datetime, state: TaskState = TaskState.DONE
) -> None:
    """Decided, or overtaken: its task is closed. When it was made is kept, so that no older one counts."""
    if invitation.proposed_at is None:
        return
    invitation.proposed_starts_at = invitation.proposed_ends_at = None
    task = open_task(session, invitation)
    if task is not None:
        task.state, task.done_at = state, now


def proposal_of(session: Session, task: Task) -> Invitation | None:
    """The invitation whose proposal a task is about; None: the task is about something else."""
    what, _, rest = task.effect_key.partition(":")
    return session.get(Invitation, int(rest.partition(":")[0])) if what == _WHAT else None


def _prefix(invitation: Invitation) -> str:
    return f"{_WHAT}:{invitation.id}:"


def _span(reply: Reply, gathering: Gathering) -> tuple[datetime | None, datetime | None]:
    """What is proposed, in calendar years that everybody can show; as long as it was when no end can be read."""
    start, end = reply.proposed_start, reply.proposed_end
    if start is None or not 1970 <= start.year <= 9998:
        return None, None
    if end is None or not start < end <= start + _LONGEST:
        end = start + (gathering.ends_at - gathering.starts_at)
    return start, end


def _in_words(invitation: Invitation, reply: Reply, gathering: Gathering) -> str:
    start, end = invitation.proposed_starts_at, invitation.proposed_ends_at
    if start and end:
        return period(start, "nl", end, gathering.timezone)
    if reply.proposed_start is None:
        return "een moment dat niet te lezen is; zie de mail"
    return f"{reply.proposed_start.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
