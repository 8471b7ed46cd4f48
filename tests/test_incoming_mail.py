"""Mail that arrives: calendar replies, bounces and automatic answers become what they are, and nothing gets lost."""

import shutil
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from answering import STARTS, World, build, dump, events, keep, partstat, queue_reminder, state_of
from sqlmodel import select
from test_reply_samples import VALUES, expected, filled

from models import Arrival, Gathering, Invitation, Message, Person, RoleHolder, Task, Trajectory
from models.enums import (
    AddressState,
    MessageState,
    PartStat,
    TaskState,
)
from traject.inbox import add_mail, apply_stored
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

Final-Recipient: rfc822; fatima@school.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {diagnosis}

--=b
Content-Type: {returned}

Message-ID: {message_id}
Subject: Weet u het al?

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


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({}, "hard: 5.1.1"),
        ({"to": "CMK+M1@HART.EXAMPLE"}, "hard: 5.1.1"),
        ({"status": "5.2.1", "diagnosis": "550 gone"}, "hard: 5.2.1"),
        ({"status": "5.0.0", "diagnosis": "550 5.1.10 unknown"}, "hard: 5.1.10"),
        ({"to": "cmk@hart.example", "message_id": "<m1@hart.example>"}, "hard: 5.1.1"),
        (
            {
                "to": "cmk@hart.example",
                "message_id": "<m1@hart.example>",
                "returned": "text/rfc822-headers",
            },
            "hard: 5.1.1",
        ),
    ],
    ids=["VERP", "VERP in capitals", "5.2.1", "code in the diagnosis", "Message-ID", "headers only"],
)
def test_a_wrong_address_is_marked_and_staff_are_asked_who_it_is_now(
    store: Store, settings: Settings, now: datetime, sent: World, values: dict[str, str], why: str
):
    outcome = add_mail(store, settings, report_of(**values), now, now)
    assert (outcome.kind, outcome.outcome, outcome.why) == ("bounce", "recorded", why)
    with store.read() as session:
        person = session.exec(select(Person).where(Person.email == "fatima@school.example")).one()
        assert (person.address_state, person.address_state_at) == (AddressState.BOUNCED, now)
        task = session.exec(select(Task)).one()
        assert task.effect_key == f"bounce:{person.id}"
        assert task.title == "Het adres van Fatima Çelik werkt niet meer: wie is het nu?"
        states = session.exec(select(Message.effect_key, Message.state).order_by(Message.id)).all()
        assert states == [("m1", MessageState.ACCEPTED), ("m2", MessageState.WITHDRAWN)]
        assert session.get_one(Trajectory, sent.trajectory).next_due_at == now
    assert events(store) == ["message.bounced"]


@pytest.mark.parametrize(
    "values",
    [
        {"status": "5.7.1", "diagnosis": "550 spam"},
        {"status": "5.2.2", "diagnosis": "552 mailbox full"},
        {"status": "5.0.0", "diagnosis": "550 5.7.1 refused"},
        {"status": "4.1.1", "diagnosis": "450 later"},
    ],
    ids=["policy", "full", "policy in the diagnosis", "temporary"],
)
def test_a_bounce_that_says_nothing_about_the_address_is_recorded_only(
    store: Store, settings: Settings, now: datetime, sent: World, values: dict[str, str]
):
    outcome = add_mail(store, settings, report_of(**values), now, now)
    assert outcome.outcome == "recorded"
    assert outcome.why.startswith("soft")
    with store.read() as session:
        assert {person.address_state for person in session.exec(select(Person)).all()} == {AddressState.OK}
        assert session.exec(select(Task)).all() == []


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded"])
def test_a_report_without_a_failure_is_ignored(
    store: Store, settings: Settings, now: datetime, sent: World, action: str
):
    assert add_mail(store, settings, report_of(action=action), now, now).outcome == "ignored"
    assert events(store) == []


def test_a_report_about_a_mail_that_is_not_ours_is_put_aside(
    store: Store, settings: Settings, now: datetime, sent: World
):
    outcome = add_mail(store, settings, report_of(to="cmk@hart.example"), now, now)
    assert (outcome.kind, outcome.outcome) == ("bounce", "quarantined")


def test_a_bounce_from_the_address_of_before_says_nothing_about_the_new_one(
    store: Store, settings: Settings, now: datetime, sent: World
):
    with store.write() as session:
        person = session.exec(select(Person).where(Person.email == "fatima@school.example")).one()
        person.email = "f.celik@school.example"
    outcome = add_mail(store, settings, report_of(), now, now)
    assert outcome.why == "hard: 5.1.1; the person has another address now"
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


@pytest.mark.parametrize(
    ("headers", "kind", "outcome"),
    [
        ("Auto-Submitted: auto-replied (zimbra; vacation)", "auto-reply", "ignored"),
        ("Auto-Submitted: no", "mail", "quarantined"),
        ("X-Autoreply: yes", "auto-reply", "ignored"),
        ("X-Apple-Action: VACATION", "auto-reply", "ignored"),
        ("X-Auto-Response-Suppress: All\nSubject: Automatisch antwoord: vrij", "auto-reply", "ignored"),
        ("X-Auto-Response-Suppress: All\nSubject: Vraag", "mail", "quarantined"),
        ("Subject: Hoe zet ik dat automatische antwoord uit?", "mail", "quarantined"),
        ("X-MS-Exchange-Inbox-Rules-Loop: a@school.example", "mail", "quarantined"),
    ],
)
def test_automatic_answers_are_ignored_and_mails_from_people_are_kept_for_people(
    store: Store, settings: Settings, now: datetime, world: World, headers: str, kind: str, outcome: str
):
    mail = f"From: a@school.example\nTo: cmk@hart.example\n{headers}\n\nDag!\n".encode()
    found = add_mail(store, settings, mail, now, now)
    assert (found.kind, found.outcome) == (kind, outcome)
    with store.read() as session:
        assert session.exec(select(Arrival.raw)).one() == mail


@pytest.mark.parametrize(
    "mail", [b"", b"\x00\xff\xfe", b"Content-Type: multipart/mixed\n\n", b"a" * 20_000_000]
)
def test_bytes_that_are_no_mail_are_kept_and_put_aside(
    store: Store, settings: Settings, now: datetime, world: World, mail: bytes
):
    assert add_mail(store, settings, mail, now, now).outcome == "quarantined"


# Replies from calendars

REPLY = """\
From: {sender}
To: cmk+{tag}@hart.example
Subject: Antwoord
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: text/calendar; method=REPLY; charset=utf-8

BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//a calendar//EN
METHOD:REPLY
BEGIN:VEVENT
UID:{uid}
SEQUENCE:{sequence}
DTSTAMP:{dtstamp:%Y%m%dT%H%M%SZ}
COMMENT:{comment}
ATTENDEE;PARTSTAT={partstat}:mailto:{attendee}
END:VEVENT
END:VCALENDAR
"""


def reply_of(world: World, **values: Any) -> bytes:
    filled = {
        "sender": "fatima@school.example",
        "attendee": "fatima@school.example",
        "tag": f"i{world.invitation}",
        "uid": "g-1@traject.example",
        "sequence": 1,
        "dtstamp": STARTS - 700 * HOUR,
        "partstat": "ACCEPTED",
        "comment": "",
        **values,
    }
    return REPLY.format(**filled).replace("\n", "\r\n").encode()


def test_a_reply_from_a_calendar_becomes_the_same_fact_as_an_answer_on_the_page(
    store: Store, settings: Settings, now: datetime, world: World
):
    reminder = queue_reminder(store, world, "r", invitation_id=world.invitation)
    outcome = add_mail(store, settings, reply_of(world, comment="Ik neem koek mee"), now, now)
    assert (outcome.kind, outcome.outcome, outcome.partstat) == ("reply", "counted", "ACCEPTED")
    assert (outcome.uid, outcome.attendee) == ("g-1@traject.example", "fatima@school.example")
    assert (outcome.sequence, outcome.comment) == (1, "Ik neem koek mee")
    assert partstat(store, world.invitation) is PartStat.ACCEPTED
    assert events(store) == ["invitation.accepted"]
    assert state_of(store, reminder) is MessageState.WITHDRAWN


@pytest.mark.parametrize(
    ("values", "outcome"),
    [
        ({"sequence": 0}, "stale"),
        ({"sender": "jan@school.example"}, "quarantined"),
        ({"attendee": "jan@school.example", "sender": "jan@school.example"}, "quarantined"),
        ({"attendee": "x@elsewhere.example", "sender": "x@elsewhere.example"}, "quarantined"),
        ({"uid": "other@traject.example"}, "quarantined"),
        ({"partstat": "NEEDS-ACTION"}, "ignored"),
        ({"partstat": "DELEGATED"}, "quarantined"),
        ({"dtstamp": STARTS + HOUR}, "too-late"),
    ],
    ids=["stale", "from another", "tag of another", "stranger", "unknown", "no answer", "delegated", "late"],
)
def test_a_reply_that_does_not_count_changes_nothing_but_is_kept(
    store: Store, settings: Settings, world: World, values: dict[str, Any], outcome: str
):
    late = STARTS + 2 * HOUR
    mail = reply_of(world, **values)
    assert add_mail(store, settings, mail, late, late).outcome == outcome
    assert partstat(store, world.invitation) is PartStat.NEEDS_ACTION
    assert partstat(store, world.other_invitation) is PartStat.NEEDS_ACTION
    assert events(store) == []
    with store.read() as session:
        assert session.exec(select(Arrival.raw)).one() == mail


def test_replies_and_web_answers_in_any_order_end_in_one_state(
    sqlite_template: Path, tmp_path: Path, now: datetime
):
    replies = [(now, "ACCEPTED"), (now + HOUR, "ACCEPTED"), (now + HOUR, "DECLINED")]
    ends: dict[tuple[int, ...], tuple[PartStat, str]] = {}
    for has_web in (False, True):
        for order in permutations(range(4 if has_web else 3)):
            file = tmp_path / f"{''.join(map(str, order))}.db"
            shutil.copy(sqlite_template, file)
            store, settings = Store(f"sqlite:///{file}"), Settings(database_url=f"sqlite:///{file}")
            world = build(store)
            for each in order:
                if each == 3:
                    keep(store, now + HOUR / 2, world.invitation, "web", "TENTATIVE")
                    apply_stored(store, settings, now + 9 * HOUR)
                else:
                    stamp, said = replies[each]
                    mail = reply_of(world, dtstamp=stamp, partstat=said, comment=f"reply {each}")
                    add_mail(store, settings, mail, now + 3 * HOUR, now + 9 * HOUR)
            with store.read() as session:
                invitation = session.get_one(Invitation, world.invitation)
                ends[order] = (invitation.partstat, invitation.comment)
            store.close()
    assert set(ends.values()) == {(PartStat.DECLINED, "reply 2")}, ends


def test_a_press_on_the_page_wins_from_a_calendar_whose_clock_is_ahead(
    store: Store, settings: Settings, now: datetime, world: World
):
    ahead = reply_of(world, dtstamp=now + HOUR)
    add_mail(store, settings, ahead, now, now)
    keep(store, now + HOUR / 2, world.invitation, "web", "DECLINED")
    apply_stored(store, settings, now + HOUR)
    assert partstat(store, world.invitation) is PartStat.DECLINED
    again = add_mail(store, settings, b"X-Again: yes\r\n" + ahead, now + 2 * HOUR, now + 2 * HOUR)
    assert again.outcome == "stale"
    assert partstat(store, world.invitation) is PartStat.DECLINED


def test_every_sample_of_an_automatic_answer_is_ignored(
    store: Store, settings: Settings, now: datetime, world: World, shared: Path
):
    samples = sorted((shared / "samples" / "autoreplies").glob("*.eml"))
    found = {each.name: add_mail(store, settings, each.read_bytes(), now, now).outcome for each in samples}
    assert samples
    assert set(found.values()) == {"ignored"}, found


@pytest.mark.parametrize("name", sorted(expected("replies")))
def test_every_sample_of_a_reply_ends_as_expected(sqlite_url: str, name: str):
    wanted = expected("replies")[name]
    store = Store(sqlite_url)
    world = build(store)
    values = VALUES | {
        "UID": "g-1@traject.example",
        "ATTENDEE": "fatima@school.example",
        "ORGANIZER": f"cmk+i{world.invitation}@hart.example",
        "DTSTAMP_UTC": "20261001T120000Z",
        **wanted.get("needs", {}),
    }
    with store.write() as session:
        gathering = session.get_one(Gathering, world.gathering)
        gathering.sequence = int(values["SEQUENCE"])
        session.get_one(Invitation, world.invitation).sequence = gathering.sequence
    at = STARTS - 12 * HOUR
    outcome = add_mail(store, Settings(database_url=sqlite_url), filled(name, values), at)
    assert (outcome.outcome, outcome.partstat, outcome.comment) == (
        wanted["outcome"],
        wanted["partstat"],
        wanted["comment"],
    )
    counts = wanted["outcome"] == "counted"
    assert partstat(store, world.invitation) == (wanted["partstat"] if counts else PartStat.NEEDS_ACTION)
    assert len(events(store)) == int(counts)
    store.close()
