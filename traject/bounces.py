"""Which of our mails a delivery report is about, and what follows from it.

Only a hard bounce says that an address is wrong: it is marked, what waits for that person is held, and staff are asked
for another. What may pass by itself is recorded; of any other refusal staff hear, as nobody else would.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Select, bindparam, func
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from calendars.bounce import Bounce, Failure
from calendars.bounce_reasons import PASSING, Reason
from models import Event, Gathering, Invitation, Message, Person, RoleHolder, Task
from models.enums import MessageState, TaskState
from traject.known_senders import AS_STORED
from traject.outcome import Outcome
from traject.undelivered import UNDELIVERED, ask_for_address, mark_bounced
from traject.waking import lock_trajectories, wake

DUTCH: dict[Reason, str] = {
    Reason.USER_UNKNOWN: "het adres bestaat niet",
    Reason.HOST_UNKNOWN: "het domein van het adres bestaat niet",
    Reason.MOVED: "de ontvanger is verhuisd naar een ander adres",
    Reason.NO_MAIL: "het domein van het adres ontvangt geen mail",
    Reason.MAILBOX_FULL: "de mailbox is vol",
    Reason.SUSPENDED: "de mailbox is afgesloten",
    Reason.TOO_BIG: "het bericht was te groot",
    Reason.SPAM: "het bericht werd voor spam aangezien",
    Reason.VIRUS: "het bericht werd voor een virus aangezien",
    Reason.BLOCKED: "de mailserver van de ontvanger blokkeert de afzender",
    Reason.POLICY: "de mailserver van de ontvanger weigert het om zijn eigen regels",
    Reason.FILTERED: "een filter bij de ontvanger hield het tegen",
    Reason.TOO_MANY: "de mailserver van de ontvanger had het te druk",
    Reason.EXPIRED: "het is na dagen proberen opgegeven",
    Reason.NETWORK: "de mailserver van de ontvanger was onbereikbaar",
    Reason.SYSTEM: "de mailserver van de ontvanger had een storing",
    Reason.DELAYED: "het is vertraagd en wordt nog geprobeerd",
    Reason.UNDEFINED: "zonder duidelijke reden",
}


def _among(name: str) -> BindParameter[Any]:
    return bindparam(name, expanding=True)


_NEWEST = (
    sql_select(Message, Person)
    .outerjoin(Person, col(Person.id) == col(Message.person_id))
    .order_by(col(Message.id).desc())
    .limit(1)
)
_CLUES: list[tuple[tuple[str, ...], Select[Any]]] = [
    (("sent_to",), _NEWEST.where(col(Message.return_path).in_(_among("sent_to")))),
    (("message_ids",), _NEWEST.where(col(Message.message_id).in_(_among("message_ids")))),
    # Our own address has capitals.
    (("tagged",), _NEWEST.where(func.lower(col(Message.return_path)).in_(_among("tagged")))),
    (
        ("uids", "failed"),
        _NEWEST.join(Invitation, col(Invitation.id) == col(Message.invitation_id))
        .join(Gathering, col(Gathering.id) == col(Invitation.gathering_id))
        .where(
            col(Gathering.uid).in_(_among("uids")), func.lower(col(Invitation.address)).in_(_among("failed"))
        ),
    ),
    (
        ("failed",),
        _NEWEST.where(col(Person.email).in_(_among("failed")), col(Message.state) == MessageState.ACCEPTED),
    ),
]
"""How the mail that a report is about is found, and what the report must say for it, the surest first.

By the VERP address, as it survives what the other server makes of the mail; then by the returned part. Last by the address
alone, of a mail that was accepted: our latest to it. Built once, because building them costs as much as running them.
"""

_HOLDS = (
    sql_select(col(RoleHolder.trajectory_id))
    .where(col(RoleHolder.person_id) == bindparam("person"), col(RoleHolder.until).is_(None))
    .order_by(col(RoleHolder.trajectory_id))
)


def apply_bounce(session: Session, bounce: Bounce, now: datetime) -> Outcome:
    """Record a delivery report against the mail it is about. A wrong address stops mail to that person and asks staff."""
    if bounce.is_complaint:
        return Outcome("complaint", "quarantined", "een ontvanger meldde een mail van ons als ongewenst")
    if not bounce.failures:
        return Outcome("delivery-report", "ignored", "een bericht van aflevering, geen mislukking")
    message, person = _about(session, bounce)
    failure = _failure_of(bounce, message)
    kind = "hard" if failure.is_hard else "soft"
    why = f"{kind}: {DUTCH[failure.reason]} ({failure.status or 'geen code'})"
    said = {
        "address": failure.address,
        "hard": failure.is_hard,
        "status": failure.status or None,
        "reason": failure.reason.value,
    }
    uid = next(iter(bounce.uids), None)
    if message is None:
        why = f"{why}; bij geen van onze mails te vinden"
        return Outcome("bounce", "quarantined", why, uid=uid, attendee=failure.address, bounce=said)
    why += _record(session, message, person, failure, now)
    return Outcome("bounce", "recorded", why, uid=uid, attendee=message.to_email, bounce=said)


def _record(
    session: Session, message: Message, person: Person | None, failure: Failure, now: datetime
) -> str:
    """Make of a failed mail what follows; gives what staff should know besides."""
    if not failure.is_final:
        return ""  # the other server goes on trying: nothing has happened yet
    trajectories = _trajectories_of(session, message, person)
    lock_trajectories(session, trajectories)
    is_hard, besides = failure.is_hard, ""
    if person and is_hard and person.email != message.to_email.lower():
        is_hard, besides = False, "; deze persoon heeft nu een ander adres"
    if person and is_hard:
        connection = session.connection()
        mark_bounced(connection, message.person_id or 0, failure.status, now=now)
        if trajectories:
            # With none, no trajectory of ours has this person: the event and the state of the address say it.
            ask_for_address(connection, message.person_id or 0, trajectories[0], now=now)
        session.expire(person)
        wake(session, trajectories, now)
    elif not failure.is_hard and failure.reason not in PASSING and trajectories:
        _tell_staff(session, message, person, failure, trajectories[0], now)
        wake(session, trajectories[:1], now)
    details = {
        "message": message.id,
        "person": message.person_id,
        "status": failure.status,
        "reason": failure.reason.value,
        "hard": is_hard,
    }
    session.add(Event(at=now, name="message.bounced", trajectory_id=message.trajectory_id, details=details))
    return besides


def _tell_staff(
    session: Session,
    message: Message,
    person: Person | None,
    failure: Failure,
    trajectory_id: int,
    now: datetime,
) -> None:
    key = f"{UNDELIVERED}{message.id}"
    if session.exec(select(Task.id).where(Task.effect_key == key)).first() is not None:
        return
    name = person.name if person else message.to_email
    session.add(
        Task(
            effect_key=key,
            trajectory_id=trajectory_id,
            step_id=message.step_id,
            person_id=message.person_id,
            title=f"Een mail aan {name} is niet aangekomen",
            detail=(
                f"‘{message.subject}’ aan {message.to_email} kwam terug: {DUTCH[failure.reason]} "
                f"({failure.status or 'geen code'}). Dat zegt niet dat het adres fout is. Neem zo nodig zelf contact op."
            ),
            state=TaskState.OPEN,
            created_at=now,
        )
    )


def _failure_of(bounce: Bounce, message: Message | None) -> Failure:
    """The failure of the one the mail was for; a report that names somebody else tells where it was forwarded to."""
    ours = [
        each for each in bounce.failures if message and message.to_email.lower() in (each.address, *each.also)
    ]
    found = next(iter(sorted(ours or bounce.failures, key=lambda each: not each.is_hard)))
    return replace(found, address=message.to_email.lower()) if message and found.address is None else found


def _about(session: Session, bounce: Bounce) -> tuple[Message | None, Person | None]:
    """The mail of ours that a report is about, and the person it went to."""
    said = {
        "sent_to": bounce.sent_to,
        "tagged": tuple(address for address in bounce.sent_to if "+" in address),
        "message_ids": bounce.message_ids,
        "uids": bounce.uids,
        "failed": tuple(
            address for each in bounce.failures for address in (each.address, *each.also) if address
        ),
    }
    for names, query in _CLUES:
        values = {name: said[name] for name in names}
        if all(values.values()):
            found = session.execute(query, values, execution_options=AS_STORED).first()  # pyright: ignore[reportDeprecated]
            if found is not None:
                return found[0], found[1]
    return None, None


def _trajectories_of(session: Session, message: Message, person: Person | None) -> list[int]:
    """The message's trajectory first, then the others in which the person has a role."""
    connection = session.connection()
    held = connection.execute(_HOLDS, {"person": person.id}).scalars().all() if person else []
    first = [message.trajectory_id] if message.trajectory_id else []
    return list(dict.fromkeys([*first, *held]))
