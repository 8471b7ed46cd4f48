"""Who wants no more of which mail, and how that is said: one click (RFC 8058), a page, a mail, or by staff.

Only news can be refused. What somebody is asked to do, invited to or must know of a meeting, an evaluation or their
own data goes on: those are no mailings, and leaving them out would leave people standing at a closed door. So does the
thank-you after a meeting: it brings the materials and the certificate, which come in no other mail.
"""

import hmac
import re
from datetime import datetime
from hashlib import blake2b

from sqlalchemy import update
from sqlmodel import Session, col, select

from calendars.bounce_text import own_words
from calendars.mail_parts import Part
from models import Alias, Event, Message, Person
from models.enums import MessageKind, MessageState
from traject.settings import Settings

OPTIONAL = frozenset({MessageKind.NOTICE})
"""What may be unsubscribed from: news."""

WHY = "heeft zich afgemeld voor nieuws"
TAG = "u-"
"""Before a token in our own address: `cmk+u-…@`."""

_ASKS = re.compile(
    r"((re|aw|antw):\s{0,5})?(unsubscribe|(uitschrijven|afmelden|abmelden)( voor| van)?( de| vom)? (nieuws(brief)?|newsletter))\W*",
    re.IGNORECASE,
)
_SAYS = re.compile(
    r"((re|aw|antw):\s{0,5})?(unsubscribe|uitschrijven|afmelden|abmelden|désinscription)\W*", re.IGNORECASE
)


def token_of(settings: Settings, person_id: int) -> str:
    """What names a person in a link: nobody can make one, it never ends, and nothing has to be kept for it."""
    name = f"unsubscribe:{person_id}".encode()
    return f"{person_id}-{blake2b(name, key=settings.key[:64], digest_size=10).hexdigest()}"


def person_of(session: Session, settings: Settings, token: str) -> Person | None:
    """Whose token this is; None when we did not make it."""
    number = token.partition("-")[0]
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        return None
    # `surrogatepass`: a hostile URL may hold what is no text.
    if not hmac.compare_digest(
        token.lower().encode("utf-8", "surrogatepass"), token_of(settings, int(number)).encode()
    ):
        return None
    return session.get(Person, int(number))


def links(settings: Settings, person_id: int) -> tuple[str, str]:
    """Where to unsubscribe: by a link (one click), and by mail."""
    token = token_of(settings, person_id)
    local, _, domain = settings.sender[1].partition("@")
    return f"{settings.base_url}/u/{token}", f"mailto:{local}+{TAG}{token}@{domain}?subject=unsubscribe"


def unsubscribe(session: Session, person: Person, *, now: datetime, via: str) -> bool:
    """Send this person no more news; what waits is withdrawn. False when that was so already.

    `via`: `link`, `mail` or `staff`, for the history.
    """
    if person.unsubscribed_at is not None:
        return False
    person.unsubscribed_at = now
    # What is being sent now is not tried again when it is refused.
    waiting = (MessageState.QUEUED, MessageState.HELD, MessageState.ATTEMPTING)
    session.exec(
        update(Message)
        .where(
            col(Message.person_id) == person.id,
            col(Message.kind).in_(OPTIONAL),
            col(Message.state).in_(waiting),
        )
        .values(state=MessageState.WITHHELD, answer=WHY, next_attempt_at=None)
    )
    _tell(session, person, "person.unsubscribed", now, via)
    return True


def resubscribe(session: Session, person: Person, *, now: datetime, via: str) -> bool:
    """Send this person news again, from now on; what was withheld stays so. False when nothing changed."""
    if person.unsubscribed_at is None:
        return False
    person.unsubscribed_at = None
    _tell(session, person, "person.resubscribed", now, via)
    return True


def asks_by_mail(settings: Settings, mail: Part) -> bool:
    """Whether a mail asks for no more news: it went to the address for that, or says so and nothing else.

    "Afmelden" with more words in it may be about a gathering: that is for a person to read.
    """
    if mail.header("Auto-Submitted").lower().startswith("auto-replied"):
        return False
    recipients = mail.addresses("To", "Cc", "Delivered-To", "X-Original-To")
    subject = mail.subject.strip()
    if _ASKS.fullmatch(subject) or any(to.startswith(_our(settings)) for to in recipients):
        return True
    text = own_words(list(mail.walk()))[0].strip()
    said = [each for each in (subject, text) if each]
    return bool(said) and all(_SAYS.fullmatch(each) for each in said)


def unsubscribe_by_mail(
    session: Session, settings: Settings, *, sender: str, recipients: list[str], now: datetime
) -> Person | None:
    """Unsubscribe whoever a mail that asks for it is about: by the token in our address, else by who sent it.

    None when that is nobody we know; then it is for staff to read.
    """
    ours = _our(settings)
    tokens = [
        to.lower().partition("@")[0].removeprefix(ours) for to in recipients if to.lower().startswith(ours)
    ]
    found = next(filter(None, (person_of(session, settings, token) for token in tokens)), None)
    if found is None:
        by_alias = select(Alias.person_id).where(Alias.email == sender.lower())
        query = select(Person).where((col(Person.email) == sender.lower()) | col(Person.id).in_(by_alias))
        found = session.exec(query).first()
    if found is not None:
        unsubscribe(session, found, now=now, via="mail")
    return found


def _our(settings: Settings) -> str:
    return settings.sender[1].partition("@")[0].lower() + "+" + TAG


def _tell(session: Session, person: Person, name: str, now: datetime, via: str) -> None:
    actor = "staff" if via == "staff" else f"person {person.id}"
    session.add(Event(at=now, name=name, actor=actor, details={"person": person.id, "via": via}))
