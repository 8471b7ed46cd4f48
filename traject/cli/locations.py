"""`traject locations`: for how many people the places are at which gatherings are held."""

from functools import partial
from typing import Annotated

import typer
from rich.markup import escape
from rich.text import Text as Styled

from traject.cli.console import AsJson, BadUsage, Desk, DryRun, Yes, both, desk
from traject.cli.settling import Change, settle, show_trajectories, trajectories_json
from traject.show import table
from traject.staff_locations import LocationResult, locations, set_seats

commands = typer.Typer(
    help=both(
        "Plekken: voor hoeveel mensen ze zijn; bijeenkomsten die er niet bij passen krijgen een ander moment.",
        "Places: for how many people they are; gatherings that do not fit get another moment.",
    ),
    no_args_is_help=True,
)


@commands.command(
    "list",
    help=both(
        "De plekken waarvan bekend is hoeveel er kunnen.",
        "The places of which it is known how many people they hold.",
    ),
)
def list_locations(context: typer.Context, as_json: AsJson = False) -> None:
    """By name."""
    at = desk(context)
    with at.store.read() as session:
        found = [(each.name, each.seats) for each in locations(session)]
    if as_json:
        at.give([{"name": name, "seats": seats} for name, seats in found])
        return
    if not found:
        at.tell(
            at.say(
                "Van geen plek is bekend hoeveel mensen er kunnen; overal is ruimte genoeg.",
                "Of no place it is known how many people it holds; there is room everywhere.",
            )
        )
        return
    made = table(at.say("Plek", "Place"), (at.say("Mensen", "People"), {"justify": "right"}))
    for name, seats in found:
        made.add_row(escape(name), str(seats))
    at.show(made)


@commands.command(
    "set", help=both("Zeg voor hoeveel mensen een plek is.", "Say for how many people a place is.")
)
def set_location(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            help=both("De plek, zoals die in het programma staat.", "The place, as the programme writes it.")
        ),
    ],
    seats: Annotated[
        int | None, typer.Argument(help=both("Hoeveel mensen er kunnen.", "How many people it holds."))
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help=both("Niet meer bekend.", "No longer known."))
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """What nobody was invited to yet is planned again; what people know of stays."""
    at = desk(context)
    if remove == (seats is not None):
        raise BadUsage(at.say("geef een aantal mensen, of --remove", "give a number of people, or --remove"))
    change = Change(
        partial(set_seats, at.store, at.settings, name, seats, now=at.now()),
        partial(_show, at),
        lambda it: {
            "name": it.name,
            "before": it.before,
            "seats": it.seats,
            "trajectories": trajectories_json(at, it.trajectories),
        },
        lambda it: it.before != it.seats,
    )
    settle(at, change, dry_run=dry_run, yes=yes, as_json=as_json)


def _show(at: Desk, result: LocationResult) -> None:
    at.show(Styled(result.name, style="bold"))
    at.tell(f"{_said(at, result.before)} → {_said(at, result.seats)}")
    show_trajectories(at, result.trajectories)


def _said(at: Desk, seats: int | None) -> str:
    if seats is None:
        return at.say("voor iedereen", "for everybody")
    return at.say(f"voor {seats} mensen", f"for {seats} people")
