"""Which YAML files are programmes: `programmes/*.yaml` read, checked as a whole, and given as `Programme` values.

A file with faults gives all of them at once, each with its line and remedy.
"""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from models.enums import CatchUp, StepKind, TrajectoryKind
from traject.programme import (
    Anchor,
    Escalation,
    Moment,
    Programme,
    Role,
    Span,
    Stage,
    Step,
    Text,
    Unit,
    Window,
)
from traject.programme_draft import Draft
from traject.programme_fields import TABLES, step_table
from traject.programme_rules import broken_rules
from traject.questionnaire import QuestionnaireError, read_questionnaire
from traject.records import Reader, Record, closest
from traject.sentence_error import plain
from traject.words import WITHIN
from traject.yaml_lines import FileError, MappingNode, Node, Problem, ScalarNode, compose, line_of, read_text

__all__ = ["Problem", "ProgrammeError", "load_programmes", "parse_programme", "read_programme"]

STALE_AFTER = Span(14, Unit.DAYS)
"""How long after its moment a mail that follows a step is still worth sending."""
_PROGRAMME = Text("het programma", "the programme")
_A_STEP = {
    StepKind.MAIL: "een mail",
    StepKind.GATHERING: "een bijeenkomst",
    StepKind.EVALUATION: "een evaluatie",
    StepKind.TASK: "een taak",
}


class ProgrammeError(FileError):
    """A programme cannot be used; `problems` says why, as `file:line: what is wrong; the remedy`."""


def read_programme(path: Path) -> Programme:
    """Read a programme's file, and see that its name and its questionnaires fit.

    Raises ProgrammeError with every problem of the file.
    """
    try:
        text = read_text(path)
    except FileError as error:
        raise ProgrammeError(error.problems) from error
    draft, reader = _draft(text, str(path))
    if draft.key and draft.key != path.stem:
        reader.fault(
            draft.line_of("programme", "", "programme"),
            f"het programma heet {draft.key!r} en het bestand {path.name!r}; geef ze één naam",
            f"the programme is called {draft.key!r} and the file {path.name!r}; give them one name",
        )
    _check_questionnaires(draft, reader, path.parent / "questionnaires")
    return _finish(draft, reader, text)


@lru_cache(maxsize=256)
def parse_programme(text: str, path: str) -> Programme:
    """Read a programme's text, such as a stored version; `path` is only for messages (`po-nieuw@1`).

    Pure: no other file is looked at. Cached by text. Raises ProgrammeError with every problem.
    """
    try:
        draft, reader = _draft(text, path)
    except FileError as error:
        raise ProgrammeError(error.problems) from error
    return _finish(draft, reader, text)


def load_programmes(folder: Path) -> dict[str, Programme]:
    """Read every programme of a folder, by key. A file is read again only when it changed.

    Raises ProgrammeError with the problems of all files together.
    """
    programmes: dict[str, Programme] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")):
        questionnaires = (folder / "questionnaires").glob("*.yaml")
        stamp = (_stamp(path), *(_stamp(each) for each in sorted(questionnaires)))
        try:
            programme = _read_unchanged(path, stamp)
        except ProgrammeError as error:
            problems += error.problems
        else:
            programmes[programme.key] = programme
    if problems:
        raise ProgrammeError(problems)
    return programmes


@lru_cache(maxsize=256)
def _read_unchanged(path: Path, _stamp: tuple[tuple[str, int, int], ...]) -> Programme:
    return read_programme(path)


def _stamp(path: Path) -> tuple[str, int, int]:
    status = path.stat()
    return path.name, status.st_mtime_ns, status.st_size


def _draft(text: str, path: str) -> tuple[Draft, Reader]:
    """Read everything that can be read of a text; what cannot is a problem of the reader."""
    try:
        root = compose(text, path)
    except FileError as error:
        raise ProgrammeError(error.problems) from error
    reader = Reader(path)
    record = reader.record(root, TABLES["programme"], _PROGRAMME)
    draft = Draft(record)
    for node in reader.items(record.nodes.get("roles"), "roles", _PROGRAMME):
        _add_role(draft, reader, node)
    for node in reader.items(record.nodes.get("stages"), "stages", _PROGRAMME):
        _add_stage(draft, reader, node)
    for node in reader.items(record.nodes.get("yearly"), "yearly", _PROGRAMME):
        _add_step(draft, reader, node, None)
    return draft, reader


def _finish(draft: Draft, reader: Reader, text: str) -> Programme:
    for line, message in broken_rules(draft):
        reader.fault(line, message.nl, message.en)
    if reader.problems:
        raise ProgrammeError(reader.problems)
    values = draft.record.values
    return Programme(
        key=values["programme"],
        version=values["version"],
        kind=TrajectoryKind(values["kind"]),
        title=values["title"],
        roles=tuple(draft.roles),
        stages=tuple(draft.stages),
        steps=tuple(draft.steps),
        school_types=values.get("school_types", ()),
        source=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        path=reader.path,
        summary=values.get("summary", Text("")),
    )


def _key_of(node: Node, names: Iterable[str]) -> str:
    """The key that an item gives itself, for messages; empty when it gives none."""
    for key, value in node.value if isinstance(node, MappingNode) else ():
        if isinstance(key, ScalarNode) and key.value in names and isinstance(value, ScalarNode):
            return str(value.value)
    return ""


def _add_role(draft: Draft, reader: Reader, node: Node) -> None:
    key = _key_of(node, ("role",))
    where = Text(f"rol {key!r}", f"role {key!r}") if key else Text("een rol", "a role")
    record = reader.record(node, TABLES["role"], where)
    draft.declare("role", key, record)
    if record.complete:
        values = record.values
        draft.roles.append(
            Role(
                key,
                values["title"],
                required=values.get("required", False),
                many=values.get("many", False),
                staff=values.get("staff", False),
            )
        )


def _add_stage(draft: Draft, reader: Reader, node: Node) -> None:
    key = _key_of(node, ("stage",))
    where = Text(f"fase {key!r}", f"stage {key!r}")
    record = reader.record(node, TABLES["stage"], where if key else Text("een fase", "a stage"))
    draft.declare("stage", key, record)
    if record.complete:
        values = record.values
        draft.stages.append(
            Stage(
                key,
                values["title"],
                values["starts"],
                values["lasts"],
                record.line,
                guard=values.get("closes_when", ()),
                goal=values.get("goal"),
            )
        )
    for step in reader.items(record.nodes.get("steps"), "steps", where):
        _add_step(draft, reader, step, key)


def _add_step(draft: Draft, reader: Reader, node: Node, stage: str | None) -> None:
    names: list[str] = [str(kind) for kind in StepKind]
    keys = [str(key.value) for key, _ in node.value] if isinstance(node, MappingNode) else []
    kinds = [key for key in keys if key in names]
    if len(kinds) != 1:
        if keys and not kinds:
            near = closest(keys[0], names)
            wrong = Text(
                f"een stap begint met {keys[0]!r}; {near.nl}", f"a step begins with {keys[0]!r}; {near.en}"
            )
        else:
            listed = ", ".join(names)
            wrong = Text(
                f"een stap is van één soort; schrijf een van: {listed}",
                f"a step is of one kind; write one of: {listed}",
            )
        reader.fault(line_of(node), wrong.nl, wrong.en)
        return
    kind = StepKind(kinds[0])
    key = _key_of(node, kinds)
    where = Text(f"stap {key!r}", f"step {key!r}") if key else Text(_A_STEP[kind], f"a {kind}")
    record = reader.record(node, step_table(kind, yearly=stage is None), where)
    escalation = _escalation(reader, record, key)
    draft.declare("step", key, record)
    if not record.complete:
        return
    values = record.values
    when = values.get("when")
    if isinstance(when, Window):
        _check_within(reader, record, key, yearly=stage is None)
    moment = when if isinstance(when, Moment) else None
    if moment is None and stage is None and kind is not StepKind.GATHERING:
        moment = Moment(Anchor.CYCLE_OPENS)
    catch_up, skip_after = values.get("catch_up") or _usual_catch_up(values, moment)
    draft.steps.append(
        Step(
            key,
            kind,
            values["title"],
            values["to"],
            stage,
            record.line,
            when=moment,
            window=when if isinstance(when, Window) else None,
            cycle=values.get("every"),
            conditions=values.get("if", ()),
            catch_up=catch_up,
            skip_after=skip_after,
            template=values.get("template", ""),
            text=values.get("text"),
            place=values.get("place"),
            theme=values.get("theme", ""),
            is_shared=values.get("shared", False),
            series=values.get("series", ""),
            capacity=values.get("capacity"),
            required=values.get("required", ()),
            staff_choose=values.get("date") == "staff",
            has_certificate=values.get("certificate", False),
            thanks=values.get("thanks"),
            materials=values["materials"].nl if "materials" in values else "",
            reminders=values.get("reminders", ()),
            escalation=escalation,
            questionnaire=values.get("questionnaire", ""),
            closes=values.get("open_for"),
            **({"invite": values["invite"]} if "invite" in values else {}),
        )
    )


def _check_within(reader: Reader, record: Record, step: str, *, yearly: bool) -> None:
    said = plain(str(record.nodes["when"].value))
    of_stage, of_period = WITHIN[:2], WITHIN[2:]
    if yearly and said.startswith(of_stage):
        reader.fault(
            record.line_of("when"),
            f"stap {step!r} komt elk jaar terug; schrijf `{of_period[0]}`",
            f"step {step!r} returns every year; write `{of_period[0]}`",
        )
    elif not yearly and said.startswith(of_period):
        reader.fault(
            record.line_of("when"),
            f"stap {step!r} hoort bij een fase; schrijf `{of_stage[0]}`",
            f"step {step!r} belongs to a stage; write `{of_stage[0]}`",
        )


def _usual_catch_up(values: dict[str, Any], moment: Moment | None) -> tuple[CatchUp, Span | None]:
    """What a step does late when the file does not say: reminders become one, mail around a step goes stale."""
    if "mail" in values and moment is not None and moment.anchor is Anchor.STEP:
        return CatchUp.SKIP_AFTER, moment.span if moment.sign < 0 else STALE_AFTER
    if values.get("template") == "reminder":
        return CatchUp.COALESCE, None
    return CatchUp.FIRE_LATE, None


def _escalation(reader: Reader, record: Record, step: str) -> Escalation | None:
    node = record.nodes.get("no_answer")
    if node is None:
        return None
    where = Text(f"stap {step!r}: 'no_answer'", f"step {step!r}: 'no_answer'")
    read = reader.record(node, TABLES["no_answer"], where)
    record.complete = record.complete and read.complete
    values: dict[str, Any] = read.values
    return Escalation(values["after"], values["task_for"], values["title"]) if read.complete else None


def _check_questionnaires(draft: Draft, reader: Reader, folder: Path) -> None:
    for step in draft.steps:
        if not step.questionnaire:
            continue
        path = folder / f"{step.questionnaire}.yaml"
        line = draft.line_of("step", step.key, "questionnaire")
        if not path.is_file():
            present = [each.stem for each in sorted(folder.glob("*.yaml"))]
            near = closest(step.questionnaire, present)
            reader.fault(
                line,
                f"stap {step.key!r} stelt de vragenlijst {step.questionnaire!r}, die niet in {folder.name}/ staat; {near.nl}",
                f"step {step.key!r} asks the questionnaire {step.questionnaire!r}, which is not in {folder.name}/; {near.en}",
            )
            continue
        try:
            read_questionnaire(path)
        except QuestionnaireError as error:
            first = error.problems[0]
            reader.fault(
                line,
                f"stap {step.key!r} stelt de vragenlijst {step.questionnaire!r}, die fouten heeft; verbeter "
                f"{path.name}:{first.line}: {first.message.nl}",
                f"step {step.key!r} asks the questionnaire {step.questionnaire!r}, which has faults; correct "
                f"{path.name}:{first.line}: {first.message.en}",
            )
