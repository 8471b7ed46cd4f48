"""Many trajectories from one CSV file: every row is checked, and every problem is named with its line."""

import codecs
import csv
import io
import re
from contextlib import suppress
from dataclasses import replace
from datetime import date

from traject.launch_request import (
    START,
    TWICE,
    LaunchError,
    LaunchRequest,
    RoleGiven,
    parse_role,
    reference_of,
)
from traject.programme import Text

COLUMNS = ("programme", "school", "group", START)

_SAYS_DELIMITER = re.compile(r'"?sep=([;,\t])"?', re.IGNORECASE)
"""The first line that Excel writes to say which character stands between the columns."""

_TWO_BYTES = re.compile(rb"[^\x00]\x00[^\x00]\x00|\x00[^\x00]\x00[^\x00]")
"""Text in two bytes a character: UTF-16 without the mark that says so."""


def read_launch_csv(data: bytes, source: str) -> list[LaunchRequest]:
    """Read `programme;school;start;coordinator;directeur;…`: one trajectory a row, further columns are roles.

    A role's cell holds `Name <mail>`, several separated by `|`. LaunchError when this is no such file; what
    cannot be read of a row goes with its request, so that a launch names it together with what is wrong elsewhere.
    """
    text = _decoded(data)
    if text is None:
        raise _wrong(
            source,
            "geen UTF-8 en geen Windows-1252; sla het bestand op als CSV UTF-8",
            "neither UTF-8 nor Windows-1252; save the file as CSV UTF-8",
        )
    first, _, rest = text.partition("\n")
    said, before = _SAYS_DELIMITER.fullmatch(first.strip()), 0
    if said:
        text, before = rest, 1
    delimiter = said[1] if said else max(";,\t", key=first.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [(name or "").strip().lower() for name in reader.fieldnames or []]
    except csv.Error as error:
        raise _wrong(f"{source}:{before + 1}", *_no_csv(error)) from error
    _refuse_columns(names, f"{source}:{before + 1}")
    reader.fieldnames = names
    requests: list[LaunchRequest] = []
    seen: dict[str, int] = {}
    try:
        for row in reader:
            number = before + reader.line_num
            where = f"{source}:{number}"
            if not any(value for value in row.values() if isinstance(value, str) and value.strip()):
                continue
            if None in row or None in row.values():
                problem = Text(
                    f"{len(names)} kolommen verwacht; staat er een {delimiter!r} te veel of te weinig?",
                    f"{len(names)} columns expected; is there a {delimiter!r} too many or too few?",
                )
                requests.append(_unread(where, problem))
                continue
            request = _row_request({name: value.strip() for name, value in row.items()}, where)
            reference = reference_of(request)
            line = seen.setdefault(reference, number)
            if line != number:
                problem = Text(
                    f"{reference} staat ook op regel {line}; haal er een weg",
                    f"{reference} stands on line {line} too; remove one",
                )
                request = replace(request, unread=(*request.unread, (TWICE, problem)))
            requests.append(request)
    except csv.Error as error:
        requests.append(_unread(f"{source}:{before + reader.line_num}", Text(*_no_csv(error))))
    if not requests:
        raise _wrong(source, "er staat geen enkel traject in", "there is no trajectory in it")
    return requests


def _wrong(where: str, dutch: str, english: str) -> LaunchError:
    return LaunchError([Text(f"{where}: {dutch}", f"{where}: {english}")])


def _no_csv(error: csv.Error) -> tuple[str, str]:
    return f"geen goede CSV ({error})", f"no sound CSV ({error})"


def _unread(where: str, problem: Text) -> LaunchRequest:
    """A row of which nothing can be read."""
    return LaunchRequest("", date.min, where=where, unread=(("", problem),))


def _refuse_columns(names: list[str], where: str) -> None:
    missing = [name for name in ("programme", START) if name not in names]
    if missing or not {"school", "group"} & set(names):
        lacks = (missing or ["school"])[0]
        raise _wrong(
            where,
            f"kolom ‘{lacks}’ ontbreekt (gevonden: {', '.join(names) or 'niets'}); "
            "nodig zijn programme, start, en school of group; elke andere kolom is een rol",
            f"the column ‘{lacks}’ is missing (found: {', '.join(names) or 'nothing'}); "
            "needed are programme, start, and school or group; every other column is a role",
        )
    if twice := [name for name in dict.fromkeys(names) if name and names.count(name) > 1]:
        raise _wrong(
            where,
            f"kolom ‘{twice[0]}’ staat twee keer; zet meer mensen in één cel met een | ertussen",
            f"the column ‘{twice[0]}’ stands twice; put several people in one cell, with a | between them",
        )


def _decoded(data: bytes) -> str | None:
    """The text in one of the encodings that spreadsheets write; None when it is none of them."""
    if _TWO_BYTES.match(data):
        return None
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _row_request(row: dict[str, str], where: str) -> LaunchRequest:
    unread: list[tuple[str, Text]] = []
    starts_on = _day(row[START])
    if starts_on is None:
        problem = Text(
            f"‘{row[START]}’ is geen datum; schrijf 2027-09-01 of 01-09-2027",
            f"‘{row[START]}’ is no date; write 2027-09-01 or 01-09-2027",
        )
        unread.append((START, problem))
    roles: list[RoleGiven] = []
    for name, cell in row.items():
        if name in COLUMNS:
            continue
        for who in filter(None, (part.strip() for part in cell.split("|"))):
            try:
                roles.append(parse_role(f"{name}={who}"))
            except LaunchError:
                problem = Text(
                    f"kolom ‘{name}’: ‘{who}’ is geen naam met adres; schrijf Naam <adres>, "
                    "en meer mensen met een | ertussen",
                    f"column ‘{name}’: ‘{who}’ is no name with an address; write Name <address>, "
                    "and several people with a | between them",
                )
                unread.append((name, problem))
    return LaunchRequest(
        programme=row["programme"],
        starts_on=starts_on or date.min,
        school=row.get("school", "").upper() or None,
        group=row.get("group") or None,
        roles=tuple(roles),
        where=where,
        unread=tuple(unread),
    )


def _day(text: str) -> date | None:
    with suppress(ValueError):
        return date.fromisoformat(text)
    with suppress(ValueError):
        day, month, year = (int(part) for part in text.split("-"))
        return date(year, month, day)
    return None
