"""Every running school is asked every school year, in its window, once; the later years as surely as the first."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from engine_cases import World, add_school, dump, engine_settings, local
from sqlmodel import Session, col, delete, update

from models import EvaluationRequest, EvaluationRound, StepRow, Trajectory
from models.enums import RequestState, RoundState, StepState, TrajectoryState
from traject import years
from traject.dossier import Dossier, load
from traject.reconcile import reconcile
from traject.staff import cancel, close_stage, pause, resume
from traject.store import Store
from traject.years import queue_yearly_evaluations

YEARS = ["2026-2027", "2027-2028", "2028-2029", "2029-2030"]
FATIMA, JAN = "fatima@school.example", "jan@school.example"


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    made = World(store, engine_settings(database_url, tmp_path / "var"))
    add_school(store)
    return made


@pytest.fixture
def light(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    store = Store(sqlite_url)
    made = World(store, engine_settings(sqlite_url, tmp_path / "var"))
    add_school(store)
    yield made
    store.close()


def asked(world: World) -> list[tuple[str, str, str]]:
    """Each yearly request that was sent: the trajectory, the school year in its words, to whom."""
    references = {t.id: t.reference for t in world.rows(Trajectory)}
    return [
        (references[m.trajectory_id], year, m.to_email)
        for m in world.mails("evaluation-request")
        for year in [*YEARS, "2030-2031"]
        if f"schooljaar {year}?" in m.subject and "jaarevaluatie" in m.effect_key
    ]


def test_a_trajectory_that_lives_four_years_is_asked_once_in_every_one_of_them(world: World):
    reference = world.launch()
    world.live(local(2031, 9, 1), world.do_tasks)
    assert world.trajectory().state is TrajectoryState.FINISHED
    assert asked(world) == [(reference, year, who) for year in YEARS for who in (FATIMA, JAN)]
    rounds = [r for r in world.rows(EvaluationRound) if r.step_key == "jaarevaluatie"]
    assert [r.school_year for r in rounds] == YEARS
    for round_ in rounds:
        first = int(round_.school_year[5:])
        assert local(first, 5, 1) <= round_.opened_at < local(first, 6, 1)
        assert round_.closes_at == local(first, 7, 1)
        assert round_.state is RoundState.CLOSED


def test_only_who_has_not_answered_is_reminded_and_the_adviser_calls_only_then(light: World):
    light.launch()
    light.live(local(2027, 5, 10), light.do_tasks)
    light.answer(local(2027, 5, 10, 12), emails=[FATIMA])
    light.live(local(2028, 5, 10), light.do_tasks)
    light.answer(local(2028, 5, 10, 12))
    light.live(local(2028, 8, 1), light.do_tasks)
    reminded = [
        (m.to_email, m.queued_at.year) for m in light.mails("evaluation-reminder") if "jaar" in m.effect_key
    ]
    assert reminded == [(JAN, 2027), (JAN, 2027)]
    calls = [(m.queued_at.year) for m in light.mails("task") if "Bel de school" in m.subject]
    assert calls == [2027]
    assert light.step("jaarevaluatie/escalation", "2027-2028").state is StepState.WITHDRAWN


def test_a_reminder_that_waits_is_withdrawn_at_the_moment_of_the_answer(world: World):
    world.launch()
    world.live(local(2027, 5, 18, 9), world.do_tasks)
    waiting = [
        m for m in world.mails("evaluation-reminder", state="queued") if m.queued_at > local(2027, 5, 1)
    ]
    assert [m.to_email for m in waiting] == [FATIMA, JAN]
    world.answer(local(2027, 5, 18, 9, 30), emails=[FATIMA])
    states = {
        m.to_email: m.state for m in world.mails("evaluation-reminder") if m.queued_at > local(2027, 5, 1)
    }
    assert states == {FATIMA: "withdrawn", JAN: "queued"}


def test_finished_paused_and_cancelled_trajectories_are_not_asked(light: World):
    codes = ("20AA00", "20AB00", "20AC00")
    for code in codes:
        add_school(light.store, code, f"School {code}")
        light.launch(school=code)
    light.launch()
    light.live(local(2026, 10, 10), light.do_tasks)
    pause(light.store, light.settings, "proef:20AA00", now=local(2027, 3, 1, 10))
    cancel(light.store, light.settings, "proef:20AB00", now=local(2027, 3, 1, 10))
    for stage in ("begin", "doen", "borgen"):
        close_stage(light.store, light.settings, "proef:20AC00", stage, now=local(2026, 11, 2, 10))
    light.live(local(2027, 6, 20), light.do_tasks)
    queue_yearly_evaluations(light.store, light.settings, now=local(2027, 6, 20, 10))
    assert light.trajectory("proef:20AC00").state is TrajectoryState.FINISHED
    assert {reference for reference, _, _ in asked(light)} == {"proef:16LF00"}
    resume(light.store, light.settings, "proef:20AA00", now=local(2027, 6, 21, 10))
    assert {r for r, _, _ in asked(light)} == {"proef:16LF00", "proef:20AA00"}  # delayed, not dropped


def test_the_daily_look_asks_what_is_due_and_changes_nothing_the_second_time(world: World):
    world.launch()
    world.live(local(2027, 4, 20), world.do_tasks)
    now = local(2027, 5, 3, 9)
    report = queue_yearly_evaluations(world.store, world.settings, now=now)
    assert (report.school_year, report.mended) == ("2026-2027", [])
    assert len(asked(world)) == 2
    before = dump(world.store)
    again = queue_yearly_evaluations(world.store, world.settings, now=now)
    assert (again.mended, again.closed, again.advanced.moves) == ([], 0, {})
    assert dump(world.store) == before


def test_a_school_in_its_first_year_that_lost_every_row_is_asked(light: World):
    light.launch()
    light.live(local(2027, 4, 1), light.do_tasks)
    with light.store.write() as session:
        session.exec(delete(StepRow).where(col(StepRow.key).startswith("jaarevaluatie")))
    queue_yearly_evaluations(light.store, light.settings, now=local(2027, 5, 3, 9))
    assert [who for _, _, who in asked(light)] == [FATIMA, JAN]


@pytest.mark.parametrize("gone", ["this year", "every year"])
def test_a_row_that_was_lost_is_mended_and_the_school_is_asked(light: World, gone: str):
    light.launch()
    light.live(local(2028, 4, 1), light.do_tasks)
    with light.store.write() as session:
        lost = delete(StepRow).where(StepRow.key.like("jaarevaluatie%"), StepRow.state == StepState.PLANNED)
        session.exec(lost.where(StepRow.cycle == "2027-2028") if gone == "this year" else lost)
    now = local(2028, 5, 8, 9)
    found = {f.code for f in reconcile(light.store, light.settings, now=local(2028, 4, 2))}
    assert "evaluation" in found
    report = queue_yearly_evaluations(light.store, light.settings, now=now)
    assert report.mended == [light.trajectory().id]
    assert [year for _, year, who in asked(light) if who == JAN] == ["2026-2027", "2027-2028"]
    assert light.rows(StepRow, StepRow.key == "jaarevaluatie/reminder-1", StepRow.cycle == "2027-2028")


def test_a_school_that_needs_nothing_is_not_planned_again_every_day(light: World):
    """Launched too late for this year: there is no row, and none is to come."""
    light.launch(now=local(2027, 6, 28, 9), starts_on=local(2027, 6, 28, 9).date())
    light.advance(local(2027, 6, 28, 9))
    before = dump(light.store) | {"events": []}
    report = queue_yearly_evaluations(light.store, light.settings, now=local(2027, 6, 29, 9))
    assert report.mended == []
    assert dump(light.store) | {"events": []} == before


def test_one_that_ends_before_it_would_be_asked_is_looked_at_again_only_when_it_runs_on(
    light: World, monkeypatch: pytest.MonkeyPatch
):
    light.launch()
    light.live(local(2027, 1, 10), light.do_tasks)
    with light.store.write() as session:
        session.exec(delete(StepRow).where(col(StepRow.key).startswith("jaarevaluatie")))
        session.exec(update(Trajectory).values(ends_on=date(2027, 1, 11)))
    planned: list[int] = []

    def load_and_count(session: Session, trajectory_id: int, *rest: Any, **more: Any) -> Dossier:
        planned.append(trajectory_id)
        return load(session, trajectory_id, *rest, **more)

    monkeypatch.setattr(years, "load", load_and_count)
    queue_yearly_evaluations(light.store, light.settings, now=local(2027, 1, 11, 9))
    assert planned == []
    report = queue_yearly_evaluations(light.store, light.settings, now=local(2027, 1, 12, 9))
    assert planned == report.mended == [light.trajectory().id]
    assert light.step("jaarevaluatie", "2026-2027").state is StepState.PLANNED


def test_a_round_past_its_end_is_closed_also_when_the_trajectory_stands_still(light: World):
    light.launch()
    light.live(local(2027, 5, 4), light.do_tasks)
    pause(light.store, light.settings, "proef:16LF00", now=local(2027, 5, 5, 10))
    report = queue_yearly_evaluations(light.store, light.settings, now=local(2027, 7, 1, 6))
    assert report.closed == 1
    requests = [r for r in light.rows(EvaluationRequest) if r.asked_at > local(2027, 5, 1)]
    assert {r.state for r in requests} == {RequestState.EXPIRED}


@pytest.mark.parametrize(
    ("starts", "first"),
    [
        pytest.param(date(2027, 4, 12), "2026-2027", id="before the window"),
        pytest.param(date(2027, 5, 31), "2026-2027", id="in it"),
        pytest.param(date(2027, 6, 28), "2027-2028", id="when it is nearly over"),
    ],
)
def test_a_school_that_starts_around_the_window_is_asked_in_the_first_whole_one(
    light: World, starts: date, first: str
):
    light.launch(now=local(2027, 4, 6, 9), starts_on=starts)
    light.live(local(2028, 7, 10), light.do_tasks)
    assert asked(light)[0][1] == first
    assert len({(year, who) for _, year, who in asked(light)}) == len(asked(light))


def test_a_month_without_service_over_the_start_of_the_window_asks_once_and_reminds_from_then(light: World):
    light.launch()
    light.live(local(2027, 4, 20), light.do_tasks)
    light.advance(local(2027, 5, 31, 10))
    assert len(asked(light)) == 2
    assert [m for m in light.mails("evaluation-reminder") if m.queued_at > local(2027, 5, 1)] == []
    assert light.step("jaarevaluatie/reminder-1", "2026-2027").due_at == local(2027, 6, 14, 9)
    light.live(local(2027, 6, 14, 12), light.do_tasks)
    assert len([m for m in light.mails("evaluation-reminder") if m.queued_at > local(2027, 5, 1)]) == 2


def test_a_year_whose_questions_are_long_over_is_missed_where_staff_can_see_it(light: World):
    light.launch()
    light.live(local(2027, 4, 20), light.do_tasks)
    light.advance(local(2027, 10, 4, 10))
    row = light.step("jaarevaluatie", "2026-2027")
    assert (row.state, row.note) == (StepState.MISSED, "de periode van deze evaluatie was al voorbij")
    light.live(local(2028, 5, 20), light.do_tasks)
    assert {year for _, year, _ in asked(light)} == {"2027-2028"}


def test_an_evaluation_within_a_stage_is_named_by_its_school_year_too(light: World):
    light.launch()
    light.live(local(2027, 2, 10), light.do_tasks)
    [mail] = [m for m in light.mails("evaluation-request") if "tussenpeiling" in m.effect_key]
    assert "schooljaar 2026-2027" in mail.subject
    step = light.step("tussenpeiling")  # three weeks, to the end of the day: 1 February + 21 days is the 22nd
    assert (step.acted_at, step.ends_at) == (local(2027, 2, 1, 9), local(2027, 2, 23))
