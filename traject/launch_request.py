"""What is asked to be launched: values, before anything is checked, and the error that names what is wrong with them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from email.utils import getaddresses

from traject.errors import InBoth
from traject.programme import Text

START = "start"
"""The column with the day on which a trajectory starts."""
TWICE = "twice"
"""What a row is marked with that stands in the file before."""


class LaunchError(InBoth):
    """What was asked cannot be launched; holds every problem. Nothing was written."""

    def __init__(self, problems: Sequence[Text]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "\n".join(problem.nl for problem in self.problems),
            "\n".join(problem.in_language("en") for problem in self.problems),
        )


@dataclass(frozen=True, slots=True)
class RoleGiven:
    """Who gets a role. The address is as given; `prepare` checks it."""

    role: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """One trajectory to launch: for a school (its code) or for a group (its name).

    `where` names its row in a file; `unread` what in that row could not be read, each with its column. An `unread`
    without a column is about the whole row, of which nothing else is then looked at.
    """

    programme: str
    starts_on: date
    school: str | None = None
    group: str | None = None
    roles: tuple[RoleGiven, ...] = ()
    again: bool = False
    where: str = ""
    unread: tuple[tuple[str, Text], ...] = ()


def parse_role(text: str) -> RoleGiven:
    """`coordinator=Name <mail>` as a value, of exactly one person. LaunchError says how it is written."""
    role, _, who = text.partition("=")
    [(name, email), *others] = getaddresses([who]) or [("", "")]
    if not role.strip() or "@" not in email or others or who.count("@") > 1:
        example = 'coordinator="Noor Visser <n.visser@school.example>"'
        raise LaunchError(
            [
                Text(
                    f"‘{text}’ is geen rol; schrijf het zo: {example}",
                    f"‘{text}’ is no role; write it like this: {example}",
                )
            ]
        )
    return RoleGiven(role.strip(), name or email, email)


def reference_of(request: LaunchRequest) -> str:
    """What a trajectory is called: the programme with the school's code or the group's name."""
    name = request.school or re.sub(r"[^a-z0-9]+", "-", (request.group or "").lower()).strip("-")
    return f"{request.programme}:{name}"
