"""`traject up` with the real Prefect server: deployed, woken, stopped, started again, and with its server killed."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psutil
import pytest
from commands import with_settings
from sqlmodel import select

from calendars.school_year import school_calendar
from models import StageRow, Trajectory
from traject import prefect_server
from traject.hints import hint
from traject.settings import Settings
from traject.store import Store

pytestmark = pytest.mark.xdist_group("prefect")
ROOT = Path(__file__).parent.parent
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "TRAJECT_"))}
START = "import sys; from traject.settings import load_settings; from traject.up import up; sys.exit(up(load_settings()))"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(true: Callable[[], Any], seconds: float = 10, what: str = "did not happen in time") -> Any:
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, what
        time.sleep(0.3)
    return found


@dataclass
class Up:
    """One `traject up` that runs."""

    running: subprocess.Popen[bytes]
    output: Path
    environment: dict[str, str]

    @property
    def said(self) -> str:
        return self.output.read_text()

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.environment['TRAJECT_PREFECT_PORT']}/api"

    def stop(self, how: signal.Signals) -> None:
        self.running.send_signal(how)
        assert self.running.wait(timeout=60) == 0

    def child(self, *words: str) -> psutil.Process:
        """The process that was started with these words."""
        for child in psutil.Process(self.running.pid).children():
            if all(word in child.cmdline() for word in words):
                return child
        raise AssertionError(f"no child with {words}")

    def post(self, path: str, values: dict[str, Any]) -> Any:
        """What Prefect's API answers, with the token that it asks for."""
        # A server that just came back, on a machine with other tests, may take longer than httpx's five seconds.
        with httpx.Client(base_url=self.api, trust_env=False, timeout=60) as client:
            token = client.get("/csrf-token", params={"client": "a-test"}).raise_for_status().json()["token"]
            headers = {"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": "a-test"}
            answer = client.post(path, json=values, headers=headers)
            while answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                time.sleep(0.5)  # Prefect's own SQLite database was locked: its clients try again too
                answer = client.post(path, json=values, headers=headers)
            return answer.raise_for_status().json()

    def runs(self, flow: str) -> list[dict[str, Any]]:
        """The runs of a flow, those that are planned first."""
        return self.post(
            "/flow_runs/filter", {"flows": {"name": {"any_": [flow]}}, "sort": "START_TIME_DESC"}
        )

    def ran(self, trajectory: int) -> list[dict[str, Any]]:
        """The runs of one trajectory that were completed."""
        wanted = {"trajectory_id": str(trajectory)}
        runs = [run for run in self.runs("run_trajectory") if run["parameters"] == wanted]
        return [run for run in runs if run["state_type"] == "COMPLETED"]

    def beat(self) -> None:
        """One heartbeat, now, by the worker."""
        url = f"{self.api}/deployments/name/heartbeat/heartbeat"
        deployment = httpx.get(url, trust_env=False, timeout=60).json()
        made = self.post(f"/deployments/{deployment['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}})
        own = {"flow_runs": {"id": {"any_": [made["id"]]}}}
        ended = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
        run = wait_for(
            lambda: [r for r in self.post("/flow_runs/filter", own) if r["state_type"] in ended], 120
        )
        assert run[0]["state_type"] == "COMPLETED", run[0]["state"]


@contextmanager
def going_up(environment: dict[str, str], output: Path) -> Generator[Up]:
    """Run `traject up` where the real flows are, until it says that everything runs."""
    with output.open("w") as said:
        running = subprocess.Popen(
            [sys.executable, "-c", START],
            cwd=ROOT,
            env=environment,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        made = Up(running, output, environment)
        wait_for(lambda: "Ctrl-C" in made.said or running.poll() is not None, 120)
        assert running.poll() is None, made.said
        yield made
    finally:
        running.kill()
        running.wait()


def test_a_launch_wakes_its_school_and_nothing_is_lost_when_prefects_server_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    var = tmp_path / "var"
    ports = {"PREFECT": free_port(), "PORTAL": free_port(), "MAILBOX": free_port()}
    environment = CLEAN | {f"TRAJECT_{name}_PORT": str(port) for name, port in ports.items()}
    environment |= {"TRAJECT_VAR_DIR": str(var), "TRAJECT_DATABASE_URL": f"sqlite:///{var / 'traject.db'}"}
    # Seconds that this test need not wait: the worker looks for work, the server plans the beats of the coming hour.
    environment["PREFECT_WORKER_QUERY_SECONDS"] = "1"
    environment["PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS"] = "5"
    calendar, today = school_calendar(), datetime.now(ZoneInfo("Europe/Amsterdam"))
    is_school_day = calendar.holiday_on(today.date()) is None
    start = today.date().isoformat() if is_school_day else "eerstvolgende"

    settings = Settings(
        database_url=environment["TRAJECT_DATABASE_URL"], var_dir=var, prefect_port=ports["PREFECT"]
    )
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    own = {name: value for name, value in environment.items() if name.startswith("TRAJECT_")}
    traject = with_settings(monkeypatch, settings, **own | {"TRAJECT_SMTP_URL": ""})

    def launch(words: list[str], school: str) -> int:
        words[words.index("--school") + 1] = school
        words[words.index("--start") + 1] = start
        return traject(*words, "--yes", "--json").json["trajectories"][0]["id"]

    with going_up(environment, tmp_path / "said") as up:
        # What it says to try next works as it stands there.
        shown = [shlex.split(line)[1:] for line in up.said.splitlines() if ".venv/bin/traject" in line]
        preview, command = (
            next(w for w in shown if w[0] == "preview"),
            next(w for w in shown if w[0] == "launch"),
        )
        assert traject(*preview).code == traject(*command, "--dry-run").code == 0

        first = launch(command, "16LF00")
        assert hint(settings, "trajectory.changed", [first, first], datetime.now(UTC))
        wait_for(lambda: up.ran(first), 120, "the launch woke nobody")
        assert len(up.runs("run_trajectory")) == 1, "three events of one school at once are one run"
        assert up.ran(first)[0]["name"] == "po-nieuw:16LF00"
        if is_school_day and calendar.next_sending_moment(today) == today:
            assert len(list((var / "mail").glob("*.eml"))) >= 2

        ids = [first, launch(command, "16DS00")]
        up.child("server", "start").kill()  # that hint was taken, and perhaps forgotten
        ids.append(launch(command, "16GK00"))  # and this one found nobody
        wait_for(lambda: "prefect-server is gestopt (code -9)" in up.said, 60)
        wait_for(lambda: prefect_server.get(up.api, "/health") == 200, 120, "the server did not come back")
        ids.append(launch(command, "15WQ00"))
        wait_for(lambda: up.ran(ids[-1]), 120, "no hint works any more")
        up.beat()
        store = Store(environment["TRAJECT_DATABASE_URL"])
        with store.read() as session:
            woken = {row.id: row.next_due_at for row in session.exec(select(Trajectory))}
            opened = [row.trajectory_id for row in session.exec(select(StageRow)) if row.opened_at]
        store.close()
        assert sorted(woken) == sorted(ids)
        assert all(due and due > datetime.now(UTC) for due in woken.values()), "each school is done for now"
        assert sorted(opened) == (sorted(ids) if is_school_day else [])
        assert any(run["auto_scheduled"] for run in up.runs("heartbeat"))
        up.stop(signal.SIGINT)
        assert "Traceback" not in up.said

    deployed = (var / "log/prefect-deploy.log").stat().st_size
    with going_up(environment, tmp_path / "said") as up:
        up.stop(signal.SIGTERM)
    assert (var / "log/prefect-deploy.log").stat().st_size == deployed, "a second start deploys nothing"
