"""When the people of a trajectory are taken, and where a gathering still fits."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from calendars.school_year import SchoolCalendar
from traject.programme import Text, Window

Slot = tuple[datetime, datetime]
STEP = timedelta(minutes=30)
"""Starts are tried this far apart."""


class Agenda:
    """The taken slots, and the free ones on a school's days. Instants are aware; `Slot` is (start, end)."""

    def __init__(self, calendar: SchoolCalendar, busy: Iterable[Slot]) -> None:
        self.calendar = calendar
        self._taken: dict[date, list[Slot]] = defaultdict(list)  # by UTC day
        for slot in busy:
            self.take(slot)

    def take(self, slot: Slot) -> None:
        """Nothing else may be planned in this slot."""
        day, last = slot[0].astimezone(UTC).date(), slot[1].astimezone(UTC).date()
        while day <= last:
            self._taken[day].append(slot)
            day += timedelta(days=1)

    def first_free(self, days: Iterable[date], window: Window) -> Slot | None:
        """The first free slot on the first of these days that has one."""
        for day in days:
            if self._allows(window, day) and (slot := self._slot_on(day, window)):
                return slot
        return None

    def still_fits(self, slot: Slot, window: Window, first: date, last: date) -> bool:
        """Whether a slot that was chosen before lies in the window and is free."""
        local = self.calendar.to_local(slot[0])
        return (
            first <= local.date() <= last
            and self._allows(window, local.date())
            and window.earliest <= local.time() <= window.latest
            and slot[1] - slot[0] == window.duration
            and self._is_free(slot)
        )

    def _is_free(self, slot: Slot) -> bool:
        first, last = slot[0].astimezone(UTC).date(), slot[1].astimezone(UTC).date()
        near = [*self._taken.get(first, ()), *(self._taken.get(last, ()) if last != first else ())]
        return all(slot[1] <= taken[0] or taken[1] <= slot[0] for taken in near)

    def _allows(self, window: Window, day: date) -> bool:
        if day.weekday() not in (window.weekdays or (0, 1, 2, 3, 4)):
            return False
        return window.in_holidays or self.calendar.holiday_on(day) is None

    def _slot_on(self, day: date, window: Window) -> Slot | None:
        starts_at = self.calendar.local(day, window.earliest)
        latest = self.calendar.local(day, window.latest)
        while starts_at <= latest:
            slot = (starts_at, starts_at + window.duration)
            if self._is_free(slot):
                return slot
            starts_at += STEP
        return None


def no_slot(title: Text, first: date, last: date) -> Text:
    """Why a gathering has no date, and what helps."""
    return Text(
        f"‘{title.nl}’ kan niet worden gepland: tussen {first:%d-%m-%Y} en {last:%d-%m-%Y} is geen vrij moment dat past "
        "bij de gekozen dagen en tijden; maak de fase langer of kies zelf een datum",
        f"'{title.in_language('en')}' cannot be planned: between {first} and {last} no free moment fits the chosen days "
        "and hours; make the stage longer or choose a date",
    )


def waits_for_a_date(title: Text) -> Text:
    """Why a step that is counted from another has no date."""
    return Text(
        f"‘{title.nl}’ wacht op een stap die nog geen datum heeft",
        f"'{title.in_language('en')}' waits for a step that has no date yet",
    )
