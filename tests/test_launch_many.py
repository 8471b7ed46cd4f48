"""Many schools at once are planned and written batch by batch, and still launched all or not at all."""

from datetime import date, datetime

import pytest
from sqlmodel import col, func, select

from models import Event, Organisation, Person, School, StepRow, Trajectory
from models.enums import OrganisationKind
from traject.launch import BATCH, LaunchError, LaunchRequest, RoleGiven, launch
from traject.store import Store

MANY = BATCH + 3


def code(number: int) -> str:
    return f"ZZ{number:04d}"


def request(number: int) -> LaunchRequest:
    return LaunchRequest(
        programme="po-nieuw",
        school=code(number),
        starts_on=date(2026, 9, 14),
        roles=(
            RoleGiven("coordinator", "Coördinator", f"c{number}@school.example"),
            RoleGiven("directeur", "Directeur", f"d{number}@school.example"),
            RoleGiven("adviseur", "Adviseur", f"a{number // 10}@hart.example"),
        ),
    )


@pytest.fixture
def store(store: Store) -> Store:
    with store.write() as session:
        for number in range(MANY):
            home = Organisation(kind=OrganisationKind.SCHOOL, name=f"School {number}")
            session.add(home)
            session.flush()
            session.add(School(organisation_id=home.id or 0, code=code(number), school_type="bo"))
    return store


def count(store: Store, *tables: type) -> list[int]:
    with store.read() as session:
        return [session.exec(select(func.count()).select_from(table)).one() for table in tables]


def test_more_schools_than_a_batch_are_all_launched_in_order(store, settings, now: datetime):
    launched = launch(store, [request(n) for n in range(MANY)], settings=settings, now=now)
    assert [one.reference for one in launched] == [f"po-nieuw:{code(n)}" for n in range(MANY)]
    trajectories, steps, events = count(store, Trajectory, StepRow, Event)
    assert (trajectories, events) == (MANY, MANY)
    assert steps > 50 * MANY
    with store.read() as session:
        ids = session.exec(
            select(StepRow.trajectory_id).where(col(StepRow.due_at).is_not(None)).distinct()
        ).all()
    assert set(ids) == {one.trajectory_id for one in launched}


def test_a_refused_school_in_the_last_batch_takes_back_the_first_and_all_problems_are_named(
    store, settings, now: datetime
):
    requests = [request(n) for n in (0, *range(MANY), MANY + 1)]
    with pytest.raises(LaunchError) as refused:
        launch(store, requests, settings=settings, now=now)
    assert len(refused.value.problems) == 2
    assert count(store, Trajectory, StepRow, Event, Person) == [0, 0, 0, 0]
