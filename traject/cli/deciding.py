"""What staff decide: each command shows as a before/after list what it changes and who gets what, asks, and does it."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from functools import partial
from inspect import Parameter, signature
from typing import Any

import typer
from rich.text import Text as Styled

from traject.cli.console import AsJson, Desk, DryRun, Yes, desk
from traject.cli.settling import Change, settle
from traject.dossier import find, load, row_id
from traject.effects import PAUSED, Queued
from traject.show import PlanView, changes_json
from traject.staff import StaffResult
from traject.undelivered import NO_ADDRESS
from traject.unsubscribe import WHY

Action = Callable[..., StaffResult]
"""An action of staff with everything filled in but `now` and `dry_run`."""
Making = Callable[..., Action]
"""What a command is written as: the desk and what was typed, to the action."""


def deciding(commands: typer.Typer, name: str, *, help: str) -> Callable[[Making], Making]:
    """Make a function that gives an action the command `name`, with `--dry-run`, `--yes` and `--json`."""

    def register(make: Making) -> Making:
        def run(context: typer.Context, *, dry_run: bool, yes: bool, as_json: bool, **typed: Any) -> None:
            decide(context, make(desk(context), **typed), dry_run=dry_run, yes=yes, as_json=as_json)

        _, *own = signature(make).parameters.values()
        how = {"dry_run": DryRun, "yes": Yes, "as_json": AsJson}
        named = Parameter.POSITIONAL_OR_KEYWORD
        parameters = [
            Parameter("context", named, annotation=typer.Context),
            *own,
            *(Parameter(each, named, default=False, annotation=kind) for each, kind in how.items()),
        ]
        # Typer looks at both to see what a command takes.
        run.__signature__ = signature(run).replace(parameters=parameters)  # pyright: ignore[reportFunctionMemberAccess]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        commands.command(name, help=help)(run)
        return make

    return register


def decide(context: typer.Context, action: Action, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Try it, show what would change and who would get what, ask, and do it."""
    at = desk(context)
    now = at.now()
    change = Change(
        partial(action, now=now),
        lambda tried: _show(at, tried, now),
        lambda tried: _as_json(at, tried),
        lambda tried: not tried.is_nothing,
    )
    settle(at, change, dry_run=dry_run, yes=yes, as_json=as_json)


def _show(at: Desk, result: StaffResult, now: datetime) -> None:
    with at.store.read() as session:
        found = find(session, result.reference)
        programme = load(session, row_id(found), at.settings, now).programme
    at.show(Styled(result.reference, style="bold"))
    at.tell(result.in_language(at.language))
    if result.is_nothing:
        return
    at.show(PlanView(programme, at.settings.zone, at.language).changes(result.changes, result.ended))
    for mail in result.taken_back:
        gone = at.say("Gaat niet meer uit", "No longer goes out")
        at.tell(f"{gone}: {mail.person} <{mail.email}>: {mail.subject}")
    for mail in result.mails:
        held = at.say(f" (gaat niet uit: {mail.why_not})", f" (not sent: {_english(mail.why_not)})")
        at.tell(f"Mail: {mail.person} <{mail.email}>: {mail.subject}{held if mail.why_not else ''}")
    if result.takes and len(result.mails) > 1:
        at.tell(result.takes.sentence.in_language(at.language))
    if not result.mails:
        at.tell(at.say("Niemand krijgt hierdoor nu een mail.", "Nobody gets a mail of this now."))


def _as_json(at: Desk, result: StaffResult) -> dict[str, Any]:
    return {
        "reference": result.reference,
        "sentence": result.in_language(at.language),
        "changes": changes_json(result.changes, at.settings.zone),
        "mails": [_mail_json(mail) for mail in result.mails],
        "taken_back": [_mail_json(mail) for mail in result.taken_back],
        "minutes": result.takes.minutes if result.takes else 0,
    }


def _english(why_not: str) -> str:
    return {
        NO_ADDRESS: "the address of this person no longer works",
        PAUSED: "the trajectory is paused",
        WHY: "wants no news any more",
    }.get(why_not, why_not)


def _mail_json(mail: Queued) -> dict[str, str]:
    return {name: value for name, value in asdict(mail).items() if name != "effect_key"}
