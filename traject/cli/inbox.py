"""`traject inbox`: what came in, what became of it, and what staff decide about a mail that was put aside."""

import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.markup import escape
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from models import Alias, Arrival, Person
from models.enums import InboxState
from traject import aliases as engine
from traject.cli.console import AsJson, BadUsage, Desk, DryRun, Yes, both, desk
from traject.cli.mailbox import warn_of_the_mailbox
from traject.errors import Refused
from traject.inbox import add_mail
from traject.inbox_words import kind_word, outcome_word, plain, why_in
from traject.outcome import Outcome, public, recorded
from traject.show import instant_json, moment, table, word
from traject.shown_mail import shown_mail

inbox = typer.Typer(help=both("Wat is binnengekomen.", "What came in."), no_args_is_help=True)

STORM = timedelta(hours=1)
"""Mails of one sender that end alike and come within this time of each other are one line."""

Number = Annotated[int, typer.Argument(help=both("Nummer uit `inbox list`.", "Number of `inbox list`."))]
Limit = Annotated[int, typer.Option("--limit", min=1, help=both("Hoogstens zoveel.", "At most this many."))]


@inbox.command("list", help=both("Wat is binnengekomen, het nieuwste eerst.", "What came in, newest first."))
def list_inbox(
    context: typer.Context,
    state: Annotated[
        str,
        typer.Option(
            "--state", help=both(f"Alleen: {', '.join(InboxState)}.", f"Only: {', '.join(InboxState)}.")
        ),
    ] = "",
    to_look_at: Annotated[
        bool,
        typer.Option(
            "--to-look-at", help=both("Alleen wat iemand moet bekijken.", "Only what needs a look.")
        ),
    ] = False,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """Answers, bounces and other mail, and what became of them; many alike of one sender are one line."""
    at = desk(context)
    if state and state not in list(InboxState):
        raise BadUsage(at.say(f"kies uit {', '.join(InboxState)}", f"choose from {', '.join(InboxState)}"))
    wanted = InboxState.QUARANTINED if to_look_at else InboxState(state) if state else None
    with at.store.read() as session:
        rows = _rows(session, wanted, limit, together=not as_json)
    if as_json:
        at.give([_row_json(at, row) for row in rows])
        return
    warn_of_the_mailbox(at)
    made = table(
        ("Nr", {"justify": "right"}),
        (at.say("Binnen", "Came in"), {"no_wrap": True}),
        at.say("Van", "From"),
        at.say("Wat", "What"),
        at.say("Uitkomst", "Outcome"),
    )
    for row in rows:
        outcome = ": ".join(
            filter(None, (outcome_word(row["outcome"], at.language), why_in(row["why"], at.language)))
        )
        many = f"{row['count']} × " if row["count"] > 1 else ""
        made.add_row(
            f"{row['id']}" if row["count"] == 1 else f"{row['first']}–{row['id']}",
            moment(row["received_at"], at.settings.zone, at.language),
            escape(plain(row["sender"] or "")),
            escape(many + kind_word(row["kind"], at.language)),
            escape(plain(outcome)),
        )
    at.show(made)
    at.tell(at.say(f"{len(rows)} getoond", f"{len(rows)} shown"))


def _rows(session: Session, state: InboxState | None, limit: int, *, together: bool) -> list[dict[str, Any]]:
    """The newest arrivals without their bytes; `together`: alike ones of one sender as one, with how many."""
    query = select(Arrival).options(defer(cast("Any", Arrival.raw))).order_by(col(Arrival.id).desc())
    if state:
        query = query.where(Arrival.state == state)
    rows: list[dict[str, Any]] = []
    last: dict[tuple[Any, ...], dict[str, Any]] = {}
    for arrival in session.exec(query.execution_options(yield_per=500)):
        row: dict[str, Any] = {
            "id": arrival.id,
            "state": arrival.state.value,
            "kind": arrival.payload.get("kind") or arrival.kind.value,
            "received_at": arrival.received_at,
            "sender": arrival.payload.get("sender"),
            "subject": arrival.payload.get("subject"),
            "outcome": arrival.outcome or "stored",
            "why": arrival.why,
            "invitation_id": arrival.invitation_id,
            "request_id": arrival.request_id,
            "count": 1,
            "first": arrival.id,
            "since": arrival.received_at,
        }
        alike = (row["sender"], row["state"], row["kind"], row["outcome"])
        before = last.get(alike)
        if together and row["sender"] and before and before["since"] - arrival.received_at <= STORM:
            before["count"], before["first"], before["since"] = (
                before["count"] + 1,
                arrival.id,
                arrival.received_at,
            )
            continue
        if len(rows) == limit:
            break
        rows.append(row)
        last[alike] = row
    return rows


def _row_json(at: Desk, row: dict[str, Any]) -> dict[str, Any]:
    hidden = ("count", "first", "since")
    shown = {key: value for key, value in row.items() if key not in hidden}
    stands = {
        "outcome": row["outcome"] if row["state"] != "stored" else None,
        "why": why_in(row["why"], at.language) or None,
    }
    return shown | stands | {"received_at": instant_json(row["received_at"], at.settings.zone)}


@inbox.command("show", help=both("Lees één mail die binnenkwam.", "Read one mail that came in."))
def show(
    context: typer.Context,
    number: Number,
    raw: Annotated[
        bool,
        typer.Option("--raw", help=both("De mail zoals hij kwam (.eml).", "The mail as it came (.eml).")),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", help=both("Schrijf de mail in dit bestand.", "Write the mail to this file.")),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Who wrote, what it was taken for and why, and the text."""
    at = desk(context)
    with at.store.read() as session:
        arrival = session.get(Arrival, number)
    if arrival is None:
        raise Refused(
            f"er is niets binnengekomen met nummer {number}; `traject inbox list` toont de nummers",
            f"nothing came in with number {number}; `traject inbox list` shows the numbers",
        )
    if (raw or out) and arrival.raw is None:
        raise Refused(f"nummer {number} is geen mail", f"number {number} is no mail")
    if out is not None:
        out.write_bytes(arrival.raw or b"")
        at.tell(at.say(f"{out} geschreven", f"{out} written"))
        return
    if raw:
        sys.stdout.buffer.write(arrival.raw or b"")
        return
    found, mail = recorded(arrival), shown_mail(arrival.raw or b"")
    if as_json:
        at.give(
            {
                "id": number,
                "state": arrival.state.value,
                "received_at": instant_json(arrival.received_at, at.settings.zone),
                "from": mail.sender,
                "to": mail.to,
                "date": mail.date,
                "subject": mail.subject,
                "text": mail.text,
                "attachments": list(mail.attachments),
                "octets": len(arrival.raw or b""),
                **public(found, at.language),
            }
        )
        return
    lines = [
        (at.say("Van", "From"), mail.sender),
        (at.say("Aan", "To"), mail.to),
        (at.say("Verstuurd", "Sent"), mail.date),
        (at.say("Binnen", "Came in"), moment(arrival.received_at, at.settings.zone, at.language)),
        (at.say("Onderwerp", "Subject"), mail.subject),
        (at.say("Bijlagen", "Attached"), ", ".join(mail.attachments)),
        (at.say("Wat", "What"), f"{kind_word(found.kind, at.language)} ({word(arrival.state, at.language)})"),
        (at.say("Uitkomst", "Outcome"), ": ".join(filter(None, (outcome_word(found.outcome, at.language), why_in(found.why, at.language))))),
        (at.say("Opmerking", "Comment"), found.comment or ""),
    ]  # fmt: skip
    for heading, value in lines:
        if value:
            at.tell(f"{heading}: {plain(value)}")
    at.tell(f"\n{mail.text}" if mail.text else at.say("\n(geen tekst)", "\n(no text)"))
    if arrival.state is InboxState.QUARANTINED and found.sender:
        at.tell(
            at.say(
                f"\nVan iemand die je kent? `traject inbox link {number} ADRES`. Niets mee te doen? `traject inbox ignore {number}`.",
                f"\nFrom somebody you know? `traject inbox link {number} ADDRESS`. Nothing to do? `traject inbox ignore {number}`.",
            )
        )


@inbox.command(
    "link",
    help=both(
        "De afzender van deze mail is deze persoon: onthoud dat, en lees de mail opnieuw.",
        "The sender of this mail is this person: remember it, and read the mail again.",
    ),
)
def link(
    context: typer.Context,
    number: Number,
    email: Annotated[str, typer.Argument(help=both("Adres van de persoon.", "The person's address."))],
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Later mails from that address count by themselves."""
    at = desk(context)

    def act(*, dry_run: bool) -> engine.Linked:
        return engine.link(at.store, at.settings, number, email, now=at.now(), dry_run=dry_run)

    def told(linked: engine.Linked) -> None:
        addresses = ", ".join(linked.addresses)
        at.tell(
            at.say(
                f"Mail van {addresses} telt als mail van {linked.name} <{linked.email}>.",
                f"Mail from {addresses} counts as mail from {linked.name} <{linked.email}>.",
            )
        )
        for each in linked.mails:
            at.tell(f"{each.number}: {_said(at, each.before)} → {_said(at, each.after)}")

    _decide(at, act, told, dry_run=dry_run, yes=yes, as_json=as_json)


@inbox.command(
    "unlink", help=both("Maak een gekoppeld adres weer los.", "Forget an address that was linked.")
)
def unlink(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help=both("Het gekoppelde adres.", "The linked address."))],
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Answers that counted stay; later mails from it are put aside again."""
    at = desk(context)

    def act(*, dry_run: bool) -> engine.Linked:
        return engine.unlink(at.store, address, now=at.now(), dry_run=dry_run)

    def told(found: engine.Linked) -> None:
        at.tell(
            at.say(
                f"Mail van {found.addresses[0]} telt niet meer als mail van {found.name} <{found.email}>; wat geteld is "
                "blijft staan.",
                f"Mail from {found.addresses[0]} no longer counts as mail from {found.name} <{found.email}>; what "
                "counted stays.",
            )
        )

    _decide(at, act, told, dry_run=dry_run, yes=yes, as_json=as_json)


@inbox.command(
    "aliases", help=both("Welke adressen aan wie gekoppeld zijn.", "Which addresses are linked to whom.")
)
def list_aliases(context: typer.Context, as_json: AsJson = False) -> None:
    """Each with the mail that showed it."""
    at = desk(context)
    query = (
        select(Alias, Person).join(Person, col(Person.id) == col(Alias.person_id)).order_by(col(Alias.email))
    )
    with at.store.read() as session:
        rows = [
            {
                "email": alias.email,
                "name": person.name,
                "person": person.email,
                "mail": alias.arrival_id,
                "linked_at": instant_json(alias.linked_at, at.settings.zone),
            }
            for alias, person in session.exec(query)
        ]
    if as_json:
        at.give(rows)
        return
    made = table(at.say("Adres", "Address"), at.say("Van", "Of"), ("Nr", {"justify": "right"}))
    for row in rows:
        made.add_row(
            escape(str(row["email"])),
            escape(plain(f"{row['name']} <{row['person']}>")),
            str(row["mail"] or ""),
        )
    at.show(made)
    at.tell(at.say(f"{len(rows)} gekoppeld", f"{len(rows)} linked"))


@inbox.command(
    "ignore",
    help=both("Deze mail hoeft niemand meer te bekijken.", "Nobody needs to look at this mail any more."),
)
def ignore(context: typer.Context, number: Number, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """It stays to be read."""
    at = desk(context)
    outcome = engine.ignore(at.store, number, now=at.now(), dry_run=dry_run)
    if as_json:
        at.give({"id": number, "done": not dry_run, **public(outcome, at.language)})
    elif dry_run:
        at.tell(at.say("Er is niets veranderd (--dry-run).", "Nothing was changed (--dry-run)."))
    else:
        at.tell(at.say(f"Mail {number}: bekeken.", f"Mail {number}: seen."))


@inbox.command(
    "add", help=both("Lees mails (.eml) in alsof ze zijn ontvangen.", "Take mails (.eml) as if they came in.")
)
def add(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help=both("Bestanden .eml.", "Files .eml."))],
    as_json: AsJson = False,
) -> None:
    """Each is stored and applied once; the same bytes again change nothing. As JSON: one object per file, in their order."""
    at = desk(context)
    mails = [(file, at.read(file)) for file in files]
    outcomes: list[dict[str, Any]] = []
    for file, mail in mails:
        outcome = add_mail(at.store, at.settings, mail, at.now(), at.now())
        outcomes.append(public(outcome, at.language))
        if not as_json:
            at.tell(f"{file.name}: {_said(at, outcome)}")
    if as_json:
        at.give(outcomes)


def _said(at: Desk, outcome: Outcome) -> str:
    why = f" ({why_in(outcome.why, at.language)})" if outcome.why else ""
    return plain(f"{kind_word(outcome.kind, at.language)}, {outcome_word(outcome.outcome, at.language)}{why}")


def _linked_json(linked: engine.Linked, language: str) -> dict[str, Any]:
    mails = [
        {"id": each.number, "before": public(each.before, language), "after": public(each.after, language)}
        for each in linked.mails
    ]
    return asdict(linked) | {"mails": mails}


def _decide(
    at: Desk,
    act: Callable[..., engine.Linked],
    told: Callable[[engine.Linked], None],
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Show what would follow, ask, and do it."""
    at.refuse_unasked(yes=yes, dry_run=dry_run, as_json=as_json)
    if not as_json:
        told(act(dry_run=True))
    if dry_run:
        if as_json:
            at.give({"done": False, **_linked_json(act(dry_run=True), at.language)})
        else:
            at.tell(at.say("Er is niets veranderd (--dry-run).", "Nothing was changed (--dry-run)."))
        return
    if not (yes or at.confirm()):
        raise typer.Exit(1)
    done = act(dry_run=False)
    if as_json:
        at.give({"done": True, **_linked_json(done, at.language)})
    else:
        at.tell(at.say("Gedaan.", "Done."))
