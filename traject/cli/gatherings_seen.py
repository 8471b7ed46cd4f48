"""`traject gatherings list` and `show`: when and where, who comes, who has not said, and whom no mail reaches."""

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.text import Text as Styled

from models import Gathering
from models.enums import PartStat
from traject import gatherings_shown
from traject.away import away_note
from traject.cli.arguments import Number
from traject.cli.console import AsJson, Desk, both, desk
from traject.dossier import find, row_id
from traject.gatherings_shown import Guest, Shown
from traject.mail_words import period
from traject.show import instant_json, moment, table, word
from traject.waiting import taken

commands = typer.Typer()

_ANSWERS: dict[PartStat, tuple[str, str]] = {
    PartStat.ACCEPTED: ("komt", "comes"),
    PartStat.DECLINED: ("komt niet", "does not come"),
    PartStat.TENTATIVE: ("misschien", "maybe"),
    PartStat.NEEDS_ACTION: ("geen antwoord", "no answer"),
    PartStat.DELEGATED: ("stuurt iemand", "sends somebody"),
}


@commands.command("list", help=both("Bijeenkomsten die nog komen.", "Gatherings that are still to come."))
def list_gatherings(
    context: typer.Context,
    trajectory: Annotated[
        str, typer.Option("--trajectory", help=both("Alleen van dit traject.", "Only of this trajectory."))
    ] = "",
    days: Annotated[
        int | None,
        typer.Option("--days", min=1, help=both("Zoveel dagen vooruit.", "So many days ahead.")),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """A line for each, with how many come."""
    at = desk(context)
    with at.store.read() as session:
        only = row_id(find(session, trajectory)) if trajectory else None
        found = gatherings_shown.to_come(session, at.now(), trajectory_id=only, days=days)
    if as_json:
        at.give([_json(at, shown) for shown in found])
        return
    made = table(
        (at.say("Nr", "No"), {"justify": "right"}),
        (at.say("Wanneer", "When"), {"no_wrap": True}),
        at.say("Wat", "What"),
        at.say("School of groep", "School or group"),
        at.say("Antwoorden", "Answers"),
    )
    for shown in found:
        made.add_row(
            str(shown.gathering.id),
            moment(shown.gathering.starts_at, at.settings.zone, at.language),
            escape(shown.gathering.title),
            escape(shown.name),
            "\n".join(_counts(at, shown)),
        )
    at.show(made)
    only_one = len(found) == 1
    at.tell(
        at.say(
            f"{len(found)} {'bijeenkomst' if only_one else 'bijeenkomsten'}",
            f"{len(found)} {'gathering' if only_one else 'gatherings'}",
        )
    )


@commands.command(
    "show", help=both("Eén bijeenkomst: mensen, antwoorden, voorstellen.", "One gathering in full.")
)
def show(context: typer.Context, number: Number, as_json: AsJson = False) -> None:
    """Everybody who is or was invited."""
    at = desk(context)
    with at.store.read() as session:
        shown = gatherings_shown.one(session, number)
    if as_json:
        at.give({**_json(at, shown), "people": [_person_json(at, guest) for guest in shown.guests]})
        return
    gathering = shown.gathering
    when = period(gathering.starts_at, at.language, gathering.ends_at, gathering.timezone)
    at.show(Styled(f"{gathering.id}  {gathering.title}", style="bold"))
    at.tell(f"{when}, {gathering.place or at.say('plek volgt nog', 'place to follow')}")
    at.tell(f"{shown.reference}  {shown.name}  ({word(gathering.state, at.language)})")
    if gathering.series:
        at.tell(at.say(f"Reeks: {gathering.series}", f"Series: {gathering.series}"))
    made = table(
        at.say("Naam", "Name"),
        at.say("Adres", "Address"),
        at.say("Antwoord", "Answer"),
        at.say("Verder", "More"),
    )
    for guest in shown.guests:
        made.add_row(
            escape(guest.person.name),
            escape(guest.person.email),
            _answer(at, guest),
            escape("\n".join(_more(at, guest, gathering))),
        )
    at.show(made)
    at.tell(", ".join(_counts(at, shown)))
    if gathering.capacity is not None:
        held, of = taken([guest.invitation for guest in shown.guests]), gathering.capacity
        at.tell(at.say(f"{held} van {of} plekken bezet", f"{held} of {of} places taken"))


def _counts(at: Desk, shown: Shown) -> list[str]:
    said = [(shown.count(partstat), *words) for partstat, words in _ANSWERS.items()]
    said += [
        (shown.waiting, "op de wachtlijst", "on the waiting list"),
        (shown.proposals, "ander moment voorgesteld", "proposed another time"),
        (shown.unreachable, "adres werkt niet", "address does not work"),
    ]
    return [f"{count} {at.say(dutch, english)}" for count, dutch, english in said if count]


def _answer(at: Desk, guest: Guest) -> str:
    if guest.invitation.is_cancelled:
        return at.say("uitnodiging ingetrokken", "invitation withdrawn")
    if guest.is_waiting:
        return at.say("wachtlijst", "waiting list")
    return at.say(*_ANSWERS[guest.invitation.partstat])


def _more(at: Desk, guest: Guest, gathering: Gathering) -> list[str]:
    invitation, lines = guest.invitation, list[str]()
    today = at.now().astimezone(at.settings.zone).date()
    if invitation.proposed_starts_at and invitation.proposed_ends_at:
        wish = period(
            invitation.proposed_starts_at, at.language, invitation.proposed_ends_at, gathering.timezone
        )
        lines.append(at.say(f"stelt voor: {wish}", f"proposes: {wish}"))
    if not guest.is_reachable:
        lines.append(at.say("adres werkt niet meer", "address no longer works"))
    if invitation.partstat is PartStat.NEEDS_ACTION and not invitation.is_cancelled:
        lines.append(away_note(guest.person, today, at.language))
    if gathering.capacity is not None and invitation.is_required:
        lines.append(at.say("heeft altijd een plek", "always has a place"))
    if invitation.comment:
        lines.append(f"‘{invitation.comment}’")
    return [line for line in lines if line]


def _json(at: Desk, shown: Shown) -> dict[str, Any]:
    gathering, zone = shown.gathering, at.settings.zone
    return {
        "number": gathering.id,
        "reference": shown.reference,
        "name": shown.name,
        "title": gathering.title,
        "description": gathering.description,
        "place": gathering.place,
        "starts_at": instant_json(gathering.starts_at, zone),
        "ends_at": instant_json(gathering.ends_at, zone),
        "state": gathering.state.value,
        "series": gathering.series or None,
        "theme": gathering.theme or None,
        "capacity": gathering.capacity,
        "sequence": gathering.sequence,
        "answers": {partstat.value: shown.count(partstat) for partstat in _ANSWERS},
        "waiting": shown.waiting,
        "proposals": shown.proposals,
        "unreachable": shown.unreachable,
    }


def _person_json(at: Desk, guest: Guest) -> dict[str, Any]:
    invitation, zone = guest.invitation, at.settings.zone
    return {
        "name": guest.person.name,
        "email": guest.person.email,
        "address_works": guest.is_reachable,
        "away_until": guest.person.away_until.isoformat() if guest.person.away_until else None,
        "is_required": invitation.is_required,
        "is_cancelled": invitation.is_cancelled,
        "answer": invitation.partstat.value,
        "answered_at": instant_json(invitation.answered_at, zone),
        "comment": invitation.comment,
        "waiting_since": instant_json(invitation.waiting_since, zone),
        "proposed_starts_at": instant_json(invitation.proposed_starts_at, zone),
        "proposed_ends_at": instant_json(invitation.proposed_ends_at, zone),
        "attended": invitation.attended,
        "sequence": invitation.sequence,
    }
