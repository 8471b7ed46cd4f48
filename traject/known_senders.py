"""Who sent an incoming mail: whose invitation a reply answers, by every address that is known of people; or we did."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlmodel import Session, col, select

from calendars.mail_parts import Part
from calendars.reply import Reply
from models import Alias, Invitation, Message, Person

ALIAS_LOCK = 7263
"""The advisory lock under which aliases change (PostgreSQL)."""


@dataclass(frozen=True, slots=True)
class Answering:
    """The invitation that a reply seems to answer, and the addresses that staff linked to its person."""

    invitation_id: int
    linked: frozenset[str]


def find_invitation(session: Session, gathering_id: int | None, reply: Reply) -> Answering | None:
    """The invitation of the one who answers: by address, else by an alias, else by tag, else any, to be judged."""
    rows = session.exec(
        select(Invitation, Person.email)
        .join(Person, col(Person.id) == Invitation.person_id)
        .where(Invitation.gathering_id == gathering_id)
        .order_by(col(Invitation.id))
    ).all()
    by_address = [row for row in rows if reply.attendee in (row[0].address.lower(), row[1].lower())]
    said = [each for each in (reply.attendee, reply.from_address) if each]
    known = {address for row in by_address[:1] for address in (row[0].address.lower(), row[1].lower())}
    owners = people_of(session, [each for each in said if each not in known])
    by_alias = [row for row in rows if row[0].person_id in owners.values()]
    by_tag = [row for row in rows if reply.tagged_to == row[0].tag.lower()]
    found = next(iter((*by_address, *by_alias, *by_tag, *rows)), None)
    if found is None or found[0].id is None:
        return None
    linked = frozenset(address for address, owner in owners.items() if owner == found[0].person_id)
    return Answering(found[0].id, linked)


def people_of(session: Session, addresses: list[str]) -> dict[str, int]:
    """Of these addresses those that are aliases, and whose. Waits while aliases change."""
    if not addresses:
        return {}
    if session.connection().dialect.name == "postgresql":
        session.connection().execute(text(f"SELECT pg_advisory_xact_lock_shared({ALIAS_LOCK})"))
    rows = session.exec(select(Alias.email, Alias.person_id).where(col(Alias.email).in_(addresses))).all()
    return dict(rows)


def is_our_own(session: Session, mail: Part) -> bool:
    """Whether a mail is one of ours that came back as it is, sent round by a rule or a list."""
    known = select(Message.id).where(Message.message_id == mail.header("Message-ID"))
    return session.exec(known).first() is not None
