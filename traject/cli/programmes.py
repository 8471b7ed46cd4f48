"""`traject programmes`: which programmes there are, and whether their files are right."""

from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import select

from models import ProgrammeVersion
from traject.cli.console import AsJson, both, desk
from traject.programme import Programme
from traject.programme_file import ProgrammeError, load_programmes, read_programme
from traject.show import table, word

commands = typer.Typer(
    help=both("Programma's: bekijken en controleren.", "Programmes: list and check."), no_args_is_help=True
)


@commands.command("list", help=both("Alle programma's.", "All programmes."))
def list_programmes(context: typer.Context, as_json: AsJson = False) -> None:
    """List the programmes of the folder, and which of their versions the database holds."""
    at = desk(context)
    programmes = load_programmes(at.settings.programmes_dir)
    with at.store.read() as session:
        stored = session.exec(select(ProgrammeVersion.key, ProgrammeVersion.version)).all()
    if as_json:
        at.give([_as_json(programme, stored) for programme in programmes.values()])
        return
    made = table(
        (at.say("Programma", "Programme"), {"no_wrap": True}),
        (at.say("Versie", "Version"), {"justify": "right"}),
        at.say("Voor", "For"),
        (at.say("Fasen", "Stages"), {"justify": "right"}),
        (at.say("Stappen", "Steps"), {"justify": "right"}),
        at.say("Titel", "Title"),
    )
    for programme in programmes.values():
        made.add_row(
            programme.key,
            str(programme.version),
            ", ".join(programme.school_types) or word(programme.kind, at.language),
            str(len(programme.stages)),
            str(len(programme.steps)),
            programme.title.in_language(at.language),
        )
    at.show(made)


def _as_json(programme: Programme, stored: object) -> dict[str, object]:
    versions = (
        [version for key, version in stored if key == programme.key] if isinstance(stored, list) else []
    )
    return {
        "key": programme.key,
        "version": programme.version,
        "kind": programme.kind.value,
        "title": programme.title.nl,
        "school_types": programme.school_types,
        "roles": [
            {
                "key": role.key,
                "title": role.title.nl,
                "required": role.required,
                "many": role.many,
                "staff": role.staff,
            }
            for role in programme.roles
        ],
        "stages": [stage.key for stage in programme.stages],
        "steps": len(programme.steps),
        "sha256": programme.sha256,
        "stored_versions": sorted(versions),
    }


@commands.command(
    "check",
    help=both(
        "Controleer programmabestanden; zonder bestand alle programma's.",
        "Check programme files; without a file all programmes.",
    ),
)
def check(
    context: typer.Context,
    files: Annotated[list[Path] | None, typer.Argument(help=both("YAML-bestanden.", "YAML files."))] = None,
    as_json: AsJson = False,
) -> None:
    """Tell every problem of every file as `file:line: …`; exit code 1 when there is one."""
    at = desk(context)
    wanted = files or sorted(at.settings.programmes_dir.glob("*.yaml"))
    results: list[dict[str, object]] = []
    for file in wanted:
        try:
            programme = read_programme(file)
        except ProgrammeError as error:
            problems = [
                {"line": p.line, "message": p.message.in_language(at.language)} for p in error.problems
            ]
            results.append({"file": str(file), "ok": False, "problems": problems})
            if not as_json:
                at.warn(error.in_language(at.language))
        else:
            results.append({"file": str(file), "ok": True, "problems": []})
            if not as_json:
                at.tell(f"✓ {file}: {programme.key}@{programme.version}")
    if as_json:
        at.give(results)
    if not all(result["ok"] for result in results):
        raise typer.Exit(1)
