"""What a measurement gives: its median and spread, and whether it reaches what it must (issue 2 §11)."""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal

Verdict = Literal["PASS", "MISS", "—"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    `value` is the median, `low` and `high` what was seen around it, all in `unit`. `ratio` is of `value` to what
    `against` names, measured in the same run. `limit` is for the ratio where there is one, else for the value: it
    must stay at or below it, or reach it when `at_least`. Without a limit nothing is promised.
    """

    subject: str
    what: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    ratio: float | None = None
    against: str = ""
    limit: float | None = None
    at_least: bool = False

    @property
    def verdict(self) -> Verdict:
        """Whether the limit is kept; a dash where there is none."""
        if self.limit is None:
            return "—"
        found = self.value if self.ratio is None else self.ratio
        return "PASS" if (found >= self.limit if self.at_least else found <= self.limit) else "MISS"

    @property
    def promise(self) -> str:
        """The limit in words."""
        if self.limit is None:
            return ""
        return (
            f"{'≥' if self.at_least else '≤'} {self.limit:g} {'×' if self.ratio is not None else self.unit}"
        )

    def as_dict(self) -> dict[str, Any]:
        """The figure as JSON values."""
        return asdict(self) | {"verdict": self.verdict}


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that one thing took, over several rounds."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle round."""
        return median(self.seconds)

    def times(self, unit: str, scale: float) -> dict[str, Any]:
        """As value, spread and unit of a Figure: seconds × `scale`."""
        return {
            "value": self.median * scale,
            "low": min(self.seconds) * scale,
            "high": max(self.seconds) * scale,
            "unit": unit,
        }

    def rate(self, unit: str, count: int) -> dict[str, Any]:
        """As value, spread and unit of a Figure: `count` things in each round, a second."""
        return {
            "value": count / self.median,
            "low": count / max(self.seconds),
            "high": count / min(self.seconds),
            "unit": unit,
        }


def timed(work: Callable[[], object], *, rounds: int, warm_up: int = 0) -> Timing:
    """Run `work` so often; collecting garbage is done between the rounds, not in them."""
    for _ in range(warm_up):
        work()
    return Timing(tuple(once(work) for _ in range(rounds)))


def once(work: Callable[[], object]) -> float:
    """Seconds of one run."""
    gc.collect()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turn(*works: Callable[[], object], rounds: int, warm_up: int = 1) -> list[Timing]:
    """Time several things round by round in turn, so that a busy machine weighs on all of them alike."""
    for work in works:
        for _ in range(warm_up):
            work()
    seconds: Sequence[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for found, work in zip(seconds, works, strict=True):
            found.append(once(work))
    return [Timing(tuple(found)) for found in seconds]
