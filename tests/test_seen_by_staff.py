"""What staff see of what they do: in plain Dutch, and true."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_cases import MORNING, World, add_school, engine_settings, local, proef
from rich.console import Console

from models import Task
from models.enums import StepState
from traject.hand_over import hand_over
from traject.show import PlanView
from traject.staff import finish_task
from traject.store import Store

REF = "proef:16LF00"
SAM, NEW = "s.vos@hart.example", "noor@hart.example"


@pytest.fixture
def light(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """A trajectory whose adviser has an open task, on SQLite."""
    store = Store(sqlite_url)
    made = World(store, engine_settings(sqlite_url, tmp_path / "var"))
    add_school(store)
    made.launch()
    made.advance(MORNING)
    made.live(local(2026, 10, 7))
    made.deliver(local(2026, 10, 7))
    yield made
    store.close()


def test_a_new_adviser_is_told_of_every_task_that_moves_along(light: World) -> None:
    now = local(2026, 10, 7, 10)
    [task] = light.tasks()
    result = hand_over(
        light.store, light.settings, REF, "adviseur", old_email=SAM, name="Noor", email=NEW, now=now
    )
    assert [(m.kind, m.email) for m in result.mails] == [("task", NEW)]
    [after] = light.rows(Task, Task.id == task.id)
    assert after.person_id != task.person_id


def test_the_tasks_of_an_adviser_stay_when_another_role_of_theirs_moves(light: World) -> None:
    now = local(2026, 10, 7, 10)
    hand_over(light.store, light.settings, REF, "team", name="Sam Vos", email=SAM, now=now)
    before = light.tasks()[0].person_id
    hand_over(
        light.store,
        light.settings,
        REF,
        "team",
        old_email=SAM,
        name="Noor",
        email="noor2@school.example",
        now=now,
    )
    assert light.tasks()[0].person_id == before


def test_a_task_that_is_done_is_shown_as_done_and_not_as_dropped(light: World) -> None:
    [task] = light.tasks()
    result = finish_task(light.store, light.settings, task.id or 0, now=local(2026, 10, 7, 10))
    assert result.ended == {("verslag", ""): StepState.DONE}
    console = Console(width=100, record=True, file=None, quiet=False)
    with console.capture() as shown:
        console.print(PlanView(proef(), light.settings.zone, "nl").changes(result.changes, result.ended))
    assert "gedaan" in shown.get()
    assert "vervalt" not in shown.get()
