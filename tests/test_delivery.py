"""Delivery over a real SMTP server on the loopback, with every fault such a server can have."""

import asyncio
import socket
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from smtp_faults import DROP, KEEP_AND_DROP, STALL, Post, certificate, serving
from sqlalchemy import text
from sqlmodel import select
from test_outbox import a_message, put, row

from models import Message
from models.enums import MessageState
from traject.delivery import DeliveryReport, deliver
from traject.settings import Settings
from traject.store import Store

SOON = timedelta(seconds=0.3)  # how long a stalling server may take in these tests


def sent(store: Store, post: Post | None, now: datetime, **options) -> DeliveryReport:
    """One delivery to that server at that instant."""
    url = options.pop("url", post and f"smtp://127.0.0.1:{post.port}")
    values = {"smtp_url": url, "smtp_connections": options.pop("connections", 4), "secret_key": "test"}
    values["mail_per_minute"] = options.pop("per_minute", 0)
    options.setdefault("answer_within", timedelta(seconds=5))
    return asyncio.run(deliver(store, Settings(**values), clock=lambda: now, **options))


def to(store: Store, now: datetime, *addresses: str) -> list[int]:
    return put(store, *(a_message(now, to_email=address) for address in addresses))


def states(store: Store) -> dict[str, MessageState]:
    with store.read() as session:
        kept = session.exec(select(Message)).all()
    return {message.to_email: message.state for message in kept}


def test_what_is_due_is_accepted_with_the_words_of_the_server(store: Store, now: datetime):
    data = b"Subject: Dag\r\n\r\n.een punt\r\nd\xc3\xa9 dag\r\n"
    (key,) = put(
        store, a_message(now, to_email="kim@school.example", return_path="b-1@hart.example", data=data)
    )
    with serving(Post()) as post:
        report = sent(store, post, now)
    assert post.received == [("b-1@hart.example", "kim@school.example", data)]
    found = row(store, key)
    assert (found.state, found.answer) == (MessageState.ACCEPTED, "250 2.0.0 kept as 1")
    assert (found.accepted_at, found.attempted_at, found.attempts) == (now, now, 1)
    assert (report.accepted, report.deferred, report.failed, report.problem) == (1, 0, 0, "")


def test_a_second_run_sends_nothing(store: Store, now: datetime):
    to(store, now, "a@x.nl", "b@x.nl")
    with serving(Post()) as post:
        sent(store, post, now)
        assert sent(store, post, now + timedelta(days=1)).accepted == 0
    assert post.to() == ["a@x.nl", "b@x.nl"]


def test_with_nothing_due_no_connection_is_made(store: Store, now: datetime):
    put(store, a_message(now, next_attempt_at=now + timedelta(minutes=1)))
    with serving(Post()) as post:
        sent(store, post, now)
    assert post.connections == 0


def test_connections_are_reused_and_renewed_after_a_hundred_messages(store: Store, now: datetime):
    put(store, *(a_message(now) for _ in range(205)))
    with serving(Post()) as post:
        assert sent(store, post, now, connections=1).accepted == 205
    assert post.connections == 3


def test_no_more_connections_than_messages_and_no_more_messages_than_asked(store: Store, now: datetime):
    to(store, now, "a@x.nl", "b@x.nl", "c@x.nl")
    seen = []
    with serving(Post()) as post:
        report = sent(store, post, now, limit=2, progress=lambda done, total: seen.append((done, total)))
        assert sent(store, post, now, limit=0).accepted == 0
    assert report.accepted == len(post.received) == 2
    assert post.connections <= 3
    assert seen[-1] == (2, 3)


@pytest.mark.parametrize("stage", ["recipient", "data"])
def test_one_bad_recipient_never_holds_the_others(store: Store, now: datetime, stage):
    answers = {
        "bad@x.nl": "550 5.1.1 nobody",
        "policy@x.nl": "554 5.7.1 no",
        "later@x.nl": "451 4.3.0 later",
        "drop@x.nl": DROP,
        "stall@x.nl": STALL,
        "odd@x.nl": "299 what is this",
    }
    good = [f"good{number}@x.nl" for number in range(8)]
    to(store, now, *answers, *good)
    with serving(Post(**{stage: answers})) as post:
        report = sent(store, post, now, answer_within=SOON, connections=2)
    assert post.to() == good
    assert (report.accepted, report.deferred, report.failed, report.problem) == (8, 4, 2, "")
    found = states(store)
    assert {found[address] for address in good} == {MessageState.ACCEPTED}
    assert found["bad@x.nl"] == found["policy@x.nl"] == MessageState.FAILED
    assert {found[a] for a in ("later@x.nl", "drop@x.nl", "stall@x.nl", "odd@x.nl")} == {MessageState.QUEUED}


def test_a_drop_before_the_250_is_tried_again_with_the_same_bytes(store: Store, now: datetime):
    (key,) = to(store, now, "a@x.nl")
    with serving(Post(data={"": [KEEP_AND_DROP]})) as post:
        assert sent(store, post, now).deferred == 1
        assert row(store, key).answer.startswith("no answer to DATA")
        sent(store, post, row(store, key).next_attempt_at)
    assert row(store, key).state is MessageState.ACCEPTED
    first, second = post.received
    assert first == second


def test_who_is_greylisted_is_accepted_later_and_keeps_nobody_waiting(store: Store, now: datetime):
    to(store, now, "grijs@x.nl", "b@x.nl", "c@x.nl")
    with serving(Post(recipient={"grijs@x.nl": ["450 4.2.0 greylisted, try again in 5 minutes"]})) as post:
        assert sent(store, post, now, connections=1).accepted == 2
        assert post.to() == ["b@x.nl", "c@x.nl"]
        (waits,) = [key for key in (1, 2, 3) if row(store, key).state is MessageState.QUEUED]
        again = row(store, waits).next_attempt_at
        assert again is not None
        assert timedelta(minutes=1) <= again - now <= timedelta(minutes=2)
        assert sent(store, post, again).accepted == 1
    assert post.to() == ["b@x.nl", "c@x.nl", "grijs@x.nl"]


def test_421_slows_the_provider_down_and_the_others_go_on(store: Store, now: datetime):
    to(store, now, "a@busy.nl", "b@busy.nl", "c@busy.nl", "d@x.nl")
    with serving(Post(recipient={"a@busy.nl": "421 4.7.0 slow down"})) as post:
        report = sent(store, post, now, connections=1)
    assert post.to() == ["d@x.nl"]
    assert (report.accepted, report.deferred, report.problem) == (1, 3, "")


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ({"greeting": "421 4.3.2 busy"}, "421 4.3.2 busy"),
        ({"greeting": "554 no service"}, "554 no service"),
        ({"greeting": DROP}, "connecti"),
        ({"greeting": STALL}, "Timed out"),
        ({"hello": "421 too many"}, "421 too many"),
        ({"sender": {"": "421 4.7.0 quota"}}, "421 4.7.0 quota"),
        ({"sender": {"": "530 5.7.0 log in first"}}, "530 5.7.0 log in first"),
    ],
    ids=str,
)
def test_a_server_that_refuses_us_is_not_hammered_and_everything_waits(
    store: Store, now: datetime, faults, said
):
    put(store, *(a_message(now) for _ in range(30)))
    with serving(Post(**faults)) as post:
        report = sent(store, post, now, answer_within=SOON, connections=3)
        assert post.connections <= 3
    assert said in report.problem
    assert "TRAJECT_SMTP_URL" in report.problem
    assert (report.accepted, report.deferred, report.failed) == (0, 30, 0)
    with store.read() as session:
        times = session.exec(select(Message.next_attempt_at)).all()
    assert min(times) >= now + timedelta(minutes=1)


def test_a_server_that_is_not_there_is_tried_once(store: Store, now: datetime):
    put(store, *(a_message(now) for _ in range(30)))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        post = Post(port=free.getsockname()[1])
    report = sent(store, post, now)
    assert report.deferred == 30
    assert f"127.0.0.1:{post.port} kan niet worden gebruikt" in report.problem
    with serving(post):
        assert sent(store, post, now + timedelta(minutes=2)).accepted == 30


def test_a_server_that_loses_every_connection_is_left_alone(store: Store, now: datetime):
    put(store, *(a_message(now) for _ in range(200)))
    with serving(Post(data={"": DROP})) as post:
        report = sent(store, post, now, connections=2)
    assert "connections lost in a row" in report.problem
    assert post.connections < 15
    assert report.deferred == 200


def test_a_server_that_comes_back_in_the_middle_gets_the_rest(store: Store, now: datetime):
    put(store, *(a_message(now) for _ in range(40)))
    with serving(Post(data={"": [None] * 5 + [DROP] * 3})) as post:
        report = sent(store, post, now)
        assert (report.accepted, report.deferred) == (37, 3)
        sent(store, post, now + timedelta(minutes=2))
    assert len(set(post.to())) == len(post.received) == 40


def test_addresses_that_cannot_be_said_in_smtp_fail_alone(store: Store, now: datetime):
    put(
        store,
        a_message(now, to_email="a b@x.nl"),
        a_message(now, return_path="b c@x.nl"),
        a_message(now, to_email="zo\u00eb@x.nl"),
        a_message(now, to_email="good@x.nl"),
    )
    with serving(Post()) as post:
        report = sent(store, post, now, connections=1)
    assert post.to() == ["good@x.nl"]
    assert (report.accepted, report.failed) == (1, 3)


def test_the_server_is_told_what_it_needs_to_know(store: Store, now: datetime):
    to(store, now, "a@x.nl")
    options = []
    post = Post()
    plain = post.handle_MAIL

    async def handle_MAIL(server, session, envelope, address, given):
        options.extend(given)
        return await plain(server, session, envelope, address, given)

    post.handle_MAIL = handle_MAIL
    with serving(post):
        sent(store, post, now)
    assert options == [f"SIZE={len(b'Subject: Dag' + b'....Dag!..')}"]


# TLS and login


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_tls_and_login_as_the_url_says(store: Store, now: datetime, tmp_path: Path, monkeypatch, scheme):
    tls, trusted = certificate(tmp_path)
    to(store, now, "a@x.nl")
    post = Post(tls=tls, login=("cmk@hart.example", "p@ss:word/"))
    with serving(post, smtps=scheme == "smtps"):
        url = f"{scheme}://cmk%40hart.example:p%40ss%3Aword%2F@127.0.0.1:{post.port}"
        unknown = sent(store, post, now, url=url)
        assert "CERTIFICATE_VERIFY_FAILED" in unknown.problem
        assert post.received == []
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        later = now + timedelta(minutes=10)
        wrong = sent(store, post, later, url=url.replace("word", "wort"))
        assert "535" in wrong.problem
        assert "wort" not in wrong.problem
        assert "cmk" not in wrong.problem
        assert sent(store, post, later + timedelta(minutes=10), url=url).accepted == 1


def test_starttls_that_the_server_does_not_offer_is_never_skipped(store: Store, now: datetime):
    to(store, now, "a@x.nl")
    with serving(Post()) as post:
        report = sent(store, post, now, url=f"smtp+starttls://127.0.0.1:{post.port}")
    assert "TLS" in report.problem.upper()
    assert post.received == []


ANSWERS = st.sampled_from(
    [
        None,
        DROP,
        KEEP_AND_DROP,
        "252 perhaps",
        "354 go on",
        "421 4.7.0 slow",
        "450 4.2.0 greylisted",
        "452 4.3.1 full",
        "500 what",
        "550 5.1.1 nobody",
        "550 nobody",
        "552 5.2.2 full",
        "554 5.7.1 no",
        "999 x",
        "nonsense",
    ]
)
PLAN = st.fixed_dictionaries(
    {
        "sender": st.lists(ANSWERS, max_size=2),
        "recipient": st.lists(ANSWERS, max_size=3),
        "data": st.lists(ANSWERS, max_size=3),
    }
)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=PLAN, connections=st.integers(1, 3))
@example(plan={"sender": ["nonsense"], "recipient": ["354 go on"], "data": ["nonsense"]}, connections=1)
def test_whatever_the_server_answers_nothing_is_lost(store: Store, now: datetime, plan, connections):
    with store.write() as session:
        session.connection().execute(text("DELETE FROM events"))
        session.connection().execute(text("DELETE FROM messages"))
    to(store, now, *(f"p{number}@x{number % 2}.nl" for number in range(6)))
    with serving(Post(**{stage: {"": list(answers)} for stage, answers in plan.items()})) as post:
        at, found = now, states(store)
        for _ in range(12):
            report = sent(store, post, at, connections=connections, answer_within=timedelta(seconds=2))
            found = states(store)
            assert len(found) == 6
            assert set(found.values()) <= {MessageState.QUEUED, MessageState.ACCEPTED, MessageState.FAILED}
            assert report.accepted <= 6
            at += timedelta(hours=5)
    assert set(found.values()) <= {MessageState.ACCEPTED, MessageState.FAILED}
    taken = {address for address, state in found.items() if state is MessageState.ACCEPTED}
    assert taken <= set(post.to())
    with store.read() as session:
        told = session.connection().execute(text("SELECT count(*) FROM events")).scalar()
    assert told == 6 - len(taken), "each that failed is in the history"
