"""What is wrong with a whole invitation mail: its MIME tree, its headers, and the calendar parts in it.

The tree is the one that Gmail, Outlook, Apple Mail, Thunderbird and Evolution all show as an invitation:
mixed > alternative > plain, html, text/calendar; and `invite.ics` beside the alternative.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import parseaddr, parsedate_tz

from calendars.content_lines import read_components
from calendars.lint import lint, method_of
from calendars.lint_finding import Finding, Findings
from calendars.lint_html import lint_html
from calendars.mail_parts import Part, UnreadableMail, read_mail

LINE_OCTETS = 998  # RFC 5322 §2.1.1
CALENDAR_TYPES = frozenset({"text/calendar", "application/ics"})
_MESSAGE_ID = re.compile(r"<[^\s<>@]+@[^\s<>@]+>")
_FORMS: dict[str, Callable[[str], object]] = {
    "Date": parsedate_tz,
    "Message-ID": _MESSAGE_ID.fullmatch,
    "From": lambda value: "@" in parseaddr(value)[1],
    "Subject": str.strip,
}
"""What of a header must be there to be read: something true when it is."""
_ALTERNATIVES = ["text/plain", "text/html", "text/calendar"]


def lint_mail(mail: bytes) -> list[Finding]:
    """Return the faults of one invitation mail (its bytes as handed to SMTP); an empty list for a clean one.

    A finding in a calendar part has its line in that part, and `inside` names the attachment. Never raises.
    """
    try:
        root = read_mail(mail)
    except UnreadableMail as error:
        return [Finding("mail-unreadable", 0, f"The mail cannot be read: {error}.")]
    return [*_octets(mail), *_headers(root), *_tree(root), *_parts(root)]


def _octets(mail: bytes) -> Findings:
    head = re.split(rb"\r?\n\r?\n", mail, maxsplit=1)[0]
    if not head.isascii():
        yield Finding("header-not-ascii", 0, "A header holds raw 8-bit characters; encode them (RFC 2047).")
    bare = re.search(rb"(?<!\r)\n|\r(?!\n)", mail)
    if bare:
        number = mail.count(b"\n", 0, bare.start()) + 1
        yield Finding("mail-bare-line-end", number, "A line of the mail does not end in CRLF, as SMTP asks.")
    for number, line in enumerate(re.split(rb"\r?\n", mail), 1):
        if len(line) > LINE_OCTETS:
            yield Finding(
                "mail-line-too-long", number, f"A line of the mail has more than {LINE_OCTETS} octets."
            )
            return


def _headers(root: Part) -> Findings:
    for name in ("From", "To", "Date", "Message-ID", "Subject", "MIME-Version"):
        if len(root.header_all(name)) != 1:
            yield Finding(
                "header-count",
                0,
                f"The mail has {len(root.header_all(name))} {name} headers; it needs one.",
                f"{len(root.header_all(name))} × {name}",
            )
    if root.header("Auto-Submitted").lower() != "auto-generated":
        yield Finding(
            "auto-submitted", 0, "Auto-Submitted: auto-generated is missing: vacation notices will come back."
        )
    if not {"oof", "all"} & set(re.split(r"[,;\s]+", root.header("X-Auto-Response-Suppress").lower())):
        yield Finding("auto-response-suppress", 0, "X-Auto-Response-Suppress: OOF, AutoReply is missing.")
    for name, form in _FORMS.items():
        if any(not form(value) for value in root.header_all(name)):
            message = f"The {name} header is not written as RFC 5322 says."
            yield Finding("header-form", 0, message, name)
    if root.header_all("List-Unsubscribe") or root.header_all("List-Unsubscribe-Post"):
        yield Finding(
            "list-unsubscribe", 0, "An invitation has List-Unsubscribe, which belongs to newsletters."
        )
    if root.header("Message-ID").strip() not in root.header("References").split():
        yield Finding("references-own-id", 0, "References does not hold the mail's own Message-ID.")
    organizers = {address for part in root.walk() for address in _named(part, "ORGANIZER")}
    if organizers and organizers != set(root.addresses("Reply-To")):
        yield Finding("reply-to-organizer", 0, "Reply-To is not the address of the calendar's ORGANIZER.")
    receivers = root.addresses("To", "Cc", "Bcc")
    if len(receivers) > 1:
        yield Finding(
            "receivers-several",
            0,
            f"The mail names {len(receivers)} receivers, who then see each other.",
            f"{len(receivers)}",
        )
    invited = [address for part in root.walk() for address in _named(part, "ATTENDEE")]
    if invited and set(invited) != set(receivers[:1]):
        yield Finding(
            "receiver-not-invited", 0, "The mail goes to another address than the calendar's ATTENDEE."
        )


def _named(part: Part, line_name: str) -> list[str]:
    """The addresses in the lines of this name of a calendar part."""
    if part.content_type not in CALENDAR_TYPES:
        return []
    try:
        calendars = read_components(part.body)
    except ValueError:
        return []
    events = [event for calendar in calendars for event in calendar.inside("VEVENT")]
    return [line.value.lower().removeprefix("mailto:") for event in events for line in event.all(line_name)]


def _tree(root: Part) -> Findings:
    if root.content_type != "multipart/mixed":
        yield Finding(
            "tree-root", 0, f"The mail is {root.content_type}; it must be multipart/mixed.", root.content_type
        )
    children = [part.content_type for part in root.parts]
    if len(children) != 2 or children[0] != "multipart/alternative" or children[1] not in CALENDAR_TYPES:
        message = f"The mail's parts are {', '.join(children) or 'none'}; they must be multipart/alternative, invite.ics."
        yield Finding("tree-mixed", 0, message, ", ".join(children) or "er niet")
    for part in root.walk():
        if part.content_type == "multipart/alternative":
            offered = [child.content_type for child in part.parts]
            if offered != _ALTERNATIVES:
                message = f"The alternatives are {', '.join(offered) or 'none'}; they must be {', '.join(_ALTERNATIVES)}."
                yield Finding("tree-alternative", 0, message, ", ".join(offered) or "er niet")
    for part in root.walk():
        if part.content_type == "text/plain" and not part.body.strip():
            yield Finding("plain-empty", 0, "The plain text is empty: not everybody reads HTML.")
        if part.content_type == "text/html":
            yield from lint_html(part.body)


def _parts(root: Part) -> Findings:
    calendars = [part for part in root.walk() if part.content_type in CALENDAR_TYPES]
    inline = [part for part in calendars if not _is_attachment(part)]
    attached = [part for part in calendars if _is_attachment(part)]
    if len(inline) != 1:
        message = f"There are {len(inline)} inline text/calendar parts; there must be one, without Content-Disposition."
        yield Finding("inline-count", 0, message, f"{len(inline)}")
    if len(attached) != 1:
        yield Finding(
            "attachment-count",
            0,
            f"There are {len(attached)} calendar attachments; there must be one.",
            f"{len(attached)}",
        )
    for part in inline:
        yield from _inline(part)
    for part in attached:
        if part.filename != "invite.ics":
            yield Finding(
                "attachment-name",
                0,
                f"The attachment is called {part.filename!r}; call it invite.ics.",
                f"{part.filename}",
            )
        if part.content_type == "text/calendar" or "method" in part.parameters:
            yield from _method(part, "attachment")
        if [_body(part)] != [_body(other) for other in inline]:
            yield Finding(
                "attachment-differs", 0, "The attachment is not, byte for byte, the inline calendar part."
            )
            yield from (replace(finding, inside="invite.ics") for finding in lint(_body(part)))


def _inline(part: Part) -> Iterator[Finding]:
    if part.disposition is not None:
        message = "The inline calendar part has a Content-Disposition; Evolution then shows no invitation."
        yield Finding("inline-disposition", 0, message)
    if part.header_all("Content-ID"):
        yield Finding(
            "content-id", 0, "The calendar part has a Content-ID; Thunderbird then shows no invitation."
        )
    if part.parameters.get("charset", "").upper() != "UTF-8":
        yield Finding("charset-parameter", 0, "The Content-Type of the calendar part must say charset=UTF-8.")
    yield from _method(part, "inline calendar part")
    yield from lint(_body(part))


def _method(part: Part, which: str) -> Findings:
    said, meant = part.parameters.get("method"), method_of(part.body)
    if said is None:
        yield Finding(
            "method-parameter-missing", 0, f"The Content-Type of the {which} has no method parameter."
        )
    elif said.upper() != meant:
        message = f"The Content-Type of the {which} says method={said}, the calendar METHOD:{meant}."
        yield Finding("method-parameter-differs", 0, message, f"{said}, {meant}")


def _is_attachment(part: Part) -> bool:
    return part.disposition == "attachment" or part.content_type == "application/ics"


def _body(part: Part) -> bytes:
    """The calendar as it was: unencoded, its last CRLF is taken for the boundary's."""
    if part.encoding in ("base64", "quoted-printable") or part.body.endswith(b"\n"):
        return part.body
    return part.body + b"\r\n"
