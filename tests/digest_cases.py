"""Mails for one person, and what became of them in an overview."""

from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern

from mail_samples import CONTEXT_OF, HEAD
from sqlmodel import select
from test_outbox import a_message, key_of, row

from models import Message, MessageContent, Person
from models.enums import MessageKind, MessageState
from traject import outbox
from traject.compose import compose
from traject.digest import MERGED, NEWS, Digests
from traject.outbox import withdraw
from traject.settings import Settings
from traject.store import Store

TO = "noor@school.example"
DAY = timedelta(days=1)
REMINDERS = MERGED - NEWS
GREYLISTED = "450 4.2.0 greylisted"


def a_noor(store: Store) -> int:
    with store.write() as session:
        person = Person(name="Noor", email=TO)
        session.add(person)
        session.flush()
        return key_of(person)


def mail(now: datetime, person: int, kind: MessageKind = MessageKind.NOTICE, **values) -> Message:
    """A real mail of this kind; when it cannot be composed here, as it carries a calendar, a plain one."""
    given = {"person_id": person, "to_email": TO, "kind": kind, "is_reminder": kind in REMINDERS}
    if kind in MERGED:
        composed = compose(kind, "nl", CONTEXT_OF[kind], HEAD)
        given |= {"content": MessageContent(data=composed.data), "subject": composed.subject}
    return a_message(now, **(given | values))


def reminders(now: datetime, noor: int, count: int = 4, **values) -> list[Message]:
    return [mail(now, noor, MessageKind.REMINDER, **values) for _ in range(count)]


def read(data: bytes | None) -> EmailMessage:
    return message_from_bytes(data or b"", policy=modern)


def plain_text(data: bytes | None) -> str:
    body = read(data).get_body(("plain",))
    assert body is not None
    return body.get_content().replace("\r\n", "\n")


def digests(store: Store) -> list[Message]:
    with store.read() as session:
        kept = select(Message).where(Message.kind == MessageKind.DIGEST).order_by(Message.id)
        return list(session.exec(kept).all())


def states(store: Store, keys: list[int]) -> set[MessageState]:
    return {row(store, key).state for key in keys}


def answered(store: Store, noor: int) -> int:
    """What Noor was reminded of has its answer."""
    with store.write() as session:
        return withdraw(session, reason="beantwoord", person_id=noor)


def claimed(store: Store, now: datetime) -> list[outbox.Claimed]:
    """What a process takes that ends before it sends anything."""
    with store.write() as session:
        merging = Digests(Settings(secret_key="test")).merge
        return outbox.claim(session, 10, now=now, merging=merging).messages
