"""Which steps of a programme can never come, or come at the wrong side of what they belong to."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from models.enums import StepKind
from traject.programme import Anchor, Cycle, DayOfYear, Moment, Span, Step, Text, Unit
from traject.programme_draft import Draft, Fault
from traject.records import closest
from traject.sentences import say

ROUGH_DAYS = {Unit.DAYS: 1, Unit.WEEKS: 7, Unit.MONTHS: 30.4}


def days(span: Span) -> float:
    """About how many days a span is; months are a twelfth of a year."""
    return span.amount * ROUGH_DAYS[span.unit]


def cycle_days(cycle: Cycle) -> int:
    """About how many days a cycle's period has."""

    def position(day: DayOfYear) -> int:
        return (day.month - 8) % 12 * 31 + day.day

    return position(cycle.last) - position(cycle.first) + 1


def moments(draft: Draft) -> Iterator[Fault]:
    """Moments that never come, or lie outside their stage or period."""
    for step in draft.steps:
        line = draft.line_of("step", step.key, "when")
        for moment in (step.when, step.window.since if step.window else None):
            if moment is not None:
                yield from _moment(draft, step, moment, line)
    yield from _circles(draft)


def _moment(draft: Draft, step: Step, moment: Moment, line: int) -> Iterator[Fault]:
    where = Text(f"stap {step.key!r}", f"step {step.key!r}")
    stage = next((each for each in draft.stages if each.key == step.stage), None)
    match moment.anchor:
        case Anchor.STEP:
            yield from _step_anchor(draft, step, moment, line)
        case Anchor.CYCLE_OPENS if step.cycle is None:
            yield (
                line,
                Text(
                    f"{where.nl} telt vanaf een periode, en heeft er geen; tel vanaf de fase, of zet haar in 'yearly'",
                    f"{where.en} counts from a period, and it has none; count from the stage, or move it to 'yearly'",
                ),
            )
        case Anchor.STAGE_OPENS | Anchor.STAGE_ENDS if step.stage is None:
            yield (
                line,
                Text(
                    f"{where.nl} komt elk jaar terug en hoort bij geen fase; schrijf `bij het begin van de periode`",
                    f"{where.en} returns every year and belongs to no stage; write `bij het begin van de periode`",
                ),
            )
        case Anchor.LAUNCH | Anchor.TRAJECTORY_ENDS if step.stage is None:
            yield (
                line,
                Text(
                    f"{where.nl} komt elk jaar terug; schrijf `bij het begin van de periode`",
                    f"{where.en} returns every year; write `bij het begin van de periode`",
                ),
            )
        case Anchor.LAUNCH if moment.sign < 0:
            yield (
                line,
                Text(
                    f"{where.nl} komt voor de lancering; schrijf `bij de lancering` of later",
                    f"{where.en} is due before the launch; write `bij de lancering` or later",
                ),
            )
        case Anchor.STAGE_OPENS if moment.sign < 0:
            yield (
                line,
                Text(
                    f"{where.nl} komt voordat haar fase opengaat; zet haar in een eerdere fase",
                    f"{where.en} is due before its stage opens; move it to an earlier stage",
                ),
            )
        case Anchor.STAGE_OPENS | Anchor.STAGE_ENDS if (
            stage
            and days(moment.span) > days(stage.lasts)
            and not (moment.anchor is Anchor.STAGE_ENDS and moment.sign == 1)
        ):
            yield (
                line,
                Text(
                    f"{where.nl} komt {say(moment, 'nl')}, en fase {stage.key!r} duurt maar {say(stage.lasts, 'nl')}; "
                    "kies een moment binnen de fase",
                    f"{where.en} is due {say(moment, 'en')}, and stage {stage.key!r} lasts only {say(stage.lasts, 'en')}; "
                    "choose a moment within the stage",
                ),
            )
        case Anchor.CYCLE_OPENS if step.cycle and moment.sign < 0:
            yield (
                line,
                Text(
                    f"{where.nl} komt voordat haar periode opengaat; laat de periode eerder beginnen",
                    f"{where.en} is due before its period opens; let the period begin earlier",
                ),
            )
        case Anchor.CYCLE_OPENS if step.cycle and days(moment.span) > cycle_days(step.cycle):
            yield (
                line,
                Text(
                    f"{where.nl} komt {say(moment, 'nl')}, als de periode voorbij is; kies een moment daarbinnen",
                    f"{where.en} is due {say(moment, 'en')}, after the period has closed; choose a moment within it",
                ),
            )
        case _:
            return


def _step_anchor(draft: Draft, step: Step, moment: Moment, line: int) -> Iterator[Fault]:
    where = Text(f"stap {step.key!r}", f"step {step.key!r}")
    if moment.step == step.key:
        yield (
            line,
            Text(
                f"{where.nl} telt vanaf zichzelf; tel vanaf een andere stap of vanaf de fase",
                f"{where.en} counts from itself; count from another step or from the stage",
            ),
        )
        return
    anchor = next((each for each in draft.steps if each.key == moment.step), None)
    if anchor is None:
        if moment.step not in draft.keys("step"):
            near = closest(str(moment.step), draft.keys("step"))
            yield (
                line,
                Text(
                    f"{where.nl} telt vanaf de stap {moment.step!r}, die nergens staat; {near.nl}",
                    f"{where.en} counts from the step {moment.step!r}, which is not declared; {near.en}",
                ),
            )
        return
    order = [stage.key for stage in draft.stages]
    if (anchor.stage is None) != (step.stage is None):
        yearly = anchor.key if anchor.stage is None else step.key
        yield (
            line,
            Text(
                f"{where.nl} telt vanaf stap {anchor.key!r}, en alleen {yearly!r} komt elk jaar terug; "
                "zet beide in één fase, of beide in 'yearly'",
                f"{where.en} counts from step {anchor.key!r}, and only {yearly!r} returns every year; "
                "put both in one stage, or both in 'yearly'",
            ),
        )
    elif (
        step.stage in order and anchor.stage in order and order.index(anchor.stage) > order.index(step.stage)
    ):
        yield (
            line,
            Text(
                f"{where.nl} telt vanaf stap {anchor.key!r} van de latere fase {anchor.stage!r}; "
                f"zet haar in fase {anchor.stage!r}",
                f"{where.en} counts from step {anchor.key!r} of the later stage {anchor.stage!r}; "
                f"move it to stage {anchor.stage!r}",
            ),
        )
    if (
        step.template == "reminder"
        and anchor.kind is StepKind.GATHERING
        and moment.sign >= 0
        and not step.conditions
    ):
        yield (
            line,
            Text(
                f"{where.nl} herinnert aan {anchor.key!r} als die voorbij is; schrijf een moment ervoor, of zeg in 'if' wat er nog openstaat",
                f"{where.en} reminds of {anchor.key!r} when it is over; write a moment before it, or say in 'if' what is still open",
            ),
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
            yield (
                line,
                Text(
                    f"de stappen {circle} tellen in een kring vanaf elkaar; laat er een vanaf de fase tellen",
                    f"the steps {circle} count from each other in a circle; let one count from the stage",
                ),
            )


def gatherings(draft: Draft) -> Iterator[Fault]:
    """Windows past midnight, and invitations and reminders in the wrong order."""
    for step in draft.steps:
        window = step.window
        if window is None:
            continue
        where = Text(f"bijeenkomst {step.key!r}", f"gathering {step.key!r}")
        line = draft.line_of("step", step.key, "when")
        start = timedelta(hours=window.latest.hour, minutes=window.latest.minute)
        if start + window.duration > timedelta(hours=24):
            yield (
                line,
                Text(
                    f"{where.nl} zou tot na middernacht duren: zij begint om {window.latest:%H:%M}; begin eerder",
                    f"{where.en} would last past midnight: it starts at {window.latest:%H:%M}; start earlier",
                ),
            )
        yield from _shared(draft, step)
        stage = next((each for each in draft.stages if each.key == step.stage), None)
        for reminder in step.reminders:
            if days(reminder) >= days(step.invite):
                yield (
                    draft.line_of("step", step.key, "reminders"),
                    Text(
                        f"{where.nl} herinnert {say(reminder, 'nl')} van tevoren en nodigt pas {say(step.invite, 'nl')} van tevoren uit; "
                        "nodig eerder uit of herinner later",
                        f"{where.en} reminds {say(reminder, 'en')} before it and invites only {say(step.invite, 'en')} before it; "
                        "invite earlier or remind later",
                    ),
                )
        if stage and days(step.invite) > days(stage.lasts):
            yield (
                draft.line_of("step", step.key, "invite"),
                Text(
                    f"{where.nl} nodigt {say(step.invite, 'nl')} van tevoren uit, en fase {stage.key!r} duurt maar "
                    f"{say(stage.lasts, 'nl')}; nodig later uit",
                    f"{where.en} invites {say(step.invite, 'en')} before it, and stage {stage.key!r} lasts only "
                    f"{say(stage.lasts, 'en')}; invite later",
                ),
            )


def _shared(draft: Draft, step: Step) -> Iterator[Fault]:
    where = Text(f"bijeenkomst {step.key!r}", f"gathering {step.key!r}")
    if step.is_shared and not step.theme:
        line = draft.line_of("step", step.key, "shared")
        yield (
            line,
            Text(
                f"{where.nl} is gedeeld en heeft geen thema; schrijf bijvoorbeeld `theme: muziek`",
                f"{where.en} is shared and has no theme; write for example `theme: muziek`",
            ),
        )
    for key in ("capacity", "series", "materials", "date"):
        if step.is_shared and draft.says("step", step.key, key):
            line = draft.line_of("step", step.key, key)
            yield (
                line,
                Text(
                    f"{where.nl} is gedeeld, dus {key!r} staat waar de bijeenkomst wordt gehouden; haal het hier weg",
                    f"{where.en} is shared, so {key!r} is said where the gathering is held; remove it here",
                ),
            )
    if step.materials and urlsplit(step.materials).scheme not in ("http", "https"):
        line = draft.line_of("step", step.key, "materials")
        yield (
            line,
            Text(
                f"{where.nl}: 'materials' is {step.materials!r}; schrijf een link die met https:// begint",
                f"{where.en}: 'materials' is {step.materials!r}; write a link that begins with https://",
            ),
        )
    if step.materials and not step.thanks:
        line = draft.line_of("step", step.key, "materials")
        yield (
            line,
            Text(
                f"{where.nl} heeft 'materials' en geen 'thanks' om ze mee te sturen; voeg `thanks: …` toe",
                f"{where.en} has 'materials' and no 'thanks' to send them with; add `thanks: …`",
            ),
        )
    for role in step.required:
        if role not in step.to:
            line = draft.line_of("step", step.key, "required")
            yield (
                line,
                Text(
                    f"{where.nl} houdt plaatsen vrij voor de rol {role!r}, die zij niet uitnodigt; {closest(role, step.to).nl}",
                    f"{where.en} keeps places for the role {role!r}, which it does not invite; {closest(role, step.to).en}",
                ),
            )
    if step.required and step.capacity is None:
        line = draft.line_of("step", step.key, "required")
        yield (
            line,
            Text(
                f"{where.nl}: 'required' betekent alleen iets met een 'capacity'; voeg die toe, of haal 'required' weg",
                f"{where.en}: 'required' means something only with a 'capacity'; add it, or remove 'required'",
            ),
        )


def evaluations(draft: Draft) -> Iterator[Fault]:
    """Reminders and tasks that come when the questions are closed."""
    for step in draft.steps:
        if step.kind is not StepKind.EVALUATION:
            continue
        where = Text(f"evaluatie {step.key!r}", f"evaluation {step.key!r}")
        length = cycle_days(step.cycle) if step.cycle else None
        if step.closes is not None:
            closes = days(step.closes)
            if length is not None and closes > length:
                yield (
                    draft.line_of("step", step.key, "open_for"),
                    Text(
                        f"{where.nl} staat {say(step.closes, 'nl')} open, langer dan haar periode; maak het korter",
                        f"{where.en} is open for {say(step.closes, 'en')}, longer than its period; shorten it",
                    ),
                )
            length = closes
        if length is None:
            continue
        for reminder in step.reminders:
            if days(reminder) >= length:
                yield (
                    draft.line_of("step", step.key, "reminders"),
                    Text(
                        f"{where.nl} herinnert na {say(reminder, 'nl')}, als zij gesloten is; herinner eerder",
                        f"{where.en} reminds after {say(reminder, 'en')}, when it is closed; remind earlier",
                    ),
                )
        if step.escalation and days(step.escalation.after) >= length:
            yield (
                draft.line_of("step", step.key, "no_answer"),
                Text(
                    f"{where.nl} geeft een taak na {say(step.escalation.after, 'nl')}, als zij gesloten is; doe dat eerder",
                    f"{where.en} gives a task after {say(step.escalation.after, 'en')}, when it is closed; do so earlier",
                ),
            )


def spans(draft: Draft) -> Iterator[Fault]:
    """Lengths of nothing where something must pass."""
    for step in draft.steps:
        given = {"invite": (step.invite,), "reminders": step.reminders, "open_for": (step.closes,)}
        given["no_answer"] = (step.escalation.after,) if step.escalation else ()
        given["catch_up"] = (step.skip_after,)
        for key, spans in given.items():
            if any(span is not None and span.amount == 0 for span in spans):
                line = draft.line_of("step", step.key, key)
                yield (
                    line,
                    Text(
                        f"stap {step.key!r}: {key!r} zegt een lengte van niets; schrijf minstens 1 dag",
                        f"step {step.key!r}: {key!r} says a length of nothing; write at least 1 day",
                    ),
                )
