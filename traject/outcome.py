"""What became of one thing that arrived, and which of it a person must still look at."""

from dataclasses import asdict, dataclass
from typing import Any

from models import Arrival
from models.enums import InboxState
from traject.inbox_words import why_in

STATES: dict[str, InboxState] = {
    "counted": InboxState.APPLIED,  # it is a fact now
    "recorded": InboxState.APPLIED,  # a bounce
    "stale": InboxState.IGNORED,  # to an earlier date, or a later answer was there
    "too-late": InboxState.IGNORED,  # the gathering had started
    "cancelled": InboxState.IGNORED,
    "closed": InboxState.IGNORED,  # the evaluation round was
    "withdrawn": InboxState.IGNORED,  # this person is no longer asked
    "ignored": InboxState.IGNORED,  # no answer at all
    "proposal": InboxState.QUARANTINED,  # another time is asked for
    "quarantined": InboxState.QUARANTINED,  # a person must look
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one arrival. `outcome` is a key of STATES, or `stored` while it waits."""

    kind: str
    """invitation-answer, evaluation-answer; reply, counter, refresh, forwarded, request; bounce, delivery-report,
    complaint, auto-reply, unsubscribe or mail."""
    outcome: str
    why: str = ""
    uid: str | None = None
    attendee: str | None = None
    partstat: str | None = None
    sequence: int | None = None
    comment: str | None = None
    bounce: dict[str, Any] | None = None
    """Of a bounce: `address`, `hard`, `status` and `reason`."""
    sender: str | None = None
    """Of a mail: the address in its From, in lower case."""
    subject: str | None = None

    @property
    def state(self) -> InboxState:
        """How far the arrival was taken."""
        return STATES.get(self.outcome, InboxState.STORED)

    def details(self) -> dict[str, Any]:
        """What a mail was found to say, for the arrival's payload."""
        return {key: value for key, value in asdict(self).items() if key not in ("outcome", "why")}


def recorded(arrival: Arrival) -> Outcome:
    """The outcome as the arrival keeps it."""
    keys = ("uid", "attendee", "partstat", "sequence", "comment", "bounce", "sender", "subject")
    found = {key: arrival.payload.get(key) for key in keys}
    return Outcome(
        kind=arrival.payload.get("kind") or arrival.kind.value,
        outcome=arrival.outcome or "stored",
        why=arrival.why,
        **found,
    )


_KINDS = frozenset({"reply", "counter", "refresh", "bounce", "auto-reply", "unsubscribe"})
_PUBLIC: dict[str, str] = {"forwarded": "reply", "too-late": "stale", "cancelled": "stale"}


def public(outcome: Outcome, language: str = "nl") -> dict[str, Any]:
    """What became of a mail in the words of the interface; `why` in the language that was asked for.

    `kind` is reply, counter, refresh, bounce, auto-reply, unsubscribe or unknown; `outcome` is counted, stale,
    quarantined, proposal, ignored or recorded. The finer names stay within.
    """
    kind = _PUBLIC.get(outcome.kind, outcome.kind)
    return {
        "kind": kind if kind in _KINDS else "unknown",
        "outcome": _PUBLIC.get(outcome.outcome, outcome.outcome),
        "uid": outcome.uid,
        "attendee": outcome.attendee,
        "partstat": outcome.partstat,
        "sequence": outcome.sequence,
        "comment": outcome.comment,
        "bounce": outcome.bounce,
        "why": why_in(outcome.why, language),
    }
