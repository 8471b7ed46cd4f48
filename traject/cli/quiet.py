"""`traject quiet`: the weeks in which schools are not mailed."""

from functools import partial
from typing import Annotated, Any

import typer

from calendars.school_year import QuietPeriod
from traject.cli.console import AsJson, Desk, DryRun, Yes, both, desk
from traject.cli.settling import Change, settle, trajectories_json
from traject.dossier import quiet_periods
from traject.quiet import QuietResult, change_quiet, new_quiet
from traject.show import day, table

commands = typer.Typer(
    help=both(
        "Stille weken: alleen nieuws over een bijeenkomst gaat dan uit.",
        "Quiet weeks: only news about a meeting goes out then.",
    ),
    no_args_is_help=True,
)

First = Annotated[str, typer.Argument(help=both("Eerste dag.", "First day."))]


@commands.command("list", help=both("De stille weken die bekend zijn.", "The quiet weeks that are known."))
def list_quiet(context: typer.Context, as_json: AsJson = False) -> None:
    """By date."""
    at = desk(context)
    with at.store.read() as session:
        known = quiet_periods(session)
    if as_json:
        at.give([_json(period) for period in known])
        return
    if not known:
        at.tell(at.say("Er zijn geen stille weken.", "There are no quiet weeks."))
        return
    made = table(at.say("Van", "From"), at.say("Tot en met", "Until"), at.say("Wat", "What"))
    for period in known:
        made.add_row(day(period.starts_on, at.language), day(period.ends_on, at.language), period.label)
    at.show(made)


@commands.command("add", help=both("Voeg een stille periode toe.", "Add a quiet period."))
def add(
    context: typer.Context,
    first: First,
    last: Annotated[str, typer.Argument(help=both("Laatste dag.", "Last day."))],
    label: Annotated[str, typer.Argument(help=both("Waarom, zoals ‘Monitor’.", "Why, like ‘Monitor’."))],
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """What was planned in it moves to the first sending moment after it."""
    at = desk(context)
    period = new_quiet(at.day(first), at.day(last), label)
    change = partial(change_quiet, at.store, at.settings, now=at.now(), add=[period])
    _change(at, change, dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command("remove", help=both("Haal een stille periode weg.", "Take a quiet period away."))
def remove(
    context: typer.Context,
    first: First,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """What was moved for it moves back; mail that is queued keeps its moment."""
    at = desk(context)
    change = partial(change_quiet, at.store, at.settings, now=at.now(), remove=[at.day(first)])
    _change(at, change, dry_run=dry_run, yes=yes, as_json=as_json)


def _change(at: Desk, change: "partial[QuietResult]", *, dry_run: bool, yes: bool, as_json: bool) -> None:
    made = Change(change, partial(_show, at), partial(_as_json, at), lambda it: bool(it.added or it.removed))
    settle(at, made, dry_run=dry_run, yes=yes, as_json=as_json)


def _show(at: Desk, result: QuietResult) -> None:
    for mark, periods in (("+", result.added), ("−", result.removed)):
        for period in periods:
            first, last = day(period.starts_on, at.language), day(period.ends_on, at.language)
            at.tell(f"{mark} {first} – {last}: {period.label}")
    for one in result.trajectories:
        count = len(one.changes.steps)
        at.tell(at.say(f"{one.reference}: {count} stappen schuiven", f"{one.reference}: {count} steps move"))
        for mail in one.mails:
            at.tell(f"Mail: {mail.person} <{mail.email}>: {mail.subject}")
    if result.waiting:
        at.tell(at.say(f"{result.waiting} mails wachten langer.", f"{result.waiting} mails wait longer."))


def _as_json(at: Desk, result: QuietResult) -> dict[str, Any]:
    return {
        "added": [_json(period) for period in result.added],
        "removed": [_json(period) for period in result.removed],
        "waiting": result.waiting,
        "trajectories": trajectories_json(at, result.trajectories),
    }


def _json(period: QuietPeriod) -> dict[str, str]:
    return {
        "starts_on": period.starts_on.isoformat(),
        "ends_on": period.ends_on.isoformat(),
        "label": period.label,
    }
