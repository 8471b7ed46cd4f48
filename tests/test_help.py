"""How the command line explains itself: in Dutch, by what one wants to do; in English on request."""

import re
from collections import Counter

import pytest
import typer
from typer.testing import CliRunner

from traject.cli import app
from traject.cli.help import HEADINGS


def said(*args: str) -> tuple[int, str]:
    ran = CliRunner().invoke(app, list(args))
    return ran.exit_code, ran.stdout + ran.stderr


def every_command() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []

    def walk(command: object, path: tuple[str, ...]) -> None:
        found.append(path)
        for name, inner in getattr(command, "commands", {}).items():
            walk(inner, (*path, name))

    walk(typer.main.get_command(app), ())
    return found


def test_every_command_stands_under_one_heading():
    listed = Counter(name for _, _, names in HEADINGS for name in names)
    assert listed == Counter(path[0] for path in every_command() if len(path) == 1)


def test_a_heading_says_what_one_wants_to_do_in_the_language_that_was_asked_for():
    dutch, english = said("--help")[1], said("--lang", "en", "--help")[1]
    assert [nl for nl, _, _ in HEADINGS if f"\n{nl}:\n" not in dutch] == []
    assert [en for _, en, _ in HEADINGS if f"\n{en}:\n" not in english] == []
    assert "..." not in dutch.partition("\n\n")[2]  # whole sentences


@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_no_english_word_of_typer_stands_in_dutch_help(path: tuple[str, ...]):
    code, text = said(*path, "--help")
    assert code == 0
    assert (
        re.findall(r"Usage|OPTIONS|COMMAND|Options:|Arguments:|Commands:|Show this|required|default", text)
        == []
    )
    english = said("--lang", "en", *path, "--help")[1]
    assert english.startswith("Usage: traject")
    assert "Show this message and exit." in english


WRONG = {
    "nothing given": (("hold",), "Er ontbreekt iets: geef ook 'reference'."),
    "an option missing": (("templates", "preview"), "geef ook '--out'"),
    "too much": (("hold", "a", "b", "c"), "Dit is te veel: c."),
    "too little": (("upcoming", "--days", "-3"), "'--days': geef 1 of meer."),
    "too large": (("upcoming", "--days", "99999999"), "'--days': geef 36500 of minder."),
    "no number": (("upcoming", "--days", "x"), "'--days': geef een heel getal."),
    "an unknown option": (("upcoming", "--dayz", "3"), "Optie --dayz bestaat niet; bedoel je --days?"),
    "an unknown command": (("statu",), "Opdracht 'statu' bestaat niet; bedoel je 'status'?"),
    "a command like no other": (("xyzzy",), "Opdracht 'xyzzy' bestaat niet."),
    "an unknown command of a noun": (("schools", "lst"), "Opdracht 'lst' bestaat niet; bedoel je 'list'?"),
    "no value": (("upcoming", "--days"), "Optie '--days' vraagt een waarde."),
    "a value too many": (("init", "--json=3"), "Bij optie '--json' hoort geen waarde."),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_was_mistyped_is_said_in_dutch_and_in_english_on_request(case: str):
    command, expected = WRONG[case]
    code, text = said(*command)
    assert code == 2
    assert expected in text
    assert "--help" in text
    assert re.search(r"Error|Usage|Invalid|No such", text) is None
    code, english = said("--lang", "en", *command)
    assert code == 2
    assert "Error: " in english
