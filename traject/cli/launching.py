"""`traject preview` and `traject launch`: see everything that will happen, then let it run."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text as Styled

from traject.cli.console import AsJson, BadUsage, Desk, DryRun, Yes, both, desk
from traject.hints import hint
from traject.launch import LaunchError, LaunchRequest, Prepared, launch, parse_role, prepare, preview
from traject.launch_file import read_launch_csv
from traject.launch_mail import busiest
from traject.programme_file import load_programmes
from traject.show import PlanView, day, moment, plan_json, table

commands = typer.Typer()

Programme = Annotated[
    str, typer.Argument(help=both("Programma, zoals po-nieuw.", "Programme, like po-nieuw."))
]
School = Annotated[
    str | None,
    typer.Option("--school", help=both("Vestigingscode, zoals 16LF00.", "Location code, like 16LF00.")),
]
GroupName = Annotated[
    str | None, typer.Option("--group", help=both("Naam van de groep.", "Name of the group."))
]
Start = Annotated[
    str | None,
    typer.Option("--start", help=both("Eerste dag, zoals 2026-09-14.", "First day, like 2026-09-14.")),
]


@commands.command(
    "preview",
    help=both(
        "Laat per fase zien wat er wanneer gebeurt, en voor wie; er verandert niets.",
        "Show per stage what happens when, and to whom; nothing changes.",
    ),
)
def preview_one(
    context: typer.Context,
    programme: Programme,
    school: School = None,
    group: GroupName = None,
    start: Start = None,
    as_json: AsJson = False,
) -> None:
    """Plan without roles: whoever will hold them."""
    at = desk(context)
    request = _request(at, programme, school, group, start, (), again=True)
    with at.store.read() as session:
        made = preview(session, request, settings=at.settings, now=at.now())
    if as_json:
        subject = {
            "programme": programme,
            "school": school,
            "group": group,
            "start": request.starts_on.isoformat(),
        }
        at.give(subject | plan_json(made, at.settings.zone, at.language))
        return
    known = load_programmes(at.settings.programmes_dir)[programme]
    view = PlanView(known, at.settings.zone, at.language)
    title = (
        f"{known.title.in_language(at.language)} · {school or group} · {day(request.starts_on, at.language)}"
    )
    at.show(Styled(title, style="bold"), "", view.plan(made))


@commands.command(
    "launch",
    help=both(
        "Start een traject (of met --from vele): eerst de planning, dan na bevestiging alles tegelijk.",
        "Launch a trajectory (or many with --from): first the plan, then after confirmation everything at once.",
    ),
)
def launch_some(
    context: typer.Context,
    programme: Annotated[
        str | None, typer.Argument(help=both("Programma, zoals po-nieuw.", "Programme, like po-nieuw."))
    ] = None,
    school: School = None,
    group: GroupName = None,
    start: Start = None,
    role: Annotated[
        list[str] | None,
        typer.Option(
            "--role", help=both('ROL="Naam <adres>", vaker te geven.', 'ROLE="Name <mail>", repeatable.')
        ),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help=both(
                "CSV: programme;school;group;start en een kolom per rol.",
                "CSV: programme;school;group;start and a column for each role.",
            ),
        ),
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help=both("Ook als dit programma al loopt.", "Also when this programme already runs.")
        ),
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Check and plan all requests, show, ask, and launch all of them or none."""
    at = desk(context)
    requests = _requests(at, programme, school, group, start, role or [], source, again=again)
    at.refuse_unasked(yes=yes, dry_run=dry_run, as_json=as_json)
    with at.store.read() as session:
        prepared = prepare(session, requests, settings=at.settings, now=at.now())
        if problems := [problem for one in prepared for problem in one.problems]:
            raise LaunchError(problems)
        busy = busiest(session, prepared, at.settings, at.now())
        if not as_json:
            _show(at, prepared)
            if busy:
                said = busy.takes.sentence.in_language(at.language)
                when = moment(busy.at, at.settings.zone, at.language)
                at.tell(at.say(f"Drukste moment: {when}. {said}", f"Busiest moment: {when}. {said}"))
        planned = [_prepared_json(at, one) for one in prepared]
    if dry_run:
        if as_json:
            mails, minutes = (busy.takes.mails, busy.takes.minutes) if busy else (0, 0)
            most = {"at": busy.at.isoformat() if busy else None, "mails": mails, "minutes": minutes}
            at.give({"dry_run": True, "trajectories": planned, "busiest": most})
        else:
            at.tell(at.say("Er is niets gestart (--dry-run).", "Nothing was launched (--dry-run)."))
        return
    if not (yes or at.confirm()):
        raise typer.Exit(1)
    launched = launch(at.store, requests, settings=at.settings, now=at.now(), actor="staff")
    hint(at.settings, "trajectory.launched", [one.trajectory_id for one in launched], at.now())
    if as_json:
        at.give(
            {
                "dry_run": False,
                "trajectories": [
                    {"id": one.trajectory_id, **line} for one, line in zip(launched, planned, strict=True)
                ],
            }
        )
        return
    for one in launched:
        at.tell(at.say(f"Gestart: {one.reference}", f"Launched: {one.reference}"))


def _requests(
    at: Desk,
    programme: str | None,
    school: str | None,
    group: str | None,
    start: str | None,
    roles: list[str],
    source: Path | None,
    *,
    again: bool,
) -> list[LaunchRequest]:
    if source is None:
        given = tuple(parse_role(text) for text in roles)
        return [_request(at, programme, school, group, start, given, again=again)]
    if programme or school or group or start or roles:
        raise BadUsage(
            at.say(
                "geef of --from, of een programma met --school en --start; niet allebei",
                "give either --from, or a programme with --school and --start; not both",
            )
        )
    read = read_launch_csv(at.read(source), source.name)
    if not again:
        return read
    return [replace(request, again=True) for request in read]


def _request(
    at: Desk,
    programme: str | None,
    school: str | None,
    group: str | None,
    start: str | None,
    roles: tuple[Any, ...],
    *,
    again: bool,
) -> LaunchRequest:
    if not programme:
        raise BadUsage(
            at.say(
                "welk programma? `traject programmes list` toont ze; of geef --from met een CSV-bestand",
                "which programme? `traject programmes list` shows them; or give --from with a CSV file",
            )
        )
    if not start:
        raise BadUsage(at.say("vanaf wanneer? geef --start 2026-09-14", "from when? give --start 2026-09-14"))
    if bool(school) == bool(group):
        raise BadUsage(
            at.say(
                "geef één van beide: --school CODE of --group NAAM",
                "give one of the two: --school CODE or --group NAME",
            )
        )
    code = school.strip().upper() if school else None
    return LaunchRequest(programme, at.day(start), code, group, roles, again=again)


def _show(at: Desk, prepared: list[Prepared]) -> None:
    """One: its whole plan. Many: a line each."""
    if len(prepared) == 1:
        [one] = prepared
        plan, programme = _complete(one)
        at.show(
            Styled(one.reference, style="bold"),
            "",
            PlanView(programme, at.settings.zone, at.language).plan(plan),
        )
        return
    made = table(
        at.say("Traject", "Trajectory"),
        at.say("Start", "Starts"),
        at.say("Einde", "Ends"),
        (at.say("Mails en meer", "Steps"), {"justify": "right"}),
        (at.say("Zonder datum", "No date"), {"justify": "right"}),
    )
    for one in prepared:
        plan, _ = _complete(one)
        made.add_row(
            one.reference,
            day(one.request.starts_on, at.language),
            day(plan.ends_on, at.language),
            str(len(plan.steps)),
            str(len(plan.problems)),
        )
    at.show(made)


def _prepared_json(at: Desk, one: Prepared) -> dict[str, Any]:
    plan, _ = _complete(one)
    return {"reference": one.reference, **plan_json(plan, at.settings.zone, at.language)}


def _complete(one: Prepared) -> tuple[Any, Any]:
    if one.plan is None or one.programme is None:
        raise LaunchError(one.problems)
    return one.plan, one.programme
