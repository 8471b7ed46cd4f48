"""Reading a mailbox on a real IMAP server: what comes is stored once, and the mailbox stays as it was."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from answering import World, build, partstat
from hypothesis import given
from hypothesis import strategies as st
from imap_server import Dovecot, Post, dovecot
from sqlmodel import col, select
from test_incoming_mail import reply_of

from models import Arrival, Event, Mailbox
from models.enums import InboxState
from traject import fetched, imap, reading
from traject.fetched import MOST_MAILS, MOST_OCTETS, Place, in_batches
from traject.inbox import add_mail
from traject.mailbox_error import MailboxError, Trouble
from traject.reading import open_mailbox, read_mailbox
from traject.settings import Settings
from traject.store import Store

__all__ = ["dovecot"]  # a fixture
HOUR = timedelta(hours=1)


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


def letter(number: int) -> bytes:
    head = f"From: a@x.example\r\nSubject: Vraag {number}\r\nMessage-ID: <{number}@x.example>\r\n"
    return f"{head}\r\nHallo\r\n".encode()


def arrivals(store: Store) -> list[Arrival]:
    with store.read() as session:
        return list(session.exec(select(Arrival).order_by(col(Arrival.id))))


def place(store: Store) -> Place:
    with store.read() as session:
        row = session.exec(select(Mailbox)).one()
        return Place(row.uid_validity, row.last_uid)


# What comes in


@pytest.mark.parametrize("scheme", ["imaps", "imap+starttls", "imap"])
def test_what_came_in_is_stored_applied_and_left_as_it_was(
    store: Store, settings: Settings, now: datetime, world: World, post: Post, scheme: str
):
    post.put(reply_of(world), letter(1), at=now - HOUR)
    found = read_mailbox(store, at(settings, post.url(scheme)), now)
    assert (found.new, found.known, found.problem) == (2, 0, None)
    assert dict(found.outcomes) == {"counted": 1, "quarantined": 1}
    assert partstat(store, world.invitation) == "ACCEPTED"
    assert [arrival.raw for arrival in arrivals(store)] == [reply_of(world), letter(1)]
    assert {arrival.received_at for arrival in arrivals(store)} == {now - HOUR}, "when the server got it"
    assert [flags.replace(b"\\Recent", b"") for flags in post.flags()] == [b"", b""], "nobody has seen them"


def test_a_second_reading_fetches_only_what_is_new(
    store: Store, settings: Settings, now: datetime, post: Post
):
    config = at(settings, post.url("imap"))
    post.put(letter(1), letter(2), at=now)
    assert read_mailbox(store, config, now).new == 2
    again = read_mailbox(store, config, now)
    assert (again.new, again.known) == (0, 0)
    post.put(letter(3), at=now)
    third = read_mailbox(store, config, now)
    assert (third.new, third.known, place(store).last) == (1, 0, 3)


def test_a_mail_that_was_added_by_hand_is_known_whatever_its_line_ends(
    store: Store, settings: Settings, now: datetime, post: Post
):
    add_mail(store, settings, letter(1).replace(b"\r\n", b"\n"), now, now)
    post.put(letter(1), letter(2), letter(2), at=now)
    found = read_mailbox(store, at(settings, post.url("imap")), now)
    assert (found.new, found.known, len(arrivals(store))) == (1, 2, 2)


def test_a_mailbox_that_numbers_its_mails_anew_is_looked_at_again_and_nothing_comes_twice(
    store: Store, settings: Settings, now: datetime, world: World, post: Post
):
    config = at(settings, post.url("imap", folder="Reacties & réponses"))
    post.put(reply_of(world), letter(1), at=now, folder="Reacties & réponses")
    read_mailbox(store, config, now)
    before = place(store)
    post.renumber(letter(2), reply_of(world), letter(1), at=now, folder="Reacties & réponses")
    found = read_mailbox(store, config, now)
    assert (found.new, found.known, dict(found.outcomes)) == (1, 2, {"quarantined": 1})
    assert place(store).validity != before.validity
    assert (place(store).last, len(arrivals(store))) == (3, 3)


def test_the_first_look_begins_where_traject_began_because_older_mail_cannot_be_an_answer(
    store: Store, settings: Settings, now: datetime, post: Post
):
    with store.write() as session:
        session.add(Event(at=now - timedelta(days=30), name="trajectory.launched"))
    post.put(letter(1), at=now - timedelta(days=400))
    post.put(letter(2), at=now - timedelta(days=29))
    found = read_mailbox(store, at(settings, post.url("imap")), now)
    assert (found.new, [arrival.raw for arrival in arrivals(store)]) == (1, [letter(2)])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_of_a_mail_of_50_mb_only_the_headers_are_downloaded(
    store: Store, settings: Settings, now: datetime, post: Post
):
    post.put(letter(1) + (b"x" * 76 + b"\r\n") * 640_000, letter(2), at=now)
    logged = len(post.server.log())
    found = read_mailbox(store, at(settings, post.url("imap")), now)
    assert (found.new, dict(found.outcomes)) == (2, {"quarantined": 2})
    large, small = arrivals(store)
    assert (large.state, large.why) == (
        InboxState.QUARANTINED,
        "de mail is 50 MB, meer dan de 10 MB die wordt gelezen: lees hem in de postbus",
    )
    assert (large.raw, small.raw) == (letter(1).partition(b"Hallo")[0], letter(2))
    assert octets_out(post, logged) < 5_000
    assert read_mailbox(store, at(settings, post.url("imap")), now).new == 0


def octets_out(post: Post, logged: int) -> int:
    """How much Dovecot says that it sent since."""
    for _ in range(100):
        if said := re.findall(rf"imap\({post.user}\).* out=(\d+)", post.server.log()[logged:]):
            return int(said[-1])
        time.sleep(0.02)
    pytest.fail("Dovecot did not say how much it sent")


def test_mails_come_in_batches_and_each_is_stored_before_the_next_is_fetched(
    store: Store, settings: Settings, now: datetime, post: Post, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(fetched, "MOST_MAILS", 4)
    monkeypatch.setattr(imap, "AT_ONCE", 6)
    monkeypatch.setattr(reading, "LONGEST", timedelta(0))  # one batch, and the rest is for the next time
    post.put(*map(letter, range(9)), at=now)
    counts = [read_mailbox(store, at(settings, post.url("imap")), now).new for _ in range(5)]
    assert counts == [4, 4, 1, 0, 0]
    assert sorted(arrival.raw or b"" for arrival in arrivals(store)) == sorted(map(letter, range(9)))


@given(st.lists(st.integers(0, MOST_OCTETS * 2), max_size=300))
def test_batches_keep_the_order_lose_nothing_and_fit_in_memory(sizes: list[int]):
    batches = list(in_batches([(number, size) for number, size in enumerate(sizes)]))
    assert [number for batch in batches for number in batch] == list(range(len(sizes)))
    for batch in batches:
        assert 1 <= len(batch) <= MOST_MAILS
        assert len(batch) == 1 or sum(sizes[number] for number in batch) <= MOST_OCTETS


def test_a_folder_with_a_name_beyond_ascii_is_read(
    store: Store, settings: Settings, now: datetime, post: Post
):
    with post.client() as client:
        client.create('"Antwoorden &- co&AOk-n"')  # RFC 3501 §5.1.3
        client.append('"Antwoorden &- co&AOk-n"', None, None, letter(1))
    url = post.url("imap", folder="Antwoorden & coén")
    found = read_mailbox(store, at(settings, url), now)
    assert (found.problem, [arrival.raw for arrival in arrivals(store)]) == (None, [letter(1)])


def test_a_mail_that_is_gone_when_it_is_fetched_is_no_fault(
    store: Store, settings: Settings, now: datetime, post: Post, monkeypatch: pytest.MonkeyPatch
):
    post.put(letter(1), letter(2), at=now)
    ask = imap._fetch

    def fetch(box: Any, uids: Any, what: str) -> Any:
        answer = ask(box, uids, what)
        if "SIZE" in what:  # now somebody removes the first
            with post.client() as other:
                other.select("INBOX")
                other.uid("STORE", "1", "+FLAGS", r"(\Deleted)")
                other.expunge()
        return answer

    monkeypatch.setattr(imap, "_fetch", fetch)
    found = read_mailbox(store, at(settings, post.url("imap")), now)
    assert (found.new, found.problem, [arrival.raw for arrival in arrivals(store)]) == (1, None, [letter(2)])


def test_a_mail_that_the_server_cannot_give_is_put_aside_and_the_others_are_read(
    store: Store, settings: Settings, now: datetime, post: Post
):
    post.put(letter(1), letter(2), letter(3), at=now)
    files = (post.server.folder / "mail" / post.user).glob("[cn]*/*")
    (second,) = (file for file in files if file.is_file() and b"Vraag 2" in file.read_bytes())
    second.chmod(0)
    found = read_mailbox(store, at(settings, post.url("imap")), now)
    assert (found.new, dict(found.outcomes), found.problem) == (3, {"quarantined": 3}, None)
    assert sorted(arrival.raw or b"" for arrival in arrivals(store)) == [b"", letter(1), letter(3)]
    assert "de mailserver kan deze mail niet geven: lees hem in de postbus" in {
        a.why for a in arrivals(store)
    }
    assert read_mailbox(store, at(settings, post.url("imap")), now).new == 0


# With a token


@pytest.fixture
def with_token(settings: Settings, post: Post) -> Settings:
    """The mailbox with a token of an app, from a server of tokens that gives good ones."""
    post.server.tokens.user = post.user
    post.server.tokens.asked.clear()
    return at(
        settings,
        post.url("imaps", password=""),
        oauth_provider="microsoft",
        oauth_client_id=post.user,
        oauth_client_secret="s",
        oauth_tenant="hart",
        oauth_token_url=post.server.tokens.url,
    )


def test_a_token_opens_the_mailbox_and_is_asked_once(
    store: Store, with_token: Settings, now: datetime, post: Post
):
    post.put(letter(1), at=now)
    assert read_mailbox(store, with_token, now).new == 1
    assert read_mailbox(store, with_token, now).problem is None
    assert len(post.server.tokens.asked) == 1


def test_a_token_of_somebody_else_does_not_open_it_and_is_not_used_again(
    settings: Settings, with_token: Settings, now: datetime, post: Post
):
    post.server.tokens.user = "other@hart.example"
    with pytest.raises(MailboxError) as raised:
        open_mailbox(with_token, now, timeout=timedelta(seconds=10))
    assert raised.value.trouble is Trouble.RIGHTS
    post.server.tokens.user = post.user
    assert open_mailbox(with_token, now, timeout=timedelta(seconds=10)) == (0, False)
    assert len(post.server.tokens.asked) == 2


def test_a_mail_without_a_date_that_can_be_read_came_in_now() -> None:
    assert imap._received(b'1 (UID 1 INTERNALDATE "77-Foo-2026 10:00:00 +0200")') is None
    assert imap._received(b'1 (INTERNALDATE " 7-Sep-2026 10:00:00 +0200")') == datetime(
        2026, 9, 7, 8, tzinfo=UTC
    )
