"""Which answer to an invitation counts: from the calendar or from the web, the latest one.

Every answer has a place in one order: the SEQUENCE it answers, then when it was given (RFC 5546 §2.1.5), and of two
answers in one second the one that promises less. So the same answers in any order end in the same state.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session

from models import Event, Gathering, Invitation
from models.enums import GatheringState, PartStat
from traject.outbox import withdraw

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
    current = current_sequence(gathering, invitation)
    if answer.sequence < current:
        return Judged.STALE
    given_at = answer.given_at
    if invitation.answer_dtstamp is not None and invitation.answered_at is not None:
        if answer.via == "web" and answer.received_at > invitation.answered_at:
            # A press on the page comes after all that was here before, also after an answer whose clock was ahead.
            given_at = max(given_at, invitation.answer_dtstamp + timedelta.resolution)
        recorded = (invitation.answer_sequence or 0, invitation.answer_dtstamp, _caution(invitation.partstat))
        this = (current, given_at, _caution(answer.partstat))
        if this < recorded:
            return Judged.STALE
        if this == recorded:
            return Judged.UNCHANGED
    before = (invitation.partstat, invitation.comment)
    invitation.partstat = answer.partstat
    invitation.comment = answer.comment
    invitation.answer_sequence = current  # a calendar that counts further than we sent outranks nobody
    invitation.answer_dtstamp = given_at
    invitation.answered_at = answer.received_at
    session.add(invitation)
    if before == (answer.partstat, answer.comment):
        return Judged.UNCHANGED
    withdraw(session, reason="er is geantwoord", invitation_id=invitation.id)
    if before[0] is answer.partstat:  # only the comment is new: no second fact
        return Judged.COUNTED
    session.add(
        Event(
            at=now,
            name=EVENT_NAMES[answer.partstat],
            trajectory_id=gathering.trajectory_id,
            actor="participant",
            details={
                "invitation": invitation.id,
                "gathering": gathering.id,
                "sequence": current,
                "via": answer.via,
            },
        )
    )
    return Judged.COUNTED


def _caution(partstat: PartStat) -> int:
    return _CAUTION.index(partstat)
