"""What a launch refuses, in English on request."""

from datetime import datetime
from pathlib import Path

import pytest
import time_machine
from commands import LAUNCH, ROLES, with_settings

from traject.cli.refusals import SENTENCES, in_english
from traject.settings import Settings

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
        'role ‘adviseur’ (adviseur van Hart) is missing; give --role adviseur="Name <address>"'
    )


@pytest.mark.parametrize(("dutch", "english"), SENTENCES, ids=[english for _, english in SENTENCES])
def test_every_sentence_is_found_with_what_differs_in_it_and_with_its_line(dutch: str, english: str):
    values = ["xx", "yy", "zz", "qq"]
    assert in_english(dutch.format(*values)) == english.format(*values)
    assert in_english(f"lijst.csv:3: {dutch.format(*values)}") == f"lijst.csv:3: {english.format(*values)}"


def test_what_is_not_known_stays_as_it_is():
    assert in_english("iets anders\nnog iets") == "iets anders\nnog iets"
