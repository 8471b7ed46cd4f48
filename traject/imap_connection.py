"""How a mailbox on an IMAP server is opened, with a password or a token, and what stands in the way (RFC 3501)."""

import imaplib
import re
import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from threading import Timer

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError, MailboxFolderSelectError
from imap_tools.utils import encode_folder

from traject.mailbox_address import MailboxAddress
from traject.mailbox_error import MailboxError, Trouble
from traject.oauth import access_token, forget
from traject.settings import Settings

FULL_AT = 0.95
"""Of its quota: from here on the first mail with an attachment may be refused."""

_PASSING = re.compile(
    r"UNAVAILABLE|INUSE|LIMIT|not connected|too many|temporar|try again|server (busy|error)", re.IGNORECASE
)
"""A refused login that says nothing about the password (RFC 5530 §3, and what Exchange and Gmail say instead)."""

_FULL = re.compile(rb"\[OVERQUOTA\]|\[ALERT\].*(quota|full)", re.IGNORECASE)


LARGEST = 2**32 - 1
"""Of the numbers that a server gives (RFC 3501 §9, nz-number)."""


@contextmanager
def opened(
    address: MailboxAddress, settings: Settings, now: datetime, timeout: timedelta, longest: timedelta
) -> Generator[BaseMailBox]:
    """The mailbox, logged in, with its folder open for reading. MailboxError says why not.

    `timeout` is for each silence of the server; after `longest` the connection is cut, also of one that never is silent.
    """
    try:
        box = _connected(address, timeout)
    except (ssl.SSLError, ImapToolsError) as error:
        raise MailboxError(Trouble.TLS, str(error)) from error
    except imaplib.IMAP4.abort as error:
        raise MailboxError(Trouble.TLS if "TLS" in str(error) else Trouble.UNREACHABLE, str(error)) from error
    watch = Timer(longest.total_seconds(), _cut, [box.client.socket()])
    watch.daemon = True
    watch.start()
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
        watch.cancel()


def _cut(line: socket.socket) -> None:
    with suppress(OSError):  # it ended meanwhile
        socket.socket.shutdown(line, socket.SHUT_RDWR)  # beneath TLS, as another thread is reading there


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


def number(box: BaseMailBox, name: str) -> int:
    """A number that the server gave when the folder was opened, such as its UIDVALIDITY."""
    said = box.client.untagged_responses.get(name, [None])[-1]
    if not isinstance(said, bytes) or not said.isdigit() or int(said) > LARGEST:
        raise MailboxError(Trouble.ODD, f"no {name} in the answer to EXAMINE")
    return int(said)


@contextmanager
def faults() -> Generator[None]:
    """Say of a fault of the connection what it is."""
    try:
        yield
    except (OSError, imaplib.IMAP4.abort) as error:
        raise MailboxError(Trouble.UNREACHABLE, f"{type(error).__name__} {error}") from error
    except (imaplib.IMAP4.error, ImapToolsError, UnicodeError) as error:
        raise MailboxError(Trouble.ODD, f"{type(error).__name__} {error}") from error
