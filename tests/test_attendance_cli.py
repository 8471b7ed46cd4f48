"""`traject gatherings` after the day itself, as it is typed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine
from commands import Traject, with_settings
from engine_cases import World, dump
from gathering_cases import KEY, invited, world_with
from pdf_text import sheets
from test_attendance import FATIMA, JAN, MORE, SAM, attended, over, thanked

from models.enums import StepState
from traject.store import Store


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    made = world_with(store, database_url, tmp_path, MORE)
    invited(made)
    return made


@pytest.fixture
def traject(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Traject]:
    """The command line, soon after the gathering."""
    with time_machine.travel(over(world), tick=False):
        yield with_settings(monkeypatch, world.settings)


def number(world: World) -> str:
    return str(world.gathering(KEY).id)


def test_staff_see_who_gets_what_before_it_is_recorded(world: World, traject: Traject) -> None:
    before = dump(world.store)
    asked = traject("gatherings", "attended", number(world), FATIMA, "--absent", JAN, answer="n\n")
    assert asked.code == 1
    assert f"Mail: Fatima Çelik <{FATIMA}>: Fijn dat je erbij was: Kennismaking" in asked.out
    assert "1 aanwezig, 1 afwezig" in asked.out
    assert dump(world.store) == before
    done = traject("gatherings", "attended", number(world), FATIMA, "--absent", JAN, "--yes", "--json")
    assert done.code == 0, done.err
    assert [mail["email"] for mail in done.json["mails"]] == [FATIMA]
    assert attended(world) == {FATIMA: True, JAN: False, SAM: None}
    assert thanked(world) == [FATIMA]
    shown = traject("gatherings", "attendance-list", number(world), "--json").json
    assert {one["email"]: one["attended"] for one in shown["people"]} == attended(world)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("attended", "{n}"), 2, "noem wie er was"),
        (("attended", "99", "--all-who-said-yes", "--yes"), 1, "bijeenkomst 99 bestaat niet"),
        (("attended", "{n}", "wie@elders.example", "--yes"), 1, "people add"),
        (("attendance-list", "99"), 1, "bijeenkomst 99 bestaat niet"),
        (("attendance-list", "{n}", "--out", "lijst.doc"), 2, "geen .pdf of .html"),
        (("certificates", "{n}", "--out", "map"), 1, "staat nog niet vast"),
        (("not-held", "99", "--yes"), 1, "bijeenkomst 99 bestaat niet"),
    ],
    ids=["nobody", "no-gathering", "unknown", "no-list", "no-form", "not-recorded", "not-held"],
)
def test_what_cannot_be_is_said_in_one_sentence(
    world: World, traject: Traject, arguments: tuple[str, ...], code: int, words: str
) -> None:
    ran = traject("gatherings", *(each.format(n=number(world)) for each in arguments))
    assert ran.code == code
    assert words in " ".join(ran.err.split())


@pytest.mark.parametrize("form", ["pdf", "html"])
def test_the_list_is_written_where_it_is_asked(
    world: World, traject: Traject, tmp_path: Path, form: str
) -> None:
    out = tmp_path / "nieuw" / f"lijst.{form}"
    ran = traject("gatherings", "attendance-list", number(world), "--out", str(out))
    assert ran.code == 0, ran.err
    assert "3 mensen op de lijst" in ran.out
    text = sheets(out.read_bytes())[0] if form == "pdf" else out.read_text()
    assert "Fatima Çelik" in text


def test_a_list_that_cannot_be_written_says_so(world: World, traject: Traject, tmp_path: Path) -> None:
    (tmp_path / "vol").write_text("geen map")
    ran = traject(
        "gatherings", "attendance-list", number(world), "--out", str(tmp_path / "vol" / "lijst.pdf")
    )
    assert ran.code == 1
    assert "kan niet worden geschreven" in " ".join(ran.err.split())


def test_what_did_not_take_place_is_planned_again(world: World, traject: Traject) -> None:
    ran = traject("gatherings", "not-held", number(world), "--reason", "Sneeuw.", "--yes")
    assert ran.code == 0, ran.err
    assert "krijgt een nieuwe datum" in ran.out
    assert world.step(KEY).state in (StepState.PLANNED, StepState.OPEN)
    assert world.step(KEY).done_at is None


def test_the_certificates_are_written_for_printing(world: World, traject: Traject, tmp_path: Path) -> None:
    traject("gatherings", "attended", number(world), FATIMA, "--absent", JAN, "--yes")
    folder = tmp_path / "bewijzen"
    ran = traject("gatherings", "certificates", number(world), "--out", str(folder), "--json")
    assert ran.code == 0, ran.err
    [line] = ran.json
    file = Path(line["file"])
    assert [file] == list(folder.iterdir())
    assert file.name.startswith("fatima-celik-")
    first = file.read_bytes()
    assert traject("gatherings", "certificates", number(world), "--out", str(folder)).code == 0
    assert file.read_bytes() == first, "the same certificate, the same bytes"
