"""A mapping of a YAML file read by a table of fields: every value checked, every fault kept with its line."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, cast

from models.enums import CatchUp
from traject.programme import Span, Text
from traject.programme_fields import DUTCH, Field, Kind, Table
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


def closest(word: str, possible: Iterable[str], *, or_list: bool = True) -> Text:
    """The end of a message about a wrong word: the nearest right one, or all of them."""
    words = [str(each) for each in possible]
    near = get_close_matches(word[:LONGEST_KEY], words, 1, 0.6)
    if near:
        return Text(f"bedoel je {near[0]!r}?", f"did you mean {near[0]!r}?")
    if or_list and words:
        return Text(f"kies uit: {', '.join(words)}", f"possible are: {', '.join(words)}")
    return Text("declareer het of verbeter de naam", "declare it or correct the name")


class Reader:
    """Reads records of one file and gathers its problems."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[Problem] = []

    def fault(self, line: int, dutch: str, english: str) -> None:
        """Keep a problem: what is wrong and its remedy."""
        self.problems.append(Problem(self.path, line, Text(dutch, english)))

    def record(self, node: Node, table: Table, where: Text) -> Record:
        """Read a mapping by its table. `where` names it in messages: `step 'intake'`."""
        record = Record(line_of(node))
        if not isinstance(node, MappingNode):
            self.fault(
                record.line,
                f"{where.nl}: hier horen sleutels met waarden, zoals `{_example(table)}`",
                f"{where.en} must be keys with values, such as `{_example(table)}`",
            )
            record.complete = False
            return record
        misspelled: set[str] = set()
        for key_node, value in node.value:
            key = key_node.value if isinstance(key_node, ScalarNode) else "?"
            line = line_of(key_node)
            if key in record.lines:
                first = record.lines[key]
                self.fault(
                    line,
                    f"{where.nl} heeft de sleutel {key!r} twee keer (eerst op regel {first}); haal er een weg",
                    f"{where.en} has the key {key!r} twice (first on line {first}); remove one",
                )
                record.complete = False
                continue
            record.lines[key] = line
            if key not in table:
                short, near = key[:LONGEST_KEY], closest(key, table)
                self.fault(
                    line,
                    f"{where.nl} heeft de onbekende sleutel {short!r}; {near.nl}",
                    f"{where.en} has the unknown key {short!r}; {near.en}",
                )
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
                self.fault(
                    record.line,
                    f"{where.nl} heeft geen {key!r}; voeg bijvoorbeeld `{key}: {each.example}` toe",
                    f"{where.en} has no {key!r}; add for example `{key}: {each.example}`",
                )
                record.complete = False
        return record

    def value(self, node: Node, key: str, spec: Field, where: Text) -> Any:
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

    def items(self, node: Node | None, key: str, where: Text) -> list[Node]:
        """The items of a list of records; a problem when it is not a list or empty."""
        if node is None:
            return []
        if not isinstance(node, SequenceNode):
            self.fault(
                line_of(node),
                f"{where.nl}: {key!r} moet een lijst zijn; begin elk onderdeel met `- `",
                f"{where.en}: {key!r} must be a list; begin every item with `- `",
            )
            return []
        if not node.value:
            self.fault(
                line_of(node),
                f"{where.nl}: {key!r} is leeg; voeg een onderdeel toe of haal de sleutel weg",
                f"{where.en}: {key!r} is empty; add an item or remove the key",
            )
        return cast("list[Node]", node.value)

    def _scalar(self, node: Node, key: str, spec: Field, where: Text) -> str | None:
        if not isinstance(node, ScalarNode):
            self.fault(
                line_of(node),
                f"{where.nl}: {key!r} moet {DUTCH[spec.kind]} zijn, zoals `{key}: {spec.example}`",
                f"{where.en}: {key!r} must be {spec.kind}, such as `{key}: {spec.example}`",
            )
            return None
        words = str(node.value).strip()
        if not words or (not node.style and words in {"~", "null"}):
            self._empty(node, key, spec, where)
            return None
        if spec.kind is not Kind.PROSE and spec.kind is not Kind.LINE and len(words) > LONGEST_SENTENCE:
            self._too_long(node, key, words, LONGEST_SENTENCE, where)
            return None
        return words

    def _empty(self, node: Node, key: str, spec: Field, where: Text) -> None:
        self.fault(
            line_of(node),
            f"{where.nl}: {key!r} is leeg; schrijf bijvoorbeeld `{key}: {spec.example}`",
            f"{where.en}: {key!r} is empty; write for example `{key}: {spec.example}`",
        )

    def _too_long(self, node: Node, key: str, words: str, longest: int, where: Text) -> None:
        self.fault(
            line_of(node),
            f"{where.nl}: {key!r} heeft {len(words)} tekens; hoogstens {longest}",
            f"{where.en}: {key!r} has {len(words)} characters; at most {longest}",
        )

    def _one(self, words: str, line: int, key: str, spec: Field, where: Text) -> Any:
        match spec.kind:
            case Kind.KEY | Kind.KEYS:
                if re.fullmatch(KEY, words) and len(words) <= LONGEST_KEY:
                    return words
                remedy = Text(
                    "een sleutel heeft alleen kleine letters, cijfers en streepjes",
                    "a key has lower-case letters, digits and dashes only",
                )
            case Kind.CHOICE | Kind.CHOICES:
                if words in spec.choices:
                    return words
                remedy = closest(words, spec.choices)
            case Kind.YES_NO:
                if words.casefold() in YES_NO:
                    return YES_NO[words.casefold()]
                remedy = Text("schrijf ja of nee", "write yes or no")
            case Kind.NUMBER:
                if re.fullmatch(r"[1-9]\d{0,5}", words):
                    return int(words)
                remedy = Text("schrijf een heel getal vanaf 1", "write a whole number from 1")
            case Kind.CATCH_UP:
                return self._catch_up(words, line, where)
            case _:
                return self._sentence(_SENTENCES[spec.kind], words, line, key, where)
        self.fault(
            line,
            f"{where.nl}: {key!r} is {words!r}; {remedy.nl}",
            f"{where.en}: {key!r} is {words!r}; {remedy.en}",
        )
        return None

    def _sentence(self, parse: Callable[[str], Any], words: str, line: int, key: str, where: Text) -> Any:
        try:
            return parse(words)
        except SentenceError as error:
            self.fault(line, f"{where.nl}: {key!r}: {error.said.nl}", f"{where.en}: {key!r}: {error.said.en}")
        return None

    def _list(self, node: Node, key: str, spec: Field, where: Text) -> tuple[Any, ...] | None:
        nodes = cast("list[Node]", node.value) if isinstance(node, SequenceNode) else [node]
        if not nodes:
            self._empty(node, key, spec, where)
        found: list[Any] = []
        for each in nodes:
            words = self._scalar(each, key, spec, where)
            one = None if words is None else self._one(words, line_of(each), key, spec, where)
            if one is not None and one in found:
                self.fault(
                    line_of(each),
                    f"{where.nl}: {key!r} zegt {words!r} twee keer; haal er een weg",
                    f"{where.en}: {key!r} says {words!r} twice; remove one",
                )
            elif one is not None:
                found.append(one)
        return tuple(found)

    def _text(self, node: Node, key: str, spec: Field, where: Text) -> Text | None:
        if isinstance(node, MappingNode):
            languages = {
                "nl": Field(spec.kind, "In Dutch.", spec.example, required=True),
                "en": Field(spec.kind, "In English.", spec.example),
            }
            inside = Text(f"{where.nl}: {key!r}", f"{where.en}: {key!r}")
            both = self.record(node, languages, inside)
            return (
                Text(both.values["nl"].nl, both.values["en"].nl if "en" in both.values else "")
                if both.complete
                else None
            )
        words = self._scalar(node, key, spec, where)
        if words is None:
            return None
        if spec.kind is Kind.LINE and "\n" in words:
            self.fault(
                line_of(node),
                f"{where.nl}: {key!r} moet op één regel staan",
                f"{where.en}: {key!r} must stand on one line",
            )
            return None
        longest = LONGEST_LINE if spec.kind is Kind.LINE else LONGEST_PROSE
        if len(words) > longest:
            self._too_long(node, key, words, longest, where)
            return None
        return Text(words)

    def _catch_up(self, words: str, line: int, where: Text) -> tuple[CatchUp, Span | None] | None:
        simple = {"fire_late": CatchUp.FIRE_LATE, "coalesce": CatchUp.COALESCE}
        if words in simple:
            return simple[words], None
        if match := re.fullmatch(r"skip after (.+)", words):
            span = self._sentence(parse_span, match[1], line, "catch_up", where)
            return None if span is None else (CatchUp.SKIP_AFTER, span)
        if words in {"skip", "skip after", "skip_after"}:
            self.fault(
                line,
                f"{where.nl}: 'catch_up' zegt {words!r} zonder lengte; schrijf `skip after 7 days`",
                f"{where.en}: 'catch_up' says {words!r} without a length; write `skip after 7 days`",
            )
        else:
            near = closest(words, (*simple, "skip after 7 days"))
            self.fault(
                line,
                f"{where.nl}: 'catch_up' is {words!r}; {near.nl}",
                f"{where.en}: 'catch_up' is {words!r}; {near.en}",
            )
        return None


def _example(table: Table) -> str:
    key, first = next(iter(table.items()))
    return f"{key}: {first.example}"
