"""Years of school trajectories in minutes: the real engine, a real database, a real mail server, made-up people.

The clock jumps from one thing that happens to the next. Everything random follows from the seed, so the same seed
lives through the same years. What is reported is counted from what the mail server received and the database holds.
"""

import asyncio
import gc
import tempfile
import time as stopwatch
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, text
from sqlmodel import col, select

from calendars.school_year import SchoolYear
from models import Message, Trajectory
from traject import engine
from traject.dossier import calendar_for
from traject.errors import Refused
from traject.programme_file import load_programmes
from traject.schools import import_schools
from traject.settings import Settings
from traject.simulation import summary
from traject.simulation.cast import Cast, make_cast
from traject.simulation.letters import read_letter
from traject.simulation.office import Office
from traject.simulation.people import People
from traject.simulation.watch import Watch
from traject.simulation.world import World
from traject.store import Store

BEGINS = date(2026, 9, 1)
HEARTBEAT = timedelta(minutes=5)

# As the partial indexes say it, else SQLite reads the whole outbox for every step of the clock.
_NEXT_DUE = select(func.min(col(Trajectory.next_due_at))).where(
    text("state = 'running' AND next_due_at IS NOT NULL")
)
_NEXT_ATTEMPT = select(func.min(col(Message.next_attempt_at))).where(
    text("state IN ('queued', 'attempting')")
)


@dataclass(frozen=True)
class SimulationReport:
    """What happened in the simulated years. `violations`: what never may happen and did, each with its moment."""

    schools: int
    years: int
    seed: int
    mails: dict[str, int]
    invitations: dict[str, int]
    evaluations: dict[str, dict[str, int]]
    missed: list[dict[str, str]]
    duplicates: int
    lost: int
    schools_without_evaluation: int
    violations: list[str]
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return asdict(self)


def simulate(
    schools: int,
    years: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
    settings: Settings | None = None,
    *,
    database_url: str | None = None,
) -> SimulationReport:
    """Live through `years` years with `schools` schools, from 1 September 2026.

    `progress` gets (days lived, days to live). The database is a new file that is thrown away, or `database_url`,
    which must hold no trajectory yet (Refused). Nothing else of `settings` reaches outside: mail goes to a server here.
    """
    started = stopwatch.monotonic()
    with _patient_collector(), tempfile.TemporaryDirectory(prefix="traject-simulate-") as folder:
        base = (settings or Settings()).model_copy(
            update={
                "database_url": database_url or f"sqlite:///{Path(folder) / 'traject.db'}",
                "var_dir": Path(folder),
                "secret_key": "simulate",
                "mailbox_url": None,
                "oauth_provider": "",
                # One mail at a time: with more at once, which of two a dead address refuses first is chance.
                "smtp_connections": 1,
                "mail_provider": "",
                "mail_per_minute": 0,
                "mail_per_day": 0,
                "mail_per_domain": 0,
            }
        )
        store = Store(base.database_url)
        try:
            store.upgrade()
            with store.read() as session:
                if session.exec(select(Trajectory.id).limit(1)).first() is not None:
                    raise Refused(
                        "deze database heeft al trajecten; geef een lege met --database-url",
                        "this database has trajectories already; give an empty one with --database-url",
                    )
            return asyncio.run(_Life(store, base, schools, years, seed, progress).live(started))
        finally:
            store.close()


@contextmanager
def _patient_collector() -> Generator[None]:
    """Collect garbage less often: what is imported stays, the rest is short-lived, and looking takes a twentieth of the time."""
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(20_000, 20)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


class _Life:
    """One run."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        schools: int,
        years: int,
        seed: int,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        calendar = calendar_for((), settings.timezone)
        self.schools, self.years, self.seed, self.progress = schools, years, seed, progress
        self.begins = calendar.local(BEGINS, time(7)).astimezone(UTC)
        self.ends = calendar.local(BEGINS.replace(year=BEGINS.year + years), time(7)).astimezone(UTC)
        self.store, self.settings = store, settings
        self.world = World(store, settings, calendar, seed)
        self.world.now = self.begins
        chance = self.world.random("downtime")
        self.down_from = self.begins + timedelta(days=chance.randrange(150, max(151, 365 * years - 90)))
        self.down_until = self.down_from + timedelta(days=30)
        self.last_day = date.min

    async def live(self, started: float) -> SimulationReport:
        programmes = load_programmes(self.settings.programmes_dir)
        cast = make_cast(self.schools, self.seed, BEGINS, self.world.calendar, programmes)
        with self.store.write() as session:
            import_schools(session, cast.schools)
        self.office = Office(self.world, cast, self.ends.date())
        self.people = People(self.world, cast)
        self.watch = Watch(self.world, self.office)
        self.office.open()
        with self.world.post.serving() as post:
            self.settings = self.world.settings = self.settings.model_copy(update={"smtp_url": post.url})
            while (at := self._next()) < self.ends:
                self.world.now = at
                self.world.act()
                await self._round()
                if self.progress:
                    self.progress((at - self.begins).days, (self.ends - self.begins).days)
        self.world.now = self.ends
        return self._report(cast, stopwatch.monotonic() - started)

    def _next(self) -> datetime:
        """When something happens next: in the engine, in the outbox, or among people."""
        with self.store.glance() as connection:
            due = connection.execute(_NEXT_DUE).scalar_one()
            attempt = connection.execute(_NEXT_ATTEMPT).scalar_one()
        moments = [at for at in (due, attempt, self.world.next_planned) if at is not None]
        at = min(moments, default=self.ends)
        if at <= self.world.now:  # nothing waits longer for a heartbeat
            at = self.world.now + HEARTBEAT
        return self.down_until if self.down_from <= at < self.down_until else at

    async def _round(self) -> None:
        """What the flows do: everything that is due; on a new day also the daily look."""
        today = self.world.today()
        report = await engine.run_once(self.store, self.settings, clock=self.world.clock)
        for advanced in (report.years.advanced, report.gatherings.advanced, report.advanced):
            for trajectory, reason in advanced.failed.items():
                self.world.violated("a trajectory that cannot advance", f"{trajectory}: {reason}")
        if report.delivery.problem:
            self.world.violated("a mail server that cannot be used", report.delivery.problem)
        arrived = [(mail, read_letter(mail)) for mail in self.world.post.take()]
        if arrived:
            self.watch.see(arrived)
        for mail, letter in arrived:
            self.people.read(mail.recipient, letter)
        self.office.look_at_tasks()
        if today != self.last_day and SchoolYear.of(today) != SchoolYear.of(max(self.last_day, BEGINS)):
            self.watch.end_of_school_year()
        self.last_day = today

    def _report(self, cast: Cast, seconds: float) -> SimulationReport:
        self.watch.end_of_school_year()
        first = SchoolYear.of(BEGINS)
        school_years = [first]
        while len(school_years) < self.years:
            school_years.append(school_years[-1].next())
        received, refused = self.watch.received, self.world.post.refused
        with self.store.read() as session:
            lost = summary.lost(session, received)
            forgotten = summary.without_evaluation(
                session, self.world.calendar, received, refused, school_years, self.ends
            )
            violations = [
                *self.world.violations,
                *(f"lost: {each}" for each in lost),
                *(f"a school without an evaluation: {each}" for each in forgotten),
            ]
            return SimulationReport(
                schools=len(cast.schools),
                years=self.years,
                seed=self.seed,
                mails=dict(sorted(self.watch.mails.items())),
                invitations=summary.invitations(session),
                evaluations=summary.evaluations(session, received),
                missed=summary.missed(session),
                duplicates=self.watch.duplicates,
                lost=len(lost),
                schools_without_evaluation=len(forgotten),
                violations=violations,
                seconds=round(seconds, 1),
            )
