"""The reading of the mailbox as a whole: killed at any moment, two at once, and who hears when it cannot be read."""

import asyncio
import os
import signal
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from answering import World, build, dump, partstat
from commands import with_settings
from imap_server import Dovecot, Post, dovecot
from sqlalchemy import event
from sqlmodel import col, select
from test_bounce_inbox import report_of
from test_incoming_mail import reply_of
from test_maildir import LETTER, put

from models import Arrival, Event, Mailbox, Message
from models.enums import MessageKind
from traject.doctor import examine
from traject.engine import run_once
from traject.mailbox_error import Trouble, remedy
from traject.reading import Reading, read_mailbox
from traject.settings import Settings
from traject.store import Store

__all__ = ["dovecot"]  # a fixture
MINUTES = timedelta(minutes=5)
HOUR = timedelta(hours=1)


@pytest.fixture
def world(store: Store) -> World:
    return build(store)


def at(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"mailbox_url": url})


def raws(store: Store) -> list[bytes]:
    with store.read() as session:
        return sorted(raw or b"" for raw in session.exec(select(Arrival.raw)))


# Killed, and at once


def killed(store: Store, config: Settings, now: datetime, moment: str, number: int) -> int:
    """Read in a process that kills itself before or after its commit of that number; how it ended."""
    store.close()
    pid = os.fork()
    if pid == 0:
        try:
            _read_and_die(store.engine.url.render_as_string(hide_password=False), config, now, moment, number)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _read_and_die(url: str, config: Settings, now: datetime, moment: str, number: int) -> None:
    other = Store(url)
    writes = 0

    @event.listens_for(other.engine, "commit")
    def commit(connection: Any) -> None:
        nonlocal writes
        if connection.get_execution_options().get("traject_writing"):
            writes += 1
            if moment == "before" and writes == number:
                os.kill(os.getpid(), signal.SIGKILL)

    @event.listens_for(other.engine, "checkin")
    def checkin(*_: Any) -> None:
        if moment == "after" and writes >= number:
            os.kill(os.getpid(), signal.SIGKILL)

    read_mailbox(other, config, now)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12: the child only reads and dies
@pytest.mark.parametrize("kind", ["imap", "maildir"])
def test_killed_at_each_commit_the_next_reading_goes_on_and_nothing_is_lost_or_twice(
    store: Store, settings: Settings, now: datetime, tmp_path: Path, kind: str, request: pytest.FixtureRequest
):
    world = build(store)
    mails = [reply_of(world), report_of(), LETTER.replace(b"\n", b"\r\n")]
    if kind == "imap":
        post: Post = request.getfixturevalue("dovecot").mailbox()
        post.put(*mails, at=now)
        mailbox = post.url("imap")
    else:
        mailbox = f"maildir://{tmp_path / 'box'}"
        for name in ("new", "cur"):
            (tmp_path / "box" / name).mkdir(parents=True)
        for number, mail in enumerate(mails):
            put(tmp_path / "box" / "new" / str(number), mail, now)
    store.close()  # all that was written is in the file then
    before = (tmp_path / "traject.db").read_bytes()
    config = at(settings, mailbox)
    read_mailbox(store, config, now)
    undisturbed = end(store)
    for moment in ("before", "after"):
        restore(store, tmp_path, before)
        number = 1
        while killed(store, config, now, moment, number) == -signal.SIGKILL:
            assert read_mailbox(store, config, now + MINUTES).problem is None
            assert raws(store) == sorted(mails), (moment, number)
            assert end(store) == undisturbed, (moment, number)
            restore(store, tmp_path, before)
            number += 1
        assert number > 4, "its row, the mails, what they are, and how it went"


def restore(store: Store, folder: Path, content: bytes) -> None:
    """The database as it was, with all that a killed process left beside it gone."""
    store.close()
    for name in ("traject.db-wal", "traject.db-shm"):
        (folder / name).unlink(missing_ok=True)
    (folder / "traject.db").write_bytes(content)


def end(store: Store) -> dict[str, Any]:
    """Every row, but for when."""
    return {
        name: [tuple(value for value in row if not isinstance(value, datetime)) for row in rows]
        for name, rows in dump(store).items()
        if name != "mailboxes"
    }


def test_two_readers_at_once_store_each_mail_once(
    store: Store, settings: Settings, now: datetime, tmp_path: Path, database_url: str
):
    mails = [LETTER + str(number).encode() for number in range(40)]
    for number, mail in enumerate(mails):
        put(tmp_path / f"{number}.eml", mail, now)
    config = at(settings, f"folder://{tmp_path}")
    stores = [Store(database_url) for _ in range(3)]
    found: list[Reading] = []
    together = Barrier(len(stores))

    def read(each: Store) -> None:
        together.wait()
        found.append(read_mailbox(each, config, now))

    threads = [Thread(target=read, args=(each,)) for each in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for each in stores:
        each.close()
    assert sum(reading.new for reading in found) == 40
    assert sum(reading.known for reading in found) == 80
    assert sum((reading.outcomes for reading in found), start=type(found[0].outcomes)()) == {
        "quarantined": 40
    }
    assert raws(store) == sorted(mails)
    with store.read() as session:
        assert len(session.exec(select(Mailbox)).all()) == 1


# What staff hear


@pytest.fixture
def locked(dovecot: Dovecot, settings: Settings) -> tuple[Settings, Settings]:
    """A mailbox with a wrong and with the right password."""
    post = dovecot.mailbox()
    return at(settings, post.url("imap", password="wrong")), at(settings, post.url("imap"))


def told(store: Store) -> list[str]:
    with store.read() as session:
        query = select(Message).where(Message.kind == MessageKind.MAILBOX).order_by(col(Message.id))
        return [message.subject for message in session.exec(query)]


def happened(store: Store) -> list[tuple[str, Any]]:
    with store.read() as session:
        query = select(Event).where(col(Event.name).startswith("mailbox.")).order_by(col(Event.id))
        return [(event.name, event.details.get("trouble")) for event in session.exec(query)]


def test_a_wrong_password_is_told_once_and_so_is_that_it_works_again(
    store: Store, settings: Settings, now: datetime, locked: tuple[Settings, Settings]
):
    wrong, right = locked
    for beat in range(4):
        assert read_mailbox(store, wrong, now + beat * MINUTES).trouble is Trouble.LOGIN
    assert read_mailbox(store, wrong, now + timedelta(days=3)).trouble is Trouble.LOGIN
    assert told(store) == ["De postbus vraagt aandacht"]
    for beat in range(3):
        assert read_mailbox(store, right, now + timedelta(days=4) + beat * MINUTES).problem is None
    assert told(store) == ["De postbus vraagt aandacht", "De postbus is weer in orde"]
    assert happened(store) == [("mailbox.troubled", "login"), ("mailbox.readable", None)]
    with store.read() as session:
        message = session.exec(select(Message).where(Message.kind == MessageKind.MAILBOX)).first()
        assert (message.to_email, message.next_attempt_at) == ("cmk@hart.example", now)
        text = message_from_bytes(message.data, policy=policy.default).get_body(("plain",)).get_content()
    assert remedy(Trouble.LOGIN).nl in " ".join(text.split())
    assert "wrong" not in text


def test_a_server_that_is_away_for_less_than_an_hour_is_told_to_nobody(
    store: Store, settings: Settings, now: datetime, locked: tuple[Settings, Settings]
):
    right = locked[1]
    away = right.model_copy(update={"mailbox_url": "imap://cmk:x@127.0.0.1:1/INBOX"})
    for minutes in (0, 30, 59):
        read_mailbox(store, away, now + timedelta(minutes=minutes))
    assert told(store) == []
    read_mailbox(store, away, now + HOUR)
    read_mailbox(store, away, now + 2 * HOUR)
    assert told(store) == ["De postbus vraagt aandacht"]


def test_what_comes_and_goes_all_day_is_told_once_that_day(
    store: Store, settings: Settings, now: datetime, locked: tuple[Settings, Settings]
):
    for beat in range(6):
        read_mailbox(store, locked[beat % 2], now + beat * MINUTES)
    assert told(store) == ["De postbus vraagt aandacht", "De postbus is weer in orde"]
    read_mailbox(store, locked[0], now + timedelta(days=1))
    assert len(told(store)) == 3


def test_a_token_that_expired_is_told_once_and_until_it_is_renewed_nothing_is_read(
    store: Store, settings: Settings, now: datetime, dovecot: Dovecot, tmp_path: Path
):
    post, tokens = dovecot.mailbox(), dovecot.tokens
    post.put(LETTER.replace(b"\n", b"\r\n"), at=now)
    tokens.user = post.user
    config = settings.model_copy(
        update={
            "mailbox_url": post.url("imap", password=""),
            "oauth_provider": "google",
            "oauth_client_id": post.user,
            "oauth_refresh_token": "given once",
            "oauth_token_url": tokens.url,
        }
    )
    tokens.answers = [(400, {"error": "invalid_grant"})] * 4
    for beat in range(4):
        found = read_mailbox(store, config, now + beat * MINUTES)
        assert (found.trouble, found.new) == (Trouble.TOKEN, 0)
    assert told(store) == ["De postbus vraagt aandacht"]
    renewed = config.model_copy(update={"oauth_refresh_token": "given again"})
    assert read_mailbox(store, renewed, now + HOUR).new == 1
    assert told(store)[1:] == ["De postbus is weer in orde"]


def test_the_mail_about_the_mailbox_is_no_work_for_staff_when_it_comes_back_in_by_it(
    store: Store, settings: Settings, now: datetime, locked: tuple[Settings, Settings], tmp_path: Path
):
    read_mailbox(store, locked[0], now)
    with store.read() as session:
        data = session.exec(select(Message)).one().data or b""
    put(tmp_path / "own.eml", data, now)
    found = read_mailbox(store, at(settings, f"folder://{tmp_path}"), now)
    assert dict(found.outcomes) == {"ignored": 1}


def test_everything_else_goes_on_when_the_mailbox_cannot_be_read(
    store: Store, settings: Settings, now: datetime
):
    config = at(settings, "imap://cmk:x@127.0.0.1:1/INBOX").model_copy(
        update={"smtp_url": "smtp://127.0.0.1:1"}
    )
    report = asyncio.run(run_once(store, config, clock=lambda: now)).as_dict("en")
    assert report["mailbox"]["problem"].startswith("the mail server does not answer; ")
    assert report["inbox"] == {}
    assert "delivery" in report


def test_run_once_reads_the_mailbox(
    store: Store, settings: Settings, now: datetime, world: World, tmp_path: Path
):
    put(tmp_path / "reply.eml", reply_of(world), now)
    config = at(settings, f"folder://{tmp_path}").model_copy(update={"smtp_url": "smtp://127.0.0.1:1"})
    report = asyncio.run(run_once(store, config, clock=lambda: now)).as_dict()
    assert (report["inbox"], report["mailbox"]["new"]) == ({"counted": 1}, 1)
    assert partstat(store, world.invitation) == "ACCEPTED"


def test_without_a_mailbox_nothing_is_read_or_written(store: Store, settings: Settings, now: datetime):
    assert read_mailbox(store, settings, now) == Reading()
    with store.read() as session:
        assert session.exec(select(Mailbox)).all() == []


# The command line


def test_staff_read_the_mailbox_by_hand_and_see_how_many_of_what(
    store: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "mails").mkdir()
    (tmp_path / "mails" / "a.eml").write_bytes(LETTER)
    name = f"folder://{tmp_path / 'mails'}"
    run = with_settings(monkeypatch, settings, TRAJECT_MAILBOX_URL=name)
    ran = run("inbox", "read", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json == {
        "mailbox": name,
        "new": 1,
        "known": 0,
        "outcomes": {"quarantined": 1},
        "problem": None,
    }
    (tmp_path / "mails" / "b.eml").write_bytes(LETTER + b"!")
    assert run("inbox", "read").out.strip().endswith("1 nieuw, 1 al bekend (1 × bekijken)")
    assert run("inbox", "read").out.strip().endswith("0 nieuw, 2 al bekend")
    assert len(run("inbox", "list", "--json").json) == 2


def test_a_mailbox_that_cannot_be_read_stands_above_every_list_and_in_doctor(
    store: Store, settings: Settings, now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    url = f"maildir://{tmp_path / 'weg'}"
    run = with_settings(monkeypatch, settings, TRAJECT_MAILBOX_URL=url)
    assert run("status").err == ""
    ran = run("inbox", "read")
    assert ran.code == 1
    assert "de map bestaat niet of mag niet worden gelezen; kijk naar de map" in ran.err
    for command in (["status"], ["inbox", "list"]):
        shown = run(*command)
        assert (shown.code, shown.err.count("de map bestaat niet")) == (0, 1), command
    assert "the folder is not there or may not be read; look at" in run("--lang", "en", "status").err
    assert (
        run("--lang", "en", "inbox", "read", "--json").json["problem"].startswith("the folder is not there")
    )
    [check] = [each for each in examine(at(settings, url), now) if each.part == "mailbox"]
    assert (check.is_ok, check.remedy) == (False, remedy(Trouble.NO_FOLDER))
    for part in ("new", "cur"):
        (tmp_path / "weg" / part).mkdir(parents=True)
    assert run("inbox", "read").code == 0
    assert run("status").err == ""
    [check] = [each for each in examine(at(settings, url), now) if each.part == "mailbox"]
    assert (check.is_ok, check.found.nl) == (True, f"{url} kan worden gelezen: 0 mails")


def test_without_a_mailbox_the_command_says_which_setting_it_wants(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    ran = with_settings(monkeypatch, settings, TRAJECT_MAILBOX_URL="")("inbox", "read")
    assert ran.code == 1
    assert "TRAJECT_MAILBOX_URL" in ran.err


def test_a_password_reaches_neither_the_database_nor_the_screen(
    store: Store, dovecot: Dovecot, settings: Settings, now: datetime, monkeypatch: pytest.MonkeyPatch
):
    url = dovecot.mailbox().url("imap", password="s3cret%")
    run = with_settings(monkeypatch, settings, TRAJECT_MAILBOX_URL=url)
    said = [run("inbox", "read"), run("doctor"), run("status"), run("run-once")]
    assert "s3cret" not in repr(said) + repr(dump(store))
