"""Which keys a programme file knows, and what stands behind each; the reading and the JSON Schema both follow it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from models.enums import StepKind, TrajectoryKind


class Kind(StrEnum):
    """What a value is."""

    KEY = "a key"  # lower-case letters, digits and dashes
    KEYS = "a list of keys"
    LINE = "a text of one line"
    PROSE = "a text"
    YES_NO = "yes or no"
    NUMBER = "a whole number from 1"
    CHOICE = "one of a list"
    CHOICES = "several of a list"
    SPAN = "a length"
    SPANS = "a list of lengths"
    MOMENT = "a moment"
    START = "the start of a stage"
    CYCLE = "a yearly period"
    WINDOW = "a window"
    CONDITIONS = "conditions"
    CATCH_UP = "a catch-up policy"
    RECORD = "keys with values"
    RECORDS = "a list of items"
    STEPS = "a list of steps"


DUTCH: dict[Kind, str] = {
    Kind.KEY: "een sleutel",
    Kind.KEYS: "een lijst met sleutels",
    Kind.LINE: "een tekst van één regel",
    Kind.PROSE: "een tekst",
    Kind.YES_NO: "ja of nee",
    Kind.NUMBER: "een heel getal vanaf 1",
    Kind.CHOICE: "een uit een lijst",
    Kind.CHOICES: "enkele uit een lijst",
    Kind.SPAN: "een lengte",
    Kind.SPANS: "een lijst met lengtes",
    Kind.MOMENT: "een moment",
    Kind.START: "het begin van een fase",
    Kind.CYCLE: "een jaarlijkse periode",
    Kind.WINDOW: "een venster",
    Kind.CONDITIONS: "voorwaarden",
    Kind.CATCH_UP: "wat te doen als het te laat is",
}
"""What a value is, as a message in Dutch says it."""


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a record. `example` is what could stand there; it is shown in messages and in editors."""

    kind: Kind
    help: str
    example: str
    required: bool = False
    choices: tuple[str, ...] = ()
    record: str = ""  # for RECORD and RECORDS: the name of the table


Table = Mapping[str, Field]

SCHOOL_TYPES = ("bo", "sbo", "so", "vso", "vmbo", "vbo", "mavo", "havo", "vwo", "pro", "brugjaar", "mbo")
"""What DUO's school types start with, in lower case."""

MAIL_TEMPLATES = ("welcome", "stage-opened", "reminder", "notice")
"""The folders under templates/emails/<language>/ that a programme may choose for a mail."""

_EVERY = Field(Kind.CYCLE, "The period of the school year.", "elk schooljaar tussen 1 mei en 30 juni")
_COMMON: dict[str, Field] = {
    "title": Field(Kind.LINE, "What people read.", "Kennismaking op school", required=True),
    "to": Field(Kind.KEYS, "The roles that are addressed.", "[coordinator, directeur]", required=True),
    "if": Field(Kind.CONDITIONS, "Only when all of these are true.", "er is een partner"),
    "text": Field(Kind.PROSE, "What is told to people.", "Fijn dat jullie meedoen."),
    "catch_up": Field(
        Kind.CATCH_UP,
        "When its moment passed unseen: fire_late (still send it), coalesce (several become one), "
        "skip after a length (it becomes a visible `missed`).",
        "skip after 7 days",
    ),
}
_WHEN = Field(Kind.MOMENT, "When it is due.", "14 dagen voor het einde van de fase")
_REMINDERS = Field(
    Kind.SPANS, "Before a gathering, or after an evaluation was asked.", "[14 dagen, 28 dagen]"
)

STEP_TABLES: dict[StepKind, Table] = {
    StepKind.MAIL: {
        "mail": Field(Kind.KEY, "A mail to people; its key.", "welkom-coordinator", required=True),
        **_COMMON,
        "when": _WHEN,
        "template": Field(
            Kind.CHOICE, "The layout of the mail.", "notice", required=True, choices=MAIL_TEMPLATES
        ),
    },
    StepKind.GATHERING: {
        "gathering": Field(
            Kind.KEY, "A meeting that people are invited to; its key.", "intake", required=True
        ),
        **_COMMON,
        "when": Field(
            Kind.WINDOW,
            "The days and hours in which its date is chosen.",
            "binnen de fase, dinsdag of donderdag, vanaf 13:30, 3 uur, niet in een vakantie",
            required=True,
        ),
        "place": Field(Kind.LINE, "Where it is.", "op school"),
        "theme": Field(
            Kind.KEY, "By what other trajectories find it, when its people come from many.", "muziek"
        ),
        "shared": Field(
            Kind.YES_NO, "It has no date of its own: its people join the gathering with its theme.", "yes"
        ),
        "series": Field(Kind.KEY, "Gatherings with the same key belong together.", "cursus"),
        "capacity": Field(Kind.NUMBER, "How many places; who accepts later is put on a waiting list.", "20"),
        "required": Field(
            Kind.KEYS, "Roles that have a place whatever the capacity; otherwise the staff roles.", "[docent]"
        ),
        "date": Field(
            Kind.CHOICE,
            "Who chooses its date: `first` takes the best one by itself, `staff` proposes it to staff.",
            "first",
            choices=("first", "staff"),
        ),
        "certificate": Field(Kind.YES_NO, "Does who was there get a certificate of attendance?", "yes"),
        "thanks": Field(Kind.PROSE, "What is said afterwards to who was there.", "Fijn dat je er was."),
        "materials": Field(Kind.LINE, "A link that goes with the thanks.", "https://hart.example/materiaal"),
        "invite": Field(Kind.SPAN, "How long before it people are invited; otherwise 28 days.", "6 weken"),
        "reminders": _REMINDERS,
    },
    StepKind.EVALUATION: {
        "evaluation": Field(Kind.KEY, "Questions to people; its key.", "jaarevaluatie", required=True),
        **_COMMON,
        "when": _WHEN,
        "questionnaire": Field(
            Kind.KEY, "The file under programmes/questionnaires/.", "jaarevaluatie", required=True
        ),
        "reminders": _REMINDERS,
        "open_for": Field(Kind.SPAN, "How long it can be answered; otherwise the whole period.", "6 weken"),
        "no_answer": Field(
            Kind.RECORD, "What follows when nobody answered.", "{after: 21 dagen, …}", record="no_answer"
        ),
    },
    StepKind.TASK: {
        "task": Field(Kind.KEY, "Work for Hart's staff; its key.", "verslag-intake", required=True),
        **_COMMON,
        "when": _WHEN,
    },
}

TABLES: dict[str, Table] = {
    "programme": {
        "programme": Field(Kind.KEY, "Its key, the same as the file's name.", "po-nieuw", required=True),
        "version": Field(Kind.NUMBER, "Raised with every change after a launch.", "1", required=True),
        "kind": Field(
            Kind.CHOICE,
            "For one school, or for a group of people from several organisations.",
            "school",
            required=True,
            choices=tuple(TrajectoryKind),
        ),
        "title": Field(Kind.LINE, "What people read.", "Nieuwe school", required=True),
        "summary": Field(Kind.PROSE, "For whom it is, in a few sentences.", "Een traject op maat."),
        "school_types": Field(
            Kind.CHOICES, "For which schools; otherwise for all.", "[bo, sbo]", choices=SCHOOL_TYPES
        ),
        "roles": Field(Kind.RECORDS, "Who steps can address.", "[…]", required=True, record="role"),
        "stages": Field(Kind.RECORDS, "The stages, in order.", "[…]", required=True, record="stage"),
        "yearly": Field(Kind.STEPS, "Steps that return every so many school years.", "[…]"),
    },
    "role": {
        "role": Field(Kind.KEY, "Its key.", "coordinator", required=True),
        "title": Field(Kind.LINE, "What people read.", "intern cultuurcoördinator", required=True),
        "required": Field(Kind.YES_NO, "Must somebody hold it at the launch?", "yes"),
        "many": Field(Kind.YES_NO, "Can several people hold it?", "yes"),
        "staff": Field(Kind.YES_NO, "Is it held by somebody of Hart?", "yes"),
    },
    "stage": {
        "stage": Field(Kind.KEY, "Its key.", "ambitie", required=True),
        "title": Field(Kind.LINE, "What people read.", "Ambitie en intake", required=True),
        "goal": Field(Kind.PROSE, "What the stage is for.", "We leren elkaar kennen."),
        "starts": Field(Kind.START, "When it starts.", "na de vorige fase", required=True),
        "lasts": Field(Kind.SPAN, "How long it is meant to last.", "6 maanden", required=True),
        "closes_when": Field(
            Kind.CONDITIONS,
            "What must be true before it closes; otherwise it closes by itself at its end.",
            "stap intake is gehouden",
        ),
        "steps": Field(Kind.STEPS, "What is owed in this stage.", "[…]", required=True),
    },
    "no_answer": {
        "after": Field(Kind.SPAN, "How long after it was asked.", "21 dagen", required=True),
        "task_for": Field(Kind.KEY, "The staff role that gets a task.", "adviseur", required=True),
        "title": Field(Kind.LINE, "What the task is.", "Bel de school", required=True),
    },
}


def step_table(kind: StepKind, *, yearly: bool) -> Table:
    """The keys of a step: in the yearly list with `every`; an evaluation in a stage needs `when`, a yearly one not."""
    table = dict(STEP_TABLES[kind])
    if yearly:
        table["every"] = Field(_EVERY.kind, _EVERY.help, _EVERY.example, required=True)
    elif kind is not StepKind.GATHERING:
        table["when"] = Field(_WHEN.kind, _WHEN.help, _WHEN.example, required=True)
    return table
