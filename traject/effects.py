"""How an effect becomes a message: who gets it, what it knows, and the bytes that are frozen in the outbox."""

import hashlib
import logging
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, insert
from sqlmodel import Session, col, select

from models import Event, Message, MessageContent, Organisation, Person, StepRow, Task
from models.enums import AddressState, MessageKind, MessageState, StepState, TrajectoryState
from traject import outbox, unsubscribe
from traject.compose import compose
from traject.dossier import Dossier, row_id
from traject.mail_bytes import CalendarPart, Head
from traject.mail_contexts import (
    MailContext,
    NoticeContext,
    ReminderContext,
    StageLine,
    StageOpenedContext,
    TaskContext,
    UpcomingLine,
    WelcomeContext,
)
from traject.mail_words import Dutch
from traject.programme import Step
from traject.settings import Settings
from traject.undelivered import NO_ADDRESS

log = logging.getLogger(__name__)

AT_ONCE = frozenset({MessageKind.CANCELLATION, MessageKind.INVITATION_UPDATE})
"""News about a meeting that people have in their calendar: it goes at any hour and in any week."""

_TASK = select(Task.id).where(col(Task.effect_key) == bindparam("key"))

PAUSED = "het traject is gepauzeerd"
"""Why a message is held, so that it goes on when the trajectory does."""


@dataclass(frozen=True, slots=True)
class Reason:
    """What a message is about, so that it can be withdrawn when that disappears and a bounce can be tied to it."""

    step_id: int | None = None
    invitation_id: int | None = None
    request_id: int | None = None
    is_reminder: bool = False
    expires_at: datetime | None = None
    sequence: int | None = None
    reply_tag: str = ""  # of an invitation or request; else the message's own
    is_of_many: bool = False  # about several trajectories, so that none of them owns it


@dataclass(frozen=True, slots=True)
class Queued:
    """One mail that was queued: who gets what."""

    kind: MessageKind
    person: str
    email: str
    subject: str
    why_not: str = ""  # it is kept, and does not go out now: why
    effect_key: str = field(default="", compare=False, repr=False)


class Effects:
    """What one transition of one trajectory causes: history, tasks and mail, all in the session's transaction."""

    def __init__(self, session: Session, dossier: Dossier, settings: Settings, now: datetime) -> None:
        self.session = session
        self.dossier = dossier
        self.settings = settings
        self.now = now
        self.from_name, self.from_email = settings.sender
        self.queued: list[Queued] = []
        self._together: list[tuple[Message, Queued]] | None = None

    def event(self, name: str, *, actor: str = "traject", **details: Any) -> None:
        """Write one fact in the history; details hold ids, keys and dates only."""
        event = Event(at=self.now, name=name, trajectory_id=self.dossier.id, actor=actor, details=details)
        self.session.add(event)

    def key(self, row: StepRow, *what: object) -> str:
        """The effect key of a step: trajectory : step : cycle : for whom."""
        return ":".join(str(part) for part in (f"t{self.dossier.id}", row.key, row.cycle, *what))

    def tagged(self, tag: str) -> str:
        """Our address with a tag that brings an answer or a bounce back to what it is about."""
        local, _, domain = self.from_email.partition("@")
        return f"{local}+{tag}@{domain}"

    # Mail

    def queue(
        self,
        kind: MessageKind,
        person: Person,
        context: MailContext,
        effect_key: str,
        reason: Reason,
        calendar: CalendarPart | None = None,
    ) -> bool:
        """Freeze one mail and put it in the outbox; False when this effect was queued before.

        To a person whose address bounced nothing goes: it is *held* until the address works again. It goes out in the
        sending hours; only news about a meeting that people have in their calendar goes at any hour. While the
        trajectory is paused it waits, but a cancellation does not.
        """
        tag = hashlib.blake2b(effect_key.encode(), key=self.settings.key[:64], digest_size=10).hexdigest()
        domain = self.from_email.partition("@")[2]
        message_id = f"<{tag}@{domain}>"
        head = Head(
            message_id=message_id,
            date=self.now,
            from_name=self.from_name,
            from_email=self.from_email,
            to_name=person.name,
            to_email=person.email,
            reply_to=self.tagged(reason.reply_tag or tag),
            list_unsubscribe=unsubscribe.links(self.settings, row_id(person))
            if kind in unsubscribe.OPTIONAL
            else (),
        )
        if head.list_unsubscribe:
            context = replace(context, unsubscribe_url=head.list_unsubscribe[0])
        composed = compose(kind, person.language, context, head, calendar=calendar)
        state, why = self._first_state(kind, person, is_reminder=reason.is_reminder)
        at_once = kind in AT_ONCE
        message = Message(
            effect_key=effect_key,
            kind=kind,
            trajectory_id=None if reason.is_of_many else self.dossier.id,
            step_id=reason.step_id,
            person_id=row_id(person),
            invitation_id=reason.invitation_id,
            request_id=reason.request_id,
            is_reminder=reason.is_reminder,
            to_email=person.email,
            return_path=self.tagged(f"b-{tag}"),
            message_id=message_id,
            subject=composed.subject,
            content=None if state is MessageState.WITHHELD else MessageContent(data=composed.data),
            sequence=reason.sequence,
            state=state,
            queued_at=self.now,
            next_attempt_at=self.now if at_once else self.dossier.calendar.next_sending_moment(self.now),
            expires_at=reason.expires_at,
            answer=why,
        )
        told = Queued(kind, person.name, person.email, composed.subject, why, effect_key)
        if self._together is not None:
            self._together.append((message, told))
            return True
        return self._put([(message, told)])

    @contextmanager
    def together(self) -> Generator[None]:
        """Put what is queued inside in the outbox at the end, in one statement: many guests cost little more than one.

        Inside, `queue` says True for a message that was queued before, too.
        """
        self._together = []
        try:
            yield
            self._put(self._together)
        finally:
            self._together = None

    def _put(self, pairs: list[tuple[Message, Queued]]) -> bool:
        new = outbox.queue_all(self.session, [message for message, _ in pairs])
        self.queued += [told for message, told in pairs if message.effect_key in new]
        return bool(new)

    def _first_state(
        self, kind: MessageKind, person: Person, *, is_reminder: bool
    ) -> tuple[MessageState, str]:
        if kind in unsubscribe.OPTIONAL and person.unsubscribed_at is not None:
            return MessageState.WITHHELD, unsubscribe.WHY
        if person.address_state is AddressState.BOUNCED:
            # It waits for another address; a reminder would be of no use by then.
            return MessageState.WITHHELD if is_reminder else MessageState.HELD, NO_ADDRESS
        paused = self.dossier.trajectory.state is TrajectoryState.PAUSED
        if paused and kind is not MessageKind.CANCELLATION:
            return MessageState.HELD, PAUSED
        return MessageState.QUEUED, ""

    def common(self, person: Person, text: str = "") -> dict[str, Any]:
        """What every mail to this person knows."""
        adviser = self.dossier.adviser()
        return {
            "person_name": person.name,
            "organisation_name": self.dossier.name,
            "trajectory_title": Dutch(self.dossier.trajectory.title),
            "programme_title": self.dossier.programme.title.for_mail(person.language),
            "adviser_name": adviser.name if adviser else self.from_name,
            "adviser_email": adviser.email if adviser else self.from_email,
            "base_url": self.settings.base_url,
            "privacy_url": f"{self.settings.base_url}/privacy",
            "text": text,
        }

    def mail(self, step: Step, row: StepRow) -> None:
        """Fire a mail step: one message for each person in its roles."""
        people = self.dossier.people(step.to)
        with self.together():
            for role, person in people:
                self.mail_to(step, row, role, person)
        row.state = StepState.DONE if people else StepState.SKIPPED
        row.acted_at = row.done_at = self.now
        row.note = "" if people else "niemand heeft de rol " + " of ".join(step.to)
        self.event(
            "step.sent" if people else "step.skipped", step=row.key, cycle=row.cycle, people=len(people)
        )

    def mail_to(self, step: Step, row: StepRow, role: str, person: Person) -> None:
        """Send a mail step to one person; once, however often it is asked."""
        kind = MessageKind(step.template or "notice")
        context = self._mail_context(kind, step, row, role, person)
        self.queue(kind, person, context, self.key(row, f"p{row_id(person)}"), Reason(step_id=row.id))

    def _mail_context(
        self, kind: MessageKind, step: Step, row: StepRow, role: str, person: Person
    ) -> MailContext:
        language = person.language
        text = step.text.for_mail(language) if step.text else ""
        common = self.common(person, text)
        if kind is MessageKind.WELCOME:
            trajectory = self.dossier.trajectory
            stages = self.dossier.stages.values()
            return WelcomeContext(
                **common,
                role_title=self.dossier.programme.role(role).title.for_mail(language),
                starts_on=trajectory.starts_on,
                ends_on=trajectory.ends_on or trajectory.starts_on,
                retention=self._retention(language),
                data_source=self._source(person),
                stages=tuple(
                    StageLine(self._stage_title(s.key, s.title, language), s.opens_on, s.ends_on)
                    for s in stages
                ),
            )
        if kind is MessageKind.STAGE_OPENED and row.stage:
            stage, planned = self.dossier.programme.stage(row.stage), self.dossier.stages[row.stage]
            return StageOpenedContext(
                **common,
                stage_title=stage.title.for_mail(language),
                opens_on=planned.opens_on,
                ends_on=planned.ends_on,
                stage_goal=stage.goal.for_mail(language) if stage.goal else "",
                upcoming=self._upcoming(row.stage, role),
            )
        title = step.title.for_mail(language)
        return (ReminderContext if kind is MessageKind.REMINDER else NoticeContext)(**common, title=title)

    def _source(self, person: Person) -> str:
        """Who gave us this person's name and address."""
        home = self.session.get(Organisation, person.organisation_id) if person.organisation_id else None
        if home is not None:
            return home.name
        return "your own organisation" if person.language == "en" else "je eigen organisatie"

    def _stage_title(self, key: str, title: str, language: str) -> str:
        known = {stage.key: stage for stage in self.dossier.programme.stages}
        return known[key].title.for_mail(language) if key in known else Dutch(title)

    def _retention(self, language: str) -> str:
        years = self.settings.retention_years
        return (
            f"{years} years after the programme ends"
            if language == "en"
            else f"{years} jaar na afloop van het programma"
        )

    def _upcoming(self, stage: str, role: str) -> tuple[UpcomingLine, ...]:
        """The gatherings of this stage that this role is asked for."""
        asked = {step.key for step in self.dossier.programme.steps if role in step.to}
        rows = [
            row
            for row in self.dossier.steps.values()
            if row.stage == stage
            and row.starts_at
            and row.key in asked
            and row.state in (StepState.PLANNED, StepState.OPEN)
        ]
        rows.sort(key=lambda row: row.starts_at or self.now)
        return tuple(
            UpcomingLine(self.dossier.calendar.to_local(row.starts_at).date(), Dutch(row.title))
            for row in rows
            if row.starts_at
        )

    # Tasks

    def task(
        self,
        effect_key: str,
        title: str,
        detail: str = "",
        *,
        due_on: date | None = None,
        row: StepRow | None = None,
    ) -> bool:
        """Give the adviser a task, with a mail that says so; False when it was given before.

        The task of a yearly step names the school year, because last year's may still lie there.
        """
        if row is not None and row.cycle:
            title = f"{title} ({row.cycle})"
        if self.session.exec(_TASK, params={"key": effect_key}).first() is not None:
            return False
        adviser = self.dossier.adviser()
        self.session.exec(
            insert(Task),
            params=[
                {
                    "effect_key": effect_key,
                    "trajectory_id": self.dossier.id,
                    "step_id": row.id if row else None,
                    "person_id": row_id(adviser) if adviser else None,
                    "title": title,
                    "detail": detail,
                    "state": "open",
                    "created_at": self.now,
                    "due_on": due_on,
                }
            ],
        )
        if adviser:
            context = TaskContext(
                **self.common(adviser), title=Dutch(title), detail=Dutch(detail), due_on=due_on
            )
            self.queue(
                MessageKind.TASK, adviser, context, effect_key, Reason(step_id=row.id if row else None)
            )
        return True

    def tell_of_task(self, task: Task, person: Person, key: str = "") -> None:
        """Mail a task that is there already to who does it from now on; once for each key, else for each task."""
        title, detail = Dutch(task.title), Dutch(task.detail)
        context = TaskContext(**self.common(person), title=title, detail=detail, due_on=task.due_on)
        effect_key = f"{key or task.effect_key}:p{row_id(person)}"
        self.queue(MessageKind.TASK, person, context, effect_key, Reason(step_id=task.step_id))

    def assign(self, step: Step, row: StepRow) -> None:
        """Fire a task step."""
        detail = step.text.nl if step.text else ""
        self.task(self.key(row), step.title.nl, detail, row=row)
        row.state, row.acted_at = StepState.OPEN, self.now
        self.event("step.assigned", step=row.key, cycle=row.cycle)
