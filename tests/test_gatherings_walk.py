"""Whatever staff do and people answer, in the end every calendar shows the gathering exactly as it is, or nothing.

With places that are few as well as without; SEQUENCE never falls, and nobody is invited twice for the same one.
"""

import shutil
import tempfile
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from answering_by_calendar import send
from calendar_client import CalendarClient
from engine_cases import PROGRAMMES, World, days, engine_settings
from gathering_cases import KEY, invited, world_with
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from calendars.invitation import Method
from calendars.lint_mail import lint_mail
from calendars.sent import sent_in
from models import Invitation, Message, Person
from models.enums import GatheringState, MessageState, PartStat
from traject import staff_gatherings as staff
from traject import staff_proposals
from traject.compose import CALENDAR_METHODS
from traject.errors import Refused
from traject.staff_places import set_capacity
from traject.store import Store
from traject.waiting import LABELS, Standing, is_kept, standing, taken

PEOPLE = (
    "fatima@school.example",
    "jan@school.example",
    "s.vos@hart.example",
    "noor@school.example",
    "gast@partner.example",
)
ACTS = (
    "move",
    "place",
    "words",
    "words",
    "add",
    "add",
    "remove",
    "remove",
    "cancel",
    "deliver",
    "deliver",
    "answer",
    "answer",
    "counter",
    "accept",
    "decline",
    "refresh",
    "wait",
    "capacity",
    "advance",
)


@pytest.fixture(scope="module")
def begun(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which three people were invited, and got it."""
    folder = tmp_path_factory.mktemp("walk")
    path = Path(shutil.copy(sqlite_template, folder / "walk.db"))
    store = Store(f"sqlite:///{path}")
    world = world_with(store, f"sqlite:///{path}", folder)
    invited(world)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return path


class Walk:
    """One life of one gathering; `chance` decides to whom things happen."""

    def __init__(self, world: World, chance: Random) -> None:
        self.world, self.chance = world, chance
        self.now = world.gathering(KEY).starts_at - days(20)
        self.clients = defaultdict[str, CalendarClient](CalendarClient)
        self.received: set[int] = set()
        self.deliver()

    def act(self, name: str) -> None:
        try:
            getattr(self, name)()
        except Refused as refusal:
            assert str(refusal)  # noqa: PT017
        assert self.world.gathering(KEY).sequence >= 0

    def do(self, action, **values) -> None:
        action(self.world.store, self.world.settings, self.world.gathering(KEY).id, now=self.now, **values)

    def who(self) -> str:
        return self.chance.choice(PEOPLE)

    def move(self) -> None:
        to = self.world.gathering(KEY).starts_at + days(self.chance.choice((-1, 0, 1, 7)))
        self.do(staff.move, to=to, until=self.chance.choice((None, to + timedelta(hours=3))))

    def place(self) -> None:
        self.do(staff.change, place=self.chance.choice(("op school", "De Pletterij", "")))

    def words(self) -> None:
        self.do(
            staff.change, title=self.chance.choice(("Kennismaking", "Middag", "Start")), description="Één"
        )

    def add(self) -> None:
        self.do(staff.add, name="Iemand", email=self.who())

    def remove(self) -> None:
        self.do(staff.remove, email=self.who())

    def cancel(self) -> None:
        if self.chance.random() < 0.2:
            self.do(staff.cancel)

    def capacity(self) -> None:
        """Places for who need not come: the two of the school, and guests."""
        self.do(set_capacity, capacity=self.chance.randint(1, 3))

    def advance(self) -> None:
        """What fell due happens: an offered place lapses and goes to the next, people are reminded."""
        self.world.advance(self.now)

    def accept(self) -> None:
        self.do(staff_proposals.accept, email=self.who())

    def decline(self) -> None:
        self.do(staff_proposals.decline, email=self.who())

    def wait(self) -> None:
        self.now += timedelta(minutes=self.chance.choice((0, 1, 90, 60 * 12)))

    def deliver(self) -> None:
        """The server takes what waits, at random not all of it; calendars get it in any order, some of it twice."""
        with self.world.store.write() as session:
            for message in session.exec(select(Message).where(Message.state == MessageState.QUEUED)):
                if self.chance.random() < 0.8:
                    message.state, message.accepted_at = MessageState.ACCEPTED, self.now
                    message.attempted_at, message.next_attempt_at = self.now, None
        self.hand_out()

    def hand_out(self) -> None:
        mails = [m for m in self.world.mails(state="accepted") if m.id not in self.received]
        self.chance.shuffle(mails)
        for mail in mails:
            self.received.add(mail.id or 0)
            if CALENDAR_METHODS.get(mail.kind) in ("REQUEST", "CANCEL"):
                self._is_news(mail)
                for _ in range(self.chance.choice((1, 1, 2))):
                    self.clients[mail.to_email].receive(mail.data or b"")

    def _is_news(self, mail: Message) -> None:
        """What leaves says how it is now, not how it was when it was written."""
        gathering, sent = self.world.gathering(KEY), sent_in(mail.data or b"")
        invitation = self.world.invitation(KEY, mail.to_email)
        assert sent.event.sequence == invitation.sequence
        is_off = invitation.is_cancelled or gathering.state is not GatheringState.FIXED
        assert (sent.method is Method.CANCEL) == is_off
        if not is_off:  # a cancellation names the event; what it is called by now does not matter
            assert sent.event.starts_at == gathering.starts_at
            assert sent.event.summary.startswith(f"{LABELS.get(standing(invitation), '')}{gathering.title} (")

    def answer(self) -> None:
        email = self.who()
        client = self.clients[email]
        if client.shown is None:
            return
        client.partstat = self.chance.choice((PartStat.ACCEPTED, PartStat.DECLINED, PartStat.TENTATIVE))
        self.now += timedelta(seconds=1)
        values = {"sequence": client.shown.sequence, "partstat": client.partstat}
        assert send(self.world, "REPLY", email, self.now, **values).outcome in (
            "counted",
            "stale",
            "cancelled",
        )

    def counter(self) -> None:
        email = self.who()
        client = self.clients[email]
        if client.shown is not None:
            self.now += timedelta(seconds=1)
            starts_at = client.shown.starts_at + days(self.chance.choice((1, 2)))
            send(self.world, "COUNTER", email, self.now, sequence=client.shown.sequence, starts_at=starts_at)

    def refresh(self) -> None:
        email = self.who()
        if self.clients[email].version[0] >= 0:
            send(self.world, "REFRESH", email, self.now)

    def check(self) -> None:
        """All mail arrives; then every calendar is right, and nothing was ever sent twice or backwards."""
        with self.world.store.write() as session:
            for message in session.exec(select(Message).where(Message.state == MessageState.QUEUED)):
                message.state = MessageState.ACCEPTED
        self.hand_out()
        gathering = self.world.gathering(KEY)
        invitations = self.world.rows(Invitation, Invitation.gathering_id == gathering.id)
        kept = sum(is_kept(gathering, each) for each in invitations)
        assert gathering.capacity is None or taken(invitations) + kept <= gathering.capacity
        for person in self.world.rows(Person):
            client = self.clients[person.email]
            try:
                invitation = self.world.invitation(KEY, person.email)
            except ValueError:  # never invited
                assert client.shown is None
                continue
            self._check_mails(invitation.id)
            if invitation.is_cancelled or gathering.state is not GatheringState.FIXED:
                assert client.shown is None
                continue
            assert client.shown is not None
            assert (client.shown.starts_at, client.shown.ends_at) == (gathering.starts_at, gathering.ends_at)
            assert client.shown.location == gathering.place
            stands = standing(invitation)
            label = LABELS.get(stands, "")
            # Who says no to waiting is told nothing more: their calendar knows that they do not come.
            known = {"", *LABELS.values()} if stands is Standing.ASKED else {label}
            assert client.shown.summary.startswith(tuple(f"{each}{gathering.title} (" for each in known))
            assert client.shown.description == gathering.description
            assert client.shown.sequence == invitation.sequence
            assert client.partstat == invitation.partstat

    def _check_mails(self, invitation_id: int | None) -> None:
        mails = self.world.rows(Message, Message.invitation_id == invitation_id)
        for mail in mails:
            assert lint_mail(mail.data) == []
        calendars = [mail for mail in mails if CALENDAR_METHODS.get(mail.kind) in ("REQUEST", "CANCEL")]
        versions = [(event.sequence, event.dtstamp) for event in (sent_in(m.data).event for m in calendars)]
        assert [sequence for sequence, _ in versions] == sorted(sequence for sequence, _ in versions)
        news = [(v, m) for v, m in zip(versions, calendars, strict=True) if ":again:" not in m.effect_key]
        assert len(news) == len({version for version, _ in news}), "no two of one SEQUENCE and revision"
        left = [v[0] for v, m in news if m.kind == "invitation" and m.state == "accepted"]
        assert len(left) == len(set(left)), "nobody is invited twice for one SEQUENCE"


@given(
    acts=st.lists(st.sampled_from(ACTS), min_size=4, max_size=18), chance=st.randoms(use_true_random=False)
)
@settings(max_examples=12)
def test_every_calendar_shows_the_gathering_as_it_is_or_nothing(
    begun: Path, acts: list[str], chance: Random
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = shutil.copy(begun, Path(folder) / "walk.db")
        store = Store(f"sqlite:///{path}")
        walk = Walk(World(store, engine_settings(f"sqlite:///{path}", Path(folder), PROGRAMMES)), chance)
        for name in acts:
            walk.act(name)
        walk.check()
        store.close()
