"""Delivery reports that arrive: tied to the mail they are about, and what follows for the address, staff and plan."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from answering import STARTS, World, build, dump, events, queue_reminder
from sqlmodel import select
from test_reply_samples import expected

from models import Invitation, Message, Person, RoleHolder, Task, Trajectory
from models.enums import AddressState, MessageState, TaskState
from traject.inbox import add_mail
from traject.outcome import public
from traject.settings import Settings
from traject.store import Store

HOUR = timedelta(hours=1)


@pytest.fixture
def world(store: Store) -> World:
    return build(store)


REPORT = """\
Return-Path: <>
From: MAILER-DAEMON@mx.school.example
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=b"

--=b
Content-Type: text/plain

It did not arrive.

--=b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.school.example

Final-Recipient: rfc822; {who}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {diagnosis}

--=b
Content-Type: {returned}

Message-ID: {message_id}
Subject: Weet u het al?
{calendar}
--=b--
"""


def report_of(**values: str) -> bytes:
    filled = {
        "to": "cmk+m1@hart.example",
        "action": "failed",
        "status": "5.1.1",
        "diagnosis": "550 no such user",
        "returned": "message/rfc822",
        "message_id": "<other@hart.example>",
        "who": "fatima@school.example",
        "calendar": "",
        **values,
    }
    return REPORT.format(**filled).replace("\n", "\r\n").encode()


@pytest.fixture
def sent(store: Store, world: World) -> World:
    """A mail m1 that went out to the first person, who holds a role, and a reminder that waits."""
    with store.write() as session:
        person = session.get_one(Invitation, world.invitation).person_id
        session.add(
            RoleHolder(
                trajectory_id=world.trajectory,
                role="coordinator",
                person_id=person,
                since=STARTS - 900 * HOUR,
            )
        )
    for key, is_reminder in (("m1", False), ("m2", True)):
        queue_reminder(
            store, world, key, invitation_id=world.invitation, is_reminder=is_reminder, person_id=person
        )
    with store.write() as session:
        session.exec(select(Message).where(Message.effect_key == "m1")).one().state = MessageState.ACCEPTED
    return world


NOT_VERP = {"to": "cmk@hart.example"}
CALENDAR = "Content-Type: text/calendar\n\nBEGIN:VCALENDAR\nUID:g-1@traject.example\nEND:VCALENDAR\n"


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({}, "5.1.1"),
        ({"to": "CMK+M1@HART.EXAMPLE"}, "5.1.1"),
        ({"who": "elsewhere@forwarded.example"}, "5.1.1"),
        ({"status": "5.2.1", "diagnosis": "550 gone"}, "5.2.1"),
        ({"status": "5.0.0", "diagnosis": "550 5.1.10 unknown"}, "5.1.10"),
        ({**NOT_VERP, "message_id": "<m1@hart.example>"}, "5.1.1"),
        ({**NOT_VERP, "message_id": "<m1@hart.example>", "returned": "text/rfc822-headers"}, "5.1.1"),
        ({**NOT_VERP, "calendar": CALENDAR}, "5.1.1"),
        (NOT_VERP, "5.1.1"),
    ],
    ids=[
        *("VERP", "VERP in capitals", "VERP, forwarded", "5.2.1", "code in the diagnosis"),
        *("Message-ID", "headers only", "UID", "address"),
    ],
)
def test_a_wrong_address_is_marked_and_staff_are_asked_who_it_is_now(
    store: Store, settings: Settings, now: datetime, sent: World, values: dict[str, str], status: str
):
    outcome = add_mail(store, settings, report_of(**values), now, now)
    assert (outcome.kind, outcome.outcome) == ("bounce", "recorded")
    assert outcome.why == f"hard: het adres bestaat niet ({status})"
    assert outcome.bounce == {
        "address": values.get("who", "fatima@school.example"),
        "hard": True,
        "status": status,
        "reason": "userunknown",
    }
    with store.read() as session:
        person = session.exec(select(Person).where(Person.email == "fatima@school.example")).one()
        assert (person.address_state, person.address_state_at) == (AddressState.BOUNCED, now)
        task = session.exec(select(Task)).one()
        assert task.effect_key == f"bounce:{person.id}"
        who = "cultuurcoördinator Fatima Çelik van Basisschool De Kleine Wereld"
        assert task.title == f"Het adres van {who} werkt niet meer: wie is het nu?"
        states = session.exec(select(Message.effect_key, Message.state).order_by(Message.id)).all()
        assert states == [("m1", MessageState.ACCEPTED), ("m2", MessageState.WITHDRAWN)]
        assert session.get_one(Trajectory, sent.trajectory).next_due_at == now
    assert events(store) == ["message.bounced"]


def test_a_bounce_says_which_invitation_came_back(
    store: Store, settings: Settings, now: datetime, sent: World
):
    assert add_mail(store, settings, report_of(calendar=CALENDAR), now, now).uid == "g-1@traject.example"


def test_verp_decides_over_the_address_that_the_report_names(
    store: Store, settings: Settings, now: datetime, sent: World
):
    """Jan's address is forwarded to Fatima's: it is his that does not work."""
    with store.write() as session:
        jan = session.get_one(Invitation, sent.other_invitation).person_id
        session.exec(select(Message).where(Message.effect_key == "m1")).one().person_id = jan
        session.exec(select(Message).where(Message.effect_key == "m1")).one().to_email = "jan@school.example"
    add_mail(store, settings, report_of(), now, now)
    with store.read() as session:
        bounced = session.exec(select(Person.email).where(Person.address_state == AddressState.BOUNCED)).all()
    assert bounced == ["jan@school.example"]


@pytest.mark.parametrize(
    ("values", "tasks"),
    [
        ({"status": "5.7.1", "diagnosis": "550 spam"}, 1),
        ({"status": "5.0.0", "diagnosis": "550 5.7.1 refused"}, 1),
        ({"status": "5.0.0", "diagnosis": "550 this account has been suspended"}, 1),
        ({"status": "5.2.2", "diagnosis": "552 mailbox full"}, 0),
        ({"status": "4.4.7", "diagnosis": "450 later"}, 0),
    ],
    ids=["policy", "policy in the diagnosis", "closed", "full", "given up"],
)
def test_a_bounce_that_says_nothing_about_the_address_never_marks_it_and_staff_hear_of_what_will_not_pass(
    store: Store, settings: Settings, now: datetime, sent: World, values: dict[str, str], tasks: int
):
    outcome = add_mail(store, settings, report_of(**values), now, now)
    assert outcome.outcome == "recorded"
    assert outcome.why.startswith("soft")
    with store.read() as session:
        assert {person.address_state for person in session.exec(select(Person)).all()} == {AddressState.OK}
        message = session.exec(select(Message.id).where(Message.effect_key == "m1")).one()
        assert session.exec(select(Task.effect_key)).all() == [f"undelivered:{message}"] * tasks
        waiting = session.exec(select(Message.state).where(Message.effect_key == "m2")).one()
        assert waiting is MessageState.QUEUED
    assert events(store) == ["message.bounced"]


def test_a_delay_is_recorded_and_nothing_follows(
    store: Store, settings: Settings, now: datetime, sent: World
):
    outcome = add_mail(store, settings, report_of(action="delayed"), now, now)
    assert (outcome.kind, outcome.outcome, outcome.bounce["hard"]) == ("bounce", "recorded", False)
    assert events(store) == []


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_a_report_without_a_failure_is_ignored(
    store: Store, settings: Settings, now: datetime, sent: World, action: str
):
    assert add_mail(store, settings, report_of(action=action), now, now).outcome == "ignored"
    assert events(store) == []


def test_a_report_about_a_mail_that_is_not_ours_is_put_aside(
    store: Store, settings: Settings, now: datetime, sent: World
):
    outcome = add_mail(store, settings, report_of(to="cmk@hart.example", who="x@elsewhere.example"), now, now)
    assert (outcome.kind, outcome.outcome) == ("bounce", "quarantined")
    assert outcome.bounce["address"] == "x@elsewhere.example"
    assert events(store) == []


def test_a_bounce_from_the_address_of_before_says_nothing_about_the_new_one(
    store: Store, settings: Settings, now: datetime, sent: World
):
    with store.write() as session:
        person = session.exec(select(Person).where(Person.email == "fatima@school.example")).one()
        person.email = "f.celik@school.example"
    outcome = add_mail(store, settings, report_of(), now, now)
    assert outcome.why == "hard: het adres bestaat niet (5.1.1); deze persoon heeft nu een ander adres"
    with store.read() as session:
        assert {person.address_state for person in session.exec(select(Person)).all()} == {AddressState.OK}


def test_the_task_of_a_bounced_address_opens_again_when_the_next_one_bounces_too(
    store: Store, settings: Settings, now: datetime, sent: World
):
    add_mail(store, settings, report_of(), now, now)
    with store.write() as session:
        session.exec(select(Task)).one().state = TaskState.DONE
    add_mail(store, settings, report_of(diagnosis="550 still no such user"), now, now)
    with store.read() as session:
        assert session.exec(select(Task)).one().state is TaskState.OPEN


def test_a_mail_added_twice_counts_once(store: Store, settings: Settings, now: datetime, sent: World):
    first = add_mail(store, settings, report_of(), now, now)
    before = dump(store)
    assert add_mail(store, settings, report_of(), now + HOUR, now + HOUR) == first
    assert dump(store) == before


def test_two_bounces_in_either_order_leave_one_task_with_the_same_words(
    store: Store, settings: Settings, now: datetime, sent: World
):
    with store.write() as session:
        session.exec(select(Message).where(Message.effect_key == "m2")).one().is_reminder = False
    for diagnosis in ("550 no such user", "550 5.1.1 still nobody"):
        add_mail(store, settings, report_of(diagnosis=diagnosis), now, now)
    with store.read() as session:
        assert "1 bericht wacht" in session.exec(select(Task.detail)).one()


def test_the_samples_end_as_expected(
    store: Store, settings: Settings, now: datetime, world: World, shared: Path
):
    for name, wanted in expected("bounces").items():
        mail = (shared / "samples" / "bounces" / name).read_bytes()
        said = public(add_mail(store, settings, mail, now, now))
        failures = wanted["failures"]
        if wanted["outcome"] in ("bounced", "delayed"):
            assert said["kind"] == "bounce", name
            assert (said["bounce"]["address"], said["bounce"]["hard"]) in [
                (each["recipient"], each["hard"]) for each in failures
            ], name
        else:
            assert (said["kind"], said["bounce"]) == ("unknown", None), name
    assert events(store) == []
