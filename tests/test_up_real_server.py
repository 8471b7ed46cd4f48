"""`traject up` with the real Prefect server: deployed, woken by an event, stopped, started again. About 50 seconds."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from traject import prefect_server

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


def test_an_event_of_a_trajectory_runs_its_flow_on_a_real_server(tmp_path):
    names = [deployment.partition("/")[0] for deployment in prefect_server.deployments(ROOT / "prefect.yaml")]
    (tmp_path / "prefect.yaml").write_bytes((ROOT / "prefect.yaml").read_bytes())
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "__init__.py").touch()
    for name in names:
        takes = "trajectory_id: str" if name == "run_trajectory" else ""
        ran = "with open('ran', 'a') as f: f.write(repr(trajectory_id) + '\\n')" if takes else "pass"
        flow = f"from prefect import flow\n@flow(name={name!r})\nasync def {name}({takes}):\n    {ran}\n"
        (tmp_path / "flows" / f"{name}.py").write_text(flow)
    port = free_port()
    ports = {
        "TRAJECT_PREFECT_PORT": port,
        "TRAJECT_PORTAL_PORT": free_port(),
        "TRAJECT_MAILBOX_PORT": free_port(),
    }
    environment = CLEAN | {name: str(number) for name, number in ports.items()}
    # The beats of the coming hour are planned by the server; a minute is too long to wait here.
    environment["PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS"] = "5"
    start = "import sys; from traject.settings import load_settings; from traject.up import up; sys.exit(up(load_settings()))"

    def session(work: Callable[[], None], stop: signal.Signals) -> str:
        with (tmp_path / "said").open("w") as said:
            running = subprocess.Popen(
                [sys.executable, "-c", start],
                cwd=tmp_path,
                env=environment,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_for(lambda: "Ctrl-C" in (tmp_path / "said").read_text() or running.poll() is not None, 120)
            assert running.poll() is None, (tmp_path / "said").read_text()
            work()
            running.send_signal(stop)
            assert running.wait(timeout=15) == 0
        finally:
            running.kill()
            running.wait()
        return (tmp_path / "said").read_text()

    def emit_three() -> None:
        emit = (
            "from prefect.events import emit_event\nfrom prefect.events.worker import EventsWorker\n"
            "for _ in range(3):\n"
            "    emit_event('trajectory.launched', resource={'prefect.resource.id': 'traject.trajectory.41'})\n"
            "EventsWorker.instance().drain()\n"
            "import time\nfrom prefect import get_client\n"
            "from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName\n"
            "beats = DeploymentFilter(name=DeploymentFilterName(any_=['heartbeat']))\n"
            "with get_client(sync_client=True) as prefect:\n"
            "    while not (runs := prefect.read_flow_runs(deployment_filter=beats)): time.sleep(0.5)\n"
            "assert runs[0].auto_scheduled\n"
        )
        theirs = environment | {
            "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
            "PREFECT_HOME": str(tmp_path / "emitter"),
        }
        subprocess.run([sys.executable, "-c", emit], env=theirs, check=True, timeout=60)
        wait_for(lambda: (tmp_path / "ran").exists(), 60)

    said = session(emit_three, signal.SIGINT)
    assert (tmp_path / "ran").read_text() == "'41'\n", "three events of one school at once are one run"
    assert "Traceback" not in said
    assert "Traceback" not in (tmp_path / "var/log/prefect-server.log").read_text()
    deployed = (tmp_path / "var/log/prefect-deploy.log").stat().st_size
    session(lambda: None, signal.SIGTERM)
    assert (tmp_path / "var/log/prefect-deploy.log").stat().st_size == deployed, (
        "a second start deploys nothing"
    )
