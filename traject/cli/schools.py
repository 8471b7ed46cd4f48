"""`traject schools`: which schools are known, and reading DUO's lists."""

from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import col, select

from models import Organisation, School
from traject.cli.console import AsJson, DryRun, both, desk
from traject.school_file import SchoolRecord
from traject.schools import AREA, import_schools, in_area, read_schools
from traject.show import table

commands = typer.Typer(
    help=both("Scholen: inlezen en bekijken.", "Schools: import and list."), no_args_is_help=True
)


@commands.command(
    "import",
    help=both(
        "Lees lijsten van DUO in (01, 02, 06, 09; oud en nieuw). Twee keer inlezen verandert niets.",
        "Import lists of DUO (01, 02, 06, 09; old and new). A second import changes nothing.",
    ),
)
def import_files(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help=both("CSV-bestanden.", "CSV files."))],
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help=both(
                f"Alle gemeenten, niet alleen {', '.join(AREA)}.",
                f"All municipalities, not just {', '.join(AREA)}.",
            ),
        ),
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Read all files first, then write in one transaction: a wrong file means that nothing is imported."""
    at = desk(context)
    read = [record for file in files for record in read_schools(at.read(file), file.name)]
    taken = read if everything else in_area(read)
    records = list({record.code: record for record in taken}.values())  # of two files the last one counts
    with at.store.write() as session:
        report = import_schools(session, records)
        if dry_run:
            session.rollback()
    left_out = len(read) - len(taken)
    if as_json:
        at.give(
            {
                "added": report.added,
                "changed": report.changed,
                "unchanged": len(report.unchanged),
                "left_out": left_out,
                "dry_run": dry_run,
            }
        )
        return
    _show_names(context, records, report.added, at.say("nieuw", "new"))
    _show_names(context, records, report.changed, at.say("veranderd", "changed"))
    at.tell(
        at.say(
            f"{len(report.added)} nieuw, {len(report.changed)} veranderd, {len(report.unchanged)} gelijk gebleven.",
            f"{len(report.added)} new, {len(report.changed)} changed, {len(report.unchanged)} unchanged.",
        )
    )
    if left_out:
        at.tell(
            at.say(
                f"{left_out} scholen buiten {', '.join(AREA)} zijn niet ingelezen; met --all wel.",
                f"{left_out} schools outside {', '.join(AREA)} were left out; --all takes them too.",
            )
        )
    if dry_run:
        at.tell(at.say("Er is niets veranderd (--dry-run).", "Nothing was changed (--dry-run)."))


def _show_names(
    context: typer.Context, records: list[SchoolRecord], codes: tuple[str, ...], what: str
) -> None:
    names = {record.code: record.name for record in records}
    for code in codes[:20]:
        desk(context).tell(f"{what}: {code} {names[code]}")
    if len(codes) > 20:
        desk(context).tell(f"{what}: … +{len(codes) - 20}")


@commands.command("list", help=both("Alle scholen, met hun code.", "All schools, with their codes."))
def list_schools(
    context: typer.Context,
    words: Annotated[
        str,
        typer.Argument(
            help=both("Deel van de naam, code of gemeente.", "Part of name, code or municipality.")
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """List schools by municipality and name."""
    at = desk(context)
    with at.store.read() as session:
        query = (
            select(School, Organisation)
            .join(Organisation)
            .order_by(col(Organisation.municipality), col(Organisation.name))
        )
        rows = [
            {
                "code": school.code,
                "name": organisation.name,
                "official_name": school.official_name,
                "sector": school.sector,
                "school_type": school.school_type,
                "municipality": organisation.municipality,
                "place": school.place,
                "address": f"{school.street} {school.house_number}".strip(),
                "postcode": school.postcode,
                "website": organisation.website,
            }
            for school, organisation in session.exec(query)
        ]
    wanted = words.casefold()
    rows = [
        row
        for row in rows
        if any(wanted in row[key].casefold() for key in ("code", "name", "official_name", "municipality"))
    ]
    if as_json:
        at.give(rows)
        return
    made = table(
        ("Code", {"no_wrap": True}),
        at.say("Naam", "Name"),
        at.say("Soort", "Type"),
        at.say("Gemeente", "Municipality"),
        at.say("Adres", "Address"),
    )
    for row in rows:
        made.add_row(row["code"], row["name"], row["school_type"], row["municipality"], row["address"])
    at.show(made)
    at.tell(at.say(f"{len(rows)} scholen", f"{len(rows)} schools"))
