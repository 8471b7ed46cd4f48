"""`traject gatherings …`: every change of a gathering, with what people get of it before it is done."""

import re
from datetime import datetime, timedelta
from email.utils import getaddresses
from functools import partial
from typing import Annotated

import typer

from traject import staff_gatherings, staff_places, staff_proposals
from traject.cli import attendance, gatherings_seen
from traject.cli.arguments import Address, Number, Reason
from traject.cli.console import BadUsage, Desk, both
from traject.cli.deciding import Action, deciding

commands = typer.Typer(
    help=both("Bijeenkomsten: wie komt, en wijzigen.", "Gatherings: who comes, and changes."),
    no_args_is_help=True,
)
commands.add_typer(gatherings_seen.commands)
commands.add_typer(attendance.commands)


@deciding(
    commands, "move", help=both("Verplaats een bijeenkomst; iedereen krijgt bericht.", "Move a gathering.")
)
def move(
    at: Desk,
    number: Number,
    when: Annotated[
        str, typer.Argument(metavar="MOMENT", help=both("‘2026-10-07 13:30’.", "‘2026-10-07 13:30’."))
    ],
    until: Annotated[
        str, typer.Option("--until", help=both("Einde: ‘16:30’ of een moment.", "End: ‘16:30’ or a moment."))
    ] = "",
    hours: Annotated[
        float | None,
        typer.Option("--hours", min=0.25, max=72, help=both("Hoe lang, in uren.", "How long, in hours.")),
    ] = None,
) -> Action:
    """Everybody is asked again."""
    to = at.instant(when)
    if until and hours is not None:
        raise BadUsage(at.say("geef --until of --hours, niet allebei", "give --until or --hours, not both"))
    ends = to + timedelta(hours=hours) if hours is not None else _until(at, to, until) if until else None
    return partial(staff_gatherings.move, at.store, at.settings, number, to=to, until=ends)


def _until(at: Desk, to: datetime, text: str) -> datetime:
    """An end: a moment, or a time of the day on which it starts."""
    is_time = re.fullmatch(r"\d{1,2}:\d\d", text.strip())
    return at.instant(f"{to.astimezone(at.settings.zone).date()} {text.strip()}" if is_time else text)


@deciding(commands, "place", help=both("Wijzig de plek; iedereen krijgt bericht.", "Change the place."))
def place(
    at: Desk,
    number: Number,
    text: Annotated[str, typer.Argument(metavar="PLEK", help=both("De nieuwe plek.", "The new place."))],
) -> Action:
    """Everybody is asked again."""
    return partial(staff_gatherings.change, at.store, at.settings, number, place=text)


@deciding(
    commands,
    "text",
    help=both("Wijzig titel of omschrijving; antwoorden blijven.", "Change the words; answers stay."),
)
def text(
    at: Desk,
    number: Number,
    title: Annotated[str | None, typer.Option("--title", help=both("Nieuwe titel.", "New title."))] = None,
    description: Annotated[
        str | None, typer.Option("--description", help=both("Nieuwe omschrijving.", "New description."))
    ] = None,
) -> Action:
    """Nobody is asked again."""
    if title is None and description is None:
        raise BadUsage(at.say("geef --title en/of --description", "give --title and/or --description"))
    return partial(
        staff_gatherings.change, at.store, at.settings, number, title=title, description=description
    )


@deciding(
    commands,
    "add",
    help=both("Nodig iemand uit voor deze bijeenkomst.", "Invite somebody to this gathering."),
)
def add(
    at: Desk,
    number: Number,
    who: Annotated[
        str,
        typer.Argument(
            metavar="WIE",
            help=both(
                'Mailadres, of "Naam <adres>" voor wie nieuw is.',
                'Address, or "Name <address>" for who is new.',
            ),
        ),
    ],
) -> Action:
    """With a role or without one."""
    [(name, email), *others] = getaddresses([who]) or [("", "")]
    if "@" not in email or others:
        raise BadUsage(
            at.say(
                f'‘{who}’ is geen adres; schrijf n.visser@school.example of "Noor Visser <n.visser@school.example>"',
                f'‘{who}’ is no address; write n.visser@school.example or "Noor Visser <n.visser@school.example>"',
            )
        )
    return partial(staff_gatherings.add, at.store, at.settings, number, name=name, email=email)


@deciding(
    commands,
    "remove",
    help=both("Trek de uitnodiging van één persoon in.", "Withdraw one person's invitation."),
)
def remove(at: Desk, number: Number, email: Address, reason: Reason = "") -> Action:
    """Only they hear of it."""
    return partial(staff_gatherings.remove, at.store, at.settings, number, email=email, reason=reason)


@deciding(
    commands,
    "cancel",
    help=both(
        "Zeg een bijeenkomst af, of de rest van een reeks.", "Cancel a gathering, or the rest of a series."
    ),
)
def cancel(
    at: Desk,
    number: Number,
    reason: Reason = "",
    series: Annotated[
        bool,
        typer.Option(
            "--series", help=both("Ook alles wat daarna in de reeks komt.", "And all after it in its series.")
        ),
    ] = False,
) -> Action:
    """It leaves every calendar."""
    return partial(staff_gatherings.cancel, at.store, at.settings, number, reason=reason, series=series)


@deciding(
    commands,
    "accept-proposal",
    help=both("Neem het voorgestelde moment over.", "Move it to the time that was proposed."),
)
def accept_proposal(at: Desk, number: Number, email: Address) -> Action:
    """Everybody is asked again."""
    return partial(staff_proposals.accept, at.store, at.settings, number, email=email)


@deciding(
    commands,
    "decline-proposal",
    help=both("Laat weten dat het moment blijft.", "Say that the time stays as it is."),
)
def decline_proposal(at: Desk, number: Number, email: Address, reason: Reason = "") -> Action:
    """Only who proposed it hears of it."""
    return partial(staff_proposals.decline, at.store, at.settings, number, email=email, reason=reason)


@deciding(
    commands,
    "capacity",
    help=both(
        "Zeg hoeveel plekken er zijn; wie wacht krijgt aangeboden wat vrij is.",
        "Say how many places there are; who waits is offered what is free.",
    ),
)
def capacity(
    at: Desk,
    number: Number,
    places: Annotated[
        int, typer.Argument(metavar="PLEKKEN", min=1, help=both("Aantal plekken.", "Number of places."))
    ],
) -> Action:
    """Who has a place keeps it."""
    return partial(staff_places.set_capacity, at.store, at.settings, number, capacity=places)
