"""Which answer to an invitation counts: from the calendar or from the web, the latest one.

Every answer has a place in one order: the SEQUENCE it answers, then when it was given (RFC 5546 §2.1.5), and of two
answers in one second the one that promises less. So the same answers in any order end in the same state.

A yes to a gathering that is full puts somebody on the waiting list. What they are then told of their place has a higher
SEQUENCE, but asks nothing new: an answer to an older one still counts. Only a yes to an offered place must be to the offer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session, select

from models import Event, Gathering, Invitation
from models.enums import GatheringState, PartStat
from traject.outbox import withdraw_reminders
from traject.waiting import Standing, has_place_for_newcomer, standing, taken

EVENT_NAMES: dict[PartStat, str] = {
    PartStat.ACCEPTED: "invitation.accepted",
    PartStat.DECLINED: "invitation.declined",
    PartStat.TENTATIVE: "invitation.tentative",
}


_CAUTION = (PartStat.NEEDS_ACTION, PartStat.ACCEPTED, PartStat.TENTATIVE, PartStat.DECLINED)
"""From the answer that promises most to the one that promises least; DELEGATED is never recorded."""


class Judged(StrEnum):
    """What became of one answer."""

    COUNTED = "counted"
    UNCHANGED = "unchanged"  # the same as what is recorded
    STALE = "stale"  # to an earlier date, or a later answer is recorded already
    TOO_LATE = "too-late"  # the gathering had started
    CANCELLED = "cancelled"  # the gathering or this invitation was cancelled


@dataclass(frozen=True)
class Answer:
    """One answer to one invitation."""

    partstat: PartStat  # a key of EVENT_NAMES
    comment: str
    sequence: int
    """The SEQUENCE of the invitation that it answers."""
    given_at: datetime
    """When the person answered, as they or their calendar say (DTSTAMP)."""
    received_at: datetime
    via: str  # web, mail


def current_sequence(gathering: Gathering, invitation: Invitation) -> int:
    """The SEQUENCE an answer given now belongs to: the one last sent to this person.

    The gathering's own may be ahead: uninviting somebody else raises it, and makes no other answer stale.
    """
    del gathering
    return invitation.sequence


def oldest_sequence(invitation: Invitation) -> int:
    """The oldest SEQUENCE that an answer may name: of the last mail that asked whether this person comes."""
    return invitation.sequence if invitation.answer_sequence is None else invitation.answer_sequence


def can_answer(gathering: Gathering, invitation: Invitation, at: datetime) -> Judged | None:
    """Why this invitation cannot be answered at `at`; None: it can."""
    if gathering.state is GatheringState.CANCELLED or invitation.is_cancelled:
        return Judged.CANCELLED
    if gathering.starts_at <= at or gathering.state is GatheringState.HELD:
        return Judged.TOO_LATE
    return None


def record_answer(
    session: Session, gathering: Gathering, invitation: Invitation, answer: Answer, *, now: datetime
) -> Judged:
    """Make an answer the invitation's state when it is the latest, with its event, and withdraw what would remind.

    Anything but COUNTED leaves the state, the history and the outbox as they are.
    """
    refused = can_answer(gathering, invitation, min(answer.given_at, answer.received_at))
    if refused:
        return refused
    # A calendar that counts further than we sent outranks nobody.
    sequence = min(answer.sequence, invitation.sequence)
    says_yes = answer.partstat is PartStat.ACCEPTED
    asked = invitation.sequence if says_yes and invitation.offered_until else oldest_sequence(invitation)
    if sequence < asked:
        return Judged.STALE
    given_at = answer.given_at
    if invitation.answer_dtstamp is not None and invitation.answered_at is not None:
        if answer.via == "web" and answer.received_at > invitation.answered_at:
            # A press on the page comes after all that was here before, also after an answer whose clock was ahead.
            given_at = max(given_at, invitation.answer_dtstamp + timedelta.resolution)
        recorded = (invitation.answer_sequence or 0, invitation.answer_dtstamp, _caution(invitation.partstat))
        this = (sequence, given_at, _caution(answer.partstat))
        if this < recorded:
            return Judged.STALE
        if this == recorded:
            return Judged.UNCHANGED
    before = (invitation.partstat, invitation.comment)
    stood = standing(invitation)
    invitation.partstat = answer.partstat
    invitation.comment = answer.comment
    invitation.answer_sequence = sequence
    invitation.answer_dtstamp = given_at
    invitation.answered_at = answer.received_at
    invitation.nudge_wanted_at = None
    _give_place(session, gathering, invitation, stood, answer.received_at)
    session.add(invitation)
    if before == (answer.partstat, answer.comment):
        return Judged.UNCHANGED
    withdraw_reminders(session, invitation.id or 0, reason="er is geantwoord")
    if before[0] is answer.partstat:  # only the comment is new: no second fact
        return Judged.COUNTED
    ids = {"invitation": invitation.id, "gathering": gathering.id}
    names = [EVENT_NAMES[answer.partstat]]
    if standing(invitation) is Standing.WAITING:
        names.append("place.waited-for")
    elif stood is Standing.OFFERED and says_yes:
        names.append("place.taken")
    elif stood in (Standing.OFFERED, Standing.WAITING):
        names.append("place.declined")
    session.add_all(
        Event(
            at=now,
            name=name,
            trajectory_id=gathering.trajectory_id,
            actor="participant",
            details={**ids, "sequence": sequence, "via": answer.via},
        )
        for name in names
    )
    return Judged.COUNTED


def _give_place(
    session: Session, gathering: Gathering, invitation: Invitation, stood: Standing, at: datetime
) -> None:
    """Say whether this person's yes has a place. The trajectory is locked, so nobody takes the same place meanwhile."""
    if invitation.partstat is not PartStat.ACCEPTED:
        invitation.waiting_since = invitation.offered_until = None
        return
    if gathering.capacity is None or invitation.is_required or stood in (Standing.PLACE, Standing.WAITING):
        return
    query = select(Invitation).where(Invitation.gathering_id == gathering.id, Invitation.id != invitation.id)
    others = session.exec(query.execution_options(populate_existing=True)).all()
    if stood is Standing.OFFERED:
        invitation.offered_until = None
        if taken(others) < gathering.capacity:
            invitation.waiting_since = None
    elif not has_place_for_newcomer(gathering, others, at):
        invitation.waiting_since = at


def _caution(partstat: PartStat) -> int:
    return _CAUTION.index(partstat)
