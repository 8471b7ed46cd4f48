"""Every kind of calendar part that Traject makes, read by the programs of others: what we mean is what they see."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from calendar_readers import (
    ICAL_JS,
    NODE,
    Part,
    feeds,
    libical,
    libical_faults,
    parts,
    radicale,
    read_by_ical_js,
)
from icalendar import Calendar

PARTS = parts()
SINGLE = [part for part in PARTS if len(part.events) == 1 and not part.name.startswith("feed")]
# RFC 5546 §3.2.8 asks ATTENDEE and SEQUENCE of a DECLINECOUNTER. libical's table for it is older and has neither: ATTENDEE
# is not in that of RFC 2446. So it objects to these two, and nothing else may be wrong with it.
OBJECTION = (
    "X-LIC-ERROR;X-LIC-ERRORTYPE=INVALID-ITIP:Failed iTIP restrictions for {} property. "
    "Expected 0 instances of the property and got 1"
)
needs_libical = pytest.mark.skipif(
    libical() is None, reason="libical is not here (Debian: libical3; `make peers`)"
)
needs_ical_js = pytest.mark.skipif(
    NODE is None or not ICAL_JS.exists(), reason="node or ical.js is not here (`make peers`)"
)


def test_there_is_a_part_of_every_method_with_dates_around_every_change_of_the_clock():
    methods = {re.search(rb"\r\nMETHOD:(\w+)\r\n", part.data)[1] for part in PARTS}
    assert methods == {b"REQUEST", b"CANCEL", b"DECLINECOUNTER", b"PUBLISH"}
    assert {"feed of all", "feed of none", "invitation, odd texts"} <= {part.name for part in PARTS}


@pytest.mark.parametrize("part", PARTS, ids=str)
def test_icalendar_reads_it_without_an_error(part: Part):
    read = Calendar.from_ical(part.data)
    assert [error for component in read.walk() for error in component.errors] == []
    assert [
        (str(e["UID"]), e["SEQUENCE"], e["DTSTART"].dt, e["DTEND"].dt)
        for e in read.walk("VEVENT")
        if part.events
    ] == [(e.uid, e.sequence, e.starts_at, e.ends_at) for e in part.events]


@needs_libical
@pytest.mark.parametrize("part", PARTS, ids=str)
def test_libical_finds_nothing_wrong_with_it(part: Part):
    wanted = [OBJECTION.format(name) for name in ("ATTENDEE", "SEQUENCE")]
    assert libical_faults(part.data) == (wanted if b"METHOD:DECLINECOUNTER" in part.data else [])


@needs_libical
@pytest.mark.parametrize(
    ("old", "new"),
    [(b"ORGANIZER", b"X-NOBODY"), (b"METHOD:REQUEST", b"METHOD:PUBLISH"), (b"UID:", b"X-UID:")],
    ids=["no organizer", "another method", "no uid"],
)
def test_libical_would_find_what_is_wrong(old: bytes, new: bytes):
    assert libical_faults(PARTS[0].data.replace(old, new))


@needs_ical_js
def test_ical_js_reads_the_same_instants_as_we_wrote():
    for part, read in zip(PARTS, read_by_ical_js(PARTS), strict=True):
        found = [
            (
                e["uid"],
                e["sequence"],
                e["summary"],
                datetime.fromisoformat(e["start"]),
                datetime.fromisoformat(e["end"]),
            )
            for e in read["events"]
            if part.events
        ]
        assert found == [(e.uid, e.sequence, e.summary, e.starts_at, e.ends_at) for e in part.events], (
            part.name
        )


# A CalDAV server


def _stored(data: bytes) -> list[tuple[Any, ...]]:
    read = Calendar.from_ical(data)
    return sorted(
        (str(e["UID"]), e["SEQUENCE"], e["DTSTART"].dt.astimezone(UTC), e["DTEND"].dt.astimezone(UTC))
        for e in read.walk("VEVENT")
    )


def _meant(part: Part) -> list[tuple[Any, ...]]:
    return sorted((e.uid, e.sequence, e.starts_at, e.ends_at) for e in part.events)


def _asked(starts_at: datetime, ends_at: datetime) -> str:
    """What is there between these instants (RFC 4791 §7.8)."""
    span = f'start="{starts_at:%Y%m%dT%H%M%SZ}" end="{ends_at:%Y%m%dT%H%M%SZ}"'
    return (
        '<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/></D:prop>'
        f'<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range {span}/>'
        "</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"
    )


def test_a_caldav_server_keeps_invitations_updates_cancellations_and_feeds_as_they_are(tmp_path: Path):
    with radicale(tmp_path) as server:
        assert server.request("MKCALENDAR", "/fatima/agenda/").status_code == 201
        text = {"Content-Type": "text/calendar; charset=utf-8"}
        for part in SINGLE:
            [meeting] = part.events
            path = f"/fatima/agenda/{meeting.uid}.ics"
            # A calendar keeps an event without the METHOD of the mail that brought it (RFC 4791 §4.1).
            kept = re.sub(rb"METHOD:\w+\r\n", b"", part.data)
            put = server.put(path, content=kept, headers=text)
            assert put.status_code in (201, 204), (part.name, put.text)
            assert _stored(server.get(path).content) == _meant(part), part.name
            found = server.request(
                "REPORT", "/fatima/agenda/", content=_asked(meeting.starts_at, meeting.ends_at)
            )
            assert f"/{meeting.uid}.ics" in found.text.replace("%40", "@"), part.name
        listed = server.request("PROPFIND", "/fatima/agenda/", headers={"Depth": "1"}).text
        assert listed.count(".ics</href>") == len({part.events[0].uid for part in SINGLE})
        for number, part in enumerate(feeds()):
            put = server.put(f"/fatima/feed-{number}/", content=part.data, headers=text)
            assert put.status_code == 201, (part.name, put.text)
            assert _stored(server.get(f"/fatima/feed-{number}/").content) == _meant(part), part.name
