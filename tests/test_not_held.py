"""A gathering that did not take place: it gets another date, once, and what waited for it waits again."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from attendance_cases import FATIMA, JAN, MORE, SAM, attended, evening, over, record, task, thanked, undone
from engine_cases import World, days, dump
from gathering_cases import KEY, REFERENCE, invited, world_with

from models import Event, Task
from models.enums import GatheringState, MessageState, StepState, TaskState, TrajectoryState
from traject.errors import Refused
from traject.staff import reopen_stage
from traject.store import Store


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    """People are invited to a gathering that has a thank-you, materials and a certificate."""
    made = world_with(store, database_url, tmp_path, MORE)
    invited(made)
    return made


def test_what_did_not_take_place_gets_another_date_and_conditions_wait_again(world: World) -> None:
    now = evening(world)
    was = world.gathering(KEY)
    assert world.step(KEY).state is StepState.DONE
    result = undone(world, now, reason="Sneeuw.")
    row, gathering = world.step(KEY), world.gathering(KEY)
    assert row.state is StepState.PLANNED
    assert row.starts_at is not None
    assert row.starts_at > now
    assert gathering.state is GatheringState.CANCELLED
    assert gathering.sequence == was.sequence + 1
    assert result.mails == [], "nobody hears anything until there is a date"
    assert task(world).state is TaskState.CANCELLED
    assert "Sneeuw." in task(world).detail
    assert "gathering.not-held" in [event.name for event in world.rows(Event)]
    follows = world.step("bedankt").due_at
    assert follows is not None
    assert follows > row.starts_at, "what is counted from it moves along"
    world.live(row.starts_at - days(1))
    assert world.stage("begin").state == "open", "the stage waits for the gathering to be held"


def test_a_task_that_lies_there_already_waits_for_the_new_date_and_closes_nothing(world: World) -> None:
    week = over(world) + days(8)
    world.live(week)
    world.deliver(week)
    assert world.step("verslag").state is StepState.OPEN
    undone(world, week)
    [report] = [task for task in world.tasks() if task.title == "Schrijf het verslag"]
    assert report.detail == "‘Kennismaking’ ging niet door; dit kan pas na de nieuwe datum."
    again = world.step(KEY).starts_at
    assert again is not None
    world.live(again + days(8))
    assert world.step(KEY).state is StepState.DONE
    assert world.stage("begin").state == "open", "the report is not written"
    assert len(world.rows(Task, Task.title == "Schrijf het verslag")) == 1
    world.do_tasks(again + days(8))
    assert world.step("verslag").state is StepState.DONE


def test_the_new_date_moves_the_event_in_the_calendars_of_those_who_are_still_there(world: World) -> None:
    now = evening(world)
    first = world.gathering(KEY)
    undone(world, now)
    morning = now + timedelta(hours=14)
    world.live(morning)
    world.deliver(morning)
    again = world.gathering(KEY)
    assert (again.uid, again.state) == (first.uid, GatheringState.FIXED)
    assert again.sequence > first.sequence + 1
    assert again.starts_at == world.step(KEY).starts_at
    updates = world.mails("invitation-update")
    assert sorted(m.to_email for m in updates) == sorted([FATIMA, JAN, SAM])
    assert {m.sequence for m in updates} == {again.sequence}
    assert world.lint() == 6
    later = over(world)
    assert world.gathering(KEY).state is GatheringState.HELD
    assert len(world.rows(Task, Task.effect_key.contains(":attendance:"))) == 2
    reminded = [m.to_email for m in world.mails("gathering-reminder") if m.sequence == again.sequence]
    assert {FATIMA, JAN} <= set(reminded), "also of the new date"
    record(world, later, attended=[FATIMA])
    assert thanked(world) == [FATIMA]


def test_it_is_undone_once_and_not_when_somebody_was_there(world: World) -> None:
    now = evening(world)
    record(world, now, attended=[FATIMA])
    with pytest.raises(Refused, match=f"--absent {FATIMA}"):
        undone(world, now)
    record(world, now, absent=[FATIMA])
    undone(world, now)
    assert attended(world)[FATIMA] is None
    assert thanked(world, MessageState.QUEUED) == []
    before = dump(world.store)
    with pytest.raises(Refused, match="wacht al op een nieuwe datum"):
        undone(world, now)
    with pytest.raises(Refused, match="ging niet door"):
        record(world, now, attended=[FATIMA])
    assert dump(world.store) == before


def test_a_closed_stage_is_opened_first_because_nothing_would_plan_the_new_date(world: World) -> None:
    now = over(world)
    world.do_tasks(now)
    end = world.stage("begin").ends_on
    later = now + (datetime(end.year, end.month, end.day, tzinfo=now.tzinfo) - now) + days(3)
    world.live(later, each=world.do_tasks)
    assert world.stage("begin").state == "closed"
    with pytest.raises(Refused, match="reopen-stage proef:16LF00 begin"):
        undone(world, later)
    reopen_stage(world.store, world.settings, REFERENCE, "begin", now=later)
    undone(world, later)
    assert world.step(KEY).state is StepState.PLANNED
    assert world.trajectory().state is TrajectoryState.RUNNING
