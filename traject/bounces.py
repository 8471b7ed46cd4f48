"""What a delivery report says (RFC 3464), which of our mails it is about, and what follows from it.

Only an address code says that an address is wrong; a policy, a full mailbox or a delay says nothing about the address.
A second cut, for reports without RFC 3464 parts, belongs to the issue that completes incoming mail.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from calendars.mail_parts import Part
from models import Event, Message, Person, RoleHolder, Task
from models.enums import TaskState
from traject.outcome import Outcome
from traject.undelivered import mark_bounced
from traject.waking import lock_trajectories, wake

_CODE = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_MESSAGE_ID = re.compile(r"<[^<>\s]+@[^<>\s]+>")
_RETURNED = ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers")


@dataclass(frozen=True, slots=True)
class Failure:
    """One recipient of a delivery report."""

    recipient: str
    action: str  # failed, delayed, delivered, relayed, expanded
    codes: tuple[str, ...]
    """RFC 3463 codes: of the diagnosis first, as it tells more than a Status of 5.0.0."""

    @property
    def is_hard(self) -> bool:
        """Whether the address itself is wrong: 5.1.x or 5.2.1, the final word of the other server."""
        return self.action == "failed" and any(
            code.startswith("5.1.") or code == "5.2.1" for code in self.codes[:1]
        )


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A delivery report: whom it was sent to (the VERP address), the mails it returns, and the failures."""

    sent_to: tuple[str, ...]
    message_ids: tuple[str, ...]
    failures: tuple[Failure, ...]


def read_delivery_report(mail: Part) -> DeliveryReport | None:
    """The delivery report that a mail is; None: it is none."""
    parts = list(mail.walk())
    status = next((part for part in parts if part.content_type == "message/delivery-status"), None)
    if status is None:
        return None
    returned = [each for part in parts if part.content_type in _RETURNED for each in (part, *part.parts)]
    ids = [
        found
        for part in returned
        for text in (*part.header_all("message-id"), *part.header_all("references"), _headers_in(part))
        for found in _MESSAGE_ID.findall(text)
    ]
    sent_to = mail.addresses("delivered-to", "x-original-to", "envelope-to", "to")
    failures = tuple(_failure(part) for part in status.parts if part.header("action"))
    return DeliveryReport(tuple(dict.fromkeys(sent_to)), tuple(dict.fromkeys(ids)), failures)


def apply_delivery_report(session: Session, report: DeliveryReport, now: datetime) -> Outcome:
    """Record a delivery report against the mail it is about. A wrong address stops mail to that person and asks staff."""
    message = _message_of(session, report)
    if message is None:
        return Outcome("bounce", "quarantined", "a delivery report about none of our mails")
    failures = [each for each in report.failures if each.action == "failed"]
    if not failures:
        return Outcome("bounce", "ignored", "a delivery report without a failure")
    is_hard = any(each.is_hard for each in failures)
    codes = ", ".join(code for each in failures for code in each.codes[:1]) or "no code"
    why = f"{'hard' if is_hard else 'soft'}: {codes}"
    person = session.get(Person, message.person_id) if message.person_id else None
    trajectories = _trajectories_of(session, message, person)
    lock_trajectories(session, trajectories)
    if person and is_hard and person.email != message.to_email.lower():
        is_hard, why = False, f"{why}; the person has another address now"
    if person and is_hard:
        held = mark_bounced(session.connection(), message.person_id or 0, codes, now=now)
        session.expire(person)
        _ask_for_address(session, person, trajectories, held, now)
        wake(session, trajectories, now)
    session.add(
        Event(
            at=now,
            name="message.bounced",
            trajectory_id=message.trajectory_id,
            details={"message": message.id, "person": message.person_id, "status": codes, "hard": is_hard},
        )
    )
    return Outcome("bounce", "recorded", why, attendee=message.to_email)


def _ask_for_address(
    session: Session, person: Person, trajectories: list[int], held: int, now: datetime
) -> None:
    key = f"bounce:{person.id}"
    task = session.exec(select(Task).where(Task.effect_key == key)).one_or_none()
    if task is None and trajectories:
        task = Task(
            effect_key=key, trajectory_id=trajectories[0], person_id=person.id, title="", created_at=now
        )
    if task is None:
        return  # no trajectory of ours has this person: the event and the state of the address say it
    task.title = f"Het adres van {person.name} werkt niet meer: wie is het nu?"
    task.detail = (
        f"Mail aan {person.email} komt terug; {held} berichten wachten. Zoek het nieuwe adres op en geef ze vrij, "
        "of draag de rol over."
    )
    task.state = TaskState.OPEN  # again, when an address that was mended bounces too
    task.done_at = None
    session.add(task)


def _message_of(session: Session, report: DeliveryReport) -> Message | None:
    """By the VERP address first, as it survives what the other server makes of the mail; then by the returned part."""
    for clause in (
        func.lower(col(Message.return_path)).in_(report.sent_to),
        col(Message.message_id).in_(report.message_ids),
    ):
        found = session.exec(select(Message).where(clause)).first()
        if found:
            return found
    return None


def _trajectories_of(session: Session, message: Message, person: Person | None) -> list[int]:
    """The message's trajectory first, then the others in which the person has a role."""
    held = session.exec(
        select(RoleHolder.trajectory_id)
        .where(RoleHolder.person_id == (person.id if person else 0), col(RoleHolder.until).is_(None))
        .order_by(col(RoleHolder.trajectory_id))
    ).all()
    first = [message.trajectory_id] if message.trajectory_id else []
    return list(dict.fromkeys([*first, *held]))


def _failure(part: Part) -> Failure:
    recipient = part.header("final-recipient") or part.header("original-recipient")
    codes = [
        match[0] for name in ("diagnostic-code", "status") for match in _CODE.finditer(part.header(name))
    ]
    return Failure(
        recipient.rpartition(";")[2].strip().strip("<>").lower(),
        part.header("action").split(" ", 1)[0].lower(),
        tuple(codes),
    )


def _headers_in(part: Part) -> str:
    """The lines of a text/rfc822-headers part that name the mail."""
    lines = part.body.decode("latin-1").replace("\r\n", "\n").splitlines()
    return "\n".join(line for line in lines if line.lower().startswith(("message-id:", "references:")))
