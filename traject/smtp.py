"""One connection to the mail server: how it is opened, and what the server said to one message."""

import asyncio
import ssl
from contextlib import suppress
from datetime import timedelta
from urllib.parse import unquote, urlsplit

import aiosmtplib

from traject.outbox import LEASE, Claimed
from traject.refusal import Refusal, Stage
from traject.settings import Settings

PER_CONNECTION = 100
"""Messages after which a connection is renewed: providers cut longer ones off."""

TIMEOUT = timedelta(seconds=30)
"""For each answer of the server."""


class Line:
    """One connection at a time to the server of `settings.mail_url`, for one message at a time."""

    def __init__(self, settings: Settings, timeout: timedelta) -> None:
        self._url = urlsplit(settings.mail_url)
        self._timeout = timeout.total_seconds()
        # What we call ourselves; asking the system for its name can take seconds where there is no DNS.
        self._name = settings.sender[1].rpartition("@")[2]
        self._tls = None if self._url.scheme == "smtp" else ssl.create_default_context()
        self._client = self._made()
        self._sent = 0

    def _made(self) -> aiosmtplib.SMTP:
        url = self._url
        return aiosmtplib.SMTP(
            hostname=url.hostname,
            port=url.port,
            username=unquote(url.username) if url.username else None,
            password=unquote(url.password) if url.password else None,
            use_tls=url.scheme == "smtps",
            start_tls=url.scheme == "smtp+starttls",
            tls_context=self._tls,
            local_hostname=self._name,
            timeout=self._timeout,
        )

    @property
    def is_ready(self) -> bool:
        """Whether the next message can go without opening anew."""
        return self._client.is_connected and self._sent < PER_CONNECTION

    async def open(self) -> Refusal | None:
        """Connect anew, with TLS and login as the URL says; a refusal when the server cannot be used."""
        await self.close()
        self._client, self._sent = self._made(), 0
        try:
            await self._client.connect()
            if self._client.is_ehlo_or_helo_needed:
                await self._greet()
        except aiosmtplib.SMTPResponseException as refused:
            self._client.close()
            return Refusal(Stage.CONNECT, refused.code, refused.message)
        except (aiosmtplib.SMTPException, OSError) as fault:
            self._client.close()
            return Refusal(Stage.CONNECT, 0, str(fault) or type(fault).__name__)
        return None

    async def _greet(self) -> None:
        try:
            await self._client.ehlo()
        except aiosmtplib.SMTPHeloError:
            if not self._client.is_connected:
                raise
            await self._client.helo()

    async def send(self, mail: Claimed) -> str | Refusal:
        """Offer one message; gives the server's 250 text or why not. Ends well within the lease, whatever happens."""
        self._sent += 1
        stage = Stage.SENDER
        try:
            async with asyncio.timeout(LEASE.total_seconds() / 2):
                client, data = self._client, mail.data
                utf8 = not (mail.to_email + mail.return_path).isascii()
                encoding = "utf-8" if utf8 else "ascii"
                if utf8 and not client.supports_extension("smtputf8"):
                    return Refusal(
                        Stage.RECIPIENT, 553, "5.6.7 the mail server takes no letters but a-z in addresses"
                    )
                options = ["SMTPUTF8"] if utf8 else []
                if not data.isascii() and client.supports_extension("8bitmime"):
                    options.append("BODY=8BITMIME")
                if client.supports_extension("size"):
                    options.append(f"SIZE={len(data)}")
                await client.mail(mail.return_path, options=options, encoding=encoding)
                stage = Stage.RECIPIENT
                await client.rcpt(mail.to_email, encoding=encoding)
                stage = Stage.DATA
                return f"250 {(await client.data(data)).message}"
        except aiosmtplib.SMTPResponseException as refused:
            refusal = Refusal(stage, refused.code, refused.message)
            await self._reset(refusal)
            return refusal
        except ValueError as fault:  # an address that cannot stand in an SMTP command
            refusal = Refusal(stage, 501, f"{'5.1.3' if stage is Stage.RECIPIENT else '5.1.7'} {fault}")
            await self._reset(refusal)
            return refusal
        except (aiosmtplib.SMTPException, OSError) as fault:
            self._client.close()
            return Refusal(stage, 0, f"no answer to {stage}: {str(fault) or type(fault).__name__}")

    async def _reset(self, refusal: Refusal) -> None:
        """Make the connection ready for the next message, or drop it when the two sides may not agree where they are."""
        if refusal.code == 421 or not 400 <= refusal.code <= 599:
            self._client.close()
            return
        try:
            await self._client.rset()
        except (aiosmtplib.SMTPException, OSError):
            self._client.close()

    async def close(self) -> None:
        """Say goodbye, if there is someone to say it to."""
        if self._client.is_connected:
            with suppress(aiosmtplib.SMTPException, OSError):
                await self._client.quit()
        self._client.close()
