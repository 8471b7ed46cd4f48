"""On which weekdays and at which hours a school can meet: its gatherings are then, and whoever chooses hears why not."""

from collections.abc import Iterator
from datetime import date, time, timedelta
from pathlib import Path

import pytest
import time_machine
from commands import LAUNCH, Traject, with_settings
from engine_cases import CALENDAR, MORNING, START, World, add_school, days, facts, local, one_stage, request
from gathering_cases import KEY, invited, world_with
from hypothesis import given
from hypothesis import strategies as st
from planner_cases import gathering
from sqlmodel import select
from test_slots import days as days_of
from test_slots import found, why

from models import Organisation, Person, StepRow
from traject.errors import Refused
from traject.launch import RoleGiven, launch, preview
from traject.meeting_hours import MeetingHours, hours_text, read_hours
from traject.plan import Offered, SchoolHours
from traject.planner import plan
from traject.school_hours import change_hours, school_hours
from traject.settings import Settings
from traject.staff_dates import choose
from traject.store import Store

SCHOOL = "16LF00"


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    """One school with a trajectory whose first day has begun; on both databases."""
    return world_with(store, database_url, tmp_path)


def when(world: World, key: str = KEY) -> str:
    starts_at = world.step(key).starts_at
    assert starts_at is not None
    return f"{starts_at.astimezone(world.settings.zone):%a %d-%m %H:%M}"


# Text and meaning


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("di 13:30-17:00", "di 13:30-17:00"),
        (
            "dinsdag of donderdag 13:30-17:00; woensdag vanaf 12:30",
            "di 13:30-17:00; wo vanaf 12:30; do 13:30-17:00",
        ),
        ("Tue and Thu from 13.30 to 17.00", "di 13:30-17:00; do 13:30-17:00"),
        ("ma, di en vr", "ma; di; vr"),
        ("op wo tussen 12:15 en 16:45 uur", "wo 12:15-16:45"),
        ("wo; wo 13:00-15:00", "wo 13:00-15:00"),
        ("", ""),
    ],
)
def test_hours_are_read_as_people_write_them(text: str, stored: str):
    assert hours_text(read_hours(text)) == stored


@given(st.lists(st.tuples(st.integers(0, 6), st.times(), st.times()), unique_by=lambda each: each[0]))
def test_hours_that_are_stored_are_read_back(drawn: list[tuple[int, time, time]]):
    hours = tuple(
        MeetingHours(
            day, min(a, b).replace(second=0, microsecond=0), max(a, b).replace(second=0, microsecond=0)
        )
        for day, a, b in sorted(drawn)
        if (a.hour, a.minute) != (b.hour, b.minute)
    )
    assert read_hours(hours_text(hours)) == hours


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("di 17:00-13:30", "eindigt voor het begint"),
        ("dinsdagmiddag", "‘dinsdagmiddag’"),
        ("di 13:30-25:00", "‘13:30-25:00’"),
        ("13:30-17:00", "‘13:30-17:00’"),
        ("di; na schooltijd", "‘na’"),
    ],
)
def test_what_is_no_hours_is_named_with_an_example(text: str, named: str):
    with pytest.raises(Refused, match=named):
        read_hours(text)


# Looking for a date


def test_each_reason_is_named_on_its_day_and_at_its_hour():
    kring = SchoolHours(read_hours("di 14:00-17:00; wo"), (), "De Kring")
    slots = found(one_stage(gathering()), facts(START, kring))  # Tuesday or Thursday from 13:30, three hours
    assert days_of(slots)[0] == "Tue 09-22 14:00"
    assert why(slots, date(2026, 9, 24)) == ["De Kring kan niet op donderdag"]
    assert why(slots, date(2026, 9, 22)) == ["past niet in de uren van De Kring: dinsdag 14:00–17:00"]
    assert "dagen kan De Kring niet" in slots.in_the_way.nl
    assert "on which De Kring cannot meet" in slots.in_the_way.en


def test_a_school_whose_people_are_not_addressed_does_not_count():
    partner = SchoolHours(read_hours("ma"), ("partner",), "Het Podium")
    assert days_of(found(one_stage(gathering()), facts(START, partner)))[0] == "Tue 09-22 13:30"


def test_without_a_date_staff_hear_what_the_school_cannot():
    problem = plan_problem("wo")
    assert "dagen kan De Kring niet" in problem
    assert "keer past het niet in de uren van De Kring" in plan_problem("di 9:00-12:00")


def plan_problem(text: str) -> str:
    known = facts(START, SchoolHours(read_hours(text), (), "De Kring"))
    [problem] = plan(one_stage(gathering(), lasts="6 weken"), known, CALENDAR).problems
    return problem.reason.nl


def test_a_shared_step_joins_the_first_gathering_at_which_its_school_can_be():
    shared = one_stage(
        gathering(when="binnen de fase, elke werkdag, vanaf 12:00, 2 uur")
        + "        theme: muziek\n        shared: yes\n"
    )
    offers = [
        Offered("muziek", at, at + timedelta(hours=3), "Studiemiddag muziek")
        for at in (local(2026, 10, 6, 13), local(2026, 10, 8, 13))
    ]
    assert plan(shared, facts(START, *offers), CALENDAR).step("middag").starts_at == offers[0].starts_at
    known = facts(START, *offers, SchoolHours(read_hours("ma; do"), (), "De Kring"))
    assert plan(shared, known, CALENDAR).step("middag").starts_at == offers[1].starts_at


# A school's own


def test_the_gatherings_of_a_school_follow_its_hours(world: World):
    assert when(world) == "Tue 29-09 13:30"
    result = change_hours(world.store, world.settings, SCHOOL, "do 14:00-17:00", now=MORNING)
    assert when(world) == "Thu 01-10 14:00"
    assert [each.reference for each in result.trajectories] == ["proef:16LF00"]
    with world.store.read() as session:
        assert school_hours(session, "16lf00") == result.after
    with pytest.raises(Refused, match="De Kleine Wereld kan niet op dinsdag"):
        choose(world.store, world.settings, "proef:16LF00", KEY, to=local(2026, 10, 6, 14), now=MORNING)
    change_hours(world.store, world.settings, SCHOOL, "", now=MORNING)
    with world.store.read() as session:
        assert school_hours(session, SCHOOL) == ()


def test_a_dry_run_shows_what_would_be_and_changes_nothing(world: World):
    tried = change_hours(world.store, world.settings, SCHOOL, "do", now=MORNING, dry_run=True)
    assert tried.trajectories[0].changes
    assert when(world) == "Tue 29-09 13:30"
    with world.store.read() as session:
        assert school_hours(session, SCHOOL) == ()


def test_the_same_hours_again_change_nothing(world: World):
    change_hours(world.store, world.settings, SCHOOL, "do", now=MORNING)
    assert change_hours(world.store, world.settings, SCHOOL, "donderdag", now=MORNING).trajectories == ()


def test_a_gathering_that_people_know_of_stays_and_the_adviser_is_told_once(world: World):
    now = invited(world) + days(1)
    for text in ("do", "do; vr"):
        change_hours(world.store, world.settings, SCHOOL, text, now=now)
    assert when(world) == "Tue 29-09 13:30"
    [task] = [task for task in world.tasks() if "Kies een andere datum" in task.title]
    assert "Op 29-09-2026 kan het niet meer (De Kleine Wereld kan niet op dinsdag)" in task.detail


def test_a_launch_plans_within_the_hours_of_the_school(world: World):
    add_school(world.store, "16LG00", "De Vogels")
    change_hours(world.store, world.settings, "16LG00", "do vanaf 14:30", now=MORNING)
    with world.store.read() as session:
        wanted = request(school="16LG00")
        shown = preview(session, wanted, settings=world.settings, now=MORNING).step(KEY).starts_at
    world.launch(school="16LG00")
    vogels = world.trajectory("proef:16LG00").id
    [row] = [row for row in world.rows(StepRow, StepRow.key == KEY) if row.trajectory_id == vogels]
    assert shown == row.starts_at == local(2026, 10, 1, 14, 30)


def test_a_group_meets_when_the_schools_of_its_people_can(world: World):
    change_hours(world.store, world.settings, SCHOOL, "do", now=MORNING)
    with world.store.write() as session:
        school = session.exec(select(Organisation).where(Organisation.name == "De Kleine Wereld")).one()
        session.add(Person(name="Kim Mol", email="kim@een.example", organisation_id=school.id))
    group = request(
        programme="proefgroep",
        school=None,
        group="Haarlem",
        roles=(
            RoleGiven("deelnemer", "Kim Mol", "kim@een.example"),
            RoleGiven("adviseur", "Ada", "ada@hart.example"),
        ),
        starts_on=date(2026, 9, 28),
    )
    launch(world.store, [group], settings=world.settings, now=MORNING)
    assert when(world, "eerste") == "Thu 05-11 13:30"
    result = change_hours(world.store, world.settings, SCHOOL, "di 9:00-17:00", now=MORNING)
    assert {each.reference for each in result.trajectories} == {"proef:16LF00", "proefgroep:haarlem"}
    assert when(world, "eerste") == "Tue 03-11 13:30"


# As it is typed


@pytest.fixture
def traject(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[Traject]:
    with time_machine.travel(MORNING, tick=False):
        made = with_settings(monkeypatch, settings)
        assert made("init").code == 0
        assert made(*LAUNCH, "--yes").code == 0
        yield made


def test_staff_set_the_hours_of_a_school_after_seeing_what_it_moves(traject: Traject):
    args = ("schools", "hours", "16LF00")
    assert "elke werkdag, op elk uur" in traject(*args).out
    seen = traject(*args, "wo vanaf 12:30; vr 13:00-16:30", answer="n\n")
    assert "+ woensdag vanaf 12:30, vrijdag 13:00–16:30" in seen.out
    assert "Kennismaking en intake" in seen.out
    assert traject(*args, "--json").json == {"hours": []}
    done = traject(*args, "di vanaf 12:30; wo 13:00-16:30", "--yes", "--json").json
    assert done["done"]
    assert done["after"] == [
        {"weekday": 1, "from": "12:30", "until": "23:59"},
        {"weekday": 2, "from": "13:00", "until": "16:30"},
    ]
    assert done["trajectories"][0]["reference"] == "po-nieuw:16LF00"
    assert "woensdag" in traject(*args).out
    assert "kan niet op" in traject("slots", "po-nieuw:16LF00", "intake").out
    assert "Er is niets veranderd" in traject(*args, "di vanaf 12:30; wo 13:00-16:30").out
    assert traject(*args, "--always", "--yes").code == 0
    assert "elke werkdag, op elk uur" in traject(*args).out


def test_slips_are_named_and_change_nothing(traject: Traject):
    args = ("schools", "hours", "16LF00")
    wrong = traject(*args, "dinsdagmiddag", "--yes")
    assert (wrong.code, "di of do 13:30-17:00" in wrong.err) == (1, True)
    assert traject(*args, "di", "--always", "--yes").code == 2
    assert "bestaat niet" in traject("schools", "hours", "99XX99", "di", "--yes").err
    assert traject(*args, "di", "--json").code == 2
    assert traject(*args, "--json").json == {"hours": []}
