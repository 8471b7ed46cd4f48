"""What must happen at a given instant, decided on rows alone: no database anywhere."""

from collections import defaultdict
from datetime import date, datetime
from typing import Any

import pytest
from engine_cases import CALENDAR, local, one_stage, small

from models import Person, StageRow, StepRow, Trajectory
from models.enums import CatchUp, StageState, StepKind, StepState
from traject.decide import decide, next_due
from traject.dossier import Dossier
from traject.moves import CloseStage, Finish, Fire, OpenStage, Settle, StageOverdue
from traject.programme import Programme

MORNING = local(2026, 9, 7, 10)
MAIL = """
      - mail: {key}
        title: Bericht
        to: [coordinator]
        template: {template}
        when: bij de start van de fase
"""
GATHERING = """
      - gathering: middag
        title: Middag
        to: [coordinator]
        when: binnen de fase, vanaf 13:30, 3 uur
"""
TASK = """
      - task: verslag
        title: Verslag
        to: [adviseur]
        when: 1 week na stap middag
"""


def mail(key: str = "bericht", template: str = "notice", **more: str) -> str:
    lines = "".join(f"        {name}: {value}\n" for name, value in more.items())
    return MAIL.format(key=key, template=template) + lines


def dossier(programme: Programme, *steps: StepRow, stages: tuple[StageRow, ...] = ()) -> Dossier:
    rows = stages or (
        StageRow(
            id=1,
            trajectory_id=1,
            key="een",
            position=0,
            title="Een",
            state=StageState.OPEN,
            opens_on=date(2026, 9, 7),
            ends_on=date(2027, 3, 6),
            opened_at=MORNING,
        ),
    )
    for number, step in enumerate(steps, start=1):
        step.id = number
    return Dossier(
        trajectory=Trajectory(
            id=1,
            reference="klein:1",
            programme_version_id=1,
            title="Klein",
            starts_on=date(2026, 9, 7),
            launched_at=MORNING,
        ),
        programme=programme,
        calendar=CALENDAR,
        organisation=None,
        school=None,
        stages={row.key: row for row in rows},
        steps={(step.key, step.cycle): step for step in steps},
        holders={"coordinator": [Person(id=1, name="Fatima", email="fatima@school.example")]},
        gatherings={},
        invitations=defaultdict(list),
        rounds={},
        requests=defaultdict(list),
    )


def row(key: str, due_at: datetime | None, kind: StepKind = StepKind.MAIL, **values: Any) -> StepRow:
    defaults: dict[str, Any] = {"trajectory_id": 1, "stage": "een", "title": key}
    return StepRow(**(defaults | {"key": key, "kind": kind, "due_at": due_at} | values))


def stage(
    key: str, position: int, state: StageState, opens_on: date, ends_on: date, **values: Any
) -> StageRow:
    return StageRow(
        trajectory_id=1,
        key=key,
        position=position,
        title=key,
        state=state,
        opens_on=opens_on,
        ends_on=ends_on,
        **values,
    )


# Steps


def test_a_step_is_fired_from_its_moment_on_and_not_before():
    at = local(2026, 9, 14, 9)
    known = dossier(one_stage(mail()), row("bericht", at))
    assert decide(known, local(2026, 9, 14, 8, 59)) == []
    assert decide(known, at) == [Fire("bericht", "")]
    assert next_due(known, MORNING) == at


def test_nothing_is_fired_outside_the_sending_hours_and_the_next_moment_is_named():
    known = dossier(one_stage(mail()), row("bericht", local(2026, 9, 11, 9)))
    saturday = local(2026, 9, 12, 11)
    assert decide(known, saturday) == []
    assert next_due(known, saturday) == local(2026, 9, 14, 11)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"on_hold": True}, id="held"),
        pytest.param({"state": StepState.DONE}, id="done"),
        pytest.param({"state": StepState.SKIPPED}, id="skipped"),
        pytest.param({"due_at": None}, id="without a date"),
        pytest.param({"stage": "twee"}, id="of a stage that is not open"),
    ],
)
def test_a_step_that_is_not_owed_now_is_left_alone(values: dict[str, Any]):
    known = dossier(
        one_stage(mail()), row("bericht", MORNING, **{k: v for k, v in values.items() if k != "due_at"})
    )
    if "due_at" in values:
        known.steps["bericht", ""].due_at = None
    assert decide(known, MORNING) == []


def test_steps_come_in_the_order_in_which_they_fell_due():
    steps = mail("b") + mail("a") + mail("c")
    known = dossier(
        one_stage(steps),
        row("a", local(2026, 9, 9, 9)),
        row("c", local(2026, 9, 8, 9)),
        row("b", local(2026, 9, 9, 9)),
    )
    assert [move.key for move in decide(known, local(2026, 9, 9, 9)) if isinstance(move, Fire)] == [
        "c",
        "a",
        "b",
    ]


def test_a_condition_that_does_not_hold_skips_the_step_with_the_reason():
    programme = one_stage(mail("een-bericht") + mail(**{"if": "stap een-bericht is verstuurd"}))
    known = dossier(programme, row("een-bericht", local(2026, 10, 1, 9)), row("bericht", MORNING))
    [move] = decide(known, MORNING)
    assert move == Settle("bericht", "", StepState.SKIPPED, "‘Bericht’ is nog niet afgerond")


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        pytest.param(local(2026, 9, 18, 9), Fire, id="4 days late: sent"),
        pytest.param(local(2026, 9, 22, 9), Settle, id="8 days late, a week allowed: missed"),
    ],
)
def test_a_step_that_goes_stale_is_missed_where_it_can_be_seen(late: datetime, expected: type):
    programme = one_stage(mail(catch_up="skip after 7 days"))
    assert programme.step("bericht").catch_up is CatchUp.SKIP_AFTER
    [move] = decide(dossier(programme, row("bericht", local(2026, 9, 14, 9))), late)
    assert isinstance(move, expected)
    if isinstance(move, Settle):
        assert (move.state, move.note) == (StepState.MISSED, "het moment was al te lang voorbij")


def test_overdue_reminders_of_one_kind_become_one_and_the_last_is_sent():
    steps = "".join(mail(key, "reminder") for key in "abc") + mail("nieuws")
    rows = [row(key, local(2026, 9, 8 + n, 9)) for n, key in enumerate("abc")]
    known = dossier(one_stage(steps), *rows, row("nieuws", local(2026, 9, 8, 9)))
    moves = decide(known, local(2026, 9, 16, 9))
    assert {move.key for move in moves if isinstance(move, Fire)} == {"c", "nieuws"}
    assert {move.key for move in moves if isinstance(move, Settle)} == {"a", "b"}


def test_a_late_reminder_gives_way_to_the_next_one_of_the_same_day():
    programme = one_stage(GATHERING + "        reminders: [14 dagen, 1 dag]\n")
    meeting = row("middag", local(2026, 9, 29, 16, 30), state=StepState.OPEN)
    meeting.kind, meeting.starts_at = StepKind.GATHERING, local(2026, 9, 29, 13, 30)
    late = row("middag/reminder-1", local(2026, 9, 15, 9))
    today = row("middag/reminder-2", local(2026, 9, 28, 9))
    known = dossier(programme, meeting, late, today)
    before, at = local(2026, 9, 28, 8, 5), local(2026, 9, 28, 9)
    merged = Settle("middag/reminder-1", "", StepState.WITHDRAWN, "samengevoegd met een latere herinnering")
    assert decide(known, before) == [merged]
    today.on_hold = True
    assert decide(known, before) == [Fire("middag/reminder-1", "")], "only into one that is sent"
    today.on_hold, late.state = False, StepState.WITHDRAWN
    assert decide(known, at) == [Fire("middag/reminder-2", "")]


def test_a_reminder_waits_for_its_gathering_and_is_withdrawn_when_that_is_off():
    programme = one_stage(GATHERING + "        reminders: [1 week]\n")
    starts = {"starts_at": local(2026, 9, 29, 13, 30), "ends_at": local(2026, 9, 29, 16, 30)}
    meeting = row("middag", local(2026, 10, 1, 9), StepKind.GATHERING, **starts)
    reminder = row("middag/reminder-1", local(2026, 9, 22, 9))
    known = dossier(programme, meeting, reminder)
    at = local(2026, 9, 22, 9)
    assert decide(known, at) == []
    meeting.state = StepState.OPEN
    assert decide(known, at) == [Fire("middag/reminder-1", "")]
    meeting.state = StepState.SKIPPED
    assert decide(known, at) == [Settle("middag/reminder-1", "", StepState.WITHDRAWN, "niet meer nodig")]
    meeting.state = StepState.OPEN
    [held, missed] = decide(known, local(2026, 10, 1, 9))
    assert {type(held), type(missed)} == {Settle}
    assert {"de bijeenkomst was al begonnen"} <= {
        move.note for move in (held, missed) if isinstance(move, Settle)
    }


def test_what_comes_after_a_meeting_waits_until_it_has_its_date():
    starts = {"starts_at": local(2026, 9, 29, 13, 30), "ends_at": local(2026, 9, 29, 16, 30), "on_hold": True}
    meeting = row("middag", local(2026, 9, 8, 9), StepKind.GATHERING, **starts)
    known = dossier(
        one_stage(GATHERING + TASK), meeting, row("verslag", local(2026, 10, 6, 9), StepKind.TASK)
    )
    assert decide(known, local(2026, 10, 7, 9)) == []
    meeting.state, meeting.on_hold = StepState.DONE, False
    assert decide(known, local(2026, 10, 7, 9)) == [Fire("verslag", "")]


# Stages

TWO = (
    "  - stage: een\n    title: Een\n    starts: bij de lancering\n    lasts: 1 maand\n"
    "    closes_when: [stap verslag is gedaan]\n    steps:\n"
    + TASK.replace("1 week na stap middag", "1 week na de start van de fase")
    + "  - stage: twee\n    title: Twee\n    starts: na de vorige fase\n    lasts: 1 maand\n    steps:\n"
    + mail()
)


def two(first: StageState, second: StageState, done: StepState = StepState.PLANNED) -> Dossier:
    return dossier(
        small(TWO),
        row("verslag", None, StepKind.TASK, state=done),
        stages=(
            stage("een", 0, first, date(2026, 9, 7), date(2026, 10, 6)),
            stage("twee", 1, second, date(2026, 10, 7), date(2026, 11, 6)),
        ),
    )


@pytest.mark.parametrize(
    ("known", "at", "expected"),
    [
        pytest.param(
            two(StageState.PLANNED, StageState.PLANNED),
            local(2026, 9, 7),
            [OpenStage("een")],
            id="the first opens",
        ),
        pytest.param(
            two(StageState.PLANNED, StageState.PLANNED), local(2026, 9, 6, 23, 59), [], id="not before"
        ),
        pytest.param(
            two(StageState.OPEN, StageState.PLANNED, StepState.DONE),
            local(2026, 10, 7),
            [CloseStage("een")],
            id="its last day is over and its guard holds",
        ),
        pytest.param(
            two(StageState.OPEN, StageState.PLANNED, StepState.DONE),
            local(2026, 10, 6, 23, 59),
            [],
            id="last day",
        ),
        pytest.param(
            two(StageState.OPEN, StageState.PLANNED, StepState.SKIPPED),
            local(2026, 10, 7),
            [CloseStage("een")],
            id="staff decided that it need not be",
        ),
        pytest.param(
            two(StageState.CLOSED, StageState.PLANNED),
            local(2026, 10, 7),
            [OpenStage("twee")],
            id="the second",
        ),
        pytest.param(
            two(StageState.CLOSED, StageState.CLOSED), local(2026, 12, 1), [Finish()], id="complete"
        ),
        pytest.param(
            two(StageState.CANCELLED, StageState.CLOSED), local(2026, 12, 1), [Finish()], id="cancelled"
        ),
    ],
)
def test_stages_open_in_order_and_close_when_they_may(known: Dossier, at: datetime, expected: list[object]):
    assert decide(known, at) == expected


def test_a_stage_whose_guard_does_not_hold_is_overdue_and_says_what_is_missing():
    [move] = decide(two(StageState.OPEN, StageState.PLANNED), local(2026, 10, 7))
    assert isinstance(move, StageOverdue)
    assert [condition.subject for condition in move.missing] == ["verslag"]
    assert next_due(two(StageState.OPEN, StageState.PLANNED), local(2026, 9, 8)) == local(2026, 10, 7)


def test_a_trajectory_does_not_finish_while_people_still_come_or_answer():
    known = two(StageState.CLOSED, StageState.CLOSED)
    ends = local(2027, 1, 5, 16)
    coming = row(
        "middag",
        ends,
        StepKind.GATHERING,
        state=StepState.OPEN,
        starts_at=local(2027, 1, 5, 13),
        ends_at=ends,
    )
    coming.id = 9
    known.steps["middag", ""] = coming
    assert decide(known, local(2026, 12, 1)) == []
    assert next_due(known, local(2026, 12, 1)) == ends
    assert decide(known, ends) == [Settle("middag", "", StepState.DONE)]


def test_a_stage_that_starts_at_a_step_waits_until_that_is_done():
    stages = TWO.replace("starts: na de vorige fase", "starts: bij stap verslag")
    for done, expected in ((StepState.OPEN, []), (StepState.DONE, [OpenStage("twee")])):
        known = dossier(
            small(stages),
            row("verslag", local(2026, 9, 14, 9), StepKind.TASK, state=done),
            stages=(
                stage("een", 0, StageState.OPEN, date(2026, 9, 7), date(2026, 10, 6)),
                stage("twee", 1, StageState.PLANNED, date(2026, 9, 14), date(2026, 10, 13)),
            ),
        )
        assert decide(known, local(2026, 9, 21)) == expected


def test_after_downtime_what_a_stage_still_owes_goes_before_its_closing():
    known = dossier(
        one_stage(mail()),
        row("bericht", local(2026, 9, 30, 9)),
        stages=(stage("een", 0, StageState.OPEN, date(2026, 9, 7), date(2026, 10, 6), opened_at=MORNING),),
    )
    known.stages["een"].moved_ends_on = date(2026, 10, 6)
    night, day = local(2026, 10, 7, 2), local(2026, 10, 7, 8)
    assert decide(known, night) == []
    assert next_due(known, night) == day
    assert decide(known, day) == [Fire("bericht", "")]
    known.steps["bericht", ""].state = StepState.DONE
    assert decide(known, day) == [CloseStage("een")]
