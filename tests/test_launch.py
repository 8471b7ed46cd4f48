"""From a request to a running trajectory: everything at once or nothing, and every refusal in a sentence."""

import itertools
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from engine_cases import (
    ADVISER,
    COORDINATOR,
    HEAD,
    MORNING,
    ROLES,
    START,
    World,
    add_school,
    dump,
    engine_settings,
    local,
    request,
)
from sqlalchemy import event
from sqlmodel import col, select

from models import Event, Person, ProgrammeVersion, RoleHolder, School, StepRow, Trajectory
from models.enums import StepKind, TrajectoryState
from traject.launch import LaunchError, LaunchRequest, RoleGiven, launch, parse_role, prepare, preview
from traject.staff import cancel
from traject.store import Store


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    """Two schools, no trajectory."""
    add_school(store)
    add_school(store, "27YD00", "De Ark")
    return World(store, engine_settings(database_url, tmp_path / "var"))


@pytest.fixture
def light(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """The same on SQLite alone: for rules that no database decides."""
    store = Store(sqlite_url)
    add_school(store)
    add_school(store, "27YD00", "De Ark")
    yield World(store, engine_settings(sqlite_url, tmp_path / "var"))
    store.close()


def refusal(world: World, *requests: LaunchRequest) -> str:
    """The sentence that a launch is refused with; nothing is written."""
    before = dump(world.store)
    with pytest.raises(LaunchError) as caught:
        launch(world.store, requests, settings=world.settings, now=MORNING)
    assert dump(world.store) == before
    return str(caught.value)


def test_a_launch_writes_the_whole_plan_and_says_so_in_the_history(world: World):
    reference = world.launch()
    assert reference == "proef:16LF00"
    trajectory = world.trajectory(reference)
    assert (trajectory.state, trajectory.next_due_at) == (TrajectoryState.RUNNING, MORNING)
    with world.store.read() as session:
        shown = preview(session, request(again=True, roles=()), settings=world.settings, now=MORNING)
    written = {(r.key, r.cycle, r.due_at, r.starts_at) for r in world.rows(StepRow)}
    assert {(s.key, s.cycle, s.due_at) for s in shown.steps} == {row[:3] for row in written}
    assert trajectory.ends_on == shown.ends_on
    assert [e.name for e in world.rows(Event)] == ["trajectory.launched"]
    homes = {p.email: p.organisation_id for p in world.rows(Person)}
    assert len(set(homes.values())) == 2, "the school, and Hart for the adviser"
    assert homes[COORDINATOR.email] == homes[HEAD.email] != homes[ADVISER.email]
    assert world.step("kennismaking").due_rule.endswith("13:30 Europe/Amsterdam")


def test_the_same_twice_is_refused_unless_it_is_meant(world: World):
    world.launch()
    sentence = refusal(world, request())
    assert "proef:16LF00 loopt al sinds 07-09-2026" in sentence
    assert "--again" in sentence
    assert world.launch(again=True) == "proef:16LF00#2"
    cancel(world.store, world.settings, "proef:16LF00", now=MORNING)
    cancel(world.store, world.settings, "proef:16LF00#2", now=MORNING)
    assert world.launch() == "proef:16LF00#3"


def test_many_are_launched_at_once_or_not_at_all(world: World):
    wrong = request(school="27YD00", programme="proeff")
    assert "programma ‘proeff’ bestaat niet; bedoel je ‘proef’?" in refusal(world, request(), wrong)
    launched = launch(
        world.store, [request(), request(school="27YD00")], settings=world.settings, now=MORNING
    )
    assert [one.reference for one in launched] == ["proef:16LF00", "proef:27YD00"]
    assert len(world.rows(Person)) == len(ROLES)  # the same people: once
    assert len(world.rows(ProgrammeVersion)) == 1


def test_one_adviser_is_never_at_two_schools_at_once(light: World):
    launch(light.store, [request(), request(school="27YD00")], settings=light.settings, now=MORNING)
    slots = sorted(
        (s.starts_at, s.ends_at)
        for s in light.rows(StepRow, StepRow.kind == StepKind.GATHERING)
        if s.starts_at and s.ends_at
    )
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(slots))


def test_a_group_is_launched_under_its_name(light: World):
    roles = (RoleGiven("deelnemer", "Noor Visser", "noor@school.example"), ADVISER)
    reference = light.launch(programme="proefgroep", school=None, group="Haarlem Noord", roles=roles)
    assert reference == "proefgroep:haarlem-noord"
    assert light.trajectory(reference).group_name == "Haarlem Noord"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({"programme": "proefje"}, "programma ‘proefje’ bestaat niet; bedoel je", id="programme"),
        pytest.param(
            {"programme": "x"}, "programma ‘x’ bestaat niet; kies uit proef, proefgroep", id="no such"
        ),
        pytest.param({"school": "16LF01"}, "bedoel je 16LF00 (De Kleine Wereld)?", id="code"),
        pytest.param({"school": "16lf00"}, "bedoel je 16LF00 (De Kleine Wereld)?", id="small letters"),
        pytest.param({"school": "De Kleine Werelt"}, "bedoel je 16LF00 (De Kleine Wereld)?", id="name"),
        pytest.param({"school": "99ZZ99"}, "`traject schools list` toont de scholen", id="unknown school"),
        pytest.param({"school": None}, "geef een vestigingscode met --school", id="no school"),
        pytest.param(
            {"programme": "proefgroep"}, "is voor een groep; geef een naam met --group", id="no group"
        ),
        pytest.param({"starts_on": date(2026, 9, 4)}, "04-09-2026 ligt in het verleden", id="past"),
        pytest.param(
            {"starts_on": date(2026, 10, 12)},
            "12-10-2026 valt in herfstvakantie; de eerste schooldag daarna is 19-10-2026",
            id="holiday",
        ),
        pytest.param({"starts_on": date(2206, 9, 8)}, "meer dan vijf jaar vooruit", id="a typing error"),
        pytest.param(
            {"roles": (HEAD, ADVISER)}, "rol ‘coordinator’ (cultuurcoördinator) ontbreekt", id="missing"
        ),
        pytest.param(
            {"roles": (*ROLES, RoleGiven("adviseurr", "Sam", "sam@hart.example"))},
            "rol ‘adviseurr’ bestaat niet in proef; bedoel je ‘adviseur’?",
            id="unknown role",
        ),
        pytest.param(
            {"roles": (*ROLES, RoleGiven("adviseur", "Kim", "kim@hart.example"))},
            "rol ‘adviseur’ (adviseur) is voor één persoon; er zijn er 2 gegeven",
            id="two for one",
        ),
        pytest.param(
            {"roles": (*ROLES, RoleGiven("team", "N. Visser", "Noor@School.example"))},
            "rol ‘team’: noor@school.example staat er twee keer",
            id="twice",
        ),
        pytest.param(
            {"roles": (HEAD, ADVISER, RoleGiven("coordinator", "Bo", "bo@@school.example"))},
            "‘bo@@school.example’ is geen mailadres",
            id="address",
        ),
        pytest.param(
            {"roles": (HEAD, ADVISER, RoleGiven("coordinator", "Bo", "bø@school.example"))},
            "‘bø@school.example’ heeft tekens die niet elke mailserver aanneemt",
            id="letters that servers refuse",
        ),
        pytest.param(
            {
                "roles": (
                    HEAD,
                    ADVISER,
                    RoleGiven("coordinator", "Bo\r\nBcc: x@y.example", "bo@school.example"),
                )
            },
            "regeleinde of onzichtbare tekens",
            id="a name of two lines",
        ),
    ],
)
def test_bad_input_is_refused_in_a_sentence(light: World, changes: dict[str, object], sentence: str):
    assert sentence in refusal(light, request(**changes))


def test_a_programme_for_other_schools_is_refused(light: World):
    add_school(light.store, "20AB00", "Het Lyceum", "HAVO/VWO")
    assert "programma ‘proef’ is voor bo, sbo, so, vso; school 20AB00 is HAVO/VWO" in refusal(
        light, request(school="20AB00")
    )


def test_every_problem_is_named_at_once_with_its_row(light: World):
    sentence = refusal(
        light,
        request(where="lijst.csv:2", starts_on=date(2026, 1, 5)),
        request(where="lijst.csv:3", school="27YD00", roles=(COORDINATOR,)),
    )
    lines = sentence.splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["lijst.csv:2", "lijst.csv:3", "lijst.csv:3"]


def test_a_preview_needs_no_roles_and_writes_nothing(light: World):
    before = dump(light.store)
    with light.store.read() as session:
        made = preview(session, request(roles=()), settings=light.settings, now=MORNING)
        [prepared] = prepare(session, [request(roles=())], settings=light.settings, now=MORNING)
    assert made.steps
    assert prepared.problems
    assert dump(light.store) == before


def test_a_changed_programme_needs_a_new_version_once_it_was_launched(light: World, tmp_path: Path):
    light.launch()
    for source in light.settings.programmes_dir.rglob("*.yaml"):
        target = tmp_path / "programmes" / source.relative_to(light.settings.programmes_dir)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source.read_text().replace("Fijn dat je meedoet.", "Welkom!"))
    light.settings = engine_settings(light.settings.database_url, tmp_path / "var", tmp_path / "programmes")
    assert "versie 1 van ‘proef’ is al gebruikt; maak er `version: 2` van" in refusal(
        light, request(school="27YD00")
    )


@pytest.mark.parametrize(
    "text",
    [
        "coordinator",
        "coordinator=",
        "=Bo <bo@school.example>",
        "team=Bo <bo@school.example>, Kim <kim@school.example>",
        "team=bo@school.example; kim@school.example",
        "team=Bo <bo@school.example> Kim <kim@school.example>",
    ],
)
def test_a_role_that_is_not_written_as_one_is_refused(text: str):
    with pytest.raises(LaunchError, match="schrijf het zo"):
        parse_role(text)


def test_a_role_is_read_with_its_name_or_its_address_alone():
    assert parse_role("team=Noor Visser <noor@school.example>") == RoleGiven(
        "team", "Noor Visser", "noor@school.example"
    )
    assert parse_role("team=noor@school.example").name == "noor@school.example"


def together(*works: threading.Thread) -> None:
    for work in works:
        work.start()
    for work in works:
        work.join()


def test_of_two_launches_of_one_school_at_once_one_wins_and_the_other_is_told(world: World):
    outcomes: list[str] = []
    meet = threading.Barrier(3)

    def run() -> None:
        store = Store(world.settings.database_url)
        meet.wait()
        try:
            launch(store, [request()], settings=world.settings, now=MORNING)
            outcomes.append("launched")
        except LaunchError as error:
            outcomes.append(str(error))
        finally:
            store.close()

    together(*(threading.Thread(target=run) for _ in range(3)))
    assert outcomes.count("launched") == 1
    assert all("loopt al sinds" in text for text in outcomes if text != "launched")
    assert len(world.rows(Trajectory)) == 1
    assert len(world.rows(Person)) == len(ROLES)


def test_two_launches_at_once_that_share_people_both_succeed(world: World):
    meet = threading.Barrier(2)
    faults: list[Exception] = []

    def run(school: str) -> None:
        store = Store(world.settings.database_url)
        meet.wait()
        try:
            launch(store, [request(school=school)], settings=world.settings, now=MORNING)
        except LaunchError as error:
            faults.append(error)
        finally:
            store.close()

    together(*(threading.Thread(target=run, args=(code,)) for code in ("16LF00", "27YD00")))
    assert faults == []
    assert len(world.rows(Trajectory)) == 2
    assert len(world.rows(Person)) == len(ROLES)


def test_a_fault_halfway_leaves_nothing(world: World):
    """Every statement of a launch in turn fails; nothing of it stays, and the next launch succeeds."""
    before = dump(world.store)
    failing = 0
    while True:
        count = 0

        def fail(*_: object, which: int = failing) -> None:
            nonlocal count
            count += 1
            if count == which + 1:
                raise OSError("no space left on device")

        engine = world.store.engine
        event.listen(engine, "before_cursor_execute", fail)
        try:
            world.launch()
        except OSError:
            event.remove(engine, "before_cursor_execute", fail)
            assert dump(world.store) == before
            failing += 1
            continue
        event.remove(engine, "before_cursor_execute", fail)
        break
    assert failing > 10
    with world.store.read() as session:
        assert session.exec(select(col(RoleHolder.person_id))).all()
        assert session.exec(select(School)).all()


def test_who_is_busy_elsewhere_is_not_asked_for_the_same_afternoon(light: World):
    light.launch()
    first = light.step("kennismaking")
    light.launch(school="27YD00", starts_on=START + timedelta(days=1))
    second = light.rows(StepRow, StepRow.key == "kennismaking")[1]
    assert first.starts_at == local(2026, 9, 29, 13, 30)
    assert second.starts_at == local(2026, 9, 29, 15, 0) or second.starts_at != first.starts_at
    assert second.starts_at >= first.ends_at or second.ends_at <= first.starts_at
