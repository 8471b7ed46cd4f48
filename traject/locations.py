"""When there is no room for a gathering where it is to be: facts for the plan.

Staff say of a place, by the name that programmes give it, for how many people it is; any other has room for everybody.
A gathering takes its capacity, or else as many seats as people are invited, or would be.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import bindparam, func
from sqlmodel import Session, col, select

from models import Gathering, Invitation, Location, ProgrammeVersion, RoleHolder, StepRow, Trajectory
from models.enums import GatheringState, PartStat, StepKind, StepState
from traject.plan import PlaceTaken
from traject.programme import Programme, Step
from traject.versions import programme_of

_NAMED = select(col(Location.name), col(Location.seats)).where(
    col(Location.name).in_(bindparam("names", expanding=True))
)


@dataclass(frozen=True, slots=True)
class _Meeting:
    starts_at: datetime
    ends_at: datetime
    title: str
    people: int


def places_taken(
    session: Session, programme: Programme, people: Callable[[Step], int], now: datetime, *, not_in: int = 0
) -> Iterator[PlaceTaken]:
    """When the places of a programme's gatherings have no room for them, because of gatherings of other trajectories.

    `people`: how many would be invited to a gathering. One that is alone at its place is never refused there.
    """
    named: dict[str, list[Step]] = defaultdict(list)
    for step in programme.steps:
        if step.kind is StepKind.GATHERING and step.place and not step.is_shared:
            named[step.place.nl].append(step)
    if not named:
        return
    places = session.connection().execute(_NAMED, {"names": sorted(named)}).all()
    for name, seats in places:
        meetings = _meetings_at(session, name, now, not_in)
        for step in named[name]:
            yield from _full(step.key, name, seats - (step.capacity or people(step)), meetings)


def _full(key: str, place: str, room: int, meetings: Sequence[_Meeting]) -> Iterator[PlaceTaken]:
    """The times at which more people are at a place than there is room for beside this gathering."""
    changes = sorted({at for meeting in meetings for at in (meeting.starts_at, meeting.ends_at)})
    for since, until in pairwise(changes):
        there = [m for m in meetings if m.starts_at <= since < m.ends_at]
        if there and sum(meeting.people for meeting in there) > room:
            what = max(there, key=lambda meeting: (meeting.people, meeting.title)).title
            yield PlaceTaken(key, since, until, place, what)


def _meetings_at(session: Session, place: str, now: datetime, not_in: int) -> list[_Meeting]:
    """The gatherings to come at a place, also those that nobody is invited to yet."""
    rows = session.exec(
        select(StepRow, ProgrammeVersion, Gathering)
        .join(Trajectory, col(Trajectory.id) == col(StepRow.trajectory_id))
        .join(ProgrammeVersion, col(ProgrammeVersion.id) == col(Trajectory.programme_version_id))
        .outerjoin(Gathering, col(Gathering.step_id) == col(StepRow.id))
        .where(
            StepRow.kind == StepKind.GATHERING,
            col(StepRow.state).in_((StepState.PLANNED, StepState.OPEN)),
            col(StepRow.starts_at) > now - timedelta(days=1),
            StepRow.trajectory_id != not_in,
        )
        .order_by(col(StepRow.starts_at), col(StepRow.id))
    )
    found: list[_Meeting] = []
    for row, version, gathering in rows:
        programme = programme_of(version)
        step = next((step for step in programme.steps if step.key == row.key), None)
        is_fixed = gathering is not None and gathering.state is GatheringState.FIXED
        at = gathering.place if is_fixed and gathering else step.place.nl if step and step.place else ""
        if step is None or step.is_shared or at != place or row.starts_at is None or row.ends_at is None:
            continue
        if is_fixed and gathering:
            people = gathering.capacity or invited_to(session, gathering)
        else:
            people = step.capacity or asked_of(session, row.trajectory_id, step.to)
        found.append(_Meeting(row.starts_at, row.ends_at, row.title, people))
    return found


def invited_to(session: Session, gathering: Gathering) -> int:
    """How many people may come."""
    query = select(func.count()).where(
        Invitation.gathering_id == gathering.id,
        col(Invitation.is_cancelled).is_(False),
        Invitation.partstat != PartStat.DECLINED,
    )
    return session.exec(query).one()


def asked_of(session: Session, trajectory_id: int, roles: Collection[str]) -> int:
    """How many people will be invited."""
    people = func.count(func.distinct(col(RoleHolder.person_id)))
    query = select(people).where(
        RoleHolder.trajectory_id == trajectory_id,
        col(RoleHolder.role).in_(roles),
        col(RoleHolder.until).is_(None),
    )
    return session.exec(query).one()
