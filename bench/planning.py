"""One four-year plan (po-nieuw, with everybody in a role), against the five milliseconds that it may take.

The first plan of a process also reads the programmes and computes the school years; it is a line of its own.
"""

import time
from pathlib import Path

from bench import places
from bench.figures import Figure, timed
from calendars.school_year import school_calendar
from traject.plan import Facts, Plan
from traject.planner import plan
from traject.programme_file import load_programmes

LIMIT = 5.0
PROGRAMMES = Path(__file__).parent.parent / "programmes"


def run(*, rounds: int = 300) -> list[Figure]:
    """Figures in milliseconds; the very first plan is the first one of this process, so measure it first."""
    started = time.perf_counter()
    programme = load_programmes(PROGRAMMES)["po-nieuw"]
    read = time.perf_counter() - started
    facts = Facts(
        starts_on=places.STARTS_ON,
        as_of=places.NOW,
        school_type="bo",
    )

    def make() -> Plan:
        return plan(programme, facts, school_calendar())

    started = time.perf_counter()
    made = make()
    first = time.perf_counter() - started
    subject = f"one four-year plan ({len(made.stages)} stages, {len(made.steps)} steps)"
    return [
        Figure(subject, "the programmes read, once", read * 1e3, "ms"),
        Figure(subject, "the first of a process", first * 1e3, "ms"),
        Figure(subject, "every other", **timed(make, rounds=rounds).times("ms", 1e3), limit=LIMIT),
    ]
