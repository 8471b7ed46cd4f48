"""`python -m bench`: measures everything and prints the table; `--quick` in less than a minute, `--json` for machines.

`python -m bench NAME…` measures only those (`idle`, `heartbeat`, …). The exit code is 1 when a limit is missed.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from bench import composing, delivery, feed, heartbeat, idle, inbox, launching, machine, memory, planning
from bench.figures import Figure

WIDTH = 116
"""Columns that the table needs, also where nothing says how wide the output is."""

Measurement = Callable[[argparse.Namespace], list[Figure]]


def _delivery(_: argparse.Namespace) -> list[Figure]:
    rows = delivery.run()
    bare = rows[0][0]
    return [
        Figure(
            "delivery end to end",
            what,
            value,
            unit,
            ratio=ratio,
            against=bare if ratio else "",
            limit=limit,
            at_least=True,
        )
        for what, value, unit, ratio, limit in rows
    ]


def _planning(asked: argparse.Namespace) -> list[Figure]:
    return planning.run(rounds={"full": 300, "quick": 100, "tiny": 3}[asked.size])


def _composing(asked: argparse.Namespace) -> list[Figure]:
    guests, rounds = {"full": (500, 5), "quick": (100, 3), "tiny": (5, 1)}[asked.size]
    return composing.run(guests=guests, rounds=rounds)


def _launching(asked: argparse.Namespace) -> list[Figure]:
    schools, rounds = {"full": (500, 3), "quick": (100, 2), "tiny": (3, 1)}[asked.size]
    return [
        figure for kind in asked.databases for figure in launching.run(kind, schools=schools, rounds=rounds)
    ]


def _memory(asked: argparse.Namespace) -> list[Figure]:
    few, many = {"full": (100, 1_000), "quick": (10, 100), "tiny": (1, 2)}[asked.size]
    return memory.run(few=few, many=many)


def _heartbeat(asked: argparse.Namespace) -> list[Figure]:
    sizes = {"full": (1_000, 100_000, 200), "quick": (100, 2_000, 50), "tiny": (2, 20, 3)}
    few, many, rounds = sizes[asked.size]
    return [
        figure
        for kind in asked.databases
        for figure in heartbeat.run(kind, few=few, many=many, rounds=rounds)
    ]


def _feed(asked: argparse.Namespace) -> list[Figure]:
    gatherings, rounds = {"full": (500, 1_000), "quick": (500, 200), "tiny": (3, 2)}[asked.size]
    return [
        figure for kind in asked.databases for figure in feed.run(kind, gatherings=gatherings, rounds=rounds)
    ]


def _inbox(asked: argparse.Namespace) -> list[Figure]:
    mails, rounds = {"full": (1_000, 5), "quick": (300, 3), "tiny": (20, 1)}[asked.size]
    return [figure for kind in asked.databases for figure in inbox.run(kind, mails=mails, rounds=rounds)]


def _idle(asked: argparse.Namespace) -> list[Figure]:
    return idle.run(minutes=asked.minutes)


MEASUREMENTS: dict[str, Measurement] = {
    "planning": _planning,  # first: it names the first plan of a process
    "composing": _composing,
    "delivery": _delivery,
    "launching": _launching,
    "memory": _memory,
    "heartbeat": _heartbeat,
    "feed": _feed,
    "inbox": _inbox,
    "idle": _idle,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked, one after the other, and show it."""
    asked = _parser().parse_args(arguments)
    names = asked.names or [name for name in MEASUREMENTS if name != "idle" or asked.size == "full"]
    said = Console(stderr=True)
    on = machine.describe()
    if sentence := machine.busy():
        said.print(sentence, style="yellow")
    figures: list[Figure] = []
    for name in names:
        with said.status(f"{name} …"):
            figures += MEASUREMENTS[name](asked)
    if asked.json:
        found = {"machine": on, "size": asked.size, "figures": [figure.as_dict() for figure in figures]}
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        _show(figures, on, size=asked.size)
    return 1 if any(figure.verdict == "MISS" for figure in figures) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these; all when none is named")
    parser.set_defaults(size="full")
    parser.add_argument(
        "--quick", dest="size", action="store_const", const="quick", help="smaller sizes, without idle"
    )
    parser.add_argument(
        "--tiny", dest="size", action="store_const", const="tiny", help="only to see that it runs"
    )
    parser.add_argument("--json", action="store_true", help="machine output")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the idle measurement")
    parser.add_argument(
        "--databases", nargs="+", default=["sqlite", "postgresql"], choices=["sqlite", "postgresql"]
    )
    return parser


def _show(figures: Sequence[Figure], on: dict[str, str], *, size: str) -> None:
    console = Console()
    console.width = max(console.width, WIDTH)
    table = Table(title=None if size == "full" else f"{size}: smaller sizes than were promised", expand=True)
    table.add_column("what", ratio=1)
    for heading in ("median", "lowest … highest", "ratio", "to reach"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    subject = ""
    for figure in figures:
        if figure.subject != subject:
            subject = figure.subject
            table.add_section()
            table.add_row(f"[bold]{subject}[/bold]")
        spread = (
            ""
            if figure.low is None or figure.high is None
            else f"{_number(figure.low)} … {_number(figure.high)}"
        )
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f} ×"
        style = {"PASS": "green", "MISS": "red"}.get(figure.verdict, "dim")
        verdict = f"[{style}]{figure.verdict}[/{style}]"
        median = f"{_number(figure.value)} {figure.unit}"
        table.add_row(f"  {figure.what}", median, spread, ratio, figure.promise, verdict)
    console.print(table)
    console.print(" · ".join(f"{name} {value}" for name, value in on.items()), style="dim", highlight=False)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


if __name__ == "__main__":
    sys.exit(main())
