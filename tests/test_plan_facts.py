"""How the plan follows what happened, and how two plans differ."""

from datetime import date, timedelta

from engine_cases import CALENDAR, facts, local, one_stage, proef, small
from planner_cases import due, gathering, mail, starts, task

from calendars.school_year import SchoolYear
from models.enums import StepKind
from traject.plan import (
    Busy,
    GatheringProposed,
    StageClosed,
    StageMoved,
    StageOpened,
    StepDropped,
    StepHappened,
    StepMoved,
    diff,
)
from traject.planner import plan

# Facts


def test_a_stage_that_is_moved_takes_along_what_is_counted_from_it():
    programme = proef()
    before = plan(programme, facts(), CALENDAR)
    after = plan(
        programme, facts(date(2026, 9, 7), StageMoved("doen", opens_on=date(2026, 12, 14))), CALENDAR
    )
    assert due(before, "doen-begint") == "Mon 2026-12-07 09:00"
    assert due(after, "doen-begint") == "Mon 2026-12-14 09:00"
    stages = {s.key: (s.opens_on, s.ends_on) for s in after.stages}
    assert stages["doen"] == (date(2026, 12, 14), date(2027, 9, 13))
    assert stages["borgen"][0] == date(2027, 9, 14)


def test_a_stage_past_its_end_is_expected_to_last_two_weeks_more_at_a_time():
    opened = StageOpened("begin", local(2026, 9, 7, 10))

    def ends(day: date) -> tuple[date, date]:
        at = local(day.year, day.month, day.day, 9)
        stages = plan(proef(), facts(date(2026, 9, 7), opened, as_of=at), CALENDAR).stages
        return stages[0].ends_on, stages[1].opens_on

    days = [date(2027, 2, 1) + timedelta(days=n) for n in range(40)]
    found = [ends(day) for day in days]
    assert all(day <= end <= day + timedelta(days=13) for day, (end, _) in zip(days, found, strict=True))
    assert all(following == end + timedelta(days=1) for end, following in found)
    # The same from day to day until it passes, so that rows that were planned earlier agree with the plan.
    assert all(
        after == before or day > before[0]
        for before, after, day in zip(found[:-1], found[1:], days[1:], strict=True)
    )
    assert len(set(found)) <= 4


def test_a_stage_that_closed_early_lets_the_next_one_open_that_day():
    happened = (StageOpened("begin", local(2026, 9, 7, 10)), StageClosed("begin", local(2026, 10, 1, 11)))
    made = plan(proef(), facts(date(2026, 9, 7), *happened, as_of=local(2026, 10, 1, 11)), CALENDAR)
    assert made.stages[1].opens_on == date(2026, 10, 1)


def test_a_stage_that_was_opened_again_is_not_closed():
    happened = (
        StageOpened("begin", local(2026, 10, 5, 10)),
        StageClosed("begin", local(2026, 10, 1, 11)),
    )
    made = plan(proef(), facts(date(2026, 9, 7), *happened, as_of=local(2026, 10, 6, 11)), CALENDAR)
    assert made.stages[0].ends_on > date(2026, 10, 6)


def test_a_stage_can_start_at_a_step_of_an_earlier_one():
    stages = (
        "  - stage: een\n    title: Een\n    starts: bij de lancering\n    lasts: 6 maanden\n    steps:\n"
        + gathering()
        + "  - stage: twee\n    title: Twee\n    starts: 2 weken na stap middag\n    lasts: 1 maand\n    steps:\n"
        + mail("bij de start van de fase")
    )
    made = plan(small(stages), facts(), CALENDAR)
    # The gathering is on 22 September; two weeks later is 6 October.
    assert (starts(made, "middag"), due(made, "bericht")) == ("Tue 2026-09-22 13:30", "Tue 2026-10-06 09:00")


def test_a_step_counts_from_what_really_happened():
    steps = task("1 week na de start van de fase") + mail("3 dagen na stap taak")
    programme = one_stage(steps)
    assert due(plan(programme, facts(), CALENDAR), "bericht") == "Thu 2026-09-17 09:00"
    done = StepHappened("taak", "", local(2026, 9, 21, 15))
    assert due(plan(programme, facts(date(2026, 9, 7), done), CALENDAR), "bericht") == "Thu 2026-09-24 09:00"


def test_a_moved_mail_still_goes_out_in_the_sending_hours():
    moved = StepMoved("bericht", "", local(2026, 9, 12, 20))  # a Saturday evening
    made = plan(one_stage(mail("bij de start van de fase")), facts(date(2026, 9, 7), moved), CALENDAR)
    assert due(made, "bericht") == "Mon 2026-09-14 08:00"


def test_a_dropped_gathering_takes_no_place_and_its_mails_fall_out_but_its_tasks_stay():
    steps = gathering() + mail("2 dagen na stap middag") + task("1 week na stap middag")
    dropped = StepDropped("middag", "", local(2026, 9, 22, 13, 30))
    for as_of in (local(2026, 9, 10, 9), local(2026, 11, 10, 9)):
        made = plan(one_stage(steps), facts(date(2026, 9, 7), dropped, as_of=as_of), CALENDAR)
        assert [s.key for s in made.steps] == ["taak"]
        assert due(made, "taak") == "Tue 2026-09-29 09:00"  # it does not drift with the day of planning


def test_a_gathering_keeps_the_date_that_was_proposed_while_it_fits():
    kept = GatheringProposed("middag", "", local(2026, 11, 3, 13, 30), local(2026, 11, 3, 16, 30))
    assert (
        starts(plan(one_stage(gathering()), facts(date(2026, 9, 7), kept), CALENDAR), "middag")
        == "Tue 2026-11-03 13:30"
    )
    taken = Busy(local(2026, 11, 3, 14), local(2026, 11, 3, 15))
    made = plan(one_stage(gathering()), facts(date(2026, 9, 7), kept, taken), CALENDAR)
    assert starts(made, "middag") == "Tue 2026-09-22 13:30"


def test_a_step_for_another_kind_of_school_is_left_out_with_what_is_counted_from_it():
    steps = (
        task("1 week na de start van de fase")
        + "        if: de school is van het type sbo\n"
        + mail("3 dagen na stap taak")
    )
    assert [s.key for s in plan(one_stage(steps), facts(kind="bo"), CALENDAR).steps] == []
    assert {s.key for s in plan(one_stage(steps), facts(kind="sbo"), CALENDAR).steps} == {"taak", "bericht"}


# Differences


def test_the_difference_names_what_is_new_gone_and_changed():
    old = plan(
        one_stage(mail("bij de start van de fase") + task("1 week na de start van de fase")),
        facts(),
        CALENDAR,
    )
    new = plan(
        one_stage(mail("2 dagen na de start van de fase") + gathering(), "7 maanden"), facts(), CALENDAR
    )
    changes = diff(old, new)
    names = {((c.after or c.before).key, c.before is None, c.after is None) for c in changes.steps}
    new_ones = {("middag", True, False), ("middag/nudge-1", True, False), ("middag/nudge-2", True, False)}
    assert names == {("bericht", False, False), ("taak", False, True), *new_ones}
    assert [(c.before.ends_on, c.after.ends_on) for c in changes.stages] == [
        (date(2027, 3, 6), date(2027, 4, 6))
    ]
    assert bool(changes)
    assert not diff(old, old)


def test_the_trial_programme_has_a_date_for_everything_in_every_month_of_launch():
    programme = proef()
    for start in (date(2026, 8, 24) + timedelta(days=30 * n) for n in range(12)):
        made = plan(programme, facts(CALENDAR.next_working_day(start)), CALENDAR)
        assert made.problems == (), start
        years = [s.cycle for s in made.steps if s.key == "jaarevaluatie"]
        assert len(years) == len(set(years))
        assert {s.kind for s in made.steps} == set(StepKind)
        assert SchoolYear.parse(years[-1]).ends_on >= date(2030, 1, 1)
