"""A gathering as calendars have it: the same in an invitation and in a feed, so that both are one meeting."""

from datetime import datetime

from calendars.invitation import CalendarEvent
from models import Gathering


def event_of(
    gathering: Gathering, whose: str, *, sequence: int, dtstamp: datetime, organizer: tuple[str, str]
) -> CalendarEvent:
    """Return the event. `whose`: the school or group; `dtstamp` is cut to seconds; `organizer`: name and address."""
    name, email = organizer
    return CalendarEvent(
        uid=gathering.uid,
        sequence=sequence,
        dtstamp=dtstamp.replace(microsecond=0),
        starts_at=gathering.starts_at,
        ends_at=gathering.ends_at,
        timezone=gathering.timezone,
        summary=f"{gathering.title} ({whose})",
        description=gathering.description,
        location=gathering.place,
        organizer_name=name,
        organizer_email=email,
    )
