"""What is true of every plan, whatever the programme, the school's days off and what has happened."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from engine_cases import PROGRAMMES, ZONE, proef
from hypothesis import given, settings
from hypothesis import strategies as st

from calendars.school_year import DayOff, SchoolCalendar, SchoolYear, school_calendar
from models.enums import StepKind
from traject.meeting_hours import MeetingHours
from traject.plan import (
    Busy,
    Fact,
    Facts,
    GatheringFixed,
    GatheringProposed,
    Plan,
    SchoolHours,
    StageMoved,
    StageOpened,
    StepHappened,
    diff,
)
from traject.planner import plan
from traject.programme import Programme
from traject.programme_file import load_programmes
from traject.settings import Settings
from traject.spans import year_bounds

SHIPPED = load_programmes(Settings.model_fields["programmes_dir"].default)
ALL = [proef(), load_programmes(PROGRAMMES)["proefgroep"], *SHIPPED.values()]

laws = settings(max_examples=40)
a_programme = st.sampled_from(ALL)
a_start = st.dates(date(2026, 8, 3), date(2029, 7, 31))


@st.composite
def a_calendar(draw: st.DrawFn) -> SchoolCalendar:
    """The region's calendar, or one with days off of the school's own."""
    own = [
        DayOff(first, first + timedelta(days=draw(st.integers(0, 12))), "eigen")
        for first in draw(st.lists(st.dates(date(2026, 8, 1), date(2031, 7, 1)), max_size=4))
    ]
    return school_calendar(overrides=own)


@st.composite
def a_life(draw: st.DrawFn) -> tuple[Programme, Facts, SchoolCalendar]:
    """A programme with facts that can have happened: some time in, some gatherings fixed, people busy, a stage moved."""
    programme, calendar = draw(a_programme), draw(a_calendar())
    starts_on = calendar.next_working_day(draw(a_start))
    launched = datetime.combine(starts_on, time(7), UTC)
    happened: list[Fact] = []
    first = plan(programme, Facts(starts_on, launched, school_type="bo"), calendar)
    as_of = launched + timedelta(days=draw(st.integers(0, 400)), hours=draw(st.integers(0, 23)))
    if draw(st.booleans()):
        happened.append(StageOpened(programme.stages[0].key, launched))
    for step in first.steps:
        if step.starts_at and step.ends_at and step.kind is StepKind.GATHERING:
            match draw(st.sampled_from(["fixed", "proposed", "nothing", "nothing"])):
                case "fixed":
                    happened.append(GatheringFixed(*step.id, step.starts_at, step.ends_at, step.due_at))
                case "proposed":
                    happened.append(GatheringProposed(*step.id, step.starts_at, step.ends_at))
                case _:
                    pass
        elif step.due_at and step.due_at <= as_of and step.kind is StepKind.MAIL and "/" not in step.key:
            happened.append(StepHappened(*step.id, step.due_at))
    for day in draw(st.lists(st.integers(0, 900), max_size=6)):
        start = launched + timedelta(days=day, hours=draw(st.integers(0, 10)))
        happened.append(Busy(start, start + timedelta(hours=draw(st.integers(1, 30)))))
    if days := draw(st.lists(st.integers(0, 6), max_size=6, unique=True)):
        hours = tuple(MeetingHours(day, time(draw(st.integers(8, 14))), time(18)) for day in sorted(days))
        happened.append(SchoolHours(hours, (), "De Kring"))
    if draw(st.booleans()):
        stage = draw(st.sampled_from(first.stages[1:] or first.stages))
        if stage.opens_on > as_of.date() and stage is not first.stages[0]:
            opens_on = stage.opens_on + timedelta(days=draw(st.integers(0, 90)))
            happened.append(StageMoved(stage.key, opens_on=opens_on))
    return programme, Facts(starts_on, as_of, tuple(happened), school_type="bo"), calendar


def gatherings(made: Plan) -> list[tuple[datetime, datetime, tuple[str, str]]]:
    return sorted(
        (s.starts_at, s.ends_at, s.id)
        for s in made.steps
        if s.kind is StepKind.GATHERING and s.starts_at and s.ends_at
    )


def decided(facts: Facts) -> set[tuple[str, str]]:
    """What has its date already: people know it."""
    return {(f.key, f.cycle) for f in facts.happened if isinstance(f, GatheringFixed)}


@laws
@given(a_life(), st.randoms(use_true_random=False))
def test_a_plan_does_not_depend_on_the_order_of_the_facts(
    life: tuple[Programme, Facts, SchoolCalendar], chance: random.Random
):
    programme, facts, calendar = life
    shuffled = list(facts.happened)
    chance.shuffle(shuffled)
    made = plan(programme, facts, calendar)
    again = plan(programme, replace(facts, happened=tuple(shuffled)), calendar)
    assert made == again
    assert not diff(made, again)


@laws
@given(a_life())
def test_planning_again_from_what_was_planned_changes_nothing(
    life: tuple[Programme, Facts, SchoolCalendar],
):
    programme, facts, calendar = life
    made = plan(programme, facts, calendar)
    named = decided(facts)
    kept = tuple(f for f in facts.happened if not isinstance(f, GatheringProposed))
    proposed = tuple(GatheringProposed(*name, a, b) for a, b, name in gatherings(made) if name not in named)
    assert not diff(made, plan(programme, replace(facts, happened=(*kept, *proposed)), calendar))


@laws
@given(a_life())
def test_no_two_gatherings_of_one_trajectory_overlap_nor_does_a_new_one_with_busy_people(
    life: tuple[Programme, Facts, SchoolCalendar],
):
    programme, facts, calendar = life
    made = gatherings(plan(programme, facts, calendar))
    fixed = decided(facts)
    for (_, end, one), (start, _, other) in pairwise(made):
        assert end <= start or {one, other} <= fixed
    busy = [(f.starts_at, f.ends_at) for f in facts.happened if isinstance(f, Busy)]
    for start, end, name in made:
        assert name in fixed or all(end <= a or b <= start for a, b in busy)


@laws
@given(a_life())
def test_every_new_gathering_is_on_an_allowed_day_and_hour_of_its_own_window(
    life: tuple[Programme, Facts, SchoolCalendar],
):
    programme, facts, calendar = life
    made = plan(programme, facts, calendar)
    stages = {s.key: s for s in made.stages}
    fixed = decided(facts)
    for start, end, (key, cycle) in gatherings(made):
        if (key, cycle) in fixed:
            continue
        step = programme.step(key)
        window = step.window
        assert window is not None
        local = start.astimezone(ZONE)
        day = local.date()
        assert day.weekday() in (window.weekdays or (0, 1, 2, 3, 4))
        assert window.in_holidays or calendar.is_school_day(day)
        assert window.earliest <= local.time() <= window.latest
        for school in (f for f in facts.happened if isinstance(f, SchoolHours)):
            assert any(hours.holds(local, end.astimezone(ZONE)) for hours in school.hours)
        assert end - start == window.duration
        if step.cycle:
            first, last = year_bounds(SchoolYear.parse(cycle), step.cycle)
        else:
            first, last = stages[step.stage or ""].opens_on, stages[step.stage or ""].ends_on
        assert first <= day <= last
        assert day > facts.as_of.astimezone(ZONE).date()


@laws
@given(a_life())
def test_everything_is_due_in_the_sending_hours_but_the_end_of_what_is_going_on(
    life: tuple[Programme, Facts, SchoolCalendar],
):
    programme, facts, calendar = life
    fixed = decided(facts)
    for step in plan(programme, facts, calendar).steps:
        if step.due_at is None or step.id in fixed:
            continue
        assert calendar.next_sending_moment(step.due_at) == step.due_at, step


@laws
@given(a_life())
def test_what_people_know_stays_where_it_is(life: tuple[Programme, Facts, SchoolCalendar]):
    programme, facts, calendar = life
    made = plan(programme, facts, calendar)
    for fact in facts.happened:
        if isinstance(fact, GatheringFixed):
            step = made.step(fact.key, fact.cycle)
            assert (step.starts_at, step.ends_at) == (fact.starts_at, fact.ends_at)


@laws
@given(a_life(), st.data())
def test_fixing_one_gathering_where_it_was_planned_moves_no_other(
    life: tuple[Programme, Facts, SchoolCalendar], data: st.DataObject
):
    programme, facts, calendar = life
    made = plan(programme, facts, calendar)
    free = [g for g in gatherings(made) if g[2] not in decided(facts)]
    if not free:
        return
    start, end, name = data.draw(st.sampled_from(free))
    fixed = GatheringFixed(*name, start, end, made.step(*name).due_at)
    others = [f for f in facts.happened if not isinstance(f, GatheringProposed)]
    proposed = [GatheringProposed(*n, a, b) for a, b, n in free if n != name]
    after = plan(programme, replace(facts, happened=(*others, *proposed, fixed)), calendar)
    assert gatherings(after) == gatherings(made)


@laws
@given(a_life())
def test_every_school_year_has_exactly_one_of_each_yearly_step(
    life: tuple[Programme, Facts, SchoolCalendar],
):
    programme, facts, calendar = life
    made = plan(programme, facts, calendar)
    ids = [s.id for s in made.steps]
    assert len(ids) == len(set(ids))
    started = SchoolYear.of(facts.starts_on)
    for step in programme.steps:
        if step.cycle is None or step.cycle.every != 1 or step.conditions:
            continue
        asked = [s.cycle for s in made.steps if s.key == step.key]
        year, expected = started, list[str]()
        while year_bounds(year, step.cycle)[0] <= made.ends_on:
            first, last = year_bounds(year, step.cycle)
            nearly_over = facts.starts_on > first and facts.starts_on + timedelta(days=14) > last
            expected += [] if nearly_over else [str(year)]
            year = year.next()
        assert sorted(asked) == expected


@laws
@given(a_programme, a_start, st.integers(1, 40))
def test_a_stage_moved_by_whole_weeks_moves_its_days_and_those_after_it(
    programme: Programme, start: date, weeks: int
):
    calendar = school_calendar()
    starts_on = calendar.next_working_day(start)
    facts = Facts(starts_on, datetime.combine(starts_on, time(7), UTC), school_type="bo")
    before = plan(programme, facts, calendar)
    if len(before.stages) < 2:
        return
    days = timedelta(weeks=weeks)
    moved = StageMoved(
        before.stages[1].key, before.stages[1].opens_on + days, before.stages[1].ends_on + days
    )
    after = plan(programme, replace(facts, happened=(moved,)), calendar)
    assert after.stages[1].opens_on - before.stages[1].opens_on == days
    assert after.stages[1].ends_on - before.stages[1].ends_on == days
    assert after.stages[0] == before.stages[0]
    for old, new in zip(before.stages[2:], after.stages[2:], strict=True):
        assert abs(new.opens_on - old.opens_on - days) <= timedelta(days=3)  # months differ in length
    for step in after.steps:
        if step.stage == before.stages[1].key and step.due_at and "/" not in step.key:
            assert step.due_at.astimezone(ZONE).date() >= after.stages[1].opens_on


@laws
@given(a_life())
def test_reminders_come_after_the_invitation_and_before_the_gathering_and_one_a_day(
    life: tuple[Programme, Facts, SchoolCalendar],
):
    programme, facts, calendar = life
    made = plan(programme, facts, calendar)
    invited = {(f.key, f.cycle): f.invited_at for f in facts.happened if isinstance(f, GatheringFixed)}
    of = {s.id: s for s in made.steps}
    reminded = [
        (step.key.partition("/")[0], step.cycle, calendar.to_local(step.due_at).date())
        for step in made.steps
        if "/reminder" in step.key and step.due_at
    ]
    assert len(reminded) == len(set(reminded))
    for step in made.steps:
        parent = of.get((step.key.partition("/")[0], step.cycle))
        if parent is None or "/reminder" not in step.key or step.due_at is None or parent.due_at is None:
            continue
        if parent.kind is StepKind.GATHERING:
            assert parent.starts_at
            assert (invited.get(parent.id) or parent.due_at) < step.due_at < parent.starts_at
        else:
            assert parent.ends_at
            assert parent.due_at < step.due_at < parent.ends_at
