"""What staff can do to a trajectory: each shows first what would change and who would get what.

A dry run is the real action in a transaction that is rolled back, so what is shown is what would happen.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from models import EvaluationRequest, Message, StageRow, StepRow, Task, Trajectory
from models.enums import (
    STAGE_MOVES,
    TRAJECTORY_MOVES,
    GatheringState,
    MessageState,
    RequestState,
    StageState,
    StepKind,
    StepState,
    TaskState,
    TrajectoryState,
)
from traject import access, advance, outbox
from traject.dossier import Dossier, find, load, row_id
from traject.effects import Effects, Queued
from traject.errors import Refused
from traject.gatherings import Gatherings
from traject.plan import Changes, diff
from traject.planner import OVERRUN
from traject.replan import current_plan
from traject.settings import Settings
from traject.store import Store

PAUSED = "het traject is gepauzeerd"
NO_CHANGES = Changes((), ())


@dataclass
class StaffResult:
    """What an action did, or with a dry run would do."""

    reference: str
    sentence: str = ""
    changes: Changes = NO_CHANGES
    mails: list[Queued] = field(default_factory=list)


@dataclass
class Work:
    """One action in progress: the rows, and what is said of it afterwards."""

    session: Session
    dossier: Dossier
    effects: Effects
    now: datetime
    sentence: str = ""

    def step(self, key: str, cycle: str = "") -> StepRow:
        """The row of a step. Refused with the nearest names when it is not there."""
        row = self.dossier.steps.get((key, cycle))
        if row is None:
            cycles = sorted(c for k, c in self.dossier.steps if k == key)
            keys = sorted({k for k, _ in self.dossier.steps if "/" not in k})
            hint = (
                f"kies een schooljaar met --cycle: {', '.join(cycles)}"
                if cycles
                else f"kies uit {', '.join(keys)}"
            )
            message = f"stap ‘{key}’{f' van {cycle}' if cycle else ''} staat niet in dit traject; {hint}"
            raise Refused(message)
        return row


class _DryRun(Exception):
    """Rolls back a transaction whose outcome was only to be seen."""


@contextmanager
def action(
    store: Store, settings: Settings, reference: str, now: datetime, result: StaffResult, *, dry_run: bool
) -> Generator[Work]:
    """Run one action on one trajectory in one transaction, let everything follow, and say what came of it."""
    try:
        with store.write() as session:
            found = find(session, reference)
            dossier = load(session, row_id(found), settings, now, lock=True)
            before = current_plan(dossier)
            effects = Effects(session, dossier, settings, now)
            work = Work(session, dossier, effects, now)
            yield work
            if dossier.trajectory.state is TrajectoryState.RUNNING:
                advance.follow(session, dossier, effects)
                advance.settle(session, dossier, settings, now, effects)
            else:
                dossier.trajectory.next_due_at = None
            dossier.trajectory.revision += 1
            session.flush()
            result.reference, result.sentence = dossier.trajectory.reference, work.sentence
            result.changes, result.mails = diff(before, current_plan(dossier)), effects.queued
            if dry_run:
                raise _DryRun
    except _DryRun:
        pass


def _allowed(state: TrajectoryState, to: TrajectoryState, reference: str) -> None:
    if to not in TRAJECTORY_MOVES[state]:
        message = f"traject {reference} is {_DUTCH[state]}; het kan niet {_DUTCH[to]} worden"
        raise Refused(message)


_DUTCH = {
    TrajectoryState.RUNNING: "lopend",
    TrajectoryState.PAUSED: "gepauzeerd",
    TrajectoryState.FINISHED: "afgerond",
    TrajectoryState.CANCELLED: "gestopt",
}


# Steps


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
            message = f"stap ‘{step}’ is al {row.state}; er is niets meer om vast te houden"
            raise Refused(message)
        row.on_hold = row.state is StepState.PLANNED
        for message in queued:
            outbox.hold(work.session, row_id(message), reason="vastgehouden door Hart")
        work.effects.event("step.put-on-hold", actor="staff", step=step, cycle=cycle)
        work.sentence = f"‘{row.title}’ wordt vastgehouden tot je het vrijgeeft."
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
            message = f"stap ‘{step}’ wordt niet vastgehouden"
            raise Refused(message)
        row.on_hold = False
        for message in held:
            outbox.release(work.session, row_id(message), now=now)
        work.effects.event("step.released", actor="staff", step=step, cycle=cycle)
        work.sentence = f"‘{row.title}’ gaat verder."
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
            message = f"stap ‘{step}’ is al {row.state} en kan niet worden overgeslagen"
            raise Refused(message)
        _undo(work, row, "overgeslagen door Hart")
        for (key, of), child in work.dossier.steps.items():
            if of == cycle and key.startswith(f"{step}/") and child.state is StepState.PLANNED:
                child.state, child.note, child.done_at = StepState.WITHDRAWN, "niet meer nodig", now
        row.state, row.done_at, row.note, row.on_hold = (
            StepState.SKIPPED,
            now,
            "overgeslagen door Hart",
            False,
        )
        work.effects.event("step.skipped", actor="staff", step=step, cycle=cycle)
        work.sentence = f"‘{row.title}’ wordt overgeslagen."
    return result


def _undo(work: Work, row: StepRow, reason: str) -> None:
    """Take back what an open step asked of people."""
    outbox.withdraw(work.session, reason=reason, step_id=row_id(row), reminders_only=False)
    if row.state is not StepState.OPEN:
        return
    gathering = work.dossier.gatherings.get(row_id(row))
    if gathering:
        Gatherings(work.effects).cancel(gathering)
    round_ = work.dossier.rounds.get(row_id(row))
    for request, _ in work.dossier.requests.get(row_id(round_), []) if round_ else []:
        withdraw_request(work, request, reason)
    for task in work.session.exec(select(Task).where(Task.step_id == row.id, Task.state == TaskState.OPEN)):
        task.state, task.done_at = TaskState.CANCELLED, work.now


def withdraw_request(work: Work, request: EvaluationRequest, reason: str) -> None:
    """Ask somebody no more; an answer that was given stays."""
    if request.state is RequestState.ASKED:
        request.state = RequestState.WITHDRAWN
        access.revoke(work.session, now=work.now, request_id=row_id(request))
        outbox.withdraw(work.session, reason=reason, request_id=row_id(request), reminders_only=False)


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
    now: datetime,
    dry_run: bool = False,
) -> StaffResult:
    """Give a step another moment. A gathering that people know of gets an update to everybody."""
    result = StaffResult(reference)
    with action(store, settings, reference, now, result, dry_run=dry_run) as work:
        row = work.step(step, cycle)
        if to <= now:
            message = f"{work.dossier.calendar.to_local(to):%d-%m-%Y %H:%M} is voorbij; kies een moment in de toekomst"
            raise Refused(message)
        gathering = work.dossier.gatherings.get(row_id(row))
        if gathering and row.state is StepState.OPEN and gathering.state is GatheringState.FIXED:
            length = gathering.ends_at - gathering.starts_at
            Gatherings(work.effects).move(gathering, to, to + length)
            row.starts_at, row.ends_at = to, to + length
        elif row.state is not StepState.PLANNED:
            message = f"stap ‘{step}’ is al {row.state} en kan niet worden verplaatst"
            raise Refused(message)
        row.moved_to = to
        work.effects.event("step.moved", actor="staff", step=step, cycle=cycle, to=to.isoformat())
        work.sentence = f"‘{row.title}’ is verplaatst."
    return result


# Stages


def move_stage(
    store: Store,
    settings: Settings,
    reference: str,
    stage: str,
    *,
    opens_on: date | None = None,
    ends_on: date | None = None,
    now: datetime,
    dry_run: bool = False,
) -> StaffResult:
    """Give a stage other days; everything that is counted from it moves along."""
    result = StaffResult(reference)
    with action(store, settings, reference, now, result, dry_run=dry_run) as work:
        row = _stage(work, stage)
        today = work.dossier.calendar.to_local(now).date()
        for day in filter(None, (opens_on, ends_on)):
            if day < today:
                message = f"{day:%d-%m-%Y} is voorbij; kies een dag in de toekomst"
                raise Refused(message)
        if row.state is StageState.CLOSED or (opens_on and row.state is not StageState.PLANNED):
            message = f"fase ‘{stage}’ is al {'open' if row.state is StageState.OPEN else 'afgesloten'}"
            raise Refused(message)
        if ends_on and ends_on < (opens_on or row.opens_on):
            message = f"fase ‘{stage}’ kan niet eindigen op {ends_on:%d-%m-%Y}, want dat is voor het begin"
            raise Refused(message)
        row.moved_opens_on, row.moved_ends_on = opens_on or row.moved_opens_on, ends_on or row.moved_ends_on
        work.effects.event("stage.moved", actor="staff", stage=stage)
        work.sentence = f"Fase ‘{row.title}’ is verplaatst."
    return result


def close_stage(
    store: Store, settings: Settings, reference: str, stage: str, *, now: datetime, dry_run: bool = False
) -> StaffResult:
    """Close a stage now, whatever its guard says: staff know why."""
    result = StaffResult(reference)
    with action(store, settings, reference, now, result, dry_run=dry_run) as work:
        row = _stage(work, stage)
        _stage_allowed(row.state, StageState.CLOSED, stage)
        advance.close_stage(stage, work.dossier, work.effects, actor="staff")
        work.sentence = f"Fase ‘{row.title}’ is afgesloten."
    return result


def reopen_stage(
    store: Store, settings: Settings, reference: str, stage: str, *, now: datetime, dry_run: bool = False
) -> StaffResult:
    """Open a closed stage again, for two more weeks unless it is moved. What was withdrawn stays withdrawn."""
    result = StaffResult(reference)
    with action(store, settings, reference, now, result, dry_run=dry_run) as work:
        row = _stage(work, stage)
        _stage_allowed(row.state, StageState.OPEN, stage)
        if row.state is not StageState.CLOSED:
            message = f"fase ‘{stage}’ was nog niet open; verplaats haar begin met `traject move`"
            raise Refused(message)
        row.state, row.closed_at = StageState.OPEN, None
        row.moved_ends_on = work.dossier.calendar.to_local(now).date() + OVERRUN
        trajectory = work.dossier.trajectory
        if trajectory.state is TrajectoryState.FINISHED:
            trajectory.state, trajectory.finished_at = TrajectoryState.RUNNING, None
        work.effects.event("stage.reopened", actor="staff", stage=stage)
        work.sentence = f"Fase ‘{row.title}’ is weer open."
    return result


def _stage(work: Work, key: str) -> StageRow:
    row = work.dossier.stages.get(key)
    if row is None:
        message = f"fase ‘{key}’ staat niet in dit traject; kies uit {', '.join(work.dossier.stages)}"
        raise Refused(message)
    return row


def _stage_allowed(state: StageState, to: StageState, stage: str) -> None:
    if to not in STAGE_MOVES[state]:
        words = {
            StageState.PLANNED: "nog niet begonnen",
            StageState.OPEN: "open",
            StageState.CLOSED: "afgesloten",
        }
        message = f"fase ‘{stage}’ is {words.get(state, 'vervallen')}; dat kan hier niet"
        raise Refused(message)


# The whole trajectory


def pause(
    store: Store, settings: Settings, reference: str, *, now: datetime, dry_run: bool = False
) -> StaffResult:
    """Stop the clock of a trajectory: what is due waits, what is queued is held; nothing is dropped."""
    result = StaffResult(reference)
    with action(store, settings, reference, now, result, dry_run=dry_run) as work:
        trajectory = work.dossier.trajectory
        _allowed(trajectory.state, TrajectoryState.PAUSED, trajectory.reference)
        trajectory.state, trajectory.paused_at = TrajectoryState.PAUSED, now
        for message in _of_trajectory(work, MessageState.QUEUED):
            outbox.hold(work.session, row_id(message), reason=PAUSED)
        work.effects.event("trajectory.paused", actor="staff")
        work.sentence = "Het traject staat stil tot je het hervat."
    return result


def resume(
    store: Store, settings: Settings, reference: str, *, now: datetime, dry_run: bool = False
) -> StaffResult:
    """Go on where a trajectory was paused; stages that were open last as much longer as the pause took."""
    result = StaffResult(reference)
    with action(store, settings, reference, now, result, dry_run=dry_run) as work:
        trajectory = work.dossier.trajectory
        if trajectory.state is not TrajectoryState.PAUSED or trajectory.paused_at is None:
            message = f"traject {trajectory.reference} is niet gepauzeerd"
            raise Refused(message)
        pause_length = timedelta(days=(now - trajectory.paused_at).days)
        for row in work.dossier.stages.values():
            if row.state is StageState.OPEN:
                row.moved_ends_on = row.ends_on + pause_length
        trajectory.state, trajectory.paused_at = TrajectoryState.RUNNING, None
        for message in _of_trajectory(work, MessageState.HELD):
            if message.answer == PAUSED:
                outbox.release(work.session, row_id(message), now=now)
        work.effects.event("trajectory.resumed", actor="staff")
        work.sentence = "Het traject loopt weer."
    return result


def cancel(
    store: Store,
    settings: Settings,
    reference: str,
    *,
    reason: str = "",
    now: datetime,
    dry_run: bool = False,
) -> StaffResult:
    """Stop a trajectory for good: nothing is sent any more but the cancellations of what people were invited to."""
    result = StaffResult(reference)
    with action(store, settings, reference, now, result, dry_run=dry_run) as work:
        trajectory = work.dossier.trajectory
        _allowed(trajectory.state, TrajectoryState.CANCELLED, trajectory.reference)
        outbox.withdraw(
            work.session, reason="het traject is gestopt", trajectory_id=work.dossier.id, reminders_only=False
        )
        for row in work.dossier.steps.values():
            if row.state in (StepState.PLANNED, StepState.OPEN):
                _undo(work, row, "het traject is gestopt")
                row.state, row.done_at, row.note = StepState.CANCELLED, now, "het traject is gestopt"
        for stage in work.dossier.stages.values():
            if StageState.CANCELLED in STAGE_MOVES[stage.state]:
                stage.state, stage.closed_at = StageState.CANCELLED, now
        tasks = select(Task).where(Task.trajectory_id == work.dossier.id, Task.state == TaskState.OPEN)
        for task in work.session.exec(tasks):
            task.state, task.done_at = TaskState.CANCELLED, now
        trajectory.state, trajectory.finished_at = TrajectoryState.CANCELLED, now
        work.effects.event("trajectory.cancelled", actor="staff")
        work.sentence = "Het traject is gestopt."
    return result


def _of_trajectory(work: Work, state: MessageState) -> list[Message]:
    query = select(Message).where(Message.trajectory_id == work.dossier.id, Message.state == state)
    return list(work.session.exec(query.order_by(col(Message.id))))


def finish_task(
    store: Store, settings: Settings, task_id: int, *, now: datetime, dry_run: bool = False
) -> StaffResult:
    """A task is done; the stage that waited for it may close."""
    with store.read() as session:
        task = session.get(Task, task_id)
        trajectory = session.get(Trajectory, task.trajectory_id) if task else None
    if task is None or trajectory is None:
        message = f"taak {task_id} bestaat niet; `traject tasks list` toont de taken"
        raise Refused(message)
    result = StaffResult(trajectory.reference)
    with action(store, settings, trajectory.reference, now, result, dry_run=dry_run) as work:
        row = work.session.get_one(Task, task_id)
        if row.state is not TaskState.OPEN:
            message = f"taak {task_id} is al {'gedaan' if row.state is TaskState.DONE else 'vervallen'}"
            raise Refused(message)
        row.state, row.done_at = TaskState.DONE, now
        step = next((s for s in work.dossier.steps.values() if s.id == row.step_id), None)
        if step and step.kind is StepKind.TASK and step.state is StepState.OPEN:
            step.state, step.done_at = StepState.DONE, now
        work.effects.event("task.done", actor="staff", task=task_id)
        work.sentence = f"Taak ‘{row.title}’ is gedaan."
    return result
