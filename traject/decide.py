"""What must happen to a trajectory at a given instant: moves, decided on its rows alone. Pure.

`traject.advance` applies the moves in one transaction and asks again, until there are none.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from calendars.school_year import SchoolYear
from models import StageRow, StepRow
from models.enums import OPEN_STEPS, StageState, StepKind, StepState
from traject.choosing import waits_for_others
from traject.conditions import holds, is_settled
from traject.dossier import Dossier
from traject.moves import CloseStage, FillPlaces, Finish, Fire, Move, OpenStage, Settle, StageOverdue
from traject.not_fired import merged_away, without_firing
from traject.programme import Anchor, Stage, Step
from traject.spans import shift, year_bounds

DAY = timedelta(days=1)


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
    sends: datetime | None = None
    for row in dossier.steps.values():
        state = row.state
        if state not in OPEN_STEPS:
            continue
        if (at := _lapses_at(dossier, row)) is not None:
            moments.append(at)
        due_at = row.due_at
        if due_at is None or row.on_hold:
            continue
        if state is StepState.PLANNED:
            if row.ends_at and row.starts_at is None and _is_joined(dossier, row):
                moments.append(row.ends_at)
            if (sends is None or due_at < sends) and _is_reachable(dossier, row):
                sends = due_at
        elif row.kind in (StepKind.GATHERING, StepKind.EVALUATION) and not _is_joined(dossier, row):
            moments.append(due_at)
    if sends is not None:
        moments.append(dossier.calendar.next_sending_moment(max(sends, now)))
    for invited in dossier.invitations.values():
        for invitation, _ in invited:
            ends = (invitation.offered_until, invitation.nudge_wanted_at)
            moments += [at for at in ends if at and at > now and not invitation.is_cancelled]
    return min(moments, default=None)


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
    return dossier.programme.step_of.get(row.key)


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
        return is_settled(dossier, starts.step, "")
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
    step = _step(dossier, row)
    when = step.when if step else None
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
        elif (end := without_firing(dossier, row, now)) is not None:
            yield end
        else:
            fires.append(row)
    merged = merged_away(dossier, fires)
    for row in fires:
        if (row.key, row.cycle) in merged:
            yield Settle(row.key, row.cycle, StepState.WITHDRAWN, "samengevoegd met een latere herinnering")
        elif may_send:
            yield Fire(row.key, row.cycle)


def _is_due(row: StepRow, now: datetime) -> bool:
    due_at = row.due_at
    if due_at is None or due_at > now or row.on_hold:
        return False
    waits = row.state is StepState.OPEN and row.kind in (StepKind.GATHERING, StepKind.EVALUATION)
    return row.state is StepState.PLANNED or waits
