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

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from calendars.school_year import SchoolCalendar, SchoolYear
from models.enums import Certainty, StepKind
from traject.agenda import Agenda, Slot, no_slot, waits_for_a_date
from traject.known import Known
from traject.plan import (
    Changes,
    Facts,
    Plan,
    PlannedStage,
    PlannedStep,
    PlanProblem,
    StageMoved,
    diff,
)
from traject.programme import (
    Anchor,
    Moment,
    Predicate,
    Programme,
    Span,
    Stage,
    Step,
    Window,
)
from traject.spans import shift, year_bounds

__all__ = ["Changes", "diff", "plan"]

DEFAULT_TIME = time(9)
OVERRUN = timedelta(days=14)
LEAST_WINDOW = timedelta(days=14)
LEAST_NOTICE = timedelta(days=7)
DAY = timedelta(days=1)


def plan(programme: Programme, facts: Facts, calendar: SchoolCalendar) -> Plan:
    """Plan a whole trajectory: its stages, and every mail, gathering, evaluation and task with its moment.

    What cannot be met has no moment (`due_at` None) and stands in `problems` by name; nothing raises.
    """
    return _Planning(programme, facts, calendar).plan()


def closing(calendar: SchoolCalendar, step: Step, asked_at: datetime, last: date) -> datetime:
    """When an evaluation that is asked at this instant closes: the end of a local day.

    After the time it says, else with `last`, the last day of its period; asked late, it stays open for two weeks.
    """
    asked_on = calendar.to_local(asked_at).date()
    last = shift(asked_on, step.closes, 1) if step.closes else max(last, asked_on + LEAST_WINDOW)
    return calendar.local(last + DAY, time(0))


class _Planning:
    """One run of the planner: what is known so far."""

    def __init__(self, programme: Programme, facts: Facts, calendar: SchoolCalendar) -> None:
        self.programme = programme
        self.facts = facts
        self.calendar = calendar
        self.today = calendar.to_local(facts.as_of).date()
        self.known = Known(facts.happened)
        self.agenda = Agenda(calendar, self.known.busy)
        self.stages: dict[str, PlannedStage] = {}
        self.gatherings: dict[tuple[str, str], tuple[datetime, datetime] | None] = {}
        self.steps: list[PlannedStep] = []
        self.problems: list[PlanProblem] = []

    def plan(self) -> Plan:
        kinds = {step.key: step for step in self.programme.steps}
        for (key, _), to in self.known.moved.items():
            if (step := kinds.get(key)) and step.kind is StepKind.GATHERING:
                self.agenda.take((to, to + _duration(step)))
        previous: PlannedStage | None = None
        for stage in self.programme.stages:
            previous = self.stages[stage.key] = self._stage(stage, previous)
        wanted = [
            (step, cycle)
            for step in self.programme.steps
            if self._applies(step)
            for cycle in self._cycles(step)
            if self._is_to_come(step, cycle)
        ]
        for step, cycle in wanted:  # dates of gatherings first: other steps are counted from them
            if step.kind is StepKind.GATHERING:
                self._dates_of(step, cycle)
        for step, cycle in wanted:
            self._plan_step(step, cycle)
        never = datetime.max.replace(tzinfo=self.facts.as_of.tzinfo)
        self.steps.sort(key=lambda step: (step.when or never, step.due_at or never, step.key, step.cycle))
        return Plan(tuple(self.stages.values()), tuple(self.steps), tuple(self.problems))

    # Stages

    def _stage(self, stage: Stage, previous: PlannedStage | None) -> PlannedStage:
        moved = self.known.moved_stages.get(stage.key) or StageMoved(stage.key)
        certainty = Certainty.EXPECTED
        if stage.key in self.known.opened:
            opens_on = self.calendar.to_local(self.known.opened[stage.key]).date()
            certainty = Certainty.FIXED
        elif moved.opens_on:
            opens_on = moved.opens_on
        else:
            opens_on = self._stage_start(stage.starts, previous)
        if stage.key in self.known.closed:
            ends_on = self.calendar.to_local(self.known.closed[stage.key]).date()
        else:
            ends_on = moved.ends_on or shift(opens_on, stage.lasts, 1) - DAY
            if stage.key in self.known.opened and ends_on < self.today:
                ends_on = self.today + OVERRUN
            ends_on = max(ends_on, opens_on)
        if certainty is not Certainty.FIXED and self.calendar.is_estimated(opens_on):
            certainty = Certainty.ESTIMATED
        return PlannedStage(stage.key, stage.title.nl, opens_on, ends_on, certainty)

    def _stage_start(self, starts: Moment, previous: PlannedStage | None) -> date:
        base = self.facts.starts_on
        if starts.anchor is Anchor.STAGE_ENDS and previous:
            closed = previous.key in self.known.closed
            base = previous.ends_on + (timedelta() if closed else DAY)
        elif starts.anchor is Anchor.STEP and starts.step:  # of an earlier stage
            found = self._step_anchor(self.programme.step(starts.step), "", starts.sign)
            if found:
                base = self.calendar.to_local(found[0]).date()
            elif previous:
                base = previous.ends_on + DAY
        return max(shift(base, starts.span, starts.sign), self.today)

    # Which steps there are

    def _applies(self, step: Step) -> bool:
        for condition in step.conditions:
            if condition.predicate is Predicate.SCHOOL_TYPE:
                kinds = self.facts.school_type.lower().split("/")
                if condition.subject not in kinds:
                    return False
        others = [step.when, step.window.since if step.window else None]
        return all(self._applies(self.programme.step(m.step)) for m in others if m and m.step)

    def _is_to_come(self, step: Step, cycle: str) -> bool:
        """Not what was dropped, nor a mail around a gathering that will not be."""
        if (step.key, cycle) in self.known.dropped:
            return False
        other = self.programme.step(step.when.step) if step.when and step.when.step else None
        around = step.kind is StepKind.MAIL and other is not None and other.kind is StepKind.GATHERING
        return not (around and other and (other.key, cycle if other.cycle else "") in self.known.dropped)

    def _cycles(self, step: Step) -> Iterator[str]:
        if step.cycle is None:
            yield ""
            return
        ends_on = max(stage.ends_on for stage in self.stages.values())
        year = SchoolYear.of(self.facts.starts_on)
        number = 0
        while year.starts_on <= ends_on:
            number += 1
            first, last = year_bounds(year, step.cycle)
            late = self.facts.starts_on > first and self.facts.starts_on + LEAST_WINDOW > last
            if number % step.cycle.every == 0 and first <= ends_on and not late:
                yield str(year)
            year = year.next()

    def _span_of(self, step: Step, cycle: str) -> tuple[date, date]:
        """The first and the last day on which a step can be."""
        if step.cycle:
            first, last = year_bounds(SchoolYear.parse(cycle), step.cycle)
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
                opened = self.known.opened.get(step.stage)
                stage = self.stages[step.stage]
                return opened or self._start_of(stage.opens_on), stage.certainty
            case Anchor.STAGE_ENDS if step.stage:
                sure = Certainty.FIXED if step.stage in self.known.closed else Certainty.EXPECTED
                return self._start_of(self.stages[step.stage].ends_on), sure
            case Anchor.STEP if moment.step:
                return self._step_anchor(self.programme.step(moment.step), cycle, moment.sign)
            case _:
                ends_on = max(stage.ends_on for stage in self.stages.values())
                return self._start_of(ends_on), Certainty.EXPECTED

    def _step_anchor(self, other: Step, cycle: str, sign: int) -> tuple[datetime, Certainty] | None:
        name = (other.key, cycle if other.cycle else "")
        if name in self.known.dropped:
            return self.known.dropped[name], Certainty.FIXED
        if other.kind is StepKind.GATHERING:
            dates = self._dates_of(other, name[1])
            if dates is None:
                return None
            sure = Certainty.FIXED if name in self.known.fixed else Certainty.EXPECTED
            return dates[1 if sign > 0 else 0], sure
        if name in self.known.happened:
            return self.known.happened[name], Certainty.FIXED
        due = self._due(other, name[1])
        return (due[0], Certainty.EXPECTED) if due else None

    def _due(self, step: Step, cycle: str) -> tuple[datetime, Certainty] | None:
        """When a mail, a task or an evaluation is due."""
        if (step.key, cycle) in self.known.moved:
            return self.calendar.next_sending_moment(self.known.moved[step.key, cycle]), Certainty.FIXED
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

    def _dates_of(self, step: Step, cycle: str) -> Slot | None:
        """The start and end of a gathering, chosen when first asked for; None: it cannot be planned."""
        name = (step.key, cycle)
        if name in self.gatherings:
            return self.gatherings[name]
        if name in self.known.fixed:
            slot = self.known.fixed[name]
        elif name in self.known.moved:
            slot = (self.known.moved[name], self.known.moved[name] + _duration(step))
        else:
            slot = self._free_slot(step, cycle)
            if slot:
                self.agenda.take(slot)
        self.gatherings[name] = slot
        return slot

    def _free_slot(self, step: Step, cycle: str) -> Slot | None:
        window = _window(step)
        first, last = self._span_of(step, cycle)
        if window.since:
            since = self._moment(window.since, step, cycle)
            if since is None:
                self.problems.append(PlanProblem(step.key, cycle, waits_for_a_date(step.title)))
                return None
            first = max(first, self.calendar.to_local(since[0]).date())
        announced = self._first_sending_day(max(first, self.today))
        in_time = max(first, shift(announced, step.invite, 1))
        soonest = max(first, announced + LEAST_NOTICE)
        before = self.known.proposed.get((step.key, cycle))
        if before and self.agenda.still_fits(before, window, soonest, last):
            return before
        days = [soonest + DAY * n for n in range((last - soonest).days + 1)]
        with_notice = [day for day in days if day >= in_time]
        without = [day for day in reversed(days) if day < in_time]
        slot = self.agenda.first_free((*with_notice, *without), window)
        if slot is None:
            self.problems.append(
                PlanProblem(step.key, cycle, no_slot(step.title, *self._span_of(step, cycle)))
            )
        return slot

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
                    self.problems.append(PlanProblem(step.key, cycle, waits_for_a_date(step.title)))
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
        if name in self.known.fixed:
            due_at, certainty = ends_at, Certainty.FIXED
            invited_at = self.known.invited.get(name)
        else:
            due_at = invited_at = self._invite_at(step, cycle, starts_at)
            certainty = Certainty.EXPECTED
        self._add(step, cycle, due_at=due_at, certainty=certainty, starts_at=starts_at, ends_at=ends_at)
        for number, span in enumerate(step.reminders, start=1):
            day = shift(self.calendar.to_local(starts_at).date(), span, -1)
            remind_at = self.calendar.next_sending_moment(self.calendar.local(day, DEFAULT_TIME))
            remind_at = min(remind_at, self._sending_before(starts_at))
            if (
                invited_at
                and self.calendar.to_local(remind_at).date() <= self.calendar.to_local(invited_at).date()
            ):
                continue  # the invitation itself has just come
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
        asked = self.known.asked.get((step.key, cycle))
        due = (asked[0], Certainty.FIXED) if asked else self._due(step, cycle)
        if due is None:
            self._add(step, cycle, due_at=None, certainty=Certainty.EXPECTED)
            return
        asked_at, certainty = due
        asked_on = self.calendar.to_local(asked_at).date()
        last = self._span_of(step, cycle)[1]
        closes_at = asked[1] if asked else closing(self.calendar, step, asked_at, last)
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
                due_at=min(self._after(asked_on, escalation.after), self._sending_before(closes_at)),
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
        if suffix and (key, cycle) in self.known.moved:
            due_at, certainty = self.known.moved[key, cycle], Certainty.FIXED
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


def _window(step: Step) -> Window:
    if step.window is None:
        message = f"gathering {step.key!r} has no window"
        raise ValueError(message)
    return step.window


def _duration(step: Step) -> timedelta:
    return _window(step).duration
