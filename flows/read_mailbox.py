"""Take in what arrived: answers from the web and from mail become facts."""

from prefect import flow, task

from flows.context import opened
from traject.clock import now
from traject.inbox import apply_stored


@flow(name="read_mailbox", flow_run_name="postbus lezen")
async def read_mailbox() -> dict[str, int]:
    """Apply everything that is stored in the inbox and waits."""
    return await drain_inbox()


@task(name="drain the inbox")
async def drain_inbox() -> dict[str, int]:
    """Apply what waits, oldest first; how many by outcome."""
    with opened() as (store, settings):
        return dict(apply_stored(store, settings, now()).outcomes)
