"""What staff can do to a trajectory: each shows first what would change and who would get what.

Here what is done to it as a whole, and to a task; `staff_steps` and `staff_stages` hold the rest.
"""

from datetime import date, datetime

from sqlmodel import col, select

from calendars.school_year import SchoolYear
from models import Message, Task, Trajectory
from models.enums import (
    STAGE_MOVES,
    TRAJECTORY_MOVES,
    MessageKind,
    MessageState,
    StageState,
    StepKind,
    StepState,
    TaskState,
    TrajectoryState,
)
from traject import advance, holding, nudges, outbox, proposals
from traject.dossier import row_id
from traject.effects import PAUSED
from traject.errors import Refused
from traject.settings import Settings
from traject.staff_action import StaffResult, Work, action, undo, withdraw_request
from traject.staff_stages import close_stage, move_stage, reopen_stage
from traject.staff_steps import hold, move_step, release, skip
from traject.store import Store

__all__ = [
    "StaffResult",
    "Work",
    "action",
    "cancel",
    "close_stage",
    "finish_task",
    "hold",
    "move_stage",
    "move_step",
    "pause",
    "release",
    "reopen_stage",
    "resume",
    "skip",
    "withdraw_request",
]


def _allowed(state: TrajectoryState, to: TrajectoryState, reference: str) -> None:
    if to not in TRAJECTORY_MOVES[state]:
        (nu, now), (straks, then) = _WORDS[state], _WORDS[to]
        if state is to:
            raise Refused(f"traject {reference} is al {nu}", f"trajectory {reference} is {now} already")
        raise Refused(
            f"traject {reference} is {nu}; het kan niet {straks} worden",
            f"trajectory {reference} is {now}; it cannot become {then}",
        )


_WORDS = {
    TrajectoryState.RUNNING: ("lopend", "running"),
    TrajectoryState.PAUSED: ("gepauzeerd", "paused"),
    TrajectoryState.FINISHED: ("afgerond", "finished"),
    TrajectoryState.CANCELLED: ("gestopt", "stopped"),
}


def pause(
    store: Store, settings: Settings, reference: str, *, now: datetime, dry_run: bool = False
) -> StaffResult:
    """Stop the clock of a trajectory: what is due waits, what is queued is held; nothing is dropped."""
    result = StaffResult(reference)
    with action(store, settings, reference, now, result, dry_run=dry_run) as work:
        trajectory = work.dossier.trajectory
        _allowed(trajectory.state, TrajectoryState.PAUSED, trajectory.reference)
        trajectory.state, trajectory.paused_at = TrajectoryState.PAUSED, now
        nudges.take_back(work.session, work.dossier.id, reason=PAUSED)
        for message in _of_trajectory(work, MessageState.QUEUED):
            if message.kind is MessageKind.CANCELLATION:
                continue  # a meeting that is off must leave the calendar
            holding.hold(work.session, row_id(message), reason=PAUSED)
        work.effects.event("trajectory.paused", actor="staff")
        work.say(
            "Het traject staat stil tot je het hervat.", "The trajectory stands still until you resume it."
        )
    return result


def resume(
    store: Store, settings: Settings, reference: str, *, now: datetime, dry_run: bool = False
) -> StaffResult:
    """Go on where a trajectory was paused; stages that were open last as much longer as the pause took.

    When that brings its end into a later school year, the preview says so and the adviser gets a task to shorten it or
    leave it: a trajectory is meant for a number of school years, and each one more asks people again.
    """
    result = StaffResult(reference)
    with action(store, settings, reference, now, result, dry_run=dry_run) as work:
        trajectory = work.dossier.trajectory
        if trajectory.state is not TrajectoryState.PAUSED or trajectory.paused_at is None:
            raise Refused(
                f"traject {trajectory.reference} is niet gepauzeerd",
                f"trajectory {trajectory.reference} is not paused",
            )
        meant = trajectory.ends_on
        # In days of the calendar: whole days of 24 hours would make two into one by a quarter of a second.
        day = work.dossier.calendar.to_local
        pause_length = day(now).date() - day(trajectory.paused_at).date()
        for row in work.dossier.stages.values():
            if row.state is StageState.OPEN:
                row.moved_ends_on = row.ends_on + pause_length
        trajectory.state, trajectory.paused_at = TrajectoryState.RUNNING, None
        for message in _of_trajectory(work, MessageState.HELD):
            if message.answer == PAUSED:
                holding.release(work.session, row_id(message), now=now)
        work.effects.event("trajectory.resumed", actor="staff")
        advance.follow(work.session, work.dossier, work.effects)
        let_op, note = _later_year(work, meant)
        work.say(f"Het traject loopt weer. {let_op}".rstrip(), f"The trajectory runs again. {note}".rstrip())
    return result


def _later_year(work: Work, meant: date | None) -> tuple[str, str]:
    """What staff should know when a trajectory came to end in a later school year than it was meant to; else nothing.

    In Dutch and in English.
    """
    trajectory, dossier = work.dossier.trajectory, work.dossier
    ends_on = trajectory.ends_on
    if meant is None or ends_on is None or SchoolYear.of(ends_on).first <= SchoolYear.of(meant).first:
        return "", ""
    year, before = SchoolYear.of(ends_on), SchoolYear.of(meant)
    warning = (
        f"Let op: door de pauze eindigt het op {ends_on:%d-%m-%Y}, in schooljaar {year}; "
        f"dat was {meant:%d-%m-%Y}, in {before}."
    )
    more = sorted(
        {row.title for row in dossier.steps.values() if row.cycle > str(before) and "/" not in row.key}
    )
    asked = f" Er komt dan bij: {', '.join(more)}." if more else ""
    last = max(dossier.stages.values(), key=lambda stage: stage.ends_on)
    remedy = (
        f"Inkorten kan met `traject move {trajectory.reference} --stage {last.key} --ends {before.ends_on}`; "
        "is het goed zo, rond deze taak dan af."
    )
    title = f"Het traject loopt door in schooljaar {year}"
    work.effects.task(f"t{dossier.id}:later-year:{year}", title, f"{warning}{asked} {remedy}")
    english = (
        f"Note: the pause makes it end on {ends_on:%d-%m-%Y}, in school year {year}; "
        f"that was {meant:%d-%m-%Y}, in {before}."
    )
    comes = f" This comes with it: {', '.join(more)}." if more else ""
    return f"{warning}{asked}", f"{english}{comes}"


def cancel(
    store: Store,
    settings: Settings,
    reference: str,
    *,
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
                undo(work, row, "het traject is gestopt")
                row.state, row.done_at, row.note = StepState.CANCELLED, now, "het traject is gestopt"
        for stage in work.dossier.stages.values():
            if StageState.CANCELLED in STAGE_MOVES[stage.state]:
                stage.state, stage.closed_at = StageState.CANCELLED, now
        tasks = select(Task).where(Task.trajectory_id == work.dossier.id, Task.state == TaskState.OPEN)
        for task in work.session.exec(tasks):
            task.state, task.done_at = TaskState.CANCELLED, now
        trajectory.state, trajectory.finished_at = TrajectoryState.CANCELLED, now
        work.effects.event("trajectory.cancelled", actor="staff")
        work.say("Het traject is gestopt.", "The trajectory is stopped.")
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
        raise Refused(
            f"taak {task_id} bestaat niet; `traject tasks list` toont de taken",
            f"there is no task {task_id}; `traject tasks list` shows the tasks",
        )
    result = StaffResult(trajectory.reference)
    with action(store, settings, trajectory.reference, now, result, dry_run=dry_run) as work:
        row = work.session.get_one(Task, task_id)
        if row.state is not TaskState.OPEN:
            raise Refused(
                f"taak {task_id} is al {'gedaan' if row.state is TaskState.DONE else 'vervallen'}",
                f"task {task_id} is {'done' if row.state is TaskState.DONE else 'dropped'} already",
            )
        row.state, row.done_at = TaskState.DONE, now
        step = next((s for s in work.dossier.steps.values() if s.id == row.step_id), None)
        if step and step.kind is StepKind.TASK and step.state is StepState.OPEN:
            step.state, step.done_at = StepState.DONE, now
        # What nothing is planned after moves nothing; whether a gathering still has no date, the plan says.
        awaited = step is not None and step.key in work.dossier.programme.anchors
        work.changes_the_plan = awaited or (step is not None and step.kind is StepKind.GATHERING)
        work.say(f"Taak ‘{row.title}’ is gedaan.", f"Task '{row.title}' is done.")
        if (proposed := proposals.proposal_of(work.session, row)) is not None:
            proposals.settle(work.session, proposed, now=now)
            work.sentence += " Het voorstel staat niet meer open; wie het deed hoort hier niets van."
            work.english += " The proposal is no longer open; who made it hears nothing of this."
        work.effects.event("task.done", actor="staff", task=task_id)
    return result
