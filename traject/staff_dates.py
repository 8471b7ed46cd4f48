"""Staff choose the date of a gathering, and hear what stands in its way."""

from datetime import datetime

from models.enums import StepState
from traject.crowded import too_small
from traject.dossier import Dossier, find, load, row_id
from traject.errors import Refused
from traject.mail_words import weekday
from traject.obstacles import together
from traject.plan import PlannedStep
from traject.settings import Settings
from traject.slots import in_the_way
from traject.staff_action import StaffResult
from traject.staff_steps import move_step
from traject.store import Store


def choose(
    store: Store,
    settings: Settings,
    reference: str,
    step: str,
    cycle: str = "",
    *,
    to: datetime,
    force: bool = False,
    now: datetime,
    dry_run: bool = False,
) -> StaffResult:
    """Give a gathering this date. Refused when something stands in the way, unless staff say that it does not matter.

    `force` never gives a date in the past, nor one on which another gathering of the trajectory is already known.
    """
    with store.read() as session:
        dossier = load(session, row_id(find(session, reference)), settings, now)
        found = in_the_way(dossier, step, cycle, to, now)
        local = dossier.calendar.to_local(to)
        small = too_small(session, dossier, dossier.programme.step(step), cycle)
    if to > now and found and not force:
        reasons = together(found)
        raise Refused(
            f"{local:%d-%m-%Y %H:%M} kan niet: {reasons.nl}; kies een ander moment (`traject slots {reference} {step}`), "
            "of kies dit toch met --force",
            f"{local:%d-%m-%Y %H:%M} cannot be: {reasons.in_language('en')}; choose another moment "
            f"(`traject slots {reference} {step}`), or choose it all the same with --force",
        )
    result = move_step(store, settings, reference, step, cycle, to=to, now=now, dry_run=dry_run)
    title = dossier.programme.step(step).title.nl
    result.sentence = (
        f"‘{title}’ is op {weekday(local, 'nl')} om {local:%H:%M}.{_invited(result, dossier, step, cycle)}"
        f"{f' {small.nl}' if small else ''}"
    )
    return result


def _invited(result: StaffResult, dossier: Dossier, step: str, cycle: str) -> str:
    """When people hear of the date, where nobody did yet."""
    row = dossier.steps[step, cycle]
    due = next(
        (
            c.after.due_at
            for c in result.changes.steps
            if isinstance(c.after, PlannedStep) and c.after.id == (step, cycle)
        ),
        row.due_at,
    )
    if row.state is not StepState.PLANNED or due is None:
        return ""
    return f" De uitnodiging gaat uit op {weekday(dossier.calendar.to_local(due), 'nl')}."
