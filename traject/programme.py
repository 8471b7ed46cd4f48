"""What a programme is: roles, stages, steps and the yearly cycle, as validated values.

`traject.programme_file` makes these from YAML; `traject.planner` turns them into dates. Nothing here reads a file,
a clock or a database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from enum import StrEnum
from typing import Literal, TypeVar

from models.enums import CatchUp, StepKind, TrajectoryKind
from traject.mail_words import Dutch


class Anchor(StrEnum):
    """The instant that a moment is counted from."""

    LAUNCH = "launch"
    STAGE_OPENS = "stage-opens"
    STAGE_ENDS = "stage-ends"
    TRAJECTORY_ENDS = "trajectory-ends"
    STEP = "step"  # a gathering's start (before) or end (after); any other step's own due moment
    CYCLE_OPENS = "cycle-opens"  # the first day of the step's window in a school year


class Unit(StrEnum):
    """The unit of an offset."""

    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"


@dataclass(frozen=True, slots=True)
class Span:
    """A length in calendar units: `3 months`, `14 days`. Never negative."""

    amount: int
    unit: Unit


NOTHING = Span(0, Unit.DAYS)


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment: `14 days before the stage ends, at 10:00`.

    `sign` is -1 (before), 0 (at) or 1 (after); `step` names the step when the anchor is STEP; `at` is local wall
    time (None: the start of sending hours).
    """

    anchor: Anchor
    sign: Literal[-1, 0, 1] = 0
    span: Span = NOTHING
    step: str | None = None
    at: time | None = None


@dataclass(frozen=True, slots=True)
class DayOfYear:
    """A month and a day, without a year; 29 February means 28 in other years."""

    month: int
    day: int


@dataclass(frozen=True, slots=True)
class Cycle:
    """`every school year between 1 May and 30 June`, `every other school year between …`.

    `every` is 1 or more school years, counted from the school year of the launch; `first` and `last` are inclusive
    days within the school year (1 August - 31 July).
    """

    every: int
    first: DayOfYear
    last: DayOfYear


@dataclass(frozen=True, slots=True)
class Window:
    """When a gathering may be: `within the stage, Tuesday or Thursday, from 13:30, 3 hours, not in a holiday`.

    `weekdays` are 0 (Monday) to 6; empty means every working day. `earliest` and `latest` bound the start in local
    wall time. `since` narrows the start of the window: `from 3 weeks after the stage opens`.
    """

    duration: timedelta
    earliest: time
    latest: time
    weekdays: tuple[int, ...] = ()
    since: Moment | None = None
    in_holidays: bool = False


class Predicate(StrEnum):
    """What a condition looks at."""

    HAS_ROLE = "has-role"
    LACKS_ROLE = "lacks-role"
    STEP_DONE = "step-done"  # a task done, a gathering held, an evaluation answered, a mail sent
    STEP_OPEN = "step-open"  # the same, not yet
    SCHOOL_TYPE = "school-type"


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must be true: `there is a partner`, `step intake is held`."""

    predicate: Predicate
    subject: str  # a role, a step or a school type


@dataclass(frozen=True, slots=True)
class Text:
    """A text for people. `en` falls back to `nl` when nobody translated it."""

    nl: str
    en: str = ""

    def in_language(self, language: str) -> str:
        """Give the text in `nl` or `en`."""
        return self.en if language == "en" and self.en else self.nl

    def for_mail(self, language: str) -> str:
        """The same, and where Dutch stands in for English it says so."""
        return self.en if language == "en" and self.en else Dutch(self.nl)


@dataclass(frozen=True, slots=True)
class Role:
    """Who a step can address. `staff` roles are held by people of Hart."""

    key: str
    title: Text
    required: bool = False
    many: bool = False
    staff: bool = False


@dataclass(frozen=True, slots=True)
class Escalation:
    """`no answer after 21 days: a task for the adviser`."""

    after: Span
    to: str  # a staff role
    title: Text


@dataclass(frozen=True, slots=True)
class Step:
    """One thing owed.

    Exactly one of `when` (mail, task), `window` (gathering) and `cycle` + `when`/`window` (yearly) applies:

    - mail, task: due at `when`;
    - gathering: its date is chosen in `window`, people are invited `invite` before it;
    - evaluation: asked at the start of `cycle`, or at `when` in a stage; closes at the end of `cycle` or `closes`
      after asking.
    `reminders` are spans before a gathering, or after an evaluation was asked. `to` are role keys, in order.
    """

    key: str
    kind: StepKind
    title: Text
    to: tuple[str, ...]
    stage: str | None  # None: belongs to the yearly cycle
    line: int  # in the programme's file
    when: Moment | None = None
    window: Window | None = None
    cycle: Cycle | None = None
    conditions: tuple[Condition, ...] = ()
    catch_up: CatchUp = CatchUp.FIRE_LATE
    skip_after: Span | None = None  # with CatchUp.SKIP_AFTER
    template: str = ""  # mail: the folder under templates/emails/<language>/
    text: Text | None = None
    place: Text | None = None
    theme: str = ""  # gathering: other trajectories ask for it by this key
    is_shared: bool = False  # gathering: it has no date of its own; its people join the one with its theme
    series: str = ""  # gathering: those with one key belong together
    capacity: int | None = None  # gathering: places for those who need not come
    required: tuple[str, ...] = ()  # gathering: roles that have a place whatever the capacity
    staff_choose: bool = False  # gathering: the date that was found is a proposal until staff choose
    has_certificate: bool = False  # gathering: who was there gets a certificate of attendance
    thanks: Text | None = None  # gathering: what is said afterwards to who was there
    materials: str = ""  # gathering: a link that goes with the thanks
    invite: Span = Span(28, Unit.DAYS)
    reminders: tuple[Span, ...] = ()
    escalation: Escalation | None = None
    questionnaire: str = ""  # evaluation: the file under programmes/questionnaires/
    closes: Span | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """A period of a trajectory. It starts at `starts` and is meant to last `lasts`.

    `guard` must be true before it closes; without a guard it closes by itself at its end.
    """

    key: str
    title: Text
    starts: Moment
    lasts: Span
    line: int
    guard: tuple[Condition, ...] = ()
    goal: Text | None = None


@dataclass(frozen=True, slots=True)
class Programme:
    """A kind of trajectory: a YAML file, versioned. `sha256` is of `source`, the file's text."""

    key: str
    version: int
    kind: TrajectoryKind
    title: Text
    roles: tuple[Role, ...]
    stages: tuple[Stage, ...]
    steps: tuple[Step, ...]
    school_types: tuple[
        str, ...
    ]  # empty: every type; else the start of DUO's type, lower case: bo, sbo, so, vmbo, pro
    source: str
    sha256: str
    path: str  # as given, for messages
    summary: Text = Text("")
    step_of: Mapping[str, Step] = field(init=False, repr=False, compare=False)  # by key

    def __post_init__(self) -> None:
        object.__setattr__(self, "step_of", {step.key: step for step in self.steps})

    @property
    def anchors(self) -> frozenset[str]:
        """The steps after or before which something is planned."""
        times = (*(step.when for step in self.steps), *(stage.starts for stage in self.stages))
        return frozenset(when.step for when in times if when and when.step)

    def role(self, key: str) -> Role:
        """The role with this key; KeyError when it is not declared."""
        return next_with_key(self.roles, key)

    def stage(self, key: str) -> Stage:
        """The stage with this key; KeyError when it is not declared."""
        return next_with_key(self.stages, key)

    def step(self, key: str) -> Step:
        """The step with this key; KeyError when it is not declared."""
        return self.step_of[key]


T = TypeVar("T", Role, Stage, Step)


def next_with_key(things: tuple[T, ...], key: str) -> T:
    """The first of `things` with this key; KeyError when there is none."""
    for thing in things:
        if thing.key == key:
            return thing
    raise KeyError(key)
