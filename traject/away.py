"""Who is away, and until when, as their own automatic answer says; staff see it, nothing else follows from it."""

from datetime import date, datetime

from sqlmodel import Session, select

from calendars.away import away_until
from calendars.bounce_text import own_words
from calendars.machine_mail import looks_forged
from calendars.mail_parts import Part
from models import Event, Person
from traject.known_senders import AS_STORED, people_of
from traject.mail_words import day


def note_absence(session: Session, mail: Part, received_at: datetime, now: datetime) -> date | None:
    """Keep with the sender until when they are away; the last day of several answers counts.

    Gives the day that the mail says, also of a stranger; None when it says none, or looks forged.
    """
    sender = next(iter(mail.addresses("From")), "")
    if not sender or looks_forged(mail):
        return None
    text, _ = own_words(list(mail.walk()))
    until = away_until(mail.subject, text, sent_on=received_at.date())
    if until is None:
        return None
    owner = people_of(session, [sender]).get(sender)
    mine = Person.email == sender if owner is None else Person.id == owner
    query = select(Person).where(mine).with_for_update()
    person = session.exec(query, execution_options=AS_STORED).one_or_none()
    if person is None:
        return until
    if person.away_until is None or person.away_until < until:
        person.away_until = until
        details = {"person": person.id, "until": until.isoformat()}
        session.add(Event(at=now, name="person.away", actor="participant", details=details))
    return until


def away_note(person: Person, today: date, language: str) -> str:
    """`weg t/m di 5 jan 2027` for a list of people; empty for who is there."""
    if person.away_until is None or person.away_until < today:
        return ""
    until = day(person.away_until, language)
    return f"away until {until}" if language == "en" else f"weg t/m {until}"
