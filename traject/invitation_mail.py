"""Which calendar mail one invitation gets, and what its receiver was last told.

What all receivers of one gathering share is written once. Effect keys hold SEQUENCE and revision, so nobody gets two
invitations of the same; DTSTAMP rises with every change, also with two in one second.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sqlmodel import Session, and_, col, func, or_, select

from calendars.invitation import Attendee, CalendarEvent, Method, Prepared, Role, decline_counter, prepare
from calendars.sent import sent_in
from models import Gathering, Invitation, Message, Person, StepRow
from models.enums import MessageKind, MessageState, PartStat
from traject import access
from traject.calendar_event import event_of
from traject.compose import CALENDAR_METHODS
from traject.dossier import row_id
from traject.effects import Effects, Reason
from traject.mail_bytes import CalendarPart
from traject.mail_contexts import GatheringContext
from traject.mail_words import Dutch
from traject.significance import Told, told
from traject.waiting import LABELS, standing

_PARTS: dict[Method, Literal["REQUEST", "CANCEL", "DECLINECOUNTER"]] = {
    Method.REQUEST: "REQUEST",
    Method.CANCEL: "CANCEL",
    Method.DECLINECOUNTER: "DECLINECOUNTER",
}
_REQUESTS = frozenset(kind for kind, method in CALENDAR_METHODS.items() if method == "REQUEST")
_SECOND = timedelta(seconds=1)
_Shared = Literal[Method.REQUEST, Method.CANCEL]


@dataclass(frozen=True, slots=True)
class LastTold:
    """The newest invitation that left for somebody, or may have: what their calendar shows."""

    message_id: int
    sequence: int


class InvitationMail:
    """The calendar mails of one transition of one trajectory."""

    def __init__(self, effects: Effects) -> None:
        self.effects = effects
        self.session: Session = effects.session
        self.dossier = effects.dossier
        self.now = effects.now
        self._shared: dict[tuple[int, int, _Shared, str], Prepared] = {}

    def request(
        self,
        gathering: Gathering,
        invitation: Invitation,
        person: Person,
        *,
        before: Told | None = None,
        is_update: bool = False,
    ) -> None:
        """Invite, or tell what changed: `before` is what this person knew."""
        kind = MessageKind.INVITATION_UPDATE if is_update else MessageKind.INVITATION
        context = self._asking(gathering, invitation, person)
        if before is not None:
            moved = (before.starts_at, before.ends_at) != (gathering.starts_at, gathering.ends_at)
            context = replace(
                context,
                previous_starts_at=before.starts_at if moved else None,
                previous_ends_at=before.ends_at if moved else None,
                previous_place=Dutch(before.place) if before.place != gathering.place else None,
            )
        self._queue(
            kind,
            gathering,
            invitation,
            person,
            context,
            f"request:{_version(gathering, invitation)}",
            Method.REQUEST,
        )

    def cancel(
        self, gathering: Gathering, invitation: Invitation, person: Person, *, reason: str, goes_on: bool
    ) -> None:
        """Take it out of the calendar. `goes_on`: this person alone is no longer invited."""
        context = replace(
            self._context(gathering, invitation, person), reason=Dutch(reason), uninvited=goes_on
        )
        what = f"cancel:{_version(gathering, invitation)}"
        self._queue(MessageKind.CANCELLATION, gathering, invitation, person, context, what, Method.CANCEL)

    def again(self, gathering: Gathering, invitation: Invitation, person: Person) -> bool:
        """Send the newest once more, as it is now; once a day. False: it was sent again today.

        The same SEQUENCE and a new DTSTAMP; what counts as the answer stays.
        """
        day = f"{self.dossier.calendar.to_local(self.now):%Y-%m-%d}"
        if invitation.is_cancelled or told(gathering).is_cancelled:
            context = replace(
                self._context(gathering, invitation, person), uninvited=not told(gathering).is_cancelled
            )
            kind, method = MessageKind.CANCELLATION, Method.CANCEL
        else:
            context = replace(self._asking(gathering, invitation, person), sent_again=True)
            kind, method = MessageKind.INVITATION, Method.REQUEST
        return self._queue(kind, gathering, invitation, person, context, f"again:{day}", method)

    def decline_proposal(
        self, gathering: Gathering, invitation: Invitation, person: Person, *, reason: str
    ) -> None:
        """Say that the moment stays (DECLINECOUNTER)."""
        context = replace(
            self._asking(gathering, invitation, person),
            reason=Dutch(reason),
            proposed_starts_at=invitation.proposed_starts_at,
            proposed_ends_at=invitation.proposed_ends_at,
        )
        proposed = invitation.proposed_at or self.now
        what = f"decline-counter:{proposed:%Y%m%dT%H%M%S}"
        kind, method = MessageKind.DECLINE_COUNTER, Method.DECLINECOUNTER
        self._queue(kind, gathering, invitation, person, context, what, method)

    def remind(self, gathering: Gathering, invitation: Invitation, person: Person, reminder: StepRow) -> None:
        """Remind of it, with the answer that was given."""
        context = self._asking(gathering, invitation, person)
        what = f"{reminder.key.partition('/')[2]}:{_version(gathering, invitation)}"
        self._queue(MessageKind.GATHERING_REMINDER, gathering, invitation, person, context, what, None)

    def place(
        self,
        kind: MessageKind,
        gathering: Gathering,
        invitation: Invitation,
        person: Person,
        *,
        position: int = 0,
        answer_by: datetime | None = None,
    ) -> None:
        """Tell where somebody stands, and let the calendar say it; under a SEQUENCE that was raised for it."""
        asking = self._asking(gathering, invitation, person)
        context = replace(asking, position=position, answer_by=answer_by)
        what = f"place:{_version(gathering, invitation)}"
        self._queue(kind, gathering, invitation, person, context, what, Method.REQUEST)

    def last_told(self, gathering: Gathering) -> dict[int, LastTold]:
        """What the calendars of those invited may show, by invitation; who never got one, or lost it, is not there."""
        found: dict[int, LastTold] = {}
        query = (
            select(Message.id, Message.invitation_id, Message.kind, Message.sequence)
            .where(
                Message.step_id == gathering.step_id,
                col(Message.attempted_at).is_not(None),
                # A cancellation that failed took nothing out of a calendar.
                or_(
                    col(Message.kind).in_(_REQUESTS),
                    and_(Message.kind == MessageKind.CANCELLATION, Message.state == MessageState.ACCEPTED),
                ),
            )
            .order_by(col(Message.id))
        )
        for message_id, invitation_id, kind, sequence in self.session.exec(query):
            if kind in _REQUESTS:
                found[invitation_id or 0] = LastTold(message_id or 0, sequence or 0)
            else:
                found.pop(invitation_id or 0, None)
        return found

    def knew(self, last: LastTold, gathering: Gathering) -> Told | None:
        """What a mail that left said, from its own bytes; None when they are no longer kept."""
        message = self.session.get(Message, last.message_id)
        if message is None or message.data is None:
            return None
        event = sent_in(message.data).event
        return replace(
            told(gathering), starts_at=event.starts_at, ends_at=event.ends_at, place=event.location
        )

    def next_stamp(self, gathering: Gathering) -> datetime:
        """A DTSTAMP that is later than of all that was told of it before, to the second."""
        latest = self.session.exec(
            select(func.max(Message.queued_at)).where(Message.step_id == gathering.step_id)
        ).one()
        earlier = [at.replace(microsecond=0) + _SECOND for at in (gathering.changed_at, latest) if at]
        return max([self.now.replace(microsecond=0), *earlier])

    # Inside

    def _context(self, gathering: Gathering, invitation: Invitation, person: Person) -> GatheringContext:
        return GatheringContext(
            **self.effects.common(person),
            title=Dutch(gathering.title),
            starts_at=gathering.starts_at,
            ends_at=gathering.ends_at,
            timezone=gathering.timezone,
            place=Dutch(gathering.place),
            description=Dutch(gathering.description),
            partstat=invitation.partstat,
            standing=standing(invitation),
        )

    def _asking(self, gathering: Gathering, invitation: Invitation, person: Person) -> GatheringContext:
        """With a link to answer."""
        token = access.issue(
            self.session,
            now=self.now,
            expires_at=gathering.ends_at + access.LINK_LASTS,
            invitation_id=row_id(invitation),
        )
        url = access.answer_url(self.effects.settings.base_url, token)
        return replace(self._context(gathering, invitation, person), answer_url=url)

    def _queue(
        self,
        kind: MessageKind,
        gathering: Gathering,
        invitation: Invitation,
        person: Person,
        context: GatheringContext,
        what: str,
        method: Method | None,
    ) -> bool:
        calendar = None
        if method is not None:
            invitation.address = person.email  # a calendar shows it only to the address that it names
            calendar = CalendarPart(
                _PARTS[method], self._bytes(gathering, invitation, person, method, context.reason)
            )
        return self.effects.queue(
            kind,
            person,
            context,
            f"t{self.dossier.id}:g{gathering.id}:{what}:i{invitation.id}",
            Reason(
                step_id=gathering.step_id,
                invitation_id=invitation.id,
                is_reminder=method is None,
                expires_at=None if method is Method.CANCEL else gathering.starts_at,
                sequence=invitation.sequence,
                reply_tag=invitation.tag,
            ),
            calendar,
        )

    def _bytes(
        self, gathering: Gathering, invitation: Invitation, person: Person, method: Method, comment: str
    ) -> bytes:
        role = Role.REQUIRED if invitation.is_required else Role.OPTIONAL
        partstat = PartStat.NEEDS_ACTION if method is Method.CANCEL else invitation.partstat
        attendee = Attendee(person.name, invitation.address, role, partstat)
        organizer = self.effects.tagged(invitation.tag)
        if method is Method.DECLINECOUNTER:
            event = replace(self._event(gathering, invitation.sequence), organizer_email=organizer)
            return decline_counter(event, attendee, comment)
        label = LABELS.get(standing(invitation), "")
        prepared = self._prepared(gathering, invitation.sequence, method, label)
        return prepared.for_attendee(attendee, organizer)

    def _prepared(self, gathering: Gathering, sequence: int, method: _Shared, label: str) -> Prepared:
        """What all receivers share; kept for the whole transition, so a big gathering is written once."""
        key = (row_id(gathering), sequence, method, label)
        if key not in self._shared:
            event = self._event(gathering, sequence)
            event = replace(event, summary=label + event.summary)
            self._shared[key] = prepare(event, method, is_sure=not label)
        return self._shared[key]

    def _event(self, gathering: Gathering, sequence: int) -> CalendarEvent:
        stamp = self.now.replace(microsecond=0)
        return event_of(
            gathering,
            self.dossier.name,
            sequence=sequence,
            dtstamp=max(stamp, gathering.changed_at or stamp),
            organizer=(self.effects.from_name or self.effects.from_email, self.effects.from_email),
        )


def _version(gathering: Gathering, invitation: Invitation) -> str:
    return f"{invitation.sequence}.{gathering.revision}"
