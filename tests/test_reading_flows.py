"""The flows and the mailbox: what comes in by it is taken in by every heartbeat, and it keeps nothing else waiting."""

from pathlib import Path

import pytest
from engine_cases import MORNING
from prefect_office import PRIVATE, Office, office, prefect, some_mail_waits
from test_maildir import LETTER, put

from models import Arrival, Mailbox

pytestmark = pytest.mark.xdist_group("prefect")
__all__ = ["office", "prefect"]  # fixtures


def test_the_flow_and_the_heartbeat_read_the_mailbox(office: Office, tmp_path: Path):
    (tmp_path / "mails").mkdir()
    office.monkeypatch.setenv("TRAJECT_MAILBOX_URL", f"folder://{tmp_path / 'mails'}")
    put(tmp_path / "mails" / "a.eml", LETTER, MORNING)
    assert office.run("read_mailbox") == {"quarantined": 1}
    assert office.run("read_mailbox") == {}
    put(tmp_path / "mails" / "b.eml", LETTER + b"!", MORNING)
    assert office.run("heartbeat")["arrived"] == {"quarantined": 1}
    assert len(office.world.rows(Arrival)) == 2


def test_a_mailbox_that_cannot_be_read_keeps_nothing_else_waiting(
    office: Office, caplog: pytest.LogCaptureFixture
):
    office.monkeypatch.setenv("TRAJECT_MAILBOX_URL", "imap://cmk%40hart.example:geheim@127.0.0.1:1/INBOX")
    some_mail_waits(office)
    report = office.run("heartbeat")
    assert report["delivered"]["accepted"] == 2
    [mailbox] = office.world.rows(Mailbox)
    assert mailbox.problem.startswith("de mailserver antwoordt niet")
    assert "the mailbox: unreachable" in caplog.text
    assert not [
        word for word in (*PRIVATE, "cmk@hart.example", "geheim") if word in f"{report} {caplog.text}"
    ]
