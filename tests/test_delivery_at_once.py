"""Delivery while something else happens: another delivery, an answer, a cancellation, a database that fails."""

import asyncio
import json
import subprocess
import sys
import time
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from smtp_faults import Post, serving
from sqlalchemy import text
from test_delivery import sent, states
from test_outbox import a_message, a_person, put, row

from models.enums import MessageState
from traject.delivery import deliver
from traject.outbox import withdraw
from traject.settings import Settings
from traject.store import Store


def test_a_message_withdrawn_before_its_turn_is_not_sent(store: Store, now: datetime):
    with store.write() as session:
        person = a_person(session)
    early = now - timedelta(minutes=1)
    first, second = put(
        store,
        a_message(now, to_email="a@x.nl", next_attempt_at=early),
        a_message(now, to_email="b@x.nl", person_id=person, is_reminder=True),
    )

    def answer_comes(_: str) -> None:
        with store.write() as session:
            withdraw(session, reason="answered", person_id=person)

    with serving(Post(on_data=answer_comes)) as post:
        sent(store, post, now, connections=1)
    assert post.to() == ["a@x.nl"]
    assert (row(store, first).state, row(store, second).state) == (
        MessageState.ACCEPTED,
        MessageState.WITHDRAWN,
    )


def test_two_deliveries_at_once_send_nothing_twice(store: Store, now: datetime):
    put(store, *(a_message(now) for _ in range(120)))
    other = Store(store.engine.url.render_as_string(hide_password=False))
    with serving(Post()) as post:
        config = Settings(smtp_url=f"smtp://127.0.0.1:{post.port}", smtp_connections=3, secret_key="test")

        async def both():
            return await asyncio.gather(
                deliver(store, config, clock=lambda: now), deliver(other, config, clock=lambda: now)
            )

        one, two = asyncio.run(both())
    other.close()
    assert one.accepted + two.accepted == len(post.received) == len(set(post.to())) == 120
    assert min(one.accepted, two.accepted) > 0


CHILD = """
import asyncio, json, sys
from datetime import datetime, timedelta
from traject.delivery import deliver
from traject.settings import Settings
from traject.store import Store
url, port, at, per_minute = sys.argv[1:]
settings = Settings(smtp_url=f"smtp://127.0.0.1:{port}", mail_per_minute=int(per_minute), secret_key="test")
report = asyncio.run(deliver(Store(url), settings, clock=lambda: datetime.fromisoformat(at)))
print(json.dumps([report.accepted, report.resume_at.isoformat() if report.resume_at else None]))
"""


def children(store: Store, post: Post, at: datetime, per_minute: int) -> list[tuple[int, str]]:
    """What two processes that deliver at once say: how many were accepted, and when to go on."""
    url = store.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", CHILD, url, str(post.port), at.isoformat(), str(per_minute)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    return [json.loads(child.communicate(timeout=60)[0]) for child in running]


def test_the_rate_limit_holds_over_processes_and_says_when_to_go_on(store: Store, now: datetime):
    put(store, *(a_message(now) for _ in range(25)))
    minute = timedelta(minutes=1)
    with serving(Post()) as post:
        first = children(store, post, now, per_minute=10)
        assert len(post.received) == sum(accepted for accepted, _ in first) == 10
        assert (now + minute).isoformat() in {resume_at for _, resume_at in first}
        early = sent(store, post, now + timedelta(seconds=59), per_minute=10)
        assert (early.accepted, early.resume_at, early.problem) == (0, now + minute, "")
        second = sent(store, post, now + minute, per_minute=10)
        assert (second.accepted, second.resume_at) == (10, now + 2 * minute)
        last = sent(store, post, now + 2 * minute, per_minute=10)
    assert (last.accepted, last.resume_at, len(set(post.to()))) == (5, None, 25)


def test_a_cancelled_delivery_finishes_what_is_in_flight(store: Store, now: datetime):
    put(store, *(a_message(now) for _ in range(50)))
    with serving(Post(delay=0.2)) as post:
        config = Settings(smtp_url=f"smtp://127.0.0.1:{post.port}", smtp_connections=2, secret_key="test")

        async def cancelled():
            started, loop = asyncio.Event(), asyncio.get_running_loop()
            post.on_data = lambda _: loop.call_soon_threadsafe(started.set)
            running = asyncio.create_task(deliver(store, config, clock=lambda: now))
            await started.wait()
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            assert running.cancelled()

        asyncio.run(cancelled())
        time.sleep(0.05)
        assert post.open == 0, "it said goodbye"
    found = list(states(store).values())
    assert MessageState.ATTEMPTING not in found
    assert found.count(MessageState.ACCEPTED) == len(post.received) < 10


def test_a_database_fault_is_raised_and_nothing_is_lost(store: Store, now: datetime):
    put(store, *(a_message(now) for _ in range(5)))

    def broken(_: str) -> None:
        with store.write() as session:
            session.connection().execute(text("ALTER TABLE messages RENAME TO elsewhere"))

    with serving(Post(on_data=broken)) as post:
        with pytest.raises(Exception, match="messages"):
            sent(store, post, now, connections=1)
        with store.write() as session:
            session.connection().execute(text("ALTER TABLE elsewhere RENAME TO messages"))
        post.on_data = lambda _: None
        sent(store, post, now + timedelta(hours=1))
    assert set(states(store).values()) == {MessageState.ACCEPTED}
    assert len(post.received) == 6, "one was in flight"
