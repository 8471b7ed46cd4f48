"""What the lint says of one fault: where, what, who falls over it and how to mend it, in Dutch and in English."""

from collections.abc import Iterator
from dataclasses import dataclass

from calendars.lint_dutch import DUTCH, Fault
from calendars.lint_reasons import REASONS


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: a code to count and test by, the line (from 1; 0 for the whole), and a sentence for a person."""

    code: str
    line: int
    message: str
    about: str = ""  # the name, number or value that the sentence is about
    inside: str = ""  # the attachment in which it is, when it is not the calendar part itself

    @property
    def why(self) -> str:
        """Which client or server falls over it."""
        return REASONS[self.code].why

    @property
    def remedy(self) -> str:
        """How to mend it."""
        return REASONS[self.code].remedy

    def in_language(self, language: str) -> Fault:
        """What is wrong, who falls over it and how to mend it, in `nl` or `en`."""
        within = f"{self.inside}: " if self.inside else ""
        if language == "en":
            return Fault(f"{within}{self.message}", self.why, self.remedy)
        dutch = DUTCH[self.code]
        return dutch._replace(what=f"{within}{dutch.what.format(self.about)}")


Findings = Iterator[Finding]
