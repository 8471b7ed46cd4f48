"""Series from a programme file, as Hart runs them: a course of six, a network that meets through the year, a proeftuin."""

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from engine_cases import CALENDAR, MORNING, START, World, engine_settings, facts
from sqlmodel import select

from models import BusyTime, Gathering, Message, Person, StepRow
from models.enums import GatheringState, StepKind, StepState
from traject.launch import RoleGiven
from traject.plan import Plan
from traject.planner import plan
from traject.programme import Programme
from traject.programme_file import load_programmes
from traject.scheduling import schedule_gatherings
from traject.settings import Settings
from traject.staff_attendance import record_attendance
from traject.store import Store

SHIPPED = load_programmes(Settings.model_fields["programmes_dir"].default)
HEAD = """
programme: cursus
version: 1
kind: group
title: Scholing procesdidactiek
roles:
  - {role: deelnemer, title: deelnemer, required: yes, many: yes}
  - {role: adviseur, title: adviseur, required: yes, staff: yes}
stages:
  - stage: lessen
    title: De lessen
    starts: bij de lancering
    lasts: 6 maanden
    closes_when: [stap les-6 is gehouden]
    steps:
"""
LESSON = """
      - gathering: les-{number}
        title: Les {number}
        to: [deelnemer, adviseur]
        when: binnen de fase, elke werkdag, vanaf 15:30, 2 uur
        place: Hart, Kleine Houtweg 18 in Haarlem
        series: cursus
        capacity: 12
        invite: 3 weken
        {more}
"""
ROLES = (
    RoleGiven("deelnemer", "Kim Mol", "kim@elders.example"),
    RoleGiven("deelnemer", "Ria Bos", "ria@elders.example"),
    RoleGiven("adviseur", "Sam Vos", "s.vos@hart.example"),
)


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    """A course of six lessons, the last with a certificate and thanks, just launched."""
    folder = tmp_path / "programmes"
    folder.mkdir()
    last = "certificate: yes\n        thanks: Tot de volgende keer."
    lessons = "".join(LESSON.format(number=n, more=last if n == 6 else "") for n in range(1, 7))
    (folder / "cursus.yaml").write_text(HEAD + lessons)
    made = World(store, engine_settings(database_url, tmp_path / "var", folder))
    made.launch(programme="cursus", school=None, group="Haarlem", roles=ROLES, starts_on=START)
    return made


def lessons(world: World) -> list[StepRow]:
    return [row for row in world.rows(StepRow) if "/" not in row.key and row.key.startswith("les-")]


def test_a_course_of_six_is_planned_together_held_one_after_the_other_and_ends_with_a_certificate(
    world: World,
):
    starts = [row.starts_at for row in sorted(lessons(world), key=lambda row: row.key)]
    at = [CALENDAR.to_local(start) for start in starts if start]
    assert len(at) == 6
    assert {(each.weekday(), each.hour) for each in at} == {(at[0].weekday(), at[0].hour)}, (
        "one weekday and hour"
    )
    assert all(earlier + timedelta(days=7) <= later for earlier, later in pairwise(at)), (
        "in the order of the file"
    )
    over = at[-1] + timedelta(hours=3)
    world.live(over)
    held = world.rows(Gathering)
    assert [gathering.series for gathering in held] == ["cursus"] * 6
    assert {gathering.state for gathering in held} == {GatheringState.HELD}
    assert {row.state for row in lessons(world)} == {StepState.DONE}
    invited = world.rows(Message, Message.kind == "invitation")
    assert len(invited) == 6 * len(ROLES)
    last = world.gathering("les-6").id or 0
    record_attendance(world.store, world.settings, last, attended=["kim@elders.example"], now=over)
    [thanks] = world.mails("thanks")
    assert thanks.to_email == "kim@elders.example"
    assert b"bewijs van deelname" in (thanks.data or b"").lower()


def test_a_course_keeps_together_when_one_lesson_cannot_be(world: World):
    world.live(MORNING)
    third = world.step("les-3").starts_at
    assert third is not None
    with world.store.write() as session:
        sam = session.exec(select(Person).where(Person.email == "s.vos@hart.example")).one()
        day = timedelta(hours=12)
        session.add(BusyTime(person_id=sam.id or 0, starts_at=third - day, ends_at=third + day))
    report = schedule_gatherings(world.store, world.settings, now=MORNING)
    assert len(report.replanned) == 1
    at = [row.starts_at for row in sorted(lessons(world), key=lambda row: row.key) if row.starts_at]
    assert at == sorted(at), "still in the order of the file"
    assert at[2] != third
    weeks = [CALENDAR.to_local(start).isocalendar()[:2] for start in at]
    assert len(set(weeks)) == 6, "each in a week of its own"


def moments(made: Plan, programme: Programme) -> dict[str, list[datetime]]:
    """By school year (or none), when the gatherings of the series are, in the programme's order."""
    has_series = any(step.series for step in programme.steps)
    gatherings = [step for step in programme.steps if step.kind is StepKind.GATHERING]
    keys = [step.key for step in gatherings if step.series or not has_series]
    found: dict[str, list[datetime]] = {}
    for key in keys:
        for step in made.steps:
            if step.key == key and step.starts_at:
                found.setdefault(step.cycle, []).append(CALENDAR.to_local(step.starts_at))
    return found


@pytest.mark.parametrize(
    ("key", "fewest", "most"),
    [
        ("netwerk-cultuurcoordinatoren", 2, 3),
        ("studiemiddagen", 4, 4),
        ("proeftuin-cultureel-speciaal", 7, 7),
    ],
)
def test_a_shipped_series_is_planned_whole_and_in_order(key: str, fewest: int, most: int):
    programme = SHIPPED[key]
    made = plan(programme, facts(START), CALENDAR)
    assert made.problems == ()
    years = moments(made, programme)
    assert years
    for starts in years.values():
        assert fewest <= len(starts) <= most
        assert starts == sorted(starts)
        assert all(later - earlier > timedelta(days=14) for earlier, later in pairwise(starts))
