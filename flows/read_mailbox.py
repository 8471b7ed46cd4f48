"""Take in what arrived: answers from the web and from mail become facts."""

import asyncio

from prefect import flow, get_run_logger, task

from flows.context import opened
from traject.clock import now
from traject.inbox import apply_stored
from traject.reading import read_mailbox as read


@flow(name="read_mailbox", flow_run_name="postbus lezen")
async def read_mailbox() -> dict[str, int]:
    """Read the mailbox, then apply everything that is stored in the inbox and waits."""
    return await drain_inbox()


@task(name="drain the inbox")
async def drain_inbox() -> dict[str, int]:
    """Take in what is new in the mailbox, apply what waits, oldest first; how many by outcome.

    A mailbox that cannot be read keeps nothing else waiting: staff are told, and the next run tries again.
    """
    with opened() as (store, settings):
        reading = await asyncio.to_thread(read, store, settings, now())
        applied = apply_stored(store, settings, now())
    if reading.trouble:
        get_run_logger().warning("the mailbox: %s; `traject doctor` tells what to do", reading.trouble)
    return dict(reading.outcomes + applied.outcomes)
