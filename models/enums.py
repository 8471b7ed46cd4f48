"""The states and kinds that rows can have, and the moves between states that are allowed."""

from enum import StrEnum


class TrajectoryKind(StrEnum):
    """Who a trajectory is for."""

    SCHOOL = "school"
    GROUP = "group"


class OrganisationKind(StrEnum):
    """What an organisation is."""

    SCHOOL = "school"
    PARTNER = "partner"
    HART = "hart"
    OTHER = "other"


class StepKind(StrEnum):
    """The four kinds of thing that can be owed."""

    MAIL = "mail"
    GATHERING = "gathering"
    EVALUATION = "evaluation"
    TASK = "task"


class CatchUp(StrEnum):
    """What happens to a step whose moment passed unseen."""

    FIRE_LATE = "fire_late"
    COALESCE = "coalesce"
    SKIP_AFTER = "skip_after"


class Certainty(StrEnum):
    """How sure a planned date is, from sure to unsure."""

    FIXED = "fixed"
    EXPECTED = "expected"  # its anchor has not happened yet
    ESTIMATED = "estimated"  # the holidays of that school year are not published yet


class TrajectoryState(StrEnum):
    """The life of a trajectory."""

    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class StageState(StrEnum):
    """The life of a stage."""

    PLANNED = "planned"
    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class StepState(StrEnum):
    """The life of a step."""

    PLANNED = "planned"
    OPEN = "open"  # asked, invited or assigned; waits for people
    DONE = "done"
    SKIPPED = "skipped"  # by staff, or because its condition does not hold
    MISSED = "missed"  # its moment passed and the catch-up policy says: do not send late
    WITHDRAWN = "withdrawn"  # its reason disappeared
    CANCELLED = "cancelled"


class GatheringState(StrEnum):
    """The life of a gathering."""

    PROPOSED = "proposed"
    FIXED = "fixed"
    HELD = "held"
    CANCELLED = "cancelled"


class PartStat(StrEnum):
    """RFC 5545 §3.2.12."""

    NEEDS_ACTION = "NEEDS-ACTION"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    TENTATIVE = "TENTATIVE"
    DELEGATED = "DELEGATED"


class RoundState(StrEnum):
    """The life of an evaluation round."""

    OPEN = "open"
    CLOSED = "closed"


class RequestState(StrEnum):
    """The life of one person's evaluation request."""

    ASKED = "asked"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class TaskState(StrEnum):
    """The life of a task for staff."""

    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


class MessageState(StrEnum):
    """The life of a message in the outbox."""

    QUEUED = "queued"
    HELD = "held"
    ATTEMPTING = "attempting"
    ACCEPTED = "accepted"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    WITHHELD = (
        "withheld"  # never written, with the reason: no news wanted, or a reminder to an address that bounced
    )


class MessageKind(StrEnum):
    """What a message is; the name of its folder under templates/emails/<language>/."""

    WELCOME = "welcome"
    STAGE_OPENED = "stage-opened"
    REMINDER = "reminder"
    NOTICE = "notice"
    TASK = "task"
    INVITATION = "invitation"
    INVITATION_UPDATE = "invitation-update"
    CANCELLATION = "cancellation"
    GATHERING_REMINDER = "gathering-reminder"
    NUDGE = "nudge"  # one mail about all gatherings that somebody has not answered
    WAITING_LIST = "waiting-list"  # on the list, off it, or a place after all
    PLACE_OFFERED = "place-offered"
    DECLINE_COUNTER = "decline-counter"  # another time was proposed, and the moment stays
    THANKS = "thanks"  # to who was at a gathering, with the materials and the certificate
    EVALUATION_REQUEST = "evaluation-request"
    EVALUATION_REMINDER = "evaluation-reminder"
    DIGEST = "digest"  # one mail instead of several small ones to one person
    MAILBOX = "mailbox"  # to staff: answers cannot be read


class FeedKind(StrEnum):
    """Whose gatherings a feed shows."""

    PERSON = "person"
    TRAJECTORY = "trajectory"
    STAFF = "staff"  # all of them


class InboxKind(StrEnum):
    """What arrived."""

    MAIL = "mail"
    INVITATION_ANSWER = "invitation-answer"
    EVALUATION_ANSWER = "evaluation-answer"


class InboxState(StrEnum):
    """How far an arrival was taken."""

    STORED = "stored"
    APPLIED = "applied"
    IGNORED = "ignored"
    QUARANTINED = "quarantined"


class AddressState(StrEnum):
    """Whether mail to a person arrives."""

    OK = "ok"
    BOUNCED = "bounced"


STAGE_MOVES: dict[StageState, frozenset[StageState]] = {
    StageState.PLANNED: frozenset({StageState.OPEN, StageState.CANCELLED}),
    StageState.OPEN: frozenset({StageState.CLOSED, StageState.CANCELLED}),
    StageState.CLOSED: frozenset({StageState.OPEN}),  # staff may reopen
    StageState.CANCELLED: frozenset(),
}

TRAJECTORY_MOVES: dict[TrajectoryState, frozenset[TrajectoryState]] = {
    TrajectoryState.RUNNING: frozenset(
        {TrajectoryState.PAUSED, TrajectoryState.FINISHED, TrajectoryState.CANCELLED}
    ),
    TrajectoryState.PAUSED: frozenset({TrajectoryState.RUNNING, TrajectoryState.CANCELLED}),
    TrajectoryState.FINISHED: frozenset({TrajectoryState.RUNNING}),  # a stage is reopened
    TrajectoryState.CANCELLED: frozenset(),
}

OPEN_STEPS = frozenset({StepState.PLANNED, StepState.OPEN})
"""States in which a step still owes something."""
