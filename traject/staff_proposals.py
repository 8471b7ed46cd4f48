"""What staff do with another time that somebody proposed: take it over, or say that the moment stays."""

from datetime import datetime

from sqlmodel import Session

from models import Gathering, Invitation, Person
from traject import gatherings_shown, proposals
from traject.errors import Refused
from traject.gatherings import Gatherings
from traject.mail_words import period
from traject.settings import Settings
from traject.staff_action import StaffResult
from traject.staff_gatherings import invited_by, move, on_gathering
from traject.store import Store


def accept(
    store: Store, settings: Settings, number: int, *, email: str, now: datetime, dry_run: bool = False
) -> StaffResult:
    """Move the gathering to what this person proposed; everybody gets the update, and every proposal is settled."""
    with store.read() as session:
        shown = gatherings_shown.one(session, number)
        invited = [(guest.invitation, guest.person) for guest in shown.invited]
        invitation, person = invited_by(email, shown.gathering, invited)
        _refuse_undecidable(session, shown.gathering, invitation, person)
        to, until = invitation.proposed_starts_at, invitation.proposed_ends_at
    if to is None or until is None:
        raise Refused(
            f"het moment dat {person.name} voorstelt is niet te lezen; zie de mail en verplaats de bijeenkomst met "
            f"`traject gatherings move {number} MOMENT`",
            f"the moment that {person.name} proposes cannot be read; see the mail and move the gathering with "
            f"`traject gatherings move {number} MOMENT`",
        )
    result = move(store, settings, number, to=to, until=until, now=now, dry_run=dry_run)
    result.sentence = f"Voorstel van {person.name} overgenomen. {result.sentence}"
    result.english = f"The proposal of {person.name} is taken over. {result.english}"
    return result


def decline(
    store: Store,
    settings: Settings,
    number: int,
    *,
    email: str,
    reason: str = "",
    now: datetime,
    dry_run: bool = False,
) -> StaffResult:
    """Answer a proposal: the moment stays (DECLINECOUNTER). What this person answered before still stands."""
    with on_gathering(store, settings, number, now, dry_run=dry_run) as (work, gathering, result):
        gatherings = Gatherings(work.effects)
        invitation, person = invited_by(email, gathering, gatherings.invited(gathering))
        _refuse_undecidable(work.session, gathering, invitation, person)
        gatherings.mail.decline_proposal(gathering, invitation, person, reason=reason)
        proposals.settle(work.session, invitation, now=now)
        work.effects.event("proposal.declined", actor="staff", gathering=number, invitation=invitation.id)
        blijft, stays = (
            period(gathering.starts_at, language, gathering.ends_at, gathering.timezone)
            for language in ("nl", "en")
        )
        work.say(
            f"‘{gathering.title}’ blijft op {blijft}; {person.name} krijgt bericht.",
            f"'{gathering.title}' stays on {stays}; {person.name} is told.",
        )
    return result


def _refuse_undecidable(
    session: Session, gathering: Gathering, invitation: Invitation, person: Person
) -> None:
    if proposals.open_task(session, invitation) is None:
        raise Refused(
            f"{person.name} heeft voor ‘{gathering.title}’ geen ander moment voorgesteld dat nog openstaat; "
            f"`traject gatherings show {gathering.id}` toont wie dat deed",
            f"{person.name} proposed no other time for '{gathering.title}' that is still open; "
            f"`traject gatherings show {gathering.id}` shows who did",
        )
