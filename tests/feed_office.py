"""A store with one school, two people and a gathering, and what tests ask of its feeds."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from answering import STARTS, World, build
from icalendar import Calendar
from sqlmodel import col, select

from models import (
    Gathering,
    Invitation,
    Person,
    StepRow,
    Trajectory,
)
from models.enums import FeedKind, StepKind
from traject.dossier import row_id
from traject.feeds import make_feed, open_feed, read_feed
from traject.settings import Settings
from traject.store import Store

NOW = datetime(2026, 9, 7, 8, 0, tzinfo=UTC)


@dataclass
class Office:
    """The store, its world, and what is asked of them."""

    store: Store
    settings: Settings
    world: World

    def feed(self, kind: FeedKind, whose: int | None = None) -> str:
        """Make a feed; gives its token."""
        of = {FeedKind.PERSON: "person_id", FeedKind.TRAJECTORY: "trajectory_id"}.get(kind)
        with self.store.write() as session:
            return make_feed(session, kind, now=NOW, **({of: whose} if of else {}))[1]

    def own(self, *, of: str = "fatima@school.example") -> str:
        return self.feed(FeedKind.PERSON, self.person(of).id)

    def person(self, email: str) -> Person:
        with self.store.read() as session:
            return session.exec(select(Person).where(Person.email == email)).one()

    def opens(self, token: str) -> bool:
        with self.store.glance() as connection:
            return open_feed(connection, token, self.settings, NOW) is not None

    def read(self, token: str, now: datetime = NOW) -> Calendar:
        return Calendar.from_ical(self.bytes(token, now))

    def bytes(self, token: str, now: datetime = NOW) -> bytes:
        return self._answer(token, now)[0]

    def etag(self, token: str, now: datetime = NOW) -> str:
        return self._answer(token, now)[1]

    def _answer(self, token: str, now: datetime) -> Any:
        with self.store.glance() as connection:
            known = open_feed(connection, token, self.settings, now)
        assert known
        opened, tag = known
        with self.store.read() as session:
            return read_feed(session, opened, token, self.settings, now).data, tag

    def change(self, table: type[Any], row: int, **values: Any) -> None:
        with self.store.write() as session:
            found = session.get_one(table, row)
            for name, value in values.items():
                setattr(found, name, value)

    def gathering(self, **values: Any) -> int:
        """Another gathering of the same trajectory; nobody is invited yet."""
        with self.store.write() as session:
            base: dict[str, Any] = {
                "trajectory_id": self.world.trajectory,
                "title": "Netwerkbijeenkomst",
                "starts_at": STARTS + timedelta(days=7),
                "ends_at": STARTS + timedelta(days=7, hours=2),
            } | values
            step = StepRow(
                trajectory_id=base["trajectory_id"],
                key=f"g{session.exec(select(col(StepRow.id)).order_by(col(StepRow.id).desc())).first()}",
                kind=StepKind.GATHERING,
                title="",
            )
            session.add(step)
            session.flush()
            made = Gathering(step_id=step.id, uid=f"g{step.id}@traject.example", **base)
            session.add(made)
            session.flush()
            return row_id(made)

    def invite(self, gathering: int, person: int, **values: Any) -> None:
        with self.store.write() as session:
            tag = f"i{gathering}-{person}"
            session.add(
                Invitation(gathering_id=gathering, person_id=person, tag=tag, address="x@x.example", **values)
            )

    def other_trajectory(self) -> int:
        with self.store.write() as session:
            known = session.get_one(Trajectory, self.world.trajectory)
            made = Trajectory(
                reference="proeftuin",
                programme_version_id=known.programme_version_id,
                group_name="Proeftuin speciaal",
                title="Proeftuin",
                starts_on=known.starts_on,
                launched_at=known.launched_at,
            )
            session.add(made)
            session.flush()
            return row_id(made)


@pytest.fixture
def office(store: Store, settings: Settings) -> Office:
    return Office(store, settings, build(store))
