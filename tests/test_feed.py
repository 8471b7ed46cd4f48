"""The bytes of a calendar feed: what calendars read, old and new, with each zone once."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar
from test_invitation import JAN, event, events

from calendars.content_lines import read_components
from calendars.feed import CalendarFeed, FeedEvent, feed
from calendars.invitation import Status, request
from calendars.vtimezone import offset_at, vtimezone

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
