"""When staff hear that the mailbox cannot be read, and that it can again: once each, by one mail to our own address.

Until then it stands in the row of the mailbox, where `traject status`, `traject inbox list` and `traject doctor` show it.
"""

import hashlib
from datetime import datetime, timedelta

from sqlmodel import Session, select

from models import Event, Mailbox, Message, MessageContent
from models.enums import MessageKind
from traject import outbox
from traject.compose import compose
from traject.mail_bytes import Head
from traject.mail_contexts import MailboxContext
from traject.mailbox_address import mailbox_address
from traject.mailbox_error import Trouble, found, remedy, said
from traject.programme import Text
from traject.settings import Settings
from traject.store import Store

WAIT: dict[Trouble, timedelta] = {
    Trouble.UNREACHABLE: timedelta(hours=1),
    Trouble.ODD: timedelta(hours=1),
}
"""How long a trouble may last before a mail tells of it: a server that restarts is back by itself."""


def record(store: Store, settings: Settings, mailbox_id: int, trouble: Trouble | None, now: datetime) -> None:
    """Note how the last reading went; tell staff what is news to them, in the same transaction."""
    with store.write() as session:
        row = session.exec(select(Mailbox).where(Mailbox.id == mailbox_id).with_for_update()).one()
        if trouble in (None, Trouble.FULL):
            row.read_at = now
        sentence = said(trouble).nl if trouble else ""
        if sentence != row.problem:
            if row.problem and not trouble:
                _tell_of_the_end(session, settings, row, now)
            row.problem, row.problem_since = sentence, now if trouble else None
            name = "mailbox.troubled" if trouble else "mailbox.readable"
            details = {"mailbox": mailbox_id, "trouble": trouble} if trouble else {"mailbox": mailbox_id}
            session.add(Event(at=now, name=name, details=details))
        since = row.problem_since
        if trouble and since and now - since >= WAIT.get(trouble, timedelta(0)):
            _queue(session, settings, row, _key(row, since), now, trouble)


def standing_problem(session: Session, settings: Settings) -> str:
    """What stands in the way of reading the mailbox, as one sentence in the language of the settings; empty: nothing."""
    if not settings.mailbox_url:
        return ""
    name = mailbox_address(settings.mailbox_url).name
    problem = session.exec(select(Mailbox.problem).where(Mailbox.name == name)).first()
    in_words = next((said(each) for each in Trouble if said(each).nl == problem), Text(problem or ""))
    return f"{name}: {in_words.in_language(settings.language)}" if problem else ""


def _key(row: Mailbox, since: datetime) -> str:
    """Of the day and the sentence: what comes and goes all day is told once."""
    kind = hashlib.blake2b(row.problem.encode(), digest_size=4).hexdigest()
    return f"mailbox:{row.id}:{kind}:{since:%Y-%m-%d}"


def _tell_of_the_end(session: Session, settings: Settings, row: Mailbox, now: datetime) -> None:
    key = _key(row, row.problem_since or now)
    if session.exec(select(Message.id).where(Message.effect_key == key)).first() is not None:
        _queue(session, settings, row, f"{key}:over", now, None)


def _queue(
    session: Session, settings: Settings, row: Mailbox, key: str, now: datetime, trouble: Trouble | None
) -> None:
    """One mail to the address that Traject sends from, at any hour: it is for staff."""
    if session.exec(select(Message.id).where(Message.effect_key == key)).first() is not None:
        return
    name, email = settings.sender
    local, _, domain = email.partition("@")
    tag = hashlib.blake2b(key.encode(), key=settings.key[:64], digest_size=10).hexdigest()
    context = MailboxContext(
        person_name=name or email,
        organisation_name=name or email,
        trajectory_title="Traject",
        programme_title="Traject",
        adviser_name=name or email,
        adviser_email=email,
        base_url=settings.base_url,
        privacy_url=f"{settings.base_url}/privacy",
        mailbox=row.name,
        since=row.problem_since or now,
        timezone=settings.timezone,
        problem=found(trouble).in_language(settings.language) if trouble else "",
        remedy=remedy(trouble).in_language(settings.language) if trouble else "",
    )
    head = Head(
        message_id=f"<{tag}@{domain}>",
        date=now,
        from_name=name,
        from_email=email,
        to_name=name,
        to_email=email,
        reply_to=f"{local}+{tag}@{domain}",
    )
    composed = compose(MessageKind.MAILBOX, settings.language, context, head)
    message = Message(
        effect_key=key,
        kind=MessageKind.MAILBOX,
        to_email=email,
        return_path=f"{local}+b-{tag}@{domain}",
        message_id=head.message_id,
        subject=composed.subject,
        content=MessageContent(data=composed.data),
        queued_at=now,
        next_attempt_at=now,
    )
    outbox.queue(session, message)
