"""Whatever bytes arrive, and in whatever order: a named outcome, soon, and the same end state."""

import re
import shutil
import time
import zlib
from base64 import encodebytes
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from answering import STARTS, World, build, queue_reminder
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlmodel import select
from test_bounce_inbox import report_of
from test_incoming_mail import asks, reply_of
from test_reply import read_reply

from calendars.bounce import read_bounce
from calendars.mail_parts import read_mail
from calendars.reply import NotAReply, NotAReplyKind
from models import Arrival, Invitation, Message, Person, Task
from models.enums import InboxKind, MessageState, PartStat
from traject.fetched import mail_key
from traject.inbox import add_mail, apply_stored, store_arrival
from traject.outcome import public
from traject.settings import Settings
from traject.store import Store

NOW = datetime.fromisoformat("2026-09-07T08:00:00+00:00")
KINDS = {"reply", "counter", "refresh", "bounce", "auto-reply", "unsubscribe", "unknown"}
OUTCOMES = {"counted", "stale", "quarantined", "proposal", "ignored", "recorded"}
SAMPLES = Path(__file__).parents[2] / "shared" / "samples"
LONGEST = 1.0
"""Seconds of processor time for one mail."""

A_FAULT = re.compile(r"\w*(Error|Exception|Group|Iteration|Interrupt): ")

TOKENS = [
    *(b"\0", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\xff\xfe", b"\xc3", b"--=b\r\n", b"--=b--", b'boundary="=b"', b"boundary="),
    *(b"charset=utf-7", b"charset=punycode", b"charset=x-nothing", b"charset=utf-16", b"charset*0*=''", b"=?utf-8?b?AA==?="),
    *(b"=?x?q?=00?=", b"=00", b"=", b"TZID=Pacific:", b"BEGIN:VCALENDAR", b"END:VEVENT", b"BEGIN:VEVENT", b"METHOD:COUNTER"),
    *(b"\r\nCONTENT-TRANSFER-ENCODING: base64\r\n", b"\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\r\n"),
    *(b"content-type: message/rfc822\r\n", b"content-type: message/delivery-status\r\n", b"SEQUENCE:99999999999999999999"),
    *(b"DTSTAMP:00010101T000000Z", b"DTSTAMP:99991231T235960Z", b"DTSTART;TZID=", b"mailto:", b"<", b">", b"@", b"(" * 3000),
    *(b"Action: delayed\r\n", b"5.1.1", b"\r\n ", b";", b":", b'"', b"\\", b'{"notificationType":"Bounce","mail":{}}'),
]  # fmt: skip


@pytest.fixture
def world(store: Store) -> World:
    return build(store)


@pytest.fixture(scope="module")
def lite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Settings, World]:
    """One store for a whole run of mails, as in life."""
    file = tmp_path_factory.mktemp("fuzz") / "traject.db"
    shutil.copy(sqlite_template, file)
    store = Store(f"sqlite:///{file}")
    return store, Settings(database_url=f"sqlite:///{file}"), build(store)


def ends_well(store: Store, settings: Settings, mail: bytes, now: datetime = NOW) -> dict:
    before = time.thread_time()
    said = public(add_mail(store, settings, mail, now, now))
    assert time.thread_time() - before < LONGEST or to_read(mail) < LONGEST
    assert said["kind"] in KINDS
    assert said["outcome"] in OUTCOMES
    assert said["why"]
    assert not A_FAULT.match(said["why"]), said["why"]
    return said


def to_read(mail: bytes) -> float:
    """The time that reading alone takes, without whatever else this process just had to do."""
    before = time.thread_time()
    found = read_reply(mail)
    if isinstance(found, NotAReply) and found.kind is not NotAReplyKind.BROKEN:
        read_bounce(read_mail(mail))
    return time.thread_time() - before


def seeds(world: World) -> list[bytes]:
    own = [
        reply_of(world),
        asks(world, "COUNTER"),
        asks(world, "REFRESH"),
        report_of(),
        report_of(action="delayed"),
    ]
    return own + [file.read_bytes() for file in sorted(SAMPLES.glob("*/*.eml"))]


@hypothesis_settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_mutated_mail_always_has_an_outcome(lite: tuple[Store, Settings, World], data: st.DataObject):
    store, settings, world = lite
    mail = data.draw(st.sampled_from(seeds(world)), "seed")
    for _ in range(data.draw(st.integers(1, 5), "mutations")):
        start = data.draw(st.integers(0, len(mail)), "start")
        end = min(len(mail), start + data.draw(st.integers(0, 200), "length"))
        new = data.draw(
            st.sampled_from(TOKENS) | st.binary(max_size=20) | st.just(mail[start:end] * 3) | st.just(b""),
            "new",
        )
        mail = mail[:start] + new + mail[end:]
    ends_well(store, settings, mail)


TYPES = [
    *("text/plain", "text/html", "text/calendar", "text/calendar; method=REPLY", "text/plain; charset=utf-7", "application/ics"),
    *("message/rfc822", "message/delivery-status", "message/feedback-report", "text/rfc822-headers", "multipart/mixed", "x"),
]  # fmt: skip
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "From",
                "To",
                "Subject",
                "Return-Path",
                "Auto-Submitted",
                "X-Failed-Recipients",
                "Content-Transfer-Encoding",
            ]
        ),
        st.text(max_size=40)
        | st.sampled_from(["MAILER-DAEMON@x.example", "base64", "quoted-printable", "Undelivered", "<>"]),
    ),
    max_size=5,
)
BODIES = st.binary(max_size=100) | st.sampled_from(TOKENS) | st.text(max_size=100).map(str.encode)


def part(headers: list[tuple[str, str]], kind: str, body: bytes) -> bytes:
    head = "".join(f"{name}: {value}\r\n" for name, value in headers) + f"Content-Type: {kind}\r\n\r\n"
    return head.encode("utf-8", "replace") + body


def multipart(headers: list[tuple[str, str]], children: list[bytes], boundary: str) -> bytes:
    body = b"".join(b"--" + boundary.encode() + b"\r\n" + child + b"\r\n" for child in children)
    return part(headers, f'multipart/mixed; boundary="{boundary}"', body)


MAILS = st.recursive(
    st.builds(part, HEADERS, st.sampled_from(TYPES), BODIES),
    lambda inner: st.builds(
        multipart, HEADERS, st.lists(inner, max_size=4), st.sampled_from(["b", "bb", "=", ""])
    ),
    max_leaves=12,
)


@hypothesis_settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mail=MAILS)
def test_any_tree_of_parts_has_an_outcome(lite: tuple[Store, Settings, World], mail: bytes):
    store, settings, _ = lite
    ends_well(store, settings, mail)


HEAD = b"Return-Path: <>\r\nFrom: MAILER-DAEMON@x.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
PLAIN = HEAD + b"Content-Type: text/plain\r\n\r\n"
COUNTER = b"""From: fatima@school.example\r
Content-Type: text/calendar\r
\r
BEGIN:VCALENDAR\r
METHOD:COUNTER\r
BEGIN:VTIMEZONE\r
TZID:q\r
BEGIN:STANDARD\r
DTSTART:00010101T000000\r
%sTZOFFSETFROM:+0100\r
TZOFFSETTO:+0100\r
END:STANDARD\r
END:VTIMEZONE\r
BEGIN:VEVENT\r
UID:q\r
DTSTART;TZID=q:20261001T100000\r
DTEND;TZID=q:20261001T110000\r
ATTENDEE:mailto:fatima@school.example\r
END:VEVENT\r
END:VCALENDAR\r
"""
HUGE = {
    "a zone that changed 40,000 times": COUNTER % (b"RDATE:20200101T000000\r\n" * 40_000),
    "a zone with 20,000 rules": COUNTER % (b"RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU;BYMONTHDAY=1,2\r\n" * 15_000),
    "50 MB": PLAIN + b"x" * 50_000_000,
    "10,000 parts": MIXED + b"--b\r\nContent-Type: text/calendar\r\n\r\nx\r\n" * 10_000,
    "100,000 blocks of a delivery status": HEAD + b"Content-Type: message/delivery-status\r\n\r\n" + b"Action: failed\r\n\r\n" * 100_000,
    "300,000 headers": b"X: y\r\n" * 300_000 + b"\r\n",
    "a mail in a mail in a mail": b"Content-Type: message/rfc822\r\n\r\n" * 2_000,
    "a calendar that grows out of base64": HEAD + b"Content-Type: text/calendar\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + encodebytes(b"BEGIN:VCALENDAR\r\n" * 300_000),
    "lone carriage returns": PLAIN + b"a\rb\r" * 1_000_000,
    "one long word": PLAIN + b"a" * 9_000_000,
    "nothing but angle brackets": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<" * 5_000_000,
    "words that almost match": PLAIN + b"user delivery to address exceed <mailto:a@a.a " * 2_000,
    "brackets in an address": HEAD + b'To: "' + b"(" * 8_000 + b"\r\n\r\nhi",
    "JSON that nests": PLAIN + b'{"notificationType":"Bounce","mail":' + b"[" * 60_000,
}  # fmt: skip


@pytest.mark.parametrize("name", HUGE)
def test_a_huge_mail_is_put_aside_soon(lite: tuple[Store, Settings, World], name: str):
    store, settings, _ = lite
    assert ends_well(store, settings, HUGE[name])["outcome"] == "quarantined"


def finds(world: World) -> dict[str, bytes]:
    """What was found before, or is known to have broken others."""
    return {
        "NUL in a comment": reply_of(world, comment="a\0b"),
        "NUL in the UID": reply_of(world, uid="a\0b"),
        "NUL in an address": reply_of(world, attendee="a\0b@school.example"),
        "NUL in the message-id": report_of(to="cmk@hart.example", who="x@y.example", message_id="<a\0b@hart.example>"),
        "NUL in the recipient of a report": report_of(to="c\0mk@hart.example", who="a\0b@y.example"),
        "half a character in UTF-7": PLAIN.replace(b"plain", b"plain; charset=utf-7") + b"+2AA-@x.example: unknown user\r\n",
        "half a character in a header": HEAD + b"To: a\xed\xa0\x80b@x.example\r\n\r\n<a@x.example>: unknown user\r\n",
        "a zone named Pacific": reply_of(world).replace(b"SEQUENCE:1", b"SEQUENCE:1\r\nDTSTART;TZID=Pacific:20261007T133000"),
        "a year without a before": reply_of(world).replace(b"DTSTAMP:2026", b"DTSTAMP:0001"),
        "a SEQUENCE beyond a column": reply_of(world, sequence=2**31 - 1),
        "a character set that is none": reply_of(world).replace(b"utf-8", b"../../x"),
        "base64 of one character in a subject": PLAIN.replace(b"Undelivered", b"=?utf-8?B?a?=") + b"hi",
        "a character set that cannot be named": PLAIN.replace(b"Undelivered", b"=?utf-\xff?q?a?=") + b"hi",
        "a calendar of two zip bombs": HEAD + b"Content-Type: application/zip; name=invite.ics\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + encodebytes(zlib.compress(b"\0" * 50_000_000, 9)),
        "writing that runs backwards": reply_of(world, sender='"\u202egpj.exe" <fatima@school.example>', comment="\u202eabc"),
        "brackets in From": reply_of(world, sender='"' + "(" * 3000),
    }  # fmt: skip


def test_what_was_found_before_ends_well_on_both_databases(store: Store, settings: Settings, world: World):
    for mail in finds(world).values():
        ends_well(store, settings, mail)


def with_mail_out(store: Store, now: datetime) -> World:
    """The world, with a mail m1 that went to Fatima and two that wait for her."""
    world = build(store)
    with store.read() as session:
        person = session.get_one(Invitation, world.invitation).person_id
    for key, is_reminder in (("m1", False), ("m2", True), ("m3", False)):
        queue_reminder(
            store, world, key, invitation_id=world.invitation, is_reminder=is_reminder, person_id=person
        )
    with store.write() as session:
        session.exec(select(Message).where(Message.effect_key == "m1")).one().state = MessageState.ACCEPTED
    return world


def handful(world: World) -> list[bytes]:
    """Answers of which one is stale, a proposal, and a hard and a soft report about one mail."""
    return [
        reply_of(world, partstat="ACCEPTED", dtstamp=STARTS - timedelta(hours=800)),
        reply_of(world, partstat="DECLINED", dtstamp=STARTS - timedelta(hours=790)),
        reply_of(world, partstat="TENTATIVE", sequence=0),
        asks(world, "COUNTER"),
        report_of(),
        report_of(status="5.7.1", diagnosis="550 refused by policy"),
    ]


def end_state(store: Store) -> dict[str, Any]:
    """What counts in the end; not the history, which tells in which order mails came."""
    with store.read() as session:
        return {
            "invitations": [
                each.model_dump() for each in session.exec(select(Invitation).order_by(Invitation.id)).all()
            ],
            "people": [each.model_dump() for each in session.exec(select(Person).order_by(Person.id)).all()],
            "tasks": sorted((t.effect_key, t.title, t.detail, t.state) for t in session.exec(select(Task))),
            "messages": session.exec(select(Message.effect_key, Message.state).order_by(Message.id)).all(),
            "mails": session.exec(select(Arrival.external_key).order_by(Arrival.external_key)).all(),
        }


ENDED = {"bounce": "werkt niet meer", "proposal": "ander moment", "undelivered": "niet aangekomen"}


def ended_well(store: Store, world: World) -> dict[str, Any]:
    found = end_state(store)
    assert found["invitations"][0]["partstat"] is PartStat.DECLINED
    assert [key.split(":")[0] for key, *_ in found["tasks"]] == sorted(ENDED)
    assert all(ENDED[key.split(":")[0]] in title for key, title, *_ in found["tasks"])
    assert found["messages"] == [
        ("m1", MessageState.ACCEPTED),
        ("m2", MessageState.WITHDRAWN),
        ("m3", MessageState.HELD),
    ]
    return found


def test_in_any_order_twice_or_interrupted_the_end_state_is_the_same(
    sqlite_template: Path, tmp_path: Path, now: datetime
):
    ends: list[dict[str, Any]] = []
    for number, order in enumerate(list(permutations(range(6)))[::17]):
        file = tmp_path / f"{number}.db"
        shutil.copy(sqlite_template, file)
        store, settings = Store(f"sqlite:///{file}"), Settings(database_url=f"sqlite:///{file}")
        world = with_mail_out(store, now)
        for each in (*order, *order[: number % 5]):
            mail = handful(world)[each]
            if (number + each) % 3:
                add_mail(store, settings, mail, now, now)
            else:  # interrupted once it was stored
                with store.write() as session:
                    store_arrival(session, InboxKind.MAIL, mail_key(mail), now, {}, raw=mail)
        apply_stored(store, settings, now)
        ends.append(ended_well(store, world))
        store.close()
    assert all(end == ends[0] for end in ends)


def test_four_at_once_end_in_the_same_state(store: Store, settings: Settings, now: datetime):
    world = with_mail_out(store, now)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda mail: add_mail(store, settings, mail, now, now), handful(world) * 2))
    ended_well(store, world)
