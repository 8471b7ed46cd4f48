"""Every five minutes: do everything that is due, of all trajectories, in batches."""

from typing import Any

from prefect import flow, task

from flows.context import opened
from flows.deliver_mail import drain_outbox
from flows.read_mailbox import drain_inbox
from traject.advance import advance
from traject.clock import now

BATCH = 50


@flow(name="heartbeat", flow_run_name="hartslag")
async def heartbeat() -> dict[str, Any]:
    """Take in what arrived, let everything that is due happen, send what is queued. Safe to run at any time."""
    moves: dict[str, int] = {}
    failed: list[int] = []
    arrived = await drain_inbox()
    while True:
        report = await advance_batch()
        for name, count in report["moves"].items():
            moves[name] = moves.get(name, 0) + count
        failed += report["failed"]
        if report["trajectories"] < BATCH:
            break
    return {"arrived": arrived, "moves": moves, "failed": failed, "delivered": await drain_outbox()}


@task(name="advance a batch")
async def advance_batch() -> dict[str, Any]:
    """Advance at most one batch of trajectories that have something due."""
    with opened() as (store, settings):
        report = advance(store, settings, now=now(), limit=BATCH)
    count = len(report.trajectories) + len(report.failed)
    return {"trajectories": count, "moves": report.moves, "failed": list(report.failed)}
