"""What can be launched: every request is checked and planned before anything is written."""

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from email.utils import getaddresses

from sqlmodel import Session, col, select

from calendars.school_year import SchoolCalendar
from models import (
    Organisation,
    Person,
    School,
    Trajectory,
)
from models.enums import StepKind, TrajectoryKind, TrajectoryState
from traject.addresses import person_problem
from traject.availability import asked_themes, busy_of, offered, schools_of
from traject.dossier import calendars_of
from traject.errors import TrajectError
from traject.locations import places_taken
from traject.plan import Busy, Facts, Plan, SchoolClosed, SchoolHours
from traject.planner import plan
from traject.programme import Programme
from traject.programme_file import load_programmes
from traject.settings import Settings

FARTHEST = timedelta(days=5 * 366)


class LaunchError(TrajectError):
    """What was asked cannot be launched; holds every problem. Nothing was written."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class RoleGiven:
    """Who gets a role. The address is as given; `prepare` checks it."""

    role: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """One trajectory to launch: for a school (its code) or for a group (its name). `where` names its row in a file."""

    programme: str
    starts_on: date
    school: str | None = None
    group: str | None = None
    roles: tuple[RoleGiven, ...] = ()
    again: bool = False
    where: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that was checked and planned. With `problems`, it cannot be launched."""

    request: LaunchRequest
    plan: Plan | None
    problems: tuple[str, ...]
    programme: Programme | None = None
    organisation: Organisation | None = None
    calendar: SchoolCalendar | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Launched:
    """A trajectory that runs."""

    trajectory_id: int
    reference: str


def parse_role(text: str) -> RoleGiven:
    """`coordinator=Name <mail>` as a value, of exactly one person. LaunchError says how it is written."""
    role, _, who = text.partition("=")
    [(name, email), *others] = getaddresses([who]) or [("", "")]
    if not role.strip() or "@" not in email or others or who.count("@") > 1:
        raise LaunchError(
            [f'‘{text}’ is geen rol; schrijf het zo: coordinator="Noor Visser <n.visser@school.example>"']
        )
    return RoleGiven(role.strip(), name or email, email)


def preview(session: Session, request: LaunchRequest, *, settings: Settings, now: datetime) -> Plan:
    """The plan of a request, whoever will have the roles. LaunchError when it cannot be planned."""
    [prepared] = Preparation(session, [request], settings, now, needs_roles=False).each()
    if prepared.problems or prepared.plan is None:
        raise LaunchError(prepared.problems)
    return prepared.plan


def prepare(
    session: Session, requests: Sequence[LaunchRequest], *, settings: Settings, now: datetime
) -> list[Prepared]:
    """Check and plan these requests; nothing is written."""
    return list(Preparation(session, requests, settings, now).each())


@dataclass
class Preparation:
    """Checking and planning of many requests at once: what they share is read once."""

    session: Session
    requests: Sequence[LaunchRequest]
    settings: Settings
    now: datetime
    needs_roles: bool = True
    around: dict[str, list[Busy | SchoolClosed | SchoolHours]] = field(
        default_factory=lambda: defaultdict(list)
    )  # by address

    def each(self) -> Iterator[Prepared]:
        """Every request, in order; a plan lives no longer than its reader keeps it."""
        self.programmes = load_programmes(self.settings.programmes_dir)
        codes = {request.school for request in self.requests if request.school}
        found = self.session.exec(
            select(School, Organisation)
            .join(Organisation, col(Organisation.id) == col(School.organisation_id))
            .where(col(School.code).in_(codes))
        )
        self.schools = {school.code: (school, organisation) for school, organisation in found}
        organisations = [school.organisation_id for school, _ in self.schools.values()]
        self.calendars = calendars_of(self.session, organisations, self.settings)
        references = {reference_of(request) for request in self.requests}
        self.taken: dict[str, list[Trajectory]] = defaultdict(list)
        for trajectory in self.session.exec(
            select(Trajectory).where(col(Trajectory.reference).in_(_with_repeats(references)))
        ):
            self.taken[trajectory.reference.partition("#")[0]].append(trajectory)
        self._read_around()
        for request in self.requests:
            yield self._prepare(request)

    def _read_around(self) -> None:
        """When people whom we know already are elsewhere, or free, and what is held that they could join."""
        emails = {given.email.lower() for request in self.requests for given in request.roles}
        for person in self.session.exec(select(Person).where(col(Person.email).in_(emails))):
            self.around[person.email] += busy_of(self.session, {"": [person]}, self.now)
            self.around[person.email] += schools_of(self.session, {"": [person]})
        self.offers = {
            programme.key: tuple(offered(self.session, asked_themes(programme), self.now))
            for programme in self.programmes.values()
        }

    def _prepare(self, request: LaunchRequest) -> Prepared:
        where = f"{request.where}: " if request.where else ""
        programme = self.programmes.get(request.programme)
        if programme is None:
            return Prepared(request, None, (where + self._no_programme(request.programme),))
        school, organisation = self.schools.get(request.school or "", (None, None))
        problems = self._subject_problems(request, programme, school)
        calendar = self.calendars[organisation.id if organisation else None]
        problems += self._start_problems(request, calendar)
        problems += _role_problems(request, programme) if self.needs_roles else []
        reference = self._free_reference(request, problems)
        if problems:
            return Prepared(request, None, tuple(where + problem for problem in problems))
        roles: dict[str, list[str]] = defaultdict(list)
        for given in request.roles:
            roles[given.email.lower()].append(given.role)
        around = [
            replace(each, roles=tuple(roles[email])) for email in sorted(roles) for each in self.around[email]
        ]
        facts = Facts(
            starts_on=request.starts_on,
            as_of=self.now,
            happened=(
                *schools_of(self.session, {}, organisation),
                *places_taken(
                    self.session,
                    programme,
                    lambda step: sum(not set(held).isdisjoint(step.to) for held in roles.values()),
                    self.now,
                ),
                *around,
                *self.offers[programme.key],
            ),
            school_type=school.school_type if school else "",
        )
        made = plan(programme, facts, calendar)
        names = {given.email.lower(): given.name for given in request.roles}
        shared = {step.key for step in programme.steps if step.is_shared}  # others may join the same one
        for step in made.steps:
            if step.kind is StepKind.GATHERING and step.starts_at and step.ends_at and step.key not in shared:
                for email, held in roles.items():
                    if not set(held).isdisjoint(step.to):
                        taken = Busy(step.starts_at, step.ends_at, (), names[email], step.title)
                        self.around[email].append(taken)
        return Prepared(request, made, (), programme, organisation, calendar, reference)

    def _no_programme(self, key: str) -> str:
        near = difflib.get_close_matches(key, self.programmes, n=1)
        hint = f"bedoel je ‘{near[0]}’?" if near else f"kies uit {', '.join(sorted(self.programmes))}"
        return f"programma ‘{key}’ bestaat niet; {hint}"

    def _subject_problems(
        self, request: LaunchRequest, programme: Programme, school: School | None
    ) -> list[str]:
        if programme.kind is TrajectoryKind.GROUP:
            if request.group:
                return []
            return [
                f"programma ‘{programme.key}’ is voor een groep; geef een naam met --group in plaats van een school"
            ]
        if not request.school:
            return [f"programma ‘{programme.key}’ is voor één school; geef een vestigingscode met --school"]
        if school is None:
            return [self._no_school(request.school)]
        kinds = school.school_type.lower().split("/")
        fits = any(kind.startswith(wanted) for wanted in programme.school_types for kind in kinds)
        if programme.school_types and not fits:
            return [
                f"programma ‘{programme.key}’ is voor {', '.join(programme.school_types)}; "
                f"school {school.code} is {school.school_type}"
            ]
        return []

    def _no_school(self, code: str) -> str:
        known = dict(
            self.session.exec(
                select(School.code, Organisation.name).join(
                    Organisation, col(Organisation.id) == col(School.organisation_id)
                )
            ).all()
        )
        near = difflib.get_close_matches(code.upper(), known, n=1)
        by_name = difflib.get_close_matches(code, known.values(), n=1)
        hint = "`traject schools list` toont de scholen"
        if near:
            hint = f"bedoel je {near[0]} ({known[near[0]]})?"
        elif by_name:
            hint = next(f"bedoel je {found} ({name})?" for found, name in known.items() if name == by_name[0])
        return f"school ‘{code}’ is niet bekend; {hint}"

    def _start_problems(self, request: LaunchRequest, calendar: SchoolCalendar) -> list[str]:
        day, today = request.starts_on, calendar.to_local(self.now).date()
        if day < today:
            return [f"de startdatum {day:%d-%m-%Y} ligt in het verleden; kies vandaag of later"]
        if day > today + FARTHEST:
            return [f"de startdatum {day:%d-%m-%Y} ligt meer dan vijf jaar vooruit; staat het jaartal goed?"]
        if holiday := calendar.holiday_on(day):
            after = calendar.next_working_day(day)
            return [
                f"de startdatum {day:%d-%m-%Y} valt in {holiday.label.lower()}; "
                f"de eerste schooldag daarna is {after:%d-%m-%Y}"
            ]
        return []

    def _free_reference(self, request: LaunchRequest, problems: list[str]) -> str:
        base = reference_of(request)
        before = self.taken[base]
        running = [t for t in before if t.state in (TrajectoryState.RUNNING, TrajectoryState.PAUSED)]
        if running and not request.again:
            problems.append(
                f"{base} loopt al sinds {running[0].starts_on:%d-%m-%Y}; "
                "wil je een tweede traject van hetzelfde programma, start het dan met --again"
            )
        reference = base if not before else f"{base}#{len(before) + 1}"
        self.taken[base].append(
            Trajectory.model_construct(state=TrajectoryState.RUNNING, starts_on=request.starts_on)
        )
        return reference


def _role_problems(request: LaunchRequest, programme: Programme) -> list[str]:
    problems: list[str] = []
    declared = {role.key: role for role in programme.roles}
    given = defaultdict(list)
    for person in request.roles:
        given[person.role].append(person)
        if person.role not in declared:
            near = difflib.get_close_matches(person.role, declared, n=1)
            hint = f"bedoel je ‘{near[0]}’?" if near else f"kies uit {', '.join(declared)}"
            problems.append(f"rol ‘{person.role}’ bestaat niet in {programme.key}; {hint}")
        if problem := person_problem(person.name, person.email):
            problems.append(f"rol ‘{person.role}’: {problem}")
    emails = [(person.role, person.email.lower()) for person in request.roles]
    for role_key, email in dict.fromkeys(twice for twice in emails if emails.count(twice) > 1):
        problems.append(f"rol ‘{role_key}’: {email} staat er twee keer; haal er een weg")
    for role in declared.values():
        if role.required and not given[role.key]:
            how = f'geef --role {role.key}="Naam <adres>"'
            if request.where:
                how = f"vul Naam <adres> in, in de kolom ‘{role.key}’"
            problems.append(f"rol ‘{role.key}’ ({role.title.nl}) ontbreekt; {how}")
        if len(given[role.key]) > 1 and not role.many:
            problems.append(
                f"rol ‘{role.key}’ ({role.title.nl}) is voor één persoon; er zijn er {len(given[role.key])} gegeven"
            )
    return problems


def reference_of(request: LaunchRequest) -> str:
    """What a trajectory is called: the programme with the school's code or the group's name."""
    name = request.school or re.sub(r"[^a-z0-9]+", "-", (request.group or "").lower()).strip("-")
    return f"{request.programme}:{name}"


def _with_repeats(references: Iterable[str]) -> list[str]:
    return [
        name for reference in references for name in (reference, *(f"{reference}#{n}" for n in range(2, 10)))
    ]
