"""What an invitation, its update and its cancellation look like as iCalendar bytes (RFC 5545, 5546, 6868).

One event goes to many people and each gets their own bytes, with only themselves in it. So what they share is
written and folded once, by `prepare`; a receiver adds two lines.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from calendars.content_lines import escaped, folded, plain, quoted
from calendars.vtimezone import comes_twice, known_zone, vtimezone
from models.enums import PartStat

PRODID = "-//Hart Haarlem//Traject//NL"
MAX_SEQUENCE = 2**31 - 1  # RFC 5545 §3.3.8


class Method(StrEnum):
    """What a message asks of a calendar (RFC 5546); the MIME header's `method` is always the same."""

    REQUEST = "REQUEST"
    CANCEL = "CANCEL"
    DECLINECOUNTER = "DECLINECOUNTER"


class Status(StrEnum):
    """How sure a meeting is (RFC 5545 §3.8.1.11)."""

    CONFIRMED = "CONFIRMED"
    TENTATIVE = "TENTATIVE"
    CANCELLED = "CANCELLED"


class Role(StrEnum):
    """How much an attendee is needed (RFC 5545 §3.2.16)."""

    CHAIR = "CHAIR"
    REQUIRED = "REQ-PARTICIPANT"
    OPTIONAL = "OPT-PARTICIPANT"
    NONE = "NON-PARTICIPANT"


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """One meeting as calendars know it. Instants are aware and in whole seconds.

    `uid` stays the same for ever; `sequence` rises when time, place or status changes; `dtstamp` is when these bytes
    were decided. Texts may hold anything; control characters do not reach the calendar. `description` and `url` are
    forwarded with the event, so neither may hold a personal link. Raises ValueError naming the field that is wrong.
    """

    uid: str
    sequence: int
    dtstamp: datetime
    starts_at: datetime
    ends_at: datetime
    summary: str
    organizer_name: str
    organizer_email: str
    description: str = ""
    location: str = ""
    url: str | None = None
    timezone: str = "Europe/Amsterdam"

    def __post_init__(self) -> None:
        for name in ("dtstamp", "starts_at", "ends_at"):
            at: datetime = getattr(self, name)
            if at.tzinfo is None or at.microsecond:
                raise ValueError(
                    f"{name} of event {self.uid!r} must be aware and in whole seconds, not {at!r}"
                )
        if self.ends_at <= self.starts_at:
            raise ValueError(f"ends_at of event {self.uid!r} must come after starts_at")
        if not 0 <= self.sequence <= MAX_SEQUENCE:
            raise ValueError(
                f"sequence of event {self.uid!r} must be 0 to {MAX_SEQUENCE}, not {self.sequence}"
            )
        if not self.uid or self.uid != plain(self.uid) or "\n" in self.uid:
            raise ValueError(f"uid must be one line of printable text, not {self.uid!r}")
        if known_zone(self.timezone) is None:
            raise ValueError(f"timezone of event {self.uid!r} must be an IANA name, not {self.timezone!r}")
        _check_address(self.organizer_email)


@dataclass(frozen=True, slots=True)
class Attendee:
    """The one receiver of an invitation. Raises ValueError for an address that no mail can reach."""

    name: str
    email: str
    role: Role = Role.REQUIRED
    partstat: PartStat = PartStat.NEEDS_ACTION

    def __post_init__(self) -> None:
        _check_address(self.email)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An event's bytes for everybody, but for the lines that name the receiver."""

    method: Method
    organizer_name: str
    organizer_email: str
    head: bytes
    tail: bytes

    def for_attendee(self, attendee: Attendee, organizer_email: str | None = None) -> bytes:
        """Return one receiver's calendar part: UTF-8, CRLF, folded.

        `organizer_email` is the tagged address to which this receiver's calendar sends the answer (without it: the
        event's own).
        """
        organizer = organizer_line(self.organizer_name, organizer_email or self.organizer_email)
        rsvp = ";RSVP=TRUE" if self.method is Method.REQUEST else ""
        state = f";CUTYPE=INDIVIDUAL;ROLE={attendee.role};PARTSTAT={attendee.partstat}{rsvp}"
        return self.head + organizer + _person("ATTENDEE", attendee.name, state, attendee.email) + self.tail


def prepare(
    event: CalendarEvent, method: Literal[Method.REQUEST, Method.CANCEL], *, is_sure: bool = True
) -> Prepared:
    """Write what all receivers of an event share. Not `is_sure`: they wait for a place (STATUS:TENTATIVE)."""
    is_cancel = method is Method.CANCEL
    status = Status.CANCELLED if is_cancel else Status.CONFIRMED if is_sure else Status.TENTATIVE
    lines, year = event_lines(event, status, takes_time=not is_cancel)
    zone = vtimezone(event.timezone, year) if year else b""
    head = ["BEGIN:VEVENT", *lines]
    return Prepared(
        method=method,
        organizer_name=event.organizer_name,
        organizer_email=event.organizer_email,
        head=_opening(method) + zone + b"".join(map(folded, head)),
        tail=_END,
    )


def request(event: CalendarEvent, attendee: Attendee) -> bytes:
    """Return an invitation or its update (METHOD:REQUEST) for one receiver."""
    return prepare(event, Method.REQUEST).for_attendee(attendee)


def cancel(event: CalendarEvent, attendee: Attendee) -> bytes:
    """Return a cancellation (METHOD:CANCEL) for one receiver; the event's sequence must be higher than the last."""
    return prepare(event, Method.CANCEL).for_attendee(attendee)


def decline_counter(event: CalendarEvent, attendee: Attendee, comment: str = "") -> bytes:
    """Return the answer to somebody who proposed another time: it stays as it is.

    RFC 5546 §3.2.8 asks UID, DTSTAMP, ORGANIZER, SEQUENCE (of what the proposal was to) and ATTENDEE (1+, who made it).
    libical still holds the table of RFC 2446, which has no ATTENDEE there. Nothing else is said of the event, so that no
    calendar takes it for an update.
    """
    lines = [
        "BEGIN:VEVENT",
        f"UID:{escaped(event.uid)}",
        f"SEQUENCE:{event.sequence}",
        f"DTSTAMP:{utc(event.dtstamp)}",
        *([f"COMMENT:{escaped(comment)}"] if comment else []),
    ]
    people = organizer_line(event.organizer_name, event.organizer_email) + _person(
        "ATTENDEE", attendee.name, "", attendee.email
    )
    return _opening(Method.DECLINECOUNTER) + b"".join(map(folded, lines)) + people + _END


def _opening(method: Method) -> bytes:
    lines = ("BEGIN:VCALENDAR", f"PRODID:{PRODID}", "VERSION:2.0", "CALSCALE:GREGORIAN", f"METHOD:{method}")
    return b"".join(map(folded, lines))


_END = b"END:VEVENT\r\nEND:VCALENDAR\r\n"


def event_lines(event: CalendarEvent, status: Status, *, takes_time: bool) -> tuple[list[str], int | None]:
    """Return what a mail and a feed say alike of an event, unfolded: all but BEGIN, END, ORGANIZER and ATTENDEE.

    And the year in which the VTIMEZONE of its times must be right; None: they are in UTC and need none.
    """
    times, year = _times(event)
    lines = [
        f"UID:{escaped(event.uid)}",
        f"SEQUENCE:{event.sequence}",
        f"DTSTAMP:{utc(event.dtstamp)}",
        *times,
        f"SUMMARY:{escaped(event.summary)}",
        *([f"DESCRIPTION:{escaped(event.description)}"] if event.description else []),
        *([f"LOCATION:{escaped(event.location)}"] if event.location else []),
        *([f"URL:{uri(event.url)}"] if event.url else []),
        f"STATUS:{status}",
        f"TRANSP:{'OPAQUE' if takes_time else 'TRANSPARENT'}",
    ]
    return lines, year


def organizer_line(name: str, email: str) -> bytes:
    """Return who invites, folded."""
    return _person("ORGANIZER", name, "", email)


def _times(event: CalendarEvent) -> tuple[list[str], int | None]:
    zone = ZoneInfo(event.timezone)
    start, end = event.starts_at.astimezone(zone), event.ends_at.astimezone(zone)
    if event.timezone == "UTC" or comes_twice(start) or comes_twice(end):
        # Of the two 02:30s of an October night a calendar reads the first, or either.
        return [f"DTSTART:{utc(start)}", f"DTEND:{utc(end)}"], None
    local = f";TZID={event.timezone}:%Y%m%dT%H%M%S"
    return [start.strftime(f"DTSTART{local}"), end.strftime(f"DTEND{local}")], start.year


def utc(at: datetime) -> str:
    """Return an instant as iCalendar writes it in UTC."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _person(line: str, name: str, state: str, email: str) -> bytes:
    cn = f";CN={quoted(name)}" if name else ""
    return folded(f"{line}{cn}{state}:mailto:{quote(email, safe=_MAILTO_SAFE)}")


_MAILTO_SAFE = "@!$&'*+-/=^_`{|}~."  # what addresses hold and a mailto: link may (RFC 6068 §2)


def uri(url: str) -> str:
    """Return an address as one value: without blanks and line ends, which would begin another line."""
    return "".join(plain(url).split())


def _check_address(email: str) -> None:
    local, _, domain = email.rpartition("@")
    if not local or not domain or plain(email) != email or any(char in email for char in ' \t\n<>",;'):
        raise ValueError(f"{email!r} is no mail address; give it as name@domain")
