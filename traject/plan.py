"""What a plan is made of, and how two plans differ: facts, planned stages and steps, problems, changes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from models.enums import Certainty, StepKind
from traject.meeting_hours import MeetingHours
from traject.programme import Text

LONGEST_KEPT = timedelta(weeks=8)
"""A date that was planned before is kept while it comes at most so much later than it could."""


@dataclass(frozen=True, slots=True)
class StageOpened:
    """A stage was opened."""

    stage: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StageClosed:
    """A stage was closed, by itself or by staff."""

    stage: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StageMoved:
    """Staff decided when a stage opens or ends. None: as the programme says."""

    stage: str
    opens_on: date | None = None
    ends_on: date | None = None


@dataclass(frozen=True, slots=True)
class StepHappened:
    """A mail was sent or a task done, at this instant."""

    key: str
    cycle: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StepMoved:
    """Staff decided the moment of a step: when a mail goes out, when a gathering starts."""

    key: str
    cycle: str
    to: datetime


@dataclass(frozen=True, slots=True)
class StepDropped:
    """A step will not be: skipped, missed, withdrawn or cancelled. What is counted from it keeps counting from `at`."""

    key: str
    cycle: str
    at: datetime


@dataclass(frozen=True, slots=True)
class EvaluationAsked:
    """An evaluation was asked, and people were told until when they can answer."""

    key: str
    cycle: str
    at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class GatheringFixed:
    """A gathering has its date, and people know it since `invited_at`."""

    key: str
    cycle: str
    starts_at: datetime
    ends_at: datetime
    invited_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class GatheringProposed:
    """A gathering was planned on this date before; the plan keeps it while it still fits."""

    key: str
    cycle: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Busy:
    """People of this trajectory are elsewhere.

    `roles` are those that they hold here: gatherings of others may be then; empty: everybody is. `who` are their
    names; `what` is the gathering they are at; empty: something in their own calendar, of which no more is known.
    """

    starts_at: datetime
    ends_at: datetime
    roles: tuple[str, ...] = ()
    who: str = ""
    what: str = ""


@dataclass(frozen=True, slots=True)
class SchoolClosed:
    """One of the schools that people in these roles come from is free, from the first through the last day."""

    starts_on: date
    ends_on: date
    label: str
    roles: tuple[str, ...] = ()
    who: str = ""


@dataclass(frozen=True, slots=True)
class SchoolHours:
    """One of the schools that people in these roles come from meets only on these weekdays and at these hours."""

    hours: tuple[MeetingHours, ...]
    roles: tuple[str, ...] = ()
    who: str = ""


@dataclass(frozen=True, slots=True)
class PlaceTaken:
    """Where a gathering is to be there is no room for it then, beside `what` is there."""

    key: str  # of the step
    starts_at: datetime
    ends_at: datetime
    place: str
    what: str


@dataclass(frozen=True, slots=True)
class Offered:
    """Elsewhere a gathering with this theme is planned or fixed, for people of many trajectories."""

    theme: str
    starts_at: datetime
    ends_at: datetime
    title: str = ""


Fact = (
    StageOpened
    | StageClosed
    | StageMoved
    | StepHappened
    | StepMoved
    | StepDropped
    | EvaluationAsked
    | GatheringFixed
    | GatheringProposed
    | Busy
    | SchoolClosed
    | SchoolHours
    | PlaceTaken
    | Offered
)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a plan depends on besides the programme and the calendar.

    `as_of` is the instant of planning: what is still to be chosen is not chosen before it. The order of `happened`
    does not matter. A date that was proposed and still fits stays when it comes at most `longest_kept` later than it could.
    """

    starts_on: date
    as_of: datetime
    happened: tuple[Fact, ...] = ()
    school_type: str = ""
    longest_kept: timedelta = LONGEST_KEPT


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """When a stage opens and ends; both days are inclusive."""

    key: str
    title: str
    opens_on: date
    ends_on: date
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """When something happens.

    `due_at` is when the engine acts: sends, asks, assigns; of a gathering, when it is fixed and people are invited.
    `starts_at` and `ends_at` are a gathering's own; an evaluation's `ends_at` is when it closes.
    """

    stage: str
    key: str
    cycle: str
    kind: StepKind
    title: str
    to: tuple[str, ...]
    due_at: datetime | None
    certainty: Certainty
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    @property
    def id(self) -> tuple[str, str]:
        """What names the step within its trajectory."""
        return self.key, self.cycle

    @property
    def when(self) -> datetime | None:
        """The moment that people think of: a gathering's start, else when the engine acts."""
        return self.starts_at or self.due_at


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """Something that cannot be planned, and what stands in the way."""

    key: str
    cycle: str
    reason: Text


@dataclass(frozen=True, slots=True)
class Plan:
    """Every stage and step of a trajectory, in order of time; what has no date comes last."""

    stages: tuple[PlannedStage, ...]
    steps: tuple[PlannedStep, ...]
    problems: tuple[PlanProblem, ...]

    @property
    def ends_on(self) -> date:
        """The last day of the last stage."""
        return max(stage.ends_on for stage in self.stages)

    def step(self, key: str, cycle: str = "") -> PlannedStep:
        """The step with this key; KeyError when there is none."""
        for step in self.steps:
            if step.key == key and step.cycle == cycle:
                return step
        raise KeyError(key)


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a before/after list. `before` None: new; `after` None: gone."""

    before: PlannedStage | PlannedStep | None
    after: PlannedStage | PlannedStep | None


@dataclass(frozen=True, slots=True)
class Changes:
    """How one plan differs from another."""

    stages: tuple[Change, ...]
    steps: tuple[Change, ...]

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.stages or self.steps)


def diff(old: Plan, new: Plan) -> Changes:
    """What is new, gone or different in `new`, in the order of `new`, then what is gone in the order of `old`."""
    return Changes(
        stages=tuple(_differences({s.key: s for s in old.stages}, {s.key: s for s in new.stages})),
        steps=tuple(_differences({s.id: s for s in old.steps}, {s.id: s for s in new.steps})),
    )


def _differences(old: dict, new: dict) -> Iterable[Change]:
    for name, after in new.items():
        before = old.get(name)
        if before != after:
            yield Change(before, after)
    for name, before in old.items():
        if name not in new:
            yield Change(before, None)
