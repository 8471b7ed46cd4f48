"""Who takes part: schools with their people, advisers and culture partners, and what each trajectory is."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from random import Random

from calendars.school_year import SchoolCalendar
from models.enums import TrajectoryKind
from traject.launch import LaunchRequest, RoleGiven
from traject.programme import Programme
from traject.schools import SchoolRecord, shipped_schools

SCHOOLS_PER_ADVISER = 12
SCHOOLS_PER_PARTNER = 6
SPECIAL = ("so", "sbo", "vso")
"""What DUO's types of special education start with."""

_FIRST = [
    "Noor",
    "Fatima",
    "Jan",
    "Emma",
    "Youssef",
    "Sanne",
    "Daan",
    "Aylin",
    "Pieter",
    "Lotte",
    "Mees",
    "Ilse",
    "Omar",
    "Femke",
    "Bram",
    "Roos",
    "Sem",
    "Naima",
    "Koen",
    "Tess",
]
_LAST = [
    "Visser",
    "Bakker",
    "Yilmaz",
    "Smit",
    "Jansen",
    "Mulder",
    "Bos",
    "Vos",
    "Peters",
    "Dekker",
    "Kaya",
    "Meijer",
    "Prins",
    "Kok",
    "Post",
    "Blom",
    "Amrani",
]


class Temper(StrEnum):
    """How somebody deals with mail."""

    PROMPT = "prompt"
    LATE = "late"
    REMINDED = "reminded"  # forgets, until a reminder comes
    SILENT = "silent"


class Client(StrEnum):
    """With what somebody answers an invitation."""

    WEB = "web"
    GOOGLE = "google"
    OUTLOOK = "outlook"
    APPLE = "apple"


@dataclass
class Actor:
    """One person in the world."""

    name: str
    email: str
    chance: Random
    temper: Temper
    client: Client
    is_staff: bool = False
    left_on: date | None = None


@dataclass
class Part:
    """One trajectory to come: when staff launch it, and with whom."""

    request: LaunchRequest
    launched_at: datetime


@dataclass
class Cast:
    """Everybody, by address, and every trajectory to launch."""

    schools: list[SchoolRecord]
    people: dict[str, Actor] = field(default_factory=dict[str, Actor])
    parts: list[Part] = field(default_factory=list[Part])
    partners: list[Actor] = field(default_factory=list[Actor])
    advisers: list[Actor] = field(default_factory=list[Actor])

    def join(self, seed: int, domain: str, *, is_staff: bool = False) -> Actor:
        """Somebody new."""
        number = len(self.people)
        name = f"{_FIRST[number % len(_FIRST)]} {_LAST[number // 3 % len(_LAST)]}"
        email = f"{name.lower().replace(' ', '.')}.{number}@{domain}"
        chance = Random(f"{seed}:{email}")  # noqa: S311 - no secret
        temper = Temper.PROMPT if is_staff else chance.choices(list(Temper), (50, 20, 20, 10))[0]
        client = chance.choices(list(Client), (40, 20, 25, 15))[0]
        self.people[email] = Actor(name, email, chance, temper, client, is_staff)
        return self.people[email]


def make_cast(
    schools: int, seed: int, begins: date, calendar: SchoolCalendar, programmes: dict[str, Programme]
) -> Cast:
    """Choose schools, people and launches; the same for the same seed."""
    chance = Random(f"{seed}:cast")  # noqa: S311 - no secret
    cast = Cast(_schools(schools, chance, programmes))
    cast.advisers = [
        cast.join(seed, "hart.example", is_staff=True) for _ in range(-(-schools // SCHOOLS_PER_ADVISER))
    ]
    cast.partners = [cast.join(seed, "museum.example") for _ in range(-(-schools // SCHOOLS_PER_PARTNER))]
    coordinators: dict[str, list[Actor]] = defaultdict(list)
    coordinator_of: list[Actor] = []
    for number, school in enumerate(cast.schools):
        adviser = cast.advisers[number // SCHOOLS_PER_ADVISER]
        coordinator_of.append(_school(cast, seed, chance, school, adviser, begins, calendar, programmes))
        coordinators[school.municipality].append(coordinator_of[-1])
    december = calendar.next_working_day(begins.replace(month=12, day=1))
    for municipality, members in sorted(coordinators.items()):
        if len(members) > 1:
            roles = [RoleGiven("coordinator", one.name, one.email) for one in members]
            _group(cast, "netwerk-cultuurcoordinatoren", f"Netwerk {municipality}", roles, december, calendar)
    everybody = [one for members in coordinators.values() for one in members]
    if len(everybody) >= SCHOOLS_PER_ADVISER:
        taking_part = [RoleGiven("deelnemer", one.name, one.email) for one in chance.sample(everybody, 10)]
        _group(cast, "studiemiddagen", "Studiemiddagen", taking_part, december, calendar)
    special = [
        one
        for school, one in zip(cast.schools, coordinator_of, strict=True)
        if school.school_type.lower().startswith(SPECIAL)
    ]
    if len(special) > 1:
        taking_part = [RoleGiven("deelnemer", one.name, one.email) for one in special]
        taking_part.append(RoleGiven("partner", cast.partners[0].name, cast.partners[0].email))
        _group(cast, "proeftuin-cultureel-speciaal", "Proeftuin speciaal", taking_part, december, calendar)
    return cast


def _schools(wanted: int, chance: Random, programmes: dict[str, Programme]) -> list[SchoolRecord]:
    """Real schools first; beyond those, made-up ones like them."""
    real = [school for school in shipped_schools() if _fitting(school, programmes)]
    chosen = chance.sample(real, min(wanted, len(real)))
    return chosen + [
        replace(real[n % len(real)], code=f"9X{n:04d}", name=f"{real[n % len(real)].name} {n}")
        for n in range(wanted - len(chosen))
    ]


def _fitting(school: SchoolRecord, programmes: dict[str, Programme]) -> list[str]:
    """The programmes that a school of this type can have."""
    kinds = school.school_type.lower().split("/")
    return [
        key
        for key, programme in sorted(programmes.items())
        if programme.kind is TrajectoryKind.SCHOOL
        and any(kind.startswith(wanted) for wanted in programme.school_types for kind in kinds)
    ]


def _school(
    cast: Cast,
    seed: int,
    chance: Random,
    school: SchoolRecord,
    adviser: Actor,
    begins: date,
    calendar: SchoolCalendar,
    programmes: dict[str, Programme],
) -> Actor:
    domain = f"{school.code.lower()}.school.example"
    coordinator, head, teacher, second, artist = (cast.join(seed, domain) for _ in range(5))
    programme = chance.choice(_fitting(school, programmes))
    given = [("coordinator", coordinator), ("directeur", head), ("adviseur", adviser)]
    given += [("team", teacher), ("team", second), ("vakdocent", artist)]
    if programme != "po-nieuw":  # a new school meets its partner on the way
        given.append(("partner", chance.choice(cast.partners)))
    roles = tuple(RoleGiven(role, one.name, one.email) for role, one in given)
    starts_on = begins + timedelta(days=chance.randrange(10, 90))
    while not calendar.is_school_day(starts_on):
        starts_on += timedelta(days=1)
    launched_on = calendar.next_working_day(starts_on - timedelta(days=chance.randrange(3, 9)))
    at = calendar.next_sending_moment(calendar.local(launched_on, datetime.min.time().replace(hour=10)))
    cast.parts.append(Part(LaunchRequest(programme, starts_on, school=school.code, roles=roles), at))
    return coordinator


def _group(
    cast: Cast, programme: str, name: str, roles: list[RoleGiven], day: date, calendar: SchoolCalendar
) -> None:
    adviser = cast.advisers[0]
    roles = [*roles, RoleGiven("adviseur", adviser.name, adviser.email)]
    at = calendar.next_sending_moment(calendar.local(day, datetime.min.time().replace(hour=11)))
    cast.parts.append(Part(LaunchRequest(programme, day, group=name, roles=tuple(roles)), at))
