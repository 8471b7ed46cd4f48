"""A pause that brings the end of a trajectory into a later school year is said, by name, before and after it ends."""

from datetime import date, datetime, timedelta

import pytest
from engine_cases import World, dump, local

from models import StageRow, Trajectory
from models.enums import StageState
from traject.reconcile import reconcile
from traject.staff import move_stage, pause, resume

REF = "proef:16LF00"
PAUSED = local(2026, 10, 5, 10)


@pytest.fixture
def world(world: World) -> World:
    """A trajectory of four school years, until July 2030, that stands still."""
    pause(world.store, world.settings, REF, now=PAUSED)
    return world


def ends_on(world: World) -> str:
    [found] = world.rows(Trajectory)
    return f"{found.ends_on}"


def test_a_short_pause_says_nothing_of_it(world: World) -> None:
    result = resume(world.store, world.settings, REF, now=local(2026, 10, 12, 10))
    assert result.sentence == "Het traject loopt weer."
    assert [task for task in world.tasks() if "loopt door" in task.title] == []


@pytest.mark.parametrize(
    ("at", "days"),
    [(local(2026, 10, 5, 16), 0), (local(2026, 10, 7, 9, 59), 2), (local(2026, 10, 7, 10, 1), 2)],
    ids=["the same day", "a minute less than two days", "a minute more"],
)
def test_a_pause_is_as_long_as_the_calendar_says(world: World, at: datetime, days: int) -> None:
    before = {stage.key: stage.ends_on for stage in world.rows(StageRow) if stage.state is StageState.OPEN}
    assert before
    resume(world.store, world.settings, REF, now=at)
    after = {stage.key: stage.ends_on for stage in world.rows(StageRow) if stage.key in before}
    assert after == {key: end + timedelta(days=days) for key, end in before.items()}


def test_a_pause_past_the_last_school_year_is_named_in_the_preview_and_becomes_a_task(world: World) -> None:
    now = local(2027, 1, 18, 10)
    assert ends_on(world) == "2030-07-06"
    before = dump(world.store)
    shown = resume(world.store, world.settings, REF, now=now, dry_run=True)
    assert dump(world.store) == before
    done = resume(world.store, world.settings, REF, now=now)
    assert shown.sentence == done.sentence
    assert "in schooljaar 2030-2031; dat was 06-07-2030, in 2029-2030" in done.sentence
    assert "Er komt dan bij: De monitor komt eraan" in done.sentence
    [task] = [task for task in world.tasks() if "loopt door" in task.title]
    assert task.title == "Het traject loopt door in schooljaar 2030-2031"
    assert f"traject move {REF} --stage borgen --ends 2030-07-31" in task.detail
    assert [m.email for m in done.mails if "schooljaar 2030-2031" in m.subject] == ["s.vos@hart.example"]
    assert [f for f in reconcile(world.store, world.settings, now) if f.code == "plan"] == []


def test_the_remedy_it_names_brings_the_end_back(world: World) -> None:
    now = local(2027, 1, 18, 10)
    resume(world.store, world.settings, REF, now=now)
    assert ends_on(world) > "2030-08-01"
    move_stage(world.store, world.settings, REF, "borgen", ends_on=date(2030, 7, 31), now=now)
    assert ends_on(world) == "2030-07-31"
