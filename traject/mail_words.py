"""How days and times are written in Dutch and in English, the same on every machine; and which words are Dutch in any mail."""

import re
from collections.abc import Callable, Collection
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from markupsafe import Markup

LANGUAGES = ("nl", "en")


class Dutch(str):
    """A text that there is in Dutch only. An English mail says so (`lang`), or it is read aloud with English sounds."""

    __slots__ = ()


def in_dutch(text: str) -> Markup:
    """The text as HTML that says that it is Dutch."""
    return Markup('<span lang="nl">{}</span>').format(
        str(text)
    )  # str: a format looks at what kind of text it gets


_WEEKDAYS = {
    "nl": ("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_MONTHS = {
    "nl": [
        "januari",
        "februari",
        "maart",
        "april",
        "mei",
        "juni",
        "juli",
        "augustus",
        "september",
        "oktober",
        "november",
        "december",
    ],
    "en": [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
}
_OCLOCK = {"nl": " uur", "en": ""}


def day(on: date, language: str) -> str:
    """`7 oktober 2026`."""
    return f"{on.day} {_MONTHS[language][on.month - 1]} {on.year}"


def weekday(on: date, language: str) -> str:
    """`woensdag 7 oktober 2026`."""
    return f"{_WEEKDAYS[language][on.weekday()]} {day(on, language)}"


@lru_cache(maxsize=1024)  # everybody at one gathering reads the same moment
def moment(at: datetime, language: str, timezone: str) -> str:
    """`woensdag 7 oktober 2026, 13:30 uur`, told in `timezone`; `at` is aware."""
    local = at.astimezone(ZoneInfo(timezone))
    return f"{weekday(local, language)}, {local:%H:%M}{_OCLOCK[language]}"


def briefly(at: datetime, language: str, timezone: str) -> str:
    """`7 oktober om 13:30 uur`, for a link to something that is near; `at` is aware, told in `timezone`."""
    local = at.astimezone(ZoneInfo(timezone))
    hour = f"{'om' if language == 'nl' else 'at'} {local:%H:%M}{_OCLOCK[language]}"
    # Spaces that do not break: on a phone the hour goes to the next line as one.
    return f"{local.day} {_MONTHS[language][local.month - 1]} {hour.replace(' ', chr(160))}"


@lru_cache(maxsize=1024)
def period(starts_at: datetime, language: str, ends_at: datetime, timezone: str) -> str:
    """`woensdag 7 oktober 2026, 13:30–16:30 uur`; both days are named when it ends on another one."""
    zone = ZoneInfo(timezone)
    start, end = starts_at.astimezone(zone), ends_at.astimezone(zone)
    if start.date() != end.date():
        return f"{moment(starts_at, language, timezone)} – {moment(ends_at, language, timezone)}"
    return f"{weekday(start, language)}, {start:%H:%M}–{end:%H:%M}{_OCLOCK[language]}"


def paragraphs(text: str, language: str) -> list[str]:
    """The paragraphs of a text: what blank lines separate."""
    del language  # every filter takes it; a paragraph is the same in each
    blocks = text.replace("\r\n", "\n").replace("\r", "\n").split("\n\n")
    return _like(text, [block.strip() for block in blocks if block.strip()])


def lines(text: str, language: str) -> list[str]:
    """The lines of a paragraph."""
    del language
    return _like(text, text.splitlines())


def _like(text: str, pieces: list[str]) -> list[str]:
    return [Dutch(each) for each in pieces] if isinstance(text, Dutch) else pieces


def marked(text: str, language: str, dutch: Collection[str]) -> str:
    """A text as HTML in which these Dutch pieces are marked, wherever they stand in it."""
    if language == "nl" or not dutch:
        return text
    known = "|".join(re.escape(each) for each in sorted(dutch, key=len, reverse=True))
    pieces = re.split(rf"(?<!\w)({known})(?!\w)", text)
    return Markup("").join(in_dutch(piece) if at % 2 else piece for at, piece in enumerate(pieces))


FILTERS: dict[str, Callable[..., object]] = {
    "day": day,
    "weekday": weekday,
    "moment": moment,
    "briefly": briefly,
    "period": period,
    "paragraphs": paragraphs,
    "lines": lines,
    "marked": marked,
}
"""What templates may call; each takes the value, the language, then its own arguments."""
