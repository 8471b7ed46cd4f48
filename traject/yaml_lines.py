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

from traject.errors import TrajectError

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


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What is wrong at one line of a file, with its remedy."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class FileError(TrajectError, ValueError):
    """A file cannot be used. `problems` holds all of them, by line; as text each stands on its own line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def read_text(path: Path) -> str:
    """Read a file as UTF-8 (with or without a BOM); FileError when it is missing, too large or in another encoding."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise FileError([Problem(str(path), 1, f"cannot be read: {error.strerror}")]) from error
    if len(raw) > LARGEST:
        raise FileError([Problem(str(path), 1, _TOO_LARGE)])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8"
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
        message = f"the character U+{ord(text[int(error.position)]):04X} cannot stand in YAML; remove it"
        raise FileError([Problem(path, line, message)]) from error
    if root is None:
        raise FileError([Problem(path, 1, "the file is empty")])
    if not isinstance(root, MappingNode):
        raise FileError([Problem(path, line_of(root), "expected keys with values, such as `version: 1`")])
    return root


def line_of(node: Node) -> int:
    """The line of a node, counted from 1."""
    return node.start_mark.line + 1


_TOO_LARGE = f"the file is larger than {LARGEST // 1024} kB"


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
            problems.append(
                Problem(path, line, f"the alias *{event.anchor} is not allowed; write the value out")
            )
            continue
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        if documents > 1:
            return [*problems, Problem(path, line, "a second document begins here; remove the line `---`")]
        if isinstance(event, yaml.NodeEvent) and event.anchor:
            problems.append(Problem(path, line, f"the anchor &{event.anchor} is not allowed; remove it"))
        if isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)) and event.tag:
            problems.append(Problem(path, line, f"the tag {event.tag} is not allowed; remove it"))
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            return [*problems, Problem(path, line, f"nested more than {DEEPEST} levels deep")]
    return problems


def _plain_words(text: str, line: int, error: yaml.MarkedYAMLError) -> str:
    lines = text.splitlines()
    if line <= len(lines) and "\t" in lines[line - 1][: len(lines[line - 1]) - len(lines[line - 1].lstrip())]:
        return "the line begins with a tab; indent with spaces"
    what = error.problem or "not understood"
    if "mapping values are not allowed" in what:
        return "a colon too many: put the whole value between quotes, or check the indentation"
    if "could not find expected ':'" in what:
        return "a colon is missing after this key"
    if "found unexpected end of stream" in what or "while scanning a quoted scalar" in (error.context or ""):
        return "a quote is opened and never closed"
    return f"not valid YAML: {what}; check the indentation and the quotes"
