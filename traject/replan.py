"""How the plan becomes rows, and how rows follow a plan that changed."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, update
from sqlmodel import Session, col, select

from models import Message, StageRow, StepRow, Task
from models.enums import StageState, StepKind, StepState, TaskState
from traject.dossier import Dossier
from traject.plan import Changes, Facts, Plan, PlannedStage, PlannedStep, diff
from traject.planner import plan
from traject.programme import Programme


def rule(zone: str, local: datetime | None) -> str:
    """The moment as local wall time, so that a change of law or of summer time can be planned again."""
    return f"{local:%Y-%m-%d %H:%M} {zone}" if local else ""


def stage_values(programme: Programme, stage: PlannedStage, trajectory_id: int) -> dict[str, Any]:
    """A planned stage as the columns of its row."""
    keys = [declared.key for declared in programme.stages]
    return {
        "trajectory_id": trajectory_id,
        "key": stage.key,
        "position": keys.index(stage.key),
        "title": stage.title,
        "state": StageState.PLANNED,
        "opens_on": stage.opens_on,
        "ends_on": stage.ends_on,
        "certainty": stage.certainty,
    }


def step_values(made: Plan, step: PlannedStep, zone: str, local: datetime | None) -> dict[str, Any]:
    """A planned step as the columns of its row that the plan decides."""
    note = ""
    if step.due_at is None:
        note = next((p.reason.nl for p in made.problems if (p.key, p.cycle) == step.id), "")
    return {
        "stage": step.stage,
        "kind": step.kind,
        "title": step.title,
        "due_at": step.due_at,
        "due_rule": rule(zone, local),
        "starts_at": step.starts_at,
        "ends_at": step.ends_at,
        "certainty": step.certainty,
        "note": note,
    }


def current_plan(dossier: Dossier) -> Plan:
    """The plan as the rows hold it, so that it can be laid beside a new one."""
    roles = {step.key: step.to for step in dossier.programme.steps}
    return Plan(
        stages=tuple(
            PlannedStage(row.key, row.title, row.opens_on, row.ends_on, row.certainty)
            for row in dossier.stages.values()
        ),
        steps=tuple(_planned(row, roles) for row in dossier.steps.values() if row.state in _OWED),
        problems=(),
    )


_OWED = (StepState.PLANNED, StepState.OPEN)


def _planned(row: StepRow, roles: dict[str, tuple[str, ...]]) -> PlannedStep:
    return PlannedStep(
        stage=row.stage,
        key=row.key,
        cycle=row.cycle,
        kind=row.kind,
        title=row.title,
        to=roles.get(row.key.partition("/")[0], ()),
        due_at=row.due_at,
        certainty=row.certainty,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
    )


def foresee(dossier: Dossier, facts: Facts, programme: Programme | None = None) -> Changes:
    """What would change if these were the facts; nothing is written."""
    new = plan(programme or dossier.programme, facts, dossier.calendar)
    kept = {row_id for row_id, row in dossier.steps.items() if row.state not in _OWED}
    owed = tuple(step for step in new.steps if step.id not in kept)
    old = current_plan(dossier)
    roles = {step.id: step.to for step in new.steps}
    steps = tuple(replace(step, to=roles.get(step.id, step.to)) for step in old.steps)
    return diff(Plan(old.stages, steps, ()), Plan(new.stages, owed, ()))


def replan(session: Session, dossier: Dossier, now: datetime, *, keep_dates: bool = True) -> Plan:
    """Plan again from the facts, and bring the rows to it.

    Steps that were acted on keep what happened; a planned step that the plan no longer has is removed.
    """
    made = plan(dossier.programme, dossier.facts(now, keep_dates=keep_dates), dossier.calendar)
    for stage in made.stages:
        row = dossier.stages.get(stage.key)
        if row is None:
            row = StageRow(**stage_values(dossier.programme, stage, dossier.id))
            session.add(row)
            dossier.stages[stage.key] = row
        else:
            values = stage_values(dossier.programme, stage, dossier.id)
            _update(
                row,
                {name: values[name] for name in ("position", "title", "opens_on", "ends_on", "certainty")},
            )
    zone = dossier.calendar.timezone
    new: list[dict[str, Any]] = []
    for step in made.steps:
        row = dossier.steps.get(step.id)
        local = dossier.calendar.to_local(step.when) if step.when else None
        if row is None:
            values = step_values(made, step, zone, local)
            new.append({"trajectory_id": dossier.id, "key": step.key, "cycle": step.cycle, **values})
        elif row.state in _OWED:
            _update(row, step_values(made, step, zone, local))
    if new:
        session.exec(insert(StepRow), params=[_START | values for values in new])
        wanted = {(str(values["key"]), str(values["cycle"])) for values in new}
        for row in _rows(session, dossier.id):
            if (row.key, row.cycle) in wanted:
                dossier.steps[row.key, row.cycle] = row
    _remove(session, dossier, {step.id for step in made.steps}, now)
    ends_on = made.ends_on
    if dossier.trajectory.ends_on != ends_on:
        dossier.trajectory.ends_on = ends_on
    return made


_START: dict[str, Any] = {"state": StepState.PLANNED, "on_hold": False}


def _rows(session: Session, trajectory_id: int) -> Iterable[StepRow]:
    return session.exec(select(StepRow).where(StepRow.trajectory_id == trajectory_id))


def _update(row: StageRow | StepRow, values: dict[str, Any]) -> None:
    """Set only what differs, so that a plan that did not change writes nothing."""
    for name, value in values.items():
        if getattr(row, name) != value:
            setattr(row, name, value)


def _remove(session: Session, dossier: Dossier, wanted: set[tuple[str, str]], now: datetime) -> None:
    gone = [
        (name, row)
        for name, row in dossier.steps.items()
        if name not in wanted
        and row.state is StepState.PLANNED
        and (row.acted_at is None or row.kind is StepKind.GATHERING)  # of that, only staff were asked
        and row.id not in dossier.gatherings  # it did not take place; who was invited is kept
    ]
    if gone:
        session.flush()
        ids = [row.id for _, row in gone]
        # The adviser may have been told that it had no date.
        tasks = update(Task).where(col(Task.step_id).in_(ids))
        session.exec(
            tasks.where(col(Task.state) == TaskState.OPEN).values(state=TaskState.CANCELLED, done_at=now)
        )
        session.exec(tasks.values(step_id=None))
        session.exec(update(Message).where(col(Message.step_id).in_(ids)).values(step_id=None))
        session.exec(delete(StepRow).where(col(StepRow.id).in_(ids)))
        for name, row in gone:
            session.expunge(row)
            del dossier.steps[name]
