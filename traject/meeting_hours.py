"""On which weekdays and at which hours people of a school can meet: text that staff write, and what it means.

`di 13:30-17:00; do` reads as Tuesday afternoon and the whole of Thursday. A school that says nothing can always meet.
"""

import re
from datetime import datetime, time
from functools import lru_cache
from typing import NamedTuple

from traject.errors import Refused
from traject.programme import Text
from traject.words import WEEKDAYS

EXAMPLE = "di of do 13:30-17:00; wo vanaf 12:30"
_SHORT = tuple(dutch[:2] for dutch, _ in WEEKDAYS)
_NUMBERS = {
    word: number
    for number, (dutch, english) in enumerate(WEEKDAYS)
    for word in (dutch, english, dutch[:2], english[:3])
}
_CLOCK = r"(\d{1,2})[:.](\d{2})(?: uur)?"
_HOURS = re.compile(
    rf"(?:(?:tussen|between|vanaf|van|from)? ?{_CLOCK} ?(?:-|–|tot|until|to|en|and) ?{_CLOCK}|(?:vanaf|from) {_CLOCK})$"
)
_LAST = time(23, 59)


class MeetingHours(NamedTuple):
    """One weekday (0 is Monday) and the local times between which a meeting begins and ends."""

    weekday: int
    first: time
    last: time

    def holds(self, starts: datetime, ends: datetime) -> bool:
        """Whether a meeting, in local time, lies within them."""
        its_day = starts.weekday() == self.weekday and starts.date() == ends.date()
        return its_day and self.first <= starts.time() and ends.time() <= self.last

    def say(self) -> Text:
        """`dinsdag 13:30–17:00`; without hours when the whole day will do."""
        dutch, english = WEEKDAYS[self.weekday]
        return Text(f"{dutch}{self._clock(' vanaf')}", f"{english.capitalize()}{self._clock(' from')}")

    def __str__(self) -> str:
        return f"{_SHORT[self.weekday]}{self._clock(' vanaf').replace('–', '-')}"

    def _clock(self, since: str) -> str:
        if self.last < _LAST:
            return f" {self.first:%H:%M}–{self.last:%H:%M}"
        return f"{since} {self.first:%H:%M}" if self.first > time() else ""


def whole_day(weekday: int) -> MeetingHours:
    """Any time on a weekday."""
    return MeetingHours(weekday, time(), _LAST)


@lru_cache(maxsize=512)
def read_hours(text: str) -> tuple[MeetingHours, ...]:
    """Text as hours, by weekday; of a weekday that is named twice the last counts. Refused when it says no such thing."""
    found: dict[int, MeetingHours] = {}
    for part in filter(None, (part.strip() for part in text.lower().split(";"))):
        first, last = time(), _LAST
        days = part
        if match := _HOURS.search(part):
            days = part[: match.start()]
            hours = [int(group) for group in match.groups() if group is not None]
            try:
                first = time(hour=hours[0], minute=hours[1])
                last = time(hour=hours[2], minute=hours[3]) if hours[2:] else _LAST
            except ValueError as error:
                raise _not_understood(text, match[0].strip()) from error
            if last <= first:
                raise Refused(
                    f"‘{part}’ eindigt voor het begint; draai de uren om",
                    f"‘{part}’ ends before it begins; swap the hours",
                )
        words = [
            word
            for word in re.split(r"[\s,]+", days)
            if word not in ("", "of", "en", "or", "and", "op", "on")
        ]
        if not words:
            raise _not_understood(text, part)
        for word in words:
            if word not in _NUMBERS:
                raise _not_understood(text, word)
            found[_NUMBERS[word]] = MeetingHours(_NUMBERS[word], first, last)
    return tuple(found[number] for number in sorted(found))


def hours_text(hours: tuple[MeetingHours, ...]) -> str:
    """Hours as `read_hours` reads them back: what is stored."""
    return "; ".join(map(str, hours))


def say_hours(hours: tuple[MeetingHours, ...]) -> Text:
    """Hours as people read them."""
    said = [each.say() for each in hours]
    return Text(", ".join(each.nl for each in said), ", ".join(each.in_language("en") for each in said))


def _not_understood(text: str, word: str) -> Refused:
    where = f" in ‘{text.strip()}’" if word != text.strip().lower() else ""
    return Refused(
        f"‘{word}’{where} zijn geen weekdagen en uren; schrijf bijvoorbeeld ‘{EXAMPLE}’",
        f"‘{word}’{where} are no weekdays and hours; write for example ‘{EXAMPLE}’",
    )
