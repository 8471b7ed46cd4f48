"""Programs of others that read calendars: libical, ical.js and Radicale; and every kind of calendar part for them to read."""

import base64
import ctypes
import ctypes.util
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from mail_samples import CONTEXT_OF, calendar_for
from test_feed import calendar
from test_invitation import JAN, event

from calendars.feed import FeedEvent, feed
from calendars.invitation import CalendarEvent, Method, Status, cancel, decline_counter, prepare, request
from models.enums import PartStat

ODD = (
    'Muziek, dans; \\n is geen regel "citaat" 👩‍🏫 é ^n ^^\nTweede regel: ‘ja’, BEGIN:VEVENT '
    + "ééñ漢字" * 40
)
LATER = timedelta(hours=3)


@dataclass(frozen=True)
class Part:
    """One calendar part, and the events that a reader must find in it."""

    name: str
    data: bytes
    events: tuple[CalendarEvent, ...]

    def __str__(self) -> str:
        return self.name


def _at(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)


def _meetings() -> dict[str, CalendarEvent]:
    starts = {
        "autumn": _at(2026, 11, 5, 12, 30),
        "before the clock goes forward": _at(2027, 3, 27, 12),
        "the day it goes forward": _at(2027, 3, 28, 12),
        "the night it goes forward": _at(2027, 3, 28, 0, 30),
        "the day it goes back": _at(2026, 10, 25, 12),
        "the hour that comes twice": _at(2026, 10, 25, 0, 30),
        "the second time": _at(2026, 10, 25, 1, 30),
        "new year": _at(2026, 12, 31, 22, 30),
        "years ahead": _at(2031, 6, 3, 11),
    }
    made = {
        name: event(uid=f"{number}@hart.example", starts_at=start, ends_at=start + LATER, sequence=number)
        for number, (name, start) in enumerate(starts.items())
    }
    base = made["autumn"]
    odd = replace(base, uid="odd@hart.example", summary=ODD, description=ODD * 3, location=ODD[:90])
    return made | {
        "odd texts": replace(odd, organizer_name='Hart "Noord"; Haarlem^, é'),
        "another zone": replace(base, uid="zone@hart.example", timezone="America/New_York"),
        "utc": replace(base, uid="utc@hart.example", timezone="UTC"),
    }


def parts() -> list[Part]:
    """Every kind of calendar part that Traject makes."""
    meetings = _meetings()
    found: list[Part] = []
    for name, first in meetings.items():
        moved = replace(
            first,
            sequence=first.sequence + 1,
            starts_at=first.starts_at + timedelta(days=1),
            ends_at=first.ends_at + timedelta(days=1),
        )
        off = replace(moved, sequence=moved.sequence + 1)
        waits = prepare(first, Method.REQUEST, is_sure=False).for_attendee(
            replace(JAN, name='Jan "de" Vries; é', partstat=PartStat.ACCEPTED)
        )
        found += [
            Part(f"invitation, {name}", request(first, JAN), (first,)),
            Part(f"invitation to who waits, {name}", waits, (first,)),
            Part(f"update, {name}", request(moved, JAN), (moved,)),
            Part(f"cancellation, {name}", cancel(off, JAN), (off,)),
            Part(f"declined proposal, {name}", decline_counter(first, JAN, ODD), ()),
        ]
    for kind in CONTEXT_OF:
        if part := calendar_for(kind):
            found.append(Part(f"mail {kind}", part.data, ()))
    return found + feeds()


def feeds() -> list[Part]:
    """Feeds: with everything in every state, with one, with none."""
    meetings = tuple(_meetings().values())
    states = [*((status, time) for status in Status for time in (True, False))]
    mixed = [FeedEvent(each, *states[number % len(states)]) for number, each in enumerate(meetings)]
    return [
        Part("feed of all", feed(calendar(*mixed, name=ODD[:60])), meetings),
        Part("feed of one", feed(calendar(mixed[0])), meetings[:1]),
        Part("feed of none", feed(calendar()), ()),
    ]


# libical


@cache
def libical() -> Any:
    """The library, or None."""
    try:
        found = ctypes.CDLL(ctypes.util.find_library("ical") or "libical.so.3")
    except OSError:
        return None
    for name, gives in (
        ("icalparser_parse_string", ctypes.c_void_p),
        ("icalcomponent_count_errors", ctypes.c_int),
        ("icalrestriction_check", ctypes.c_int),
        ("icalcomponent_as_ical_string", ctypes.c_char_p),
        ("icalcomponent_free", None),
    ):
        getattr(found, name).restype = gives
        getattr(found, name).argtypes = [
            ctypes.c_char_p if name == "icalparser_parse_string" else ctypes.c_void_p
        ]
    return found


def libical_faults(data: bytes) -> list[str]:
    """What libical says is wrong with it, by its parser and by its tables of what each METHOD asks."""
    library = libical()
    read = library.icalparser_parse_string(data)
    if not read:
        return ["it cannot be read"]
    try:
        faults = library.icalcomponent_count_errors(read)
        valid = library.icalrestriction_check(read)
        if valid and not faults:
            return []
        text = library.icalcomponent_as_ical_string(read).decode().replace("\r\n ", "")
        return [line for line in text.splitlines() if line.startswith("X-LIC")] or ["it is not valid"]
    finally:
        library.icalcomponent_free(read)


# ical.js

NODE = shutil.which("node")
ICAL_JS = Path(__file__).parent.parent / "node_modules" / "ical.js" / "dist" / "ical.js"
_SCRIPT = """
import { pathToFileURL } from 'node:url';
import { readFileSync } from 'node:fs';
const ICAL = (await import(pathToFileURL(process.argv[1]))).default;
const found = JSON.parse(readFileSync(0, 'utf8')).map((part) => {
  const calendar = new ICAL.Component(ICAL.parse(Buffer.from(part, 'base64').toString('utf8')));
  return {
    method: calendar.getFirstPropertyValue('method'),
    events: calendar.getAllSubcomponents('vevent').map((each) => {
      const event = new ICAL.Event(each, {strictExceptions: true});
      const at = (name) => each.getFirstPropertyValue(name)?.toJSDate().toISOString() ?? null;
      return {uid: event.uid, sequence: event.sequence, summary: event.summary, start: at('dtstart'), end: at('dtend')};
    }),
  };
});
process.stdout.write(JSON.stringify(found));
"""


def read_by_ical_js(found: list[Part]) -> list[Any]:
    """What ical.js reads of each part; it raises on what it cannot read."""
    given = json.dumps([base64.b64encode(part.data).decode() for part in found])
    command = [NODE or "node", "--input-type=module", "-e", _SCRIPT, str(ICAL_JS)]
    done = subprocess.run(command, input=given, capture_output=True, text=True, env={"TZ": "Asia/Tokyo"})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# Radicale


@contextmanager
def radicale(folder: Path) -> Generator[httpx.Client]:
    """A real CalDAV server on the loopback; gives a browser on it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "radicale", "--config", "", "--server-hosts", f"127.0.0.1:{port}"]
    command += [
        "--auth-type",
        "none",
        "--storage-filesystem-folder",
        str(folder),
        "--logging-level",
        "warning",
    ]
    with (folder / "radicale.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", auth=("fatima", "x"), timeout=30) as browser:
            for _ in range(200):
                assert server.poll() is None, (folder / "radicale.log").read_text()
                try:
                    browser.get("/.web/")
                    break
                except httpx.ConnectError:
                    time.sleep(0.05)
            yield browser
    finally:
        server.terminate()
        server.wait()
