"""Delivery end to end (queued rows in SQLite until accepted and recorded) against the bare SMTP client."""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import aiosmtplib

from models import Message, MessageContent
from models.enums import MessageKind
from traject.delivery import deliver
from traject.outbox import queue_all
from traject.settings import Settings
from traject.store import Store

NOW = datetime(2026, 9, 7, 8, 0, tzinfo=UTC)
MESSAGES = 2000
CONNECTIONS = 4
ROUNDS = 3
LIMIT = 0.5
"""Of what aiosmtplib reaches with the same ready bytes (issue 2 §11)."""

BODY = (
    b"Subject: Studiemiddag\r\nFrom: a@hart.example\r\nTo: b@school.example\r\n\r\n" + b"x" * 74 + b"\r\n"
) * 100
"""15 kB, as an invitation with HTML and a calendar part."""


def run() -> list[tuple[str, float, str, float | None, float | None]]:
    """Rows (name, value, unit, ratio, limit): messages a second, bare and end to end, medians of alternating rounds."""
    bare: list[float] = []
    full: list[float] = []
    with _sink() as port, tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            bare.append(MESSAGES / asyncio.run(_send_bare(port)))
            full.append(MESSAGES / _send_queued(port, Path(folder) / f"{number}.db"))
    ratio = median(full) / median(bare)
    return [
        (f"aiosmtplib, ready bytes, {CONNECTIONS} connections", median(bare), "messages/s", None, None),
        ("delivery, queued to accepted", median(full), "messages/s", ratio, LIMIT),
    ]


async def _send_bare(port: int) -> float:
    left = list(range(MESSAGES))

    async def worker() -> None:
        async with aiosmtplib.SMTP(
            hostname="127.0.0.1", port=port, start_tls=False, local_hostname="bench"
        ) as client:
            while left:
                number = left.pop()
                await client.sendmail("bounce@hart.example", [f"p{number}@school.example"], BODY)

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(CONNECTIONS)))
    return time.perf_counter() - started


def _send_queued(port: int, database: Path) -> float:
    store = Store(f"sqlite:///{database}")
    store.upgrade()
    with store.write() as session:
        queue_all(session, (_message(number) for number in range(MESSAGES)))
    settings = Settings(smtp_url=f"smtp://127.0.0.1:{port}", smtp_connections=CONNECTIONS, secret_key="bench")
    report = asyncio.run(deliver(store, settings, clock=lambda: NOW))
    store.close()
    if report.accepted != MESSAGES:
        message = f"only {report.accepted} of {MESSAGES} were accepted: {report}"
        raise AssertionError(message)
    return report.seconds


def _message(number: int) -> Message:
    return Message(
        effect_key=f"bench:{number}",
        kind=MessageKind.INVITATION,
        to_email=f"p{number}@school.example",
        return_path=f"bounce+{number}@hart.example",
        message_id=f"<bench-{number}@hart.example>",
        subject="Studiemiddag",
        content=MessageContent(data=BODY),
        queued_at=NOW,
    )


@contextmanager
def _sink() -> Generator[int]:
    sink = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("smtp_sink.py"))], stdout=subprocess.PIPE, text=True
    )
    try:
        assert sink.stdout is not None
        yield int(sink.stdout.readline())
    finally:
        sink.kill()
        sink.wait()


if __name__ == "__main__":
    for name, value, unit, ratio, limit in run():
        sys.stdout.write(
            f"{name:45} {value:8.0f} {unit} {'' if ratio is None else f'{ratio:.2f} (≥ {limit})'}\n"
        )
