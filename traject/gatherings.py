"""The life of a gathering and of the invitations to it: fixed, moved, held, cancelled; each with the right iTIP message.

RFC 5546: the UID never changes; SEQUENCE rises when the time or the status changes, and then every answer is asked
again; one person removed gets a CANCEL alone, and a later invitation a SEQUENCE above that of the CANCEL.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from calendars.invitation import Attendee, CalendarEvent, Method, Prepared, Role, prepare
from models import Gathering, Invitation, Message, Person, StepRow
from models.enums import GatheringState, MessageKind, PartStat, StepState
from traject import access, outbox
from traject.dossier import row_id
from traject.effects import Effects, Reason
from traject.mail_bytes import CalendarPart
from traject.mail_contexts import GatheringContext
from traject.programme import Step


@dataclass(frozen=True, slots=True)
class Before:
    """What an update changed; None: that stayed as it was."""

    starts_at: datetime | None = None
    ends_at: datetime | None = None
    place: str | None = None


NOTHING_BEFORE = Before()


class Gatherings:
    """What happens to the gatherings of one trajectory, in the session's transaction."""

    def __init__(self, effects: Effects) -> None:
        self.effects = effects
        self.session: Session = effects.session
        self.dossier = effects.dossier
        self.now = effects.now
        self._shared: dict[tuple[int, int, Method], Prepared] = {}

    def fix(self, step: Step, row: StepRow) -> None:
        """Fire a gathering step: its date is fixed and everybody in its roles is invited."""
        people = self.dossier.people(step.to)
        if not people or row.starts_at is None or row.ends_at is None:
            row.state, row.done_at = StepState.SKIPPED, self.now
            row.note = "niemand heeft de rol " + " of ".join(step.to)
            self.effects.event("step.skipped", step=row.key, cycle=row.cycle, people=0)
            return
        gathering = Gathering(
            trajectory_id=self.dossier.id,
            step_id=row_id(row),
            uid=f"{secrets.token_hex(16)}@{self.effects.from_email.partition('@')[2]}",
            title=step.title.nl,
            description=step.text.nl if step.text else "",
            place=step.place.nl if step.place else "",
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            timezone=self.dossier.calendar.timezone,
            series=step.series,
            theme=step.theme,
            capacity=step.capacity,
            materials_url=step.materials,
        )
        self.session.add(gathering)
        self.session.flush()
        self.dossier.gatherings[row_id(row)] = gathering
        row.state, row.acted_at, row.due_at = StepState.OPEN, self.now, row.ends_at
        self.effects.event("gathering.fixed", step=row.key, cycle=row.cycle, gathering=gathering.id)
        invited = [
            (self._new_invitation(gathering, person, is_required=self._must_come(step, person)), person)
            for _, person in people
        ]
        self.session.add_all(invitation for invitation, _ in invited)
        self.session.flush()
        self.dossier.invitations[row_id(gathering)] = invited
        with self.effects.together():
            for invitation, person in invited:
                self._send(MessageKind.INVITATION, gathering, invitation, person)

    def invite(
        self,
        gathering: Gathering,
        person: Person,
        *,
        is_required: bool | None = None,
        step_id: int | None = None,
    ) -> None:
        """Invite one person; somebody whose place was cancelled before is invited again.

        `is_required`: has a place whatever the capacity (without it: as this person's roles say). `step_id`: the step
        of another trajectory that asked for the theme.
        """
        known = self._invitation(gathering, person)
        if is_required is None:
            is_required = self._must_come(self._step(gathering), person)
        if known is None:
            known = self._new_invitation(gathering, person, is_required=is_required, step_id=step_id)
            self.session.add(known)
            self.session.flush()
            self.dossier.invitations.setdefault(row_id(gathering), []).append((known, person))
        elif known.is_cancelled:
            # A client that has seen the CANCEL ignores anything that is not newer.
            gathering.sequence = max(gathering.sequence, known.sequence + 1)
            known.sequence, known.is_cancelled, known.address = gathering.sequence, False, person.email
            known.is_required, known.step_id = is_required, step_id
            self._reset(known)
        else:
            return
        self._send(MessageKind.INVITATION, gathering, known, person)

    def move(
        self, gathering: Gathering, starts_at: datetime, ends_at: datetime, place: str | None = None
    ) -> None:
        """Give a gathering another time or place. Everybody is asked again, with a higher SEQUENCE."""
        place = gathering.place if place is None else place
        if (starts_at, ends_at, place) == (gathering.starts_at, gathering.ends_at, gathering.place):
            return  # nothing changed, nothing sent
        moved = (starts_at, ends_at) != (gathering.starts_at, gathering.ends_at)
        before = Before(
            gathering.starts_at if moved else None,
            gathering.ends_at if moved else None,
            gathering.place if place != gathering.place else None,
        )
        gathering.starts_at, gathering.ends_at, gathering.place = starts_at, ends_at, place
        gathering.sequence += 1
        self.effects.event("gathering.moved", gathering=gathering.id, sequence=gathering.sequence)
        if moved:
            self._remind_again(gathering)
        for invitation, person in self._invited(gathering):
            invitation.sequence = gathering.sequence
            self._reset(invitation)
            self._withdraw_all(invitation, "de bijeenkomst is verplaatst")
            if self._was_told(invitation):
                self._send(MessageKind.INVITATION_UPDATE, gathering, invitation, person, before=before)
            else:
                self._send(MessageKind.INVITATION, gathering, invitation, person)

    def cancel(self, gathering: Gathering, reason: str = "") -> None:
        """Cancel a gathering: a real CANCEL to everybody who was invited."""
        if gathering.state is not GatheringState.FIXED:
            return
        gathering.state = GatheringState.CANCELLED
        gathering.sequence += 1
        self.effects.event("gathering.cancelled", gathering=gathering.id, sequence=gathering.sequence)
        for invitation, person in self._invited(gathering):
            self._uninvite(gathering, invitation, person, reason=reason)

    def uninvite(self, gathering: Gathering, person: Person, reason: str = "") -> None:
        """Take one person off a gathering that goes on: a CANCEL to that person alone."""
        invitation = self._invitation(gathering, person)
        if invitation is None or invitation.is_cancelled or gathering.state is not GatheringState.FIXED:
            return
        gathering.sequence += 1
        self.effects.event("invitation.cancelled", gathering=gathering.id, invitation=invitation.id)
        self._uninvite(gathering, invitation, person, reason=reason, goes_on=True)

    def held(self, row: StepRow) -> None:
        """The gathering took place."""
        gathering = self.dossier.gatherings[row_id(row)]
        gathering.state = GatheringState.HELD
        row.state, row.done_at = StepState.DONE, row.ends_at or self.now
        outbox.withdraw(self.session, reason="de bijeenkomst is voorbij", step_id=row_id(row))
        self.effects.event("step.held", step=row.key, cycle=row.cycle, gathering=gathering.id)

    def remind(self, row: StepRow, of: StepRow) -> None:
        """Fire a reminder: to everybody who comes or has not said."""
        gathering = self.dossier.gatherings.get(row_id(of))
        reminded = 0
        for invitation, person in self._invited(gathering) if gathering else []:
            if gathering and invitation.partstat is not PartStat.DECLINED:
                reminded += 1
                self._send(MessageKind.GATHERING_REMINDER, gathering, invitation, person, reminder=row)
        row.state = StepState.DONE if reminded else StepState.WITHDRAWN
        row.acted_at = row.done_at = self.now
        row.note = "" if reminded else "niemand hoeft te worden herinnerd"
        self.effects.event("step.reminded", step=row.key, cycle=row.cycle, people=reminded)

    # Inside

    def _step(self, gathering: Gathering) -> Step:
        row = next(row for row in self.dossier.steps.values() if row.id == gathering.step_id)
        return self.dossier.programme.step(row.key)

    def _must_come(self, step: Step, person: Person) -> bool:
        """Whether the programme requires this person, by any of the roles that the step asks."""
        if step.capacity is None:
            return True
        required = step.required or [role.key for role in self.dossier.programme.roles if role.staff]
        asked = [role for role in step.to if role in required]
        return any(holder.id == person.id for _, holder in self.dossier.people(asked))

    def _new_invitation(
        self, gathering: Gathering, person: Person, *, is_required: bool, step_id: int | None = None
    ) -> Invitation:
        return Invitation(
            gathering_id=row_id(gathering),
            person_id=row_id(person),
            tag=f"i-{secrets.token_hex(8)}",
            address=person.email,
            sequence=gathering.sequence,
            is_required=is_required,
            step_id=step_id,
        )

    def _remind_again(self, gathering: Gathering) -> None:
        """A reminder of the old date says nothing of the new one; the update itself counts as the invitation."""
        row = next(row for row in self.dossier.steps.values() if row.id == gathering.step_id)
        row.acted_at = self.now
        for (key, cycle), child in self.dossier.steps.items():
            ended = child.state in (StepState.DONE, StepState.WITHDRAWN, StepState.MISSED)
            if ended and cycle == row.cycle and key.startswith(f"{row.key}/"):
                child.state, child.note = StepState.PLANNED, ""
                child.acted_at = child.done_at = None

    def _invitation(self, gathering: Gathering, person: Person) -> Invitation | None:
        return next(
            (i for i, p in self.dossier.invitations.get(row_id(gathering), []) if p.id == person.id),
            None,
        )

    def _invited(self, gathering: Gathering) -> list[tuple[Invitation, Person]]:
        return [
            pair for pair in self.dossier.invitations.get(row_id(gathering), []) if not pair[0].is_cancelled
        ]

    def _reset(self, invitation: Invitation) -> None:
        invitation.partstat, invitation.answered_at, invitation.comment = PartStat.NEEDS_ACTION, None, ""
        invitation.answer_sequence = invitation.answer_dtstamp = None

    def _withdraw_all(self, invitation: Invitation, reason: str) -> None:
        """An older invitation that was not sent yet must not arrive after a newer one."""
        outbox.withdraw(self.session, reason=reason, invitation_id=row_id(invitation), reminders_only=False)

    def _was_told(self, invitation: Invitation) -> bool:
        """Whether an invitation left, or may have; who never got one needs no cancellation."""
        tried = col(Message.attempted_at).is_not(None)
        query = select(Message.id).where(Message.invitation_id == invitation.id, tried)
        return self.session.exec(query.limit(1)).first() is not None

    def _uninvite(
        self,
        gathering: Gathering,
        invitation: Invitation,
        person: Person,
        *,
        reason: str,
        goes_on: bool = False,
    ) -> None:
        self._withdraw_all(invitation, "de uitnodiging is ingetrokken")
        was_told = self._was_told(invitation)
        invitation.is_cancelled, invitation.sequence = True, gathering.sequence
        if goes_on:  # else the link stays, to say that the gathering does not go on
            access.revoke(self.session, now=self.now, invitation_id=row_id(invitation))
        if was_told:
            self._send(
                MessageKind.CANCELLATION, gathering, invitation, person, reason=reason, goes_on=goes_on
            )

    def _send(
        self,
        kind: MessageKind,
        gathering: Gathering,
        invitation: Invitation,
        person: Person,
        *,
        before: Before = NOTHING_BEFORE,
        reason: str = "",
        goes_on: bool = False,
        reminder: StepRow | None = None,
    ) -> None:
        cancels = kind is MessageKind.CANCELLATION
        url = ""
        if not cancels:
            token = access.issue(
                self.session,
                now=self.now,
                expires_at=gathering.ends_at + access.LINK_LASTS,
                invitation_id=row_id(invitation),
            )
            url = access.answer_url(self.effects.settings.base_url, token)
        context = GatheringContext(
            **self.effects.common(person),
            title=gathering.title,
            starts_at=gathering.starts_at,
            ends_at=gathering.ends_at,
            timezone=gathering.timezone,
            place=gathering.place,
            description=gathering.description,
            answer_url=url,
            previous_starts_at=before.starts_at,
            previous_ends_at=before.ends_at,
            previous_place=before.place,
            reason=reason,
            partstat=invitation.partstat,
            uninvited=goes_on,
        )
        calendar = None
        if reminder is None:
            method = Method.CANCEL if cancels else Method.REQUEST
            part = self._prepared(gathering, method).for_attendee(
                Attendee(
                    person.name,
                    invitation.address,
                    Role.REQUIRED if invitation.is_required else Role.OPTIONAL,
                ),
                self.effects.tagged(invitation.tag),
            )
            calendar = CalendarPart(method.value, part)
        what = reminder.key.partition("/")[2] if reminder else kind
        self.effects.queue(
            kind,
            person,
            context,
            f"t{self.dossier.id}:g{gathering.id}:{what}:{invitation.sequence}:i{invitation.id}",
            Reason(
                step_id=gathering.step_id,
                invitation_id=invitation.id,
                is_reminder=reminder is not None,
                expires_at=None if cancels else gathering.starts_at,
                sequence=invitation.sequence,
                reply_tag=invitation.tag,
            ),
            calendar,
        )

    def _prepared(self, gathering: Gathering, method: Method) -> Prepared:
        """What all receivers share; kept for the whole transition, so a big gathering is written once."""
        key = (row_id(gathering), gathering.sequence, method)
        if key not in self._shared:
            self._shared[key] = prepare(
                CalendarEvent(
                    uid=gathering.uid,
                    sequence=gathering.sequence,
                    dtstamp=self.now.replace(microsecond=0),
                    starts_at=gathering.starts_at,
                    ends_at=gathering.ends_at,
                    timezone=gathering.timezone,
                    summary=f"{gathering.title} ({self.dossier.name})",
                    description=gathering.description,
                    location=gathering.place,
                    organizer_name=self.effects.from_name or self.effects.from_email,
                    organizer_email=self.effects.from_email,
                ),
                method,
            )
        return self._shared[key]
