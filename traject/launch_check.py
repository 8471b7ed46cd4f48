"""What can be launched: every request is checked and planned before anything is written."""

import difflib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

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
from traject.launch_request import START, TWICE, LaunchError, LaunchRequest, reference_of
from traject.locations import places_taken
from traject.plan import Busy, Facts, Plan, SchoolClosed, SchoolHours
from traject.planner import plan
from traject.programme import Programme, Text
from traject.programme_file import load_programmes
from traject.settings import Settings

FARTHEST = timedelta(days=5 * 366)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that was checked and planned. With `problems`, it cannot be launched."""

    request: LaunchRequest
    plan: Plan | None
    problems: tuple[Text, ...]
    programme: Programme | None = None
    organisation: Organisation | None = None
    calendar: SchoolCalendar | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Launched:
    """A trajectory that runs."""

    trajectory_id: int
    reference: str


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
        if any(not column for column, _ in request.unread):
            return _refused(request, [said for column, said in request.unread if not column])
        problems = [said for _, said in request.unread]
        programme = self.programmes.get(request.programme)
        if programme is None:
            return _refused(request, [self._no_programme(request.programme), *problems])
        school, organisation = self.schools.get(request.school or "", (None, None))
        problems += self._subject_problems(request, programme, school)
        calendar = self.calendars[organisation.id if organisation else None]
        problems += self._start_problems(request, calendar)
        problems += _role_problems(request, programme) if self.needs_roles else []
        reference = self._free_reference(request, problems)
        if problems:
            return _refused(request, problems)
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

    def _no_programme(self, key: str) -> Text:
        hint = nearest(key, sorted(self.programmes))
        return Text(f"programma ‘{key}’ bestaat niet; {hint.nl}", f"there is no programme ‘{key}’; {hint.en}")

    def _subject_problems(
        self, request: LaunchRequest, programme: Programme, school: School | None
    ) -> list[Text]:
        if programme.kind is TrajectoryKind.GROUP:
            if request.group:
                return []
            return [
                Text(
                    f"programma ‘{programme.key}’ is voor een groep; geef een naam met --group in plaats van een school",
                    f"programme ‘{programme.key}’ is for a group; give a name with --group instead of a school",
                )
            ]
        if not request.school:
            return [
                Text(
                    f"programma ‘{programme.key}’ is voor één school; geef een vestigingscode met --school",
                    f"programme ‘{programme.key}’ is for one school; give its code with --school",
                )
            ]
        if school is None:
            return [self._no_school(request.school)]
        kinds = school.school_type.lower().split("/")
        fits = any(kind.startswith(wanted) for wanted in programme.school_types for kind in kinds)
        if programme.school_types and not fits:
            types = ", ".join(programme.school_types)
            return [
                Text(
                    f"programma ‘{programme.key}’ is voor {types}; school {school.code} is {school.school_type}",
                    f"programme ‘{programme.key}’ is for {types}; school {school.code} is {school.school_type}",
                )
            ]
        return []

    def _no_school(self, code: str) -> Text:
        known = dict(
            self.session.exec(
                select(School.code, Organisation.name).join(
                    Organisation, col(Organisation.id) == col(School.organisation_id)
                )
            ).all()
        )
        near = difflib.get_close_matches(code.upper(), known, n=1)
        names = {name.casefold(): code for code, name in known.items()}
        by_name = difflib.get_close_matches(code.casefold(), names, n=1)
        hint = Text("`traject schools list` toont de scholen", "`traject schools list` shows the schools")
        if near or by_name:
            found = near[0] if near else names[by_name[0]]
            hint = Text(f"bedoel je {found} ({known[found]})?", f"did you mean {found} ({known[found]})?")
        return Text(f"school ‘{code}’ is niet bekend; {hint.nl}", f"school ‘{code}’ is not known; {hint.en}")

    def _start_problems(self, request: LaunchRequest, calendar: SchoolCalendar) -> list[Text]:
        day, today = request.starts_on, calendar.to_local(self.now).date()
        if any(column == START for column, _ in request.unread):
            return []
        if day < today:
            return [
                Text(
                    f"de startdatum {day:%d-%m-%Y} ligt in het verleden; kies vandaag of later",
                    f"the start date {day:%d-%m-%Y} is in the past; choose today or later",
                )
            ]
        if day > today + FARTHEST:
            return [
                Text(
                    f"de startdatum {day:%d-%m-%Y} ligt meer dan vijf jaar vooruit; staat het jaartal goed?",
                    f"the start date {day:%d-%m-%Y} is more than five years ahead; is the year right?",
                )
            ]
        if holiday := calendar.holiday_on(day):
            after = calendar.next_working_day(day)
            return [
                Text(
                    f"de startdatum {day:%d-%m-%Y} valt in {holiday.label.lower()}; "
                    f"de eerste schooldag daarna is {after:%d-%m-%Y}",
                    f"the start date {day:%d-%m-%Y} is in a holiday ({holiday.label.lower()}); "
                    f"the first school day after it is {after:%d-%m-%Y}",
                )
            ]
        return []

    def _free_reference(self, request: LaunchRequest, problems: list[Text]) -> str:
        base = reference_of(request)
        before = self.taken[base]
        running = [t for t in before if t.state in (TrajectoryState.RUNNING, TrajectoryState.PAUSED)]
        said_already = any(column == TWICE for column, _ in request.unread)
        if running and not request.again and not said_already:
            since = f"{running[0].starts_on:%d-%m-%Y}"
            problems.append(
                Text(
                    f"{base} loopt al sinds {since}; wil je een tweede traject van hetzelfde programma, "
                    "start het dan met --again",
                    f"{base} has been running since {since}; if you mean a second trajectory of the same programme, "
                    "launch it with --again",
                )
            )
        reference = base if not before else f"{base}#{len(before) + 1}"
        self.taken[base].append(
            Trajectory.model_construct(state=TrajectoryState.RUNNING, starts_on=request.starts_on)
        )
        return reference


def nearest(word: str, possible: Iterable[str]) -> Text:
    """What may have been meant: the name that looks like it, else all that there are."""
    names = list(possible)
    if near := difflib.get_close_matches(word.lower(), names, n=1):
        return Text(f"bedoel je ‘{near[0]}’?", f"did you mean ‘{near[0]}’?")
    return Text(f"kies uit {', '.join(names)}", f"choose from {', '.join(names)}")


def _refused(request: LaunchRequest, problems: Iterable[Text]) -> Prepared:
    where = f"{request.where}: " if request.where else ""
    said = tuple(Text(f"{where}{each.nl}", f"{where}{each.in_language('en')}") for each in problems)
    return Prepared(request, None, said)


def _role_problems(request: LaunchRequest, programme: Programme) -> list[Text]:
    problems: list[Text] = []
    unread = {column for column, _ in request.unread}
    declared = {role.key: role for role in programme.roles}
    given = defaultdict(list)
    for person in request.roles:
        given[person.role].append(person)
        if person.role not in declared:
            hint = nearest(person.role, declared)
            problems.append(
                Text(
                    f"rol ‘{person.role}’ bestaat niet in {programme.key}; {hint.nl}",
                    f"there is no role ‘{person.role}’ in {programme.key}; {hint.en}",
                )
            )
        if problem := person_problem(person.name, person.email):
            problems.append(Text(f"rol ‘{person.role}’: {problem.nl}", f"role ‘{person.role}’: {problem.en}"))
    problems += _two_names(request)
    emails = [(person.role, person.email.lower()) for person in request.roles]
    for role_key, email in dict.fromkeys(twice for twice in emails if emails.count(twice) > 1):
        problems.append(
            Text(
                f"rol ‘{role_key}’: {email} staat er twee keer; haal er een weg",
                f"role ‘{role_key}’: {email} stands there twice; remove one",
            )
        )
    for role in declared.values():
        title = role.title
        if role.required and not given[role.key] and role.key not in unread:
            how = Text(f'geef --role {role.key}="Naam <adres>"', f'give --role {role.key}="Name <address>"')
            if request.where:
                how = Text(
                    f"vul Naam <adres> in, in de kolom ‘{role.key}’",
                    f"fill in Name <address> in the column ‘{role.key}’",
                )
            problems.append(
                Text(
                    f"rol ‘{role.key}’ ({title.nl}) ontbreekt; {how.nl}",
                    f"role ‘{role.key}’ ({title.in_language('en')}) is missing; {how.en}",
                )
            )
        if (count := len(given[role.key])) > 1 and not role.many:
            problems.append(
                Text(
                    f"rol ‘{role.key}’ ({title.nl}) is voor één persoon; er zijn er {count} gegeven",
                    f"role ‘{role.key}’ ({title.in_language('en')}) is for one person; {count} were given",
                )
            )
    return problems


def _two_names(request: LaunchRequest) -> Iterator[Text]:
    """One address is one person: of two names only one would get the mail, and the other would be nobody."""
    names: dict[str, str] = {}
    for person in request.roles:
        email = person.email.lower()
        first = names.setdefault(email, person.name) if person.name != person.email else person.name
        if first.casefold() != person.name.casefold():
            yield Text(
                f"{email} staat bij {first} en bij {person.name}; geef ieder een eigen adres, of twee keer dezelfde naam",
                f"{email} is given for {first} and for {person.name}; give each an address, or the same name twice",
            )


def _with_repeats(references: Iterable[str]) -> list[str]:
    return [
        name for reference in references for name in (reference, *(f"{reference}#{n}" for n in range(2, 10)))
    ]
