"""What a file of schools says: every layout of DUO, and the short one that Traject ships, read without being told which.

Encoding (UTF-8 with or without BOM, Windows-1252), separator (`;`, `,`, tab) and column names (of today and of older
editions) are found out. A file with faults gives all of them at once and no school.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from traject.errors import TrajectError
from traject.programme import Text
from traject.school_names import display_name, readable_place

LARGEST = 64 * 1024 * 1024  # bytes; DUO's largest list of schools is a tenth of it
SHOWN = 20  # problems named before the rest is only counted

COLUMNS: dict[str, tuple[str, ...]] = {
    "code": ("VESTIGINGSCODE", "VESTIGINGSNUMMER", "CODE"),
    "brin": ("INSTELLINGSCODE", "BRIN NUMMER", "BRINNUMMER", "BRIN"),
    "name": ("NAME",),
    "official_name": ("VESTIGINGSNAAM", "NAAM VESTIGING", "INSTELLINGSNAAM", "OFFICIAL NAME"),
    "sector": ("SECTOR",),
    "school_type": (
        "SOORT PRIMAIR ONDERWIJS",
        "SOORT VESTIGING",
        "ONDERWIJSSTRUCTUUR",
        "MBO INSTELLINGSSOORT NAAM",
        "SCHOOL TYPE",
    ),
    "street": ("STRAATNAAM", "STREET"),
    "house_number": ("HUISNUMMER TOEVOEGING", "HOUSE NUMBER"),
    "postcode": ("POSTCODE",),
    "place": ("PLAATSNAAM", "PLACE"),
    "municipality": ("GEMEENTENAAM", "GEMEENTENAAM VESTIGING", "MUNICIPALITY"),
    "denomination": ("DENOMINATIE", "DENOMINATIE VESTIGING", "DENOMINATION"),
    "board_number": ("BEVOEGD GEZAG NUMMER", "BOARD NUMBER"),
    "website": ("INTERNETADRES", "WEBSITE"),
    "edition": ("EDITION",),
}
"""Per field its column, newest name first; case, dashes and underscores do not matter."""

_TYPES = {"s": "sbo", "basisonderwijs": "bo", "speciaal basisonderwijs": "sbo", "speciaal onderwijs": "so"}
_SECTORS = {"bo": "po", "sbo": "so", "so": "so", "vso": "so", "so/vso": "so"}
_CODE = re.compile(r"[0-9]{2}[A-Z]{2}[0-9A-Z]{2}")
_BRIN = re.compile(r"[0-9]{2}[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class SchoolRecord:
    """One location of a school, as a file says it. Empty: the file does not say.

    `name` is a name for screens and mails; `is_named` tells that the file gives it, and not just an official one.
    """

    code: str
    name: str
    official_name: str
    brin: str = ""
    sector: str = ""
    school_type: str = ""
    street: str = ""
    house_number: str = ""
    postcode: str = ""
    place: str = ""
    municipality: str = ""
    denomination: str = ""
    board_number: str = ""
    website: str = ""
    edition: str = ""
    is_named: bool = False
    from_duo: bool = True


@dataclass(frozen=True, slots=True)
class SchoolProblem:
    """What is wrong in one place of a file, with its remedy. `column` is empty when it is the whole line."""

    source: str
    line: int
    column: str
    text: Text

    def in_language(self, language: str) -> str:
        """The problem as one sentence behind `file:line`."""
        word = "column" if language == "en" else "kolom"
        column = f" {word} {self.column}:" if self.column else ""
        return f"{self.source}:{self.line}:{column} {self.text.in_language(language)}"


class SchoolFileError(TrajectError):
    """A file of schools cannot be used; `problems` are all of them, each with file, line, column and remedy."""

    def __init__(self, problems: Sequence[SchoolProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.in_language("nl"))

    def in_language(self, language: str) -> str:
        """Every problem on its own line; the count of what is left out at the end."""
        lines = [problem.in_language(language) for problem in self.problems[:SHOWN]]
        if (more := len(self.problems) - SHOWN) > 0:
            lines.append(f"… and {more} more" if language == "en" else f"… en nog {more}")
        return "\n".join(lines)


def read_schools(data: bytes, source: str) -> list[SchoolRecord]:
    """Read the schools of one file, in its order.

    In: the bytes, and the name of the file for messages. Raises SchoolFileError with every problem: another kind of
    file, a missing column, a line of another length, a code that is none, a code that stands there twice. Locations
    that DUO's list 06 only remembers (no pupils in its last year) are left out.
    Source of the layouts: DUO open onderwijsdata, lists 01, 02, 06 and 09.
    """
    return list(_File(data, source).records())


class _File:
    """One file being read, and the problems found so far."""

    def __init__(self, data: bytes, source: str) -> None:
        self.source = source
        self.problems: list[SchoolProblem] = []
        self.text = self._decode(data)
        self.header: list[str] = []

    def records(self) -> list[SchoolRecord]:
        rows = self._rows()
        first = next(rows, None)
        if first is None:
            self._stop(1, "", "het bestand is leeg", "the file is empty")
        self.header = [_plain(name) for name in first[1]]
        positions = self._positions(first[1])
        records: list[SchoolRecord] = []
        seen: dict[str, int] = {}
        for line, cells in rows:
            if len(cells) != len(self.header):
                self._add(
                    line,
                    "",
                    f"{len(cells)} velden in plaats van {len(self.header)}; kijk of er een scheidingsteken of "
                    "aanhalingsteken te veel of te weinig staat",
                    f"{len(cells)} fields instead of {len(self.header)}; look for a separator or quote too many or "
                    "too few",
                )
                continue
            record = self._record(line, cells, positions)
            if record is None or self._is_closed(cells):
                continue
            if record.code in seen:
                self._add(
                    line,
                    self._named("code", positions),
                    f"{record.code} staat al op regel {seen[record.code]}; laat er één staan",
                    f"{record.code} already stands on line {seen[record.code]}; keep one of them",
                )
                continue
            seen[record.code] = line
            records.append(record)
        if self.problems:
            raise SchoolFileError(self.problems)
        if not records:
            self._stop(2, "", "na de kop komt geen enkele school", "no school follows the header")
        return records

    def _decode(self, data: bytes) -> str:
        if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
            self._stop(
                1,
                "",
                "dit is een werkmap van Excel; sla hem op als CSV en lees die in",
                "this is an Excel workbook; save it as CSV and import that",
            )
        if len(data) > LARGEST:
            self._stop(
                1, "", "groter dan 64 MB; dit is geen lijst van scholen", "over 64 MB; no list of schools"
            )
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return data.decode("utf-16", errors="replace")
        for encoding in ("utf-8-sig", "cp1252"):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError as error:
                wrong = error
        self._stop(
            data.count(b"\n", 0, wrong.start) + 1,
            "",
            f"byte 0x{data[wrong.start]:02x} is geen UTF-8 en geen Windows-1252; sla het bestand op als UTF-8",
            f"byte 0x{data[wrong.start]:02x} is neither UTF-8 nor Windows-1252; save the file as UTF-8",
        )

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        heading = self.text.lstrip().partition("\n")[0]
        separator = max(";,\t", key=heading.count)
        reader = csv.reader(io.StringIO(self.text, newline=""), delimiter=separator, strict=True)
        line = 1
        try:
            for cells in reader:
                if any("\n" in cell or "\r" in cell for cell in cells):
                    raise csv.Error
                if any(cell.strip() for cell in cells):
                    yield line, [cell.strip() for cell in cells]
                line = reader.line_num + 1
        except csv.Error:
            self._stop(
                line,
                "",
                "een aanhalingsteken is niet goed afgesloten; schrijf een aanhalingsteken in een veld dubbel",
                "a quote is not closed as it should; write a quote within a field twice",
            )

    def _positions(self, names: list[str]) -> dict[str, int]:
        positions: dict[str, int] = {}
        for field, possible in COLUMNS.items():
            found = [self.header.index(_plain(name)) for name in possible if _plain(name) in self.header]
            if found:
                positions[field] = found[0]
        is_mbo = any(name.startswith("MBO INSTELLINGSSOORT") for name in self.header)
        if "code" not in positions and is_mbo and "brin" in positions:
            positions["code"] = positions["brin"]  # a mbo institution has no locations in DUO's list
        for field in ("code", "official_name"):
            if field in positions or (field == "official_name" and "name" in positions):
                continue
            wanted = " of ".join(COLUMNS[field][:2])
            self._add(
                1,
                "",
                f"de kolom {wanted} ontbreekt (gevonden: {_some(names)}); neem een lijst van schoolvestigingen van DUO",
                f"the column {wanted.replace(' of ', ' or ')} is missing (found: {_some(names)}); take a list of "
                "school locations of DUO",
            )
        if self.problems:
            raise SchoolFileError(self.problems)
        return positions

    def _record(self, line: int, cells: list[str], positions: dict[str, int]) -> SchoolRecord | None:
        def cell(field: str) -> str:
            return " ".join(cells[positions[field]].split()) if field in positions else ""

        before = len(self.problems)
        brin, code = cell("brin").upper(), cell("code").upper()
        if code.isdigit() and len(code) <= 2 and _BRIN.fullmatch(brin):
            code = brin + code.zfill(2)
        is_whole_institution = positions["code"] == positions.get("brin")
        if not (_BRIN if is_whole_institution else _CODE).fullmatch(code):
            self._add(
                line,
                self._named("code", positions),
                f"{code!r} is geen vestigingscode; die heeft twee cijfers, twee letters en twee tekens, zoals 16LF00",
                f"{code!r} is no location code; that has two digits, two letters and two characters, like 16LF00",
            )
        for field in positions:
            if any(ord(character) < 32 or ord(character) == 127 for character in cell(field)):
                self._add(
                    line,
                    self._named(field, positions),
                    "er staat een onzichtbaar stuurteken in; haal het weg",
                    "an invisible control character stands in it; remove it",
                )
        official = cell("official_name") or cell("name")
        if not official:
            self._add(
                line,
                self._named("official_name" if "official_name" in positions else "name", positions),
                "de naam ontbreekt; vul hem in",
                "the name is missing; fill it in",
            )
        if len(self.problems) > before:
            return None
        school_type, sector = self._kind(cell("school_type"), cell("sector"), is_whole_institution)
        return SchoolRecord(
            code=code,
            name=cell("name") or display_name(official),
            official_name=official,
            brin=brin or code[:4],
            sector=sector,
            school_type=school_type,
            street=cell("street"),
            house_number=cell("house_number"),
            postcode=cell("postcode"),
            place=readable_place(cell("place")),
            municipality=readable_place(cell("municipality")),
            denomination=cell("denomination"),
            board_number=cell("board_number"),
            website=re.sub(r"^https?://|/+$", "", cell("website").lower()),
            edition=cell("edition") or self.source,
            is_named=bool(cell("name")),
            from_duo="name" not in positions,
        )

    def _is_closed(self, cells: list[str]) -> bool:
        """DUO's list 06 also names the locations of the past: they have no pupils in its last year."""
        years = [name for name in self.header if re.fullmatch(r"LEERLINGEN \d{4}", name)]
        return bool(years) and cells[self.header.index(max(years))] in ("", "0")

    def _kind(self, school_type: str, sector: str, is_mbo: bool) -> tuple[str, str]:
        """DUO's type and our sector. The list of primary schools has no column for it: there all are bo."""
        if sector or is_mbo:
            return school_type, sector or "mbo"
        if "ONDERWIJSSTRUCTUUR" in self.header:
            return school_type, "vo"
        lowered = school_type.lower()
        school_type = _TYPES.get(lowered, lowered) or "bo"
        return school_type, _SECTORS.get(school_type, "po")

    def _named(self, field: str, positions: dict[str, int]) -> str:
        return self.header[positions[field]] if field in positions else COLUMNS[field][0]

    def _add(self, line: int, column: str, dutch: str, english: str) -> None:
        self.problems.append(SchoolProblem(self.source, line, column, Text(dutch, english)))

    def _stop(self, line: int, column: str, dutch: str, english: str) -> NoReturn:
        self._add(line, column, dutch, english)
        raise SchoolFileError(self.problems)


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name.strip().upper())


def _some(names: list[str]) -> str:
    shown = ", ".join(name.strip() or "(leeg)" for name in names[:4])
    return f"{shown}, …" if len(names) > 4 else shown
