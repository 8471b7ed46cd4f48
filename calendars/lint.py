"""What is wrong with the bytes of a calendar part, beyond what validators see.

Every rule here is one on which a real mail client or server fell over, though libical, icalendar or ical.js call
the file valid. It judges what we send: invitations and cancellations, one receiver each.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from calendars.content_lines import LINE_OCTETS, Component, Line, read_components, read_line, unfolded
from calendars.lint_dutch import DUTCH, Fault
from calendars.lint_reasons import REASONS
from calendars.vtimezone import comes_twice, known_zone, offset_at
from models.enums import PartStat


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: a code to count and test by, the line (from 1; 0 for the whole), and a sentence for a person."""

    code: str
    line: int
    message: str
    about: str = ""  # the name, number or value that the sentence is about
    inside: str = ""  # the attachment in which it is, when it is not the calendar part itself

    @property
    def why(self) -> str:
        """Which client or server falls over it."""
        return REASONS[self.code].why

    @property
    def remedy(self) -> str:
        """How to mend it."""
        return REASONS[self.code].remedy

    def in_language(self, language: str) -> Fault:
        """What is wrong, who falls over it and how to mend it, in `nl` or `en`."""
        within = f"{self.inside}: " if self.inside else ""
        if language == "en":
            return Fault(f"{within}{self.message}", self.why, self.remedy)
        dutch = DUTCH[self.code]
        return dutch._replace(what=f"{within}{dutch.what.format(self.about)}")


Findings = Iterator[Finding]

METHODS = frozenset({"PUBLISH", "REQUEST", "REPLY", "ADD", "CANCEL", "REFRESH", "COUNTER", "DECLINECOUNTER"})
_ROLES = frozenset({"CHAIR", "REQ-PARTICIPANT", "OPT-PARTICIPANT", "NON-PARTICIPANT"})
_PARTSTATS = frozenset(PartStat)
_NEEDED = ("UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "ORGANIZER", "SEQUENCE")
_NEEDED_IN: dict[str, tuple[str, ...]] = {"DECLINECOUNTER": ("UID", "DTSTAMP", "ORGANIZER", "SEQUENCE")}
"""By METHOD, after the tables of RFC 5546: REQUEST §3.2.2, CANCEL §3.2.5, DECLINECOUNTER §3.2.8 (ATTENDEE 1+ as well, see
`_people`). Stricter than these only where clients are: DTEND, and in a CANCEL what a client without the event shows."""
_OTHERS = frozenset({"VTODO", "VJOURNAL", "VFREEBUSY"})  # presence 0 in each of those tables
_ONCE = (*_NEEDED, "DESCRIPTION", "LOCATION", "STATUS", "URL", "TRANSP", "CREATED", "LAST-MODIFIED")
_TEXTS = frozenset({"SUMMARY", "DESCRIPTION", "LOCATION", "COMMENT", "UID", "PRODID", "TZNAME"})
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]")
_UTC = re.compile(r"\d{8}T\d{6}Z")
_LOCAL = re.compile(r"\d{8}T\d{6}")
_MAILTO = re.compile(r"mailto:[^\s@]+@[^\s@]+", re.IGNORECASE)
_LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_SECRET_NAME = re.compile(r"[?&;](?:token|key|secret|sig|signature|code)=[^&]{8,}", re.IGNORECASE)


def lint(data: bytes) -> list[Finding]:
    """Return the faults of one calendar part (its decoded bytes), by line; an empty list for a clean one.

    Never raises: what cannot be read is itself a finding.
    """
    found = list(_octets(data))
    try:
        components = read_components(data)
    except ValueError as error:
        return [*found, Finding("too-deep", 0, f"The calendar cannot be read: {error}.")]
    found += _nesting(data)
    if [component.name for component in components] != ["VCALENDAR"]:
        found.append(Finding("not-one-calendar", 0, "The part must be exactly one VCALENDAR."))
    for calendar in components:
        if calendar.name == "VCALENDAR":
            found += _calendar(calendar)
    return sorted(found, key=lambda finding: finding.line)


def method_of(data: bytes) -> str | None:
    """Return the METHOD of a calendar, in capitals, from where it counts: directly in the VCALENDAR."""
    try:
        components = read_components(data)
    except ValueError:
        return None
    line = next(
        (component.first("METHOD") for component in components if component.name == "VCALENDAR"), None
    )
    return line.value.strip().upper() if line else None


def _octets(data: bytes) -> Findings:
    if data.startswith(b"\xef\xbb\xbf"):
        yield Finding(
            "bom", 1, "The calendar starts with a byte order mark, which is no part of its first line."
        )
    if not data.endswith(b"\n"):
        yield Finding("no-final-line-end", 0, "The last line does not end in CRLF.")
    before = b""
    for number, physical in enumerate(re.findall(rb"[^\n]*\n|[^\n]+", data), 1):
        line = physical.rstrip(b"\n").removesuffix(b"\r")
        if physical.endswith(b"\n") and not physical.endswith(b"\r\n"):
            yield Finding("bare-lf", number, "The line ends in LF; it must end in CRLF.")
        if b"\r" in line:
            yield Finding("bare-cr", number, "A carriage return stands alone within the line.")
        if len(line) > LINE_OCTETS:
            yield Finding(
                "line-too-long",
                number,
                f"The line has {len(line)} octets; fold it at {LINE_OCTETS}.",
                f"{len(line)}",
            )
        if not line:
            yield Finding("blank-line", number, "The line is empty; calendars have no empty lines.")
        if _CONTROL.search(line):
            yield Finding("control-character", number, "The line holds a control character; remove it.")
        if line[:1] in (b" ", b"\t") and len(line) > 1 and line[1] & 0xC0 == 0x80 and before[-1:] >= b"\x80":
            yield Finding(
                "fold-in-character", number, "The fold before this line cuts a UTF-8 character in two."
            )
        before = line
    for number, octets in unfolded(data):
        try:
            octets.decode()
        except UnicodeDecodeError:
            yield Finding("not-utf-8", number, "The line is not UTF-8.")


def _nesting(data: bytes) -> Findings:
    is_open: list[str] = []
    for number, octets in unfolded(data.removeprefix(b"\xef\xbb\xbf")):
        line = read_line(number, octets.decode(errors="replace"))
        if line is None:
            yield Finding(
                "not-a-content-line", number, "The line is no NAME;PARAMETERS:VALUE, or a quote stays open."
            )
            continue
        if line.name == "BEGIN":
            is_open.append(line.value)
        elif line.name == "END" and (not is_open or is_open.pop() != line.value):
            yield Finding(
                "unbalanced", number, f"END:{line.value} closes no BEGIN:{line.value}.", f"END:{line.value}"
            )
        yield from _text_and_parameters(line)
    for name in is_open:
        yield Finding("unbalanced", 0, f"BEGIN:{name} is never closed.", f"BEGIN:{name}")


def _text_and_parameters(line: Line) -> Findings:
    if line.name in _TEXTS and re.search(r"[\\;,]", re.sub(r"\\[\\;,nN]", "", line.value)):
        yield Finding(
            "unescaped",
            line.number,
            f"{line.name} holds a comma, semicolon or backslash that is not escaped.",
            line.name,
        )
    for name, value in line.parameters.items():
        if '"' in re.sub(r'^"[^"]*"(,"[^"]*")*$', "", value):
            message = (
                f"The quotes of parameter {name} do not enclose the whole value; write a quote within as ^'."
            )
            yield Finding("parameter-quotes", line.number, message, name)


def _calendar(calendar: Component) -> Findings:
    for name in ("VERSION", "PRODID", "METHOD"):
        if not calendar.first(name):
            yield Finding(f"{name.lower()}-missing", calendar.number, f"The VCALENDAR has no {name}.")
        yield from _twice(calendar, name)
    version = calendar.first("VERSION")
    if version and version.value != "2.0":
        yield Finding(
            "version", version.number, f"VERSION is {version.value!r}; it must be 2.0.", version.value
        )
    line = calendar.first("METHOD")
    method = line.value.upper() if line else ""
    if line and method not in METHODS:
        yield Finding(
            "method-unknown", line.number, f"METHOD {line.value!r} is none of RFC 5546.", line.value
        )
    for component in calendar.components:
        for misplaced in component.all("METHOD"):
            message = f"METHOD stands inside {component.name}; it belongs directly in the VCALENDAR."
            yield Finding("method-misplaced", misplaced.number, message, component.name)
    zones: dict[str, Component] = {}
    for zone in calendar.inside("VTIMEZONE"):
        tzid = zone.first("TZID")
        if tzid is None:
            yield Finding("vtimezone-unreadable", zone.number, "The VTIMEZONE has no TZID.")
        elif tzid.value in zones:
            yield Finding(
                "vtimezone-twice", zone.number, f"There are two VTIMEZONEs for {tzid.value}.", tzid.value
            )
        else:
            zones[tzid.value] = zone
    events = calendar.inside("VEVENT")
    if len(events) != 1:
        yield Finding(
            "not-one-event",
            calendar.number,
            f"There are {len(events)} VEVENTs; an invitation has one.",
            f"{len(events)}",
        )
    for other in calendar.components:
        if other.name in _OTHERS:
            message = f"A {other.name} stands beside the VEVENT, which RFC 5546 does not allow."
            yield Finding("other-component", other.number, message, other.name)
    for event in events:
        yield from _event(event, method)
        yield from _times(event, zones)
        yield from _people(event, method)


def _twice(component: Component, name: str) -> Findings:
    for line in component.all(name)[1:]:
        yield Finding("property-twice", line.number, f"{name} stands twice in the {component.name}.", name)


def _event(event: Component, method: str) -> Findings:
    for name in _NEEDED_IN.get(method, _NEEDED):
        line = event.first(name)
        if line is None or not line.text.strip():
            yield Finding(f"{name.lower()}-missing", event.number, f"The VEVENT has no {name}.")
    for name in _ONCE:
        yield from _twice(event, name)
    sequence = event.first("SEQUENCE")
    if sequence and not (re.fullmatch(r"[0-9]{1,10}", sequence.value) and int(sequence.value) < 2**31):
        yield Finding(
            "bad-sequence", sequence.number, "SEQUENCE must be a whole number from 0 to 2147483647."
        )
    if method == "CANCEL" and sequence and sequence.value.strip() == "0":
        message = "A CANCEL has SEQUENCE 0, which is not above that of any invitation."
        yield Finding("cancel-sequence", sequence.number, message)
    uid, start = event.first("UID"), event.first("DTSTART")
    if uid and start and start.value[:8] in uid.value:
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
    for line in (*event.all("DESCRIPTION"), *event.all("URL"), *event.all("LOCATION"), *event.all("COMMENT")):
        if any(_is_secret(link) for link in _LINK.findall(line.text)):
            message = (
                f"{line.name} holds a personal link; calendars are forwarded, so it belongs in the mail only."
            )
            yield Finding("secret-link", line.number, message, line.name)


def _letters(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _is_secret(link: str) -> bool:
    """Whether a link holds what looks like a token: a long run of letters and digits that keep changing kind."""

    def kinds(text: str) -> int:
        classes = [(char.isdigit(), char.isupper()) for char in text if char.isalnum()]
        return sum(1 for one, other in pairwise(classes) if one != other)

    pieces = re.split(r"[/?&=#.:]", link.partition("//")[2])
    return bool(_SECRET_NAME.search(link)) or any(len(piece) >= 20 and kinds(piece) >= 6 for piece in pieces)


def _times(event: Component, zones: dict[str, Component]) -> Findings:
    stamp = event.first("DTSTAMP")
    if stamp and (not _UTC.fullmatch(stamp.value) or "TZID" in stamp.parameters):
        yield Finding("dtstamp-not-utc", stamp.number, "DTSTAMP must be in UTC, as 20260901T080000Z.")
    instants: list[datetime] = []
    for name in ("DTSTART", "DTEND"):
        line = event.first(name)
        if line:
            yield from _time(line, zones, instants.append)
    if len(instants) == 2 and instants[1] <= instants[0]:
        number = event.all("DTEND")[0].number
        yield Finding("end-not-after-start", number, "DTEND does not come after DTSTART.")


def _time(line: Line, zones: dict[str, Component], keep: Callable[[datetime], None]) -> Findings:
    """Judge one time of the event and hand its instant to `keep` when it has one."""
    name, tzid = line.name, line.parameter("TZID")
    try:
        local = datetime.strptime(line.value.removesuffix("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007 judged below
    except ValueError:
        local = None
    if local is None or not _LOCAL.fullmatch(line.value.removesuffix("Z")) or not 1970 <= local.year <= 2200:
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
    zone = known_zone(tzid)
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
    for line in attendees[1:]:
        yield Finding(
            "attendees-several", line.number, "A receiver must see no other ATTENDEE than themselves."
        )
    for line in attendees:
        partstat, role = line.parameter("PARTSTAT"), line.parameter("ROLE")
        if partstat is not None and partstat not in _PARTSTATS:
            yield Finding(
                "bad-partstat", line.number, f"PARTSTAT {partstat!r} is none that a VEVENT knows.", partstat
            )
        if role is not None and role not in _ROLES:
            yield Finding("bad-role", line.number, f"ROLE {role!r} is none of RFC 5545.", role)
        if method == "REQUEST" and (line.parameter("RSVP") or "").upper() != "TRUE":
            yield Finding("rsvp-missing", line.number, "The REQUEST does not ask for an answer (RSVP=TRUE).")
