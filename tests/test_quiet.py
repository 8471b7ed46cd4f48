"""Quiet weeks: nothing but news about a meeting goes out, the plan shows the moved moments, and nothing is lost."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from commands import Traject, with_settings
from engine_cases import MORNING, World
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select
from test_outbox import a_message, put, row

from calendars.school_year import QuietPeriod, school_calendar
from models import StepRow
from models.enums import MessageKind, MessageState, StepState
from traject.effects import AT_ONCE
from traject.errors import Refused
from traject.quiet import change_quiet, new_quiet
from traject.settings import Settings
from traject.staff import move_step
from traject.store import Store

MONITOR = QuietPeriod(date(2026, 11, 9), date(2026, 11, 20), "Monitor")


# The moments


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("2026-11-06 10:00", "2026-11-06 10:00"),
        ("2026-11-06 17:00", "2026-11-23 08:00"),  # after hours on the Friday before
        ("2026-11-07 10:00", "2026-11-23 10:00"),  # a Saturday keeps its time
        ("2026-11-09 00:00", "2026-11-23 08:00"),
        ("2026-11-18 13:30", "2026-11-23 13:30"),
        ("2026-11-20 18:00", "2026-11-23 08:00"),
        ("2026-11-23 09:00", "2026-11-23 09:00"),
    ],
)
def test_mail_waits_until_the_first_working_day_after_a_quiet_period(asked: str, given: str):
    calendar = school_calendar(quiet=[MONITOR])

    def instant(text: str) -> datetime:
        at = datetime.fromisoformat(text).replace(tzinfo=UTC)
        return calendar.local(at.date(), at.time())

    assert calendar.next_sending_moment(instant(asked)) == instant(given)


def test_schools_work_in_a_quiet_week():
    calendar = school_calendar(quiet=[MONITOR])
    assert calendar.is_school_day(date(2026, 11, 11))
    assert calendar.holiday_on(date(2026, 11, 11)) is None
    assert calendar.quiet_on(date(2026, 11, 11)) == MONITOR
    assert calendar.quiet_on(date(2026, 11, 21)) is None


def test_a_quiet_period_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValueError, match="swap the dates"):
        QuietPeriod(date(2026, 11, 9), date(2026, 11, 8), "x")


PERIODS = st.builds(
    lambda start, length: QuietPeriod(start, start + timedelta(days=length), "stil"),
    st.dates(date(2026, 8, 1), date(2027, 7, 31)),
    st.integers(0, 30),
)


@given(periods=st.lists(PERIODS, max_size=4), minute=st.integers(0, 365 * 24 * 60))
def test_no_moment_is_quiet_and_the_first_allowed_one_is_taken(periods: list[QuietPeriod], minute: int):
    at = datetime(2026, 8, 1, tzinfo=UTC) + timedelta(minutes=minute)
    calendar = school_calendar(quiet=periods)
    moment = calendar.next_sending_moment(at)
    day = calendar.to_local(moment).date()
    assert calendar.quiet_on(day) is None
    assert calendar.is_working_day(day)
    assert moment >= at
    assert calendar.next_sending_moment(moment) == moment
    skipped = calendar.to_local(at).date() + timedelta(days=1)
    while skipped < day:
        assert calendar.quiet_on(skipped) or not calendar.is_working_day(skipped)
        skipped += timedelta(days=1)


# The plan


def due(world: World) -> dict[tuple[str, str], datetime | None]:
    with world.store.read() as session:
        rows = session.exec(select(StepRow).where(StepRow.state == StepState.PLANNED))
        return {(row.key, row.cycle): row.due_at for row in rows}


def a_busy_week(world: World) -> QuietPeriod:
    """Two weeks around the first step that is due after a month."""
    at = min(at for at in due(world).values() if at and at > MORNING + timedelta(days=30))
    return new_quiet(at.date() - timedelta(days=3), at.date() + timedelta(days=10), "Monitor")


def test_what_was_planned_in_a_quiet_week_is_planned_after_it_and_comes_back_when_it_is_removed(world: World):
    before, period = due(world), a_busy_week(world)
    now = MORNING + timedelta(hours=1)
    shown = change_quiet(world.store, world.settings, now=now, add=[period], dry_run=True)
    assert due(world) == before, "a dry run changes nothing"
    done = change_quiet(world.store, world.settings, now=now, add=[period])
    assert done == shown
    assert done.trajectories
    after = due(world)
    assert after != before
    for at in after.values():
        assert at is None or not period.starts_on <= at.date() <= period.ends_on
    again = change_quiet(world.store, world.settings, now=now, add=[period])
    assert (again.added, again.trajectories) == ((), ())
    change_quiet(world.store, world.settings, now=now, remove=[period.starts_on])
    assert due(world) == before


def test_only_news_about_a_meeting_leaves_in_a_quiet_week_and_nothing_is_lost(world: World):
    invited_at, starts_at = world.step("kennismaking").due_at, world.step("kennismaking").starts_at
    assert invited_at is not None
    assert starts_at is not None
    period = new_quiet(
        invited_at.date() + timedelta(days=1), invited_at.date() + timedelta(days=12), "Toetsweek"
    )
    change_quiet(world.store, world.settings, now=MORNING, add=[period])
    world.live(invited_at)
    world.deliver(invited_at)
    quiet = [MORNING.replace(year=d.year, month=d.month, day=d.day) for d in _days(period)]
    for at in quiet:
        world.live(at)
        world.deliver(at)
    moved_at = quiet[5]
    move_step(
        world.store,
        world.settings,
        "proef:16LF00",
        "kennismaking",
        to=max(starts_at, moved_at) + timedelta(weeks=8),
        now=moved_at,
    )
    world.deliver(moved_at)
    went = [mail for mail in world.mails(state="accepted") if mail.accepted_at in quiet]
    assert {mail.kind for mail in went} <= AT_ONCE
    assert {mail.kind for mail in went} == {MessageKind.INVITATION_UPDATE}
    after = quiet[-1] + timedelta(days=14)
    world.live(after)
    world.deliver(after)
    assert world.mails(state="queued") == []


def _days(period: QuietPeriod) -> list[date]:
    return [period.starts_on + timedelta(days=n) for n in range((period.ends_on - period.starts_on).days + 1)]


def test_mail_that_is_queued_for_a_quiet_day_waits_too(store: Store, settings: Settings):
    at = datetime(2026, 11, 10, 9, tzinfo=UTC)
    notice, news, later = put(
        store,
        a_message(at),
        a_message(at, kind=MessageKind.CANCELLATION),
        a_message(at, next_attempt_at=at + timedelta(days=20)),
    )
    done = change_quiet(store, settings, now=at, add=[MONITOR])
    assert done.waiting == 1
    calendar = school_calendar()
    assert row(store, notice).next_attempt_at == calendar.local(date(2026, 11, 23), time(10))
    assert row(store, news).next_attempt_at == at
    assert row(store, later).next_attempt_at == at + timedelta(days=20)
    assert row(store, notice).state is MessageState.QUEUED


@pytest.mark.parametrize(
    ("first", "last", "label", "said"),
    [
        (date(2026, 11, 9), date(2026, 11, 8), "x", "draai de dagen om"),
        (date(2026, 11, 9), date(2027, 2, 9), "x", "traject pause"),
        (date(2026, 11, 9), date(2026, 11, 9), " ", "naam"),
    ],
)
def test_a_quiet_period_that_cannot_be_is_refused(first: date, last: date, label: str, said: str):
    with pytest.raises(Refused, match=said):
        new_quiet(first, last, label)


# The command line


@pytest.fixture
def traject(store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Traject:
    return with_settings(monkeypatch, settings)


def test_staff_add_see_and_remove_a_quiet_week(traject: Traject):
    assert traject("quiet", "list").out == "Er zijn geen stille weken.\n"
    week = ("quiet", "add", "2027-03-08", "2027-03-19", "Monitor cultuureducatie")
    assert "Er is niets veranderd" in traject(*week, "--dry-run").out
    assert traject("quiet", "list", "--json").json == []
    assert "Gedaan." in traject(*week, answer="j\n").out
    [known] = traject("quiet", "list", "--json").json
    assert known == {"starts_on": "2027-03-08", "ends_on": "2027-03-19", "label": "Monitor cultuureducatie"}
    assert "Monitor cultuureducatie" in traject("quiet", "list").out
    unknown = traject("quiet", "remove", "2027-03-09", "--yes")
    assert (unknown.code, "begint geen stille periode" in unknown.err) == (1, True)
    removed = traject("quiet", "remove", "2027-03-08", "--yes", "--json").json
    assert (removed["done"], removed["removed"][0]["label"]) == (True, "Monitor cultuureducatie")
    assert traject("quiet", "list", "--json").json == []
