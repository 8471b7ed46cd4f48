"""What lies in an opaque S/MIME signature: the mail as it was before Outlook or Apple Mail signed it (RFC 8551 §3.5.2).

Only the way to the content is read, of what is encoded in BER as well as in DER (ITU-T X.690). Nothing is verified: who
answers is judged by address and tag, signed or not.
"""

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")  # 1.2.840.113549.1.7.2
_DATA = bytes.fromhex("2a864886f70d010701")  # 1.2.840.113549.1.7.1
_INTEGER, _OCTETS, _OID, _SEQUENCE, _SET, _FIRST = 0x02, 0x04, 0x06, 0x30, 0x31, 0xA0
_CONSTRUCTED = 0x20
_MAX_DEPTH = 20


def signed_content(octets: bytes) -> bytes | None:
    """Return the signed MIME entity in a CMS message; None when it holds none, is encrypted, or cannot be read."""
    reader = _Reader(octets)
    try:
        reader.enter(_SEQUENCE)
        if reader.value(_OID) != _SIGNED_DATA:
            return None
        reader.enter(_FIRST)
        reader.enter(_SEQUENCE)
        reader.skip(_INTEGER)
        reader.skip(_SET)
        reader.enter(_SEQUENCE)
        if reader.value(_OID) != _DATA:
            return None
        reader.enter(_FIRST)
        return reader.value(_OCTETS)
    except ValueError:
        return None


class _Reader:
    """Reads one element after another; raises ValueError at what does not stand there."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def enter(self, tag: int) -> None:
        if self._head()[0] != tag:
            raise ValueError("another element stands there")

    def skip(self, tag: int | None = None, depth: int = 0) -> None:
        found, length = self._head()
        if (tag is not None and found != tag) or depth > _MAX_DEPTH:
            raise ValueError("another element stands there")
        if length is not None:
            self._take(length)
            return
        while not self._is_end():
            self.skip(depth=depth + 1)

    def value(self, tag: int, depth: int = 0) -> bytes:
        """The content of an element, put together when it is written in pieces."""
        found, length = self._head()
        if found == tag and length is not None:
            return self._take(length)
        if found != tag | _CONSTRUCTED or depth > _MAX_DEPTH:
            raise ValueError("another element stands there")
        end = None if length is None else self._at + length
        pieces: list[bytes] = []
        while not self._is_end() if end is None else self._at < end:
            pieces.append(self.value(tag, depth + 1))
        return b"".join(pieces)

    def _head(self) -> tuple[int, int | None]:
        """Tag and length of the next element; no length when its end is marked instead."""
        tag, first = self._take(2)
        if first < 0x80:
            return tag, first
        if first == 0x80:
            return tag, None
        return tag, int.from_bytes(self._take(first & 0x7F), "big")

    def _is_end(self) -> bool:
        if self._octets[self._at : self._at + 2] != b"\0\0":
            return False
        self._at += 2
        return True

    def _take(self, count: int) -> bytes:
        taken = self._octets[self._at : self._at + count]
        if len(taken) < count:
            raise ValueError("the message ends too early")
        self._at += count
        return taken
