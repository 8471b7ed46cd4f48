"""What an invitation of ours said: the calendar part read back as the values it was made of.

The inverse of `calendars.invitation`; what others send is read, leniently, by `calendars.reply`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from calendars.content_lines import Component, Line, read_components
from calendars.invitation import Attendee, CalendarEvent, Method, Role
from calendars.mail_parts import read_mail
from models.enums import PartStat


@dataclass(frozen=True, slots=True)
class Sent:
    """One calendar part: what it asked, of whom, and the event."""

    method: Method
    event: CalendarEvent
    attendee: Attendee


def sent_in(mail: bytes) -> Sent:
    """Return what an invitation mail of ours said. Raises ValueError when it holds no calendar part of ours."""
    for part in read_mail(mail).walk():
        if part.content_type == "text/calendar":
            return read_sent(part.body)
    raise ValueError("the mail has no text/calendar part")


def read_sent(data: bytes) -> Sent:
    """Return what a REQUEST or CANCEL of ours said. Raises ValueError, naming the property that is not there."""
    [calendar] = read_components(data)
    [event] = calendar.inside("VEVENT")
    organizer, attendee = _line(event, "ORGANIZER"), _line(event, "ATTENDEE")
    start = _line(event, "DTSTART")
    url = event.first("URL")
    return Sent(
        Method(_line(calendar, "METHOD").value),
        CalendarEvent(
            uid=_line(event, "UID").text,
            sequence=int(_line(event, "SEQUENCE").value),
            dtstamp=_instant(_line(event, "DTSTAMP")),
            starts_at=_instant(start),
            ends_at=_instant(_line(event, "DTEND")),
            summary=_line(event, "SUMMARY").text,
            organizer_name=organizer.parameter("CN") or "",
            organizer_email=_address(organizer),
            description=_text(event, "DESCRIPTION"),
            location=_text(event, "LOCATION"),
            url=url.value if url else None,
            timezone=start.parameter("TZID") or "UTC",
        ),
        Attendee(
            attendee.parameter("CN") or "",
            _address(attendee),
            Role(attendee.parameter("ROLE") or Role.REQUIRED),
            PartStat(attendee.parameter("PARTSTAT") or PartStat.NEEDS_ACTION),
        ),
    )


def _line(component: Component, name: str) -> Line:
    found = component.first(name)
    if found is None:
        raise ValueError(f"the {component.name} has no {name}")
    return found


def _text(event: Component, name: str) -> str:
    line = event.first(name)
    return line.text if line else ""


def _address(line: Line) -> str:
    return unquote(line.value.removeprefix("mailto:"))


def _instant(line: Line) -> datetime:
    local = datetime.strptime(line.value.removesuffix("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007 given its zone below
    zone = line.parameter("TZID")
    return local.replace(tzinfo=ZoneInfo(zone) if zone else UTC).astimezone(UTC)
