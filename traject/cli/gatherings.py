"""`traject gatherings …`: every change of a gathering, with what people get of it before it is done."""

import re
from datetime import datetime, timedelta
from email.utils import getaddresses
from functools import partial
from typing import Annotated

import typer

from traject import staff_gatherings, staff_proposals
from traject.cli import attendance, gatherings_seen, places
from traject.cli.changing import decide
from traject.cli.console import AsJson, BadUsage, Desk, DryRun, Yes, both, desk
from traject.cli.gatherings_seen import Number

commands = typer.Typer(
    help=both("Bijeenkomsten: wie komt, en wijzigen.", "Gatherings: who comes, and changes."),
    no_args_is_help=True,
)
commands.add_typer(gatherings_seen.commands)
commands.add_typer(attendance.commands)
commands.add_typer(places.commands)

Address = Annotated[
    str,
    typer.Argument(
        metavar="ADRES", help=both("Mailadres van wie is uitgenodigd.", "Address of who is invited.")
    ),
]
Reason = Annotated[
    str, typer.Option("--reason", help=both("Wat mensen als reden lezen.", "What people read as the reason."))
]


@commands.command(
    "move", help=both("Verplaats een bijeenkomst; iedereen krijgt bericht.", "Move a gathering.")
)
def move(
    context: typer.Context,
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
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Everybody is asked again."""
    at = desk(context)
    to = at.instant(when)
    if until and hours is not None:
        raise BadUsage(at.say("geef --until of --hours, niet allebei", "give --until or --hours, not both"))
    ends = to + timedelta(hours=hours) if hours is not None else _until(at, to, until) if until else None
    action = partial(staff_gatherings.move, at.store, at.settings, number, to=to, until=ends)
    decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)


def _until(at: Desk, to: datetime, text: str) -> datetime:
    """An end: a moment, or a time of the day on which it starts."""
    is_time = re.fullmatch(r"\d{1,2}:\d\d", text.strip())
    return at.instant(f"{to.astimezone(at.settings.zone).date()} {text.strip()}" if is_time else text)


@commands.command("place", help=both("Wijzig de plek; iedereen krijgt bericht.", "Change the place."))
def place(
    context: typer.Context,
    number: Number,
    text: Annotated[str, typer.Argument(metavar="PLEK", help=both("De nieuwe plek.", "The new place."))],
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Everybody is asked again."""
    at = desk(context)
    action = partial(staff_gatherings.change, at.store, at.settings, number, place=text)
    decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command(
    "text", help=both("Wijzig titel of omschrijving; antwoorden blijven.", "Change the words; answers stay.")
)
def text(
    context: typer.Context,
    number: Number,
    title: Annotated[str | None, typer.Option("--title", help=both("Nieuwe titel.", "New title."))] = None,
    description: Annotated[
        str | None, typer.Option("--description", help=both("Nieuwe omschrijving.", "New description."))
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Nobody is asked again."""
    at = desk(context)
    if title is None and description is None:
        raise BadUsage(at.say("geef --title en/of --description", "give --title and/or --description"))
    action = partial(
        staff_gatherings.change, at.store, at.settings, number, title=title, description=description
    )
    decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command(
    "add", help=both("Nodig iemand uit voor deze bijeenkomst.", "Invite somebody to this gathering.")
)
def add(
    context: typer.Context,
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
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """With a role or without one."""
    at = desk(context)
    [(name, email), *others] = getaddresses([who]) or [("", "")]
    if "@" not in email or others:
        raise BadUsage(
            at.say(
                f'‘{who}’ is geen adres; schrijf n.visser@school.example of "Noor Visser <n.visser@school.example>"',
                f'‘{who}’ is no address; write n.visser@school.example or "Noor Visser <n.visser@school.example>"',
            )
        )
    action = partial(staff_gatherings.add, at.store, at.settings, number, name=name, email=email)
    decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command(
    "remove", help=both("Trek de uitnodiging van één persoon in.", "Withdraw one person's invitation.")
)
def remove(
    context: typer.Context,
    number: Number,
    email: Address,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Only they hear of it."""
    at = desk(context)
    action = partial(staff_gatherings.remove, at.store, at.settings, number, email=email, reason=reason)
    decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command(
    "cancel",
    help=both(
        "Zeg een bijeenkomst af, of de rest van een reeks.", "Cancel a gathering, or the rest of a series."
    ),
)
def cancel(
    context: typer.Context,
    number: Number,
    reason: Reason = "",
    series: Annotated[
        bool,
        typer.Option(
            "--series", help=both("Ook alles wat daarna in de reeks komt.", "And all after it in its series.")
        ),
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """It leaves every calendar."""
    at = desk(context)
    action = partial(staff_gatherings.cancel, at.store, at.settings, number, reason=reason, series=series)
    decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command(
    "accept-proposal",
    help=both("Neem het voorgestelde moment over.", "Move it to the time that was proposed."),
)
def accept_proposal(
    context: typer.Context,
    number: Number,
    email: Address,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Everybody is asked again."""
    at = desk(context)
    action = partial(staff_proposals.accept, at.store, at.settings, number, email=email)
    decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command(
    "decline-proposal", help=both("Laat weten dat het moment blijft.", "Say that the time stays as it is.")
)
def decline_proposal(
    context: typer.Context,
    number: Number,
    email: Address,
    reason: Reason = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Only who proposed it hears of it."""
    at = desk(context)
    action = partial(staff_proposals.decline, at.store, at.settings, number, email=email, reason=reason)
    decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)
