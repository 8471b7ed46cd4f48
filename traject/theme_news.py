"""Whether something happened that gatherings with a theme depend on, since the last time that somebody looked."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, delete, func
from sqlmodel import col, or_, select

from models import Event, Trajectory
from traject.store import Store
from traject.versions import programmes

FOLLOWED = "themes.followed"
"""The event that says up to which event (`last`) themes were followed."""

_ABOUT = ("trajectory", "stage", "step", "gathering", "role")
"""What an event must be about to change who is at a gathering because of its theme."""

MOST_UNREAD = 500
"""So many events of others may lie behind what was followed; with more, looking would cost what exists."""

# Built once: every heartbeat asks them.
_NEWEST = select(func.max(col(Event.id)))
_FOLLOWED = (
    select(col(Event.details)).where(col(Event.name) == FOLLOWED).order_by(col(Event.id).desc()).limit(1)
)
_HAPPENED = (
    select(col(Event.id), col(Event.details), col(Trajectory.programme_version_id))
    .join(Trajectory, col(Trajectory.id) == col(Event.trajectory_id))
    .where(
        col(Event.id) > bindparam("after"),
        or_(*(col(Event.name).startswith(f"{about}.") for about in _ABOUT)),
        col(Trajectory.programme_version_id).in_(bindparam("versions", expanding=True)),
    )
    .order_by(col(Event.id))
)


class News(NamedTuple):
    """Whether there is something to follow, and the last event that was looked at; None: there was none."""

    is_there: bool
    last: int | None


def read_news(store: Store) -> News:
    """What happened to trajectories with a theme since the last time; what happened to other steps of them is no news."""
    with store.read() as session:
        with_theme = {
            number: steps
            for number, programme in programmes(session).items()
            if (steps := {step.key for step in programme.steps if step.theme})
        }
        if not with_theme:
            return News(False, None)
        rows = session.connection().execute
        followed = rows(_FOLLOWED).scalar()
        after = followed["last"] if followed else 0
        newest = rows(_NEWEST).scalar() or 0
        found = rows(_HAPPENED, {"after": after, "versions": [*with_theme]}).all()
    is_there = any(details.get("step") in (None, *with_theme[version]) for _, details, version in found)
    last = found[-1][0] if found else None
    return News(is_there, newest if last is None and newest - after > MOST_UNREAD else last)


def remember(store: Store, news: News, now: datetime) -> None:
    """Note how far events were looked at. Only the latest note is kept: it is no history of anything."""
    if news.last is None:
        return
    with store.write() as session:
        session.exec(delete(Event).where(col(Event.name) == FOLLOWED))
        session.add(Event(at=now, name=FOLLOWED, details={"last": news.last}))
