"""Whatever is refused is said in Dutch, and in English on request."""

import ast
from collections.abc import Iterator
from datetime import datetime
from importlib import import_module
from pathlib import Path

import pytest
import time_machine
from commands import LAUNCH, ROLES, with_settings

from traject.cli.console import BadUsage
from traject.errors import TrajectError
from traject.settings import Settings
from traject.up import DidNotStart

CASES = {
    "programme": (
        ("po-niew", "16LF00", "2026-09-14"),
        "there is no programme ‘po-niew’; did you mean ‘po-nieuw’?",
    ),
    "school": (
        ("po-nieuw", "16LF09", "2026-09-14"),
        "school ‘16LF09’ is not known; did you mean 16LF00 (Camelot)?",
    ),
    "past": (
        ("po-nieuw", "16LF00", "2026-09-01"),
        "the start date 01-09-2026 is in the past; choose today or later",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_refused_launch_is_said_in_english_on_request(
    case: str, sqlite_url: str, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
):
    (programme, school, start), expected = CASES[case]
    settings = Settings(database_url=sqlite_url, var_dir=tmp_path / "var", base_url="http://portal.example")
    with time_machine.travel(now, tick=False):
        traject = with_settings(monkeypatch, settings)
        traject("init")
        ran = traject(
            "--lang", "en", "launch", programme, "--school", school, "--start", start, *ROLES, "--yes"
        )
        missing = traject("--lang", "en", *LAUNCH[:-1], "--yes")
    assert (ran.code, ran.err.strip()) == (1, expected)
    assert missing.err.strip() == (
        'role ‘adviseur’ (adviser of Hart) is missing; give --role adviseur="Name <address>"'
    )


ROOT = Path(__file__).parent.parent
SAYS_BOTH = ("at.say", "self.say")
SPOKEN = (BadUsage, DidNotStart)
"""Made where the language is known already."""


def _calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Every call by a bare name in the engine, the portal and the flows: where, the name, the call."""
    for folder in ("traject", "portal", "flows"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node.func.id, node


def test_whatever_is_refused_is_said_in_two_languages():
    two_texts = {"Refused", "StoreError", "SettingsError", "WrongSetting"}
    wrong = [
        where
        for where, name, call in _calls()
        if name in two_texts
        and (len(call.args) != 2 or ast.unparse(call.args[0]) == ast.unparse(call.args[1]))
        and not any(isinstance(arg, ast.Starred) for arg in call.args)
    ]
    assert wrong == []


def test_a_mistyped_command_is_told_so_in_two_languages():
    said = [(where, call.args[0]) for where, name, call in _calls() if name == "BadUsage"]
    assert [
        where
        for where, arg in said
        if not (isinstance(arg, ast.Call) and ast.unparse(arg.func) in SAYS_BOTH and len(arg.args) == 2)
    ] == []


def test_every_fault_that_reaches_a_person_knows_both_languages():
    for folder in ("traject", "portal"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name != "__main__.py":
                import_module(
                    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
                )
    kinds, found = [TrajectError], set[type]()
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        found.add(kind)
    silent = {
        kind.__name__
        for kind in found - {TrajectError, *SPOKEN}
        if kind.__module__.startswith(("traject", "portal")) and not hasattr(kind, "in_language")
    }
    assert silent == set()


REFUSED: dict[str, tuple[tuple[str, ...], str, str]] = {
    "hand over an unknown role": (
        ("hand-over", "po-nieuw:16LF00", "kok", "--to", "Els <els@school.example>"),
        "rol ‘kok’ bestaat niet in dit programma; kies uit coordinator",
        "there is no role ‘kok’ in this programme; choose from coordinator",
    ),
    "migrate to what is followed already": (
        ("migrate", "po-nieuw:16LF00"),
        "dit traject volgt al versie 1 van ‘po-nieuw’; er is geen nieuwere",
        "this trajectory follows version 1 of ‘po-nieuw’ already; there is no newer one",
    ),
    "attendance of no gathering": (
        ("gatherings", "attended", "99", "noor@school.example"),
        "bijeenkomst 99 bestaat niet; `traject gatherings list` toont",
        "there is no gathering 99; `traject gatherings list` shows",
    ),
    "a list for the door of no gathering": (
        ("gatherings", "attendance-list", "99"),
        "bijeenkomst 99 bestaat niet",
        "there is no gathering 99",
    ),
    "certificates of no gathering": (
        ("gatherings", "certificates", "99", "--out", "."),
        "bijeenkomst 99 bestaat niet",
        "there is no gathering 99",
    ),
    "days off of an unknown school": (
        ("schools", "calendar", "99ZZ99"),
        "school ‘99ZZ99’ bestaat niet; `traject schools list` toont de codes",
        "there is no school ‘99ZZ99’; `traject schools list` shows the codes",
    ),
    "another address for nobody": (
        ("people", "change", "wie@school.example", "--email", "die@school.example"),
        "niemand heeft het adres ‘wie@school.example’",
        "nobody has the address ‘wie@school.example’",
    ),
    "an address of nobody that works": (
        ("people", "works", "wie@school.example"),
        "niemand heeft het adres ‘wie@school.example’",
        "nobody has the address ‘wie@school.example’",
    ),
    "a mail that is not there": (
        ("outbox", "hold", "99"),
        "er is geen mail 99; `traject outbox list` toont de nummers",
        "there is no message 99; `traject outbox list` shows the numbers",
    ),
}


def test_what_staff_are_refused_is_said_in_dutch_and_in_english(
    sqlite_url: str, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
):
    settings = Settings(database_url=sqlite_url, var_dir=tmp_path / "var", base_url="http://portal.example")
    with time_machine.travel(now, tick=False):
        traject = with_settings(monkeypatch, settings)
        traject("init")
        assert traject(*LAUNCH, "--yes").code == 0
        for case, (command, dutch, english) in REFUSED.items():
            for lang, said in (("nl", dutch), ("en", english)):
                ran = traject("--lang", lang, *command)
                assert ran.code == 1, (case, ran)
                assert ran.err.startswith(said), case
