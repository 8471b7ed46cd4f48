"""Which mails are new in a mailbox on an IMAP server (RFC 3501).

The mailbox is only read: it is opened with EXAMINE and mails are fetched with BODY.PEEK, so that nothing is deleted,
moved or marked, ever. Staff may read it beside us, a right to read is enough, and being full hinders nothing; how far
we are stands in our own database. What is too large is not fetched but for its headers, and one mail that the server
cannot give, or hangs up on, keeps no other waiting.
"""

import imaplib
import re
from collections import Counter
from collections.abc import Collection, Generator, Iterator, Sequence
from datetime import date, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise

from imap_tools import BaseMailBox
from imap_tools.consts import SHORT_MONTH_NAMES

from traject.fetched import HEAD, MOST_OCTETS, Batch, Fetched, Place, in_batches, too_large, whole
from traject.imap_connection import LARGEST, faults, is_full, number, opened
from traject.mailbox_address import MailboxAddress
from traject.mailbox_error import MailboxError, Trouble
from traject.settings import Settings

AT_ONCE = 250
"""UIDs in one command: its line stays well under the 8,192 octets that servers take (RFC 7162 §4)."""

MOST_ATTEMPTS = 3
"""How often a server may hang up on the same mail before that is put aside: once may be the network."""

MOST_CONNECTIONS = 20
"""In one reading: a server that hangs up on everything is unreachable."""

_NUMBER = re.compile(r"[0-9]{1,10}")
_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")
_DATE = re.compile(rb'INTERNALDATE "([ \d]\d)-(\w{3})-(\d{4}) (\d\d:\d\d:\d\d [+-]\d{4})"')


def new_mails(
    address: MailboxAddress,
    settings: Settings,
    since: Place,
    *,
    oldest: date,
    now: datetime,
    timeout: timedelta,
    longest: timedelta,
) -> Generator[Batch]:
    """Every mail after `since`, in batches, in the order in which the server got them.

    `timeout` is for each answer, `longest` for each connection. A mailbox that is new to us, or whose UIDVALIDITY changed, is looked at from the day `oldest` on. MailboxError when
    the server cannot be used, or not any more.
    """
    attempts: Counter[int] = Counter()
    said = ""
    for _ in range(MOST_CONNECTIONS):
        try:
            with faults(), opened(address, settings, now, timeout, longest) as box:
                for batch in _read(box, address, since, oldest, attempts):
                    yield batch
                    since = batch.reached
            return
        except _HungUp as hung:
            attempts.update(hung.uids)
            said = str(hung.__cause__)
    raise MailboxError(Trouble.UNREACHABLE, said)


def look(
    address: MailboxAddress, settings: Settings, *, now: datetime, timeout: timedelta
) -> tuple[int, bool]:
    """How many mails are there, and whether it is full. MailboxError when it cannot be opened."""
    with faults(), opened(address, settings, now, timeout, 3 * timeout) as box:
        return number(box, "EXISTS"), is_full(box, address.path)


def _read(
    box: BaseMailBox, address: MailboxAddress, since: Place, oldest: date, attempts: Counter[int]
) -> Iterator[Batch]:
    """What this connection gives; `attempts`: how often the server hung up when it was asked for these UIDs."""
    validity = number(box, "UIDVALIDITY")
    if since.validity != validity:
        since = Place(validity)
    if is_full(box, address.path):
        yield Batch((), since, is_full=True)
    day = f"{oldest.day}-{SHORT_MONTH_NAMES[oldest.month - 1]}-{oldest.year}"
    found = box.uids(f"UID {since.last + 1}:*" if since.last else f"SINCE {day}", None)
    if odd := next((each for each in found if not _NUMBER.fullmatch(each) or int(each) > LARGEST), None):
        raise MailboxError(Trouble.ODD, f"no UID in the answer to SEARCH: {odd[:40]}")
    uids = sorted(uid for uid in map(int, found) if uid > since.last)  # `n:*` always holds the last one
    for start in range(0, len(uids), AT_ONCE):
        yield from _batches(box, address, validity, uids[start : start + AT_ONCE], attempts)


def _batches(
    box: BaseMailBox, address: MailboxAddress, validity: int, uids: Sequence[int], attempts: Counter[int]
) -> Iterator[Batch]:
    """These mails, fetched so that one batch fits in memory. What is gone meanwhile is no fault."""
    sizes: dict[int, tuple[int, datetime | None]] = {}
    for head, _ in _fetch(box, uids, "(UID RFC822.SIZE INTERNALDATE)"):
        uid, size = _UID.search(head), _SIZE.search(head)
        if uid and size:
            sizes[int(uid[1])] = int(size[1]), _received(head)
    # On one of those the server hung up: each comes alone.
    sized = [
        (uid, MOST_OCTETS + 1 if attempts[uid] else min(sizes[uid][0], MOST_OCTETS + 1))
        for uid in uids
        if uid in sizes
    ]
    for batch in in_batches(sized):
        if attempts[batch[0]] >= MOST_ATTEMPTS:
            # It is this mail only when the server does give another: else it is the server.
            if others := [uid for uid in uids if attempts[uid] < MOST_ATTEMPTS]:
                _fetch(box, others[:1], "(UID BODY.PEEK[HEADER]<0.1>)")
            raws: Iterator[tuple[int, bytes | None]] = iter([(batch[0], None)])
        else:
            raws = _raw(box, batch, is_large=sizes[batch[0]][0] > MOST_OCTETS)
        mails = [_of_one(address, validity, uid, raw, *sizes[uid]) for uid, raw in raws]
        yield Batch(mails, Place(validity, batch[-1]))
    yield Batch((), Place(validity, uids[-1]))


def _of_one(
    address: MailboxAddress,
    validity: int,
    uid: int,
    raw: bytes | None,
    octets: int,
    received_at: datetime | None,
) -> Fetched:
    if raw is None:
        why = "de mailserver kan deze mail niet geven: lees hem in de postbus"
        return Fetched(f"imap:{address.name}:{validity}:{uid}", None, received_at, why)
    if max(octets, len(raw)) > MOST_OCTETS:
        return too_large(raw[:HEAD], max(octets, len(raw)), received_at)
    return whole(raw, received_at)


def _raw(box: BaseMailBox, uids: Sequence[int], *, is_large: bool) -> Iterator[tuple[int, bytes | None]]:
    """The octets of each mail; of a large one its headers, of one that the server cannot give None."""
    # A server may give a wrong size: more than one octet too many is never taken.
    what = f"(UID BODY.PEEK[HEADER]<0.{HEAD}>)" if is_large else f"(UID BODY.PEEK[]<0.{MOST_OCTETS + 1}>)"
    try:
        fetched = _fetch(box, uids, what)
    except _Refused:
        if len(uids) > 1:  # one of them is broken; Exchange then refuses them all
            for uid in uids:
                yield from _raw(box, [uid], is_large=is_large)
        else:
            yield uids[0], None
        return
    except (imaplib.IMAP4.abort, ConnectionError) as error:  # Dovecot hangs up on a mail that it cannot open
        raise _HungUp(uids) from error
    # NIL is what servers give of a mail that somebody removed meanwhile (RFC 2180 §4.1).
    found = {int(uid[1]): raw for head, raw in fetched if raw is not None and (uid := _UID.search(head))}
    yield from ((uid, found[uid]) for uid in uids if uid in found)


class _HungUp(Exception):
    """The server ended the connection when it was asked for these mails."""

    def __init__(self, uids: Collection[int]) -> None:
        self.uids = uids
        super().__init__()


class _Refused(imaplib.IMAP4.error):
    """The server said NO to a FETCH."""


def _fetch(box: BaseMailBox, uids: Sequence[int], what: str) -> list[tuple[bytes, bytes | None]]:
    """What the server says of each mail, and the literal in it."""
    status, answer = box.client.uid("FETCH", ",".join(map(str, uids)), what)
    if status != "OK":
        raise _Refused(str(answer))
    lines: list[tuple[bytes, bytes | None]] = []
    for part, after in pairwise([*answer, b""]):
        if isinstance(part, tuple):  # the UID may stand before the literal, or after it
            lines.append((part[0] + b" " + (after if isinstance(after, bytes) else b""), part[1]))
        elif isinstance(part, bytes):
            lines.append((part, None))
    return lines


def _received(head: bytes) -> datetime | None:
    found = _DATE.search(head)
    if found is None:
        return None
    try:
        return parsedate_to_datetime(b" ".join(found.groups()).decode())
    except ValueError:
        return None
