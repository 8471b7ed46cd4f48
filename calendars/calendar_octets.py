"""In which characters a calendar part is written: UTF-8, whatever else its Content-Type says, or what its octets show."""

import codecs

_STATEFUL = ("iso-2022", "hz", "utf-7")
"""Their octets are plain ASCII, and so would pass for UTF-8."""

_NO_CHARSETS = ("punycode", "idna")
"""Two codecs of domain names, which take quadratic time over a long text."""


def as_utf8(octets: bytes, charset: str) -> bytes:
    """Return a calendar's octets in UTF-8; as they are when nothing better can be made of them.

    `charset` is what the part says of itself, often wrongly: what is UTF-8 beyond ASCII is taken as that, for nothing
    else looks like it. Two octets a character are known by their byte order mark or by the zeros between the letters.
    """
    if octets.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decoded(octets, "utf-16") or octets
    if octets[:4:2] == b"\0\0" or octets[1:4:2] == b"\0\0":
        return _decoded(octets, "utf-16-be" if octets[:1] == b"\0" else "utf-16-le") or octets
    name = charset.strip().lower().replace("_", "-")
    if name.startswith(_NO_CHARSETS) or (octets.isascii() and not name.startswith(_STATEFUL)):
        return octets
    if not octets.isascii() and _decoded(octets, "utf-8") is not None:
        return octets
    return _decoded(octets, name) or octets


def _decoded(octets: bytes, charset: str) -> bytes | None:
    try:
        return octets.decode(charset).encode()
    except (LookupError, ValueError):  # an unknown character set, or octets that are not in it
        return None
