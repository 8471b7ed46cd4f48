"""`traject slots`, `choose` and `people agenda`, as staff use them."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import time_machine
from commands import LAUNCH, Traject, with_settings

from traject.settings import Settings

INTAKE = ("po-nieuw:16LF00", "intake")
CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//nl
BEGIN:VEVENT
UID:een
SUMMARY:Gesprek met de bedrijfsarts
DTSTART;TZID=Europe/Amsterdam:20261020T080000
DTEND;TZID=Europe/Amsterdam:20261020T180000
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture
def traject(monkeypatch: pytest.MonkeyPatch, settings: Settings, now: datetime) -> Iterator[Traject]:
    """The command line, with one school that was just launched."""
    with time_machine.travel(now, tick=False):
        made = with_settings(monkeypatch, settings)
        assert made("init").code == 0
        assert made(*LAUNCH, "--yes").code == 0
        yield made


def test_staff_see_what_can_be_and_why_not_and_choose(traject: Traject, tmp_path: Path):
    file = tmp_path / "sanne.ics"
    file.write_text(CALENDAR)
    read = traject("people", "agenda", "sanne@hart.example", str(file))
    assert (read.code, read.out.split(" keer")[0]) == (0, "Gelezen: 1")
    found = traject("slots", *INTAKE, "--json").json
    assert found["candidates"][0]["starts_at"] < found["candidates"][1]["starts_at"]
    reasons = {each["day"]: each["reason"] for each in found["rejected"]}
    assert reasons["2026-10-13"] == "is vrij: Herfstvakantie"
    assert reasons["2026-10-20"] == "Sanne de Vries heeft dan iets anders"
    shown = traject("slots", *INTAKE)
    assert shown.code == 0
    assert "Sanne de Vries heeft dan iets anders" in shown.out
    assert "bedrijfsarts" not in shown.out
    assert max(len(line) for line in shown.out.splitlines() if "Samen" not in line) <= 80
    assert "has something else then" in traject("--lang", "en", "slots", *INTAKE).out
    refused = traject("choose", *INTAKE, "2026-10-20 13:30", "--yes")
    assert refused.code == 1
    assert "20-10-2026 13:30 kan niet: Sanne de Vries heeft dan iets anders" in refused.err
    tried = traject("choose", *INTAKE, "2026-10-22 14:00", "--dry-run")
    assert "do 22 okt 2026 14:00" in tried.out
    assert "is op donderdag 22 oktober 2026 om 14:00. De uitnodiging gaat uit op" in tried.out
    assert tried.out.splitlines()[-1] == "Er is niets veranderd (--dry-run)."
    assert traject("choose", *INTAKE, "2026-10-20 13:30", "--force", "--yes").code == 0
    assert traject("slots", *INTAKE, "--json").code == 0


def test_what_stands_in_a_calendar_moves_gatherings_at_once_and_is_said(traject: Traject, tmp_path: Path):
    def intake() -> str:
        steps = traject("status", "po-nieuw:16LF00", "--json").json["steps"]
        return next(step["starts_at"] for step in steps if step["key"] == "intake")

    was = intake()
    file = tmp_path / "sanne.ics"
    file.write_text(CALENDAR.replace("20261020", was[:10].replace("-", "")))
    read = traject("people", "agenda", "sanne@hart.example", str(file))
    assert "Een andere datum kregen bijeenkomsten van: po-nieuw:16LF00." in read.out
    assert intake() > was
    again = traject("people", "agenda", "sanne@hart.example", str(file), "--json").json
    assert again["replanned"] == []


def test_a_broken_calendar_is_said_where_dates_are_looked_for_and_by_the_doctor(
    traject: Traject, tmp_path: Path
):
    file = tmp_path / "sanne.ics"
    file.write_text(CALENDAR)
    assert traject("people", "agenda", "sanne@hart.example", str(file)).code == 0
    file.write_text("<html>")
    traject("run-once")
    seen = traject("slots", *INTAKE)
    assert (
        "De agenda van Sanne de Vries is het laatst gelezen op ma 7 sep 2026 10:00: dit is geen agenda"
        in seen.err
    )
    [line] = [each for each in traject("doctor", "--json").json if each["part"] == "agendas"]
    assert (line["ok"], "dit is geen agenda" in line["found"]) == (False, True)
    [line] = [each for each in traject("--lang", "en", "doctor", "--json").json if each["part"] == "agendas"]
    assert line["found"] == (
        "Sanne de Vries: this is no calendar; give the address of an iCalendar file (.ics)"
    )
    assert traject("people", "agenda", "sanne@hart.example", "--remove").code == 0
    assert traject("slots", *INTAKE).err == ""


def test_what_cannot_be_is_refused_in_one_sentence(traject: Traject):
    assert "kies uit borgingsgesprek" in traject("slots", "po-nieuw:16LF00", "intak").err
    assert "kies een schooljaar met --cycle" in traject("slots", "po-nieuw:16LF00", "rondetafel").err
    assert traject("people", "agenda", "sanne@hart.example").code == 2
    assert "is geen moment" in traject("choose", *INTAKE, "morgen").err


def test_a_place_that_is_too_small_is_said_where_dates_are_looked_for_and_chosen(traject: Traject):
    traject("locations", "set", "op school", "2", "--yes")
    said = "Let op: ‘op school’ is voor 2 mensen, en hier worden er 3 gevraagd."
    seen = traject("slots", "po-nieuw:16LF00", "intake", "--most", "1")
    assert said in seen.err
    first = traject("slots", "po-nieuw:16LF00", "intake", "--json").json
    assert said in first["notes"]
    at = first["candidates"][0]["starts_at"]
    assert said in traject("choose", "po-nieuw:16LF00", "intake", at, "--dry-run").out.replace("\n", " ")
    traject("locations", "set", "op school", "3", "--yes")
    assert "Let op" not in traject("slots", "po-nieuw:16LF00", "intake", "--most", "1").err
