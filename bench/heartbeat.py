"""A heartbeat with nothing due: `engine.run_once`, at a thousand trajectories and at a hundred thousand.

Against itself at a thousand: the cost of looking must not grow with what there is. The first round of a day also looks
whether a trajectory was forgotten this school year; that one reads them all, and is a line of its own without a limit.
"""

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench import places
from bench.figures import Figure, in_turn, once
from bench.filling import multiply, one_trajectory
from traject.engine import RunReport, run_once

LIMIT = 1.5
ROUNDS = 200


def run(kind: str, *, few: int = 1_000, many: int = 100_000, rounds: int = ROUNDS) -> list[Figure]:
    """Figures of one kind of database (`sqlite` or `postgresql`); both sizes are measured in turn."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        fresh = stack.enter_context(places.KINDS[kind](folder))
        beat, beat_many = (_beat(stack, fresh(), folder, count) for count in (few, many))
        first = once(beat_many)
        idle, idle_many = in_turn(beat, beat_many, rounds=rounds, warm_up=5)
    subject = f"heartbeat, nothing due, {kind}"
    return [
        Figure(subject, f"{few:,} trajectories", **idle.times("ms", 1e3)),
        Figure(
            subject,
            f"{many:,} trajectories",
            **idle_many.times("ms", 1e3),
            ratio=idle_many.median / idle.median,
            against=f"{few:,} trajectories",
            limit=LIMIT,
        ),
        Figure(subject, f"{many:,}, the first round of a day", first * 1e3, "ms"),
    ]


def _beat(stack: ExitStack, url: str, folder: Path, count: int) -> Callable[[], None]:
    """What a round is, on a database that holds so many trajectories."""
    settings = places.settings_for(url, folder)
    store = stack.enter_context(places.opened(url, 1))
    now = one_trajectory(store, settings)
    multiply(store, count)
    loop = asyncio.new_event_loop()
    stack.callback(loop.close)

    def beat() -> None:
        _assert_idle(loop.run_until_complete(run_once(store, settings, clock=lambda: now)))

    return beat


def _assert_idle(report: RunReport) -> None:
    done = report.as_dict()
    if done["trajectories"] or done["failed"] or done["inbox"] or report.delivery.accepted:
        message = f"the heartbeat was meant to have nothing to do, and did {done}"
        raise AssertionError(message)
