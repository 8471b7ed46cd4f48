"""What never may happen, checked on every mail that arrives and at the end of every school year."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from calendars.lint_mail import lint_mail
from models import EvaluationRequest, Invitation, Message, NudgedInvitation, Trajectory
from models.enums import MessageKind, PartStat, RequestState, TrajectoryState
from traject.reconcile import reconcile
from traject.simulation.letters import Letter
from traject.simulation.office import Office
from traject.simulation.post import Received
from traject.simulation.world import World

LINTED = 10
"""Of so many invitations one is read by the lint."""


_BY_MESSAGE_ID = select(Message).where(col(Message.message_id).in_(bindparam("ids", expanding=True)))
_STATES = columns(col(Trajectory.id), col(Trajectory.state)).where(
    col(Trajectory.id).in_(bindparam("wanted", expanding=True))
)


@dataclass
class Meeting:
    """One meeting in one person's calendar, as the mails put it there."""

    starts_at: datetime
    ends_at: datetime
    by_staff: bool


@dataclass
class Watch:
    """Counts what came, and notes every breach of a law."""

    world: World
    office: Office
    mails: dict[str, int] = field(default_factory=dict[str, int])
    duplicates: int = 0
    received: set[str] = field(default_factory=set[str])
    """The Message-IDs of all that arrived."""
    _effects: set[tuple[object, ...]] = field(default_factory=set[tuple[object, ...]])
    _sequences: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    _calendars: dict[str, dict[str, Meeting]] = field(default_factory=dict[str, dict[str, Meeting]])
    _invitations: int = 0

    def see(self, mails: list[tuple[Received, Letter]]) -> None:
        """Look at what arrived at this instant, beside what the database says of it."""
        with self.world.store.read() as session:
            ids = [letter.message_id for _, letter in mails]
            rows = {row.message_id: row for row in session.exec(_BY_MESSAGE_ID, params={"ids": ids})}
            wanted = {told.trajectory_id for row in rows.values() for told in self._told(session, row)}
            states = {
                found.id: found.state for found in session.connection().execute(_STATES, {"wanted": wanted})
            }
            for mail, letter in mails:
                row = rows.get(letter.message_id)
                if row is None:
                    self._count("unknown")
                    self.world.violated("a mail that the database does not know", letter.message_id)
                    continue
                self._count(row.kind.value)
                self._once(session, letter, row)
                self._in_time(row)
                for told in self._told(session, row):
                    self._wanted(session, told, states.get(told.trajectory_id))
                if letter.event:
                    self._calendar(mail, letter, row)

    def end_of_school_year(self) -> None:
        """Whether plan, rows and outbox agree."""
        for finding in reconcile(self.world.store, self.world.settings, self.world.now):
            self.world.violated(
                f"reconcile finds {finding.code}", f"{finding.trajectory} {finding.sentence.nl}"
            )

    def _told(self, session: Session, row: Message) -> Iterable[Message]:
        """What a mail tells: itself, and what stands in it when it is an overview."""
        if row.kind is not MessageKind.DIGEST:
            return [row]
        return [row, *session.exec(select(Message).where(Message.digest_id == row.id))]

    def _count(self, kind: str) -> None:
        self.mails[kind] = self.mails.get(kind, 0) + 1

    def _once(self, session: Session, letter: Letter, row: Message) -> None:
        """The same mail, or the same effect, twice."""
        effects = [self._effect(told) for told in self._told(session, row)]
        if letter.message_id in self.received or not self._effects.isdisjoint(effects):
            self.duplicates += 1
            self.world.violated("a mail that came before", row.effect_key)
        self.received.add(letter.message_id)
        self._effects.update(effects)

    def _effect(self, row: Message) -> tuple[object, ...]:
        if row.kind is MessageKind.TASK or row.step_id is None:
            return (row.effect_key,)
        what = (row.kind, row.step_id, row.person_id, row.request_id, row.invitation_id, row.sequence)
        return (*what, self.world.today()) if row.is_reminder else what

    def _in_time(self, row: Message) -> None:
        """In sending hours; a mail that the server put off comes when it may."""
        if row.attempts <= 1 and self.world.calendar.next_sending_moment(self.world.now) != self.world.now:
            self.world.violated("a mail outside sending hours", f"{row.kind} {row.effect_key}")

    def _wanted(self, session: Session, row: Message, state: TrajectoryState | None) -> None:
        """Nothing to who answered or left, nothing of a trajectory that stands still or was stopped."""
        stands_still = state in (TrajectoryState.PAUSED, TrajectoryState.CANCELLED)
        if (
            stands_still and row.kind is not MessageKind.CANCELLATION
        ):  # who leaves is told, whatever stands still
            self.world.violated(f"a mail of a trajectory that is {state}", f"{row.kind} {row.effect_key}")
        if not row.is_reminder:
            return
        if row.kind is MessageKind.NUDGE:
            self._nudge(session, row)
        elif row.request_id is not None:
            request = session.get_one(EvaluationRequest, row.request_id)
            if request.state is not RequestState.ASKED:
                self.world.violated(f"a reminder of a request that is {request.state}", row.effect_key)
        elif row.invitation_id is not None:
            invitation = session.get_one(Invitation, row.invitation_id)
            if invitation.partstat is PartStat.DECLINED or invitation.is_cancelled:
                self.world.violated("a reminder to who does not come", row.effect_key)

    def _nudge(self, session: Session, row: Message) -> None:
        """None of those whom it asks about had answered when it left, also where it asks about several."""
        asked = select(Invitation).join(
            NudgedInvitation, col(NudgedInvitation.invitation_id) == col(Invitation.id)
        )
        for invitation in session.exec(asked.where(NudgedInvitation.message_id == row.id)):
            at = invitation.answered_at
            if invitation.is_cancelled or (
                at is not None and row.attempted_at is not None and at < row.attempted_at
            ):
                self.world.violated("a nudge to who answered", f"{row.effect_key} invitation {invitation.id}")

    def _calendar(self, mail: Received, letter: Letter, row: Message) -> None:
        name = (mail.recipient, letter.uid)
        known = self._sequences.get(name, -1)
        if letter.sequence < known or (letter.sequence == known and letter.method == "CANCEL"):
            self.world.violated(
                "a SEQUENCE that does not rise", f"{row.effect_key}: {known} → {letter.sequence}"
            )
        self._sequences[name] = max(known, letter.sequence)
        self._invitations += 1
        if self._invitations % LINTED == 1:
            for finding in lint_mail(mail.data):
                self.world.violated(f"lint {finding.code}", f"{row.effect_key}: {finding.message}")
        calendar = self._calendars.setdefault(mail.recipient, {})
        for uid in [uid for uid, meeting in calendar.items() if meeting.ends_at < self.world.now]:
            del calendar[uid]
            self._sequences.pop((mail.recipient, uid), None)
        calendar.pop(letter.uid, None)
        if letter.method == "REQUEST" and letter.starts_at and letter.ends_at:
            meeting = Meeting(letter.starts_at, letter.ends_at, row.step_id in self.office.moved)
            self._no_overlap(meeting, calendar.values(), row)
            calendar[letter.uid] = meeting

    def _no_overlap(self, new: Meeting, others: Iterable[Meeting], row: Message) -> None:
        for other in others:
            overlaps = new.starts_at < other.ends_at and other.starts_at < new.ends_at
            if overlaps and not (new.by_staff or other.by_staff):
                self.world.violated(
                    "two gatherings of one person at once",
                    f"{row.effect_key} person {row.person_id} {new.starts_at:%Y-%m-%d %H:%M}",
                )
