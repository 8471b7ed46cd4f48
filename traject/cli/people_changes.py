"""`traject people change` and `people works`: another address or name, or an address that works after all."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer

from traject.cli.console import AsJson, BadUsage, DryRun, Yes, both, desk
from traject.cli.people import commands
from traject.readdress import Readdressed, address_works, change_person

Email = Annotated[str, typer.Argument(help=both("Adres zoals het nu is.", "The address as it is now."))]


@commands.command(
    "change", help=both("Geef iemand een ander adres of een andere naam.", "Change an address or a name.")
)
def change(
    context: typer.Context,
    email: Email,
    to: Annotated[str, typer.Option("--email", help=both("Nieuw adres.", "New address."))] = "",
    name: Annotated[str, typer.Option("--name", help=both("Nieuwe naam.", "New name."))] = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """What waits goes to the new address; invitations are sent anew, and answers that were given stay."""
    at = desk(context)
    if not (to or name):
        raise BadUsage(at.say("geef --email of --name", "give --email or --name"))
    action = partial(change_person, at.store, at.settings, email, new_email=to, new_name=name)
    _decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command(
    "works",
    help=both(
        "Dit adres werkt toch: wat wachtte gaat alsnog.", "This address works after all: what waited goes."
    ),
)
def works(
    context: typer.Context, email: Email, dry_run: DryRun = False, yes: Yes = False, as_json: AsJson = False
) -> None:
    """The task that asked for another address is done."""
    at = desk(context)
    action = partial(address_works, at.store, email)
    _decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)


def _decide(
    context: typer.Context, action: Callable[..., Readdressed], *, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Show what would follow, ask, and do it."""
    at = desk(context)
    at.refuse_unasked(yes=yes, dry_run=dry_run, as_json=as_json)
    now = at.now()
    if not (yes and as_json):
        tried = action(now=now, dry_run=True)
        if as_json:
            at.give({"done": False, **asdict(tried)})
        else:
            at.tell(f"{tried.name} <{tried.email}>")
            for mail in tried.mails:
                at.tell(f"Mail: {mail.person} <{mail.email}>: {mail.subject}")
            at.tell(
                at.say(
                    f"{tried.moved} wachtende mails gaan naar het nieuwe adres; {tried.released} worden vrijgegeven.",
                    f"{tried.moved} mails that wait go to the new address; {tried.released} are released.",
                )
            )
            if tried.greeted:
                at.tell(
                    at.say(
                        f"{tried.greeted} {'mail die al klaarstaat, noemt' if tried.greeted == 1 else 'mails die al klaarstaan, noemen'} "
                        "nog de oude naam; `traject outbox skip` houdt er een tegen.",
                        f"{tried.greeted} mails that wait already still have the old name; `traject outbox skip` stops one.",
                    )
                )
        if dry_run:
            if not as_json:
                at.tell(at.say("Er is niets veranderd (--dry-run).", "Nothing was changed (--dry-run)."))
            return
        if not (yes or at.confirm()):
            raise typer.Exit(1)
    done = action(now=now)
    if as_json:
        at.give({"done": True, **asdict(done)})
    else:
        at.tell(at.say("Gedaan.", "Done."))
