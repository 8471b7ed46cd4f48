"""What a mailbox gives: mails in batches that fit in memory, each with the one key by which it is known on every way in."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from calendars.mail_parts import MAX_OCTETS

MOST_MAILS = 100
MOST_OCTETS = MAX_OCTETS
"""Of one batch. A mail that is larger than this by itself is never fetched whole: nothing would read it."""

HEAD = 64 * 1024
"""Octets of the headers of such a mail that are kept."""

Each = TypeVar("Each")


@dataclass(frozen=True, slots=True)
class Place:
    """How far a mailbox was read. On a server: its UIDVALIDITY and the last UID; in a Maildir: the last second."""

    validity: int | None = None
    last: int = 0


@dataclass(frozen=True, slots=True)
class Fetched:
    """One mail. `unread` says why it was not fetched whole; then `raw` holds its headers at most."""

    key: str
    raw: bytes | None
    received_at: datetime | None
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some mails, and how far the mailbox was read with them. `is_full`: it hardly takes mail any more."""

    mails: Sequence[Fetched]
    reached: Place
    is_full: bool = False


def mail_key(mail: bytes) -> str:
    """The key of a mail: its hash, alike for the line ends of a server (CRLF) and of a file (LF)."""
    return "mail:" + hashlib.sha256(mail.replace(b"\r\n", b"\n")).hexdigest()


def whole(mail: bytes, received_at: datetime | None) -> Fetched:
    """A mail that was fetched whole."""
    return Fetched(mail_key(mail), mail, received_at)


def too_large(head: bytes, octets: int, received_at: datetime | None) -> Fetched:
    """A mail of which only the headers were fetched."""
    why = f"de mail is {octets / 1_000_000:.0f} MB, meer dan de {MOST_OCTETS // 1_000_000} MB die wordt gelezen: lees hem in de postbus"
    return Fetched(f"{mail_key(head)}:{octets}", head, received_at, why)


def in_batches(sized: Sequence[tuple[Each, int]]) -> Iterator[list[Each]]:
    """Divide things with their size in octets over batches, in order; one that is larger than a batch comes alone."""
    batch: list[Each] = []
    octets = 0
    for each, size in sized:
        if batch and (len(batch) == MOST_MAILS or octets + size > MOST_OCTETS):
            yield batch
            batch, octets = [], 0
        batch.append(each)
        octets += size
    if batch:
        yield batch
