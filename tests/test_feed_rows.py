"""Whose gatherings stand in a feed, how sure they are, and that nobody else can read it."""

from datetime import timedelta
from typing import Any

import pytest
from answering import STARTS, dump
from feed_office import NOW, Office, office
from icalendar import Calendar
from sqlalchemy.event import listen
from sqlmodel import select

from models import (
    Event,
    Feed,
    Gathering,
    Invitation,
    Person,
)
from models.enums import FeedKind, GatheringState, PartStat
from traject.errors import Refused
from traject.feeds import feed_url, make_feed, revoke_feed, webcal_url

__all__ = ["office"]  # the fixture


def titles(read: Calendar) -> list[str]:
    return [str(each["SUMMARY"]) for each in read.walk("VEVENT")]


def test_a_person_sees_what_they_are_invited_to_in_the_words_and_with_the_numbers_of_the_mail(office: Office):
    office.change(Gathering, office.world.gathering, sequence=4)  # somebody else was uninvited
    token = office.own()
    office.gathering()
    [found] = office.read(token).walk("VEVENT")
    assert str(found["UID"]) == "g-1@traject.example"
    assert found["SEQUENCE"] == 1
    assert str(found["SUMMARY"]) == "Studiemiddag beeldende kunst (Basisschool De Kleine Wereld)"
    assert found["DTSTART"].dt == STARTS
    assert str(found["LOCATION"]) == "Hart, Kleine Houtweg 18, Haarlem"
    assert str(found["DESCRIPTION"]).endswith(
        "\n\nEen middag zelf maken en samen kiezen wat past bij de school."
    )


@pytest.mark.parametrize(
    ("values", "status", "transparency", "note"),
    [
        ({}, "TENTATIVE", "OPAQUE", "nog niet geantwoord"),
        ({"partstat": PartStat.ACCEPTED}, "CONFIRMED", "OPAQUE", "Je komt."),
        ({"partstat": PartStat.TENTATIVE}, "TENTATIVE", "OPAQUE", "misschien"),
        ({"partstat": PartStat.DECLINED}, "CONFIRMED", "TRANSPARENT", "afgemeld"),
        ({"partstat": PartStat.DELEGATED}, "CONFIRMED", "TRANSPARENT", "iemand anders"),
        ({"partstat": PartStat.ACCEPTED, "waiting_since": NOW}, "TENTATIVE", "OPAQUE", "wachtlijst"),
        ({"partstat": PartStat.ACCEPTED, "offered_until": NOW}, "TENTATIVE", "OPAQUE", "plek voor je"),
        ({"is_cancelled": True}, "CANCELLED", "TRANSPARENT", "niet meer uitgenodigd"),
    ],
    ids=["no answer", "yes", "maybe", "no", "delegated", "waiting", "offered", "uninvited"],
)
def test_in_a_feed_of_ones_own_a_gathering_is_as_sure_as_ones_answer(
    office: Office, values: dict[str, Any], status: str, transparency: str, note: str
):
    token = office.own()
    office.change(Invitation, office.world.invitation, **values)
    [found] = office.read(token).walk("VEVENT")
    assert (str(found["STATUS"]), str(found["TRANSP"])) == (status, transparency)
    assert note in str(found["DESCRIPTION"])
    assert str(found["SUMMARY"]).startswith("Vervallen: ") == (status == "CANCELLED")


def test_a_cancelled_gathering_stays_in_every_feed_as_cancelled(office: Office):
    tokens = [
        office.own(),
        office.feed(FeedKind.TRAJECTORY, office.world.trajectory),
        office.feed(FeedKind.STAFF),
    ]
    office.change(Gathering, office.world.gathering, state=GatheringState.CANCELLED, sequence=2)
    office.change(Invitation, office.world.invitation, sequence=2)
    for token in tokens:
        [found] = office.read(token).walk("VEVENT")
        assert (str(found["STATUS"]), str(found["TRANSP"])) == ("CANCELLED", "TRANSPARENT")
        assert (str(found["UID"]), found["SEQUENCE"]) == ("g-1@traject.example", 2)
        assert str(found["SUMMARY"]).startswith("Vervallen: Studiemiddag")


def test_a_trajectory_a_group_and_staff_see_theirs_and_it_takes_no_time_of_the_reader(office: Office):
    group = office.other_trajectory()
    office.gathering(trajectory_id=group, title="Werksessie")
    school = office.feed(FeedKind.TRAJECTORY, office.world.trajectory)
    ours = office.feed(FeedKind.TRAJECTORY, group)
    staff = office.feed(FeedKind.STAFF)
    first, second = (
        "Studiemiddag beeldende kunst (Basisschool De Kleine Wereld)",
        "Werksessie (Proeftuin speciaal)",
    )
    assert titles(office.read(school)) == [first]
    assert titles(office.read(ours)) == [second]
    assert titles(office.read(staff)) == [first, second]
    assert {str(e["TRANSP"]) for e in office.read(staff).walk("VEVENT")} == {"TRANSPARENT"}
    assert str(office.read(ours)["NAME"]) == "Hart Cultuureducatie: Proeftuin"


def test_a_trajectory_sees_the_gathering_of_another_that_its_own_step_sent_people_to(office: Office):
    group = office.other_trajectory()
    shared = office.gathering(trajectory_id=group, title="Themamiddag muziek")
    token = office.feed(FeedKind.TRAJECTORY, office.world.trajectory)
    assert len(titles(office.read(token))) == 1
    office.invite(shared, office.person("jan@school.example").id, step_id=office.world.step)
    assert "Themamiddag muziek (Proeftuin speciaal)" in titles(office.read(token))


def test_staff_see_how_many_come_without_names_and_nobody_else_does(office: Office):
    other = office.gathering(title="Netwerkbijeenkomst")
    office.gathering(title="Nog niemand gevraagd")
    off = office.gathering(title="Afgezegd", state=GatheringState.CANCELLED)
    for number, values in enumerate(
        (
            {"partstat": PartStat.ACCEPTED},
            {"partstat": PartStat.ACCEPTED},
            {"partstat": PartStat.ACCEPTED, "waiting_since": NOW},
            {"partstat": PartStat.TENTATIVE},
            {"partstat": PartStat.DECLINED},
            {"is_cancelled": True},
        )
    ):
        with office.store.write() as session:
            guest = Person(name=f"Gast {number}", email=f"gast{number}@school.example")
            session.add(guest)
            session.flush()
            guest_id = guest.id or 0
        office.invite(other, guest_id, **values)
        office.invite(off, guest_id)
    token = office.feed(FeedKind.STAFF)
    said = {str(each["SUMMARY"]).split(" (")[0]: each for each in office.read(token).walk("VEVENT")}
    notes = {title: str(each.get("DESCRIPTION", "")).split("\n")[0] for title, each in said.items()}
    assert notes == {
        "Studiemiddag beeldende kunst": "Nog geen antwoord: 2",
        "Netwerkbijeenkomst": "Komt: 2 · misschien: 1 · kan niet: 1 · wachtlijst: 1",
        "Nog niemand gevraagd": "",
        "Vervallen: Afgezegd": "Deze bijeenkomst gaat niet door.",
    }
    before = office.etag(token)
    office.change(Invitation, office.world.invitation, partstat=PartStat.ACCEPTED, answered_at=NOW)
    assert office.etag(token) != before
    for text in (office.bytes(office.own()), office.bytes(office.feed(FeedKind.TRAJECTORY, 1))):
        assert b"Nog geen antwoord" not in text


def test_asking_whether_a_feed_changed_is_one_statement(office: Office):
    tokens = [office.own(), office.feed(FeedKind.TRAJECTORY, 1), office.feed(FeedKind.STAFF)]
    asked: list[str] = []

    def seen(_: Any, __: Any, statement: str, *rest: Any) -> None:
        asked.append(statement)

    listen(office.store.engine, "before_cursor_execute", seen)
    for token in tokens:
        assert office.opens(token)
    assert [each.split()[0] for each in asked if each != "BEGIN"] == [
        "SELECT"
    ] * 3  # SQLite's BEGIN asks nobody


def test_what_was_only_proposed_or_is_over_for_long_is_in_no_feed(office: Office):
    office.gathering(state=GatheringState.PROPOSED)
    office.gathering(starts_at=NOW - timedelta(days=440), ends_at=NOW - timedelta(days=439))
    last_year = office.gathering(
        title="Vorig jaar", starts_at=NOW - timedelta(days=300), ends_at=NOW - timedelta(days=299)
    )
    assert last_year
    assert [title[:10] for title in titles(office.read(office.feed(FeedKind.STAFF)))] == [
        "Vorig jaar",
        "Studiemidd",
    ]


def test_no_feed_names_anybody(office: Office):
    with office.store.read() as session:
        people = [word for p in session.exec(select(Person)) for word in (p.email, *p.name.split())]
    tokens = [
        office.own(),
        office.feed(FeedKind.TRAJECTORY, office.world.trajectory),
        office.feed(FeedKind.STAFF),
    ]
    for token in tokens:
        text = office.bytes(token).decode().replace("\r\n ", "")
        assert "ATTENDEE" not in text
        assert not [word for word in people if len(word) > 2 and word in text]


def test_a_person_reads_their_feed_in_their_own_language(office: Office):
    office.change(Person, office.person("fatima@school.example").id, language="en")
    office.change(Gathering, office.world.gathering, state=GatheringState.CANCELLED)
    read = office.read(office.own())
    assert str(read["NAME"]) == "Hart Cultuureducatie: my meetings"
    assert titles(read)[0].startswith("Cancelled: Studiemiddag")
    assert str(read.walk("VEVENT")[0]["DESCRIPTION"]).startswith("This meeting does not take place.")


# The secret


def test_the_database_does_not_hold_the_address_of_a_feed(office: Office):
    token = office.own()
    assert token not in str(dump(office.store))
    with office.store.read() as session:
        made = session.exec(select(Event)).one()
        assert (made.name, made.actor) == ("feed.made", "staff")
        assert len(session.exec(select(Feed.token_hash)).one()) == 64


def test_a_revoked_feed_is_gone_and_can_be_revoked_once_more(office: Office):
    token = office.own()
    for _ in range(2):
        with office.store.write() as session:
            assert revoke_feed(session, 1, now=NOW).revoked_at == NOW
    assert not office.opens(token)
    with office.store.read() as session:
        assert session.exec(select(Event.name)).all() == ["feed.made", "feed.revoked"]


def test_a_feed_that_is_not_there_cannot_be_revoked(office: Office):
    with office.store.write() as session, pytest.raises(Refused, match="`traject feeds list`"):
        revoke_feed(session, 7, now=NOW)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (FeedKind.PERSON, {}),
        (FeedKind.PERSON, {"trajectory_id": 1}),
        (FeedKind.TRAJECTORY, {"person_id": 1, "trajectory_id": 1}),
        (FeedKind.STAFF, {"person_id": 1}),
    ],
)
def test_a_feed_is_of_what_its_kind_says(office: Office, kind: FeedKind, given: dict[str, int]):
    with office.store.write() as session, pytest.raises(ValueError, match="a feed for"):
        make_feed(session, kind, now=NOW, **given)


def test_the_address_also_opens_a_calendar():
    url = feed_url("https://traject.example", "t0ken")
    assert url == "https://traject.example/f/t0ken.ics"
    assert webcal_url(url) == "webcal://traject.example/f/t0ken.ics"
