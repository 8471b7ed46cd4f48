"""Trajectories with their stages, steps and tasks: what is planned and how far it is."""

from datetime import date, datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from models.columns import choice, id_field, instant, ref
from models.enums import Certainty, StageState, StepKind, StepState, TaskState, TrajectoryState

_GATHERINGS = text("kind = 'gathering'")
_TO_PLACE = text("kind = 'gathering' AND state = 'planned'")
_TO_CHOOSE = text("kind = 'gathering' AND state = 'planned' AND acted_at IS NOT NULL")
_YEARLY = text("kind = 'evaluation'")


class Trajectory(SQLModel, table=True):
    """One run of a programme, for one school or for a group.

    `next_due_at` is the earliest instant at which `advance` has something to do here; the heartbeat reads nothing
    else, so that its cost grows with what is due. `revision` rises with every change.
    """

    __tablename__ = "trajectories"
    __table_args__ = (
        Index(
            "ix_trajectories_due",
            "next_due_at",
            sqlite_where=text("state = 'running' AND next_due_at IS NOT NULL"),
            postgresql_where=text("state = 'running' AND next_due_at IS NOT NULL"),
        ),
    )

    id: int | None = id_field()
    reference: str = Field(unique=True)  # po-nieuw:16LF00, with :2 for a second one that was meant
    programme_version_id: int = ref("programme_versions.id")
    organisation_id: int | None = ref("organisations.id", nullable=True)  # the school
    group_name: str = ""
    title: str
    starts_on: date
    ends_on: date | None = None  # as planned now
    state: TrajectoryState = choice(TrajectoryState, TrajectoryState.RUNNING)
    launched_at: datetime = instant()
    paused_at: datetime | None = instant(nullable=True)
    finished_at: datetime | None = instant(nullable=True)
    next_due_at: datetime | None = instant(nullable=True)
    revision: int = 0


class StageRow(SQLModel, table=True):
    """One stage of one trajectory. `moved_opens_on` and `moved_ends_on` are what staff decided; the plan follows."""

    __tablename__ = "stages"
    __table_args__ = (UniqueConstraint("trajectory_id", "key"),)

    id: int | None = id_field()
    trajectory_id: int = ref("trajectories.id", index=False)  # the unique constraint is its index
    key: str
    position: int
    title: str
    state: StageState = choice(StageState, StageState.PLANNED)
    opens_on: date
    ends_on: date
    certainty: Certainty = choice(Certainty, Certainty.EXPECTED)
    opened_at: datetime | None = instant(nullable=True)
    closed_at: datetime | None = instant(nullable=True)
    moved_opens_on: date | None = None
    moved_ends_on: date | None = None


class StepRow(SQLModel, table=True):
    """One thing owed: a step of the programme, or a reminder or escalation that belongs to one.

    `key` is the programme's step key, with `/reminder-1`, `/invite`… behind it for what belongs to a step; `cycle`
    is the school year of a yearly step (else empty), so that next year is another row.
    """

    __tablename__ = "steps"
    __table_args__ = (
        UniqueConstraint("trajectory_id", "key", "cycle"),
        # What the daily look for dates reads: gatherings nobody is invited to yet, and those staff are to choose for.
        Index(
            "ix_steps_to_place", "starts_at", "ends_at", sqlite_where=_TO_PLACE, postgresql_where=_TO_PLACE
        ),
        Index("ix_steps_to_choose", "acted_at", sqlite_where=_TO_CHOOSE, postgresql_where=_TO_CHOOSE),
        # What a plan reads of others: when their gatherings are.
        Index(
            "ix_steps_gatherings",
            "trajectory_id",
            "state",
            "starts_at",
            sqlite_where=_GATHERINGS,
            postgresql_where=_GATHERINGS,
        ),
        # And what the yearly look reads: who has an evaluation in which school year.
        Index("ix_steps_yearly", "cycle", "trajectory_id", sqlite_where=_YEARLY, postgresql_where=_YEARLY),
    )

    id: int | None = id_field()
    trajectory_id: int = ref("trajectories.id", index=False)
    stage: str = ""  # the stage's key; empty: the yearly cycle
    key: str
    cycle: str = ""
    kind: StepKind = choice(StepKind)
    title: str
    state: StepState = choice(StepState, StepState.PLANNED)
    due_at: datetime | None = instant(nullable=True)  # None: no date could be found; `note` says why
    due_rule: str = ""  # local wall time: "2026-10-07 13:30 Europe/Amsterdam"
    starts_at: datetime | None = instant(nullable=True)  # gathering: its start; evaluation: None
    ends_at: datetime | None = instant(nullable=True)  # gathering: its end; evaluation: closes
    certainty: Certainty = choice(Certainty, Certainty.EXPECTED)
    on_hold: bool = False
    moved_to: datetime | None = instant(nullable=True)  # staff decided this moment (a gathering's start)
    acted_at: datetime | None = instant(nullable=True)  # sent, asked, invited or assigned
    done_at: datetime | None = instant(nullable=True)  # and done: answered, held, settled
    joins: int | None = None  # the gathering of another trajectory that its people go to, which has its theme
    note: str = ""  # why it was skipped, missed or could not be planned


class Task(SQLModel, table=True):
    """Something for staff to do, or to decide."""

    __tablename__ = "tasks"

    id: int | None = id_field()
    effect_key: str = Field(unique=True)
    trajectory_id: int = ref("trajectories.id")
    step_id: int | None = ref("steps.id", nullable=True)
    person_id: int | None = ref("people.id", nullable=True)
    title: str
    detail: str = ""
    state: TaskState = choice(TaskState, TaskState.OPEN)
    created_at: datetime = instant()
    due_on: date | None = None
    done_at: datetime | None = instant(nullable=True)
