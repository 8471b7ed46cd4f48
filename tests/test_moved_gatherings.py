"""Reminders and dates that move: nobody is reminded of an old date, and everybody of the new one."""

from datetime import datetime, timedelta

import pytest
from engine_cases import (
    CALENDAR,
    START,
    World,
    days,
    facts,
    local,
    one_stage,
)

from models import StepRow
from models.enums import StepState
from traject.plan import GatheringProposed
from traject.planner import plan
from traject.staff import move_step


def _reminders(world: World) -> list[StepRow]:
    return [world.step(f"kennismaking/reminder-{number}") for number in (1, 2)]


def test_a_gathering_that_moves_after_its_reminder_is_reminded_of_again(world: World) -> None:
    first = _reminders(world)[0].due_at
    assert first is not None
    world.live(first)
    world.deliver(first)
    before = len(world.mails("gathering-reminder"))
    assert before == 3
    starts_at = world.step("kennismaking").starts_at
    assert starts_at is not None
    move_step(
        world.store,
        world.settings,
        "proef:16LF00",
        "kennismaking",
        to=starts_at + timedelta(weeks=2),
        now=first + days(1),
    )
    world.deliver(first + days(1))
    assert [row.state for row in _reminders(world)] == [StepState.PLANNED, StepState.PLANNED]
    world.live(starts_at + timedelta(weeks=2))
    assert len(world.mails("gathering-reminder")) == before + 6


def test_a_gathering_that_moves_nearer_brings_the_update_and_no_reminder_beside_it(world: World) -> None:
    starts_at, invited_at = world.step("kennismaking").starts_at, world.step("kennismaking").due_at
    assert starts_at is not None
    assert invited_at is not None
    world.live(invited_at)
    world.deliver(invited_at)
    now = invited_at + days(1)
    move_step(
        world.store, world.settings, "proef:16LF00", "kennismaking", to=now + timedelta(days=5), now=now
    )
    world.advance(now)
    assert len(world.mails("invitation-update")) == 3
    assert world.mails("gathering-reminder") == []
    world.live(now + days(5))
    assert len(world.mails("gathering-reminder")) == 3


@pytest.mark.parametrize(
    ("proposed", "planned"),
    [
        (
            local(2026, 10, 27, 13, 30),
            local(2026, 10, 27, 13, 30),
        ),  # three weeks later than it could be
        (local(2027, 1, 26, 13, 30), local(2026, 10, 6, 13, 30)),  # months later: the stage opened early
    ],
    ids=["kept", "brought along"],
)
def test_a_date_that_was_planned_is_kept_unless_it_is_months_later_than_it_could_be(
    proposed: datetime, planned: datetime
) -> None:
    programme = one_stage(
        """
      - gathering: middag
        title: Middag
        to: [coordinator]
        when: binnen de fase, vanaf 4 weken na de start van de fase, dinsdag, vanaf 13:30, 2 uur
        invite: 3 weken
"""
    )
    was = GatheringProposed("middag", "", proposed, proposed + timedelta(hours=2))
    assert plan(programme, facts(START, was), CALENDAR).step("middag").starts_at == planned
