"""Going over to a new version of a programme: what happened stays, the rest is planned anew, losses are refused."""

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from engine_cases import PROGRAMMES, World, add_school, dump, engine_settings, local

from models import ProgrammeVersion, StepRow
from models.enums import StepState, TrajectoryState
from traject.errors import Refused
from traject.hand_over import hand_over
from traject.migrate import migrate
from traject.reconcile import reconcile
from traject.staff import StaffResult, move_stage
from traject.store import Store

REF = "proef:16LF00"
NOW = local(2026, 9, 9, 10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The programmes in a folder of this test's own."""
    return Path(shutil.copytree(PROGRAMMES, tmp_path / "programmes"))


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path, folder: Path) -> World:
    return started(World(store, engine_settings(database_url, tmp_path / "var", folder)))


@pytest.fixture
def light(sqlite_url: str, tmp_path: Path, folder: Path) -> Iterator[World]:
    store = Store(sqlite_url)
    yield started(World(store, engine_settings(sqlite_url, tmp_path / "var", folder)))
    store.close()


def started(world: World) -> World:
    add_school(world.store)
    world.launch()
    world.live(NOW)
    world.deliver(NOW)
    return world


def write(world: World, *pairs: tuple[str, str], version: int = 2) -> None:
    """A new version of the programme: these texts replaced by those."""
    path = world.settings.programmes_dir / "proef.yaml"
    text = path.read_text().replace("version: 1\n", f"version: {version}\n", 1)
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


def without(start: str, end: str) -> tuple[str, str]:
    """The text of the trial programme from one line up to another, to be taken out."""
    text = (PROGRAMMES / "proef.yaml").read_text()
    begin = text.index(start)
    return text[begin : text.index(end, begin)], ""


def go(world: World, **options: bool) -> StaffResult:
    before = dump(world.store)
    shown = migrate(world.store, world.settings, REF, now=NOW, dry_run=True, **options)
    assert dump(world.store) == before
    done = migrate(world.store, world.settings, REF, now=NOW, **options)
    assert (shown.changes, shown.mails, shown.sentence) == (done.changes, done.mails, done.sentence)
    return done


def refused(world: World, **options: int) -> str:
    before = dump(world.store)
    with pytest.raises(Refused) as caught:
        migrate(world.store, world.settings, REF, now=NOW, **options)
    assert dump(world.store) == before
    return str(caught.value)


def test_a_new_version_changes_what_is_to_come_and_nothing_that_happened(world: World):
    write(
        world,
        (
            "        when: 3 weken na de start van de fase\n",
            "        when: 5 weken na de start van de fase\n",
        ),
    )
    before = world.rows(StepRow, StepRow.state != StepState.PLANNED)
    result = go(world)
    assert result.sentence == "Het traject volgt nu versie 2 van ‘Proefprogramma’."
    [change] = result.changes.steps
    assert change.after.key == "herinner-3"
    assert world.step("herinner-3").due_at == local(2026, 10, 19, 9)  # 12 October is in the autumn holiday
    after = {row.id: row for row in world.rows(StepRow)}
    assert all(after[row.id] == row for row in before)
    assert [v.version for v in world.rows(ProgrammeVersion)] == [1, 2]
    assert reconcile(world.store, world.settings, now=NOW) == []


def test_steps_that_are_new_are_planned_and_those_that_are_gone_are_removed(light: World):
    write(
        light,
        without("      - mail: herinner-2", "      - mail: herinner-3"),
        (
            "yearly:\n",
            "yearly:\n  - mail: lente\n    title: Lente\n    to: [coordinator]\n    template: notice\n"
            "    every: elk schooljaar tussen 1 maart en 31 maart\n",
        ),
    )
    result = go(light)
    new = {c.after.key for c in result.changes.steps if c.before is None and c.after}
    gone = {c.before.key for c in result.changes.steps if c.after is None and c.before}
    assert (new, gone) == ({"lente"}, {"herinner-2"})
    light.live(local(2031, 9, 1), light.do_tasks)
    assert light.trajectory().state is TrajectoryState.FINISHED


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "chosen anew"])
def test_dates_that_were_only_proposed_are_kept_or_chosen_anew(light: World, keep: bool):
    proposed = light.step("studiemiddag").starts_at
    fixed = light.step("kennismaking").starts_at
    write(light, ("vanaf 8 weken na de start van de fase", "vanaf 6 weken na de start van de fase"))
    go(light, keep_dates=keep)
    assert light.step("kennismaking").starts_at == fixed
    assert (light.step("studiemiddag").starts_at == proposed) is keep


def test_a_version_without_the_running_stage_is_refused(light: World):
    write(
        light,
        ("  - stage: begin\n", "  - stage: start\n"),
    )
    sentence = refused(light)
    assert "kent de lopende fase ‘Begin’ (begin) niet" in sentence


def test_a_version_without_an_open_step_is_refused(light: World):
    write(
        light,
        ("      - gathering: kennismaking\n", "      - gathering: intake\n"),
        ("stap kennismaking", "stap intake"),
    )
    assert "kent de stap ‘Kennismaking’ (kennismaking) niet, en die staat open" in refused(light)


def test_a_version_without_a_role_that_somebody_has_is_refused(light: World):
    write(
        light,
        ("  - role: team\n    title: {nl: leerkracht, en: teacher}\n    many: yes\n", ""),
        (", team", ""),
    )
    assert "kent de rol ‘team’ niet, en Noor Visser heeft die" in refused(light)


def test_without_a_newer_version_there_is_nothing_to_go_to(light: World):
    assert "dit traject volgt al versie 1 van ‘proef’" in refused(light)
    write(light)
    assert "daar staat versie 2" in refused(light, version=3)


def test_a_stage_that_is_gone_is_dropped_and_what_was_done_keeps_its_history(light: World):
    light.live(local(2026, 12, 8), light.do_tasks)
    write(light, without("      - mail: welkom-partner", "      - gathering: studiemiddag"))
    now = local(2026, 12, 9, 10)
    migrate(light.store, light.settings, REF, now=now)
    assert light.step("welkom-partner").state is StepState.SKIPPED
    hand_over(
        light.store,
        light.settings,
        REF,
        "team",
        name="Roos",
        email="roos@school.example",
        now=now + timedelta(hours=1),
    )
    light.live(local(2031, 9, 1), light.do_tasks)
    assert light.trajectory().state is TrajectoryState.FINISHED


def test_a_hand_over_after_an_evaluation_got_another_name_works(light: World):
    """The rounds of past years belong to a step that this version no longer has."""
    light.live(local(2027, 9, 20), light.do_tasks)
    now = local(2027, 9, 21, 10)
    write(light, ("evaluation: jaarevaluatie", "evaluation: terugblik"))
    migrate(light.store, light.settings, REF, now=now)
    hand_over(
        light.store,
        light.settings,
        REF,
        "coordinator",
        old_email="fatima@school.example",
        name="Roos",
        email="roos@school.example",
        now=now + timedelta(hours=1),
    )
    light.live(local(2028, 6, 1), light.do_tasks)
    assert light.step("terugblik", "2027-2028").state is StepState.OPEN


def test_a_step_that_the_adviser_was_told_of_can_still_be_removed(light: World):
    light.live(local(2026, 9, 20), light.do_tasks)
    move_stage(
        light.store,
        light.settings,
        REF,
        "doen",
        opens_on=date(2026, 12, 14),
        ends_on=date(2027, 1, 3),
        now=local(2026, 9, 20, 10),
    )
    light.live(local(2026, 12, 15))
    light.do_tasks(local(2026, 10, 10))
    light.live(local(2026, 12, 15))
    [told] = [t for t in light.tasks() if t.title == "Kies een datum: Studiemiddag"]
    assert told.step_id == light.step("studiemiddag").id
    write(light, without("      - gathering: studiemiddag", "      - evaluation: tussenpeiling"))
    migrate(light.store, light.settings, REF, now=local(2026, 12, 15, 10))
    assert light.rows(StepRow, StepRow.key == "studiemiddag") == []
    assert "Kies een datum: Studiemiddag" not in [t.title for t in light.tasks()]
