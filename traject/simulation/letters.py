"""What a person sees of a mail that came, and the mail that a person's calendar sends back."""

import re
from binascii import a2b_base64, a2b_qp
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parseaddr
from zoneinfo import ZoneInfo

from calendars.content_lines import Component, read_components
from models.enums import PartStat
from traject.simulation.cast import Actor, Client
from traject.simulation.post import Received

_LINK = re.compile(rb"/([ie])/([\w-]{20,})")
_DUTCH = {PartStat.ACCEPTED: "Geaccepteerd", PartStat.DECLINED: "Geweigerd", PartStat.TENTATIVE: "Voorlopig"}


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail as its reader sees it. `thread` is the address it asks to answer to: the same for what belongs together."""

    message_id: str
    thread: str
    link: str  # i: an invitation, e: an evaluation; empty: no link
    token: str
    method: str  # of the calendar part; empty: none
    event: Component | None
    starts_at: datetime | None
    ends_at: datetime | None

    @property
    def uid(self) -> str:
        """Which meeting."""
        return self._value("UID")

    @property
    def sequence(self) -> int:
        """Which version of the meeting."""
        return int(self._value("SEQUENCE") or 0)

    def _value(self, name: str) -> str:
        line = self.event.first(name) if self.event else None
        return line.value if line else ""


def read_letter(mail: Received) -> Letter:
    """Read what came, as far as a person acts on it."""
    head, _, body = mail.data.partition(b"\r\n\r\n")
    headers = re.sub(rb"\r\n[ \t]+", b" ", head).decode("ascii")
    found = _LINK.search(a2b_qp(_part(body, b"text/plain")))
    calendar = _part(body, b"text/calendar")
    event = method = None
    if calendar:
        [read] = read_components(a2b_base64(calendar))
        event, method = read.inside("VEVENT")[0], read.first("METHOD")
    return Letter(
        message_id=_header(headers, "Message-ID"),
        thread=parseaddr(_header(headers, "Reply-To"))[1],
        link=found[1].decode() if found else "",
        token=found[2].decode() if found else "",
        method=method.value if method else "",
        event=event,
        starts_at=_instant(event, "DTSTART"),
        ends_at=_instant(event, "DTEND"),
    )


def _header(headers: str, name: str) -> str:
    found = re.search(rf"^{name}: (.*)$", headers, re.MULTILINE | re.IGNORECASE)
    return found[1].strip() if found else ""


def _part(body: bytes, content_type: bytes) -> bytes:
    """The encoded content of the first part of that type; empty: there is none."""
    start = body.find(b"\r\nContent-Type: " + content_type)
    if start < 0:
        return b""
    begin = body.index(b"\r\n\r\n", start) + 4
    return body[begin : body.index(b"\r\n--=_", begin)]


def _instant(event: Component | None, name: str) -> datetime | None:
    line = event.first(name) if event else None
    if line is None:
        return None
    if line.value.endswith("Z"):
        return datetime.strptime(line.value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    zone = ZoneInfo(line.parameter("TZID") or "UTC")
    return datetime.strptime(line.value, "%Y%m%dT%H%M%S").replace(tzinfo=zone).astimezone(UTC)


def calendar_reply(letter: Letter, actor: Actor, answer: PartStat, at: datetime, number: int) -> bytes:
    """The mail that this person's calendar sends: to the ORGANIZER, in the shape of that client."""
    if letter.event is None or letter.starts_at is None or letter.ends_at is None:
        message = f"{letter.message_id} holds no invitation"
        raise ValueError(message)
    to = parseaddr(_line(letter.event, "ORGANIZER").removeprefix("mailto:"))[1]
    stamp, start, end = (f"{each:%Y%m%dT%H%M%SZ}" for each in (at, letter.starts_at, letter.ends_at))
    attendee = {
        Client.GOOGLE: f"ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT={answer};CN={actor.name};X-NUM-GUESTS=0:mailto:{actor.email}",
        Client.APPLE: f'ATTENDEE;CN="{actor.name}";CUTYPE=INDIVIDUAL;PARTSTAT={answer};ROLE=REQ-PARTICIPANT:mailto:{actor.email}',
    }.get(actor.client, f"ATTENDEE;PARTSTAT={answer};CN={actor.name}:MAILTO:{actor.email}")
    lines = [
        "BEGIN:VCALENDAR",
        "METHOD:REPLY",
        f"PRODID:-//{actor.client}//NL",
        "VERSION:2.0",
        "BEGIN:VEVENT",
        attendee,
        f"UID:{letter.uid}",
        f"ORGANIZER:mailto:{to}",
        f"DTSTART:{start}",
        f"DTEND:{end}",
        f"DTSTAMP:{stamp}",
        f"SEQUENCE:{letter.sequence}",
        f"SUMMARY:{_line(letter.event, 'SUMMARY')}",
        *(["COMMENT;LANGUAGE=nl-NL:\\n"] if actor.client is Client.OUTLOOK else []),
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    calendar = "\r\n".join(lines)
    headers = [
        f"From: {actor.name} <{actor.email}>",
        f"To: {to}",
        f"Subject: {_DUTCH[answer]}",
        f"Date: {format_datetime(at)}",
        f"Message-ID: <reply-{number}@{actor.email.partition('@')[2]}>",
        "MIME-Version: 1.0",
    ]
    if actor.client is Client.GOOGLE:
        headers.append("Auto-Submitted: auto-generated")
    body = [
        'Content-Type: multipart/alternative; boundary="=-reply"',
        "",
        "--=-reply",
        'Content-Type: text/plain; charset="UTF-8"',
        "",
        f"{actor.name}: {_DUTCH[answer]}",
        "--=-reply",
        'Content-Type: text/calendar; charset="UTF-8"; method=REPLY',
        "Content-Transfer-Encoding: 8bit",
        "",
        calendar,
        "--=-reply--",
        "",
    ]
    return "\r\n".join([*headers, *body]).encode()


def _line(event: Component, name: str) -> str:
    line = event.first(name)
    return line.value if line else ""
