"""The web application: which pages there are, and what is shown when one cannot be.

`create_app` makes it; `portal.app:app` is the one that a web server loads, made from the environment at first use.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from portal.certificate import certificate_pages
from portal.evaluation import evaluation_pages
from portal.feeds import feed_pages
from portal.invitation import invitation_pages
from portal.pages import STATIC, Desk
from portal.public import public_pages
from portal.security import Guard, headers_for, keep_tokens_out_of_logs
from portal.unsubscribe import unsubscribe_pages
from traject import clock
from traject.settings import Settings, load_settings
from traject.store import Store


def create_app(settings: Settings, store: Store, now: Callable[[], datetime] = clock.now) -> FastAPI:
    """Make the application on an opened store."""
    desk = Desk(settings, store, now)
    app = FastAPI(title="Traject", docs_url=None, redoc_url=None, openapi_url=None)
    headers = headers_for(settings.base_url)
    app.add_middleware(Guard, headers=headers)
    app.include_router(feed_pages(desk))  # first, because calendars ask over and over
    app.include_router(public_pages(desk))
    app.include_router(invitation_pages(desk))
    app.include_router(evaluation_pages(desk))
    app.include_router(certificate_pages(desk))
    app.include_router(unsubscribe_pages(desk))
    app.mount("/static", StaticFiles(directory=STATIC))

    def refused(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.BAD_REQUEST
        response = desk.page(request, "error.html", status=status, code=status)
        if isinstance(error, HTTPException):
            response.headers.update(error.headers or {})
        return response

    def failed(request: Request, error: Exception) -> Response:
        response = desk.page(request, "error.html", status=500, code=500)
        response.headers.update(
            {**headers, "Cache-Control": "no-store"}
        )  # this answer does not pass the guard
        return response

    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, refused)
    app.add_exception_handler(Exception, failed)
    keep_tokens_out_of_logs()
    return app


@cache
def _app() -> FastAPI:
    settings = load_settings()
    return create_app(settings, Store(settings.database_url))


def __getattr__(name: str) -> Any:
    """`portal.app:app`, made when it is asked for, so that importing this module opens no database."""
    if name == "app":
        return _app()
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
