"""Which processes run: started, watched, started again when they fall over, stopped in order, never left behind."""

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

log = logging.getLogger(__name__)

LARGEST_LOG = 5 * 1024 * 1024
"""Bytes. A larger log is renamed to `.log.old` when its process starts, so at most two of them stay."""

LONGEST_WAIT = timedelta(minutes=1)
STEADY = timedelta(minutes=2)
"""A process that ran this long was well: its next fall is the first again."""

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Child:
    """One process to keep alive. `name` is also that of its log; `patience` is how long it may take to stop."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    patience: timedelta = timedelta(seconds=3)


@dataclass
class Children:
    """The processes of one `traject up`.

    `logs` is the folder of their output. `fell` is told the child, its exit code and the wait in seconds before it is
    started again. Stopping goes in the reverse order of starting.
    """

    logs: Path
    fell: Callable[[Child, int, float], None]
    backoff: timedelta = timedelta(seconds=1)
    _running: dict[str, tuple[Child, Process]] = field(default_factory=dict)
    _watches: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self, child: Child) -> None:
        """Start a child and keep it running until `stop`. OSError when its command does not exist."""
        process = await self._spawn(child)
        self._watches.append(asyncio.create_task(self._watch(child, process), name=child.name))

    async def run(self, child: Child) -> int:
        """Run a child once to its end; gives its exit code. Cancelling stops it."""
        process = await self._spawn(child)
        try:
            return await process.wait()
        except asyncio.CancelledError:
            await end(process, child.patience)
            raise
        finally:
            del self._running[child.name]

    async def stop(self) -> None:
        """Stop every child, last started first; what does not stop within its patience is killed with its group."""
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        for child, process in reversed(self._running.values()):
            await end(process, child.patience)
        self._running.clear()

    async def _spawn(self, child: Child) -> Process:
        with open_log(self.logs / f"{child.name}.log") as output:
            process = await asyncio.create_subprocess_exec(
                *child.command,
                env=dict(child.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C in the terminal must reach us only: we stop them in order.
                preexec_fn=_die_with(os.getpid()),
            )
        self._running[child.name] = child, process
        return process

    async def _watch(self, child: Child, process: Process) -> None:
        loop, falls = asyncio.get_running_loop(), 0
        while True:
            started = loop.time()
            code = await process.wait()
            end_group(process.pid)
            falls = 1 if loop.time() - started > STEADY.total_seconds() else falls + 1
            wait = min(self.backoff.total_seconds() * 2 ** (falls - 1), LONGEST_WAIT.total_seconds())
            self.fell(child, code, wait)
            await asyncio.sleep(wait)
            process = await self._spawn(child)


def open_log(file: Path) -> "contextlib.AbstractContextManager[int]":
    """A file descriptor at the end of the log; a log that grew too large is set aside first."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists() and file.stat().st_size > LARGEST_LOG:
        file.replace(file.with_suffix(".log.old"))

    @contextlib.contextmanager
    def opened():  # noqa: ANN202
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    return opened()


async def end(process: Process, patience: timedelta) -> None:
    """Ask a process to stop (SIGTERM), and kill it with all of its group when it has not within `patience`."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), patience.total_seconds())
    end_group(process.pid)
    await process.wait()


def end_group(pid: int) -> None:
    """Kill what is left of the group that this process led: the runs of a worker that is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _die_with(parent: int) -> Callable[[], None]:
    """What a child does before its command: tie its life to ours, so that a killed `traject up` leaves no orphans."""

    def prepare() -> None:
        # A shell starts background jobs with SIGINT ignored, and Prefect's worker stops itself by SIGINT.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:  # It died in between.
                os._exit(1)

    return prepare
