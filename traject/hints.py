"""Telling Prefect that something happened, so that a flow starts early. A hint may be lost: the heartbeat heals it.

Plain HTTP: importing Prefect takes seconds, and who launches or answers must not wait for that.
"""

import logging
import uuid
from collections.abc import Iterable
from datetime import datetime
from itertools import islice

import httpx

from traject.settings import Settings

log = logging.getLogger(__name__)

PATIENCE = 2.0
"""Seconds that a hint may take."""

MOST = 5


def hint(settings: Settings, event: str, trajectory_ids: Iterable[int], now: datetime) -> bool:
    """Tell Prefect of an event of these trajectories, like `trajectory.launched`. Only ids cross.

    Every hint costs a process, so of many trajectories only the first few are hinted; the heartbeat takes the rest.
    Returns whether Prefect took it. False is no fault: the next heartbeat does the work.
    """
    events = [
        {
            "occurred": now.isoformat(),
            "event": event,
            "resource": {"prefect.resource.id": f"traject.trajectory.{trajectory_id}"},
            "payload": {},
            "id": str(uuid.uuid4()),
        }
        for trajectory_id in islice(trajectory_ids, MOST)
    ]
    if not events:
        return True
    try:
        with httpx.Client(
            base_url=settings.prefect_api_url,
            auth=settings.prefect_login,
            timeout=PATIENCE,
            trust_env=False,
        ) as client:
            headers = _csrf(client)
            client.post("/events", json=events, headers=headers).raise_for_status()
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:  # the latter: it is another server
        log.info("hint not taken", extra={"event": event, "why": type(error).__name__})
        return False
    return True


def _csrf(client: httpx.Client) -> dict[str, str]:
    """The headers that Prefect asks for when its CSRF protection is on."""
    name = str(uuid.uuid4())
    answer = client.get("/csrf-token", params={"client": name})
    if answer.status_code == httpx.codes.OK:
        return {"Prefect-Csrf-Token": answer.json()["token"], "Prefect-Csrf-Client": name}
    return {}
