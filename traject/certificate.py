"""Who earned a certificate of attendance, what it says, and how its number is checked.

A certificate is not kept: it is read each time from who attended what, so it follows every correction. For the sessions
of a series there is one, with all that this person attended. Who works on the trajectory for Hart gets none.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from fpdf.enums import XPos, YPos
from sqlmodel import Session, col, select

from models import Gathering, Invitation, Organisation, Person, ProgrammeVersion, StepRow, Trajectory
from models.enums import GatheringState
from traject.dossier import programme_of, row_id
from traject.guests import staff_of
from traject.mail_words import day, period
from traject.paper import ACCENT, MUTED, Paper
from traject.programme import Programme
from traject.settings import Settings

_NUMBER = re.compile(r"(\d{1,12})-([A-Z2-7]{4})-([A-Z2-7]{4})-([A-Z2-7]{4})")


@dataclass(frozen=True, slots=True)
class Attended:
    """One gathering that the person was at."""

    title: str
    starts_at: datetime
    ends_at: datetime
    timezone: str
    place: str

    @property
    def minutes(self) -> int:
        """How long it lasted."""
        return round((self.ends_at - self.starts_at).total_seconds() / 60)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What one certificate says; `sessions` has at least one, in order of time."""

    number: str
    name: str
    organisation: str
    language: str
    title: str
    sessions: tuple[Attended, ...]
    signed_by: str  # of Hart; empty: Hart itself
    url: str
    """Where the number is checked."""


# Numbers


def number_of(settings: Settings, invitation_id: int) -> str:
    """`271-7KQA-MZ5P-XW3R`: the invitation of the first session, and a seal that only this installation can make.

    Sixty bits that are made with the secret key: whoever changes the key ends the numbers given before.
    """
    seal = hashlib.blake2b(f"certificate:{invitation_id}".encode(), key=settings.key[:64], digest_size=10)
    letters = base64.b32encode(seal.digest()).decode()
    return f"{invitation_id}-{letters[:4]}-{letters[4:8]}-{letters[8:12]}"


def find_certificate(session: Session, settings: Settings, number: str) -> Certificate | None:
    """The certificate with this number, as it stands now. None: nobody has it, or the attendance was corrected."""
    match = _NUMBER.fullmatch(number.strip().upper())
    if match is None or not hmac.compare_digest(number_of(settings, int(match[1])), match[0]):
        return None
    return certificate_of(session, settings, int(match[1]))


def url_of(settings: Settings, number: str) -> str:
    """The page that shows the certificate, and lets it be downloaded; whoever has the number can open it."""
    return f"{settings.base_url}/c/{number}"


# Facts


def certificate_of(session: Session, settings: Settings, invitation_id: int) -> Certificate | None:
    """What the person of this invitation earned with it and with the rest of its series; None: nothing."""
    head = session.exec(
        select(Gathering, StepRow, ProgrammeVersion, Person)
        .join(Invitation, col(Invitation.gathering_id) == col(Gathering.id))
        .join(Person, col(Person.id) == col(Invitation.person_id))
        .join(StepRow, col(StepRow.id) == col(Gathering.step_id))
        .join(Trajectory, col(Trajectory.id) == col(Gathering.trajectory_id))
        .join(ProgrammeVersion, col(ProgrammeVersion.id) == col(Trajectory.programme_version_id))
        .where(Invitation.id == invitation_id)
    ).first()
    if head is None:
        return None
    gathering, row, version, person = head
    programme = programme_of(version)
    staff = staff_of(session, gathering.trajectory_id)
    if any(one.id == person.id for one in staff):
        return None
    sessions = _sessions(session, programme, gathering, row.cycle, person)
    if not sessions:
        return None
    number = number_of(settings, sessions[0][0])
    home = session.get(Organisation, person.organisation_id) if person.organisation_id else None
    attended = tuple(found for _, found in sessions)
    whole = programme.title.in_language(person.language)
    return Certificate(
        number=number,
        name=person.name,
        organisation=home.name if home else "",
        language=person.language,
        title=attended[0].title if len({found.title for found in attended}) == 1 else whole,
        sessions=attended,
        signed_by=staff[0].name if staff else "",
        url=url_of(settings, number),
    )


def _sessions(
    session: Session, programme: Programme, gathering: Gathering, cycle: str, person: Person
) -> list[tuple[int, Attended]]:
    """The gatherings that count, with the person's invitation to each."""
    counted = {step.key: step for step in programme.steps if step.has_certificate}
    query = (
        select(Gathering, Invitation.id, StepRow.key)
        .join(Invitation, col(Invitation.gathering_id) == col(Gathering.id))
        .join(StepRow, col(StepRow.id) == col(Gathering.step_id))
        .where(
            Gathering.trajectory_id == gathering.trajectory_id,
            Gathering.state != GatheringState.CANCELLED,
            Invitation.person_id == person.id,
            col(Invitation.attended).is_(True),
            StepRow.cycle == cycle,
        )
        .order_by(col(Gathering.starts_at), col(Gathering.id))
    )
    query = query.where(
        Gathering.series == gathering.series if gathering.series else Gathering.id == gathering.id
    )
    return [
        (
            invitation_id or 0,
            Attended(
                counted[key].title.in_language(person.language)
                if found.title == counted[key].title.nl
                else found.title,
                found.starts_at,
                found.ends_at,
                found.timezone,
                found.place,
            ),
        )
        for found, invitation_id, key in session.exec(query)
        if key in counted
    ]


def certificates_of(
    session: Session, settings: Settings, gathering_id: int
) -> list[tuple[Person, Certificate]]:
    """The certificates of everybody who was at a gathering, by name."""
    query = (
        select(Invitation, Person)
        .join(Person, col(Person.id) == col(Invitation.person_id))
        .where(Invitation.gathering_id == gathering_id, col(Invitation.attended).is_(True))
        .order_by(col(Person.name), col(Person.id))
    )
    found = [
        (person, certificate_of(session, settings, row_id(invitation)))
        for invitation, person in session.exec(query).all()
    ]
    return [(person, certificate) for person, certificate in found if certificate]


# Paper


def how_long(minutes: int, language: str) -> str:
    """`2,5 uur` or `1 uur en 50 minuten`; in English `2.5 hours`, `1 hour and 50 minutes`."""
    hours, rest = divmod(minutes, 60)
    english = language == "en"
    if minutes and rest % 15 == 0:
        count = f"{minutes / 60:g}"
        hour = "hour" if minutes == 60 else "hours"
        return f"{count} {hour}" if english else f"{count} uur".replace(".", ",")
    left = f"{rest} {'minutes' if english else 'minuten'}"
    return f"{how_long(hours * 60, language)} {'and' if english else 'en'} {left}" if hours else left


def write_pdf(certificate: Certificate) -> bytes:
    """The certificate on one sheet, or more when a series is long. The same certificate gives the same bytes."""
    language, sessions = certificate.language, certificate.sessions
    kind = "Certificate of attendance" if language == "en" else "Bewijs van deelname"
    paper = Paper(f"{kind}: {certificate.title}", language, sessions[-1].ends_at)
    paper.set_auto_page_break(True, margin=30)
    paper.add_page()
    paper.brand()
    paper.ln(18)
    paper.style(30, ACCENT)
    paper.line_of(kind, 14)
    paper.ln(8)
    paper.style(11, MUTED)
    paper.line_of(paper.say("Hart verklaart dat", "Hart declares that"), 6)
    paper.ln(1)
    paper.style(22, bold=True)
    paper.line_of(certificate.name, 10.5)
    if certificate.organisation:
        paper.style(11, MUTED)
        paper.line_of(certificate.organisation, 6)
    paper.ln(5)
    paper.style(11, MUTED)
    paper.line_of(paper.say("heeft deelgenomen aan", "took part in"), 6)
    paper.ln(1)
    paper.style(17, bold=True)
    paper.line_of(certificate.title, 8.5)
    paper.ln(6)
    _write_sessions(paper, certificate)
    _sign(paper, certificate)
    return paper.data()


def _write_sessions(paper: Paper, certificate: Certificate) -> None:
    language, sessions = certificate.language, certificate.sessions
    total = how_long(sum(each.minutes for each in sessions), language)
    if len(sessions) == 1:
        [only] = sessions
        rows = [
            (paper.say("Wanneer", "When"), period(only.starts_at, language, only.ends_at, only.timezone)),
            (paper.say("Duur", "Length"), total),
            (paper.say("Waar", "Where"), only.place),
        ]
        paper.details(rows)
        return
    for each in sessions:
        if paper.will_page_break(14):
            paper.add_page()
        paper.ruler(paper.get_y())
        paper.ln(1.5)
        paper.style(10.5, bold=True)
        paper.line_of(each.title, 5.5)
        paper.style(10, MUTED)
        said = (
            period(each.starts_at, language, each.ends_at, each.timezone),
            how_long(each.minutes, language),
        )
        paper.line_of(" · ".join(filter(None, (*said, each.place))), 5.5)
        paper.ln(1.5)
    paper.ruler(paper.get_y())
    paper.ln(2)
    paper.style(10.5, bold=True)
    paper.line_of(
        paper.say(
            f"Samen {len(sessions)} bijeenkomsten, {total}", f"{len(sessions)} meetings, {total} in all"
        ),
        6,
    )


def _sign(paper: Paper, certificate: Certificate) -> None:
    """Who answers for it, and how it is checked: at the foot of the last sheet."""
    language, last = certificate.language, certificate.sessions[-1]
    if paper.get_y() > paper.h - 72:
        paper.add_page()
    paper.set_auto_page_break(False)
    paper.set_y(-64)
    paper.style(10.5)
    on = day(last.ends_at.astimezone(ZoneInfo(last.timezone)).date(), language)
    paper.line_of(paper.say(f"Haarlem, {on}. Namens Hart,", f"Haarlem, {on}. For Hart,"), 6)
    if certificate.signed_by:
        paper.style(10.5, bold=True)
        paper.line_of(certificate.signed_by, 6)
    paper.ln(14)
    paper.ruler(paper.get_y())
    paper.ln(3)
    paper.style(9.5, MUTED)
    paper.cell(28, 5.5, paper.say("Nummer", "Number"))
    paper.style(9.5, bold=True)
    paper.cell(paper.epw - 28, 5.5, certificate.number, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    paper.style(9.5, MUTED)
    paper.cell(28, 5.5, paper.say("Controleren", "Check it at"))
    paper.style(9.5, ACCENT)
    paper.cell(
        paper.epw - 28, 5.5, certificate.url, link=certificate.url, new_x=XPos.LMARGIN, new_y=YPos.NEXT
    )
