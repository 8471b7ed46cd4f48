"""Invitations written a second: from a gathering with many guests to queued rows, and the writing of the mail alone.

Against the standard library's EmailMessage, given the same texts and calendar part ready-made: it only has to make the
same MIME tree of them, without templates, a calendar or a database.
"""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count
from pathlib import Path

from sqlmodel import func, select

from bench import places
from bench.figures import Figure, in_turn
from calendars.invitation import Attendee, CalendarEvent, Method, prepare
from models import Invitation, Message
from models.enums import MessageKind
from traject.compose import compose
from traject.dossier import load
from traject.effects import Effects
from traject.gatherings import Gatherings
from traject.launch import launch
from traject.mail_bytes import CalendarPart, Head
from traject.mail_contexts import GatheringContext

GATHERING = "inspiratiesessie"
STARTS_AT, ENDS_AT = places.at(30), places.at(30, hours=3)
EVENT = CalendarEvent(
    uid="bench@hart.example",
    sequence=0,
    dtstamp=places.NOW,
    starts_at=STARTS_AT,
    ends_at=ENDS_AT,
    timezone="Europe/Amsterdam",
    summary="Inspiratiesessie met het team",
    organizer_name="Hart",
    organizer_email="cmk@hart.example",
)


def run(*, guests: int = 500, rounds: int = 5) -> list[Figure]:
    """Figures for one gathering with so many guests, on SQLite, and for as many mails without a database."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        invite = _inviting(stack, folder, guests, rounds + 1)
        whole, alone, stdlib = in_turn(
            invite,
            lambda: [_composed(number) for number in range(guests)],
            _with_the_standard_library(guests),
            rounds=rounds,
        )
    against = "stdlib EmailMessage, ready texts"
    subject, unit = "composing invitations", "invitations/s"
    return [
        Figure(subject, against, **stdlib.rate(unit, guests)),
        Figure(
            subject,
            "compose and calendar part",
            **alone.rate(unit, guests),
            ratio=stdlib.median / alone.median,
            against=against,
        ),
        Figure(
            subject,
            "gathering fixed → queued, with database",
            **whole.rate(unit, guests),
            ratio=stdlib.median / whole.median,
            against=against,
        ),
    ]


def _inviting(stack: ExitStack, folder: Path, guests: int, times: int) -> Callable[[], None]:
    """Fixing a gathering of another school at each call; three of its guests are no teachers."""
    url = stack.enter_context(places.sqlite(folder))()
    settings = places.settings_for(url, folder)
    store = stack.enter_context(places.opened(url, times))
    requests = [places.request(number, team=guests - 3) for number in range(times)]
    ids = iter([one.trajectory_id for one in launch(store, requests, settings=settings, now=places.NOW)])
    calls = count(1)

    def invite() -> None:
        with store.write() as session:
            dossier = load(session, next(ids), settings, places.NOW)
            row = dossier.steps[GATHERING, ""]
            Gatherings(Effects(session, dossier, settings, places.NOW)).fix(
                dossier.programme.step(GATHERING), row
            )
        wanted = guests * next(calls)
        with store.read() as session:
            found = [
                session.exec(select(func.count()).select_from(table)).one() for table in (Message, Invitation)
            ]
        if found != [wanted, wanted]:
            message = f"{wanted} invitations were to be queued, and {found} are"
            raise AssertionError(message)

    return invite


def _composed(number: int) -> bytes:
    name, email = f"Leerkracht {number}", f"t{number}@school.example"
    context = GatheringContext(
        person_name=name,
        organisation_name="Basisschool De Kleine Wereld",
        trajectory_title="Cultuureducatie met Kwaliteit",
        programme_title="Cultuureducatie met Kwaliteit, nieuwe school",
        adviser_name="Sam Vos",
        adviser_email="s.vos@hart.example",
        base_url="https://traject.example",
        privacy_url="https://traject.example/privacy",
        text="",
        title=EVENT.summary,
        starts_at=STARTS_AT,
        ends_at=ENDS_AT,
        timezone=EVENT.timezone,
        description="We maken kennis met wat er in de stad te zien en te doen is.",
        answer_url=f"https://traject.example/i/{number:032x}",
    )
    head = Head(
        message_id=f"<{number}@hart.example>",
        date=places.NOW,
        from_name="Hart",
        from_email="cmk@hart.example",
        to_name=name,
        to_email=email,
        reply_to=f"cmk+i{number}@hart.example",
    )
    calendar = prepare(EVENT, Method.REQUEST).for_attendee(Attendee(name, email))
    part = CalendarPart("REQUEST", calendar)
    return compose(MessageKind.INVITATION, "nl", context, head, calendar=part).data


def _with_the_standard_library(times: int) -> Callable[[], None]:
    """Making the tree of one composed mail so often, from its own texts."""
    model = message_from_bytes(_composed(0), policy=policy.default)
    texts = [model.get_body((kind,)) for kind in ("plain", "html")]
    text, html = (str(part.get_content()) for part in texts if part is not None)
    calendar = prepare(EVENT, Method.REQUEST).for_attendee(Attendee("Leerkracht 0", "t0@school.example"))
    headers = [(name, str(value)) for name, value in model.items() if not name.lower().startswith("content")]
    headers = [(name, value) for name, value in headers if name.lower() != "mime-version"]

    def build() -> None:
        for _ in range(times):
            mail = EmailMessage()
            for name, value in headers:
                mail[name] = value
            mail.set_content(text, cte="quoted-printable")
            mail.add_alternative(html, subtype="html", cte="quoted-printable")
            mail.add_alternative(
                calendar, "text", "calendar", params={"method": "REQUEST", "charset": "utf-8"}
            )
            mail.add_attachment(calendar, "application", "ics", filename="invite.ics")
            mail.as_bytes(policy=policy.SMTP)

    return build
