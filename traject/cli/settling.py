"""How something is shown before it is done: tried, shown, asked about, and then done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import typer
from rich.text import Text as Styled

from traject.cli.console import Desk
from traject.dossier import find, load, row_id
from traject.show import PlanView, changes_json
from traject.staff_action import StaffResult

Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Change(Generic[Outcome]):
    """Something that is shown before it is done: `act` takes `dry_run`; `changes` False: there is nothing to do."""

    act: Callable[..., Outcome]
    show: Callable[[Outcome], None]
    values: Callable[[Outcome], dict[str, Any]]  # for --json
    changes: Callable[[Outcome], bool] = lambda _: True


def settle(at: Desk, change: Change[Outcome], *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Try it, show it, ask, and do it."""
    at.refuse_unasked(yes=yes, dry_run=dry_run, as_json=as_json)
    if dry_run or not (yes and as_json):
        tried = change.act(dry_run=True)
        if as_json:
            at.give({"done": False} | change.values(tried))
            return
        change.show(tried)
        if dry_run or not change.changes(tried):
            why = " (--dry-run)" if dry_run else ""
            at.tell(at.say(f"Er is niets veranderd{why}.", f"Nothing was changed{why}."))
            return
        if not (yes or at.confirm()):
            raise typer.Exit(1)
    done = change.act()
    if as_json:
        at.give({"done": True} | change.values(done))
    else:
        at.tell(at.say("Gedaan.", "Done."))


def trajectories_json(at: Desk, results: Sequence[StaffResult]) -> list[dict[str, Any]]:
    """What a change of calendars moves, per trajectory."""
    return [
        {
            "reference": one.reference,
            "changes": changes_json(one.changes, at.settings.zone),
            "mails": [{"person": m.person, "email": m.email, "subject": m.subject} for m in one.mails],
        }
        for one in results
    ]


def show_trajectories(at: Desk, results: Sequence[StaffResult]) -> None:
    """The same for people."""
    for one in results:
        with at.store.read() as session:
            programme = load(session, row_id(find(session, one.reference)), at.settings, at.now()).programme
        at.show("", Styled(one.reference, style="bold"))
        at.show(PlanView(programme, at.settings.zone, at.language).changes(one.changes, one.ended))
        for mail in one.mails:
            at.tell(f"Mail: {mail.person} <{mail.email}>: {mail.subject}")
