"""One round of everything: arrivals become facts, what is due happens, mail goes out. Needs no Prefect."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from calendars.school_year import SchoolYear
from traject.advance import AdvanceReport, advance
from traject.delivery import DeliveryReport, deliver
from traject.inbox import Report as InboxReport
from traject.inbox import apply_stored
from traject.settings import Settings
from traject.store import Store
from traject.years import YearReport, looked_today, queue_yearly_evaluations


@dataclass(frozen=True, slots=True)
class RunReport:
    """What one round did, part by part."""

    inbox: InboxReport
    years: YearReport
    advanced: AdvanceReport
    delivery: DeliveryReport

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        delivery = asdict(self.delivery)
        delivery["resume_at"] = self.delivery.resume_at.isoformat() if self.delivery.resume_at else None
        return {
            "inbox": dict(self.inbox.outcomes),
            "school_year": self.years.school_year,
            "mended": self.years.mended,
            "trajectories": len({*self.years.advanced.trajectories, *self.advanced.trajectories}),
            "moves": {
                name: self.years.advanced.moves.get(name, 0) + self.advanced.moves.get(name, 0)
                for name in sorted({*self.years.advanced.moves, *self.advanced.moves})
            },
            "failed": self.years.advanced.failed | self.advanced.failed,
            "delivery": delivery,
        }


async def run_once(
    store: Store,
    settings: Settings,
    *,
    clock: Callable[[], datetime],
    progress: Callable[[int, int], None] | None = None,
) -> RunReport:
    """Do all that is due at `clock()`: inbox, yearly evaluations, stages and steps, then deliver. Safe at any time.

    The first round of a day also looks whether a trajectory was forgotten this school year.
    """
    inbox = apply_stored(store, settings, clock())
    years = _look_once_a_day(store, settings, clock())
    advanced = advance(store, settings, now=clock())
    delivery = await deliver(store, settings, clock=clock, progress=progress)
    return RunReport(inbox, years, advanced, delivery)


def _look_once_a_day(store: Store, settings: Settings, now: datetime) -> YearReport:
    with store.read() as session:
        looked = looked_today(session, settings, now)
    if looked:
        return YearReport(str(SchoolYear.of(now.astimezone(settings.zone).date())))
    return queue_yearly_evaluations(store, settings, now=now)
