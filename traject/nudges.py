"""Asking once more who has not answered: one mail a person, about all gatherings of all trajectories together.

Two steps. A nudge of the plan fires in its own trajectory and only notes whom it would ask (`want`); then one look over
everybody makes the mails (`send`). A note stays until its mail left, so whatever withdraws a mail in between (an answer
to one of its gatherings, a cancellation, a pause) makes the next look write it anew, about what is left.

Nobody gets two nudges on one day, or a nudge and a reminder: a reminder asks the same of its own gathering, and the
others wait for the next morning.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from sqlalchemy import ColumnElement, bindparam, exists, func, or_, update
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from models import Gathering, Invitation, Message, NudgedInvitation, Person, StepRow, Trajectory
from models.columns import Instant
from models.enums import (
    AddressState,
    GatheringState,
    MessageKind,
    MessageState,
    PartStat,
    StepState,
    TrajectoryState,
)
from traject import access, outbox
from traject.dossier import calendars_of, letterhead, row_id
from traject.effects import Effects, Reason
from traject.mail_contexts import ComposeError, NudgeContext, NudgeLine
from traject.mail_words import Dutch
from traject.planner import LEAST_REST
from traject.settings import Settings
from traject.store import Store
from traject.waiting import Standing, standing
from traject.waking import lock_trajectories, wake

log = logging.getLogger(__name__)

_WAITS = (MessageState.QUEUED, MessageState.HELD, MessageState.ATTEMPTING)
_TELLS = (MessageKind.INVITATION, MessageKind.INVITATION_UPDATE, MessageKind.PLACE_OFFERED)
_LATER = timedelta(hours=1)


@dataclass
class NudgeReport:
    """What one look did. `failed`: by trajectory, why no mail could be written; it is tried again in an hour."""

    mails: int = 0
    failed: dict[int, str] = field(default_factory=dict[int, str])


@dataclass(frozen=True, slots=True)
class _Open:
    """One gathering that somebody is to be asked about, and the mail that asks it already."""

    invitation: Invitation
    gathering: Gathering
    trajectory: Trajectory
    mail: Message | None


def is_unanswered(invitation: Invitation) -> bool:
    """Whether this person was asked and never said anything; who proposed another time waits for staff."""
    silent = invitation.partstat is PartStat.NEEDS_ACTION and invitation.answered_at is None
    silent = silent and invitation.proposed_starts_at is None
    return silent and not invitation.is_cancelled and standing(invitation) is Standing.ASKED


# In a trajectory's own transaction


def want(effects: Effects, row: StepRow, of: StepRow) -> None:
    """Fire a nudge: note who is to be asked once more about a gathering."""
    dossier, now = effects.dossier, effects.now
    gathering = dossier.gatherings.get(row_id(of))
    invited = dossier.invitations[row_id(gathering)] if gathering else []
    told_at = _told_at(effects.session, [row_id(invitation) for invitation, _ in invited])
    today = dossier.calendar.to_local(now).date()
    wanted = 0
    for invitation, person in invited:
        told = told_at.get(row_id(invitation))
        rested = told is not None and today - dossier.calendar.to_local(told).date() >= LEAST_REST
        if is_unanswered(invitation) and rested and person.address_state is AddressState.OK:
            invitation.nudge_wanted_at = now
            wanted += 1
    row.state = StepState.DONE if wanted else StepState.WITHDRAWN
    row.acted_at = row.done_at = now
    row.note = "" if wanted else "niemand hoeft te worden gevraagd"
    effects.event("step.nudged", step=row.key, cycle=row.cycle, people=wanted)


def take_back(session: Session, trajectory_id: int, *, reason: str) -> None:
    """Withdraw every nudge that asks about this trajectory; the next look writes anew what others are still asked."""
    for message_id in outbox.nudges_about(session, trajectory_id=trajectory_id):
        _withdraw(session, message_id, reason)


def ask_no_more(session: Session, invitation: Invitation, *, reason: str) -> None:
    """Somebody spoke: a nudge that did not leave yet is taken back, and written anew about the rest."""
    invitation.nudge_wanted_at = None
    for message_id in outbox.nudges_about(session, invitation_id=row_id(invitation)):
        _withdraw(session, message_id, reason)


_TOLD_AT = (  # these are built once, because they are asked for everybody
    columns(col(Message.invitation_id), func.max(col(Message.queued_at)))
    .where(
        col(Message.invitation_id).in_(bindparam("invitations", expanding=True)),
        col(Message.kind).in_(_TELLS),
    )
    .group_by(col(Message.invitation_id))
)


def _told_at(session: Session, invitations: Collection[int]) -> dict[int, datetime]:
    """When each was last invited, or told of another date."""
    told = session.connection().execute(_TOLD_AT, {"invitations": invitations})
    return {invitation: at for invitation, at in told if invitation is not None}


# Over all trajectories


def send(store: Store, settings: Settings, *, now: datetime) -> NudgeReport:
    """Queue one mail for everybody who is to be asked once more. Run after `advance`, before delivery."""
    report = NudgeReport()
    with store.glance() as connection:
        notes = connection.execute(_NOTES, {"now": now}).all()
    if asked := [note for note in notes if note.left]:
        with store.write() as session:
            lock_trajectories(session, {note.trajectory_id for note in asked})
            session.connection().execute(_ASKED, {"now": now, "which": [note.id for note in asked]})
    # Put in order here: asked to, SQLite goes over all invitations by person.
    for person_id in sorted({note.person_id for note in notes if not note.left and not note.waits}):
        try:
            with store.write() as session:
                report.mails += _ask(session, person_id, settings, now)
        except ComposeError as error:
            log.error("nudge cannot be written", extra={"person": person_id}, exc_info=error)
            with store.write() as session:
                for trajectory_id in _set_aside(session, person_id, now):
                    report.failed[trajectory_id] = str(error)
    return report


def _set_aside(session: Session, person_id: int, now: datetime) -> list[int]:
    """Try it again in an hour; gives the trajectories that it is about."""
    query = (
        select(Invitation, Gathering.trajectory_id)
        .join(Gathering, col(Gathering.id) == Invitation.gathering_id)
        .where(Invitation.person_id == person_id, col(Invitation.nudge_wanted_at) <= now)
    )
    found = session.exec(query).all()
    for invitation, _ in found:
        invitation.nudge_wanted_at = now + _LATER
    return [trajectory_id for _, trajectory_id in found]


def _has_mail(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return (
        exists()
        .where(
            col(NudgedInvitation.invitation_id) == col(Invitation.id),
            col(Message.id) == col(NudgedInvitation.message_id),
            *conditions,
        )
        .correlate(Invitation)
    )


_WANTED = col(Invitation.nudge_wanted_at) <= bindparam("now")
_WAITS_TO_GO = _has_mail(col(Message.state).in_(_WAITS))
_LEFT = _has_mail(
    col(Message.queued_at) >= col(Invitation.nudge_wanted_at),
    col(Message.state).not_in(_WAITS),
    or_(col(Message.state) != MessageState.WITHDRAWN, col(Message.attempted_at).is_not(None)),
)
_NOTES = (
    columns(
        col(Invitation.id),
        col(Invitation.person_id),
        col(Gathering.trajectory_id),
        _WAITS_TO_GO.label("waits"),
        _LEFT.label("left"),
    )
    .join(Gathering, col(Gathering.id) == col(Invitation.gathering_id))
    .where(_WANTED)
)
"""Who is to be asked about what, and whether a mail that asks it waits to go out, or left."""

_ASKED = (
    update(Invitation)
    .where(col(Invitation.id).in_(bindparam("which", expanding=True)), _WANTED, _LEFT)
    .values(nudge_wanted_at=None)
)


_MINE = (col(Invitation.person_id) == bindparam("person"), _WANTED)
_ABOUT = (
    columns(col(Gathering.trajectory_id))
    .join(Invitation, col(Invitation.gathering_id) == col(Gathering.id))
    .where(*_MINE)
    .distinct()
)
_OPEN = (
    select(Invitation, Gathering, Trajectory)
    .join(Gathering, col(Gathering.id) == Invitation.gathering_id)
    .join(Trajectory, col(Trajectory.id) == Gathering.trajectory_id)
    .where(*_MINE)
    .order_by(col(Gathering.starts_at), col(Gathering.id))
    .execution_options(populate_existing=True)
)
_MAIL_OF = (
    select(Message)
    .join(NudgedInvitation, col(NudgedInvitation.message_id) == col(Message.id))
    .where(
        col(NudgedInvitation.invitation_id) == bindparam("invitation"),
        col(Message.queued_at) >= bindparam("wanted_at"),
        or_(col(Message.state) != MessageState.WITHDRAWN, col(Message.attempted_at).is_not(None)),
    )
    .order_by(col(Message.id).desc())
    .limit(1)
)
_TODAY = columns(col(Message.kind), col(Message.invitation_id), col(Message.attempted_at)).where(
    col(Message.person_id) == bindparam("person"),
    # One that stands in an overview was not attempted by itself.
    func.coalesce(Message.attempted_at, Message.accepted_at, Message.next_attempt_at, Message.queued_at)
    >= bindparam("midnight", type_=Instant),
    col(Message.kind).in_((MessageKind.GATHERING_REMINDER, MessageKind.NUDGE)),
    or_(
        col(Message.state).in_(_WAITS),
        col(Message.attempted_at).is_not(None),
        col(Message.accepted_at).is_not(None),
    ),
)


def _ask(session: Session, person_id: int, settings: Settings, now: datetime) -> bool:
    mine = {"person": person_id, "now": now}
    lock_trajectories(session, session.connection().execute(_ABOUT, mine).scalars().all())
    person = session.get_one(Person, person_id, with_for_update=True)  # so that two looks write one mail
    found = _open(session, person, now, calendars_of(session, (), settings)[None].next_sending_moment(now))
    reminded, nudged = _today(session, person_id, settings, now)
    for each in found:
        if row_id(each.invitation) in reminded:
            each.invitation.nudge_wanted_at = None
    left = [each for each in found if each.invitation.nudge_wanted_at is not None]
    new = [each for each in left if each.mail is None]
    if not new:
        return False
    queued = [each for each in left if each.mail and each.mail.state is MessageState.QUEUED]
    mails = {row_id(each.mail) for each in queued}
    merged = "samengevoegd met een andere vraag"
    if reminded or nudged or not all(_withdraw(session, mail, merged) for mail in mails):
        _wait_for_tomorrow(session, new, settings, now)
        return False
    asked = [each for each in left if each in new or each in queued]
    return _write(session, person, asked, settings, now)


def _open(session: Session, person: Person, now: datetime, leaves_at: datetime) -> list[_Open]:
    """What this person is still to be asked, in order of time. What needs no asking any more, or comes too late, is let go."""
    found: list[_Open] = []
    for invitation, gathering, trajectory in session.exec(_OPEN, params={"person": person.id, "now": now}):
        mail = _mail_of(session, invitation)
        left = mail is not None and mail.state not in _WAITS
        is_on = gathering.state is GatheringState.FIXED and gathering.starts_at > leaves_at
        may_run = trajectory.state in (TrajectoryState.RUNNING, TrajectoryState.PAUSED)
        reachable = person.address_state is AddressState.OK
        if left or not (is_unanswered(invitation) and is_on and may_run and reachable):
            invitation.nudge_wanted_at = None
        elif trajectory.state is TrajectoryState.RUNNING:  # else it is asked when the trajectory goes on
            found.append(_Open(invitation, gathering, trajectory, mail))
    return found


def _mail_of(session: Session, invitation: Invitation) -> Message | None:
    """The mail that asks what is wanted now; one that was withdrawn before it left asks nothing."""
    asked = {"invitation": invitation.id, "wanted_at": invitation.nudge_wanted_at}
    return session.exec(_MAIL_OF, params=asked).first()


def _today(session: Session, person_id: int, settings: Settings, now: datetime) -> tuple[set[int], bool]:
    """Of which invitations this person is reminded today, and whether a nudge left today."""
    midnight = datetime.combine(now.astimezone(settings.zone).date(), time(0), settings.zone)
    asked = {"person": person_id, "midnight": midnight}
    reminded: set[int] = set()
    nudged = False
    for kind, invitation_id, attempted_at in session.connection().execute(_TODAY, asked):
        if kind is MessageKind.GATHERING_REMINDER:
            reminded.add(invitation_id or 0)
        else:
            nudged = nudged or attempted_at is not None
    return reminded, nudged


def _withdraw(session: Session, message_id: int, reason: str) -> bool:
    """Take back a nudge; False when it is leaving, or left."""
    gone = (
        update(Message)
        .where(
            col(Message.id) == message_id,
            col(Message.state).in_((MessageState.QUEUED, MessageState.HELD)),
            col(Message.attempted_at).is_(None),
        )
        .values(state=MessageState.WITHDRAWN, answer=reason, next_attempt_at=None)
    )
    return session.exec(gone).rowcount == 1


def _wait_for_tomorrow(session: Session, new: list[_Open], settings: Settings, now: datetime) -> None:
    for each in new:
        school = each.trajectory.organisation_id
        calendar = calendars_of(session, [school] if school else [], settings)[school]
        tomorrow = calendar.to_local(now).date() + timedelta(days=1)
        at = calendar.next_sending_moment(calendar.local(tomorrow, time(9)))
        each.invitation.nudge_wanted_at = at if at < each.gathering.starts_at else None
        wake(session, [row_id(each.trajectory)], now, at)


def _write(session: Session, person: Person, asked: list[_Open], settings: Settings, now: datetime) -> bool:
    dossier = letterhead(session, row_id(asked[0].trajectory), settings)
    effects = Effects(session, dossier, settings, now)
    lines = tuple(
        NudgeLine(
            title=Dutch(each.gathering.title),
            starts_at=each.gathering.starts_at,
            ends_at=each.gathering.ends_at,
            timezone=each.gathering.timezone,
            trajectory_title=Dutch(each.trajectory.title),
            answer_url=_link(session, each, settings, now),
            place=Dutch(each.gathering.place),
        )
        for each in asked
    )
    only = asked[0].invitation if len(asked) == 1 else None
    key = _key(session, row_id(person), settings, now)
    effects.queue(
        MessageKind.NUDGE,
        person,
        NudgeContext(**effects.common(person), lines=lines),
        key,
        Reason(
            invitation_id=only.id if only else None,
            is_reminder=True,
            expires_at=asked[0].gathering.starts_at,
            reply_tag=only.tag if only else "",
            is_of_many=len({each.trajectory.id for each in asked}) > 1,
        ),
    )
    message_id = session.exec(select(Message.id).where(Message.effect_key == key)).one()
    session.add_all(
        NudgedInvitation(message_id=message_id, invitation_id=each.invitation.id) for each in asked
    )
    return True


def _link(session: Session, each: _Open, settings: Settings, now: datetime) -> str:
    token = access.issue(
        session,
        now=now,
        expires_at=each.gathering.ends_at + access.LINK_LASTS,
        invitation_id=row_id(each.invitation),
    )
    return access.answer_url(settings.base_url, token)


def _key(session: Session, person_id: int, settings: Settings, now: datetime) -> str:
    """One mail a person and day; numbered when one was withdrawn and is written anew."""
    key = f"nudge:p{person_id}:{now.astimezone(settings.zone):%Y-%m-%d}"
    same = or_(col(Message.effect_key) == key, col(Message.effect_key).startswith(f"{key}:"))
    mine = col(Message.person_id) == person_id  # by it they are found; by how a key begins, SQLite reads all
    before = session.exec(select(func.count()).select_from(Message).where(mine, same)).one()
    return f"{key}:{before + 1}" if before else key
