"""Who a calendar mail says it is from, and what an answer comes back to: the same over the whole life of an invitation."""

import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.message import Message as Mail
from pathlib import Path

import pytest
from engine_cases import World, days
from gathering_cases import KEY, attendee, event_of, invited, plain_text, world_with

from calendars.mail_parts import read_mail
from models import Message
from traject import staff_gatherings as staff
from traject.compose import CALENDAR_METHODS
from traject.store import Store

JAN = "jan@school.example"


def lived(folder: Path, template: Path) -> World:
    """Invited, moved, reworded; one taken off and invited again; called off. Everything arrived."""
    folder.mkdir()
    url = f"sqlite:///{shutil.copy(template, folder / 'traject.db')}"
    world = world_with(Store(url), url, folder)
    invited(world)
    now, number = world.gathering(KEY).starts_at - days(12), world.gathering(KEY).id or 0  # a Thursday
    for action, values in (
        (staff.move, {"to": world.gathering(KEY).starts_at + days(7)}),
        (staff.change, {"title": "Kennismaken", "description": "Neem klei mee"}),
        (staff.change, {"place": "De Pletterij"}),
        (staff.remove, {"email": JAN}),
        (staff.add, {"name": "", "email": JAN}),
        (staff.cancel, {"reason": "De docent is ziek."}),
    ):
        action(world.store, world.settings, number, now=now, **values)
        now += timedelta(minutes=5)
        world.deliver(now)
    return world


@pytest.fixture(scope="module")
def world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = lived(tmp_path_factory.mktemp("outgoing") / "one", sqlite_template)
    yield made
    made.store.close()


def calendars(world: World) -> list[tuple[Message, Mail]]:
    mails = [each for each in world.mails(state="accepted") if CALENDAR_METHODS.get(each.kind)]
    return [(each, message_from_bytes(each.data or b"")) for each in mails]


def test_the_uid_never_changes_and_says_nothing_of_date_or_title(world: World) -> None:
    found = calendars(world)
    kinds = [message.kind for message, _ in found]
    assert (kinds.count("invitation"), kinds.count("invitation-update"), kinds.count("cancellation")) == (
        4,
        9,
        4,
    )
    [uid] = {event_of(message).first("UID").value for message, _ in found}
    assert uid == world.gathering(KEY).uid
    assert re.fullmatch(r"[0-9a-f]{32}@hart\.example", uid), "at random"


def test_each_has_one_tagged_organizer_to_whom_both_kinds_of_answer_go(world: World) -> None:
    tags: dict[str, set[str]] = defaultdict(set)
    for message, mail in calendars(world):
        organizer = event_of(message).first("ORGANIZER").value.removeprefix("mailto:")
        assert mail["Reply-To"] == organizer
        assert attendee(message).value == f"mailto:{message.to_email}"
        tags[message.to_email].add(organizer)
    assert {len(each) for each in tags.values()} == {1}, "stable over updates"
    addresses = [each for found in tags.values() for each in found]
    assert len(set(addresses)) == len(tags) == 3, "each their own"
    assert all(re.fullmatch(r"[a-z]+\+i-[0-9a-f]{16}@hart\.example", each) for each in addresses)


def test_every_mail_has_a_return_path_of_its_own(world: World) -> None:
    mails = world.rows(Message)
    paths = [mail.return_path for mail in mails]
    assert len(set(paths)) == len(mails) > 15
    assert all(re.fullmatch(r"[a-z]+\+b-[0-9a-f]+@hart\.example", path) for path in paths)
    assert not {mail["Reply-To"] for _, mail in calendars(world)} & set(paths)


def test_the_message_id_follows_from_the_effect_and_stands_in_references_too(
    world: World, tmp_path: Path, sqlite_template: Path
) -> None:
    other = lived(tmp_path / "other", sqlite_template)
    ids = {mail.effect_key: mail.message_id for mail in world.rows(Message)}
    assert ids == {mail.effect_key: mail.message_id for mail in other.rows(Message)}, (
        "the same life, the same ids"
    )
    assert len(set(ids.values())) == len(ids)
    other.store.close()
    for message, mail in calendars(world):
        assert mail["Message-ID"] == message.message_id
        assert message.message_id in mail["References"].split()
        assert message.message_id.endswith("@hart.example>")


def test_no_personal_link_is_in_what_people_forward(world: World) -> None:
    asking = 0
    for message, _ in calendars(world):
        links = set(re.findall(r"http://portal\.example/i/\S+", plain_text(message)))
        asking += bool(links)
        for part in read_mail(message.data or b"").walk():
            if part.content_type in ("text/calendar", "application/ics"):
                assert b"portal.example" not in part.body
    assert asking == 13, "every mail that asks for an answer has one"
