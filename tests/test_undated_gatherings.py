"""A yearly gathering that never got a date is seen to be missed, with the reason, when its period is over."""

import shutil
from pathlib import Path

import pytest
from engine_cases import MORNING, PROGRAMMES, World, add_school, dump, engine_settings, local

from models import Event
from models.enums import StepState, TaskState
from traject.overview import trajectories
from traject.reconcile import reconcile
from traject.staff import hold, release
from traject.store import Store

NAME = ("rondetafel", "2026-2027")
IN_A_HOLIDAY = "elk schooljaar tussen 21 december en 1 januari"


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    """A school whose round table has to be in the Christmas holidays."""
    programmes = Path(shutil.copytree(PROGRAMMES, tmp_path / "programmes"))
    path = programmes / "proef.yaml"
    path.write_text(path.read_text().replace("om het schooljaar tussen 1 februari en 15 april", IN_A_HOLIDAY))
    made = World(store, engine_settings(database_url, tmp_path / "var", programmes))
    add_school(store)
    made.launch()
    made.advance(MORNING)
    return made


def test_it_is_missed_at_the_end_of_its_period_and_says_why(world: World) -> None:
    world.live(local(2027, 1, 1, 23, 59), each=world.do_tasks)
    assert world.step(*NAME).state is StepState.PLANNED
    assert world.step(*NAME).due_at is None
    world.live(local(2027, 1, 2, 9), each=world.do_tasks)
    row = world.step(*NAME)
    assert row.state is StepState.MISSED
    assert "tussen 21-12-2026 en 01-01-2027 is geen vrij moment" in row.note
    assert "step.missed" in [event.name for event in world.rows(Event)]
    with world.store.read() as session:
        [line] = trajectories(session)
    assert line.missed == 1, "staff see it in the list"
    assert [task for task in world.tasks(state=TaskState.OPEN) if task.step_id == row.id] == []


def test_it_is_missed_once_and_plan_and_rows_agree(world: World) -> None:
    at = local(2027, 1, 4, 10)
    world.live(at, each=world.do_tasks)
    before = dump(world.store)
    assert world.advance(at).moves == {}
    assert {name: rows for name, rows in dump(world.store).items() if name != "trajectories"} == {
        name: rows for name, rows in before.items() if name != "trajectories"
    }
    assert [found for found in reconcile(world.store, world.settings, at) if found.code == "plan"] == []


def test_while_staff_hold_it_back_it_waits(world: World) -> None:
    hold(world.store, world.settings, "proef:16LF00", *NAME, now=local(2026, 12, 1, 10))
    world.live(local(2027, 1, 5, 10), each=world.do_tasks)
    assert world.step(*NAME).state is StepState.PLANNED
    release(world.store, world.settings, "proef:16LF00", *NAME, now=local(2027, 1, 5, 11))
    assert world.step(*NAME).state is StepState.MISSED
