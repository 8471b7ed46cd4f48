"""Reading a mailbox on a real IMAP server: what comes is stored once, and the mailbox stays as it was."""

from datetime import datetime

import pytest
from answering import World, build, partstat
from imap_server import Dovecot, Post, dovecot
from sqlmodel import col, select
from test_incoming_mail import reply_of

from models import Arrival
from traject.reading import read_mailbox
from traject.settings import Settings
from traject.store import Store

__all__ = ["dovecot"]  # a fixture


@pytest.fixture
def world(store: Store) -> World:
    return build(store)


@pytest.fixture
def post(dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> Post:
    """An empty mailbox, on a server whose certificate is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.certificate))
    return dovecot.mailbox()


def at(settings: Settings, url: str, **more: str) -> Settings:
    return settings.model_copy(update={"mailbox_url": url, **more})


def letter(number: int, size: int = 0) -> bytes:
    return (
        f"From: a@x.example\r\nSubject: Vraag {number}\r\nMessage-ID: <{number}@x.example>\r\n\r\nHallo\r\n".encode()
        + b"x" * size
    )


def arrivals(store: Store) -> list[Arrival]:
    with store.read() as session:
        return list(session.exec(select(Arrival).order_by(col(Arrival.id))))


@pytest.mark.parametrize("scheme", ["imaps", "imap+starttls", "imap"])
def test_what_came_in_is_stored_applied_and_left_as_it_was(
    store: Store, settings: Settings, now: datetime, world: World, post: Post, scheme: str
):
    post.put(reply_of(world), letter(1), at=now)
    reading = read_mailbox(store, at(settings, post.url(scheme)), now)
    assert (reading.new, reading.known, reading.problem) == (2, 0, None)
    assert dict(reading.outcomes) == {"counted": 1, "quarantined": 1}
    assert partstat(store, world.invitation) == "ACCEPTED"
    assert arrivals(store)[1].raw == letter(1)
    assert [flags.replace(b"\\Recent", b"") for flags in post.flags()] == [b"", b""], "nobody has seen them"
