"""Where a gathering could be: ranked, why not elsewhere, and always the same as what the planner takes."""

from datetime import UTC, date, datetime, timedelta

import pytest
from engine_cases import CALENDAR, START, facts, local, one_stage
from hypothesis import given
from planner_cases import gathering, starts
from test_plan_laws import a_life, decided, gatherings, laws

from calendars.school_year import DayOff, SchoolCalendar, school_calendar
from models.enums import StepKind
from traject.obstacles import Obstacle
from traject.plan import Busy, Facts, GatheringFixed, GatheringProposed, Offered, SchoolClosed, StepMoved
from traject.planner import plan
from traject.programme import Programme
from traject.slots import Slots, find_slots

SAM = "Sam Vos"


def found(
    programme: Programme, given_facts: Facts, key: str = "middag", calendar: SchoolCalendar = CALENDAR
) -> Slots:
    slots = find_slots(programme, given_facts, calendar, key)
    assert slots is not None
    return slots


def days(slots: Slots) -> list[str]:
    return [f"{CALENDAR.to_local(each.starts_at):%a %m-%d %H:%M}" for each in slots.candidates]


def why(slots: Slots, day: date) -> list[str]:
    return [each.why.say().nl for each in slots.rejected if each.day == day]


@laws
@given(a_life())
def test_the_first_that_staff_see_is_what_the_planner_takes(life: tuple[Programme, Facts, SchoolCalendar]):
    programme, known, calendar = life
    made = plan(programme, known, calendar)
    named = decided(known)
    for step in made.steps:
        if step.kind is not StepKind.GATHERING or step.id in named or programme.step(step.key).is_shared:
            continue
        slots = find_slots(programme, known, calendar, *step.id)
        if slots is None or not slots.candidates:
            assert step.starts_at is None
        else:
            assert slots.candidates[0].starts_at == step.starts_at


@laws
@given(a_life())
def test_every_day_of_the_window_is_a_candidate_or_has_a_reason(
    life: tuple[Programme, Facts, SchoolCalendar],
):
    programme, known, calendar = life
    today = calendar.to_local(known.as_of).date()
    for start, _, name in gatherings(plan(programme, known, calendar))[:3]:
        slots = find_slots(programme, known, calendar, *name)
        if slots is None or programme.step(name[0]).is_shared:
            continue
        can = {calendar.to_local(each.starts_at).date() for each in slots.candidates}
        cannot = {each.day for each in slots.rejected if not each.starts} - can
        partly = {each.day for each in slots.rejected if each.starts}
        first = max(slots.first, today)
        all_days = {first + timedelta(days=n) for n in range((slots.last - first).days + 1)}
        assert all_days <= can | cannot | partly, start
        assert not can & cannot


def test_each_reason_is_named_on_its_day():
    programme = one_stage(gathering())
    calendar = school_calendar(overrides=[DayOff(date(2026, 10, 1), date(2026, 10, 1), "Studiedag")])
    known = facts(
        START,
        Busy(local(2026, 10, 6, 9), local(2026, 10, 6, 18), ("adviseur",), SAM),
        Busy(
            local(2026, 10, 8, 13), local(2026, 10, 8, 14), ("coordinator",), "Fatima", "Studiemiddag muziek"
        ),
        SchoolClosed(date(2026, 11, 3), date(2026, 11, 5), "Studieweek", (), "De Kring"),
    )
    slots = found(programme, known, calendar=calendar)
    assert why(slots, date(2026, 9, 8)) == ["is te kort dag om mensen uit te nodigen"]
    assert why(slots, date(2026, 9, 16)) == ["is geen dag van het programma"]
    assert why(slots, date(2026, 10, 1)) == ["is vrij: Studiedag"]
    assert why(slots, date(2026, 10, 6)) == ["Sam Vos heeft dan iets anders"]
    assert why(slots, date(2026, 10, 8)) == ["Fatima is dan bij ‘Studiemiddag muziek’"]
    assert why(slots, date(2026, 10, 13)) == ["is vrij: Herfstvakantie"]
    assert why(slots, date(2026, 11, 3)) == ["De Kring is vrij: Studieweek"]
    assert days(slots)[:3] == ["Tue 09-22 13:30", "Thu 09-24 13:30", "Tue 09-29 13:30"]
    assert "Thu 10-08 14:00" in days(slots)  # later that day it can
    assert "1 keer heeft Sam Vos iets anders" in slots.in_the_way.nl
    assert "once Sam Vos has something else" in slots.in_the_way.en


def test_who_is_not_addressed_may_be_elsewhere():
    programme = one_stage(gathering())
    known = facts(START, Busy(local(2026, 9, 22, 9), local(2026, 9, 22, 18), ("directeur",), "Jan"))
    assert days(found(programme, known))[0] == "Tue 09-22 13:30"


def test_a_date_that_people_know_can_be_looked_at_again():
    programme = one_stage(gathering())
    at = local(2026, 9, 29, 14)
    known = facts(START, GatheringFixed("middag", "", at, at + timedelta(hours=3), local(2026, 9, 8, 9)))
    slots = found(programme, known)
    assert slots.candidates[0].starts_at == at
    assert "zo staat het nu gepland" in [remark.nl for remark in slots.candidates[0].remarks]
    assert "Tue 09-22 13:30" in days(slots)


def test_without_a_date_the_reasons_are_counted():
    programme = one_stage(gathering(), lasts="3 weken")
    busy = Busy(local(2026, 9, 14), local(2026, 10, 1), ("adviseur",), SAM)
    made = plan(programme, facts(START, busy), CALENDAR)
    [problem] = made.problems
    assert "4 keer heeft Sam Vos iets anders, 2 dagen zijn te kort dag, 15 dagen van een andere weekdag" in (
        problem.reason.nl
    )
    assert "4 times Sam Vos has something else" in problem.reason.en


# Series

SESSION = """
      - gathering: {key}
        title: Sessie {key}
        to: [coordinator, adviseur]
        when: binnen de fase, {when}
        invite: 2 weken
        series: cursus
"""


def course(count: int, when: str = "elke werkdag, vanaf 13:30, 2 uur", lasts: str = "6 maanden") -> Programme:
    return one_stage(
        "".join(SESSION.format(key=f"s{n}", when=when) for n in range(1, count + 1)), lasts=lasts
    )


def sessions(programme: Programme, known: Facts) -> list[str]:
    made = plan(programme, known, CALENDAR)
    return [starts(made, step.key)[:14] for step in programme.steps]


def test_a_course_is_weekly_on_one_weekday_and_at_one_hour():
    assert sessions(course(6), facts(START)) == [
        "Mon 2026-09-21",
        "Mon 2026-09-28",
        "Mon 2026-10-05",
        "Mon 2026-10-19",  # not in the holiday
        "Mon 2026-10-26",
        "Mon 2026-11-02",
    ]


def test_a_course_takes_another_day_when_its_own_would_cost_more_than_two_weeks():
    busy = [
        Busy(local(2026, 9, 28) + timedelta(weeks=n), local(2026, 9, 29) + timedelta(weeks=n))
        for n in range(4)
    ]
    assert sessions(course(2), facts(START, *busy)) == ["Mon 2026-09-21", "Tue 2026-09-29"]


def test_a_course_shares_weeks_only_when_there_is_no_room():
    dates = sessions(course(4, lasts="5 weken"), facts(START))
    weeks = [date.fromisoformat(each[4:]).isocalendar().week for each in dates]
    assert [each[4:] for each in dates] == sorted(each[4:] for each in dates)
    assert len(set(dates)) == 4
    assert weeks[:3] == [39, 40, 41] or len(set(weeks)) < 4


def test_a_session_that_staff_moved_keeps_its_place_in_the_order():
    moved = StepMoved("s2", "", local(2026, 11, 10, 13, 30))
    assert sessions(course(4), facts(START, moved)) == [
        "Tue 2026-09-22",  # the day that staff took
        "Tue 2026-11-10",
        "Tue 2026-11-17",
        "Tue 2026-11-24",
    ]
    slots = found(course(4), facts(START, moved), "s3")
    assert why(slots, date(2026, 11, 3)) == ["past niet in de volgorde van de reeks, met ‘Sessie s2’"]
    assert "dag en uur van de reeks" in [remark.nl for remark in slots.candidates[0].remarks]


def test_a_series_stays_where_it_was_planned():
    programme = course(6)
    first = plan(programme, facts(START), CALENDAR)
    kept = [GatheringProposed(*name, a, b) for a, b, name in gatherings(first)]
    again = plan(programme, facts(START, *kept), CALENDAR)
    assert gatherings(again) == gatherings(first)


# Shared

SHARED = """
      - gathering: middag
        title: Studiemiddag met anderen
        to: [coordinator]
        when: binnen de fase, dinsdag of donderdag, vanaf 13:30, 2 uur
        theme: muziek
        shared: yes
        invite: 2 weken
"""


def offer(at: datetime, theme: str = "muziek") -> Offered:
    return Offered(theme, at, at + timedelta(hours=3), "Studiemiddag muziek")


@pytest.mark.parametrize(
    ("offers", "expected"),
    [
        pytest.param([], "never", id="none"),
        pytest.param([offer(local(2026, 11, 12, 13, 30), "drama")], "never", id="another theme"),
        pytest.param([offer(local(2026, 11, 11, 13, 30))], "never", id="a Wednesday"),
        pytest.param([offer(local(2026, 11, 12, 9))], "never", id="too early in the day"),
        pytest.param([offer(local(2026, 10, 13, 13, 30))], "never", id="in the school's holiday"),
        pytest.param([offer(local(2027, 5, 11, 13, 30))], "never", id="after the window"),
        pytest.param([offer(local(2026, 9, 10, 13, 30))], "never", id="too soon"),
        pytest.param([offer(local(2026, 11, 12, 13, 30))], "Thu 2026-11-12 13:30", id="fits"),
        pytest.param(
            [offer(local(2026, 12, 8, 14)), offer(local(2026, 11, 12, 13, 30))],
            "Thu 2026-11-12 13:30",
            id="the first",
        ),
    ],
)
def test_a_shared_step_has_the_date_of_the_first_gathering_with_its_theme_in_its_window(
    offers: list[Offered], expected: str
):
    made = plan(one_stage(SHARED), facts(START, *offers), CALENDAR)
    assert starts(made, "middag") == expected
    assert made.problems == ()
    step = made.step("middag")
    if expected == "never":
        # Told to staff two weeks before the window ends, when it is too late to invite in time.
        assert step.due_at == datetime(2027, 2, 19, 8, tzinfo=UTC)
        assert step.ends_at == local(2027, 3, 7)


def test_a_shared_step_is_passed_by_who_is_elsewhere_but_not_by_the_gathering_itself():
    at = local(2026, 11, 12, 13, 30)
    elsewhere = Busy(at, at + timedelta(hours=1), ("coordinator",), "Fatima", "Intake")
    there = Busy(at, at + timedelta(hours=3), ("coordinator",), "Fatima", "Studiemiddag muziek")
    assert starts(plan(one_stage(SHARED), facts(START, offer(at), elsewhere), CALENDAR), "middag") == "never"
    assert starts(plan(one_stage(SHARED), facts(START, offer(at), there), CALENDAR), "middag") != "never"


def test_other_gatherings_make_room_for_a_shared_one():
    own = gathering(
        "eigen", "binnen de fase, vanaf 9 weken na de start van de fase, donderdag, om 13:30, 3 uur"
    )
    at = local(2026, 11, 12, 13, 30)
    made = plan(one_stage(own + SHARED), facts(START, offer(at)), CALENDAR)
    assert starts(made, "middag") == "Thu 2026-11-12 13:30"
    assert starts(made, "eigen") == "Thu 2026-11-19 13:30"


def test_where_staff_choose_they_are_asked_two_weeks_before_people_are_invited():
    programme = one_stage(gathering() + "        date: staff\n", lasts="6 maanden")
    asked = plan(programme, facts(START, as_of=local(2026, 9, 7, 8)), CALENDAR).step("middag")
    to = local(2026, 11, 12, 13, 30)
    chosen = plan(programme, facts(START, StepMoved("middag", "", to)), CALENDAR).step("middag")
    assert asked.starts_at == local(2026, 9, 22, 13, 30)
    assert asked.due_at == local(2026, 9, 7, 9)
    assert chosen.due_at == local(2026, 10, 29, 9)  # two weeks before, as the programme says
    later = facts(
        START, GatheringProposed("middag", "", to, to + timedelta(hours=3)), as_of=local(2026, 9, 28, 8)
    )
    assert plan(programme, later, CALENDAR).step("middag").due_at == local(2026, 10, 9, 9)


def test_obstacles_have_words_in_both_languages():
    slots = found(one_stage(gathering()), facts(START))
    for each in slots.rejected:
        text = each.why.say()
        assert text.nl
        assert text.en
        assert text.nl != text.en
    assert {each.why.obstacle for each in slots.rejected} == {
        Obstacle.NOTICE,
        Obstacle.WEEKDAY,
        Obstacle.HOLIDAY,
    }
