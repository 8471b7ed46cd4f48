"""How Prefect runs on this machine: its settings, its commands, and what is deployed to it."""

import base64
import hashlib
import http.client
import json
import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlsplit

import yaml

POOL = "traject"
"""The work pool that prefect.yaml names; any number of workers may serve it."""

QUIET = {
    # Measured over five minutes with nothing to do and put to ten, Prefect 3.8.8 on SQLite, in seconds of a core: the
    # server alone 12.9 with Prefect's own settings, 9.0 with these, 7.8 with every service off (its job queue looks four
    # times a second). All that `traject up` starts, with two heartbeats: 24.
    "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "60",
    "PREFECT_SERVER_SERVICES_CLEANUP_RECONCILER_LOOP_SECONDS": "60",
    "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "60",
    "PREFECT_SERVER_EVENTS_PROACTIVE_GRANULARITY": "PT60S",  # We have no trigger that waits for silence.
    "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_LOOP_SECONDS": "300",  # No flow of ours pauses.
    "PREFECT_SERVER_SERVICES_CANCELLATION_CLEANUP_LOOP_SECONDS": "120",
    "PREFECT_SERVER_SERVICES_FOREMAN_LOOP_SECONDS": "60",
    "PREFECT_SERVER_SERVICES_REPOSSESSOR_LOOP_SECONDS": "60",
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "120",
    "PREFECT_WORKER_HEARTBEAT_SECONDS": "60",
    # The worker asks for work this often: half the wait between an event and its run, for 3 seconds of a core.
    "PREFECT_WORKER_QUERY_SECONDS": "5",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    # Our history is ours; Prefect's runs are kept a month, so that its database stays small.
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": "2592000",
}
"""What costs little when nothing happens. A variable that is already set in the environment wins."""


def environment(inherited: Mapping[str, str], *, host: str, port: int, home: Path) -> dict[str, str]:
    """The environment of every Prefect process.

    Safety: nothing is reported to anyone; CSRF protection is on, and only pages of this server itself may read its
    answers (Prefect's default lets any website fetch a CSRF token, which makes it worthless). There is no password on a
    loopback address: who can reach it can also read the files. `PREFECT_SERVER_API_AUTH_STRING` sets one.
    """
    address = f"http://{host}:{port}"
    fixed = {
        "PREFECT_HOME": str(home.absolute()),
        "PREFECT_API_URL": f"{address}/api",
        "PREFECT_SERVER_API_HOST": host,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "true",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"{address},http://localhost:{port}",
        # The commands that Prefect starts by name are those of this virtual environment.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
    }
    login = inherited.get("PREFECT_SERVER_API_AUTH_STRING")
    if login:
        fixed["PREFECT_API_AUTH_STRING"] = login
    return {**QUIET, **inherited, **fixed}


def server_command(*, host: str, port: int) -> list[str]:
    """Start the server: API, screen, scheduler and triggers in one process."""
    return [*_prefect(), "server", "start", "--host", host, "--port", str(port)]


def worker_command() -> list[str]:
    """Start the worker. At most three runs at once: each takes about two seconds of a core to start."""
    return [
        *_prefect(),
        "worker",
        "start",
        "--pool",
        POOL,
        "--type",
        "process",
        "--name",
        POOL,
        "--limit",
        "3",
    ]


def pool_command(template: Path) -> list[str]:
    """Make the work pool, or set it to the template of `write_pool_template`."""
    made = [*_prefect(), "--no-prompt", "work-pool", "create", POOL, "--type", "process", "--overwrite"]
    return [*made, "--base-job-template", str(template)]


def deploy_command() -> list[str]:
    """Deploy everything in prefect.yaml, with its automation; a second time changes nothing."""
    return [*_prefect(), "--no-prompt", "deploy", "--all"]


def _prefect() -> list[str]:
    return [sys.executable, "-m", "prefect"]


def write_pool_template(file: Path) -> None:
    """Write the job template of a process pool whose runs start one Python instead of two.

    Without a command Prefect 3.8 first starts a Python that prepares a workspace: 2.7 seconds of a core a run
    instead of 1.7, for the same flow.
    """
    text: dict[str, Any] = {"type": "string"}
    properties: dict[str, dict[str, Any]] = {
        "name": {**text, "title": "Name"},
        "env": {"type": "object", "additionalProperties": text, "title": "Environment Variables"},
        "labels": {"type": "object", "additionalProperties": text, "title": "Labels"},
        # Prefect splits it as a shell would, and the folder may have a space in its name.
        "command": {
            **text,
            "default": shlex.join([sys.executable, "-m", "prefect.engine"]),
            "title": "Command",
        },
        "stream_output": {"type": "boolean", "default": True, "title": "Stream Output"},
        "working_dir": {**text, "default": ".", "title": "Working Directory"},
    }
    template = {
        "job_configuration": {name: f"{{{{ {name} }}}}" for name in properties},
        "variables": {"type": "object", "properties": properties},
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(template, indent=1), encoding="utf-8")


def get(api_url: str, path: str) -> int | None:
    """The HTTP status of a GET on Prefect's API, or None when nothing answers there within five seconds."""
    login = os.environ.get("PREFECT_SERVER_API_AUTH_STRING", "")
    headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}
    at = urlsplit(api_url)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=5)
    try:
        connection.request("GET", at.path + path, headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def deployments(file: Path) -> list[str]:
    """The deployments in a prefect.yaml as `flow/deployment`; a flow and its deployment have one name with us."""
    listed = cast("list[dict[str, str]]", yaml.safe_load(file.read_text(encoding="utf-8"))["deployments"])
    return [f"{deployment['name']}/{deployment['name']}" for deployment in listed]


def all_deployed(api_url: str, names: Iterable[str]) -> bool:
    """Whether the server knows every one of these deployments, and the pool."""
    paths = [f"/deployments/name/{quote(name)}" for name in names]
    return all(get(api_url, path) == 200 for path in [*paths, f"/work_pools/{POOL}"])


def fingerprint(root: Path) -> str:
    """A hash of all that a deploy depends on: prefect.yaml, the flows, the programmes, this file and where Python is."""
    digest = hashlib.sha256(sys.executable.encode())
    for file in [
        root / "prefect.yaml",
        Path(__file__),
        *sorted((root / "flows").glob("*.py")),
        *sorted((root / "programmes").glob("*.yaml")),
    ]:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
