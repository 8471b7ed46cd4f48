"""What the pages of those who answer share: who of Hart to turn to, and how an answer is kept."""

import logging
import secrets
from collections.abc import Mapping

from fastapi import Request
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session
from starlette.background import BackgroundTask

from models import Organisation, Person, Trajectory
from models.enums import InboxKind
from portal.pages import Desk
from traject.guests import staff_of
from traject.hints import hint
from traject.inbox import apply_one, store_arrival

log = logging.getLogger(__name__)


def adviser_of(session: Session, trajectory_id: int) -> Person | None:
    """Who of Hart has a role in the trajectory now; the first of them."""
    return next(iter(staff_of(session, trajectory_id)), None)


def organisation_of(session: Session, trajectory: Trajectory) -> str:
    """The school's name, or the group's."""
    found = session.get(Organisation, trajectory.organisation_id) if trajectory.organisation_id else None
    return found.name if found else trajectory.group_name


def keep_and_apply(
    desk: Desk,
    kind: InboxKind,
    payload: Mapping[str, object],
    *,
    invitation_id: int | None = None,
    request_id: int | None = None,
) -> None:
    """Store an answer, and then apply it. Once it is stored it is never lost: what goes wrong after that, the inbox mends.

    Every press is an arrival of its own; that the same answer twice is one fact is decided where it is applied.
    """
    now = desk.clock()
    with desk.store.write() as session:
        arrival = store_arrival(
            session,
            kind,
            f"web:{secrets.token_hex(16)}",
            now,
            payload,
            invitation_id=invitation_id,
            request_id=request_id,
        )
        if arrival is None or arrival.id is None:
            message = "two random keys were the same"
            raise RuntimeError(message)
        arrival_id = arrival.id
    try:
        apply_one(desk.store, arrival_id, now, desk.settings)
    except DBAPIError as error:  # the heartbeat applies it; the page says that it was received
        log.warning("answer kept, not applied", extra={"arrival": arrival_id, "error": type(error).__name__})


def thanks_address(request: Request) -> str:
    """Where the browser goes after a form, in the language of the page."""
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{request.url.path}/bedankt{query}"


def waking(desk: Desk, trajectory: Trajectory) -> BackgroundTask:
    """After the page was given: tell Prefect that this trajectory may go on. Nobody waits for it."""
    return BackgroundTask(hint, desk.settings, "trajectory.answered", [trajectory.id or 0], desk.clock())
