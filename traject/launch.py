"""From a request to a running trajectory: checked, planned and shown first; then all rows at once, or none."""

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from email.utils import parseaddr
from typing import Any

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import insert
from sqlmodel import Session, col, select

from calendars.school_year import SchoolCalendar
from models import (
    Event,
    Organisation,
    Person,
    ProgrammeVersion,
    RoleHolder,
    School,
    StageRow,
    StepRow,
    Trajectory,
)
from models.enums import StepKind, StepState, TrajectoryKind, TrajectoryState
from traject.dossier import busy_times, calendars_of, row_id
from traject.errors import TrajectError
from traject.plan import Busy, Facts, Plan
from traject.planner import plan
from traject.programme import Programme
from traject.programme_file import load_programmes
from traject.replan import stage_values, step_values
from traject.settings import Settings
from traject.store import Store


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
    plan: Plan


def parse_role(text: str) -> RoleGiven:
    """`coordinator=Name <mail>` as a value. LaunchError says how it is written."""
    role, _, who = text.partition("=")
    name, email = parseaddr(who)
    if not role.strip() or not email:
        raise LaunchError(
            [f'‘{text}’ is geen rol; schrijf het zo: coordinator="Noor Visser <n.visser@school.example>"']
        )
    return RoleGiven(role.strip(), name or email, email)


def launch(
    store: Store,
    requests: Sequence[LaunchRequest],
    *,
    settings: Settings,
    now: datetime,
    actor: str = "staff",
) -> list[Launched]:
    """Launch all of these, in one transaction. LaunchError names every problem, and then nothing was written."""
    with store.write() as session:
        prepared = prepare(session, requests, settings=settings, now=now)
        if problems := [problem for one in prepared for problem in one.problems]:
            raise LaunchError(problems)
        return _write(session, prepared, settings, now, actor)


def preview(session: Session, request: LaunchRequest, *, settings: Settings, now: datetime) -> Plan:
    """The plan of a request, whoever will have the roles. LaunchError when it cannot be planned."""
    [prepared] = _Preparation(session, [request], settings, now, needs_roles=False).all()
    if prepared.problems or prepared.plan is None:
        raise LaunchError(prepared.problems)
    return prepared.plan


def prepare(
    session: Session, requests: Sequence[LaunchRequest], *, settings: Settings, now: datetime
) -> list[Prepared]:
    """Check and plan these requests; nothing is written."""
    return _Preparation(session, requests, settings, now).all()


@dataclass
class _Preparation:
    """Checking and planning of many requests at once: what they share is read once."""

    session: Session
    requests: Sequence[LaunchRequest]
    settings: Settings
    now: datetime
    needs_roles: bool = True
    busy: dict[str, list[Busy]] = field(default_factory=lambda: defaultdict(list))  # by address

    def all(self) -> list[Prepared]:
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
        self._read_busy()
        return [self._prepare(request) for request in self.requests]

    def _read_busy(self) -> None:
        emails = {given.email.lower() for request in self.requests for given in request.roles}
        for person in self.session.exec(select(Person).where(col(Person.email).in_(emails))):
            self.busy[person.email] += busy_times(self.session, [row_id(person)], self.now)

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
        emails = {given.email.lower() for given in request.roles}
        facts = Facts(
            starts_on=request.starts_on,
            as_of=self.now,
            happened=tuple(busy for email in sorted(emails) for busy in self.busy[email]),
            roles=frozenset(given.role for given in request.roles),
            school_type=school.school_type if school else "",
        )
        made = plan(programme, facts, calendar)
        slots = [
            Busy(step.starts_at, step.ends_at)
            for step in made.steps
            if step.kind is StepKind.GATHERING and step.starts_at and step.ends_at
        ]
        for email in emails:
            self.busy[email] += slots
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
        try:
            validate_email(person.email, check_deliverability=False, test_environment=True)
        except EmailNotValidError as error:
            problems.append(f"rol ‘{person.role}’: ‘{person.email}’ is geen mailadres ({error})")
    for role in declared.values():
        if role.required and not given[role.key]:
            problems.append(
                f'rol ‘{role.key}’ ({role.title.nl}) ontbreekt; geef --role {role.key}="Naam <adres>"'
            )
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


# Writing


def _write(
    session: Session, prepared: Sequence[Prepared], settings: Settings, now: datetime, actor: str
) -> list[Launched]:
    people = _people(session, prepared)
    versions = {
        programme.key: store_version(session, programme, now)
        for programme in {one.programme.key: one.programme for one in prepared if one.programme}.values()
    }
    trajectories = [
        Trajectory(
            reference=one.reference,
            programme_version_id=versions[one.request.programme],
            organisation_id=one.organisation.id if one.organisation else None,
            group_name=one.request.group or "",
            title=one.programme.title.nl if one.programme else "",
            starts_on=one.request.starts_on,
            ends_on=one.plan.ends_on if one.plan else None,
            launched_at=now,
            next_due_at=now,
        )
        for one in prepared
    ]
    session.add_all(trajectories)
    session.flush()
    stages: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    holders: list[dict[str, Any]] = []
    launched: list[Launched] = []
    for one, trajectory in zip(prepared, trajectories, strict=True):
        made, programme, calendar = one.plan, one.programme, one.calendar
        if made is None or programme is None or calendar is None:
            raise LaunchError(one.problems)
        number = row_id(trajectory)
        stages += [stage_values(programme, stage, number) for stage in made.stages]
        for step in made.steps:
            values = step_values(
                made, step, calendar.timezone, calendar.to_local(step.when) if step.when else None
            )
            steps.append(
                {
                    "trajectory_id": number,
                    "key": step.key,
                    "cycle": step.cycle,
                    "state": StepState.PLANNED,
                    "on_hold": False,
                }
                | values
            )
        holders += [
            {
                "trajectory_id": number,
                "role": given.role,
                "person_id": people[given.email.lower()],
                "since": now,
            }
            for given in dict.fromkeys(one.request.roles)
        ]
        session.add(
            Event(
                at=now,
                name="trajectory.launched",
                trajectory_id=number,
                actor=actor,
                details={"programme": programme.key, "version": programme.version},
            )
        )
        launched.append(Launched(number, trajectory.reference, made))
    for table, rows in ((StageRow, stages), (StepRow, steps), (RoleHolder, holders)):
        if rows:
            session.exec(insert(table), params=rows)
    return launched


def _people(session: Session, prepared: Sequence[Prepared]) -> dict[str, int]:
    """Everybody who gets a role, by address; who is new is added."""
    wanted: dict[str, tuple[RoleGiven, int | None]] = {}
    for one in prepared:
        for given in one.request.roles:
            staff = one.programme is not None and one.programme.role(given.role).staff
            home = (
                None
                if staff or given.role == "partner"
                else (one.organisation.id if one.organisation else None)
            )
            wanted.setdefault(given.email.lower(), (given, home))
    known = {
        person.email: row_id(person)
        for person in session.exec(select(Person).where(col(Person.email).in_(list(wanted))))
    }
    new = [
        Person(name=given.name, email=email, organisation_id=home)
        for email, (given, home) in wanted.items()
        if email not in known
    ]
    session.add_all(new)
    session.flush()
    return known | {person.email: row_id(person) for person in new}


def store_version(session: Session, programme: Programme, now: datetime) -> int:
    """Keep the text of a programme version. LaunchError when that version was kept with another text."""
    query = select(ProgrammeVersion).where(
        ProgrammeVersion.key == programme.key, ProgrammeVersion.version == programme.version
    )
    found = session.exec(query).one_or_none()
    if found is None:
        found = ProgrammeVersion(
            key=programme.key,
            version=programme.version,
            title=programme.title.nl,
            sha256=programme.sha256,
            text=programme.source,
            stored_at=now,
        )
        session.add(found)
        session.flush()
    elif found.sha256 != programme.sha256:
        used = session.exec(
            select(Trajectory.id).where(Trajectory.programme_version_id == found.id).limit(1)
        ).first()
        if used is not None:
            raise LaunchError(
                [
                    f"{programme.path} is veranderd, maar versie {programme.version} van ‘{programme.key}’ is al gebruikt; "
                    f"maak er `version: {programme.version + 1}` van"
                ]
            )
        found.title, found.sha256, found.text, found.stored_at = (
            programme.title.nl,
            programme.sha256,
            programme.source,
            now,
        )
    return row_id(found)
