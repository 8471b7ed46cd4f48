"""Mails that come in a second, with the database: calendar replies, bounces, automatic answers and ordinary mail, mixed.

They stand in a Maildir, and the mailbox is read as every heartbeat reads it: found, stored in batches, applied.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text
from sqlmodel import Session, col, func, select

from bench import places
from bench.figures import Figure, once
from models import (
    Arrival,
    Gathering,
    Invitation,
    Message,
    MessageContent,
    Person,
    ProgrammeVersion,
    StepRow,
    Trajectory,
)
from models.enums import InboxState, MessageKind, MessageState, StepKind
from traject.reading import read_mailbox
from traject.store import Store

LIMIT = 300.0
"""Mails a second (issue 3 §5)."""

GUESTS = 20
"""At one gathering."""

MIX = ("reply",) * 6 + ("bounce", "bounce", "away", "mail")


@dataclass(frozen=True, slots=True)
class _Guest:
    """Whom a mail is about."""

    email: str
    tag: str
    uid: str
    return_path: str
    message_id: str


def run(kind: str, *, mails: int = 1_000, rounds: int = 5) -> list[Figure]:
    """Figures of one kind of database (`sqlite` or `postgresql`)."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(places.KINDS[kind](folder))()
        store = stack.enter_context(places.opened(url, 1))
        inbox = folder / "Maildir"
        for part in ("new", "cur", "tmp"):
            (inbox / part).mkdir(parents=True)
        settings = places.settings_for(url, folder).model_copy(update={"mailbox_url": f"maildir://{inbox}"})
        guests = _invite(store, mails)
        if not store.is_sqlite:  # what autovacuum does there within minutes; SQLite has nothing that does it
            with store.write() as session:
                session.connection().execute(text("ANALYZE"))
        now = places.at(1)
        seconds: list[float] = []
        for number in range(rounds + 1):  # the first warms up
            for file in inbox.glob("*/*"):
                file.unlink()
            for at, mail in enumerate(_mails(guests, number, mails)):
                (inbox / "new" / f"{number}.{at}").write_bytes(mail)

            def read() -> None:
                found = read_mailbox(store, settings, now)
                if found.problem or found.new != mails:
                    message = f"{mails} mails were to be read, not {found}"
                    raise AssertionError(message)

            seconds.append(once(read))
            _assert_taken(store, (number + 1) * mails)
    taken = sorted(mails / each for each in seconds[1:])
    return [
        Figure(
            f"inbox, {kind}",
            f"mails read, stored and applied, {mails:,} mixed",
            taken[len(taken) // 2],
            "mails/s",
            taken[0],
            taken[-1],
            limit=LIMIT,
            at_least=True,
        )
    ]


def _assert_taken(store: Store, wanted: int) -> None:
    with store.read() as session:
        rows = session.exec(
            select(Arrival.state, Arrival.outcome, func.count()).group_by(
                col(Arrival.state), col(Arrival.outcome)
            )
        )
        found = {(state, outcome): count for state, outcome, count in rows}
    replies = found.get((InboxState.APPLIED, "counted"), 0)
    bounces = found.get((InboxState.APPLIED, "recorded"), 0)
    if sum(found.values()) != wanted or replies < wanted // 2 or bounces < wanted // 10:
        message = f"{wanted} mails were to be taken, most of them counted; the inbox has {found}"
        raise AssertionError(message)


def _invite(store: Store, count: int) -> list[_Guest]:
    """One gathering after another with its guests, whose invitations went out."""
    guests: list[_Guest] = []
    made: list[tuple[Gathering, StepRow]] = []
    with store.write() as session:
        version = ProgrammeVersion(
            key="bench", version=1, title="Bench", sha256="", text="", stored_at=places.NOW
        )
        session.add(version)
        session.flush()
        trajectory = Trajectory(
            reference="bench:1",
            programme_version_id=version.id or 0,
            title="Bench",
            starts_on=places.STARTS_ON,
            launched_at=places.NOW,
        )
        session.add(trajectory)
        session.flush()
        for number in range(count):
            if number % GUESTS == 0:
                made.append(_gathering(session, trajectory.id or 0, number))
            gathering, step = made[-1]
            person = Person(name=f"Gast {number}", email=f"gast{number}@school.example")
            session.add(person)
            session.flush()
            invitation = Invitation(
                gathering_id=gathering.id or 0,
                person_id=person.id or 0,
                tag=f"i-{number}",
                address=person.email,
            )
            session.add(invitation)
            session.flush()
            guest = _Guest(
                person.email,
                invitation.tag,
                gathering.uid,
                f"hart+b-{number}@hart.example",
                f"<m{number}@hart.example>",
            )
            session.add(
                Message(
                    effect_key=f"bench:{number}", kind=MessageKind.INVITATION, trajectory_id=trajectory.id, step_id=step.id,
                    person_id=person.id, invitation_id=invitation.id, to_email=person.email, return_path=guest.return_path,
                    message_id=guest.message_id, subject="Uitnodiging", content=MessageContent(data=b"-"),
                    state=MessageState.ACCEPTED, queued_at=places.NOW, attempted_at=places.NOW, accepted_at=places.NOW,
                )
            )  # fmt: skip
            guests.append(guest)
    return guests


def _gathering(session: Session, trajectory_id: int, number: int) -> tuple[Gathering, StepRow]:
    starts_at = places.at(30 + number // GUESTS)
    step = StepRow(
        trajectory_id=trajectory_id, key=f"g{number}", kind=StepKind.GATHERING, title="Studiemiddag"
    )
    session.add(step)
    session.flush()
    gathering = Gathering(
        trajectory_id=trajectory_id,
        step_id=step.id or 0,
        uid=f"g{number}@hart.example",
        title="Studiemiddag",
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=3),
    )
    session.add(gathering)
    session.flush()
    return gathering, step


def _mails(guests: list[_Guest], round_: int, count: int) -> Iterator[bytes]:
    answers = ("ACCEPTED", "DECLINED", "TENTATIVE")
    for number in range(count):
        guest, kind = guests[number % len(guests)], MIX[number % len(MIX)]
        text = _TEXTS[kind].format(
            guest=guest, number=number, round=round_, answer=answers[(number + round_) % 3], stamp=f"20260907T{10 + round_ % 10:02d}{number % 60:02d}00Z"
        )  # fmt: skip
        yield text.replace("\n", "\r\n").encode()


_TEXTS = {
    "reply": """\
MIME-Version: 1.0
From: Gast {number} <{guest.email}>
To: Hart <hart+{guest.tag}@hart.example>
Subject: Geaccepteerd: Studiemiddag
Message-ID: <r{round}-{number}@mail.example>
Auto-Submitted: auto-generated
Content-Type: multipart/alternative; boundary="=b"

--=b
Content-Type: text/plain; charset="UTF-8"

Gast {number} heeft geantwoord op deze uitnodiging.

--=b
Content-Type: text/calendar; charset="UTF-8"; method=REPLY

BEGIN:VCALENDAR
PRODID:-//Google Inc//Google Calendar 70.9054//EN
VERSION:2.0
METHOD:REPLY
BEGIN:VEVENT
DTSTART:20261007T113000Z
DTEND:20261007T143000Z
DTSTAMP:{stamp}
ORGANIZER;CN=Hart:mailto:hart+{guest.tag}@hart.example
UID:{guest.uid}
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT={answer};CN=Gast
 {number};X-NUM-GUESTS=0:mailto:{guest.email}
SEQUENCE:0
STATUS:CONFIRMED
SUMMARY:Studiemiddag
END:VEVENT
END:VCALENDAR

--=b--
""",
    "bounce": """\
Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.school.example>
To: {guest.return_path}
Subject: Undelivered Mail Returned to Sender
Message-ID: <b{round}-{number}@mx.school.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=b"

--=b
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.school.example.

<{guest.email}>: host mx.school.example[192.0.2.1] said: 552 5.2.2
    <{guest.email}>: Mailbox full (in reply to RCPT TO command)

--=b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.school.example

Final-Recipient: rfc822; {guest.email}
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp; 552 5.2.2 Mailbox full

--=b
Content-Type: text/rfc822-headers

Message-ID: {guest.message_id}
Subject: Uitnodiging

--=b--
""",
    "away": """\
From: {guest.email}
To: hart+{guest.tag}@hart.example
Subject: Automatisch antwoord: Uitnodiging
Message-ID: <a{round}-{number}@mail.example>
Auto-Submitted: auto-replied
Content-Type: text/plain; charset=utf-8

Ik ben afwezig tot en met 18 september en lees mijn mail daarna.
""",
    "mail": """\
From: {guest.email}
To: hart@hart.example
Subject: Vraag {number}
Message-ID: <q{round}-{number}@mail.example>
Content-Type: text/plain; charset=utf-8

Waar kan ik parkeren?
""",
}
