"""The English of what a launch refuses, which the engine says in Dutch."""

import re
from functools import lru_cache

# {} is what differs; it is looked up itself.
SENTENCES: tuple[tuple[str, str], ...] = (
    ("programma ‘{}’ bestaat niet; {}", "there is no programme ‘{}’; {}"),
    ("school ‘{}’ is niet bekend; {}", "school ‘{}’ is not known; {}"),
    ("traject ‘{}’ bestaat niet; {}", "there is no trajectory ‘{}’; {}"),
    ("`traject schools list` toont de scholen", "`traject schools list` shows the schools"),
    ("`traject status` toont de trajecten die er zijn", "`traject status` shows those that there are"),
    ("bedoel je {}?", "did you mean {}?"),
    ("kies uit {}", "choose from {}"),
    (
        "programma ‘{}’ is voor een groep; geef een naam met --group in plaats van een school",
        "programme ‘{}’ is for a group; give a name with --group instead of a school",
    ),
    (
        "programma ‘{}’ is voor één school; geef een vestigingscode met --school",
        "programme ‘{}’ is for one school; give its code with --school",
    ),
    ("programma ‘{}’ is voor {}; school {} is {}", "programme ‘{}’ is for {}; school {} is {}"),
    (
        "de startdatum {} ligt in het verleden; kies vandaag of later",
        "the start date {} is in the past; choose today or later",
    ),
    (
        "de startdatum {} ligt meer dan vijf jaar vooruit; staat het jaartal goed?",
        "the start date {} is more than five years ahead; is the year right?",
    ),
    (
        "de startdatum {} valt in {}; de eerste schooldag daarna is {}",
        "the start date {} is in a holiday ({}); the first school day after it is {}",
    ),
    (
        "{} loopt al sinds {}; wil je een tweede traject van hetzelfde programma, start het dan met --again",
        "{} has been running since {}; if you mean a second trajectory of the same programme, launch it with --again",
    ),
    ("rol ‘{}’ bestaat niet in {}; {}", "there is no role ‘{}’ in {}; {}"),
    ("rol ‘{}’: {} staat er twee keer; haal er een weg", "role ‘{}’: {} stands there twice; remove one"),
    ("rol ‘{}’: {}", "role ‘{}’: {}"),
    ("rol ‘{}’ ({}) ontbreekt; {}", "role ‘{}’ ({}) is missing; {}"),
    (
        "rol ‘{}’ ({}) is voor één persoon; er zijn er {} gegeven",
        "role ‘{}’ ({}) is for one person; {} were given",
    ),
    ('geef --role {}="Naam <adres>"', 'give --role {}="Name <address>"'),
    ("vul Naam <adres> in, in de kolom ‘{}’", "fill in Name <address> in the column ‘{}’"),
    ("‘{}’ is geen rol; schrijf het zo: {}", "‘{}’ is no role; write it like this: {}"),
    ("‘{}’ is geen mailadres; schrijf het zoals {}", "‘{}’ is no mail address; write it like {}"),
    (
        "‘{}’ is geen datum; schrijf 2027-09-01 of 01-09-2027",
        "‘{}’ is no date; write 2027-09-01 or 01-09-2027",
    ),
    (
        "geen UTF-8 en geen Windows-1252; sla het bestand op als CSV UTF-8",
        "neither UTF-8 nor Windows-1252; save the file as CSV UTF-8",
    ),
    ("er staat geen enkel traject in", "there is no trajectory in it"),
    ("{} staat ook op regel {}; haal er een weg", "{} stands on line {} too; remove one"),
    (
        "kolom ‘{}’ ontbreekt (gevonden: {}); nodig zijn programme, start, en school of group; "
        "elke andere kolom is een rol",
        "the column ‘{}’ is missing (found: {}); needed are programme, start, and school or group; "
        "every other column is a role",
    ),
)


def in_english(text: str) -> str:
    """The sentences, a line each, in English where that is known; `file:line: ` before one stays."""
    return "\n".join(_line(line) for line in text.splitlines())


def _line(line: str) -> str:
    where, _, what = line.partition(": ")
    if re.search(r"\.csv(:\d+)?$", where):
        return f"{where}: {_sentence(what)}"
    return _sentence(line)


def _sentence(text: str) -> str:
    for dutch, english in _patterns():
        if found := dutch.fullmatch(text):
            return english.format(*(_sentence(part) for part in found.groups()))
    return text


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple(
        (re.compile("(.+?)".join(re.escape(part) for part in dutch.split("{}"))), english)
        for dutch, english in SENTENCES
    )
