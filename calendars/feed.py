"""What a calendar that people subscribe to looks like as iCalendar bytes (RFC 5545, 5546 §3.2.1, 7986).

METHOD is PUBLISH: without one Outlook may open a single event as a meeting to answer, with REQUEST it does so for
certain; Google and Apple read either. A published event has an ORGANIZER and no ATTENDEE, so nobody's address can be
in it. Outlook takes its colour from TRANSP before STATUS, so it is told apart that an event is not sure.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from calendars.content_lines import escaped, folded
from calendars.invitation import (
    PRODID,
    CalendarEvent,
    Status,
    event_lines,
    organizer_line,
    uri,
    utc,
)
from calendars.vtimezone import vtimezone

COLOR = "crimson"  # RFC 7986 §5.9 wants a name of CSS; the nearest to the red of the mails
APPLE_COLOR = "#a3163b"


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One meeting as the reader of the feed has it: how sure it is, and whether it takes their time."""

    event: CalendarEvent
    status: Status = Status.CONFIRMED
    takes_time: bool = True


@dataclass(frozen=True, slots=True)
class CalendarFeed:
    """What a feed says of itself, and its events.

    `uid` stays the same for ever; `source` is where it is read, `url` the page for people; `last_modified` is an aware
    instant; `refresh` how often it is worth looking; `timezone` an IANA name, that of the reader.
    """

    uid: str
    name: str
    description: str
    source: str
    url: str
    last_modified: datetime
    refresh: timedelta
    timezone: str
    events: tuple[FeedEvent, ...]


def feed(calendar: CalendarFeed) -> bytes:
    """Return the feed: UTF-8, CRLF, folded; the same values give the same bytes."""
    refresh = _duration(calendar.refresh)
    head = [
        "BEGIN:VCALENDAR",
        f"PRODID:{PRODID}",
        "VERSION:2.0",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"UID:{escaped(calendar.uid)}",
        f"LAST-MODIFIED:{utc(calendar.last_modified)}",
        f"NAME:{escaped(calendar.name)}",
        f"DESCRIPTION:{escaped(calendar.description)}",
        f"URL:{uri(calendar.url)}",
        f"SOURCE;VALUE=URI:{uri(calendar.source)}",
        f"REFRESH-INTERVAL;VALUE=DURATION:{refresh}",
        f"COLOR:{COLOR}",
        # What was there before RFC 7986, and is all that some still read.
        f"X-WR-CALNAME:{escaped(calendar.name)}",
        f"X-WR-CALDESC:{escaped(calendar.description)}",
        f"X-WR-TIMEZONE:{calendar.timezone}",
        f"X-PUBLISHED-TTL:{refresh}",
        f"X-APPLE-CALENDAR-COLOR:{APPLE_COLOR}",
    ]
    events, years = list[bytes](), dict[str, set[int]]()
    for each in calendar.events:
        written, year = _event(each)
        events.append(written)
        if year:
            years.setdefault(each.event.timezone, set()).add(year)
    if not years:  # a calendar must hold something
        years = {calendar.timezone: {calendar.last_modified.year}}
    zones = [vtimezone(name, min(found), max(found)) for name, found in sorted(years.items())]
    return b"".join([*map(folded, head), *zones, *events, b"END:VCALENDAR\r\n"])


def _event(each: FeedEvent) -> tuple[bytes, int | None]:
    event = each.event
    lines, year = event_lines(event, each.status, takes_time=each.takes_time)
    if each.takes_time and each.status is Status.TENTATIVE:
        lines.append("X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE")
    organizer = organizer_line(event.organizer_name, event.organizer_email)
    return b"".join([b"BEGIN:VEVENT\r\n", *map(folded, lines), organizer, b"END:VEVENT\r\n"]), year


def _duration(length: timedelta) -> str:
    """Return a positive length as RFC 5545 §3.3.6 writes it, in whole seconds."""
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    if seconds:
        return f"PT{minutes * 60 + seconds}S"
    return f"PT{minutes // 60}H" if minutes % 60 == 0 else f"PT{minutes}M"
