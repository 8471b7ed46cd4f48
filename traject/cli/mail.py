"""`traject outbox` and `traject inbox`: every mail that goes and comes, and what staff decide about one of them."""

from email import message_from_bytes
from email.policy import default as modern
from typing import Annotated, Any

import typer
from rich.markup import escape
from sqlmodel import col, func, select

from models import Message, Person, Trajectory
from models.enums import MessageState
from traject import holding
from traject.cli.console import AsJson, BadUsage, both, desk
from traject.cli.inbox import inbox
from traject.errors import Refused
from traject.show import instant_json, moment, table, word

outbox = typer.Typer(help=both("Mail die uitgaat.", "Mail that goes out."), no_args_is_help=True)

Number = Annotated[int, typer.Argument(help=both("Nummer van de mail.", "Number of the mail."))]
Reason = Annotated[
    str, typer.Option("--reason", help=both("Waarom; blijft erbij staan.", "Why; is kept with it."))
]
Limit = Annotated[int, typer.Option("--limit", min=1, help=both("Hoogstens zoveel.", "At most this many."))]


@outbox.command("list", help=both("Mails, de nieuwste eerst.", "Mails, newest first."))
def list_outbox(
    context: typer.Context,
    state: Annotated[
        str,
        typer.Option(
            "--state", help=both(f"Alleen: {', '.join(MessageState)}.", f"Only: {', '.join(MessageState)}.")
        ),
    ] = "",
    reference: Annotated[
        str, typer.Option("--trajectory", help=both("Alleen dit traject.", "Only this one."))
    ] = "",
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """What waits, what went, and what the server said."""
    at = desk(context)
    query = (
        select(Message, Trajectory.reference, Person.name)
        .join(Trajectory, col(Trajectory.id) == col(Message.trajectory_id), isouter=True)
        .join(Person, col(Person.id) == col(Message.person_id), isouter=True)
        .order_by(col(Message.id).desc())
        .limit(limit)
    )
    if state:
        if state not in list(MessageState):
            raise BadUsage(
                at.say(f"kies uit {', '.join(MessageState)}", f"choose from {', '.join(MessageState)}")
            )
        query = query.where(Message.state == MessageState(state))
    if reference:
        query = query.where(Trajectory.reference == reference)
    zone = at.settings.zone
    with at.store.read() as session:
        total = dict(session.exec(select(Message.state, func.count()).group_by(col(Message.state))).all())
        rows: list[dict[str, Any]] = [
            {
                "id": message.id,
                "state": message.state.value,
                "kind": message.kind.value,
                "to": message.to_email,
                "name": name,
                "subject": message.subject,
                "reference": trajectory,
                "queued_at": message.queued_at,
                "next_attempt_at": message.next_attempt_at,
                "accepted_at": message.accepted_at,
                "attempts": message.attempts,
                "answer": message.answer,
                "digest": message.digest_id,
                "message_id": message.message_id,
            }
            for message, trajectory, name in session.exec(query)
        ]
    if as_json:
        at.give(
            [
                {key: instant_json(v, zone) if key.endswith("_at") else v for key, v in row.items()}
                for row in rows
            ]
        )
        return
    made = table(
        ("Nr", {"justify": "right"}),
        at.say("Stand", "State"),
        (at.say("Sinds", "Since"), {"no_wrap": True}),
        at.say("Aan", "To"),
        at.say("Onderwerp", "Subject"),
    )
    for row in rows:
        since = moment(row["accepted_at"] or row["queued_at"], zone, at.language)
        says_why = row["digest"] or row["attempts"] == 0 or row["state"] not in ("accepted", "queued")
        why = f" ({row['answer']})" if row["answer"] and says_why else ""
        made.add_row(
            str(row["id"]),
            word(row["state"], at.language),
            since,
            escape(row["to"]),
            escape(row["subject"] + why),
        )
    at.show(made)
    at.tell(", ".join(f"{count} {word(which, at.language)}" for which, count in sorted(total.items())) or "0")


@outbox.command("show", help=both("Lees één mail.", "Read one mail."))
def show(context: typer.Context, number: Number, as_json: AsJson = False) -> None:
    """The text as its reader gets it, before or after it went out."""
    at = desk(context)
    with at.store.read() as session:
        mail = session.get(Message, number)
        data = mail.data if mail else None
    if mail is None:
        raise Refused(f"er is geen mail {number}", f"there is no mail {number}")
    body = message_from_bytes(data or b"", policy=modern).get_body(("plain",))
    row = {
        "id": mail.id,
        "state": mail.state.value,
        "to": mail.to_email,
        "subject": mail.subject,
        "text": body.get_content().replace("\r\n", "\n") if body else None,
    }
    if as_json:
        at.give(row)
        return
    at.tell(f"{at.say('Aan', 'To')}: {mail.to_email} ({word(mail.state, at.language)})")
    at.tell(f"{at.say('Onderwerp', 'Subject')}: {mail.subject}\n\n{row['text'] or mail.answer}")


@outbox.command("hold", help=both("Houd één mail vast.", "Hold one mail."))
def hold(context: typer.Context, number: Number, reason: Reason = "", as_json: AsJson = False) -> None:
    """Until it is released; refused once it is on its way."""
    at = desk(context)
    with at.store.write() as session:
        holding.hold(session, number, reason=reason or at.say("vastgehouden door Hart", "held by Hart"))
    _done(context, number, at.say("vastgehouden", "held"), as_json=as_json)


@outbox.command("release", help=both("Geef één mail vrij.", "Release one mail."))
def release(context: typer.Context, number: Number, as_json: AsJson = False) -> None:
    """It goes with the next delivery."""
    at = desk(context)
    with at.store.write() as session:
        holding.release(session, number, now=at.now())
    _done(context, number, at.say("vrijgegeven", "released"), as_json=as_json)


@outbox.command("skip", help=both("Verstuur één mail nooit.", "Never send one mail."))
def skip(context: typer.Context, number: Number, reason: Reason = "", as_json: AsJson = False) -> None:
    """Refused once it is on its way."""
    at = desk(context)
    with at.store.write() as session:
        holding.skip(session, number, reason=reason or at.say("overgeslagen door Hart", "skipped by Hart"))
    _done(context, number, at.say("wordt niet verstuurd", "will not be sent"), as_json=as_json)


def _done(context: typer.Context, number: int, what: str, *, as_json: bool) -> None:
    at = desk(context)
    if as_json:
        with at.store.read() as session:
            at.give({"id": number, "state": session.get_one(Message, number).state.value})
    else:
        at.tell(f"{at.say('Mail', 'Mail')} {number}: {what}.")


__all__ = ["inbox", "outbox"]
