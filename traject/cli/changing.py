"""`traject hold`, `move`, `pause`…: what staff decide, each shown as a before/after list before it takes effect."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from email.utils import getaddresses
from functools import partial
from typing import Annotated, Any

import typer
from rich.text import Text as Styled

from traject import staff
from traject.cli.console import AsJson, BadUsage, Desk, DryRun, Yes, both, desk
from traject.cli.settling import Change, settle
from traject.dossier import find, load, row_id
from traject.effects import Queued
from traject.hand_over import hand_over as hand_over_role
from traject.migrate import migrate as migrate_trajectory
from traject.show import PlanView, changes_json
from traject.staff import StaffResult

commands = typer.Typer()

Reference = Annotated[
    str, typer.Argument(help=both("Traject, zoals po-nieuw:16LF00.", "Trajectory, like po-nieuw:16LF00."))
]
StepKey = Annotated[str, typer.Argument(help=both("Stap, zoals intake.", "Step, like intake."))]
StageKey = Annotated[str, typer.Argument(help=both("Fase, zoals ambitie.", "Stage, like ambitie."))]
CycleName = Annotated[
    str,
    typer.Option(
        "--cycle", help=both("Schooljaar van een jaarlijkse stap.", "School year of a yearly step.")
    ),
]

Action = Callable[..., StaffResult]
"""An action of staff with everything filled in but `now` and `dry_run`."""


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
        held = at.say(f" (gaat niet uit: {mail.why_not})", f" (not sent: {mail.why_not})")
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


def _mail_json(mail: Queued) -> dict[str, str]:
    return {name: value for name, value in asdict(mail).items() if name != "effect_key"}


# Steps


@commands.command(
    "hold", help=both("Houd een stap vast tot je hem vrijgeeft.", "Hold a step until you release it.")
)
def hold(
    context: typer.Context,
    reference: Reference,
    step: StepKey,
    cycle: CycleName = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Nothing of this step goes out until it is released."""
    at = desk(context)
    action = partial(staff.hold, at.store, at.settings, reference, step, cycle)
    decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command("release", help=both("Geef een vastgehouden stap vrij.", "Release a step that was held."))
def release(
    context: typer.Context,
    reference: Reference,
    step: StepKey,
    cycle: CycleName = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """What fell due meanwhile follows its catch-up policy."""
    at = desk(context)
    action = partial(staff.release, at.store, at.settings, reference, step, cycle)
    decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command("skip", help=both("Sla een stap over.", "Skip a step."))
def skip(
    context: typer.Context,
    reference: Reference,
    step: StepKey,
    cycle: CycleName = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """A gathering that people know of is cancelled; an evaluation that was asked is withdrawn."""
    at = desk(context)
    action = partial(staff.skip, at.store, at.settings, reference, step, cycle)
    decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command(
    "move",
    help=both(
        "Verplaats een stap (STAP --to MOMENT) of een fase (--stage FASE --opens DAG --ends DAG).",
        "Move a step (STEP --to MOMENT) or a stage (--stage STAGE --opens DAY --ends DAY).",
    ),
)
def move(
    context: typer.Context,
    reference: Reference,
    step: Annotated[str, typer.Argument(help=both("Stap, zoals intake.", "Step, like intake."))] = "",
    to: Annotated[
        str,
        typer.Option(
            "--to", help=both("Nieuw moment: ‘2026-10-07 13:30’.", "New moment: ‘2026-10-07 13:30’.")
        ),
    ] = "",
    cycle: CycleName = "",
    stage: Annotated[
        str, typer.Option("--stage", help=both("Fase, zoals ambitie.", "Stage, like ambitie."))
    ] = "",
    opens: Annotated[str, typer.Option("--opens", help=both("Eerste dag.", "First day."))] = "",
    ends: Annotated[str, typer.Option("--ends", help=both("Laatste dag.", "Last day."))] = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Staff decide a date; the plan follows."""
    at = desk(context)
    if step and to and not (stage or opens or ends):
        action = partial(staff.move_step, at.store, at.settings, reference, step, cycle, to=at.instant(to))
    elif stage and (opens or ends) and not (step or to or cycle):
        action = partial(
            staff.move_stage,
            at.store,
            at.settings,
            reference,
            stage,
            opens_on=at.day(opens) if opens else None,
            ends_on=at.day(ends) if ends else None,
        )
    else:
        raise BadUsage(
            at.say(
                "geef een stap met --to ‘2026-10-07 13:30’, of --stage FASE met --opens en/of --ends",
                "give a step with --to ‘2026-10-07 13:30’, or --stage STAGE with --opens and/or --ends",
            )
        )
    decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)


# Stages


@commands.command("close-stage", help=both("Sluit een fase nu af.", "Close a stage now."))
def close_stage(
    context: typer.Context,
    reference: Reference,
    stage: StageKey,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Whatever its guard says: staff know why."""
    at = desk(context)
    action = partial(staff.close_stage, at.store, at.settings, reference, stage)
    decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command("reopen-stage", help=both("Open een afgesloten fase weer.", "Open a closed stage again."))
def reopen_stage(
    context: typer.Context,
    reference: Reference,
    stage: StageKey,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """What was withdrawn stays withdrawn."""
    at = desk(context)
    action = partial(staff.reopen_stage, at.store, at.settings, reference, stage)
    decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)


# The whole trajectory


@commands.command(
    "pause", help=both("Zet een traject stil; niets gaat verloren.", "Pause a trajectory; nothing is lost.")
)
def pause(
    context: typer.Context,
    reference: Reference,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """What is due waits."""
    at = desk(context)
    action = partial(staff.pause, at.store, at.settings, reference)
    decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command(
    "resume", help=both("Laat een gepauzeerd traject verder gaan.", "Let a paused trajectory go on.")
)
def resume(
    context: typer.Context,
    reference: Reference,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Go on where it stopped."""
    at = desk(context)
    action = partial(staff.resume, at.store, at.settings, reference)
    decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command(
    "cancel",
    help=both("Stop een traject voorgoed; wie is uitgenodigd krijgt bericht.", "Stop a trajectory for good."),
)
def cancel(
    context: typer.Context,
    reference: Reference,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Only cancellations go out."""
    at = desk(context)
    action = partial(staff.cancel, at.store, at.settings, reference)
    decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command(
    "hand-over",
    help=both(
        "Geef een rol aan iemand anders; wat openstaat gaat mee.",
        "Hand a role to somebody else; what is open moves along.",
    ),
)
def hand_over(
    context: typer.Context,
    reference: Reference,
    role: Annotated[str, typer.Argument(help=both("Rol, zoals coordinator.", "Role, like coordinator."))],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help=both(
                'Wie de rol krijgt: "Naam <adres>"; leeg: niemand.',
                'Who gets it: "Name <mail>"; empty: nobody.',
            ),
        ),
    ] = "",
    old: Annotated[
        str | None,
        typer.Option(
            "--from",
            help=both(
                "Adres van wie stopt; leeg: iemand erbij.", "Address of who leaves; empty: somebody joins."
            ),
        ),
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Roles, not people: the successor inherits what is open."""
    at = desk(context)
    [(name, email), *others] = getaddresses([to]) or [("", "")]
    if (to and "@" not in email) or others or not (to or old):
        raise BadUsage(
            at.say(
                f'‘{to}’ is geen naam met adres; schrijf "Noor Visser <n.visser@school.example>"',
                f'‘{to}’ is no name with an address; write "Noor Visser <n.visser@school.example>"',
            )
        )
    action = partial(
        hand_over_role,
        at.store,
        at.settings,
        reference,
        role,
        old_email=old,
        name=name or None,
        email=email or None,
    )
    decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)


@commands.command(
    "migrate",
    help=both(
        "Zet een traject over naar een nieuwe versie.", "Move a trajectory to a new version of its programme."
    ),
)
def migrate(
    context: typer.Context,
    reference: Reference,
    version: Annotated[
        int | None,
        typer.Argument(
            help=both("Versie; leeg: die in de map programmes.", "Version; empty: the one in programmes.")
        ),
    ] = None,
    keep_dates: Annotated[
        bool,
        typer.Option(
            "--keep-dates/--new-dates",
            help=both(
                "Houd de voorgestelde data, of kies ze opnieuw.",
                "Keep the proposed dates, or choose them anew.",
            ),
        ),
    ] = True,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Dates that people know of stay in any case."""
    at = desk(context)
    action = partial(
        migrate_trajectory, at.store, at.settings, reference, version=version, keep_dates=keep_dates
    )
    decide(context, action, dry_run=dry_run, yes=yes, as_json=as_json)
