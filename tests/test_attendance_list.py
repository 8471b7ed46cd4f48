"""The attendance list: who is on it, what it says, and that it prints."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from engine_cases import World
from gathering_cases import KEY, invited, world_with
from pdf_text import sheets
from portal_site import text_of
from sqlmodel import select
from test_attendance import FATIMA, JAN, SAM, say

from models import Gathering, Invitation, Person
from models.enums import PartStat
from traject.attendance_list import AttendanceList, attendance_list, write_html, write_pdf
from traject.guests import Guest, Said
from traject.store import Store

MADE = datetime(2026, 9, 28, 8, 0, tzinfo=UTC)
FULL = AttendanceList(
    title="Studiemiddag drama",
    when="woensdag 7 oktober 2026, 13:30–16:30 uur",
    place="De Pletterij, Haarlem",
    organiser="Sam Vos, Hart",
    trajectory="Cultuur op ’t Web",
    as_of="maandag 28 september 2026, 10:00 uur",
    language="nl",
    guests=tuple(
        Guest(n, f"Gast {n:03}", f"g{n}@school.example", "De Kleine Wereld", ("leerkracht",), Said.YES, None)
        for n in range(100)
    ),
)


def listed(world: World, language: str = "nl") -> AttendanceList:
    with world.store.read() as session:
        gathering = session.get_one(Gathering, world.gathering(KEY).id)
        return attendance_list(session, gathering, language=language, now=MADE)


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    made = world_with(store, database_url, tmp_path)
    invited(made)
    return made


def test_it_names_who_may_come_with_school_role_and_answer_and_not_who_declined(world: World) -> None:
    say(world, PartStat.ACCEPTED, [FATIMA])
    say(world, PartStat.DECLINED, [JAN])
    found = listed(world)
    assert [(g.name, g.roles, g.said) for g in found.guests] == [
        ("Fatima Çelik", ("cultuurcoördinator",), Said.YES),
        ("Sam Vos", ("adviseur",), Said.NOTHING),
    ]
    assert found.guests[0].organisation == "De Kleine Wereld"
    assert (found.organiser, found.place) == ("Sam Vos, Hart", "op school")
    assert found.when == "dinsdag 29 september 2026, 13:30–15:30 uur"


def test_who_waits_for_a_place_is_on_it_as_such_and_who_was_taken_off_is_not(world: World) -> None:
    say(world, PartStat.ACCEPTED, [FATIMA, JAN])
    with world.store.write() as session:
        query = select(Invitation, Person).join(Person, Person.id == Invitation.person_id)
        for invitation, person in session.exec(query).all():
            invitation.waiting_since = MADE if person.email == FATIMA else None
            invitation.is_cancelled = person.email == SAM
    assert [(g.email, g.said) for g in listed(world).guests] == [(FATIMA, Said.WAITING), (JAN, Said.YES)]


def test_the_pdf_says_it_in_dutch_with_room_for_a_signature(world: World) -> None:
    [said] = sheets(write_pdf(listed(world), MADE))
    for words in (
        "Presentielijst",
        "Kennismaking",
        "Fatima Çelik",
        "Handtekening",
        "Sam Vos, Hart",
        "op school",
    ):
        assert words in said
    assert "Attendance list" in sheets(write_pdf(listed(world, "en"), MADE))[0]


def test_a_hundred_people_stand_on_several_sheets_each_with_its_headings_and_nobody_is_lost() -> None:
    said = sheets(write_pdf(FULL, MADE))
    assert len(said) > 3
    assert all("Handtekening" in sheet for sheet in said)
    assert [name for name in "\n".join(said).splitlines() if name.startswith("Gast ")] == [
        guest.name for guest in FULL.guests
    ]
    assert "bladzijde 1" in said[0]


def test_the_same_list_gives_the_same_bytes() -> None:
    assert write_pdf(FULL, MADE) == write_pdf(FULL, MADE)


def test_the_page_holds_the_same_list_and_needs_nothing_from_elsewhere() -> None:
    page = write_html(FULL)
    assert all(guest.name in page for guest in FULL.guests)
    assert "Presentielijst Studiemiddag drama" in text_of(page)
    assert "http" not in page
    assert "<script" not in page


def test_what_people_are_called_cannot_break_the_page() -> None:
    guest = Guest(1, "<b>Jan</b> & Co", "j@school.example", "", (), Said.MAYBE, None)
    page = write_html(AttendanceList("T", "w", "", "Hart", "x", "nu", "nl", (guest,)))
    assert "&lt;b&gt;Jan&lt;/b&gt; &amp; Co" in page
    assert "De plek volgt nog" in page
