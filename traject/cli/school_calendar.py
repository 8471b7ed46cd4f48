"""`traject schools calendar` and `hours`: on which days one school is free, and when it can meet."""

import re
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text as Styled

from calendars.school_year import DayOff
from traject.cli.console import AsJson, BadUsage, Desk, DryRun, Yes, both, desk
from traject.cli.schools import commands
from traject.cli.settling import Change, settle, show_trajectories, trajectories_json
from traject.days_off import DaysOffResult, change_days_off, days_off, new_day_off, read_days_off
from traject.meeting_hours import EXAMPLE, MeetingHours, say_hours
from traject.school_hours import HoursResult, change_hours, school_hours
from traject.show import day, table

Code = Annotated[
    str, typer.Argument(help=both("Vestigingscode, zoals 16LF00.", "Location code, like 16LF00."))
]


@commands.command(
    "calendar",
    help=both(
        "Eigen vrije dagen van een school: bekijken, of inlezen uit haar .ics; haar trajecten worden opnieuw gepland.",
        "A school's own days off: show, or read from its .ics; its trajectories are planned again.",
    ),
)
def calendar(
    context: typer.Context,
    code: Code,
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
    made = Change(change, partial(_show, at), partial(_as_json, at), lambda it: bool(it.added or it.removed))
    settle(at, made, dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command(
    "hours",
    help=both(
        f"Op welke weekdagen en uren een school kan: bekijken, of zetten zoals ‘{EXAMPLE}’.",
        "On which weekdays and hours a school can meet: show, or set like ‘Tue or Thu 13:30-17:00; Wed from 12:30’.",
    ),
)
def hours(
    context: typer.Context,
    code: Code,
    when: Annotated[
        str, typer.Argument(help=both("Weekdagen met uren.", "Weekdays with hours."), show_default=False)
    ] = "",
    always: Annotated[
        bool, typer.Option("--always", help=both("De school kan altijd.", "The school can always meet."))
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Gatherings of this school are planned only then, within what the programme says; its trajectories follow."""
    at = desk(context)
    if when and always:
        raise BadUsage(at.say("geef uren, of --always", "give hours, or --always"))
    if not (when or always):
        with at.store.read() as session:
            known = school_hours(session, code)
        if as_json:
            at.give({"hours": [_hours_json(each) for each in known]})
        else:
            at.tell(_said(at, known))
        return
    made = Change(
        partial(change_hours, at.store, at.settings, code, when, now=at.now()),
        partial(_show_hours, at),
        lambda it: {
            "school": it.school,
            "before": [_hours_json(each) for each in it.before],
            "after": [_hours_json(each) for each in it.after],
            "trajectories": trajectories_json(at, it.trajectories),
        },
        lambda it: it.before != it.after,
    )
    settle(at, made, dry_run=dry_run, yes=yes, as_json=as_json)


def _show_hours(at: Desk, result: HoursResult) -> None:
    at.show(Styled(result.school, style="bold"))
    at.tell(f"− {_said(at, result.before)}\n+ {_said(at, result.after)}")
    show_trajectories(at, result.trajectories)


def _said(at: Desk, hours: tuple[MeetingHours, ...]) -> str:
    any_time = at.say("elke werkdag, op elk uur", "any working day, at any hour")
    return say_hours(hours).in_language(at.language) if hours else any_time


def _hours_json(hours: MeetingHours) -> dict[str, Any]:
    return {"weekday": hours.weekday, "from": f"{hours.first:%H:%M}", "until": f"{hours.last:%H:%M}"}


def _day_off(at: Desk, text: str) -> DayOff:
    """`FIRST [LAST] NAME` as days off."""
    first, _, rest = text.strip().partition(" ")
    last, _, label = rest.strip().partition(" ")
    if not re.fullmatch(r"[\d/.-]{6,10}", last):
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
    show_trajectories(at, result.trajectories)


def _as_json(at: Desk, result: DaysOffResult) -> dict[str, Any]:
    return {
        "school": result.school,
        "added": [_json(off) for off in result.added],
        "removed": [_json(off) for off in result.removed],
        "trajectories": trajectories_json(at, result.trajectories),
    }


def _json(off: DayOff) -> dict[str, Any]:
    return {
        "starts_on": off.starts_on.isoformat(),
        "ends_on": off.ends_on.isoformat(),
        "label": off.label,
        "replaces": off.replaces,
    }
