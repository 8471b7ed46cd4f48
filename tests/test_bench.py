"""The bench runs, at sizes at which nothing can be concluded; what it measures is not judged here."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_figures_come_with_what_they_are_compared_with_and_on_which_machine():
    names = ("planning", "composing", "launching", "memory", "heartbeat", "feed", "inbox")
    done = bench(*names, "--tiny", "--json", "--databases", "sqlite")
    assert done.returncode in (0, 1), done.stderr  # 1: a limit was missed, on a busy machine
    found = json.loads(done.stdout)
    assert {"cores", "Python", "SQLite", "PostgreSQL"} <= set(found["machine"])
    figures = found["figures"]
    subjects = {figure["subject"].partition(" ")[0] for figure in figures}
    assert subjects == {"one", "composing", "bulk", "peak", "heartbeat,", "feed", "inbox,"}
    assert all(figure["value"] > 0 for figure in figures)
    compared = [figure for figure in figures if figure["ratio"] is not None]
    assert len(compared) == 4
    assert all(figure["against"] in {other["what"] for other in figures} for figure in compared)
    assert {figure["verdict"] for figure in figures if figure["limit"] is None} == {"—"}
    assert {figure["verdict"] for figure in figures if figure["limit"] is not None} <= {"PASS", "MISS"}


def test_the_table_shows_the_limits():
    done = bench("planning", "--tiny")
    assert "≤ 5 ms" in done.stdout, done.stderr
    assert "smaller sizes" in done.stdout
