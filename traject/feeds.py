"""Who may read which gatherings as a calendar feed, under a secret address that staff can take back.

What a feed says follows from the rows alone, and so does its ETag: no process keeps anything, so every machine that
serves the portal gives the same answer at once. A feed names nobody: not who is invited, and not who comes.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from functools import cache
from pathlib import Path

from sqlalchemy import bindparam, func, select
from sqlmodel import Session, col

import calendars
from calendars.feed import CalendarFeed, FeedEvent, feed
from calendars.invitation import CalendarEvent, Status
from models import Event, Feed, Gathering, Invitation, Person, Trajectory
from models.enums import FeedKind
from traject import feed_rows, feed_shown
from traject.access import TOKEN_BYTES, token_hash
from traject.errors import Refused
from traject.programme import Text
from traject.settings import Settings

KEPT = timedelta(days=400)
"""How long a gathering that is over stays in a feed: a school year and some."""

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
    actor: str = "staff",
) -> tuple[Feed, str]:
    """Make a feed. Returns it and its token, which is kept nowhere.

    ValueError unless a person's feed has a person, a trajectory's a trajectory, and that of staff neither.
    """
    given = {FeedKind.PERSON: person_id, FeedKind.TRAJECTORY: trajectory_id}
    if any((one is not None) != (kind is of) for of, one in given.items()):
        message = (
            f"a feed for {kind}: give the id of a person or of a trajectory when it is of one, and no other"
        )
        raise ValueError(message)
    token = secrets.token_urlsafe(TOKEN_BYTES)
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


def revoke_feed(session: Session, number: int, *, now: datetime) -> Feed:
    """End a feed for good; one that had ended stays as it was. Refused when there is none with this number."""
    found = session.get(Feed, number)
    if found is None:
        message = f"agenda-abonnement {number} bestaat niet; `traject feeds list` toont de nummers"
        raise Refused(message)
    if found.revoked_at is None:
        found.revoked_at = now
        session.add(_event("feed.revoked", found, now, "staff"))
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

_OPEN = (
    select(
        col(Feed.id),
        col(Feed.kind),
        func.coalesce(col(Feed.person_id), col(Feed.trajectory_id), 0),
        col(Feed.token_hash),
        col(Feed.created_at),
        func.coalesce(col(Person.language), "nl"),
        func.coalesce(col(Trajectory.title), ""),
    )
    .select_from(Feed)
    .outerjoin(Person, col(Person.id) == col(Feed.person_id))
    .outerjoin(Trajectory, col(Trajectory.id) == col(Feed.trajectory_id))
    .where(col(Feed.token_hash) == bindparam("hash"), col(Feed.revoked_at).is_(None))
)


def open_feed(session: Session, token: str) -> OpenFeed | None:
    """The feed of a token; None when there is none, or it was revoked. Changes nothing."""
    found = session.connection().execute(_OPEN, {"hash": token_hash(token)}).one_or_none()
    return OpenFeed(*found) if found else None


def etag_of(session: Session, opened: OpenFeed, settings: Settings, now: datetime) -> str:
    """The strong ETag of what `read_feed` would give, quotes and all, from one small query.

    Whatever people are told of a gathering raises its SEQUENCE or its revision, neither falls, and within a month
    gatherings only join: sums that stayed mean that nothing moved. Answers come and go, so each of them is in it; and
    so is the code that writes feeds, as other code gives other bytes.
    """
    values = {"whose": opened.whose, "since": _since(now)}
    marks = [tuple(row) for row in session.connection().execute(feed_rows.MARKS[opened.kind], values)]
    told = (settings.base_url, settings.mail_from, settings.timezone)
    digest = hashlib.sha256(repr((_writer(), told, opened, values, marks)).encode())
    return f'"{digest.hexdigest()[:32]}"'


def read_feed(
    session: Session, opened: OpenFeed, token: str, settings: Settings, now: datetime
) -> FeedAnswer:
    """Write a feed as it is now. Changes nothing.

    Ask for `etag_of` first: when something changes in between, the tag is too old and is asked for again; the other
    way round it would hide the change.
    """
    sender, address = parseaddr(settings.mail_from)
    sender = sender or address
    events: list[FeedEvent] = []
    changed = [opened.created_at]
    values = {"whose": opened.whose, "since": _since(now)}
    for gathering, stamp, name, *own in session.execute(feed_rows.SHOWN[opened.kind], values):  # pyright: ignore[reportDeprecated]
        invitation: Invitation | None = own[0] if own else None
        changed += [stamp, *([invitation.answered_at] if invitation and invitation.answered_at else [])]
        events.append(_feed_event(gathering, invitation, stamp, name, (sender, address), opened.language))
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


def _feed_event(
    gathering: Gathering,
    invitation: Invitation | None,
    stamp: datetime,
    name: str,
    sender: tuple[str, str],
    language: str,
) -> FeedEvent:
    """With the UID and SEQUENCE of the mail, so that a calendar can know that both are the same meeting."""
    how = feed_shown.shown(gathering, invitation)
    note, summary = how.note.in_language(language), f"{gathering.title} ({name})"
    if how.status is Status.CANCELLED:
        summary = feed_shown.CALLED_OFF.in_language(language).format(summary)
    event = CalendarEvent(
        uid=gathering.uid,
        sequence=invitation.sequence if invitation else gathering.sequence,
        dtstamp=stamp.replace(microsecond=0),
        starts_at=gathering.starts_at,
        ends_at=gathering.ends_at,
        timezone=gathering.timezone,
        summary=summary,
        description="\n\n".join(part for part in (note, gathering.description) if part),
        location=gathering.place,
        organizer_name=sender[0],
        organizer_email=sender[1],
    )
    return FeedEvent(event, how.status, how.takes_time)


def _since(now: datetime) -> datetime:
    """From when gatherings are shown; it moves once a month, so that an ETag lasts."""
    return (now - KEPT).astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


@cache
def _writer() -> str:
    """Changes with the code that decides what a feed says."""
    folder = Path(calendars.__file__).parent
    files = [folder / f"{name}.py" for name in ("content_lines", "feed", "invitation", "vtimezone")]
    files += [Path(__file__), Path(feed_rows.__file__), Path(feed_shown.__file__)]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
