"""What staff see of a mail that came in: who wrote, to whom, when, and the text; never the code of a stranger."""

import re
from dataclasses import dataclass
from html import unescape

from calendars.bounce_text import text_of
from calendars.mail_parts import Part, UnreadableMail, read_mail
from traject.inbox_words import plain

MAX_SHOWN = 20_000
"""Characters of the text; the whole mail is there with --raw."""

_HEADERS = ("From", "To", "Date", "Subject")
_HIDDEN = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_BREAK = re.compile(r"<(br|/p|/div|/tr|/h\d|/li)\b[^<>]{0,200}>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,500}>")
_BLANKS = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")


@dataclass(frozen=True, slots=True)
class ShownMail:
    """A mail for a person to read; what cannot be read is empty."""

    sender: str
    to: str
    date: str
    subject: str
    text: str
    attachments: tuple[str, ...]


def shown_mail(raw: bytes) -> ShownMail:
    """Take a mail apart for reading; of one that cannot be, its head and start are shown as they are."""
    try:
        root = read_mail(raw)
    except UnreadableMail:
        return _start_of(raw)
    sender, to, date, _ = (plain(root.decoded(name)) for name in _HEADERS)
    names = tuple(plain(part.filename) for part in root.walk() if part.filename)
    return ShownMail(sender, to, date, plain(root.subject), plain(_text(root)), names)


def _text(root: Part) -> str:
    for kind in ("text/plain", "text/html"):
        parts = [
            part for part in root.walk() if part.content_type == kind and part.disposition != "attachment"
        ]
        said = "\n".join(map(text_of, parts)).strip()
        if said and kind == "text/html":
            said = unescape(_TAG.sub("", _BREAK.sub("\n", _HIDDEN.sub("", said)))).strip()
        if said:
            return _BLANKS.sub("\n\n", said)[:MAX_SHOWN]
    return ""


def _start_of(raw: bytes) -> ShownMail:
    head, _, body = raw[:MAX_SHOWN].replace(b"\r\n", b"\n").partition(b"\n\n")
    lines = head.decode("utf-8", "replace").splitlines()
    found = {
        name: next(
            (line.partition(":")[2].strip() for line in lines if line.lower().startswith(f"{name.lower()}:")),
            "",
        )
        for name in _HEADERS
    }
    sender, to, date, subject = (plain(found[name][:200]) for name in _HEADERS)
    return ShownMail(sender, to, date, subject, plain(body[:2_000].decode("utf-8", "replace")), ())
