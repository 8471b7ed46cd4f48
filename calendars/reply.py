"""What an incoming mail answers: a calendar's reply as a value, or why it is none (RFC 5546 §3.2.3, RFC 6047).

The calendar decides over the headers around it: its METHOD over the Content-Type's (Google's counter says
method=REPLY), its being a valid reply over `Auto-Submitted` (every Gmail reply has it), the inline part over the
attachment. What lies in an enclosed mail is somebody else's and never counts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import unquote

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from calendars.calendar_octets import as_utf8
from calendars.content_lines import Component, Line, mended, read_components
from calendars.machine_mail import looks_forged, why_automatic, why_bounce
from calendars.mail_parts import Part
from calendars.vtimezone import known_zone, offset_at
from models.enums import PartStat

MAX_CALENDAR_OCTETS = 1024 * 1024
MAX_COMMENT = 5_000
ANSWERS = frozenset({"REPLY", "COUNTER", "REFRESH"})

_CALENDAR_TYPES = ("text/calendar", "application/ics")
_OPENING = re.compile(rb"(\xef\xbb\xbf)?\s{0,100}BEGIN:VCALENDAR\r?\n", re.IGNORECASE)
_COMMENT_PROPERTIES = ("COMMENT", "X-CALENDARSERVER-PRIVATE-COMMENT", "X-CALENDARSERVER-ATTENDEE-COMMENT")
_INSTANT = re.compile(r"(\d{8}T\d{6})(Z?)")
_PROPOSED = re.compile(r"(DTSTART|DTEND):(\d{8}T\d{6}Z)")

_TNEF = b"\x78\x9f\x3e\x22"
# The message class ([MS-OXTNEF] 2.3.3.4: old and new name); where it is UTF-16, every other byte is zero.
_OUTLOOK_CLASS = re.compile(
    rb"IPM\.Microsoft Schedule\.MtgResp([PNA])|IPM\.Schedule\.Meeting\.Resp\.(Pos|Neg|Tent)"
)
_OUTLOOK_SAID = {b"P": "ik kom", b"N": "ik kom niet", b"A": "misschien", b"T": "misschien"}


class NotAReplyKind(StrEnum):
    """What a mail is that is no reply."""

    AUTO_REPLY = "auto-reply"
    REQUEST = "request"  # somebody's invitation, often our own, sent back
    FORWARDED = "forwarded"  # a reply inside an enclosed mail
    ORDINARY = "ordinary"
    BOUNCE = "bounce"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the calendar part of a mail says, and who sent the mail. Addresses are in lower case, instants in UTC.

    `attendee` and `partstat` are None when the calendar names nobody (or several, none of them the sender).
    `proposed_start` is what the sender would rather have; with a proposal it is None when no instant can be read.
    `tagged_to` is what stands behind the + in the address the mail came to. `looks_forged`: a mail server found the
    From address forged.
    """

    method: str
    uid: str
    recurrence_id: str | None
    attendee: str | None
    partstat: PartStat | None
    sequence: int
    dtstamp: datetime | None
    comment: str | None
    organizer: str | None
    delegated_to: str | None
    sent_by: str | None
    from_address: str | None
    tagged_to: str | None
    is_proposal: bool
    proposed_start: datetime | None
    proposed_end: datetime | None
    looks_forged: bool


@dataclass(frozen=True, slots=True)
class NotAReply:
    """A mail that answers nothing by itself: what it is, why (in Dutch), and what a calendar in it says, for staff."""

    kind: NotAReplyKind
    why: str
    enclosed: Reply | None = None


def reply_in(root: Part) -> Reply | NotAReply:
    """Return what a mail that was taken apart answers; never raises."""
    said, faults = _said(root)
    if said is not None and said.method in ANSWERS:
        return said
    if why := why_bounce(root):
        return NotAReply(NotAReplyKind.BOUNCE, why, said)
    if why := why_automatic(root):
        return NotAReply(NotAReplyKind.AUTO_REPLY, why, said)
    if said is not None:
        # Without a METHOD it is a file that a person attached, and their mail is to be read.
        kind = NotAReplyKind.REQUEST if said.method else NotAReplyKind.ORDINARY
        return NotAReply(kind, f"de METHOD is {said.method or 'er niet'}: geen antwoord", said)
    if (enclosed := _enclosed(root)) is not None:
        return NotAReply(NotAReplyKind.FORWARDED, "het antwoord zit in een doorgestuurde mail", enclosed)
    if said_in_outlook := _said_in_outlook(root):
        faults.append(said_in_outlook)
    if faults:
        return NotAReply(NotAReplyKind.BROKEN, "; ".join(faults))
    return NotAReply(NotAReplyKind.ORDINARY, "er zit geen agenda in")


def _said(message: Part) -> tuple[Reply | None, list[str]]:
    """Return what the best readable calendar of a message says, and what is wrong with those before it."""
    faults: list[str] = []
    for part in sorted(filter(_is_calendar, message.walk()), key=_rank):
        try:
            return _reply(part, message), faults
        except ValueError as error:
            faults.append(f"het agendadeel is niet te lezen: {error}")
    return None, faults


def _said_in_outlook(root: Part) -> str:
    """What a lone winmail.dat answers, for staff; empty when none does.

    It is not counted: which version of the invitation it answers lies deep in a format that no maintained library reads.
    """
    for part in root.walk():
        if part.body.startswith(_TNEF) and (found := _OUTLOOK_CLASS.search(part.body.replace(b"\0", b""))):
            said = _OUTLOOK_SAID[(found[1] or found[2])[:1]]
            return f"een antwoord in Outlooks eigen formaat (winmail.dat), dat niet vanzelf telt: {said}; vraag om een antwoord met de knop in de uitnodiging"
    return ""


def _enclosed(root: Part) -> Reply | None:
    for part in root.walk():
        if part.content_type == "message/rfc822":
            for message in part.parts:
                said = _said(message)[0] or _enclosed(message)
                if said is not None and said.method in ANSWERS:
                    return said
    return None


def _is_calendar(part: Part) -> bool:
    if part.content_type in _CALENDAR_TYPES or part.filename.lower().endswith(".ics"):
        return True
    # Gateways and lists change the type, and leave the octets.
    return not part.parts and _OPENING.match(part.body) is not None


def _rank(part: Part) -> tuple[bool, bool, bool]:
    is_named = part.content_type in _CALENDAR_TYPES or part.filename.lower().endswith(".ics")
    return not is_named, part.disposition == "attachment", part.content_type != "text/calendar"


def _reply(part: Part, message: Part) -> Reply:
    """Read one calendar part. Raises ValueError, saying why in Dutch, when it holds no event that can be told apart."""
    if len(part.body) > MAX_CALENDAR_OCTETS:
        raise ValueError(f"het heeft meer dan {MAX_CALENDAR_OCTETS} bytes")
    octets = as_utf8(part.body, part.parameters.get("charset", ""))
    calendar, event = _event(octets)
    if not event.all("ATTENDEE") or any(re.search('[;"]', line.value) for line in event.all("ATTENDEE")):
        calendar, event = _event(mended(octets))
    uid = event.first("UID")
    if uid is None or not uid.text.strip():
        raise ValueError("het heeft geen UID")
    method = _value(calendar, "METHOD") or part.parameters.get("method", "")
    method = method.strip().upper()
    sender = next(iter(message.addresses("From")), None)
    attendee = _attendee(event, sender)
    proposal = attendee.parameter("TO-ALL-PROPOSED-NEW-TIME") if attendee else None  # iOS
    if method == "COUNTER":
        start, end = (_instant(event.first(name), calendar) for name in ("DTSTART", "DTEND"))
    else:
        wanted = {name: _utc(text) for name, text in _PROPOSED.findall(proposal or "")}
        start, end = wanted.get("DTSTART"), wanted.get("DTEND")
    organizer = event.first("ORGANIZER")
    return Reply(
        method=method,
        uid=uid.text.strip(),
        recurrence_id=_value(event, "RECURRENCE-ID"),
        attendee=_address(attendee) if attendee else None,
        partstat=_partstat(attendee) if attendee else None,
        sequence=_sequence(event),
        dtstamp=_instant(event.first("DTSTAMP"), calendar),
        comment=_comment(event, attendee),
        organizer=_address(organizer) if organizer else None,
        delegated_to=_bare(attendee.parameter("DELEGATED-TO")) if attendee else None,
        sent_by=_bare(attendee.parameter("SENT-BY")) if attendee else None,
        from_address=sender,
        tagged_to=tag_of(message, _address(organizer) if organizer else None),
        is_proposal=method == "COUNTER" or proposal is not None,
        proposed_start=start,
        proposed_end=end,
        looks_forged=looks_forged(message),
    )


def _event(octets: bytes) -> tuple[Component, Component]:
    components = read_components(octets)
    calendar = next((found for found in components if found.name == "VCALENDAR"), None)
    # Beside the event itself there may be its exceptions, one date each.
    events = sorted(calendar.inside("VEVENT"), key=_is_exception) if calendar else []
    if calendar is None or not events:
        raise ValueError("het heeft geen VEVENT")
    return calendar, events[0]


def _is_exception(event: Component) -> bool:
    return event.first("RECURRENCE-ID") is not None


def _attendee(event: Component, sender: str | None) -> Line | None:
    """Return who answers: the only ATTENDEE, or the sender among several."""
    attendees = event.all("ATTENDEE")
    if len(attendees) == 1:
        return attendees[0]
    return next((line for line in attendees if sender is not None and _address(line) == sender), None)


def _address(line: Line) -> str | None:
    return _bare(line.value) or _bare(line.parameter("EMAIL"))


def _bare(value: str | None) -> str | None:
    """Return the address in `mailto:jan@school.example`, or None when there is none.

    What stands before it belongs to a name with a colon that should have been in quotes.
    """
    _, scheme, rest = (value or "").lower().rpartition("mailto:")
    address = unquote(rest.partition("?")[0] if scheme else rest.removeprefix("smtp:")).strip().strip("<>")
    return address if re.fullmatch(r"[^\s@<>]+@[^\s@<>]+", address) else None


def _partstat(attendee: Line) -> PartStat:
    """An unknown state is no answer yet (RFC 5545 §3.2.12)."""
    value = (attendee.parameter("PARTSTAT") or "").strip().upper()
    return next((state for state in PartStat if state == value), PartStat.NEEDS_ACTION)


def _sequence(event: Component) -> int:
    text = _value(event, "SEQUENCE") or "0"  # RFC 5545 §3.8.7.4
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) >= 2**31:
        raise ValueError(f"de SEQUENCE is {text[:20]!r}")
    return int(text)


def _comment(event: Component, attendee: Line | None) -> str | None:
    texts = [line.text for name in _COMMENT_PROPERTIES for line in event.all(name)]
    texts.insert(
        len(event.all("COMMENT")), (attendee.parameter("X-RESPONSE-COMMENT") or "") if attendee else ""
    )
    return next((text.strip()[:MAX_COMMENT] for text in texts if text.strip()), None)


def tag_of(message: Part, organizer: str | None = None) -> str | None:
    """Return the tag of the first address with a + that the mail came to, or that the calendar answers (`organizer`)."""
    received = message.addresses("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")
    for address in (*received, organizer or ""):
        _, plus, tag = address.partition("@")[0].partition("+")
        if plus and tag:
            return tag
    return None


def _instant(line: Line | None, calendar: Component) -> datetime | None:
    """Return the instant of a time, or None when there is none: a date, a floating time, a zone nobody knows."""
    found = _INSTANT.fullmatch(line.value.strip()) if line else None
    if line is None or found is None:
        return None
    if found[2]:
        return _utc(found[0])
    tzid = line.parameter("TZID") or ""
    zone = known_zone(WINDOWS_TO_OLSON.get(tzid, tzid)) if tzid else None
    try:
        local = datetime.strptime(found[1], "%Y%m%dT%H%M%S")  # noqa: DTZ007 given its zone below
        if zone is not None:
            return local.replace(tzinfo=zone).astimezone(UTC)
        for component in _zones(calendar, tzid):
            return (local - offset_at(component, local)).replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return None


def _zones(calendar: Component, tzid: str) -> Iterator[Component]:
    return (zone for zone in calendar.inside("VTIMEZONE") if tzid and _value(zone, "TZID") == tzid)


def _utc(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _value(component: Component, name: str) -> str | None:
    line = component.first(name)
    return line.value.strip() if line else None
