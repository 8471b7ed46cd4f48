"""What was read of a programme before it is known to be sound."""

from dataclasses import dataclass, field

from traject.programme import Role, Stage, Step, Text
from traject.records import Record

Fault = tuple[int, Text]
"""The line, and what is wrong with the remedy."""


@dataclass(slots=True)
class Draft:
    """What was read of a programme so far: the sound parts, and every key that is declared, sound or not."""

    record: Record
    roles: list[Role] = field(default_factory=list[Role])
    stages: list[Stage] = field(default_factory=list[Stage])
    steps: list[Step] = field(default_factory=list[Step])
    declared: dict[str, list[tuple[str, Record]]] = field(
        default_factory=lambda: {"role": [], "stage": [], "step": []}
    )

    def declare(self, what: str, key: str, record: Record) -> None:
        """Keep that this role, stage or step stands in the file."""
        self.declared[what].append((key, record))

    def keys(self, what: str) -> list[str]:
        """The keys of all roles, stages or steps that stand in the file."""
        return [key for key, _ in self.declared[what] if key]

    def line_of(self, what: str, key: str, of: str) -> int:
        """The line of one field of a role, stage, step or of the programme itself."""
        for each, record in self.declared.get(what, ()):
            if each == key:
                return record.line_of(of)
        return self.record.line_of(of)

    def says(self, what: str, key: str, of: str) -> bool:
        """Whether a role, stage or step has this field."""
        return any(of in record.lines for each, record in self.declared.get(what, ()) if each == key)

    @property
    def key(self) -> str:
        """The programme's key; empty when it is not known."""
        return self.record.values.get("programme", "")
