"""The programmes and questionnaires that Traject ships: sound, complete for four years, and known to editors."""

import json
import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import jsonschema
import pytest
import yaml

from calendars.school_year import school_calendar
from models.enums import StepKind, TrajectoryKind
from traject.plan import Facts
from traject.planner import plan
from traject.programme import Anchor, Moment, Programme, Span, Unit
from traject.programme_fields import MAIL_TEMPLATES, Kind
from traject.programme_file import load_programmes
from traject.programme_schema import PATTERNS, programme_schema, questionnaire_schema, written
from traject.questionnaire import read_questionnaire
from traject.sentences import say, say_start

FOLDER = Path(__file__).parent.parent / "programmes"
FILES = sorted(FOLDER.glob("*.yaml"))
QUESTIONNAIRES = sorted((FOLDER / "questionnaires").glob("*.yaml"))
PROGRAMMES = load_programmes(FOLDER)
SCHOOL = [programme for programme in PROGRAMMES.values() if programme.kind is TrajectoryKind.SCHOOL]
ALL = list(PROGRAMMES.values())


def name(thing: Programme | Path) -> str:
    return thing.stem if isinstance(thing, Path) else thing.key


def test_the_six_programmes_are_shipped() -> None:
    assert {key: programme.kind for key, programme in PROGRAMMES.items()} == {
        "po-nieuw": TrajectoryKind.SCHOOL,
        "po-verdieping": TrajectoryKind.SCHOOL,
        "vo-vmbo-praktijk": TrajectoryKind.SCHOOL,
        "netwerk-cultuurcoordinatoren": TrajectoryKind.GROUP,
        "proeftuin-cultureel-speciaal": TrajectoryKind.GROUP,
        "studiemiddagen": TrajectoryKind.GROUP,
    }


@pytest.mark.parametrize("programme", ALL, ids=name)
def test_a_programme_runs_for_four_school_years(programme: Programme) -> None:
    assert {stage.lasts.unit for stage in programme.stages} == {Unit.MONTHS}
    assert 44 <= sum(stage.lasts.amount for stage in programme.stages) <= 48


@pytest.mark.parametrize("programme", ALL, ids=name)
def test_every_role_but_staff_is_welcomed(programme: Programme) -> None:
    welcomed = {role for step in programme.steps if step.template == "welcome" for role in step.to}
    assert {role.key for role in programme.roles if not role.staff} <= welcomed


@pytest.mark.parametrize("programme", ALL, ids=name)
def test_people_hear_that_a_stage_opens(programme: Programme) -> None:
    told = {step.stage for step in programme.steps if step.template in {"welcome", "stage-opened"}}
    assert {stage.key for stage in programme.stages} <= told


@pytest.mark.parametrize("programme", ALL, ids=name)
def test_what_a_stage_waits_for_is_owed_unconditionally_in_that_stage(programme: Programme) -> None:
    for stage in programme.stages:
        for condition in stage.guard:
            step = programme.step(condition.subject)
            assert step.kind in {StepKind.TASK, StepKind.GATHERING}
            assert (step.stage, step.conditions) == (stage.key, ())


@pytest.mark.parametrize("programme", ALL, ids=name)
def test_a_mail_to_an_optional_role_alone_asks_whether_somebody_holds_it(programme: Programme) -> None:
    optional = {role.key for role in programme.roles if not role.required}
    for step in programme.steps:
        assert step.text is not None
        assert len(step.text.nl) > 40
        if (
            step.template == "welcome"
            and len(step.to) == 1
            and set(step.to) <= optional - {"team", "vakdocent"}
        ):
            assert step.conditions, step.key


@pytest.mark.parametrize("programme", SCHOOL, ids=name)
def test_every_school_is_asked_every_school_year(programme: Programme) -> None:
    step = programme.step("jaarevaluatie")
    assert step.cycle is not None
    assert say(step.cycle, "nl") == "elk schooljaar tussen 1 mei en 30 juni"
    assert step.to == ("coordinator", "directeur")
    assert step.reminders == (Span(14, Unit.DAYS), Span(28, Unit.DAYS))
    assert step.escalation is not None
    assert (step.escalation.after, step.escalation.to) == (Span(35, Unit.DAYS), "adviseur")


@pytest.mark.parametrize("programme", SCHOOL, ids=name)
def test_a_school_has_a_round_table_every_other_year_and_hears_of_the_monitor(programme: Programme) -> None:
    table, monitor = programme.step("rondetafel"), programme.step("landelijke-monitor")
    assert table.cycle is not None
    assert table.cycle.every == 2
    assert monitor.cycle is not None
    # Our own questions come in May; the national ones in autumn (domain.md: the two collided elsewhere).
    assert (monitor.cycle.first.month, monitor.cycle.last.month) == (10, 11)


@pytest.mark.parametrize("programme", ALL, ids=name)
def test_a_programme_finds_a_date_for_everything_whenever_it_starts(programme: Programme) -> None:
    for starts_on in (date(2026, 8, 31) + timedelta(days=days) for days in range(0, 330, 30)):
        as_of = datetime.combine(starts_on - timedelta(days=14), time(9), UTC)
        planned = plan(programme, Facts(starts_on, as_of), school_calendar())
        assert planned.problems == (), starts_on
        assert all(step.due_at for step in planned.steps), starts_on


def test_every_layout_of_a_mail_is_there_in_both_languages() -> None:
    emails = FOLDER.parent / "templates/emails"
    missing = [
        f"{language}/{each}"
        for language in ("nl", "en")
        for each in MAIL_TEMPLATES
        if not (emails / language / each / "body.txt").is_file()
    ]
    assert missing == []


def test_a_network_meets_three_times_every_school_year() -> None:
    steps = PROGRAMMES["netwerk-cultuurcoordinatoren"].steps
    yearly = [
        step for step in steps if step.kind is StepKind.GATHERING and step.cycle and step.cycle.every == 1
    ]
    assert len(yearly) == 3


@pytest.mark.parametrize("programme", ALL, ids=name)
def test_what_a_programme_says_can_be_said_in_both_languages(programme: Programme) -> None:
    for step in programme.steps:
        for value in (step.when, step.window, step.cycle, *step.conditions):
            if value is not None:
                assert say(value, "nl") != say(value, "en")


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_shipped_programme_fits_the_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=programme.schema.json\n")
    jsonschema.validate(yaml.safe_load(text), programme_schema())


@pytest.mark.parametrize("path", QUESTIONNAIRES, ids=name)
def test_a_shipped_questionnaire_is_sound_and_fits_the_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../questionnaire.schema.json\n")
    jsonschema.validate(yaml.safe_load(text), questionnaire_schema())
    questionnaire = read_questionnaire(path)
    assert all(question.title.en for question in questionnaire.questions)
    assert {subject.key for subject in questionnaire.subjects} == {q.subject for q in questionnaire.questions}


def test_the_yearly_evaluation_has_the_four_subjects_of_the_plan_and_every_kind_of_question() -> None:
    questionnaire = read_questionnaire(FOLDER / "questionnaires/jaarevaluatie.yaml")
    assert [subject.key for subject in questionnaire.subjects] == [
        "activiteiten",
        "samenwerking",
        "programma",
        "behoefte",
    ]
    assert {question.kind.value for question in questionnaire.questions} == {
        "scale",
        "choice",
        "choices",
        "short",
        "long",
    }


@pytest.mark.parametrize(
    ("file", "schema"),
    [("programme.schema.json", programme_schema()), ("questionnaire.schema.json", questionnaire_schema())],
)
def test_the_shipped_schema_is_up_to_date(file: str, schema: dict[str, object]) -> None:
    remedy = "run `python -m traject.programme_schema`"
    assert (FOLDER / file).read_text(encoding="utf-8") == written(schema), remedy
    jsonschema.Draft202012Validator.check_schema(json.loads(written(schema)))


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("kind: school", "kind: schol"),
        ("version: 1", "version: 0"),
        ("lasts: 4 maanden", "lasts: 4 manden"),
        ("template: welcome", "template: welkom"),
        ("when: bij de start van de fase", "when: bij de strat van de fase"),
        ("starts: bij de lancering", "starts: bij de lansering"),
        ("every: elk schooljaar", "every: elk jaar"),
        ("questionnaire:", "questionaire:"),
        ("- mail: welkom-coordinator", "- mial: welkom-coordinator"),
    ],
)
def test_an_editor_sees_the_fault_by_the_schema(good: str, bad: str) -> None:
    text = (FOLDER / "po-nieuw.yaml").read_text(encoding="utf-8")
    assert good in text
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text.replace(good, bad, 1)), programme_schema())


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_schema_knows_every_sentence_that_can_be_said(language: str) -> None:
    span = Span(3, Unit.WEEKS)
    for anchor in Anchor:
        step = "intake" if anchor is Anchor.STEP else None
        for moment in (
            Moment(anchor, step=step),
            Moment(anchor, 1, span, step),
            Moment(anchor, -1, span, step),
        ):
            assert re.fullmatch(PATTERNS[Kind.MOMENT], say(moment, language))
            if anchor in {Anchor.LAUNCH, Anchor.STAGE_ENDS, Anchor.STEP}:
                assert re.fullmatch(PATTERNS[Kind.START], say_start(moment, language))
