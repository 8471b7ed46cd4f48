"""The world's mail server: real SMTP on a free port of the loopback; it keeps what it takes and refuses as servers refuse.

A process of its own, as a mail server is: `python -m traject.simulation.mail_server SEED` says its port in one line, obeys
`bury ADDRESS` and `take` from its standard input, and ends with it. What was taken comes as one line of JSON.
"""

import asyncio
import json
import sys
import zlib
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope

GREYLISTED, POLICY = 30, 2
"""Of a thousand mails: told to come back later, and refused for what they are."""


@dataclass
class Server:
    """What the server knows and got. Which mails it refuses follows from the seed and their return path alone."""

    seed: int
    dead: set[str] = field(default_factory=set[str])
    seen: set[str] = field(default_factory=set[str])
    received: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    refused: list[str] = field(default_factory=list[str])

    def obey(self, order: str) -> str:
        """Do what the world says; gives the answer, if there is one."""
        verb, _, address = order.partition(" ")
        if verb == "bury":
            self.dead.add(address)
            return ""
        taken = {"received": self.received, "refused": self.refused}
        self.received, self.refused = [], []
        return json.dumps(taken) + "\n"

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
            self.refused.append(sender)
            return "550 5.1.1 no such person here"
        lot = zlib.crc32(f"{self.seed}:{sender}".encode()) % 1000
        if lot < GREYLISTED and sender not in self.seen:
            self.seen.add(sender)
            return "451 4.7.1 greylisted, try again later"
        if GREYLISTED <= lot < GREYLISTED + POLICY:
            self.refused.append(sender)
            return "550 5.7.1 not by our policy"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 recipient ok"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:
        """Keep the mail, as it came over the line."""
        (recipient,) = envelope.rcpt_tos
        data = (envelope.original_content or b"").decode("latin-1")
        self.received.append((envelope.mail_from or "", recipient, data))
        return "250 2.0.0 kept"


async def _serve(seed: int) -> None:
    loop = asyncio.get_running_loop()
    kept = Server(seed)
    server = await loop.create_server(lambda: SMTP(kept, hostname="mx.example", loop=loop), "127.0.0.1", 0)
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    answer = f"{server.sockets[0].getsockname()[1]}\n"
    while True:
        sys.stdout.write(answer)
        sys.stdout.flush()
        order = await orders.readline()
        if not order:
            return
        answer = kept.obey(order.decode().rstrip("\n"))


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
