"""Which mails are new in a mailbox on an IMAP server (RFC 3501), opened with a password or a token.

The mailbox is only read: it is opened with EXAMINE and mails are fetched with BODY.PEEK, so that nothing is deleted,
moved or marked, ever. Staff may read it beside us, a right to read is enough, and being full hinders nothing; how far
we are stands in our own database. What is too large is not fetched but for its headers.
"""

import imaplib
import re
import ssl
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.consts import SHORT_MONTH_NAMES
from imap_tools.errors import ImapToolsError, MailboxFolderSelectError
from imap_tools.utils import encode_folder

from traject.fetched import HEAD, MOST_OCTETS, Batch, Fetched, Place, in_batches, too_large, whole
from traject.mailbox_address import MailboxAddress
from traject.mailbox_error import MailboxError, Trouble
from traject.oauth import access_token, forget
from traject.settings import Settings

AT_ONCE = 250
"""UIDs in one command: its line stays well under the 8,192 octets that servers take (RFC 7162 §4)."""

FULL_AT = 0.95
"""Of its quota: from here on the first mail with an attachment may be refused."""

_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")
_DATE = re.compile(rb'INTERNALDATE "([ \d]\d)-(\w{3})-(\d{4}) (\d\d:\d\d:\d\d [+-]\d{4})"')
_PASSING = re.compile(
    r"UNAVAILABLE|INUSE|LIMIT|not connected|too many|temporar|try again|server (busy|error)", re.IGNORECASE
)
"""A refused login that says nothing about the password (RFC 5530 §3, and what Exchange and Gmail say instead)."""

_FULL = re.compile(rb"\[OVERQUOTA\]|\[ALERT\].*(quota|full)", re.IGNORECASE)


def new_mails(
    address: MailboxAddress,
    settings: Settings,
    since: Place,
    *,
    oldest: date,
    now: datetime,
    timeout: timedelta,
) -> Generator[Batch]:
    """Every mail after `since`, in batches, in the order in which the server got them.

    A mailbox that is new to us, or whose UIDVALIDITY changed, is looked at from the day `oldest` on. MailboxError when
    the server cannot be used, or not any more.
    """
    with _faults(), _opened(address, settings, now, timeout) as box:
        validity = _number(box, "UIDVALIDITY")
        if since.validity != validity:
            since = Place(validity)
        if is_full(box, address.path):
            yield Batch((), since, is_full=True)
        found = box.uids(
            f"UID {since.last + 1}:*"
            if since.last
            else f"SINCE {oldest.day}-{SHORT_MONTH_NAMES[oldest.month - 1]}-{oldest.year}",
            None,
        )
        uids = sorted(uid for uid in map(int, found) if uid > since.last)  # `n:*` always holds the last one
        for start in range(0, len(uids), AT_ONCE):
            yield from _batches(box, address, validity, uids[start : start + AT_ONCE])


def look(
    address: MailboxAddress, settings: Settings, *, now: datetime, timeout: timedelta
) -> tuple[int, bool]:
    """How many mails are there, and whether it is full. MailboxError when it cannot be opened."""
    with _faults(), _opened(address, settings, now, timeout) as box:
        return _number(box, "EXISTS"), is_full(box, address.path)


def is_full(box: BaseMailBox, folder: str) -> bool:
    """Whether the mailbox hardly takes mail any more, as far as the server tells (RFC 2087, RFC 5530)."""
    client = box.client
    said = [line for lines in client.untagged_responses.values() for line in lines if isinstance(line, bytes)]
    if "OVERQUOTA" in client.untagged_responses or any(_FULL.search(line) for line in said):
        return True
    known = client.capability()[1][-1] or b""
    if b"QUOTA" not in known.upper().split():
        return False
    status, answer = client.getquotaroot(encode_folder(folder).decode())
    if status != "OK":
        return False
    quota = b" ".join(line for line in answer[1] or () if isinstance(line, bytes))
    used = re.findall(rb"\b(?:STORAGE|MESSAGE) (\d+) (\d+)", quota)
    return any(int(now) >= FULL_AT * int(most) for now, most in used)


@contextmanager
def _opened(
    address: MailboxAddress, settings: Settings, now: datetime, timeout: timedelta
) -> Generator[BaseMailBox]:
    """The mailbox, logged in, with its folder open for reading."""
    try:
        box = _connected(address, timeout)
    except (ssl.SSLError, ImapToolsError) as error:
        raise MailboxError(Trouble.TLS, str(error)) from error
    except imaplib.IMAP4.abort as error:
        raise MailboxError(Trouble.TLS if "TLS" in str(error) else Trouble.UNREACHABLE, str(error)) from error
    try:
        _log_in(box, address, settings, now, timeout)
        try:
            box.folder.set(address.path, readonly=True)
        except MailboxFolderSelectError as error:
            raise MailboxError(Trouble.NO_FOLDER, str(error)) from error
        yield box
    finally:
        with suppress(imaplib.IMAP4.error, ImapToolsError, OSError):
            box.logout()


def _connected(address: MailboxAddress, timeout: timedelta) -> BaseMailBox:
    seconds = timeout.total_seconds()
    if address.scheme == "imap":
        return MailBoxUnencrypted(address.host, address.port, timeout=seconds)
    kind = MailBox if address.scheme == "imaps" else MailBoxStartTls
    return kind(address.host, address.port, timeout=seconds, ssl_context=ssl.create_default_context())


def _log_in(
    box: BaseMailBox, address: MailboxAddress, settings: Settings, now: datetime, timeout: timedelta
) -> None:
    try:
        if settings.oauth_provider:
            _log_in_with_token(box, address.user, settings, now, timeout)
        elif (address.user + address.password).isascii():
            box.login(address.user, address.password, initial_folder=None)
        else:
            box.login_utf8(address.user, address.password, initial_folder=None)
    except imaplib.IMAP4.abort:
        raise
    except (imaplib.IMAP4.error, ImapToolsError) as error:
        refused = Trouble.RIGHTS if settings.oauth_provider else Trouble.LOGIN
        trouble = Trouble.UNREACHABLE if _PASSING.search(str(error)) else refused
        raise MailboxError(trouble, str(error)) from error


def _log_in_with_token(
    box: BaseMailBox, user: str, settings: Settings, now: datetime, timeout: timedelta
) -> None:
    """XOAUTH2. A refused token is not used again: the next reading asks a new one."""
    said = [f"user={user}\1auth=Bearer {access_token(settings, now, timeout=timeout)}\1\1".encode()]
    try:
        # To the error that a server may send before its NO, the answer is empty.
        box.client.authenticate("XOAUTH2", lambda _: said.pop() if said else b"")
    except imaplib.IMAP4.error:
        forget(settings)
        raise


def _batches(
    box: BaseMailBox, address: MailboxAddress, validity: int, uids: Sequence[int]
) -> Generator[Batch]:
    """These mails, fetched so that one batch fits in memory. What is gone meanwhile is no fault."""
    sizes: dict[int, tuple[int, datetime | None]] = {}
    for head, _ in _fetch(box, uids, "(UID RFC822.SIZE INTERNALDATE)"):
        uid, size = _UID.search(head), _SIZE.search(head)
        if uid and size:
            sizes[int(uid[1])] = int(size[1]), _received(head)
    whole_ones = [(uid, min(sizes[uid][0], MOST_OCTETS + 1)) for uid in uids if uid in sizes]
    for batch in in_batches(whole_ones):
        mails = [
            _of_one(address, validity, uid, raw, *sizes[uid])
            for uid, raw in _raw(box, batch, is_large=sizes[batch[0]][0] > MOST_OCTETS)
        ]
        yield Batch(mails, Place(validity, batch[-1]))
    if uids:
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
    found = {int(uid[1]): raw for head, raw in fetched if raw is not None and (uid := _UID.search(head))}
    yield from ((uid, found[uid]) for uid in uids if uid in found)


class _Refused(Exception):
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


def _number(box: BaseMailBox, name: str) -> int:
    said = box.client.untagged_responses.get(name, [None])[-1]
    if not isinstance(said, bytes) or not said.isdigit():
        raise MailboxError(Trouble.ODD, f"no {name} in the answer to EXAMINE")
    return int(said)


@contextmanager
def _faults() -> Generator[None]:
    """Say of a fault of the connection what it is."""
    try:
        yield
    except (OSError, imaplib.IMAP4.abort) as error:
        raise MailboxError(Trouble.UNREACHABLE, f"{type(error).__name__} {error}") from error
    except (imaplib.IMAP4.error, ImapToolsError, UnicodeError, _Refused) as error:
        raise MailboxError(Trouble.ODD, f"{type(error).__name__} {error}") from error
