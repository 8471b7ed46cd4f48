"""README.md and docs/ say what is true: settings, commands, links, and every sentence and programme that they show."""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from traject.cli import app
from traject.programme_file import parse_programme
from traject.sentences import (
    parse_condition,
    parse_cycle,
    parse_moment,
    parse_span,
    parse_start,
    parse_window,
)
from traject.settings import settings_table

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
documents = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)

PARSERS: dict[str, Callable[[str], object]] = {
    "length": parse_span,
    "starts": parse_start,
    "when": parse_moment,
    "window": parse_window,
    "every": parse_cycle,
    "condition": parse_condition,
}


def commands(text: str) -> Iterator[str]:
    """Every `traject …` that a document shows: in a block of code, over several lines too, or between backticks."""
    text = text.replace("\\\n", " ")
    for line in re.findall(r"^    (?:\.venv/bin/)?traject (.*)$", text, re.MULTILINE):
        yield line.split("  #")[0]
    yield from re.findall(r"`(?:\.venv/bin/)?traject ([^`]+)`", text)


def misunderstood(command: str) -> str:
    """What typer has against a command; empty when it exists with these options. Nothing runs: help is asked for."""
    words = shlex.split(command)
    options = next((number for number, word in enumerate(words) if word.startswith("-")), len(words))
    result = CliRunner().invoke(app, [*words[:options], "--help", *words[options:]])
    return "" if result.exit_code == 0 else result.stderr


@documents
def test_every_command_that_is_named_exists_with_these_options(document: Path) -> None:
    wrong = {command: misunderstood(command) for command in commands(document.read_text(encoding="utf-8"))}
    assert not {command: why for command, why in wrong.items() if why}


def test_a_command_that_does_not_exist_is_found() -> None:
    [command] = commands("    .venv/bin/traject schools list \\\n        --municipality Haarlem\n")
    assert "--municipality" in misunderstood(command)
    assert "'fly'" in misunderstood("outbox fly")


def test_the_settings_of_the_readme_are_those_of_the_class() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.partition("<!-- settings -->")[2].partition("<!-- /settings -->")[0]
    assert table.strip() == settings_table(), "paste what `.venv/bin/python -m traject.settings` prints"


@documents
def test_every_link_points_to_a_file(document: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8")):
        assert link.startswith("https://") or (document.parent / link).is_file(), link


@documents
def test_no_line_names_a_path_of_a_machine_or_a_package_index(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert not re.findall(r"(?<![\w.])/(?:work|tmp|root|home|Users)/\S*", text)
    assert not re.findall(r"(?i)pypi\.\w+|index-url\s+http|simple/", text)


def test_every_sentence_of_the_table_is_understood_and_means_the_same_in_both_languages() -> None:
    text = (ROOT / "docs" / "programmes.md").read_text(encoding="utf-8")
    table = text.partition("<!-- sentences -->")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (\w+) \| `([^`]+)` \| `([^`]+)` \|$", table, re.MULTILINE)
    assert len(rows) == len(table.strip().splitlines()) - 2
    assert {kind for kind, _, _ in rows} == set(PARSERS)
    for kind, dutch, english in rows:
        assert PARSERS[kind](dutch) == PARSERS[kind](english)


def test_the_programme_that_is_shown_is_valid() -> None:
    text = (ROOT / "docs" / "programmes.md").read_text(encoding="utf-8")
    source = text.partition("<!-- programme -->\n```yaml\n")[2].partition("```")[0]
    assert parse_programme(source, "docs/programmes.md").key == "voorbeeld"
