"""A small world in which trajectories live: schools, people, launches, time that jumps from one due moment to the next."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import selectinload
from sqlmodel import SQLModel, col, select

from calendars.lint_mail import lint_mail
from calendars.school_year import school_calendar
from models import (
    EvaluationRequest,
    EvaluationRound,
    Gathering,
    Invitation,
    Message,
    Organisation,
    Person,
    School,
    StageRow,
    StepRow,
    Task,
    Trajectory,
)
from models.enums import MessageState, OrganisationKind, RequestState, TaskState, TrajectoryState
from traject.advance import AdvanceReport, advance
from traject.evaluations import record_answers
from traject.launch import LaunchRequest, RoleGiven, launch
from traject.plan import Fact, Facts
from traject.programme import Programme
from traject.programme_file import parse_programme, read_programme
from traject.settings import Settings
from traject.staff import finish_task
from traject.store import Store
from traject.waking import lock_trajectories, wake

PROGRAMMES = Path(__file__).parent / "programmes"
ZONE = ZoneInfo("Europe/Amsterdam")
START = date(2026, 9, 7)  # a Monday in a school week
MORNING = datetime(2026, 9, 7, 8, 0, tzinfo=UTC)

COORDINATOR = RoleGiven("coordinator", "Fatima Çelik", "fatima@school.example")
HEAD = RoleGiven("directeur", "Jan de Wit", "jan@school.example")
ADVISER = RoleGiven("adviseur", "Sam Vos", "s.vos@hart.example")
TEACHERS = (
    RoleGiven("team", "Noor Visser", "noor@school.example"),
    RoleGiven("team", "Bo Prins", "bo@school.example"),
)
ROLES = (COORDINATOR, HEAD, ADVISER, *TEACHERS)


def local(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    """A local time in Haarlem as an instant in UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


def engine_settings(database_url: str, var_dir: Path, programmes: Path = PROGRAMMES) -> Settings:
    return Settings(
        database_url=database_url,
        var_dir=var_dir,
        secret_key="a key for tests",
        base_url="http://portal.example",
        programmes_dir=programmes,
    )


def add_school(store: Store, code: str = "16LF00", name: str = "De Kleine Wereld", kind: str = "bo") -> None:
    with store.write() as session:
        organisation = Organisation(kind=OrganisationKind.SCHOOL, name=name, municipality="Haarlem")
        session.add(organisation)
        session.flush()
        session.add(
            School(
                organisation_id=organisation.id or 0,
                code=code,
                sector="po",
                school_type=kind,
                official_name=name.upper(),
            )
        )


def request(**changes: Any) -> LaunchRequest:
    values: dict[str, Any] = {
        "programme": "proef",
        "starts_on": START,
        "school": "16LF00",
        "roles": ROLES,
    } | changes
    return LaunchRequest(**values)


@dataclass
class World:
    """One store with its settings, and what a test asks of it."""

    store: Store
    settings: Settings

    def launch(self, *, now: datetime = MORNING, **changes: Any) -> str:
        """Launch one trajectory; gives its reference."""
        [launched] = launch(self.store, [request(**changes)], settings=self.settings, now=now)
        return launched.reference

    def advance(self, now: datetime) -> AdvanceReport:
        """One run; a trajectory that failed fails the test."""
        report = advance(self.store, self.settings, now=now)
        assert report.failed == {}
        return report

    def live(self, until: datetime, each: Callable[[datetime], None] | None = None) -> datetime:
        """Jump from one due moment to the next, through `until`; `each` is called after every run."""
        at = MORNING
        for _ in range(5000):
            with self.store.read() as session:
                due = session.exec(
                    select(Trajectory.next_due_at)
                    .where(
                        Trajectory.state == TrajectoryState.RUNNING,
                        col(Trajectory.next_due_at).is_not(None),
                    )
                    .order_by(col(Trajectory.next_due_at))
                ).first()
            if due is None or due > until:
                return until
            at = max(at, due)
            self.advance(at)
            if each:
                each(at)
        raise AssertionError(f"time stands still at {at}")

    # What is there

    def rows(self, table: type[Any], *where: Any) -> list[Any]:
        with self.store.read() as session:
            asked = select(table).where(*where).order_by(col(table.id))
            if table is Message:  # with the bytes: what is given outlives the session
                asked = asked.options(selectinload(Message.content))  # pyright: ignore[reportArgumentType]  # SQLModel types it as its value
            return list(session.exec(asked))

    def step(self, key: str, cycle: str = "") -> StepRow:
        [row] = self.rows(StepRow, StepRow.key == key, StepRow.cycle == cycle)
        return row

    def stage(self, key: str) -> StageRow:
        [row] = self.rows(StageRow, StageRow.key == key)
        return row

    def trajectory(self, reference: str = "proef:16LF00") -> Trajectory:
        [row] = self.rows(Trajectory, Trajectory.reference == reference)
        return row

    def gathering(self, key: str) -> Gathering:
        [row] = self.rows(Gathering, Gathering.step_id == self.step(key).id)
        return row

    def invitation(self, key: str, email: str) -> Invitation:
        [person] = self.rows(Person, Person.email == email)
        [row] = self.rows(
            Invitation,
            Invitation.gathering_id == self.gathering(key).id,
            Invitation.person_id == person.id,
        )
        return row

    def mails(self, *kinds: str, to: str | None = None, state: str | None = None) -> list[Message]:
        found = self.rows(Message)
        return [
            m
            for m in found
            if (not kinds or m.kind in kinds)
            and (to is None or m.to_email == to)
            and (state is None or m.state == state)
        ]

    def tasks(self, *, state: TaskState = TaskState.OPEN) -> list[Task]:
        return self.rows(Task, Task.state == state)

    # What people do

    def deliver(self, now: datetime) -> None:
        """The mail server takes everything that may go out."""
        with self.store.write() as session:
            due = col(Message.next_attempt_at) <= now
            for message in session.exec(select(Message).where(Message.state == MessageState.QUEUED, due)):
                message.state, message.accepted_at, message.attempted_at = MessageState.ACCEPTED, now, now
                message.next_attempt_at = None

    def do_tasks(self, now: datetime) -> None:
        """The adviser does what lies there."""
        for task in self.tasks():
            finish_task(self.store, self.settings, task.id or 0, now=now)

    def answer(self, now: datetime, *, emails: Iterable[str] | None = None) -> int:
        """Everybody (or these people) fills in what they were asked; gives how many."""
        with self.store.write() as session:
            asked = session.exec(
                select(EvaluationRequest, Person, EvaluationRound)
                .join(Person, col(Person.id) == col(EvaluationRequest.person_id))
                .join(EvaluationRound, col(EvaluationRound.id) == col(EvaluationRequest.round_id))
                .where(EvaluationRequest.state == RequestState.ASKED)
            ).all()
            count = 0
            for found, person, round_ in asked:
                if emails is not None and person.email not in emails:
                    continue
                lock_trajectories(session, [round_.trajectory_id])
                record_answers(
                    session,
                    found,
                    {"tevreden": "ja"},
                    questionnaire="terugblik",
                    version=1,
                    received_at=now,
                    now=now,
                )
                wake(session, [round_.trajectory_id], now)
                count += 1
            return count

    def lint(self) -> int:
        """Every mail with a calendar part is clean; gives how many there are."""
        invitations = [m for m in self.mails("invitation", "invitation-update", "cancellation") if m.data]
        for message in invitations:
            assert lint_mail(message.data or b"") == [], message.subject
        return len(invitations)


def dump(store: Store) -> dict[str, list[Any]]:
    """Every row of every table, as it is."""
    with store.engine.connect() as connection:
        return {
            name: [tuple(row) for row in connection.execute(table.select().order_by(*table.primary_key))]
            for name, table in sorted(SQLModel.metadata.tables.items())
        }


def end_state(store: Store) -> dict[str, list[Any]]:
    """What the database says, without ids, random tokens and what holds them: to compare two lives.

    PostgreSQL does not give an id twice, also when its transaction was lost.
    """
    left_out = {"id", "data", "token_hash", "tag", "uid", "message_id", "return_path"}

    def plain(column: str, value: Any) -> str:
        if column == "effect_key":
            return re.sub(r":([gi])\d+", r":\1", value)
        if isinstance(value, dict):
            return str({key: each for key, each in value.items() if not isinstance(each, int)})
        return str(value)

    with store.engine.connect() as connection:
        return {
            name: sorted(
                tuple(
                    plain(column, value)
                    for column, value in row._mapping.items()
                    if column not in left_out and not column.endswith("_id")
                )
                for row in connection.execute(table.select())
            )
            for name, table in sorted(SQLModel.metadata.tables.items())
        }


def days(count: int) -> timedelta:
    return timedelta(days=count)


# Plans without a database

HEAD_OF_A_SMALL_ONE = """
programme: klein
version: 1
kind: school
title: Klein
roles:
  - {role: coordinator, title: coördinator, required: yes}
  - {role: adviseur, title: adviseur, required: yes, staff: yes}
stages:
"""


def proef() -> Programme:
    """The trial programme of tests/programmes."""
    return read_programme(PROGRAMMES / "proef.yaml")


def small(stages: str, yearly: str = "") -> Programme:
    """A programme of these stages (YAML, as it stands under `stages:`) and yearly steps."""
    text = HEAD_OF_A_SMALL_ONE + stages + (f"\nyearly:\n{yearly}" if yearly else "")
    return parse_programme(text, "klein.yaml")


def one_stage(steps: str, lasts: str = "6 maanden", yearly: str = "") -> Programme:
    """A programme of one stage with these steps."""
    return small(
        f"  - stage: een\n    title: Een\n    starts: bij de lancering\n    lasts: {lasts}\n    steps:\n{steps}",
        yearly,
    )


def facts(starts_on: date = START, *happened: Fact, as_of: datetime | None = None, kind: str = "bo") -> Facts:
    at = as_of or datetime(starts_on.year, starts_on.month, starts_on.day, 6, tzinfo=UTC)
    return Facts(starts_on, at, happened, school_type=kind)


CALENDAR = school_calendar()
