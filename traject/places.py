"""What happens to the places at the gatherings of one trajectory: taken, waited for, offered, passed on; each told.

Who has a place is decided in `waiting`, and an answer recorded in `answers`; this tells people, under a higher SEQUENCE
each time, because a calendar takes nothing else for news, and offers what came free.
"""

from datetime import datetime

from sqlmodel import Session, col, select

from models import Gathering, Invitation, Message, Person
from models.enums import GatheringState, MessageKind, MessageState, PartStat, TrajectoryState
from traject import holding, outbox
from traject.answers import Answer, Judged, record_answer
from traject.dossier import load, row_id
from traject.effects import Effects
from traject.gatherings import Gatherings
from traject.settings import Settings
from traject.waiting import (
    Standing,
    is_first_come,
    offer_until,
    position,
    standing,
    to_close,
    to_lapse,
    to_offer,
)

_ABOUT_PLACES = (MessageKind.WAITING_LIST, MessageKind.PLACE_OFFERED)


def take_answer(
    session: Session,
    gathering: Gathering,
    invitation: Invitation,
    answer: Answer,
    settings: Settings,
    *,
    now: datetime,
) -> Judged:
    """Record an answer, tell what it came to when places are few, and offer the place that it set free.

    The gathering's trajectory must be locked, so that nobody else takes a place meanwhile.
    """
    if gathering.capacity is None:
        return record_answer(session, gathering, invitation, answer, now=now)
    dossier = load(session, gathering.trajectory_id, settings, now)
    places = Places(Effects(session, dossier, settings, now))
    places.lapse(gathering, answer.received_at)  # a yes after the deadline is no yes to the offer
    stood = standing(invitation)
    judged = record_answer(session, gathering, invitation, answer, now=now)
    if judged is Judged.COUNTED:
        places.answered(gathering, invitation, stood)
    places.fill(row_id(gathering))
    return judged


class Places:
    """What becomes of places, in the session's transaction."""

    def __init__(self, effects: Effects) -> None:
        self.effects = effects
        self.session: Session = effects.session
        self.dossier = effects.dossier
        self.now = effects.now
        self.gatherings = Gatherings(effects)

    def answered(self, gathering: Gathering, invitation: Invitation, stood: Standing) -> None:
        """Tell somebody what their answer came to; a place that was simply free needs no word."""
        stands = standing(invitation)
        if stands is stood:
            return
        if stands is Standing.ASKED:
            self._withdraw_news(invitation)
        elif stands is Standing.WAITING or self._knows_otherwise(invitation):
            self._tell(MessageKind.WAITING_LIST, gathering, invitation)

    def fill(self, gathering_id: int) -> None:
        """Pass on what lapsed, and offer what is free to who waits longest."""
        gathering = next(each for each in self.dossier.gatherings.values() if each.id == gathering_id)
        told_at = self.dossier.calendar.next_sending_moment(self.now)
        is_on = gathering.state is GatheringState.FIXED and gathering.starts_at > told_at
        if not is_on or self.dossier.trajectory.state is not TrajectoryState.RUNNING:
            return
        self.lapse(gathering, self.now)
        for invitation in to_close(gathering, self._invitations(gathering)):
            invitation.offered_until, invitation.partstat = None, PartStat.ACCEPTED
            self._event("place.gone", gathering, invitation)
            self._tell(MessageKind.WAITING_LIST, gathering, invitation)
        for invitation in to_offer(gathering, self._invitations(gathering), told_at):
            self._offer(gathering, invitation, told_at)

    def lapse(self, gathering: Gathering, at: datetime) -> None:
        """Who did not answer an offer in time is on the list no more: they would stop it for everybody behind them."""
        for invitation in to_lapse(gathering, self._invitations(gathering), at):
            invitation.waiting_since = invitation.offered_until = None
            self._event("place.lapsed", gathering, invitation)
            self._tell(MessageKind.WAITING_LIST, gathering, invitation)

    # Inside

    def _offer(self, gathering: Gathering, invitation: Invitation, told_at: datetime) -> None:
        until = offer_until(self.dossier.calendar, gathering.starts_at, told_at)
        invitation.offered_until, invitation.partstat = until, PartStat.NEEDS_ACTION
        trajectory = self.dossier.trajectory
        if trajectory.next_due_at is None or trajectory.next_due_at > until:
            trajectory.next_due_at = until
        self._event("place.offered", gathering, invitation, until=until.isoformat())
        first_come = is_first_come(gathering.starts_at, told_at)
        self._tell(MessageKind.PLACE_OFFERED, gathering, invitation, answer_by=None if first_come else until)

    def _tell(
        self,
        kind: MessageKind,
        gathering: Gathering,
        invitation: Invitation,
        *,
        answer_by: datetime | None = None,
    ) -> None:
        outbox.withdraw(
            self.session,
            reason="er is nieuws over de plek",
            invitation_id=row_id(invitation),
            reminders_only=False,
        )
        gathering.sequence += 1
        invitation.sequence = gathering.sequence
        self.gatherings.mail.place(
            kind,
            gathering,
            invitation,
            self._person(gathering, invitation),
            position=position(gathering, self._invitations(gathering), invitation),
            answer_by=answer_by,
        )

    def _withdraw_news(self, invitation: Invitation) -> None:
        """What waits to be told of a place that is no longer wanted."""
        news = select(Message.id).where(
            Message.invitation_id == invitation.id,
            col(Message.kind).in_(_ABOUT_PLACES),
            Message.state == MessageState.QUEUED,
        )
        for message_id in self.session.exec(news.with_for_update(skip_locked=True)).all():
            holding.skip(self.session, message_id or 0, reason="er is geantwoord")

    def _knows_otherwise(self, invitation: Invitation) -> bool:
        """Whether the last that this person was told is that there was no place yet."""
        told = (
            select(Message.kind)
            .where(
                Message.invitation_id == invitation.id,
                col(Message.sequence).is_not(None),
                col(Message.is_reminder).is_(False),
            )
            .order_by(col(Message.id).desc())
        )
        return self.session.exec(told.limit(1)).first() in _ABOUT_PLACES

    def _invitations(self, gathering: Gathering) -> list[Invitation]:
        return [invitation for invitation, _ in self.gatherings.invited(gathering)]

    def _person(self, gathering: Gathering, invitation: Invitation) -> Person:
        return next(person for each, person in self.gatherings.invited(gathering) if each is invitation)

    def _event(self, name: str, gathering: Gathering, invitation: Invitation, **more: str) -> None:
        self.effects.event(name, gathering=gathering.id, invitation=invitation.id, **more)
