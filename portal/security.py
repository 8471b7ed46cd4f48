"""What no page may leak and no request may do: headers, a limit on what is sent, and links kept out of the logs."""

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_LIMIT = 64 * 1024
"""Bytes. The longest questionnaire filled to its limits fits many times."""

HEADERS = {
    # No script at all, and nothing from elsewhere. `form-action` holds for the redirect after a form too.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",  # the link holds the token
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

_TOKEN = re.compile(r"(/[ciefu]/)[^/?#\s]+")


def headers_for(base_url: str) -> dict[str, str]:
    """The headers of every answer; a portal on https is to be reached in no other way."""
    if base_url.startswith("https://"):
        return {**HEADERS, "Strict-Transport-Security": "max-age=31536000"}
    return HEADERS


class Guard:
    """Adds the headers to every answer and stops a body that is too long while it comes in."""

    def __init__(self, app: ASGIApp, *, headers: Mapping[str, str]) -> None:
        self.app = app
        self.headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        received = 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > BODY_LIMIT:
                raise HTTPException(413)
            return message

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers[name] = value
                is_style = scope["path"].startswith("/static/") and message["status"] == 200
                headers.setdefault("Cache-Control", "public, max-age=86400" if is_style else "no-store")
            await send(message)

        await self.app(scope, limited, guarded)


class WithoutTokens(logging.Filter):
    """Takes the token out of every link in a log record, and leaves out what calendars hear hour after hour: "not changed"."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; say whether it is kept."""
        if isinstance(record.args, tuple) and record.args[-1:] == (HTTPStatus.NOT_MODIFIED,):
            return False
        record.msg = redact(record.getMessage()) if not record.args else record.msg
        if isinstance(record.args, tuple):
            record.args = tuple(redact(each) if isinstance(each, str) else each for each in record.args)
        return True


def redact(text: str) -> str:
    """`/i/…` for every link with a token."""
    return _TOKEN.sub(r"\1…", text)


def keep_tokens_out_of_logs() -> None:
    """Redact the web server's own logs, once."""
    for name in ("uvicorn.access", "uvicorn.error"):
        logger = logging.getLogger(name)
        if not any(isinstance(each, WithoutTokens) for each in logger.filters):
            logger.addFilter(WithoutTokens())
