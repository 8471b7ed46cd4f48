"""Every day, and when a stage needs one: give gatherings their date and send invitations, updates, cancellations."""

from typing import Any

from prefect import flow

from flows.context import opened
from flows.deliver_mail import drain_outbox
from flows.verdict import all_done
from traject.clock import now
from traject.scheduling import schedule_gatherings


@flow(name="schedule_study_afternoons", flow_run_name="studiemiddagen plannen")
async def schedule_study_afternoons() -> dict[str, Any]:
    """Look at every gathering that still needs a date or has its invitations due, and send what came of it."""
    with opened() as (store, settings):
        report = schedule_gatherings(store, settings, now=now())
    done = {
        "replanned": report.replanned,
        "moves": report.advanced.moves,
        "delivered": await drain_outbox(),
    }
    return all_done(done, failed=report.advanced.failed)
