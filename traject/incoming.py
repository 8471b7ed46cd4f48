"""What an incoming mail is: an answer from a calendar, a delivery report, an automatic answer, or a mail for a person.

Whose answer a reply is, and whether it counts, is judged in calendars.verdict; which of several answers is the latest,
from the calendar or from the web, in answers.
"""

from datetime import datetime

from sqlmodel import Session, col, select

from calendars.mail_parts import read_mail
from calendars.reply import NotAReply, NotAReplyKind, Reply, read_reply
from calendars.verdict import KnownInvitation, answered_at, judge
from calendars.verdict import Outcome as Verdict
from models import Arrival, Gathering, Invitation, Person
from traject.answers import Answer, Judged, current_sequence, record_answer
from traject.bounces import apply_delivery_report, read_delivery_report
from traject.outcome import Outcome
from traject.waking import lock_trajectories, wake


def apply_mail(session: Session, arrival: Arrival, now: datetime) -> Outcome:
    """Make of one stored mail what it is. What nobody foresaw is kept for staff to read."""
    mail = arrival.raw or b""
    found = read_reply(mail)
    if isinstance(found, Reply):
        return _apply_reply(session, arrival, found, now)
    if found.kind is NotAReplyKind.BOUNCE:
        report = read_delivery_report(read_mail(mail))
        if report is None:
            return Outcome("bounce", "quarantined", f"{found.why}, in words only: someone must read it")
        return apply_delivery_report(session, report, now)
    if found.kind is NotAReplyKind.ORDINARY:
        return Outcome("mail", "quarantined", "an ordinary mail: someone must read it")
    return _of_no_reply(found, arrival.received_at)


def _of_no_reply(found: NotAReply, received_at: datetime) -> Outcome:
    verdict = judge(found, None, received_at=received_at)
    kind = "mail" if found.kind is NotAReplyKind.BROKEN else found.kind.value
    return _outcome(kind, verdict.outcome.value, verdict.why, found.enclosed)


def _apply_reply(session: Session, arrival: Arrival, reply: Reply, now: datetime) -> Outcome:
    of_gathering = select(Gathering.id, Gathering.trajectory_id).where(Gathering.uid == reply.uid)
    gathering_id, trajectory_id = session.exec(of_gathering).one_or_none() or (None, 0)
    invitation_id = _find(session, gathering_id, reply)
    if gathering_id is None or invitation_id is None:
        verdict = judge(reply, None, received_at=arrival.received_at)
        return _outcome("reply", verdict.outcome.value, verdict.why, reply)
    lock_trajectories(session, [trajectory_id])
    invitation = session.get_one(Invitation, invitation_id)
    gathering = session.get_one(Gathering, gathering_id)
    known = KnownInvitation(
        uid=gathering.uid,
        sequence=current_sequence(gathering, invitation),
        attendee_email=invitation.address,
        tag=invitation.tag,
        aliases=frozenset({session.get_one(Person, invitation.person_id).email}),
    )
    verdict = judge(reply, known, received_at=arrival.received_at)
    if verdict.outcome is not Verdict.COUNTED or reply.partstat is None:
        return _outcome("reply", verdict.outcome.value, verdict.why, reply)
    arrival.invitation_id = invitation_id
    answer = Answer(
        partstat=reply.partstat,
        comment=reply.comment or "",
        sequence=reply.sequence,
        given_at=answered_at(reply, arrival.received_at),
        received_at=arrival.received_at,
        via="mail",
    )
    match record_answer(session, gathering, invitation, answer, now=now):
        case Judged.COUNTED:
            wake(session, [trajectory_id], now)
            return _outcome("reply", "counted", verdict.why, reply)
        case Judged.UNCHANGED:
            return _outcome("reply", "counted", "the answer was the same already", reply)
        case Judged.STALE:
            return _outcome("reply", "stale", "a later answer came before", reply)
        case Judged.TOO_LATE:
            return _outcome("reply", "too-late", "the gathering had started", reply)
        case Judged.CANCELLED:
            return _outcome("reply", "cancelled", "the gathering or this invitation was cancelled", reply)


def _find(session: Session, gathering_id: int | None, reply: Reply) -> int | None:
    """The invitation of the one who answers: by address, else by tag, else any, to be judged."""
    rows = session.exec(
        select(Invitation.id, Invitation.address, Person.email, Invitation.tag)
        .join(Person, col(Person.id) == Invitation.person_id)
        .where(Invitation.gathering_id == gathering_id)
        .order_by(col(Invitation.id))
    ).all()
    by_address = [row for row in rows if reply.attendee in (row[1].lower(), row[2].lower())]
    by_tag = [row for row in rows if reply.tagged_to == row[3].lower()]
    return next((row[0] for row in (*by_address, *by_tag, *rows)), None)


def _outcome(kind: str, outcome: str, why: str, reply: Reply | None) -> Outcome:
    if reply is None:
        return Outcome(kind, outcome, why)
    return Outcome(
        kind,
        outcome,
        why,
        uid=reply.uid,
        attendee=reply.attendee,
        partstat=reply.partstat.value if reply.partstat else None,
        sequence=reply.sequence,
        comment=reply.comment,
    )
