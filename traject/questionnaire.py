"""What a questionnaire asks (`programmes/questionnaires/*.yaml`), and whether a filled-in form answers it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from traject.programme import Text
from traject.programme_fields import Field, Kind, Table
from traject.records import Reader
from traject.yaml_lines import FileError, Node, Problem, compose, read_text

MOST_MINUTES = 60
LONGEST_SHORT_ANSWER = 200
LONGEST_LONG_ANSWER = 5000


class QuestionnaireError(FileError):
    """A questionnaire cannot be used; `problems` says why, as `file:line: what is wrong; the remedy`."""


class QuestionKind(StrEnum):
    """How a question is answered."""

    SCALE = "scale"  # 1 to 5
    CHOICE = "choice"  # one of the options
    CHOICES = "choices"  # any number of the options
    SHORT = "short"  # a line of text
    LONG = "long"  # a few paragraphs


@dataclass(frozen=True, slots=True)
class Option:
    """One answer that can be chosen."""

    key: str
    title: Text


@dataclass(frozen=True, slots=True)
class Question:
    """One question. A scale has two `options`: what 1 and what 5 means."""

    key: str
    kind: QuestionKind
    title: Text
    subject: str
    help: Text
    required: bool
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """A group of questions under one heading."""

    key: str
    title: Text


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """A questionnaire, versioned. `minutes` is how long filling it in takes."""

    key: str
    version: int
    title: Text
    intro: Text
    minutes: int
    subjects: tuple[Subject, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """Why one question's answer cannot be taken, for the person who filled it in."""

    key: str
    message: Text


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers by question: a number of a scale, an option's key, several keys, or text. Unanswered ones are absent."""

    values: Mapping[str, int | str | tuple[str, ...]]


_WHOLE = Text("de vragenlijst", "the questionnaire")
TABLES: dict[str, Table] = {
    "questionnaire": {
        "questionnaire": Field(
            Kind.KEY, "Its key, the same as the file's name.", "jaarevaluatie", required=True
        ),
        "version": Field(Kind.NUMBER, "Raised with every change after it was asked.", "1", required=True),
        "title": Field(Kind.LINE, "What people read.", "Hoe was dit jaar?", required=True),
        "intro": Field(
            Kind.PROSE, "What stands above the questions.", "Fijn dat je meedenkt.", required=True
        ),
        "minutes": Field(Kind.NUMBER, "How long it takes.", "8", required=True),
        "subjects": Field(
            Kind.RECORDS, "The headings, with their questions.", "[…]", required=True, record="subject"
        ),
    },
    "subject": {
        "subject": Field(Kind.KEY, "Its key.", "samenwerking", required=True),
        "title": Field(Kind.LINE, "The heading.", "Samenwerking", required=True),
        "questions": Field(Kind.RECORDS, "The questions.", "[…]", required=True, record="question"),
    },
    "question": {
        "question": Field(
            Kind.KEY, "Its key; it stays the same over the years.", "samenwerking-cijfer", required=True
        ),
        "kind": Field(
            Kind.CHOICE, "How it is answered.", "scale", required=True, choices=tuple(QuestionKind)
        ),
        "title": Field(Kind.LINE, "The question.", "Hoe verliep de samenwerking?", required=True),
        "help": Field(Kind.PROSE, "A hint below the question.", "Denk aan musea en podia."),
        "required": Field(Kind.YES_NO, "Must it be answered?", "yes"),
        "options": Field(
            Kind.RECORDS, "What can be chosen; of a scale the two ends.", "[…]", record="option"
        ),
    },
    "option": {
        "option": Field(Kind.KEY, "Its key.", "museum", required=True),
        "title": Field(Kind.LINE, "What people read.", "Museum", required=True),
    },
}


@lru_cache(maxsize=64)
def parse_questionnaire(text: str, path: str) -> Questionnaire:
    """Read a questionnaire's text; `path` is for messages. Raises QuestionnaireError with every problem."""
    try:
        root = compose(text, path)
    except FileError as error:
        raise QuestionnaireError(error.problems) from error
    reader = Reader(path)
    record = reader.record(root, TABLES["questionnaire"], _WHOLE)
    subjects: list[Subject] = []
    questions: list[Question] = []
    for node in reader.items(record.nodes.get("subjects"), "subjects", _WHOLE):
        _read_subject(reader, node, subjects, questions)
    if record.values.get("minutes", 1) > MOST_MINUTES:
        reader.fault(
            record.line_of("minutes"),
            f"'minutes' is meer dan {MOST_MINUTES}; vraag minder",
            f"'minutes' is more than {MOST_MINUTES}; ask less",
        )
    if reader.problems:
        raise QuestionnaireError(reader.problems)
    values = record.values
    return Questionnaire(
        values["questionnaire"],
        values["version"],
        values["title"],
        values["intro"],
        values["minutes"],
        tuple(subjects),
        tuple(questions),
    )


def read_questionnaire(path: Path) -> Questionnaire:
    """Read a questionnaire's file. Raises QuestionnaireError with every problem."""
    try:
        text = read_text(path)
    except FileError as error:
        raise QuestionnaireError(error.problems) from error
    questionnaire = parse_questionnaire(text, str(path))
    if questionnaire.key != path.stem:
        message = Text(
            f"de vragenlijst heet {questionnaire.key!r} en het bestand {path.name!r}; geef ze één naam",
            f"the questionnaire is called {questionnaire.key!r} and the file {path.name!r}; give them one name",
        )
        raise QuestionnaireError([Problem(str(path), 1, message)])
    return questionnaire


def _read_subject(reader: Reader, node: Node, subjects: list[Subject], questions: list[Question]) -> None:
    record = reader.record(node, TABLES["subject"], Text("een onderwerp", "a subject"))
    key = str(record.values.get("subject", ""))
    if key and key in {subject.key for subject in subjects}:
        reader.fault(
            record.line,
            f"het onderwerp {key!r} staat er twee keer; geef een van beide een andere sleutel",
            f"the subject {key!r} stands twice; give one another key",
        )
    if record.complete:
        subjects.append(Subject(key, record.values["title"]))
    where = Text(f"onderwerp {key!r}", f"subject {key!r}")
    for each in reader.items(record.nodes.get("questions"), "questions", where):
        question = _read_question(reader, each, key)
        if question and question.key in {other.key for other in questions}:
            reader.fault(
                each.start_mark.line + 1,
                f"de vraag {question.key!r} staat er twee keer; geef een van beide een andere sleutel",
                f"the question {question.key!r} stands twice; give one another key",
            )
        elif question:
            questions.append(question)


def _read_question(reader: Reader, node: Node, subject: str) -> Question | None:
    record = reader.record(node, TABLES["question"], Text("een vraag", "a question"))
    options: list[Option] = []
    named = repr(record.values.get("question", ""))
    where = Text(f"vraag {named}", f"question {named}")
    for each in reader.items(record.nodes.get("options"), "options", where):
        read = reader.record(
            each, TABLES["option"], Text(f"een optie van {where.nl}", f"an option of {where.en}")
        )
        if read.complete:
            options.append(Option(read.values["option"], read.values["title"]))
    if not record.complete:
        return None
    kind = QuestionKind(record.values["kind"])
    if len({option.key for option in options}) < len(options):
        reader.fault(
            record.line_of("options"),
            f"{where.nl} heeft twee opties met één sleutel; geef elk een eigen",
            f"{where.en} has two options with one key; give each its own",
        )
    if kind is QuestionKind.SCALE and len(options) != 2:
        reader.fault(
            record.line_of("options"),
            f"{where.nl} is een schaal; geef twee opties: wat 1 betekent en wat 5 betekent",
            f"{where.en} is a scale; give two options: what 1 means and what 5 means",
        )
    if kind in {QuestionKind.CHOICE, QuestionKind.CHOICES} and len(options) < 2:
        reader.fault(
            record.line_of("options"),
            f"{where.nl} is een keuze ({kind}); geef minstens twee opties",
            f"{where.en} is a {kind}; give at least two options",
        )
    if kind in {QuestionKind.SHORT, QuestionKind.LONG} and options:
        reader.fault(
            record.line_of("options"),
            f"{where.nl} wordt met tekst beantwoord; haal de opties weg",
            f"{where.en} is answered with text; remove its options",
        )
    return Question(
        record.values["question"],
        kind,
        record.values["title"],
        subject,
        record.values.get("help", Text("")),
        record.values.get("required", False),
        tuple(options),
    )


def check_answers(
    questionnaire: Questionnaire, form: Mapping[str, Sequence[str]]
) -> Answers | list[FieldProblem]:
    """Take a filled-in form: every question's key with the values that came with it.

    Gives the answers, or for each question that cannot be taken why. What the form holds beyond the questions is left.
    """
    values: dict[str, int | str | tuple[str, ...]] = {}
    problems: list[FieldProblem] = []
    for question in questionnaire.questions:
        given = [
            clean for each in form.get(question.key, ()) if (clean := each.replace("\r\n", "\n").strip())
        ]
        if not given:
            if question.required:
                problems.append(FieldProblem(question.key, NEEDED[question.kind]))
            continue
        taken = _take(question, given)
        if isinstance(taken, Text):
            problems.append(FieldProblem(question.key, taken))
        else:
            values[question.key] = taken
    return problems or Answers(values)


NEEDED: dict[QuestionKind, Text] = {
    QuestionKind.SCALE: Text("Kies een cijfer van 1 tot en met 5.", "Choose a number from 1 to 5."),
    QuestionKind.CHOICE: Text("Kies een van de antwoorden.", "Choose one of the answers."),
    QuestionKind.CHOICES: Text("Kies minstens één antwoord.", "Choose at least one answer."),
    QuestionKind.SHORT: Text("Vul hier iets in.", "Please fill this in."),
    QuestionKind.LONG: Text("Vul hier iets in.", "Please fill this in."),
}


def _take(question: Question, given: list[str]) -> int | str | tuple[str, ...] | Text:
    """The answer, or the reason why not."""
    options = {option.key for option in question.options}
    match question.kind:
        case QuestionKind.SCALE:
            return (
                int(given[0])
                if len(given) == 1 and given[0] in {"1", "2", "3", "4", "5"}
                else NEEDED[question.kind]
            )
        case QuestionKind.CHOICE:
            return given[0] if len(given) == 1 and given[0] in options else NEEDED[question.kind]
        case QuestionKind.CHOICES:
            chosen = tuple(option.key for option in question.options if option.key in given)
            return chosen if set(given) <= options else NEEDED[question.kind]
        case QuestionKind.SHORT | QuestionKind.LONG:
            longest = LONGEST_SHORT_ANSWER if question.kind is QuestionKind.SHORT else LONGEST_LONG_ANSWER
            written = given[0].replace("\x00", "")
            if len(written) > longest:
                return Text(
                    f"Dit zijn {len(written)} tekens; er passen er {longest}.",
                    f"These are {len(written)} characters; at most {longest} fit.",
                )
            return written
