"""What staff are asked about dates: one to choose, one that cannot be found, a theme that nobody offers.

A task lies there while its reason lasts: it follows the dates when these change, goes when a date is there, and comes
back when there is none again, or when it was ticked off and nothing was chosen.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from models import StepRow, Task
from models.enums import StageState, StepKind, StepState, TaskState
from traject import outbox
from traject.dossier import Dossier, row_id
from traject.effects import Effects
from traject.mail_words import period
from traject.plan import Plan
from traject.programme import Step
from traject.search import Candidate
from traject.slots import find_slots

BEST = 3
"""So many moments are proposed."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """A task about the date of a step; `detail` None: nothing is asked."""

    row: StepRow
    what: str  # in its key
    title: str
    detail: str | None


def asks_for_a_date(task: Task) -> bool:
    """Whether a task goes by itself when there is a date."""
    return task.effect_key.rpartition(":")[2] in ("problem", "choose", "theme")


_OF_STEPS = select(Task).where(  # built once, as every plan that is made anew asks it
    col(Task.trajectory_id) == bindparam("trajectory"), col(Task.step_id).is_not(None)
)


def waits_for_others(step: Step | None, row: StepRow) -> bool:
    """Whether others decide about a planned gathering: staff who were asked to choose, or who holds it elsewhere."""
    if step is None or row.kind is not StepKind.GATHERING or row.state is not StepState.PLANNED:
        return False
    if step.is_shared:
        return row.acted_at is not None or row.starts_at is not None
    return step.staff_choose and row.moved_to is None and row.acted_at is not None


def asks_others(step: Step, row: StepRow) -> bool:
    """Whether a gathering that falls due asks staff instead of inviting people."""
    return step.is_shared or (step.staff_choose and row.moved_to is None)


def ask(effects: Effects, row: StepRow) -> None:
    """Fire a gathering whose date is not ours to choose: staff hear of it, and nobody is invited yet."""
    row.acted_at = effects.now
    effects.event("step.date-asked", step=row.key, cycle=row.cycle)


def tell_of_dates(session: Session, dossier: Dossier, effects: Effects, made: Plan) -> None:
    """Bring the tasks about dates to what the plan says now."""
    known = {task.effect_key: task for task in session.exec(_OF_STEPS, params={"trajectory": dossier.id})}
    for wish in _wishes(dossier, effects, made):
        key = effects.key(wish.row, wish.what)
        task = known.get(key)
        if wish.detail is None:
            if task and task.state is TaskState.OPEN:
                chosen = wish.what == "choose" and wish.row.moved_to is not None
                task.state = TaskState.DONE if chosen else TaskState.CANCELLED
                task.done_at = effects.now
                if wish.row.state is StepState.PLANNED:  # a mail about it that did not leave yet
                    reason = "er is een datum"
                    outbox.withdraw(session, reason=reason, step_id=row_id(wish.row), reminders_only=False)
        elif task is None:
            effects.task(key, wish.title, wish.detail, row=wish.row)
        else:
            task.detail = wish.detail
            if task.state is not TaskState.OPEN:
                task.state, task.done_at = TaskState.OPEN, None


def _wishes(dossier: Dossier, effects: Effects, made: Plan) -> Iterator[_Wish]:
    reasons = {(problem.key, problem.cycle): problem.reason.nl for problem in made.problems}
    steps = {step.key: step for step in dossier.programme.steps}
    for (key, cycle), row in dossier.steps.items():
        step = steps.get(key)
        if row.kind is not StepKind.GATHERING or step is None:
            continue
        is_planned = row.state is StepState.PLANNED
        stage = dossier.stages.get(row.stage)
        is_time = is_planned and (stage is None or stage.state is StageState.OPEN)
        title = f"Kies een datum: {row.title}"
        problem = reasons.get((key, cycle)) if is_time else None
        yield _Wish(row, "problem", title, f"{problem}. {_ways_out(dossier, row)}" if problem else None)
        if step.staff_choose:
            asks = waits_for_others(step, row) and row.starts_at is not None
            yield _Wish(row, "choose", title, _proposal(dossier, effects, row) if asks else None)
        if step.is_shared:
            waits = is_planned and row.starts_at is None and row.acted_at is not None
            yield _Wish(
                row, "theme", f"Geen datum: {row.title}", _no_theme(dossier, step, row) if waits else None
            )


def _ways_out(dossier: Dossier, row: StepRow) -> str:
    """How staff see what stands in the way, and decide all the same."""
    of = f"{dossier.trajectory.reference} {row.key}"
    cycle = f" --cycle {row.cycle}" if row.cycle else ""
    return (
        f"Dag voor dag wat er in de weg staat: `traject slots {of}{cycle}`. Toch een datum kiezen: "
        f'`traject choose {of} "JJJJ-MM-DD UU:MM"{cycle} --force`. Laten vervallen: `traject skip {of}{cycle}`.'
    )


def _proposal(dossier: Dossier, effects: Effects, row: StepRow) -> str | None:
    found = find_slots(dossier.programme, dossier.facts(effects.now), dossier.calendar, row.key, row.cycle)
    if found is None or not found.candidates:
        return None
    best = "; ".join(
        f"{number}. {_said(dossier, each)}" for number, each in enumerate(found.candidates[:BEST], start=1)
    )
    first = dossier.calendar.to_local(found.candidates[0].starts_at)
    cycle = f" --cycle {row.cycle}" if row.cycle else ""
    fell_off = f" Wat afviel: {found.in_the_way.nl}." if found.in_the_way.nl else ""
    return (
        f"De beste momenten: {best}. Kies er een met `traject choose {dossier.trajectory.reference} {row.key} "
        f'"{first:%Y-%m-%d %H:%M}"{cycle}`; alle momenten toont `traject slots {dossier.trajectory.reference} '
        f"{row.key}{cycle}`. Tot je kiest wordt niemand uitgenodigd.{fell_off}"
    )


def _said(dossier: Dossier, candidate: Candidate) -> str:
    when = period(candidate.starts_at, "nl", candidate.ends_at, dossier.calendar.timezone)
    return f"{when} ({', '.join(remark.nl for remark in candidate.remarks)})"


def _no_theme(dossier: Dossier, step: Step, row: StepRow) -> str:
    last = f" tot {dossier.calendar.to_local(row.ends_at):%d-%m-%Y}" if row.ends_at else ""
    cycle = f" --cycle {row.cycle}" if row.cycle else ""
    return (
        f"Er is{last} nog geen bijeenkomst met het thema ‘{step.theme}’ waar deze mensen bij kunnen. Plan er een in een "
        "traject dat zulke bijeenkomsten houdt; dan gaat de uitnodiging vanzelf uit. Of laat hem vervallen met "
        f"`traject skip {dossier.trajectory.reference} {row.key}{cycle}`."
    )
