"""Who was at a gathering is recorded afterwards: what follows, for whom, once, and how it is corrected."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from attendance_cases import FATIMA, JAN, MORE, SAM, attended, over, record, say, task, thanked, undone
from engine_cases import World, days, dump
from gathering_cases import KEY, REFERENCE, invited, world_with
from test_engine_crashes import Work, killed_at

from models import Event, Task
from models.enums import GatheringState, MessageState, PartStat, TaskState
from traject.errors import Refused
from traject.reconcile import reconcile
from traject.staff import cancel, pause, resume, skip
from traject.staff_attendance import not_held, record_attendance
from traject.store import Store


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    """People are invited to a gathering that has a thank-you, materials and a certificate."""
    made = world_with(store, database_url, tmp_path, MORE)
    invited(made)
    return made


# After the gathering


def test_the_adviser_is_asked_who_was_there_when_it_is_over(world: World) -> None:
    over(world)
    asked = task(world)
    assert asked.state is TaskState.OPEN
    assert asked.title == "Leg vast wie er was: Kennismaking"
    assert asked.due_on == (world.gathering(KEY).ends_at + days(7)).date()
    assert [m.subject for m in world.mails("task", to=SAM) if "wie er was" in m.subject] != []
    assert thanked(world) == [], "nobody is thanked before it is recorded"


def test_who_was_there_is_thanked_once_with_the_materials_and_the_certificate(world: World) -> None:
    now = over(world)
    result = record(world, now, attended=[FATIMA, SAM], absent=[JAN])
    assert [mail.email for mail in result.mails] == [FATIMA], (
        "who was absent, and Hart itself, is not thanked"
    )
    assert attended(world) == {FATIMA: True, SAM: True, JAN: False}
    [mail] = world.mails("thanks")
    body = (mail.data or b"").decode()
    assert "Wat een mooie middag." in body
    assert "materialen.example/kennismaking" in body
    assert "/c/" in body
    assert task(world).state is TaskState.DONE, "the task closes by itself"
    assert "attendance.recorded" in [event.name for event in world.rows(Event)]


def test_recording_the_same_again_changes_nothing(world: World) -> None:
    now = over(world)
    record(world, now, attended=[FATIMA], absent=[JAN])
    before = dump(world.store)
    assert record(world, now + days(1), attended=[FATIMA], absent=[JAN]).mails == []
    assert dump(world.store) == before


def test_everybody_who_said_yes_but_the_absent(world: World) -> None:
    say(world, PartStat.ACCEPTED, [FATIMA, JAN])
    now = over(world)
    record(world, now, who_said_yes=True, absent=[JAN])
    assert attended(world) == {FATIMA: True, JAN: False, SAM: None}
    record(world, now, who_said_yes=True, attended=[SAM])
    assert attended(world) == {FATIMA: True, JAN: False, SAM: True}, "who was set absent by name stays so"


def test_nobody_becomes_absent_by_not_being_named_and_staff_see_who_is_open(world: World) -> None:
    say(world, PartStat.ACCEPTED, [JAN])
    result = record(world, over(world), attended=[FATIMA])
    assert attended(world) == {FATIMA: True, JAN: None, SAM: None}
    assert "1 aanwezig, 0 afwezig" in result.sentence
    assert "nog niet vastgelegd: Jan de Wit" in result.sentence


def test_a_walk_in_who_is_known_is_added_without_an_invitation_mail(world: World) -> None:
    now = over(world)
    before = len(world.mails("invitation"))
    record(world, now, attended=["bo@school.example"])
    assert attended(world)["bo@school.example"] is True
    assert len(world.mails("invitation")) == before
    assert thanked(world) == ["bo@school.example"]


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({"attended": ["wie@elders.example"]}, "people add"),
        ({"absent": ["bo@school.example"]}, "niet uitgenodigd"),
        ({"attended": [JAN], "absent": [JAN]}, "kies een van beide"),
        ({"who_said_yes": True}, "niemand zei ja"),
        ({"attended": [JAN], "materials_url": "een map op de schijf"}, "geen link"),
    ],
    ids=["unknown", "absent-uninvited", "both", "nobody-said-yes", "no-link"],
)
def test_what_cannot_be_recorded_is_refused_and_nothing_is_half_done(
    world: World, what: dict[str, object], why: str
) -> None:
    now = over(world)
    before = dump(world.store)
    with pytest.raises(Refused, match=why):
        record(world, now, **what)
    assert dump(world.store) == before


def test_before_the_start_and_after_a_cancellation_it_is_refused(world: World) -> None:
    starts_at = world.gathering(KEY).starts_at
    with pytest.raises(Refused, match="begint pas op"):
        record(world, starts_at - timedelta(minutes=1), attended=[FATIMA])
    with pytest.raises(Refused, match="begint pas op"):
        not_held(world.store, world.settings, world.gathering(KEY).id or 0, now=starts_at - days(1))
    skip(world.store, world.settings, REFERENCE, KEY, now=starts_at - days(1))
    with pytest.raises(Refused, match="ging niet door"):
        record(world, starts_at + days(1), attended=[FATIMA])
    with pytest.raises(Refused, match="99 bestaat niet"):
        record_attendance(world.store, world.settings, 99, attended=[FATIMA], now=starts_at)


def test_a_dry_run_says_who_gets_what_and_does_nothing(world: World) -> None:
    now = over(world)
    before = dump(world.store)
    result = record(world, now, attended=[FATIMA, JAN], dry_run=True)
    assert [mail.email for mail in result.mails] == [FATIMA, JAN]
    assert dump(world.store) == before


def test_what_is_recorded_during_the_gathering_leaves_no_task_when_it_ends(world: World) -> None:
    during = world.gathering(KEY).starts_at + timedelta(minutes=30)
    world.live(during)
    record(world, during, attended=[FATIMA])
    over(world)
    assert world.gathering(KEY).state is GatheringState.HELD
    assert world.rows(Task, Task.effect_key.contains(":attendance:")) == []
    assert thanked(world) == [FATIMA]


# Corrections


def test_a_correction_sends_what_is_missing_and_nothing_twice(world: World) -> None:
    now = over(world)
    record(world, now, attended=[FATIMA])
    world.deliver(now)
    result = record(world, now + days(1), attended=[JAN])
    assert [mail.email for mail in result.mails] == [JAN]
    record(world, now + days(2), absent=[FATIMA])
    record(world, now + days(3), attended=[FATIMA])
    assert thanked(world) == [FATIMA, JAN], "one each, whatever was corrected"


def test_a_thank_you_that_did_not_leave_yet_is_withdrawn_and_can_come_back(world: World) -> None:
    now = over(world)
    record(world, now, attended=[FATIMA, JAN])
    record(world, now, absent=[FATIMA])
    assert thanked(world, "queued") == [JAN]
    assert thanked(world, "withdrawn") == [FATIMA]
    record(world, now, attended=[FATIMA])
    assert thanked(world, "queued") == [FATIMA, JAN]
    assert thanked(world, "withdrawn") == []


def test_a_link_to_materials_that_comes_later_goes_along_with_who_is_thanked_then(world: World) -> None:
    now = over(world)
    record(world, now, attended=[FATIMA], materials_url="https://materialen.example/nieuw")
    [mail] = world.mails("thanks")
    assert b"materialen.example/nieuw" in (mail.data or b"")
    assert world.gathering(KEY).materials_url == "https://materialen.example/nieuw"


# Trajectories that stand still or ended


def test_a_paused_trajectory_keeps_its_thanks_until_it_goes_on(world: World) -> None:
    now = over(world)
    pause(world.store, world.settings, REFERENCE, now=now)
    record(world, now, attended=[FATIMA])
    assert thanked(world, MessageState.HELD) == [FATIMA]
    resume(world.store, world.settings, REFERENCE, now=now + days(1))
    assert thanked(world, MessageState.QUEUED) == [FATIMA]


def test_a_trajectory_that_was_stopped_records_and_thanks_nobody(world: World) -> None:
    now = over(world)
    cancel(world.store, world.settings, REFERENCE, now=now)
    record(world, now, attended=[FATIMA])
    assert attended(world)[FATIMA] is True
    assert thanked(world) == []


def test_a_gathering_that_is_cancelled_during_it_takes_its_thanks_back(world: World) -> None:
    during = world.gathering(KEY).starts_at + timedelta(minutes=30)
    record(world, during, attended=[FATIMA])
    assert thanked(world, MessageState.QUEUED) == [FATIMA]
    skip(world.store, world.settings, REFERENCE, KEY, now=during)
    assert thanked(world, MessageState.WITHDRAWN) == [FATIMA]


def test_without_a_thank_you_and_a_certificate_nobody_gets_anything(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    world = world_with(store, database_url, tmp_path)
    invited(world)
    assert record(world, over(world), attended=[FATIMA]).mails == []
    assert attended(world)[FATIMA] is True


# What the nightly check says of it


def test_plan_and_rows_agree_after_what_staff_recorded(world: World) -> None:
    during = world.gathering(KEY).starts_at + timedelta(minutes=30)
    world.live(during)
    world.deliver(during)
    record(world, during, attended=["bo@school.example"])
    assert reconcile(world.store, world.settings, during) == [], "a walk-in was never invited"
    record(world, during, absent=["bo@school.example"])
    undone(world, during)
    assert reconcile(world.store, world.settings, during) == []


# Crashes


def recording(at: datetime) -> Work:
    people = {"attended": [FATIMA, "bo@school.example"], "absent": [JAN]}
    return lambda store, settings: record(World(store, settings), at, **people)


def undoing(at: datetime) -> Work:
    return lambda store, settings: undone(World(store, settings), at)


def test_recording_that_is_killed_at_its_commit_was_done_whole_or_not_at_all(world: World) -> None:
    work = recording(over(world))
    before = dump(world.store)
    assert killed_at(world, work, "before", 1)
    assert dump(world.store) == before
    assert killed_at(world, work, "after", 1)
    once = dump(world.store)
    assert thanked(world) == ["bo@school.example", FATIMA]
    work(world.store, world.settings)
    assert dump(world.store) == once


def test_undoing_that_is_killed_at_its_commit_was_done_whole_or_not_at_all(world: World) -> None:
    work = undoing(over(world))
    before = dump(world.store)
    assert killed_at(world, work, "before", 1)
    assert dump(world.store) == before
    assert killed_at(world, work, "after", 1)
    once = dump(world.store)
    assert len(world.mails("invitation-update")) == 3, "the new date goes out in the same transaction"
    with pytest.raises(Refused, match="begint pas op"):
        work(world.store, world.settings)
    assert dump(world.store) == once
