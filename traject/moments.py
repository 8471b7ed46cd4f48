"""When the stages, the moments and the gatherings of a trajectory are: the dates that its plan is made of."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from calendars.school_year import SchoolCalendar, SchoolYear
from models.enums import Certainty, StepKind
from traject.agenda import DAY, Agenda, Slot, no_slot, waits_for_a_date
from traject.known import Known
from traject.obstacles import Obstacle, Why, counted
from traject.plan import Facts, PlannedStage, PlanProblem, StageMoved
from traject.programme import Anchor, Moment, Predicate, Programme, Stage, Step, Window
from traject.search import Search, Sibling
from traject.spans import comes_in, shift, year_bounds

DEFAULT_TIME = time(9)
OVERRUN = timedelta(days=14)
LEAST_NOTICE = timedelta(days=7)


class Dates:
    """One run of the planner: what is known, and what was chosen so far."""

    def __init__(self, programme: Programme, facts: Facts, calendar: SchoolCalendar) -> None:
        self.programme = programme
        self.facts = facts
        self.calendar = calendar
        self.today = calendar.to_local(facts.as_of).date()
        self.known = Known(facts.happened)
        self.agenda = Agenda(calendar, self.known.busy, self.known.closed_schools, self.known.school_hours)
        for full in sorted(self.known.places_taken, key=lambda each: (each.starts_at, each.key, each.what)):
            why = Why(Obstacle.PLACE, full.what, full.place)
            self.agenda.take((full.starts_at, full.ends_at), why, (_seats_for(full.key),))
        self.gatherings: dict[tuple[str, str], Slot | None] = {}
        self.searches: dict[tuple[str, str], Search] = {}  # how those that were chosen were
        self.problems: list[PlanProblem] = []
        self._steps = {step.key: step for step in programme.steps}
        for (key, _), slot in sorted(self.known.fixed.items()):
            step = self._steps.get(key)
            self.agenda.take(slot, Why(Obstacle.GATHERING, step.title.nl if step else key))
        for (key, _), to in sorted(self.known.moved.items()):
            if (step := self._steps.get(key)) and step.kind is StepKind.GATHERING:
                slot = (to, to + _window(step).duration)
                self.agenda.take(slot, Why(Obstacle.GATHERING, step.title.nl))
        self.stages: dict[str, PlannedStage] = {}
        previous: PlannedStage | None = None
        for stage in programme.stages:
            previous = self.stages[stage.key] = self.stage(stage, previous)

    # Stages

    def stage(self, stage: Stage, previous: PlannedStage | None) -> PlannedStage:
        """When a stage opens and ends, given the one before it."""
        moved = self.known.moved_stages.get(stage.key) or StageMoved(stage.key)
        certainty = Certainty.EXPECTED
        if stage.key in self.known.opened:
            opens_on = self.calendar.to_local(self.known.opened[stage.key]).date()
            certainty = Certainty.FIXED
        elif moved.opens_on:
            opens_on = max(moved.opens_on, self._earliest(stage.starts, previous))
        else:
            opens_on = self._stage_start(stage.starts, previous)
        if stage.key in self.known.closed:
            ends_on = self.calendar.to_local(self.known.closed[stage.key]).date()
        else:
            ends_on = moved.ends_on or shift(opens_on, stage.lasts, 1) - DAY
            if stage.key in self.known.opened and ends_on < self.today:
                # In whole steps, so that the plan stays the same from one day to the next.
                ends_on += OVERRUN * -((ends_on - self.today) // OVERRUN)
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
        return max(shift(base, starts.span, starts.sign), self._earliest(starts, previous))

    def _earliest(self, starts: Moment, previous: PlannedStage | None) -> date:
        """A stage that follows another waits for its end, whatever else was decided."""
        if starts.anchor is not Anchor.STAGE_ENDS or previous is None:
            return self.today
        closed = previous.key in self.known.closed
        return max(self.today, previous.ends_on + (timedelta() if closed else DAY))

    # Which steps there are

    def applies(self, step: Step) -> bool:
        """Whether this kind of school has this step, and what it is counted from."""
        for condition in step.conditions:
            if condition.predicate is Predicate.SCHOOL_TYPE:
                kinds = self.facts.school_type.lower().split("/")
                if condition.subject not in kinds:
                    return False
        others = [step.when, step.window.since if step.window else None]
        return all(self.applies(self.programme.step(m.step)) for m in others if m and m.step)

    def is_to_come(self, step: Step, cycle: str) -> bool:
        """Not what was dropped, nor a mail around a gathering that will not be."""
        if (step.key, cycle) in self.known.dropped:
            return False
        other = self.programme.step(step.when.step) if step.when and step.when.step else None
        around = step.kind is StepKind.MAIL and other is not None and other.kind is StepKind.GATHERING
        return not (around and other and (other.key, cycle if other.cycle else "") in self.known.dropped)

    def cycles(self, step: Step) -> Iterator[str]:
        """The school years in which a step comes; of a step that does not return, the empty one."""
        if step.cycle is None:
            yield ""
            return
        ends_on = max(stage.ends_on for stage in self.stages.values())
        year = SchoolYear.of(self.facts.starts_on)
        while year.starts_on <= ends_on:
            if comes_in(year, step.cycle, self.facts.starts_on, ends_on):
                yield str(year)
            year = year.next()
        told = {*self.known.asked, *self.known.fixed}
        yield from sorted(cycle for key, cycle in told if key == step.key and cycle >= str(year))

    def span_of(self, step: Step, cycle: str) -> tuple[date, date]:
        """The first and the last day on which a step can be."""
        if step.cycle:
            first, last = year_bounds(SchoolYear.parse(cycle), step.cycle)
            return max(first, self.facts.starts_on), last
        if step.stage:
            stage = self.stages[step.stage]
            return stage.opens_on, stage.ends_on
        return self.facts.starts_on, max(stage.ends_on for stage in self.stages.values())

    # Moments

    def moment(self, moment: Moment, step: Step, cycle: str) -> tuple[datetime, Certainty] | None:
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
                return self.start_of(self.facts.starts_on), Certainty.FIXED
            case Anchor.CYCLE_OPENS:
                return self.start_of(self.span_of(step, cycle)[0]), Certainty.FIXED
            case Anchor.STAGE_OPENS if step.stage:
                opened = self.known.opened.get(step.stage)
                stage = self.stages[step.stage]
                return opened or self.start_of(stage.opens_on), stage.certainty
            case Anchor.STAGE_ENDS if step.stage:
                sure = Certainty.FIXED if step.stage in self.known.closed else Certainty.EXPECTED
                return self.start_of(self.stages[step.stage].ends_on), sure
            case Anchor.STEP if moment.step:
                return self._step_anchor(self.programme.step(moment.step), cycle, moment.sign)
            case _:
                ends_on = max(stage.ends_on for stage in self.stages.values())
                return self.start_of(ends_on), Certainty.EXPECTED

    def _step_anchor(self, other: Step, cycle: str, sign: int) -> tuple[datetime, Certainty] | None:
        name = (other.key, cycle if other.cycle else "")
        if name in self.known.dropped:
            return self.known.dropped[name], Certainty.FIXED
        if other.kind is StepKind.GATHERING:
            dates = self.dates_of(other, name[1])
            if dates is None:
                return None
            sure = Certainty.FIXED if name in self.known.fixed else Certainty.EXPECTED
            return dates[1 if sign > 0 else 0], sure
        if name in self.known.happened:
            return self.known.happened[name], Certainty.FIXED
        due = self.due(other, name[1])
        return (due[0], Certainty.EXPECTED) if due else None

    def due(self, step: Step, cycle: str) -> tuple[datetime, Certainty] | None:
        """When a mail, a task or an evaluation is due."""
        if (step.key, cycle) in self.known.moved:
            return self.calendar.next_sending_moment(self.known.moved[step.key, cycle]), Certainty.FIXED
        if step.when is not None:
            found = self.moment(step.when, step, cycle)
        else:
            found = self.moment(Moment(Anchor.CYCLE_OPENS if step.cycle else Anchor.STAGE_OPENS), step, cycle)
        if found is None:
            return None
        return self.calendar.next_sending_moment(found[0]), found[1]

    def start_of(self, day: date) -> datetime:
        """Local midnight."""
        return self.calendar.local(day, time(0))

    def is_estimated(self, instant: datetime) -> bool:
        """Whether a moment lies in a school year whose holidays are not published yet."""
        return self.calendar.is_estimated(self.calendar.to_local(instant).date())

    # Gatherings

    def wanted(self) -> list[tuple[Step, str]]:
        """Every step that comes, with its school year, in the programme's order."""
        return [
            (step, cycle)
            for step in self.programme.steps
            if self.applies(step)
            for cycle in self.cycles(step)
            if self.is_to_come(step, cycle)
        ]

    def choose(self) -> list[tuple[Step, str]]:
        """Choose the dates of all gatherings, those that cannot give way first; gives every step that comes."""
        wanted = self.wanted()
        for step, cycle in sorted(wanted, key=lambda each: not each[0].is_shared):
            if step.kind is StepKind.GATHERING:
                self.dates_of(step, cycle)
        return wanted

    def dates_of(self, step: Step, cycle: str) -> Slot | None:
        """The start and end of a gathering, chosen when first asked for; None: it cannot be planned."""
        name = (step.key, cycle)
        if name in self.gatherings:
            return self.gatherings[name]
        if name in self.known.fixed:
            slot = self.known.fixed[name]
        elif name in self.known.moved:
            slot = (self.known.moved[name], self.known.moved[name] + _window(step).duration)
        else:
            slot = self._offered_slot(step, cycle) if step.is_shared else self._free_slot(step, cycle)
            if slot:
                self.agenda.take(slot, Why(Obstacle.GATHERING, step.title.nl))
        self.gatherings[name] = slot
        return slot

    def _free_slot(self, step: Step, cycle: str) -> Slot | None:
        search = self._search(step, cycle)
        if search is None:
            self.problems.append(PlanProblem(step.key, cycle, waits_for_a_date(step.title)))
            return None
        self.searches[step.key, cycle] = search
        slot = search.best()
        if slot is None:
            first, last = self.span_of(step, cycle)
            fell_off: dict[date, set[Why]] = {}
            for rejected in search.rejected(self.today):
                fell_off.setdefault(rejected.day, set()).add(rejected.why)
            left = self.today if first < self.today <= last else first  # of what is over nobody can use a day
            reason = no_slot(step.title, left, last, counted(fell_off.values()))
            self.problems.append(PlanProblem(step.key, cycle, reason))
        return slot

    def _search(self, step: Step, cycle: str) -> Search | None:
        """Where a gathering can be; None: it is counted from something that has no date."""
        window = _window(step)
        first, last = self.span_of(step, cycle)
        announced = self._first_sending_day(max(first, self.today))
        if window.since:
            since = self.moment(window.since, step, cycle)
            if since is None:
                return None
            first = max(first, self.calendar.to_local(since[0]).date())
        return Search(
            self.agenda,
            self.agenda.size,
            window,
            (*step.to, _seats_for(step.key)),
            first=first,
            soonest=max(first, announced + LEAST_NOTICE),
            in_time=max(first, shift(announced, step.invite, 1)),
            last=last,
            planned=self.known.proposed.get((step.key, cycle)),
            longest_kept=self.facts.longest_kept,
            siblings=tuple(self._siblings(step, cycle)),
            has_followers=self._has_followers(step, cycle),
        )

    def _siblings(self, step: Step, cycle: str) -> Iterator[Sibling]:
        """The others of its series that have a date: those before it in the programme, and those that are decided."""
        comes_first = True
        for other in self.programme.steps if step.series else ():
            if other.key == step.key:
                comes_first = False
            elif other.series == step.series:
                name = (other.key, cycle if other.cycle else "")
                decided = name in self.known.fixed or name in self.known.moved
                slot = self.dates_of(other, name[1]) if decided else self.gatherings.get(name)
                if slot and (comes_first or decided):
                    yield Sibling(other.title.nl, slot, comes_first)

    def _has_followers(self, step: Step, cycle: str) -> bool:
        steps = self.programme.steps if step.series else ()
        later = steps[next((n for n, each in enumerate(steps, 1) if each.key == step.key), 0) :]
        decided = {**self.known.fixed, **self.known.moved}
        return any(each.series == step.series and (each.key, cycle) not in decided for each in later)

    def _offered_slot(self, step: Step, cycle: str) -> Slot | None:
        """The gathering elsewhere that its people join: the one they were told to expect, else the first in its window.

        How long it lasts does not matter; its day and its start must fit the window, and nobody may be elsewhere.
        """
        search = self._search(step, cycle)
        if search is None:
            return None
        first, last = max(search.soonest, self.today), search.last
        joined: Slot | None = None
        for offer in self.known.offered.get(step.theme, ()):
            slot = (offer.starts_at, offer.ends_at)
            local = self.calendar.to_local(offer.starts_at)
            fits = first <= local.date() <= last and local.time() >= search.window.earliest
            if (
                fits
                and self.agenda.why_not_on(local.date(), search.window, step.to) is None
                and self.agenda.why_not_at(slot, step.to, but=offer.title) is None
            ):
                if slot == search.planned:
                    return slot
                joined = joined or slot
        return joined

    def _first_sending_day(self, day: date) -> date:
        at = self.calendar.next_sending_moment(self.calendar.local(day, DEFAULT_TIME))
        return self.calendar.to_local(at).date()


def _seats_for(key: str) -> str:
    """What a gathering needs beside the roles that must be there; no role is written so."""
    return f"@{key}"


def _window(step: Step) -> Window:
    if step.window is None:
        message = f"gathering {step.key!r} has no window"
        raise ValueError(message)
    return step.window
