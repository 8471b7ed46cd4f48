"""`traject inbox read`, and what every list says when the mailbox cannot be read."""

import typer

from traject.cli.console import AsJson, Desk, both, desk
from traject.errors import Refused
from traject.inbox_words import outcome_word

commands = typer.Typer()


def warn_of_the_mailbox(at: Desk) -> None:
    """Say what stands in the way of answers coming in, when something does."""
    from traject.mailbox_news import standing_problem

    with at.store.read() as session:
        problem = standing_problem(session, at.settings)
    if problem:
        at.warn(problem)


@commands.command("read", help=both("Lees de postbus nu.", "Read the mailbox now."))
def read(context: typer.Context, as_json: AsJson = False) -> None:
    """As every heartbeat does; exit code 1 when it cannot be read, or is full."""
    from traject.reading import read_mailbox

    at = desk(context)
    if not at.settings.mailbox_url:
        raise Refused(
            "er is geen postbus ingesteld; zet TRAJECT_MAILBOX_URL, zoals imaps://NAAM:WACHTWOORD@SERVER/INBOX",
            "no mailbox is set; set TRAJECT_MAILBOX_URL, like imaps://USER:PASSWORD@HOST/INBOX",
        )
    reading = read_mailbox(at.store, at.settings, at.now())
    if as_json:
        at.give(reading.as_dict(at.language))
    else:
        counts = ", ".join(
            f"{count} × {outcome_word(outcome, at.language)}"
            for outcome, count in sorted(reading.outcomes.items())
        )
        at.tell(
            at.say(
                f"{reading.mailbox}: {reading.new} nieuw, {reading.known} al bekend",
                f"{reading.mailbox}: {reading.new} new, {reading.known} known already",
            )
            + (f" ({counts})" if counts else "")
        )
    if reading.problem:
        detail = f" ({reading.detail})" if reading.detail else ""
        at.warn(f"{reading.mailbox}: {reading.problem.in_language(at.language)}{detail}")
        raise typer.Exit(1)
