"""When a run ends red in Prefect's screen: when something could not be done, said in a sentence that names only ids."""

from collections.abc import Iterable
from typing import Any

from traject.errors import TrajectError


class NotAllDone(TrajectError):
    """A run did what it could, and something was left; what was left waits and is tried again by itself."""


def all_done(report: dict[str, Any], *, failed: Iterable[int] = ()) -> dict[str, Any]:
    """Give the report of a run. NotAllDone when trajectories failed, or its `delivered` names a problem."""
    left: list[str] = []
    if stuck := sorted(failed):
        numbers = ", ".join(str(number) for number in stuck)
        left.append(
            f"Deze trajecten konden niet verder: {numbers}. Er is niets half gedaan; over een uur wordt het opnieuw "
            "geprobeerd. De reden staat in het logboek van de worker."
        )
    # Not the server's own words, which may hold an address: `traject doctor` and the log give those.
    if report.get("delivered", report).get("problem"):
        left.append(
            "De mailserver is niet bruikbaar. Alle mail wacht en gaat later vanzelf; `traject doctor` zegt wat eraan scheelt."
        )
    if left:
        raise NotAllDone(" ".join(left))
    return report
