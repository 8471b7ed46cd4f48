"""Every five minutes: do everything that is due, of all trajectories, in batches."""

from typing import Any

from prefect import flow, task

from flows.context import opened
from flows.deliver_mail import drain_outbox
from flows.read_mailbox import drain_inbox
from flows.verdict import all_done
from traject import engine, nudges
from traject.advance import advance
from traject.clock import now

BATCH = 50
MOST_BATCHES = 200
"""What is still due after so many batches is for the next beat: no run goes on for ever."""


@flow(name="heartbeat", flow_run_name="hartslag")
async def heartbeat() -> dict[str, Any]:
    """Take in what arrived, let everything that is due happen, send what is queued. Safe to run at any time."""
    arrived = await drain_inbox()
    moves: dict[str, int] = {}
    failed: set[int] = set()
    for _ in range(MOST_BATCHES):
        report = await advance_batch()
        for name, count in report["moves"].items():
            moves[name] = moves.get(name, 0) + count
        failed.update(report["failed"])
        if report["trajectories"] < BATCH:
            break
    nudged = await ask_once_more()
    failed.update(nudged["failed"])
    delivered = await drain_outbox()
    # Last, so that what it may stumble over keeps nothing waiting; what it queues goes out with the next beat.
    mended = await look_once_a_day()
    return all_done(
        {"arrived": arrived, "moves": moves, "delivered": delivered, "mended": mended}, failed=failed
    )


@task(name="look for what was forgotten once a day")
async def look_once_a_day() -> list[int]:
    """On the first beat of a day, mend what was forgotten: Prefect's daily runs may have been lost."""
    with opened() as (store, settings):
        years, gatherings = engine.look_once_a_day(store, settings, now=now())
    all_done({}, failed={*years.advanced.failed, *gatherings.advanced.failed})
    return years.mended


@task(name="ask once more")
async def ask_once_more() -> dict[str, Any]:
    """Queue the nudges that were noted, one mail a person over all trajectories."""
    with opened() as (store, settings):
        report = nudges.send(store, settings, now=now())
    return {"mails": report.mails, "failed": list(report.failed)}


@task(name="advance a batch")
async def advance_batch() -> dict[str, Any]:
    """Advance at most one batch of trajectories that have something due."""
    with opened() as (store, settings):
        report = advance(store, settings, now=now(), limit=BATCH)
    count = len(report.trajectories) + len(report.failed)
    return {"trajectories": count, "moves": report.moves, "failed": list(report.failed)}
