"""What everybody in the made-up world shares: the clock, the agenda, the database and the mail server."""

import heapq
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from random import Random

from calendars.school_year import SchoolCalendar
from traject.settings import Settings
from traject.simulation.post import Post
from traject.store import Store

OFFICE_HOURS = (time(9, 30), time(13, 30))
FREE_HOURS = (time(9, 30), time(13, 30), time(20, 30))
"""Few, so that one round of the engine sees what several people did, as its heartbeat does on a busy day."""


class World:
    """One simulated world. Its clock stands still until the next thing happens."""

    def __init__(self, store: Store, settings: Settings, calendar: SchoolCalendar, seed: int) -> None:
        self.store = store
        self.settings = settings
        self.calendar = calendar
        self.seed = seed
        self.now = datetime.min.replace(tzinfo=UTC)
        self.post = Post(self.clock, seed)
        self.violations: list[str] = []
        self.refusals: Counter[str] = Counter()
        self._agenda: list[tuple[datetime, int, Callable[[], object]]] = []
        self._number = count()

    def clock(self) -> datetime:
        """The present instant of the world."""
        return self.now

    def random(self, *name: object) -> Random:
        """Chance for one matter, the same in every run with this seed, whatever else happens."""
        return Random(":".join(str(part) for part in (self.seed, *name)))  # noqa: S311 - no secret

    def plan(self, at: datetime, act: Callable[[], object]) -> None:
        """Do this then."""
        heapq.heappush(self._agenda, (at, next(self._number), act))

    @property
    def next_planned(self) -> datetime | None:
        """When somebody does something next."""
        return self._agenda[0][0] if self._agenda else None

    def act(self) -> None:
        """Everybody does what they planned until now."""
        while self._agenda and self._agenda[0][0] <= self.now:
            heapq.heappop(self._agenda)[2]()

    def violated(self, law: str, detail: str) -> None:
        """Note that something happened that never may."""
        self.violations.append(f"{self.calendar.to_local(self.now):%Y-%m-%d %H:%M} {law}: {detail}")

    # Moments

    def today(self) -> date:
        """The local date."""
        return self.calendar.to_local(self.now).date()

    def free_moment(self, chance: Random, days: float) -> datetime:
        """A moment at which people look at their mail, about so many days from now."""
        return self._moment(self.today() + timedelta(days=int(days)), chance, FREE_HOURS)

    def office_moment(self, chance: Random, days: float) -> datetime:
        """A moment at which an office works, about so many days from now."""
        day = self.today() + timedelta(days=int(days))
        while True:
            at = self._moment(day, chance, OFFICE_HOURS)
            if self.calendar.is_working_day(day) and self.calendar.next_sending_moment(at) == at:
                return at
            day += timedelta(days=1)

    def _moment(self, day: date, chance: Random, hours: tuple[time, ...]) -> datetime:
        at = self.calendar.local(day, chance.choice(hours))
        return at if at > self.now else self.calendar.local(day + timedelta(days=1), hours[0])
