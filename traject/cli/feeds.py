"""`traject feeds`: calendars that people subscribe to, under an address that is shown once and can be taken back."""

from typing import Annotated, Any

import typer
from sqlmodel import Session, col, select

from models import Feed, Person, Trajectory
from models.enums import FeedKind
from traject.cli.console import AsJson, BadUsage, Desk, both, desk
from traject.dossier import find, row_id
from traject.errors import Refused
from traject.feeds import feed_url, make_feed, revoke_feed, webcal_url
from traject.show import table

commands = typer.Typer(
    help=both("Agenda-abonnementen: maken, bekijken en intrekken.", "Calendar feeds: make, list and revoke."),
    no_args_is_help=True,
)


@commands.command(
    "add",
    help=both(
        "Maak een abonnement van een persoon, een traject of een groep, of van de staf.",
        "Make a feed of a person, of a trajectory or a group, or of staff.",
    ),
)
def add(
    context: typer.Context,
    person: Annotated[
        str,
        typer.Option(
            "--person", help=both("Adres van de persoon.", "Address of the person."), metavar="EMAIL"
        ),
    ] = "",
    trajectory: Annotated[
        str,
        typer.Option(
            "--trajectory",
            help=both(
                "Traject of groep, zoals po-nieuw:16LF00.", "Trajectory or group, like po-nieuw:16LF00."
            ),
            metavar="REF",
        ),
    ] = "",
    staff: Annotated[
        bool, typer.Option("--staff", help=both("Alle bijeenkomsten.", "All meetings."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the address once: only its hash is kept."""
    at = desk(context)
    if [bool(person), bool(trajectory), staff].count(True) != 1:
        raise BadUsage(
            at.say(
                "geef één van --person EMAIL, --trajectory REF of --staff",
                "give one of --person EMAIL, --trajectory REF or --staff",
            )
        )
    now = at.now()
    with at.store.write() as session:
        if person:
            whose = _person(session, person)
            made, token = make_feed(session, FeedKind.PERSON, now=now, person_id=row_id(whose))
        elif trajectory:
            of = find(session, trajectory)
            made, token = make_feed(session, FeedKind.TRAJECTORY, now=now, trajectory_id=row_id(of))
        else:
            made, token = make_feed(session, FeedKind.STAFF, now=now)
        row = _row(at, session, made)
    url = feed_url(at.settings.base_url, token)
    if as_json:
        at.give(row | {"url": url, "webcal": webcal_url(url)})
        return
    at.tell(at.say(f"Abonnement {row['id']}: {row['of']}", f"Feed {row['id']}: {row['of']}"))
    at.tell(url)
    at.tell(
        at.say(
            "Bewaar dit adres; het wordt niet nog eens getoond. Wie het heeft, kan deze agenda lezen. Intrekken: "
            f"traject feeds revoke {row['id']}",
            "Keep this address; it is not shown again. Whoever has it can read this calendar. To revoke it: "
            f"traject feeds revoke {row['id']}",
        )
    )


@commands.command("list", help=both("Alle abonnementen, met nummer.", "All feeds, with number."))
def list_feeds(context: typer.Context, as_json: AsJson = False) -> None:
    """List feeds in the order in which they were made."""
    at = desk(context)
    with at.store.read() as session:
        rows = [_row(at, session, found) for found in session.exec(select(Feed).order_by(col(Feed.id)))]
    if as_json:
        at.give(rows)
        return
    made = table(
        (at.say("Nummer", "Number"), {"justify": "right"}),
        at.say("Van", "Of"),
        at.say("Gemaakt", "Made"),
        at.say("Ingetrokken", "Revoked"),
    )
    for row in rows:
        days = (
            f"{row[key].astimezone(at.settings.zone):%d-%m-%Y}" if row[key] else ""
            for key in ("made_at", "revoked_at")
        )
        made.add_row(str(row["id"]), str(row["of"]), *days)
    at.show(made)
    at.tell(at.say(f"{len(rows)} abonnementen", f"{len(rows)} feeds"))


@commands.command(
    "revoke",
    help=both(
        "Trek een abonnement in: het adres werkt meteen niet meer.",
        "Revoke a feed: its address stops working at once.",
    ),
)
def revoke(
    context: typer.Context,
    number: Annotated[int, typer.Argument(help=both("Nummer uit feeds list.", "Number in feeds list."))],
    as_json: AsJson = False,
) -> None:
    """End a feed; a second time changes nothing."""
    at = desk(context)
    now = at.now()
    with at.store.write() as session:
        found = revoke_feed(session, number, now=now)
        row = _row(at, session, found)
    if as_json:
        at.give(row)
    elif row["revoked_at"] == now:
        at.tell(
            at.say(
                f"Abonnement {number} ({row['of']}) is ingetrokken.",
                f"Feed {number} ({row['of']}) is revoked.",
            )
        )
    else:
        day = f"{row['revoked_at'].astimezone(at.settings.zone):%d-%m-%Y}"
        at.tell(
            at.say(
                f"Abonnement {number} was al ingetrokken op {day}.", f"Feed {number} was revoked on {day}."
            )
        )


def _person(session: Session, email: str) -> Person:
    found = session.exec(select(Person).where(Person.email == email.strip().lower())).one_or_none()
    if found is None:
        raise Refused(
            f"niemand heeft het adres ‘{email}’; `traject people list` toont wie er zijn",
            f"nobody has the address '{email}'; `traject people list` shows who there are",
        )
    return found


def _row(at: Desk, session: Session, feed: Feed) -> dict[str, Any]:
    of = at.say("staf: alle bijeenkomsten", "staff: all meetings")
    if feed.person_id is not None:
        person = session.get_one(Person, feed.person_id)
        of = f"{person.name} <{person.email}>"
    elif feed.trajectory_id is not None:
        of = session.get_one(Trajectory, feed.trajectory_id).reference
    return {
        "id": feed.id,
        "kind": feed.kind.value,
        "of": of,
        "made_at": feed.created_at,
        "revoked_at": feed.revoked_at,
    }
