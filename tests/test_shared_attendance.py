"""A gathering that many trajectories share: who was there is thanked, and when it was not held all look again."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from engine_cases import COORDINATOR, MORNING, TEACHERS, World, add_school, engine_settings

from models import Gathering, Invitation, Person, StepRow
from models.enums import GatheringState, StepState
from traject.guests import guests_of
from traject.launch import RoleGiven
from traject.scheduling import schedule_gatherings
from traject.staff_attendance import not_held, record_attendance
from traject.store import Store

HOST = """
programme: middagen
version: 1
kind: group
title: Studiemiddagen
roles:
  - {role: deelnemer, title: deelnemer, required: yes, many: yes}
  - {role: adviseur, title: adviseur, required: yes, staff: yes}
stages:
  - stage: reeks
    title: De reeks
    starts: bij de lancering
    lasts: 10 maanden
    steps:
      - gathering: muziek
        title: Studiemiddag muziek
        to: [deelnemer, adviseur]
        when: binnen de fase, vanaf 8 weken na de start van de fase, dinsdag of donderdag, vanaf 13:30, 3 uur
        theme: muziek
        thanks: Dank je.
        invite: 4 weken
"""
ASKS = """
programme: verder
version: 1
kind: school
title: Verder
roles:
  - {role: coordinator, title: coördinator, required: yes}
  - {role: team, title: leerkracht, many: yes}
  - {role: adviseur, title: adviseur, required: yes, staff: yes}
stages:
  - stage: vakken
    title: Vakken
    starts: bij de lancering
    lasts: 8 maanden
    steps:
      - gathering: samen
        title: Muziek met anderen
        to: [team]
        when: binnen de fase, elke werkdag, vanaf 12:00, 2 uur
        theme: muziek
        shared: yes
        invite: 5 weken
"""
SAM = RoleGiven("adviseur", "Sam Vos", "s.vos@hart.example")
KIM = RoleGiven("deelnemer", "Kim Mol", "kim@elders.example")


def live(world: World, until: datetime, at: datetime = MORNING) -> None:
    """Day by day, as the daily run does."""
    while at <= until:
        world.advance(at)
        assert schedule_gatherings(world.store, world.settings, now=at).advanced.failed == {}
        world.deliver(at)
        at += timedelta(days=1)


def asking(world: World) -> StepRow:
    return world.step("samen")


def invited(world: World) -> set[str]:
    people = {person.id: person.email for person in world.rows(Person)}
    return {people[each.person_id] for each in world.rows(Invitation) if not each.is_cancelled}


@pytest.fixture
def shared(store: Store, database_url: str, tmp_path: Path) -> World:
    """The afternoon is over, with guests of a school that asked for its theme."""
    folder = tmp_path / "programmes"
    folder.mkdir()
    (folder / "middagen.yaml").write_text(HOST)
    (folder / "verder.yaml").write_text(ASKS)
    world = World(store, engine_settings(database_url, tmp_path / "var", folder))
    add_school(store)
    world.launch(programme="middagen", school=None, group="Haarlem", roles=(KIM, SAM))
    world.launch(programme="verder", roles=(COORDINATOR, SAM, *TEACHERS))
    starts_at = world.step("muziek").starts_at
    assert starts_at is not None
    live(world, starts_at + timedelta(days=1))
    [held] = world.rows(Gathering)
    assert held.state is GatheringState.HELD
    return world


def test_guests_of_other_trajectories_are_listed_with_their_role_and_thanked(shared: World) -> None:
    gathering = shared.gathering("muziek")
    with shared.store.read() as session:
        found = {guest.email: guest.roles for guest in guests_of(session, gathering, "nl")}
    assert found["noor@school.example"] == ("leerkracht",)
    record_attendance(
        shared.store,
        shared.settings,
        gathering.id or 0,
        attended=["noor@school.example", "kim@elders.example"],
        absent=["bo@school.example"],
        now=gathering.ends_at + timedelta(days=1),
    )
    assert sorted(m.to_email for m in shared.mails("thanks")) == ["kim@elders.example", "noor@school.example"]


def test_a_shared_gathering_that_was_not_held_is_waited_for_again_by_who_joined_it(shared: World) -> None:
    gathering = shared.gathering("muziek")
    assert asking(shared).state is StepState.DONE
    at = gathering.ends_at + timedelta(days=1)
    not_held(shared.store, shared.settings, gathering.id or 0, now=at)
    assert asking(shared).state is StepState.OPEN
    live(shared, at + timedelta(days=7), at + timedelta(hours=16))
    again = shared.gathering("muziek")
    assert again.state is GatheringState.FIXED
    assert again.starts_at > at
    assert (asking(shared).state, asking(shared).starts_at) == (StepState.OPEN, again.starts_at)
    assert "noor@school.example" in invited(shared)
