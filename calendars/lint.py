"""What is wrong with the bytes of a calendar part, beyond what validators see.

Every rule here is one on which a real mail client or server fell over, though libical, icalendar or ical.js call
the file valid. It judges what we send: invitations and cancellations, one receiver each.
"""

import re

from calendars.content_lines import LINE_OCTETS, Component, Line, read_components, read_line, unfolded
from calendars.lint_event import lint_event, twice
from calendars.lint_finding import Finding, Findings

METHODS = frozenset({"PUBLISH", "REQUEST", "REPLY", "ADD", "CANCEL", "REFRESH", "COUNTER", "DECLINECOUNTER"})
_OTHERS = frozenset({"VTODO", "VJOURNAL", "VFREEBUSY"})  # presence 0 in each table of RFC 5546 §3.2
_TEXTS = frozenset(
    {"SUMMARY", "DESCRIPTION", "LOCATION", "COMMENT", "UID", "PRODID", "TZNAME", "CONTACT", "RELATED-TO"}
)
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]")


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
        if not is_open and line.name not in ("BEGIN", "END"):
            yield Finding("outside-calendar", number, "The line stands outside the VCALENDAR.")
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
        line = calendar.first(name)
        if line is None or not line.value.strip():
            yield Finding(f"{name.lower()}-missing", calendar.number, f"The VCALENDAR has no {name}.")
        yield from twice(calendar, name)
    version = calendar.first("VERSION")
    if version and version.value != "2.0":
        yield Finding(
            "version", version.number, f"VERSION is {version.value!r}; it must be 2.0.", version.value
        )
    line = calendar.first("METHOD")
    method = line.value.upper() if line else ""
    if line and method and method not in METHODS:
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
        yield from lint_event(event, method, zones)
