"""Every day: ask every running school for its evaluation of this school year, remind, close, and forget nobody."""

from typing import Any

from prefect import flow

from flows.context import opened
from flows.deliver_mail import drain_outbox
from flows.verdict import all_done
from traject.clock import now
from traject.years import queue_yearly_evaluations as queue_due


@flow(name="queue_yearly_evaluations", flow_run_name="jaarlijkse evaluaties")
async def queue_yearly_evaluations() -> dict[str, Any]:
    """Queue the requests of the school year that are due, mend what was forgotten, close what is over, and send."""
    with opened() as (store, settings):
        report = queue_due(store, settings, now=now())
    done = {
        "school_year": report.school_year,
        "mended": report.mended,
        "closed": report.closed,
        "moves": report.advanced.moves,
        "delivered": await drain_outbox(),
    }
    return all_done(done, failed=report.advanced.failed)
