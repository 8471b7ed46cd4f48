"""The pages that need no link: what this is, how Hart handles personal data, and whether the service is well."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from portal.pages import Desk

GET = ["GET", "HEAD"]


def public_pages(desk: Desk) -> APIRouter:
    """Make the routes."""
    router = APIRouter()

    @router.api_route("/", methods=GET)
    def start(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        return desk.page(request, "start.html")

    @router.api_route("/privacy", methods=GET)
    def privacy(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        return desk.page(request, "privacy.html", years=desk.settings.retention_years)

    @router.api_route("/health", methods=GET)
    def health() -> Response:  # pyright: ignore[reportUnusedFunction]
        try:
            with desk.store.engine.connect() as connection:
                connection.execute(text("SELECT 1 FROM trajectories WHERE 1 = 0"))
        except SQLAlchemyError:
            return JSONResponse({"status": "unwell", "database": "unreachable"}, status_code=503)
        return JSONResponse({"status": "well", "database": "reachable"})

    return router
