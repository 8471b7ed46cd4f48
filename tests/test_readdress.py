"""A hard bounce holds all that goes to a person; another address, or the same that works after all, lets it go."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default as modern

import pytest
import time_machine
from answering import dump, events
from commands import LAUNCH, Traject, with_settings
from mail_samples import CONTEXT_OF, HEAD
from sqlmodel import col, select

from calendars.sent import sent_in
from models import Gathering, Invitation, Message, Person, Task
from models.enums import AddressState, MessageKind, MessageState, PartStat, TaskState
from traject.compose import compose
from traject.errors import Refused
from traject.inbox import add_mail
from traject.readdress import address_works, change_person
from traject.settings import Settings
from traject.store import Store
from traject.unsubscribe import links, person_of, unsubscribe

NOOR, NEW = "noor@school.example", "n.visser@school.example"


LATER = datetime(2026, 9, 14, 8, 5, tzinfo=UTC)
"""After the first day of the trajectory, on which the welcome was queued."""


@pytest.fixture
def run(
    store: Store, settings: Settings, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Traject]:
    """A trajectory that was launched for Noor, a coordinator; its first mails wait."""
    traject = with_settings(monkeypatch, settings)
    with time_machine.travel(now, tick=False):
        assert traject("init").code == 0
        assert traject(*LAUNCH, "--yes").code == 0
        traject("run-once", "--now", "2026-09-14 10:00")  # no mail server, so that mail waits
    with time_machine.travel(LATER, tick=False):
        yield traject


def waiting(store: Store, to: str) -> list[Message]:
    with store.read() as session:
        query = select(Message).where(
            Message.to_email == to, col(Message.state).in_([MessageState.QUEUED, MessageState.HELD])
        )
        found = list(session.exec(query.order_by(col(Message.id))))
        assert all(message.data is not None for message in found)
        return found


def break_address(store: Store, settings: Settings, now: datetime) -> Message:
    """The first mail to Noor went out and comes back."""
    with store.write() as session:
        first = session.exec(
            select(Message).where(Message.to_email == NOOR).order_by(col(Message.id))
        ).first()
        assert first is not None
        first.state, first.attempted_at, first.accepted_at = MessageState.ACCEPTED, now, now
        return_path = first.return_path
    report = (
        f"Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example\r\nTo: {return_path}\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        f"\r\n<{NOOR}>: host mx said: 550 5.1.1 User unknown\r\n"
    ).encode()
    assert add_mail(store, settings, report, now, now).outcome == "recorded"
    with store.read() as session:
        return session.exec(select(Message).where(Message.return_path == return_path)).one()


def test_what_came_back_and_what_waits_goes_to_the_new_address(
    store: Store, settings: Settings, run: Traject
):
    now = datetime.now().astimezone()
    first = break_address(store, settings, now)
    before = dump(store)
    tried = change_person(store, settings, NOOR, new_email=NEW, now=now, dry_run=True)
    assert dump(store) == before
    done = change_person(store, settings, NOOR, new_email=NEW.upper(), now=now)
    assert (done.email, done.mails, done.moved) == (NEW, tried.mails, tried.moved)
    assert [mail.email for mail in done.mails] == [NEW]
    assert waiting(store, NOOR) == []
    [again] = [message for message in waiting(store, NEW) if message.effect_key.startswith(first.effect_key)]
    parsed = message_from_bytes(again.data or b"", policy=modern)
    assert parsed["To"].addresses[0].addr_spec == NEW
    assert (parsed["Message-ID"], parsed["Subject"]) == (again.message_id, first.subject)
    assert again.return_path != first.return_path
    with store.read() as session:
        person = session.exec(select(Person).where(Person.email == NEW)).one()
        assert person.address_state is AddressState.OK
        assert (
            session.exec(select(Task).where(Task.effect_key == f"bounce:{person.id}")).one().state
            is TaskState.DONE
        )


def test_what_is_queued_after_a_bounce_waits_too_and_goes_when_the_address_works(
    store: Store, settings: Settings, run: Traject
):
    now = datetime.now().astimezone()
    break_address(store, settings, now)
    held = waiting(store, NOOR)
    assert {message.state for message in held} <= {MessageState.HELD}
    done = address_works(store, NOOR, now=now)
    assert done.released == len(held)
    assert {message.state for message in waiting(store, NOOR)} <= {MessageState.QUEUED}
    assert "person.address-works" in events(store)


@pytest.fixture
def invited(store: Store, settings: Settings, run: Traject) -> int:
    """Noor is invited to a gathering next month, and that mail went out."""
    now = datetime.now().astimezone()
    from models import StepRow, Trajectory
    from models.enums import StepKind, StepState

    with store.write() as session:
        trajectory = session.exec(select(Trajectory)).one()
        step = session.exec(
            select(StepRow)
            .where(StepRow.kind == StepKind.GATHERING, ~col(StepRow.key).contains("/"))
            .order_by(col(StepRow.id))
        ).first()
        person = session.exec(select(Person).where(Person.email == NOOR)).one()
        assert step is not None
        starts = now + timedelta(days=30)
        step.state, step.starts_at, step.ends_at, step.due_at = (
            StepState.OPEN,
            starts,
            starts + timedelta(hours=2),
            starts,
        )
        gathering = Gathering(
            trajectory_id=trajectory.id or 0,
            step_id=step.id or 0,
            uid="g@hart.example",
            title="Studiemiddag",
            starts_at=starts,
            ends_at=starts + timedelta(hours=2),
        )
        session.add(gathering)
        session.flush()
        invitation = Invitation(
            gathering_id=gathering.id or 0,
            person_id=person.id or 0,
            tag="i-abc",
            address=NOOR,
            partstat=PartStat.ACCEPTED,
            answered_at=now,
            answer_sequence=0,
            answer_dtstamp=now,
        )
        session.add(invitation)
        session.flush()
        session.add(
            Message(
                effect_key="first",
                kind=MessageKind.INVITATION,
                trajectory_id=trajectory.id,
                step_id=step.id,
                person_id=person.id,
                invitation_id=invitation.id,
                to_email=NOOR,
                return_path="x+b-first@hart.example",
                message_id="<first@hart.example>",
                subject="Uitnodiging",
                sequence=0,
                state=MessageState.ACCEPTED,
                queued_at=now,
                attempted_at=now,
                accepted_at=now,
            )
        )
        return invitation.id or 0


@pytest.mark.parametrize("old_works", [True, False])
def test_an_invitation_moves_to_the_new_address_and_the_answer_stays(
    store: Store, settings: Settings, invited: int, old_works: bool
):
    now = datetime.now().astimezone()
    if not old_works:
        with store.write() as session:
            session.exec(
                select(Person).where(Person.email == NOOR)
            ).one().address_state = AddressState.BOUNCED
    done = change_person(store, settings, NOOR, new_email=NEW, now=now)
    kinds = [(mail.kind, mail.email) for mail in done.mails]
    cancelled = [(MessageKind.CANCELLATION, NOOR)] if old_works else []
    assert kinds == [*cancelled, (MessageKind.INVITATION, NEW)]
    with store.read() as session:
        invitation = session.get_one(Invitation, invited)
        assert (invitation.partstat, invitation.address, invitation.is_cancelled) == (
            PartStat.ACCEPTED,
            NEW,
            False,
        )
        sent = session.exec(
            select(Message)
            .where(Message.invitation_id == invited, Message.effect_key != "first")
            .order_by(col(Message.id))
        ).all()
        told = [(sent_in(message.data or b"").event.sequence, message.to_email) for message in sent]
    assert [to for _, to in told] == [to for _, to in kinds]
    assert [sequence for sequence, _ in told] == ([1, 2] if old_works else [1])


def test_staff_are_asked_by_role_name_and_school_who_it_is_now(
    store: Store, settings: Settings, run: Traject
):
    now = datetime.now().astimezone()
    broken = break_address(store, settings, now)
    with store.read() as session:
        task = session.exec(select(Task).where(Task.effect_key == f"bounce:{broken.person_id}")).one()
        who = "intern cultuurcoördinator Noor Visser van Camelot"
        assert task.title == f"Het adres van {who} werkt niet meer: wie is het nu?"


def news_that_came_back(store: Store, settings: Settings, now: datetime) -> Message:
    """Noor's first mail, as if it had been news: it went out and came back."""
    with store.write() as session:
        first = session.exec(
            select(Message).where(Message.to_email == NOOR).order_by(col(Message.id))
        ).first()
        assert first is not None
        person = session.exec(select(Person).where(Person.email == NOOR)).one()
        head = replace(HEAD, to_email=NOOR, list_unsubscribe=links(settings, person.id or 0))
        context = replace(CONTEXT_OF[MessageKind.NOTICE], unsubscribe_url=head.list_unsubscribe[0])
        assert first.content is not None
        first.kind = MessageKind.NOTICE
        first.content.data = compose(MessageKind.NOTICE, "nl", context, head).data
    return break_address(store, settings, now)


def test_the_link_to_unsubscribe_in_news_that_goes_again_is_that_of_its_new_reader(
    store: Store, settings: Settings, run: Traject
):
    now = datetime.now().astimezone()
    came_back = news_that_came_back(store, settings, now)
    change_person(store, settings, NOOR, new_email=NEW, new_name="Nadia Visser", now=now)
    [again] = [mail for mail in waiting(store, NEW) if mail.effect_key.startswith(came_back.effect_key)]
    with store.read() as session:
        found = message_from_bytes(session.get_one(Message, again.id).data or b"", policy=modern)
        token = found["List-Unsubscribe"].partition("/u/")[2].partition(">")[0]
        person = person_of(session, settings, token)
        assert person is not None
        assert (person.id, person.email) == (again.person_id, NEW)
    assert token in found["List-Unsubscribe"].partition("mailto:")[2]
    assert NOOR not in found.as_string()


def test_news_does_not_go_again_to_who_wants_no_more_of_it(store: Store, settings: Settings, run: Traject):
    now = datetime.now().astimezone()
    came_back = news_that_came_back(store, settings, now)
    with store.write() as session:
        unsubscribe(
            session, session.exec(select(Person).where(Person.email == NOOR)).one(), now=now, via="link"
        )
    change_person(store, settings, NOOR, new_email=NEW, now=now)
    assert [mail for mail in waiting(store, NEW) if mail.effect_key.startswith(came_back.effect_key)] == []


@pytest.mark.parametrize(
    ("email", "to", "said"),
    [
        ("nobody@school.example", NEW, "niemand heeft het adres"),
        (NOOR, "daan@school.example", "is van Daan Smit; draag de rol over"),
        (NOOR, "geen adres", "is geen mailadres"),
        (NOOR, NOOR, "heeft dit adres al"),
    ],
)
def test_what_cannot_be_changed_is_refused(
    store: Store, settings: Settings, now: datetime, run: Traject, email: str, to: str, said: str
):
    before = dump(store)
    with pytest.raises(Refused, match=said):
        change_person(store, settings, email, new_email=to, now=now)
    assert dump(store) == before


def test_on_the_command_line(store: Store, run: Traject):
    assert "Er is niets veranderd" in run("people", "change", NOOR, "--name", "Noor de Boer", "--dry-run").out
    assert (
        run("people", "change", NOOR, "--email", NEW, "--name", "Noor de Boer", "--yes", "--json").json[
            "name"
        ]
        == "Noor de Boer"
    )
    assert run("people", "works", NEW, "--yes").code == 0
    assert run("people", "change", NEW).code == 2
    assert run("people", "works", NOOR, "--yes").code == 1


def test_another_name_says_which_mails_that_wait_still_greet_by_the_old_one(
    store: Store, settings: Settings, run: Traject
):
    before = [(mail.id, mail.data) for mail in waiting(store, NOOR)]
    assert len(before) == 1
    said = "1 mail die al klaarstaat, noemt nog de oude naam"
    shown = run("people", "change", NOOR, "--name", "Noor de Boer", "--yes").out
    assert said in shown.replace("\n", " ")
    assert [(mail.id, mail.data) for mail in waiting(store, NOOR)] == before
    again = run("people", "change", NOOR, "--name", "noor de boer", "--dry-run", "--json").json
    assert again["greeted"] == len(before)
    assert "oude naam" not in run("people", "change", NOOR, "--email", NEW, "--dry-run").out
