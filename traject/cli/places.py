"""`traject gatherings capacity …`: how many places a gathering has."""

from functools import partial
from typing import Annotated

import typer

from traject.cli.changing import decide
from traject.cli.console import AsJson, DryRun, Yes, both, desk
from traject.cli.gatherings_seen import Number
from traject.staff_places import set_capacity

commands = typer.Typer()


@commands.command(
    "capacity",
    help=both(
        "Zeg hoeveel plekken er zijn; wie wacht krijgt aangeboden wat vrij is.",
        "Say how many places there are; who waits is offered what is free.",
    ),
)
def capacity(
    context: typer.Context,
    number: Number,
    places: Annotated[
        int, typer.Argument(metavar="PLEKKEN", min=1, help=both("Aantal plekken.", "Number of places."))
    ],
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Who has a place keeps it."""
    at = desk(context)
    action = partial(set_capacity, at.store, at.settings, number, capacity=places)
    decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)
