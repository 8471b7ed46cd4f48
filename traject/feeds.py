"""Who may read which gatherings as a calendar feed, under a secret address that staff can take back.

What a feed says follows from the rows alone, and so does its ETag: no process keeps anything, so every machine that
serves the portal gives the same answer at once. A feed names nobody: not who is invited, and not who comes.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from sqlalchemy import Connection
from sqlmodel import Session, col, select

import calendars
from calendars.feed import CalendarFeed, FeedEvent, feed
from models import Event, Feed, Invitation, Person
from models.enums import FeedKind
from traject import feed_rows, feed_shown
from traject.access import TOKEN_BYTES, token_hash
from traject.calendar_event import event_of
from traject.errors import Refused
from traject.programme import Text
from traject.settings import Settings

KEPT = timedelta(days=400)
"""How long a gathering that is over stays in a feed: a school year and some."""

COUNTED_AHEAD = timedelta(weeks=8)
"""Of what is nearer than this staff see how many come."""

REFRESH = timedelta(hours=1)
"""How often a calendar is asked to look."""

_NAMES: dict[FeedKind, tuple[Text, Text]] = {
    FeedKind.PERSON: (
        Text("{sender}: mijn bijeenkomsten", "{sender}: my meetings"),
        Text(
            "De bijeenkomsten waarvoor je bent uitgenodigd. Wat verandert of vervalt, verandert hier mee.",
            "The meetings that you are invited to. What is changed or cancelled changes here too.",
        ),
    ),
    FeedKind.TRAJECTORY: (
        Text("{sender}: {title}"),
        Text("Alle bijeenkomsten van dit traject. Wat verandert of vervalt, verandert hier mee."),
    ),
    FeedKind.STAFF: (
        Text("{sender}: alle bijeenkomsten"),
        Text("De bijeenkomsten van alle trajecten. Wat verandert of vervalt, verandert hier mee."),
    ),
}
"""What a feed is called and says of itself. Only a person has a language; the others are in Dutch."""


@dataclass(frozen=True, slots=True)
class OpenFeed:
    """A feed that may be read: whose it is (the id of a person or a trajectory, 0 for staff) and how it is called."""

    id: int
    kind: FeedKind
    whose: int
    token_hash: str
    created_at: datetime
    language: str
    title: str


@dataclass(frozen=True, slots=True)
class FeedAnswer:
    """What a reader gets. `last_modified` is an aware instant in whole seconds."""

    data: bytes
    last_modified: datetime


# Making and ending


def feed_url(base_url: str, token: str) -> str:
    """The address that a calendar reads."""
    return f"{base_url}/f/{token}.ics"


def webcal_url(url: str) -> str:
    """The same address as a link that opens a calendar, where http(s) opens a browser."""
    return f"webcal://{url.partition('://')[2]}"


def make_feed(
    session: Session,
    kind: FeedKind,
    *,
    now: datetime,
    person_id: int | None = None,
    trajectory_id: int | None = None,
    token: str | None = None,
    actor: str = "staff",
) -> tuple[Feed, str]:
    """Make a feed. Returns it and its token (a random one unless given), which is kept nowhere.

    ValueError unless a person's feed has a person, a trajectory's a trajectory, and that of staff neither.
    """
    given = {FeedKind.PERSON: person_id, FeedKind.TRAJECTORY: trajectory_id}
    if any((one is not None) != (kind is of) for of, one in given.items()):
        message = (
            f"a feed for {kind}: give the id of a person or of a trajectory when it is of one, and no other"
        )
        raise ValueError(message)
    token = token or kind.value[0] + secrets.token_urlsafe(TOKEN_BYTES)
    made = Feed(
        token_hash=token_hash(token),
        kind=kind,
        person_id=person_id,
        trajectory_id=trajectory_id,
        created_at=now,
    )
    session.add(made)
    session.flush()
    session.add(_event("feed.made", made, now, actor))
    return made, token


def own_feed(session: Session, settings: Settings, person_id: int, *, now: datetime) -> str:
    """The token of the feed that a person made for themselves: the same at every press, until it is revoked.

    Only its hash is kept, so it is worked out from the secret key and the place of the feed among this person's.
    """
    session.exec(select(Person.id).where(Person.id == person_id).with_for_update()).one()
    known = session.exec(select(Feed).where(Feed.person_id == person_id).order_by(col(Feed.id))).all()
    for number, found in enumerate(known):
        token = _own_token(settings, person_id, number)
        if found.revoked_at is None and found.token_hash == token_hash(token):
            return token
    token = _own_token(settings, person_id, len(known))
    make_feed(session, FeedKind.PERSON, now=now, person_id=person_id, token=token, actor="participant")
    return token


def _own_token(settings: Settings, person_id: int, number: int) -> str:
    mark = hmac.digest(settings.key, f"feed:{person_id}:{number}".encode(), "sha256")
    made = base64.urlsafe_b64encode(mark[:TOKEN_BYTES]).decode()
    return FeedKind.PERSON.value[0] + made


def find_own(session: Session, token: str) -> tuple[Feed, Person] | None:
    """The feed of this token and its person, also when it was revoked; None when it is no person's."""
    whose = select(Feed, Person).join(Person, col(Person.id) == col(Feed.person_id))
    return session.exec(whose.where(Feed.token_hash == token_hash(token))).one_or_none()


def revoke_feed(session: Session, number: int, *, now: datetime, actor: str = "staff") -> Feed:
    """End a feed for good; one that had ended stays as it was. Refused when there is none with this number."""
    found = session.get(Feed, number)
    if found is None:
        raise Refused(
            f"agenda-abonnement {number} bestaat niet; `traject feeds list` toont de nummers",
            f"there is no calendar subscription {number}; `traject feeds list` shows the numbers",
        )
    if found.revoked_at is None:
        found.revoked_at = now
        session.add(_event("feed.revoked", found, now, actor))
    return found


def _event(name: str, of: Feed, now: datetime, actor: str) -> Event:
    return Event(
        at=now,
        name=name,
        trajectory_id=of.trajectory_id,
        actor=actor,
        details={"feed": of.id, "person": of.person_id},
    )


# Reading

_KINDS = {kind.value[0]: kind for kind in FeedKind}
"""By the first letter of a token, so that one statement can find a feed and see whether it changed."""


def open_feed(
    connection: Connection, token: str, settings: Settings, now: datetime
) -> tuple[OpenFeed, str] | None:
    """The feed of a token, and the strong ETag of what `read_feed` would give, quotes and all; one small statement.

    None when there is none, or it was revoked. Changes nothing. Whatever people are told of a gathering raises its
    SEQUENCE or its revision, neither falls, and within a month gatherings only join: sums that stayed mean that nothing
    moved. Answers come and go, so each of them is in it; and so is the code that writes feeds, as other code gives other
    bytes.
    """
    kind = _KINDS.get(token[:1])
    if kind is None:
        return None
    values = {"hash": token_hash(token), **_instants(now)}
    row = connection.execute(feed_rows.OPENED[kind], values).one_or_none()
    if row is None:
        return None
    told = (settings.base_url, settings.mail_from, settings.timezone)
    digest = hashlib.sha256(repr((_writer(), told, values["since"], *row)).encode())
    return OpenFeed(*row[: len(fields(OpenFeed))]), f'"{digest.hexdigest()[:32]}"'


def read_feed(
    session: Session, opened: OpenFeed, token: str, settings: Settings, now: datetime
) -> FeedAnswer:
    """Write a feed as it is now. Changes nothing.

    Ask `open_feed` for the tag first: when something changes in between, the tag is too old and is asked for again; the
    other way round it would hide the change.
    """
    sender, address = settings.sender
    sender = sender or address
    events: list[FeedEvent] = []
    changed = [opened.created_at]
    values = {"whose": opened.whose, **_instants(now)}
    answers: dict[int | None, str] = {}
    if opened.kind is FeedKind.STAFF:
        answers = {row[0]: row[1] for row in session.connection().execute(feed_rows.ANSWERS, values)}
    for gathering, stamp, name, *own in session.execute(feed_rows.SHOWN[opened.kind], values):  # pyright: ignore[reportDeprecated]
        invitation: Invitation | None = own[0] if opened.kind is FeedKind.PERSON else None
        how = feed_shown.shown(gathering, invitation)
        if opened.kind is FeedKind.STAFF:
            how = feed_shown.with_answers(how, answers.get(gathering.id, ""))
        changed += [stamp, *([invitation.answered_at] if invitation and invitation.answered_at else [])]
        sequence = invitation.sequence if invitation else gathering.sequence
        event = event_of(gathering, name, sequence=sequence, dtstamp=stamp, organizer=(sender, address))
        events.append(feed_shown.told(how, event, opened.language))
    name, description = (text.in_language(opened.language) for text in _NAMES[opened.kind])
    made = CalendarFeed(
        uid=f"feed-{opened.token_hash[:32]}@{address.partition('@')[2]}",
        name=name.format(sender=sender, title=opened.title),
        description=description,
        source=feed_url(settings.base_url, token),
        url=settings.base_url,
        last_modified=max(changed).replace(microsecond=0),
        refresh=REFRESH,
        timezone=settings.timezone,
        events=tuple(events),
    )
    return FeedAnswer(feed(made), made.last_modified)


def _instants(now: datetime) -> dict[str, datetime]:
    """From when gatherings are shown, which moves once a month, and of which staff see the answers: so a tag lasts."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return {"since": (today - KEPT).replace(day=1), "today": today, "soon": today + COUNTED_AHEAD}


@cache
def _writer() -> str:
    """Changes with the code that decides what a feed says."""
    ours = (
        ("feed", "invitation", "content_lines", "vtimezone"),
        ("calendar_event", "feed_rows", "feed_shown", "feeds", "waiting"),
    )
    folders = Path(calendars.__file__).parent, Path(__file__).parent
    files = [folder / f"{name}.py" for folder, names in zip(folders, ours, strict=True) for name in names]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
