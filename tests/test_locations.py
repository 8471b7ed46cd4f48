"""For how many people a place is: gatherings that do not fit beside others get another moment, and staff hear why."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from commands import Traject, with_settings
from engine_cases import MORNING, START, World, engine_settings, facts, local, one_stage
from planner_cases import gathering
from test_slots import days as days_of
from test_slots import found, why

from models import StepRow
from traject.errors import Refused
from traject.launch import RoleGiven
from traject.plan import PlaceTaken
from traject.settings import Settings
from traject.staff_locations import locations, set_seats
from traject.store import Store

HALL = "Hart, grote zaal"
COURSE = """
programme: {key}
version: 1
kind: group
title: Cursus
roles:
  - {{role: deelnemer, title: deelnemer, required: yes, many: yes}}
  - {{role: adviseur, title: adviseur, required: yes, staff: yes}}
stages:
  - stage: reeks
    title: De reeks
    starts: bij de lancering
    lasts: 5 maanden
    steps:
      - gathering: {key}-middag
        title: Middag {key}
        to: [deelnemer, adviseur]
        when: binnen de fase, dinsdag of donderdag, vanaf 13:30, 3 uur
        place: Hart, grote zaal
        invite: 4 weken
        {more}
"""


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    """Three programmes whose afternoons are in one hall; nothing is launched."""
    folder = tmp_path / "programmes"
    folder.mkdir()
    for key, more in (("muziek", ""), ("drama", ""), ("dans", "capacity: 20")):
        (folder / f"{key}.yaml").write_text(COURSE.format(key=key, more=more))
    return World(store, engine_settings(database_url, tmp_path / "var", folder))


def launched(world: World, key: str, people: int) -> None:
    guests = [RoleGiven("deelnemer", f"{key} {n}", f"{key}{n}@een.example") for n in range(people - 1)]
    adviser = RoleGiven("adviseur", f"Ada {key}", f"{key}@hart.example")
    world.launch(programme=key, school=None, group="Haarlem", roles=(*guests, adviser), starts_on=START)


def when(world: World, key: str) -> datetime:
    [row] = world.rows(StepRow, StepRow.key == f"{key}-middag")
    assert row.starts_at is not None
    return row.starts_at


def test_two_gatherings_share_a_place_while_there_is_room_for_both(world: World):
    set_seats(world.store, world.settings, HALL, 8, now=MORNING)
    launched(world, "muziek", 4)
    launched(world, "drama", 4)
    assert when(world, "drama") == when(world, "muziek")


def test_a_gathering_that_does_not_fit_beside_another_is_planned_at_another_moment(world: World):
    set_seats(world.store, world.settings, HALL, 7, now=MORNING)
    launched(world, "muziek", 4)
    launched(world, "drama", 4)
    assert when(world, "drama") == when(world, "muziek") + timedelta(days=2)
    launched(world, "dans", 2)  # twenty places are more than there are: alone it may be there
    assert when(world, "dans") not in (when(world, "drama"), when(world, "muziek"))


def test_what_nobody_knows_of_yet_moves_when_staff_say_how_many_people_a_place_holds(world: World):
    launched(world, "muziek", 4)
    launched(world, "drama", 4)
    was = when(world, "muziek")
    tried = set_seats(world.store, world.settings, HALL, 7, now=MORNING, dry_run=True)
    assert [each.reference for each in tried.trajectories] == ["muziek:haarlem"]
    assert when(world, "muziek") == was
    set_seats(world.store, world.settings, f"  {HALL} ", 7, now=MORNING)
    assert when(world, "muziek") != when(world, "drama")
    with world.store.read() as session:
        assert [(each.name, each.seats) for each in locations(session)] == [(HALL, 7)]
    assert set_seats(world.store, world.settings, HALL, 7, now=MORNING).trajectories == ()
    set_seats(world.store, world.settings, HALL, None, now=MORNING)
    with world.store.read() as session:
        assert locations(session) == []


def test_staff_hear_that_a_place_is_full_and_through_what():
    full = PlaceTaken("middag", local(2026, 9, 22, 13), local(2026, 9, 22, 15), HALL, "Middag muziek")
    other = PlaceTaken("anders", local(2026, 9, 24, 9), local(2026, 9, 24, 18), HALL, "Middag muziek")
    slots = found(one_stage(gathering()), facts(START, full, other))
    assert why(slots, date(2026, 9, 22)) == [
        "Hart, grote zaal heeft dan niet genoeg plaats, door ‘Middag muziek’"
    ]
    assert days_of(slots)[0] == "Thu 09-24 13:30", "of another step it is not asked"
    assert "1 keer heeft Hart, grote zaal niet genoeg plaats" in slots.in_the_way.nl
    assert "once Hart, grote zaal has not enough room" in slots.in_the_way.en


@pytest.mark.parametrize(
    ("name", "seats", "said"),
    [(" ", 8, "noem de plek"), (HALL, 0, "minstens één"), (HALL, None, "geen aantal")],
)
def test_what_cannot_be_is_refused(world: World, name: str, seats: int | None, said: str):
    with pytest.raises(Refused, match=said):
        set_seats(world.store, world.settings, name, seats, now=MORNING)


@pytest.fixture
def traject(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[Traject]:
    with time_machine.travel(MORNING, tick=False):
        made = with_settings(monkeypatch, settings)
        assert made("init").code == 0
        yield made


def test_staff_say_how_many_people_a_place_holds(traject: Traject):
    assert "overal is ruimte genoeg" in traject("locations", "list").out
    assert "voor iedereen → voor 40 mensen" in traject("locations", "set", HALL, "40", "--yes").out
    assert traject("locations", "list", "--json").json == [{"name": HALL, "seats": 40}]
    assert HALL in traject("locations", "list").out
    assert traject("locations", "set", HALL).code == 2
    done = traject("locations", "set", HALL, "--remove", "--yes", "--json").json
    assert (done["before"], done["seats"]) == (40, None)
    assert traject("locations", "list", "--json").json == []
