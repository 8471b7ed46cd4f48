"""Take trajectories as far as they can go at a given instant: moves and their effects, one transaction a trajectory.

Running it twice, or two at once, changes nothing the second time: a trajectory's row is locked while it is decided on,
every effect has a unique key, and what was done is no longer due.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import bindparam, exists
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Session, col, select

from models import StepRow, Trajectory
from models.enums import Certainty, StageState, StepKind, StepState, TrajectoryState
from traject import nudges, outbox
from traject.another_date import fix_again
from traject.asking import Asking
from traject.attendance import ask_who_was_there
from traject.choosing import ask, asks_others, tell_of_dates
from traject.conditions import unmet
from traject.decide import decide, next_due
from traject.dossier import Dossier, load, row_id
from traject.effects import Effects
from traject.gatherings import Gatherings
from traject.moves import CloseStage, FillPlaces, Finish, Fire, Move, OpenStage, Settle, StageOverdue
from traject.places import Places
from traject.plan import Plan
from traject.planner import LEAST_NOTICE
from traject.replan import replan
from traject.settings import Settings
from traject.store import Store
from traject.untold import tell_of_undelivered

log = logging.getLogger(__name__)

STAGE_CLOSED = "de fase is afgesloten"
FINISHED = "het traject is afgerond"
MOST_MOVES = 10_000
"""More moves than this at one instant is a fault in a programme or in the engine."""

_DUE = (  # built once, because every heartbeat asks it
    select(col(Trajectory.id))
    .where(col(Trajectory.state) == TrajectoryState.RUNNING, col(Trajectory.next_due_at) <= bindparam("now"))
    .order_by(col(Trajectory.next_due_at))
    .limit(bindparam("most"))
)

_DUE_WITH = (
    select(col(Trajectory.id))
    .where(
        col(Trajectory.state) == TrajectoryState.RUNNING,
        col(Trajectory.next_due_at) <= bindparam("now"),
        exists().where(
            col(StepRow.trajectory_id) == col(Trajectory.id),
            col(StepRow.kind) == bindparam("kind"),
            col(StepRow.state).in_((StepState.PLANNED, StepState.OPEN)),
            col(StepRow.due_at) <= bindparam("now"),
        ),
    )
    .order_by(col(Trajectory.next_due_at))
)

_LOCKED = (
    select(col(Trajectory.id), col(Trajectory.state))
    .where(col(Trajectory.id) == bindparam("which"))
    .with_for_update(skip_locked=True)
)


@dataclass
class AdvanceReport:
    """What one run did. `moves` counts them by name; `trajectories` are the ids that had something due."""

    trajectories: list[int] = field(default_factory=list)
    moves: dict[str, int] = field(default_factory=dict)
    failed: dict[int, str] = field(
        default_factory=dict
    )  # by trajectory: what went wrong; nothing of it was kept

    def count(self, move: Move) -> None:
        """Count one move."""
        name = type(move).__name__
        self.moves[name] = self.moves.get(name, 0) + 1


def advance(
    store: Store,
    settings: Settings,
    *,
    now: datetime,
    limit: int | None = None,
    only: Sequence[int] | None = None,
) -> AdvanceReport:
    """Take everything that is due as far as it can go.

    `only`: these trajectories, whether or not something is known to be due; `limit`: at most so many. A trajectory
    that fails is left as it was, is named in the report with the reason, and does not stop the others.
    """
    report = AdvanceReport()
    tried: set[int] = set()
    while limit is None or len(tried) < limit:
        batch = _due(store, now, only, tried, 50 if limit is None else min(50, limit - len(tried)))
        if not batch:
            return report
        for trajectory_id in batch:
            tried.add(trajectory_id)
            try:
                with store.write() as session:
                    moves = advance_one(session, trajectory_id, settings, now)
            except DBAPIError as error:
                if not isinstance(error, IntegrityError):
                    raise  # the database's own fault, not this trajectory's: nobody is postponed for it
                _set_aside(store, report, trajectory_id, error, now)
                continue
            except Exception as error:
                # One trajectory with a fault must not keep hundreds of others waiting; its own rows are rolled back.
                _set_aside(store, report, trajectory_id, error, now)
                continue
            if moves is not None:
                report.trajectories.append(trajectory_id)
                for move in moves:
                    report.count(move)
    return report


def _due(store: Store, now: datetime, only: Sequence[int] | None, tried: set[int], size: int) -> list[int]:
    if only is not None:
        return [trajectory for trajectory in only if trajectory not in tried][:size]
    with store.glance() as connection:
        due = connection.execute(_DUE, {"now": now, "most": size + len(tried)}).scalars()
        return [found for found in due if found not in tried][:size]


def due_with(store: Store, kind: StepKind, now: datetime) -> list[int]:
    """Running trajectories that have something to do by now, and a step of this kind that is due."""
    with store.glance() as connection:
        return list(connection.execute(_DUE_WITH, {"now": now, "kind": kind}).scalars())


def _set_aside(
    store: Store, report: AdvanceReport, trajectory_id: int, error: Exception, now: datetime
) -> None:
    """Name the trajectory in the report, and try it again in an hour."""
    log.error("trajectory cannot advance", extra={"trajectory": trajectory_id}, exc_info=error)
    report.failed[trajectory_id] = str(error)
    with store.write() as session:
        trajectory = session.get_one(Trajectory, trajectory_id, with_for_update=True)
        trajectory.next_due_at = now + timedelta(hours=1)


def advance_one(session: Session, trajectory_id: int, settings: Settings, now: datetime) -> list[Move] | None:
    """Take one trajectory as far as it can go, in the caller's transaction. None: another process has it."""
    locked = session.connection().execute(_LOCKED, {"which": trajectory_id}).first()
    if locked is None:
        return None
    if locked[1] is not TrajectoryState.RUNNING:
        return []
    dossier = load(session, trajectory_id, settings, now)
    return settle(session, dossier, settings, now)


def settle(
    session: Session, dossier: Dossier, settings: Settings, now: datetime, effects: Effects | None = None
) -> list[Move]:
    """Apply every move that is due, plan again after each round, and note when something is due next."""
    done: list[Move] = []
    effects = effects or Effects(session, dossier, settings, now)
    tell_of_undelivered(session, dossier, effects)
    if any(_came_too_near(row, now) for row in dossier.steps.values()):
        follow(session, dossier, effects)
    while moves := decide(dossier, now):
        if len(done) > MOST_MOVES:
            message = f"trajectory {dossier.id} does not come to rest at {now.isoformat()}: {moves[:3]}"
            raise RuntimeError(message)
        for move in moves:
            apply(move, dossier, effects)
        done += moves
        if dossier.trajectory.state is not TrajectoryState.RUNNING:
            break
        if any(_changes_the_plan(move, dossier) for move in moves):
            follow(session, dossier, effects)
    running = dossier.trajectory.state is TrajectoryState.RUNNING
    dossier.trajectory.next_due_at = next_due(dossier, now) if running else None
    if done:
        dossier.trajectory.revision += 1
    return done


def _came_too_near(row: StepRow, now: datetime) -> bool:
    """A gathering that nobody was invited to and that is too soon to invite for: it needs another date."""
    waits = row.kind is StepKind.GATHERING and row.state is StepState.PLANNED and not row.on_hold
    return waits and row.moved_to is None and row.starts_at is not None and row.starts_at < now + LEAST_NOTICE


def _changes_the_plan(move: Move, dossier: Dossier) -> bool:
    """A mail that went out when it was meant to changes nothing that is still to come; a task only when it is done."""
    if isinstance(move, Settle):  # what comes after a gathering that will not be goes with it
        return move.state is StepState.MISSED and (
            dossier.steps[move.key, move.cycle].kind is StepKind.GATHERING
        )
    if not isinstance(move, Fire):
        return not isinstance(move, FillPlaces)
    return dossier.steps[move.key, move.cycle].kind not in (StepKind.MAIL, StepKind.TASK)


def follow(session: Session, dossier: Dossier, effects: Effects) -> Plan:
    """Plan again from the facts; the adviser is asked about a gathering that has no date, or needs a choice."""
    session.flush()
    made = replan(session, dossier, effects.now)
    tell_of_dates(session, dossier, effects, made)
    return made


def apply(move: Move, dossier: Dossier, effects: Effects) -> None:
    """Write one move and what it causes into the session."""
    match move:
        case OpenStage(key):
            stage = dossier.stages[key]
            stage.state, stage.opened_at, stage.certainty = StageState.OPEN, effects.now, Certainty.FIXED
            effects.event("stage.opened", stage=key)
        case CloseStage(key):
            close_stage(key, dossier, effects)
        case StageOverdue(key, missing):
            stage = dossier.stages[key]
            detail = "Nog nodig: " + "; ".join(unmet(dossier, condition) for condition in missing) + "."
            effects.task(
                f"t{dossier.id}:{key}:overdue", f"Fase ‘{stage.title}’ kan nog niet worden afgesloten", detail
            )
            effects.event("stage.overdue", stage=key)
        case Finish():
            finish(dossier, effects)
        case FillPlaces(gathering_id):
            Places(effects).fill(gathering_id)
        case Fire(key, cycle):
            fire(dossier, effects, key, cycle)
        case Settle(key, cycle, state, note):
            _settle_step(dossier, effects, dossier.steps[key, cycle], state, note)


def close_stage(key: str, dossier: Dossier, effects: Effects, *, actor: str = "traject") -> None:
    """Close a stage; what it had planned and not done is withdrawn."""
    stage = dossier.stages[key]
    stage.state, stage.closed_at = StageState.CLOSED, effects.now
    for row in dossier.steps.values():
        if row.stage == key and row.state is StepState.PLANNED and not _belongs_to_open(dossier, row):
            _end(row, StepState.WITHDRAWN, STAGE_CLOSED, effects.now)
    effects.event("stage.closed", actor=actor, stage=key)


def _belongs_to_open(dossier: Dossier, row: StepRow) -> bool:
    """A reminder of a gathering that goes on, or of questions that are still open."""
    parent, _, suffix = row.key.partition("/")
    of = dossier.steps.get((parent, row.cycle))
    return bool(suffix) and of is not None and of.state is StepState.OPEN


def finish(dossier: Dossier, effects: Effects) -> None:
    """The trajectory is complete; nothing is asked of anybody any more."""
    trajectory = dossier.trajectory
    trajectory.state, trajectory.finished_at = TrajectoryState.FINISHED, effects.now
    for row in dossier.steps.values():
        if row.state is StepState.PLANNED:
            _end(row, StepState.WITHDRAWN, FINISHED, effects.now)
    effects.event("trajectory.finished")


def fire(dossier: Dossier, effects: Effects, key: str, cycle: str) -> None:
    """Do what a step owes."""
    row = dossier.steps[key, cycle]
    parent, _, suffix = key.partition("/")
    step = dossier.programme.step(parent)
    if suffix:
        of = dossier.steps[parent, cycle]
        if suffix == "escalation":
            Asking(effects).escalate(row, of)
        elif of.kind is StepKind.EVALUATION:
            Asking(effects).remind(step, row, of)
        elif suffix.startswith("nudge"):
            nudges.want(effects, row, of)
        else:
            Gatherings(effects).remind(row, of)
        return
    match row.kind:
        case StepKind.MAIL:
            effects.mail(step, row)
        case StepKind.TASK:
            effects.assign(step, row)
        case StepKind.GATHERING if asks_others(step, row):
            ask(effects, row)
        case StepKind.GATHERING if row_id(row) in dossier.gatherings:
            fix_again(Gatherings(effects), step, row)
        case StepKind.GATHERING:
            Gatherings(effects).fix(step, row)
        case StepKind.EVALUATION:
            Asking(effects).ask(step, row)


def _settle_step(dossier: Dossier, effects: Effects, row: StepRow, state: StepState, note: str) -> None:
    if state is StepState.DONE and row.kind is StepKind.GATHERING:
        Gatherings(effects).held(row)
        ask_who_was_there(effects, dossier.gatherings[row_id(row)])
    elif state is StepState.DONE and row.kind is StepKind.EVALUATION:
        Asking(effects).close(row)
        effects.event("evaluation.closed", step=row.key, cycle=row.cycle)
    else:
        _end(row, state, note, effects.now)
        outbox.withdraw(effects.session, reason=note or str(state), step_id=row_id(row), reminders_only=False)
        effects.event(f"step.{state}", step=row.key, cycle=row.cycle)


def _end(row: StepRow, state: StepState, note: str, now: datetime) -> None:
    row.state, row.note, row.done_at = state, note, now
