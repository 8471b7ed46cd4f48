"""From a request to a running trajectory: checked, planned and shown first; then all rows at once, or none."""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, col, select

from models import (
    Event,
    Organisation,
    Person,
    ProgrammeVersion,
    RoleHolder,
    StageRow,
    StepRow,
    Trajectory,
)
from models.enums import OrganisationKind, StepState
from traject.dossier import row_id
from traject.launch_check import Launched, Preparation, Prepared, prepare, preview
from traject.launch_request import LaunchError, LaunchRequest, RoleGiven, parse_role, reference_of
from traject.programme import Programme, Role, Text
from traject.replan import stage_values, step_values
from traject.settings import Settings
from traject.store import Store

TRIES = 4
BATCH = 50
"""So many plans are in memory at once, however many schools are launched in the one transaction."""


def launch(
    store: Store,
    requests: Sequence[LaunchRequest],
    *,
    settings: Settings,
    now: datetime,
    actor: str = "staff",
) -> list[Launched]:
    """Launch all of these, in one transaction. LaunchError names every problem, and then nothing was written."""
    tries = 0
    while True:
        try:
            return _launch(store, requests, settings, now, actor)
        except IntegrityError as error:
            if "unique" not in str(error.orig).lower():  # SQLite and PostgreSQL both say so
                raise
            # Somebody else wrote the same person or trajectory since we looked: look again, and name it.
            tries += 1
            if tries == TRIES:
                busy = Text(
                    "iemand anders start nu hetzelfde; probeer het zo nog eens",
                    "somebody else is launching the same now; try again in a moment",
                )
                raise LaunchError([busy]) from error


def _launch(
    store: Store, requests: Sequence[LaunchRequest], settings: Settings, now: datetime, actor: str
) -> list[Launched]:
    launched: list[Launched] = []
    problems: list[Text] = []
    with store.write() as session:
        waiting = Preparation(session, requests, settings, now).each()
        while batch := list(islice(waiting, BATCH)):
            problems += [problem for one in batch for problem in one.problems]
            if not problems:
                launched += _write(session, batch, now, actor)
        if problems:
            raise LaunchError(problems)  # takes back what was written before the first problem
    return launched


def _write(session: Session, prepared: Sequence[Prepared], now: datetime, actor: str) -> list[Launched]:
    people = _people(session, prepared)
    versions = {
        programme.key: store_version(session, programme, now)
        for programme in {one.programme.key: one.programme for one in prepared if one.programme}.values()
    }
    trajectories = [
        Trajectory(
            reference=one.reference,
            programme_version_id=versions[one.request.programme],
            organisation_id=one.organisation.id if one.organisation else None,
            group_name=one.request.group or "",
            title=one.programme.title.nl if one.programme else "",
            starts_on=one.request.starts_on,
            ends_on=one.plan.ends_on if one.plan else None,
            launched_at=now,
            next_due_at=now,
        )
        for one in prepared
    ]
    session.add_all(trajectories)
    session.flush()
    stages: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    holders: list[dict[str, Any]] = []
    launched: list[Launched] = []
    for one, trajectory in zip(prepared, trajectories, strict=True):
        made, programme, calendar = one.plan, one.programme, one.calendar
        if made is None or programme is None or calendar is None:
            raise LaunchError(one.problems)
        number = row_id(trajectory)
        stages += [stage_values(programme, stage, number) for stage in made.stages]
        for step in made.steps:
            values = step_values(
                made, step, calendar.timezone, calendar.to_local(step.when) if step.when else None
            )
            steps.append(
                {
                    "trajectory_id": number,
                    "key": step.key,
                    "cycle": step.cycle,
                    "state": StepState.PLANNED,
                    "on_hold": False,
                }
                | values
            )
        holders += [
            {
                "trajectory_id": number,
                "role": given.role,
                "person_id": people[given.email.lower()],
                "since": now,
            }
            for given in dict.fromkeys(one.request.roles)
        ]
        session.add(
            Event(
                at=now,
                name="trajectory.launched",
                trajectory_id=number,
                actor=actor,
                details={"programme": programme.key, "version": programme.version},
            )
        )
        launched.append(Launched(number, trajectory.reference))
    session.flush()
    for table, rows in ((StageRow, stages), (StepRow, steps), (RoleHolder, holders)):
        if rows:
            # Past the ORM: it would take the rows apart again by which of their columns are None.
            session.connection().execute(insert(SQLModel.metadata.tables[str(table.__tablename__)]), rows)
    return launched


def home_of(role: Role, *, school: int | None, hart: int) -> int | None:
    """The organisation that somebody new belongs to by their role: Hart, the school, or one that is not known."""
    return hart if role.staff else None if role.key == "partner" else school


def hart_itself(session: Session) -> int:
    """Hart as an organisation, which is added when it is not there yet."""
    found = session.exec(select(Organisation).where(Organisation.kind == OrganisationKind.HART)).first()
    if found is None:
        found = Organisation(kind=OrganisationKind.HART, name="Hart", municipality="Haarlem")
        session.add(found)
        session.flush()
    return row_id(found)


def _people(session: Session, prepared: Sequence[Prepared]) -> dict[str, int]:
    """Everybody who gets a role, by address; who is new is added."""
    wanted: dict[str, tuple[RoleGiven, int | None]] = {}
    hart = hart_itself(session)
    for one in prepared:
        school = one.organisation.id if one.organisation else None
        for given in one.request.roles:
            if one.programme is not None:
                home = home_of(one.programme.role(given.role), school=school, hart=hart)
                wanted.setdefault(given.email.lower(), (given, home))
    known = {
        person.email: row_id(person)
        for person in session.exec(select(Person).where(col(Person.email).in_(list(wanted))))
    }
    new = [
        Person(name=given.name, email=email, organisation_id=home)
        for email, (given, home) in wanted.items()
        if email not in known
    ]
    session.add_all(new)
    session.flush()
    return known | {person.email: row_id(person) for person in new}


def store_version(session: Session, programme: Programme, now: datetime) -> int:
    """Keep the text of a programme version. LaunchError when that version was kept with another text."""
    query = select(ProgrammeVersion).where(
        ProgrammeVersion.key == programme.key, ProgrammeVersion.version == programme.version
    )
    found = session.exec(query).one_or_none()
    if found is None:
        found = ProgrammeVersion(
            key=programme.key,
            version=programme.version,
            title=programme.title.nl,
            sha256=programme.sha256,
            text=programme.source,
            stored_at=now,
        )
        session.add(found)
        session.flush()
    elif found.sha256 != programme.sha256:
        used = session.exec(
            select(Trajectory.id).where(Trajectory.programme_version_id == found.id).limit(1)
        ).first()
        if used is not None:
            raise LaunchError(
                [
                    Text(
                        f"{programme.path} is veranderd, maar versie {programme.version} van ‘{programme.key}’ is al "
                        f"gebruikt; maak er `version: {programme.version + 1}` van",
                        f"{programme.path} has changed, but version {programme.version} of ‘{programme.key}’ was used "
                        f"already; make it `version: {programme.version + 1}`",
                    )
                ]
            )
        found.title, found.sha256, found.text, found.stored_at = (
            programme.title.nl,
            programme.sha256,
            programme.source,
            now,
        )
    return row_id(found)


__all__ = [
    "LaunchError",
    "LaunchRequest",
    "Launched",
    "Prepared",
    "RoleGiven",
    "launch",
    "parse_role",
    "prepare",
    "preview",
    "reference_of",
    "store_version",
]
