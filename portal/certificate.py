"""The page behind a certificate's number: what it says, for who has it and for who checks it; and the sheet itself.

There is no account and no token: the number is the capability, and it stands on the paper. It shows what is recorded
now, so a certificate that was corrected is checked against the facts.
"""

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from portal.pages import Desk, language_of
from portal.public import GET
from traject.certificate import Certificate, find_certificate, how_long, write_pdf


def certificate_pages(desk: Desk) -> APIRouter:
    """Make the routes."""
    router = APIRouter()

    def found(number: str) -> Certificate:
        with desk.store.read() as session:
            certificate = find_certificate(session, desk.settings, number)
        if certificate is None:
            raise HTTPException(404)
        return certificate

    @router.api_route("/c/{number}.pdf", methods=GET)
    def sheet(number: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        certificate = found(number)
        headers = {"Content-Disposition": f'attachment; filename="hart-{certificate.number}.pdf"'}
        return Response(write_pdf(certificate), media_type="application/pdf", headers=headers)

    @router.api_route("/c/{number}", methods=GET)
    def page(request: Request, number: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        certificate = found(number)
        language = language_of(request, certificate.language)
        return desk.page(
            request,
            "certificate.html",
            language=certificate.language,
            certificate=certificate,
            hours=how_long(sum(each.minutes for each in certificate.sessions), language),
        )

    return router
