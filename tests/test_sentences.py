"""Sentences of programmes mean one thing, in both languages, and faults in them are told with their remedy."""

from contextlib import suppress
from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traject.programme import Anchor, Condition, Cycle, DayOfYear, Moment, Predicate, Span, Unit, Window
from traject.sentence_error import SentenceError
from traject.sentences import (
    default_latest,
    parse_condition,
    parse_cycle,
    parse_moment,
    parse_span,
    parse_start,
    parse_window,
    say,
    say_start,
)

LANGUAGES = st.sampled_from(["nl", "en"])
KEYS = st.from_regex(r"[a-z][a-z0-9-]{0,15}", fullmatch=True)
CLOCKS = st.builds(time, st.integers(0, 23), st.integers(0, 59))
SPANS = st.builds(Span, st.integers(1, 300), st.sampled_from(Unit))


@st.composite
def moments(draw: st.DrawFn, anchors: tuple[Anchor, ...] = tuple(Anchor), *, timed: bool = True) -> Moment:
    anchor = draw(st.sampled_from(anchors))
    sign = draw(st.sampled_from([-1, 0, 1]))
    return Moment(
        anchor,
        sign,
        draw(SPANS) if sign else Span(0, Unit.DAYS),
        draw(KEYS) if anchor is Anchor.STEP else None,
        draw(st.none() | CLOCKS) if timed else None,
    )


@st.composite
def windows(draw: st.DrawFn) -> Window:
    earliest, latest = sorted((draw(CLOCKS), draw(CLOCKS)))
    return Window(
        timedelta(minutes=draw(st.integers(1, 24 * 60))),
        earliest,
        latest,
        tuple(sorted(draw(st.sets(st.integers(0, 6))))),
        draw(st.none() | moments(timed=False)),
        draw(st.booleans()),
    )


DAYS_OF_SCHOOL_YEAR = [
    DayOfYear(month, day)
    for month, length in [
        (8, 31),
        (9, 30),
        (10, 31),
        (11, 30),
        (12, 31),
        (1, 31),
        (2, 29),
        (3, 31),
        (4, 30),
        (5, 31),
        (6, 30),
        (7, 31),
    ]
    for day in range(1, length + 1)
]


@st.composite
def cycles(draw: st.DrawFn) -> Cycle:
    first, last = sorted((draw(st.integers(0, 365)), draw(st.integers(0, 365))))
    return Cycle(draw(st.integers(1, 10)), DAYS_OF_SCHOOL_YEAR[first], DAYS_OF_SCHOOL_YEAR[last])


@given(SPANS, LANGUAGES)
def test_a_span_that_is_said_reads_back_as_itself(span: Span, language: str) -> None:
    assert parse_span(say(span, language)) == span


@given(moments(), LANGUAGES)
def test_a_moment_that_is_said_reads_back_as_itself(moment: Moment, language: str) -> None:
    assert parse_moment(say(moment, language)) == moment


@given(moments((Anchor.LAUNCH, Anchor.STAGE_ENDS, Anchor.STEP)), LANGUAGES)
def test_a_start_of_a_stage_that_is_said_reads_back_as_itself(moment: Moment, language: str) -> None:
    assert parse_start(say_start(moment, language)) == moment


@given(windows(), LANGUAGES)
def test_a_window_that_is_said_reads_back_as_itself(window: Window, language: str) -> None:
    assert parse_window(say(window, language)) == window


@given(cycles(), LANGUAGES)
def test_a_cycle_that_is_said_reads_back_as_itself(cycle: Cycle, language: str) -> None:
    assert parse_cycle(say(cycle, language)) == cycle


@given(st.builds(Condition, st.sampled_from(Predicate), KEYS), LANGUAGES)
def test_a_condition_that_is_said_reads_back_as_itself(condition: Condition, language: str) -> None:
    assert parse_condition(say(condition, language)) == condition


@given(st.text(max_size=80))
def test_any_text_is_a_value_or_a_sentence_error(text: str) -> None:
    for parse in (parse_span, parse_moment, parse_start, parse_window, parse_cycle, parse_condition):
        with suppress(SentenceError):
            parse(text)


TWO_WEEKS = Span(14, Unit.DAYS)


@pytest.mark.parametrize(
    ("sentence", "moment"),
    [
        ("14 days before the stage ends", Moment(Anchor.STAGE_ENDS, -1, TWO_WEEKS)),
        ("14 dagen voor het einde van de fase", Moment(Anchor.STAGE_ENDS, -1, TWO_WEEKS)),
        ("when the stage opens", Moment(Anchor.STAGE_OPENS)),
        ("Bij de start van  de fase", Moment(Anchor.STAGE_OPENS)),
        ("3 weeks after the launch, at 10:00", Moment(Anchor.LAUNCH, 1, Span(3, Unit.WEEKS), at=time(10))),
        ("3 weken na de lancering, om 10.00 uur", Moment(Anchor.LAUNCH, 1, Span(3, Unit.WEEKS), at=time(10))),
        ("7 dagen na stap intake", Moment(Anchor.STEP, 1, Span(7, Unit.DAYS), "intake")),
        ("1 jaar na de lancering", Moment(Anchor.LAUNCH, 1, Span(12, Unit.MONTHS))),
        ("bij het begin van de periode", Moment(Anchor.CYCLE_OPENS)),
    ],
)
def test_sentences_of_moments_mean_what_they_say(sentence: str, moment: Moment) -> None:
    assert parse_moment(sentence) == moment


AFTERNOON = Window(timedelta(hours=3), time(13, 30), time(14, 0), (1, 3))


@pytest.mark.parametrize(
    ("sentence", "window"),
    [
        ("within the stage, Tuesday or Thursday, from 13:30, 3 hours, not in a holiday", AFTERNOON),
        ("binnen de fase, dinsdag of donderdag, vanaf 13:30, 3 uur, niet in een vakantie", AFTERNOON),
        ("donderdag, dinsdag, 3 uur, vanaf 13.30 uur", AFTERNOON),
        (
            "woensdag, om 12:00, 2,5 uur, ook in een vakantie",
            Window(timedelta(minutes=150), time(12), time(12), (2,), in_holidays=True),
        ),
        (
            "elke werkdag, start tussen 9:00 en 11:00, 90 minuten",
            Window(timedelta(minutes=90), time(9), time(11)),
        ),
    ],
)
def test_sentences_of_windows_mean_what_they_say(sentence: str, window: Window) -> None:
    assert parse_window(sentence) == window


@pytest.mark.parametrize(
    ("earliest", "hours", "latest"),
    [
        pytest.param(time(13, 30), 3, time(14), id="13:30 + 3 h: 17:00 - 3 h"),
        pytest.param(time(15), 2, time(15), id="15:00 + 2 h ends at 17:00"),
        pytest.param(time(19, 30), 2, time(19, 30), id="an evening starts when it says"),
        pytest.param(time(9), 20, time(9), id="longer than the day before 17:00"),
    ],
)
def test_a_window_without_a_latest_start_still_ends_at_five(earliest: time, hours: int, latest: time) -> None:
    assert default_latest(earliest, timedelta(hours=hours)) == latest


def test_every_other_school_year_is_every_second() -> None:
    assert parse_cycle("om het schooljaar tussen 1 mei en 30 juni").every == 2
    assert parse_cycle("every other school year between 1 May and 30 June") == Cycle(
        2, DayOfYear(5, 1), DayOfYear(6, 30)
    )


@pytest.mark.parametrize(
    ("sentence", "condition"),
    [
        ("there is a partner", Condition(Predicate.HAS_ROLE, "partner")),
        ("alleen als er is een partner", Condition(Predicate.HAS_ROLE, "partner")),
        ("er is geen partner", Condition(Predicate.LACKS_ROLE, "partner")),
        ("stap intake is gehouden", Condition(Predicate.STEP_DONE, "intake")),
        ("step intake is answered", Condition(Predicate.STEP_DONE, "intake")),
        ("stap intake is nog niet beantwoord", Condition(Predicate.STEP_OPEN, "intake")),
        ("de school is van het type sbo", Condition(Predicate.SCHOOL_TYPE, "sbo")),
    ],
)
def test_sentences_of_conditions_mean_what_they_say(sentence: str, condition: Condition) -> None:
    assert parse_condition(sentence) == condition


@pytest.mark.parametrize(
    ("parse", "sentence", "part", "nearest"),
    [
        (parse_moment, "14 dgen na stap intake", "dgen", "14 dagen na stap intake"),
        (
            parse_moment,
            "14 dagen vor het einde van de fase",
            "vor",
            "14 dagen voor het einde van de fase",
        ),
        (
            parse_moment,
            "2 weken na de start van de fse",
            "de start van de fse",
            "2 weken na de start van de fase",
        ),
        (parse_moment, "bij de strat van de fase", "bij de strat van de fase", "bij de start van de fase"),
        (parse_moment, "volgende week", "volgende week", None),
        (parse_moment, "bij de lancering, om 25:00", "25:00", None),
        (parse_start, "na de vorge fase", "na de vorge fase", "na de vorige fase"),
        (parse_window, "dinsdag, vanaf 13:30", "dinsdag, vanaf 13:30", None),
        (parse_window, "dinsdag, 3 uur", "dinsdag, 3 uur", None),
        (parse_window, "woensdg, om 12:00, 2 uur", "woensdg", "woensdag, om 12:00, 2 uur"),
        (parse_window, "dinsdag, tussen 15:00 en 13:00, 2 uur", "tussen 15:00 en 13:00", None),
        (parse_cycle, "elk schooljaar tussen 1 mei en 31 juni", "31 juni", None),
        (
            parse_cycle,
            "elk schoojaar tussen 1 mei en 30 juni",
            "elk schoojaar",
            "elk schooljaar tussen 1 mei en 30 juni",
        ),
        (parse_cycle, "elk schooljaar tussen 1 juli en 1 oktober", "1 juli - 1 oktober", None),
        (
            parse_condition,
            "stap intake is gehoudn",
            "stap intake is gehoudn",
            "stap intake is gehouden",
        ),
        (parse_span, "drie weken", "drie weken", None),
    ],
)
def test_an_error_names_the_part_and_the_nearest_right_sentence(
    parse: object, sentence: str, part: str, nearest: str | None
) -> None:
    with pytest.raises(SentenceError) as caught:
        parse(sentence)  # type: ignore[operator]
    assert (caught.value.part, caught.value.nearest) == (part, nearest)
    assert caught.value.possible
