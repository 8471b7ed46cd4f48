"""Taking trajectories as far as they can go: each moment once, in order, and in the right hours."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from engine_cases import ADVISER, MORNING, ZONE, World, add_school, days, dump, engine_settings, local
from sqlmodel import select

from calendars.school_year import school_calendar
from models import Event, Person, StageRow, StepRow, Task, Trajectory
from models.enums import AddressState, StageState, StepState, TaskState, TrajectoryState
from traject.advance import advance
from traject.reconcile import reconcile
from traject.staff import close_stage, hold, move_step, pause, release, reopen_stage, resume
from traject.store import Store


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    """One school with a trajectory that was just launched; on both databases."""
    made = World(store, engine_settings(database_url, tmp_path / "var"))
    add_school(store)
    made.launch()
    return made


@pytest.fixture
def light(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """The same on SQLite alone: for rules that no database decides."""
    store = Store(sqlite_url)
    made = World(store, engine_settings(sqlite_url, tmp_path / "var"))
    add_school(store)
    made.launch()
    yield made
    store.close()


def test_running_twice_changes_nothing_the_second_time(world: World):
    seen = 0

    def again(at: datetime) -> None:
        nonlocal seen
        before = dump(world.store)
        assert advance(world.store, world.settings, now=at).moves == {}
        assert dump(world.store) == before
        seen += 1
        world.deliver(at)
        world.do_tasks(at)

    world.live(local(2027, 8, 1), again)
    assert seen > 20
    assert reconcile(world.store, world.settings, now=local(2027, 8, 1)) == []


def test_running_for_these_alone_leaves_them_as_they_are_when_nothing_is_due(world: World):
    world.live(MORNING)
    before = dump(world.store)
    report = advance(world.store, world.settings, now=MORNING, only=[world.trajectory().id or 0])
    assert report.moves == {}
    assert dump(world.store) == before


def test_two_at_once_never_do_a_thing_twice(world: World):
    for code in ("27YD00", "20AB00", "21CD00"):
        add_school(world.store, code, f"School {code}")
        world.launch(school=code)
    meet = threading.Barrier(3)
    faults: list[str] = []

    def run() -> None:
        store = Store(world.settings.database_url)
        for week in range(12):
            meet.wait()
            report = advance(store, world.settings, now=MORNING + timedelta(weeks=week))
            faults.extend(report.failed.values())
        store.close()

    works = [threading.Thread(target=run) for _ in range(3)]
    for work in works:
        work.start()
    for work in works:
        work.join()
    assert faults == []
    keys = Counter(m.effect_key for m in world.mails())
    assert max(keys.values()) == 1
    welcomed = Counter(m.trajectory_id for m in world.mails("welcome"))
    assert set(welcomed.values()) == {2}
    events = Counter((e.trajectory_id, e.name, str(e.details)) for e in world.rows(Event))
    assert max(events.values()) == 1


def test_a_trajectory_that_fails_is_rolled_back_named_and_stops_no_other(world: World):
    add_school(world.store, "27YD00", "De Ark")
    world.launch(school="27YD00")
    first = world.trajectory("proef:16LF00")
    with world.store.write() as session:  # no mail can be written to somebody without a name
        person = session.exec(select(Person).where(Person.email == "jan@school.example")).one()
        person.name = ""
    with world.store.write() as session:
        other = session.exec(select(Trajectory).where(Trajectory.reference == "proef:27YD00")).one()
        other.state = TrajectoryState.PAUSED
    before = dump(world.store)
    report = advance(world.store, world.settings, now=MORNING)
    assert list(report.failed) == [first.id]
    assert "person_name" in report.failed[first.id or 0]
    after = dump(world.store)
    assert {name for name in before if before[name] != after[name]} == {"trajectories"}
    assert world.trajectory("proef:16LF00").next_due_at == MORNING + timedelta(hours=1)
    with world.store.write() as session:
        session.exec(select(Person).where(Person.email == "jan@school.example")).one().name = "Jan"
        session.exec(
            select(Trajectory).where(Trajectory.reference == "proef:27YD00")
        ).one().state = TrajectoryState.RUNNING
    assert world.advance(MORNING + timedelta(hours=1)).failed == {}
    assert len(world.mails("welcome")) == 4


def test_nothing_leaves_outside_the_sending_hours(light: World):
    calendar = school_calendar()
    light.live(local(2028, 9, 1), light.do_tasks)
    assert len(light.mails()) > 50
    for mail in light.mails(state="queued"):
        assert mail.next_attempt_at
        assert calendar.next_sending_moment(mail.next_attempt_at) == mail.next_attempt_at, mail.effect_key


def test_a_run_at_night_moves_stages_but_sends_nothing_before_the_morning(light: World):
    light.advance(local(2026, 9, 7, 22))
    assert light.stage("begin").state is StageState.OPEN
    assert light.mails() == []
    assert light.trajectory().next_due_at == local(2026, 9, 8, 8)
    light.advance(local(2026, 9, 8, 8))
    assert len(light.mails("welcome")) == 2


def test_the_adviser_hears_once_that_a_stage_cannot_close_and_it_closes_as_soon_as_it_can(light: World):
    light.live(local(2026, 9, 7, 12))
    hold(light.store, light.settings, "proef:16LF00", "kennismaking", now=local(2026, 9, 7, 12))
    light.live(local(2027, 2, 15))
    overdue = [t for t in light.rows(Task) if "kan nog niet worden afgesloten" in t.title]
    assert [t.detail for t in overdue] == [
        "Nog nodig: ‘Kennismaking’ is nog niet afgerond; ‘Schrijf het verslag’ is nog niet afgerond."
    ]
    assert len([m for m in light.mails("task") if m.subject.startswith("Taak: Fase")]) == 1
    release(light.store, light.settings, "proef:16LF00", "kennismaking", now=local(2027, 2, 15, 10))
    light.live(local(2027, 4, 1), light.do_tasks)
    begin, verslag = light.stage("begin"), light.step("verslag")
    assert light.step("kennismaking").state is StepState.DONE
    assert begin.state is StageState.CLOSED
    assert begin.closed_at == verslag.done_at
    assert light.stage("doen").opened_at == begin.closed_at


def test_a_stage_without_a_guard_closes_at_its_end(light: World):
    light.live(local(2027, 9, 10), light.do_tasks)
    doen = light.stage("doen")
    assert (doen.state, doen.closed_at) == (StageState.CLOSED, local(2027, 9, 7))
    assert light.stage("borgen").state is StageState.OPEN


def test_a_stage_closed_early_withdraws_what_it_planned_and_opens_the_next(light: World):
    light.live(local(2026, 9, 14, 12))
    result = close_stage(light.store, light.settings, "proef:16LF00", "begin", now=local(2026, 9, 15, 10))
    assert light.stage("doen").state is StageState.OPEN
    assert {c.after.key for c in result.changes.stages if c.after} >= {"begin", "doen"}
    assert light.step("herinner-3").state is StepState.WITHDRAWN
    assert light.step("herinner-3").note == "de fase is afgesloten"
    assert light.step("kennismaking").state is StepState.OPEN  # people are coming: it goes on
    light.live(local(2026, 9, 29, 16))
    assert light.step("kennismaking").state is StepState.DONE
    assert len(light.mails("gathering-reminder")) == 6  # and they are reminded of it, twice


def test_a_stage_opened_again_plans_again_what_was_still_to_come(light: World):
    light.live(local(2026, 9, 14, 12))
    now = local(2026, 9, 15, 10)
    close_stage(light.store, light.settings, "proef:16LF00", "begin", now=now)
    reopen_stage(light.store, light.settings, "proef:16LF00", "begin", now=now + timedelta(minutes=5))
    assert light.stage("begin").state is StageState.OPEN
    assert light.stage("begin").ends_on == date(2026, 12, 6)
    assert light.step("herinner-3").state is StepState.PLANNED
    light.live(local(2026, 12, 20), light.do_tasks)
    assert light.stage("begin").state is StageState.CLOSED
    assert [m.subject for m in light.mails("reminder")] == [
        "Herinnering: Denk je eraan?",
        "Herinnering: Denk je er nog aan?",
        "Herinnering: Het is nu echt tijd",
    ]


def test_a_finished_trajectory_asks_nothing_more_and_goes_on_when_a_stage_is_opened_again(light: World):
    light.live(local(2030, 3, 1), light.do_tasks)
    close_stage(light.store, light.settings, "proef:16LF00", "borgen", now=local(2030, 3, 1, 10))
    light.live(local(2030, 3, 25))
    assert light.trajectory().state is TrajectoryState.FINISHED
    assert light.trajectory().next_due_at is None
    reopen_stage(light.store, light.settings, "proef:16LF00", "borgen", now=local(2030, 4, 1, 10))
    assert light.trajectory().state is TrajectoryState.RUNNING
    light.live(local(2030, 9, 1), light.do_tasks)
    assert light.step("jaarevaluatie", "2029-2030").state is StepState.DONE  # the last year is not lost
    assert light.trajectory().state is TrajectoryState.FINISHED


def test_an_evaluation_that_is_due_is_asked_before_the_trajectory_finishes(light: World):
    """Its last stage closes in a weekend, when nothing is sent; the evaluation was due on the Monday before."""
    light.live(local(2027, 4, 29), light.do_tasks)
    saturday = local(2027, 5, 8, 10)
    with light.store.write() as session:
        for row in session.exec(select(StageRow)):
            row.state, row.closed_at = StageState.CLOSED, saturday
        for step in session.exec(select(StepRow).where(StepRow.state == StepState.OPEN)):
            step.state = StepState.DONE
        session.exec(select(Trajectory)).one().next_due_at = saturday
    light.advance(saturday)
    assert light.trajectory().state is TrajectoryState.RUNNING
    light.advance(local(2027, 5, 10, 10))
    assert light.step("jaarevaluatie", "2026-2027").state is StepState.OPEN
    assert len([m for m in light.mails("evaluation-request") if m.queued_at > saturday]) == 2


# Downtime


def test_a_month_of_downtime_ends_in_one_reminder_and_a_list_of_what_was_missed(light: World):
    light.live(local(2026, 9, 8, 12))  # welcomed and invited; then nothing runs until 9 October
    now = local(2026, 10, 9, 10)
    light.advance(now)
    sent = [m for m in light.mails() if m.queued_at == now]
    assert [m.subject for m in sent if m.kind == "reminder"] == ["Herinnering: Het is nu echt tijd"]
    withdrawn = {s.key: s.note for s in light.rows(StepRow, StepRow.state == StepState.WITHDRAWN)}
    assert withdrawn["herinner-1"] == withdrawn["herinner-2"] == "samengevoegd met een latere herinnering"
    missed = {s.key: s.note for s in light.rows(StepRow, StepRow.state == StepState.MISSED)}
    assert missed == {
        "kennismaking/reminder-1": "de bijeenkomst was al begonnen",
        "kennismaking/reminder-2": "de bijeenkomst was al begonnen",
        "kennismaking/nudge-1": "de bijeenkomst was al begonnen",
        "bedankt": "het moment was al te lang voorbij",
    }
    assert light.step("kennismaking").state is StepState.DONE
    assert {m.kind for m in sent} == {"reminder", "task"}
    assert {t.title for t in light.tasks()} == {"Schrijf het verslag", "Leg vast wie er was: Kennismaking"}


def test_a_meeting_whose_day_passed_before_anybody_was_invited_gets_another_day(light: World):
    light.advance(MORNING)
    planned = light.step("kennismaking").starts_at
    light.advance(local(2026, 10, 9, 10))
    assert planned == local(2026, 9, 29, 13, 30)
    step = light.step("kennismaking")
    assert step.starts_at
    assert step.starts_at > local(2026, 10, 16)
    assert all(m.queued_at < step.starts_at - days(7) for m in light.mails("invitation"))


def test_a_meeting_that_staff_had_fixed_in_the_past_is_missed_and_nobody_is_invited_to_it(light: World):
    light.advance(MORNING)
    to = local(2026, 9, 29, 10)
    move_step(light.store, light.settings, "proef:16LF00", "kennismaking", to=to, now=MORNING)
    light.advance(local(2026, 10, 9, 10))  # nothing ran in between
    assert light.step("kennismaking").state is StepState.MISSED
    assert light.mails("invitation") == []


def test_a_reminder_is_merged_only_into_one_that_is_sent(light: World):
    """The last of the three has lost its reason: then the one before it goes, not nothing."""
    light.live(local(2026, 9, 7, 12))
    with light.store.write() as session:
        session.exec(select(StepRow).where(StepRow.key == "herinner-3")).one().on_hold = True
    light.advance(local(2026, 10, 9, 10))
    assert [m.subject for m in light.mails("reminder")] == ["Herinnering: Denk je er nog aan?"]


def test_an_evaluation_asked_late_stays_open_as_long_as_people_were_told(light: World):
    light.live(local(2027, 4, 1), light.do_tasks)
    light.advance(local(2027, 6, 28, 10))
    step = light.step("jaarevaluatie", "2026-2027")
    assert (step.state, step.ends_at, step.due_at) == (StepState.OPEN, local(2027, 7, 13), local(2027, 7, 13))
    light.live(local(2027, 7, 12, 23))
    assert light.step("jaarevaluatie", "2026-2027").state is StepState.OPEN
    light.live(local(2027, 7, 13))
    assert light.step("jaarevaluatie", "2026-2027").state is StepState.DONE


def test_who_never_answered_is_named_to_the_adviser_also_when_the_questions_closed_meanwhile(light: World):
    light.live(local(2027, 5, 10), light.do_tasks)
    light.do_tasks(local(2027, 5, 10))
    light.advance(local(2027, 7, 2, 0, 30))  # at night, after the round was over: it closes
    assert light.step("jaarevaluatie", "2026-2027").state is StepState.DONE
    light.advance(local(2027, 7, 2, 9))
    [call] = light.tasks()
    assert call.title == "Bel de school over de terugblik (2026-2027)"
    assert call.detail == "Nog geen antwoord van: Fatima Çelik, Jan de Wit."


# People


def test_a_mail_to_a_role_that_nobody_has_is_skipped_with_the_reason(light: World):
    light.live(local(2026, 12, 8), light.do_tasks)
    step = light.step("welkom-partner")
    assert (step.state, step.note) == (StepState.SKIPPED, "er is nog geen cultuurpartner")


def test_mail_to_an_address_that_bounced_is_held_where_staff_can_see_it(light: World):
    with light.store.write() as session:
        person = session.exec(select(Person).where(Person.email == "jan@school.example")).one()
        person.address_state = AddressState.BOUNCED
    light.advance(MORNING)
    [held] = light.mails(to="jan@school.example")
    assert held.state == "held"
    assert "werkt niet meer" in held.answer


def test_a_gathering_without_a_free_afternoon_becomes_one_task_for_the_adviser(light: World):
    light.live(local(2026, 9, 7, 12))
    with light.store.write() as session:
        stage = session.exec(select(StageRow).where(StageRow.key == "doen")).one()
        stage.moved_opens_on, stage.moved_ends_on = date(2026, 12, 14), date(2027, 1, 3)
    light.live(local(2026, 12, 30), light.do_tasks)
    titles = [t.title for t in light.rows(Task)]
    assert titles.count("Kies een datum: Studiemiddag") == 1
    [task] = [t for t in light.rows(Task) if t.title == "Kies een datum: Studiemiddag"]
    assert "tussen 14-12-2026 en 03-01-2027 is geen vrij moment" in task.detail


def test_every_invitation_update_and_reminder_is_clean_by_the_byte(light: World):
    light.live(local(2026, 9, 8, 12))
    light.deliver(local(2026, 9, 8, 12))
    to = local(2026, 10, 1, 14)
    move_step(light.store, light.settings, "proef:16LF00", "kennismaking", to=to, now=local(2026, 9, 9, 9))
    light.live(local(2028, 4, 1), light.do_tasks)
    assert light.lint() >= 15


# Pause


def test_a_pause_delays_what_is_due_and_drops_nothing(light: World):
    light.live(local(2026, 9, 10))
    pause(light.store, light.settings, "proef:16LF00", now=local(2026, 9, 10, 12))
    light.live(local(2026, 10, 20))
    assert [m.subject for m in light.mails("reminder")] == []
    resume(light.store, light.settings, "proef:16LF00", now=local(2026, 10, 20, 10))
    assert [m.subject for m in light.mails("reminder")] == ["Herinnering: Het is nu echt tijd"]
    assert light.stage("begin").ends_on == date(2027, 1, 15)  # 6 December and the 40 days of the pause
    light.live(local(2031, 9, 1), light.do_tasks)
    light.deliver(local(2031, 9, 1))
    assert light.trajectory().state is TrajectoryState.FINISHED
    assert reconcile(light.store, light.settings, now=local(2031, 9, 1)) == []


def test_a_reminder_that_was_held_does_not_follow_the_one_after_it(light: World):
    later = light.step("kennismaking/reminder-2").due_at
    assert later
    hold(light.store, light.settings, "proef:16LF00", "kennismaking/reminder-1", now=MORNING)
    light.live(later + timedelta(minutes=5))
    sent = len(light.mails("gathering-reminder"))
    assert sent > 0
    at = later + timedelta(minutes=30)
    release(light.store, light.settings, "proef:16LF00", "kennismaking/reminder-1", now=at)
    light.live(later + timedelta(days=1))
    assert len(light.mails("gathering-reminder")) == sent
    assert light.step("kennismaking/reminder-1").state is StepState.WITHDRAWN


def test_an_answered_evaluation_sends_no_reminder_and_counts_as_done(light: World):
    light.live(local(2027, 5, 3, 12), light.do_tasks)
    assert light.answer(local(2027, 5, 4, 9)) == 2
    light.live(local(2027, 7, 10), light.do_tasks)
    assert [m for m in light.mails("evaluation-reminder") if m.queued_at > local(2027, 5, 1)] == []
    assert light.step("jaarevaluatie/reminder-1", "2026-2027").state is StepState.WITHDRAWN
    assert light.step("jaarevaluatie/escalation", "2026-2027").state is StepState.WITHDRAWN
    assert light.tasks(state=TaskState.OPEN) == []


def test_the_history_tells_what_happened_in_order(light: World):
    light.live(local(2026, 12, 8), light.do_tasks)
    names = [e.name for e in light.rows(Event)]
    assert names[:3] == ["trajectory.launched", "stage.opened", "step.sent"]
    assert names.index("gathering.fixed") < names.index("step.held") < names.index("stage.closed")
    assert names.count("stage.opened") == 2
    at = [e.at for e in light.rows(Event)]
    assert at == sorted(at)


def test_a_task_mail_speaks_to_the_adviser_alone(light: World):
    light.live(local(2026, 10, 10))
    assert {m.to_email for m in light.mails("task")} == {ADVISER.email}
    [task] = [t for t in light.tasks() if t.title == "Schrijf het verslag"]
    assert task.created_at.astimezone(ZONE).hour == 9
