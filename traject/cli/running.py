"""`traject init`, `run-once`, `reconcile`, `simulate`, `doctor` and `up`: what keeps everything going."""

import asyncio
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress
from rich.text import Text as Styled

from traject.cli.console import AsJson, Desk, both, desk
from traject.settings import database_address
from traject.show import moment, table

commands = typer.Typer()
MINUTE = timedelta(minutes=1)

_PARTS = {
    "programmes": ("programma's", "programmes"),
    "templates": ("sjablonen", "templates"),
    "disk": ("schijf", "disk"),
    "database": ("database", "database"),
    "clock": ("klok", "clock"),
    "smtp": ("mailserver", "mail server"),
    "mailbox": ("postbus", "mailbox"),
    "agendas": ("agenda's", "calendars"),
    "prefect": ("Prefect", "Prefect"),
    "dns": ("afzender", "sender"),
    "spf": ("SPF", "SPF"),
    "dkim": ("DKIM", "DKIM"),
    "dmarc": ("DMARC", "DMARC"),
    "mx": ("MX", "MX"),
    "reverse": ("adres mailserver", "server address"),
}

MOVES = {
    "OpenStage": ("fase geopend", "stage opened"),
    "CloseStage": ("fase afgesloten", "stage closed"),
    "StageOverdue": ("fase duurt langer", "stage overdue"),
    "Finish": ("afgerond", "finished"),
    "Fire": ("stap gedaan", "step done"),
    "Settle": ("stap afgehandeld", "step settled"),
    "FillPlaces": ("plekken vergeven", "places passed on"),
}


@commands.command(
    "init",
    help=both(
        "Maak de database klaar: tabellen, scholen, programma's. Opnieuw uitvoeren kan altijd.",
        "Make the database ready: tables, schools, programmes. Can always be run again.",
    ),
)
def init(context: typer.Context, as_json: AsJson = False) -> None:
    """Create or migrate, then add what is missing."""
    from traject.setup import initialise

    at = desk(context)
    report = initialise(at.settings, at.now())
    if as_json:
        at.give(asdict(report))
        return
    at.tell(
        at.say(
            f"Scholen: {len(report.schools.added)} nieuw.",
            f"Schools: {len(report.schools.added)} new.",
        )
    )
    programmes = report.programmes
    at.tell(
        at.say(
            f"Programma's: {len(programmes.added)} nieuw, {len(programmes.replaced)} vervangen, "
            f"{len(programmes.unchanged)} gelijk gebleven.",
            f"Programmes: {len(programmes.added)} new, {len(programmes.replaced)} replaced, "
            f"{len(programmes.unchanged)} unchanged.",
        )
    )
    at.tell(at.say("De database is klaar.", "The database is ready."))


@commands.command(
    "run-once",
    help=both(
        "Doe alles wat nu aan de beurt is, zonder Prefect: inbox, fasen, stappen, evaluaties, mail.",
        "Do all that is due now, without Prefect: inbox, stages, steps, evaluations, mail.",
    ),
)
def run_once(
    context: typer.Context,
    now: Annotated[
        str, typer.Option("--now", help=both("Alsof het dit moment is.", "As if it were this moment."))
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Safe at any time, also beside a heartbeat. Exit code 1 when something failed or mail could not leave."""
    from traject import engine

    at = desk(context)
    fixed = at.instant(now) if now else None

    def clock() -> datetime:
        return fixed or at.now()

    report = asyncio.run(engine.run_once(at.store, at.settings, clock=clock)).as_dict(at.language)
    delivery = report["delivery"]
    if as_json:
        at.give(report)
    else:
        _show_round(at, report)
    if report["failed"] or delivery["problem"]:
        raise typer.Exit(1)


def _show_round(at: Desk, report: dict[str, Any]) -> None:
    delivery = report["delivery"]
    moves = ", ".join(f"{count} × {at.say(*MOVES[name])}" for name, count in report["moves"].items())
    at.tell(
        at.say(
            f"Ingekomen verwerkt: {sum(report['inbox'].values())}\n"
            f"Trajecten aan de beurt: {report['trajectories']}{f' ({moves})' if moves else ''}\n"
            f"Mail verstuurd: {delivery['accepted']}, uitgesteld: {delivery['deferred']}, "
            f"mislukt: {delivery['failed']}",
            f"Arrivals applied: {sum(report['inbox'].values())}\n"
            f"Trajectories due: {report['trajectories']}{f' ({moves})' if moves else ''}\n"
            f"Mail sent: {delivery['accepted']}, put off: {delivery['deferred']}, failed: {delivery['failed']}",
        )
    )
    for trajectory, reason in report["failed"].items():
        at.warn(at.say(f"Traject {trajectory}: {reason}", f"Trajectory {trajectory}: {reason}"))
    if delivery["problem"]:
        at.warn(delivery["problem"])
    if report["mailbox"]["problem"]:
        at.warn(f"{report['mailbox']['mailbox']}: {report['mailbox']['problem']}")


@commands.command(
    "reconcile",
    help=both(
        "Vergelijk planning, database en outbox; noem alles wat niet klopt.",
        "Compare plan, rows and outbox; name all that does not agree.",
    ),
)
def reconcile(context: typer.Context, as_json: AsJson = False) -> None:
    """Read only; exit code 1 when something does not agree."""
    from traject import reconcile as engine

    at = desk(context)
    now = at.now()
    found = engine.reconcile(at.store, at.settings, now)
    findings = [
        asdict(finding) | {"sentence": finding.sentence.in_language(at.language)} for finding in found
    ]
    known = engine.latest_known(at.store, now)
    if known > now + MINUTE and not as_json:
        when = moment(known, at.settings.zone, at.language)
        at.tell(
            at.say(
                f"De klok loopt achter op de database;\ner is vergeleken zoals het is op {when}.",
                f"The clock is behind the database;\nthis compares things as they are at {when}.",
            )
        )
    if as_json:
        at.give(findings)
    else:
        for finding in findings:
            at.tell(f"✗ {finding['trajectory'] or '—'}: {finding['sentence']}")
        if not findings:
            at.tell(at.say("✓ Planning, database en outbox kloppen.", "✓ Plan, rows and outbox agree."))
    if findings:
        raise typer.Exit(1)


@commands.command(
    "simulate",
    help=both(
        "Leef jaren vooruit met de echte motor, een echte database en een echte mailserver.",
        "Live through years with the real engine, a real database and a real mail server.",
    ),
)
def simulate(
    context: typer.Context,
    schools: Annotated[
        int, typer.Option("--schools", min=1, help=both("Hoeveel scholen.", "How many."))
    ] = 50,
    years: Annotated[
        int, typer.Option("--years", min=1, max=20, help=both("Hoeveel jaar.", "How many years."))
    ] = 4,
    seed: Annotated[
        int, typer.Option("--seed", help=both("Zelfde getal, zelfde verloop.", "Same number, same course."))
    ] = 1,
    database_url: Annotated[
        str | None,
        typer.Option(
            "--database-url",
            help=both(
                "Een lege database om in te leven, bijvoorbeeld PostgreSQL; anders een bestand dat verdwijnt.",
                "An empty database to live in, such as PostgreSQL; otherwise a file that is thrown away.",
            ),
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """On a database of its own; yours is not touched. Exit code 1 when a mail was lost, doubled, or a school forgotten."""
    from traject.simulate import simulate as live

    at = desk(context)
    if database_url:
        try:
            database_url = database_address(database_url)
        except ValueError as error:
            raise typer.BadParameter(f"{database_url!r} {error}", param_hint="--database-url") from error
    with Progress(transient=True, disable=as_json) as bar:
        job = bar.add_task(at.say("Simuleren", "Simulating"), total=None)

        def progress(done: int, total: int) -> None:
            bar.update(job, completed=done, total=total)

        report = live(schools, years, seed, progress, at.settings, database_url=database_url).as_dict()
    if as_json:
        at.give(report)
    else:
        _show_simulation(at, report)
    if any(report[never] for never in ("duplicates", "lost", "schools_without_evaluation", "violations")):
        raise typer.Exit(1)


def _show_simulation(at: Desk, report: dict[str, Any]) -> None:
    for violation in report["violations"]:
        at.warn(violation)
    for heading, key in (
        (at.say("Mails", "Mails"), "mails"),
        (at.say("Uitnodigingen", "Invitations"), "invitations"),
    ):
        made = table(heading, ("", {"justify": "right"}))
        for name, count in report[key].items():
            made.add_row(name, str(count))
        at.show(made, "")
    made = table(
        at.say("Evaluaties", "Evaluations"),
        (at.say("gevraagd", "asked"), {"justify": "right"}),
        (at.say("beantwoord", "answered"), {"justify": "right"}),
    )
    for year, counts in report["evaluations"].items():
        made.add_row(year, str(counts["asked"]), str(counts["answered"]))
    at.show(made, "")
    at.tell(
        at.say(
            f"Gemist: {len(report['missed'])} · dubbel: {report['duplicates']} · verloren: {report['lost']} · "
            f"scholen zonder evaluatie: {report['schools_without_evaluation']} · {report['seconds']:.0f} s",
            f"Missed: {len(report['missed'])} · duplicates: {report['duplicates']} · lost: {report['lost']} · "
            f"schools without an evaluation: {report['schools_without_evaluation']} · {report['seconds']:.0f} s",
        )
    )


@commands.command(
    "doctor",
    help=both(
        "Kijk of alles werkt; bij elk ✗ staat wat te doen.",
        "Look whether everything works; each ✗ says what to do.",
    ),
)
def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Changes nothing; exit code 1 when something does not work."""
    from traject.doctor import examine

    at = desk(context)
    checks = examine(at.settings, at.now())
    if as_json:
        at.give(
            [
                {
                    "part": check.part,
                    "ok": check.is_ok,
                    "found": check.found.in_language(at.language),
                    "remedy": check.remedy.in_language(at.language) or None,
                }
                for check in checks
            ]
        )
    else:
        made = table(("", {"no_wrap": True}), ("", {"no_wrap": True}), ("", {"overflow": "fold"}))
        made.show_header = False
        for check in checks:
            mark = Styled("✓", style="green") if check.is_ok else Styled("✗", style="bold red")
            found = escape(check.found.in_language(at.language))
            if not check.is_ok:
                found += f"\n→ {escape(check.remedy.in_language(at.language))}"
            made.add_row(mark, _PARTS[check.part][at.language == "en"], found)
        at.show(made)
    if not all(check.is_ok for check in checks):
        raise typer.Exit(1)


@commands.command(
    "up",
    help=both(
        "Start alles op deze machine: Prefect, worker, portaal, postbus. Ctrl-C stopt.",
        "Start everything on this machine: Prefect, worker, portal, mailbox. Ctrl-C stops.",
    ),
)
def up(context: typer.Context) -> None:
    """What `make run` does."""
    from traject.up import up as start

    raise typer.Exit(start(desk(context).settings))
