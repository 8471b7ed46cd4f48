"""What must hold between the parts of a programme: names that exist, stages that can start, guards that can be met."""

from collections.abc import Callable, Iterable, Iterator

from models.enums import StepKind, TrajectoryKind
from traject.programme import Anchor, Condition, Predicate, Text
from traject.programme_draft import Draft, Fault
from traject.programme_fields import SCHOOL_TYPES
from traject.records import closest
from traject.step_rules import days, evaluations, gatherings, moments, spans

LONGEST_TRAJECTORY_DAYS = 3660


def broken_rules(draft: Draft) -> Iterator[Fault]:
    """Every rule that the programme breaks: the line, and what is wrong with the remedy."""
    for rule in RULES:
        yield from rule(draft)


_WORD = {"role": "rol", "stage": "fase", "step": "stap"}


def _unknown(where: Text, dutch: str, english: str, key: str, declared: Iterable[str]) -> Text:
    """Something names a role or step that is nowhere."""
    near = closest(key, declared)
    return Text(
        f"{where.nl} {dutch} {key!r}, die nergens staat; {near.nl}",
        f"{where.en} {english} {key!r}, which is not declared; {near.en}",
    )


def _keys_once(draft: Draft) -> Iterator[Fault]:
    for what, declared in draft.declared.items():
        first: dict[str, int] = {}
        for key, record in declared:
            if key and key in first:
                yield (
                    record.line,
                    Text(
                        f"de {_WORD[what]} {key!r} staat er twee keer (eerst op regel {first[key]}); "
                        "geef een van beide een andere sleutel",
                        f"the {what} {key!r} stands twice (first on line {first[key]}); give one another key",
                    ),
                )
            first.setdefault(key, record.line)


def _roles_addressed(draft: Draft) -> Iterator[Fault]:
    declared, staff = draft.keys("role"), {role.key for role in draft.roles if role.staff}
    known = {role.key for role in draft.roles}
    if not declared:
        return  # said already
    for step in draft.steps:
        line = draft.line_of("step", step.key, "to")
        where = Text(f"stap {step.key!r}", f"step {step.key!r}")
        for role in step.to:
            if role not in declared:
                yield line, _unknown(where, "is voor de rol", "addresses the role", role, declared)
            elif step.kind is StepKind.TASK and role in known - staff:
                yield (
                    line,
                    Text(
                        f"taak {step.key!r} is voor de rol {role!r}, die niet van Hart is; kies een rol van Hart, of stuur een mail",
                        f"task {step.key!r} is for the role {role!r}, who is not staff; address a staff role, or send a mail",
                    ),
                )
        if step.escalation is not None:
            role, line = step.escalation.to, draft.line_of("step", step.key, "no_answer")
            if role not in declared:
                yield (
                    line,
                    _unknown(where, "geeft een taak aan de rol", "gives a task to the role", role, declared),
                )
            elif role in known - staff:
                yield (
                    line,
                    Text(
                        f"stap {step.key!r} geeft een taak aan de rol {role!r}, die niet van Hart is; kies een rol van Hart",
                        f"step {step.key!r} gives a task to the role {role!r}, who is not staff; choose a staff role",
                    ),
                )
    if draft.roles and not any(role.required for role in draft.roles) and len(draft.roles) == len(declared):
        yield (
            draft.record.line_of("roles"),
            Text(
                "geen rol is verplicht; een traject heeft minstens één persoon nodig",
                "no role is required; a trajectory needs at least one person",
            ),
        )


def _conditions(draft: Draft) -> Iterator[Fault]:
    for step in draft.steps:
        line = draft.line_of("step", step.key, "if")
        for condition in step.conditions:
            yield from _condition(draft, condition, line, Text(f"stap {step.key!r}", f"step {step.key!r}"))
            if condition.predicate is Predicate.STEP_DONE and condition.subject == step.key:
                yield (
                    line,
                    Text(
                        f"stap {step.key!r} wacht op zichzelf; noem een andere stap in 'if'",
                        f"step {step.key!r} waits for itself; name another step in 'if'",
                    ),
                )
    for position, stage in enumerate(draft.stages):
        line = draft.line_of("stage", stage.key, "closes_when")
        for condition in stage.guard:
            where = Text(f"fase {stage.key!r}", f"stage {stage.key!r}")
            yield from _condition(draft, condition, line, where)
            yield from _guard(draft, position, condition, line)


def _condition(draft: Draft, condition: Condition, line: int, where: Text) -> Iterator[Fault]:
    subject = condition.subject
    match condition.predicate:
        case Predicate.HAS_ROLE | Predicate.LACKS_ROLE:
            roles = {role.key: role for role in draft.roles}
            if draft.keys("role") and subject not in draft.keys("role"):
                known = draft.keys("role")
                yield line, _unknown(where, "kijkt naar de rol", "looks at the role", subject or "", known)
            elif subject in roles and roles[subject].required:
                has = condition.predicate is Predicate.HAS_ROLE
                yield (
                    line,
                    Text(
                        f"{where.nl} kijkt naar de rol {subject!r}, die verplicht is: dit is {'altijd' if has else 'nooit'} "
                        "waar; haal het weg",
                        f"{where.en} looks at the role {subject!r}, which is required: this is {'always' if has else 'never'} "
                        "true; remove it",
                    ),
                )
        case Predicate.STEP_DONE | Predicate.STEP_OPEN:
            if subject not in draft.keys("step"):
                known = draft.keys("step")
                yield line, _unknown(where, "kijkt naar de stap", "looks at the step", subject or "", known)
        case Predicate.SCHOOL_TYPE:
            if draft.record.values.get("kind") == TrajectoryKind.GROUP:
                yield (
                    line,
                    Text(
                        f"{where.nl} kijkt naar het type school, en een groep heeft er geen; haal de voorwaarde weg",
                        f"{where.en} looks at the type of school, and a group has none; remove the condition",
                    ),
                )
            elif subject not in SCHOOL_TYPES:
                near = closest(subject or "", SCHOOL_TYPES)
                yield (
                    line,
                    Text(
                        f"{where.nl} kijkt naar het schooltype {subject!r}; {near.nl}",
                        f"{where.en} looks at the school type {subject!r}; {near.en}",
                    ),
                )
            elif (types := draft.record.values.get("school_types")) and subject not in types:
                yield (
                    line,
                    Text(
                        f"{where.nl} kijkt naar het schooltype {subject!r}, waar dit programma niet voor is; haal het weg",
                        f"{where.en} looks at the school type {subject!r}, which this programme is not for; remove it",
                    ),
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
            Text(
                f"fase {stage.key!r} wacht op stap {step.key!r}, die elk jaar terugkomt; noem een stap van een fase",
                f"stage {stage.key!r} waits for step {step.key!r}, which returns every year; name a step of a stage",
            ),
        )
    elif step.stage != stage.key and step.stage in {later.key for later in draft.stages[position + 1 :]}:
        yield (
            line,
            Text(
                f"fase {stage.key!r} wacht op stap {step.key!r} van de latere fase {step.stage!r}: zij zou nooit sluiten; "
                "noem een stap van deze of een eerdere fase",
                f"stage {stage.key!r} waits for step {step.key!r} of the later stage {step.stage!r}: it would never close; "
                "name a step of this or an earlier stage",
            ),
        )
    elif (
        step.stage == stage.key
        and step.when
        and step.when.anchor is Anchor.STAGE_ENDS
        and step.when.sign == 1
    ):
        yield (
            line,
            Text(
                f"fase {stage.key!r} wacht op stap {step.key!r}, die pas na het einde van de fase komt: zij zou nooit "
                "sluiten; laat de stap voor het einde komen",
                f"stage {stage.key!r} waits for step {step.key!r}, which is due after the stage ends: it would never close; "
                "make the step due before the end",
            ),
        )


def _stages(draft: Draft) -> Iterator[Fault]:
    order = [stage.key for stage in draft.stages]
    for position, stage in enumerate(draft.stages):
        line = draft.line_of("stage", stage.key, "starts")
        where = Text(f"fase {stage.key!r}", f"stage {stage.key!r}")
        start = stage.starts
        if start.anchor is Anchor.STEP:
            steps = {step.key: step for step in draft.steps}
            if start.step not in draft.keys("step"):
                known = draft.keys("step")
                yield (
                    line,
                    _unknown(where, "begint bij de stap", "starts at the step", str(start.step), known),
                )
            elif start.step in steps and steps[start.step].stage not in order[:position]:
                yield (
                    line,
                    Text(
                        f"{where.nl} begint bij stap {start.step!r}, die niet in een eerdere fase staat: zij zou nooit "
                        "beginnen; schrijf `na de vorige fase`",
                        f"{where.en} starts at step {start.step!r}, which is not in an earlier stage: it would never "
                        "start; write `na de vorige fase`",
                    ),
                )
        elif start.anchor is Anchor.STAGE_ENDS and position == 0 and order[0] == draft.keys("stage")[0]:
            yield (
                line,
                Text(
                    f"{where.nl} is de eerste, er is geen vorige fase; schrijf `bij de lancering`",
                    f"{where.en} is the first, there is no previous stage; write `bij de lancering`",
                ),
            )
        elif start.anchor is Anchor.LAUNCH and start.sign < 0:
            yield (
                line,
                Text(
                    f"{where.nl} begint voor de lancering; schrijf `bij de lancering`",
                    f"{where.en} starts before the launch; write `bij de lancering`",
                ),
            )
        if stage.lasts.amount == 0:
            yield (
                draft.line_of("stage", stage.key, "lasts"),
                Text(
                    f"{where.nl} duurt niets; geef haar een lengte",
                    f"{where.en} lasts nothing; give it a length",
                ),
            )
    if sum(days(stage.lasts) for stage in draft.stages) > LONGEST_TRAJECTORY_DAYS:
        yield (
            draft.record.line_of("stages"),
            Text(
                "de fases duren samen langer dan tien jaar; maak ze korter",
                "the stages together last more than ten years; shorten them",
            ),
        )


def _group(draft: Draft) -> Iterator[Fault]:
    if draft.record.values.get("kind") == TrajectoryKind.GROUP and "school_types" in draft.record.lines:
        line = draft.record.line_of("school_types")
        yield (
            line,
            Text(
                "het programma is voor een groep, en die heeft geen schooltype; haal 'school_types' weg",
                "the programme is for a group, which has no school type; remove 'school_types'",
            ),
        )


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
