"""The rows of one trajectory together, and the facts that they hold."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import TypeVar

from sqlalchemy import bindparam, func
from sqlmodel import Session, col, select

from calendars.school_year import DayOff as CalendarDayOff
from calendars.school_year import QuietPeriod, SchoolCalendar, school_calendar
from models import (
    DayOff,
    EvaluationRequest,
    EvaluationRound,
    Gathering,
    Invitation,
    Organisation,
    Person,
    ProgrammeVersion,
    RoleHolder,
    School,
    StageRow,
    StepRow,
    Trajectory,
)
from models import QuietPeriod as QuietPeriodRow
from models.enums import GatheringState, RequestState, RoundState, StepKind, StepState
from traject.availability import asked_themes, busy_of, offered, schools_of
from traject.errors import Refused
from traject.locations import places_taken
from traject.plan import (
    EvaluationAsked,
    Fact,
    Facts,
    GatheringFixed,
    GatheringProposed,
    StageClosed,
    StageMoved,
    StageOpened,
    StepDropped,
    StepHappened,
    StepMoved,
)
from traject.programme import Programme, Step
from traject.settings import Settings
from traject.versions import programme_of
from traject.waiting import is_unsettled

StepId = tuple[str, str]


def row_id(row: object) -> int:
    """The id of a row that is in the database."""
    found = getattr(row, "id", None)
    if not isinstance(found, int):
        message = f"{type(row).__name__} has no id yet; flush first"
        raise TypeError(message)
    return found


@dataclass
class Dossier:
    """One trajectory with everything that belongs to it, as it stands in the database."""

    trajectory: Trajectory
    programme: Programme
    calendar: SchoolCalendar
    organisation: Organisation | None
    school: School | None
    stages: dict[str, StageRow]  # in the programme's order
    steps: dict[StepId, StepRow]
    holders: dict[str, list[Person]]  # by role, in order of joining
    gatherings: dict[int, Gathering]  # by step id
    invitations: dict[int, list[tuple[Invitation, Person]]]  # by gathering id; any id may be asked for
    rounds: dict[int, EvaluationRound]  # by step id
    requests: dict[int, list[tuple[EvaluationRequest, Person]]]  # by round id; any id may be asked for
    look_around: Callable[[], tuple[Fact, ...]] = tuple

    @cached_property
    def around(self) -> tuple[Fact, ...]:
        """What is elsewhere: busy people, closed schools, offers. Looked up when a plan needs it: most moves need none."""
        return self.look_around()

    @property
    def id(self) -> int:
        """The trajectory's id."""
        return row_id(self.trajectory)

    @property
    def name(self) -> str:
        """The school's or the group's name."""
        return self.organisation.name if self.organisation else self.trajectory.group_name

    def people(self, roles: Iterable[str]) -> list[tuple[str, Person]]:
        """Everybody in these roles, once, with the first role that names them."""
        seen: dict[int, tuple[str, Person]] = {}
        for role in roles:
            for person in self.holders.get(role, []):
                seen.setdefault(row_id(person), (role, person))
        return list(seen.values())

    def required(self, step: Step) -> set[int]:
        """Who must come to a gathering, by id: its required roles; when it names none, the people of Hart."""
        required = step.required or [role.key for role in self.programme.roles if role.staff]
        return {row_id(person) for _, person in self.people(role for role in step.to if role in required)}

    def unsettled_places(self, now: datetime) -> list[int]:
        """The gatherings at which a place is to be offered or passed on, by id."""
        told_at = self.calendar.next_sending_moment(now)
        return [
            row_id(gathering)
            for gathering in self.gatherings.values()
            if gathering.capacity is not None
            and gathering.state is GatheringState.FIXED
            and is_unsettled(gathering, [i for i, _ in self.invitations[row_id(gathering)]], now, told_at)
        ]

    def adviser(self) -> Person | None:
        """The first person of Hart on this trajectory."""
        for role in self.programme.roles:
            if role.staff and self.holders.get(role.key):
                return self.holders[role.key][0]
        return None

    def unanswered(self, step_key: str, cycle: str) -> list[Person]:
        """Who was asked or invited by a step and has not answered."""
        row = self.steps.get((step_key, cycle))
        if row is None or row.id is None:
            return []
        if row.kind is StepKind.EVALUATION:
            found = self.rounds.get(row.id)
            requests = self.requests[row_id(found)] if found else []
            waiting = (RequestState.ASKED, RequestState.EXPIRED)
            return [person for request, person in requests if request.state in waiting]
        gathering = self.gatherings.get(row.id)
        invited = self.invitations[row_id(gathering)] if gathering else []
        return [
            p for invitation, p in invited if invitation.answered_at is None and not invitation.is_cancelled
        ]

    def facts(self, now: datetime, *, keep_dates: bool = True) -> Facts:
        """What the plan depends on. `keep_dates` False forgets the dates that were only proposed."""
        happened: list[Fact] = list(self.around)
        for key, stage in self.stages.items():
            if stage.opened_at:
                happened.append(StageOpened(key, stage.opened_at))
            if stage.closed_at:
                happened.append(StageClosed(key, stage.closed_at))
            if stage.moved_opens_on or stage.moved_ends_on:
                happened.append(StageMoved(key, stage.moved_opens_on, stage.moved_ends_on))
        for (key, cycle), step in self.steps.items():
            if step.moved_to:
                happened.append(StepMoved(key, cycle, step.moved_to))
            round_ = self.rounds.get(row_id(step))
            if step.state not in (StepState.PLANNED, StepState.OPEN, StepState.DONE):
                at = step.starts_at or step.due_at or step.done_at
                happened += [StepDropped(key, cycle, at)] if at else []
            elif step.kind is StepKind.GATHERING and step.starts_at and step.ends_at:
                if step.state in (StepState.OPEN, StepState.DONE):
                    happened.append(GatheringFixed(key, cycle, step.starts_at, step.ends_at, step.acted_at))
                elif keep_dates:
                    happened.append(GatheringProposed(key, cycle, step.starts_at, step.ends_at))
            elif round_:
                happened.append(EvaluationAsked(key, cycle, round_.opened_at, round_.closes_at))
            elif at := step.done_at if step.kind is StepKind.TASK else step.acted_at:
                happened.append(StepHappened(key, cycle, at))
        return Facts(
            starts_on=self.trajectory.starts_on,
            as_of=now,
            happened=tuple(happened),
            school_type=self.school.school_type if self.school else "",
        )


@lru_cache(maxsize=512)
def calendar_for(
    days_off: tuple[CalendarDayOff, ...], timezone: str, quiet: tuple[QuietPeriod, ...] = ()
) -> SchoolCalendar:
    """The calendar of a school with these days of its own; shared by all schools that have none."""
    return school_calendar(overrides=days_off, timezone=timezone, quiet=quiet)


_DAYS_OFF = select(DayOff).where(col(DayOff.organisation_id).in_(bindparam("organisations", expanding=True)))


_QUIET = select(
    col(QuietPeriodRow.starts_on), col(QuietPeriodRow.ends_on), col(QuietPeriodRow.label)
).order_by(col(QuietPeriodRow.starts_on), col(QuietPeriodRow.id))


def quiet_periods(session: Session) -> tuple[QuietPeriod, ...]:
    """The periods in which no school is mailed, by date."""
    return tuple(QuietPeriod(*row) for row in session.exec(_QUIET))


def calendars_of(
    session: Session, organisations: Sequence[int], settings: Settings
) -> dict[int | None, SchoolCalendar]:
    """The school calendar of each organisation; of None, the calendar without anybody's own days."""
    own: dict[int, list[CalendarDayOff]] = defaultdict(list)
    for day in session.exec(_DAYS_OFF, params={"organisations": organisations}) if organisations else ():
        own[day.organisation_id].append(CalendarDayOff(day.starts_on, day.ends_on, day.label, day.replaces))
    quiet = quiet_periods(session)
    plain = calendar_for((), settings.timezone, quiet)
    return {None: plain} | {
        organisation: calendar_for(tuple(own[organisation]), settings.timezone, quiet)
        if own[organisation]
        else plain
        for organisation in organisations
    }


_BY_REFERENCE = select(Trajectory).where(col(Trajectory.reference) == bindparam("reference"))


def find(session: Session, reference: str) -> Trajectory:
    """The trajectory with this reference or id. Refused when there is none."""
    found = session.exec(_BY_REFERENCE, params={"reference": reference}).first()
    if found is None and reference.isdigit():
        found = session.get(Trajectory, int(reference))
    if found is None:
        found = session.exec(
            select(Trajectory).where(func.lower(Trajectory.reference) == reference.strip().lower())
        ).first()
    if found is None:
        raise Refused(
            f"traject ‘{reference}’ bestaat niet; `traject status` toont de trajecten die er zijn",
            f"there is no trajectory ‘{reference}’; `traject status` shows those that there are",
        )
    return found


_OF = bindparam("trajectory")
# Built once: building a statement costs as much as running it, and a heartbeat loads hundreds of dossiers.
_HEAD = (
    select(Trajectory, ProgrammeVersion, Organisation, School)
    .join(ProgrammeVersion, col(ProgrammeVersion.id) == col(Trajectory.programme_version_id))
    .outerjoin(Organisation, col(Organisation.id) == col(Trajectory.organisation_id))
    .outerjoin(School, col(School.organisation_id) == col(Trajectory.organisation_id))
    .where(col(Trajectory.id) == _OF)
)
# What this session read of it before may be older than what the one that held the lock wrote.
_LOCKED_HEAD = _HEAD.with_for_update(of=Trajectory).execution_options(populate_existing=True)
_STAGES = select(StageRow).where(col(StageRow.trajectory_id) == _OF).order_by(col(StageRow.position))
_STEPS = select(StepRow).where(col(StepRow.trajectory_id) == _OF)
_HOLDERS = (
    select(RoleHolder.role, Person)
    .join(Person, col(Person.id) == col(RoleHolder.person_id))
    .where(col(RoleHolder.trajectory_id) == _OF, col(RoleHolder.until).is_(None))
    .order_by(col(RoleHolder.id))
)
_GATHERINGS = select(Gathering).where(col(Gathering.trajectory_id) == _OF).order_by(col(Gathering.id))
_INVITATIONS = (
    select(Invitation, Person)
    .join(Person, col(Person.id) == col(Invitation.person_id))
    .where(col(Invitation.gathering_id).in_(bindparam("of", expanding=True)))
    .order_by(col(Invitation.id))
)
_ROUNDS = (
    select(EvaluationRound).where(col(EvaluationRound.trajectory_id) == _OF).order_by(col(EvaluationRound.id))
)
_REQUESTS = (
    select(EvaluationRequest, Person)
    .join(Person, col(Person.id) == col(EvaluationRequest.person_id))
    .where(col(EvaluationRequest.round_id).in_(bindparam("of", expanding=True)))
    .order_by(col(EvaluationRequest.id))
)


_TO_COME = (GatheringState.PROPOSED, GatheringState.FIXED)

_Ask = TypeVar("_Ask", Invitation, EvaluationRequest)


class _Asked(dict[int, list[tuple[_Ask, Person]]]):
    """Whom each of these asks. What is over is read when somebody wants to know: over the years it becomes most of it."""

    def __init__(
        self,
        read: Callable[[list[int]], Sequence[tuple[_Ask, Person]]],
        of: Callable[[_Ask], int],
        now: list[int],
    ) -> None:
        super().__init__({number: [] for number in now})
        self._read = read
        for asked, person in read(now) if now else ():
            self[of(asked)].append((asked, person))

    def __missing__(self, number: int) -> list[tuple[_Ask, Person]]:
        found = self[number] = list(self._read([number]))
        return found


def letterhead(session: Session, trajectory_id: int, settings: Settings) -> Dossier:
    """One trajectory with its people, and nothing of what happens in it: what a mail knows that no step sends."""
    of = {"trajectory": trajectory_id}
    trajectory, version, organisation, school = session.exec(_HEAD, params=of).one()
    return Dossier(
        trajectory=trajectory,
        programme=programme_of(version),
        calendar=_calendar(session, trajectory, settings),
        organisation=organisation,
        school=school,
        stages={},
        steps={},
        holders=_holders(session, of),
        gatherings={},
        invitations={},
        rounds={},
        requests={},
    )


def load(
    session: Session, trajectory_id: int, settings: Settings, now: datetime, *, lock: bool = False
) -> Dossier:
    """Load one trajectory. With `lock`, nobody else can change it until the transaction ends."""
    of = {"trajectory": trajectory_id}
    trajectory, version, organisation, school = session.exec(_LOCKED_HEAD if lock else _HEAD, params=of).one()
    programme = programme_of(version)
    stages = {stage.key: stage for stage in session.exec(_STAGES, params=of)}
    steps = {(step.key, step.cycle): step for step in session.exec(_STEPS, params=of)}
    holders = _holders(session, of)
    gatherings = {each.step_id: each for each in session.exec(_GATHERINGS, params=of)}
    is_on = [row_id(each) for each in gatherings.values() if each.state in _TO_COME]
    rounds = {each.step_id: each for each in session.exec(_ROUNDS, params=of)}
    is_open = [row_id(each) for each in rounds.values() if each.state is RoundState.OPEN]
    return Dossier(
        trajectory=trajectory,
        programme=programme,
        calendar=_calendar(session, trajectory, settings),
        organisation=organisation,
        school=school,
        stages=stages,
        steps=steps,
        holders=holders,
        gatherings=gatherings,
        invitations=_Asked(
            lambda numbers: session.exec(_INVITATIONS, params={"of": numbers}).all(),
            lambda invitation: invitation.gathering_id,
            is_on,
        ),
        rounds=rounds,
        requests=_Asked(
            lambda numbers: session.exec(_REQUESTS, params={"of": numbers}).all(),
            lambda request: request.round_id,
            is_open,
        ),
        look_around=lambda: (
            *busy_of(session, holders, now, not_in=trajectory_id),
            *schools_of(session, holders, organisation),
            *offered(session, asked_themes(programme), now, not_in=trajectory_id),
            *places_taken(
                session,
                programme,
                lambda step: len({person.id for role in step.to for person in holders.get(role, ())}),
                now,
                not_in=trajectory_id,
            ),
        ),
    )


def _holders(session: Session, of: dict[str, int]) -> dict[str, list[Person]]:
    holders: dict[str, list[Person]] = {}
    for role, person in session.exec(_HOLDERS, params=of):
        holders.setdefault(role, []).append(person)
    return holders


def _calendar(session: Session, trajectory: Trajectory, settings: Settings) -> SchoolCalendar:
    own = trajectory.organisation_id
    return calendars_of(session, [own] if own else [], settings)[own]


def open_gatherings(dossier: Dossier, now: datetime) -> list[Gathering]:
    """Gatherings that people are invited to and that are still to come."""
    return [g for g in dossier.gatherings.values() if g.state is GatheringState.FIXED and g.starts_at > now]
