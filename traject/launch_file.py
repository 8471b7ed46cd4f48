"""Many trajectories from one CSV file: every row is checked, and every problem is named with its line."""

import codecs
import csv
import io
import re
from datetime import date

from traject.launch import LaunchError, LaunchRequest, RoleGiven, parse_role, reference_of

COLUMNS = ("programme", "school", "group", "start")

_SAYS_DELIMITER = re.compile(r'"?sep=([;,\t])"?', re.IGNORECASE)
"""The first line that Excel writes to say which character stands between the columns."""

_TWO_BYTES = re.compile(rb"[^\x00]\x00[^\x00]\x00|\x00[^\x00]\x00[^\x00]")
"""Text in two bytes a character: UTF-16 without the mark that says so."""


def read_launch_csv(data: bytes, source: str) -> list[LaunchRequest]:
    """Read `programme;school;start;coordinator;directeur;…`: one trajectory a row, further columns are roles.

    A role's cell holds `Name <mail>`, several separated by `|`. LaunchError names every row that is wrong.
    """
    text = _decoded(data)
    if text is None:
        raise LaunchError([f"{source}: geen UTF-8 en geen Windows-1252; sla het bestand op als CSV UTF-8"])
    first, _, rest = text.partition("\n")
    said, before = _SAYS_DELIMITER.fullmatch(first.strip()), 0
    if said:
        text, before = rest, 1
    delimiter = said[1] if said else max(";,\t", key=first.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [(name or "").strip().lower() for name in reader.fieldnames or []]
    except csv.Error as error:
        raise LaunchError([f"{source}:{before + 1}: geen goede CSV ({error})"]) from error
    missing = [name for name in ("programme", "start") if name not in names]
    if missing or not {"school", "group"} & set(names):
        raise LaunchError(
            [
                f"{source}:{before + 1}: kolom ‘{(missing or ['school'])[0]}’ ontbreekt (gevonden: {', '.join(names) or 'niets'}); "
                "nodig zijn programme, start, en school of group; elke andere kolom is een rol"
            ]
        )
    if twice := [name for name in dict.fromkeys(names) if name and names.count(name) > 1]:
        message = f"{source}:{before + 1}: kolom ‘{twice[0]}’ staat twee keer; zet meer mensen in één cel met een | ertussen"
        raise LaunchError([message])
    reader.fieldnames = names
    requests: list[LaunchRequest] = []
    problems: list[str] = []
    seen: dict[str, int] = {}
    try:
        for row in reader:
            number = before + reader.line_num
            where = f"{source}:{number}"
            if not any(value for value in row.values() if isinstance(value, str) and value.strip()):
                continue
            if None in row or None in row.values():
                problems.append(
                    f"{where}: {len(names)} kolommen verwacht; staat er een {delimiter!r} te veel of te weinig?"
                )
                continue
            try:
                request = _row_request({name: value.strip() for name, value in row.items()}, where)
            except LaunchError as error:
                problems += error.problems
                continue
            line = seen.setdefault(reference_of(request), number)
            if line != number:
                problems.append(
                    f"{where}: {reference_of(request)} staat ook op regel {line}; haal er een weg"
                )
            requests.append(request)
    except csv.Error as error:
        problems.append(f"{source}:{before + reader.line_num}: geen goede CSV ({error})")
    if problems:
        raise LaunchError(problems)
    if not requests:
        raise LaunchError([f"{source}: er staat geen enkel traject in"])
    return requests


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
    try:
        starts_on = date.fromisoformat(row["start"])
    except ValueError:
        try:
            day, month, year = (int(part) for part in row["start"].split("-"))
            starts_on = date(year, month, day)
        except ValueError as error:
            raise LaunchError(
                [f"{where}: ‘{row['start']}’ is geen datum; schrijf 2027-09-01 of 01-09-2027"]
            ) from error
    roles: list[RoleGiven] = []
    for name, cell in row.items():
        if name not in COLUMNS:
            for who in filter(None, (part.strip() for part in cell.split("|"))):
                try:
                    roles.append(parse_role(f"{name}={who}"))
                except LaunchError as error:
                    problem = (
                        f"{where}: kolom ‘{name}’: ‘{who}’ is geen naam met adres; schrijf Naam <adres>, "
                        "en meer mensen met een | ertussen"
                    )
                    raise LaunchError([problem]) from error
    return LaunchRequest(
        programme=row["programme"],
        starts_on=starts_on,
        school=row.get("school") or None,
        group=row.get("group") or None,
        roles=tuple(roles),
        where=where,
    )
