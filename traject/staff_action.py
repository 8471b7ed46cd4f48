"""How one action of staff runs: in one transaction, with everything that follows from it, and said before it is done.

A dry run is the real action in a transaction that is rolled back, so what is shown is what would happen.
"""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam
from sqlalchemy import select as columns
from sqlmodel import Session, col, or_, select

from models import EvaluationRequest, Message, Person, StepRow, Task, Trajectory
from models.enums import MessageKind, MessageState, RequestState, StepState, TaskState, TrajectoryState
from traject import access, advance, outbox
from traject.dossier import Dossier, StepId, find, load, row_id
from traject.effects import Effects, Queued
from traject.errors import Refused
from traject.gatherings import Gatherings
from traject.pacing import Ahead, look_ahead
from traject.plan import Changes, PlannedStep, diff
from traject.rates import INVITATIONS, MAILS, HowLong, domain_of
from traject.replan import current_plan
from traject.settings import Settings
from traject.store import Store

NO_CHANGES = Changes((), ())

# Built once, and by columns: every action asks them, and is mostly about a mail or two.
_WAITING = (
    columns(
        col(Message.kind),
        col(Person.name),
        col(Message.to_email),
        col(Message.subject),
        col(Message.effect_key),
    )
    .join(Person, col(Person.id) == col(Message.person_id))
    .where(
        or_(
            col(Message.trajectory_id) == bindparam("trajectory"),
            col(Message.id).in_(bindparam("nudges", expanding=True)),
        ),
        col(Message.state).in_((MessageState.QUEUED, MessageState.HELD)),
    )
    .order_by(col(Message.id))
)
_GONE = columns(col(Message.effect_key)).where(
    col(Message.effect_key).in_(bindparam("keys", expanding=True)),
    col(Message.state) == MessageState.WITHDRAWN,
)


@dataclass
class StaffResult:
    """What an action did, or with a dry run would do."""

    reference: str
    sentence: str = ""
    english: str = ""  # the same, where it is known
    is_nothing: bool = False  # it was so already
    changes: Changes = NO_CHANGES
    ended: dict[StepId, StepState] = field(default_factory=dict)  # steps that it brought to an end, and how
    mails: list[Queued] = field(default_factory=list)
    taken_back: list[Queued] = field(default_factory=list)  # mails that waited, and no longer go
    takes: HowLong | None = None  # how long these mails take, when there are any

    def in_language(self, language: str) -> str:
        """What was done, or would be: the sentence in `nl` or `en`."""
        return self.english or self.sentence if language == "en" else self.sentence


@dataclass
class Work:
    """One action in progress: the rows, and what is said of it afterwards."""

    session: Session
    dossier: Dossier
    effects: Effects
    now: datetime
    changes_the_plan: bool = True
    sentence: str = ""
    english: str = ""

    def say(self, dutch: str, english: str) -> None:
        """What was done, in both languages."""
        self.sentence, self.english = dutch, english

    def step(self, key: str, cycle: str = "") -> StepRow:
        """The row of a step. Refused with the nearest names when it is not there."""
        row = self.dossier.steps.get((key, cycle))
        if row is None:
            cycles = sorted(c for k, c in self.dossier.steps if k == key)
            keys = sorted({k for k, _ in self.dossier.steps if "/" not in k})
            names = ", ".join(cycles or keys)
            kies, choose = (
                ("kies een schooljaar met --cycle:", "choose a school year with --cycle:")
                if cycles
                else ("kies uit", "choose from")
            )
            raise Refused(
                f"stap ‘{key}’{f' van {cycle}' if cycle else ''} staat niet in dit traject; {kies} {names}",
                f"there is no step '{key}'{f' of {cycle}' if cycle else ''} in this trajectory; {choose} {names}",
            )
        return row


class DryRun(Exception):
    """Rolls back a transaction whose outcome was only to be seen."""


@contextmanager
def changing(store: Store, *, dry_run: bool) -> Generator[Session]:
    """One transaction for a change and all that follows; taken back when it was only to be seen."""
    try:
        with store.write() as session:
            yield session
            if dry_run:
                session.flush()  # what the database refuses is seen too
                raise DryRun
    except DryRun:
        pass


@contextmanager
def action(
    store: Store, settings: Settings, reference: str, now: datetime, result: StaffResult, *, dry_run: bool
) -> Generator[Work]:
    """Run one action on one trajectory in one transaction, let everything follow, and say what came of it."""
    with changing(store, dry_run=dry_run) as session:
        found = find(session, reference)
        dossier = load(session, row_id(found), settings, now, lock=True)
        before = current_plan(dossier)
        effects = Effects(session, dossier, settings, now)
        work = Work(session, dossier, effects, now)
        ahead, waited = look_ahead(session, settings, now), _waiting(work)
        yield work
        let_follow(work, settings)
        result.mails, result.taken_back = _who_gets_what(work, waited)
        result.takes = _how_long(ahead, work, result.mails)
        result.reference = dossier.trajectory.reference
        result.sentence, result.english = work.sentence, work.english
        result.changes = diff(before, current_plan(dossier))
        result.ended = how_ended(result.changes, dossier)


def _waiting(work: Work) -> list[Queued]:
    """The mails of the trajectory that did not leave yet, and what asks about several at once."""
    nudges = outbox.nudges_about(work.session, trajectory_id=work.dossier.id)
    found = work.session.connection().execute(_WAITING, {"trajectory": work.dossier.id, "nudges": nudges})
    return [Queued(kind, name, to, subject, effect_key=key) for kind, name, to, subject, key in found]


def _who_gets_what(work: Work, waited: list[Queued]) -> tuple[list[Queued], list[Queued]]:
    """What goes out, and what waited and no longer does; a mail that was written and taken back at once is neither."""
    keys = [mail.effect_key for mail in (*waited, *work.effects.queued)]
    gone = set(work.session.connection().execute(_GONE, {"keys": keys}).scalars()) if keys else set[str]()
    return (
        [mail for mail in work.effects.queued if mail.effect_key not in gone],
        [mail for mail in waited if mail.effect_key in gone],
    )


def _how_long(ahead: Ahead, work: Work, mails: list[Queued]) -> HowLong | None:
    if not mails:
        return None
    kinds = {mail.kind for mail in mails}
    at = work.dossier.calendar.next_sending_moment(work.now)
    to = Counter(domain_of(mail.email) for mail in mails)
    return ahead.how_long(to, at, INVITATIONS if kinds == {MessageKind.INVITATION} else MAILS)


def refuse_ended(trajectory: Trajectory) -> None:
    """A trajectory that ended gets no new people, days or programme; a finished one can be opened again first."""
    if trajectory.state is TrajectoryState.FINISHED:
        raise Refused(
            f"traject {trajectory.reference} is afgerond; open eerst een fase weer met `traject reopen-stage`",
            f"trajectory {trajectory.reference} is finished; open a stage again first with `traject reopen-stage`",
        )
    if trajectory.state is TrajectoryState.CANCELLED:
        raise Refused(
            f"traject {trajectory.reference} is gestopt; daar verandert niets meer aan",
            f"trajectory {trajectory.reference} is stopped; nothing can be changed about it",
        )


def let_follow(work: Work, settings: Settings) -> None:
    """Plan again after what staff decided, and do what is due by it."""
    session, dossier, effects, trajectory = work.session, work.dossier, work.effects, work.dossier.trajectory
    if work.changes_the_plan and trajectory.state in (TrajectoryState.RUNNING, TrajectoryState.PAUSED):
        advance.follow(session, dossier, effects)
    if trajectory.state is TrajectoryState.RUNNING:
        advance.settle(session, dossier, settings, work.now, effects)
    else:
        trajectory.next_due_at = None
    trajectory.revision += 1
    session.flush()


def how_ended(changes: Changes, dossier: Dossier) -> dict[StepId, StepState]:
    """Of the steps that are no longer owed: which were done, skipped or withdrawn. What the plan dropped is not there."""
    gone = {
        change.before.id
        for change in changes.steps
        if isinstance(change.before, PlannedStep) and change.after is None
    }
    return {name: dossier.steps[name].state for name in gone if name in dossier.steps}


def undo(work: Work, row: StepRow, reason: str, *, because: str = "") -> None:
    """Take back what an open step asked of people; `because` is what they read, where there is a mail."""
    outbox.withdraw(work.session, reason=reason, step_id=row_id(row), reminders_only=False)
    if row.state is not StepState.OPEN:
        return
    gathering = work.dossier.gatherings.get(row_id(row))
    if gathering:
        Gatherings(work.effects).cancel(gathering, because)
    round_ = work.dossier.rounds.get(row_id(row))
    for request, _ in work.dossier.requests[row_id(round_)] if round_ else []:
        withdraw_request(work, request, reason)
    for task in work.session.exec(select(Task).where(Task.step_id == row.id, Task.state == TaskState.OPEN)):
        task.state, task.done_at = TaskState.CANCELLED, work.now


def withdraw_request(work: Work, request: EvaluationRequest, reason: str) -> None:
    """Ask somebody no more; an answer that was given stays."""
    if request.state is RequestState.ASKED:
        request.state = RequestState.WITHDRAWN
        access.revoke(work.session, now=work.now, request_id=row_id(request))
        outbox.withdraw(work.session, reason=reason, request_id=row_id(request), reminders_only=False)
