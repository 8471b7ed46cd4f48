"""The page behind the link in an invitation: what, when and where it is, and whether the person comes.

Opening it changes nothing, as link scanners open every link. A press on a button stores the answer, then applies it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session, col, select
from starlette.exceptions import HTTPException

from models import AccessToken, Arrival, Gathering, Invitation, Person, Trajectory
from models.enums import GatheringState, InboxKind, PartStat
from portal.answering import adviser_of, keep_and_apply, organisation_of, thanks_address, waking
from portal.forms import SWITCH, Form, read_form
from portal.pages import Desk
from portal.public import GET
from traject.access import open_token
from traject.answers import Judged, can_answer, current_sequence
from traject.feeds import own_feed
from traject.waiting import (
    Standing,
    free,
    has_place_for_newcomer,
    is_kept,
    position,
    standing,
    waiting_list,
)

LONGEST_COMMENT = 500

ANSWERS = (PartStat.ACCEPTED, PartStat.TENTATIVE, PartStat.DECLINED)


@dataclass(frozen=True, slots=True)
class PlaceView:
    """Where a person stands at a gathering with few places."""

    standing: Standing
    capacity: int
    free: int
    """How many places a yes of now could have."""
    position: int
    """On the waiting list, or the one that a yes of now would get."""
    kept_until: datetime | None
    """Until when the offered place is kept; None: it is for whoever is first."""


def place_of(
    session: Session, gathering: Gathering, invitation: Invitation, now: datetime
) -> PlaceView | None:
    """What the page says of places; None: there are enough, or this person has one in any case."""
    if gathering.capacity is None or invitation.is_required:
        return None
    query = select(Invitation).where(
        Invitation.gathering_id == gathering.id, col(Invitation.is_cancelled).is_(False)
    )
    invitations = session.exec(query).all()
    others = [each for each in invitations if each.id != invitation.id]
    behind = len(waiting_list(gathering, others)) + 1
    is_free = has_place_for_newcomer(gathering, others, now)
    return PlaceView(
        standing=standing(invitation),
        capacity=gathering.capacity,
        free=free(gathering, others) or 0 if is_free else 0,
        position=position(gathering, invitations, invitation) or behind,
        kept_until=invitation.offered_until if is_kept(gathering, invitation) else None,
    )


@dataclass(frozen=True, slots=True)
class InvitationView:
    """What the page shows."""

    invitation_id: int
    gathering: Gathering
    trajectory: Trajectory
    organisation: str
    person: Person
    adviser: Person | None
    answer: PartStat | None
    comment: str
    sequence: int
    closed: Judged | None
    """Why it cannot be answered any more."""
    is_uninvited: bool
    """The gathering takes place without this person."""
    place: PlaceView | None
    last_outcome: str | None
    """What became of the last answer that came in; empty while it waits; None: there was none."""


def invitation_pages(desk: Desk) -> APIRouter:
    """Make the routes."""
    router = APIRouter()

    def view(token: str) -> InvitationView:
        now = desk.clock()
        with desk.store.read() as session:
            opened = open_token(session, token, now)
            if not isinstance(opened, AccessToken) or opened.invitation_id is None:
                raise HTTPException(404)
            invitation = session.get_one(Invitation, opened.invitation_id)
            gathering = session.get_one(Gathering, invitation.gathering_id)
            trajectory = session.get_one(Trajectory, gathering.trajectory_id)
            last = session.exec(
                select(Arrival.outcome)
                .where(Arrival.invitation_id == invitation.id, Arrival.kind == InboxKind.INVITATION_ANSWER)
                .order_by(col(Arrival.id).desc())
            ).first()
            shown = InvitationView(
                invitation_id=opened.invitation_id,
                gathering=gathering,
                trajectory=trajectory,
                organisation=organisation_of(session, trajectory),
                person=session.get_one(Person, invitation.person_id),
                adviser=adviser_of(session, gathering.trajectory_id),
                answer=None if invitation.partstat is PartStat.NEEDS_ACTION else invitation.partstat,
                comment=invitation.comment,
                sequence=current_sequence(gathering, invitation),
                closed=can_answer(gathering, invitation, now),
                is_uninvited=invitation.is_cancelled and gathering.state is not GatheringState.CANCELLED,
                place=place_of(session, gathering, invitation, now),
                last_outcome=last,
            )
            session.expunge_all()
        return shown

    def page(
        request: Request, shown: InvitationView, comment: str, problem: str = "", status: int = 200
    ) -> Response:
        return desk.page(
            request,
            "invitation.html",
            language=shown.person.language,
            status=status,
            view=shown,
            comment=comment,
            problem=problem,
        )

    @router.api_route("/i/{token}", methods=GET)
    def invitation(request: Request, token: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        shown = view(token)
        return page(request, shown, shown.comment)

    @router.post("/i/{token}")
    def answer(  # pyright: ignore[reportUnusedFunction]
        request: Request, token: str, form: Annotated[Form, Depends(read_form)]
    ) -> Response:
        shown = view(token)
        said = form.get("answer", [""])[0]
        comment = form.get("comment", [""])[0].strip()
        problem = ""
        if len(comment) > LONGEST_COMMENT:
            problem = "comment"
        elif said not in ANSWERS:
            problem = "answer"
        if SWITCH in form:
            return page(request, shown, comment, problem if form[SWITCH] == ["refused"] else "")
        if problem:
            return page(request, shown, comment, problem, 422)
        seen = form.get("sequence", [""])[0]
        payload = {
            "partstat": said,
            "comment": comment,
            # What was on the page: a person who says yes to the old date has not said yes to the new one.
            "sequence": int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 9 else shown.sequence,
        }
        keep_and_apply(desk, InboxKind.INVITATION_ANSWER, payload, invitation_id=shown.invitation_id)
        return RedirectResponse(
            thanks_address(request), status_code=303, background=waking(desk, shown.trajectory)
        )

    @router.api_route("/i/{token}/bedankt", methods=GET)
    def thanks(request: Request, token: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        shown = view(token)
        return desk.page(
            request, "invitation-thanks.html", language=shown.person.language, view=shown, back=f"/i/{token}"
        )

    @router.post("/i/{token}/agenda")
    def subscribe(request: Request, token: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        person = view(token).person
        with desk.store.write() as session:
            made = own_feed(session, desk.settings, person.id or 0, now=desk.clock())
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/f/{made}{query}", status_code=303)

    return router
