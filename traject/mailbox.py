"""Which mail arrived on this machine: an SMTP server that keeps every message as a file.

It stands in for a real mail server as long as no `TRAJECT_SMTP_URL` is set. `python -m traject.mailbox` runs it.
"""

import argparse
import asyncio
import errno
import json
import logging
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

log = logging.getLogger(__name__)

LARGEST_MESSAGE = 50 * 1024 * 1024
"""Bytes; RFC 1870 SIZE. More than any mail provider accepts, so this server never is the one that refuses."""

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass
class Mailbox:
    """A folder of received mail, newest name last.

    `folder` gets two files a message: `<instant>-<number>-<recipient>.eml` with the bytes exactly as received (after
    dot-unstuffing, RFC 5321 §4.5.2) and a `.json` of the same name with the envelope, which the bytes do not hold:
    `{"from": str, "to": [str], "received_at": ISO 8601 instant}`. `clock` gives the aware instant of arrival.

    The `.eml` appears last and by a rename: whoever sees it, sees all of it, and its envelope is there. The bytes are
    handed to the operating system before the 250, so they survive a killed process; a power cut may take the last ones.
    """

    folder: Path
    clock: Callable[[], datetime]
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def keep(self, content: bytes, *, sender: str, recipients: list[str]) -> Path:
        """Write one message; gives the path of its `.eml`. OSError when the folder cannot hold it, and then nothing is left."""
        received_at = self.clock().astimezone(UTC)
        name = f"{received_at:%Y%m%dT%H%M%S.%fZ}-{next(self._numbers):06d}-{safe_name(recipients[0])}"
        message, envelope = self.folder / f"{name}.eml", self.folder / f"{name}.json"
        unfinished = self.folder / f".{name}.part"
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            unfinished.write_bytes(content)
            envelope.write_text(
                json.dumps(
                    {"from": sender, "to": recipients, "received_at": received_at.isoformat()},
                    ensure_ascii=False,
                ),
                encoding="utf-8",
            )
            unfinished.replace(message)
        except OSError:
            unfinished.unlink(missing_ok=True)
            envelope.unlink(missing_ok=True)
            raise
        return message

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Answer the end of DATA: 250 only when the file stands; 4xx otherwise, so that the sender keeps the mail."""
        content = envelope.original_content or b""
        try:
            message = self.keep(content, sender=envelope.mail_from or "", recipients=envelope.rcpt_tos)
        except OSError as fault:
            log.error("mail not kept", extra={"errno": fault.errno, "folder": str(self.folder)})
            if fault.errno in NO_ROOM:
                return "452 4.3.1 Insufficient system storage"
            return "451 4.3.0 Cannot write to the mailbox folder"
        return f"250 2.0.0 Kept as {message.name}"


def safe_name(address: str) -> str:
    """The address as part of a file name: letters, digits and `@ . _ + -`, at most 80 characters; never empty."""
    return re.sub(r"[^A-Za-z0-9@._+-]", "_", address).lstrip(".")[:80] or "_"


async def serve(mailbox: Mailbox, *, host: str, port: int) -> asyncio.Server:
    """Start answering SMTP on host:port (port 0: any free one) and return the server; OSError when the port is taken."""
    return await asyncio.get_running_loop().create_server(
        lambda: SMTP(mailbox, hostname="localhost", data_size_limit=LARGEST_MESSAGE, enable_SMTPUTF8=True),
        host,
        port,
    )


async def run_until_stopped(mailbox: Mailbox, *, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. A message is written in one go, so stopping never cuts one in half."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = await serve(mailbox, host=host, port=port)
    await stopped.wait()
    server.close()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m traject.mailbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=2525)
    parser.add_argument("--folder", type=Path, required=True)
    chosen = parser.parse_args()
    mailbox = Mailbox(chosen.folder, clock=lambda: datetime.now(UTC))
    asyncio.run(run_until_stopped(mailbox, host=chosen.host, port=chosen.port))


if __name__ == "__main__":
    main()
