"""Whether a reply counts as the answer to an invitation, and which of several replies does."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from calendars.reply import NotAReply, NotAReplyKind, Reply
from models.enums import PartStat

WRONG_CLOCK = timedelta(days=1)  # a DTSTAMP further ahead of its arrival than this is not believed

# Of two answers in the same second, the one that promises less.
_CAUTION = (PartStat.ACCEPTED, PartStat.TENTATIVE, PartStat.DECLINED)

_DUTCH: dict[str, str] = {
    PartStat.ACCEPTED: "ik kom",
    PartStat.DECLINED: "ik kom niet",
    PartStat.TENTATIVE: "misschien",
}


class Outcome(StrEnum):
    """What happens with an incoming mail."""

    COUNTED = "counted"
    STALE = "stale"  # shown, not counted
    QUARANTINED = "quarantined"  # a person must look
    PROPOSAL = "proposal"  # asks for another time; staff decide
    RECORDED = "recorded"  # asks for something that staff do
    IGNORED = "ignored"  # no answer at all


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens, and why in one Dutch sentence, as staff read it."""

    outcome: Outcome
    why: str


@dataclass(frozen=True, slots=True)
class KnownInvitation:
    """What must be known of an invitation to judge a reply to it.

    `tag` is this receiver's own in the address that answers come to. `aliases` are other addresses of the person,
    `linked` those that staff linked: they are only as good as the From. `last_*` tell the answer that counts now, None as long as there is none.
    """

    uid: str
    sequence: int
    attendee_email: str
    tag: str | None = None
    aliases: frozenset[str] = frozenset()
    linked: frozenset[str] = frozenset()
    last_sequence: int | None = None
    last_dtstamp: datetime | None = None
    last_partstat: PartStat | None = None


def judge(found: Reply | NotAReply, invitation: KnownInvitation | None, *, received_at: datetime) -> Verdict:
    """Return what to do with a mail, given the invitation with its UID and receiver (None: there is none).

    `received_at` (aware) stands in for a missing DTSTAMP. The order of rules is that of danger: first whose answer
    it is, then whether it is one, then whether it is the latest.
    """
    if isinstance(found, NotAReply):
        needs_a_person = found.kind in (NotAReplyKind.FORWARDED, NotAReplyKind.BROKEN)
        return Verdict(Outcome.QUARANTINED if needs_a_person else Outcome.IGNORED, found.why)
    if invitation is None or found.uid.lower() != invitation.uid.lower():  # some gateways write capitals
        return Verdict(Outcome.QUARANTINED, "geen uitnodiging van ons heeft deze UID")
    if doubt := _doubt(found, invitation):
        return Verdict(Outcome.QUARANTINED, doubt)
    if found.method == "REFRESH":
        return Verdict(Outcome.RECORDED, "de genodigde vraagt de uitnodiging opnieuw")
    if found.sequence < invitation.sequence:
        why = f"het antwoord is op versie {found.sequence} van de uitnodiging, die nu versie {invitation.sequence} heeft"
        return Verdict(Outcome.STALE, why)
    if found.is_proposal:
        return Verdict(Outcome.PROPOSAL, "de genodigde stelt een ander moment voor")
    if found.partstat is PartStat.DELEGATED:
        return Verdict(
            Outcome.QUARANTINED, f"de genodigde stuurt iemand anders: {found.delegated_to or 'onbekend'}"
        )
    if found.partstat in (None, PartStat.NEEDS_ACTION):
        return Verdict(Outcome.IGNORED, "er staat geen antwoord in")
    if invitation.last_sequence is not None and invitation.last_dtstamp is not None:
        last = invitation.last_sequence, invitation.last_dtstamp, _caution(invitation.last_partstat)
        this = found.sequence, answered_at(found, received_at), _caution(found.partstat)
        if this == last:
            return Verdict(Outcome.IGNORED, "hetzelfde antwoord was er al")
        if this < last:
            return Verdict(Outcome.STALE, "er was al een later antwoord")
    return Verdict(
        Outcome.COUNTED, f"de genodigde antwoordde: {_DUTCH.get(found.partstat or '', found.partstat)}"
    )


def counted(reply: Reply, invitation: KnownInvitation, *, received_at: datetime) -> KnownInvitation:
    """Return the invitation with this reply, judged `counted`, as its answer."""
    return replace(
        invitation,
        last_sequence=reply.sequence,
        last_dtstamp=answered_at(reply, received_at),
        last_partstat=reply.partstat,
    )


def answered_at(reply: Reply, received_at: datetime) -> datetime:
    """Return when the answer was given: its DTSTAMP, or its arrival when it has none that can be believed."""
    if reply.dtstamp is None or reply.dtstamp > received_at + WRONG_CLOCK:
        return received_at
    return reply.dtstamp


def _doubt(reply: Reply, invitation: KnownInvitation) -> str | None:
    """Return why a person must say whose answer it is, or None when it is the receiver's own."""
    if reply.recurrence_id is not None:
        return "het antwoord is op één datum van een reeks, en de uitnodiging is voor één bijeenkomst"
    if reply.attendee is None:
        return "er staat niet in wie antwoordt"
    own = {address.lower() for address in (invitation.attendee_email, *invitation.aliases)}
    invited = own | invitation.linked
    if reply.attendee not in invited:
        return f"wie antwoordt is niet op dat adres uitgenodigd: {reply.attendee}"
    has_tag = invitation.tag is not None and reply.tagged_to == invitation.tag.lower()
    if invitation.tag is not None and reply.tagged_to is not None and not has_tag:
        return "het kwam op het antwoordadres van iemand anders"
    if reply.from_address not in invited and not (
        has_tag and reply.sent_by == reply.from_address is not None
    ):
        return f"de mail komt van iemand anders dan wie antwoordt: {reply.from_address or 'onbekend'}"
    if reply.looks_forged and reply.from_address not in own:
        return f"het adres van de afzender lijkt vervalst: {reply.from_address or 'onbekend'}"
    if reply.looks_forged and not has_tag:
        return "het adres van de afzender lijkt vervalst, en de mail kwam niet op het eigen antwoordadres"
    return None


def _caution(partstat: PartStat | None) -> int:
    return _CAUTION.index(partstat) if partstat in _CAUTION else -1
