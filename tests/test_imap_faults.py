"""A mailbox on a server that cannot be read, or that answers as other servers than Dovecot do."""

import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from threading import Thread
from time import sleep
from typing import Any

import pytest
from imap_server import FULL, Dovecot, Post, dovecot
from test_imap import arrivals, at, letter, place, post

from traject.fetched import Place
from traject.mailbox_error import MailboxError, Trouble
from traject.reading import open_mailbox, read_mailbox
from traject.settings import Settings
from traject.store import Store

__all__ = ["dovecot", "post"]  # fixtures


@contextmanager
def answering(*lines: bytes) -> Generator[int]:
    """A server that greets with these lines, and then says nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def greet() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                kept.append(line)
                line.sendall(b"".join(lines))

        Thread(target=greet, daemon=True).start()
        yield server.getsockname()[1]
        for line in kept:
            line.close()


@pytest.mark.parametrize(
    ("lines", "trouble"),
    [
        ([], Trouble.UNREACHABLE),
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], Trouble.ODD),
        ([b"* BYE too busy\r\n"], Trouble.ODD),
        ([b"* OK hello\r\n", b"\xff\xfe\r\n" * 3], Trouble.ODD),
    ],
)
def test_a_server_that_is_no_mailbox_ends_the_reading_in_time(
    settings: Settings, now: datetime, lines: list[bytes], trouble: Trouble
):
    with answering(*lines) as port, pytest.raises(MailboxError) as raised:
        config = at(settings, f"imap://cmk:secret@127.0.0.1:{port}/INBOX")
        open_mailbox(config, now, timeout=timedelta(seconds=0.3))
    assert raised.value.trouble in (trouble, Trouble.UNREACHABLE)
    assert "secret" not in f"{raised.value} {raised.value.detail}"


def test_a_server_that_is_not_there_is_unreachable(store: Store, settings: Settings, now: datetime):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found = read_mailbox(store, at(settings, f"imap://cmk:x@127.0.0.1:{port}/INBOX"), now)
    assert (found.trouble, found.new) == (Trouble.UNREACHABLE, 0)


@pytest.mark.parametrize("password", ["wrong", "", "gehéím", 'quo"te'])
def test_a_wrong_password_is_a_refused_login(settings: Settings, now: datetime, post: Post, password: str):
    with pytest.raises(MailboxError) as raised:
        open_mailbox(at(settings, post.url("imaps", password=password)), now, timeout=timedelta(seconds=10))
    assert raised.value.trouble is Trouble.LOGIN


@pytest.mark.parametrize("scheme", ["imaps", "imap+starttls"])
def test_a_certificate_that_nobody_vouches_for_is_refused(
    settings: Settings, now: datetime, post: Post, monkeypatch: pytest.MonkeyPatch, scheme: str
):
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(MailboxError) as raised:
        open_mailbox(at(settings, post.url(scheme)), now, timeout=timedelta(seconds=10))
    assert raised.value.trouble is Trouble.TLS


def test_a_folder_that_is_not_there_is_named(settings: Settings, now: datetime, post: Post):
    with pytest.raises(MailboxError) as raised:
        open_mailbox(at(settings, post.url("imap", folder="Nergens")), now, timeout=timedelta(seconds=10))
    assert raised.value.trouble is Trouble.NO_FOLDER


def test_a_full_mailbox_is_read_and_told_of(
    store: Store, settings: Settings, now: datetime, dovecot: Dovecot
):
    post = Post(dovecot, FULL)
    post.put(letter(1), letter(2) + b"x" * 9_900, at=now)
    found = read_mailbox(store, at(settings, post.url("imap")), now)
    assert (found.new, found.trouble) == (2, Trouble.FULL)
    with post.client() as client:
        client.select("INBOX")
        client.uid("STORE", "1:*", "+FLAGS", r"(\Deleted)")
        client.expunge()
    found = read_mailbox(store, at(settings, post.url("imap")), now)
    assert (found.new, found.trouble) == (0, None)


HANGS_UP, NEVER_ENDS = "(hangs up)", "(says the same for ever)"


@contextmanager
def saying(**said: Any) -> Generator[str]:
    """A server with three mails that answers as other servers than Dovecot do; gives its URL.

    `said` holds, by command, what it says instead: the lines before the tag are whole, the last one lacks it.
    """
    usual = {
        "CAPABILITY": ["* CAPABILITY IMAP4rev1", "OK done"],
        "LOGIN": ["OK done"],
        "EXAMINE": ["* 3 EXISTS", "* OK [UIDVALIDITY 4294967295] is valid", "OK [READ-ONLY] done"],
        "SEARCH": ["* SEARCH 7 8 4294967294", "OK done"],
        "LOGOUT": ["* BYE bye", "OK done"],
    }

    def fetch(uids: str, what: str) -> list[str]:
        lines: list[str] = []
        for number, uid in enumerate(uids.split(","), 1):
            if "SIZE" in what:
                lines.append(f"* {number} FETCH (UID {uid} RFC822.SIZE 99)")
            else:  # the UID after the mail, as Exchange does
                mail = f"Subject: {uid}\r\n\r\n"
                lines.append(f"* {number} FETCH (BODY[]<0> {{{len(mail)}}}\r\n{mail} UID {uid})")
        return [*lines, "OK done"]

    def serve(line: socket.socket) -> None:
        with suppress(OSError), line, line.makefile("rb") as heard:
            line.sendall(b"* OK hello\r\n")
            for command in heard:
                tag, *words = command.decode().split()
                name = words[1] if words[0] == "UID" else words[0]
                answer = said.get(name) or usual.get(name) or fetch
                if callable(answer):
                    answer = answer(words[2], " ".join(words[3:])) or fetch(words[2], " ".join(words[3:]))
                if answer[-1] == HANGS_UP:
                    line.sendall(answer[0].encode())
                    return
                while answer[-1] == NEVER_ENDS:
                    line.sendall(f"{answer[0]}\r\n".encode())
                    sleep(0.05)
                line.sendall(
                    "".join(f"{each}\r\n" for each in (*answer[:-1], f"{tag} {answer[-1]}")).encode()
                )

    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    line, _ = server.accept()
                except OSError:
                    return
                Thread(target=serve, args=(line,), daemon=True).start()

        Thread(target=accept, daemon=True).start()
        yield f"imap://cmk:x@127.0.0.1:{server.getsockname()[1]}/INBOX"


def test_the_order_of_an_answer_and_the_largest_numbers_are_understood(
    store: Store, settings: Settings, now: datetime
):
    with saying() as url:
        found = read_mailbox(store, at(settings, url), now)
    assert (found.new, found.problem, place(store)) == (3, None, Place(4294967295, 4294967294))
    assert {arrival.raw for arrival in arrivals(store)} == {
        f"Subject: {uid}\r\n\r\n".encode() for uid in (7, 8, 4294967294)
    }


def test_when_a_server_refuses_all_for_one_mail_only_that_one_is_put_aside(
    store: Store, settings: Settings, now: datetime
):
    def refusing(uids: str, what: str) -> list[str] | None:
        return (
            ["NO some messages could not be fetched"] if "BODY" in what and "8" in uids.split(",") else None
        )

    with saying(FETCH=refusing) as url:
        found = read_mailbox(store, at(settings, url), now)
    assert (found.new, found.problem) == (3, None)
    assert [arrival.raw is None for arrival in arrivals(store)].count(True) == 1
    assert place(store).last == 4294967294


@pytest.mark.parametrize(
    ("said", "trouble"),
    [
        ({"LOGIN": ["NO [UNAVAILABLE] Temporary authentication failure."]}, Trouble.UNREACHABLE),
        ({"LOGIN": ["NO User is authenticated but not connected."]}, Trouble.UNREACHABLE),
        ({"LOGIN": ["NO [ALERT] Too many simultaneous connections."]}, Trouble.UNREACHABLE),
        ({"LOGIN": ["NO [AUTHENTICATIONFAILED] Invalid credentials"]}, Trouble.LOGIN),
        ({"LOGIN": ["BAD Command is not supported"]}, Trouble.LOGIN),
        ({"EXAMINE": ["* 3 EXISTS", "OK done"]}, Trouble.ODD),
        ({"EXAMINE": ["* 3 EXISTS", "* OK [UIDVALIDITY 99999999999999999999] is", "OK done"]}, Trouble.ODD),
        ({"SEARCH": ["* SEARCH 7 x", "OK done"]}, Trouble.ODD),
        ({"SEARCH": ["* SEARCH 7 -8", "OK done"]}, Trouble.ODD),
        ({"SEARCH": ["* SEARCH 99999999999999999999", "OK done"]}, Trouble.ODD),
        ({"CAPABILITY": ["* CAPABILITY \u00e9", "OK done"]}, Trouble.ODD),
        ({"SEARCH": ["BAD what"]}, Trouble.ODD),
        ({"FETCH": ["NO not now"]}, Trouble.ODD),
    ],
)
def test_what_other_servers_say_is_understood(
    store: Store, settings: Settings, now: datetime, said: dict[str, list[str]], trouble: Trouble
):
    with saying(**said) as url:
        assert read_mailbox(store, at(settings, url), now).trouble is trouble


@pytest.mark.parametrize("line", ["* NO [OVERQUOTA] no room", "* OK [ALERT] Mailbox is at 99% of its quota"])
def test_a_server_that_warns_of_too_little_room_is_heard(
    store: Store, settings: Settings, now: datetime, line: str
):
    examined = ["* 3 EXISTS", line, "* OK [UIDVALIDITY 1] is valid", "OK [READ-ONLY] done"]
    with saying(EXAMINE=examined) as url:
        found = read_mailbox(store, at(settings, url), now)
    assert (found.new, found.trouble) == (3, Trouble.FULL)


def test_a_server_that_hangs_up_on_everything_is_unreachable_and_nothing_is_put_aside_for_it(
    store: Store, settings: Settings, now: datetime
):
    def hang_up(uids: str, what: str) -> list[str] | None:
        return ["* BYE bye", "NO no"] if "BODY" in what else None

    with saying(FETCH=hang_up) as url:
        found = read_mailbox(store, at(settings, url), now)
    assert (found.new, found.trouble) == (0, Trouble.UNREACHABLE)


def test_a_mail_of_which_the_connection_broke_halfway_is_never_stored_in_part(
    store: Store, settings: Settings, now: datetime
):
    left = ["* 1 FETCH (BODY[]<0> {100}\r\nSubject: half a mail"]

    def halfway(uids: str, what: str) -> list[str] | None:
        return [left.pop(), HANGS_UP] if "BODY" in what and left else None

    with saying(FETCH=halfway) as url:
        found = read_mailbox(store, at(settings, url), now)
    assert (found.new, found.problem) == (3, None)
    assert not any(b"half" in (arrival.raw or b"") for arrival in arrivals(store))


def test_a_server_that_keeps_talking_and_never_ends_is_hung_up_on(settings: Settings, now: datetime):
    with saying(EXAMINE=["* OK still there", NEVER_ENDS]) as url, pytest.raises(MailboxError) as raised:
        open_mailbox(at(settings, url), now, timeout=timedelta(seconds=0.3))
    assert raised.value.trouble is Trouble.UNREACHABLE
