"""A trajectory at one school, a real mail server and Prefect's flows, at an instant that the test chooses."""

import asyncio
import importlib
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from engine_cases import MORNING, PROGRAMMES, ROLES, World, add_school, dump, engine_settings
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL
from prefect.testing.utilities import prefect_test_harness
from smtp_faults import Post, serving
from sqlalchemy import make_url

from models import Person
from traject.launch import RoleGiven
from traject.store import Store

FLOWS = (
    "deliver_mail",
    "heartbeat",
    "launch_trajectory",
    "queue_yearly_evaluations",
    "read_mailbox",
    "reconcile",
    "run_trajectory",
    "schedule_study_afternoons",
)
PRIVATE = tuple(word for role in ROLES for word in (role.email, role.name))
"""What must never cross into Prefect: the names and addresses of everybody at this school."""


@dataclass
class Office:
    """The world of one test, its mailbox, and the flows as a worker would run them."""

    world: World
    post: Post
    monkeypatch: pytest.MonkeyPatch

    def at(self, instant: datetime) -> None:
        """Set the clock of every flow."""
        for name in FLOWS:
            self.monkeypatch.setattr(importlib.import_module(f"flows.{name}"), "now", lambda: instant)

    def run(self, name: str, *args: Any, **parameters: Any) -> Any:
        """Run one flow to its end; gives what it returns, raises what it raises."""
        return asyncio.run(self.started(name, *args, **parameters))

    def started(self, name: str, *args: Any, **parameters: Any) -> Coroutine[Any, Any, Any]:
        """The flow, to be awaited."""
        return getattr(importlib.import_module(f"flows.{name}"), name)(*args, **parameters)

    def everything(self) -> tuple[dict[str, list[Any]], list[tuple[str, str, bytes]]]:
        """All rows of the database, and all that the mail server got."""
        return dump(self.world.store), sorted(self.post.received)

    def mail_server(self, port: int) -> None:
        """Let the flows use another mail server."""
        self.monkeypatch.setenv("TRAJECT_SMTP_URL", f"smtp://127.0.0.1:{port}")

    def people(self) -> dict[str, int]:
        """The number of everybody, by address."""
        return {person.email: person.id for person in self.world.rows(Person)}


def roles_by_number(numbers: dict[str, int], *given: RoleGiven) -> dict[str, Any]:
    """The parameter `roles` of the form."""
    held: dict[str, list[int]] = {}
    for role in given:
        held.setdefault(role.role, []).append(numbers[role.email])
    return {role: who[0] if len(who) == 1 else who for role, who in held.items()}


@pytest.fixture(scope="session")
def prefect() -> Iterator[Path]:
    """A real Prefect server with an empty database of its own; gives the file of that database."""
    with pytest.MonkeyPatch.context() as outside:
        outside.setenv("DO_NOT_TRACK", "1")
        outside.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        with prefect_test_harness(server_startup_timeout=120):
            yield Path(make_url(str(PREFECT_API_DATABASE_CONNECTION_URL.value())).database or "")


@pytest.fixture
def office(
    request: pytest.FixtureRequest, prefect: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Office]:
    """One school with a trajectory that was launched this morning and in which nothing has happened yet."""
    url: str = request.getfixturevalue(getattr(request, "param", "sqlite_url"))
    store = Store(url)
    world = World(store, engine_settings(url, tmp_path / "var"))
    add_school(store)
    add_school(store, "27YD00", "De Ark")
    world.launch()
    for name, value in {
        "DATABASE_URL": url,
        "VAR_DIR": str(tmp_path / "var"),
        "SECRET_KEY": "a key for tests",
        "BASE_URL": "http://portal.example",
        "PROGRAMMES_DIR": str(PROGRAMMES),
        "PREFECT_PORT": "1",  # a hint finds nobody there
    }.items():
        monkeypatch.setenv(f"TRAJECT_{name}", value)
    with serving(Post()) as post:
        made = Office(world, post, monkeypatch)
        made.mail_server(post.port)
        made.at(MORNING)
        yield made
    store.close()


def some_mail_waits(office: Office) -> None:
    office.world.advance(MORNING)
