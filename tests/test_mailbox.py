"""The local mailbox, spoken to by smtplib over a real socket."""

import asyncio
import errno
import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traject.mailbox import Mailbox, safe_name, serve

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
LETTER = b"Subject: Studiemiddag\r\nFrom: a@hart.example\r\nTo: b@school.example\r\n\r\nDag!\r\n..\r\n.punt\r\n\xc3\xa9\r\n"


@contextmanager
def running(mailbox: Mailbox) -> Generator[int]:
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(serve(mailbox, host="127.0.0.1", port=0))
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        server.close()
        loop.close()


def test_the_bytes_are_kept_exactly_and_the_envelope_stands_beside_them(tmp_path):
    with (
        running(Mailbox(tmp_path / "mail", clock=lambda: NOON)) as port,
        smtplib.SMTP("127.0.0.1", port) as smtp,
    ):
        smtp.sendmail("a@hart.example", ["b@school.example", "c@school.example"], LETTER)
    (eml,) = (tmp_path / "mail").glob("*.eml")
    assert eml.read_bytes() == LETTER
    assert eml.name == "20261118T120000.000000Z-000001-b@school.example.eml"
    assert json.loads(eml.with_suffix(".json").read_text()) == {
        "from": "a@hart.example",
        "to": ["b@school.example", "c@school.example"],
        "received_at": "2026-11-18T12:00:00+00:00",
    }
    assert sorted(p.suffix for p in eml.parent.iterdir()) == [".eml", ".json"]


def test_names_sort_in_the_order_of_arrival_even_within_one_instant(tmp_path):
    mailbox = Mailbox(tmp_path, clock=lambda: NOON)
    kept = [mailbox.keep(b"x", sender="", recipients=[f"{who}@x.example"]) for who in "zya"]
    assert sorted(kept) == kept


class FullDisk(Mailbox):
    number = errno.ENOSPC

    def keep(self, content: bytes, *, sender: str, recipients: list[str]) -> Path:
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, 452), (errno.EDQUOT, 452), (errno.EACCES, 451)])
def test_a_message_that_cannot_be_written_is_answered_with_a_temporary_refusal(tmp_path, number, code):
    mailbox = FullDisk(tmp_path, clock=lambda: NOON)
    mailbox.number = number
    with (
        running(mailbox) as port,
        smtplib.SMTP("127.0.0.1", port) as smtp,
        pytest.raises(smtplib.SMTPDataError) as refused,
    ):
        smtp.sendmail("a@hart.example", ["b@school.example"], LETTER)
    assert refused.value.smtp_code == code


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(self, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        Mailbox(tmp_path, clock=lambda: NOON).keep(LETTER, sender="a@x.example", recipients=["b@x.example"])
    assert list(tmp_path.iterdir()) == []


@given(st.text(max_size=200))
def test_any_recipient_gives_one_plain_file_name(address):
    name = safe_name(address)
    assert name
    assert len(name) <= 80
    assert not name.startswith(".")
    assert not set(name) & set('/\\:*?"<>| \0\n')


def test_the_process_serves_and_sigterm_stops_it_cleanly(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "traject.mailbox", "--port", str(port), "--folder", str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                with smtplib.SMTP("127.0.0.1", port) as smtp:
                    smtp.sendmail("a@hart.example", ["b@school.example"], LETTER)
                break
            except ConnectionRefusedError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=5)
    finally:
        process.kill()
    assert process.returncode == 0
    assert said == b""
    assert len(list(tmp_path.glob("*.eml"))) == 1
