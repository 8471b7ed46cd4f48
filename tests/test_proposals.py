"""Another time that somebody proposes (COUNTER): kept, taken over or declined, in whatever order mails come."""

from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from answering_by_calendar import calendar_mail, send
from engine_cases import World, days, dump
from gathering_cases import KEY, attendee, calendar_of, event_of, invited, plain_text, world_with

from models import Task
from models.enums import PartStat, TaskState
from traject import gatherings_shown, nudges, staff_gatherings, staff_proposals
from traject.errors import Refused
from traject.inbox import add_mail
from traject.staff import finish_task
from traject.store import Store

FATIMA, JAN, SAM = "fatima@school.example", "jan@school.example", "s.vos@hart.example"
HOUR = timedelta(hours=1)
WEEK = timedelta(weeks=1)


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    made = world_with(store, database_url, tmp_path)
    made.now = invited(made) + days(1)
    return made


def do(world: World, action: Any, **values: Any) -> Any:
    return action(world.store, world.settings, world.gathering(KEY).id, now=world.now, **values)


def propose(world: World, email: str = JAN, later: timedelta = WEEK, **values: Any) -> Any:
    starts_at = world.gathering(KEY).starts_at + later
    return send(
        world,
        "COUNTER",
        email,
        values.pop("at", world.now),
        **({"starts_at": starts_at, "ends_at": starts_at + 3 * HOUR} | values),
    )


def tasks(world: World, state: TaskState) -> list[Task]:
    return [task for task in world.tasks(state=state) if task.effect_key.startswith("proposal:")]


def test_a_proposal_is_kept_beside_the_invitation_and_moves_nothing(world: World) -> None:
    starts_at = world.gathering(KEY).starts_at
    outcome = propose(world, comment="Liever een week later")
    assert (outcome.kind, outcome.outcome) == ("counter", "proposal")
    invitation = world.invitation(KEY, JAN)
    assert invitation.proposed_starts_at == starts_at + days(7)
    assert invitation.proposed_ends_at == starts_at + days(7) + 3 * HOUR
    assert invitation.partstat is PartStat.NEEDS_ACTION
    assert world.gathering(KEY).starts_at == starts_at
    [task] = tasks(world, TaskState.OPEN)
    assert "‘Liever een week later’" in task.detail
    assert f"accept-proposal {world.gathering(KEY).id} {JAN}" in task.detail


def test_who_proposed_another_time_is_not_asked_once_more_until_staff_decided(world: World) -> None:
    first = world.step(f"{KEY}/nudge-1").due_at
    assert first is not None
    world.live(first)
    assert nudges.send(world.store, world.settings, now=first).mails == 3
    propose(world, at=first)
    assert world.mails("nudge", to=JAN, state="queued") == [], "taken back before it left"
    assert nudges.send(world.store, world.settings, now=first + HOUR).mails == 0
    assert len(world.mails("nudge", to=FATIMA, state="queued")) == 1


def test_who_proposed_before_anybody_was_asked_again_is_left_out(world: World) -> None:
    propose(world)
    first = world.step(f"{KEY}/nudge-1").due_at
    assert first is not None
    world.live(first)
    assert nudges.send(world.store, world.settings, now=first).mails == 2
    assert world.mails("nudge", to=JAN) == []


def test_without_an_end_it_is_as_long_as_it_was(world: World) -> None:
    propose(world, ends_at=None)
    invitation, gathering = world.invitation(KEY, JAN), world.gathering(KEY)
    assert invitation.proposed_starts_at is not None
    length = gathering.ends_at - gathering.starts_at
    assert invitation.proposed_ends_at == invitation.proposed_starts_at + length


def test_a_proposal_taken_over_moves_it_for_everybody_and_settles_them_all(world: World) -> None:
    propose(world)
    propose(world, SAM, days(8))
    wanted = world.invitation(KEY, JAN).proposed_starts_at
    assert wanted is not None
    result = do(world, staff_proposals.accept, email=JAN)
    assert "Voorstel van Jan de Wit overgenomen" in result.sentence
    gathering = world.gathering(KEY)
    assert (gathering.starts_at, gathering.ends_at) == (wanted, wanted + 3 * HOUR)
    updates = world.mails("invitation-update", state="queued")
    assert sorted(mail.to_email for mail in updates) == sorted([FATIMA, JAN, SAM])
    assert {event_of(mail).first("SEQUENCE").value for mail in updates} == {"1"}
    assert tasks(world, TaskState.OPEN) == []
    assert world.invitation(KEY, SAM).proposed_starts_at is None
    assert world.lint() == 6


def test_a_declined_proposal_is_answered_to_its_maker_alone_and_echoes_what_it_was_to(world: World) -> None:
    send(world, "REPLY", JAN, world.now - HOUR, partstat="ACCEPTED")
    propose(world)
    do(world, staff_proposals.decline, email=JAN, reason="De zaal is bezet.")
    [mail] = [m for m in world.mails(state="queued") if m.invitation_id]
    assert (mail.kind, mail.to_email) == ("decline-counter", JAN)
    calendar, event = calendar_of(mail), event_of(mail)
    assert calendar.first("METHOD").value == "DECLINECOUNTER"
    assert b"method=DECLINECOUNTER" in (mail.data or b"")
    assert event.first("UID").value == world.gathering(KEY).uid
    assert event.first("SEQUENCE").value == "0"
    assert event.first("COMMENT").text == "De zaal is bezet."
    assert attendee(mail).value == f"mailto:{JAN}"
    assert [event.first(name) for name in ("DTSTART", "DTEND", "SUMMARY", "STATUS")] == [None] * 4
    assert "Je had laten weten dat je komt; dat blijft zo staan." in plain_text(mail)
    invitation = world.invitation(KEY, JAN)
    assert (invitation.proposed_starts_at, invitation.partstat) == (None, PartStat.ACCEPTED)
    assert [task.state for task in tasks(world, TaskState.DONE)] == [TaskState.DONE]
    assert world.gathering(KEY).sequence == 0


def test_what_was_decided_on_does_not_come_back_by_a_late_copy(world: World) -> None:
    mail = calendar_mail(world, "COUNTER", JAN, world.now, starts_at=world.gathering(KEY).starts_at + days(2))
    add_mail(world.store, world.settings, mail, world.now, world.now)
    do(world, staff_proposals.decline, email=JAN)
    copy = add_mail(world.store, world.settings, b"X-Copy: 1\r\n" + mail, world.now + HOUR, world.now + HOUR)
    assert copy.outcome == "stale"
    assert tasks(world, TaskState.OPEN) == []
    later = propose(world, at=world.now + 2 * HOUR)
    assert later.outcome == "proposal"
    assert len(tasks(world, TaskState.OPEN)) == 1


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_of_several_proposals_the_latest_holds_in_whatever_order_they_come(
    sqlite_url: str, tmp_path: Path, order: tuple[int, ...]
) -> None:
    store = Store(sqlite_url)
    world = world_with(store, sqlite_url, tmp_path)
    now = invited(world) + days(1)
    starts_at = world.gathering(KEY).starts_at
    # Two of them in the same second.
    mails = [
        calendar_mail(world, "COUNTER", JAN, now + at, starts_at=starts_at + later)
        for at, later in ((timedelta(), days(3)), (HOUR, days(5)), (HOUR, days(6)))
    ]
    for number in order:
        add_mail(store, world.settings, mails[number], now + 2 * HOUR, now + 2 * HOUR)
    assert world.invitation(KEY, JAN).proposed_starts_at == starts_at + days(6)
    assert len(tasks(world, TaskState.OPEN)) == 1
    store.close()


@pytest.mark.parametrize("act", ["move", "cancel", "remove"])
def test_a_change_of_the_gathering_overtakes_a_proposal(world: World, act: str) -> None:
    propose(world)
    if act == "move":
        do(world, staff_gatherings.move, to=world.gathering(KEY).starts_at + days(14))
    elif act == "cancel":
        do(world, staff_gatherings.cancel)
    else:
        do(world, staff_gatherings.remove, email=JAN)
    assert tasks(world, TaskState.OPEN) == []
    assert world.invitation(KEY, JAN).proposed_starts_at is None
    assert world.mails("decline-counter") == []


@pytest.mark.parametrize("action", [staff_proposals.accept, staff_proposals.decline])
def test_without_an_open_proposal_there_is_nothing_to_decide(world: World, action: Any) -> None:
    before = dump(world.store)
    with pytest.raises(Refused, match="geen ander moment voorgesteld"):
        do(world, action, email=JAN)
    with pytest.raises(Refused, match="niet uitgenodigd"):
        do(world, action, email="wie@school.example")
    assert dump(world.store) == before


def test_a_moment_that_cannot_be_read_can_be_declined_and_not_taken_over(world: World) -> None:
    assert propose(world, starts_at=None, ends_at=None).outcome == "proposal"
    with pytest.raises(Refused, match=r"niet te lezen.*gatherings move"):
        do(world, staff_proposals.accept, email=JAN)
    do(world, staff_proposals.decline, email=JAN)
    assert len(world.mails("decline-counter")) == 1
    assert tasks(world, TaskState.OPEN) == []


def test_a_proposal_of_a_time_that_is_past_is_refused_when_it_is_taken_over(world: World) -> None:
    propose(world, starts_at=world.now + HOUR, ends_at=None)
    world.now += days(1)
    before = dump(world.store)
    with pytest.raises(Refused, match="is voorbij"):
        do(world, staff_proposals.accept, email=JAN)
    assert dump(world.store) == before


def test_a_task_that_is_ticked_off_settles_its_proposal_and_tells_nobody(world: World) -> None:
    propose(world)
    propose(world, SAM, days(8))
    [jan, sam] = tasks(world, TaskState.OPEN)
    before = dump(world.store)
    tried = finish_task(world.store, world.settings, jan.id or 0, now=world.now, dry_run=True)
    assert dump(world.store) == before
    done = finish_task(world.store, world.settings, jan.id or 0, now=world.now)
    assert "Het voorstel staat niet meer open" in done.sentence == tried.sentence
    assert (done.mails, tasks(world, TaskState.OPEN)) == ([], [sam])
    with world.store.read() as session:
        [first] = gatherings_shown.to_come(session, world.now)[:1]
    assert [guest.person.email for guest in first.invited if guest.proposes] == [SAM]
    assert first.proposals == 1
    with pytest.raises(Refused, match="geen ander moment voorgesteld"):
        do(world, staff_proposals.decline, email=JAN)
    assert propose(world, at=world.now + HOUR).outcome == "proposal", "a later one counts again"
