"""`traject people`: who gets mail, with the number that names a person where no name may stand (Prefect's form)."""

from typing import Annotated

import typer
from email_validator import EmailNotValidError, validate_email
from sqlmodel import col, select

from models import Organisation, Person
from models.enums import AddressState
from traject.away import away_note
from traject.cli.console import AsJson, both, desk
from traject.errors import Refused
from traject.launch import parse_role
from traject.mail_contexts import address_problem
from traject.show import table

commands = typer.Typer(
    help=both("Personen: bekijken en toevoegen.", "People: list and add."), no_args_is_help=True
)


@commands.command(
    "list", help=both("Iedereen die mail krijgt, met nummer.", "Everybody who gets mail, with number.")
)
def list_people(
    context: typer.Context,
    words: Annotated[
        str, typer.Argument(help=both("Deel van naam of adres.", "Part of name or address."))
    ] = "",
    as_json: AsJson = False,
) -> None:
    """List people by name."""
    at = desk(context)
    today = at.now().astimezone(at.settings.zone).date()
    with at.store.read() as session:
        query = (
            select(Person, Organisation)
            .outerjoin(Organisation, col(Organisation.id) == col(Person.organisation_id))
            .order_by(col(Person.name), col(Person.id))
        )
        rows = [
            {
                "id": person.id,
                "name": person.name,
                "email": person.email,
                "organisation": organisation.name if organisation else "",
                "language": person.language,
                "address_works": person.address_state is AddressState.OK,
                "away_until": person.away_until,
                "note": away_note(person, today, at.language),
            }
            for person, organisation in session.exec(query)
            if words.casefold() in f"{person.name} {person.email}".casefold()
        ]
    if as_json:
        at.give(rows)
        return
    made = table(
        (at.say("Nummer", "Number"), {"justify": "right"}),
        at.say("Naam", "Name"),
        at.say("Adres", "Address"),
        at.say("Organisatie", "Organisation"),
    )
    for row in rows:
        broken = "" if row["address_works"] else at.say(" (werkt niet meer)", " (no longer works)")
        broken += f" ({row['note']})" if row["note"] else ""
        made.add_row(str(row["id"]), str(row["name"]), f"{row['email']}{broken}", str(row["organisation"]))
    at.show(made)
    at.tell(at.say(f"{len(rows)} personen", f"{len(rows)} people"))


@commands.command("add", help=both('Voeg iemand toe: "Naam <adres>".', 'Add somebody: "Name <address>".'))
def add_person(
    context: typer.Context,
    who: Annotated[str, typer.Argument(help=both('"Naam <adres>".', '"Name <address>".'))],
    language: Annotated[str, typer.Option("--language", help=both("nl of en.", "nl or en."))] = "nl",
    as_json: AsJson = False,
) -> None:
    """Add one person; somebody with this address who is there already is named again."""
    at = desk(context)
    given = parse_role(f"person={who}")
    email = given.email.lower()
    try:
        validate_email(email, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise Refused(
            at.say(f"‘{email}’ is geen mailadres ({error})", f"'{email}' is no mail address ({error})")
        ) from error
    if problem := address_problem(email):
        raise Refused(problem)
    if language not in ("nl", "en"):
        raise Refused(
            at.say(f"taal ‘{language}’ kan niet; kies nl of en", f"no language '{language}'; choose nl or en")
        )
    with at.store.write() as session:
        person = session.exec(select(Person).where(Person.email == email)).one_or_none()
        if person is None:
            person = Person(name=given.name, email=email, language=language)
            session.add(person)
            session.flush()
        row = {"id": person.id, "name": person.name, "email": person.email, "language": person.language}
    if as_json:
        at.give(row)
    else:
        at.tell(f"{row['id']}: {row['name']} <{row['email']}>")
