"""A gathering that did not take place: its step is owed again, and the plan gives it another date.

That a gathering was held is a fact of the clock: at its end it becomes *held* by itself, because the plan must go on when
nobody has the time to say so. What staff know better takes that fact away: the row of the step is planned again without
a date, so the plan chooses one from today on, what is counted from it moves along, and a condition that waits for it
waits again. Nothing else is told to anybody until that date is fixed. Then the same gathering gets it, with the same UID
and a higher SEQUENCE, so that calendars move it instead of showing two. Until then it counts as cancelled: its page and
the feeds say so, and it can never become held.
"""

from sqlmodel import col, select

from models import Gathering, RoleHolder, StepRow, Task, Trajectory
from models.enums import GatheringState, StepState, TaskState, TrajectoryState
from traject import outbox
from traject.dossier import row_id
from traject.gatherings import Gatherings
from traject.programme import Step

NOT_HELD = "de bijeenkomst ging niet door"


def take_back(gatherings: Gatherings, row: StepRow, gathering: Gathering) -> None:
    """It did not take place: no answer, reminder or thank-you of that date counts any more."""
    outbox.withdraw(gatherings.session, reason=NOT_HELD, step_id=row_id(row), reminders_only=False)
    gathering.state = GatheringState.CANCELLED
    gathering.sequence += 1
    gathering.revision += 1
    gathering.changed_at = gatherings.mail.next_stamp(gathering)
    told = gatherings.mail.last_told(gathering)
    for invitation, _ in gatherings.invited(gathering):
        # Who came unasked, and then had not been there after all, was never invited.
        invitation.is_cancelled = invitation.attended is False and row_id(invitation) not in told
        invitation.attended = None
    row.state, row.note = StepState.PLANNED, ""
    row.starts_at = row.ends_at = row.due_at = row.moved_to = row.acted_at = row.done_at = None
    for (key, cycle), child in gatherings.dossier.steps.items():
        if cycle == row.cycle and key.startswith(f"{row.key}/"):
            child.state, child.note = StepState.PLANNED, ""
            child.acted_at = child.done_at = child.moved_to = None
    _let_go(gatherings, gathering)
    _tell_in_tasks(gatherings, row)
    gatherings.effects.event("gathering.not-held", actor="staff", step=row.key, gathering=gathering.id)


def _tell_in_tasks(gatherings: Gatherings, row: StepRow) -> None:
    """What the adviser was given to do after it lies there still: it says that it can only be done after the new date."""
    dossier = gatherings.dossier
    after = {s.key for s in dossier.programme.steps if s.when is not None and s.when.step == row.key}
    steps = [
        row_id(step) for (key, cycle), step in dossier.steps.items() if key in after and cycle == row.cycle
    ]
    lying = select(Task).where(col(Task.step_id).in_(steps), Task.state == TaskState.OPEN)
    for task in gatherings.session.exec(lying):
        note = f"‘{row.title}’ ging niet door; dit kan pas na de nieuwe datum."
        task.detail = f"{task.detail} {note}".strip()


def _let_go(gatherings: Gatherings, gathering: Gathering) -> None:
    """Steps of other trajectories that joined it wait for it again; `themes` lets them look for another."""
    joined = (
        select(StepRow)
        .join(Trajectory, col(Trajectory.id) == col(StepRow.trajectory_id))
        .where(
            StepRow.joins == gathering.id,
            StepRow.state == StepState.DONE,
            col(Trajectory.state).in_((TrajectoryState.RUNNING, TrajectoryState.PAUSED)),
        )
    )
    for row in gatherings.session.exec(joined):
        row.state, row.done_at = StepState.OPEN, None


def fix_again(gatherings: Gatherings, step: Step, row: StepRow) -> None:
    """Fire a gathering step whose first date did not go through: everybody who was invited hears the new one."""
    gathering = gatherings.dossier.gatherings[row_id(row)]
    if row.starts_at is None or row.ends_at is None:
        message = f"step {row.key!r} fired without a date"
        raise ValueError(message)
    starts_at, ends_at = row.starts_at, row.ends_at
    gone = _who_left(gatherings)
    for invitation, person in gatherings.invited(gathering):
        invitation.is_cancelled = row_id(person) in gone
    gathering.state = GatheringState.FIXED
    row.state, row.acted_at, row.due_at = StepState.OPEN, gatherings.now, ends_at
    gatherings.effects.event("gathering.fixed", step=row.key, cycle=row.cycle, gathering=gathering.id)
    gatherings.change(gathering, starts_at=starts_at, ends_at=ends_at)
    for _, person in gatherings.dossier.people(step.to):
        gatherings.invite(gathering, person)


def _who_left(gatherings: Gatherings) -> set[int]:
    """Who had a role here and has none any more; who was invited by hand never had one."""
    holders = select(RoleHolder.person_id).where(RoleHolder.trajectory_id == gatherings.dossier.id)
    here = set(gatherings.session.exec(holders.where(col(RoleHolder.until).is_(None))))
    return set(gatherings.session.exec(holders.where(col(RoleHolder.until).is_not(None)))) - here
