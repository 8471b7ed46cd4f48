"""Until which day an automatic answer says that somebody is away: in Dutch, English, German or French, or not at all.

No date rather than a wrong one: nothing is made of a date that does not agree with its own weekday, that lies in the
past or over a year ahead, that a second date contradicts, or that may be read day first or month first. A weekday
without a date is the first one to come.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta

MAX_TEXT = 20_000  # characters; whoever is away says so at once
LONGEST_STAY = timedelta(days=366)
NO_YEAR_AHEAD = timedelta(days=200)
"""A date without its year is taken to be at most this far ahead: one further on is last year's, left standing."""
WEEKEND = timedelta(days=4)  # between the last day away and the first day back

_MONTHS = (
    r"jan(?:uar[iy]?|vier|\.)?|januar", r"feb(?:ruar[iy]?|\.)?|f[ée]v(?:rier|r|\.)?", r"m(?:aart|rt|ar(?:ch|s)?|[äa]rz)\.?",
    r"a(?:pr(?:il|\.)?|vr(?:il|\.)?)", r"m(?:ei|ay|ai)", r"jun[ie]?\.?|juin", r"jul[iy]?\.?|juil(?:let|\.)?",
    r"aug(?:ust(?:us)?|\.)?|ao[ûu]t", r"sept?(?:ember|embre|\.)?", r"o[ck]t(?:ober|obre|\.)?", r"nov(?:ember|embre|\.)?",
    r"d[eé][czk](?:ember|embre|\.)?",
)  # fmt: skip
_DAYS = (
    r"maandag|monday|montag|lundi|ma|mon|mo|lun", r"dinsdag|tuesday|dienstag|mardi|di|tue|mar",
    r"woensdag|wednesday|mittwoch|mercredi|wo|wed|mi|mer", r"donderdag|thursday|donnerstag|jeudi|do|thu|jeu",
    r"vrijdag|friday|freitag|vendredi|vr|fri|fr|ven", r"zaterdag|saturday|samstag|samedi|za|sat|sa|sam",
    r"zondag|sunday|sonntag|dimanche|zo|sun|so|dim",
)  # fmt: skip
_FULL_DAYS = tuple("|".join(names.split("|")[:4]) for names in _DAYS)
_MONTH = "(?:" + "|".join(_MONTHS) + r")\b\.?"
_WEEKDAY = rf"(?:(?P<weekday>{'|'.join(_DAYS)})\.?,? {{1,2}})?"
_SMALL = r"(?:(?:the|de|den|dem|le|du|zum|op|am|on) ){0,2}"
_DATE = (
    rf"{_SMALL}{_WEEKDAY}{_SMALL}(?:"
    r"(?P<iso>\d{4}-\d\d-\d\d)"
    rf"|(?P<day>\d{{1,2}})(?:st|nd|rd|th|ste|de|e|er|\.)? ?(?:of )?(?P<month>{_MONTH})(?:,? ?(?P<year>20\d\d))?"
    rf"|(?P<month2>{_MONTH}) (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?(?:,? (?P<year2>20\d\d))?"
    r"|(?P<d>\d{1,2})(?P<mark>[-/.])(?P<m>0?[1-9]|1[0-2])(?!\d| ?(?:uur|uhr|u|h)\b)(?:(?P=mark)(?P<y>20\d\d|\d\d)\b|(?P=mark))?"
    r")(?![\d/-])"
)
_DAY_ALONE = rf"(?:(?P<tomorrow>morgen|tomorrow|demain)|(?P<alone>{'|'.join(_FULL_DAYS)}))\b(?! ?(?:\d|en\b|and\b|und\b|et\b))"
_UNTIL = re.compile(
    r"\b(?P<lead>tot en met|tot aan|tot|t/m|tm|t\.m\.|t\.e\.m\.|(?:van|from|vom|afwezig|away|vakantie)\b[^.\n]{1,30}? [-–]|through|thru|until|till|up to and including|bis einschlie(?:ß|ss)lich|bis(?: zum| inklusive)?"
    r"|jusqu'au|from [^.\n]{1,30}? to|du [^.\n]{1,30}? au)(?: and including| en met)? " + _DATE,
    re.IGNORECASE,
)
_BACK = re.compile(
    r"\b(?P<lead>terug|back|return(?:ing)?|retour|zurück|available again|weer (?:aanwezig|bereikbaar|aan het werk|op school|op kantoor|te bereiken)"
    r"|wieder (?:da|erreichbar|im b(?:ü|ue)ro|im haus))\b[^.!\n\d]{0,30}? (?:op|on|vanaf|from|ab|per|am|le|à partir du) "
    + _DATE,
    re.IGNORECASE,
)
_BACK_AFTER = re.compile(
    r"(?P<lead>\b(?:vanaf|ab|from|as of|per|à partir du|op|am|on|keer|kom|ben|bin) |(?<![^\n])|(?<=[.!?] ))"
    + _DATE
    + r"[^.!\n\d]{0,40}?\b(?:weer|terug|back|again|wieder|retour|de nouveau)\b",
    re.IGNORECASE,
)
_ON_DAY = re.compile(
    r"\b(?:weer|terug|back|wieder|zurück)\b[^.!\n\d]{0,30}? (?:op |on |am )?" + _DAY_ALONE,
    re.IGNORECASE,
)
_ON_DAY_AFTER = re.compile(
    rf"(?:\b(?:op|on|am|ben|kom|keer) |(?<![^\n])|(?<=[.!?] )){_DAY_ALONE}[^.!\n\d]{{0,20}}?\b(?:weer|terug|back|wieder|zurück)\b",
    re.IGNORECASE,
)
_WEEKS_AHEAD = re.compile(
    r"\b(?:volgende|over|next|nächste[nr]?|in|komende) [^.!\n]{0,20}?\b(?:week|weken|weeks?|wochen?)\b",
    re.IGNORECASE,
)
_AWAY = re.compile(
    r"afwezig|\ber niet\b|\ber weer\b|weer (?:op|aan|in)\b|out of (?:the )?office|\baway\b|vakantie|verlof|vacation|holiday|\bleave\b|abwesen|urlaub|absen[tc]|congé|vacances"
    r"|niet (?:aanwezig|bereikbaar|op (?:kantoor|school)|in de gelegenheid)|not (?:in the office|available)|nicht (?:im b|erreichbar|im haus)"
    r"|\bvrij\b|gesloten|closed|geschlossen|terug|\bback\b|\breturn|zurück|retour|weer (?:aanwezig|bereikbaar)",
    re.IGNORECASE,
)
_QUOTED = re.compile(
    r"^(?:-{2,} ?(?:original|oorspronkelijk|urspr|message)|(?:van|from|von|de): |>|(?:op|on|am|le) [^\n]{1,80}(?:schreef|wrote|schrieb|écrit))",
    re.IGNORECASE | re.MULTILINE,
)


def away_until(subject: str, text: str, *, sent_on: date) -> date | None:
    """Return the last day that somebody is away, as an automatic answer of that day says; None when it does not.

    `text` is what the answer says; what it quotes of our mail is not read. "Until 5 January" is taken as that day, "back on
    5 January" as the day before.
    """
    quoted = _QUOTED.search(text[:MAX_TEXT])
    own = text[: quoted.start() if quoted else MAX_TEXT]
    said = re.sub(r"[^\S\n]+", " ", f"{subject}\n\n{own}".replace("\u2019", "'").replace("\xa0", " "))
    said = re.sub(r"(?<![.!?:\n]) ?\n ?(?!\n)", " ", said)  # a sentence goes on over the end of a line
    if not _AWAY.search(said):
        return None
    until = set(_dates(_UNTIL, said, sent_on))
    back = {
        each and each - timedelta(days=1)
        for pattern in (_BACK, _BACK_AFTER)
        for each in _dates(pattern, said, sent_on)
    }
    if not until and not back:
        back = _days_alone(said, sent_on)
    if None in until | back or max(len(until), len(back)) > 1:
        return None
    last = next(iter(back or until), None)
    if last is None or any(abs(last - each) > WEEKEND for each in until if each):
        return None
    return last if last >= sent_on else None


def _days_alone(said: str, sent_on: date) -> set[date | None]:
    """The last day away before "back on Monday", the first one that comes; none when weeks are spoken of."""
    if _WEEKS_AHEAD.search(said):
        return set()
    found = [match for pattern in (_ON_DAY, _ON_DAY_AFTER) for match in pattern.finditer(said)]
    return {_before(match, sent_on) for match in found}


def _before(found: re.Match[str], sent_on: date) -> date:
    if found["tomorrow"]:
        return sent_on
    wanted = next(
        day for day, names in enumerate(_FULL_DAYS) if re.fullmatch(names, found["alone"], re.IGNORECASE)
    )
    return sent_on + timedelta(days=(wanted - sent_on.weekday() - 1) % 7)


def _dates(pattern: re.Pattern[str], said: str, sent_on: date) -> Iterator[date | None]:
    """Every date behind such words; None for one that cannot be believed."""
    for found in pattern.finditer(said):
        yield _believed(found, sent_on)


def _believed(found: re.Match[str], sent_on: date) -> date | None:
    try:
        day, month, year = _parts(found)
        if day is None:
            return None
        on = date(year, month, day) if year else _nearest(month, day, sent_on)
    except ValueError:
        return None
    if on is None or not sent_on - WEEKEND <= on <= sent_on + LONGEST_STAY:
        return None
    weekday = found["weekday"]
    if weekday and not re.fullmatch(_DAYS[on.weekday()], weekday, re.IGNORECASE):
        return None
    return on


def _parts(found: re.Match[str]) -> tuple[int | None, int, int]:
    """Day, month and year (0: not said); no day when it may as well be the month."""
    if found["iso"]:
        on = date.fromisoformat(found["iso"])
        return on.day, on.month, on.year
    if found["d"]:
        day, month = int(found["d"]), int(found["m"])
        is_english = re.match(
            r"until|till|through|thru|from|back|return|available|as of|on", found["lead"], re.IGNORECASE
        )
        if found["mark"] == "/" and is_english and day != month and max(day, month) <= 12:
            return None, month, 0
        year = int(found["y"] or 0)
        return day, month, year + 2000 if 0 < year < 100 else year
    name, day = found["month"] or found["month2"], int(found["day"] or found["day2"])
    month = next(
        number
        for number, words in enumerate(_MONTHS, start=1)
        if re.fullmatch(rf"(?:{words})\.?", name, re.IGNORECASE)
    )
    return day, month, int(found["year"] or found["year2"] or 0)


def _nearest(month: int, day: int, sent_on: date) -> date | None:
    """The first such day from just before the answer on; None when that is too far ahead to be meant."""
    for year in (sent_on.year, sent_on.year + 1):
        on = date(year, month, day)
        if on >= sent_on - WEEKEND:
            return on if on - sent_on <= NO_YEAR_AHEAD else None
    return None
