"""The adviser is mailed what staff must do about mail that cannot be delivered, not only shown it in a list."""

from datetime import timedelta

from engine_cases import MORNING, World, dump
from sqlmodel import col, select

from models import Message, Person
from models.enums import MessageKind, MessageState
from traject.readdress import address_works, change_person
from traject.refusal import Refusal, Stage
from traject.undelivered import give_up

NOW = MORNING + timedelta(hours=3)
UNKNOWN = Refusal(Stage.RECIPIENT, 550, "5.1.1 user unknown")
POLICY = Refusal(Stage.DATA, 554, "5.7.1 policy")


def refused(world: World, to: str, why: Refusal, hours: int = 0) -> None:
    """The last mail to this address is refused for good."""
    with world.store.write() as session:
        mine = select(Message.id).where(Message.to_email == to).order_by(col(Message.id).desc())
        number = session.exec(mine).first()
        assert number is not None
        give_up(session.connection(), number, why, now=NOW + timedelta(hours=hours))


def told(world: World) -> list[Message]:
    return world.rows(Message, Message.kind == MessageKind.TASK)


def test_an_address_that_does_not_work_is_mailed_to_the_adviser_once(world: World):
    refused(world, "fatima@school.example", UNKNOWN)
    world.advance(NOW)
    [mail] = told(world)
    assert (mail.to_email, mail.state) == ("s.vos@hart.example", MessageState.QUEUED)
    assert (
        "Het adres van cultuurcoördinator Fatima Çelik van De Kleine Wereld werkt niet meer" in mail.subject
    )
    before = dump(world.store)
    world.advance(NOW)
    assert dump(world.store) == before
    refused(world, "fatima@school.example", UNKNOWN, hours=1)  # another of her mails
    world.advance(NOW + timedelta(hours=1))
    assert len(told(world)) == 1


def test_it_is_mailed_again_for_another_address_and_not_for_the_same(world: World):
    refused(world, "fatima@school.example", UNKNOWN)
    world.advance(NOW)
    address_works(world.store, "fatima@school.example", now=NOW)
    refused(world, "fatima@school.example", UNKNOWN, hours=1)
    world.advance(NOW + timedelta(hours=1))
    assert len(told(world)) == 1
    at = NOW + timedelta(hours=2)
    change_person(world.store, world.settings, "fatima@school.example", new_email="f@school.example", now=at)
    refused(world, "f@school.example", UNKNOWN, hours=3)
    world.advance(NOW + timedelta(hours=3))
    assert len(told(world)) == 2


def test_a_mail_that_is_refused_for_another_reason_is_told_too(world: World):
    refused(world, "fatima@school.example", POLICY)
    world.advance(NOW)
    [mail] = told(world)
    assert "Bericht is niet verstuurd" in mail.subject


def test_the_address_that_does_not_work_is_not_mailed_about_itself(world: World):
    with world.store.write() as session:
        sam = session.exec(select(Person).where(Person.email == "s.vos@hart.example")).one()
        coordinator = session.exec(select(Message).where(Message.to_email == "fatima@school.example")).first()
        assert coordinator is not None
        coordinator.person_id, coordinator.to_email = sam.id, sam.email
    refused(world, "s.vos@hart.example", UNKNOWN)
    world.advance(NOW)
    assert told(world) == []
    assert [task.title for task in world.tasks()] == [
        "Het adres van adviseur Sam Vos van De Kleine Wereld werkt niet meer: wie is het nu?"
    ]
