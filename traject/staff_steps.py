"""What staff can do to one step: hold it, let it go, leave it out, move it."""

from datetime import datetime, timedelta

from sqlmodel import select

from calendars.school_year import SATURDAY
from models import Message, StepRow
from models.enums import GatheringState, MessageState, StepKind, StepState
from traject import holding
from traject.dossier import row_id
from traject.errors import Refused
from traject.gatherings import Gatherings
from traject.settings import Settings
from traject.slots import refuse_without_choice
from traject.staff_action import StaffResult, Work, action, undo
from traject.store import Store

_NOW = {
    StepState.PLANNED: ("gepland", "planned"),
    StepState.OPEN: ("bezig", "under way"),
    StepState.DONE: ("gedaan", "done"),
    StepState.SKIPPED: ("overgeslagen", "skipped"),
    StepState.MISSED: ("gemist", "missed"),
    StepState.WITHDRAWN: ("vervallen", "dropped"),
    StepState.CANCELLED: ("gestopt", "stopped"),
}


def hold(
    store: Store,
    settings: Settings,
    reference: str,
    step: str,
    cycle: str = "",
    *,
    now: datetime,
    dry_run: bool = False,
) -> StaffResult:
    """Keep a step back until it is released; of a step that fired, the mails that did not leave yet."""
    result = StaffResult(reference)
    with action(store, settings, reference, now, result, dry_run=dry_run) as work:
        row = work.step(step, cycle)
        queued = [message for message in _messages(work, row) if message.state is MessageState.QUEUED]
        if row.state is not StepState.PLANNED and not queued:
            raise Refused(
                f"stap ‘{step}’ is al {_NOW[row.state][0]}; er is niets meer om vast te houden",
                f"step '{step}' is {_NOW[row.state][1]} already; there is nothing left to hold",
            )
        row.on_hold = row.state is StepState.PLANNED
        for message in queued:
            holding.hold(work.session, row_id(message), reason="vastgehouden door Hart")
        work.effects.event("step.put-on-hold", actor="staff", step=step, cycle=cycle)
        work.say(
            f"‘{row.title}’ wordt vastgehouden tot je het vrijgeeft.",
            f"'{row.title}' is held until you release it.",
        )
    return result


def release(
    store: Store,
    settings: Settings,
    reference: str,
    step: str,
    cycle: str = "",
    *,
    now: datetime,
    dry_run: bool = False,
) -> StaffResult:
    """Let a step that was held go on; what fell due meanwhile follows its catch-up policy."""
    result = StaffResult(reference)
    with action(store, settings, reference, now, result, dry_run=dry_run) as work:
        row = work.step(step, cycle)
        held = [message for message in _messages(work, row) if message.state is MessageState.HELD]
        if not row.on_hold and not held:
            raise Refused(
                f"stap ‘{step}’ wordt niet vastgehouden",
                f"step '{step}' is not held",
            )
        row.on_hold = False
        for message in held:
            holding.release(work.session, row_id(message), now=now)
        work.effects.event("step.released", actor="staff", step=step, cycle=cycle)
        work.say(f"‘{row.title}’ gaat verder.", f"'{row.title}' goes on.")
    return result


def skip(
    store: Store,
    settings: Settings,
    reference: str,
    step: str,
    cycle: str = "",
    *,
    now: datetime,
    dry_run: bool = False,
) -> StaffResult:
    """Do not do a step. A gathering that people know of is cancelled, an evaluation that was asked withdrawn."""
    result = StaffResult(reference)
    with action(store, settings, reference, now, result, dry_run=dry_run) as work:
        row = work.step(step, cycle)
        if row.state not in (StepState.PLANNED, StepState.OPEN):
            raise Refused(
                f"stap ‘{step}’ is al {_NOW[row.state][0]} en kan niet worden overgeslagen",
                f"step '{step}' is {_NOW[row.state][1]} already and cannot be skipped",
            )
        leave_out(work, row)
        work.say(f"‘{row.title}’ wordt overgeslagen.", f"'{row.title}' is skipped.")
    return result


def leave_out(work: Work, row: StepRow, *, because: str = "") -> None:
    """Do not do a step that is planned or open; `because` is what invited people read."""
    undo(work, row, "overgeslagen door Hart", because=because)
    for (key, of), child in work.dossier.steps.items():
        if of == row.cycle and key.startswith(f"{row.key}/") and child.state is StepState.PLANNED:
            child.state, child.note, child.done_at = StepState.WITHDRAWN, "niet meer nodig", work.now
    row.state, row.done_at, row.on_hold = StepState.SKIPPED, work.now, False
    row.note = "overgeslagen door Hart"
    work.effects.event("step.skipped", actor="staff", step=row.key, cycle=row.cycle)


def _messages(work: Work, row: StepRow) -> list[Message]:
    return list(work.session.exec(select(Message).where(Message.step_id == row.id)))


def move_step(
    store: Store,
    settings: Settings,
    reference: str,
    step: str,
    cycle: str = "",
    *,
    to: datetime,
    until: datetime | None = None,
    now: datetime,
    dry_run: bool = False,
) -> StaffResult:
    """Give a step another moment. A gathering that people know of gets an update to everybody.

    `until`: when that gathering ends; without it, it lasts as long as it did.
    """
    result = StaffResult(reference)
    with action(store, settings, reference, now, result, dry_run=dry_run) as work:
        row = work.step(step, cycle)
        if row.kind is StepKind.GATHERING:
            refuse_without_choice(work.dossier, step, cycle)
        if to <= now:
            said = f"{work.dossier.calendar.to_local(to):%d-%m-%Y %H:%M}"
            raise Refused(
                f"{said} is voorbij; kies een moment in de toekomst",
                f"{said} is past; choose a moment in the future",
            )
        gathering = work.dossier.gatherings.get(row_id(row))
        if gathering and row.state is StepState.OPEN and gathering.state is GatheringState.FIXED:
            ends_at = until or to + (gathering.ends_at - gathering.starts_at)
            Gatherings(work.effects).change(gathering, starts_at=to, ends_at=ends_at)
            row.starts_at, row.ends_at = to, ends_at
        elif row.state is not StepState.PLANNED:
            raise Refused(
                f"stap ‘{step}’ is al {_NOW[row.state][0]} en kan niet worden verplaatst",
                f"step '{step}' is {_NOW[row.state][1]} already and cannot be moved",
            )
        if row.kind is StepKind.GATHERING:
            _refuse_overlap(work, row, to)
        row.moved_to = to
        work.effects.event("step.moved", actor="staff", step=step, cycle=cycle, to=to.isoformat())
        twijfel, doubt = _doubt(work, row, to)
        work.say(f"‘{row.title}’ is verplaatst.{twijfel}", f"'{row.title}' is moved.{doubt}")
    return result


def _doubt(work: Work, row: StepRow, to: datetime) -> tuple[str, str]:
    """What staff may have overlooked, in Dutch and in English: they decide, but should know."""
    local = work.dossier.calendar.to_local(to)
    if row.kind is not StepKind.GATHERING:
        return "", ""
    what = ("een zaterdag", "a Saturday") if local.weekday() == SATURDAY else ("een zondag", "a Sunday")
    if free := work.dossier.calendar.holiday_on(local.date()):
        what = (f"een vrije dag ({free.label})", f"a day off ({free.label})")
    elif local.weekday() < SATURDAY:
        return "", ""
    return f" Let op: {local:%d-%m-%Y} is {what[0]}.", f" Note: {local:%d-%m-%Y} is {what[1]}."


def _refuse_overlap(work: Work, row: StepRow, to: datetime) -> None:
    """What is only planned makes room; people cannot be at two gatherings that they know of."""
    length = row.ends_at - row.starts_at if row.ends_at and row.starts_at else timedelta()
    for other in work.dossier.steps.values():
        known = other.kind is StepKind.GATHERING and (other.state is StepState.OPEN or other.moved_to)
        if other is row or not known or other.starts_at is None or other.ends_at is None:
            continue
        if (
            other.state in (StepState.PLANNED, StepState.OPEN)
            and other.starts_at < to + length
            and to < other.ends_at
        ):
            at = work.dossier.calendar.to_local(other.starts_at)
            raise Refused(
                f"dan is er al ‘{other.title}’ ({at:%d-%m-%Y %H:%M}); kies een ander moment",
                f"'{other.title}' is then already ({at:%d-%m-%Y %H:%M}); choose another moment",
            )
