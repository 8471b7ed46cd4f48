"""A gathering that is over, and what staff record of it."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from engine_cases import World
from gathering_cases import KEY
from sqlmodel import select

from models import Invitation, Person, Task
from models.enums import PartStat
from traject.staff_action import StaffResult
from traject.staff_attendance import not_held, record_attendance

FATIMA, JAN, SAM = "fatima@school.example", "jan@school.example", "s.vos@hart.example"
MORE = """
thanks: {nl: Wat een mooie middag., en: What a fine afternoon.}
materials: https://materialen.example/kennismaking
certificate: yes
"""


def say(world: World, partstat: PartStat, emails: Iterable[str]) -> None:
    with world.store.write() as session:
        query = select(Invitation, Person).join(Person, Person.id == Invitation.person_id)
        for invitation, person in session.exec(query).all():
            if person.email in emails:
                invitation.partstat, invitation.answered_at = partstat, invitation.answered_at


def over(world: World, key: str = KEY) -> datetime:
    """Live until the gathering is over; gives a moment soon after it, in sending hours."""
    ends_at = world.step(key).ends_at
    assert ends_at is not None
    world.live(ends_at)
    return world.gathering(key).ends_at + timedelta(minutes=10)


def record(world: World, now: datetime, **what: object) -> StaffResult:
    return record_attendance(world.store, world.settings, world.gathering(KEY).id or 0, now=now, **what)


def thanked(world: World, state: str | None = None) -> list[str]:
    return sorted(m.to_email for m in world.mails("thanks", state=state))


def attended(world: World) -> dict[str, bool | None]:
    people = {person.id: person.email for person in world.rows(Person)}
    found = world.rows(Invitation, Invitation.gathering_id == world.gathering(KEY).id)
    return {people[invitation.person_id]: invitation.attended for invitation in found}


def task(world: World) -> Task:
    [found] = world.rows(Task, Task.effect_key.contains(":attendance:"))
    return found


def evening(world: World) -> datetime:
    """Late on the day that it is over: nothing goes out before the next morning."""
    return over(world).replace(hour=20)


def undone(world: World, now: datetime, **what: object) -> StaffResult:
    return not_held(world.store, world.settings, world.gathering(KEY).id or 0, now=now, **what)
