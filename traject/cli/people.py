"""`traject people`: who gets mail, with the number that names a person where no name may stand (Prefect's form)."""

from collections.abc import Callable
from typing import Annotated

import typer
from sqlmodel import col, select

from models import Organisation, Person
from models.enums import AddressState
from traject.addresses import person_problem
from traject.away import away_note
from traject.cli.console import AsJson, both, desk
from traject.errors import Refused
from traject.launch import LaunchError, parse_role
from traject.show import table
from traject.unsubscribe import resubscribe, unsubscribe

Who = Annotated[str, typer.Argument(help=both("Nummer of adres.", "Number or address."))]

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
                "gets_news": person.unsubscribed_at is None,
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
        broken += "" if row["gets_news"] else at.say(" (geen nieuws)", " (no news)")
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
    try:
        given = parse_role(f"person={who}")
    except LaunchError as error:
        raise Refused(
            f'‘{who}’ is geen naam met adres; schrijf het zo: "Noor Visser <n.visser@school.nl>"',
            f'‘{who}’ is no name with an address; write it like this: "Noor Visser <n.visser@school.nl>"',
        ) from error
    email = given.email.lower()
    if problem := person_problem(given.name, email):
        raise Refused(problem.nl, problem.en)
    if language not in ("nl", "en"):
        raise Refused(
            f"taal ‘{language}’ kan niet; kies nl of en", f"no language '{language}'; choose nl or en"
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


@commands.command(
    "unsubscribe",
    help=both(
        "Stuur iemand geen nieuws meer; de rest gaat door.", "Send somebody no more news; the rest goes on."
    ),
)
def unsubscribe_person(context: typer.Context, who: Who, as_json: AsJson = False) -> None:
    """What waits and may be left out is withheld, with the reason."""
    _change(context, who, unsubscribe, gets_news=False, as_json=as_json)


@commands.command(
    "resubscribe", help=both("Stuur iemand weer nieuws, vanaf nu.", "Send somebody news again, from now on.")
)
def resubscribe_person(context: typer.Context, who: Who, as_json: AsJson = False) -> None:
    """What was withheld stays so."""
    _change(context, who, resubscribe, gets_news=True, as_json=as_json)


def _change(
    context: typer.Context, who: str, change: Callable[..., bool], *, gets_news: bool, as_json: bool
) -> None:
    at = desk(context)
    with at.store.write() as session:
        named = col(Person.id) == int(who) if who.isdigit() else col(Person.email) == who.strip().lower()
        person = session.exec(select(Person).where(named)).one_or_none()
        if person is None:
            raise Refused(
                f"‘{who}’ is niet bekend; `traject people list` toont wie er zijn",
                f"‘{who}’ is not known; `traject people list` shows who there are",
            )
        change(session, person, now=at.now(), via="staff")
        row = {"id": person.id, "email": person.email, "gets_news": gets_news}
        name = person.name
    if as_json:
        at.give(row)
    elif gets_news:
        at.tell(at.say(f"{name} krijgt weer nieuws.", f"{name} gets news again."))
    else:
        at.tell(at.say(f"{name} krijgt geen nieuws meer.", f"{name} gets no more news."))
