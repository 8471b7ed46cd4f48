"""The JSON Schema of programmes and of questionnaires, made from the tables by which they are read.

`python -m traject.programme_schema` writes both beside the programmes, where editors find them.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from models.enums import StepKind
from traject import questionnaire
from traject.programme_fields import TABLES, Field, Kind, Table, step_table
from traject.records import LONGEST_LINE, LONGEST_PROSE
from traject.sentence_error import KEY
from traject.words import ANCHORS, CYCLES, PREDICATES, PREVIOUS_STAGE, SIGNS, UNITS, YEAR_WORDS, AnchorWords

Json = dict[str, Any]

_SPAN = rf"\d{{1,4}} ({'|'.join([*(w for both in UNITS.values() for words in both for w in words), *YEAR_WORDS])})"
_CLOCK = r"\d{1,2}[:.]\d{2}( uur)?"
_LENGTH = r"\d+([.,]5)? (uur|uren|hours?|minuut|minuten|minutes?)"


def programme_schema() -> Json:
    """The schema of `programmes/*.yaml`."""
    tables = {name: table for name, table in TABLES.items() if name != "programme"}
    definitions = {name: _record(table) for name, table in tables.items()}
    for where, yearly in (("step", False), ("yearly_step", True)):
        kinds = [_record(step_table(kind, yearly=yearly)) for kind in StepKind]
        definitions[where] = {"anyOf": kinds}
    return _document("A programme of Traject", TABLES["programme"], definitions)


def questionnaire_schema() -> Json:
    """The schema of `programmes/questionnaires/*.yaml`."""
    tables = {name: table for name, table in questionnaire.TABLES.items() if name != "questionnaire"}
    definitions = {name: _record(table) for name, table in tables.items()}
    return _document("A questionnaire of Traject", questionnaire.TABLES["questionnaire"], definitions)


def written(schema: Json) -> str:
    """The text of a schema's file."""
    return json.dumps(schema, ensure_ascii=False, indent=1) + "\n"


def _document(title: str, root: Table, definitions: Mapping[str, Json]) -> Json:
    draft = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": draft, "title": title, **_record(root), "$defs": dict(definitions)}


def _record(table: Table) -> Json:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [key for key, field in table.items() if field.required],
        "properties": {key: _field(key, field) for key, field in table.items()},
    }


def _field(key: str, field: Field) -> Json:
    described: Json = {"description": f"{field.help} ({field.kind})"}
    if field.kind not in {Kind.RECORD, Kind.RECORDS, Kind.STEPS, Kind.YES_NO, Kind.NUMBER}:
        described["examples"] = [yaml.safe_load(field.example)]
    return {**described, **_value(key, field)}


def _value(key: str, field: Field) -> Json:
    match field.kind:
        case Kind.KEY:
            return _string(KEY)
        case Kind.KEYS:
            return _one_or_more(_string(KEY))
        case Kind.LINE:
            return _text({"type": "string", "minLength": 1, "maxLength": LONGEST_LINE})
        case Kind.PROSE:
            return _text({"type": "string", "minLength": 1, "maxLength": LONGEST_PROSE})
        case Kind.YES_NO:
            return {"enum": [True, False, "yes", "no", "ja", "nee"]}
        case Kind.NUMBER:
            return {"type": "integer", "minimum": 1}
        case Kind.CHOICE:
            return {"enum": list(field.choices)}
        case Kind.CHOICES:
            return _one_or_more({"enum": list(field.choices)})
        case Kind.SPANS | Kind.CONDITIONS:
            return _one_or_more(_string(PATTERNS[field.kind]))
        case Kind.RECORD:
            return {"$ref": f"#/$defs/{field.record}"}
        case Kind.RECORDS:
            return {"type": "array", "minItems": 1, "items": {"$ref": f"#/$defs/{field.record}"}}
        case Kind.STEPS:
            step = "yearly_step" if key == "yearly" else "step"
            return {"type": "array", "minItems": 1, "items": {"$ref": f"#/$defs/{step}"}}
        case _:
            return _string(PATTERNS[field.kind])


def _string(pattern: str) -> Json:
    return {"type": "string", "pattern": f"^{pattern}$"}


def _one_or_more(item: Json) -> Json:
    return {"anyOf": [item, {"type": "array", "minItems": 1, "uniqueItems": True, "items": item}]}


def _text(one: Json) -> Json:
    both = {
        "type": "object",
        "additionalProperties": False,
        "required": ["nl"],
        "properties": {"nl": one, "en": one},
    }
    return {"anyOf": [one, both]}


def _any(phrases: Iterable[str]) -> str:
    return f"({'|'.join(phrases)})"


def _moment(anchors: Iterable[AnchorWords]) -> str:
    words = list(anchors)
    step = rf"(stap|step) {KEY}"
    at = _any([*(phrase for each in words for phrase in each.at), rf"(bij|at) {step}"])
    sign = _any(phrase for both in SIGNS.values() for phrase in both)
    after = _any([*(phrase for each in words for phrase in each.noun), step])
    return rf"({at}|{_SPAN} {sign} {after})(, (om|at) {_CLOCK})?"


def _cycle() -> str:
    every = _any(re.sub(r"\{every\}", r"\\d{1,2}", phrase) for both in CYCLES.values() for phrase in both)
    return rf"{every} (tussen|between) \d{{1,2}} [A-Za-z]+ (en|and) \d{{1,2}} [A-Za-z]+"


def _conditions() -> str:
    phrases = (pattern.replace("{key}", KEY) for both in PREDICATES.values() for pattern in both)
    return f"((only if|alleen als) )?{_any(phrases)}"


PATTERNS: dict[Kind, str] = {
    Kind.SPAN: _SPAN,
    Kind.SPANS: _SPAN,
    Kind.MOMENT: _moment(ANCHORS.values()),
    Kind.START: _moment([next(iter(ANCHORS.values())), PREVIOUS_STAGE]),
    Kind.CYCLE: _cycle(),
    Kind.WINDOW: rf"(?=.*{_CLOCK})(?=.*{_LENGTH}).*",
    Kind.CONDITIONS: _conditions(),
    Kind.CATCH_UP: rf"(fire_late|coalesce|skip after {_SPAN})",
}
"""What a sentence of each kind looks like, without its capitals; the reading itself is `traject.sentences`."""


def main() -> None:
    """Write both schemas into the folder named on the command line, or into `programmes`."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "programmes")
    (folder / "programme.schema.json").write_text(written(programme_schema()), encoding="utf-8")
    (folder / "questionnaire.schema.json").write_text(written(questionnaire_schema()), encoding="utf-8")


if __name__ == "__main__":
    main()
