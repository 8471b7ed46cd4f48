"""A calendar feed of 500 gatherings, asked over a real socket of the web server that `traject up` starts.

The whole feed, and the answer "not changed" to a reader that has it. The first answer of a process also opens the
database and works out the time zones; it is a line of its own.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

from bench import places
from bench.figures import Figure, once, timed
from models import Gathering, Invitation, Person, ProgrammeVersion, StepRow, Trajectory
from models.enums import FeedKind, PartStat, StepKind
from traject import clock
from traject.feeds import make_feed
from traject.store import Store

WHOLE_LIMIT = 50.0
UNCHANGED_LIMIT = 2.0
"""Milliseconds (issue 3 §5)."""

IN_A_ROW = 20
"""Answers of 304 in one round: a single one is shorter than what a machine with other work does in between."""

TRAJECTORIES = 10
GUESTS = 10
"""People at each gathering; one of them reads their own feed. Two in three have answered."""


def run(kind: str, *, gatherings: int = 500, rounds: int = 1_000) -> list[Figure]:
    """Figures of one kind of database (`sqlite` or `postgresql`), of a person's own feed and that of staff."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(places.KINDS[kind](folder))()
        store = stack.enter_context(places.opened(url, TRAJECTORIES))
        own, staff = _fill(store, gatherings)
        port = stack.enter_context(_portal(url, folder))
        line = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        first = once(lambda: _whole(line, own, gatherings))
        subject = f"feed of {gatherings} gatherings, {kind}"
        return [
            Figure(subject, "the first of a process", first * 1e3, "ms"),
            *_measured(subject, "of a person", line, own, gatherings, rounds),
            *_measured(subject, "of staff", line, staff, gatherings, rounds),
        ]


def _measured(
    subject: str, whose: str, line: socket.socket, token: str, gatherings: int, rounds: int
) -> list[Figure]:
    tag = _whole(line, token, gatherings)
    whole = timed(lambda: _whole(line, token, gatherings), rounds=max(1, rounds // IN_A_ROW), warm_up=2)
    unchanged = timed(
        lambda: [_unchanged(line, token, tag) for _ in range(IN_A_ROW)],
        rounds=max(1, rounds // IN_A_ROW),
        warm_up=1,
    )
    return [
        Figure(subject, f"{whose}, whole", **whole.times("ms", 1e3), limit=WHOLE_LIMIT),
        Figure(
            subject,
            f"{whose}, not changed (304)",
            **unchanged.times("ms", 1e3 / IN_A_ROW),
            limit=UNCHANGED_LIMIT,
        ),
    ]


def _whole(line: socket.socket, token: str, gatherings: int) -> bytes:
    """Read the feed; gives its tag."""
    head, body = _ask(line, token)
    found = re.search(rb"(?i)\r\netag: (\S+)", head)
    if found is None or body.count(b"BEGIN:VEVENT") != gatherings:
        message = f"{gatherings} gatherings were asked for; the answer was {head!r}"
        raise AssertionError(message)
    return found[1]


def _unchanged(line: socket.socket, token: str, tag: bytes) -> None:
    head, _ = _ask(line, token, b"If-None-Match: " + tag + b"\r\n")
    if not head.startswith(b"HTTP/1.1 304 "):
        message = f"a feed that did not change was to be answered with 304, not {head!r}"
        raise AssertionError(message)


def _ask(line: socket.socket, token: str, header: bytes = b"") -> tuple[bytes, bytes]:
    """Ask for a feed on a connection that stays open; gives head and body.

    With a socket alone: http.client would take as long to read a 304 as the portal to answer it.
    """
    line.sendall(b"GET /f/" + token.encode() + b".ics HTTP/1.1\r\nHost: bench\r\n" + header + b"\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += line.recv(1 << 20)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += line.recv(1 << 20)
    return head, body


def _fill(store: Store, gatherings: int) -> tuple[str, str]:
    """Gatherings of which half are over, in several trajectories; gives the tokens of both feeds."""
    now = clock.now().replace(microsecond=0)
    with store.write() as session:
        version = ProgrammeVersion(key="bench", version=1, title="", sha256="0", text="", stored_at=now)
        people = [Person(name=f"Guest {n}", email=f"guest{n}@school.example") for n in range(GUESTS)]
        session.add_all([version, *people])
        session.flush()
        made = [
            Trajectory(
                reference=f"bench:{number}",
                programme_version_id=version.id or 0,
                organisation_id=number + 1,
                title=f"Cultuureducatie {number}",
                starts_on=places.STARTS_ON,
                launched_at=now,
            )
            for number in range(TRAJECTORIES)
        ]
        session.add_all(made)
        session.flush()
        for number in range(gatherings):
            trajectory = made[number % TRAJECTORIES].id or 0
            step = StepRow(
                trajectory_id=trajectory, key=f"g{number}", kind=StepKind.GATHERING, title="", acted_at=now
            )
            session.add(step)
            session.flush()
            starts_at = now + timedelta(days=number - gatherings // 2)
            gathering = Gathering(
                trajectory_id=trajectory,
                step_id=step.id or 0,
                uid=f"g{number}@hart.example",
                title="Studiemiddag muziek en beeldende kunst",
                description="We maken kennis met wat er in de stad te zien en te doen is. Neem het schoolplan mee.",
                place="Hart, Kleine Houtweg 18, Haarlem",
                starts_at=starts_at,
                ends_at=starts_at + timedelta(hours=3),
            )
            session.add(gathering)
            session.flush()
            session.add_all(
                Invitation(
                    gathering_id=gathering.id or 0,
                    person_id=person.id or 0,
                    tag=f"i{number}-{person.id}",
                    address=person.email,
                    partstat=(PartStat.NEEDS_ACTION, PartStat.ACCEPTED, PartStat.DECLINED)[number % 3],
                    answered_at=now if number % 3 else None,
                )
                for person in people
            )
        tokens = (
            make_feed(session, FeedKind.PERSON, now=now, person_id=people[0].id)[1],
            make_feed(session, FeedKind.STAFF, now=now)[1],
        )
    return tokens


@contextmanager
def _portal(database_url: str, folder: Path) -> Generator[int]:
    """The portal in a process of its own; gives its port."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    settings = places.settings_for(database_url, folder)
    given = {
        "TRAJECT_DATABASE_URL": database_url,
        "TRAJECT_VAR_DIR": str(settings.var_dir),
        "TRAJECT_SECRET_KEY": settings.secret_key,
    }
    command = [sys.executable, "-m", "uvicorn", "portal.app:app", "--port", str(port), "--no-server-header"]
    process = subprocess.Popen(
        command, env=os.environ | given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(port, process)
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Until the server accepts a connection; nothing is asked of it yet."""
    for _ in range(600):
        if process.poll() is not None:
            message = f"the portal did not start (exit code {process.returncode}); try `python -m uvicorn portal.app:app`"
            raise RuntimeError(message)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    message = "the portal did not start within half a minute"
    raise RuntimeError(message)
