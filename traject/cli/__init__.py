"""The command line: `traject`. Each noun has its file; here they come together."""

import logging
from typing import Annotated

import typer

from traject.cli import (
    changing,
    feeds,
    gatherings,
    launching,
    lint,
    locations,
    mail,
    mail_plan,
    mailbox,
    people_changes,
    programmes,
    quiet,
    running,
    school_calendar,
    slots,
    tasks,
    templates,
    trial,
    watching,
)
from traject.cli.console import Desk, Group, both, language_of

__all__ = ["app", "main"]

app = typer.Typer(
    cls=Group,
    name="traject",
    help=both(
        "Traject begeleidt de meerjarige trajecten van scholen: fasen, herinneringen, uitnodigingen en evaluaties.",
        "Traject runs the multi-year trajectories of schools: stages, reminders, invitations and evaluations.",
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


# A command says in a sentence what went wrong; the log's own words, with a trace, would stand beside it.
logging.getLogger("traject").addHandler(logging.NullHandler())


@app.callback()
def begin(
    context: typer.Context,
    lang: Annotated[
        str, typer.Option("--lang", help=both("Taal: nl of en.", "Language: nl or en."), metavar="nl|en")
    ] = "",
) -> None:
    """Choose the language; open what the command needs, and close it again."""
    context.obj = desk = Desk(lang if lang in ("nl", "en") else language_of([]))
    if lang and lang not in ("nl", "en"):
        raise typer.BadParameter(f"{lang!r}: nl / en", param_hint="--lang")
    context.call_on_close(desk.close)


for commands in (running.commands, launching.commands, watching.commands, changing.commands, lint.commands):
    app.add_typer(commands)
app.add_typer(slots.commands)
app.add_typer(school_calendar.commands, name="schools")
app.add_typer(people_changes.commands, name="people")
app.add_typer(feeds.commands, name="feeds")
app.add_typer(gatherings.commands, name="gatherings")
app.add_typer(programmes.commands, name="programmes")
app.add_typer(templates.commands, name="templates")
app.add_typer(quiet.commands, name="quiet")
app.add_typer(locations.commands, name="locations")
app.add_typer(tasks.commands, name="tasks")
app.add_typer(mail_plan.outbox, name="outbox")
app.add_typer(mail.inbox, name="inbox")
mail.inbox.add_typer(mailbox.commands)
app.add_typer(trial.mail, name="mail")


def main() -> None:
    """Run the command line. Exit code 0: done; 1: refused, or something is wrong; 2: not understood."""
    app()
