"""Which mails are new in a folder of this machine: a Maildir, or a plain folder of .eml files.

Files are only read: never moved, not even from new/ to cur/, which is up to who reads the mailbox. In a Maildir, which
can grow for years, only what came or changed since the last reading is opened; in a plain folder everything is, each
time, and its hash says what is new. A file that is gone between looking and opening was moved by somebody and is no fault.
"""

from collections.abc import Generator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from traject.fetched import HEAD, MOST_OCTETS, Batch, Fetched, Place, in_batches, too_large, whole
from traject.mailbox_address import MailboxAddress
from traject.mailbox_error import MailboxError, Trouble

OVERLAP = 24 * 3600
"""Seconds before the newest change of the last reading that are read again: clocks of machines differ."""


def new_mails(address: MailboxAddress, since: Place, *, oldest: datetime, now: datetime) -> Generator[Batch]:
    """Every mail after `since`, in batches, oldest first; more than once what is near it. MailboxError: no such folder.

    In a Maildir a file counts from its last change (ctime), which delivering and moving set too, and what was delivered
    before `oldest` never does. After a clock that ran ahead was set back, everything is read again.
    """
    is_maildir = address.scheme == "maildir"
    begin = since.last - OVERLAP if is_maildir and since.last <= now.timestamp() else 0
    files: list[tuple[int, Path, int]] = []
    for file in _files(address.folder, is_maildir=is_maildir):
        with suppress(FileNotFoundError):
            seen = file.stat()
            if int(seen.st_ctime) >= begin and (not is_maildir or seen.st_mtime >= oldest.timestamp()):
                files.append((int(seen.st_ctime), file, min(seen.st_size, MOST_OCTETS + 1)))
    files.sort()
    for batch in in_batches([((changed, file), size) for changed, file, size in files]):
        mails = [mail for _, file in batch if (mail := _read(file, is_maildir=is_maildir))]
        yield Batch(mails, Place(None, batch[-1][0]))


def look(address: MailboxAddress) -> int:
    """How many mails are there. MailboxError: no such folder."""
    return len(_files(address.folder, is_maildir=address.scheme == "maildir"))


def _files(folder: Path, *, is_maildir: bool) -> list[Path]:
    try:
        if not is_maildir:
            return [file for file in folder.iterdir() if file.suffix.lower() == ".eml" and file.is_file()]
        kept = [file for part in ("new", "cur") for file in (folder / part).iterdir()]
    except OSError as error:
        raise MailboxError(Trouble.NO_FOLDER, f"{error.filename}: {error.strerror}") from error
    return [file for file in kept if not file.name.startswith(".") and file.is_file()]


def _read(file: Path, *, is_maildir: bool) -> Fetched | None:
    """One mail, at most as much of it as is read. None: it is gone."""
    try:
        with file.open("rb") as opened:
            seen = file.stat()
            raw = opened.read(HEAD if seen.st_size > MOST_OCTETS else MOST_OCTETS + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        why = f"het bestand kan niet worden gelezen ({error.strerror}): kijk naar de rechten erop"
        return Fetched(f"file:{file}", None, None, why)
    # A Maildir's file is written when the mail arrives; a file in a plain folder can be of any age.
    received_at = datetime.fromtimestamp(seen.st_mtime, UTC) if is_maildir else None
    octets = max(seen.st_size, len(raw))
    if octets > MOST_OCTETS:
        return too_large(_headers(raw[:HEAD]), octets, received_at)
    return whole(raw, received_at)


def _headers(head: bytes) -> bytes:
    """What stands before the first empty line, with it."""
    ends = [at + len(mark) for mark in (b"\r\n\r\n", b"\n\n") if (at := head.find(mark)) >= 0]
    return head[: min(ends, default=HEAD)]
