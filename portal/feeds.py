"""The calendar behind a feed's secret address, and the page on which a person puts theirs into a calendar or ends it.

Calendars ask over and over, so they mostly hear "not changed". Reading changes nothing. An address that never was one
and one that was taken back get the same answer.
"""

from email.utils import format_datetime

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from portal.pages import Desk, language_of
from portal.public import GET
from traject.feeds import feed_url, find_own, open_feed, read_feed, revoke_feed, webcal_url


def feed_pages(desk: Desk) -> APIRouter:
    """Make the route."""
    router = APIRouter()

    def feed(request: Request) -> Response:
        token, now = request.path_params["token"], desk.clock()
        with desk.store.glance() as connection:
            known = open_feed(connection, token, desk.settings, now)
        if known is None:
            raise HTTPException(404)
        opened, tag = known
        # Kept by the calendar that asked and by nothing between, and used only after asking whether it changed.
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if _has(request, tag):
            return Response(status_code=304, headers=headers)
        with desk.store.read() as session:
            found = read_feed(session, opened, token, desk.settings, now)
        headers["Last-Modified"] = format_datetime(found.last_modified, usegmt=True)
        headers["Content-Disposition"] = 'inline; filename="hart.ics"'
        return Response(found.data, media_type="text/calendar", headers=headers)

    # The plain route: this is asked so often that reading parameters by their annotations would show.
    router.add_route("/f/{token}.ics", feed, methods=GET)

    @router.api_route("/f/gestopt", methods=GET)
    def ended(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        return desk.page(request, "feed-ended.html")

    @router.api_route("/f/{token}", methods=GET)
    def page(request: Request, token: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        with desk.store.read() as session:
            found = find_own(session, token)
            if found is None or found[0].revoked_at is not None:
                raise HTTPException(404)
            language = found[1].language
        url = feed_url(desk.settings.base_url, token)
        return desk.page(request, "feed.html", language=language, url=url, webcal=webcal_url(url))

    @router.post("/f/{token}")
    def end(request: Request, token: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        with desk.store.write() as session:
            found = find_own(session, token)
            if found is None:
                raise HTTPException(404)
            feed, person = found
            revoke_feed(session, feed.id or 0, now=desk.clock(), actor="participant")
            language = language_of(request, person.language)
        # The address opens nothing any more, in no language and not after a reload; so what is said stands elsewhere.
        return RedirectResponse(f"/f/gestopt?lang={language}", status_code=303)

    return router


def _has(request: Request, tag: str) -> bool:
    """Whether the reader has this already (RFC 9110 §13.1.2).

    If-Modified-Since is not looked at: a gathering can be gone from a feed without anything newer in it.
    """
    asked = ",".join(request.headers.getlist("if-none-match"))
    return asked.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in asked.split(","))
