"""A hint reaches Prefect when it can, and who launches or answers never notices when it cannot."""

import json
import threading
from base64 import b64encode
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from traject import hints
from traject.hints import MOST, hint
from traject.settings import Settings


@dataclass
class Server:
    """An HTTP server that stands where Prefect's should: what it answers, and what it got."""

    csrf: tuple[int, bytes] = (422, b"CSRF protection is disabled")
    taken: int = 204
    stalls: bool = False
    port: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)


@contextmanager
def serving(server: Server) -> Generator[Server]:
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(*server.csrf)

        def do_POST(self) -> None:
            if server.stalls:
                released.wait(10)
            server.headers = {name.lower(): value for name, value in self.headers.items()}
            server.events += json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(server.taken, b"")

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on the terminal."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.port = listening.server_address[1]
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        released.set()
        listening.shutdown()
        listening.server_close()
        thread.join(5)


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.delenv("PREFECT_SERVER_API_AUTH_STRING", raising=False)


def hinted(server: Server, now: datetime, *trajectories: int) -> bool:
    return hint(Settings(prefect_port=server.port), "trajectory.launched", trajectories, now)


def test_only_the_event_and_the_number_cross(now: datetime):
    with serving(Server()) as server:
        assert hinted(server, now, 41)
    [event] = server.events
    assert event.pop("id")
    assert event == {
        "occurred": now.isoformat(),
        "event": "trajectory.launched",
        "resource": {"prefect.resource.id": "traject.trajectory.41"},
        "payload": {},
    }


def test_with_csrf_protection_the_token_goes_along(now: datetime):
    with serving(Server(csrf=(200, b'{"token": "secret"}'))) as server:
        assert hinted(server, now, 1)
    assert server.headers["prefect-csrf-token"] == "secret"
    assert server.headers["prefect-csrf-client"]


def test_of_many_trajectories_only_the_first_few_are_hinted(now: datetime):
    with serving(Server()) as server:
        assert hinted(server, now, *range(1, 1001))
    assert len(server.events) == MOST


def test_without_trajectories_nobody_is_called(now: datetime):
    with serving(Server()) as server:
        assert hinted(server, now)
    assert server.events == []


@pytest.mark.parametrize("status", [401, 403, 422, 500, 503])
def test_a_server_that_refuses_is_no_fault(now: datetime, status: int):
    with serving(Server(taken=status)) as server:
        assert not hinted(server, now, 1)


def test_no_server_is_no_fault(now: datetime):
    assert not hinted(Server(port=1), now, 1)


def test_a_server_that_says_nothing_is_left_soon(now: datetime, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hints, "PATIENCE", 0.2)
    with serving(Server(stalls=True)) as server:
        assert not hinted(server, now, 1)


def test_the_url_of_another_prefect_is_followed(now: datetime, monkeypatch: pytest.MonkeyPatch):
    with serving(Server()) as server:
        monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{server.port}/api")
        assert hint(Settings(prefect_port=1), "trajectory.launched", [7], now)
    assert len(server.events) == 1


def test_a_prefect_with_a_password_is_told_it(now: datetime, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", "hart:a:b")
    with serving(Server()) as server:
        assert hinted(server, now, 7)
    assert server.headers["authorization"] == f"Basic {b64encode(b'hart:a:b').decode()}"
