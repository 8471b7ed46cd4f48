"""A real SMTP server (aiosmtpd) whose faults are declared by the test that needs them."""

import asyncio
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

STALL = "stall"  # says nothing any more
DROP = "drop"  # closes the connection without a word
KEEP_AND_DROP = "keep and drop"  # keeps the message, and closes the connection before the 250


@dataclass
class Post:
    """What the server does, and what it got.

    `sender`, `recipient` and `data` hold for an address (or for every one: "") the line to answer with, or one of the
    faults above; `recipient` and `data` go by recipient. A list is used up one by one, then all is well.
    """

    greeting: str | None = None
    hello: str | None = None
    sender: dict[str, Any] = field(default_factory=dict)
    recipient: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    on_data: Callable[[str], None] = lambda recipient: None
    delay: float = 0
    login: tuple[str, str] | None = None
    tls: ssl.SSLContext | None = None
    received: list[tuple[str, str, bytes]] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    port: int = 0

    def to(self) -> list[str]:
        return sorted(recipient for _, recipient, _ in self.received)

    async def handle_EHLO(self, server, session: Session, envelope, hostname: str, responses: list[str]):
        session.host_name = hostname
        return [self.hello] if self.hello else responses

    async def handle_HELO(self, server, session: Session, envelope, hostname: str):
        session.host_name = hostname
        return self.hello or "250 HELO"

    async def handle_MAIL(self, server, session, envelope: Envelope, address: str, options):
        fault = await self._fault(server, self.sender, address)
        if fault:
            return fault
        envelope.mail_from = address
        return "250 2.1.0 sender ok"

    async def handle_RCPT(self, server, session, envelope: Envelope, address: str, options):
        fault = await self._fault(server, self.recipient, address)
        if fault:
            return fault
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 recipient ok"

    async def handle_DATA(self, server, session, envelope: Envelope):
        (recipient,) = envelope.rcpt_tos
        if self.delay:
            await asyncio.sleep(self.delay)
        self.on_data(recipient)
        fault = self._next(self.data, recipient)
        if fault in (None, KEEP_AND_DROP):
            self.received.append((envelope.mail_from, recipient, envelope.original_content))
        return await self._said(server, fault) or f"250 2.0.0 kept as {len(self.received)}"

    async def _fault(self, server, faults: dict[str, Any], address: str) -> str | None:
        return await self._said(server, self._next(faults, address))

    def _next(self, faults: dict[str, Any], address: str) -> str | None:
        found = faults.get(address, faults.get(""))
        if isinstance(found, list):
            return found.pop(0) if found else None
        return found

    async def _said(self, server, fault: str | None) -> str | None:
        if fault == STALL:
            await asyncio.sleep(60)
        if fault in (DROP, KEEP_AND_DROP):
            server.transport.abort()
            await asyncio.sleep(60)  # until the lost connection cancels us
        return fault

    def authenticate(self, server, session, envelope, mechanism, given: LoginPassword) -> AuthResult:
        user, password = self.login or ("", "")
        right = given.login == user.encode() and given.password == password.encode()
        return AuthResult(success=right, handled=False)


class Server(SMTP):
    """aiosmtpd, with a greeting that can refuse, and a count of connections."""

    post: Post

    def connection_made(self, transport):
        self.post.connections += 1
        self.post.open += 1
        if self.post.greeting == DROP:
            transport.abort()
        elif self.post.greeting and self.post.greeting != STALL:
            transport.write(self.post.greeting.encode() + b"\r\n")
            transport.close()
        elif not self.post.greeting:
            super().connection_made(transport)

    def connection_lost(self, error):
        self.post.open -= 1
        if not self.post.greeting:
            super().connection_lost(error)


@contextmanager
def serving(post: Post, *, smtps: bool = False) -> Generator[Post]:
    """Serve in a thread of its own on a free port of the loopback, which `post.port` then holds."""
    loop = asyncio.new_event_loop()
    auth: dict[str, Any] = {}
    if post.login:
        auth = {
            "authenticator": post.authenticate,
            "auth_required": not smtps,  # aiosmtpd knows of no other TLS than STARTTLS
            "auth_require_tls": not smtps,
        }

    def made() -> Server:
        tls = None if smtps else post.tls
        server = Server(
            post, hostname="mx.example", tls_context=tls, require_starttls=tls is not None, loop=loop, **auth
        )
        server.post = post
        return server

    listening = loop.run_until_complete(
        loop.create_server(made, "127.0.0.1", post.port, ssl=post.tls if smtps else None)
    )
    post.port = listening.sockets[0].getsockname()[1]
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield post
    finally:

        async def stop():
            listening.close()
            here = asyncio.current_task()
            tasks = [task for task in asyncio.all_tasks() if task is not here]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server context for 127.0.0.1 and the certificate file that a client must trust for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mx.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert, private = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, private)
    return context, cert
