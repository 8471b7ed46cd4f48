"""Programme files: what is read of a sound one, and every fault of a broken one told with its line and remedy."""

import re
import time as clock
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.enums import CatchUp, StepKind, TrajectoryKind
from traject.programme import (
    Anchor,
    Condition,
    Cycle,
    DayOfYear,
    Escalation,
    Moment,
    Predicate,
    Programme,
    Span,
    Text,
    Unit,
)
from traject.programme_file import ProgrammeError, load_programmes, parse_programme, read_programme
from traject.yaml_lines import LARGEST

BROKEN = Path(__file__).parent / "broken_programmes"
SOUND = """\
programme: voorbeeld
version: 3
kind: school
title: {nl: Voorbeeld, en: Example}
school_types: [bo, sbo]
roles:
  - {role: coordinator, title: coördinator, required: yes}
  - {role: adviseur, title: adviseur, staff: ja}
  - {role: partner, title: partner, many: true}
stages:
  - stage: begin
    title: No
    starts: bij de lancering
    lasts: 3 maanden
    closes_when: [stap intake is gehouden]
    steps:
      - mail: welkom
        title: Welkom
        to: coordinator
        if: er is een partner
        when: bij de start van de fase, om 10:00
        template: welcome
      - gathering: intake
        title: Intake
        to: [coordinator, adviseur]
        when: binnen de fase, dinsdag, vanaf 13:30, 2 uur
        reminders: 7 dagen
      - mail: vooraf
        title: Morgen
        to: coordinator
        when: 1 dag voor stap intake
        template: reminder
      - mail: achteraf
        title: Dank
        to: coordinator
        when: 2 dagen na stap intake
        template: notice
      - mail: herinnering
        title: Denk eraan
        to: coordinator
        when: 1 week voor het einde van de fase
        template: reminder
  - stage: vervolg
    title: Vervolg
    starts: na de vorige fase
    lasts: 1 jaar
    steps:
      - task: bellen
        title: Bel de school
        to: adviseur
        when: 2 weken na de start van de fase
        catch_up: skip after 7 dagen
yearly:
  - evaluation: jaarevaluatie
    title: Terugblik
    to: coordinator
    every: elk schooljaar tussen 1 mei en 30 juni
    questionnaire: kort
    reminders: [14 dagen]
    no_answer: {after: 21 dagen, task_for: adviseur, title: Bel}
"""


@pytest.fixture(scope="module")
def sound() -> Programme:
    return parse_programme(SOUND, "voorbeeld@3")


def test_the_head_of_a_programme_is_read(sound: Programme) -> None:
    assert (sound.key, sound.version, sound.kind) == ("voorbeeld", 3, TrajectoryKind.SCHOOL)
    assert sound.title == Text("Voorbeeld", "Example")
    assert sound.school_types == ("bo", "sbo")
    assert sound.source == SOUND
    assert re.fullmatch(r"[0-9a-f]{64}", sound.sha256)


def test_yes_and_ja_and_true_are_one(sound: Programme) -> None:
    assert sound.role("coordinator").required
    assert sound.role("adviseur").staff
    assert sound.role("partner").many
    assert not sound.role("partner").required


def test_a_title_no_stays_the_word_no(sound: Programme) -> None:
    assert sound.stage("begin").title == Text("No")


def test_stages_have_their_start_length_guard_and_line(sound: Programme) -> None:
    begin, following = sound.stages
    assert begin.starts == Moment(Anchor.LAUNCH)
    assert following.starts == Moment(Anchor.STAGE_ENDS)
    assert following.lasts == Span(12, Unit.MONTHS)
    assert begin.guard == (Condition(Predicate.STEP_DONE, "intake"),)
    assert SOUND.splitlines()[begin.line - 1].strip() == "- stage: begin"


def test_steps_know_their_stage_and_the_yearly_ones_have_none(sound: Programme) -> None:
    assert [(step.key, step.stage) for step in sound.steps] == [
        ("welkom", "begin"),
        ("intake", "begin"),
        ("vooraf", "begin"),
        ("achteraf", "begin"),
        ("herinnering", "begin"),
        ("bellen", "vervolg"),
        ("jaarevaluatie", None),
    ]


def test_a_yearly_evaluation_is_asked_when_its_period_opens(sound: Programme) -> None:
    step = sound.step("jaarevaluatie")
    assert step.kind is StepKind.EVALUATION
    assert step.cycle == Cycle(1, DayOfYear(5, 1), DayOfYear(6, 30))
    assert step.when == Moment(Anchor.CYCLE_OPENS)
    assert step.escalation == Escalation(Span(21, Unit.DAYS), "adviseur", Text("Bel"))


@pytest.mark.parametrize(
    ("step", "policy", "after"),
    [
        pytest.param("welkom", CatchUp.FIRE_LATE, None, id="a mail is sent late"),
        pytest.param("intake", CatchUp.FIRE_LATE, None, id="an invitation is sent late"),
        pytest.param("vooraf", CatchUp.SKIP_AFTER, Span(1, Unit.DAYS), id="until the gathering itself"),
        pytest.param("achteraf", CatchUp.SKIP_AFTER, Span(14, Unit.DAYS), id="two weeks after it"),
        pytest.param("herinnering", CatchUp.COALESCE, None, id="reminders become one"),
        pytest.param("bellen", CatchUp.SKIP_AFTER, Span(7, Unit.DAYS), id="as the file says"),
    ],
)
def test_the_usual_catch_up_fits_the_kind_of_step(
    sound: Programme, step: str, policy: CatchUp, after: Span | None
) -> None:
    assert (sound.step(step).catch_up, sound.step(step).skip_after) == (policy, after)


def expected(path: Path, language: str = "en") -> list[tuple[int, str]]:
    """What the comments `# expect: line: English // Dutch` at the head of a broken file say."""
    lines = path.read_bytes().decode("utf-8", "replace").splitlines()
    found = [re.fullmatch(r"# expect: (\d+): (.+) // (.+)", line) for line in lines]
    return [(int(match[1]), match[2] if language == "en" else match[3]) for match in found if match]


@pytest.mark.parametrize("path", sorted(BROKEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_broken_programme_is_refused_with_its_line_and_remedy(path: Path) -> None:
    with pytest.raises(ProgrammeError) as caught:
        read_programme(path)
    for language in ("en", "nl"):
        told = [(each.line, each.message.in_language(language)) for each in caught.value.problems]
        assert told == expected(path, language)
        first, said = expected(path, language)[0]
        assert caught.value.in_language(language).startswith(f"{path}:{first}: {said}")
    assert str(caught.value) == caught.value.in_language("nl")


def test_there_are_broken_programmes_of_many_kinds() -> None:
    files = sorted(BROKEN.glob("*.yaml"))
    assert len(files) >= 40
    messages = {re.sub(r"'[^']*'", "…", message) for path in files for _, message in expected(path)}
    assert len(messages) >= 60


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "niets.yaml", tmp_path):
        with pytest.raises(ProgrammeError) as caught:
            read_programme(path)
        assert caught.value.english.startswith(f"{path}:1: cannot be read")
        assert re.search(r":1: het bestand (bestaat niet|is een map)$", str(caught.value))


def test_a_huge_file_is_refused_before_it_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "groot.yaml"
    path.write_text(SOUND + "# vulling\n" * (LARGEST // 10))
    with pytest.raises(ProgrammeError, match="groter dan 256 kB"):
        read_programme(path)


@pytest.mark.parametrize(
    "text", ["[" * 20_000, "{a: " * 20_000, "- " * 20_000], ids=["lists", "maps", "items"]
)
def test_deep_nesting_is_refused_at_once(text: str) -> None:
    begun = clock.perf_counter()
    with pytest.raises(ProgrammeError, match="meer dan 12 lagen diep"):
        parse_programme(text, "diep@1")
    assert clock.perf_counter() - begun < 2


@pytest.mark.parametrize(
    "good", ["bij de lancering", "3 maanden", "voorbeeld", "title:", "er is een partner"]
)
def test_an_endless_value_or_key_is_refused_at_once(good: str) -> None:
    begun = clock.perf_counter()
    with pytest.raises(ProgrammeError):
        parse_programme(SOUND.replace(good, "a tussen en " * 15_000 + good, 1), "lang@1")
    assert clock.perf_counter() - begun < 2


def test_an_alias_bomb_is_refused() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
    )
    with pytest.raises(ProgrammeError, match="de alias \\*a mag niet"):
        parse_programme(bomb, "bom@1")


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "questionnaires").mkdir()
    (tmp_path / "questionnaires/kort.yaml").write_bytes((BROKEN / "questionnaires/kort.yaml").read_bytes())
    path = tmp_path / "voorbeeld.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SOUND.encode())
    assert read_programme(path).key == "voorbeeld"


@given(st.text(max_size=200) | st.text("abc:- \n\t[]{}&*!|>'\"#%@`,?", max_size=60))
def test_any_text_is_a_programme_or_a_programme_error(text: str) -> None:
    with pytest.raises(ProgrammeError) as caught:
        parse_programme(text, "iets@1")
    assert all(each.line >= 1 and each.message.nl and each.message.en for each in caught.value.problems)


@given(st.integers(0, len(SOUND) - 1), st.sampled_from(["", "x", "\n", ":", "  ", "{", "\t", "- ", "é", "0"]))
def test_a_slip_of_the_hand_never_ends_in_a_stack_trace(position: int, slip: str) -> None:
    text = SOUND[:position] + slip + SOUND[position + 1 :]
    try:
        programme = parse_programme(text, "voorbeeld@3")
    except ProgrammeError as error:
        lines = text.count("\n") + 1
        outside = [problem for problem in error.problems if not 1 <= problem.line <= lines]
    else:
        outside = []
        assert programme.source == text
    assert not outside


def test_a_stored_text_is_read_once(sound: Programme) -> None:
    assert parse_programme(SOUND, "voorbeeld@3") is sound


def test_a_folder_is_read_again_only_where_a_file_changed(tmp_path: Path) -> None:
    (tmp_path / "questionnaires").mkdir()
    questions = tmp_path / "questionnaires/kort.yaml"
    questions.write_bytes((BROKEN / "questionnaires/kort.yaml").read_bytes())
    path = tmp_path / "voorbeeld.yaml"
    path.write_text(SOUND)
    first = load_programmes(tmp_path)["voorbeeld"]
    assert load_programmes(tmp_path)["voorbeeld"] is first
    path.write_text(SOUND.replace("version: 3", "version: 44"))
    assert load_programmes(tmp_path)["voorbeeld"].version == 44
    questions.unlink()
    with pytest.raises(
        ProgrammeError, match="stelt de vragenlijst 'kort', die niet in questionnaires/ staat"
    ):
        load_programmes(tmp_path)


def test_the_problems_of_all_files_of_a_folder_are_told_together(tmp_path: Path) -> None:
    for name in ("een", "twee"):
        (tmp_path / f"{name}.yaml").write_text("programme: x\n")
    with pytest.raises(ProgrammeError) as caught:
        load_programmes(tmp_path)
    assert {Path(problem.path).stem for problem in caught.value.problems} == {"een", "twee"}
