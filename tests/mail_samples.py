"""One context per kind of mail, and how tests read a composed mail back."""

from dataclasses import replace
from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from calendars.invitation import Attendee, CalendarEvent, Method, decline_counter, prepare
from models.enums import MessageKind, PartStat
from traject.compose import CALENDAR_METHODS, Composed, compose
from traject.mail_bytes import CalendarPart, Head
from traject.mail_contexts import (
    DigestContext,
    DigestLine,
    DigestPiece,
    EvaluationContext,
    GatheringContext,
    MailboxContext,
    MailContext,
    NoticeContext,
    NudgeContext,
    NudgeLine,
    ReminderContext,
    StageLine,
    StageOpenedContext,
    TaskContext,
    ThanksContext,
    UpcomingLine,
    WelcomeContext,
)
from traject.mail_words import LANGUAGES
from traject.waiting import Standing

COMMON = {
    "person_name": "Marieke Öztürk",
    "organisation_name": "Basisschool 't Web & Co",
    "trajectory_title": "Cultuur op 't Web",
    "programme_title": "Individueel traject",
    "adviser_name": "Sanne de Vries",
    "adviser_email": "sanne@hart.example",
    "base_url": "https://traject.example",
    "privacy_url": "https://traject.example/privacy",
    "text": "Neem het schoolplan mee.\n\nDe koffie staat klaar.",
}
AFTERNOON = {
    "title": "Studiemiddag drama",
    "starts_at": datetime(2026, 10, 7, 11, 30, tzinfo=UTC),
    "ends_at": datetime(2026, 10, 7, 14, 30, tzinfo=UTC),
    "timezone": "Europe/Amsterdam",
    "place": "De Pletterij, Haarlem",
    "description": "We werken in drie groepen.",
    "answer_url": "https://traject.example/a/s3cret",
}
EVALUATION = {
    "school_year": "2026-2027",
    "closes_on": date(2027, 6, 30),
    "minutes": 12,
    "answer_url": "https://traject.example/e/s3cret",
    "role_title": "cultuurcoördinator",
    "questionnaire_title": "Tussentijdse evaluatie",
}
GATHERING = GatheringContext(**COMMON, **AFTERNOON)
CONTEXT_OF: dict[MessageKind, MailContext] = {
    MessageKind.WELCOME: WelcomeContext(
        **COMMON,
        role_title="cultuurcoördinator",
        starts_on=date(2026, 8, 31),
        ends_on=date(2030, 7, 5),
        retention="tot twee jaar na het einde van het traject",
        stages=(StageLine("Cultuur ervaren", date(2026, 8, 31), date(2026, 11, 27)),),
    ),
    MessageKind.STAGE_OPENED: StageOpenedContext(
        **COMMON,
        stage_title="Cultuur ervaren",
        stage_goal="Het team ervaart zelf cultuur.",
        opens_on=date(2026, 11, 30),
        ends_on=date(2027, 4, 30),
        upcoming=(UpcomingLine(date(2027, 1, 21), "Inspiratiesessie"),),
    ),
    MessageKind.REMINDER: ReminderContext(**COMMON, title="Stuur je cultuurplan"),
    MessageKind.NOTICE: NoticeContext(**COMMON, title="De landelijke monitor"),
    MessageKind.TASK: TaskContext(
        **COMMON,
        title="Bel de school",
        detail="Na 21 dagen geen antwoord.",
        due_on=date(2026, 9, 14),
        url="https://traject.example/t/12",
    ),
    MessageKind.INVITATION: GATHERING,
    MessageKind.INVITATION_UPDATE: replace(
        GATHERING,
        previous_starts_at=datetime(2026, 10, 6, 11, 0, tzinfo=UTC),
        previous_ends_at=datetime(2026, 10, 6, 14, 0, tzinfo=UTC),
        previous_place="De Toneelschuur",
        reason="De zaal was dubbel geboekt.",
    ),
    MessageKind.CANCELLATION: replace(GATHERING, reason="De docent is ziek."),
    MessageKind.GATHERING_REMINDER: replace(GATHERING, partstat=PartStat.ACCEPTED),
    MessageKind.NUDGE: NudgeContext(
        **COMMON,
        lines=(
            NudgeLine(
                "Studiemiddag drama",
                AFTERNOON["starts_at"],
                AFTERNOON["ends_at"],
                "Europe/Amsterdam",
                "Cultuur op 't Web",
                "https://traject.example/i/s3cret",
                "De Pletterij, Haarlem",
            ),
            NudgeLine(
                "Netwerkbijeenkomst",
                datetime(2026, 10, 14, 13, 0, tzinfo=UTC),
                datetime(2026, 10, 14, 15, 0, tzinfo=UTC),
                "Europe/Amsterdam",
                "Netwerk Haarlem",
                "https://traject.example/i/0ther",
            ),
        ),
    ),
    MessageKind.WAITING_LIST: replace(
        GATHERING, partstat=PartStat.ACCEPTED, standing=Standing.WAITING, position=2
    ),
    MessageKind.PLACE_OFFERED: replace(
        GATHERING, standing=Standing.OFFERED, answer_by=datetime(2026, 10, 2, 15, 0, tzinfo=UTC)
    ),
    MessageKind.DECLINE_COUNTER: replace(
        GATHERING,
        reason="De zaal is die middag bezet.",
        proposed_starts_at=datetime(2026, 10, 8, 11, 30, tzinfo=UTC),
        proposed_ends_at=datetime(2026, 10, 8, 14, 30, tzinfo=UTC),
    ),
    MessageKind.THANKS: ThanksContext(
        **COMMON,
        title="Studiemiddag drama",
        starts_at=AFTERNOON["starts_at"],
        ends_at=AFTERNOON["ends_at"],
        timezone="Europe/Amsterdam",
        place="De Pletterij, Haarlem",
        materials_url="https://materialen.example/drama",
        certificate_url="https://traject.example/c/12-ABCD-EFGH-IJKL",
    ),
    MessageKind.EVALUATION_REQUEST: EvaluationContext(**COMMON, **EVALUATION),
    MessageKind.EVALUATION_REMINDER: EvaluationContext(**COMMON, **EVALUATION),
    MessageKind.DIGEST: DigestContext(
        **COMMON,
        lines=(
            DigestLine(
                "Tot ziens bij Studiemiddag drama, woensdag 7 oktober 2026, 13:30 uur",
                (
                    DigestPiece(paragraph="Binnenkort is het zover. Tot dan!"),
                    DigestPiece(rows=(("Wat", "Studiemiddag drama"), ("Waar", "De Pletterij, Haarlem"))),
                    DigestPiece(label="Wijzig je antwoord", url="https://traject.example/a/s3cret"),
                ),
            ),
            DigestLine(
                "Herinnering: Vergeet je de ambitie niet?",
                (
                    DigestPiece(paragraph="De ambitie is nog niet ingevuld."),
                    DigestPiece(rows=(("Traject", "Cultuur op 't Web"), ("Voor", "Basisschool 't Web & Co"))),
                ),
            ),
        ),
    ),
    MessageKind.MAILBOX: MailboxContext(
        **COMMON,
        mailbox="imaps://cmk@hart.example@mail.hart.example/INBOX",
        since=datetime(2026, 10, 7, 11, 30, tzinfo=UTC),
        timezone="Europe/Amsterdam",
        problem="de mailserver weigert de naam of het wachtwoord",
        remedy="zet het goede wachtwoord in TRAJECT_MAILBOX_URL",
    ),
}
HEAD = Head(
    message_id="<k1.ab-c@traject.example>",
    date=datetime(2026, 9, 1, 8, 0, tzinfo=UTC),
    from_name="Hart Haarlem",
    from_email="traject@hart.example",
    to_name="Marieke Öztürk",
    to_email="marieke@school.example",
    reply_to="traject+tag1@hart.example",
)
EVENT = CalendarEvent(
    uid="g1@traject.example",
    sequence=2,
    dtstamp=datetime(2026, 9, 1, 8, 0, tzinfo=UTC),
    starts_at=GATHERING.starts_at,
    ends_at=GATHERING.ends_at,
    timezone="Europe/Amsterdam",
    summary="Studiemiddag drama",
    organizer_name="Hart Haarlem",
    organizer_email="traject+tag1@hart.example",
)
EVERY_MAIL = [
    pytest.param(kind, language, id=f"{language}-{kind}") for kind in MessageKind for language in LANGUAGES
]


def calendar_for(kind: MessageKind) -> CalendarPart | None:
    method = CALENDAR_METHODS.get(kind)
    if method is None:
        return None
    attendee = Attendee("Marieke Öztürk", HEAD.to_email)
    if method == "DECLINECOUNTER":
        return CalendarPart(method, decline_counter(EVENT, attendee, "De zaal is die middag bezet."))
    return CalendarPart(method, prepare(EVENT, Method(method)).for_attendee(attendee))


def mail(
    kind: MessageKind, language: str = "nl", context: MailContext | None = None, head: Head = HEAD
) -> Composed:
    return compose(kind, language, context or CONTEXT_OF[kind], head, calendar=calendar_for(kind))


def parsed(composed: Composed) -> EmailMessage:
    return message_from_bytes(composed.data, policy=policy.default)


def bodies(composed: Composed) -> tuple[str, str]:
    """The plain text and the HTML."""
    message = parsed(composed)
    return tuple(message.get_body((kind,)).get_content().replace("\r\n", "\n") for kind in ("plain", "html"))


def tree(part: EmailMessage) -> object:
    if part.is_multipart():
        return [part.get_content_type(), *map(tree, part.iter_parts())]
    return part.get_content_type()
