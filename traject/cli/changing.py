"""`traject hold`, `move`, `pause`…: what staff decide about a trajectory, its stages and its steps."""

from email.utils import getaddresses
from functools import partial
from typing import Annotated

import typer

from traject import staff
from traject.cli.arguments import CycleName, Reference, StageKey, StepKey
from traject.cli.console import BadUsage, Desk, both
from traject.cli.deciding import Action, deciding
from traject.hand_over import hand_over as hand_over_role
from traject.migrate import migrate as migrate_trajectory

commands = typer.Typer()


# Steps


@deciding(
    commands,
    "hold",
    help=both("Houd een stap vast tot je hem vrijgeeft.", "Hold a step until you release it."),
)
def hold(at: Desk, reference: Reference, step: StepKey, cycle: CycleName = "") -> Action:
    """Nothing of this step goes out until it is released."""
    return partial(staff.hold, at.store, at.settings, reference, step, cycle)


@deciding(commands, "release", help=both("Geef een vastgehouden stap vrij.", "Release a step that was held."))
def release(at: Desk, reference: Reference, step: StepKey, cycle: CycleName = "") -> Action:
    """What fell due meanwhile follows its catch-up policy."""
    return partial(staff.release, at.store, at.settings, reference, step, cycle)


@deciding(commands, "skip", help=both("Sla een stap over.", "Skip a step."))
def skip(at: Desk, reference: Reference, step: StepKey, cycle: CycleName = "") -> Action:
    """A gathering that people know of is cancelled; an evaluation that was asked is withdrawn."""
    return partial(staff.skip, at.store, at.settings, reference, step, cycle)


@deciding(
    commands,
    "move",
    help=both(
        "Verplaats een stap (STAP --to MOMENT) of een fase (--stage FASE --opens DAG --ends DAG).",
        "Move a step (STEP --to MOMENT) or a stage (--stage STAGE --opens DAY --ends DAY).",
    ),
)
def move(
    at: Desk,
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
) -> Action:
    """Staff decide a date; the plan follows."""
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
    return action


# Stages


@deciding(commands, "close-stage", help=both("Sluit een fase nu af.", "Close a stage now."))
def close_stage(at: Desk, reference: Reference, stage: StageKey) -> Action:
    """Whatever its guard says: staff know why."""
    return partial(staff.close_stage, at.store, at.settings, reference, stage)


@deciding(commands, "reopen-stage", help=both("Open een afgesloten fase weer.", "Open a closed stage again."))
def reopen_stage(at: Desk, reference: Reference, stage: StageKey) -> Action:
    """What was withdrawn stays withdrawn."""
    return partial(staff.reopen_stage, at.store, at.settings, reference, stage)


# The whole trajectory


@deciding(
    commands,
    "pause",
    help=both("Zet een traject stil; niets gaat verloren.", "Pause a trajectory; nothing is lost."),
)
def pause(at: Desk, reference: Reference) -> Action:
    """What is due waits."""
    return partial(staff.pause, at.store, at.settings, reference)


@deciding(
    commands,
    "resume",
    help=both("Laat een gepauzeerd traject verder gaan.", "Let a paused trajectory go on."),
)
def resume(at: Desk, reference: Reference) -> Action:
    """Go on where it stopped."""
    return partial(staff.resume, at.store, at.settings, reference)


@deciding(
    commands,
    "cancel",
    help=both("Stop een traject voorgoed; wie is uitgenodigd krijgt bericht.", "Stop a trajectory for good."),
)
def cancel(at: Desk, reference: Reference) -> Action:
    """Only cancellations go out."""
    return partial(staff.cancel, at.store, at.settings, reference)


@deciding(
    commands,
    "hand-over",
    help=both(
        "Geef een rol aan iemand anders; wat openstaat gaat mee.",
        "Hand a role to somebody else; what is open moves along.",
    ),
)
def hand_over(
    at: Desk,
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
) -> Action:
    """Roles, not people: the successor inherits what is open."""
    [(name, email), *others] = getaddresses([to]) or [("", "")]
    if (to and "@" not in email) or others or not (to or old):
        raise BadUsage(
            at.say(
                f'‘{to}’ is geen naam met adres; schrijf "Noor Visser <n.visser@school.example>"',
                f'‘{to}’ is no name with an address; write "Noor Visser <n.visser@school.example>"',
            )
        )
    return partial(
        hand_over_role,
        at.store,
        at.settings,
        reference,
        role,
        old_email=old,
        name=name or None,
        email=email or None,
    )


@deciding(
    commands,
    "migrate",
    help=both(
        "Zet een traject over naar een nieuwe versie.", "Move a trajectory to a new version of its programme."
    ),
)
def migrate(
    at: Desk,
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
) -> Action:
    """Dates that people know of stay in any case."""
    return partial(
        migrate_trajectory, at.store, at.settings, reference, version=version, keep_dates=keep_dates
    )
