"""What is wrong with the event of an invitation, or of its cancellation: its properties, its times, its people."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from unicodedata import normalize

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from calendars.content_lines import Component, Line
from calendars.lint_finding import Finding, Findings
from calendars.lint_values import lint_values
from calendars.vtimezone import comes_twice, known_zone, offset_at
from models.enums import PartStat

_ROLES = frozenset({"CHAIR", "REQ-PARTICIPANT", "OPT-PARTICIPANT", "NON-PARTICIPANT"})
_PARTSTATS = frozenset(PartStat)
_NEEDED = ("UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "ORGANIZER", "SEQUENCE")
_NEEDED_IN: dict[str, tuple[str, ...]] = {
    "CANCEL": ("UID", "DTSTAMP", "DTSTART", "ORGANIZER", "SEQUENCE"),
    "DECLINECOUNTER": ("UID", "DTSTAMP", "ORGANIZER", "SEQUENCE"),
}
"""By METHOD, after the tables of RFC 5546: REQUEST §3.2.2, CANCEL §3.2.5, DECLINECOUNTER §3.2.8 (ATTENDEE 1+ as well, see
`_people`). Stricter than these only where clients are: an end in a REQUEST, and in a CANCEL DTSTART, without which Exchange
makes no appointment of it."""
_ONCE = (
    *(*_NEEDED, "DESCRIPTION", "LOCATION", "STATUS", "URL", "TRANSP", "CREATED", "LAST-MODIFIED"),
    *("DURATION", "CLASS", "PRIORITY", "GEO", "RECURRENCE-ID"),
)
_LOCAL = re.compile(r"\d{8}T\d{6}")
_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)")
_MAILTO = re.compile(r"mailto:(?!//)[^\s@<>,;\"]+@[^\s@<>,;\"]+", re.IGNORECASE)
_LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_OUR_TOKEN = re.compile(r"/[ae]/(?=[^/?#]*\d)(?=[^/?#]*[a-z])[\w-]{6,}", re.IGNORECASE)  # of an answer page
_SECRET_NAME = re.compile(r"[?&;](?:token|key|secret|sig|signature|code)=[^&]{8,}", re.IGNORECASE)


def lint_event(event: Component, method: str, zones: dict[str, Component]) -> Findings:
    """Yield the faults of one VEVENT under this METHOD; `zones` are the VTIMEZONEs beside it, by TZID."""
    yield from _event(event, method)
    yield from _times(event, zones)
    yield from _people(event, method)
    yield from lint_values(event)


def twice(component: Component, name: str) -> Findings:
    """What may stand once and stands again."""
    for line in component.all(name)[1:]:
        yield Finding("property-twice", line.number, f"{name} stands twice in the {component.name}.", name)


def _event(event: Component, method: str) -> Findings:
    for name in _NEEDED_IN.get(method, _NEEDED):
        line = event.first(name)
        if name == "DTEND" and event.first("DURATION"):
            continue  # either says until when
        if line is None or not line.text.strip():
            yield Finding(f"{name.lower()}-missing", event.number, f"The VEVENT has no {name}.")
    for name in _ONCE:
        yield from twice(event, name)
    sequence = event.first("SEQUENCE")
    if sequence and not (re.fullmatch(r"[0-9]{1,10}", sequence.value) and int(sequence.value) < 2**31):
        yield Finding(
            "bad-sequence", sequence.number, "SEQUENCE must be a whole number from 0 to 2147483647."
        )
    if method == "CANCEL" and sequence and sequence.value.strip() == "0":
        message = "A CANCEL has SEQUENCE 0, which is not above that of any invitation."
        yield Finding("cancel-sequence", sequence.number, message)
    uid, start = event.first("UID"), event.first("DTSTART")
    day = _DATE.match(start.value) if start else None
    if uid and day and re.search(f"{day[1]}[-_./]?{day[2]}[-_./]?{day[3]}", uid.value):
        yield Finding("uid-from-date", uid.number, "The UID holds the date of the event.")
    summary = event.first("SUMMARY")
    title = _letters(summary.text) if summary else ""
    if uid and len(title) >= 6 and title in _letters(uid.text.partition("@")[0]):
        yield Finding("uid-from-title", uid.number, "The UID holds the title of the event.")
    for line in event.all("REQUEST-STATUS") if method in ("REQUEST", "CANCEL") else ():
        yield Finding(
            "request-status", line.number, f"A {method} has a REQUEST-STATUS, which is for answers."
        )
    status = event.first("STATUS")
    is_cancelled = status is not None and status.value.upper() == "CANCELLED"
    if method == "CANCEL" and not is_cancelled:
        message = "A CANCEL must say STATUS:CANCELLED, or the meeting stays in the calendar."
        yield Finding("cancel-status", status.number if status else event.number, message)
    if method == "REQUEST" and status and is_cancelled:
        message = "A REQUEST says STATUS:CANCELLED; to cancel, send METHOD:CANCEL."
        yield Finding("request-cancelled", status.number, message)
    for alarm in event.inside("VALARM"):
        if method in ("CANCEL", "DECLINECOUNTER"):
            message = f"A {method} has a VALARM: nobody wants to be woken for it."
            yield Finding("alarm-in-cancel", alarm.number, message, method)
    for line in (line for each in (event, *event.components) for line in each.lines):
        given = "\n".join((line.text, *line.parameters.values()))
        if any(_is_secret(link) for link in _LINK.findall(given)):
            message = (
                f"{line.name} holds a personal link; calendars are forwarded, so it belongs in the mail only."
            )
            yield Finding("secret-link", line.number, message, line.name)


def _letters(text: str) -> str:
    plain = normalize("NFKD", text.casefold())  # a title loses its accents on the way into a UID
    return "".join(char for char in plain if char.isalnum())


def _is_secret(link: str) -> bool:
    """Whether a link holds what looks like a token: a long run of letters and digits that keep changing kind."""

    def kinds(text: str) -> int:
        classes = [(char.isdigit(), char.isupper()) for char in text if char.isalnum()]
        return sum(1 for one, other in pairwise(classes) if one != other)

    pieces = re.split(r"[/?&=#.:]", link.partition("//")[2])
    if _SECRET_NAME.search(link) or _OUR_TOKEN.search(link):
        return True
    return any(len(piece) >= 20 and kinds(piece) >= 6 for piece in pieces)


def _times(event: Component, zones: dict[str, Component]) -> Findings:
    instants: list[datetime] = []
    lines = [line for name in ("DTSTART", "DTEND") if (line := event.first(name))]
    if all((line.parameter("VALUE") or "").upper() == "DATE" for line in lines):
        instants = [day for line in lines if (day := _day(line))]  # of whole days
    for line in lines if len(instants) != len(lines) else ():
        yield from _time(line, zones, instants.append)
    if len(instants) == 2 and instants[1] <= instants[0]:
        number = event.all("DTEND")[0].number
        yield Finding("end-not-after-start", number, "DTEND does not come after DTSTART.")


def _day(line: Line) -> datetime | None:
    try:
        return (
            datetime.strptime(line.value, "%Y%m%d").replace(tzinfo=UTC)
            if _DATE.fullmatch(line.value)
            else None
        )
    except ValueError:
        return None


def _time(line: Line, zones: dict[str, Component], keep: Callable[[datetime], None]) -> Findings:
    """Judge one time of the event and hand its instant to `keep` when it has one."""
    name, tzid = line.name, line.parameter("TZID")
    try:
        local = datetime.strptime(line.value.removesuffix("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007 judged below
    except ValueError:
        local = None
    is_day = (line.parameter("VALUE") or "").upper() == "DATE"
    is_local = _LOCAL.fullmatch(line.value.removesuffix("Z")) and not is_day
    if local is None or not is_local or not 1970 <= local.year <= 2200:
        yield Finding(
            "bad-date-time", line.number, f"{name} is no date and time such as 20261105T133000.", name
        )
        return
    if line.value.endswith("Z"):
        if tzid is not None:
            yield Finding(
                "utc-with-tzid", line.number, f"{name} is in UTC (Z) and names a TZID as well.", name
            )
        keep(local.replace(tzinfo=UTC))
        return
    if tzid is None:
        yield Finding(
            "floating-time",
            line.number,
            f"{name} has neither a TZID nor a Z: every reader sees another hour.",
            name,
        )
        return
    if tzid not in zones:
        message = f"{name} names the TZID {tzid}, and there is no VTIMEZONE for it: Outlook shifts the hour."
        yield Finding("tzid-without-vtimezone", line.number, message, tzid)
    # Outlook and Exchange name zones in their own way; with its VTIMEZONE every client knows what is meant.
    zone = known_zone(WINDOWS_TO_OLSON.get(tzid, tzid) if tzid in zones else tzid)
    if zone is None:
        yield Finding(
            "tzid-not-iana", line.number, f"{name} names the TZID {tzid}, which is no IANA zone.", tzid
        )
        return
    right = local.replace(tzinfo=zone)
    if comes_twice(right):
        message = f"{name} falls in the hour that a change of the clock skips or repeats; write it in UTC."
        yield Finding("local-time-unclear", line.number, message, name)
    elif tzid in zones:
        yield from _zone(zones[tzid], local, right)
    keep(right.astimezone(UTC))


def _zone(zone: Component, local: datetime, right: datetime) -> Findings:
    try:
        offset = offset_at(zone, local)
    except ValueError as error:
        yield Finding("vtimezone-unreadable", zone.number, f"The VTIMEZONE does not tell the time: {error}.")
        return
    if offset != right.utcoffset():
        message = (
            f"The VTIMEZONE gives {local:%Y-%m-%d %H:%M} the offset {offset}; it is {right.utcoffset()}."
        )
        yield Finding("vtimezone-wrong", zone.number, message, f"{local:%d-%m-%Y %H:%M}")


def _people(event: Component, method: str) -> Findings:
    for line in (*event.all("ORGANIZER"), *event.all("ATTENDEE")):
        if not _MAILTO.fullmatch(line.value):
            code = f"{line.name.lower()}-without-mailto"
            yield Finding(
                code, line.number, f"{line.name} must be mailto: and an address, not {line.value!r}."
            )
    attendees = event.all("ATTENDEE")
    if method in ("REQUEST", "CANCEL", "DECLINECOUNTER") and not attendees:
        yield Finding("attendee-missing", event.number, f"The {method} has no ATTENDEE.", method)
    if method == "PUBLISH" and attendees:
        message = "A PUBLISH has an ATTENDEE; to invite somebody, send METHOD:REQUEST."
        yield Finding("publish-attendee", attendees[0].number, message)
    for line in attendees[1:]:
        yield Finding(
            "attendees-several", line.number, "A receiver must see no other ATTENDEE than themselves."
        )
    for line in attendees:
        partstat, role = line.parameter("PARTSTAT"), line.parameter("ROLE")
        if partstat is not None and partstat.upper() not in _PARTSTATS:
            yield Finding(
                "bad-partstat", line.number, f"PARTSTAT {partstat!r} is none that a VEVENT knows.", partstat
            )
        if role is not None and role.upper() not in _ROLES:
            yield Finding("bad-role", line.number, f"ROLE {role!r} is none of RFC 5545.", role)
        if method == "REQUEST" and (line.parameter("RSVP") or "").upper() != "TRUE":
            yield Finding("rsvp-missing", line.number, "The REQUEST does not ask for an answer (RSVP=TRUE).")
