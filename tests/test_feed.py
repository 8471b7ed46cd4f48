"""Calendar feeds: what stands in them for whom, and that their tag moves when, and only when, they do."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from answering import STARTS, World, build, dump
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar
from sqlmodel import col, select
from test_invitation import JAN, event, events

from calendars.content_lines import read_components
from calendars.feed import CalendarFeed, FeedEvent, feed
from calendars.invitation import Status, request
from calendars.vtimezone import offset_at, vtimezone
from models import (
    Event,
    Feed,
    Gathering,
    Invitation,
    Organisation,
    Person,
    StepRow,
    Trajectory,
)
from models.enums import FeedKind, GatheringState, PartStat, StepKind
from traject.dossier import row_id
from traject.errors import Refused
from traject.feed_shown import shown
from traject.feeds import etag_of, feed_url, make_feed, open_feed, read_feed, revoke_feed, webcal_url
from traject.settings import Settings
from traject.store import Store

NOW = datetime(2026, 9, 7, 8, 0, tzinfo=UTC)


def calendar(*events: FeedEvent, **changes: Any) -> CalendarFeed:
    fields: dict[str, Any] = {
        "uid": "feed-7@hart.example",
        "name": "Hart: mijn bijeenkomsten",
        "description": "Wat verandert, verandert hier mee; altijd.",
        "source": "https://traject.example/f/s3cret.ics",
        "url": "https://traject.example",
        "last_modified": NOW,
        "refresh": timedelta(hours=1),
        "timezone": "Europe/Amsterdam",
        "events": events,
    }
    return CalendarFeed(**(fields | changes))


# The bytes


def test_a_feed_says_what_rfc_7986_asks_and_what_older_calendars_read():
    data = feed(calendar(FeedEvent(event())))
    for line in (
        "METHOD:PUBLISH",
        "UID:feed-7@hart.example",
        "LAST-MODIFIED:20260907T080000Z",
        "NAME:Hart: mijn bijeenkomsten",
        "DESCRIPTION:Wat verandert\\, verandert hier mee\\; altijd.",
        "URL:https://traject.example",
        "SOURCE;VALUE=URI:https://traject.example/f/s3cret.ics",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "COLOR:crimson",
        "X-WR-CALNAME:Hart: mijn bijeenkomsten",
        "X-PUBLISHED-TTL:PT1H",
    ):
        assert f"\r\n{line}\r\n".encode() in data, line


@pytest.mark.parametrize(
    ("length", "text"), [(60, "PT1M"), (3600, "PT1H"), (5400, "PT90M"), (7200, "PT2H"), (61, "PT61S")]
)
def test_the_refresh_interval_is_a_duration(length: int, text: str):
    assert f"DURATION:{text}\r\n".encode() in feed(calendar(refresh=timedelta(seconds=length)))


@given(st.lists(st.builds(FeedEvent, events, st.sampled_from(Status), st.booleans()), max_size=5))
def test_a_feed_reads_back_as_it_was_written_with_each_zone_once(found: list[FeedEvent]):
    data = feed(calendar(*found))
    assert all(len(line) <= 75 for line in data.split(b"\r\n"))
    read = Calendar.from_ical(data)
    assert [
        (str(e["UID"]), e["SEQUENCE"], e["DTSTART"].dt, e["DTEND"].dt, e["STATUS"])
        for e in read.walk("VEVENT")
    ] == [
        (each.event.uid, each.event.sequence, each.event.starts_at, each.event.ends_at, each.status)
        for each in found
    ]
    zones = [str(zone["TZID"]) for zone in read.walk("VTIMEZONE")]
    used = {line.parameter("TZID") for e in read_components(data)[0].inside("VEVENT") for line in e.lines}
    assert len(zones) == len(set(zones))
    assert set(zones) >= used - {None}


def test_an_event_in_a_feed_has_the_lines_of_its_invitation_and_nobody_in_it():
    meeting = event(sequence=3, description="Neem mee", location="Zaal 1")
    mail, lines = (
        data.decode().replace("\r\n ", "")
        for data in (request(meeting, JAN), feed(calendar(FeedEvent(meeting))))
    )
    wanted = mail[mail.index("BEGIN:VEVENT") : mail.index("END:VEVENT")].splitlines()
    assert [line for line in wanted if line not in lines.splitlines()] == [
        line for line in wanted if line.startswith("ATTENDEE")
    ]
    assert "ATTENDEE" not in lines


def test_an_event_that_is_not_sure_is_tentative_in_outlook_too():
    sure, unsure, free = (
        feed(calendar(FeedEvent(event(), status, takes_time))).decode()
        for status, takes_time in (
            (Status.CONFIRMED, True),
            (Status.TENTATIVE, True),
            (Status.TENTATIVE, False),
        )
    )
    assert "BUSYSTATUS" not in sure + free
    assert "STATUS:TENTATIVE\r\nTRANSP:OPAQUE\r\nX-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE\r\n" in unsure


def test_a_feed_without_events_is_a_calendar_all_the_same():
    [zone] = read_components(feed(calendar()))[0].components
    assert zone.name == "VTIMEZONE"


@pytest.mark.parametrize("tzid", ["Europe/Amsterdam", "America/Sao_Paulo", "Africa/Casablanca", "Asia/Tokyo"])
def test_one_vtimezone_is_right_for_all_the_years_of_a_feed(tzid: str):
    [zone] = read_components(vtimezone(tzid, 2017, 2030))
    at = datetime(2017, 1, 1, tzinfo=UTC)
    while at < datetime(2031, 12, 31, tzinfo=UTC):
        local = at.astimezone(ZoneInfo(tzid))
        if local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset():
            assert offset_at(zone, local.replace(tzinfo=None)) == local.utcoffset(), local
        at += timedelta(days=5, hours=7)


# Whose gatherings


@dataclass
class Office:
    """A store with one school, two people and a gathering; and what a test asks of a feed."""

    store: Store
    settings: Settings
    world: World

    def feed(self, kind: FeedKind, whose: int | None = None) -> str:
        """Make a feed; gives its token."""
        of = {FeedKind.PERSON: "person_id", FeedKind.TRAJECTORY: "trajectory_id"}.get(kind)
        with self.store.write() as session:
            return make_feed(session, kind, now=NOW, **({of: whose} if of else {}))[1]

    def own(self, *, of: str = "fatima@school.example") -> str:
        return self.feed(FeedKind.PERSON, self.person(of).id)

    def person(self, email: str) -> Person:
        with self.store.read() as session:
            return session.exec(select(Person).where(Person.email == email)).one()

    def read(self, token: str, now: datetime = NOW) -> Calendar:
        with self.store.read() as session:
            opened = open_feed(session, token)
            return Calendar.from_ical(read_feed(session, opened, token, self.settings, now).data)

    def bytes(self, token: str, now: datetime = NOW) -> bytes:
        with self.store.read() as session:
            return read_feed(session, open_feed(session, token), token, self.settings, now).data

    def etag(self, token: str, now: datetime = NOW) -> str:
        with self.store.read() as session:
            return etag_of(session, open_feed(session, token), self.settings, now)

    def change(self, table: type[Any], row: int, **values: Any) -> None:
        with self.store.write() as session:
            found = session.get_one(table, row)
            for name, value in values.items():
                setattr(found, name, value)

    def gathering(self, **values: Any) -> int:
        """Another gathering of the same trajectory; nobody is invited yet."""
        with self.store.write() as session:
            base: dict[str, Any] = {
                "trajectory_id": self.world.trajectory,
                "title": "Netwerkbijeenkomst",
                "starts_at": STARTS + timedelta(days=7),
                "ends_at": STARTS + timedelta(days=7, hours=2),
            } | values
            step = StepRow(
                trajectory_id=base["trajectory_id"],
                key=f"g{session.exec(select(col(StepRow.id)).order_by(col(StepRow.id).desc())).first()}",
                kind=StepKind.GATHERING,
                title="",
            )
            session.add(step)
            session.flush()
            made = Gathering(step_id=step.id, uid=f"g{step.id}@traject.example", **base)
            session.add(made)
            session.flush()
            return row_id(made)

    def invite(self, gathering: int, person: int, **values: Any) -> None:
        with self.store.write() as session:
            tag = f"i{gathering}-{person}"
            session.add(
                Invitation(gathering_id=gathering, person_id=person, tag=tag, address="x@x.example", **values)
            )

    def other_trajectory(self) -> int:
        with self.store.write() as session:
            known = session.get_one(Trajectory, self.world.trajectory)
            made = Trajectory(
                reference="proeftuin",
                programme_version_id=known.programme_version_id,
                group_name="Proeftuin speciaal",
                title="Proeftuin",
                starts_on=known.starts_on,
                launched_at=known.launched_at,
            )
            session.add(made)
            session.flush()
            return row_id(made)


@pytest.fixture
def office(store: Store, settings: Settings) -> Office:
    return Office(store, settings, build(store))


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


# The tag


def test_reading_a_feed_changes_nothing_and_gives_the_same_bytes(office: Office):
    token = office.own()
    before = dump(office.store)
    assert office.bytes(token) == office.bytes(token)
    assert office.etag(token) == office.etag(token)
    assert dump(office.store) == before


CHANGES = [
    ("a move", Gathering, {"starts_at": STARTS + timedelta(hours=1), "sequence": 2}),
    ("other words", Gathering, {"title": "Studiemiddag muziek", "revision": 1, "changed_at": NOW}),
    ("cancelled", Gathering, {"state": GatheringState.CANCELLED, "sequence": 2}),
    ("an answer", Invitation, {"partstat": PartStat.ACCEPTED, "answered_at": NOW}),
    ("a place on the list", Invitation, {"partstat": PartStat.ACCEPTED, "waiting_since": NOW}),
    ("an offer", Invitation, {"offered_until": NOW}),
    ("uninvited", Invitation, {"is_cancelled": True}),
    ("invited again", Invitation, {"sequence": 5}),
    ("a school that is renamed", Organisation, {"name": "De Grote Wereld"}),
    ("another language", Person, {"language": "en"}),
]


@pytest.mark.parametrize(("table", "values"), [pytest.param(*c[1:], id=c[0]) for c in CHANGES])
def test_the_tag_moves_when_anything_in_the_feed_does(
    office: Office, table: type[Any], values: dict[str, Any]
):
    tokens = {
        Invitation: [office.own()],
        Person: [office.own()],
        Gathering: [
            office.own(),
            office.feed(FeedKind.TRAJECTORY, office.world.trajectory),
            office.feed(FeedKind.STAFF),
        ],
    }
    tokens[Organisation] = tokens[Gathering]
    rows = {
        Gathering: office.world.gathering,
        Invitation: office.world.invitation,
        Organisation: 1,
        Person: office.person("fatima@school.example").id,
    }
    before = [(office.bytes(token), office.etag(token)) for token in tokens[table]]
    office.change(table, rows[table], **values)
    for token, (old, tag) in zip(tokens[table], before, strict=True):
        assert office.bytes(token) != old
        assert office.etag(token) != tag


def test_the_tag_stays_when_nothing_in_the_feed_changes(office: Office):
    own, school = office.own(), office.feed(FeedKind.TRAJECTORY, office.world.trajectory)
    before = [(office.bytes(token), office.etag(token)) for token in (own, school)]
    office.change(Invitation, office.world.other_invitation, partstat=PartStat.DECLINED, answered_at=NOW)
    office.change(Person, office.person("jan@school.example").id, name="Johan de Wit")
    other = office.gathering(trajectory_id=office.other_trajectory())
    office.invite(other, office.person("jan@school.example").id)
    later = NOW + timedelta(days=3)
    assert [(office.bytes(token, later), office.etag(token, later)) for token in (own, school)] == before


def test_two_answers_that_change_places_are_not_the_same_as_before(office: Office):
    person = office.person("fatima@school.example").id
    other = office.gathering()
    office.invite(other, person, partstat=PartStat.ACCEPTED, answered_at=NOW)
    token = office.own()
    office.change(Invitation, office.world.invitation, partstat=PartStat.DECLINED, answered_at=NOW)
    before = office.etag(token)
    with office.store.write() as session:
        for found in session.exec(select(Invitation).where(Invitation.person_id == person)):
            found.partstat = PartStat.DECLINED if found.partstat is PartStat.ACCEPTED else PartStat.ACCEPTED
    assert office.etag(token) != before


def test_standings_that_are_shown_alike_are_the_only_ones_with_one_tag(office: Office):
    token = office.own()
    seen: dict[str, Any] = {}
    for partstat, cancelled, waiting, offered in product(PartStat, (False, True), (None, NOW), (None, NOW)):
        values = {
            "partstat": partstat,
            "is_cancelled": cancelled,
            "waiting_since": waiting,
            "offered_until": offered,
        }
        office.change(Invitation, office.world.invitation, **values)
        with office.store.read() as session:
            how = shown(
                session.get_one(Gathering, office.world.gathering),
                session.get_one(Invitation, office.world.invitation),
            )
        assert seen.setdefault(office.etag(token), how) == how


def test_every_feed_and_every_setting_that_is_in_it_has_its_own_tag(office: Office):
    settings = [
        office.settings,
        office.settings.model_copy(update={"base_url": "https://elders.example"}),
        office.settings.model_copy(update={"mail_from": "Elders <x@elders.example>"}),
    ]
    tokens = [office.own(), office.own(of="jan@school.example"), office.feed(FeedKind.STAFF)]
    tags = {replace(office, settings=each).etag(token) for each in settings for token in tokens}
    assert len(tags) == 9
    assert all(len(tag) == 34 for tag in tags)
    assert all(tag[0] == tag[-1] == '"' for tag in tags)


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
    with office.store.read() as session:
        assert open_feed(session, token) is None
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
