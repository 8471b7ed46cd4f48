"""When things happen: cases of the planner with their arithmetic."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from engine_cases import CALENDAR, ZONE, facts, local, one_stage
from planner_cases import (
    WINDOW,
    due,
    evaluation,
    gathering,
    mail,
    starts,
)

from calendars.school_year import DayOff, school_calendar
from models.enums import Certainty
from traject.plan import (
    Busy,
    EvaluationAsked,
    GatheringFixed,
    StageOpened,
    StepMoved,
)
from traject.planner import plan


@pytest.mark.parametrize(
    ("when", "starts_on", "expected"),
    [
        pytest.param("bij de start van de fase", date(2026, 9, 7), "Mon 2026-09-07 09:00", id="at the start"),
        pytest.param(
            "bij de start van de fase", date(2026, 9, 5), "Mon 2026-09-07 09:00", id="a Saturday waits"
        ),
        pytest.param(
            "3 weken na de start van de fase, om 10:30",
            date(2026, 9, 7),
            "Mon 2026-09-28 10:30",
            id="7+21=28",
        ),
        pytest.param(
            "1 maand na de start van de fase",
            date(2027, 1, 31),
            "Mon 2027-03-01 09:00",
            id="31-1 → 28-2 Sunday",
        ),
        pytest.param(
            "1 maand na de start van de fase", date(2028, 1, 29), "Tue 2028-02-29 09:00", id="leap day itself"
        ),
        pytest.param(
            "12 maanden na de start van de fase",
            date(2028, 2, 29),
            "Wed 2029-02-28 09:00",
            id="29-2 and a year is 28-2",
        ),
        pytest.param(
            "14 dagen voor het einde van de fase",
            date(2026, 9, 7),
            "Mon 2027-03-01 09:00",
            id="ends 6-3: 20-2, holiday until 28-2",
        ),
        pytest.param(
            "6 weken na de lancering",
            date(2026, 9, 7),
            "Mon 2026-10-19 09:00",
            id="7-9+42=19-10, after autumn holiday",
        ),
        pytest.param(
            "5 weken na de lancering", date(2026, 9, 7), "Mon 2026-10-19 09:00", id="12-10 is holiday: 19-10"
        ),
        pytest.param(
            "7 weken na de lancering, om 20:00",
            date(2026, 9, 7),
            "Tue 2026-10-27 08:00",
            id="too late: next day 8",
        ),
    ],
)
def test_a_mail_is_due_at_the_moment_that_its_sentence_says(when: str, starts_on: date, expected: str):
    lasts = "13 maanden" if "12 maanden" in when else "6 maanden"
    assert due(plan(one_stage(mail(when), lasts), facts(starts_on), CALENDAR), "bericht") == expected


@pytest.mark.parametrize(
    ("starts_on", "utc"),
    [
        pytest.param(date(2026, 10, 19), "2026-10-20 11:30", id="summer time: 13:30 is 11:30 UTC"),
        pytest.param(date(2026, 10, 26), "2026-10-27 12:30", id="winter time: 13:30 is 12:30 UTC"),
        pytest.param(date(2027, 3, 22), "2027-03-23 12:30", id="still winter"),
        pytest.param(date(2027, 3, 29), "2027-03-30 11:30", id="summer again"),
    ],
)
def test_half_past_one_stays_half_past_one_when_the_clock_changes(starts_on: date, utc: str):
    moment = (starts_on + timedelta(days=1 - starts_on.weekday())).isoformat()
    made = plan(
        one_stage(gathering("middag", WINDOW, "1 dag")),
        facts(starts_on, as_of=datetime(2026, 1, 5, 8, tzinfo=UTC)),
        CALENDAR,
    )
    step = made.step("middag")
    assert step.starts_at
    assert step.starts_at.astimezone(ZONE).time() == time(13, 30)
    exact = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    fixed = StepMoved("middag", "", datetime.fromisoformat(f"{moment}T13:30").replace(tzinfo=ZONE))
    assert plan(one_stage(gathering()), facts(starts_on, fixed), CALENDAR).step("middag").starts_at == exact


def test_a_gathering_leaves_its_invitation_time_and_falls_on_an_allowed_day():
    made = plan(one_stage(gathering(invite="5 weken")), facts(), CALENDAR)
    # 7 September + 5 weeks = Monday 12 October, in the autumn holiday (10-18): the first Tuesday after it.
    assert (starts(made, "middag"), due(made, "middag")) == ("Tue 2026-10-20 13:30", "Tue 2026-09-15 09:00")


def test_people_are_not_reminded_before_or_on_the_day_they_are_invited():
    steps = gathering(invite="5 weken") + "        reminders: [4 weken, 1 week, 1 dag]\n"
    made = plan(one_stage(steps, "6 weken"), facts(), CALENDAR)
    assert [s.key for s in made.steps] == [
        "middag/reminder-1",
        "middag/nudge-1",
        "middag/reminder-2",
        "middag/nudge-2",
        "middag/reminder-3",
        "middag",
    ]
    # Fixed on Thursday 17 September at a week's notice: only what comes 3 days and a day before comes after it.
    slot = (local(2026, 9, 17, 13, 30), local(2026, 9, 17, 16, 30))
    fixed = GatheringFixed("middag", "", *slot, invited_at=local(2026, 9, 10, 9))
    late = plan(one_stage(steps), facts(date(2026, 9, 7), fixed), CALENDAR)
    assert [s.key for s in late.steps if "/" in s.key] == ["middag/nudge-2", "middag/reminder-3"]


def test_reminders_that_a_holiday_brings_to_one_day_are_one():
    # 10 and 3 days before Thursday 22 October: the one is in the autumn holiday (10-18), so both would come on the 19th.
    steps = gathering(invite="5 weken") + "        reminders: [10 dagen, 3 dagen]\n"
    slot = (local(2026, 10, 22, 13, 30), local(2026, 10, 22, 16, 30))
    fixed = GatheringFixed("middag", "", *slot, invited_at=local(2026, 9, 10, 9))
    made = plan(one_stage(steps, "2 maanden"), facts(date(2026, 9, 7), fixed), CALENDAR)
    assert [(s.key, due(made, s.key)) for s in made.steps if "/" in s.key] == [
        ("middag/reminder-1", "Mon 2026-10-19 09:00")
    ]


def test_two_gatherings_of_one_trajectory_do_not_overlap_and_avoid_busy_people():
    steps = gathering("a") + gathering("b") + gathering("c")
    busy = Busy(local(2026, 9, 22, 12), local(2026, 9, 22, 17))
    made = plan(one_stage(steps), facts(date(2026, 9, 7), busy), CALENDAR)
    # From 13:30, 3 hours, ending at 17:00 at the latest: one fits in an afternoon.
    assert [starts(made, key) for key in "abc"] == [
        "Thu 2026-09-24 13:30",
        "Tue 2026-09-29 13:30",
        "Thu 2026-10-01 13:30",
    ]


def test_a_stage_without_a_free_afternoon_is_named_as_a_problem_and_gets_no_bad_date():
    made = plan(one_stage(gathering(), "2 weken"), facts(date(2026, 12, 21)), CALENDAR)
    assert made.step("middag").due_at is None
    assert made.step("middag").starts_at is None
    [problem] = made.problems
    assert problem.key == "middag"
    assert (
        "‘Bijeenkomst middag’ kan niet worden gepland: tussen 21-12-2026 en 03-01-2027" in problem.reason.nl
    )
    assert "cannot be planned" in problem.reason.en


def test_a_gathering_that_cannot_be_planned_any_more_is_said_of_the_days_that_are_left():
    left = {date(2026, 12, 31): "tussen 31-12-2026 en 03-01-2027", date(2027, 1, 3): "op 03-01-2027"}
    for today, days in left.items():
        at = local(today.year, today.month, today.day, 9)
        opened = StageOpened("een", local(2026, 12, 21, 10))
        made = plan(one_stage(gathering(), "2 weken"), facts(date(2026, 12, 21), opened, as_of=at), CALENDAR)
        [problem] = made.problems
        assert f"kan niet worden gepland: {days} is geen vrij moment" in problem.reason.nl


def test_what_waits_for_a_gathering_without_a_date_has_no_date_either():
    steps = (
        gathering()
        + mail("2 dagen na stap middag")
        + gathering("daarna", "binnen de fase, vanaf 1 week na stap middag, dinsdag, vanaf 13:30, 1 uur")
    )
    made = plan(one_stage(steps, "2 weken"), facts(date(2026, 12, 21)), CALENDAR)
    assert {s.key for s in made.steps if s.due_at is None} == {"middag", "bericht", "daarna"}
    assert len(made.problems) == 3


def test_a_gathering_counted_from_another_comes_after_it_in_whatever_order_they_are_written():
    later = gathering("later", "binnen de fase, vanaf 3 weken na stap eerst, dinsdag, vanaf 13:30, 1 uur")
    made = plan(one_stage(later + gathering("eerst")), facts(), CALENDAR)
    # The first on 22 September; three weeks later is 13 October, in the holiday: 20 October.
    assert (starts(made, "eerst"), starts(made, "later")) == ("Tue 2026-09-22 13:30", "Tue 2026-10-20 13:30")


def test_a_school_with_other_holidays_has_another_plan():
    steps = gathering(invite="5 weken")
    own = school_calendar(
        overrides=[DayOff(date(2026, 10, 17), date(2026, 10, 25), "eigen herfst", "Herfstvakantie")]
    )
    made = plan(one_stage(steps), facts(), own)
    assert starts(made, "middag") == "Tue 2026-10-13 13:30"
    free = school_calendar(overrides=[DayOff(date(2026, 10, 20), date(2026, 10, 20), "studiedag team")])
    assert starts(plan(one_stage(steps), facts(), free), "middag") == "Thu 2026-10-22 13:30"


def test_a_window_in_holidays_may_be_in_one():
    steps = gathering(when=WINDOW + ", ook in een vakantie", invite="5 weken")
    assert starts(plan(one_stage(steps), facts(), CALENDAR), "middag") == "Tue 2026-10-13 13:30"


def test_years_without_published_holidays_are_marked_as_estimated():
    made = plan(one_stage(mail("bij de start van de fase"), "5 jaar", evaluation()), facts(), CALENDAR)
    certainty = {s.cycle: s.certainty for s in made.steps if s.key == "jaarevaluatie"}
    assert certainty["2028-2029"] is not Certainty.ESTIMATED
    assert certainty["2030-2031"] is Certainty.ESTIMATED
    assert made.step("bericht").certainty is not Certainty.ESTIMATED


# Years


def test_every_school_year_has_one_evaluation_with_the_year_in_its_key():
    made = plan(one_stage(mail("bij de start van de fase"), "4 jaar", evaluation()), facts(), CALENDAR)
    asked = [(s.cycle, due(made, s.key, s.cycle)) for s in made.steps if s.key == "jaarevaluatie"]
    assert asked == [
        ("2026-2027", "Mon 2027-05-03 09:00"),
        ("2027-2028", "Mon 2028-05-08 09:00"),  # the May holiday lasts until 5 May, a Friday
        ("2028-2029", "Mon 2029-05-07 09:00"),
        ("2029-2030", "Mon 2030-05-06 09:00"),
    ]


@pytest.mark.parametrize(
    ("starts_on", "years"),
    [
        pytest.param(date(2026, 9, 7), ["2027-2028", "2029-2030"], id="second and fourth year"),
        pytest.param(date(2027, 7, 5), ["2027-2028", "2029-2030"], id="launched at the end of the first"),
        pytest.param(date(2027, 8, 23), ["2028-2029", "2030-2031"], id="launched a school year later"),
    ],
)
def test_every_other_school_year_counts_from_the_year_of_the_start(starts_on: date, years: list[str]):
    yearly = evaluation("om het schooljaar tussen 1 mei en 30 juni")
    made = plan(one_stage(mail("bij de start van de fase"), "4 jaar", yearly), facts(starts_on), CALENDAR)
    assert [s.cycle for s in made.steps if s.key == "jaarevaluatie"] == years


@pytest.mark.parametrize(
    ("starts_on", "first"),
    [
        pytest.param(date(2027, 4, 12), "Mon 2027-05-03 09:00", id="before the window: asked when it opens"),
        pytest.param(date(2027, 5, 31), "Mon 2027-05-31 09:00", id="in the window: asked at once"),
        pytest.param(date(2027, 6, 16), "Wed 2027-06-16 09:00", id="16-6 + 14 = 30-6: two weeks are left"),
        pytest.param(date(2027, 6, 17), "Mon 2028-05-08 09:00", id="17-6 + 14 = 1-7: next year"),
        pytest.param(date(2027, 7, 5), "Mon 2028-05-08 09:00", id="after it: next year"),
    ],
)
def test_who_starts_when_the_window_is_nearly_over_is_asked_the_year_after(starts_on: date, first: str):
    made = plan(
        one_stage(mail("bij de start van de fase"), "3 jaar", evaluation()), facts(starts_on), CALENDAR
    )
    step = min((s for s in made.steps if s.key == "jaarevaluatie"), key=lambda s: s.cycle)
    assert due(made, step.key, step.cycle) == first


def test_a_window_that_opens_after_the_end_is_no_year_of_this_trajectory():
    made = plan(one_stage(mail("bij de start van de fase"), "7 maanden", evaluation()), facts(), CALENDAR)
    assert [s.cycle for s in made.steps if s.cycle] == []  # ends on 6 April, the window opens on 1 May


def test_an_evaluation_that_was_asked_closes_when_people_were_told_it_would():
    asked = EvaluationAsked("jaarevaluatie", "2026-2027", local(2027, 6, 28, 9), local(2027, 7, 13))
    programme = one_stage(mail("bij de start van de fase"), "2 jaar", evaluation())
    made = plan(programme, facts(date(2026, 9, 7), asked), CALENDAR)
    step = made.step("jaarevaluatie", "2026-2027")
    assert (step.due_at, step.ends_at) == (local(2027, 7, 13), local(2027, 7, 13))
    # 28-6 + 14 days is in the summer holiday, after which it is closed: no reminder. 28-6 + 21 days too: the adviser
    # hears it on the last working day on which it is open.
    assert [s.key for s in made.steps if "reminder" in s.key and s.cycle == "2026-2027"] == []
    assert due(made, "jaarevaluatie/escalation", "2026-2027") == "Fri 2027-07-09 09:00"
