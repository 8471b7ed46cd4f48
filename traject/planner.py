"""When everything happens: a programme, the facts and a school calendar give a dated plan.

Pure and deterministic; the order of the facts does not matter. Preview, launch, reschedule, hold, migrate and simulate
are all this one function with other facts.

Rules that are Traject's own choice:
- a stage opens at the start of its first day and closes at the end of its last day, local time;
- what has no time of day happens at 9:00, moved into the sending hours;
- an open stage past its end is expected to last two more weeks, again and again, until it closes;
- a gathering keeps the date it was planned on while that fits; else it takes the first free slot that leaves its
  whole invitation time; when none does, the last free one;
- an evaluation is asked in the school year of the start only when two weeks of its window are left.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from calendars.school_year import SchoolCalendar, SchoolYear, add_months
from models.enums import Certainty, StepKind
from traject.plan import (
    Busy,
    Changes,
    Facts,
    GatheringFixed,
    GatheringProposed,
    Plan,
    PlannedStage,
    PlannedStep,
    PlanProblem,
    StageClosed,
    StageMoved,
    StageOpened,
    StepHappened,
    StepMoved,
    diff,
)
from traject.programme import (
    Anchor,
    Cycle,
    DayOfYear,
    Moment,
    Predicate,
    Programme,
    Span,
    Stage,
    Step,
    Text,
    Unit,
    Window,
)

__all__ = ["Changes", "diff", "plan"]

DEFAULT_TIME = time(9)
OVERRUN = timedelta(days=14)
LEAST_WINDOW = timedelta(days=14)
LEAST_NOTICE = timedelta(days=7)
SLOT = timedelta(minutes=30)
DAY = timedelta(days=1)


def plan(programme: Programme, facts: Facts, calendar: SchoolCalendar) -> Plan:
    """Plan a whole trajectory: its stages, and every mail, gathering, evaluation and task with its moment.

    What cannot be met has no moment (`due_at` None) and stands in `problems` by name; nothing raises.
    """
    return _Planning(programme, facts, calendar).plan()


def shift(day: date, span: Span, sign: int) -> date:
    """The day that lies a span before (-1) or after (1) a day; month ends stay month ends."""
    if span.unit is Unit.MONTHS:
        return add_months(day, sign * span.amount)
    return day + timedelta(days=sign * span.amount * (7 if span.unit is Unit.WEEKS else 1))


class _Planning:
    """One run of the planner: what is known so far."""

    def __init__(self, programme: Programme, facts: Facts, calendar: SchoolCalendar) -> None:
        self.programme = programme
        self.facts = facts
        self.calendar = calendar
        self.today = calendar.to_local(facts.as_of).date()
        self.opened: dict[str, datetime] = {}
        self.closed: dict[str, datetime] = {}
        self.moved_stages: dict[str, StageMoved] = {}
        self.happened: dict[tuple[str, str], datetime] = {}
        self.moved: dict[tuple[str, str], datetime] = {}
        self.fixed: dict[tuple[str, str], tuple[datetime, datetime]] = {}
        self.proposed: dict[tuple[str, str], tuple[datetime, datetime]] = {}
        self.taken: dict[date, list[tuple[datetime, datetime]]] = defaultdict(list)  # by UTC day of the start
        self._read_facts()
        self.stages: dict[str, PlannedStage] = {}
        self.gatherings: dict[tuple[str, str], tuple[datetime, datetime] | None] = {}
        self.steps: list[PlannedStep] = []
        self.problems: list[PlanProblem] = []

    def _read_facts(self) -> None:
        for fact in self.facts.happened:
            match fact:
                case StageOpened(stage, at):
                    self.opened[stage] = max(at, self.opened.get(stage, at))
                case StageClosed(stage, at):
                    self.closed[stage] = max(at, self.closed.get(stage, at))
                case StageMoved(stage):
                    self.moved_stages[stage] = fact
                case StepHappened(key, cycle, at):
                    self.happened[key, cycle] = max(at, self.happened.get((key, cycle), at))
                case StepMoved(key, cycle, to):
                    self.moved[key, cycle] = max(to, self.moved.get((key, cycle), to))
                case GatheringFixed(key, cycle, starts_at, ends_at):
                    self.fixed[key, cycle] = (starts_at, ends_at)
                    self._take((starts_at, ends_at))
                case GatheringProposed(key, cycle, starts_at, ends_at):
                    self.proposed[key, cycle] = (starts_at, ends_at)
                case Busy(starts_at, ends_at):
                    self._take((starts_at, ends_at))
        for stage, at in list(self.closed.items()):  # reopened since
            if self.opened.get(stage, at) > at:
                del self.closed[stage]

    def plan(self) -> Plan:
        previous: PlannedStage | None = None
        for stage in self.programme.stages:
            previous = self.stages[stage.key] = self._stage(stage, previous)
        wanted = [
            (step, cycle)
            for step in self.programme.steps
            if self._applies(step)
            for cycle in self._cycles(step)
        ]
        for step, cycle in wanted:  # dates of gatherings first: other steps are counted from them
            if step.kind is StepKind.GATHERING and (key := (step.key, cycle)) in self.moved:
                self._take((self.moved[key], self.moved[key] + _duration(step)))
        for step, cycle in wanted:
            if step.kind is StepKind.GATHERING:
                self._gathering_date(step, cycle)
        for step, cycle in wanted:
            self._plan_step(step, cycle)
        never = datetime.max.replace(tzinfo=self.facts.as_of.tzinfo)
        self.steps.sort(key=lambda step: (step.when or never, step.due_at or never, step.key, step.cycle))
        return Plan(tuple(self.stages.values()), tuple(self.steps), tuple(self.problems))

    # Stages

    def _stage(self, stage: Stage, previous: PlannedStage | None) -> PlannedStage:
        moved = self.moved_stages.get(stage.key) or StageMoved(stage.key)
        certainty = Certainty.EXPECTED
        if stage.key in self.opened:
            opens_on = self.calendar.to_local(self.opened[stage.key]).date()
            certainty = Certainty.FIXED
        elif moved.opens_on:
            opens_on = moved.opens_on
        else:
            opens_on = self._stage_start(stage.starts, previous)
        if stage.key in self.closed:
            ends_on = self.calendar.to_local(self.closed[stage.key]).date()
        else:
            ends_on = moved.ends_on or shift(opens_on, stage.lasts, 1) - DAY
            if stage.key in self.opened and ends_on < self.today:
                ends_on = self.today + OVERRUN
            ends_on = max(ends_on, opens_on)
        if certainty is not Certainty.FIXED and self.calendar.is_estimated(opens_on):
            certainty = Certainty.ESTIMATED
        return PlannedStage(stage.key, stage.title.nl, opens_on, ends_on, certainty)

    def _stage_start(self, starts: Moment, previous: PlannedStage | None) -> date:
        if starts.anchor is Anchor.STAGE_ENDS and previous:
            closed = previous.key in self.closed
            base = previous.ends_on + (timedelta() if closed else DAY)
        else:
            base = self.facts.starts_on
        day = shift(base, starts.span, starts.sign)
        return max(day, self.today) if previous and previous.key in self.closed else day

    # Which steps there are

    def _applies(self, step: Step) -> bool:
        for condition in step.conditions:
            if condition.predicate is Predicate.SCHOOL_TYPE:
                kinds = self.facts.school_type.lower().split("/")
                if condition.subject not in kinds:
                    return False
        return True

    def _cycles(self, step: Step) -> Iterator[str]:
        if step.cycle is None:
            yield ""
            return
        ends_on = max(stage.ends_on for stage in self.stages.values())
        year = SchoolYear.of(self.facts.starts_on)
        number = 0
        while year.starts_on <= ends_on:
            number += 1
            first, last = _bounds(year, step.cycle)
            late = self.facts.starts_on > first and self.facts.starts_on + LEAST_WINDOW > last
            if number % step.cycle.every == 0 and first <= ends_on and not late:
                yield str(year)
            year = year.next()

    def _span_of(self, step: Step, cycle: str) -> tuple[date, date]:
        """The first and the last day on which a step can be."""
        if step.cycle:
            first, last = _bounds(SchoolYear.parse(cycle), step.cycle)
            return max(first, self.facts.starts_on), last
        if step.stage:
            stage = self.stages[step.stage]
            return stage.opens_on, stage.ends_on
        return self.facts.starts_on, max(stage.ends_on for stage in self.stages.values())

    # Moments

    def _moment(self, moment: Moment, step: Step, cycle: str) -> tuple[datetime, Certainty] | None:
        """The instant a moment means here, and how sure it is; None when what it is counted from has no date."""
        anchor = self._anchor(moment, step, cycle)
        if anchor is None:
            return None
        base, certainty = anchor
        local = self.calendar.to_local(base)
        day = shift(local.date(), moment.span, moment.sign)
        instant = self.calendar.local(day, moment.at or DEFAULT_TIME)
        if moment.sign == 0 and certainty is Certainty.FIXED:
            instant = max(instant, base)
        return instant, certainty

    def _anchor(self, moment: Moment, step: Step, cycle: str) -> tuple[datetime, Certainty] | None:
        match moment.anchor:
            case Anchor.LAUNCH:
                return self._start_of(self.facts.starts_on), Certainty.FIXED
            case Anchor.CYCLE_OPENS:
                return self._start_of(self._span_of(step, cycle)[0]), Certainty.FIXED
            case Anchor.STAGE_OPENS if step.stage:
                opened = self.opened.get(step.stage)
                stage = self.stages[step.stage]
                return opened or self._start_of(stage.opens_on), stage.certainty
            case Anchor.STAGE_ENDS if step.stage:
                sure = Certainty.FIXED if step.stage in self.closed else Certainty.EXPECTED
                return self._start_of(self.stages[step.stage].ends_on), sure
            case Anchor.STEP if moment.step:
                return self._step_anchor(self.programme.step(moment.step), cycle, moment.sign)
            case _:
                ends_on = max(stage.ends_on for stage in self.stages.values())
                return self._start_of(ends_on), Certainty.EXPECTED

    def _step_anchor(self, other: Step, cycle: str, sign: int) -> tuple[datetime, Certainty] | None:
        name = (other.key, cycle if other.cycle else "")
        if other.kind is StepKind.GATHERING:
            dates = self.gatherings.get(name)
            if dates is None:
                return None
            return dates[1 if sign > 0 else 0], Certainty.FIXED if name in self.fixed else Certainty.EXPECTED
        if name in self.happened:
            return self.happened[name], Certainty.FIXED
        due = self._due(other, name[1])
        return (due[0], Certainty.EXPECTED) if due else None

    def _due(self, step: Step, cycle: str) -> tuple[datetime, Certainty] | None:
        """When a mail, a task or an evaluation is due."""
        if (step.key, cycle) in self.moved:
            return self.moved[step.key, cycle], Certainty.FIXED
        if step.when is not None:
            found = self._moment(step.when, step, cycle)
        else:
            found = self._moment(
                Moment(Anchor.CYCLE_OPENS if step.cycle else Anchor.STAGE_OPENS), step, cycle
            )
        if found is None:
            return None
        return self.calendar.next_sending_moment(found[0]), found[1]

    def _start_of(self, day: date) -> datetime:
        return self.calendar.local(day, time(0))

    def _sure(self, certainty: Certainty, instant: datetime) -> Certainty:
        """A date in a school year without published holidays is an estimate."""
        if certainty is not Certainty.FIXED and self._is_estimated(instant):
            return Certainty.ESTIMATED
        return certainty

    def _is_estimated(self, instant: datetime) -> bool:
        return self.calendar.is_estimated(self.calendar.to_local(instant).date())

    # Gatherings

    def _gathering_date(self, step: Step, cycle: str) -> None:
        name = (step.key, cycle)
        if name in self.fixed:
            self.gatherings[name] = self.fixed[name]
        elif name in self.moved:
            self.gatherings[name] = (self.moved[name], self.moved[name] + _duration(step))
        else:
            slot = self._free_slot(step, cycle)
            self.gatherings[name] = slot
            if slot:
                self._take(slot)
            else:
                self.problems.append(PlanProblem(*name, self._no_slot(step, cycle)))

    def _free_slot(self, step: Step, cycle: str) -> tuple[datetime, datetime] | None:
        window = _window(step)
        first, last = self._span_of(step, cycle)
        if window.since:
            since = self._moment(window.since, step, cycle)
            first = max(first, self.calendar.to_local(since[0]).date()) if since else first
        announced = self._first_sending_day(max(first, self.today))
        in_time = max(first, shift(announced, step.invite, 1))
        soonest = max(first, announced + LEAST_NOTICE)
        if (before := self.proposed.get((step.key, cycle))) and self._still_fits(
            before, window, soonest, last
        ):
            return before
        days = [soonest + DAY * n for n in range((last - soonest).days + 1)]
        with_notice = [day for day in days if day >= in_time]
        without = [day for day in reversed(days) if day < in_time]
        for day in (*with_notice, *without):
            if self._allows(window, day) and (slot := self._slot_on(day, window)):
                return slot
        return None

    def _still_fits(self, slot: tuple[datetime, datetime], window: Window, first: date, last: date) -> bool:
        local = self.calendar.to_local(slot[0])
        return (
            first <= local.date() <= last
            and self._allows(window, local.date())
            and window.earliest <= local.time() <= window.latest
            and slot[1] - slot[0] == window.duration
            and self._is_free(slot)
        )

    def _is_free(self, slot: tuple[datetime, datetime]) -> bool:
        return all(slot[1] <= taken[0] or taken[1] <= slot[0] for taken in self.taken.get(slot[0].date(), ()))

    def _take(self, slot: tuple[datetime, datetime]) -> None:
        day = slot[0].date()
        while day <= slot[1].date():
            self.taken[day].append(slot)
            day += DAY

    def _allows(self, window: Window, day: date) -> bool:
        if day.weekday() not in (window.weekdays or (0, 1, 2, 3, 4)):
            return False
        return window.in_holidays or self.calendar.holiday_on(day) is None

    def _slot_on(self, day: date, window: Window) -> tuple[datetime, datetime] | None:
        starts_at = self.calendar.local(day, window.earliest)
        latest = self.calendar.local(day, window.latest)
        while starts_at <= latest:
            slot = (starts_at, starts_at + window.duration)
            if self._is_free(slot):
                return slot
            starts_at += SLOT
        return None

    def _no_slot(self, step: Step, cycle: str) -> Text:
        first, last = self._span_of(step, cycle)
        return Text(
            f"‘{step.title.nl}’ kan niet worden gepland: tussen {first:%d-%m-%Y} en {last:%d-%m-%Y} is geen vrij "
            "moment dat past bij de gekozen dagen en tijden; maak de fase langer of kies zelf een datum",
            f"'{step.title.in_language('en')}' cannot be planned: between {first} and {last} no free moment fits "
            "the chosen days and hours; make the stage longer or choose a date",
        )

    # Steps

    def _plan_step(self, step: Step, cycle: str) -> None:
        match step.kind:
            case StepKind.GATHERING:
                self._plan_gathering(step, cycle)
            case StepKind.EVALUATION:
                self._plan_evaluation(step, cycle)
            case _:
                due = self._due(step, cycle)
                if due is None:
                    waits = Text(
                        f"‘{step.title.nl}’ wacht op een stap die nog geen datum heeft",
                        f"'{step.title.in_language('en')}' waits for a step that has no date yet",
                    )
                    self.problems.append(PlanProblem(step.key, cycle, waits))
                self._add(
                    step,
                    cycle,
                    due_at=due[0] if due else None,
                    certainty=due[1] if due else Certainty.EXPECTED,
                )

    def _plan_gathering(self, step: Step, cycle: str) -> None:
        name = (step.key, cycle)
        dates = self.gatherings[name]
        if dates is None:
            self._add(step, cycle, due_at=None, certainty=Certainty.EXPECTED)
            return
        starts_at, ends_at = dates
        if name in self.fixed:
            due_at, certainty = ends_at, Certainty.FIXED
        else:
            due_at = self._invite_at(step, cycle, starts_at)
            certainty = Certainty.EXPECTED
        self._add(step, cycle, due_at=due_at, certainty=certainty, starts_at=starts_at, ends_at=ends_at)
        for number, span in enumerate(step.reminders, start=1):
            day = shift(self.calendar.to_local(starts_at).date(), span, -1)
            remind_at = self.calendar.next_sending_moment(self.calendar.local(day, DEFAULT_TIME))
            remind_at = min(remind_at, self._sending_before(starts_at))
            title = f"Herinnering: {step.title.nl}"
            self._add(step, cycle, f"/reminder-{number}", due_at=remind_at, certainty=certainty, title=title)

    def _invite_at(self, step: Step, cycle: str, starts_at: datetime) -> datetime:
        """The last sending moment that leaves the whole invitation time, but not before the step may begin."""
        day = shift(self.calendar.to_local(starts_at).date(), step.invite, -1)
        first, _ = self._span_of(step, cycle)
        if day > first:
            in_time = self._sending_before(self.calendar.local(day + DAY, time(0)))
            if self.calendar.to_local(in_time).date() >= first:
                return in_time
        first_moment = self.calendar.next_sending_moment(self.calendar.local(first, DEFAULT_TIME))
        return min(first_moment, self._sending_before(starts_at))

    def _first_sending_day(self, day: date) -> date:
        at = self.calendar.next_sending_moment(self.calendar.local(day, DEFAULT_TIME))
        return self.calendar.to_local(at).date()

    def _sending_before(self, instant: datetime) -> datetime:
        """The last 9:00 of a working day that lies before an instant."""
        day = self.calendar.to_local(instant).date()
        while True:
            at = self.calendar.local(day, DEFAULT_TIME)
            if at < instant and self.calendar.next_sending_moment(at) == at:
                return at
            day -= DAY

    def _plan_evaluation(self, step: Step, cycle: str) -> None:
        asked = self.happened.get((step.key, cycle))
        due = (asked, Certainty.FIXED) if asked else self._due(step, cycle)
        if due is None:
            self._add(step, cycle, due_at=None, certainty=Certainty.EXPECTED)
            return
        asked_at, certainty = due
        asked_on = self.calendar.to_local(asked_at).date()
        last = shift(asked_on, step.closes, 1) if step.closes else self._span_of(step, cycle)[1]
        closes_at = max(self._start_of(last + DAY), asked_at + DAY)
        due_at = closes_at if asked else asked_at
        self._add(step, cycle, due_at=due_at, certainty=certainty, ends_at=closes_at)
        for number, span in enumerate(step.reminders, start=1):
            remind_at = self._after(asked_on, span)
            if remind_at < closes_at:
                title = f"Herinnering: {step.title.nl}"
                self._add(
                    step, cycle, f"/reminder-{number}", due_at=remind_at, certainty=certainty, title=title
                )
        if step.escalation:
            escalation = step.escalation
            self._add(
                step,
                cycle,
                "/escalation",
                due_at=min(self._after(asked_on, escalation.after), closes_at),
                certainty=certainty,
                title=escalation.title.nl,
            )

    def _after(self, day: date, span: Span) -> datetime:
        return self.calendar.next_sending_moment(self.calendar.local(shift(day, span, 1), DEFAULT_TIME))

    def _add(
        self,
        step: Step,
        cycle: str,
        suffix: str = "",
        *,
        due_at: datetime | None,
        certainty: Certainty,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
        title: str = "",
    ) -> None:
        kinds = {"/r": StepKind.MAIL, "/e": StepKind.TASK}
        key = step.key + suffix
        if suffix and (key, cycle) in self.moved:
            due_at, certainty = self.moved[key, cycle], Certainty.FIXED
        when = starts_at or due_at
        self.steps.append(
            PlannedStep(
                stage=step.stage or "",
                key=key,
                cycle=cycle,
                kind=kinds.get(suffix[:2], step.kind),
                title=title or step.title.nl,
                to=(step.escalation.to,) if suffix[:2] == "/e" and step.escalation else step.to,
                due_at=due_at,
                certainty=self._sure(certainty, when) if when else certainty,
                starts_at=starts_at,
                ends_at=ends_at,
            )
        )


def _bounds(year: SchoolYear, cycle: Cycle) -> tuple[date, date]:
    return _in_year(year, cycle.first), _in_year(year, cycle.last)


def _in_year(year: SchoolYear, day: DayOfYear) -> date:
    number = year.starts_on.year + (0 if day.month >= 8 else 1)
    if (day.month, day.day) == (2, 29):
        return date(number, 3, 1) - DAY
    return date(number, day.month, day.day)


def _window(step: Step) -> Window:
    if step.window is None:
        message = f"gathering {step.key!r} has no window"
        raise ValueError(message)
    return step.window


def _duration(step: Step) -> timedelta:
    return _window(step).duration
