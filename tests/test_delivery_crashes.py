"""The delivery promise, tested by killing the process: nothing is lost, and at most what was in flight arrives twice."""

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from smtp_faults import Post, serving
from sqlalchemy.orm import selectinload
from sqlmodel import select
from test_outbox import a_message, put

from models import Message
from models.enums import MessageState
from traject.delivery import deliver
from traject.outbox import LEASE
from traject.settings import Settings
from traject.store import Store

MESSAGES = 12
CONNECTIONS = 3

CHILD = """
import asyncio, os, signal, sys
from datetime import datetime
from sqlalchemy import event
from traject.delivery import deliver
from traject.settings import Settings
from traject.store import Store

url, port, at, connections, moment, number = sys.argv[1:]
store = Store(url)
writes = 0

def die():
    os.kill(os.getpid(), signal.SIGKILL)

@event.listens_for(store.engine, "commit")
def commit(connection):
    global writes
    if connection.get_execution_options().get("traject_writing"):
        writes += 1
        if moment == "before" and writes == int(number):
            die()

@event.listens_for(store.engine, "checkin")
def checkin(*_):
    if moment == "after" and writes >= int(number):
        die()

settings = Settings(smtp_url=f"smtp://127.0.0.1:{port}", smtp_connections=int(connections), secret_key="test")
print("up", flush=True)
report = asyncio.run(deliver(store, settings, clock=lambda: datetime.fromisoformat(at)))
print(report.accepted, flush=True)
"""


def started(store: Store, post: Post, at: datetime, connections: int, moment: str = "", number: int = 0):
    """A process that delivers, and kills itself before or after its commit of that number."""
    url = store.engine.url.render_as_string(hide_password=False)
    arguments = [url, str(post.port), at.isoformat(), str(connections), moment, str(number)]
    return subprocess.Popen([sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, text=True)


def second_run(store: Store, post: Post, now: datetime) -> int:
    """After the crash: nothing before the lease ends, everything after it; gives how many arrived twice."""
    crashed_with = len(post.received)
    config = Settings(
        smtp_url=f"smtp://127.0.0.1:{post.port}", smtp_connections=CONNECTIONS, secret_key="test"
    )
    at_once = asyncio.run(deliver(store, config, clock=lambda: now + LEASE - timedelta(seconds=1)))
    assert len(post.received) == crashed_with + at_once.accepted
    asyncio.run(deliver(store, config, clock=lambda: now + LEASE))
    with store.read() as session:
        kept = session.exec(select(Message).options(selectinload(Message.content))).all()
    assert {message.state for message in kept} == {MessageState.ACCEPTED}, "nothing is lost"
    assert {to for _, to, _ in post.received} == {message.to_email for message in kept}
    for message in kept:
        arrived = {(sender, data) for sender, to, data in post.received if to == message.to_email}
        assert arrived == {(message.return_path, message.data)}, "a duplicate is the same, byte for byte"
    assert asyncio.run(deliver(store, config, clock=lambda: now + timedelta(days=3))).accepted == 0
    times = Counter(to for _, to, _ in post.received)
    assert max(times.values()) <= 2
    return len(post.received) - len(kept)


def prepared(store: Store, now: datetime, messages: int = MESSAGES) -> None:
    put(
        store,
        *(
            a_message(now, data=f"Subject: {number}\r\n\r\nDag {number}\r\n".encode())
            for number in range(messages)
        ),
    )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 6))
def test_killed_at_each_commit_of_one_connection(store: Store, now: datetime, moment: str, number: int):
    prepared(
        store, now, 4
    )  # five commits: the first claim, then what became of one with the claim of the next
    with serving(Post()) as post:
        child = started(store, post, now, 1, moment, number)
        child.communicate(timeout=60)
        assert child.returncode == -signal.SIGKILL
        arrived = number - 1
        assert len(post.received) == arrived
        twice = second_run(store, post, now)
    assert twice == (1 if moment == "before" and arrived else 0), "accepted, and not yet recorded"


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", [2, 4])
def test_killed_at_a_commit_with_several_in_flight(store: Store, now: datetime, moment: str, number: int):
    prepared(store, now)
    with serving(Post()) as post:
        child = started(store, post, now, CONNECTIONS, moment, number)
        child.communicate(timeout=60)
        assert child.returncode == -signal.SIGKILL
        assert second_run(store, post, now) <= CONNECTIONS


@pytest.mark.parametrize("connections", [1, CONNECTIONS])
def test_killed_when_the_server_has_the_message_and_has_not_said_so(
    store: Store, now: datetime, connections: int
):
    prepared(store, now)
    with serving(Post()) as post:
        kill = kill_at_the_fifth(post)
        child = started(store, post, now, connections)
        kill.append(child.kill)
        child.communicate(timeout=60)
        assert child.returncode == -signal.SIGKILL
        assert 1 <= second_run(store, post, now) <= connections


@pytest.mark.parametrize("connections", [1, CONNECTIONS])
def test_killed_right_after_the_250(store: Store, now: datetime, connections: int):
    prepared(store, now)
    with serving(Post()) as post:
        kill = kill_at_the_fifth(post)
        child = started(store, post, now, connections)
        kill.append(lambda: asyncio.get_running_loop().call_later(0.001, child.kill))
        child.communicate(timeout=60)
        assert second_run(store, post, now) <= connections


def kill_at_the_fifth(post: Post) -> list[Callable[[], object]]:
    """What is put in the list is called when the fifth message is in, before it is answered."""
    kill: list[Callable[[], object]] = []

    def on_data(_: str) -> None:
        if len(post.received) == 4 and kill:
            kill.pop()()

    post.on_data = on_data
    return kill


def test_killed_again_and_again_every_message_still_arrives(store: Store, now: datetime):
    prepared(store, now)
    with serving(Post()) as post:
        for crash in range(4):
            at = now + crash * LEASE
            started(store, post, at, CONNECTIONS, "before", 2).communicate(timeout=60)
        config = Settings(
            smtp_url=f"smtp://127.0.0.1:{post.port}", smtp_connections=CONNECTIONS, secret_key="test"
        )
        asyncio.run(deliver(store, config, clock=lambda: now + 4 * LEASE))
        with store.read() as session:
            assert set(session.exec(select(Message.state)).all()) == {MessageState.ACCEPTED}
        assert len(set(post.to())) == MESSAGES
        assert len(post.received) - MESSAGES <= 4 * CONNECTIONS
