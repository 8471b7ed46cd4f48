"""A trajectory at one school, a real mail server and Prefect's flows, at an instant that the test chooses."""

import asyncio
import importlib
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from engine_cases import ROLES, World, dump
from smtp_faults import Post

from traject.launch import RoleGiven

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
        from models import Person

        return {person.email: person.id for person in self.world.rows(Person)}


def roles_by_number(numbers: dict[str, int], *given: RoleGiven) -> dict[str, Any]:
    """The parameter `roles` of the form."""
    held: dict[str, list[int]] = {}
    for role in given:
        held.setdefault(role.role, []).append(numbers[role.email])
    return {role: who[0] if len(who) == 1 else who for role, who in held.items()}
