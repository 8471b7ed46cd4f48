"""Certificates of attendance: who gets one, what it says, and that its number can be checked."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from engine_cases import PROGRAMMES, World, add_school, engine_settings
from gathering_cases import KEY, invited, world_with
from hypothesis import given, settings
from hypothesis import strategies as st
from pdf_text import sheets
from portal_site import Clock, TestClient, text_of
from test_attendance import FATIMA, JAN, MORE, SAM, over, record

from portal.app import create_app
from portal.security import redact
from traject.certificate import (
    Attended,
    Certificate,
    certificates_of,
    find_certificate,
    how_long,
    number_of,
    write_pdf,
)
from traject.paper import FONTS, writable
from traject.staff_attendance import record_attendance
from traject.store import Store

AT = datetime(2026, 10, 7, 11, 30, tzinfo=UTC)
SESSION = Attended("Studiemiddag drama", AT, AT + timedelta(hours=2.5), "Europe/Amsterdam", "De Pletterij")
ONE = Certificate(
    number="271-7KQA-MZ5P-XW3R",
    name="Şükran Öztürk-Łukasiewicz",
    organisation="Basisschool ’t Web",
    language="nl",
    title="Studiemiddag drama",
    sessions=(SESSION,),
    signed_by="Sanne de Vries",
    url="https://traject.example/c/271-7KQA-MZ5P-XW3R",
)


# The sheet


def test_the_sheet_says_who_what_when_how_long_where_and_how_to_check_it() -> None:
    [said] = sheets(write_pdf(ONE))
    for words in (
        "Hart",
        "Bewijs van deelname",
        "Şükran Öztürk-Łukasiewicz",
        "Basisschool ’t Web",
        "Studiemiddag drama",
        "woensdag 7 oktober 2026, 13:30–16:00 uur",
        "2,5 uur",
        "De Pletterij",
        "Sanne de Vries",
        "271-7KQA-MZ5P-XW3R",
        "https://traject.example/c/271-7KQA-MZ5P-XW3R",
    ):
        assert words in said.splitlines() or words in said, words


def test_a_series_is_listed_in_full_with_its_total_in_the_language_of_the_person() -> None:
    more = tuple(
        replace(
            SESSION,
            title=f"Session {n}",
            starts_at=AT + timedelta(weeks=n),
            ends_at=SESSION.ends_at + timedelta(weeks=n),
        )
        for n in range(6)
    )
    data = write_pdf(replace(ONE, language="en", title="Course", sessions=more))
    [said] = sheets(data)
    assert "Certificate of attendance" in said
    assert all(f"Session {n}" in said for n in range(6))
    assert "6 meetings, 15 hours in all" in said
    assert b"/Lang (en-GB)" in data
    assert b"/Title (Certificate of attendance: Course)" in data
    assert b"/DisplayDocTitle true" in data


def test_a_long_series_takes_more_sheets_and_is_signed_on_the_last() -> None:
    said = sheets(write_pdf(replace(ONE, sessions=(SESSION,) * 20)))
    assert len(said) == 2
    assert ("Nummer" in said[0], "Nummer" in said[1]) == (False, True)


def test_the_same_certificate_gives_the_same_bytes_in_every_process() -> None:
    code = (
        "import sys, hashlib; sys.path[:0] = ['tests']\n"
        "from test_certificate import ONE, write_pdf\n"
        "print(hashlib.sha256(write_pdf(ONE)).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "America/New_York"))
    }
    assert len(digests) == 1


def test_a_name_in_any_latin_greek_or_cyrillic_letters_stands_on_paper_as_it_is_written() -> None:
    names = ["Nguyễn Thị Ánh", "Ștefan Țepeș", "Özgür Işık", "Đorđe Čupić", "Άννα Παππά", "Юлия Щукина"]
    assert [writable(name) for name in names] == names
    assert writable("Zoe\u0308") == "Zoë", "letters that came in pieces are put together"
    assert writable("Anna 🌸") == "Anna \N{REPLACEMENT CHARACTER}"


@given(st.text(max_size=80))
@settings(max_examples=40)
def test_no_name_stops_a_certificate_and_what_is_written_can_be_read_back(name: str) -> None:
    said = "".join(sheets(write_pdf(replace(ONE, name=f"A{name}")))[0].split())
    assert "".join(writable(f"A{name}").split()) in said


@pytest.mark.parametrize(
    ("minutes", "dutch", "english"),
    [
        (60, "1 uur", "1 hour"),
        (150, "2,5 uur", "2.5 hours"),
        (105, "1,75 uur", "1.75 hours"),
        (110, "1 uur en 50 minuten", "1 hour and 50 minutes"),
        (50, "50 minuten", "50 minutes"),
    ],
)
def test_how_long_is_said_as_people_say_it(minutes: int, dutch: str, english: str) -> None:
    assert (how_long(minutes, "nl"), how_long(minutes, "en")) == (dutch, english)


def test_the_typeface_comes_with_its_licence_and_is_small() -> None:
    assert "Apache License" in (FONTS / "LICENSE.txt").read_text()
    assert sum(file.stat().st_size for file in FONTS.iterdir()) < 800_000


# Who gets one


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    made = world_with(store, database_url, tmp_path, MORE)
    invited(made)
    return made


def earned(world: World, key: str = KEY) -> dict[str, Certificate]:
    with world.store.read() as session:
        found = certificates_of(session, world.settings, world.gathering(key).id or 0)
    return {person.email: certificate for person, certificate in found}


def test_who_was_there_gets_one_and_the_absent_and_hart_itself_do_not(world: World) -> None:
    record(world, over(world), attended=[FATIMA, SAM, "bo@school.example"], absent=[JAN])
    found = earned(world)
    assert sorted(found) == ["bo@school.example", FATIMA]
    [only] = found[FATIMA].sessions
    assert (only.title, only.minutes) == ("Kennismaking", 120)
    assert found[FATIMA].signed_by == "Sam Vos"
    assert found[FATIMA].organisation == "De Kleine Wereld"


def test_a_step_without_certificate_gives_none(store: Store, database_url: str, tmp_path: Path) -> None:
    world = world_with(store, database_url, tmp_path)
    invited(world)
    record(world, over(world), attended=[FATIMA])
    assert earned(world) == {}


def test_its_number_is_checked_and_a_correction_ends_it(world: World) -> None:
    now = over(world)
    record(world, now, attended=[FATIMA, JAN])
    number = earned(world)[FATIMA].number

    def check(what: str) -> Certificate | None:
        with world.store.read() as session:
            return find_certificate(session, world.settings, what)

    found = check(f" {number.lower()} ")
    assert found is not None
    assert found.name == "Fatima Çelik"
    other = earned(world)[JAN].number.split("-")
    assert check("-".join([number.split("-")[0], *other[1:]])) is None, "a seal of another number"
    assert check("1-AAAA-BBBB-CCCC") is None
    assert check("999999999999-AAAA-BBBB-CCCC") is None
    assert check(number_of(world.settings, 4711)) is None, "nobody has that invitation"
    record(world, now, absent=[FATIMA])
    assert check(number) is None


SECOND = """
      - gathering: tweede
        title: Tweede middag
        to: [coordinator, directeur, adviseur]
        when: binnen de fase, vanaf 3 weken na stap kennismaking, elke werkdag, vanaf 13:30, 3 uur
        series: cursus
        certificate: yes
        invite: 2 weken
      - mail: bedankt
"""


def test_a_series_is_one_certificate_with_all_that_somebody_attended(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    programmes = Path(shutil.copytree(PROGRAMMES, tmp_path / "programmes"))
    path = programmes / "proef.yaml"
    text = path.read_text().replace("      - mail: bedankt\n", SECOND.lstrip("\n"))
    step = "      - gathering: kennismaking\n"
    path.write_text(text.replace(step, f"{step}        series: cursus\n        certificate: yes\n"))
    world = World(store, engine_settings(database_url, tmp_path / "var", programmes))
    add_school(store)
    world.launch()
    now = over(world)
    record(world, now, attended=[FATIMA, JAN])
    first = earned(world)
    assert [each.title for each in first[FATIMA].sessions] == ["Kennismaking"]
    later = over(world, "tweede")
    number = world.gathering("tweede").id or 0
    record_attendance(world.store, world.settings, number, attended=[FATIMA], absent=[JAN], now=later)
    both = earned(world, "tweede")
    assert list(both) == [FATIMA]
    assert [each.title for each in both[FATIMA].sessions] == ["Kennismaking", "Tweede middag"]
    assert both[FATIMA].title == "Proefprogramma"
    assert both[FATIMA].number == first[FATIMA].number, "one number for the whole series"
    assert earned(world)[JAN].sessions == first[JAN].sessions


# The page


@pytest.fixture
def browser(world: World) -> Iterator[TestClient]:
    now = over(world)
    record(world, now, attended=[FATIMA])
    with TestClient(
        create_app(world.settings, world.store, Clock(now)), raise_server_exceptions=False
    ) as made:
        yield made


def test_the_link_in_the_thank_you_opens_the_certificate_without_an_account(
    world: World, browser: TestClient
) -> None:
    certificate = earned(world)[FATIMA]
    [mail] = world.mails("thanks")
    path = f"/c/{certificate.number}"
    assert certificate.url == f"http://portal.example{path}"
    assert certificate.url.encode() in (mail.data or b"").replace(b"=\r\n", b"")
    page = browser.get(path)
    assert page.status_code == 200
    assert "Fatima Çelik" in text_of(page.text)
    assert "2 uur" in text_of(page.text)
    sheet = browser.get(f"{path}.pdf")
    assert sheet.headers["content-type"] == "application/pdf"
    assert sheet.headers["content-disposition"] == f'attachment; filename="hart-{certificate.number}.pdf"'
    assert sheet.content == write_pdf(certificate)
    english = browser.get(f"{path}?lang=en").text
    assert "Certificate of attendance" in english
    assert "2 hours" in text_of(english)
    assert '<span class="quiet" lang="nl">' in english, "the place is in the words of staff"


@pytest.mark.parametrize("path", ["/c/1-AAAA-BBBB-CCCC", "/c/1-AAAA-BBBB-CCCC.pdf", "/c/%00", "/c/x.pdf"])
def test_a_number_that_nobody_has_shows_nothing(browser: TestClient, path: str) -> None:
    assert browser.get(path).status_code == 404


def test_a_number_stays_out_of_the_logs() -> None:
    assert redact("GET /c/271-7KQA-MZ5P-XW3R.pdf") == "GET /c/…"
