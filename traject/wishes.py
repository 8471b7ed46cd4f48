"""What a person asks by calendar that staff decide about: another time, or the invitation once more.

The task's key names what is asked, so that the same wish by another mail, or in another order, is one task.
"""

from datetime import UTC, datetime

from sqlmodel import Session, select

from calendars.reply import Reply
from models import Gathering, Invitation, Person, Task
from traject.mail_words import period


def ask_staff(
    session: Session,
    gathering: Gathering,
    invitation: Invitation,
    person: Person,
    reply: Reply,
    *,
    now: datetime,
) -> None:
    """Make the task for the adviser, once."""
    planned = period(gathering.starts_at, "nl", gathering.ends_at, gathering.timezone)
    if reply.is_proposal:
        start = reply.proposed_start
        key = f"proposal:{invitation.id}:{reply.sequence}:{f'{start:%Y%m%dT%H%M}' if start else 'unknown'}"
        title = f"{person.name} stelt een ander moment voor: {gathering.title}"
        detail = (
            f"Voorgesteld: {_proposed(reply, gathering)}. Gepland: {planned}. Verplaats de bijeenkomst, of laat weten dat "
            "het moment blijft. Tot dan geldt de uitnodiging zoals zij is."
        )
    else:
        key = f"refresh:{invitation.id}:{invitation.sequence}"
        title = f"{person.name} vraagt de uitnodiging opnieuw: {gathering.title}"
        detail = f"Gepland: {planned}. Stuur de uitnodiging nog eens, alleen aan {invitation.address}."
    if reply.comment:
        detail += f" Opmerking: ‘{reply.comment}’"
    if session.exec(select(Task.id).where(Task.effect_key == key)).first() is None:
        session.add(
            Task(
                effect_key=key,
                trajectory_id=gathering.trajectory_id,
                step_id=gathering.step_id,
                person_id=person.id,
                title=title,
                detail=detail,
                created_at=now,
            )
        )


def _proposed(reply: Reply, gathering: Gathering) -> str:
    start = reply.proposed_start
    if start is None:
        return "een moment dat niet te lezen is; zie de mail"
    try:
        end = reply.proposed_end or start + (gathering.ends_at - gathering.starts_at)
        return period(start, "nl", max(start, end), gathering.timezone)
    except OverflowError:  # a year that no calendar here can show in local time
        return f"{start.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
