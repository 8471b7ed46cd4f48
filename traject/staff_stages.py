"""What staff can do to one stage: move it, close it, open it again."""

from datetime import date, datetime

from models import StageRow
from models.enums import STAGE_MOVES, StageState, StepState, TrajectoryState
from traject import advance
from traject.decide import meant_end
from traject.errors import Refused
from traject.planner import OVERRUN
from traject.programme import Anchor
from traject.settings import Settings
from traject.staff_action import StaffResult, Work, action, refuse_ended
from traject.store import Store


def move_stage(
    store: Store,
    settings: Settings,
    reference: str,
    stage: str,
    *,
    opens_on: date | None = None,
    ends_on: date | None = None,
    now: datetime,
    dry_run: bool = False,
) -> StaffResult:
    """Give a stage other days; everything that is counted from it moves along."""
    result = StaffResult(reference)
    with action(store, settings, reference, now, result, dry_run=dry_run) as work:
        refuse_ended(work.dossier.trajectory)
        row = _stage(work, stage)
        today = work.dossier.calendar.to_local(now).date()
        for day in filter(None, (opens_on, ends_on)):
            if day < today:
                raise Refused(
                    f"{day:%d-%m-%Y} is voorbij; kies een dag in de toekomst",
                    f"{day:%d-%m-%Y} is past; choose a day in the future",
                )
        if row.state is StageState.CLOSED or (opens_on and row.state is not StageState.PLANNED):
            raise Refused(
                f"fase ‘{stage}’ is al {'open' if row.state is StageState.OPEN else 'afgesloten'}",
                f"stage '{stage}' is {'open' if row.state is StageState.OPEN else 'closed'} already",
            )
        if ends_on and ends_on < (opens_on or row.opens_on):
            raise Refused(
                f"fase ‘{stage}’ kan niet eindigen op {ends_on:%d-%m-%Y}, want dat is voor het begin",
                f"stage '{stage}' cannot end on {ends_on:%d-%m-%Y}, which is before it begins",
            )
        if opens_on:
            _refuse_before_the_last(work, row, opens_on)
        row.moved_opens_on, row.moved_ends_on = opens_on or row.moved_opens_on, ends_on or row.moved_ends_on
        work.effects.event("stage.moved", actor="staff", stage=stage)
        work.say(f"Fase ‘{row.title}’ is verplaatst.", f"Stage '{row.title}' is moved.")
    return result


def _refuse_before_the_last(work: Work, row: StageRow, opens_on: date) -> None:
    if work.dossier.programme.stage(row.key).starts.anchor is not Anchor.STAGE_ENDS:
        return
    for before in work.dossier.stages.values():
        still_runs = before.state in (StageState.PLANNED, StageState.OPEN) and before.ends_on >= opens_on
        if before.position == row.position - 1 and still_runs:
            raise Refused(
                f"fase ‘{row.key}’ volgt op ‘{before.key}’, en die duurt tot en met {before.ends_on:%d-%m-%Y}; "
                "kies een latere dag, of laat die fase eerst eerder eindigen",
                f"stage '{row.key}' follows '{before.key}', which lasts through {before.ends_on:%d-%m-%Y}; "
                "choose a later day, or let that stage end earlier first",
            )


def close_stage(
    store: Store, settings: Settings, reference: str, stage: str, *, now: datetime, dry_run: bool = False
) -> StaffResult:
    """Close a stage now, whatever its guard says: staff know why."""
    result = StaffResult(reference)
    with action(store, settings, reference, now, result, dry_run=dry_run) as work:
        row = _stage(work, stage)
        _stage_allowed(row.state, StageState.CLOSED, stage)
        advance.close_stage(stage, work.dossier, work.effects, actor="staff")
        work.say(f"Fase ‘{row.title}’ is afgesloten.", f"Stage '{row.title}' is closed.")
    return result


def reopen_stage(
    store: Store, settings: Settings, reference: str, stage: str, *, now: datetime, dry_run: bool = False
) -> StaffResult:
    """Open a closed stage again, until its end or for two more weeks.

    What the closing withdrew is planned again where it is still to come; what is past stays withdrawn.
    """
    result = StaffResult(reference)
    with action(store, settings, reference, now, result, dry_run=dry_run) as work:
        row = _stage(work, stage)
        _stage_allowed(row.state, StageState.OPEN, stage)
        if row.state is not StageState.CLOSED:
            raise Refused(
                f"fase ‘{stage}’ was nog niet open; verplaats haar begin met `traject move`",
                f"stage '{stage}' was not open yet; move its begin with `traject move`",
            )
        dossier, trajectory = work.dossier, work.dossier.trajectory
        if stage not in {declared.key for declared in dossier.programme.stages}:
            raise Refused(
                f"fase ‘{stage}’ hoort niet meer bij deze versie van het programma",
                f"stage '{stage}' is no longer part of this version of the programme",
            )
        row.state, row.closed_at = StageState.OPEN, None
        two_weeks = dossier.calendar.to_local(now).date() + OVERRUN
        if meant_end(dossier.programme.stage(stage), row) < two_weeks:
            row.moved_ends_on = two_weeks
        _plan_again(work, advance.STAGE_CLOSED, stage)
        if trajectory.state is TrajectoryState.FINISHED:
            trajectory.state, trajectory.finished_at = TrajectoryState.RUNNING, None
            _plan_again(work, advance.FINISHED)
        work.effects.event("stage.reopened", actor="staff", stage=stage)
        work.say(f"Fase ‘{row.title}’ is weer open.", f"Stage '{row.title}' is open again.")
    return result


def _plan_again(work: Work, why: str, stage: str | None = None) -> None:
    for row in work.dossier.steps.values():
        withdrawn = row.state is StepState.WITHDRAWN and row.note == why and stage in (None, row.stage)
        moment = row.starts_at or row.due_at
        if withdrawn and (moment is None or moment > work.now):
            row.state, row.note, row.done_at = StepState.PLANNED, "", None


def _stage(work: Work, key: str) -> StageRow:
    row = work.dossier.stages.get(key)
    if row is None:
        raise Refused(
            f"fase ‘{key}’ staat niet in dit traject; kies uit {', '.join(work.dossier.stages)}",
            f"there is no stage '{key}' in this trajectory; choose from {', '.join(work.dossier.stages)}",
        )
    return row


def _stage_allowed(state: StageState, to: StageState, stage: str) -> None:
    if to not in STAGE_MOVES[state]:
        words = {
            StageState.PLANNED: ("nog niet begonnen", "not begun yet"),
            StageState.OPEN: ("open", "open"),
            StageState.CLOSED: ("afgesloten", "closed"),
        }
        dutch, english = words.get(state, ("vervallen", "dropped"))
        raise Refused(
            f"fase ‘{stage}’ is {dutch}; dat kan hier niet",
            f"stage '{stage}' is {english}; that cannot be done",
        )
