"""Values that nobody expects: a sentence and an exit code, never a trace."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import time_machine
from commands import LAUNCH, Ran, Traject, with_settings

from traject.errors import SettingsError
from traject.settings import Settings, load_settings

HUGE = "99999999999999999999"


@pytest.fixture
def traject(
    monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path, now: datetime
) -> Iterator[Traject]:
    """The command line at a fixed moment with one trajectory, on both databases."""
    settings = Settings(database_url=database_url, var_dir=tmp_path / "var", base_url="http://portal.example")
    with time_machine.travel(now, tick=False):
        made = with_settings(monkeypatch, settings)
        assert made("init").code == 0
        assert made(*LAUNCH, "--yes").code == 0
        yield made


def sentence(ran: Ran, code: int) -> str:
    """What a command said on the error stream, and nothing elsewhere."""
    assert (ran.code, ran.out) == (code, "")
    return ran.err.strip()


@pytest.mark.parametrize(
    "command",
    [
        ("hold", HUGE, "intake", "--yes"),
        ("tasks", "done", HUGE, "--yes"),
        ("gatherings", "cancel", HUGE, "--yes"),
        ("feeds", "revoke", HUGE),
        ("inbox", "ignore", HUGE),
        ("outbox", "show", HUGE),
    ],
    ids=" ".join,
)
def test_a_number_that_no_database_can_hold_is_said_to_be_too_large(
    traject: Traject, command: tuple[str, ...]
):
    assert sentence(traject(*command), 2).startswith("Dat getal is te groot; er is niets veranderd.")
    assert "too large; nothing was changed" in sentence(traject("--lang", "en", *command), 2)


@pytest.mark.parametrize("text", ["0001-01-01 10:00", "9999-12-31 23:59", "1926-09-14 10:00"])
def test_a_year_that_nobody_means_is_refused(traject: Traject, text: str):
    said = sentence(traject("run-once", "--now", text), 2)
    assert said.startswith(f"‘{text}’ is geen moment; schrijf dag en tijd")


def test_a_start_in_a_year_that_nobody_means_is_refused(traject: Traject):
    said = traject("preview", "po-nieuw", "--school", "16DS00", "--start", "0026-09-14")
    assert "is geen datum; schrijf" in sentence(said, 2)


def test_more_days_than_the_calendar_has_are_refused(traject: Traject):
    ran = traject("upcoming", "--days", "99999999")
    assert (ran.code, ran.out) == (2, "")
    assert "--days" in ran.err


@pytest.mark.parametrize("more", [(), ("--invitation",)], ids=["mail", "invitation"])
@pytest.mark.parametrize("text", ["noor", "Noor <noor@school.example>", "a b@school.example", ""])
def test_a_test_mail_to_what_is_no_address_is_refused(traject: Traject, text: str, more: tuple[str, ...]):
    assert "is geen mailadres" in sentence(traject("mail", "test", text, *more), 1)


def test_a_role_that_a_file_misses_is_to_be_filled_in_there(traject: Traject, tmp_path: Path):
    file = tmp_path / "x.csv"
    file.write_text(
        "programme;school;start;coordinator;directeur;advisr\n"
        "po-nieuw;16DS00;2026-09-14;N <n@s.example>;D <d@s.example>;S <s@h.example>\n"
    )
    said = sentence(traject("launch", "--from", str(file), "--yes"), 1)
    assert "vul Naam <adres> in, in de kolom ‘adviseur’" in said
    assert "--role" not in said


WRONG_SETTINGS = {
    "a port that is none": (
        {"TRAJECT_SMTP_URL": "smtp://mail.example:99999"},
        "TRAJECT_SMTP_URL: moet smtp://SERVER:POORT",
    ),
    "two senders": (
        {"TRAJECT_FROM": "Hart <a@hart.example>, B <b@hart.example>"},
        'TRAJECT_FROM: moet zijn zoals "Hart <cmk@hart.example>"',
    ),
    "a name with a comma and no quotes": (
        {"TRAJECT_FROM": "Hart, Haarlem <a@hart.example>"},
        'TRAJECT_FROM: moet zijn zoals "Hart <cmk@hart.example>"',
    ),
    "a folder that is not there": (
        {"TRAJECT_PROGRAMMES_DIR": "nergens"},
        "TRAJECT_PROGRAMMES_DIR: moet een map met programma's zijn, en die is er niet",
    ),
    "a language": ({"TRAJECT_LANGUAGE": "de"}, "TRAJECT_LANGUAGE: moet nl of en zijn (nu: 'de')"),
    "a provider": (
        {"TRAJECT_MAIL_PROVIDER": "kpn"},
        "TRAJECT_MAIL_PROVIDER: moet '', exchange-online, google-workspace of own-server zijn (nu: 'kpn')",
    ),
    "a mistyped name": (
        {"TRAJECT_SMPT_URL": "smtp://mail.example"},
        "TRAJECT_SMPT_URL: die instelling bestaat niet; bedoel je TRAJECT_SMTP_URL?",
    ),
}


@pytest.mark.parametrize("case", WRONG_SETTINGS)
def test_a_wrong_setting_is_named_with_what_it_must_be(case: str, monkeypatch: pytest.MonkeyPatch):
    given, expected = WRONG_SETTINGS[case]
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert str(raised.value).startswith(expected)
    assert raised.value.english != str(raised.value)


def test_variables_that_are_not_like_any_of_ours_are_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRAJECT_TEST_POSTGRES_URL", "postgresql://x")
    monkeypatch.setenv("TRAJECT_DEPLOYED_BY", "hart")
    monkeypatch.setenv("TRAJECT_FROM", '"Hart, Haarlem" <a@hart.example>')
    assert load_settings().mail_from == '"Hart, Haarlem" <a@hart.example>'
