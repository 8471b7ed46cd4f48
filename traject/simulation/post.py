"""The world's mail server: real SMTP on a free port; it keeps what it takes and refuses as servers refuse."""

import asyncio
import zlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope

GREYLISTED, POLICY = 30, 2
"""Of a thousand mails: told to come back later, and refused for what they are."""


@dataclass(frozen=True, slots=True)
class Received:
    """One mail that the server took, when, and for whom."""

    at: datetime
    sender: str
    recipient: str
    data: bytes


@dataclass
class Post:
    """What the server knows and got. Which mails it refuses follows from the seed and their return path alone."""

    clock: Callable[[], datetime]
    seed: int
    dead: set[str] = field(default_factory=set[str])
    """Addresses at which nobody lives any more."""
    refused: set[str] = field(default_factory=set[str])
    """Return paths of what was refused for good."""
    url: str = ""
    _seen: set[str] = field(default_factory=set[str])
    _received: list[Received] = field(default_factory=list[Received])

    def take(self) -> list[Received]:
        """What came since the last time."""
        taken, self._received = self._received, []
        return taken

    async def handle_MAIL(
        self, server: SMTP, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Any sender will do."""
        envelope.mail_from = address
        return "250 2.1.0 sender ok"

    async def handle_RCPT(
        self, server: SMTP, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Refuse who does not live here, and now and then a mail that is new to us."""
        sender = envelope.mail_from or ""
        if address in self.dead:
            self.refused.add(sender)
            return "550 5.1.1 no such person here"
        lot = zlib.crc32(f"{self.seed}:{sender}".encode()) % 1000
        if lot < GREYLISTED and sender not in self._seen:
            self._seen.add(sender)
            return "451 4.7.1 greylisted, try again later"
        if GREYLISTED <= lot < GREYLISTED + POLICY:
            self.refused.add(sender)
            return "550 5.7.1 not by our policy"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 recipient ok"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:
        """Keep the mail, as it came over the line."""
        data = envelope.original_content or b""
        (recipient,) = envelope.rcpt_tos
        self._received.append(Received(self.clock(), envelope.mail_from or "", recipient, data))
        return "250 2.0.0 kept"


@asynccontextmanager
async def serving(post: Post) -> AsyncGenerator[Post]:
    """Serve in the running loop on a free port of the loopback, which stands in `post.url`."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(post, hostname="mx.example", loop=loop), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    post.url = f"smtp://{host}:{port}"
    try:
        yield post
    finally:
        server.close()
        await server.wait_closed()
