"""How values become content lines and back: escaping, folding, parameters, nesting (RFC 5545 §3.1, RFC 6868).

Writing is strict. Reading is lenient, for mail clients are: any line end, no limit to a line's length, lines that
cannot be read are left out, an unclosed component ends where its parent ends.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

LINE_OCTETS = 75
MAX_DEPTH = 8  # VCALENDAR > VEVENT > VALARM is three; deeper is no calendar

_LINE_ENDS = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
# What UTF-8, XML-minded servers and terminals choke on: C0 (but tab and line feed), DEL, C1, lone surrogates.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_TEXT_SPECIALS = re.compile(r"[\\;,\n]")
_PARAMETER_SPECIALS = re.compile('[\\^"\n]')
_PARAMETER_ESCAPES = {"^": "^^", '"': "^'", "\n": "^n"}
_PARAMETER_UNESCAPES = {"^^": "^", "^'": '"', "^n": "\n"}
_NAME = re.compile(r"[A-Za-z0-9-]+")
_PERSON = re.compile(
    r"\A(ATTENDEE|ORGANIZER)(?=[;:])(.*?):\s*mailto:\s*<?([^\s@<>:;\",?]+@[^\s@<>:;\",?]+)>?\s*((?:;[A-Za-z-]+=[^;:]*)*)$",
    re.IGNORECASE,
)
_PERSON_PARAMETER = re.compile(r';\s*([A-Za-z-]+)=("[^"]*"|[^";]*)')
_PARAMETER = re.compile(r';([A-Za-z0-9_-]+)=((?:"[^"]*"|[^";:])*)')


def plain(text: str) -> str:
    """Return the text as a calendar can carry it: line ends as LF, control characters and lone surrogates gone."""
    if text.isprintable():  # most are, and this is ten times as quick
        return text
    return _UNPRINTABLE.sub("", _LINE_ENDS.sub("\n", text))


def escaped(text: str) -> str:
    """Return a TEXT value (RFC 5545 §3.3.11)."""
    return _TEXT_SPECIALS.sub(lambda found: "\\n" if found[0] == "\n" else "\\" + found[0], plain(text))


def unescaped(value: str) -> str:
    r"""Return the text of a TEXT value; `\x` for any other x is x."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value, flags=re.DOTALL)


def quoted(text: str) -> str:
    """Return a parameter value, always in quotes (RFC 6868: a quote, a caret and a line end are written with ^)."""
    return '"' + _PARAMETER_SPECIALS.sub(lambda found: _PARAMETER_ESCAPES[found[0]], plain(text)) + '"'


def folded(line: str) -> bytes:
    """Return the line with its CRLF, folded at 75 octets and never inside a character."""
    octets = line.encode()
    if len(octets) <= LINE_OCTETS:
        return octets + b"\r\n"
    pieces: list[bytes] = []
    start, room = 0, LINE_OCTETS
    while len(octets) - start > room:
        end = start + room
        while octets[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(octets[start:end])
        start, room = end, LINE_OCTETS - 1  # the blank of the fold counts
    pieces.append(octets[start:])
    return b"\r\n ".join(pieces) + b"\r\n"


@dataclass(frozen=True, slots=True)
class Line:
    """One content line: its number in the file (of its first octet, from 1), name in capitals, parameters, value."""

    number: int
    name: str
    parameters: dict[str, str]
    value: str

    def parameter(self, name: str) -> str | None:
        """Return the parameter's value without quotes and RFC 6868 escapes, or None."""
        value = self.parameters.get(name)
        if value is None:
            return None
        value = value.replace('"', "")
        return re.sub(r"\^[\^'n]", lambda found: _PARAMETER_UNESCAPES[found[0]], value)

    @property
    def text(self) -> str:
        """The value as TEXT."""
        return unescaped(self.value)


@dataclass(slots=True)
class Component:
    """A component: its own lines, and the components in it, in the order of the file."""

    name: str
    number: int
    lines: list[Line] = field(default_factory=list[Line])
    components: list["Component"] = field(default_factory=list["Component"])

    def all(self, name: str) -> list[Line]:
        """Return its own lines with that name."""
        return [line for line in self.lines if line.name == name]

    def first(self, name: str) -> Line | None:
        """Return its first line with that name, or None."""
        return next((line for line in self.lines if line.name == name), None)

    def inside(self, name: str) -> list["Component"]:
        """Return the components directly in it with that name."""
        return [component for component in self.components if component.name == name]


def unfolded(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield every content line with the number of its first physical line; empty lines are left out."""
    number, pieces = 0, list[bytes]()
    for at, physical in enumerate(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"), 1):
        if pieces and physical[:1] in (b" ", b"\t"):
            pieces.append(physical[1:])
            continue
        if pieces:
            yield number, b"".join(pieces)
        number, pieces = at, [physical] if physical.strip() else []
    if pieces:
        yield number, b"".join(pieces)


def read_line(number: int, text: str) -> Line | None:
    """Return the content line, or None when it is none (no name, no colon, a quote that does not close)."""
    name = _NAME.match(text)
    if name is None:
        return None
    at, parameters = name.end(), dict[str, str]()
    while found := _PARAMETER.match(text, at):
        parameters.setdefault(found[1].upper(), found[2])
        at = found.end()
    if text[at : at + 1] != ":":
        return None
    return Line(number, name[0].upper(), parameters, text[at + 1 :])


def mended(data: bytes) -> bytes:
    """Return the calendar with its lines of people written as they are meant: those that end in an address.

    Some clients leave a name with a colon, semicolon or quote as it is, put a blank before a parameter, leave one empty, or
    write parameters behind the address.
    """
    lines = (octets.decode(errors="surrogateescape") for _, octets in unfolded(data))
    return "".join(f"{_PERSON.sub(_person, line)}\r\n" for line in lines).encode(errors="surrogateescape")


def _person(found: re.Match[str]) -> str:
    given = [
        (name, value.strip().strip('"')) for name, value in _PERSON_PARAMETER.findall(found[2] + found[4])
    ]
    parameters = "".join(f';{name}="{value}"' for name, value in given)
    return f"{found[1]}{parameters}:mailto:{found[3]}"


def read_components(data: bytes) -> list[Component]:
    """Return the outermost components (a calendar has one: VCALENDAR).

    Takes the decoded bytes of a calendar part; what is not UTF-8 is read as Windows-1252, as old Outlooks write.
    Raises ValueError when components are nested deeper than MAX_DEPTH.
    """
    root = Component("", 0)
    open_components = [root]
    for number, octets in unfolded(data.removeprefix(b"\xef\xbb\xbf")):
        try:
            text = octets.decode()
        except UnicodeDecodeError:
            text = octets.decode("cp1252", "replace")
        line = read_line(number, text)
        if line is None:
            continue
        if line.name == "BEGIN":
            if len(open_components) > MAX_DEPTH:
                raise ValueError(f"line {number}: components are nested deeper than {MAX_DEPTH}")
            component = Component(line.value.strip().upper(), number)
            open_components[-1].components.append(component)
            open_components.append(component)
        elif line.name == "END":
            ends = line.value.strip().upper()
            if any(component.name == ends for component in open_components[1:]):
                while open_components.pop().name != ends:
                    pass
        else:
            open_components[-1].lines.append(line)
    return root.components
