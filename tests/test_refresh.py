"""Somebody's calendar asks for the invitation again (REFRESH): it is sent to them alone, once a day."""

from datetime import timedelta
from pathlib import Path

import pytest
from answering_by_calendar import calendar_mail, send
from engine_cases import World, days, dump
from gathering_cases import KEY, attendee, calendar_of, event_of, invited, plain_text, world_with

from calendars.lint_mail import lint_mail
from models import Arrival, Message
from models.enums import PartStat
from traject import staff_gatherings
from traject.inbox import add_mail
from traject.store import Store

FATIMA, JAN = "fatima@school.example", "jan@school.example"
HOUR = timedelta(hours=1)


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    made = world_with(store, database_url, tmp_path)
    made.now = invited(made) + days(1)
    return made


def waiting(world: World) -> list[Message]:
    return [mail for mail in world.mails(state="queued") if mail.invitation_id]


def test_the_invitation_goes_again_to_who_asks_and_to_nobody_else(world: World) -> None:
    send(world, "REPLY", JAN, world.now, partstat="ACCEPTED")
    outcome = send(world, "REFRESH", JAN, world.now + HOUR)
    assert (outcome.kind, outcome.outcome) == ("refresh", "recorded")
    [mail] = waiting(world)
    assert (mail.kind, mail.to_email) == ("invitation", JAN)
    event = event_of(mail)
    assert event.first("SEQUENCE").value == "0"
    assert event.first("DTSTAMP").value == f"{world.now + HOUR:%Y%m%dT%H%M%SZ}"
    assert attendee(mail).parameter("PARTSTAT") == "ACCEPTED"
    assert plain_text(mail).count("Op jouw verzoek sturen we deze uitnodiging nog eens.") == 1
    assert world.invitation(KEY, JAN).partstat is PartStat.ACCEPTED
    assert [task for task in world.tasks() if "opnieuw" in task.title] == []
    assert lint_mail(mail.data) == []


def test_a_storm_of_asking_is_answered_once_a_day(world: World) -> None:
    for minute in range(5):
        at = world.now + timedelta(minutes=minute)
        send(world, "REFRESH", JAN, at)
        world.deliver(at)
    assert len(world.mails("invitation", to=JAN)) == 2
    outcome = send(world, "REFRESH", JAN, world.now + 2 * HOUR)
    assert (outcome.outcome, "vandaag al" in outcome.why) == ("ignored", True)
    assert send(world, "REFRESH", FATIMA, world.now + 2 * HOUR).outcome == "recorded"
    assert send(world, "REFRESH", JAN, world.now + days(1)).outcome == "recorded"
    assert len(world.mails("invitation", to=JAN)) == 3


def test_the_same_mail_twice_is_one_answer(world: World) -> None:
    mail = calendar_mail(world, "REFRESH", JAN, world.now)
    for _ in range(2):
        add_mail(world.store, world.settings, mail, world.now, world.now)
    assert len(waiting(world)) == 1
    assert len(world.rows(Arrival)) == 1


def test_what_is_under_way_is_not_sent_twice(world: World) -> None:
    staff_gatherings.change(
        world.store, world.settings, world.gathering(KEY).id, place="De Pletterij", now=world.now
    )
    assert send(world, "REFRESH", JAN, world.now).outcome == "recorded"
    assert [mail.kind for mail in waiting(world) if mail.to_email == JAN] == ["invitation-update"]


@pytest.mark.parametrize("whole", [True, False], ids=["the gathering", "the invitation"])
def test_what_was_cancelled_is_cancelled_again_with_the_same_sequence(world: World, whole: bool) -> None:
    number = world.gathering(KEY).id
    if whole:
        staff_gatherings.cancel(world.store, world.settings, number, now=world.now)
    else:
        staff_gatherings.remove(world.store, world.settings, number, email=JAN, now=world.now)
    world.deliver(world.now)
    assert send(world, "REFRESH", JAN, world.now + HOUR).outcome == "recorded"
    [mail] = waiting(world)
    assert (mail.kind, mail.to_email) == ("cancellation", JAN)
    assert calendar_of(mail).first("METHOD").value == "CANCEL"
    assert event_of(mail).first("SEQUENCE").value == "1"
    assert lint_mail(mail.data) == []


def test_after_it_began_nothing_is_sent(world: World) -> None:
    assert send(world, "REFRESH", JAN, world.gathering(KEY).starts_at + HOUR).outcome == "too-late"
    assert waiting(world) == []


def test_asking_from_an_address_that_was_not_invited_is_for_a_person_to_judge(world: World) -> None:
    mail = calendar_mail(world, "REFRESH", JAN, world.now).replace(JAN.encode(), b"wie@elders.example")
    before = dump(world.store)["messages"]
    assert add_mail(world.store, world.settings, mail, world.now, world.now).outcome == "quarantined"
    assert dump(world.store)["messages"] == before
