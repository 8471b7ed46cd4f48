"""Lives at random: time jumps, staff act, people answer and come and go; what must be true stays true throughout."""

import random
import shutil
from collections import Counter
from datetime import time, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from engine_cases import MORNING, World, add_school, engine_settings
from sqlmodel import col, select

from calendars.lint_mail import lint_mail
from calendars.school_year import school_calendar
from models import EvaluationRequest, EvaluationRound, Invitation, Message, Person, RoleHolder, StepRow
from models.enums import MessageKind, RequestState, StepKind, StepState, TrajectoryState
from traject import staff
from traject.errors import Refused
from traject.hand_over import hand_over
from traject.reconcile import reconcile
from traject.store import Store
from traject.years import queue_yearly_evaluations

REF = "proef:16LF00"
CALENDAR = school_calendar()


class Walk:
    """One life, by chance; the same seed is the same life."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.chance, self.now = world, random.Random(seed), MORNING
        self.people = 0

    def step(self) -> None:
        acts = (self.wait, self.wait, self.wait, self.deliver, self.tasks, self.answer, self.on_a_step)
        acts += (self.on_a_step, self.on_a_stage, self.on_the_whole, self.people_change, self.years)
        try:
            self.chance.choice(acts)()
        except Refused as refusal:
            assert str(refusal)  # noqa: PT017

    def wait(self) -> None:
        self.now += timedelta(hours=self.chance.choice((1, 5, 24, 72, 24 * 10, 24 * 40)))
        self.world.advance(self.now)

    def deliver(self) -> None:
        self.world.deliver(self.now)

    def tasks(self) -> None:
        self.world.do_tasks(self.now)

    def answer(self) -> None:
        self.world.answer(self.now, emails=self.chance.choice((None, ["jan@school.example"])))
        self.world.advance(self.now)

    def on_a_step(self) -> None:
        row = self.chance.choice(self.world.rows(StepRow))
        at = (self.world.store, self.world.settings, REF, row.key, row.cycle)
        match self.chance.choice(("hold", "release", "release", "skip", "move")):
            case "hold":
                staff.hold(*at, now=self.now)
            case "release":
                staff.release(*at, now=self.now)
            case "skip":
                staff.skip(*at, now=self.now)
            case _:
                to = CALENDAR.local(
                    (self.now + timedelta(days=self.chance.randint(1, 60))).date(),
                    time(14),
                )
                staff.move_step(*at, to=to, now=self.now)

    def on_a_stage(self) -> None:
        stage = self.chance.choice(("begin", "doen", "borgen"))
        at = (self.world.store, self.world.settings, REF, stage)
        day = self.now.date() + timedelta(days=self.chance.randint(1, 200))
        match self.chance.choice(("close", "reopen", "opens", "ends")):
            case "close" if self.chance.random() < 0.3:
                staff.close_stage(*at, now=self.now)
            case "reopen":
                staff.reopen_stage(*at, now=self.now)
            case "opens":
                staff.move_stage(*at, opens_on=day, now=self.now)
            case _:
                staff.move_stage(*at, ends_on=day, now=self.now)

    def on_the_whole(self) -> None:
        action = self.chance.choice((staff.pause, staff.resume, staff.resume))
        action(self.world.store, self.world.settings, REF, now=self.now)

    def people_change(self) -> None:
        role = self.chance.choice(("coordinator", "team", "partner", "directeur"))
        holders = [
            h.person_id for h in self.world.rows(RoleHolder, RoleHolder.role == role) if h.until is None
        ]
        emails = {p: e for p, e in self._emails() if p in holders}
        old = self.chance.choice([None, *emails.values()])
        self.people += 1
        new = self.chance.choice(
            (f"p{self.people}@school.example", f"p{max(1, self.people - 2)}@school.example")
        )
        hand_over(
            self.world.store,
            self.world.settings,
            REF,
            role,
            old_email=old,
            name="Iemand",
            email=new,
            now=self.now,
        )

    def _emails(self) -> list[tuple[int | None, str]]:
        return [(p.id, p.email) for p in self.world.rows(Person)]

    def years(self) -> None:
        queue_yearly_evaluations(self.world.store, self.world.settings, now=self.now)

    # What must be true

    def check(self) -> None:
        world = self.world
        self.world.deliver(self.now - timedelta(hours=12))
        trajectory = world.trajectory(REF)
        if (
            CALENDAR.next_sending_moment(self.now) == self.now
        ):  # at night a date may wait for the morning to be chosen anew
            assert reconcile(world.store, world.settings, now=self.now) == []
        if trajectory.state is TrajectoryState.RUNNING:
            before = trajectory.revision
            world.advance(self.now)
            assert world.trajectory(REF).revision in (before, before + 1)
            world.advance(self.now)
            due = world.trajectory(REF).next_due_at
            assert due is None or due > self.now
        urgent = (MessageKind.CANCELLATION, MessageKind.INVITATION_UPDATE)
        for mail in world.mails(state="queued"):
            if mail.kind not in urgent:
                assert CALENDAR.next_sending_moment(mail.next_attempt_at) == mail.next_attempt_at
        for invitation in world.rows(Invitation):
            sent = [
                m for m in world.rows(Message, Message.invitation_id == invitation.id) if not m.is_reminder
            ]
            numbers = [m.sequence or 0 for m in sent]
            assert numbers == sorted(set(numbers)), "SEQUENCE rises with every message to one person"
        self._rounds()
        slots = sorted(
            (s.starts_at, s.ends_at)
            for s in world.rows(
                StepRow, StepRow.kind == StepKind.GATHERING, StepRow.state == StepState.PLANNED
            )
            if s.starts_at and s.ends_at and not s.moved_to
        )
        assert all(a[1] <= b[0] for a, b in pairwise(slots))

    def _rounds(self) -> None:
        world = self.world
        years = Counter((r.step_key, r.school_year) for r in world.rows(EvaluationRound) if r.school_year)
        assert max(years.values(), default=0) <= 1, "one round a school year"
        for request in world.rows(EvaluationRequest, EvaluationRequest.state == RequestState.ANSWERED):
            later = [
                m
                for m in world.rows(Message, Message.request_id == request.id)
                if m.is_reminder and m.queued_at > request.answered_at
            ]
            assert later == [], "nobody is reminded after the answer"


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_what_must_be_true_stays_true(sqlite_template: Path, tmp_path: Path, seed: int):
    path = shutil.copy(sqlite_template, tmp_path / "walk.db")
    store = Store(f"sqlite:///{path}")
    world = World(store, engine_settings(f"sqlite:///{path}", tmp_path / "var"))
    add_school(store)
    world.launch()
    world.advance(MORNING)
    walk = Walk(world, seed)
    for number in range(60):
        walk.step()
        if number % 3 == 2:
            walk.check()
    with store.read() as session:
        kinds = (MessageKind.INVITATION, MessageKind.INVITATION_UPDATE, MessageKind.CANCELLATION)
        for mail in session.exec(select(Message).where(col(Message.kind).in_(kinds))):
            assert mail.data is None or lint_mail(mail.data) == []
    store.close()
