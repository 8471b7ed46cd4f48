"""What must happen to a trajectory at a given instant: moves, decided on its rows alone. Pure.

`traject.advance` applies the moves in one transaction and asks again, until there are none.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from calendars.school_year import SchoolYear
from models import StageRow, StepRow
from models.enums import OPEN_STEPS, CatchUp, StageState, StepKind, StepState
from traject.choosing import waits_for_others
from traject.dossier import Dossier
from traject.programme import Anchor, Condition, Predicate, Stage, Step
from traject.spans import shift, year_bounds

DAY = timedelta(days=1)
_NEVER = datetime.min.replace(tzinfo=UTC)
SETTLED = (StepState.DONE, StepState.SKIPPED)
"""What a guard takes as enough: done, or staff decided that it need not be."""


@dataclass(frozen=True, slots=True)
class OpenStage:
    """The stage begins."""

    key: str


@dataclass(frozen=True, slots=True)
class CloseStage:
    """The stage is over and its guard holds."""

    key: str


@dataclass(frozen=True, slots=True)
class StageOverdue:
    """The stage is over and its guard does not hold; `missing` is what stands in the way."""

    key: str
    missing: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Finish:
    """Every stage is closed and nothing that people were asked for is still open."""


@dataclass(frozen=True, slots=True)
class Fire:
    """A step is due: send, ask, invite or assign."""

    key: str
    cycle: str


@dataclass(frozen=True, slots=True)
class Settle:
    """A step ends without being fired, or an open one ends: its new state, and why."""

    key: str
    cycle: str
    state: StepState
    note: str = ""


@dataclass(frozen=True, slots=True)
class FillPlaces:
    """A place at a gathering is to be offered, or an offer is over."""

    gathering: int


Move = OpenStage | CloseStage | StageOverdue | Finish | Fire | Settle | FillPlaces


def decide(dossier: Dossier, now: datetime) -> list[Move]:
    """Every move that is due at `now`: stages first, then steps in the order in which they fell due."""
    stages = list(_stage_moves(dossier, now))
    if stages:
        return stages
    steps = list(_step_moves(dossier, now))
    if steps:
        return steps
    if unsettled := dossier.unsettled_places(now):
        return [FillPlaces(gathering) for gathering in unsettled]
    finished = all(
        stage.state in (StageState.CLOSED, StageState.CANCELLED) for stage in dossier.stages.values()
    )
    waiting = any(
        row.kind in (StepKind.GATHERING, StepKind.EVALUATION)
        if row.state is StepState.OPEN
        else _is_due(row, now) and _is_reachable(dossier, row)  # it only waits for sending hours
        for row in dossier.steps.values()
    )
    return [Finish()] if finished and not waiting else []


def next_due(dossier: Dossier, now: datetime) -> datetime | None:
    """The earliest instant after `now` at which `decide` may have a move; None when only people can make one."""
    turns = (_start_of(dossier, _next_day(row)) for row in dossier.stages.values() if _turns(dossier, row))
    moments = [at for at in turns if at > now]  # a stage past its end closes with the last step that it owes
    for row in dossier.steps.values():
        if (at := _lapses_at(dossier, row)) is not None:
            moments.append(at)
        if row.on_hold or row.due_at is None:
            continue
        if row.state is StepState.OPEN and _is_joined(dossier, row):
            continue
        if row.state is StepState.PLANNED and row.ends_at and _is_joined(dossier, row):
            moments += [row.ends_at] if row.starts_at is None else []
        if row.state is StepState.PLANNED and _is_reachable(dossier, row):
            moments.append(dossier.calendar.next_sending_moment(max(row.due_at, now)))
        elif row.state is StepState.OPEN and row.kind in (StepKind.GATHERING, StepKind.EVALUATION):
            moments.append(row.due_at)
    for invited in dossier.invitations.values():
        for invitation, _ in invited:
            ends = (invitation.offered_until, invitation.nudge_wanted_at)
            moments += [at for at in ends if at and at > now and not invitation.is_cancelled]
    return min(moments, default=None)


def holds(dossier: Dossier, condition: Condition, cycle: str = "") -> bool:
    """Whether a condition is true of the rows as they are."""
    match condition.predicate:
        case Predicate.HAS_ROLE:
            return bool(dossier.holders.get(condition.subject))
        case Predicate.LACKS_ROLE:
            return not dossier.holders.get(condition.subject)
        case Predicate.STEP_DONE:
            return _is_settled(dossier, condition.subject, cycle)
        case Predicate.STEP_OPEN:
            return not _is_settled(dossier, condition.subject, cycle)
        case Predicate.SCHOOL_TYPE:
            return (
                dossier.school is not None
                and condition.subject in dossier.school.school_type.lower().split("/")
            )


def meant_end(stage: Stage, row: StageRow) -> date:
    """The last day of a stage as the programme or staff meant it, whatever it was stretched to."""
    return row.moved_ends_on or shift(row.opens_on, stage.lasts, 1) - DAY


# Stages


def _stage_moves(dossier: Dossier, now: datetime) -> Iterator[Move]:
    for stage in dossier.programme.stages:
        row = dossier.stages.get(stage.key)
        if row is None:
            continue
        if (
            row.state is StageState.PLANNED
            and _may_open(dossier, row)
            and now >= _start_of(dossier, row.opens_on)
        ):
            yield OpenStage(stage.key)
        elif row.state is StageState.OPEN and now >= _start_of(dossier, meant_end(stage, row) + DAY):
            missing = tuple(condition for condition in stage.guard if not holds(dossier, condition))
            if not missing and not _owes(dossier, stage.key, now):
                yield CloseStage(stage.key)
            elif missing and now >= _start_of(dossier, row.ends_on + DAY):
                yield StageOverdue(stage.key, missing)


def _owes(dossier: Dossier, stage: str, now: datetime) -> bool:
    """Whether something of the stage fell due and did not happen yet: it goes first, or is seen to be missed."""
    rows = (row for row in dossier.steps.values() if row.stage == stage and row.state is StepState.PLANNED)
    return any(
        _is_due(row, now) and (_is_reachable(dossier, row) or _waits_for_choice(dossier, row)) for row in rows
    )


def _step(dossier: Dossier, row: StepRow) -> Step | None:
    """What the programme says of a row; None for what belongs to a step, and for a step of an older version."""
    return next((step for step in dossier.programme.steps if step.key == row.key), None)


def _waits_for_choice(dossier: Dossier, row: StepRow) -> bool:
    """Staff still owe a date: its stage does not end without it."""
    step = _step(dossier, row)
    return step is not None and not step.is_shared and waits_for_others(step, row)


def _is_joined(dossier: Dossier, row: StepRow) -> bool:
    """A gathering that another trajectory holds: that one says when it is over."""
    step = _step(dossier, row) if row.kind is StepKind.GATHERING else None
    return step is not None and step.is_shared


def _lapses_at(dossier: Dossier, row: StepRow) -> datetime | None:
    """When a yearly gathering that has no date can get none any more: the end of its period. None: it never does so."""
    if row.kind is not StepKind.GATHERING or row.state is not StepState.PLANNED or row.due_at or row.on_hold:
        return None
    step = _step(dossier, row)
    if step is None or step.cycle is None:
        return None
    return _start_of(dossier, year_bounds(SchoolYear.parse(row.cycle), step.cycle)[1] + DAY)


def _is_without_theme(dossier: Dossier, row: StepRow, now: datetime) -> bool:
    """The time in which it could join a gathering is over."""
    waits = row.state is StepState.PLANNED and row.starts_at is None and row.ends_at is not None
    return waits and (row.ends_at or now) <= now and not row.on_hold and _is_joined(dossier, row)


def _may_open(dossier: Dossier, row: StageRow) -> bool:
    starts = dossier.programme.stage(row.key).starts
    if starts.anchor is Anchor.STEP and starts.step:
        return _is_settled(dossier, starts.step, "")
    if starts.anchor is not Anchor.STAGE_ENDS:
        return True
    before = [other for other in dossier.stages.values() if other.position == row.position - 1]
    return all(other.state in (StageState.CLOSED, StageState.CANCELLED) for other in before)


def _turns(dossier: Dossier, row: StageRow) -> bool:
    return row.state is StageState.OPEN or (row.state is StageState.PLANNED and _may_open(dossier, row))


def _next_day(row: StageRow) -> date:
    return row.opens_on if row.state is StageState.PLANNED else row.ends_on + DAY


def _start_of(dossier: Dossier, day: date) -> datetime:
    return dossier.calendar.local(day, time(0))


# Steps


def _is_reachable(dossier: Dossier, row: StepRow) -> bool:
    """A step waits for its stage; what belongs to a step waits for that."""
    parent, _, suffix = row.key.partition("/")
    if suffix:  # also when its stage was closed: people still come, or still have to answer
        asked = dossier.steps.get((parent, row.cycle))
        return asked is not None and asked.state is not StepState.PLANNED
    if _waits_for_gathering(dossier, row) or waits_for_others(_step(dossier, row), row):
        return False
    if not row.stage:
        return True
    stage = dossier.stages.get(row.stage)
    return stage is not None and stage.state is StageState.OPEN


def _waits_for_gathering(dossier: Dossier, row: StepRow) -> bool:
    """What comes after a gathering waits until people know its date; what prepares it, only while it is held back."""
    when = next((step.when for step in dossier.programme.steps if step.key == row.key), None)
    if when is None or when.step is None:
        return False
    other = dossier.steps.get((when.step, row.cycle))
    if other is None or other.kind is not StepKind.GATHERING or other.state is not StepState.PLANNED:
        return False
    return when.sign >= 0 or other.on_hold


def _step_moves(dossier: Dossier, now: datetime) -> Iterator[Move]:
    due = sorted(
        (row for row in dossier.steps.values() if _is_due(row, now)),
        key=lambda row: (row.due_at or now, row.key, row.cycle),
    )
    for row in dossier.steps.values():
        if (at := _lapses_at(dossier, row)) is not None and at <= now:
            reason = row.note or "er was geen datum voor te vinden"
            yield Settle(row.key, row.cycle, StepState.MISSED, reason)
    may_send = dossier.calendar.next_sending_moment(now) == now
    fires: list[StepRow] = []
    for row in due:
        if _is_without_theme(dossier, row, now):
            yield Settle(row.key, row.cycle, StepState.MISSED, "er was geen bijeenkomst met dit thema")
        elif row.state is StepState.OPEN and _is_joined(dossier, row):
            continue
        elif row.state is StepState.OPEN:
            yield Settle(row.key, row.cycle, StepState.DONE)
        elif not _is_reachable(dossier, row):
            continue
        elif (end := _without_firing(dossier, row, now)) is not None:
            yield end
        else:
            fires.append(row)
    merged = _merged(dossier, fires)
    for row in fires:
        if (row.key, row.cycle) in merged:
            yield Settle(row.key, row.cycle, StepState.WITHDRAWN, "samengevoegd met een latere herinnering")
        elif may_send:
            yield Fire(row.key, row.cycle)


def _is_due(row: StepRow, now: datetime) -> bool:
    if row.on_hold or row.due_at is None or row.due_at > now:
        return False
    waits = row.state is StepState.OPEN and row.kind in (StepKind.GATHERING, StepKind.EVALUATION)
    return row.state is StepState.PLANNED or waits


def _without_firing(dossier: Dossier, row: StepRow, now: datetime) -> Settle | None:
    """Why a due step is not fired, if it is not."""
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


def _merged(dossier: Dossier, due: list[StepRow]) -> set[tuple[str, str]]:
    """Overdue reminders of the same thing become one: all but the last."""
    same: dict[tuple[str, ...], list[StepRow]] = defaultdict(list)
    for row in due:
        parent, _, suffix = row.key.partition("/")
        step: Step = dossier.programme.step(parent)
        if row.kind is StepKind.MAIL and suffix:
            same["of", row.key.rpartition("-")[0], row.cycle].append(row)
        elif not suffix and step.catch_up is CatchUp.COALESCE:
            same["like", step.template, *step.to].append(row)
    return {(row.key, row.cycle) for rows in same.values() for row in rows[:-1]}


def _is_settled(dossier: Dossier, key: str, cycle: str) -> bool:
    exact = dossier.steps.get((key, cycle))
    rows = [exact] if exact else [row for (name, _), row in dossier.steps.items() if name == key]
    return any(row.state in SETTLED or _is_answered(dossier, row) for row in rows)


def _is_answered(dossier: Dossier, row: StepRow) -> bool:
    """An evaluation that everybody answered counts as done; its round stays open for who wants to change something."""
    asked = row.kind is StepKind.EVALUATION and row.state is StepState.OPEN
    return asked and not dossier.unanswered(row.key, row.cycle)


def unmet(dossier: Dossier, condition: Condition) -> str:
    """A condition that does not hold, as a clause in Dutch."""
    subject = condition.subject
    match condition.predicate:
        case Predicate.HAS_ROLE:
            return f"er is nog geen {dossier.programme.role(subject).title.nl}"
        case Predicate.LACKS_ROLE:
            return f"er is al een {dossier.programme.role(subject).title.nl}"
        case Predicate.STEP_DONE:
            return f"‘{dossier.programme.step(subject).title.nl}’ is nog niet afgerond"
        case Predicate.STEP_OPEN:
            return f"‘{dossier.programme.step(subject).title.nl}’ is al afgerond"
        case Predicate.SCHOOL_TYPE:
            return f"geldt alleen voor het schooltype {subject}"
