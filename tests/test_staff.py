"""What staff do: shown first as it would be, done once, refused in a sentence."""

import threading
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from engine_cases import World, add_school, dump, engine_settings, local
from sqlmodel import select

from models import EvaluationRequest, Message, StepRow, Task
from models.enums import (
    MessageState,
    RequestState,
    StageState,
    StepState,
    TaskState,
    TrajectoryState,
)
from traject import staff
from traject.errors import Refused
from traject.reconcile import reconcile
from traject.store import Store

REF = "proef:16LF00"
NOW = local(2026, 9, 9, 10)  # invited for the 29th, two days ago launched

Action = Callable[..., staff.StaffResult]


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    """A trajectory of two days old: welcomed and invited, the mails accepted; on both databases."""
    return started(World(store, engine_settings(database_url, tmp_path / "var")))


@pytest.fixture
def light(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """The same on SQLite alone."""
    store = Store(sqlite_url)
    yield started(World(store, engine_settings(sqlite_url, tmp_path / "var")))
    store.close()


def started(world: World) -> World:
    add_school(world.store)
    world.launch()
    world.live(NOW)
    world.deliver(NOW)
    return world


def act(world: World, action: Action, *what: Any, now: datetime = NOW, **options: Any) -> staff.StaffResult:
    """Show an action, see that showing changed nothing and promised what is then done."""
    before = dump(world.store)
    shown = action(world.store, world.settings, *what, now=now, dry_run=True, **options)
    assert dump(world.store) == before
    done = action(world.store, world.settings, *what, now=now, **options)
    assert (done.sentence, done.changes, done.mails) == (shown.sentence, shown.changes, shown.mails)
    assert done.sentence
    assert dump(world.store) != before
    return done


def refused(world: World, action: Action, *what: Any, now: datetime = NOW, **options: Any) -> str:
    before = dump(world.store)
    with pytest.raises(Refused) as caught:
        action(world.store, world.settings, *what, now=now, **options)
    assert dump(world.store) == before
    return str(caught.value)


def sequences(world: World, *kinds: str) -> list[tuple[str, str, int]]:
    """Of each mail with a calendar part: to whom, its METHOD and its SEQUENCE, as the bytes say."""
    found: list[tuple[str, str, int]] = []
    for mail in world.mails(*kinds):
        if mail.sequence is None or mail.is_reminder or not mail.data:
            continue
        method = b"CANCEL" if b"METHOD:CANCEL" in mail.data or mail.kind == "cancellation" else b"REQUEST"
        found.append((mail.to_email, method.decode(), mail.sequence))
    return found


# Steps


def test_a_step_that_is_held_waits_and_goes_on_when_it_is_released(world: World):
    result = act(world, staff.hold, REF, "herinner-1")
    assert "vastgehouden" in result.sentence
    world.live(local(2026, 9, 16))
    assert world.mails("reminder") == []
    assert reconcile(world.store, world.settings, now=local(2026, 9, 16)) == []
    released = act(world, staff.release, REF, "herinner-1", now=local(2026, 9, 16, 10))
    assert [m.subject for m in released.mails] == ["Herinnering: Denk je eraan?"]
    assert refused(world, staff.release, REF, "herinner-1", now=local(2026, 9, 16, 11)).endswith(
        "vastgehouden"
    )


def test_mails_that_did_not_leave_yet_are_held_with_their_step(light: World):
    light.live(local(2026, 9, 14, 9))
    assert [m.state for m in light.mails("reminder")] == ["queued"]
    act(light, staff.hold, REF, "herinner-1", now=local(2026, 9, 14, 9))
    assert [m.state for m in light.mails("reminder")] == ["held"]
    act(light, staff.release, REF, "herinner-1", now=local(2026, 9, 14, 12))
    assert [m.state for m in light.mails("reminder")] == ["queued"]
    light.deliver(local(2026, 9, 14, 12))
    assert "is al gedaan; er is niets meer om vast te houden" in refused(
        light, staff.hold, REF, "herinner-1", now=local(2026, 9, 14, 13)
    )


def test_a_step_that_is_skipped_is_not_done(light: World):
    act(light, staff.skip, REF, "herinner-1")
    light.live(local(2026, 9, 16))
    assert light.mails("reminder") == []
    assert light.step("herinner-1").note == "overgeslagen door Hart"
    assert "is al overgeslagen en kan niet worden overgeslagen" in refused(
        light, staff.skip, REF, "herinner-1"
    )


def test_skipping_a_gathering_cancels_it_for_who_was_told_and_drops_its_mails(world: World):
    result = act(world, staff.skip, REF, "kennismaking")
    assert sorted(m.email for m in result.mails) == [
        "fatima@school.example",
        "jan@school.example",
        "s.vos@hart.example",
    ]
    gone = {c.before.key for c in result.changes.steps if c.before and c.after is None}
    assert gone >= {"kennismaking", "bedankt", "kennismaking/reminder-1", "kennismaking/reminder-2"}
    assert {m for _, m, _ in sequences(world, "cancellation")} == {"CANCEL"}
    assert {n for _, _, n in sequences(world, "cancellation")} == {1}
    world.live(local(2026, 12, 31), world.do_tasks)
    assert world.mails("gathering-reminder") == []
    assert "Fijn dat je er was" not in [m.subject for m in world.mails("notice")]
    # The report was due a week after the 29th, and still is; the guard takes a skipped meeting as settled.
    assert world.step("verslag").acted_at == local(2026, 10, 6, 9)
    assert world.stage("begin").state is StageState.CLOSED
    world.lint()


def test_skipping_an_evaluation_that_was_asked_withdraws_it(light: World):
    light.live(local(2027, 5, 4), light.do_tasks)
    act(light, staff.skip, REF, "jaarevaluatie", "2026-2027", now=local(2027, 5, 4, 9))
    requests = light.rows(EvaluationRequest)
    assert {r.state for r in requests if r.asked_at > local(2027, 5, 1)} == {RequestState.WITHDRAWN}
    assert {m.state for m in light.mails("evaluation-request") if m.queued_at > local(2027, 5, 1)} == {
        "withdrawn"
    }
    light.live(local(2027, 8, 1), light.do_tasks)
    assert [m for m in light.mails("evaluation-reminder") if m.queued_at > local(2027, 5, 1)] == []


def test_a_mail_is_moved_and_goes_out_on_its_new_moment_once(light: World):
    to = local(2026, 9, 17, 11)
    result = act(light, staff.move_step, REF, "herinner-1", to=to)
    [change] = result.changes.steps
    assert (change.before.due_at, change.after.due_at) == (local(2026, 9, 14, 9), to)
    light.live(local(2026, 9, 30))
    assert next(m.queued_at for m in light.mails("reminder")) == to
    assert len(light.mails("reminder")) == 3


def test_moving_a_gathering_sends_each_one_update_with_a_higher_sequence_and_only_once(world: World):
    to = local(2026, 10, 1, 14)
    result = act(world, staff.move_step, REF, "kennismaking", to=to)
    assert sorted(m.kind for m in result.mails) == ["invitation-update"] * 3
    assert [n for _, _, n in sequences(world, "invitation-update")] == [1, 1, 1]
    assert world.step("kennismaking").ends_at == to + timedelta(hours=2)
    assert world.step("verslag").due_at == local(2026, 10, 8, 9)  # a week after it
    again = staff.move_step(world.store, world.settings, REF, "kennismaking", to=to, now=NOW)
    assert again.mails == []
    assert not again.changes
    assert world.gathering("kennismaking").sequence == 1
    assert world.lint() == 6
    world.live(local(2026, 10, 2), world.do_tasks)
    # Each is reminded of the new day twice, of the old one never.
    assert len(world.mails("gathering-reminder")) == 6
    assert all("1 oktober" in m.subject for m in world.mails("gathering-reminder"))


def test_who_was_not_told_of_the_first_date_gets_an_invitation_to_the_second(light: World):
    with light.store.write() as session:
        for mail in session.exec(select(Message).where(Message.kind == "invitation")):
            mail.state, mail.attempted_at, mail.accepted_at = MessageState.QUEUED, None, None
            mail.next_attempt_at = NOW
    result = act(light, staff.move_step, REF, "kennismaking", to=local(2026, 10, 1, 14))
    assert [m.kind for m in result.mails] == ["invitation"] * 3
    assert sorted(m.state for m in light.mails("invitation")) == ["queued"] * 3 + ["withdrawn"] * 3


def test_a_gathering_cannot_be_moved_onto_another(light: World):
    light.live(local(2027, 1, 15), light.do_tasks)
    fixed = light.step("studiemiddag")
    assert fixed.state is StepState.OPEN
    assert fixed.starts_at
    sentence = refused(
        light,
        staff.move_step,
        REF,
        "vervolg",
        to=fixed.starts_at + timedelta(hours=1),
        now=local(2027, 1, 15),
    )
    assert "dan is er al ‘Studiemiddag’" in sentence


@pytest.mark.parametrize(
    ("action", "what", "options", "sentence"),
    [
        (staff.hold, ("nergens:1", "welkom"), {}, "traject ‘nergens:1’ bestaat niet"),
        (
            staff.hold,
            (REF, "welkm"),
            {},
            "stap ‘welkm’ staat niet in dit traject; kies uit afscheid, bedankt",
        ),
        (staff.skip, (REF, "jaarevaluatie"), {}, "kies een schooljaar met --cycle: 2026-2027, 2027-2028"),
        (staff.hold, (REF, "welkom"), {}, "stap ‘welkom’ is al gedaan"),
        (
            staff.move_step,
            (REF, "welkom"),
            {"to": local(2026, 10, 1, 9)},
            "is al gedaan en kan niet worden verplaatst",
        ),
        (staff.move_step, (REF, "herinner-1"), {"to": local(2026, 9, 1, 9)}, "01-09-2026 09:00 is voorbij"),
        (staff.move_stage, (REF, "doen"), {"opens_on": date(2026, 9, 1)}, "01-09-2026 is voorbij"),
        (staff.move_stage, (REF, "begin"), {"opens_on": date(2026, 9, 20)}, "fase ‘begin’ is al open"),
        (
            staff.move_stage,
            (REF, "doen"),
            {"opens_on": date(2027, 1, 11), "ends_on": date(2027, 1, 4)},
            "kan niet eindigen op 04-01-2027",
        ),
        (
            staff.close_stage,
            (REF, "eind"),
            {},
            "fase ‘eind’ staat niet in dit traject; kies uit begin, doen, borgen",
        ),
        (staff.close_stage, (REF, "doen"), {}, "nog niet begonnen"),
        (staff.reopen_stage, (REF, "begin"), {}, "fase ‘begin’ is open"),
        (staff.reopen_stage, (REF, "doen"), {}, "was nog niet open"),
        (staff.resume, (REF,), {}, "is niet gepauzeerd"),
        (staff.finish_task, (99,), {}, "taak 99 bestaat niet"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(
    light: World, action: Action, what: tuple[Any, ...], options: dict[str, Any], sentence: str
):
    assert sentence in refused(light, action, *what, **options)


# Stages


def test_a_stage_is_moved_with_everything_that_is_counted_from_it(light: World):
    result = act(light, staff.move_stage, REF, "doen", opens_on=date(2027, 1, 11))
    changed = {c.after.key: (c.before, c.after) for c in result.changes.steps if c.after and c.before}
    assert changed["doen-begint"][1].due_at == local(2027, 1, 11, 9)
    assert (changed["studiemiddag"][1].starts_at or NOW) > local(2027, 3, 1)
    assert "begin" not in {c.after.key for c in result.changes.stages if c.after}
    act(light, staff.move_stage, REF, "begin", ends_on=date(2026, 11, 1))
    assert light.stage("begin").ends_on == date(2026, 11, 1)


def test_a_stage_is_closed_whatever_it_waits_for(light: World):
    result = act(light, staff.close_stage, REF, "begin")
    assert light.stage("begin").state is StageState.CLOSED
    assert light.stage("doen").opens_on == NOW.date()
    assert "stage-opened" in [m.kind for m in result.mails]


# The whole


def test_a_pause_holds_what_waits_but_not_a_cancellation_and_resuming_lets_it_go(world: World):
    staff.skip(world.store, world.settings, REF, "kennismaking", now=NOW)
    world.live(local(2026, 9, 14, 9))
    now = local(2026, 9, 14, 10)
    act(world, staff.pause, REF, now=now)
    assert {(m.kind, m.state) for m in world.mails("reminder", "cancellation")} == {
        ("reminder", "held"),
        ("cancellation", "queued"),
    }
    assert world.trajectory().next_due_at is None
    assert "gepauzeerd" in refused(world, staff.pause, REF, now=now)
    act(world, staff.resume, REF, now=now + timedelta(days=3))
    assert {m.state for m in world.mails("reminder")} == {"queued"}
    assert world.trajectory().next_due_at


def test_what_is_changed_in_a_pause_is_planned_but_sends_nothing_until_it_goes_on(light: World):
    act(light, staff.pause, REF)
    now = NOW + timedelta(hours=1)
    result = act(light, staff.move_step, REF, "kennismaking", to=local(2026, 10, 6, 14), now=now)
    assert {m.state for m in light.mails("invitation-update")} == {"held"}
    assert {c.after.key for c in result.changes.steps if c.after} >= {"kennismaking", "verslag"}
    act(light, staff.resume, REF, now=now + timedelta(hours=1))
    assert {m.state for m in light.mails("invitation-update")} == {"queued"}


def test_a_cancelled_trajectory_sends_cancellations_to_who_was_told_and_nothing_else(world: World):
    world.live(local(2026, 9, 14, 9))  # a reminder waits
    result = act(world, staff.cancel, REF, now=local(2026, 9, 14, 10))
    assert [m.kind for m in result.mails] == ["cancellation"] * 3
    assert {m.state for m in world.mails("reminder")} == {"withdrawn"}
    assert {s.state for s in world.rows(StepRow)} <= {StepState.DONE, StepState.CANCELLED}
    assert world.trajectory().state is TrajectoryState.CANCELLED
    assert world.lint() == 6
    world.live(local(2030, 1, 1))
    assert world.mails(state="queued") == world.mails("cancellation")
    assert "gestopt" in refused(world, staff.pause, REF, now=local(2026, 9, 14, 11))


def test_nobody_is_told_that_a_meeting_is_off_who_never_heard_of_it(light: World):
    with light.store.write() as session:
        for mail in session.exec(select(Message).where(Message.kind == "invitation")):
            if mail.to_email == "jan@school.example":  # refused before it left
                mail.state, mail.attempted_at, mail.next_attempt_at = MessageState.QUEUED, None, NOW
            if mail.to_email == "fatima@school.example":  # on its way at this moment
                mail.state, mail.next_attempt_at = MessageState.ATTEMPTING, NOW + timedelta(minutes=10)
    staff.cancel(light.store, light.settings, REF, now=NOW)
    assert sorted(m.to_email for m in light.mails("cancellation")) == [
        "fatima@school.example",
        "s.vos@hart.example",
    ]


def test_a_cancellation_that_waits_survives_the_end_of_the_trajectory(light: World):
    staff.skip(light.store, light.settings, REF, "kennismaking", now=NOW)
    staff.cancel(light.store, light.settings, REF, now=NOW + timedelta(minutes=1))
    assert [m.state for m in light.mails("cancellation")] == ["queued"] * 3


# Tasks


def test_a_task_that_is_done_is_done_once_and_its_step_with_it(world: World):
    world.live(local(2026, 10, 6, 10))
    [task] = [t for t in world.tasks() if t.title == "Schrijf het verslag"]
    act(world, staff.finish_task, task.id, now=local(2026, 10, 7, 9))
    assert world.step("verslag").state is StepState.DONE
    assert [t.state for t in world.rows(Task, Task.id == task.id)] == [TaskState.DONE]
    assert "is al gedaan" in refused(world, staff.finish_task, task.id, now=local(2026, 10, 7, 10))


def test_actions_at_once_wait_for_each_other_and_none_is_lost(world: World):
    before = world.trajectory().revision
    meet = threading.Barrier(3)

    def run(step: str) -> None:
        store = Store(world.settings.database_url)
        meet.wait()
        staff.hold(store, world.settings, REF, step, now=NOW)
        store.close()

    works = [threading.Thread(target=run, args=(f"herinner-{n}",)) for n in (1, 2, 3)]
    for work in works:
        work.start()
    for work in works:
        work.join()
    assert all(world.step(f"herinner-{n}").on_hold for n in (1, 2, 3))
    assert world.trajectory().revision == before + 3


def test_the_calendar_in_every_mail_says_the_same_as_the_row(light: World):
    act(light, staff.move_step, REF, "kennismaking", to=local(2026, 10, 1, 14))
    act(light, staff.skip, REF, "kennismaking", now=NOW + timedelta(hours=1))
    methods = {m.kind: m.sequence for m in light.mails("invitation", "invitation-update", "cancellation")}
    assert methods == {"invitation": 0, "invitation-update": 1, "cancellation": 2}
    assert light.lint() == 9
