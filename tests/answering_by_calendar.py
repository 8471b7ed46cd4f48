"""Mails as calendars send them, for the people of a world: answers, proposals and asking for the invitation again."""

from datetime import datetime
from typing import Any

from engine_cases import World
from gathering_cases import KEY

from traject.inbox import add_mail
from traject.outcome import Outcome

_MAIL = """\
From: {email}
To: {organizer}
Subject: Antwoord
MIME-Version: 1.0
Content-Type: text/calendar; method={method}; charset=utf-8

BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//a calendar//EN
METHOD:{method}
BEGIN:VEVENT
UID:{uid}
SEQUENCE:{sequence}
DTSTAMP:{at:%Y%m%dT%H%M%SZ}
{times}COMMENT:{comment}
ORGANIZER:mailto:{organizer}
ATTENDEE;PARTSTAT={partstat}:mailto:{email}
END:VEVENT
END:VCALENDAR
"""


def calendar_mail(world: World, method: str, email: str, at: datetime, **values: Any) -> bytes:
    """What the calendar of an invited person sends; `starts_at` and `ends_at` are what it proposes."""
    invitation, start, end = world.invitation(KEY, email), values.get("starts_at"), values.get("ends_at")
    times = f"DTSTART:{start:%Y%m%dT%H%M%SZ}\n" if start else ""
    times += f"DTEND:{end:%Y%m%dT%H%M%SZ}\n" if end else ""
    filled = {
        "method": method,
        "email": email,
        "organizer": f"cmk+{invitation.tag}@hart.example",
        "uid": world.gathering(KEY).uid,
        "sequence": invitation.sequence,
        "at": at,
        "times": times,
        "comment": "",
        "partstat": "NEEDS-ACTION",
    }
    return _MAIL.format(**(filled | values)).replace("\n", "\r\n").encode()


def send(world: World, method: str, email: str, at: datetime, **values: Any) -> Outcome:
    """It arrives at `at`, or when `received_at` says."""
    received = values.pop("received_at", at)
    return add_mail(
        world.store, world.settings, calendar_mail(world, method, email, at, **values), received, received
    )
