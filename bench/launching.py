"""Many schools launched at once: read, checked, planned for four years and written, in one transaction each round.

Every school has a coordinator and a head of its own; ten share an adviser, whose gatherings may not overlap.
"""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench import places
from bench.figures import Figure, Timing, once
from traject.launch import launch

LIMIT = 100.0


def run(kind: str, *, schools: int = 500, rounds: int = 3) -> list[Figure]:
    """Schools a second on one kind of database; every round has a fresh one. Only SQLite has a promise to keep."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        fresh = stack.enter_context(places.KINDS[kind](folder))
        _round(fresh, folder, 5)  # so that the programmes and the school years are read
        timing = Timing(tuple(_round(fresh, folder, schools) for _ in range(rounds)))
    return [
        Figure(
            f"bulk launch, {kind}",
            f"{schools} schools",
            **timing.rate("schools/s", schools),
            limit=LIMIT if kind == "sqlite" else None,
            at_least=True,
        )
    ]


def _round(fresh: Callable[[], str], folder: Path, schools: int) -> float:
    url = fresh()
    settings = places.settings_for(url, folder)
    requests = [places.request(number) for number in range(schools)]
    with places.opened(url, schools) as store:
        return once(lambda: launch(store, requests, settings=settings, now=places.NOW))
