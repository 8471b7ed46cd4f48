"""`traject gatherings attendance-list`, `attended`, `not-held` and `certificates`: the day itself and what follows."""

import re
import unicodedata
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from models import Gathering
from traject import attendance_list as lists
from traject import certificate as certificates_
from traject.cli.arguments import Number
from traject.cli.console import AsJson, BadUsage, Desk, both, desk
from traject.cli.deciding import Action, deciding
from traject.errors import Refused
from traject.guests import Guest, guests_of, said_word
from traject.paper import writable
from traject.show import table
from traject.staff_attendance import not_held as undo_held
from traject.staff_attendance import record_attendance, reference_of

commands = typer.Typer()

_FORMS = (".pdf", ".html")


@commands.command(
    "attendance-list",
    help=both(
        "Presentielijst om af te drukken (--out); zonder --out: wie er staat, en wie er was.",
        "Attendance list to print (--out); without --out: who is on it, and who was there.",
    ),
)
def attendance_list(
    context: typer.Context,
    number: Number,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="BESTAND",
            dir_okay=False,
            help=both("Lijst.pdf of lijst.html.", "List.pdf or list.html."),
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Who declined is not on the printed list."""
    at = desk(context)
    if out is not None and out.suffix.lower() not in _FORMS:
        raise BadUsage(
            at.say(
                f"{out} is geen .pdf of .html; kies een van beide", f"{out} is no .pdf or .html; choose one"
            )
        )
    reference_of(at.store, number)
    now = at.now()
    with at.store.read() as session:
        gathering = session.get_one(Gathering, number)
        guests = guests_of(session, gathering, at.language)
        shown = lists.attendance_list(session, gathering, language=at.language, now=now)
    if out is not None:
        is_pdf = out.suffix.lower() == ".pdf"
        data = lists.write_pdf(shown, now) if is_pdf else lists.write_html(shown).encode()
        _write(out, data)
    if as_json:
        at.give(
            {
                "number": number,
                "title": shown.title,
                "when": shown.when,
                "place": shown.place,
                "organiser": shown.organiser,
                "file": str(out) if out else None,
                "people": [_guest_json(guest) for guest in guests],
            }
        )
    elif out is not None:
        count = len(shown.guests)
        at.tell(at.say(f"{out}: {count} mensen op de lijst", f"{out}: {count} people on the list"))
    else:
        _show(at, guests)


def _show(at: Desk, guests: list[Guest]) -> None:
    made = table(
        at.say("Naam", "Name"),
        at.say("Adres", "Address"),
        at.say("Antwoord", "Answer"),
        at.say("Was er", "There"),
    )
    there = {True: at.say("ja", "yes"), False: at.say("nee", "no"), None: "–"}
    for guest in guests:
        said = said_word(guest.said, at.language)
        made.add_row(escape(guest.name), escape(guest.email), said, there[guest.attended])
    at.show(made)


def _guest_json(guest: Guest) -> dict[str, Any]:
    return {
        "name": guest.name,
        "email": guest.email,
        "organisation": guest.organisation,
        "roles": list(guest.roles),
        "answer": guest.said.value,
        "on_the_list": guest.said in lists.ON_THE_LIST,
        "attended": guest.attended,
    }


@deciding(
    commands,
    "attended",
    help=both(
        "Leg vast wie er was; wie er was, krijgt het bedankje en het bewijs.",
        "Record who was there; they get the thank-you and the certificate.",
    ),
)
def attended(
    at: Desk,
    number: Number,
    emails: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ADRES]…", help=both("Wie er was.", "Who was there.")),
    ] = None,
    who_said_yes: Annotated[
        bool,
        typer.Option(
            "--all-who-said-yes",
            help=both(
                "Iedereen die ja zei en van wie nog niets vaststaat.",
                "Everybody who said yes and of whom nothing is recorded yet.",
            ),
        ),
    ] = False,
    absent: Annotated[
        list[str] | None,
        typer.Option("--absent", metavar="ADRES", help=both("Wie er niet was.", "Who was not there.")),
    ] = None,
    materials: Annotated[
        str,
        typer.Option(
            "--materials",
            help=both("Link naar de materialen, bij het bedankje.", "Link that goes with the thanks."),
        ),
    ] = "",
) -> Action:
    """Can be corrected: what is said last of somebody counts."""
    if not (emails or absent or who_said_yes):
        raise BadUsage(
            at.say(
                "noem wie er was (adressen of --all-who-said-yes) of wie niet (--absent ADRES)",
                "name who was there (addresses or --all-who-said-yes) or who was not (--absent ADDRESS)",
            )
        )
    return partial(
        record_attendance,
        at.store,
        at.settings,
        number,
        attended=emails or (),
        absent=absent or (),
        who_said_yes=who_said_yes,
        materials_url=materials,
    )


@deciding(
    commands,
    "not-held",
    help=both(
        "De bijeenkomst ging niet door; het plan kiest een nieuwe datum.",
        "It did not take place; the plan chooses another date.",
    ),
)
def not_held(
    at: Desk,
    number: Number,
    reason: Annotated[
        str,
        typer.Option("--reason", help=both("Waarom; blijft bij de taak staan.", "Why; kept with the task.")),
    ] = "",
) -> Action:
    """Whatever waited for it waits again."""
    return partial(undo_held, at.store, at.settings, number, reason=reason)


@commands.command(
    "certificates",
    help=both(
        "Schrijf de bewijzen van deelname als pdf, om af te drukken.",
        "Write the certificates of attendance as PDF, to print.",
    ),
)
def certificates(
    context: typer.Context,
    number: Number,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="MAP", file_okay=False, help=both("In welke map.", "In which folder.")),
    ],
    as_json: AsJson = False,
) -> None:
    """One file for everybody who was there; of a series with all that they attended."""
    at = desk(context)
    reference_of(at.store, number)
    with at.store.read() as session:
        found = certificates_.certificates_of(session, at.settings, number)
    if not found:
        raise Refused(
            f"bij bijeenkomst {number} hoort geen bewijs van deelname, of er staat nog niet vast wie er was; "
            f"`traject gatherings attended {number} …` legt dat vast",
            f"gathering {number} has no certificate, or it is not recorded who was there; "
            f"`traject gatherings attended {number} …` records it",
        )
    lines: list[dict[str, Any]] = []
    for person, certificate in found:
        path = out / f"{_plain(person.name)}-{certificate.number}.pdf"
        _write(path, certificates_.write_pdf(certificate))
        lines.append(
            {
                "name": person.name,
                "number": certificate.number,
                "file": str(path),
                "sessions": len(certificate.sessions),
                "readable": "\N{REPLACEMENT CHARACTER}" not in writable(person.name),
            }
        )
    if as_json:
        at.give(lines)
        return
    for line in lines:
        at.tell(f"{line['file']}")
        if not line["readable"]:
            at.warn(
                at.say(
                    f"{line['name']}: deze naam heeft tekens die niet op papier staan; schrijf haar erbij",
                    f"{line['name']}: this name has characters that are not on the paper; write it by hand",
                )
            )


def _plain(name: str) -> str:
    """A name as part of a file's name, on every system."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:60] or "bewijs"


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise Refused(
            f"{path} kan niet worden geschreven ({error.strerror}); kies een andere plek met --out",
            f"{path} cannot be written ({error.strerror}); choose another place with --out",
        ) from error
