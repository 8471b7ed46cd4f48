"""The law of what we send: read back, it is the values of which it was made."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_invitation import JAN, attendees, event, events, shown

from calendars.invitation import Attendee, CalendarEvent, Method, Role, cancel, prepare, request
from calendars.sent import read_sent
from calendars.vtimezone import comes_twice
from models.enums import PartStat

ZONES = ("Europe/Amsterdam", "UTC", "Europe/Dublin", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo")
# What a calendar cannot carry at all, and what only looks like it.
any_text = st.one_of(
    st.text(st.characters(), max_size=300),  # lone surrogates too
    st.text(
        st.sampled_from("a,;:\\\"'^nN=\n\r\t\x00\x07\x0b\x1f\x7f\x85\u2028\ud800é👩\u200d🏫 "), max_size=300
    ),
    st.integers(1, 4_000).map(lambda length: "Zeer lange tekst, " * (length // 18)),
    st.sampled_from(["", " ", "\\n", "^n", '"Vries, de" Jan', "END:VEVENT\r\nATTENDEE:mailto:x@x.example"]),
)


def kept(text: str) -> str:
    """What a calendar can carry of a text: lone surrogates are no characters."""
    return shown("".join(char for char in text if not "\ud800" <= char <= "\udfff"))


def as_kept(event: CalendarEvent) -> CalendarEvent:
    """The event as it comes back: the same, but for what no calendar can carry."""
    zone = ZoneInfo(event.timezone)
    in_utc = any(comes_twice(at.astimezone(zone)) for at in (event.starts_at, event.ends_at))
    return replace(
        event,
        summary=kept(event.summary),
        description=kept(event.description),
        location=kept(event.location),
        organizer_name=kept(event.organizer_name),
        timezone="UTC" if in_utc else event.timezone,
    )


@given(
    event=events,
    zone=st.sampled_from(ZONES),
    attendee=attendees,
    texts=st.tuples(any_text, any_text, any_text, any_text, any_text),
    method=st.sampled_from([Method.REQUEST, Method.CANCEL]),
)
@settings(max_examples=300)
def test_what_is_read_back_is_what_was_written(
    event: CalendarEvent, zone: str, attendee: Attendee, texts: tuple[str, ...], method: Method
) -> None:
    summary, description, location, organizer, name = texts
    event = replace(
        event,
        summary=summary,
        description=description,
        location=location,
        organizer_name=organizer,
        timezone=zone,
    )
    attendee = replace(attendee, name=name)
    sent = read_sent(prepare(event, method).for_attendee(attendee))
    assert sent.method is method
    assert sent.event == as_kept(event)
    assert sent.attendee == replace(attendee, name=kept(name))
    again = prepare(sent.event, method).for_attendee(sent.attendee)
    assert read_sent(again) == sent, "once more changes nothing"


@pytest.mark.parametrize(
    "name",
    [
        'Jan "de baas" Vries',
        "Vries, Jan de",
        "Jan; CN=Piet",
        "O'Neill: Ann",
        "Jan\\Piet",
        "^Jan^",
        "👩\u200d🏫 Noor",
        "",
    ],
)
def test_a_name_comes_back_as_it_is(name: str) -> None:
    sent = read_sent(request(event(organizer_name=name), replace(JAN, name=name)))
    assert (sent.attendee.name, sent.event.organizer_name) == (name, name)


@pytest.mark.parametrize("year", [2026, 2027, 2031, 2038, 2050])
@pytest.mark.parametrize("change", ["spring", "autumn"])
def test_every_half_hour_around_a_change_of_the_clock_comes_back_as_that_instant(
    year: int, change: str
) -> None:
    last = datetime(year, 3 if change == "spring" else 10, 31, tzinfo=UTC)
    sunday = last - timedelta(days=(last.weekday() + 1) % 7)
    for half_hours in range(-6, 12):
        starts_at = sunday + timedelta(minutes=30 * half_hours)
        given_event = event(starts_at=starts_at, ends_at=starts_at + timedelta(minutes=30))
        sent = read_sent(request(given_event, JAN))
        assert (sent.event.starts_at, sent.event.ends_at) == (starts_at, starts_at + timedelta(minutes=30))


def test_every_role_and_answer_comes_back() -> None:
    for role in Role:
        for partstat in PartStat:
            attendee = Attendee("Jan", "o'neill+muziek%25@school.example", role, partstat)
            assert read_sent(cancel(event(sequence=2), attendee)).attendee == attendee


@pytest.mark.parametrize("line", [b"UID", b"DTSTAMP", b"ORGANIZER", b"ATTENDEE", b"SEQUENCE", b"SUMMARY"])
def test_what_is_not_ours_is_refused_with_the_name_of_what_is_missing(line: bytes) -> None:
    data = request(event(), JAN).replace(b"\r\n" + line, b"\r\nX-" + line)
    with pytest.raises(ValueError, match=f"has no {line.decode()}"):
        read_sent(data)
