"""Why a step that fell due is not fired: it lost its reason, came too late, or is one with another. Pure."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

from models import StepRow
from models.enums import OPEN_STEPS, CatchUp, StepKind, StepState
from traject.conditions import holds, unmet
from traject.dossier import Dossier
from traject.moves import Settle
from traject.programme import Step
from traject.spans import shift

_NEVER = datetime.min.replace(tzinfo=UTC)


def without_firing(dossier: Dossier, row: StepRow, now: datetime) -> Settle | None:
    """How a due step ends that is not fired, and why; None: it may be fired."""
    parent, _, suffix = row.key.partition("/")
    step = dossier.programme.step(parent)
    for condition in () if suffix else step.conditions:
        if not holds(dossier, condition, row.cycle):
            return Settle(row.key, row.cycle, StepState.SKIPPED, unmet(dossier, condition))
    if suffix:
        return _of_another(dossier, row, parent, now)
    if step.catch_up is CatchUp.SKIP_AFTER and step.skip_after and row.due_at:
        if now > row.due_at + timedelta(
            days=(shift(row.due_at.date(), step.skip_after, 1) - row.due_at.date()).days
        ):
            return Settle(row.key, row.cycle, StepState.MISSED, "het moment was al te lang voorbij")
    elif row.kind is StepKind.GATHERING and row.starts_at and now >= row.starts_at:
        return Settle(row.key, row.cycle, StepState.MISSED, "het moment was voorbij voor er was uitgenodigd")
    elif row.kind is StepKind.EVALUATION and row.ends_at and now >= row.ends_at + timedelta(days=60):
        return Settle(row.key, row.cycle, StepState.MISSED, "de periode van deze evaluatie was al voorbij")
    return None


def _of_another(dossier: Dossier, row: StepRow, parent: str, now: datetime) -> Settle | None:
    """A reminder or an escalation loses its reason when everybody answered or the meeting began.

    An escalation outlives its evaluation: who never answered is to be called, also when the questions are closed.
    """
    asked = dossier.steps.get((parent, row.cycle))
    escalates = row.kind is StepKind.TASK and asked is not None and asked.state is StepState.DONE
    if asked is None or (asked.state not in OPEN_STEPS and not escalates):
        return Settle(row.key, row.cycle, StepState.WITHDRAWN, "niet meer nodig")
    if asked.starts_at and now >= asked.starts_at:
        return Settle(row.key, row.cycle, StepState.MISSED, "de bijeenkomst was al begonnen")
    asks = asked.kind is StepKind.EVALUATION or "/nudge" in row.key
    if asks and not dossier.unanswered(parent, row.cycle):
        return Settle(row.key, row.cycle, StepState.WITHDRAWN, "iedereen heeft geantwoord")
    if row.kind is StepKind.MAIL and any(_reminded_later(row, other) for other in dossier.steps.values()):
        return Settle(row.key, row.cycle, StepState.WITHDRAWN, "er ging al een latere herinnering")
    if "/reminder" in row.key and any(
        _reminds_today(dossier, row, parent, other, now) for other in dossier.steps.values()
    ):
        return Settle(row.key, row.cycle, StepState.WITHDRAWN, "samengevoegd met een latere herinnering")
    return None


def _reminds_today(dossier: Dossier, row: StepRow, parent: str, other: StepRow, now: datetime) -> bool:
    """Whether a later reminder of the same comes today too: this one is late, and one mail a day is enough."""
    if other.cycle != row.cycle or not other.key.startswith(f"{parent}/reminder") or other.on_hold:
        return False
    if other.state is not StepState.PLANNED or other.due_at is None or row.due_at is None:
        return False
    local = dossier.calendar.to_local
    return row.due_at < other.due_at and local(other.due_at).date() == local(now).date()


def _reminded_later(row: StepRow, other: StepRow) -> bool:
    """Whether a reminder that was meant to come after this one went out before it: staff held this one."""
    same = other.cycle == row.cycle and other.key.startswith(row.key.rpartition("-")[0])
    return same and other.state is StepState.DONE and (other.due_at or _NEVER) > (row.due_at or _NEVER)


def merged_away(dossier: Dossier, due: list[StepRow]) -> set[tuple[str, str]]:
    """Overdue reminders of the same thing become one: the names of all but the last."""
    same: dict[tuple[str, ...], list[StepRow]] = defaultdict(list)
    for row in due:
        parent, _, suffix = row.key.partition("/")
        step: Step = dossier.programme.step(parent)
        if row.kind is StepKind.MAIL and suffix:
            same["of", row.key.rpartition("-")[0], row.cycle].append(row)
        elif not suffix and step.catch_up is CatchUp.COALESCE:
            same["like", step.template, *step.to].append(row)
    return {(row.key, row.cycle) for rows in same.values() for row in rows[:-1]}
