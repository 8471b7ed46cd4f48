"""What must hold between the parts of a programme: names that exist, moments that can come, guards that can be met."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from models.enums import StepKind, TrajectoryKind
from traject.programme import (
    Anchor,
    Condition,
    Cycle,
    DayOfYear,
    Moment,
    Predicate,
    Role,
    Span,
    Stage,
    Step,
    Unit,
)
from traject.programme_fields import SCHOOL_TYPES
from traject.records import Record, closest
from traject.sentences import say

LONGEST_TRAJECTORY_DAYS = 3660
Fault = tuple[int, str]
ROUGH_DAYS = {Unit.DAYS: 1, Unit.WEEKS: 7, Unit.MONTHS: 30.4}


@dataclass(slots=True)
class Draft:
    """What was read of a programme so far: the sound parts, and every key that is declared, sound or not."""

    record: Record
    roles: list[Role] = field(default_factory=list[Role])
    stages: list[Stage] = field(default_factory=list[Stage])
    steps: list[Step] = field(default_factory=list[Step])
    declared: dict[str, list[tuple[str, Record]]] = field(
        default_factory=lambda: {"role": [], "stage": [], "step": []}
    )

    def declare(self, what: str, key: str, record: Record) -> None:
        """Keep that this role, stage or step stands in the file."""
        self.declared[what].append((key, record))

    def keys(self, what: str) -> list[str]:
        """The keys of all roles, stages or steps that stand in the file."""
        return [key for key, _ in self.declared[what] if key]

    def line_of(self, what: str, key: str, of: str) -> int:
        """The line of one field of a role, stage, step or of the programme itself."""
        for each, record in self.declared.get(what, ()):
            if each == key:
                return record.line_of(of)
        return self.record.line_of(of)

    @property
    def key(self) -> str:
        """The programme's key; empty when it is not known."""
        return self.record.values.get("programme", "")


def broken_rules(draft: Draft) -> Iterator[Fault]:
    """Every rule that the programme breaks: the line, and what is wrong with the remedy."""
    for rule in RULES:
        yield from rule(draft)


def days(span: Span) -> float:
    """About how many days a span is; months are a twelfth of a year."""
    return span.amount * ROUGH_DAYS[span.unit]


def cycle_days(cycle: Cycle) -> int:
    """About how many days a cycle's period has."""

    def position(day: DayOfYear) -> int:
        return (day.month - 8) % 12 * 31 + day.day

    return position(cycle.last) - position(cycle.first) + 1


def _keys_once(draft: Draft) -> Iterator[Fault]:
    for what, declared in draft.declared.items():
        first: dict[str, int] = {}
        for key, record in declared:
            if key and key in first:
                yield (
                    record.line,
                    f"the {what} {key!r} stands twice (first on line {first[key]}); give one another key",
                )
            first.setdefault(key, record.line)


def _roles_addressed(draft: Draft) -> Iterator[Fault]:
    declared, staff = draft.keys("role"), {role.key for role in draft.roles if role.staff}
    known = {role.key for role in draft.roles}
    for step in draft.steps:
        line = draft.line_of("step", step.key, "to")
        for role in step.to:
            if role not in declared:
                yield (
                    line,
                    f"step {step.key!r} addresses the role {role!r}, which is not declared; {closest(role, declared)}",
                )
            elif step.kind is StepKind.TASK and role in known - staff:
                yield (
                    line,
                    f"task {step.key!r} is for the role {role!r}, who is not staff; address a staff role, or send a mail",
                )
        if step.escalation is not None:
            role, line = step.escalation.to, draft.line_of("step", step.key, "no_answer")
            if role not in declared:
                yield (
                    line,
                    f"step {step.key!r} gives a task to the role {role!r}, which is not declared; {closest(role, declared)}",
                )
            elif role in known - staff:
                yield (
                    line,
                    f"step {step.key!r} gives a task to the role {role!r}, who is not staff; choose a staff role",
                )
    if draft.roles and not any(role.required for role in draft.roles) and len(draft.roles) == len(declared):
        yield draft.record.line_of("roles"), "no role is required; a trajectory needs at least one person"


def _conditions(draft: Draft) -> Iterator[Fault]:
    for step in draft.steps:
        line = draft.line_of("step", step.key, "if")
        for condition in step.conditions:
            yield from _condition(draft, condition, line, f"step {step.key!r}")
            if condition.predicate is Predicate.STEP_DONE and condition.subject == step.key:
                yield line, f"step {step.key!r} waits for itself; name another step in 'if'"
    for position, stage in enumerate(draft.stages):
        line = draft.line_of("stage", stage.key, "closes_when")
        for condition in stage.guard:
            yield from _condition(draft, condition, line, f"stage {stage.key!r}")
            yield from _guard(draft, position, condition, line)


def _condition(draft: Draft, condition: Condition, line: int, where: str) -> Iterator[Fault]:
    subject = condition.subject
    match condition.predicate:
        case Predicate.HAS_ROLE | Predicate.LACKS_ROLE:
            roles = {role.key: role for role in draft.roles}
            if subject not in draft.keys("role"):
                yield (
                    line,
                    f"{where} looks at the role {subject!r}, which is not declared; {closest(subject, draft.keys('role'))}",
                )
            elif subject in roles and roles[subject].required:
                always = "always" if condition.predicate is Predicate.HAS_ROLE else "never"
                yield (
                    line,
                    f"{where} looks at the role {subject!r}, which is required: this is {always} true; remove it",
                )
        case Predicate.STEP_DONE | Predicate.STEP_OPEN:
            if subject not in draft.keys("step"):
                yield (
                    line,
                    f"{where} looks at the step {subject!r}, which is not declared; {closest(subject, draft.keys('step'))}",
                )
        case Predicate.SCHOOL_TYPE:
            if draft.record.values.get("kind") == TrajectoryKind.GROUP:
                yield line, f"{where} looks at the type of school, and a group has none; remove the condition"
            elif subject not in SCHOOL_TYPES:
                yield line, f"{where} looks at the school type {subject!r}; {closest(subject, SCHOOL_TYPES)}"
            elif (types := draft.record.values.get("school_types")) and subject not in types:
                yield (
                    line,
                    f"{where} looks at the school type {subject!r}, which this programme is not for; remove it",
                )


def _guard(draft: Draft, position: int, condition: Condition, line: int) -> Iterator[Fault]:
    if condition.predicate not in {Predicate.STEP_DONE, Predicate.STEP_OPEN}:
        return
    stage = draft.stages[position]
    step = next((each for each in draft.steps if each.key == condition.subject), None)
    if step is None:
        return
    if step.stage is None:
        yield (
            line,
            f"stage {stage.key!r} waits for step {step.key!r}, which returns every year; name a step of a stage",
        )
    elif step.stage in {later.key for later in draft.stages[position + 1 :]}:
        yield (
            line,
            f"stage {stage.key!r} waits for step {step.key!r} of the later stage {step.stage!r}: it would never close; "
            "name a step of this or an earlier stage",
        )
    elif (
        step.stage == stage.key
        and step.when
        and step.when.anchor is Anchor.STAGE_ENDS
        and step.when.sign == 1
    ):
        yield (
            line,
            f"stage {stage.key!r} waits for step {step.key!r}, which is due after the stage ends: it would never close; "
            "make the step due before the end",
        )


def _stages(draft: Draft) -> Iterator[Fault]:
    order = [stage.key for stage in draft.stages]
    for position, stage in enumerate(draft.stages):
        line = draft.line_of("stage", stage.key, "starts")
        start = stage.starts
        if start.anchor is Anchor.STEP:
            steps = {step.key: step for step in draft.steps}
            if start.step not in draft.keys("step"):
                yield (
                    line,
                    f"stage {stage.key!r} starts at the step {start.step!r}, which is not declared; "
                    f"{closest(str(start.step), draft.keys('step'))}",
                )
            elif start.step in steps and steps[start.step].stage not in order[:position]:
                yield (
                    line,
                    f"stage {stage.key!r} starts at step {start.step!r}, which is not in an earlier stage: it would never "
                    "start; write `na de vorige fase`",
                )
        elif start.anchor is Anchor.STAGE_ENDS and position == 0 and order[0] == draft.keys("stage")[0]:
            yield (
                line,
                f"stage {stage.key!r} is the first, there is no previous stage; write `bij de lancering`",
            )
        elif start.anchor is Anchor.LAUNCH and start.sign < 0:
            yield line, f"stage {stage.key!r} starts before the launch; write `bij de lancering`"
        if stage.lasts.amount == 0:
            yield (
                draft.line_of("stage", stage.key, "lasts"),
                f"stage {stage.key!r} lasts nothing; give it a length",
            )
    if sum(days(stage.lasts) for stage in draft.stages) > LONGEST_TRAJECTORY_DAYS:
        yield draft.record.line_of("stages"), "the stages together last more than ten years; shorten them"


def _moments(draft: Draft) -> Iterator[Fault]:
    for step in draft.steps:
        line = draft.line_of("step", step.key, "when")
        for moment in (step.when, step.window.since if step.window else None):
            if moment is not None:
                yield from _moment(draft, step, moment, line)
    yield from _circles(draft)


def _moment(draft: Draft, step: Step, moment: Moment, line: int) -> Iterator[Fault]:
    where = f"step {step.key!r}"
    stage = next((each for each in draft.stages if each.key == step.stage), None)
    match moment.anchor:
        case Anchor.STEP:
            yield from _step_anchor(draft, step, moment, line)
        case Anchor.CYCLE_OPENS if step.cycle is None:
            yield (
                line,
                f"{where} counts from a period, and it has none; count from the stage, or move it to 'yearly'",
            )
        case Anchor.STAGE_OPENS | Anchor.STAGE_ENDS if step.stage is None:
            yield (
                line,
                f"{where} returns every year and belongs to no stage; write `bij het begin van de periode`",
            )
        case Anchor.LAUNCH | Anchor.TRAJECTORY_ENDS if step.stage is None:
            yield line, f"{where} returns every year; write `bij het begin van de periode`"
        case Anchor.LAUNCH if moment.sign < 0:
            yield line, f"{where} is due before the launch; write `bij de lancering` or later"
        case Anchor.STAGE_OPENS if moment.sign < 0:
            yield line, f"{where} is due before its stage opens; move it to an earlier stage"
        case Anchor.STAGE_OPENS | Anchor.STAGE_ENDS if (
            stage
            and days(moment.span) > days(stage.lasts)
            and not (moment.anchor is Anchor.STAGE_ENDS and moment.sign == 1)
        ):
            yield (
                line,
                f"{where} is due {say(moment, 'en')}, and stage {stage.key!r} lasts only {say(stage.lasts, 'en')}; "
                "choose a moment within the stage",
            )
        case Anchor.CYCLE_OPENS if step.cycle and moment.sign < 0:
            yield line, f"{where} is due before its period opens; let the period begin earlier"
        case Anchor.CYCLE_OPENS if step.cycle and days(moment.span) > cycle_days(step.cycle):
            yield (
                line,
                f"{where} is due {say(moment, 'en')}, after the period has closed; choose a moment within it",
            )
        case _:
            return


def _step_anchor(draft: Draft, step: Step, moment: Moment, line: int) -> Iterator[Fault]:
    where = f"step {step.key!r}"
    if moment.step == step.key:
        yield line, f"{where} counts from itself; count from another step or from the stage"
        return
    anchor = next((each for each in draft.steps if each.key == moment.step), None)
    if anchor is None:
        if moment.step not in draft.keys("step"):
            near = closest(str(moment.step), draft.keys("step"))
            yield line, f"{where} counts from the step {moment.step!r}, which is not declared; {near}"
        return
    order = [stage.key for stage in draft.stages]
    if (anchor.stage is None) != (step.stage is None):
        yearly = anchor.key if anchor.stage is None else step.key
        yield (
            line,
            f"{where} counts from step {anchor.key!r}, and only {yearly!r} returns every year; "
            "put both in one stage, or both in 'yearly'",
        )
    elif (
        step.stage in order and anchor.stage in order and order.index(anchor.stage) > order.index(step.stage)
    ):
        yield (
            line,
            f"{where} counts from step {anchor.key!r} of the later stage {anchor.stage!r}; "
            f"move it to stage {anchor.stage!r}",
        )
    if (
        step.template == "reminder"
        and anchor.kind is StepKind.GATHERING
        and moment.sign >= 0
        and not step.conditions
    ):
        yield (
            line,
            f"{where} reminds of {anchor.key!r} when it is over; write a moment before it, or say in 'if' what is still open",
        )


def _circles(draft: Draft) -> Iterator[Fault]:
    following = {
        step.key: moment.step
        for step in draft.steps
        for moment in (step.when, step.window.since if step.window else None)
        if moment is not None and moment.step and moment.step != step.key
    }
    told: set[str] = set()
    for key in following:
        path = [key]
        while (after := following.get(path[-1])) and after not in path:
            path.append(after)
        if after == key and key not in told:
            told.update(path)
            line = draft.line_of("step", key, "when")
            circle = " → ".join([*path, key])
            yield line, f"the steps {circle} count from each other in a circle; let one count from the stage"


def _gatherings(draft: Draft) -> Iterator[Fault]:
    for step in draft.steps:
        window = step.window
        if window is None:
            continue
        where = f"gathering {step.key!r}"
        line = draft.line_of("step", step.key, "when")
        start = timedelta(hours=window.latest.hour, minutes=window.latest.minute)
        if start + window.duration > timedelta(hours=24):
            yield line, f"{where} would last past midnight: it starts at {window.latest:%H:%M}; start earlier"
        stage = next((each for each in draft.stages if each.key == step.stage), None)
        for reminder in step.reminders:
            if days(reminder) >= days(step.invite):
                yield (
                    draft.line_of("step", step.key, "reminders"),
                    f"{where} reminds {say(reminder, 'en')} before it and invites only {say(step.invite, 'en')} before it; "
                    "invite earlier or remind later",
                )
        if stage and days(step.invite) > days(stage.lasts):
            yield (
                draft.line_of("step", step.key, "invite"),
                f"{where} invites {say(step.invite, 'en')} before it, and stage {stage.key!r} lasts only "
                f"{say(stage.lasts, 'en')}; invite later",
            )


def _evaluations(draft: Draft) -> Iterator[Fault]:
    for step in draft.steps:
        if step.kind is not StepKind.EVALUATION:
            continue
        where = f"evaluation {step.key!r}"
        length = cycle_days(step.cycle) if step.cycle else None
        if step.closes is not None:
            closes = days(step.closes)
            if length is not None and closes > length:
                yield (
                    draft.line_of("step", step.key, "open_for"),
                    f"{where} is open for {say(step.closes, 'en')}, longer than its period; shorten it",
                )
            length = closes
        if length is None:
            continue
        for reminder in step.reminders:
            if days(reminder) >= length:
                yield (
                    draft.line_of("step", step.key, "reminders"),
                    f"{where} reminds after {say(reminder, 'en')}, when it is closed; remind earlier",
                )
        if step.escalation and days(step.escalation.after) >= length:
            yield (
                draft.line_of("step", step.key, "no_answer"),
                f"{where} gives a task after {say(step.escalation.after, 'en')}, when it is closed; do so earlier",
            )


def _spans(draft: Draft) -> Iterator[Fault]:
    for step in draft.steps:
        given = {"invite": (step.invite,), "reminders": step.reminders, "open_for": (step.closes,)}
        given["no_answer"] = (step.escalation.after,) if step.escalation else ()
        given["catch_up"] = (step.skip_after,)
        for key, spans in given.items():
            if any(span is not None and span.amount == 0 for span in spans):
                line = draft.line_of("step", step.key, key)
                yield line, f"step {step.key!r}: {key!r} says a length of nothing; write at least 1 day"


def _group(draft: Draft) -> Iterator[Fault]:
    if draft.record.values.get("kind") == TrajectoryKind.GROUP and "school_types" in draft.record.lines:
        line = draft.record.line_of("school_types")
        yield line, "the programme is for a group, which has no school type; remove 'school_types'"


RULES: tuple[Callable[[Draft], Iterable[Fault]], ...] = (
    _keys_once,
    _roles_addressed,
    _conditions,
    _stages,
    _moments,
    _gatherings,
    _evaluations,
    _spans,
    _group,
)
