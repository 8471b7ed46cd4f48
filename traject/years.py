"""Every running trajectory is asked for its evaluation every school year: what makes sure that nobody is left out."""

from dataclasses import dataclass, field
from datetime import date, datetime, time

from sqlalchemy import Connection, bindparam
from sqlalchemy import select as sql_select
from sqlmodel import SQLModel, col, select

from calendars.school_year import SchoolYear
from models import EvaluationRound, Event, StepRow, Trajectory
from models.enums import RoundState, StepKind, TrajectoryState
from traject.advance import AdvanceReport, advance, due_with, follow
from traject.dossier import Dossier, load
from traject.effects import Effects
from traject.evaluations import close_round
from traject.planner import plan
from traject.programme import Step
from traject.settings import Settings
from traject.spans import comes_in
from traject.store import Store
from traject.versions import programmes

_t = SQLModel.metadata.tables[str(Trajectory.__tablename__)].c

LOOKED = "years.looked"
"""The event that says that nobody was forgotten on that day."""

_OVER = select(EvaluationRound).where(
    col(EvaluationRound.state) == RoundState.OPEN, col(EvaluationRound.closes_at) <= bindparam("now")
)
_NO_ROW = sql_select(_t.id, _t.programme_version_id, _t.starts_on, _t.ends_on).where(
    _t.state == TrajectoryState.RUNNING,
    _t.programme_version_id.in_(bindparam("versions", expanding=True)),
    _t.id.not_in(
        select(StepRow.trajectory_id).where(
            StepRow.kind == StepKind.EVALUATION, col(StepRow.cycle) == bindparam("cycle")
        )
    ),
)


@dataclass
class YearReport:
    """What one run did. `mended`: trajectories that had no row for this school year and have one now."""

    school_year: str
    mended: list[int] = field(default_factory=list)
    closed: int = 0
    advanced: AdvanceReport = field(default_factory=AdvanceReport)


def queue_yearly_evaluations(store: Store, settings: Settings, *, now: datetime) -> YearReport:
    """Ask, remind and close what is due of this school year's evaluations, and mend what was forgotten.

    Once a day is enough. The plan already holds a row per school year. This looks from the other side: a running
    trajectory without a row for this school year is planned again; a round past its end is closed, also of
    trajectories that finished.
    """
    local = now.astimezone(settings.zone).date()
    report = YearReport(str(SchoolYear.of(local)))
    for trajectory_id in _without_a_row(store, SchoolYear.of(local), local):
        with store.write() as session:
            dossier = load(session, trajectory_id, settings, now, lock=True)
            if _is_forgotten(dossier, report.school_year, now):
                follow(session, dossier, Effects(session, dossier, settings, now))
                dossier.trajectory.next_due_at = now
                report.mended.append(trajectory_id)
    due = due_with(store, StepKind.EVALUATION, now)
    report.advanced = advance(store, settings, now=now, only=[*dict.fromkeys([*report.mended, *due])])
    with store.write() as session:
        over = session.exec(_OVER, params={"now": now})
        report.closed = sum(close_round(session, found, now) for found in over)
        if not looked_today(session.connection(), settings, now):
            session.add(Event(at=now, name=LOOKED, details={"school_year": report.school_year}))
    return report


# The latest, not one of today: there is one of every day, and all of them would be read.
_LOOKED = select(col(Event.at)).where(col(Event.name) == LOOKED).order_by(col(Event.id).desc()).limit(1)


def looked_today(connection: Connection, settings: Settings, now: datetime) -> bool:
    """Whether `queue_yearly_evaluations` ran on this local day.

    It reads every running trajectory, so a heartbeat asks this first; what is due within the day `advance` does.
    """
    midnight = datetime.combine(now.astimezone(settings.zone).date(), time(), settings.zone)
    looked = connection.execute(_LOOKED).scalar()
    return looked is not None and midnight <= looked <= now


def _without_a_row(store: Store, year: SchoolYear, today: date) -> list[int]:
    """Running trajectories that may owe an evaluation in this school year and have no row for it.

    Not those that end before it is asked: in their last months they would be planned again every day.
    """
    with store.read() as session:
        yearly = {
            number: cycles
            for number, programme in programmes(session).items()
            if (cycles := [step.cycle for step in programme.steps if step.cycle and _is_yearly(step)])
        }
        values = {"cycle": str(year), "versions": [*yearly]}
        return [
            number
            for number, version, starts_on, ends_on in session.connection().execute(_NO_ROW, values)
            # How far one runs on that should have ended, only a plan can tell.
            if ends_on is None
            or ends_on < today
            or any(comes_in(year, cycle, starts_on, ends_on) for cycle in yearly[version])
        ]


def _is_yearly(step: Step) -> bool:
    return step.kind is StepKind.EVALUATION and step.cycle is not None


def _is_forgotten(dossier: Dossier, school_year: str, now: datetime) -> bool:
    """Whether the plan has an evaluation in this school year that the rows lack: not so for who started too late in it."""
    made = plan(dossier.programme, dossier.facts(now), dossier.calendar)
    yearly = {step.key for step in dossier.programme.steps if _is_yearly(step)}
    return any(
        step.key in yearly and step.cycle == school_year and step.id not in dossier.steps
        for step in made.steps
    )
