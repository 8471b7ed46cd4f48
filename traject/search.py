"""Which moments a gathering could have, in order of preference, and why others will not do.

The planner takes `best`; staff see `candidates`, of which `best` is the first, and `rejected`. One code answers both.

The order: days that leave the whole invitation time, the earliest first; then the days before them, the latest first.
Of a series: after those that come before it in the programme, in a week of its own while there is room, and, if that
costs no more than two weeks, on the weekday and at the hour of the first of the series.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from traject.agenda import DAY, Agenda, Slot
from traject.obstacles import Obstacle, Why
from traject.plan import LONGEST_KEPT
from traject.programme import Text, Window

WORTH_WAITING = timedelta(days=13)
"""So much later a gathering may come to be on the weekday and at the hour of its series."""


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another gathering of the same series that has a date."""

    title: str
    slot: Slot
    comes_first: bool  # in the programme


@dataclass(frozen=True, slots=True)
class Candidate:
    """A day on which a gathering can be; `also` are its other free starts, `remarks` what speaks for and against it."""

    starts_at: datetime
    ends_at: datetime
    also: tuple[datetime, ...]
    remarks: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A day, or these starts of it, and what stands in the way."""

    day: date
    starts: tuple[datetime, ...]  # empty: the whole day
    why: Why


@dataclass(frozen=True, slots=True)
class Search:
    """Where one gathering could be, as the planner knew it when it chose. Days are local and inclusive."""

    agenda: Agenda
    taken: int  # how much was taken before it was its turn
    window: Window
    to: tuple[str, ...]
    first: date
    soonest: date  # leaves the least notice
    in_time: date  # leaves the whole invitation time
    last: date
    planned: Slot | None = None  # before
    longest_kept: timedelta = LONGEST_KEPT
    siblings: tuple[Sibling, ...] = ()
    has_followers: bool = False  # others of its series still need a date

    def best(self) -> Slot | None:
        """The moment that is taken: the one it had while that will do, else the first in order; None: there is none."""
        first = self._first()
        kept = self.planned
        if first is None or kept is None or self.why_not(kept) or kept[0] - first[0] > self.longest_kept:
            return first
        moves = self._in_week_of(kept, earlier=True) and not self._in_week_of(first)
        return first if moves else kept

    def why_not(self, slot: Slot) -> tuple[Why, ...]:
        """All that stands in the way of a slot; empty: it can be."""
        local = self.agenda.calendar.to_local(slot[0])
        day, found = local.date(), []
        if why := self._why_not_on(day):
            found.append(why)
        if not self.window.earliest <= local.time() <= self.window.latest or (
            slot[1] - slot[0] != self.window.duration
        ):
            found.append(Why(Obstacle.HOURS))
        if why := self.agenda.why_not_at(slot, self.to, first=self.taken):
            found.append(why)
        return tuple(found)

    def candidates(self) -> list[Candidate]:
        """Every day on which it can be, best first."""
        best = self.best()
        if best is None:
            return []
        best_day = self._day(best)
        ranked: list[tuple[bool, int, Candidate]] = []
        for position, day in enumerate(self._days()):
            free = [slot for slot, why in self._starts(day) if why is None]
            if day == best_day and best not in free:
                free.append(best)  # an hour that staff or an older programme chose
            if free:
                slot = best if day == best_day else self._preferred(free)
                also = tuple(start for start, _ in free if start != slot[0])
                found = Candidate(slot[0], slot[1], also, tuple(self._remarks(slot)))
                place = -1 if day == best_day else position
                ranked.append((bool(self._in_week_of(slot)) and place >= 0, place, found))
        return [found for _, _, found in sorted(ranked, key=lambda each: each[:2])]

    def rejected(self, since: date) -> list[Rejected]:
        """Everything in the window, from a day on, at which it cannot be, by day."""
        found: list[Rejected] = []
        day = max(self.first, since)
        while day <= self.last:
            if why := self._why_not_on(day):
                found.append(Rejected(day, (), why))
            else:
                starts = list(self._starts(day))
                whole = all(why for _, why in starts)
                for why in dict.fromkeys(why for _, why in starts if why):
                    at = tuple(slot[0] for slot, other in starts if other == why)
                    found.append(Rejected(day, () if whole and len(at) == len(starts) else at, why))
            day += DAY
        return found

    # Inside

    def _first(self) -> Slot | None:
        free = self._free()
        if not self.siblings:
            return next(free, None)
        crowded: Slot | None = None
        first: Slot | None = None
        best: Slot | None = None
        for slot in free:
            if self._in_week_of(slot):
                crowded = crowded or slot
                continue
            if first is None or best is None:
                first = best = slot
            elif self._is_short(slot) != self._is_short(first) or slot[0] - first[0] > WORTH_WAITING:
                break
            elif self._out_of_step(slot) < self._out_of_step(best):
                best = slot
            if not self._out_of_step(best):
                break
        return best or crowded

    def _free(self) -> Iterator[Slot]:
        """One free slot of each day that has one."""
        for day in self._days():
            if self.agenda.why_not_on(day, self.window, self.to) is None:
                free = (slot for slot, why in self._starts(day) if why is None)
                if self.siblings:
                    if slots := list(free):
                        yield self._preferred(slots)
                elif slot := next(free, None):
                    yield slot

    def _starts(self, day: date) -> Iterator[tuple[Slot, Why | None]]:
        if self.agenda.why_not_on(day, self.window, self.to) is None:
            yield from self.agenda.starts(day, self.window, self.to, first=self.taken)

    def _days(self) -> Iterator[date]:
        """The days that are not too soon and keep the order of the series, in order of preference."""
        opens = max([self.soonest, *(self._day(s.slot) + DAY for s in self.siblings if s.comes_first)])
        closes = min([self.last, *(self._day(s.slot) - DAY for s in self.siblings if not s.comes_first)])
        in_time = max(opens, self.in_time)
        for number in range((closes - in_time).days + 1):
            yield in_time + DAY * number
        early = range((min(in_time - DAY, closes) - opens).days + 1)
        for number in early if self.has_followers else reversed(early):
            yield opens + DAY * number

    def _why_not_on(self, day: date) -> Why | None:
        """What rules out the whole day; of several reasons the one that nobody can help."""
        why = self.agenda.why_not_on(day, self.window, self.to)
        return why if why and why.obstacle is Obstacle.WEEKDAY else self._outside(day) or why

    def _outside(self, day: date) -> Why | None:
        if not self.first <= day <= self.last:
            return Why(Obstacle.PERIOD)
        if day < self.soonest:
            return Why(Obstacle.NOTICE)
        for sibling in self.siblings:
            of = self._day(sibling.slot)
            if day <= of if sibling.comes_first else of <= day:
                return Why(Obstacle.SERIES, sibling.title)
        return None

    def _day(self, slot: Slot) -> date:
        return self.agenda.calendar.to_local(slot[0]).date()

    def _is_short(self, slot: Slot) -> bool:
        return self._day(slot) < self.in_time

    def _in_week_of(self, slot: Slot, *, earlier: bool = False) -> Sibling | None:
        """One of the series that is in the same week."""
        week = self._day(slot).isocalendar()[:2]
        for sibling in self.siblings:
            if (sibling.comes_first or not earlier) and self._day(sibling.slot).isocalendar()[:2] == week:
                return sibling
        return None

    def _out_of_step(self, slot: Slot) -> int:
        """In how many of weekday and hour a slot differs from the first of the series."""
        local = self.agenda.calendar.to_local(slot[0])
        pace = self.agenda.calendar.to_local(self.siblings[0].slot[0])
        return (local.weekday() != pace.weekday()) + (local.time() != pace.time())

    def _preferred(self, free: list[Slot]) -> Slot:
        return min(free, key=self._out_of_step) if self.siblings else free[0]

    def _remarks(self, slot: Slot) -> Iterator[Text]:
        if slot == self.planned:
            yield Text("zo staat het nu gepland", "as it is planned now")
        if self._is_short(slot):
            yield Text("de uitnodiging komt later dan gewoonlijk", "the invitation comes later than usual")
        else:
            yield Text("de uitnodiging komt op tijd", "the invitation comes in time")
        if sibling := self._in_week_of(slot):
            yield Text(f"in dezelfde week als ‘{sibling.title}’", f"in the same week as '{sibling.title}'")
        elif self.siblings and not self._out_of_step(slot):
            yield Text("dag en uur van de reeks", "the day and hour of the series")
