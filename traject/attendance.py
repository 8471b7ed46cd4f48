"""What follows when a gathering is over: the adviser is asked who was there, and who was there is thanked.

A thank-you goes to each person once, with the link to the materials and, for a step with `certificate: yes`, the link
to the certificate; without a thank-you text and without a certificate nobody gets anything. Hart's own people on the
trajectory are not thanked by themselves.
"""

from datetime import timedelta

from sqlalchemy import delete
from sqlmodel import col, select

from models import Gathering, Invitation, Message, Person, Task
from models.enums import MessageKind, MessageState, TaskState, TrajectoryState
from traject import certificate, outbox
from traject.dossier import row_id
from traject.effects import Effects, Reason
from traject.mail_contexts import ThanksContext
from traject.mail_words import Dutch
from traject.programme import Step

ABSENT = "deze persoon was er niet"
"""Why a thank-you was withdrawn, so that a second correction can send it after all."""
RECORD_WITHIN = timedelta(days=7)
"""How long after the gathering the adviser is asked to record who was there (Hart's own choice)."""


def is_recorded(effects: Effects, gathering: Gathering) -> bool:
    """Whether staff said of anybody that they were there, or were not."""
    places = effects.dossier.invitations[row_id(gathering)]
    return any(invitation.attended is not None for invitation, _ in places)


def ask_who_was_there(effects: Effects, gathering: Gathering) -> None:
    """Give the adviser a task to record it, when anybody was invited and it was not recorded yet."""
    places = effects.dossier.invitations[row_id(gathering)]
    if is_recorded(effects, gathering) or all(invitation.is_cancelled for invitation, _ in places):
        return
    calendar = effects.dossier.calendar
    day = max(calendar.to_local(gathering.ends_at), calendar.to_local(effects.now)).date() + RECORD_WITHIN
    row = next(row for row in effects.dossier.steps.values() if row.id == gathering.step_id)
    detail = (
        "Wie er was, krijgt daarna het bedankje met de materialen en het bewijs van deelname, als die erbij horen. "
        f"Kwam iedereen die ja zei? Dan is dit genoeg: traject gatherings attended {gathering.id} --all-who-said-yes. "
        f"Ging het niet door: traject gatherings not-held {gathering.id}."
    )
    effects.task(
        _task_key(effects, gathering), f"Leg vast wie er was: {row.title}", detail, due_on=day, row=row
    )


def end_task(effects: Effects, gathering: Gathering, state: TaskState, detail: str = "") -> None:
    """The adviser need not record it any more: it was done, or there was nothing to record."""
    asked = select(Task).where(Task.effect_key == _task_key(effects, gathering), Task.state == TaskState.OPEN)
    for task in effects.session.exec(asked):
        task.state, task.done_at = state, effects.now
        task.detail = detail or task.detail
        if state is TaskState.DONE:
            effects.event("task.done", actor="staff", task=task.id)


def thank(effects: Effects, gathering: Gathering, step: Step) -> None:
    """Thank everybody who was there and was not thanked yet."""
    off = effects.dossier.trajectory.state is TrajectoryState.CANCELLED
    if off or not (step.thanks or step.has_certificate):
        return
    places = effects.dossier.invitations[row_id(gathering)]
    effects.session.flush()  # a certificate is read from what is recorded
    for invitation, person in places:
        key = _thanks_key(effects, gathering, invitation)
        if invitation.attended and not _works_here(effects, person):
            _forget_withdrawn(effects, key)
            if not _exists(effects, key):
                reason = Reason(step_id=gathering.step_id, invitation_id=invitation.id)
                context = _context(effects, gathering, step, invitation, person)
                effects.queue(MessageKind.THANKS, person, context, key, reason)


def withdraw_thanks(effects: Effects, invitation: Invitation) -> None:
    """Somebody was not there after all: a thank-you that did not leave yet stays here."""
    outbox.withdraw(effects.session, reason=ABSENT, invitation_id=row_id(invitation), reminders_only=False)


def _task_key(effects: Effects, gathering: Gathering) -> str:
    # With the SEQUENCE, because a gathering that did not take place is held again on another date.
    return f"t{effects.dossier.id}:g{gathering.id}:attendance:{gathering.sequence}"


def _thanks_key(effects: Effects, gathering: Gathering, invitation: Invitation) -> str:
    return f"t{effects.dossier.id}:g{gathering.id}:thanks:{invitation.sequence}:i{invitation.id}"


def _works_here(effects: Effects, person: Person) -> bool:
    staff = [role.key for role in effects.dossier.programme.roles if role.staff]
    return any(held.id == person.id for _, held in effects.dossier.people(staff))


def _exists(effects: Effects, key: str) -> bool:
    return effects.session.exec(select(Message.id).where(Message.effect_key == key)).first() is not None


def _forget_withdrawn(effects: Effects, key: str) -> None:
    """A thank-you that was withdrawn before it was ever tried is written anew, with what is known now."""
    effects.session.exec(
        delete(Message).where(
            col(Message.effect_key) == key,
            col(Message.state) == MessageState.WITHDRAWN,
            col(Message.answer) == ABSENT,
            col(Message.attempted_at).is_(None),
            col(Message.digest_id).is_(None),  # else it may have arrived in an overview
        )
    )


def _context(
    effects: Effects, gathering: Gathering, step: Step, invitation: Invitation, person: Person
) -> ThanksContext:
    language = person.language
    earned = None
    if step.has_certificate:
        earned = certificate.certificate_of(effects.session, effects.settings, row_id(invitation))
    translated = gathering.title == step.title.nl
    return ThanksContext(
        **effects.common(person, step.thanks.for_mail(language) if step.thanks else ""),
        title=step.title.for_mail(language) if translated else Dutch(gathering.title),
        starts_at=gathering.starts_at,
        ends_at=gathering.ends_at,
        timezone=gathering.timezone,
        place=Dutch(gathering.place),
        materials_url=gathering.materials_url,
        certificate_url=earned.url if earned else "",
    )
