"""The bytes of one mail: headers, MIME tree, transfer encoding. Same input, same bytes.

Written by hand because building an EmailMessage costs 3 ms, and composing is what limits sending. All bytes are
ASCII and no line is long, so a server needs neither SMTPUTF8 nor 8BITMIME; the tests read the result back with the
standard library's parser. Sources: RFC 5322, 2045-2047, 3834 (automatic mail), 6047 (calendar parts), 8058.
"""

import re
from binascii import b2a_base64, b2a_qp
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from typing import Literal

from traject.mail_contexts import address_problem

_WIDTH = 76
_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,900}>")
_REFERENCES = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,900}>(?: <[\x21-\x3b\x3d\x3f-\x7e]{1,900}>)*")
_UNSUBSCRIBE = re.compile(r"<(?:https?|mailto):[\x21-\x3b\x3d\x3f-\x7e]{1,900}>")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")  # tab, LF and CR stay
_CONTROLS = bytes(set(range(32)) - set(b"\t\n") | {127})
_WORD_SAFE = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/"
)  # RFC 2047 §5 (3)


class HeaderError(ValueError):
    """A header value that cannot be sent; `field` names it in `Head`."""

    def __init__(self, field: str, problem: str) -> None:
        self.field, self.problem = field, problem
        super().__init__(f"{field}: {problem}")


@dataclass(frozen=True, slots=True)
class Head:
    """Who, when and which mail. Ids stand in angle brackets; `list_unsubscribe` are links, without them.

    `reply_to` is the tagged address that ties an answer to this mail; `references` an earlier id to thread under.
    """

    message_id: str
    date: datetime
    from_name: str
    from_email: str
    to_name: str
    to_email: str
    reply_to: str
    references: str | None = None
    list_unsubscribe: tuple[str, ...] = ()


CalendarMethod = Literal["REQUEST", "CANCEL", "DECLINECOUNTER"]


@dataclass(frozen=True, slots=True)
class CalendarPart:
    """The iCalendar bytes of an invitation; `method` equals the METHOD inside them."""

    method: CalendarMethod
    data: bytes


def mail_bytes(
    head: Head, subject: str, language: str, text: str, html: str, calendar: CalendarPart | None
) -> bytes:
    """Give the whole mail, lines ending in CRLF.

    Raises HeaderError for a header value that cannot be sent, UnicodeEncodeError for half a character.
    """
    # "=_" occurs in neither quoted-printable nor base64, so no part can hold a boundary.
    stem = "=_" + sha256(head.message_id.encode()).hexdigest()[:32]
    alternative = f"{stem}_a"
    parts = [_text_part("plain", text), _text_part("html", html)]
    if calendar is None:
        tree = _multipart("alternative", alternative, parts)
    else:
        content = _base64_lines(calendar.data)
        # No Content-Disposition on this one: Evolution and Thunderbird then miss the invitation.
        parts.append(
            f"Content-Type: text/calendar; charset=UTF-8; method={calendar.method}\r\n"
            f"Content-Transfer-Encoding: base64\r\n\r\n{content}"
        )
        # application/ics, as Google sends it: a second text/calendar is shown as a second invitation.
        attachment = (
            'Content-Type: application/ics; name="invite.ics"\r\n'
            'Content-Disposition: attachment; filename="invite.ics"\r\n'
            f"Content-Transfer-Encoding: base64\r\n\r\n{content}"
        )
        inner = _multipart("alternative", alternative, parts)
        tree = _multipart("mixed", f"{stem}_m", [inner, attachment])
    return f"{_headers(head, subject, language)}{tree}".encode("ascii")


def readdressed(data: bytes, to_name: str, to_email: str, message_id: str) -> bytes:
    """Give a mail that never arrived another receiver and an id of its own; what it says stays as it is.

    Raises HeaderError for an address that cannot be sent.
    """
    head, gap, body = data.partition(b"\r\n\r\n")
    own_id = _matching(_MESSAGE_ID, "message_id", message_id)
    new = {b"To": _mailbox("to_email", to_name, to_email), b"Message-ID": own_id}
    for name, value in new.items():
        pattern = rb"^" + name + rb":[^\r\n]*(?:\r\n[ \t][^\r\n]*)*"
        line = name + b": " + value.encode("ascii")
        head = re.sub(pattern, lambda _, line=line: line, head, count=1, flags=re.MULTILINE)
    return head + gap + body


def _headers(head: Head, subject: str, language: str) -> str:
    own_id = _matching(_MESSAGE_ID, "message_id", head.message_id)
    references = own_id
    if head.references is not None:
        references = f"{_matching(_REFERENCES, 'references', head.references)} {own_id}".replace(" ", "\r\n ")
    if head.date.utcoffset() is None:
        raise HeaderError("date", f"is an instant without a timezone: {head.date.isoformat()}")
    lines = [
        f"Message-ID: {own_id}",
        f"Date: {format_datetime(head.date.astimezone(UTC))}",
        f"From: {_mailbox('from_email', head.from_name, head.from_email)}",
        f"To: {_mailbox('to_email', head.to_name, head.to_email)}",
        f"Reply-To: {_address('reply_to', head.reply_to)}",
        f"Subject: {_unstructured(subject)}",
        # Some providers replace the Message-ID; ours then survives here.
        f"References: {references}",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: OOF, AutoReply",
        f"Content-Language: {language}",
    ]
    if head.list_unsubscribe:
        links = [_matching(_UNSUBSCRIBE, "list_unsubscribe", f"<{link}>") for link in head.list_unsubscribe]
        lines += [
            "List-Unsubscribe: " + ",\r\n ".join(links),
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        ]
    lines.append("MIME-Version: 1.0\r\n")
    return "\r\n".join(lines)


def _multipart(subtype: str, boundary: str, parts: list[str]) -> str:
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts)
    return f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n\r\n{body}--{boundary}--\r\n'


def _text_part(subtype: str, text: str) -> str:
    """A text part. The line break before a boundary is not content (RFC 2046 §5.1.1), hence the one at the end."""
    lines = text.rstrip().encode().replace(b"\r\n", b"\n").replace(b"\r", b"\n").translate(None, _CONTROLS)
    content = b2a_qp(lines.replace(b"\n", b"\r\n") + b"\r\n", istext=True).decode("ascii")
    return f"Content-Type: text/{subtype}; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{content}"


def _base64_lines(data: bytes) -> str:
    """Base64 in lines of 76; calendar bytes must arrive exactly as they were built."""
    encoded = b2a_base64(data, newline=False).decode("ascii")
    return "\r\n".join(encoded[at : at + _WIDTH] for at in range(0, len(encoded), _WIDTH))


def one_line(text: str) -> str:
    """A header value on one line: every run of blanks, line breaks and control characters becomes one space."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())


def _matching(pattern: re.Pattern[str], field: str, value: str) -> str:
    if not pattern.fullmatch(value):
        raise HeaderError(field, f"cannot stand in a header: {value!r}")
    return value


def _address(field: str, address: str) -> str:
    problem = address_problem(address)
    if problem:
        raise HeaderError(field, problem)
    return address


def _mailbox(field: str, name: str, address: str) -> str:
    """`"Name" <address>`; the name may be anything, the address only what every server takes."""
    checked = f"<{_address(field, address)}>"
    name = one_line(name)
    if not name:
        return checked
    if _is_plain(name):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"\r\n {checked}'
    return f"{_encoded_words(name, len('From: '))}\r\n {checked}"


def _is_plain(text: str) -> bool:
    return text.isascii() and "=?" not in text and len(text) <= 60


def _unstructured(text: str) -> str:
    """A header value that is only text: folded at blanks when it is ASCII, else as encoded words."""
    text = one_line(text)
    room = len("Subject: ")
    words = text.split(" ")
    if not text.isascii() or "=?" in text or max(map(len, words)) > _WIDTH - room:
        return _encoded_words(text, room)
    folded, used = words[0], room + len(words[0])
    for word in words[1:]:
        fits = used + 1 + len(word) <= _WIDTH
        folded += f" {word}" if fits else f"\r\n {word}"
        used = used + 1 + len(word) if fits else 1 + len(word)
    return folded


@lru_cache(maxsize=512)
def _encoded(character: str) -> str:
    if character == " ":
        return "_"
    return "".join(chr(byte) if byte in _WORD_SAFE else f"={byte:02X}" for byte in character.encode())


def _encoded_words(text: str, room: int) -> str:
    """RFC 2047 words of at most 75 characters, none of which splits a character."""
    opening, closing = "=?utf-8?q?", "?="
    limit = _WIDTH - len(opening) - len(closing) - 1
    words: list[str] = []
    word, left = "", limit - room
    for character in text:
        piece = _encoded(character)
        if len(piece) > left:
            words.append(word)
            word, left = "", limit
        word += piece
        left -= len(piece)
    words.append(word)
    return "\r\n ".join(f"{opening}{word}{closing}" for word in words)
