"""Questionnaires: faults told with their line, and a filled-in form taken or explained."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traject.questionnaire import (
    Answers,
    FieldProblem,
    Questionnaire,
    QuestionnaireError,
    check_answers,
    parse_questionnaire,
    read_questionnaire,
)

TEXT = """\
questionnaire: jaar
version: 1
title: Jaar
intro: Een paar vragen.
minutes: 3
subjects:
  - subject: alles
    title: Alles
    questions:
      - question: cijfer
        kind: scale
        required: yes
        title: Hoe was het?
        options: [{option: laag, title: slecht}, {option: hoog, title: goed}]
      - question: keuze
        kind: choice
        title: Ga je door?
        options: [{option: ja, title: Ja}, {option: no, title: No}]
      - question: meer
        kind: choices
        title: Wat?
        options: [{option: muziek, title: Muziek}, {option: dans, title: Dans}]
      - {question: kort, kind: short, title: In een zin}
      - {question: lang, kind: long, title: Vertel}
"""


def jaar() -> Questionnaire:
    return parse_questionnaire(TEXT, "jaar.yaml")


def test_an_option_called_no_stays_the_word_no() -> None:
    assert [option.key for option in jaar().questions[1].options] == ["ja", "no"]


def test_a_filled_in_form_becomes_answers_in_their_own_types() -> None:
    form = {
        "cijfer": ["4"],
        "keuze": ["no"],
        "meer": ["dans", "muziek"],
        "kort": ["  Zingen "],
        "lang": ["Een\r\ntwee"],
        "csrf": ["x"],
    }
    assert check_answers(jaar(), form) == Answers(
        {"cijfer": 4, "keuze": "no", "meer": ("muziek", "dans"), "kort": "Zingen", "lang": "Een\ntwee"}
    )


def test_what_may_be_left_open_is_left_out() -> None:
    assert check_answers(jaar(), {"cijfer": ["1"], "kort": ["   "], "meer": []}) == Answers({"cijfer": 1})


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        pytest.param({}, ["cijfer"], id="required"),
        pytest.param({"cijfer": [" "]}, ["cijfer"], id="blank"),
        pytest.param({"cijfer": ["6"]}, ["cijfer"], id="off the scale"),
        pytest.param({"cijfer": ["3", "4"]}, ["cijfer"], id="two numbers"),
        pytest.param({"cijfer": ["٣"]}, ["cijfer"], id="another script's digit"),
        pytest.param({"cijfer": ["3"], "keuze": ["misschien"]}, ["keuze"], id="no such option"),
        pytest.param({"cijfer": ["3"], "meer": ["dans", "film"]}, ["meer"], id="one of several unknown"),
        pytest.param({"cijfer": ["3"], "kort": ["x" * 201]}, ["kort"], id="too long a line"),
        pytest.param({"cijfer": ["x"], "lang": ["x" * 5001]}, ["cijfer", "lang"], id="two at once"),
    ],
)
def test_what_cannot_be_taken_is_explained_by_question(form: dict[str, list[str]], wrong: list[str]) -> None:
    problems = check_answers(jaar(), form)
    assert isinstance(problems, list)
    assert [problem.key for problem in problems] == wrong
    assert all(problem.message.nl and problem.message.en for problem in problems)


@given(
    st.dictionaries(
        st.sampled_from(["cijfer", "keuze", "meer", "kort", "lang", "anders"]),
        st.lists(
            st.text(max_size=30) | st.sampled_from(["1", "5", "ja", "no", "dans", "muziek"]), max_size=3
        ),
    )
)
def test_any_form_gives_answers_to_known_questions_or_problems(form: dict[str, list[str]]) -> None:
    keys = {question.key for question in jaar().questions}
    match check_answers(jaar(), form):
        case Answers(values):
            assert "cijfer" in values
            assert values.keys() <= keys
        case problems:
            assert problems
            assert all(isinstance(problem, FieldProblem) and problem.key in keys for problem in problems)


@pytest.mark.parametrize(
    ("good", "bad", "line", "message"),
    [
        ("kind: scale", "kind: schaal", 11, "a question: 'kind' is 'schaal'; did you mean 'scale'?"),
        (", {option: hoog, title: goed}", "", 14, "question 'cijfer' is a scale; give two options"),
        ("question: lang", "question: kort", 24, "the question 'kort' stands twice; give one another key"),
        ("{option: dans,", "{option: muziek,", 22, "question 'meer' has two options with one key"),
        ("kind: choices", "kind: long", 22, "question 'meer' is answered with text; remove its options"),
        ("minutes: 3", "minutes: 90", 5, "'minutes' is more than 60; ask less"),
        ("kind: long,", "kind: choice,", 24, "question 'lang' is a choice; give at least two options"),
        (
            "title: Vertel",
            "titel: Vertel",
            24,
            "a question has the unknown key 'titel'; did you mean 'title'?",
        ),
        ("minutes: 3\n", "", 1, "the questionnaire has no 'minutes'; add for example `minutes: 8`"),
    ],
)
def test_a_fault_is_told_with_its_line_and_remedy(good: str, bad: str, line: int, message: str) -> None:
    assert good in TEXT
    with pytest.raises(QuestionnaireError) as caught:
        parse_questionnaire(TEXT.replace(good, bad, 1), "jaar.yaml")
    (problem,) = caught.value.problems
    assert (problem.path, problem.line) == ("jaar.yaml", line)
    assert problem.message.en.startswith(message)
    assert problem.message.nl != problem.message.en


def test_a_questionnaire_has_the_name_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "anders.yaml"
    path.write_text(TEXT)
    with pytest.raises(QuestionnaireError, match=r"heet 'jaar' en het bestand 'anders\.yaml'"):
        read_questionnaire(path)
