"""When the people of a trajectory are taken, and what stands in the way of a gathering on a day or at an hour."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from calendars.school_year import SchoolCalendar
from traject.meeting_hours import whole_day
from traject.obstacles import Obstacle, Why
from traject.plan import Busy, SchoolClosed, SchoolHours
from traject.programme import Text, Window

Slot = tuple[datetime, datetime]
STEP = timedelta(minutes=30)
"""Starts are tried this far apart."""
DAY = timedelta(days=1)
WRONG_WEEKDAY = Why(Obstacle.WEEKDAY)


class _Taken(NamedTuple):
    starts_at: datetime
    ends_at: datetime
    roles: tuple[str, ...]  # empty: everybody
    why: Why
    number: int  # in order of taking


class Agenda:
    """What is taken, and by whom. Instants are aware; `Slot` is (start, end); `to` are the roles that must be there."""

    def __init__(
        self,
        calendar: SchoolCalendar,
        busy: Iterable[Busy] = (),
        closed: Iterable[SchoolClosed] = (),
        hours: Iterable[SchoolHours] = (),
    ) -> None:
        self.calendar = calendar
        self._hours = sorted(hours, key=lambda each: (each.who, each.hours, each.roles))
        self.size = 0
        self._taken: dict[date, list[_Taken]] = defaultdict(list)  # by UTC day
        self._closed: dict[date, list[tuple[tuple[str, ...], Why]]] = defaultdict(list)
        # In one order, so that of two reasons always the same is told.
        for each in sorted(busy, key=lambda each: (each.starts_at, each.ends_at, each.who, each.what)):
            kind = Obstacle.GATHERING if each.what else Obstacle.BUSY
            self.take((each.starts_at, each.ends_at), Why(kind, each.what, each.who), each.roles)
        for each in sorted(closed, key=lambda each: (each.who, each.starts_on, each.label)):
            why = Why(Obstacle.DAY_OFF, each.label, each.who)
            for number in range((each.ends_on - each.starts_on).days + 1):
                self._closed[each.starts_on + DAY * number].append((each.roles, why))

    def take(self, slot: Slot, why: Why, roles: tuple[str, ...] = ()) -> None:
        """These people cannot be anywhere else in this slot; nobody can when no roles are given."""
        taken = _Taken(*slot, roles, why, self.size)
        self.size += 1
        day, last = slot[0].astimezone(UTC).date(), slot[1].astimezone(UTC).date()
        while day <= last:
            self._taken[day].append(taken)
            day += DAY

    def why_not_on(self, day: date, window: Window, to: tuple[str, ...]) -> Why | None:
        """What rules out the whole day; None: there may be a free hour."""
        if day.weekday() not in (window.weekdays or (0, 1, 2, 3, 4)):
            return WRONG_WEEKDAY
        if not window.in_holidays:
            if holiday := self.calendar.holiday_on(day):
                return Why(Obstacle.HOLIDAY, holiday.label)
            for roles, why in self._closed.get(day, ()):
                if _concerns(roles, to):
                    return why
        for school in self._hours:
            weekdays = {each.weekday for each in school.hours}
            if day.weekday() not in weekdays and _concerns(school.roles, to):
                return Why(Obstacle.SCHOOL_DAY, str(whole_day(day.weekday())), school.who)
        return None

    def why_not_school(self, slot: Slot, to: tuple[str, ...]) -> Why | None:
        """Which school cannot meet then, by its own weekdays and hours; None: all can."""
        if not self._hours:
            return None
        starts, ends = self.calendar.to_local(slot[0]), self.calendar.to_local(slot[1])
        for school in self._hours:
            if _concerns(school.roles, to) and not any(each.holds(starts, ends) for each in school.hours):
                of_day = next((each for each in school.hours if each.weekday == starts.weekday()), None)
                if of_day is None:
                    return Why(Obstacle.SCHOOL_DAY, str(whole_day(starts.weekday())), school.who)
                return Why(Obstacle.SCHOOL_HOURS, str(of_day), school.who)
        return None

    def why_not_at(
        self, slot: Slot, to: tuple[str, ...], *, first: int | None = None, but: str = ""
    ) -> Why | None:
        """Which school cannot meet then, who is taken, or what is then; None: it is free.

        `first`: look only at so many that were taken first; `but`: not at this gathering, which fills exactly this slot.
        """
        if why := self.why_not_school(slot, to):
            return why
        begin, end = slot[0].astimezone(UTC).date(), slot[1].astimezone(UTC).date()
        near = self._taken.get(begin, ())
        if end != begin:
            near = [*near, *self._taken.get(end, ())]
        for taken in near:
            if slot[1] <= taken.starts_at or taken.ends_at <= slot[0] or not _concerns(taken.roles, to):
                continue
            if first is not None and taken.number >= first:
                continue
            if but and taken.why.what == but and (taken.starts_at, taken.ends_at) == slot:
                continue
            return taken.why
        return None

    def starts(
        self, day: date, window: Window, to: tuple[str, ...], *, first: int | None = None
    ) -> Iterator[tuple[Slot, Why | None]]:
        """Every slot of a day within the hours of the window, with what stands in its way."""
        starts_at = self.calendar.local(day, window.earliest)
        latest = self.calendar.local(day, window.latest)
        while starts_at <= latest:
            slot = (starts_at, starts_at + window.duration)
            yield slot, self.why_not_at(slot, to, first=first)
            starts_at += STEP


def _concerns(roles: tuple[str, ...], to: tuple[str, ...]) -> bool:
    return not roles or not to or not set(roles).isdisjoint(to)


def no_slot(title: Text, first: date, last: date, obstacles: Text) -> Text:
    """Why a gathering has no date in these days, and what helps."""
    days = (
        Text(f"op {last:%d-%m-%Y}", f"on {last}")
        if first == last
        else Text(f"tussen {first:%d-%m-%Y} en {last:%d-%m-%Y}", f"between {first} and {last}")
    )
    return Text(
        f"‘{title.nl}’ kan niet worden gepland: {days.nl} is geen vrij moment dat past bij de gekozen dagen en tijden "
        f"({obstacles.nl}); maak de fase langer of kies zelf een datum",
        f"'{title.in_language('en')}' cannot be planned: {days.in_language('en')} no free moment fits the chosen days and "
        f"hours ({obstacles.en}); make the stage longer or choose a date",
    )


def waits_for_a_date(title: Text) -> Text:
    """Why a step that is counted from another has no date."""
    return Text(
        f"‘{title.nl}’ wacht op een stap die nog geen datum heeft",
        f"'{title.in_language('en')}' waits for a step that has no date yet",
    )
