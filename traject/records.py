"""A mapping of a YAML file read by a table of fields: every value checked, every fault kept with its line."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, cast

from models.enums import CatchUp
from traject.programme import Span, Text
from traject.programme_fields import Field, Kind, Table
from traject.sentence_error import KEY, SentenceError
from traject.sentences import (
    parse_condition,
    parse_cycle,
    parse_moment,
    parse_span,
    parse_start,
    parse_window,
)
from traject.yaml_lines import MappingNode, Node, Problem, ScalarNode, SequenceNode, line_of

YES_NO = {"yes": True, "no": False, "true": True, "false": False, "ja": True, "nee": False}
LONGEST_KEY = 60
LONGEST_SENTENCE = 300
LONGEST_LINE = 120
LONGEST_PROSE = 4000
_SENTENCES: dict[Kind, Callable[[str], object]] = {
    Kind.SPAN: parse_span,
    Kind.MOMENT: parse_moment,
    Kind.START: parse_start,
    Kind.CYCLE: parse_cycle,
    Kind.WINDOW: parse_window,
    Kind.CONDITIONS: parse_condition,
    Kind.SPANS: parse_span,
}


@dataclass(slots=True)
class Record:
    """What was read of one mapping: the good values, and the line of every key that stands there."""

    line: int
    values: dict[str, Any] = field(default_factory=dict[str, Any])
    lines: dict[str, int] = field(default_factory=dict[str, int])
    nodes: dict[str, Node] = field(default_factory=dict[str, Node])
    complete: bool = True  # no required key is missing and no value is wrong

    def line_of(self, key: str) -> int:
        """The line of a key; of the record when the key does not stand there."""
        return self.lines.get(key, self.line)


def closest(word: str, possible: Iterable[str], *, or_list: bool = True) -> str:
    """The end of a message about a wrong word: the nearest right one, or all of them."""
    words = [str(each) for each in possible]
    near = get_close_matches(word[:LONGEST_KEY], words, 1, 0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"possible are: {', '.join(words)}" if or_list and words else "declare it or correct the name"


class Reader:
    """Reads records of one file and gathers its problems."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[Problem] = []

    def fault(self, line: int, message: str) -> None:
        """Keep a problem."""
        self.problems.append(Problem(self.path, line, message))

    def record(self, node: Node, table: Table, where: str) -> Record:
        """Read a mapping by its table. `where` names it in messages: `step 'intake'`."""
        record = Record(line_of(node))
        if not isinstance(node, MappingNode):
            self.fault(record.line, f"{where} must be keys with values, such as `{_example(table)}`")
            record.complete = False
            return record
        misspelled: set[str] = set()
        for key_node, value in node.value:
            key = key_node.value if isinstance(key_node, ScalarNode) else "?"
            line = line_of(key_node)
            if key in record.lines:
                first = record.lines[key]
                self.fault(line, f"{where} has the key {key!r} twice (first on line {first}); remove one")
                record.complete = False
                continue
            record.lines[key] = line
            if key not in table:
                self.fault(line, f"{where} has the unknown key {key[:LONGEST_KEY]!r}; {closest(key, table)}")
                misspelled.update(get_close_matches(key[:LONGEST_KEY], table, 1, 0.6))
                record.complete = False
                continue
            record.nodes[key] = value
            before = len(self.problems)
            read = self.value(value, key, table[key], where)
            if read is not None and len(self.problems) == before:
                record.values[key] = read
            elif table[key].kind not in {Kind.RECORD, Kind.RECORDS, Kind.STEPS}:
                record.complete = False
        for key, each in table.items():
            if each.required and key not in record.lines and key not in misspelled:
                self.fault(record.line, f"{where} has no {key!r}; add for example `{key}: {each.example}`")
                record.complete = False
        return record

    def value(self, node: Node, key: str, spec: Field, where: str) -> Any:
        """Read one value; None, with a problem kept, when it is wrong."""
        match spec.kind:
            case Kind.RECORD | Kind.RECORDS | Kind.STEPS:
                return node  # read by whoever knows its table
            case Kind.LINE | Kind.PROSE:
                return self._text(node, key, spec, where)
            case Kind.KEYS | Kind.CHOICES | Kind.SPANS | Kind.CONDITIONS:
                return self._list(node, key, spec, where)
            case _:
                words = self._scalar(node, key, spec, where)
                return None if words is None else self._one(words, line_of(node), key, spec, where)

    def items(self, node: Node | None, key: str, where: str) -> list[Node]:
        """The items of a list of records; a problem when it is not a list or empty."""
        if node is None:
            return []
        if not isinstance(node, SequenceNode):
            self.fault(line_of(node), f"{where}: {key!r} must be a list; begin every item with `- `")
            return []
        if not node.value:
            self.fault(line_of(node), f"{where}: {key!r} is empty; add an item or remove the key")
        return cast("list[Node]", node.value)

    def _scalar(self, node: Node, key: str, spec: Field, where: str) -> str | None:
        if not isinstance(node, ScalarNode):
            self.fault(
                line_of(node), f"{where}: {key!r} must be {spec.kind}, such as `{key}: {spec.example}`"
            )
            return None
        words = str(node.value).strip()
        if not words or (not node.style and words in {"~", "null"}):
            self.fault(line_of(node), f"{where}: {key!r} is empty; write for example `{key}: {spec.example}`")
            return None
        if spec.kind is not Kind.PROSE and spec.kind is not Kind.LINE and len(words) > LONGEST_SENTENCE:
            self.fault(
                line_of(node), f"{where}: {key!r} has {len(words)} characters; at most {LONGEST_SENTENCE}"
            )
            return None
        return words

    def _one(self, words: str, line: int, key: str, spec: Field, where: str) -> Any:
        match spec.kind:
            case Kind.KEY | Kind.KEYS:
                if re.fullmatch(KEY, words) and len(words) <= LONGEST_KEY:
                    return words
                self.fault(
                    line,
                    f"{where}: {key!r} is {words!r}; a key has lower-case letters, digits and dashes only",
                )
            case Kind.CHOICE | Kind.CHOICES:
                if words in spec.choices:
                    return words
                self.fault(line, f"{where}: {key!r} is {words!r}; {closest(words, spec.choices)}")
            case Kind.YES_NO:
                if words.casefold() in YES_NO:
                    return YES_NO[words.casefold()]
                self.fault(line, f"{where}: {key!r} is {words!r}; write yes or no")
            case Kind.NUMBER:
                if re.fullmatch(r"[1-9]\d{0,5}", words):
                    return int(words)
                self.fault(line, f"{where}: {key!r} is {words!r}; write a whole number from 1")
            case Kind.CATCH_UP:
                return self._catch_up(words, line, where)
            case _:
                try:
                    return _SENTENCES[spec.kind](words)
                except SentenceError as error:
                    self.fault(line, f"{where}: {key!r}: {error}")
        return None

    def _list(self, node: Node, key: str, spec: Field, where: str) -> tuple[Any, ...] | None:
        nodes = cast("list[Node]", node.value) if isinstance(node, SequenceNode) else [node]
        if not nodes:
            self.fault(line_of(node), f"{where}: {key!r} is empty; write for example `{key}: {spec.example}`")
        found: list[Any] = []
        for each in nodes:
            words = self._scalar(each, key, spec, where)
            one = None if words is None else self._one(words, line_of(each), key, spec, where)
            if one is not None and one in found:
                self.fault(line_of(each), f"{where}: {key!r} says {words!r} twice; remove one")
            elif one is not None:
                found.append(one)
        return tuple(found)

    def _text(self, node: Node, key: str, spec: Field, where: str) -> Text | None:
        if isinstance(node, MappingNode):
            languages = {
                "nl": Field(spec.kind, "In Dutch.", spec.example, required=True),
                "en": Field(spec.kind, "In English.", spec.example),
            }
            both = self.record(node, languages, f"{where}: {key!r}")
            return (
                Text(both.values["nl"].nl, both.values["en"].nl if "en" in both.values else "")
                if both.complete
                else None
            )
        words = self._scalar(node, key, spec, where)
        if words is None:
            return None
        if spec.kind is Kind.LINE and "\n" in words:
            self.fault(line_of(node), f"{where}: {key!r} must stand on one line")
            return None
        longest = LONGEST_LINE if spec.kind is Kind.LINE else LONGEST_PROSE
        if len(words) > longest:
            self.fault(line_of(node), f"{where}: {key!r} has {len(words)} characters; at most {longest}")
            return None
        return Text(words)

    def _catch_up(self, words: str, line: int, where: str) -> tuple[CatchUp, Span | None] | None:
        simple = {"fire_late": CatchUp.FIRE_LATE, "coalesce": CatchUp.COALESCE}
        if words in simple:
            return simple[words], None
        if match := re.fullmatch(r"skip after (.+)", words):
            try:
                return CatchUp.SKIP_AFTER, parse_span(match[1])
            except SentenceError as error:
                self.fault(line, f"{where}: 'catch_up': {error}")
                return None
        if words in {"skip", "skip after", "skip_after"}:
            self.fault(
                line, f"{where}: 'catch_up' says {words!r} without a length; write `skip after 7 days`"
            )
        else:
            possible = (*simple, "skip after 7 days")
            self.fault(line, f"{where}: 'catch_up' is {words!r}; {closest(words, possible)}")
        return None


def _example(table: Table) -> str:
    key, first = next(iter(table.items()))
    return f"{key}: {first.example}"
