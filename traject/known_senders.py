"""Who sent an incoming mail: whose invitation a reply answers, by every address that is known of people; or we did."""

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import bindparam, or_, select, text
from sqlmodel import Session, SQLModel

from calendars.mail_parts import Part
from calendars.reply import Reply, tag_of
from models import Alias, Gathering, Invitation, Message, Person

ALIAS_LOCK = 7263
"""The advisory lock under which aliases change (PostgreSQL)."""

AS_STORED = {"autoflush": False}
"""For reading what nothing in this transaction changes: what earlier mails of the batch changed is then written at once at
the end, instead of mail by mail."""


@dataclass(frozen=True, slots=True)
class Answering:
    """The invitation that a reply seems to answer, and the addresses that staff linked to its person."""

    invitation_id: int
    gathering_id: int
    trajectory_id: int
    email: str
    """The address the person has now."""
    linked: frozenset[str]


class _Guest(NamedTuple):
    """One invitation of a gathering, as columns: the rows themselves are read when their trajectory is locked."""

    invitation_id: int
    person_id: int
    tag: str
    address: str
    email: str
    gathering_id: int
    trajectory_id: int

    @property
    def own(self) -> tuple[str, str]:
        """The address that was invited, and the one the person has now."""
        return self.address.lower(), self.email.lower()


_KEEP = text(f"SELECT pg_advisory_xact_lock_shared({ALIAS_LOCK})")
_i, _p, _g, _m, _a = (
    SQLModel.metadata.tables[str(each.__tablename__)].c
    for each in (Invitation, Person, Gathering, Message, Alias)
)

# Built once, because building them costs as much as running them. They run on the connection, past what the session has
# not written yet: nothing that a mail changes is asked for here.
_GUESTS = (
    select(_i.id, _i.person_id, _i.tag, _i.address, _p.email, _g.id, _g.trajectory_id)
    .join_from(_i.id.table, _p.id.table, _p.id == _i.person_id)
    .join(_g.id.table, _g.id == _i.gathering_id)
    .where(_g.uid == bindparam("uid"))
    .order_by(_i.id)
)
_ALIASES = select(_a.email, _a.person_id).where(_a.email.in_(bindparam("addresses", expanding=True)))
_BY_ALIAS = select(_a.person_id).where(_a.email == bindparam("sender")).scalar_subquery()
_NAME_BY_ADDRESS = select(_p.name).where(or_(_p.email == bindparam("sender"), _p.id == _BY_ALIAS)).limit(1)
_NAME_BY_TAG = (
    select(_p.name)
    .join_from(_p.id.table, _i.id.table, _i.person_id == _p.id)
    .where(_i.tag == bindparam("tag"))
    .limit(1)
)
_OURS = select(_m.id).where(_m.message_id == bindparam("named")).limit(1)


def keep_aliases(session: Session) -> None:
    """Let no alias change until this transaction ends; before anything else is locked. SQLite has one writer anyway."""
    if session.connection().dialect.name == "postgresql":
        session.connection().execute(_KEEP)


def _guests(session: Session, uid: str) -> list[_Guest]:
    return [_Guest(*row) for row in session.connection().execute(_GUESTS, {"uid": uid})]


def find_invitation(session: Session, reply: Reply) -> Answering | None:
    """The invitation of the one who answers: by address, else by an alias, else by tag, else any, to be judged."""
    rows = _guests(session, reply.uid)
    if not rows and reply.uid != reply.uid.lower():
        rows = _guests(session, reply.uid.lower())  # ours are; some gateways give them back in capitals
    by_address = [row for row in rows if reply.attendee in row.own]
    said = [each for each in (reply.attendee, reply.from_address) if each]
    known = by_address[0].own if by_address else ()
    owners = people_of(session, [each for each in said if each not in known])
    by_alias = [row for row in rows if row.person_id in owners.values()]
    by_tag = [row for row in rows if reply.tagged_to == row.tag.lower()]
    found = next(iter((*by_address, *by_alias, *by_tag, *rows)), None)
    if found is None:
        return None
    linked = frozenset(address for address, owner in owners.items() if owner == found.person_id)
    return Answering(found.invitation_id, found.gathering_id, found.trajectory_id, found.email, linked)


def people_of(session: Session, addresses: list[str]) -> dict[str, int]:
    """Of these addresses those that are aliases, and whose."""
    if not addresses:
        return {}
    rows = session.connection().execute(_ALIASES, {"addresses": addresses})
    return {row.email: row.person_id for row in rows}


def person_behind(session: Session, mail: Part) -> tuple[str, bool]:
    """The name of who seems to write a mail, and whether only the answer address that it came to says so; "" for nobody."""
    sender = next(iter(mail.addresses("From")), "")
    connection = session.connection()
    if name := connection.execute(_NAME_BY_ADDRESS, {"sender": sender}).scalar():
        return name, False
    tag = tag_of(mail)
    name = connection.execute(_NAME_BY_TAG, {"tag": tag}).scalar() if tag else None
    return name or "", name is not None


def is_our_own(session: Session, mail: Part) -> bool:
    """Whether a mail is one of ours that came back as it is, sent round by a rule or a list."""
    named = mail.header("Message-ID")
    return session.connection().execute(_OURS, {"named": named}).first() is not None
