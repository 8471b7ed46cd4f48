"""What staff can do to a gathering that people are invited to: move it, change what is told, add or remove somebody, cancel.

Each is one transaction that shows first who gets what; what cannot be done is refused whole. A move is the same fact as
a move of its step, and a cancellation the same as leaving the step out.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import select

from models import Gathering, Invitation, Person, StepRow, Trajectory
from models.enums import AddressState, GatheringState, StepState
from traject import access, feeds
from traject.dossier import row_id
from traject.errors import Refused
from traject.gatherings import Gatherings
from traject.gatherings_shown import unknown
from traject.hand_over import person_for
from traject.settings import Settings
from traject.significance import Significance, changed, significance, told
from traject.staff_action import DryRun, StaffResult, Work, action, refuse_ended
from traject.staff_steps import leave_out, move_step
from traject.store import Store

_CLOSED = {
    GatheringState.HELD: ("is geweest", "has been"),
    GatheringState.CANCELLED: ("gaat niet door", "is cancelled"),
    GatheringState.PROPOSED: ("is nog niet vastgesteld", "has no date yet"),
}

WORDS: dict[str, tuple[str, str, int]] = {
    "title": ("titel", "title", 200),
    "place": ("plek", "place", 500),
    "description": ("omschrijving", "description", 10_000),
}
"""What staff write of a gathering, and how many characters at most: Gmail cuts off a mail of more than 102 kB."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """Where the gathering with a number stands, and what it is now."""

    gathering: Gathering
    reference: str
    step: str
    cycle: str


def numbered(store: Store, number: int) -> Numbered:
    """The gathering with this number. Refused when there is none."""
    with store.read() as session:
        query = (
            select(Gathering, Trajectory.reference, StepRow.key, StepRow.cycle)
            .join(Trajectory, Trajectory.id == Gathering.trajectory_id)  # pyright: ignore[reportArgumentType]
            .join(StepRow, StepRow.id == Gathering.step_id)  # pyright: ignore[reportArgumentType]
            .where(Gathering.id == number)
        )
        found = session.exec(query).first()
    if found is None:
        raise unknown(number)
    return Numbered(*found)


def move(
    store: Store,
    settings: Settings,
    number: int,
    *,
    to: datetime,
    until: datetime | None = None,
    now: datetime,
    dry_run: bool = False,
) -> StaffResult:
    """Give a gathering another time; everybody is asked again. Without `until` it lasts as long as it did."""
    at = numbered(store, number)
    gathering = at.gathering
    _refuse_closed(gathering)
    until = until or to + (gathering.ends_at - gathering.starts_at)
    if until <= to:
        raise Refused(
            f"‘{gathering.title}’ kan niet eindigen voor zij begint; geef een later einde",
            f"'{gathering.title}' cannot end before it begins; give a later end",
        )
    if (to, until) == (gathering.starts_at, gathering.ends_at):
        return StaffResult(
            at.reference,
            "Zij staat al op dat moment; er verandert niets.",
            "It is at that moment already; nothing changes.",
            is_nothing=True,
        )
    return move_step(
        store, settings, at.reference, at.step, at.cycle, to=to, until=until, now=now, dry_run=dry_run
    )


def change(
    store: Store,
    settings: Settings,
    number: int,
    *,
    place: str | None = None,
    title: str | None = None,
    description: str | None = None,
    now: datetime,
    dry_run: bool = False,
) -> StaffResult:
    """Change what is told of a gathering: another place asks everybody again, other words leave the answers."""
    with on_gathering(store, settings, number, now, dry_run=dry_run) as (work, gathering, result):
        refuse_begun(gathering, now)
        before = told(gathering)
        wanted = replace(
            before,
            place=before.place if place is None else place.strip(),
            title=before.title if title is None else " ".join(title.split()),
            description=before.description if description is None else description.strip(),
        )
        if not wanted.title:
            raise Refused(
                f"bijeenkomst {number} kan niet zonder titel; geef er een",
                f"gathering {number} cannot be without a title; give one",
            )
        for name in changed(before, wanted):
            _refuse_words(name, str(getattr(wanted, name)), settings.base_url)
        if significance(before, wanted) is Significance.NOTHING:
            result.sentence = "Dat staat er al; er verandert niets."
            result.english, result.is_nothing = "It says so already; nothing changes.", True
            raise DryRun
        meaning = Gatherings(work.effects).change(
            gathering, place=wanted.place, title=wanted.title, description=wanted.description
        )
        again = meaning is Significance.NEW
        work.say(
            f"‘{gathering.title}’ is gewijzigd; {'iedereen wordt opnieuw gevraagd' if again else 'antwoorden blijven staan'}.",
            f"'{gathering.title}' is changed; {'everybody is asked again' if again else 'answers stay'}.",
        )
    return result


def add(
    store: Store,
    settings: Settings,
    number: int,
    *,
    name: str,
    email: str,
    now: datetime,
    dry_run: bool = False,
) -> StaffResult:
    """Invite one person more, whether or not they hold a role; somebody who was taken off is invited again."""
    with on_gathering(store, settings, number, now, dry_run=dry_run) as (work, gathering, result):
        refuse_ended(work.dossier.trajectory)
        refuse_begun(gathering, now)
        known = work.session.exec(select(Person).where(Person.email == email.strip().lower())).one_or_none()
        if known is None and not name.strip():
            raise Refused(
                f'niemand heeft het adres {email}; schrijf de naam erbij: "Noor Visser <{email}>"',
                f'nobody has the address {email}; write the name with it: "Noor Visser <{email}>"',
            )
        person = person_for(work, name, email)
        if person.address_state is AddressState.BOUNCED:
            raise Refused(
                f"het adres van {person.name} ({person.email}) werkt niet meer; vraag een ander adres en geef dat",
                f"the address of {person.name} ({person.email}) no longer works; ask for another one and give that",
            )
        gatherings = Gatherings(work.effects)
        invitation = gatherings.invitation(gathering, person)
        if invitation is not None and not invitation.is_cancelled:
            raise Refused(
                f"{person.name} is al uitgenodigd voor ‘{gathering.title}’; `traject gatherings show {number}` toont wie",
                f"{person.name} is invited to '{gathering.title}' already; `traject gatherings show {number}` shows who",
            )
        gatherings.invite(gathering, person)
        work.effects.event("invitation.added", actor="staff", gathering=number, person=person.id)
        work.say(
            f"{person.name} wordt uitgenodigd voor ‘{gathering.title}’.",
            f"{person.name} is invited to '{gathering.title}'.",
        )
    return result


def remove(
    store: Store,
    settings: Settings,
    number: int,
    *,
    email: str,
    reason: str = "",
    now: datetime,
    dry_run: bool = False,
) -> StaffResult:
    """Take one person off a gathering; only they hear of it."""
    with on_gathering(store, settings, number, now, dry_run=dry_run) as (work, gathering, result):
        refuse_begun(gathering, now)
        gatherings = Gatherings(work.effects)
        _, person = invited_by(email, gathering, gatherings.invited(gathering))
        gatherings.uninvite(gathering, person, reason)
        work.say(
            f"{person.name} is niet meer uitgenodigd voor ‘{gathering.title}’.",
            f"{person.name} is no longer invited to '{gathering.title}'.",
        )
    return result


def cancel(
    store: Store,
    settings: Settings,
    number: int,
    *,
    reason: str = "",
    series: bool = False,
    now: datetime,
    dry_run: bool = False,
) -> StaffResult:
    """Cancel a gathering; with `series`, also all that come after it in its series, invited for or not."""
    with on_gathering(store, settings, number, now, dry_run=dry_run) as (work, gathering, result):
        row = next(row for row in work.dossier.steps.values() if row.id == gathering.step_id)
        rows = [row]
        if series:
            if not gathering.series:
                raise Refused(
                    f"‘{gathering.title}’ hoort bij geen reeks; laat --series weg",
                    f"'{gathering.title}' is part of no series; leave --series out",
                )
            rows += _rest_of_series(work, gathering, row)
        for each in rows:
            leave_out(work, each, because=reason)
        if len(rows) == 1:
            work.say(f"‘{gathering.title}’ gaat niet door.", f"'{gathering.title}' is cancelled.")
        else:
            work.say(
                f"De rest van de reeks ‘{gathering.series}’ gaat niet door: {len(rows)} bijeenkomsten.",
                f"The rest of the series '{gathering.series}' is cancelled: {len(rows)} gatherings.",
            )
    return result


def invited_by(
    email: str, gathering: Gathering, invited: Sequence[tuple[Invitation, Person]]
) -> tuple[Invitation, Person]:
    """Whose address this is, of those invited. Refused, with who is invited, when it is nobody's."""
    wanted = email.strip().lower()
    for invitation, person in invited:
        if wanted in (person.email.lower(), invitation.address.lower()):
            return invitation, person
    names = ", ".join(f"{person.name} <{person.email}>" for _, person in invited)
    raise Refused(
        f"{email} is niet uitgenodigd voor ‘{gathering.title}’; wel: {names or 'niemand'}",
        f"{email} is not invited to '{gathering.title}'; these are: {names or 'nobody'}",
    )


@contextmanager
def on_gathering(
    store: Store, settings: Settings, number: int, now: datetime, *, dry_run: bool
) -> Generator[tuple[Work, Gathering, StaffResult]]:
    """Run one action on one gathering that is still to be, in the transaction of its trajectory."""
    at = numbered(store, number)
    result = StaffResult(at.reference)
    with action(store, settings, at.reference, now, result, dry_run=dry_run) as work:
        gathering = next(each for each in work.dossier.gatherings.values() if each.id == number)
        _refuse_closed(gathering)
        yield work, gathering, result


def _rest_of_series(work: Work, gathering: Gathering, first: StepRow) -> list[StepRow]:
    programme, rest = work.dossier.programme, list[StepRow]()
    for row in work.dossier.steps.values():
        is_open = row.state in (StepState.PLANNED, StepState.OPEN) and "/" not in row.key
        later = row.starts_at is None or row.starts_at > gathering.starts_at
        if row is first or not is_open or not later or row.cycle != first.cycle:
            continue
        known = work.dossier.gatherings.get(row_id(row))
        series = known.series if known else programme.step(row.key).series
        if series == gathering.series:
            rest.append(row)
    return rest


def _refuse_words(name: str, text: str, base_url: str) -> None:
    """What no mail can carry, or should: the whole calendar entry is forwarded with it."""
    dutch, english, longest = WORDS[name]
    if len(text) > longest:
        raise Refused(
            f"de {dutch} is {len(text)} tekens lang; houd hem onder de {longest} en zet de rest op een pagina",
            f"the {english} is {len(text)} characters long; keep it under {longest} and put the rest on a page",
        )
    personal = (access.answer_url, access.evaluation_url, feeds.feed_url)
    if any(link(base_url, "").removesuffix(".ics") in text for link in personal):
        raise Refused(
            f"de {dutch} bevat een persoonlijke link: wie hem opent, antwoordt namens een ander; haal hem eruit",
            f"the {english} holds a personal link: whoever opens it answers for somebody else; take it out",
        )


def _refuse_closed(gathering: Gathering) -> None:
    if gathering.state is not GatheringState.FIXED:
        dutch, english = _CLOSED[gathering.state]
        raise Refused(
            f"‘{gathering.title}’ {dutch}; daar verandert niets meer aan",
            f"'{gathering.title}' {english}; nothing can be changed about it",
        )


def refuse_begun(gathering: Gathering, now: datetime) -> None:
    """What has begun is as it is."""
    if gathering.starts_at <= now:
        raise Refused(
            f"‘{gathering.title}’ is al begonnen; wie uitgenodigd is weet alles al",
            f"'{gathering.title}' has begun; who is invited knows all of it already",
        )
