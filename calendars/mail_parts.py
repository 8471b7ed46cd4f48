"""Which parts a mail has, within limits; the one place that meets the faults of the standard mail parser."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.policy import Compat32
from email.utils import collapse_rfc2231_value, getaddresses

from calendars.signed_content import signed_content

MAX_OCTETS = 10 * 1024 * 1024
MAX_LINES = 400_000  # 10 MB of base64 has 140,000
MAX_BOUNDARIES = 100
MAX_HEADER = 32 * 1024  # characters; the library's parsers take quadratic time over one header
MAX_HEADERS = 5_000  # of all parts together; the parser takes 10 microseconds over each
MAX_ADDRESSES = (
    4 * 1024
)  # characters of one header of addresses; the library's parser recurses over its brackets
MAX_PARTS = 100
MAX_DEPTH = 10

_NOT_BASE64 = re.compile(r"\s{0,100}BEGIN:VCALENDAR\s", re.IGNORECASE)
_IS_BASE64 = re.compile(
    r"\s{0,100}QkVHSU46VkNBTEVOREFS[A-Za-z0-9+/]"
)  # BEGIN:VCALENDAR, by a client that does not say so
_NOT_QUOTED = re.compile(r"^ATTENDEE\b[^:\n]{0,200};PARTSTAT=[A-Z]", re.IGNORECASE | re.MULTILINE)
_SOFT_BREAK = re.compile(r"=[ \t]+\r?\n")  # a gateway that filled the line out
_SIGNED_TYPES = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_BOUNDARY = re.compile(rb"boundary[*0-9]*\s*=", re.IGNORECASE)


class UnreadableMail(ValueError):
    """A mail that is too big, too deep, or that the standard library cannot parse; the message says which, in Dutch for staff."""


class _Headers(Compat32):
    """The most forgiving way to read headers, within limits; of one mail only, as it counts them."""

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self, "_left", [MAX_HEADERS])  # a policy refuses any other change of itself

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        if sum(map(len, sourcelines)) > MAX_HEADER:
            raise UnreadableMail(f"een kopregel heeft meer dan {MAX_HEADER} tekens")
        left: list[int] = object.__getattribute__(self, "_left")
        left[0] -= 1
        if left[0] < 0:
            raise UnreadableMail(f"hij heeft meer dan {MAX_HEADERS} kopregels")
        return super().header_source_parse(sourcelines)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a mail, decoded: `body` for a leaf, `parts` for a multipart or a message/rfc822."""

    content_type: str
    parameters: dict[str, str]
    disposition: str | None
    filename: str
    encoding: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    parts: tuple["Part", ...]

    def header(self, name: str) -> str:
        """Return the first header with that name, unfolded, or an empty text."""
        return next(iter(self.header_all(name)), "")

    def header_all(self, name: str) -> list[str]:
        """Return every header with that name, unfolded."""
        return [" ".join(value.split()) for key, value in self.headers if key.lower() == name.lower()]

    @property
    def subject(self) -> str:
        """The subject with its RFC 2047 words decoded, as far as they can be."""
        return self.decoded("Subject")

    def decoded(self, name: str) -> str:
        """Return the first header with that name, its RFC 2047 words decoded as far as they can be."""
        return _words_decoded(self.header(name))

    def addresses(self, *names: str) -> list[str]:
        """Return the addresses in these headers, in lower case, in order; none of a header that cannot be read."""
        values = [value[:MAX_ADDRESSES] for name in names for value in self.header_all(name)]
        try:
            return [
                address.lower()
                for _, address in getaddresses(values)
                if "@" in address and address.isprintable()
            ]
        except (RecursionError, ValueError, IndexError):
            return []

    def walk(self) -> Iterator["Part"]:
        """Yield this part and those within it in order; not what lies inside an enclosed message."""
        yield self
        if self.content_type != "message/rfc822":
            for part in self.parts:
                yield from part.walk()


def read_mail(mail: bytes) -> Part:
    """Return the mail as a tree of parts. Raises UnreadableMail."""
    if len(mail) > MAX_OCTETS:
        raise UnreadableMail(f"hij heeft {len(mail)} bytes, meer dan {MAX_OCTETS}")
    _refuse_too_much(mail)
    mail = mail.removeprefix(b"\xef\xbb\xbf").lstrip(
        b"\r\n"
    )  # what an editor or an export put before the headers
    if b"\n" not in mail:  # line ends as of old: the decoders of the library do not know them
        mail = mail.replace(b"\r", b"\n")
    try:
        return _part(message_from_bytes(mail, policy=_Headers()), 0, [MAX_PARTS])
    except UnreadableMail:
        raise
    except (
        Exception
    ) as error:  # the email package has no error of its own: anything from IndexError to LookupError
        raise UnreadableMail(f"hij is niet te ontleden ({type(error).__name__}: {error})") from error


def _refuse_too_much(octets: bytes) -> None:
    """Raise UnreadableMail at octets that the library's parser would take long over."""
    if octets.count(b"\n") + octets.count(b"\r") - octets.count(b"\r\n") > MAX_LINES:
        raise UnreadableMail(f"hij heeft meer dan {MAX_LINES} regels")
    if sum(1 for _ in _BOUNDARY.finditer(octets)) > MAX_BOUNDARIES:
        raise UnreadableMail(f"hij heeft meer dan {MAX_BOUNDARIES} scheidingen")


def _part(message: Message, depth: int, left: list[int]) -> Part:
    left[0] -= 1
    if left[0] < 0:
        raise UnreadableMail(f"hij heeft meer dan {MAX_PARTS} delen")
    if depth > MAX_DEPTH:
        raise UnreadableMail(f"zijn delen zitten dieper in elkaar dan {MAX_DEPTH}")
    found = message.get_params(failobj=[], header="content-type")
    payload = message.get_payload()
    children = [child for child in payload if isinstance(child, Message)] if isinstance(payload, list) else []
    content_type = message.get_content_type().split(maxsplit=1)[0]  # some leave the semicolon behind it out
    filename = _words_decoded(message.get_filename("") or "")
    is_signed = content_type in _SIGNED_TYPES or filename.lower().endswith(".p7m")
    if is_signed and (signed := signed_content(_octets(message))):
        _refuse_too_much(signed)
        children = [message_from_bytes(signed, policy=_Headers())]
    return Part(
        content_type=content_type,
        parameters={str(key).lower(): collapse_rfc2231_value(value) for key, value in found[1:]},
        disposition=message.get_content_disposition(),
        filename=filename,
        encoding=str(message.get("content-transfer-encoding", "7bit")).strip().lower(),
        headers=tuple((str(key), str(value)) for key, value in message.items()),
        body=b"" if children else _octets(message),
        parts=tuple(_part(child, depth + 1, left) for child in children),
    )


def _words_decoded(raw: str) -> str:
    try:
        return str(make_header(decode_header(raw)))
    except (LookupError, ValueError, MessageError):  # an unknown character set, or octets that are not in it
        return raw


def _octets(message: Message) -> bytes:
    """What a leaf holds, decoded; as it stands when it is plainly not written in the way that it says."""
    encoding = str(message.get("content-transfer-encoding", "")).strip().lower()
    raw = message.get_payload()
    if isinstance(raw, str) and encoding in ("base64", "quoted-printable"):
        if _NOT_BASE64.match(raw) if encoding == "base64" else _NOT_QUOTED.search(raw):
            del message["content-transfer-encoding"]
        elif encoding == "quoted-printable":
            message.set_payload(_SOFT_BREAK.sub("=\n", raw))
    elif isinstance(raw, str) and _IS_BASE64.match(raw):
        del message["content-transfer-encoding"]
        message["content-transfer-encoding"] = "base64"
    body = message.get_payload(decode=True)
    return body if isinstance(body, bytes) else b""
