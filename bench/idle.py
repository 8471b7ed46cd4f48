"""What `make run` costs while nothing happens: CPU seconds of every process of `traject up`, over ten minutes.

Against one core for as long. Counted by the kernel, per process, those that came and went in between too (a heartbeat
is a process of its own); the start and the first minute are left out. Two heartbeats fall in any ten minutes.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from bench.figures import Figure

LIMIT = 5.0
"""Per cent of a core, on average."""

ROOT = Path(__file__).parent.parent
STARTED = "Traject is running"
LONGEST_START = 240
"""Seconds; the first start of Prefect makes its database."""

NAMES = {
    "prefect server": "Prefect server",
    "prefect worker": "Prefect worker and its runs",
    "uvicorn": "portal",
    "traject.mailbox": "local mailbox",
}


class DidNotRun(RuntimeError):
    """`traject up` stopped or did not start; holds what it said."""


def run(*, minutes: float = 10.0, settle: float = 60.0) -> list[Figure]:
    """Per cent of a core, in all and by process. Starts `traject up` in a folder and on ports of its own."""
    with tempfile.TemporaryDirectory() as folder, _up(Path(folder)) as top:
        time.sleep(settle)
        before, started = _used(top), time.monotonic()
        time.sleep(minutes * 60)
        after, seconds = _used(top), time.monotonic() - started
        if not top.is_running():
            message = "traject up stopped while it was measured"
            raise DidNotRun(message)
    used = {name: after[name] - before.get(name, 0.0) for name in after}
    subject = f"idle, what `make run` starts, {minutes:g} minutes"
    total = sum(used.values())
    parts = [
        Figure(subject, name, share / seconds * 100, "% of a core")
        for name, share in sorted(used.items(), key=lambda pair: -pair[1])
    ]
    return [
        *parts,
        Figure(subject, f"all, {total:.1f} s of CPU", total / seconds * 100, "% of a core", limit=LIMIT),
    ]


@contextmanager
def _up(folder: Path) -> Generator[psutil.Process]:
    """A running `traject up`, once it says that it runs; stopped with Ctrl-C at the end."""
    log = folder / "up.log"
    ports = dict(zip(("PORTAL", "PREFECT", "MAILBOX"), _free_ports(3), strict=True))
    environment = {
        **{
            name: value for name, value in os.environ.items() if not name.startswith(("TRAJECT_", "PREFECT_"))
        },
        **{f"TRAJECT_{name}_PORT": str(port) for name, port in ports.items()},
        "TRAJECT_VAR_DIR": str(folder / "var"),
        "TRAJECT_DATABASE_URL": f"sqlite:///{folder / 'var' / 'traject.db'}",
        "TRAJECT_LANGUAGE": "en",
        "COLUMNS": "200",
    }
    command = [str(Path(sys.executable).with_name("traject")), "up"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        _wait_until_it_runs(process, log)
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()  # its children are tied to its life
            process.wait()


def _wait_until_it_runs(process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + LONGEST_START
    while STARTED not in (said := log.read_text(encoding="utf-8", errors="replace")):
        if process.poll() is not None or time.monotonic() > deadline:
            message = f"traject up did not start within {LONGEST_START} s:\n{said}"
            raise DidNotRun(message)
        time.sleep(0.5)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _used(top: psutil.Process) -> dict[str, float]:
    """CPU seconds so far, by what `traject up` started; a process that ended counts with the one that waited for it."""
    used: dict[str, float] = defaultdict(float)
    used["traject up itself"] = _seconds(top)
    for child in top.children():
        name = _name(child)
        for process in (child, *child.children(recursive=True)):
            used[name] += _seconds(process)
    return used


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0  # its time is in that of its parent now
    return times.user + times.system + times.children_user + times.children_system


def _name(process: psutil.Process) -> str:
    try:
        command = " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return "ended"
    return next((name for part, name in NAMES.items() if part in command), command)
