"""What a person asks by calendar beside an answer: another time, which staff decide on, or the invitation once more."""

from datetime import datetime

from sqlmodel import Session, col, select

from calendars.reply import Reply
from models import Gathering, Invitation, Message, Person
from models.enums import MessageState
from traject import proposals
from traject.answers import Judged, can_answer
from traject.compose import CALENDAR_METHODS
from traject.dossier import load
from traject.effects import Effects
from traject.invitation_mail import InvitationMail
from traject.settings import Settings

_UNDER_WAY = (MessageState.QUEUED, MessageState.HELD, MessageState.ATTEMPTING)


def propose(
    session: Session,
    gathering: Gathering,
    invitation: Invitation,
    person: Person,
    reply: Reply,
    *,
    given_at: datetime,
    received_at: datetime,
    now: datetime,
) -> tuple[str, str]:
    """Keep another time that was proposed (COUNTER) for staff. Gives the outcome and, when it is not kept, why."""
    refused = can_answer(gathering, invitation, min(given_at, received_at))
    if refused is not None:
        return refused.value, _CLOSED[refused]
    if proposals.receive(session, gathering, invitation, person, reply, given_at=given_at, now=now):
        return "proposal", "de genodigde stelt een ander moment voor"
    return "stale", "over dit voorstel is al besloten, of er was al een later voorstel"


def send_again(
    session: Session,
    gathering: Gathering,
    invitation: Invitation,
    person: Person,
    settings: Settings,
    *,
    now: datetime,
) -> tuple[str, str]:
    """Send the newest invitation, or its cancellation, again to who asks for it (REFRESH): to nobody else, once a day.

    Gives the outcome and why.
    """
    refused = can_answer(gathering, invitation, now)
    if refused is Judged.TOO_LATE:
        return refused.value, _CLOSED[refused]
    waiting = select(Message.id).where(
        Message.invitation_id == invitation.id,
        col(Message.kind).in_(CALENDAR_METHODS),
        col(Message.state).in_(_UNDER_WAY),
    )
    if session.exec(waiting.limit(1)).first() is not None:
        return "recorded", "de genodigde vraagt de uitnodiging opnieuw; zij is al onderweg"
    dossier = load(session, gathering.trajectory_id, settings, now)
    effects = Effects(session, dossier, settings, now)
    if not InvitationMail(effects).again(gathering, invitation, person):
        return "ignored", "de uitnodiging is vandaag al opnieuw gestuurd"
    effects.event("invitation.sent-again", actor="participant", invitation=invitation.id)
    return "recorded", "de genodigde vraagt de uitnodiging opnieuw; zij is nog eens gestuurd"


_CLOSED: dict[Judged, str] = {
    Judged.TOO_LATE: "de bijeenkomst was al begonnen",
    Judged.CANCELLED: "de bijeenkomst of deze uitnodiging is afgezegd",
}
