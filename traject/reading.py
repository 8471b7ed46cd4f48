"""What came into the mailbox since the last time: stored first, applied after, once, whatever happens in between.

How far we are stands in the row of the mailbox and moves in the transaction that stores what was read, so that a killed
process goes on where its last commit was. That only spares work: a mail is known by its hash, so reading everything
again, two readers at once, or a mailbox that numbers its mails anew change nothing. The mailbox itself is never touched.
"""

import time
from collections import Counter
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, col, select

from models import Arrival, Event, Mailbox
from models.enums import InboxKind, InboxState
from traject import imap, maildir
from traject.fetched import Batch, Fetched, Place
from traject.inbox import apply_stored
from traject.mailbox_address import FOLDERS, MailboxAddress, mailbox_address
from traject.mailbox_error import MailboxError, Trouble, said
from traject.mailbox_news import record
from traject.programme import Text
from traject.settings import Settings
from traject.store import Store

PATIENCE = timedelta(seconds=30)
"""For each answer of a server."""

LONGEST = timedelta(minutes=4)
"""Of one reading: what is left after it is for the next heartbeat."""

TOO_LONG = LONGEST + timedelta(minutes=2)
"""Of one connection: a server that is never silent and never ends is hung up on."""

BEFORE = timedelta(days=2)
"""So long before the first thing that Traject did, a mail cannot be an answer. Days of servers and time zones differ."""

_inbox = SQLModel.metadata.tables[str(Arrival.__tablename__)]


@dataclass
class Reading:
    """What one reading of the mailbox found. `known`: mails that were here already, from this mailbox or by hand."""

    mailbox: str = ""
    new: int = 0
    known: int = 0
    outcomes: Counter[str] = field(default_factory=Counter[str])
    trouble: Trouble | None = None
    detail: str = ""

    @property
    def problem(self) -> Text | None:
        """What stands in the way, with the remedy, as one sentence."""
        return said(self.trouble) if self.trouble else None

    def as_dict(self, language: str = "nl") -> dict[str, Any]:
        """The reading as JSON values."""
        return {
            "mailbox": self.mailbox or None,
            "new": self.new,
            "known": self.known,
            "outcomes": dict(sorted(self.outcomes.items())),
            "problem": self.problem.in_language(language) if self.problem else None,
        }


def read_mailbox(store: Store, settings: Settings, now: datetime) -> Reading:
    """Take in what is new in the mailbox of the settings and apply it; nothing at all when none is set.

    A mailbox that cannot be read is no fault of the run: the reading says so, and staff are told once. Raises what says
    that the database is not there.
    """
    if not settings.mailbox_url:
        return Reading()
    address = mailbox_address(settings.mailbox_url)
    reading = Reading(address.name)
    mailbox_id, since = _row(store, address.name)
    until = time.monotonic() + LONGEST.total_seconds()
    try:
        with closing(_batches(store, address, settings, since, now)) as batches:
            for batch in batches:
                reading.trouble = Trouble.FULL if batch.is_full else reading.trouble
                if _keep(store, mailbox_id, batch, reading, now):
                    reading.outcomes += apply_stored(store, settings, now).outcomes
                if time.monotonic() > until:
                    break
    except MailboxError as error:
        reading.trouble, reading.detail = error.trouble, error.detail
    # What a process that was killed had stored and not yet applied.
    reading.outcomes += apply_stored(store, settings, now).outcomes
    record(store, settings, mailbox_id, reading.trouble, now)
    return reading


def open_mailbox(settings: Settings, now: datetime, *, timeout: timedelta) -> tuple[int, bool]:
    """How many mails the mailbox of the settings holds, and whether it is full. MailboxError when it cannot be opened."""
    address = mailbox_address(settings.mailbox_url or "")
    if address.scheme in FOLDERS:
        return maildir.look(address), False
    return imap.look(address, settings, now=now, timeout=timeout)


def _batches(
    store: Store, address: MailboxAddress, settings: Settings, since: Place, now: datetime
) -> Generator[Batch]:
    with store.read() as session:
        first = session.exec(select(Event.at).order_by(col(Event.id)).limit(1)).first()
    oldest = min(first or now, now) - BEFORE
    if address.scheme in FOLDERS:
        return maildir.new_mails(address, since, oldest=oldest, now=now)
    return imap.new_mails(
        address, settings, since, oldest=oldest.date(), now=now, timeout=PATIENCE, longest=TOO_LONG
    )


def _row(store: Store, name: str) -> tuple[int, Place]:
    """The mailbox with this name, made when it is not there yet, and how far it was read."""
    with store.read() as session:
        found = _find(session, name)
    if found is None:
        with store.write() as session:
            try:
                with session.begin_nested():
                    session.add(Mailbox(name=name))
            except IntegrityError:  # another reader was first
                pass
            found = _find(session, name)
    if found is None:
        message = f"the mailbox {name} was stored and is gone; run `traject reconcile`"
        raise LookupError(message)
    return found


def _find(session: Session, name: str) -> tuple[int, Place] | None:
    row = session.exec(select(Mailbox).where(Mailbox.name == name)).one_or_none()
    return (row.id or 0, Place(row.uid_validity, row.last_uid)) if row else None


def _keep(store: Store, mailbox_id: int, batch: Batch, reading: Reading, now: datetime) -> int:
    """Store what is new of a batch together with how far it brought us; gives how many must still be applied."""
    with store.read() as session:  # so that reading a folder again takes no write lock
        keys = {mail.key for mail in batch.mails}
        known = session.exec(select(Arrival.id).where(col(Arrival.external_key).in_(keys))).all()
        row = session.get_one(Mailbox, mailbox_id)
        is_there = (row.uid_validity, row.last_uid) == (batch.reached.validity, batch.reached.last)
    if is_there and len(known) == len(keys):
        reading.known += len(batch.mails)
        return 0
    with store.write() as session:
        # One reader at a time from here on: two that store the same mails in another order would wait for each other.
        row = session.exec(select(Mailbox).where(Mailbox.id == mailbox_id).with_for_update()).one()
        new = _store(session, batch, now)
        reading.new += len(new)
        reading.known += len(batch.mails) - len(new)
        put_aside = sum(1 for mail in batch.mails if mail.unread and mail.key in new)
        if put_aside:
            reading.outcomes["quarantined"] += put_aside
        if row.uid_validity == batch.reached.validity:
            row.last_uid = max(row.last_uid, batch.reached.last)
        else:
            row.uid_validity, row.last_uid = batch.reached.validity, batch.reached.last
    return len(new) - put_aside


def _store(session: Session, batch: Batch, now: datetime) -> set[str]:
    """As `store_arrival`, all in one statement: gives the keys that were new."""
    if not batch.mails:
        return set()
    dialect = postgresql if session.connection().dialect.name == "postgresql" else sqlite
    adding = dialect.insert(_inbox).on_conflict_do_nothing(index_elements=["external_key"])
    rows = [_row_of(mail, now) for mail in batch.mails]
    return {key for (key,) in session.connection().execute(adding.returning(_inbox.c.external_key), rows)}


def _row_of(mail: Fetched, now: datetime) -> dict[str, Any]:
    """An arrival that waits; of a mail that was not fetched whole, one that staff must look at: there is nothing to apply."""
    return {
        "external_key": mail.key,
        "kind": InboxKind.MAIL,
        "received_at": min(mail.received_at or now, now),
        "payload": {"kind": "mail"} if mail.unread else {},
        "raw": mail.raw,
        "state": InboxState.QUARANTINED if mail.unread else InboxState.STORED,
        "outcome": "quarantined" if mail.unread else "",
        "why": mail.unread,
        "applied_at": now if mail.unread else None,
    }
