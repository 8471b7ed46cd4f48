"""Whether plan, rows and outbox agree. Reads only; every finding says what does not agree and what mends it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from calendars.school_year import SchoolYear
from models import EvaluationRequest, Event, Gathering, Invitation, Message, StepRow, Trajectory
from models.enums import (
    GatheringState,
    MessageState,
    RequestState,
    StepKind,
    StepState,
    TrajectoryState,
)
from traject.dossier import load
from traject.plan import PlannedStep
from traject.programme import Text
from traject.replan import foresee
from traject.settings import Settings
from traject.store import Store

LATE = timedelta(hours=26)
"""A nightly check finds what was due longer ago than this."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not agree. `sentence` holds no names of people."""

    code: str
    trajectory: str  # its reference; empty when it is about no single one
    sentence: Text


def latest_known(store: Store, now: datetime) -> datetime:
    """The latest instant that the database knows: after a future that was pretended, or a clock that was ahead, not now.

    A plan made then knows what has happened by then, so it is compared with the plan of that instant.
    """
    with store.read() as session:
        written = session.exec(select(func.max(col(Event.at)))).one()
    return max(now, written) if written else now


def reconcile(store: Store, settings: Settings, now: datetime) -> list[Finding]:
    """Compare plan, rows and outbox of every running trajectory. An empty list: they agree."""
    as_of = latest_known(store, now)
    with store.read() as session:
        findings = [*_outbox(session, now), *_effects(session), *_waking(session, now)]
        running = session.exec(select(Trajectory.id).where(Trajectory.state == TrajectoryState.RUNNING)).all()
    for trajectory_id in running:
        with store.read() as session:
            findings += _plan(session, trajectory_id or 0, settings, as_of)
    return findings


def _plan(session: Session, trajectory_id: int, settings: Settings, now: datetime) -> Iterator[Finding]:
    dossier = load(session, trajectory_id, settings, now)
    reference, due = dossier.trajectory.reference, dossier.trajectory.next_due_at
    if dossier.trajectory.state is not TrajectoryState.RUNNING or (due is not None and due <= now):
        return  # it is about to be planned again
    # An earlier date can come free by what others do. That wakes nobody, and the date that was proposed is not wrong.
    changes = foresee(dossier, replace(dossier.facts(now), longest_kept=timedelta.max))
    for change in changes.steps:
        one = change.after or change.before
        if isinstance(one, PlannedStep) and _differs(change.before, change.after):
            named = f"{one.key} {one.cycle}".strip()
            yield Finding(
                "plan",
                reference,
                Text(
                    f"stap {named} staat anders in de database dan in het plan; "
                    f"`traject run-once` plant opnieuw, `traject status {reference}` toont het verschil",
                    f"step {named} stands otherwise in the database than in the plan; "
                    f"`traject run-once` plans again, `traject status {reference}` shows the difference",
                ),
            )
    local = now.astimezone(settings.zone).date()
    this_year = str(SchoolYear.of(local))
    for step in dossier.programme.steps:
        planned = any(s.key == step.key and s.cycle == this_year for s in dossier.steps.values())
        if step.kind is StepKind.EVALUATION and step.cycle and step.cycle.every == 1 and not planned:
            expected = any(
                isinstance(change.after, PlannedStep) and change.after.id == (step.key, this_year)
                for change in changes.steps
            )
            if expected:
                yield Finding(
                    "evaluation",
                    reference,
                    Text(
                        f"voor schooljaar {this_year} staat geen evaluatie klaar; `traject run-once` zet haar klaar",
                        f"no evaluation is ready for school year {this_year}; `traject run-once` makes it",
                    ),
                )


def _differs(before: object, after: object) -> bool:
    """Whether the rows owe something else than the plan; a title or a certainty is no matter."""
    if not isinstance(before, PlannedStep) or not isinstance(after, PlannedStep):
        return True
    return (before.due_at, before.starts_at, before.kind) != (after.due_at, after.starts_at, after.kind)


def _waking(session: Session, now: datetime) -> Iterator[Finding]:
    never = select(Trajectory.reference).where(
        Trajectory.state == TrajectoryState.RUNNING,
        col(Trajectory.next_due_at).is_(None),
        col(Trajectory.id).in_(
            select(StepRow.trajectory_id).where(
                StepRow.state == StepState.PLANNED,
                col(StepRow.due_at).is_not(None),
                col(StepRow.on_hold).is_(False),
            )
        ),
    )
    for reference in session.exec(never):
        yield Finding(
            "asleep",
            reference,
            Text(
                "er staan stappen gepland, maar het traject wordt nooit gewekt; een stap vasthouden en vrijgeven wekt het",
                "steps are planned, but the trajectory is never woken; holding a step and releasing it wakes it",
            ),
        )
    late = select(Trajectory.reference).where(
        Trajectory.state == TrajectoryState.RUNNING, col(Trajectory.next_due_at) < now - LATE
    )
    for reference in session.exec(late):
        yield Finding(
            "late",
            reference,
            Text(
                "er had al iets moeten gebeuren; loopt de hartslag? `traject doctor` zegt het",
                "something should have happened by now; does the heartbeat run? `traject doctor` tells",
            ),
        )


def _effects(session: Session) -> Iterator[Finding]:
    """What should have led to a mail and did not."""
    uninvited = (
        select(Trajectory.reference, Gathering.title)
        .join(Gathering, col(Gathering.trajectory_id) == col(Trajectory.id))
        .join(Invitation, col(Invitation.gathering_id) == col(Gathering.id))
        .outerjoin(Message, col(Message.invitation_id) == col(Invitation.id))
        .where(
            Gathering.state == GatheringState.FIXED,
            col(Invitation.is_cancelled).is_(False),
            col(Invitation.attended).is_(None),  # who came unasked was never invited
            col(Message.id).is_(None),
        )
        .distinct()
    )
    for reference, title in session.exec(uninvited):
        yield Finding(
            "invitation",
            reference,
            Text(
                f"voor ‘{title}’ is iemand uitgenodigd zonder dat er een mail klaarstaat; verplaats de bijeenkomst, dan krijgt iedereen opnieuw bericht",
                f"somebody is invited to '{title}' and no mail is ready; move the gathering, then everybody is told again",
            ),
        )
    unasked = (
        select(func.count())
        .select_from(EvaluationRequest)
        .outerjoin(Message, col(Message.request_id) == col(EvaluationRequest.id))
        .where(EvaluationRequest.state == RequestState.ASKED, col(Message.id).is_(None))
    )
    if count := session.exec(unasked).one():
        yield Finding(
            "request",
            "",
            Text(
                f"{count} evaluatieverzoeken zijn gedaan zonder dat er een mail klaarstaat; vraag deze mensen zelf om hun antwoord, en meld het aan de beheerder",
                f"{count} evaluation requests were made and no mail is ready; ask these people yourself for their answers, and tell whoever manages Traject",
            ),
        )
    doubled = (
        select(Message.invitation_id)
        .where(
            col(Message.sequence).is_not(None),
            col(Message.is_reminder).is_(False),
            Message.state == MessageState.ACCEPTED,
        )
        .group_by(col(Message.invitation_id), col(Message.sequence), col(Message.kind))
        .having(func.count() > 1)
    )
    for invitation in session.exec(doubled):
        yield Finding(
            "double",
            "",
            Text(
                f"uitnodiging {invitation} is twee keer verstuurd met hetzelfde SEQUENCE; agenda’s nemen de tweede voor de eerste, er is niets te doen dan het te melden",
                f"invitation {invitation} was sent twice with the same SEQUENCE; calendars take the second for the first, nothing can be done but to report it",
            ),
        )


def _outbox(session: Session, now: datetime) -> Iterator[Finding]:
    waiting = select(func.count()).where(
        Message.state == MessageState.QUEUED, Message.attempts == 0, col(Message.next_attempt_at) < now - LATE
    )
    if count := session.exec(waiting).one():
        yield Finding(
            "outbox",
            "",
            Text(
                f"{count} mails wachten langer dan een dag; `traject doctor` kijkt naar de mailserver",
                f"{count} mails wait longer than a day; `traject doctor` looks at the mail server",
            ),
        )
    stuck = select(func.count()).where(
        Message.state == MessageState.ATTEMPTING, col(Message.next_attempt_at) < now - LATE
    )
    if count := session.exec(stuck).one():
        yield Finding(
            "stuck",
            "",
            Text(
                f"{count} mails zijn half verstuurd blijven liggen; `traject run-once` gaat ermee verder",
                f"{count} mails were left half sent; `traject run-once` goes on with them",
            ),
        )
