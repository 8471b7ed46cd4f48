"""The moments that a gathering could have, as staff see them: ranked, and of every other one why not.

It is the planner's own search, looked at once more: the first candidate is what the planner takes by itself.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from calendars.school_year import SchoolCalendar
from models.enums import StepKind, StepState
from traject.dossier import Dossier
from traject.errors import Refused
from traject.moments import Dates
from traject.obstacles import Obstacle, Why, counted
from traject.plan import Fact, Facts, GatheringFixed, GatheringProposed, StepMoved
from traject.programme import Programme, Text
from traject.search import Candidate, Rejected, Search


@dataclass(frozen=True, slots=True)
class Slots:
    """What one gathering could have. `first` and `last`: the days of its window; `in_the_way`: what fell off, counted."""

    key: str
    cycle: str
    title: Text
    first: date
    last: date
    candidates: tuple[Candidate, ...]
    rejected: tuple[Rejected, ...]
    in_the_way: Text


def find_slots(
    programme: Programme, facts: Facts, calendar: SchoolCalendar, key: str, cycle: str = ""
) -> Slots | None:
    """Every moment that a gathering could have, best first; None: what it is counted from has no date. Pure.

    A date that people know of, or that staff decided, is looked at as one that could be chosen anew.
    """
    dates, search = _search(programme, facts, calendar, key, cycle)
    if search is None:
        return None
    rejected = tuple(search.rejected(dates.today))
    candidates = tuple(search.candidates())
    can_be = {calendar.to_local(found.starts_at).date() for found in candidates}
    by_day: dict[date, list[Why]] = defaultdict(list)
    for each in rejected:
        if each.day not in can_be:
            by_day[each.day].append(each.why)
    return Slots(
        key,
        cycle,
        programme.step(key).title,
        search.first,
        search.last,
        candidates,
        rejected,
        counted(by_day.values()),
    )


def slots_of(dossier: Dossier, key: str, cycle: str, now: datetime) -> Slots | None:
    """The same for a step of a trajectory. Refused for a step that chooses no date, or that is over."""
    refuse_without_choice(dossier, key, cycle)
    return find_slots(dossier.programme, dossier.facts(now), dossier.calendar, key, cycle)


def in_the_way(dossier: Dossier, key: str, cycle: str, to: datetime, now: datetime) -> list[Why]:
    """What stands in the way of one moment. Not what is only planned in this trajectory: that makes room."""
    refuse_without_choice(dossier, key, cycle)
    facts = dossier.facts(now)
    _, search = _search(dossier.programme, facts, dossier.calendar, key, cycle)
    if search is None:
        return []
    found = search.why_not((to, to + search.window.duration))
    return [why for why in found if why.obstacle is not Obstacle.GATHERING or why.who]


def refuse_without_choice(dossier: Dossier, key: str, cycle: str) -> None:
    """Only a gathering of its own that is not over can have another date."""
    row = dossier.steps.get((key, cycle))
    if row is None:
        cycles = sorted(c for k, c in dossier.steps if k == key)
        names = sorted(name for name, _ in _gatherings(dossier))
        listed = ", ".join(cycles or dict.fromkeys(names))
        raise Refused(
            f"bijeenkomst ‘{key}’{f' van {cycle}' if cycle else ''} staat niet in dit traject; "
            f"{'kies een schooljaar met --cycle:' if cycles else 'kies uit'} {listed}",
            f"there is no gathering ‘{key}’{f' of {cycle}' if cycle else ''} in this trajectory; "
            f"{'choose a school year with --cycle:' if cycles else 'choose from'} {listed}",
        )
    if row.kind is not StepKind.GATHERING:
        raise Refused(
            f"‘{row.title}’ is geen bijeenkomst; verplaats het met `traject move`",
            f"‘{row.title}’ is no gathering; move it with `traject move`",
        )
    step = dossier.programme.step(key)
    if step.is_shared:
        raise Refused(
            f"‘{row.title}’ heeft geen eigen datum: het volgt de bijeenkomst met het thema ‘{step.theme}’; "
            "kies de datum in het traject dat haar houdt",
            (
                f"‘{row.title}’ has no date of its own: it follows the gathering with the theme ‘{step.theme}’; "
                "choose the date in the trajectory that holds it"
            ),
        )
    if row.state not in (StepState.PLANNED, StepState.OPEN):
        raise Refused(
            f"‘{row.title}’ is voorbij of gaat niet door; daar is geen datum meer voor te kiezen",
            f"‘{row.title}’ is over or does not take place; there is no date to choose for it any more",
        )


def _gatherings(dossier: Dossier) -> list[tuple[str, str]]:
    return [name for name, row in dossier.steps.items() if row.kind is StepKind.GATHERING]


def _search(
    programme: Programme, facts: Facts, calendar: SchoolCalendar, key: str, cycle: str
) -> tuple[Dates, Search | None]:
    undecided = tuple(_undecided(programme, fact, key, cycle) for fact in facts.happened)
    dates = Dates(programme, replace(facts, happened=undecided), calendar)
    dates.choose()
    return dates, dates.searches.get((key, cycle))


def _undecided(programme: Programme, fact: Fact, key: str, cycle: str) -> Fact:
    """A decision about this gathering, as what is only proposed."""
    match fact:
        case GatheringFixed() | StepMoved() if (fact.key, fact.cycle) != (key, cycle):
            return fact
        case GatheringFixed():
            return GatheringProposed(key, cycle, fact.starts_at, fact.ends_at)
        case StepMoved():
            window = programme.step(key).window
            return GatheringProposed(
                key, cycle, fact.to, fact.to + (window.duration if window else timedelta())
            )
        case _:
            return fact
