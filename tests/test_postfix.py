"""Delivery to Postfix: a real mail server that takes and refuses, and its sink for the faults that few servers show."""

import re
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from postfix_peer import needs_postfix, needs_sink, postfix, sink
from test_delivery import sent, states
from test_outbox import a_message, key_of, put, row

from models import Person
from models.enums import AddressState, MessageState
from traject.store import Store

pytestmark = pytest.mark.parametrize(
    "database_url", ["sqlite"], indirect=True
)  # the peer is what is tested here
SOON = timedelta(seconds=0.5)


def dumped(folder: Path) -> list[bytes]:
    """The mails that the sink kept, without what it writes above them."""
    return [re.sub(rb"\A(?:X-[\w-]+:.*\n)+", b"", file.read_bytes()) for file in folder.iterdir()]


# Its sink


@needs_sink
def test_the_sink_takes_everything_with_its_words(store: Store, now: datetime):
    keys = put(store, *(a_message(now) for _ in range(20)))
    with sink() as (port, folder):
        report = sent(store, None, now, url=f"smtp://127.0.0.1:{port}")
        assert len(dumped(folder)) == 20
    assert (report.accepted, report.problem) == (20, "")
    assert row(store, keys[0]).answer.startswith("250 2.")


@needs_sink
@pytest.mark.parametrize(
    ("faults", "said", "state"),
    [
        (["-r", "RCPT"], "450 4.3.0", MessageState.QUEUED),
        (["-r", "RCPT", "-b", "450 4.2.0 greylisted, come back later"], "450 4.2.0", MessageState.QUEUED),
        (["-f", "RCPT", "-B", "550 5.1.1 nobody here"], "550 5.1.1", MessageState.FAILED),
        (["-f", ".", "-B", "554 5.7.1 not this content"], "554 5.7.1", MessageState.FAILED),
        (["-r", "."], "450 4.3.0", MessageState.QUEUED),
        (["-q", "RCPT"], "no answer to RCPT", MessageState.QUEUED),
        (["-q", "."], "no answer to DATA", MessageState.QUEUED),
        (["-W", ".:30"], "no answer to DATA", MessageState.QUEUED),
        (["-Q", "RCPT"], "421 ", MessageState.QUEUED),
    ],
    ids=[
        "4xx",
        "greylisted",
        "5xx address",
        "5xx content",
        "4xx after the content",
        "drop at RCPT",
        "drop before the 250",
        "stall before the 250",
        "421",
    ],
)
def test_each_fault_of_the_sink_is_judged_by_itself(store: Store, now: datetime, faults, said, state):
    (key,) = put(store, a_message(now))
    with sink(*faults) as (port, _):
        sent(store, None, now, url=f"smtp://127.0.0.1:{port}", answer_within=SOON)
    found = row(store, key)
    assert (found.state, found.answer[: len(said)]) == (state, said)
    if state is MessageState.QUEUED:
        assert found.next_attempt_at is not None
        assert found.next_attempt_at >= now + timedelta(minutes=1)


@needs_sink
@pytest.mark.parametrize(
    "faults", [["-r", "CONNECT"], ["-q", "CONNECT"], ["-Q", "EHLO"], ["-Q", "MAIL"]], ids=" ".join
)
def test_a_sink_that_refuses_us_is_left_alone_and_gets_everything_when_it_is_well(
    store: Store, now: datetime, faults
):
    put(store, *(a_message(now) for _ in range(5)))
    with sink(*faults) as (port, _):
        ill = sent(store, None, now, url=f"smtp://127.0.0.1:{port}", answer_within=SOON)
    assert (ill.accepted, ill.deferred) == (0, 5)
    assert "kan niet worden gebruikt" in ill.problem
    with sink() as (port, folder):
        assert sent(store, None, now + timedelta(hours=1), url=f"smtp://127.0.0.1:{port}").accepted == 5
        assert len(dumped(folder)) == 5


# Postfix itself


@needs_postfix
def test_postfix_delivers_what_was_queued_byte_for_byte_and_refuses_who_is_not_there(
    store: Store, now: datetime
):
    with store.write() as session:
        person = Person(name="Weg", email="weg@school.example")
        session.add(person)
        session.flush()
        gone = key_of(person)
    data = (
        b"Message-ID: <1@hart.example>\r\nDate: Mon, 07 Sep 2026 08:00:00 +0000\r\nFrom: cmk@hart.example\r\n"
        b"Subject: Studiemiddag\r\n\r\n.een punt\r\nFrom hier\r\n" + b"x" * 900 + b"\r\n"
    )
    back = "cmk+b-17@hart.example"
    keys = put(
        store,
        a_message(now, to_email="noor@school.example", return_path=back, data=data),
        a_message(now, to_email="Daan@School.Example", data=data),
        a_message(now, to_email="weg@school.example", person_id=gone),
        a_message(now, to_email="grijs@school.example"),
        a_message(now, to_email="iemand@elders.example"),
        a_message(now, to_email="druk@druk.example"),
    )
    boxes = {"noor@school.example": "noor", "daan@school.example": "daan", "grijs@school.example": "grijs"}
    access = {
        "grijs@school.example": "450 4.2.0 greylisted",
        "iemand@elders.example": "REJECT 5.7.1 no relaying",
        "druk@druk.example": "452 4.5.3 too many recipients",
    }
    with postfix(boxes, access) as office:
        report = sent(store, None, now, url=f"smtp://127.0.0.1:{office.port}", connections=1)
        [(mail, raw)] = office.read("noor", 1)
        [(other, _)] = office.read("daan", 1)
    assert report.accepted == 2, states(store)
    assert mail["Return-Path"] == f"<{back}>"
    assert raw.endswith(data.replace(b"\r\n", b"\n")), (
        "the bytes that were frozen, under the server's own headers"
    )
    assert other["Delivered-To"].lower() == "daan@school.example"
    found = {key: row(store, key) for key in keys}
    assert found[keys[0]].answer.startswith("250 2.0.0 Ok: queued as ")
    assert found[keys[2]].answer.startswith("550 5.1.1 ")
    assert found[keys[3]].answer == "450 4.2.0 <grijs@school.example>: Recipient address rejected: greylisted"
    assert found[keys[4]].answer.startswith("554 5.7.1 ")
    assert Counter(each.state for each in found.values()) == {
        MessageState.ACCEPTED: 2,
        MessageState.FAILED: 2,
        MessageState.QUEUED: 2,
    }
    with store.read() as session:
        assert session.get_one(Person, gone).address_state is AddressState.BOUNCED
