"""Send what is queued."""

from contextlib import suppress
from datetime import datetime
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.deployments.flow_runs import arun_deployment
from prefect.exceptions import ObjectNotFound

from flows.context import opened
from flows.verdict import all_done
from traject.clock import now
from traject.delivery import deliver


@flow(name="deliver_mail", flow_run_name="mail versturen")
async def deliver_mail() -> dict[str, Any]:
    """Drain the outbox: everything whose time has come.

    A rate limit ends the run early, never lets it sleep: it says from when the rest may go (`resume_at`), and Prefect
    is asked for a run at that moment. Should that be lost, the next heartbeat sends the rest.
    """
    return all_done(await drain_outbox())


@task(name="drain the outbox")
async def drain_outbox() -> dict[str, Any]:
    """Send what is due; what the server refuses for now waits by the table of retries."""
    with opened() as (store, settings):
        report = await deliver(store, settings, clock=now)
    resume_at = report.resume_at.astimezone(settings.zone).isoformat() if report.resume_at else None
    if report.resume_at:
        await _go_on_at(report.resume_at)
    log = get_run_logger()
    log.info("mail: %d accepted, %d put off, %d failed", report.accepted, report.deferred, report.failed)
    if resume_at:
        log.info("the rate limit lets the rest go from %s", resume_at)
    return {
        "accepted": report.accepted,
        "deferred": report.deferred,
        "failed": report.failed,
        "problem": report.problem,
        "resume_at": resume_at,
    }


async def _go_on_at(moment: datetime) -> None:
    """Have `deliver_mail` run at this moment, once however many ask: with heartbeats alone a limit would be a fifth."""
    with suppress(ObjectNotFound):  # not deployed: whoever called this flow will call again
        await arun_deployment(
            "deliver_mail/deliver_mail",
            scheduled_time=moment,
            timeout=0,
            as_subflow=False,
            idempotency_key=f"deliver_mail {moment:%Y-%m-%d %H:%M}",
        )
