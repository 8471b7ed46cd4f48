"""A YAML file as nodes that know their line, read so that no file can do harm.

Values stay the text that stands in the file: `no` is the word no, `13:30` is a time and not 810 seconds. Anchors,
aliases, tags, several documents, deep nesting and very large files are refused; nothing is ever constructed.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from traject.errors import InBoth, unread
from traject.programme import Text

LARGEST = 256 * 1024  # bytes; the longest programme of Hart is a tenth of it
DEEPEST = 12
__all__ = [
    "FileError",
    "MappingNode",
    "Node",
    "Problem",
    "ScalarNode",
    "SequenceNode",
    "compose",
    "line_of",
    "read_text",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one line of a file, with its remedy."""

    path: str
    line: int
    message: Text

    def in_language(self, language: str) -> str:
        """`file:line: what is wrong; the remedy` in `nl` or `en`."""
        return f"{self.path}:{self.line}: {self.message.in_language(language)}"


class FileError(InBoth, ValueError):
    """A file cannot be used. `problems` holds all of them, by line; as text each stands on its own line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(set(problems), key=lambda each: (each.path, each.line, each.message.nl)))
        super().__init__(*("\n".join(each.in_language(to) for each in self.problems) for to in ("nl", "en")))


def read_text(path: Path) -> str:
    """Read a file as UTF-8 (with or without a BOM); FileError when it is missing, too large or in another encoding."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        why = Text(f"het bestand {unread(error)}", f"cannot be read: {error.strerror}")
        raise FileError([Problem(str(path), 1, why)]) from error
    if len(raw) > LARGEST:
        raise FileError([Problem(str(path), 1, _TOO_LARGE)])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = Text(
            f"byte 0x{raw[error.start]:02x} is geen UTF-8; sla het bestand op als UTF-8",
            f"byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8",
        )
        raise FileError([Problem(str(path), line, message)]) from error


def compose(text: str, path: str) -> MappingNode:
    """Give the root mapping of a YAML text; FileError when the text is not one plain YAML mapping."""
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST:
        raise FileError([Problem(path, 1, _TOO_LARGE)])
    try:
        root = _read(text, path)
    except yaml.MarkedYAMLError as error:
        unclosed = "quoted scalar" in (error.context or "")
        mark = error.context_mark if unclosed else error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise FileError([Problem(path, line, _plain_words(text, line, error))]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        code = f"U+{ord(text[int(error.position)]):04X}"
        message = Text(
            f"het teken {code} kan niet in YAML staan; haal het weg",
            f"the character {code} cannot stand in YAML; remove it",
        )
        raise FileError([Problem(path, line, message)]) from error
    if root is None:
        raise FileError([Problem(path, 1, Text("het bestand is leeg", "the file is empty"))])
    if not isinstance(root, MappingNode):
        message = Text(
            "hier horen sleutels met waarden, zoals `version: 1`",
            "expected keys with values, such as `version: 1`",
        )
        raise FileError([Problem(path, line_of(root), message)])
    return root


def line_of(node: Node) -> int:
    """The line of a node, counted from 1."""
    return node.start_mark.line + 1


_TOO_LARGE = Text(
    f"het bestand is groter dan {LARGEST // 1024} kB", f"the file is larger than {LARGEST // 1024} kB"
)


def _read(text: str, path: str) -> Node | None:
    """The root node. What libyaml refuses is read once more, because of that PyYAML says better what is wrong and where."""
    with suppress(yaml.YAMLError, UnicodeError):
        if not _forbidden(text, path, _FAST):
            return cast("Node | None", yaml.compose(text, Loader=_FAST))
    if problems := _forbidden(text, path, yaml.SafeLoader):
        raise FileError(problems)
    return cast("Node | None", yaml.compose(text, Loader=yaml.SafeLoader))


_FAST: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml reads a programme in a tenth of the time; PyYAML is sometimes built without it."""


def _forbidden(text: str, path: str, loader: type[yaml.SafeLoader]) -> list[Problem]:
    """What YAML allows and a programme never needs; stops before nesting can exhaust the stack."""
    problems: list[Problem] = []
    depth = documents = 0
    for event in yaml.parse(text, Loader=loader):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            message = Text(
                f"de alias *{event.anchor} mag niet; schrijf de waarde uit",
                f"the alias *{event.anchor} is not allowed; write the value out",
            )
            problems.append(Problem(path, line, message))
            continue
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        if documents > 1:
            message = Text(
                "hier begint een tweede document; haal de regel `---` weg",
                "a second document begins here; remove the line `---`",
            )
            return [*problems, Problem(path, line, message)]
        if isinstance(event, yaml.NodeEvent) and event.anchor:
            message = Text(
                f"het anker &{event.anchor} mag niet; haal het weg",
                f"the anchor &{event.anchor} is not allowed; remove it",
            )
            problems.append(Problem(path, line, message))
        if isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)) and event.tag:
            message = Text(
                f"de tag {event.tag} mag niet; haal hem weg", f"the tag {event.tag} is not allowed; remove it"
            )
            problems.append(Problem(path, line, message))
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            message = Text(
                f"meer dan {DEEPEST} lagen diep; maak het platter",
                f"nested more than {DEEPEST} levels deep; make it flatter",
            )
            return [*problems, Problem(path, line, message)]
    return problems


def _plain_words(text: str, line: int, error: yaml.MarkedYAMLError) -> Text:
    lines = text.splitlines()
    if line <= len(lines) and "\t" in lines[line - 1][: len(lines[line - 1]) - len(lines[line - 1].lstrip())]:
        return Text(
            "de regel begint met een tab; spring in met spaties",
            "the line begins with a tab; indent with spaces",
        )
    what = error.problem or "not understood"
    if "mapping values are not allowed" in what:
        return Text(
            "een dubbele punt te veel: zet de hele waarde tussen aanhalingstekens, of kijk het inspringen na",
            "a colon too many: put the whole value between quotes, or check the indentation",
        )
    if "could not find expected ':'" in what:
        return Text("na deze sleutel ontbreekt een dubbele punt", "a colon is missing after this key")
    if "found unexpected end of stream" in what or "while scanning a quoted scalar" in (error.context or ""):
        return Text(
            "een aanhalingsteken wordt geopend en nergens gesloten", "a quote is opened and never closed"
        )
    return Text(
        f"geen geldige YAML ({what}); kijk het inspringen en de aanhalingstekens na",
        f"not valid YAML: {what}; check the indentation and the quotes",
    )
