"""People of many trajectories at one gathering: a step that is shared joins the one elsewhere with its theme.

The planner gives such a step the date of a gathering that is offered. What happens between the two trajectories happens
here, in a pass of its own that compares and mends, so that neither waits for the other and the order does not matter:
a gathering that was fixed gets the people who ask for it; the asking step follows when it moves, is held or is
cancelled; who lost the role, or whose step was dropped, is taken off again. Nobody is invited twice: the first step
that asks for somebody keeps the place, another takes it over when that one drops out.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, exists
from sqlmodel import Session, col, or_, select

from calendars.school_year import SchoolYear
from models import (
    Event,
    Gathering,
    Invitation,
    Person,
    RoleHolder,
    StageRow,
    StepRow,
    Trajectory,
)
from models.enums import GatheringState, StageState, StepState, TrajectoryState
from traject.advance import follow
from traject.availability import offered
from traject.dossier import load, row_id
from traject.effects import Effects
from traject.gatherings import Gatherings
from traject.plan import Offered
from traject.planner import LEAST_NOTICE
from traject.programme import Programme, Step
from traject.settings import Settings
from traject.spans import year_bounds
from traject.store import Store
from traject.theme_news import read_news, remember
from traject.versions import programmes
from traject.waking import lock_trajectories, wake

NO_LONGER = "de stap waarvoor je was uitgenodigd vervalt"

# Built once: every heartbeat asks them.
_ASK = (
    select(StepRow, Trajectory, StageRow)
    .join(Trajectory, col(Trajectory.id) == col(StepRow.trajectory_id))
    .outerjoin(
        StageRow,
        (col(StageRow.trajectory_id) == col(StepRow.trajectory_id))
        & (col(StageRow.key) == col(StepRow.stage)),
    )
    .where(
        col(Trajectory.state).in_((TrajectoryState.RUNNING, TrajectoryState.PAUSED)),
        col(Trajectory.programme_version_id).in_(bindparam("versions", expanding=True)),
        col(StepRow.key).in_(bindparam("keys", expanding=True)),
        col(StepRow.state).in_((StepState.PLANNED, StepState.OPEN)),
    )
    .order_by(col(StepRow.id))
)
_ASK_IN = _ASK.where(col(StepRow.trajectory_id).in_(bindparam("only", expanding=True)))
_IS_LINKED = exists().where(
    col(Invitation.gathering_id) == col(Gathering.id), col(Invitation.step_id).is_not(None)
)
_WITH_THEME = select(Gathering).where(
    or_(
        col(Gathering.id).in_(bindparam("joined", expanding=True)),
        (col(Gathering.starts_at) > bindparam("now"))
        & (col(Gathering.theme).in_(bindparam("themes", expanding=True)) | _IS_LINKED),
    )
)
_HOLDING = (
    select(RoleHolder)
    .where(
        col(RoleHolder.trajectory_id).in_(bindparam("trajectories", expanding=True)),
        col(RoleHolder.until).is_(None),
    )
    .order_by(col(RoleHolder.id))
)
_INVITED = select(Invitation).where(col(Invitation.gathering_id) == bindparam("gathering"))


@dataclass(frozen=True, slots=True)
class _Asking:
    """A step that is shared, in a trajectory that runs or is paused."""

    row: StepRow
    step: Step
    programme: Programme
    trajectory: Trajectory
    stage: StageRow | None

    @property
    def may_join(self) -> bool:
        """Whether its people can be invited now, were there a gathering."""
        is_open = self.stage is None or self.stage.state is StageState.OPEN
        runs = self.trajectory.state is TrajectoryState.RUNNING
        return is_open and runs and self.row.state is StepState.PLANNED and not self.row.on_hold


@dataclass
class _Work:
    """What is to be done about one gathering."""

    gathering: Gathering
    asking: list[_Asking] = field(default_factory=list)


def follow_themes(store: Store, settings: Settings, *, now: datetime, only_news: bool = False) -> list[int]:
    """Bring every shared step and the gatherings with its theme together; gives the trajectories that changed.

    Costs one query while no programme has a shared step. Running it twice changes nothing the second time.

    It reads every step that asks for a theme. `only_news`: not when nothing happened since that such a step or such a
    gathering depends on. The daily look goes without: two that write at once may leave a fact behind the last one seen.
    """
    news = read_news(store) if only_news else None
    if news and not news.is_there:
        remember(store, news, now)
        return []
    with store.read() as session:
        steps = _shared_steps(session)
        if not steps:
            return []
        asking = _asking(session, steps)
        offers = list(offered(session, {each.step.theme for each in asking}, now))
        todo = [row_id(work.gathering) for work in _work(session, asking, now)]
        stale = {each.trajectory.id for each in asking if _is_stale(each, offers, settings, now)}
    changed: set[int] = set()
    for gathering_id in todo:
        with store.write() as session:
            changed |= _bring_together(session, gathering_id, settings, now)
    for trajectory_id in sorted(changed | {number for number in stale if number is not None}):
        with store.write() as session:
            dossier = load(session, trajectory_id, settings, now, lock=True)
            if dossier.trajectory.state is not TrajectoryState.RUNNING:
                continue
            before = {name: (row.starts_at, row.state) for name, row in dossier.steps.items()}
            follow(session, dossier, Effects(session, dossier, settings, now))
            if trajectory_id in changed or before != {
                name: (row.starts_at, row.state) for name, row in dossier.steps.items()
            }:
                changed.add(trajectory_id)
                wake(session, [trajectory_id], now)
    if news and not changed:
        remember(store, news, now)
    return sorted(changed)


# Looking


def _shared_steps(session: Session) -> dict[tuple[int, str], tuple[Programme, Step]]:
    return {
        (number, step.key): (programme, step)
        for number, programme in programmes(session).items()
        for step in programme.steps
        if step.is_shared
    }


def _asking(
    session: Session, steps: dict[tuple[int, str], tuple[Programme, Step]], only: Iterable[int] | None = None
) -> list[_Asking]:
    values: dict[str, Any] = {
        "versions": {version for version, _ in steps},
        "keys": {key for _, key in steps},
    }
    query = _ASK if only is None else _ASK_IN
    if only is not None:
        values["only"] = list(only)
    found: list[_Asking] = []
    for row, trajectory, stage in session.exec(query, params=values):
        programme_and_step = steps.get((trajectory.programme_version_id, row.key))
        if programme_and_step:
            programme, step = programme_and_step
            found.append(_Asking(row, step, programme, trajectory, stage))
    return found


def _is_stale(each: _Asking, offers: Sequence[Offered], settings: Settings, now: datetime) -> bool:
    """Whether a planned step has a date that is offered no longer, or none while there may be one for it."""
    row = each.row
    if row.state is not StepState.PLANNED or each.trajectory.state is not TrajectoryState.RUNNING:
        return False
    of_theme = [offer for offer in offers if offer.theme == each.step.theme]
    if row.starts_at is not None:
        return all((offer.starts_at, offer.ends_at) != (row.starts_at, row.ends_at) for offer in of_theme)
    return any(_may_fit(each, offer, settings, now) for offer in of_theme)


def _may_fit(each: _Asking, offer: Offered, settings: Settings, now: datetime) -> bool:
    """What a row alone can tell, so that not every plan is made again at every heartbeat; the planner decides."""
    window, local = each.step.window, offer.starts_at.astimezone(settings.zone)
    if (
        window is None
        or each.row.ends_at is None
        or not now + LEAST_NOTICE < offer.starts_at < each.row.ends_at
    ):
        return False
    first = each.stage.opens_on if each.stage else each.trajectory.starts_on
    if each.step.cycle:
        first = year_bounds(SchoolYear.parse(each.row.cycle), each.step.cycle)[0]
    return (
        local.date() >= first
        and local.weekday() in (window.weekdays or (0, 1, 2, 3, 4))
        and local.time() >= window.earliest
    )


def _work(session: Session, asking: Sequence[_Asking], now: datetime) -> list[_Work]:
    """The gatherings at which something is not as it should be."""
    themes = {each.step.theme for each in asking}
    joined = {each.row.joins for each in asking if each.row.joins is not None}
    gatherings = session.exec(_WITH_THEME, params={"joined": joined, "now": now, "themes": themes})
    found: list[_Work] = []
    for gathering in sorted(gatherings, key=row_id):
        work = _Work(gathering, [each for each in asking if _belongs(each, gathering, now)])
        if _has_work(session, work, now):
            found.append(work)
    return found


def _belongs(each: _Asking, gathering: Gathering, now: datetime) -> bool:
    """Whether a step joined this gathering, or is to join it now."""
    if each.row.state is StepState.OPEN:
        return each.row.joins == gathering.id
    is_fixed = gathering.state is GatheringState.FIXED and gathering.starts_at > now
    same = (each.row.starts_at, each.row.ends_at) == (gathering.starts_at, gathering.ends_at)
    return each.may_join and is_fixed and same and each.step.theme == gathering.theme


def _has_work(session: Session, work: _Work, now: datetime) -> bool:
    gathering = work.gathering
    for each in work.asking:
        if each.row.state is StepState.PLANNED or gathering.state is not GatheringState.FIXED:
            return True
        if (each.row.starts_at, each.row.ends_at) != (gathering.starts_at, gathering.ends_at):
            return True
    if gathering.state is not GatheringState.FIXED or gathering.starts_at <= now:
        return False
    wanted = _wanted(session, work.asking)
    invited = {i.person_id: i for i in _invitations(session, gathering)}
    return any(person not in invited for person in wanted) or any(
        _is_out_of_place(invitation, wanted) for invitation in invited.values()
    )


def _is_out_of_place(invitation: Invitation, wanted: dict[int, list[_Asking]]) -> bool:
    """Invited for a step that does not ask for this person (any more)."""
    if invitation.step_id is None or invitation.is_cancelled:
        return False
    return invitation.step_id not in {each.row.id for each in wanted.get(invitation.person_id, ())}


def _wanted(session: Session, asking: Sequence[_Asking]) -> dict[int, list[_Asking]]:
    """By person, the steps that ask for them; the first has the place."""
    holders: dict[int, list[tuple[str, int]]] = defaultdict(list)
    numbers = [each.row.trajectory_id for each in asking]
    for holder in session.exec(_HOLDING, params={"trajectories": numbers}):
        holders[holder.trajectory_id].append((holder.role, holder.person_id))
    wanted: dict[int, list[_Asking]] = {}
    for each in asking:
        for role, person in holders[each.row.trajectory_id]:
            if role in each.step.to and each not in wanted.setdefault(person, []):
                wanted[person].append(each)
    return wanted


def _invitations(session: Session, gathering: Gathering) -> Sequence[Invitation]:
    return session.exec(_INVITED, params={"gathering": gathering.id}).all()


# Mending


def _bring_together(session: Session, gathering_id: int, settings: Settings, now: datetime) -> set[int]:
    """Do what is to be done about one gathering, all trajectories of it locked; gives those whose step changed."""
    steps = _shared_steps(session)
    gathering = session.get_one(Gathering, gathering_id)
    asking = _asking(session, steps)
    numbers = {each.row.trajectory_id for each in asking if _belongs(each, gathering, now)}
    lock_trajectories(session, numbers | {gathering.trajectory_id})
    session.expire_all()  # what was read before the lock may be older than what its holder wrote
    session.refresh(gathering)
    asking = [each for each in _asking(session, steps, numbers) if _belongs(each, gathering, now)]
    changed: set[int] = set()
    for each in asking:
        if _follow_gathering(session, each, gathering, now):
            changed.add(each.row.trajectory_id)
    if gathering.state is GatheringState.FIXED and gathering.starts_at > now:
        still = [each for each in asking if each.row.state is StepState.OPEN]
        _invite(session, gathering, _wanted(session, still), settings, now)
        wake(session, [gathering.trajectory_id], now)
    wake(session, sorted(changed), now)
    return changed


def _follow_gathering(session: Session, each: _Asking, gathering: Gathering, now: datetime) -> bool:
    """Let the asking step be as its gathering is; False when it was already."""
    row = each.row
    match gathering.state:
        case GatheringState.HELD:
            row.state, row.done_at = StepState.DONE, gathering.ends_at
            name = "step.held"
        case GatheringState.CANCELLED:
            row.state, row.joins, row.starts_at, row.ends_at = StepState.PLANNED, None, None, None
            row.acted_at = now  # staff hear at once when there is no other
            name = "step.date-lost"
        case _ if row.state is StepState.PLANNED:
            row.state, row.joins, row.acted_at = StepState.OPEN, gathering.id, now
            row.due_at = gathering.ends_at
            name = "gathering.joined"
        case _ if (row.starts_at, row.ends_at) != (gathering.starts_at, gathering.ends_at):
            row.starts_at, row.ends_at, row.due_at = gathering.starts_at, gathering.ends_at, gathering.ends_at
            name = "step.moved"
        case _:
            return False
    details = {"step": row.key, "cycle": row.cycle, "gathering": gathering.id}
    session.add(Event(at=now, name=name, trajectory_id=row.trajectory_id, details=details))
    return True


def _invite(
    session: Session,
    gathering: Gathering,
    wanted: dict[int, list[_Asking]],
    settings: Settings,
    now: datetime,
) -> None:
    """Invite who is asked for and not yet invited; take off who is not asked for any more."""
    host = load(session, gathering.trajectory_id, settings, now, lock=True)
    gatherings = Gatherings(Effects(session, host, settings, now))
    invited = {invitation.person_id: invitation for invitation in _invitations(session, gathering)}
    for number, invitation in invited.items():
        if _is_out_of_place(invitation, wanted):
            if others := wanted.get(number):
                invitation.step_id = others[0].row.id
            else:
                gatherings.uninvite(gathering, session.get_one(Person, number), NO_LONGER)
    with gatherings.effects.together():
        for number, steps in wanted.items():
            if number in invited:
                continue  # also who was taken off by staff
            first = steps[0]
            held = {role.key for role in first.programme.roles if role.staff}
            is_staff = not held.isdisjoint(_roles(session, first, number))
            gatherings.invite(
                gathering, session.get_one(Person, number), is_required=is_staff, step_id=first.row.id
            )
    session.flush()


def _roles(session: Session, each: _Asking, person: int) -> Iterable[str]:
    query = select(RoleHolder.role).where(
        RoleHolder.trajectory_id == each.row.trajectory_id,
        RoleHolder.person_id == person,
        col(RoleHolder.until).is_(None),
    )
    return session.exec(query).all()
