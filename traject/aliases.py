"""From which other addresses a person answers: linked once, by staff, from a mail that was put aside.

An alias is only as good as the From that it stands for: a mail whose sender was found forged stays put aside. Whatever
else was put aside from that address is applied again, so that linking first or last ends in the same state.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, func, text
from sqlmodel import Session, col, select

from models import Alias, Arrival, Event, Person
from models.enums import InboxKind, InboxState
from traject.errors import Refused
from traject.inbox import apply_arrival, apply_one
from traject.known_senders import ALIAS_LOCK
from traject.outcome import Outcome, recorded
from traject.settings import Settings
from traject.staff_action import changing
from traject.store import Store

MOST_AGAIN = 1_000
"""How many mails of one address are applied again at once; those after it are when their turn comes."""


@dataclass(frozen=True, slots=True)
class Again:
    """A mail that was put aside, and what became of it now."""

    number: int
    before: Outcome
    after: Outcome


@dataclass
class Linked:
    """What linking did, or would do: from which addresses this person now answers, and what became of those mails."""

    name: str
    email: str
    addresses: list[str] = field(default_factory=list[str])
    mails: list[Again] = field(default_factory=list[Again])


def link(
    store: Store, settings: Settings, arrival_id: int, email: str, *, now: datetime, dry_run: bool = False
) -> Linked:
    """The sender of a mail that was put aside is this person: remember it, and apply the mail again as theirs.

    A second time changes nothing. Refused when the mail has no sender, when nobody has `email`, or when the sender is
    somebody else.
    """
    linked = Linked("", "")
    waiting: list[tuple[int, Outcome]] = []
    with changing(store, dry_run=dry_run) as session:
        _lock(session)
        arrival, person = _mail(session, arrival_id), _person(session, email)
        linked.name, linked.email = person.name, person.email
        linked.addresses = _addresses(session, arrival, person)
        if not linked.addresses:
            raise Refused(
                f"mail {arrival_id} heeft geen afzender die te koppelen is; lees hem met `traject inbox show`",
                f"mail {arrival_id} has no sender that can be linked; read it with `traject inbox show`",
            )
        for address in linked.addresses:
            _remember(session, address, person, arrival_id, now)
        waiting = [(each.id or 0, recorded(each)) for each in _put_aside(session, linked.addresses)]
        for number, _ in waiting:
            again = session.get_one(Arrival, number)
            again.state, again.outcome, again.applied_at = InboxState.STORED, "", None
        session.flush()
        if dry_run:
            for number, before in waiting:
                linked.mails.append(Again(number, before, apply_arrival(session, number, now, settings)))
    if dry_run:
        return linked
    # Each in a transaction of its own; what is interrupted here still waits in the inbox, and is applied from there.
    for number, before in waiting:
        linked.mails.append(Again(number, before, apply_one(store, number, now, settings)))
    return linked


def unlink(store: Store, address: str, *, now: datetime, dry_run: bool = False) -> Linked:
    """Forget an alias: later mails from it are put aside again. Answers that counted stay. Refused when it is none."""
    wanted = address.strip().lower()
    found = Linked("", "", [wanted])
    with changing(store, dry_run=dry_run) as session:
        _lock(session)
        alias = session.exec(select(Alias).where(Alias.email == wanted)).one_or_none()
        if alias is None:
            raise Refused(
                f"‘{wanted}’ is aan niemand gekoppeld; `traject inbox aliases` toont wat gekoppeld is",
                f"‘{wanted}’ is linked to nobody; `traject inbox aliases` shows what is linked",
            )
        person = session.get_one(Person, alias.person_id)
        found.name, found.email = person.name, person.email
        details = {"alias": alias.id, "person": person.id, "arrival": alias.arrival_id}
        session.add(Event(at=now, name="alias.unlinked", actor="staff", details=details))
        session.delete(alias)
    return found


def ignore(store: Store, arrival_id: int, *, now: datetime, dry_run: bool = False) -> Outcome:
    """Nobody needs to look at this mail any more; it stays to be read. A second time changes nothing."""
    with store.write() as session:
        arrival = session.exec(
            select(Arrival).where(Arrival.id == arrival_id).with_for_update()
        ).one_or_none()
        if arrival is None:
            raise _no_mail(arrival_id)
        if arrival.state is InboxState.QUARANTINED and not dry_run:
            arrival.state, arrival.outcome = InboxState.IGNORED, "ignored"
            arrival.why = f"{arrival.why}; Hart heeft het bekeken".removeprefix("; ")
            session.add(Event(at=now, name="arrival.ignored", actor="staff", details={"arrival": arrival_id}))
        elif arrival.state not in (InboxState.QUARANTINED, InboxState.IGNORED):
            raise Refused(
                f"mail {arrival_id} is al verwerkt; dat is niet terug te draaien",
                f"mail {arrival_id} was processed already; that cannot be undone",
            )
        return recorded(arrival)


def _lock(session: Session) -> None:
    """One change of aliases at a time, and none while a mail is being judged by them. SQLite has one writer anyway."""
    if session.connection().dialect.name == "postgresql":
        session.connection().execute(text(f"SELECT pg_advisory_xact_lock({ALIAS_LOCK})"))


def _mail(session: Session, arrival_id: int) -> Arrival:
    arrival = session.exec(select(Arrival).where(Arrival.id == arrival_id).with_for_update()).one_or_none()
    if arrival is None or arrival.kind is not InboxKind.MAIL:
        raise _no_mail(arrival_id)
    return arrival


def _no_mail(arrival_id: int) -> Refused:
    return Refused(
        f"er is geen mail {arrival_id} binnengekomen; `traject inbox list` toont de nummers",
        f"no mail {arrival_id} came in; `traject inbox list` shows the numbers",
    )


def _person(session: Session, email: str) -> Person:
    found = session.exec(select(Person).where(Person.email == email.strip().lower())).one_or_none()
    if found is None:
        raise Refused(
            f"niemand heeft het adres ‘{email}’; `traject people list` toont wie er zijn",
            f"nobody has the address ‘{email}’; `traject people list` shows who there are",
        )
    return found


def _addresses(session: Session, arrival: Arrival, person: Person) -> list[str]:
    """The addresses that this mail shows: of its sender, and the one that the calendar answers with."""
    shown = (arrival.payload.get("sender"), arrival.payload.get("attendee"))
    found: list[str] = []
    for address in dict.fromkeys(each for each in shown if isinstance(each, str) and each):
        owner = session.exec(select(Person).where(Person.email == address)).one_or_none()
        linked = session.exec(
            select(Person).join(Alias, col(Alias.person_id) == col(Person.id)).where(Alias.email == address)
        ).one_or_none()
        other = next((each for each in (owner, linked) if each is not None and each.id != person.id), None)
        if other is None:
            found.append(address)
        elif address == arrival.payload.get("sender"):
            end = f"`traject inbox unlink {address}`"
            raise Refused(
                f"‘{address}’ is van {other.name}, niet van {person.name}"
                f"{f'; maak die koppeling eerst los met {end}' if other is linked else ''}",
                f"‘{address}’ belongs to {other.name}, not to {person.name}"
                f"{f'; end that link first with {end}' if other is linked else ''}",
            )
    return found if arrival.payload.get("sender") in found else []


def _remember(session: Session, address: str, person: Person, arrival_id: int, now: datetime) -> None:
    known = select(Alias.id).where(Alias.email == address)
    if address == person.email or session.exec(known).first() is not None:
        return
    alias = Alias(email=address, person_id=person.id or 0, arrival_id=arrival_id, linked_at=now)
    session.add(alias)
    session.flush()
    details = {"alias": alias.id, "person": person.id, "arrival": arrival_id}
    session.add(Event(at=now, name="alias.linked", actor="staff", details=details))


def _put_aside(session: Session, addresses: Iterable[str]) -> list[Arrival]:
    """The mails from these addresses that were put aside, oldest first; a proposal has its own task already."""
    query = (
        select(Arrival)
        .where(
            Arrival.kind == InboxKind.MAIL,
            Arrival.state == InboxState.QUARANTINED,
            Arrival.outcome == "quarantined",
            _sender().in_(list(addresses)),
        )
        .order_by(col(Arrival.id))
        .limit(MOST_AGAIN)
        .with_for_update()
    )
    return list(session.exec(query))


def _sender() -> ColumnElement[str]:
    return func.coalesce(col(Arrival.payload)["sender"].as_string(), "")
