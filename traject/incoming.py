"""What an incoming mail is: an answer from a calendar, a delivery report, an automatic answer, or a mail for a person.

Whose answer a reply is, and whether it counts, is judged in calendars.verdict; which of several answers is the latest,
from the calendar or from the web, in answers.
"""

from dataclasses import fields, replace
from datetime import datetime
from typing import TypeVar

from sqlmodel import Session, col, select

from calendars.bounce import read_bounce
from calendars.mail_parts import Part, UnreadableMail, read_mail
from calendars.reply import NotAReply, NotAReplyKind, Reply, reply_in
from calendars.verdict import KnownInvitation, answered_at, judge
from calendars.verdict import Outcome as Verdict
from models import Arrival, Gathering, Invitation, Person
from traject.answers import Answer, Judged, oldest_sequence
from traject.away import note_absence
from traject.bounces import apply_bounce
from traject.known_senders import AS_STORED, Answering, find_invitation, is_our_own, person_behind
from traject.mail_bytes import one_line
from traject.outcome import Outcome
from traject.places import take_answer
from traject.settings import Settings
from traject.unsubscribe import asks_by_mail, unsubscribe_by_mail
from traject.waking import lock_trajectories
from traject.wishes import propose, send_again

MAX_SUBJECT = 200  # characters of one that is shown in a list

_Said = TypeVar("_Said", Reply, Outcome)

_KINDS = {"COUNTER": "counter", "REFRESH": "refresh"}
_WHY: dict[Judged, str] = {
    Judged.UNCHANGED: "het antwoord was al hetzelfde",
    Judged.STALE: "er was al een later antwoord",
    Judged.TOO_LATE: "de bijeenkomst was al begonnen",
    Judged.CANCELLED: "de bijeenkomst of deze uitnodiging is afgezegd",
}


def apply_mail(session: Session, arrival: Arrival, now: datetime, settings: Settings) -> Outcome:
    """Make of one stored mail what it is. What nobody foresaw is kept for staff to read."""
    try:
        root = read_mail(arrival.raw or b"")
    except UnreadableMail as error:
        return _storable(Outcome("mail", "quarantined", f"de mail is niet te lezen: {error}"))
    found = reply_in(root)
    if isinstance(found, Reply):
        outcome = _apply_reply(session, arrival, _storable(found), now, settings)
    else:
        outcome = _apply_other(session, arrival, root, found, now, settings)
    sender = next(iter(root.addresses("From")), None)
    return _storable(replace(outcome, sender=sender, subject=one_line(root.subject)[:MAX_SUBJECT]))


def _apply_other(
    session: Session, arrival: Arrival, root: Part, found: NotAReply, now: datetime, settings: Settings
) -> Outcome:
    if found.kind is NotAReplyKind.BROKEN:
        return Outcome("mail", "quarantined", found.why)
    bounce = read_bounce(root)
    if bounce is not None:
        return apply_bounce(session, bounce, now)
    if is_our_own(session, root):
        return Outcome("own", "ignored", "onze eigen mail kwam terug")
    match found.kind:
        case NotAReplyKind.BOUNCE:
            return Outcome(
                "mail", "quarantined", f"{found.why}, maar wat er mislukte is niet te vinden: lees het"
            )
        case NotAReplyKind.ORDINARY | NotAReplyKind.AUTO_REPLY if asks_by_mail(settings, root):
            return _unsubscribe(session, root, now, settings)
        case NotAReplyKind.ORDINARY:
            return _outcome("mail", "quarantined", _ordinary(session, root), found.enclosed)
        case _:
            verdict = judge(found, None, received_at=arrival.received_at)
            why = verdict.why
            if found.kind is NotAReplyKind.AUTO_REPLY and (
                until := note_absence(session, root, arrival.received_at, now)
            ):
                why += f"; weg tot en met {until:%d-%m-%Y}"
            return _outcome(found.kind.value, verdict.outcome.value, why, found.enclosed)


def _ordinary(session: Session, root: Part) -> str:
    name, is_by_tag = person_behind(session, root)
    if is_by_tag:
        return f"een gewone mail op het antwoordadres van {name}: iemand moet hem lezen"
    return f"een gewone mail{' van ' + name if name else ''}: iemand moet hem lezen"


def _unsubscribe(session: Session, root: Part, now: datetime, settings: Settings) -> Outcome:
    """Somebody wants no more news; whom we do not know is for staff."""
    sender = next(iter(root.addresses("From")), "")
    recipients = root.addresses("To", "Cc", "Delivered-To", "X-Original-To")
    person = unsubscribe_by_mail(session, settings, sender=sender, recipients=recipients, now=now)
    if person is None:
        return Outcome(
            "unsubscribe", "quarantined", "iemand die we niet kennen wil geen mail meer: bekijk wie"
        )
    return Outcome("unsubscribe", "recorded", "krijgt geen nieuws meer; wat bij een traject hoort nog wel")


def _apply_reply(
    session: Session, arrival: Arrival, reply: Reply, now: datetime, settings: Settings
) -> Outcome:
    kind = _KINDS.get(reply.method, "reply")
    answering = find_invitation(session, reply)
    if answering is None:
        verdict = judge(reply, None, received_at=arrival.received_at)
        return _outcome(kind, verdict.outcome.value, verdict.why, reply)
    lock_trajectories(session, [answering.trajectory_id])
    outcome = _answer(session, arrival, reply, answering, now, settings)
    if outcome.outcome != "quarantined":
        arrival.invitation_id = answering.invitation_id
    return outcome


def _answer(
    session: Session, arrival: Arrival, reply: Reply, answering: Answering, now: datetime, settings: Settings
) -> Outcome:
    """What a reply does to the invitation that it seems to answer, whose trajectory is locked."""
    kind = _KINDS.get(reply.method, "reply")
    of_reply = (
        select(Invitation, Gathering)
        .join(Gathering, col(Gathering.id) == col(Invitation.gathering_id))
        .where(Invitation.id == answering.invitation_id)
    )
    invitation, gathering = session.exec(of_reply, execution_options=AS_STORED).one()
    known = KnownInvitation(
        uid=gathering.uid,
        sequence=oldest_sequence(invitation),
        attendee_email=invitation.address,
        tag=invitation.tag,
        aliases=frozenset({answering.email.lower()}),
        linked=answering.linked,
    )
    verdict = judge(reply, known, received_at=arrival.received_at)
    given_at = answered_at(reply, arrival.received_at)
    if verdict.outcome is Verdict.RECORDED:
        person = session.get_one(Person, invitation.person_id)
        return _outcome(kind, *send_again(session, gathering, invitation, person, settings, now=now), reply)
    if verdict.outcome is Verdict.PROPOSAL:
        person = session.get_one(Person, invitation.person_id)
        at = {"given_at": given_at, "received_at": arrival.received_at, "now": now}
        return _outcome(kind, *propose(session, gathering, invitation, person, reply, **at), reply)
    if verdict.outcome is not Verdict.COUNTED or reply.partstat is None:
        return _outcome(kind, verdict.outcome.value, verdict.why, reply)
    answer = Answer(
        partstat=reply.partstat,
        comment=reply.comment or "",
        sequence=reply.sequence,
        given_at=given_at,
        received_at=arrival.received_at,
        via="mail",
    )
    judged = take_answer(session, gathering, invitation, answer, settings, now=now)
    if judged is Judged.COUNTED:
        return _outcome(kind, judged.value, verdict.why, reply)
    outcome = Judged.COUNTED if judged is Judged.UNCHANGED else judged
    return _outcome(kind, outcome.value, _WHY[judged], reply)


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


def _storable(said: _Said) -> _Said:
    """What a mail says, as a database can hold and seek it: PostgreSQL takes no NUL, and nothing takes half a character."""
    texts = {each.name: value for each in fields(said) if type(value := getattr(said, each.name)) is str}
    clean = {
        name: text.encode("utf-8", "replace").decode().replace("\0", "\ufffd") for name, text in texts.items()
    }
    return replace(said, **clean)
