"""The page behind List-Unsubscribe: a press on its button, or the mail program's own one click, and news stops.

Opening it changes nothing, as link scanners open every link. A mail program posts `List-Unsubscribe=One-Click`
(RFC 8058), without a cookie and without following a redirect; so every post but that of *toch wel* unsubscribes.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from portal.forms import Form, read_form
from portal.pages import Desk
from portal.public import GET
from traject.unsubscribe import person_of, resubscribe, unsubscribe

ONE_CLICK = "List-Unsubscribe"


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Whom the page is for."""

    name: str
    language: str
    is_unsubscribed: bool


def unsubscribe_pages(desk: Desk) -> APIRouter:
    """Make the routes."""
    router = APIRouter()

    @router.api_route("/u/{token}", methods=GET)
    def page(request: Request, token: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        with desk.store.read() as session:
            person = person_of(session, desk.settings, token)
            if person is None:
                raise HTTPException(404)
            shown = Subscriber(person.name, person.language, person.unsubscribed_at is not None)
        return desk.page(request, "unsubscribe.html", language=shown.language, view=shown)

    @router.post("/u/{token}")
    def press(  # pyright: ignore[reportUnusedFunction]
        request: Request, token: str, form: Annotated[Form, Depends(read_form)]
    ) -> Response:
        change = resubscribe if form.get("news") == ["again"] else unsubscribe
        with desk.store.write() as session:
            person = person_of(session, desk.settings, token)
            if person is None:
                raise HTTPException(404)
            change(session, person, now=desk.clock(), via="link")
            shown = Subscriber(person.name, person.language, person.unsubscribed_at is not None)
        if ONE_CLICK in form:
            return desk.page(request, "unsubscribe.html", language=shown.language, view=shown)
        return RedirectResponse(str(request.url.replace(scheme="", netloc="")), status_code=303)

    return router
