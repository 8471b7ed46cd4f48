"""What must hold between the parts of a programme: names that exist, stages that can start, guards that can be met."""

from collections.abc import Callable, Iterable, Iterator

from models.enums import StepKind, TrajectoryKind
from traject.programme import Anchor, Condition, Predicate
from traject.programme_draft import Draft, Fault
from traject.programme_fields import SCHOOL_TYPES
from traject.records import closest
from traject.step_rules import days, evaluations, gatherings, moments, spans

LONGEST_TRAJECTORY_DAYS = 3660


def broken_rules(draft: Draft) -> Iterator[Fault]:
    """Every rule that the programme breaks: the line, and what is wrong with the remedy."""
    for rule in RULES:
        yield from rule(draft)


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
    if not declared:
        return  # said already
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
            if draft.keys("role") and subject not in draft.keys("role"):
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
    elif step.stage != stage.key and step.stage in {later.key for later in draft.stages[position + 1 :]}:
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


def _group(draft: Draft) -> Iterator[Fault]:
    if draft.record.values.get("kind") == TrajectoryKind.GROUP and "school_types" in draft.record.lines:
        line = draft.record.line_of("school_types")
        yield line, "the programme is for a group, which has no school type; remove 'school_types'"


RULES: tuple[Callable[[Draft], Iterable[Fault]], ...] = (
    _keys_once,
    _roles_addressed,
    _conditions,
    _stages,
    moments,
    gatherings,
    evaluations,
    spans,
    _group,
)
