"""Send what is queued."""

from typing import Any

from prefect import flow, task

from flows.context import opened
from traject.clock import now
from traject.delivery import deliver


@flow(name="deliver_mail", flow_run_name="mail versturen")
async def deliver_mail() -> dict[str, Any]:
    """Drain the outbox: everything whose time has come."""
    return await drain_outbox()


@task(name="drain the outbox")
async def drain_outbox() -> dict[str, Any]:
    """Send what is due; what the server refuses for now waits by the table of retries."""
    with opened() as (store, settings):
        report = await deliver(store, settings, clock=now)
    return {
        "accepted": report.accepted,
        "deferred": report.deferred,
        "failed": report.failed,
        "problem": report.problem,
    }
