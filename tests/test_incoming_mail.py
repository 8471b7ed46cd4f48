"""Mail that arrives: calendar replies, bounces and automatic answers become what they are, and nothing gets lost."""

import shutil
import time
from base64 import encodebytes
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from answering import STARTS, World, build, dump, events, keep, partstat, queue_reminder, state_of
from mail_samples import HEAD
from mail_samples import mail as compose_mail
from sqlmodel import select
from test_reply_samples import VALUES, expected, filled

from models import Arrival, Gathering, Invitation, Message, Task
from models.enums import (
    InboxKind,
    MessageKind,
    MessageState,
    PartStat,
)
from traject.fetched import mail_key
from traject.inbox import add_mail, apply_stored, store_arrival
from traject.inbox_words import why_in
from traject.outcome import public
from traject.settings import Settings
from traject.store import Store
from traject.waking import lock_trajectories

HOUR = timedelta(hours=1)


@pytest.fixture
def world(store: Store) -> World:
    return build(store)


@pytest.mark.parametrize(
    ("headers", "kind", "outcome"),
    [
        ("Auto-Submitted: auto-replied (zimbra; vacation)", "auto-reply", "ignored"),
        ("Auto-Submitted: no", "mail", "quarantined"),
        ("X-Autoreply: yes", "auto-reply", "ignored"),
        ("X-Apple-Action: VACATION", "auto-reply", "ignored"),
        ("X-GMX-Autoresponse: no\nX-Autoresponse: yes", "auto-reply", "ignored"),
        ("Delivered-To: Autoresponder", "auto-reply", "ignored"),
        ("Subject: AUTO: Fatima is afwezig (terugkeer 01-10-2026)", "auto-reply", "ignored"),
        ("Subject: Out of Office AutoReply: Study afternoon", "auto-reply", "ignored"),
        ("Subject: Afwezigheidsbericht: Studiemiddag", "auto-reply", "ignored"),
        ("Subject: Auto: wie rijdt er mee?", "mail", "quarantined"),
        ("Subject: Afwezig: studiemiddag van 7 oktober", "mail", "quarantined"),
        ("Subject: Afmelden", "mail", "quarantined"),  # with "Dag!": for the gathering, perhaps
        ("Subject: Re: unsubscribe.", "unsubscribe", "quarantined"),
        ("Subject: unsubscribe\nAuto-Submitted: auto-generated", "unsubscribe", "quarantined"),
        ("Subject: Afmelden voor de nieuwsbrief", "unsubscribe", "quarantined"),
        ("Subject: Dag\nDelivered-To: cmk+u-1-x@hart.example", "unsubscribe", "quarantined"),
        ("Auto-Submitted: auto-replied\nCc: cmk+u-1-x@hart.example", "auto-reply", "ignored"),
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


HOPS = b"Received: from mx.school.example by mx.hart.example; Mon, 7 Sep 2026 08:00:00 +0000\r\nDelivered-To: cmk@hart.example\r\n"


def test_a_mail_of_ours_that_is_sent_back_round_is_known_and_does_nothing(
    store: Store, settings: Settings, now: datetime, world: World
):
    """A loop would else go on for ever: an invitation is no answer, and news with a link to unsubscribe no request."""
    ours = {kind: our_mail(store, world, kind) for kind in MessageKind}
    before = {name: rows for name, rows in dump(store).items() if name != "inbox"}
    for kind, data in ours.items():
        for mail in (data, HOPS + data):
            found = add_mail(store, settings, mail, now, now)
            told = (found.kind, found.outcome, found.why)
            assert told == ("own", "ignored", "onze eigen mail kwam terug"), kind
    assert {name: rows for name, rows in dump(store).items() if name != "inbox"} == before


def test_what_a_person_writes_under_a_mail_of_ours_is_for_staff(
    store: Store, settings: Settings, now: datetime, world: World
):
    our_mail(store, world, MessageKind.NOTICE)
    answer = (
        f"From: fatima@school.example\r\nTo: {HEAD.reply_to}\r\nSubject: Re: De landelijke monitor\r\n"
        f"Message-ID: <1@school.example>\r\nIn-Reply-To: <notice@hart.example>\r\nReferences: <notice@hart.example>\r\n\r\nWanneer?\r\n"
    )
    found = add_mail(store, settings, answer.encode(), now, now)
    assert (found.kind, found.outcome) == ("mail", "quarantined")


def our_mail(store: Store, world: World, kind: MessageKind) -> bytes:
    """A mail of this kind that went out."""
    head = replace(HEAD, message_id=f"<{kind}@hart.example>")
    data = compose_mail(kind, head=head).data
    number = queue_reminder(store, world, kind)
    with store.write() as session:
        sent = session.get_one(Message, number)
        sent.kind, sent.state = kind, MessageState.ACCEPTED
        assert sent.message_id == head.message_id
        assert sent.content is not None
        sent.content.data = data
    return data


@pytest.mark.parametrize(
    ("sender", "to", "who"),
    [
        ("fatima@school.example", "cmk@hart.example", " van Fatima Çelik"),
        ("FATIMA@SCHOOL.EXAMPLE", "cmk+i2@hart.example", " van Fatima Çelik"),
        ("f.celik@thuis.example", "cmk+i1@hart.example", " op het antwoordadres van Fatima Çelik"),
        ("f.celik@thuis.example", "cmk+b-x@hart.example", ""),
    ],
)
@pytest.mark.parametrize("said", ["Ja ik kom", "helaas verhinderd", "ACCEPTED", "Akkoord, tot dan!"])
def test_what_people_write_never_counts_and_staff_see_whose_it_is(
    store: Store, settings: Settings, now: datetime, world: World, sender: str, to: str, who: str, said: str
):
    mail = f"From: {sender}\nTo: {to}\nSubject: Re: Geaccepteerd: Studiemiddag\n\n{said}\n".encode()
    found = add_mail(store, settings, mail, now, now)
    assert (found.kind, found.outcome) == ("mail", "quarantined")
    assert found.why == f"een gewone mail{who}: iemand moet hem lezen"
    assert not why_in(found.why, "en").startswith("een")
    assert partstat(store, world.invitation) is PartStat.NEEDS_ACTION


TNEF = b"\x78\x9f\x3e\x22"


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (TNEF + b"..IPM.Microsoft Schedule.MtgRespP\0", "ik kom"),
        (TNEF + b"..IPM.Microsoft Schedule.MtgRespN\0", "ik kom niet"),
        (TNEF + b"..IPM.Microsoft Schedule.MtgRespA\0", "misschien"),
        (TNEF + b".." + "IPM.Schedule.Meeting.Resp.Tent".encode("utf-16-le"), "misschien"),
        (TNEF + b"..IPM.Schedule.Meeting.Resp.Neg\0", "ik kom niet"),
        (TNEF + b"..IPM.Microsoft Mail.Note\0", ""),
        (b"..IPM.Schedule.Meeting.Resp.Neg\0", ""),
    ],
    ids=["accepted", "declined", "tentative", "its new name in UTF-16", "its new name", "a note", "no TNEF"],
)
@pytest.mark.parametrize("name", ["application/ms-tnef", "application/octet-stream"])
def test_an_answer_that_only_outlook_can_read_is_put_aside_with_what_it_says(
    store: Store, settings: Settings, now: datetime, world: World, name: str, held: bytes, said: str
):
    head = f"From: fatima@school.example\r\nTo: {HEAD.reply_to}\r\nContent-Type: {name}; name=winmail.dat\r\n"
    coded = b"Content-Transfer-Encoding: base64\r\n\r\n" + encodebytes(held)
    found = add_mail(store, settings, head.encode() + coded, now, now)
    assert (found.kind, found.outcome) == ("mail", "quarantined")
    aside = "een antwoord in Outlooks eigen formaat (winmail.dat), dat niet vanzelf telt: "
    asks = "; vraag om een antwoord met de knop in de uitnodiging"
    assert found.why.startswith(f"{aside}{said}{asks}" if said else "een gewone mail")
    assert "Outlooks eigen" not in why_in(found.why, "en")
    assert "de knop" not in why_in(found.why, "en")
    assert partstat(store, world.invitation) is PartStat.NEEDS_ACTION


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


COUNTER = """\
From: fatima@school.example
To: cmk+i{invitation}@hart.example
Subject: Voorstel
MIME-Version: 1.0
Content-Type: text/calendar; method={method}; charset=utf-8

BEGIN:VCALENDAR
METHOD:{method}
BEGIN:VEVENT
UID:g-1@traject.example
SEQUENCE:1
DTSTAMP:20260906T080000Z
DTSTART:{start}
DTEND:{end}
COMMENT:Liever een week later
ATTENDEE;PARTSTAT=TENTATIVE:mailto:fatima@school.example
END:VEVENT
END:VCALENDAR
"""


def asks(world: World, method: str, start: str = "20261014T113000Z", end: str = "20261014T143000Z") -> bytes:
    mail = COUNTER.format(invitation=world.invitation, method=method, start=start, end=end)
    return mail.replace("\n", "\r\n").encode()


def test_a_proposal_is_a_task_with_the_proposed_time_once_and_moves_nothing(
    store: Store, settings: Settings, now: datetime, world: World
):
    mail = asks(world, "COUNTER")
    for each in (mail, b"X-Again: yes\r\n" + mail):
        outcome = add_mail(store, settings, each, now, now)
        assert (outcome.kind, outcome.outcome) == ("counter", "proposal")
    with store.read() as session:
        task = session.exec(select(Task)).one()
        assert task.title == "Fatima Çelik stelt een ander moment voor: Studiemiddag beeldende kunst"
        assert "Voorgesteld: woensdag 14 oktober 2026, 13:30–16:30 uur." in task.detail
        assert "‘Liever een week later’" in task.detail
        assert session.get_one(Gathering, world.gathering).starts_at == STARTS
    assert partstat(store, world.invitation) is PartStat.NEEDS_ACTION


@pytest.mark.parametrize(
    ("start", "end"),
    [("99991231T235959Z", "99991231T235959Z"), ("20261014T113000Z", "20200101T000000Z"), ("20261014", "x")],
    ids=["a year without a next", "ends before it starts", "a day"],
)
def test_a_proposal_with_an_odd_time_is_a_task_all_the_same(
    store: Store, settings: Settings, now: datetime, world: World, start: str, end: str
):
    assert add_mail(store, settings, asks(world, "COUNTER", start, end), now, now).outcome == "proposal"
    with store.read() as session:
        assert session.exec(select(Task)).one().detail.startswith("Voorgesteld: ")


@pytest.mark.parametrize("method", ["COUNTER", "REFRESH"])
def test_what_is_asked_after_the_gathering_started_is_no_task(
    store: Store, settings: Settings, now: datetime, world: World, method: str
):
    with store.write() as session:
        session.get_one(Gathering, world.gathering).starts_at = now - 48 * HOUR
    assert add_mail(store, settings, asks(world, method), now, now).outcome == "too-late"
    with store.read() as session:
        assert session.exec(select(Task)).all() == []


def test_a_mail_that_only_says_unsubscribe_is_named(
    store: Store, settings: Settings, now: datetime, world: World
):
    mail = b"From: x@elsewhere.example\r\nTo: cmk@hart.example\r\nSubject: unsubscribe\r\n\r\n"
    outcome = add_mail(store, settings, mail, now, now)
    assert (outcome.kind, outcome.outcome) == ("unsubscribe", "quarantined")


def test_every_sample_of_a_reply_ends_as_expected(
    store: Store, settings: Settings, world: World, shared: Path
):
    with store.read() as session:
        unanswered = session.get_one(Invitation, world.invitation).model_dump()
    for name, wanted in expected("replies").items():
        values = VALUES | {
            "UID": "g-1@traject.example",
            "ATTENDEE": "fatima@school.example",
            "ORGANIZER": f"cmk+i{world.invitation}@hart.example",
            "DTSTAMP_UTC": "20261001T120000Z",
            **wanted.get("needs", {}),
        }
        with store.write() as session:
            session.get_one(Invitation, world.invitation).sqlmodel_update(
                unanswered | {"sequence": int(values["SEQUENCE"])}
            )
        said = public(add_mail(store, settings, filled(name, values), STARTS - 12 * HOUR))
        assert said["kind"] == {"COUNTER": "counter", "REQUEST": "unknown"}.get(wanted["method"], "reply"), (
            name
        )
        assert [said[key] for key in ("uid", "outcome", "partstat", "comment")] == [
            values["UID"],
            *(wanted[key] for key in ("outcome", "partstat", "comment")),
        ], name
        counts = wanted["outcome"] == "counted"
        assert partstat(store, world.invitation) == (wanted["partstat"] if counts else "NEEDS-ACTION"), name
    assert len(events(store)) == sum(each["outcome"] == "counted" for each in expected("replies").values())


def test_many_arrivals_give_way_to_whoever_is_at_their_trajectory_and_all_count_in_the_end(
    store: Store, settings: Settings, now: datetime, world: World
):
    mails = [reply_of(world, dtstamp=STARTS - hours * HOUR) for hours in (799, 798, 797)]
    with store.write() as session:
        for mail in mails:
            store_arrival(session, InboxKind.MAIL, mail_key(mail), now, {}, raw=mail)
    with ThreadPoolExecutor(1) as pool:
        with store.write() as session:
            lock_trajectories(session, [world.trajectory])
            draining = pool.submit(apply_stored, store, settings, now)
            time.sleep(0.4)  # longer than a batch waits
            assert not draining.done()
        report = draining.result(timeout=30)
    assert report.outcomes == {"counted": 3}
    assert partstat(store, world.invitation) is PartStat.ACCEPTED
