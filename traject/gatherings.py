"""The life of a gathering and of the invitations to it: fixed, changed, held, cancelled.

RFC 5546: the UID never changes; what a change means is `significance`'s to say; one person removed gets a CANCEL alone,
and a later invitation a SEQUENCE above that of the CANCEL. The mails themselves are `invitation_mail`'s.
"""

import secrets
from dataclasses import replace
from typing import Any

from sqlmodel import Session

from models import Gathering, Invitation, Person, StepRow
from models.enums import GatheringState, PartStat, StepState
from traject import access, outbox, proposals
from traject.dossier import row_id
from traject.effects import Effects
from traject.invitation_mail import InvitationMail
from traject.programme import Step
from traject.significance import Significance, changed, significance, told
from traject.waiting import Standing, standing


class Gatherings:
    """What happens to the gatherings of one trajectory, in the session's transaction."""

    def __init__(self, effects: Effects) -> None:
        self.effects = effects
        self.session: Session = effects.session
        self.dossier = effects.dossier
        self.now = effects.now
        self.mail = InvitationMail(effects)

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
            (
                self._new_invitation(
                    gathering, person, is_required=self._must_come(step, person, step.capacity)
                ),
                person,
            )
            for _, person in people
        ]
        self.session.add_all(invitation for invitation, _ in invited)
        self.session.flush()
        self.dossier.invitations[row_id(gathering)] = invited
        with self.effects.together():
            for invitation, person in invited:
                self.mail.request(gathering, invitation, person)

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
        known = self.invitation(gathering, person)
        if known is not None and not known.is_cancelled:
            return
        if is_required is None:
            is_required = self._must_come(self._step(gathering), person, gathering.capacity)
        if known is None:
            known = self._new_invitation(gathering, person, is_required=is_required, step_id=step_id)
            self.session.add(known)
            self.session.flush()
            self.dossier.invitations[row_id(gathering)].append((known, person))
        else:
            # A client that has seen the CANCEL ignores anything that is not newer.
            gathering.sequence = max(gathering.sequence, known.sequence + 1)
            known.sequence, known.is_cancelled = gathering.sequence, False
            known.is_required, known.step_id = is_required, step_id
            self._ask_again(known)
            self._withdraw_all(known, "de uitnodiging geldt weer")
        has_it = row_id(known) in self.mail.last_told(gathering)
        self.mail.request(gathering, known, person, is_update=has_it)

    def change(self, gathering: Gathering, **to: Any) -> Significance:
        """Give a gathering another time, place, title or description (the fields of `Told`); tell who was invited.

        A new time or place asks everybody again; other words leave the answers as they are; no change sends nothing.
        """
        before = told(gathering)
        after = replace(before, **to)
        meaning = significance(before, after)
        if meaning is Significance.NOTHING:
            return meaning
        last_told = self.mail.last_told(gathering)
        for name in changed(before, after):
            setattr(gathering, name, getattr(after, name))
        self._new_version(gathering, meaning)
        moved = (before.starts_at, before.ends_at) != (after.starts_at, after.ends_at)
        name = "gathering.moved" if moved else "gathering.changed"
        self.effects.event(
            name, gathering=gathering.id, sequence=gathering.sequence, what=sorted(changed(before, after))
        )
        if moved:
            self._remind_again(gathering)
        reason = "de bijeenkomst is verplaatst" if moved else "de bijeenkomst is gewijzigd"
        for invitation, person in self.invited(gathering):
            last = last_told.get(row_id(invitation))
            knew = before
            if last is not None and last.sequence != invitation.sequence:  # a change that did not leave yet
                knew = self.mail.knew(last, gathering) or before
            if meaning is Significance.NEW:
                invitation.sequence = gathering.sequence
                self._ask_again(invitation)
            self._withdraw_all(invitation, reason)
            if last is None:
                self.mail.request(gathering, invitation, person)
            else:
                self.mail.request(gathering, invitation, person, before=knew, is_update=True)
        return meaning

    def cancel(self, gathering: Gathering, reason: str = "") -> None:
        """Cancel a gathering: a real CANCEL to everybody who was invited."""
        if gathering.state is not GatheringState.FIXED:
            return
        before, last_told = told(gathering), self.mail.last_told(gathering)
        gathering.state = GatheringState.CANCELLED
        self._new_version(gathering, significance(before, told(gathering)))
        self.effects.event("gathering.cancelled", gathering=gathering.id, sequence=gathering.sequence)
        for invitation, person in self.invited(gathering):
            has_it = row_id(invitation) in last_told
            self._uninvite(gathering, invitation, person, reason=reason, has_it=has_it, goes_on=False)

    def uninvite(self, gathering: Gathering, person: Person, reason: str = "") -> None:
        """Take one person off a gathering that goes on: a CANCEL to that person alone."""
        invitation = self.invitation(gathering, person)
        if invitation is None or invitation.is_cancelled or gathering.state is not GatheringState.FIXED:
            return
        gathering.sequence += 1
        self.effects.event("invitation.cancelled", gathering=gathering.id, invitation=invitation.id)
        has_it = row_id(invitation) in self.mail.last_told(gathering)
        self._uninvite(gathering, invitation, person, reason=reason, has_it=has_it, goes_on=True)

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
        for invitation, person in self.invited(gathering) if gathering else []:
            waits = standing(invitation) in (Standing.WAITING, Standing.OFFERED)
            if gathering and invitation.partstat is not PartStat.DECLINED and not waits:
                reminded += 1
                self.mail.remind(gathering, invitation, person, row)
        row.state = StepState.DONE if reminded else StepState.WITHDRAWN
        row.acted_at = row.done_at = self.now
        row.note = "" if reminded else "niemand hoeft te worden herinnerd"
        self.effects.event("step.reminded", step=row.key, cycle=row.cycle, people=reminded)

    def require_by_role(self, gathering: Gathering) -> None:
        """From now on there are only so many places: say who has one in any case."""
        required = self.dossier.required(self._step(gathering))
        for invitation, person in self.invited(gathering):
            invitation.is_required = invitation.step_id is None and row_id(person) in required

    def invitation(self, gathering: Gathering, person: Person) -> Invitation | None:
        """The invitation of one person, also when it was cancelled."""
        return next(
            (i for i, p in self.dossier.invitations[row_id(gathering)] if p.id == person.id),
            None,
        )

    def invited(self, gathering: Gathering) -> list[tuple[Invitation, Person]]:
        """Everybody whose invitation holds."""
        return [pair for pair in self.dossier.invitations[row_id(gathering)] if not pair[0].is_cancelled]

    # Inside

    def _step(self, gathering: Gathering) -> Step:
        return self.dossier.programme.step(self._row(gathering).key)

    def _row(self, gathering: Gathering) -> StepRow:
        return next(row for row in self.dossier.steps.values() if row.id == gathering.step_id)

    def _must_come(self, step: Step, person: Person, capacity: int | None) -> bool:
        """Whether the programme requires this person, by any of the roles that the step asks."""
        return capacity is None or row_id(person) in self.dossier.required(step)

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

    def _new_version(self, gathering: Gathering, meaning: Significance) -> None:
        gathering.changed_at = self.mail.next_stamp(gathering)
        gathering.revision += 1
        if meaning is Significance.NEW:
            gathering.sequence += 1

    def _remind_again(self, gathering: Gathering) -> None:
        """A reminder of the old date says nothing of the new one; the update itself counts as the invitation."""
        row = self._row(gathering)
        row.acted_at = self.now
        for (key, cycle), child in self.dossier.steps.items():
            ended = child.state in (StepState.DONE, StepState.WITHDRAWN, StepState.MISSED)
            if ended and cycle == row.cycle and key.startswith(f"{row.key}/"):
                child.state, child.note = StepState.PLANNED, ""
                child.acted_at = child.done_at = None

    def _ask_again(self, invitation: Invitation) -> None:
        """An answer to what is no longer so does not count, nor does a place on the waiting list or a proposal."""
        invitation.partstat, invitation.answered_at, invitation.comment = PartStat.NEEDS_ACTION, None, ""
        invitation.answer_sequence = invitation.answer_dtstamp = None
        invitation.waiting_since = invitation.offered_until = invitation.nudge_wanted_at = None
        proposals.settle(self.session, invitation, now=self.now)

    def _withdraw_all(self, invitation: Invitation, reason: str) -> None:
        """An older invitation that was not sent yet must not arrive after a newer one."""
        outbox.withdraw(self.session, reason=reason, invitation_id=row_id(invitation), reminders_only=False)

    def _uninvite(
        self,
        gathering: Gathering,
        invitation: Invitation,
        person: Person,
        *,
        reason: str,
        has_it: bool,
        goes_on: bool,
    ) -> None:
        """Who never got the invitation needs no cancellation."""
        self._withdraw_all(invitation, "de uitnodiging is ingetrokken")
        proposals.settle(self.session, invitation, now=self.now)
        invitation.is_cancelled, invitation.sequence = True, gathering.sequence
        if goes_on:  # else the link stays, to say that the gathering does not go on
            access.revoke(self.session, now=self.now, invitation_id=row_id(invitation))
        if has_it:
            self.mail.cancel(gathering, invitation, person, reason=reason, goes_on=goes_on)
