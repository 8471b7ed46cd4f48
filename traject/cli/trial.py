"""`traject mail test`: send a mail to yourself and see what becomes of it."""

import asyncio
from typing import Annotated, Any

import typer

from models import Message
from models.enums import MessageState
from traject.addresses import person_problem
from traject.cli.console import AsJson, BadUsage, Desk, both, desk
from traject.delivery import deliver
from traject.errors import Refused
from traject.show import instant_json, moment
from traject.trial_mail import Trial

mail = typer.Typer(help=both("Beproef de mail.", "Try the mail."), no_args_is_help=True)


@mail.callback()
def begin() -> None:
    """A group, although it holds one command."""


@mail.command(
    "test",
    help=both(
        "Stuur jezelf een proefmail; zegt wat de mailserver antwoordt en waar je op let.",
        "Send yourself a test mail; says what the mail server answers and what to look at.",
    ),
)
def try_mail(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help=both("Je eigen adres.", "Your own address."))],
    invitation: Annotated[
        bool,
        typer.Option("--invitation", help=both("Een uitnodiging voor de agenda.", "A calendar invitation.")),
    ] = False,
    cancel: Annotated[
        int,
        typer.Option(
            "--cancel", help=both("Haal proefuitnodiging NR weer weg.", "Take test invitation NR away again.")
        ),
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Only this mail goes out; what else waits keeps waiting. Exit code 1 when the server did not take it."""
    at = desk(context)
    if invitation and cancel:
        raise BadUsage(
            at.say("geef --invitation of --cancel, niet allebei", "give --invitation or --cancel, not both")
        )
    email = address.strip().lower()
    if problem := person_problem("", email):
        raise Refused(problem.nl, problem.en)
    with at.store.write() as session:
        trial = Trial(session, at.settings, email, at.language, at.now())
        wanted = trial.invitation if invitation else trial.notice
        number = trial.cancel(cancel) if cancel else wanted()
    report = asyncio.run(deliver(at.store, at.settings, clock=at.now, only=number))
    with at.store.read() as session:
        sent = session.get_one(Message, number)
    resume_at = report.resume_at if sent.state is MessageState.QUEUED else None
    if as_json:
        at.give(
            {
                "id": number,
                "to": sent.to_email,
                "state": sent.state.value,
                "answer": sent.answer,
                "message_id": sent.message_id,
                "resume_at": instant_json(resume_at, at.settings.zone) if resume_at else None,
            }
        )
    else:
        _tell(at, sent, resume_at, is_invitation=invitation)
    if sent.state is not MessageState.ACCEPTED:
        raise typer.Exit(1)


def _tell(at: Desk, sent: Message, resume_at: Any, *, is_invitation: bool) -> None:
    if resume_at:
        when = moment(resume_at, at.settings.zone, at.language)
        at.warn(
            at.say(f"De limiet van de provider is bereikt; hij gaat vanaf {when}.", f"Limited until {when}.")
        )
        return
    if sent.state is not MessageState.ACCEPTED:
        at.warn(
            at.say(
                f"De mailserver nam mail {sent.id} niet aan: {sent.answer}",
                f"The mail server did not take mail {sent.id}: {sent.answer}",
            )
        )
        return
    domain = at.settings.sender[1].partition("@")[2]
    at.tell(at.say(f"De mailserver antwoordt: {sent.answer}", f"The mail server answers: {sent.answer}"))
    at.tell(
        at.say(
            "Kijk in de ontvangen mail, bij de bron of het origineel, naar Authentication-Results:\n"
            f"  spf=pass met smtp.mailfrom=…@{domain}, dkim=pass met header.d={domain}, dmarc=pass.\n"
            "Staat daar iets anders, of staat hij bij de ongewenste mail: `traject doctor` noemt het record dat ontbreekt.",
            "Look in the mail that came in, at its source or original, for Authentication-Results:\n"
            f"  spf=pass with smtp.mailfrom=…@{domain}, dkim=pass with header.d={domain}, dmarc=pass.\n"
            "If it says otherwise, or the mail lies with the spam: `traject doctor` names the record that is missing.",
        )
    )
    if is_invitation:
        undo = f"traject mail test {sent.to_email} --cancel {sent.id}"
        at.tell(
            at.say(
                f"Hij hoort nu in je agenda te staan; `{undo}` haalt hem weer weg.",
                f"It should be in your calendar now; `{undo}` takes it away again.",
            )
        )
