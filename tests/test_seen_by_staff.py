"""What staff see of what they do: in plain Dutch, and true."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from engine_cases import MORNING, ZONE, World, add_school, dump, engine_settings, local, proef
from rich.console import Console

from models import Task
from models.enums import Certainty, StepKind, StepState
from traject.addresses import person_problem
from traject.cli.console import Desk
from traject.errors import Refused
from traject.hand_over import hand_over
from traject.migrate import migrate
from traject.plan import Change, Changes, PlannedStep
from traject.programme import Text
from traject.show import PlanView
from traject.staff import cancel, finish_task, move_stage, move_step, pause
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
    before = {task.id: task.person_id for task in light.tasks()}
    result = hand_over(
        light.store, light.settings, REF, "adviseur", old_email=SAM, name="Noor", email=NEW, now=now
    )
    assert [(m.kind, m.email) for m in result.mails] == [("task", NEW)] * len(before)
    for after in light.tasks():
        assert after.person_id != before[after.id]


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
    [task] = [task for task in light.tasks() if task.title == "Schrijf het verslag"]
    result = finish_task(light.store, light.settings, task.id or 0, now=local(2026, 10, 7, 10))
    assert result.ended == {("verslag", ""): StepState.DONE}
    console = Console(width=100, record=True, file=None, quiet=False)
    with console.capture() as shown:
        console.print(PlanView(proef(), light.settings.zone, "nl").changes(result.changes, result.ended))
    assert "gedaan" in shown.get()
    assert "vervalt" not in shown.get()


def test_a_gathering_that_others_do_not_hold_yet_has_no_moment_that_looks_like_its_date() -> None:
    at = local(2026, 11, 24, 14)
    held = PlannedStep(
        "doen", "studiemiddag", "", StepKind.GATHERING, "Samen", ("team",), at, Certainty.EXPECTED, at, at
    )
    waits = replace(held, starts_at=None, due_at=local(2027, 7, 3, 9))
    view = PlanView(proef(), ZONE, "nl")
    console = Console(width=100, record=True, file=None, quiet=False)
    with console.capture() as shown:
        console.print(view.changes(Changes((), (Change(held, waits),)), {}))
    assert "nog niet bekend" in shown.get()
    assert "3 jul 2027" not in shown.get()


def test_a_gathering_that_is_moved_to_a_free_day_is_moved_with_a_warning(light: World) -> None:
    now = local(2026, 10, 7, 10)
    step, on_sunday, in_holiday = "studiemiddag", local(2027, 3, 7, 13), local(2027, 2, 23, 13)
    for to, warning in ((on_sunday, "is een zondag"), (in_holiday, "(Voorjaarsvakantie)")):
        result = move_step(light.store, light.settings, REF, step, to=to, now=now, dry_run=True)
        assert warning in result.sentence
    plain = move_step(light.store, light.settings, REF, step, to=local(2027, 3, 9, 13), now=now, dry_run=True)
    assert "Let op" not in plain.sentence


def test_what_is_paused_twice_is_said_to_be_paused_already(light: World) -> None:
    now = local(2026, 10, 7, 10)
    pause(light.store, light.settings, REF, now=now)
    with pytest.raises(Refused, match=r"is al gepauzeerd$"):
        pause(light.store, light.settings, REF, now=now)


def test_a_wrong_address_and_a_missing_file_are_named_in_dutch(tmp_path: Path) -> None:
    assert person_problem("Noor", "noor school.example") == Text(
        "‘noor school.example’ is geen mailadres; schrijf het zoals n.visser@school.nl",
        "‘noor school.example’ is no mail address; write it like n.visser@school.nl",
    )
    for path, why in ((tmp_path / "none.csv", "bestaat niet"), (tmp_path, "is een map")):
        with pytest.raises(Refused, match=why):
            Desk("nl").read(path)


def test_a_time_that_the_clock_skips_is_said_as_it_is_kept() -> None:
    assert Desk("nl").instant("2027-03-28 02:30") == local(2027, 3, 28, 3, 30)
    assert Desk("nl").instant("2027-03-28 02:30").tzinfo is UTC


def test_the_tasks_of_a_yearly_step_name_their_school_year(light: World) -> None:
    light.live(local(2027, 7, 15), light.do_tasks)
    [task] = light.rows(Task, Task.effect_key.endswith(":jaarevaluatie/escalation:2026-2027"))
    assert task.title.endswith(" (2026-2027)")
    [mail] = [m for m in light.mails("task") if m.effect_key == task.effect_key]
    assert "(2026-2027)" in mail.subject


def test_joining_and_leaving_read_differently(light: World) -> None:
    now = local(2026, 10, 7, 10)
    joined = hand_over(
        light.store, light.settings, REF, "partner", name="Ali", email="ali@museum.example", now=now
    )
    left = hand_over(light.store, light.settings, REF, "partner", old_email="ali@museum.example", now=now)
    assert (joined.sentence, left.sentence) == ("cultuurpartner: Ali komt erbij", "cultuurpartner: Ali stopt")


def test_a_trajectory_that_was_stopped_gets_no_new_people_days_or_programme(light: World) -> None:
    now = local(2026, 10, 7, 10)
    cancel(light.store, light.settings, REF, now=now)
    before = dump(light.store)
    for attempt in (
        lambda: hand_over(light.store, light.settings, REF, "team", name="Noor", email=NEW, now=now),
        lambda: move_stage(light.store, light.settings, REF, "begin", ends_on=date(2027, 1, 8), now=now),
        lambda: migrate(light.store, light.settings, REF, now=now),
    ):
        with pytest.raises(Refused, match="is gestopt; daar verandert niets meer aan"):
            attempt()
    assert dump(light.store) == before


def test_every_mail_names_its_own_id_once_to_thread_by(light: World) -> None:
    for found in light.mails():
        mail = message_from_bytes(found.data or b"", policy=policy.default)
        assert mail["References"] == mail["Message-ID"] == found.message_id
