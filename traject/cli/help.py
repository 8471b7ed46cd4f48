"""How `traject --help` reads: commands under what one wants to do, whole sentences, and nothing of it in English unasked."""

import re
from collections.abc import Callable, Mapping
from typing import Any

HEADINGS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Een traject starten", "Launch a trajectory", ("programmes", "schools", "people", "preview", "launch")),
    ("Zien wat er loopt en komt", "See what runs and what comes", ("status", "upcoming", "tasks")),
    (
        "Een traject bijsturen",
        "Steer a trajectory",
        (
            *("hold", "release", "skip", "move", "close-stage", "reopen-stage"),
            *("pause", "resume", "cancel", "hand-over", "migrate"),
        ),
    ),
    (
        "Bijeenkomsten en agenda's",
        "Gatherings and calendars",
        ("slots", "choose", "gatherings", "locations", "feeds", "quiet"),
    ),
    ("Mail en antwoorden", "Mail and answers", ("outbox", "inbox", "templates", "mail", "lint")),
    (
        "Beheer",
        "Administration",
        ("up", "init", "run-once", "doctor", "reconcile", "simulate"),
    ),
)
OTHERS = ("En verder", "And also")

_WORDS = (
    (re.compile(r"^Usage: ", re.MULTILINE), "Gebruik: "),
    (re.compile(r"\[OPTIONS\]"), "[OPTIES]"),
    (re.compile(r"COMMAND \[ARGS\]\.\.\."), "OPDRACHT …"),
    (re.compile(r"^Options:$", re.MULTILINE), "Opties:"),
    (re.compile(r"^Arguments:$", re.MULTILINE), "Wat je opgeeft:"),
    (re.compile(r"^Commands:$", re.MULTILINE), "Opdrachten:"),
    (re.compile(r"Show this message and exit\."), "Deze uitleg."),
    (re.compile(r"\brequired\]"), "verplicht]"),
    (re.compile(r"(?<=[\[ ])default: "), "standaard: "),
)

_FAULTS = tuple(
    (re.compile(english), dutch)
    for english, dutch in (
        (r"Missing (?:argument|parameter)(?: (.+))?\.", r"Er ontbreekt iets: geef ook \1."),
        (r"Missing option (.+)\.", r"Er ontbreekt iets: geef ook \1."),
        (r"Missing command\.", "Welke opdracht?"),
        (r"No such command (\S+)\.", r"Opdracht \1 bestaat niet."),
        (r"No such command (\S+)\. Did you mean (.+)\?", r"Opdracht \1 bestaat niet; bedoel je \2?"),
        (r"No such option: ([^ .]+)\.?", r"Optie \1 bestaat niet."),
        (r"No such option: ([^ .]+)\.? Did you mean (.+)\?", r"Optie \1 bestaat niet; bedoel je \2?"),
        (r"No such option: (\S+) \(Possible options: (.+)\)", r"Optie \1 bestaat niet; bedoel je \2?"),
        (r"Got unexpected extra argument(?:s|\(s\))? \((.+)\)", r"Dit is te veel: \1."),
        (r"Option (\S+) requires an argument\.", r"Optie \1 vraagt een waarde."),
        (r"Option (\S+) does not take a value\.", r"Bij optie \1 hoort geen waarde."),
        (r"Invalid value for (.+?): Input should be greater than or equal to (\S+)", r"\1: geef \2 of meer."),
        (r"Invalid value for (.+?): Input should be less than or equal to (\S+)", r"\1: geef \2 of minder."),
        (r"Invalid value for (.+?): Input should be a valid integer.*", r"\1: geef een heel getal."),
        (r"Invalid value for (.+?): (.+)", r"\1: \2"),
    )
)


def in_dutch(text: str) -> str:
    """A help text with the words around it in Dutch too."""
    for english, dutch in _WORDS:
        text = english.sub(dutch, text)
    return text


def fault_in_dutch(message: str) -> str:
    """What is wrong with a command as it was typed; the message itself when it is none that we know."""
    for english, dutch in _FAULTS:
        if found := english.fullmatch(message):
            return found.expand(dutch)
    return message


def speak_dutch(command: Any) -> None:
    """Let a command explain itself in Dutch."""
    explain: Callable[[Any], str] = command.get_help

    def explained(context: Any) -> str:
        return in_dutch(explain(context))

    command.get_help = explained


def write_commands(commands: Mapping[str, Any], formatter: Any, language: str) -> None:
    """Write every command under its heading, with its whole sentence."""
    left = {name: command for name, command in commands.items() if not command.hidden}
    for *heading, names in (*HEADINGS, (*OTHERS, tuple(commands))):
        rows = [(name, left.pop(name).help or "") for name in names if name in left]
        if rows:
            with formatter.section(heading[language == "en"]):
                formatter.write_dl(rows)
