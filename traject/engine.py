"""One round of everything: arrivals become facts, what is due happens, mail goes out. Needs no Prefect."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from calendars.school_year import SchoolYear
from traject.advance import AdvanceReport, advance
from traject.delivery import DeliveryReport, deliver
from traject.inbox import Report as InboxReport
from traject.inbox import apply_stored
from traject.nudges import NudgeReport
from traject.nudges import send as send_nudges
from traject.reading import Reading, read_mailbox
from traject.scheduling import ScheduleReport, schedule_gatherings
from traject.settings import Settings
from traject.store import Store
from traject.themes import follow_themes
from traject.years import YearReport, looked_today, queue_yearly_evaluations


@dataclass(frozen=True, slots=True)
class RunReport:
    """What one round did, part by part."""

    mailbox: Reading
    inbox: InboxReport
    years: YearReport
    gatherings: ScheduleReport
    advanced: AdvanceReport
    nudged: NudgeReport
    delivery: DeliveryReport

    def as_dict(self, language: str = "nl") -> dict[str, Any]:
        """The report as JSON values; what is wrong with the mailbox in that language."""
        delivery = asdict(self.delivery)
        delivery["resume_at"] = self.delivery.resume_at.isoformat() if self.delivery.resume_at else None
        parts = (self.advanced, self.gatherings.advanced, self.years.advanced)
        moves: Counter[str] = Counter()
        for part in parts:
            moves.update(part.moves)
        return {
            "mailbox": self.mailbox.as_dict(language),
            "inbox": dict(self.mailbox.outcomes + self.inbox.outcomes),
            "school_year": self.years.school_year,
            "mended": self.years.mended,
            "replanned": self.gatherings.replanned,
            "trajectories": len({trajectory for part in parts for trajectory in part.trajectories}),
            "moves": dict(sorted(moves.items())),
            "nudged": self.nudged.mails,
            "failed": self.nudged.failed
            | {trajectory: why for part in parts for trajectory, why in part.failed.items()},
            "delivery": delivery,
        }


async def run_once(
    store: Store,
    settings: Settings,
    *,
    clock: Callable[[], datetime],
    progress: Callable[[int, int], None] | None = None,
) -> RunReport:
    """Do all that is due at `clock()`: mailbox, inbox, stages and steps, the daily look, then deliver. Safe at any time."""
    mailbox = await asyncio.to_thread(read_mailbox, store, settings, clock())
    inbox = apply_stored(store, settings, clock())
    advanced = advance(store, settings, now=clock())
    nudged = send_nudges(store, settings, now=clock())
    try:
        years, gatherings = look_once_a_day(store, settings, now=clock())
    finally:  # what the look may stumble over keeps no mail waiting
        delivery = await deliver(store, settings, clock=clock, progress=progress)
    return RunReport(mailbox, inbox, years, gatherings, advanced, nudged, delivery)


def look_once_a_day(store: Store, settings: Settings, *, now: datetime) -> tuple[YearReport, ScheduleReport]:
    """In the first round of a day: gatherings that still have no date, and schools that were forgotten this year."""
    with store.glance() as connection:
        looked = looked_today(connection, settings, now)
    if looked:
        joined = follow_themes(store, settings, now=now, only_news=True)  # people are invited by it
        school_year = str(SchoolYear.of(now.astimezone(settings.zone).date()))
        return YearReport(school_year), ScheduleReport(joined=joined)
    gatherings = schedule_gatherings(store, settings, now=now)
    return queue_yearly_evaluations(store, settings, now=now), gatherings
