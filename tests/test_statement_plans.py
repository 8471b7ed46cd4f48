"""What a look at the database costs grows with what is due: SQLite finds it by an index and goes over no table."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from traject import simulate as simulation

FEW = {
    "programme_versions",
    "quiet_periods",
    "organisations",
    "schools",
    "locations",
    "mailboxes",
    "busy_times",
}
"""Tables that do not grow with the trajectories."""
PARTS = ("ix_inbox_stored", "ix_people_agenda")
"""Indexes that hold only what is asked for."""
HERE = f"{Path(simulation.__file__).parent}{os.sep}"
READS_ALL = re.compile(r"(reconcile|simulate|simulation/\w+)\.py$")
"""Who is meant to go over everything: the proof, and the world that the simulation makes up."""


def _asker() -> str:
    """The file of Traject whose code sends a statement now."""
    frame = sys._getframe()
    while frame and not frame.f_code.co_filename.startswith(HERE):
        frame = frame.f_back
    return frame.f_code.co_filename if frame else ""


@pytest.fixture
def plans() -> Iterator[dict[str, list[str]]]:
    """How SQLite finds what each statement asks for, by statement; filled while the test runs."""
    found: dict[str, list[str]] = {}

    def explain(_: Any, cursor: Any, statement: str, values: Any, __: Any, many: bool) -> None:
        if many or statement in found or not statement.startswith(("SELECT", "UPDATE", "DELETE")):
            return
        if not READS_ALL.search(_asker()):
            other = cursor.connection.cursor()
            found[statement] = [row[3] for row in other.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
            other.close()

    event.listen(Engine, "before_cursor_execute", explain)
    yield found
    event.remove(Engine, "before_cursor_execute", explain)


def test_no_look_goes_over_a_table_that_grows(plans: dict[str, list[str]]):
    report = simulation.simulate(3, 1, 7)
    assert report.evaluations
    assert len(plans) > 100
    for statement, plan in plans.items():
        for step in plan:
            scanned = re.match(r"SCAN (?!CONSTANT ROW)(\w+)", step)
            assert not scanned or scanned[1] in FEW or step.endswith(PARTS), (step, statement)
