"""Who has not answered is asked once more, in one mail a person; nobody who answered is."""

import random
import shutil
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from engine_cases import (
    CALENDAR,
    MORNING,
    ZONE,
    World,
    add_school,
    dump,
    engine_settings,
    facts,
    local,
    one_stage,
)
from planner_cases import due, gathering
from sqlmodel import col, select
from test_engine_crashes import killed_at

from models import Gathering, Invitation, Message, NudgedInvitation, Person, StepRow, Trajectory
from models.enums import AddressState, InboxKind, MessageState, StepState
from traject import nudges, staff
from traject.advance import advance
from traject.errors import Refused
from traject.hand_over import hand_over
from traject.inbox import apply_one, store_arrival
from traject.plan import GatheringFixed
from traject.planner import plan
from traject.settings import Settings
from traject.store import Store

ARK = "27YD00"
DAY = timedelta(days=1)


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    """One trajectory, in the morning on which people are invited to a meeting on Tuesday 29 September."""
    add_school(store)
    add_school(store, ARK, "De Ark")
    made = World(store, engine_settings(database_url, tmp_path / "var"))
    made.launch()
    made.live(local(2026, 9, 8, 12))
    made.deliver(local(2026, 9, 8, 12))
    return made


FIRST = local(2026, 9, 21, 9)
"""10 days before the meeting is a Saturday: the Monday after it."""


def run(world: World, at: datetime, *, deliver: bool = True) -> int:
    """What one heartbeat does; gives how many nudges it made."""
    world.advance(at)
    made = nudges.send(world.store, world.settings, now=at).mails
    if deliver:
        world.deliver(at)
    return made


def says(world: World, key: str, email: str, answer: str, at: datetime) -> None:
    press(world, world.invitation(key, email), at, answer)


def press(world: World, invitation: Invitation, at: datetime, answer: str = "ACCEPTED") -> None:
    with world.store.write() as session:
        key = f"{invitation.id}{answer}{at}"
        said = {"partstat": answer}
        arrival = store_arrival(
            session, InboxKind.INVITATION_ANSWER, key, at, said, invitation_id=invitation.id
        )
        session.flush()
        number = arrival.id if arrival else 0
    assert apply_one(world.store, number or 0, at, world.settings).outcome == "counted"


def nudged(world: World, state: str | None = None) -> list[str]:
    return sorted(m.to_email for m in world.mails("nudge", state=state))


# The plan


def test_the_plan_shows_a_nudge_10_and_3_days_before():
    # Tuesday 20 October, after the autumn holiday of 10-18: 10 days before becomes the 19th, and so does 3 days before.
    made = plan(one_stage(gathering(invite="5 weken")), facts(), CALENDAR)
    assert [(s.key, due(made, s.key)) for s in made.steps if "/" in s.key] == [
        ("middag/nudge-1", "Mon 2026-10-19 09:00")
    ]
    slot = (local(2026, 11, 19, 13, 30), local(2026, 11, 19, 16, 30))
    fixed = GatheringFixed("middag", "", *slot, invited_at=local(2026, 10, 20, 9))
    made = plan(one_stage(gathering()), facts(date(2026, 9, 7), fixed), CALENDAR)
    assert [(s.key, due(made, s.key)) for s in made.steps if "/" in s.key] == [
        ("middag/nudge-1", "Mon 2026-11-09 09:00"),
        ("middag/nudge-2", "Mon 2026-11-16 09:00"),
    ]


def test_a_reminder_on_the_same_day_asks_it_already_and_nobody_is_asked_right_after_the_invitation():
    slot = (local(2026, 11, 19, 13, 30), local(2026, 11, 19, 16, 30))
    fixed = GatheringFixed("middag", "", *slot, invited_at=local(2026, 10, 20, 9))
    steps = gathering() + "        reminders: [3 dagen]\n"
    made = plan(one_stage(steps), facts(date(2026, 9, 7), fixed), CALENDAR)
    assert {s.key for s in made.steps if "/" in s.key} == {"middag/nudge-1", "middag/reminder-1"}
    late = GatheringFixed("middag", "", *slot, invited_at=local(2026, 11, 15, 9))
    made = plan(one_stage(gathering()), facts(date(2026, 9, 7), late), CALENDAR)
    assert [s.key for s in made.steps if "/" in s.key] == []


# Who is asked


def test_who_has_not_answered_is_asked_and_who_answered_is_not(world: World):
    says(world, "kennismaking", "jan@school.example", "DECLINED", MORNING + 2 * DAY)
    assert run(world, FIRST) == 2
    assert nudged(world) == ["fatima@school.example", "s.vos@hart.example"]
    [mail] = world.mails("nudge", to="fatima@school.example")
    assert mail.subject == "Kom je? Kennismaking, dinsdag 29 september 2026, 13:30 uur"
    assert world.step("kennismaking/nudge-1").state is StepState.DONE
    assert run(world, FIRST + timedelta(minutes=5)) == 0, "once"
    assert run(world, FIRST + DAY) == 0


def test_nobody_is_left_to_ask_when_everybody_answered(world: World):
    for email in ("jan@school.example", "fatima@school.example", "s.vos@hart.example"):
        says(world, "kennismaking", email, "ACCEPTED", MORNING + 2 * DAY)
    assert run(world, FIRST) == 0
    row = world.step("kennismaking/nudge-1")
    assert (row.state, row.note) == (StepState.WITHDRAWN, "iedereen heeft geantwoord")


def test_not_who_was_invited_less_than_two_days_ago_nor_whose_address_does_not_work(world: World):
    with world.store.write() as session:
        jan = session.exec(select(Person).where(Person.email == "jan@school.example")).one()
        jan.address_state = AddressState.BOUNCED
    hand_over(
        world.store,
        world.settings,
        "proef:16LF00",
        "coordinator",
        old_email="fatima@school.example",
        name="Bo Prins",
        email="bo@school.example",
        now=FIRST - DAY,
    )
    run(world, FIRST - DAY)
    assert run(world, FIRST) == 1
    assert nudged(world) == ["s.vos@hart.example"]


def test_a_pause_takes_the_question_back_and_the_end_of_it_asks_again(world: World):
    assert run(world, FIRST, deliver=False) == 3
    staff.pause(world.store, world.settings, "proef:16LF00", now=FIRST + timedelta(minutes=1))
    assert nudged(world, "withdrawn") == nudged(world)
    assert run(world, FIRST + timedelta(minutes=5)) == 0
    staff.resume(world.store, world.settings, "proef:16LF00", now=FIRST + timedelta(hours=2))
    assert run(world, FIRST + timedelta(hours=2)) == 3


@pytest.mark.parametrize("left", [False, True], ids=["before it left", "after it left"])
def test_a_gathering_that_is_cancelled_is_asked_about_no_more(world: World, left: bool):
    run(world, FIRST, deliver=left)
    staff.skip(world.store, world.settings, "proef:16LF00", "kennismaking", now=FIRST + timedelta(hours=1))
    assert {m.state for m in world.mails("nudge")} == {"accepted" if left else "withdrawn"}
    assert run(world, FIRST + DAY) == 0
    assert {i.nudge_wanted_at for i in world.rows(Invitation)} == {None}


# One mail a person


@pytest.fixture
def two(world: World) -> World:
    """The same people in another trajectory, with a meeting on the same day."""
    at = local(2026, 9, 8, 13)
    world.launch(school=ARK, starts_on=at.date(), now=at)
    world.advance(at)
    move_ark(world, at)
    world.live(local(2026, 9, 14, 12))
    world.deliver(local(2026, 9, 14, 12))
    return world


def move_ark(world: World, at: datetime) -> None:
    where = (world.store, world.settings, f"proef:{ARK}", "kennismaking")
    staff.move_step(*where, to=local(2026, 9, 29, 10), now=at)


def invitations_of(world: World, email: str) -> list[Invitation]:
    [person] = world.rows(Person, Person.email == email)
    return world.rows(Invitation, Invitation.person_id == person.id)


def _lines(world: World, mail: Message) -> list[NudgedInvitation]:
    with world.store.read() as session:
        query = select(NudgedInvitation).where(NudgedInvitation.message_id == mail.id)
        return list(session.exec(query))


def test_what_falls_on_one_day_is_one_mail_a_person_over_all_trajectories(two: World):
    assert run(two, FIRST) == 3
    [mail] = two.mails("nudge", to="fatima@school.example")
    assert mail.subject == "Kom je? Het gaat om 2 bijeenkomsten"
    assert (mail.trajectory_id, mail.invitation_id, len(_lines(two, mail))) == (None, None, 2)
    assert run(two, FIRST + DAY) == 0


def test_an_answer_takes_the_mail_back_and_the_rest_is_asked_anew(two: World):
    run(two, FIRST, deliver=False)
    first, second = invitations_of(two, "fatima@school.example")
    at = FIRST + timedelta(minutes=1)
    press(two, first, at)
    [old] = two.mails("nudge", to="fatima@school.example")
    assert old.state is MessageState.WITHDRAWN, "in the transaction of the answer"
    assert run(two, FIRST + timedelta(minutes=5)) == 1
    [_, new] = two.mails("nudge", to="fatima@school.example")
    assert [line.invitation_id for line in _lines(two, new)] == [second.id]
    assert new.state is MessageState.ACCEPTED
    assert run(two, FIRST + timedelta(minutes=10)) == 0


def test_an_answer_after_the_mail_left_asks_nothing_anew(two: World):
    run(two, FIRST)
    press(two, invitations_of(two, "fatima@school.example")[0], FIRST + timedelta(minutes=1))
    assert run(two, FIRST + timedelta(minutes=5)) == 0
    assert len(two.mails("nudge", to="fatima@school.example")) == 1


def test_what_is_wanted_while_a_mail_waits_joins_it_and_after_it_left_waits_for_the_next_morning(two: World):
    first, second = invitations_of(two, "fatima@school.example")

    def ask(invitation: Invitation, at: datetime) -> None:
        with two.store.write() as session:
            session.get_one(Invitation, invitation.id).nudge_wanted_at = at

    two.deliver(FIRST - DAY)
    ask(first, FIRST - DAY)
    assert nudges.send(two.store, two.settings, now=FIRST - DAY).mails == 1
    at = FIRST - DAY + timedelta(minutes=5)
    ask(second, at)
    assert nudges.send(two.store, two.settings, now=at).mails == 1
    [old, both] = two.mails("nudge")
    assert (old.state, len(_lines(two, both))) == (MessageState.WITHDRAWN, 2)
    two.deliver(FIRST + timedelta(hours=1))  # it was a Sunday
    ask(second, FIRST + timedelta(hours=2))
    assert nudges.send(two.store, two.settings, now=FIRST + timedelta(hours=2)).mails == 0
    wanted = [i.nudge_wanted_at for i in invitations_of(two, "fatima@school.example")]
    assert wanted == [None, FIRST + DAY]


def test_a_nudge_and_a_reminder_never_come_on_one_day(two: World):
    """The reminder of one meeting goes out on the day on which the other is asked about: that waits until tomorrow."""
    with two.store.write() as session:
        reminder = session.exec(
            select(StepRow).where(
                StepRow.key == "kennismaking/reminder-1",
                StepRow.trajectory_id == two.trajectory(f"proef:{ARK}").id,
            )
        ).one()
        reminder.due_at = reminder.moved_to = FIRST
        session.get_one(Trajectory, reminder.trajectory_id).next_due_at = FIRST
    staff.hold(two.store, two.settings, "proef:16LF00", "kennismaking/reminder-1", now=FIRST)
    assert run(two, FIRST) == 0
    assert len(two.mails("gathering-reminder", to="fatima@school.example")) == 1
    wanted = [i.nudge_wanted_at for i in invitations_of(two, "fatima@school.example")]
    assert wanted == [FIRST + DAY, None], "the reminder asks about its own meeting"
    assert two.trajectory().next_due_at == FIRST + DAY
    assert run(two, FIRST + DAY) == 3


def test_two_looks_at_once_write_one_mail(two: World):
    two.advance(FIRST)
    with ThreadPoolExecutor(4) as pool:
        looks = [pool.submit(nudges.send, two.store, two.settings, now=FIRST) for _ in range(4)]
        assert sum(look.result().mails for look in looks) == 3
    assert len(two.mails("nudge")) == 3
    before = dump(two.store)
    assert nudges.send(two.store, two.settings, now=FIRST).mails == 0
    assert dump(two.store) == before


# Whatever happens


def crash(world: World, moment: str, number: int) -> bool:
    def heartbeat(store: Store, settings: Settings) -> None:
        advance(store, settings, now=FIRST)
        nudges.send(store, settings, now=FIRST)

    return killed_at(world, heartbeat, moment, number)


def test_a_heartbeat_that_is_killed_at_any_commit_ends_the_same_after_the_next(two: World, tmp_path: Path):
    """Killed before and after every commit of two trajectories and three people, one process after the other."""
    for number in (1, 1, 1, 1, 1):
        assert crash(two, "before", number)
        assert crash(two, "after", number)
    assert not crash(two, "before", 1), "nothing is left to do"
    assert nudged(two) == ["fatima@school.example", "jan@school.example", "s.vos@hart.example"]
    assert [len(_lines(two, mail)) for mail in two.mails("nudge")] == [2, 2, 2]
    assert {s.state for s in two.rows(StepRow, StepRow.key == "kennismaking/nudge-1")} == {StepState.DONE}


class Life:
    """Random answers, deliveries and heartbeats; the same seed is the same life."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.chance, self.now = world, random.Random(seed), local(2026, 9, 18, 9)

    def step(self) -> None:
        self.now += timedelta(hours=self.chance.choice((1, 3, 9, 24)))
        act = self.chance.choice(("wait", "wait", "answer", "answer", "deliver", "pause", "move"))
        if act == "answer":
            self.answer()
        elif act == "deliver":
            self.world.deliver(self.now)
        elif act == "pause":
            do = self.chance.choice((staff.pause, staff.resume, staff.resume))
            self._try(lambda: do(self.world.store, self.world.settings, "proef:16LF00", now=self.now))
        elif act == "move" and self.chance.random() < 0.3:
            to = CALENDAR.local(self.now.date() + timedelta(days=self.chance.randint(3, 12)), time(11))
            at = (self.world.store, self.world.settings, f"proef:{ARK}", "kennismaking")
            self._try(lambda: staff.move_step(*at, to=to, now=self.now))
        run(self.world, self.now, deliver=self.chance.random() < 0.5)

    def _try(self, do: Callable[[], object]) -> None:
        try:
            do()
        except Refused as refusal:
            assert str(refusal)  # noqa: PT017

    def answer(self) -> None:
        open_ones = [
            i
            for i in self.world.rows(Invitation, col(Invitation.is_cancelled).is_(False))
            if self.world.rows(Gathering, Gathering.id == i.gathering_id)[0].starts_at > self.now
        ]
        if open_ones:
            said = self.chance.choice(("ACCEPTED", "TENTATIVE", "DECLINED"))
            press(self.world, self.chance.choice(open_ones), self.now, said)

    def check(self) -> None:
        mails = {mail.id: mail for mail in self.world.mails("nudge")}
        answered = {i.id: i for i in self.world.rows(Invitation)}
        with self.world.store.read() as session:
            lines = list(session.exec(select(NudgedInvitation)))
        for line in lines:
            mail, invitation = mails[line.message_id], answered[line.invitation_id]
            if mail.state is MessageState.QUEUED:
                assert nudges.is_unanswered(invitation), "nobody who answered has a nudge that waits"
            assert mail.attempted_at is None or mail.attempted_at <= self.now
        days = Counter(
            (m.to_email, m.attempted_at.astimezone(ZONE).date()) for m in mails.values() if m.attempted_at
        )
        assert max(days.values(), default=0) <= 1, "one nudge a person and day"
        for mail in mails.values():
            latest = mail.attempted_at or mail.expires_at
            assert latest
            assert CALENDAR.next_sending_moment(mail.queued_at) <= latest


@pytest.mark.parametrize("seed", range(6))
def test_nobody_who_answered_is_ever_asked_again(sqlite_template: Path, tmp_path: Path, seed: int):
    path = shutil.copy(sqlite_template, tmp_path / "life.db")
    store = Store(f"sqlite:///{path}")
    add_school(store)
    add_school(store, ARK, "De Ark")
    world = World(store, engine_settings(f"sqlite:///{path}", tmp_path / "var"))
    world.launch()
    at = local(2026, 9, 8, 13)
    world.launch(school=ARK, starts_on=at.date(), now=at)
    world.advance(at)
    move_ark(world, at)
    world.live(local(2026, 9, 17, 12))
    life = Life(world, seed)
    for _ in range(40):
        life.step()
        life.check()
    store.close()
