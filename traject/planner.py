"""When everything happens: a programme, the facts and a school calendar give a dated plan.

Pure and deterministic; the order of the facts does not matter. Preview, launch, reschedule, hold, migrate and simulate
are all this one function with other facts.

Rules that are Traject's own choice:
- a stage opens at the start of its first day and closes at the end of its last day, local time;
- what has no time of day happens at 9:00, moved into the sending hours;
- an open stage past its end is expected to last two more weeks, again and again, until it closes;
- a gathering keeps the date it was planned on while that fits and comes at most eight weeks later than it could (a
  stage that opens months early brings its gatherings along); else it takes the first free slot that leaves its
  whole invitation time; when none does, the last free one;
- gatherings of a series come in the programme's order, each in a week of its own while there is room;
- a gathering that is shared has the date of the first one elsewhere with its theme, in its window; nobody is reminded
  of it here, and while there is none it waits until the end of its window;
- where staff choose the date, they are asked two weeks before people are invited;
- who has not answered an invitation is asked once more 10 and 3 days before the gathering;
- an evaluation is asked in the school year of the start only when two weeks of its window are left.
"""

from datetime import date, datetime, time, timedelta

from calendars.school_year import SchoolCalendar
from models.enums import Certainty, StepKind
from traject.agenda import waits_for_a_date
from traject.moments import DAY, DEFAULT_TIME, LEAST_NOTICE, OVERRUN, Dates
from traject.plan import Changes, Facts, Plan, PlannedStep, PlanProblem, diff
from traject.programme import Programme, Span, Step
from traject.spans import LEAST_WINDOW, shift

TIME_TO_CHOOSE = timedelta(days=14)
"""So long before people are invited staff are asked to choose a date, where the programme leaves that to them."""
NOTHING_EARLIER = timedelta()
NUDGES = (timedelta(days=10), timedelta(days=3))
"""How long before a gathering who has not answered is asked once more."""
LEAST_REST = timedelta(days=2)
"""Nobody is asked again sooner than this after the invitation."""

__all__ = ["LEAST_NOTICE", "OVERRUN", "Changes", "closing", "diff", "plan"]


def plan(programme: Programme, facts: Facts, calendar: SchoolCalendar) -> Plan:
    """Plan a whole trajectory: its stages, and every mail, gathering, evaluation and task with its moment.

    What cannot be met has no moment (`due_at` None) and stands in `problems` by name; nothing raises.
    """
    dates = Dates(programme, facts, calendar)
    wanted = dates.choose()  # first, so that the order of other steps does not matter
    lines = _Lines(dates)
    for step, cycle in wanted:
        lines.add_step(step, cycle)
    never = datetime.max.replace(tzinfo=facts.as_of.tzinfo)
    steps = sorted(
        lines.steps, key=lambda step: (step.when or never, step.due_at or never, step.key, step.cycle)
    )
    return Plan(tuple(dates.stages.values()), tuple(steps), tuple(dates.problems))


def closing(calendar: SchoolCalendar, step: Step, asked_at: datetime, last: date) -> datetime:
    """When an evaluation that is asked at this instant closes: the end of a local day.

    After the time it says, else with `last`, the last day of its period; asked late, it stays open for two weeks.
    """
    asked_on = calendar.to_local(asked_at).date()
    last = shift(asked_on, step.closes, 1) if step.closes else max(last, asked_on + LEAST_WINDOW)
    return calendar.local(last + DAY, time(0))


class _Lines:
    """The lines of a plan: each step, with its reminders and its escalation."""

    def __init__(self, dates: Dates) -> None:
        self.dates = dates
        self.steps: list[PlannedStep] = []

    def add_step(self, step: Step, cycle: str) -> None:
        match step.kind:
            case StepKind.GATHERING:
                self._plan_gathering(step, cycle)
            case StepKind.EVALUATION:
                self._plan_evaluation(step, cycle)
            case _:
                due = self.dates.due(step, cycle)
                if due is None:
                    self.dates.problems.append(PlanProblem(step.key, cycle, waits_for_a_date(step.title)))
                self._add(
                    step,
                    cycle,
                    due_at=due[0] if due else None,
                    certainty=due[1] if due else Certainty.EXPECTED,
                )

    def _plan_gathering(self, step: Step, cycle: str) -> None:
        name = (step.key, cycle)
        dates = self.dates.dates_of(step, cycle)
        if dates is None and step.is_shared:
            self._wait_for_theme(step, cycle)
            return
        if dates is None:
            self._add(step, cycle, due_at=None, certainty=Certainty.EXPECTED)
            return
        starts_at, ends_at = dates
        if name in self.dates.known.fixed:
            due_at, certainty = ends_at, Certainty.FIXED
            invited_at = self.dates.known.invited.get(name)
        else:
            due_at = invited_at = self._invite_at(step, cycle, starts_at)
            certainty = Certainty.EXPECTED
            if step.staff_choose and name not in self.dates.known.moved:
                due_at = self._invite_at(step, cycle, starts_at, earlier=TIME_TO_CHOOSE)
        self._add(step, cycle, due_at=due_at, certainty=certainty, starts_at=starts_at, ends_at=ends_at)
        if step.is_shared:
            return  # who joins is reminded by the host
        told_on = self.dates.calendar.to_local(invited_at).date() if invited_at else date.min
        reminders: list[datetime] = []
        for span in step.reminders:
            day = shift(self.dates.calendar.to_local(starts_at).date(), span, -1)
            remind_at = self.dates.calendar.next_sending_moment(self.dates.calendar.local(day, DEFAULT_TIME))
            reminders.append(min(remind_at, self._sending_before(starts_at)))
        for number, remind_at in self._one_a_day(reminders):
            if self.dates.calendar.to_local(remind_at).date() <= told_on:
                continue  # the invitation itself has just come
            title = f"Herinnering: {step.title.nl}"
            self._add(step, cycle, f"/reminder-{number}", due_at=remind_at, certainty=certainty, title=title)
        self._plan_nudges(step, cycle, starts_at, told_on, reminders, certainty)

    def _plan_nudges(
        self,
        step: Step,
        cycle: str,
        starts_at: datetime,
        told_on: date,
        reminders: list[datetime],
        certainty: Certainty,
    ) -> None:
        """Ask once more who has not answered; a reminder on the same day asks that already."""
        local = self.dates.calendar.to_local
        taken = {local(at).date() for at in reminders}
        for number, before in enumerate(NUDGES, start=1):
            day = self.dates.calendar.local(local(starts_at).date() - before, DEFAULT_TIME)
            at = min(self.dates.calendar.next_sending_moment(day), self._sending_before(starts_at))
            on = local(at).date()
            if on - told_on >= LEAST_REST and on not in taken:
                taken.add(on)
                title = f"Navraag: {step.title.nl}"
                self._add(step, cycle, f"/nudge-{number}", due_at=at, certainty=certainty, title=title)

    def _one_a_day(self, reminders: list[datetime]) -> list[tuple[int, datetime]]:
        """The reminders with their numbers; of those that a holiday brought to one day, only the first."""
        first: dict[date, tuple[int, datetime]] = {}
        for number, at in enumerate(reminders, start=1):
            first.setdefault(self.dates.calendar.to_local(at).date(), (number, at))
        return list(first.values())

    def _wait_for_theme(self, step: Step, cycle: str) -> None:
        """No gathering with its theme yet: until when one can come, and when it is too late to invite for it in time."""
        last = self.dates.span_of(step, cycle)[1]
        ends_at = self.dates.start_of(last + DAY)
        due_at = self._invite_at(step, cycle, ends_at)
        self._add(step, cycle, due_at=due_at, certainty=Certainty.EXPECTED, ends_at=ends_at)

    def _invite_at(
        self, step: Step, cycle: str, starts_at: datetime, *, earlier: timedelta = NOTHING_EARLIER
    ) -> datetime:
        """The last sending moment that leaves the whole invitation time, but not before the step may begin."""
        day = shift(self.dates.calendar.to_local(starts_at).date(), step.invite, -1) - earlier
        first, _ = self.dates.span_of(step, cycle)
        if day > first:
            in_time = self._sending_before(self.dates.calendar.local(day + DAY, time(0)))
            if self.dates.calendar.to_local(in_time).date() >= first:
                return in_time
        first_moment = self.dates.calendar.next_sending_moment(self.dates.calendar.local(first, DEFAULT_TIME))
        return min(first_moment, self._sending_before(starts_at))

    def _sending_before(self, instant: datetime) -> datetime:
        """The last 9:00 of a working day that lies before an instant."""
        calendar = self.dates.calendar
        day = calendar.to_local(instant).date()
        if calendar.local(day, DEFAULT_TIME) >= instant:
            day -= DAY
        while not calendar.is_sending_day(day):
            day -= DAY
        return calendar.local(day, DEFAULT_TIME)

    def _plan_evaluation(self, step: Step, cycle: str) -> None:
        asked = self.dates.known.asked.get((step.key, cycle))
        due = (asked[0], Certainty.FIXED) if asked else self.dates.due(step, cycle)
        if due is None:
            self._add(step, cycle, due_at=None, certainty=Certainty.EXPECTED)
            return
        asked_at, certainty = due
        asked_on = self.dates.calendar.to_local(asked_at).date()
        last = self.dates.span_of(step, cycle)[1]
        closes_at = asked[1] if asked else closing(self.dates.calendar, step, asked_at, last)
        due_at = closes_at if asked else asked_at
        self._add(step, cycle, due_at=due_at, certainty=certainty, ends_at=closes_at)
        reminders = [self._after(asked_on, span) for span in step.reminders]
        for number, remind_at in self._one_a_day(reminders):
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
        return self.dates.calendar.next_sending_moment(
            self.dates.calendar.local(shift(day, span, 1), DEFAULT_TIME)
        )

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
        kinds = {"/r": StepKind.MAIL, "/n": StepKind.MAIL, "/e": StepKind.TASK}
        key = step.key + suffix
        if suffix and (key, cycle) in self.dates.known.moved:
            due_at, certainty = self.dates.known.moved[key, cycle], Certainty.FIXED
        when = starts_at or due_at
        known = self.dates.known
        told = (
            (step.key, cycle) in known.fixed
            or (step.key, cycle) in known.asked
            or (key, cycle) in known.moved
        )
        self.steps.append(
            PlannedStep(
                stage=step.stage or "",
                key=key,
                cycle=cycle,
                kind=kinds.get(suffix[:2], step.kind),
                title=title or step.title.nl,
                to=(step.escalation.to,) if suffix[:2] == "/e" and step.escalation else step.to,
                due_at=due_at,
                certainty=Certainty.ESTIMATED
                if when and not told and self.dates.is_estimated(when)
                else certainty,
                starts_at=starts_at,
                ends_at=ends_at,
            )
        )
