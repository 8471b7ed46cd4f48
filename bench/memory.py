"""The most memory that launching and a first heartbeat of many schools take, in a process of their own.

Against the same with a tenth of the schools: it must not grow with them. What is measured is what the system says that
the process held at most (ru_maxrss), so SQLite's page cache, which grows to 64 MB and no further, is in it.
"""

import os
import resource
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from bench import places
from bench.figures import Figure
from traject.advance import advance
from traject.launch import launch

LIMIT = 1.5
"""Flat, with room for the page cache and for the requests themselves."""


def run(*, few: int = 100, many: int = 1_000) -> list[Figure]:
    """Megabytes, with few schools and with many."""
    subject = "peak memory, launch and advance"
    small, large = _peak(few), _peak(many)
    return [
        Figure(subject, f"{few:,} schools", small, "MB"),
        Figure(
            subject,
            f"{many:,} schools",
            large,
            "MB",
            ratio=large / small,
            against=f"{few:,} schools",
            limit=LIMIT,
        ),
    ]


def _peak(schools: int) -> float:
    command = [sys.executable, "-m", "bench.memory", str(schools)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    return float(done.stdout) / 1024


def main(schools: int) -> None:
    """Launch so many, advance them for a month, and print the peak in kilobytes."""
    with tempfile.TemporaryDirectory() as name, places.sqlite(Path(name)) as fresh:
        url = fresh()
        settings = places.settings_for(url, Path(name))
        with places.opened(url, schools) as store:
            launch(store, [places.request(n) for n in range(schools)], settings=settings, now=places.NOW)
            for days in (0, 10, 30):
                advance(store, settings, now=places.NOW + timedelta(days=days))
    sys.stdout.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


if __name__ == "__main__":
    main(int(sys.argv[1]))
