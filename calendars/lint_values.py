"""What is wrong with the values of an event and its alarms: what none of its readers knows, or reads as something else."""

import re
from datetime import datetime

from calendars.content_lines import Component, Line
from calendars.lint_finding import Finding, Findings

DURATION = re.compile(
    r"\+?P(?:\d+W|\d+D(?:T(?:\d+H)?(?:\d+M)?(?:\d+S)?)?|T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?)"
)
_UTC = re.compile(r"\d{8}T\d{6}Z")
_STAMPS = ("DTSTAMP", "CREATED", "LAST-MODIFIED")
_KNOWN: dict[str, re.Pattern[str]] = {
    "STATUS": re.compile("TENTATIVE|CONFIRMED|CANCELLED", re.IGNORECASE),
    "TRANSP": re.compile("OPAQUE|TRANSPARENT", re.IGNORECASE),
    "PRIORITY": re.compile("[0-9]"),
    "RRULE": re.compile(
        r"(.*;)?FREQ=(SECONDLY|MINUTELY|HOURLY|DAILY|WEEKLY|MONTHLY|YEARLY)(;.*)?", re.IGNORECASE
    ),
    "DURATION": DURATION,
}
"""RFC 5545 §3.8.1.11, §3.8.2.7, §3.8.1.9, §3.3.10, §3.3.6; an event lasts no negative time."""
_SINGLE = ("CN", "TZID", "SENT-BY", "DIR", "ROLE", "PARTSTAT", "RSVP", "CUTYPE", "LANGUAGE")
_STANDING_ALONE = ("VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VTIMEZONE", "VCALENDAR")


def lint_values(event: Component) -> Findings:
    """Yield the faults in the values of one VEVENT, in its parameters and in what lies in it."""
    for name, known in _KNOWN.items():
        for line in event.all(name):
            if not known.fullmatch(line.value):
                message = f"{name} is {line.value!r}, which no VEVENT has."
                yield Finding("bad-value", line.number, message, f"{name} {line.value}")
    for line in (line for name in _STAMPS for line in event.all(name)):
        if not _is_utc(line):
            message = f"{line.name} must be in UTC, as 20260901T080000Z."
            yield Finding("dtstamp-not-utc", line.number, message, line.name)
    end, duration = event.first("DTEND"), event.first("DURATION")
    if end and duration:
        message = "The VEVENT has both DTEND and DURATION; one of them may be there."
        yield Finding("end-and-duration", duration.number, message)
    for line in event.lines:
        for name in _SINGLE:
            if "," in re.sub('"[^"]*"', "", line.parameters.get(name, "")):
                message = f"The parameter {name} holds a comma outside quotes: it becomes two values."
                yield Finding("parameter-comma", line.number, message, name)
    for component in event.components:
        if component.name in _STANDING_ALONE:
            message = f"A {component.name} stands inside the VEVENT, which holds alarms only."
            yield Finding("other-component", component.number, message, component.name)
    for alarm in event.inside("VALARM"):
        yield from _alarm(alarm)


def _is_utc(line: Line) -> bool:
    if not _UTC.fullmatch(line.value) or "TZID" in line.parameters:
        return False
    try:
        datetime.strptime(line.value, "%Y%m%dT%H%M%SZ")  # noqa: DTZ007 only whether it exists
    except ValueError:
        return False
    return True


def _alarm(alarm: Component) -> Findings:
    action = alarm.first("ACTION")
    needed = ["ACTION", "TRIGGER"]
    if action and action.value.upper() in ("DISPLAY", "EMAIL"):
        needed.append("DESCRIPTION")  # RFC 5545 §3.6.6
    for name in needed:
        if not alarm.first(name):
            yield Finding("alarm-incomplete", alarm.number, f"The VALARM has no {name}.", name)
