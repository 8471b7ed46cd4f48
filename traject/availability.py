"""When the people of a trajectory cannot come, and which gatherings elsewhere they could join: facts for the plan."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam
from sqlalchemy import select as columns  # SQLModel's takes four at most
from sqlmodel import Session, col, select

from models import (
    BusyTime,
    DayOff,
    Gathering,
    Invitation,
    Organisation,
    Person,
    RoleHolder,
    StepRow,
    Trajectory,
)
from models.enums import GatheringState, StepKind, StepState, TrajectoryState
from traject.meeting_hours import read_hours
from traject.plan import Busy, Offered, SchoolClosed, SchoolHours
from traject.programme import Programme
from traject.versions import programmes

Holders = Mapping[str, Sequence[Person]]
"""By role, who holds it."""

MOST_NAMES = 3
_PEOPLE = bindparam("people", expanding=True)
_SINCE = bindparam("since")
_NOT_IN = bindparam("not_in")
# Built once: building a statement costs as much as running it, and a heartbeat loads hundreds of dossiers.
_ELSEWHERE = (
    columns(
        col(StepRow.starts_at),
        col(StepRow.ends_at),
        col(StepRow.title),
        col(StepRow.key),
        col(RoleHolder.role),
        col(RoleHolder.person_id),
        col(Trajectory.programme_version_id),
    )
    .select_from(StepRow)
    .join(RoleHolder, col(RoleHolder.trajectory_id) == col(StepRow.trajectory_id))
    .join(Trajectory, col(Trajectory.id) == col(StepRow.trajectory_id))
    .where(
        col(StepRow.kind) == StepKind.GATHERING,
        col(StepRow.state).in_((StepState.PLANNED, StepState.OPEN)),
        col(StepRow.starts_at) > _SINCE,
        col(StepRow.trajectory_id) != _NOT_IN,
        col(RoleHolder.person_id).in_(_PEOPLE),
        col(RoleHolder.until).is_(None),
    )
)
_JOINED = (
    select(Gathering.starts_at, Gathering.ends_at, Gathering.title, Invitation.person_id)
    .join(Invitation, col(Invitation.gathering_id) == col(Gathering.id))
    .where(
        Gathering.state == GatheringState.FIXED,
        col(Gathering.starts_at) > _SINCE,
        col(Gathering.trajectory_id) != _NOT_IN,
        col(Invitation.step_id).is_not(None),
        col(Invitation.is_cancelled).is_(False),
        col(Invitation.person_id).in_(_PEOPLE),
    )
)
_OWN = select(BusyTime.starts_at, BusyTime.ends_at, BusyTime.person_id).where(
    col(BusyTime.person_id).in_(_PEOPLE), col(BusyTime.ends_at) > _SINCE
)
_SCHOOLS = (
    columns(
        col(Organisation.id),
        col(Organisation.name),
        col(Organisation.meeting_hours),
        col(DayOff.starts_on),
        col(DayOff.ends_on),
        col(DayOff.label),
    )
    .outerjoin(DayOff, col(DayOff.organisation_id) == col(Organisation.id))
    .where(
        col(Organisation.id).in_(bindparam("organisations", expanding=True)),
        col(DayOff.id).is_not(None) | (col(Organisation.meeting_hours) != ""),
    )
)

_OFFERED = (
    columns(
        col(StepRow.starts_at),
        col(StepRow.ends_at),
        col(StepRow.title),
        col(StepRow.key),
        col(Trajectory.programme_version_id),
    )
    .join(Trajectory, col(Trajectory.id) == col(StepRow.trajectory_id))
    .where(
        col(Trajectory.state) == TrajectoryState.RUNNING,
        col(Trajectory.id) != _NOT_IN,
        col(Trajectory.programme_version_id).in_(bindparam("versions", expanding=True)),
        col(StepRow.kind) == StepKind.GATHERING,
        col(StepRow.key).in_(bindparam("keys", expanding=True)),
        col(StepRow.state).in_((StepState.PLANNED, StepState.OPEN)),
        col(StepRow.on_hold).is_(False),
        col(StepRow.starts_at) > bindparam("now"),
    )
)


def busy_of(session: Session, holders: Holders, now: datetime, *, not_in: int = 0) -> tuple[Busy, ...]:
    """When these people are taken, from now on: at gatherings of other trajectories, and as their own calendars say.

    Somebody is at a gathering when it is for their role there, or when they were invited because of its theme.
    """
    people = {number: person for persons in holders.values() for person in persons if (number := person.id)}
    if not people:
        return ()
    values = {"since": now - timedelta(days=1), "not_in": not_in, "people": sorted(people)}
    rows = session.connection().execute
    at: dict[tuple[datetime, datetime, str], set[int]] = defaultdict(set)
    elsewhere = rows(_ELSEWHERE, values).all()
    known = programmes(session) if elsewhere else {}
    for starts_at, ends_at, title, key, role, person, version in elsewhere:
        step = known[version].step_of.get(key)
        if ends_at and step and role in step.to and not step.is_shared:
            at[starts_at, ends_at, title].add(person)
    for starts_at, ends_at, title, person in rows(_JOINED, values):
        at[starts_at, ends_at, title].add(person)
    for starts_at, ends_at, person in rows(_OWN, values):
        at[starts_at, ends_at, ""].add(person)
    roles: dict[int | None, list[str]] = defaultdict(list)
    for role, held in holders.items():
        for number in {person.id for person in held}:
            roles[number].append(role)
    return tuple(
        Busy(
            starts_at,
            ends_at,
            tuple(sorted({role for person in who for role in roles[person]})),
            _names(sorted(people[person].name for person in who)),
            title,
        )
        for (starts_at, ends_at, title), who in at.items()
    )


def schools_of(
    session: Session, holders: Holders, own: Organisation | None = None
) -> Iterator[SchoolClosed | SchoolHours]:
    """When the schools that these people come from are free, and when they can meet.

    Of the trajectory's own school only when it can meet, for everybody: its days off are in its calendar.
    """
    if own and own.meeting_hours:
        yield SchoolHours(read_hours(own.meeting_hours), (), own.name)
    but = own.id if own else None
    roles: dict[int, set[str]] = defaultdict(set)
    for role, persons in holders.items():
        for person in persons:
            if person.organisation_id is not None and person.organisation_id != but:
                roles[person.organisation_id].add(role)
    found = session.connection().execute(_SCHOOLS, {"organisations": sorted(roles)}) if roles else ()
    hours: dict[int, SchoolHours] = {}
    for organisation, name, meets, starts_on, ends_on, label in found:
        held = tuple(sorted(roles[organisation]))
        if starts_on:
            yield SchoolClosed(starts_on, ends_on, label, held, name)
        if meets:
            hours[organisation] = SchoolHours(read_hours(meets), held, name)
    yield from hours.values()


def asked_themes(programme: Programme) -> frozenset[str]:
    """The themes that steps of a programme look for elsewhere."""
    return frozenset(step.theme for step in programme.steps if step.is_shared)


def offered(
    session: Session, themes: Collection[str], now: datetime, *, not_in: int = 0
) -> Iterator[Offered]:
    """The gatherings with these themes that other running trajectories plan or have fixed, still to come."""
    if not themes:
        return
    by_step = {
        (version, step.key): step.theme
        for version, programme in programmes(session).items()
        for step in programme.steps
        if step.theme in themes and not step.is_shared
    }
    values = {
        "now": now,
        "not_in": not_in,
        "versions": sorted({version for version, _ in by_step}),
        "keys": sorted({key for _, key in by_step}),
    }
    for starts_at, ends_at, title, key, version in session.connection().execute(_OFFERED, values):
        theme = by_step.get((version, key))
        if theme and ends_at:
            yield Offered(theme, starts_at, ends_at, title)


def _names(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" (+{more})" if more > 0 else "")
