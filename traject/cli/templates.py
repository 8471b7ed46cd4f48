"""`traject templates preview`: every mail as files to look at, with what is wrong with it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress
from sqlmodel import col, select

from models import Organisation, School
from traject.cli.console import AsJson, both, desk
from traject.errors import Refused
from traject.mail_pictures import BrowserError
from traject.mail_preview import previews, write
from traject.programme_file import load_programmes

commands = typer.Typer(help=both("De mails: bekijken.", "The mails: look at them."), no_args_is_help=True)


@commands.command(
    "preview",
    help=both("Schrijf elke mail als bestand, om te bekijken.", "Write every mail to a file, to look at."),
)
def preview(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", help=both("Map.", "Folder."))],
    school: Annotated[
        str,
        typer.Option(
            "--school", help=both("Vestigingscode; leeg: de eerste.", "School code; empty: the first.")
        ),
    ] = "",
    programme: Annotated[
        str, typer.Option("--programme", help=both("Programma.", "Programme."))
    ] = "po-nieuw",
    pictures: Annotated[
        bool,
        typer.Option("--pictures/--no-pictures", help=both("Met schermafdrukken.", "With screenshots.")),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """In Dutch and English, text and HTML; exit code 1 when something is wrong with one of them."""
    at = desk(context)
    programmes = load_programmes(at.settings.programmes_dir)
    if programme not in programmes:
        raise Refused(
            f"er is geen programma ‘{programme}’; kies uit {', '.join(programmes)}",
            f"there is no programme '{programme}'; choose from {', '.join(programmes)}",
        )
    query = select(Organisation.name).join(School, col(School.organisation_id) == col(Organisation.id))
    query = query.where(School.code == school) if school else query.order_by(col(School.code))
    with at.store.read() as session:
        name = session.exec(query.limit(1)).first()
    if name is None:
        raise Refused(
            "deze school is er niet; `traject schools list` toont de scholen",
            "there is no such school; `traject schools list` shows the schools",
        )
    made = list(previews(programmes[programme], name, at.settings, at.now()))
    with Progress(transient=True, disable=as_json) as bar:
        job = bar.add_task(at.say("Schermafdrukken", "Screenshots"), total=None, visible=pictures)
        try:
            with_pictures = write(
                out,
                made,
                pictures=pictures,
                taken=lambda done, total: bar.update(job, completed=done, total=total),
            )
        except BrowserError as error:
            raise Refused(
                f"de browser maakt geen schermafdrukken ({error}); kies --no-pictures",
                f"the browser takes no screenshots ({error}); choose --no-pictures",
            ) from error
    wrong = [each for each in made if each.findings]
    if as_json:
        at.give(
            {
                "school": name,
                "pictures": with_pictures,
                "mails": [
                    {
                        "kind": each.kind.value,
                        "language": each.language,
                        "subject": each.subject,
                        "findings": each.findings,
                    }
                    for each in made
                ],
            }
        )
    else:
        for each in wrong:
            for found in each.findings:
                at.tell(f"{each.language}/{each.kind}: {found}")
        shown = "" if with_pictures else at.say(" (zonder schermafdrukken)", " (without screenshots)")
        at.tell(
            at.say(
                f"{len(made)} mails voor {name} in {out}/index.html{shown}; {len(wrong)} met een fout",
                f"{len(made)} mails for {name} in {out}/index.html{shown}; {len(wrong)} with a fault",
            )
        )
    if wrong:
        raise typer.Exit(1)
