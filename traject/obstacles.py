"""What stands in the way of a gathering on a day or at an hour, in words: of one moment, and counted over many."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from traject.meeting_hours import read_hours, say_hours
from traject.programme import Text


class Obstacle(StrEnum):
    """Why a moment will not do."""

    PERIOD = "period"  # before or after the days in which it can be
    NOTICE = "notice"  # too soon to invite people
    SERIES = "series"  # on the wrong side of another of its series
    WEEKDAY = "weekday"
    HOURS = "hours"
    HOLIDAY = "holiday"  # also the school's own day off
    DAY_OFF = "day-off"  # of one of several schools
    SCHOOL_DAY = "school-day"  # a weekday on which a school cannot meet
    SCHOOL_HOURS = "school-hours"
    GATHERING = "gathering"  # another gathering of this or another trajectory
    PLACE = "place"  # no room left where it is to be
    BUSY = "busy"  # in somebody's own calendar, of which nothing more is known


@dataclass(frozen=True, slots=True)
class Why:
    """One reason. `who` names people or a school; `what` the holiday or the gathering."""

    obstacle: Obstacle
    what: str = ""
    who: str = ""

    def say(self) -> Text:
        """The reason as a clause."""
        what, who = self.what, self.who
        match self.obstacle:
            case Obstacle.PERIOD:
                return Text("valt buiten de periode", "is outside the period")
            case Obstacle.NOTICE:
                return Text("is te kort dag om mensen uit te nodigen", "is too soon to invite people")
            case Obstacle.SERIES:
                return Text(
                    f"past niet in de volgorde van de reeks, met ‘{what}’",
                    f"is out of order in its series, with '{what}'",
                )
            case Obstacle.WEEKDAY:
                return Text("is geen dag van het programma", "is not a day of the programme")
            case Obstacle.HOURS:
                return Text("valt buiten de uren van het programma", "is outside the programme's hours")
            case Obstacle.HOLIDAY:
                return Text(f"is vrij: {what}", f"is a day off: {what}")
            case Obstacle.DAY_OFF:
                return Text(f"{who} is vrij: {what}", f"{who} is closed: {what}")
            case Obstacle.SCHOOL_DAY:
                on = say_hours(read_hours(what))
                return Text(f"{who} kan niet op {on.nl}", f"{who} cannot meet on {on.en}")
            case Obstacle.SCHOOL_HOURS:
                at = say_hours(read_hours(what))
                return Text(
                    f"past niet in de uren van {who}: {at.nl}", f"is outside the hours of {who}: {at.en}"
                )
            case Obstacle.GATHERING if who:
                return Text(f"{who} is dan bij ‘{what}’", f"{who} is at '{what}' then")
            case Obstacle.GATHERING:
                return Text(f"dan is ‘{what}’", f"'{what}' is then")
            case Obstacle.PLACE:
                return Text(
                    f"{who} heeft dan niet genoeg plaats, door ‘{what}’",
                    f"{who} has no room then, because of '{what}'",
                )
            case Obstacle.BUSY:
                return Text(
                    f"{who or 'iemand'} heeft dan iets anders", f"{who or 'somebody'} has something else then"
                )


def together(found: Iterable[Why]) -> Text:
    """The reasons of one day, each once."""
    said = [why.say() for why in dict.fromkeys(found)]
    return Text("; ".join(text.nl for text in said), "; ".join(text.en for text in said))


def counted(days: Iterable[Iterable[Why]]) -> Text:
    """The reasons of many days, each counted once a day: `12 dagen vakantie, 8 keer heeft Sam Vos iets anders`.

    In: for each day that fell off, why. Most frequent first; days of the wrong kind last, because nobody can help them.
    """
    numbers: Counter[Why] = Counter()
    for day in days:
        numbers.update({_kind(why) for why in day})
    dull = (Obstacle.WEEKDAY, Obstacle.PERIOD)
    ranked = sorted(
        numbers.items(), key=lambda each: (each[0].obstacle in dull, -each[1], str(each[0].say().nl))
    )
    said = [_count(why, number) for why, number in ranked]
    return Text(", ".join(text.nl for text in said), ", ".join(text.en for text in said))


def _kind(why: Why) -> Why:
    """What counts as the same: every holiday; of a person or a school, whatever it is."""
    if why.obstacle is Obstacle.GATHERING and not why.who:
        return why
    return Why(why.obstacle, who=why.who)


def _count(why: Why, number: int) -> Text:
    days = "1 dag" if number == 1 else f"{number} dagen"
    en_days = "1 day" if number == 1 else f"{number} days"
    is_, are = ("is", "is") if number == 1 else ("zijn", "are")
    times = "once" if number == 1 else f"{number} times"
    match why.obstacle:
        case Obstacle.PERIOD:
            return Text(f"{days} buiten de periode", f"{en_days} outside the period")
        case Obstacle.NOTICE:
            return Text(f"{days} {is_} te kort dag", f"{en_days} {are} too soon")
        case Obstacle.SERIES:
            return Text(
                f"{days} pas{'t' if number == 1 else 'sen'} niet in de reeks",
                f"{en_days} {are} out of order in the series",
            )
        case Obstacle.WEEKDAY:
            return Text(f"{days} van een andere weekdag", f"{en_days} of another weekday")
        case Obstacle.HOURS:
            return Text(f"{number} keer buiten de uren", f"{times} outside the hours")
        case Obstacle.HOLIDAY:
            return Text(f"{days} vakantie of vrij", f"{en_days} of holiday")
        case Obstacle.DAY_OFF:
            return Text(f"{days} is {why.who} vrij", f"{en_days} on which {why.who} is closed")
        case Obstacle.SCHOOL_DAY:
            return Text(f"{days} kan {why.who} niet", f"{en_days} on which {why.who} cannot meet")
        case Obstacle.SCHOOL_HOURS:
            return Text(
                f"{number} keer past het niet in de uren van {why.who}",
                f"{times} it is outside the hours of {why.who}",
            )
        case Obstacle.GATHERING if why.who:
            return Text(
                f"{number} keer is {why.who} bij een andere bijeenkomst",
                f"{times} {why.who} is at another gathering",
            )
        case Obstacle.GATHERING:
            return Text(f"{number} keer is er ‘{why.what}’", f"{times} there is '{why.what}'")
        case Obstacle.PLACE:
            return Text(
                f"{number} keer heeft {why.who} niet genoeg plaats", f"{times} {why.who} has not enough room"
            )
        case Obstacle.BUSY:
            who = why.who or "iemand"
            return Text(
                f"{number} keer heeft {who} iets anders",
                f"{times} {why.who or 'somebody'} has something else",
            )
