"""`traject slots`, `choose` and `people agenda`: when a gathering can be, why not, and when staff are taken."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.text import Text as Styled
from sqlmodel import Session

from models import Trajectory
from traject import staff_dates
from traject.cli.arguments import CycleName, Reference
from traject.cli.console import AsJson, BadUsage, Desk, both, desk
from traject.cli.deciding import Action, deciding
from traject.cli.people import commands as people
from traject.crowded import too_small
from traject.dossier import Dossier, find, load, row_id
from traject.obstacles import Obstacle
from traject.scheduling import plan_dates_again
from traject.search import Rejected
from traject.show import day, instant_json, moment, table
from traject.slots import Slots, slots_of
from traject.staff_agenda import problem_of, remove_agenda, set_agenda, with_agenda

commands = typer.Typer()

GatheringKey = Annotated[
    str, typer.Argument(help=both("Bijeenkomst, zoals intake.", "Gathering, like intake."))
]


@commands.command(
    "slots",
    help=both(
        "Wanneer een bijeenkomst kan zijn, het beste eerst, en waarom andere momenten niet kunnen.",
        "When a gathering can be, best first, and why other moments cannot.",
    ),
)
def slots(
    context: typer.Context,
    reference: Reference,
    step: GatheringKey,
    cycle: CycleName = "",
    most: Annotated[
        int, typer.Option("--most", min=1, help=both("Hoeveel momenten.", "How many moments."))
    ] = 10,
    as_json: AsJson = False,
) -> None:
    """Changes nothing; the first is what Traject takes by itself."""
    at = desk(context)
    now = at.now()
    with at.store.read() as session:
        dossier = load(session, row_id(find(session, reference)), at.settings, now)
        found = slots_of(dossier, step, cycle, now)
        notes = list(_agenda_notes(at, session, dossier, step))
        if note := too_small(session, dossier, dossier.programme.step(step), cycle):
            notes.append(note.in_language(at.language))
    if as_json:
        at.give(_as_json(at, found, notes))
    elif found is None:
        at.tell(
            at.say("Deze bijeenkomst wacht op een stap zonder datum.", "It waits for a step without a date.")
        )
    else:
        _show(at, reference, found, most)
    if not as_json:
        for note in notes:
            at.warn(note)


def _agenda_notes(at: Desk, session: Session, dossier: Dossier, step: str) -> Iterator[str]:
    """Whose calendar could not be read: of them it is only known when they were taken before."""
    invited = {person.id for _, person in dossier.people(dossier.programme.step(step).to)}
    for person in with_agenda(session):
        if person.id in invited and (problem := problem_of(person)):
            read = (
                moment(person.agenda_read_at, at.settings.zone, at.language) if person.agenda_read_at else "?"
            )
            yield at.say(
                f"De agenda van {person.name} is het laatst gelezen op {read}: {problem.nl}",
                f"The calendar of {person.name} was last read on {read}: {problem.in_language('en')}",
            )


def _show(at: Desk, reference: str, found: Slots, most: int) -> None:
    zone, language = at.settings.zone, at.language
    title = found.title.in_language(language)
    at.show(Styled(f"{title}{f' {found.cycle}' if found.cycle else ''}", style="bold"))
    at.tell(
        at.say(
            f"Tussen {day(found.first, language)} en {day(found.last, language)}\n",
            f"Between {day(found.first, language)} and {day(found.last, language)}\n",
        )
    )
    if found.candidates:
        made = table(
            ("", {"justify": "right"}),
            (at.say("Wanneer", "When"), {"no_wrap": True}),
            at.say("Ook om", "Also at"),
            at.say("Let op", "Remarks"),
        )
        for number, each in enumerate(found.candidates[:most], start=1):
            made.add_row(
                str(number),
                f"{moment(each.starts_at, zone, language)}–{each.ends_at.astimezone(zone):%H:%M}",
                _hours(at, each.also),
                escape(", ".join(remark.in_language(language) for remark in each.remarks)),
            )
        at.show(made)
        if (more := len(found.candidates) - most) > 0:
            at.tell(at.say(f"… en nog {more}; `--most` toont er meer", f"… and {more} more; see `--most`"))
        first = found.candidates[0].starts_at.astimezone(zone)
        cycle = f" --cycle {found.cycle}" if found.cycle else ""
        choose = f'traject choose {reference} {found.key} "{first:%Y-%m-%d %H:%M}"{cycle}'
        at.tell(at.say(f"\nKies er een: {choose}", f"\nChoose one: {choose}"))
    else:
        at.tell(at.say("Er is geen moment dat kan.", "There is no moment that will do."))
    # Days of the wrong kind are only counted: there are many, and everybody knows why.
    rejected = list(_grouped(each for each in found.rejected if each.why.obstacle is not Obstacle.WEEKDAY))
    if rejected:
        at.show("", Styled(at.say("Wat niet kan", "What cannot be"), style="bold"))
        made = table((at.say("Wanneer", "When"), {"no_wrap": True}), at.say("Waarom niet", "Why not"))
        for first, last, each in rejected:
            days = day(first, language) + (f" – {day(last, language)}" if last != first else "")
            hours = _hours(at, each.starts)
            made.add_row(
                f"{days}{f' {hours}' if hours else ''}", escape(each.why.say().in_language(language))
            )
        at.show(made)
        if text := found.in_the_way.in_language(language):
            at.tell(at.say(f"Samen: {text}", f"Together: {text}"))


def _hours(at: Desk, starts: tuple[datetime, ...]) -> str:
    """Starts half an hour apart as a range: `14:00–15:30`."""
    if not starts:
        return ""
    local = [start.astimezone(at.settings.zone) for start in starts]
    whole = local[-1] - local[0] == timedelta(minutes=30) * (len(local) - 1)
    if whole and len(local) > 2:
        return f"{local[0]:%H:%M}–{local[-1]:%H:%M}"
    return ", ".join(f"{each:%H:%M}" for each in local)


def _grouped(rejected: Iterable[Rejected]) -> Iterator[tuple[date, date, Rejected]]:
    """Days in a row with one reason together: a holiday is one line, with the weekends inside it."""
    first: date | None = None
    last: date | None = None
    kept: Rejected | None = None
    for each in rejected:
        if kept and last and not each.starts and each.why == kept.why and (each.day - last).days <= 3:
            last = each.day
            continue
        if first and last and kept:
            yield first, last, kept
        first = last = each.day
        kept = each
    if first and last and kept:
        yield first, last, kept


def _as_json(at: Desk, found: Slots | None, notes: list[str]) -> dict[str, Any]:
    if found is None:
        return {"candidates": [], "rejected": [], "in_the_way": None, "waits": True, "notes": notes}
    zone, language = at.settings.zone, at.language
    return {
        "key": found.key,
        "cycle": found.cycle or None,
        "title": found.title.in_language(language),
        "first": found.first.isoformat(),
        "last": found.last.isoformat(),
        "waits": False,
        "candidates": [
            {
                "starts_at": instant_json(each.starts_at, zone),
                "ends_at": instant_json(each.ends_at, zone),
                "also": [instant_json(start, zone) for start in each.also],
                "remarks": [remark.in_language(language) for remark in each.remarks],
            }
            for each in found.candidates
        ],
        "rejected": [
            {
                "day": each.day.isoformat(),
                "starts": [instant_json(start, zone) for start in each.starts],
                "kind": each.why.obstacle.value,
                "reason": each.why.say().in_language(language),
            }
            for each in found.rejected
        ],
        "in_the_way": found.in_the_way.in_language(language) or None,
        "notes": notes,
    }


@deciding(
    commands,
    "choose",
    help=both(
        "Kies de datum van een bijeenkomst; wat in de weg staat wordt gezegd.",
        "Choose the date of a gathering; what stands in its way is said.",
    ),
)
def choose(
    at: Desk,
    reference: Reference,
    step: GatheringKey,
    to: Annotated[
        str, typer.Argument(help=both("Het moment: “2026-11-12 13:30”.", "The moment: “2026-11-12 13:30”."))
    ],
    cycle: CycleName = "",
    force: Annotated[
        bool,
        typer.Option(
            "--force", help=both("Ook als er iets in de weg staat.", "Also when something is in the way.")
        ),
    ] = False,
) -> Action:
    """Staff decide; invitations follow at their time, and people who were invited hear of it."""
    return partial(
        staff_dates.choose, at.store, at.settings, reference, step, cycle, to=at.instant(to), force=force
    )


@people.command(
    "agenda",
    help=both(
        "Lees elke dag uit iemands agenda wanneer die bezet is; niet waarmee.",
        "Read every day from somebody's calendar when they are taken; not with what.",
    ),
)
def agenda(
    context: typer.Context,
    email: Annotated[str, typer.Argument(help=both("Adres van de medewerker.", "Address of the colleague."))],
    place: Annotated[
        str,
        typer.Argument(
            help=both(
                "Webadres (https:// of webcal://) of .ics-bestand.",
                "Web address (https:// or webcal://) or file.",
            )
        ),
    ] = "",
    remove: Annotated[
        bool, typer.Option("--remove", help=both("Lees hem niet meer.", "Read it no more."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read at once, so that an address that does not work is seen now."""
    at = desk(context)
    if remove == bool(place):
        raise BadUsage(
            at.say(
                "geef een webadres of een .ics-bestand, of --remove",
                "give a web address or an .ics file, or --remove",
            )
        )
    now = at.now()
    if remove:
        remove_agenda(at.store, email)
        times = 0
        told = at.say("De agenda wordt niet meer gelezen.", "The calendar is read no more.")
    else:
        times = set_agenda(at.store, at.settings, email, place, now=now)
        told = at.say(
            f"Gelezen: {times} keer bezet in de komende twee jaar. Vanaf nu elke dag.",
            f"Read: taken {times} times in the coming two years. From now on every day.",
        )
    changed = plan_dates_again(at.store, at.settings, now=now)
    with at.store.read() as session:
        moved = [session.get_one(Trajectory, number).reference for number in changed]
    if as_json:
        at.give({"email": email, "is_read": not remove, "busy_times": times, "replanned": moved})
        return
    at.tell(told)
    if moved:
        names = ", ".join(moved)
        at.tell(
            at.say(f"Een andere datum kregen bijeenkomsten van: {names}.", f"Gatherings moved in: {names}.")
        )
