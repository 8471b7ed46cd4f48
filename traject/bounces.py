"""Which of our mails a delivery report is about, and what follows from it.

Only a hard bounce says that an address is wrong: it is marked, what waits for that person is held, and staff are asked
for another. What may pass by itself is recorded; of any other refusal staff hear, as nobody else would.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

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
    Reason.TOO_MANY: "de mailserver van de ontvanger had het te druk",
    Reason.EXPIRED: "het is na dagen proberen opgegeven",
    Reason.NETWORK: "de mailserver van de ontvanger was onbereikbaar",
    Reason.SYSTEM: "de mailserver van de ontvanger had een storing",
    Reason.DELAYED: "het is vertraagd en wordt nog geprobeerd",
    Reason.UNDEFINED: "zonder duidelijke reden",
}


def apply_bounce(session: Session, bounce: Bounce, now: datetime) -> Outcome:
    """Record a delivery report against the mail it is about. A wrong address stops mail to that person and asks staff."""
    if bounce.is_complaint:
        return Outcome("complaint", "quarantined", "een ontvanger meldde een mail van ons als ongewenst")
    message = _message_of(session, bounce)
    if not bounce.failures:
        return Outcome("delivery-report", "ignored", "een bericht van aflevering, geen mislukking")
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
    why += _record(session, message, failure, now)
    return Outcome("bounce", "recorded", why, uid=uid, attendee=message.to_email, bounce=said)


def _record(session: Session, message: Message, failure: Failure, now: datetime) -> str:
    """Make of a failed mail what follows; gives what staff should know besides."""
    if not failure.is_final:
        return ""  # the other server goes on trying: nothing has happened yet
    who = message.person_id
    person = session.get(Person, who, execution_options=AS_STORED) if who else None
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


def _message_of(session: Session, bounce: Bounce) -> Message | None:
    """By the VERP address first, as it survives what the other server makes of the mail; then by the returned part.

    Last by the address alone, of a mail that was accepted: our latest to it.
    """
    failed = [address for each in bounce.failures for address in (each.address, *each.also) if address]
    newest = select(col(Message.id)).order_by(col(Message.id).desc())
    clues: list[tuple[bool, Callable[[], SelectOfScalar[int | None]]]] = [
        (bool(bounce.sent_to), lambda: newest.where(col(Message.return_path).in_(bounce.sent_to))),
        (bool(bounce.message_ids), lambda: newest.where(col(Message.message_id).in_(bounce.message_ids))),
        (
            any("+" in address for address in bounce.sent_to),  # our own address has capitals
            lambda: newest.where(func.lower(col(Message.return_path)).in_(bounce.sent_to)),
        ),
        (
            bool(bounce.uids and failed),
            lambda: (
                newest.join(Invitation, col(Invitation.id) == col(Message.invitation_id))
                .join(Gathering, col(Gathering.id) == col(Invitation.gathering_id))
                .where(col(Gathering.uid).in_(bounce.uids), func.lower(Invitation.address).in_(failed))
            ),
        ),
        (
            bool(failed),
            lambda: newest.join(Person, col(Person.id) == col(Message.person_id)).where(
                col(Person.email).in_(failed), Message.state == MessageState.ACCEPTED
            ),
        ),
    ]
    for is_there, query in clues:
        found = session.exec(query().limit(1), execution_options=AS_STORED).first() if is_there else None
        if found is not None:
            return session.get_one(Message, found, execution_options=AS_STORED)
    return None


def _trajectories_of(session: Session, message: Message, person: Person | None) -> list[int]:
    """The message's trajectory first, then the others in which the person has a role."""
    held = session.exec(
        select(RoleHolder.trajectory_id)
        .where(RoleHolder.person_id == (person.id if person else 0), col(RoleHolder.until).is_(None))
        .order_by(col(RoleHolder.trajectory_id)),
        execution_options=AS_STORED,
    ).all()
    first = [message.trajectory_id] if message.trajectory_id else []
    return list(dict.fromkeys([*first, *held]))
