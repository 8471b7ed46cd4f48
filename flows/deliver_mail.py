"""Send what is queued."""

from typing import Any

from prefect import flow, get_run_logger, task

from flows.context import opened
from flows.verdict import all_done
from traject.clock import now
from traject.delivery import deliver


@flow(name="deliver_mail", flow_run_name="mail versturen")
async def deliver_mail() -> dict[str, Any]:
    """Drain the outbox: everything whose time has come.

    A rate limit ends the run early, never lets it sleep: the run says from when the rest may go (`resume_at`), and the
    first heartbeat after that sends it.
    """
    return all_done(await drain_outbox())


@task(name="drain the outbox")
async def drain_outbox() -> dict[str, Any]:
    """Send what is due; what the server refuses for now waits by the table of retries."""
    with opened() as (store, settings):
        report = await deliver(store, settings, clock=now)
    resume_at = report.resume_at.astimezone(settings.zone).isoformat() if report.resume_at else None
    log = get_run_logger()
    log.info("mail: %d accepted, %d put off, %d failed", report.accepted, report.deferred, report.failed)
    if resume_at:
        log.info("the rate limit lets the rest go from %s; a heartbeat sends it", resume_at)
    return {
        "accepted": report.accepted,
        "deferred": report.deferred,
        "failed": report.failed,
        "problem": report.problem,
        "resume_at": resume_at,
    }
