"""Reading a folder of this machine: a Maildir, or .eml files. No file is ever moved or changed."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from answering import World, build, partstat
from sqlmodel import col, select
from test_incoming_mail import reply_of

from models import Arrival, Event, Mailbox
from traject import maildir
from traject.inbox import add_mail
from traject.mailbox_error import MailboxError, Trouble
from traject.reading import open_mailbox, read_mailbox
from traject.settings import Settings
from traject.store import Store

HOUR = timedelta(hours=1)
LETTER = b"From: a@x.example\nSubject: Vraag\n\nHallo\n"


@pytest.fixture
def world(store: Store) -> World:
    return build(store)


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """An empty Maildir."""
    for name in ("new", "cur", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    return tmp_path / "box"


def put(file: Path, mail: bytes, at: datetime) -> Path:
    """A file that was written then."""
    file.write_bytes(mail)
    os.utime(file, (at.timestamp(), at.timestamp()))
    return file


def config(settings: Settings, folder: Path, scheme: str = "maildir") -> Settings:
    return settings.model_copy(update={"mailbox_url": f"{scheme}://{folder}"})


def seen(folder: Path) -> list[tuple[str, bytes, int]]:
    """Every file, with its bytes and its last change."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return [(str(file), file.read_bytes(), file.stat().st_ctime_ns) for file in files]


def raws(store: Store) -> list[bytes | None]:
    with store.read() as session:
        return list(session.exec(select(Arrival.raw).order_by(col(Arrival.id))))


def test_new_and_cur_are_read_and_stay_as_they_were(
    store: Store, settings: Settings, now: datetime, world: World, box: Path
):
    put(box / "new" / "1.a.host", reply_of(world).replace(b"\r\n", b"\n"), now - HOUR)
    put(box / "cur" / "2.b.host:2,S", LETTER, now - HOUR)
    put(box / "tmp" / "3.c.host", LETTER + b"half", now)
    put(box / "new" / ".hidden", LETTER + b"hidden", now)
    before = seen(box)
    found = read_mailbox(store, config(settings, box), now)
    assert (found.new, dict(found.outcomes)) == (2, {"counted": 1, "quarantined": 1})
    assert partstat(store, world.invitation) == "ACCEPTED"
    assert seen(box) == before
    with store.read() as session:
        assert set(session.exec(select(Arrival.received_at))) == {now - HOUR}, "when it was delivered"


def test_a_plain_folder_of_eml_files_is_read_and_other_files_are_not(
    store: Store, settings: Settings, now: datetime, world: World, tmp_path: Path
):
    folder = tmp_path / "mails"
    (folder / "map.eml").mkdir(parents=True)
    put(folder / "antwoord.EML", reply_of(world), now - timedelta(days=900))
    put(folder / "antwoord.json", LETTER, now)
    put(folder / ".bezig.eml.part", LETTER, now)
    found = read_mailbox(store, config(settings, folder, "folder"), now)
    assert (found.new, dict(found.outcomes)) == (1, {"counted": 1})
    again = read_mailbox(store, config(settings, folder, "folder"), now + HOUR)
    assert (again.new, again.known) == (0, 1)
    put(folder / "later.eml", LETTER, now - timedelta(days=2000))
    assert read_mailbox(store, config(settings, folder, "folder"), now + HOUR).new == 1, "of whatever age"


def test_the_same_mail_by_hand_from_a_folder_and_from_a_maildir_is_one(
    store: Store, settings: Settings, now: datetime, box: Path, tmp_path: Path
):
    add_mail(store, settings, LETTER, now, now)
    put(box / "new" / "1", LETTER.replace(b"\n", b"\r\n"), now)
    put(tmp_path / "x.eml", LETTER, now)
    assert read_mailbox(store, config(settings, box), now).known == 1
    assert read_mailbox(store, config(settings, tmp_path, "folder"), now).known == 1
    assert raws(store) == [LETTER]


def test_a_file_that_is_moved_while_it_is_read_is_found_the_next_time(
    store: Store, settings: Settings, now: datetime, box: Path, monkeypatch: pytest.MonkeyPatch
):
    file = put(box / "new" / "1", LETTER, now)
    find = maildir._files

    def moved(folder: Path, *, is_maildir: bool) -> list[Path]:
        files = find(folder, is_maildir=is_maildir)
        if file.exists():
            file.rename(box / "cur" / "1:2,S")
        return files

    monkeypatch.setattr(maildir, "_files", moved)
    first = read_mailbox(store, config(settings, box), now)
    assert (first.new, first.problem) == (0, None)
    assert read_mailbox(store, config(settings, box), now).new == 1


def test_in_a_maildir_only_what_changed_lately_is_opened_again(
    store: Store, settings: Settings, now: datetime, box: Path, monkeypatch: pytest.MonkeyPatch
):
    opened: list[str] = []
    read = maildir._read
    monkeypatch.setattr(
        maildir, "_read", lambda file, **more: (opened.append(file.name), read(file, **more))[1]
    )
    with store.write() as session:
        session.add(Event(at=now - timedelta(days=1), name="trajectory.launched"))
    changed = int(put(box / "new" / "1", LETTER, now).stat().st_ctime)
    later = max(now, datetime.fromtimestamp(changed, now.tzinfo)) + timedelta(days=30)
    assert read_mailbox(store, config(settings, box), later).new == 1
    with store.write() as session:  # as if something newer by two days was read since
        session.exec(select(Mailbox)).one().last_uid = changed + 2 * 24 * 3600
    assert read_mailbox(store, config(settings, box), later).known == 0
    assert opened == ["1"]
    back = datetime.fromtimestamp(changed, now.tzinfo)
    assert read_mailbox(store, config(settings, box), back).known == 1, (
        "the clock was set back: all over again"
    )


def test_what_was_delivered_before_traject_began_is_not_taken(
    store: Store, settings: Settings, now: datetime, box: Path
):
    put(box / "cur" / "1:2,S", LETTER, now - timedelta(days=400))
    put(box / "cur" / "2:2,S", LETTER + b"!", now - HOUR)
    assert read_mailbox(store, config(settings, box), now).new == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("scheme", ["maildir", "folder"])
def test_of_a_mail_that_is_too_large_only_the_headers_are_kept(
    store: Store, settings: Settings, now: datetime, box: Path, tmp_path: Path, scheme: str
):
    folder = box if scheme == "maildir" else tmp_path
    file = put(tmp_path / "box" / "new" / "1" if scheme == "maildir" else tmp_path / "1.eml", LETTER, now)
    with file.open("r+b") as writing:
        writing.truncate(50_000_000)  # a hole: it takes no room
    os.utime(file, (now.timestamp(), now.timestamp()))
    found = read_mailbox(store, config(settings, folder, scheme), now)
    assert (found.new, dict(found.outcomes)) == (1, {"quarantined": 1})
    assert raws(store) == [LETTER.partition(b"Hallo")[0]]
    assert read_mailbox(store, config(settings, folder, scheme), now).known == 1


@pytest.mark.parametrize("scheme", ["maildir", "folder"])
def test_a_folder_that_is_not_there_is_named(
    store: Store, settings: Settings, now: datetime, tmp_path: Path, scheme: str
):
    gone = config(settings, tmp_path / "nowhere", scheme)
    found = read_mailbox(store, gone, now)
    assert (found.trouble, found.new) == (Trouble.NO_FOLDER, 0)
    with pytest.raises(MailboxError, match="de map bestaat niet"):
        open_mailbox(gone, now, timeout=HOUR)


def test_a_file_that_may_not_be_read_is_put_aside_and_the_others_are_read(
    store: Store, settings: Settings, now: datetime, tmp_path: Path
):
    (tmp_path / "a.eml").symlink_to(tmp_path / "b.eml")
    put(tmp_path / "b.eml", LETTER, now)
    unreadable = put(tmp_path / "c.eml", LETTER, now)
    unreadable.chmod(0)
    if os.access(unreadable, os.R_OK):
        pytest.skip("as root every file can be read")
    found = read_mailbox(store, config(settings, tmp_path, "folder"), now)
    assert (found.new, found.known, dict(found.outcomes)) == (2, 1, {"quarantined": 2})
    assert read_mailbox(store, config(settings, tmp_path, "folder"), now).new == 0
