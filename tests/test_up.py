"""What `traject up` starts and stops; once with cheap children, once with the real Prefect server."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from prefect.utilities.processutils import command_from_string

from traject import prefect_server
from traject.settings import Settings
from traject.up import up
from traject.up.children import LARGEST_LOG, Child, Children

ROOT = Path(__file__).parent.parent
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "TRAJECT_"))}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(true: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def python(name: str, code: str, patience: float = 5) -> Child:
    return Child(name, [sys.executable, "-c", code], dict(CLEAN), timedelta(seconds=patience))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prefect.yaml").write_bytes((ROOT / "prefect.yaml").read_bytes())
    return tmp_path


@pytest.mark.parametrize("which", ["prefect_port", "portal_port", "mailbox_port"])
def test_a_port_in_use_is_said_in_one_sentence_and_nothing_is_started(here, capsys, which):
    ports = {"prefect_port": free_port(), "portal_port": free_port(), "mailbox_port": free_port()}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ports[which]))
        taken.listen()
        assert up(Settings(**ports)) == 2
    said = capsys.readouterr().out
    assert f"Poort {ports[which]} op 127.0.0.1 is al in gebruik" in said
    assert f"TRAJECT_{which.upper()}" in said
    assert said.count("\n") == 1
    assert [file.name for file in here.iterdir()] == ["prefect.yaml"]


def test_the_port_of_the_mailbox_does_not_matter_when_a_mail_server_is_set(here, capsys):
    with socket.socket() as mailbox, socket.socket() as portal:
        for taken in (mailbox, portal):
            taken.bind(("127.0.0.1", 0))
            taken.listen()
        ports = {"mailbox_port": mailbox.getsockname()[1], "portal_port": portal.getsockname()[1]}
        assert up(Settings(**ports, prefect_port=free_port(), smtp_url="smtp://mail.example:25")) == 2
    assert "TRAJECT_PORTAL_PORT" in capsys.readouterr().out


def test_prefect_is_not_opened_to_the_network_without_a_password(here, capsys, monkeypatch):
    monkeypatch.delenv("PREFECT_SERVER_API_AUTH_STRING", raising=False)
    assert up(Settings(host="0.0.0.0")) == 2
    assert "PREFECT_SERVER_API_AUTH_STRING" in capsys.readouterr().out


def test_outside_its_own_folder_it_says_where_to_start(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert up(Settings()) == 2
    assert "prefect.yaml" in capsys.readouterr().out


def test_children_stop_in_reverse_order_and_a_stubborn_one_is_killed(tmp_path):
    polite = (
        "import signal,sys,time,pathlib\n"
        "def bye(*_):\n    print('{0} stops', time.monotonic_ns(), flush=True); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, bye); print('{0} runs', flush=True); time.sleep(60)"
    )
    stubborn = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('runs', flush=True); time.sleep(60)"

    async def run() -> None:
        children = Children(tmp_path, fell=lambda *_: pytest.fail("nothing fell"))
        for child in (
            python("first", polite.format("first")),
            python("second", polite.format("second")),
            python("stubborn", stubborn, patience=0.2),
        ):
            await children.start(child)
        await asyncio.to_thread(
            wait_for, lambda: all("runs" in log.read_text() for log in tmp_path.glob("*.log"))
        )
        pids.extend(process.pid for _, process in children._running.values())
        await children.stop()

    pids: list[int] = []
    asyncio.run(run())
    stopped = {name: int((tmp_path / f"{name}.log").read_text().split()[-1]) for name in ("first", "second")}
    assert stopped["second"] < stopped["first"]
    assert len(pids) == 3
    assert not any(is_alive(pid) for pid in pids)


def test_a_child_that_dies_is_started_again_and_waits_longer_each_time(tmp_path):
    falls: list[tuple[str, int, float]] = []

    async def run() -> None:
        enough = asyncio.Event()

        def fell(child: Child, code: int, wait: float) -> None:
            falls.append((child.name, code, wait))
            if len(falls) == 3:
                enough.set()

        children = Children(tmp_path, fell=fell, backoff=timedelta(milliseconds=10))
        await children.start(python("weak", "print('hello'); raise SystemExit(3)"))
        await asyncio.wait_for(enough.wait(), 10)
        await children.stop()

    asyncio.run(run())
    assert falls == [("weak", 3, 0.01), ("weak", 3, 0.02), ("weak", 3, 0.04)]
    assert (tmp_path / "weak.log").read_text() == "hello\n" * 3


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent")
def test_no_orphan_is_left_when_the_supervisor_is_killed(tmp_path):
    code = f"""
import asyncio, os, sys
from pathlib import Path
from traject.up.children import Child, Children
async def run():
    children = Children(Path({str(tmp_path)!r}), fell=print)
    await children.start(Child("child", [sys.executable, "-c", "import os,time; print(os.getpid(), flush=True); time.sleep(60)"], os.environ))
    await asyncio.sleep(60)
asyncio.run(run())
"""
    supervisor = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    log = tmp_path / "child.log"
    try:
        wait_for(lambda: log.exists() and log.read_text().endswith("\n"))
        child = int(log.read_text())
        assert is_alive(child)
    finally:
        supervisor.kill()
        supervisor.wait()
    wait_for(lambda: not is_alive(child))


def test_a_log_that_grew_too_large_is_set_aside_at_the_start(tmp_path):
    log = tmp_path / "short.log"
    log.write_bytes(b"x" * (LARGEST_LOG + 1))

    async def run() -> None:
        assert await Children(tmp_path, fell=lambda *_: None).run(python("short", "print('new')")) == 0

    asyncio.run(run())
    assert log.read_text() == "new\n"
    assert (tmp_path / "short.log.old").stat().st_size == LARGEST_LOG + 1


def test_what_staff_set_for_prefect_wins_except_where_it_must_listen():
    theirs = {"PREFECT_WORKER_QUERY_SECONDS": "30", "PREFECT_API_URL": "https://elsewhere.example/api"}
    made = prefect_server.environment(theirs, host="127.0.0.1", port=4321, home=Path("var/prefect"))
    assert made["PREFECT_WORKER_QUERY_SECONDS"] == "30"
    assert made["PREFECT_API_URL"] == "http://127.0.0.1:4321/api"
    assert made["DO_NOT_TRACK"] == "1"
    assert "PREFECT_API_AUTH_STRING" not in made


def test_every_quiet_setting_is_one_that_prefect_knows():
    from prefect.settings import Settings as PrefectSettings

    known = PrefectSettings().to_environment_variables(exclude_unset=False)
    assert set(prefect_server.QUIET) <= set(known)


def test_every_deployment_is_found_by_its_flow_and_every_schedule_has_a_name_and_a_place():
    text = (ROOT / "prefect.yaml").read_text(encoding="utf-8")
    for deployment in yaml.safe_load(text)["deployments"]:
        name = deployment["name"]
        assert deployment["entrypoint"] == f"flows.{name}.{name}"
        assert deployment["work_pool"]["name"] == prefect_server.POOL
        assert deployment["description"]
        for schedule in deployment.get("schedules", []):
            assert schedule["slug"]
            assert schedule["timezone"] == "Europe/Amsterdam"


def test_runs_start_where_the_folder_has_a_space_in_its_name(tmp_path, monkeypatch):
    python = str(tmp_path / "een map met één spatie" / "python")
    monkeypatch.setattr(sys, "executable", python)
    prefect_server.write_pool_template(tmp_path / "pool.json")

    template = json.loads((tmp_path / "pool.json").read_text())
    command = template["variables"]["properties"]["command"]["default"]

    assert command_from_string(command) == [python, "-m", "prefect.engine"]
