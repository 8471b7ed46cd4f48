"""`traject lint FILE…`: what no validator finds in an invitation (.ics) or in the mail that carries it (.eml)."""

from pathlib import Path
from typing import Annotated, Any

import typer

from calendars.lint import lint
from calendars.lint_finding import Finding
from calendars.lint_mail import lint_mail
from traject.cli.console import AsJson, both, desk

commands = typer.Typer()


@commands.command(
    "lint",
    help=both(
        "Zoek fouten in uitnodigingen (.ics) en in de mails eromheen (.eml) waar agenda's over vallen.",
        "Find the faults in invitations (.ics) and in the mails around them (.eml) that calendars fall over.",
    ),
)
def lint_files(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="BESTAND…", help=both("Bestanden .ics of .eml.", "Files, .ics or .eml.")),
    ],
    as_json: AsJson = False,
) -> None:
    """Exit code 1 when something is found."""
    at = desk(context)
    found = [(path, _findings(path, at.read(path))) for path in files]
    if as_json:
        at.give(
            [
                {"file": str(path), "findings": [_json(one, at.language) for one in findings]}
                for path, findings in found
            ]
        )
    else:
        for path, findings in found:
            for one in findings:
                fault = one.in_language(at.language)
                at.tell(f"{path}:{one.line or '-'}: {fault.what} [{one.code}]")
                at.tell(f"    {fault.why} {fault.remedy}")
            if not findings:
                at.tell(at.say(f"{path}: niets gevonden", f"{path}: nothing found"))
    if any(findings for _, findings in found):
        raise typer.Exit(1)


def _findings(path: Path, data: bytes) -> list[Finding]:
    """A calendar by its name, or by how it begins; anything else is a mail."""
    is_calendar = path.suffix.lower() in (".ics", ".ical", ".ifb") or data.lstrip(
        b"\xef\xbb\xbf \r\n"
    ).startswith(b"BEGIN:VCALENDAR")
    return lint(data) if is_calendar else lint_mail(data)


def _json(one: Finding, language: str) -> dict[str, Any]:
    return {"code": one.code, "line": one.line or None, **one.in_language(language)._asdict()}
