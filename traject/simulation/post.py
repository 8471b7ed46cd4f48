"""The post of the world: its mail server, and what came there."""

import json
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Received:
    """One mail that the server took, when, and for whom."""

    at: datetime
    sender: str
    recipient: str
    data: bytes


@dataclass
class Post:
    """The mail server as the world sees it; it runs while `serving`."""

    clock: Callable[[], datetime]
    seed: int
    refused: set[str] = field(default_factory=set[str])
    """Return paths of what was refused for good, as far as it was told by `take`."""
    url: str = ""
    _server: "subprocess.Popen[str] | None" = None

    def bury(self, address: str) -> None:
        """Nobody lives at this address any more."""
        self._order(f"bury {address}")

    def take(self) -> list[Received]:
        """What came since the last time; the clock stood still meanwhile."""
        self._order("take")
        taken = json.loads(self._answer())
        self.refused.update(taken["refused"])
        at = self.clock()
        return [Received(at, sender, to, data.encode("latin-1")) for sender, to, data in taken["received"]]

    @contextmanager
    def serving(self) -> "Generator[Post]":
        """Serve on a free port of the loopback, which stands in `url`."""
        command = [sys.executable, "-m", "traject.simulation.mail_server", str(self.seed)]
        with subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="ascii"
        ) as self._server:
            self.url = f"smtp://127.0.0.1:{self._answer().strip()}"
            yield self

    def _order(self, order: str) -> None:
        pipe = self._server.stdin if self._server else None
        if pipe is None:
            message = "the mail server does not run; call this while `serving`"
            raise RuntimeError(message)
        pipe.write(f"{order}\n")
        pipe.flush()

    def _answer(self) -> str:
        pipe = self._server.stdout if self._server else None
        answer = pipe.readline() if pipe else ""
        if not answer:
            message = "the mail server of the simulation stopped"
            raise RuntimeError(message)
        return answer
