"""`traject schools calendar`: the days on which one school is free, beside or instead of the official holidays."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text as Styled

from calendars.school_year import DayOff
from traject.cli.console import AsJson, BadUsage, Desk, DryRun, Yes, both, desk
from traject.cli.schools import commands
from traject.days_off import DaysOffResult, change_days_off, days_off, new_day_off, read_days_off
from traject.dossier import find, load, row_id
from traject.show import PlanView, changes_json, day, table


@commands.command(
    "calendar",
    help=both(
        "Eigen vrije dagen van een school: bekijken, of inlezen uit haar .ics; haar trajecten worden opnieuw gepland.",
        "A school's own days off: show, or read from its .ics; its trajectories are planned again.",
    ),
)
def calendar(
    context: typer.Context,
    code: Annotated[
        str, typer.Argument(help=both("Vestigingscode, zoals 16LF00.", "Location code, like 16LF00."))
    ],
    file: Annotated[
        Path | None,
        typer.Argument(
            help=both(
                "De jaarkalender van de school (.ics); vervangt wat van die schooljaren bekend was.",
                "The school's own calendar (.ics); replaces what was known of those school years.",
            )
        ),
    ] = None,
    add: Annotated[
        list[str] | None,
        typer.Option(
            "--add",
            help=both(
                "‘2027-03-12 Studiedag’ of ‘2027-04-24 2027-05-09 Meivakantie’, vaker te geven.",
                "‘2027-03-12 Study day’ or ‘2027-04-24 2027-05-09 Meivakantie’, repeatable.",
            ),
        ),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option(
            "--remove",
            help=both(
                "Eerste dag van wat niet meer geldt, vaker te geven.",
                "First day of what no longer holds, repeatable.",
            ),
        ),
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Show which days come and go, what that moves and who gets a mail; ask; and do it."""
    at = desk(context)
    if not (file or add or remove):
        _show_days(at, code, as_json=as_json)
        return
    if as_json and not (yes or dry_run):
        raise BadUsage(
            at.say("geef bij --json ook --yes of --dry-run", "with --json also give --yes or --dry-run")
        )
    change = partial(
        change_days_off,
        at.store,
        at.settings,
        code,
        now=at.now(),
        file=read_days_off(at.read(file), file.name) if file else (),
        add=[_day_off(at, text) for text in add or ()],
        remove=[at.day(text) for text in remove or ()],
    )
    if dry_run or not (yes and as_json):
        tried = change(dry_run=True)
        if as_json:
            at.give(_as_json(at, tried, done=False))
        else:
            _show(at, tried)
        if dry_run or not (tried.added or tried.removed):
            if not as_json:
                at.tell(at.say("Er is niets veranderd.", "Nothing was changed."))
            return
        if not (yes or at.confirm()):
            raise typer.Exit(1)
    done = change()
    if as_json:
        at.give(_as_json(at, done, done=True))
    else:
        at.tell(at.say("Gedaan.", "Done."))


def _day_off(at: Desk, text: str) -> DayOff:
    """`FIRST [LAST] NAME` as days off."""
    first, _, rest = text.strip().partition(" ")
    last, _, label = rest.strip().partition(" ")
    if not last[:4].isdigit():
        last, label = first, rest
    if not label.strip():
        raise BadUsage(
            at.say(
                f"‘{text}’ mist een naam; schrijf ‘2027-03-12 Studiedag’",
                f"‘{text}’ lacks a name; write ‘2027-03-12 Study day’",
            )
        )
    return new_day_off(at.day(first), at.day(last), label.strip())


def _show_days(at: Desk, code: str, *, as_json: bool) -> None:
    with at.store.read() as session:
        known = days_off(session, code)
    if as_json:
        at.give([_json(off) for off in known])
        return
    made = table(
        at.say("Van", "From"),
        at.say("Tot en met", "Until"),
        at.say("Wat", "What"),
        at.say("In plaats van", "Instead of"),
    )
    for off in known:
        made.add_row(
            day(off.starts_on, at.language), day(off.ends_on, at.language), off.label, off.replaces or ""
        )
    if known:
        at.show(made)
    else:
        at.tell(
            at.say(
                "Deze school heeft geen eigen vrije dagen; de vakanties van regio Noord gelden.",
                "This school has no days off of its own; the holidays of region Noord hold.",
            )
        )


def _show(at: Desk, result: DaysOffResult) -> None:
    at.show(Styled(result.school, style="bold"))
    for mark, days in (("+", result.added), ("−", result.removed)):
        for off in days:
            last = "" if off.ends_on == off.starts_on else f" – {day(off.ends_on, at.language)}"
            instead = at.say(f" (in plaats van de {off.replaces})", f" (instead of {off.replaces})")
            at.tell(
                f"{mark} {day(off.starts_on, at.language)}{last}: {off.label}{instead if off.replaces else ''}"
            )
    for one in result.trajectories:
        with at.store.read() as session:
            programme = load(session, row_id(find(session, one.reference)), at.settings, at.now()).programme
        at.show("", Styled(one.reference, style="bold"))
        at.show(PlanView(programme, at.settings.zone, at.language).changes(one.changes, one.ended))
        for mail in one.mails:
            at.tell(f"Mail: {mail.person} <{mail.email}>: {mail.subject}")


def _as_json(at: Desk, result: DaysOffResult, *, done: bool) -> dict[str, Any]:
    return {
        "school": result.school,
        "done": done,
        "added": [_json(off) for off in result.added],
        "removed": [_json(off) for off in result.removed],
        "trajectories": [
            {
                "reference": one.reference,
                "changes": changes_json(one.changes, at.settings.zone),
                "mails": [{"person": m.person, "email": m.email, "subject": m.subject} for m in one.mails],
            }
            for one in result.trajectories
        ],
    }


def _json(off: DayOff) -> dict[str, Any]:
    return {
        "starts_on": off.starts_on.isoformat(),
        "ends_on": off.ends_on.isoformat(),
        "label": off.label,
        "replaces": off.replaces,
    }
