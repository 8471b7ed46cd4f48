"""Schools: DUO's files as they are, files that are wrong, and what an import does to what is known."""

import contextlib
import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from models import Organisation, School
from traject.school_names import display_name, readable_place
from traject.schools import (
    SchoolFileError,
    SchoolRecord,
    import_schools,
    in_area,
    read_schools,
    shipped_schools,
)
from traject.store import Store

HEADER_02 = (
    "PROVINCIE;BEVOEGD GEZAG NUMMER;INSTELLINGSCODE;VESTIGINGSCODE;VESTIGINGSNAAM;STRAATNAAM;HUISNUMMER-TOEVOEGING;"
    "POSTCODE;PLAATSNAAM;GEMEENTENUMMER;GEMEENTENAAM;DENOMINATIE;TELEFOONNUMMER;INTERNETADRES"
)
CAMELOT = (
    "Noord-Holland;41853;16LF;16LF00;Basisschool Camelot;Vrijheidsweg;84;2033 CE;HAARLEM;0392;HAARLEM;Openbaar; ;"
    "www.camelot-haarlem.nl"
)


def duo(*rows: str, header: str = HEADER_02) -> bytes:
    """A file as DUO makes it."""
    return "".join(f"{line}\r\n" for line in (header, *rows)).encode("cp1252")


def test_a_primary_school_of_duo_becomes_a_readable_record() -> None:
    assert read_schools(duo(CAMELOT), "02.csv") == [
        SchoolRecord(
            code="16LF00",
            name="Camelot",
            official_name="Basisschool Camelot",
            brin="16LF",
            sector="po",
            school_type="bo",
            street="Vrijheidsweg",
            house_number="84",
            postcode="2033 CE",
            place="Haarlem",
            municipality="Haarlem",
            denomination="Openbaar",
            board_number="41853",
            website="www.camelot-haarlem.nl",
            edition="02.csv",
        )
    ]


NAME = "Dalton ’t Kompas Oelebröd"


@pytest.mark.parametrize(
    ("encoding", "newline"),
    [("cp1252", "\r\n"), ("utf-8", "\n"), ("utf-8-sig", "\r\n"), ("utf-16", "\r\n"), ("utf-8", "\r")],
)
@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_encoding_and_separator_are_found_out(encoding: str, newline: str, separator: str) -> None:
    lines = (HEADER_02, CAMELOT.replace("Basisschool Camelot", NAME))
    data = newline.join(lines).replace(";", separator).encode(encoding)
    assert [school.official_name for school in read_schools(data, "x.csv")] == [NAME]


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        pytest.param(
            "BRIN NUMMER;VESTIGINGSNUMMER;VESTIGINGSNAAM;GEMEENTENAAM",
            "16LF;16LF00;Camelot;HAARLEM",
            ("16LF00", "po", "bo"),
            id="older names",
        ),
        pytest.param(
            "BRIN NUMMER;VESTIGINGSNUMMER;VESTIGINGSNAAM;GEMEENTENAAM",
            "16LF;1;Camelot;HAARLEM",
            ("16LF01", "po", "bo"),
            id="only the number of the location",
        ),
        pytest.param(
            f"{HEADER_02};ONDERWIJSSTRUCTUUR",
            f"{CAMELOT};VBO/MAVO",
            ("16LF00", "vo", "VBO/MAVO"),
            id="secondary",
        ),
        pytest.param(
            f"SOORT PRIMAIR ONDERWIJS;{HEADER_02};CLUSTER;ONDERWIJS",
            f"SBO;{CAMELOT};;x",
            ("16LF00", "so", "sbo"),
            id="special primary",
        ),
        pytest.param(
            f"SOORT PRIMAIR ONDERWIJS;{HEADER_02}",
            f"SO/VSO;{CAMELOT}",
            ("16LF00", "so", "so/vso"),
            id="so/vso",
        ),
        pytest.param(
            "MBO INSTELLINGSSOORT CODE;MBO INSTELLINGSSOORT NAAM;PROVINCIE;BEVOEGD GEZAG NUMMER;INSTELLINGSCODE;"
            "INSTELLINGSNAAM;PLAATSNAAM;GEMEENTENAAM",
            "ROC;Regionaal opleidingencentrum;NH;1;25PZ;ROC Nova College;HAARLEM;HAARLEM",
            ("25PZ", "mbo", "Regionaal opleidingencentrum"),
            id="mbo has no locations",
        ),
        pytest.param(
            "INSTELLINGSCODE;VESTIGINGSCODE;NAAM_VESTIGING;SOORT_VESTIGING;GEMEENTENAAM_VESTIGING;LEERLINGEN_2024;"
            "LEERLINGEN_2025",
            "16LF;16LF00;Camelot;BO;HAARLEM;9;8",
            ("16LF00", "po", "bo"),
            id="pupils per location",
        ),
    ],
)
def test_every_layout_of_duo_is_read(header: str, row: str, expected: tuple[str, str, str]) -> None:
    (school,) = read_schools(duo(row, header=header), "x.csv")
    assert (school.code, school.sector, school.school_type) == expected
    assert school.municipality == "Haarlem"


def test_a_location_without_pupils_in_the_last_year_is_left_out() -> None:
    header = "INSTELLINGSCODE;VESTIGINGSCODE;NAAM_VESTIGING;SOORT_VESTIGING;LEERLINGEN_2024;LEERLINGEN_2025"
    rows = ("16LF;16LF00;Camelot;BO;9;8", "16LF;16LF01;Gesloten;BO;9; ")
    assert [school.code for school in read_schools(duo(*rows, header=header), "06.csv")] == ["16LF00"]


def test_quotes_within_a_field_and_single_spaces_are_read_as_meant() -> None:
    row = CAMELOT.replace("Basisschool Camelot", '"Basisschool ""De Parel"""').replace("Vrijheidsweg", " ")
    (school,) = read_schools(duo(row), "x.csv")
    assert (school.official_name, school.name, school.street) == ('Basisschool "De Parel"', "De Parel", "")


BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "x.csv:1: het bestand is leeg"),
    "only a header": (duo(), "x.csv:2: na de kop komt geen enkele school"),
    "a workbook": (b"PK\x03\x04rest", "x.csv:1: dit is een werkmap van Excel; sla hem op als CSV"),
    "another encoding": (
        duo(CAMELOT).replace(b"Camelot", b"Cam\x81lot"),
        "x.csv:2: byte 0x81 is geen UTF-8 en geen Windows-1252; sla het bestand op als UTF-8",
    ),
    "another list": (
        b"a;b;c\r\n1;2;3\r\n",
        "x.csv:1: de kolom VESTIGINGSCODE of VESTIGINGSNUMMER ontbreekt (gevonden: a, b, c)",
    ),
    "no names": (
        b"VESTIGINGSCODE;X\r\n16LF00;1\r\n",
        "x.csv:1: de kolom VESTIGINGSNAAM of NAAM VESTIGING ontbreekt",
    ),
    "a field too many": (
        duo(CAMELOT + ";x"),
        "x.csv:2: 15 velden in plaats van 14; kijk of er een scheidingsteken of aanhalingsteken te veel",
    ),
    "a quote that stays open": (
        duo(CAMELOT.replace("Vrijheidsweg", '"Vrijheidsweg'), CAMELOT),
        "x.csv:2: een aanhalingsteken is niet goed afgesloten",
    ),
    "a code that is none": (
        duo(CAMELOT.replace("16LF00", "16L")),
        "x.csv:2: kolom VESTIGINGSCODE: '16L' is geen vestigingscode; die heeft twee cijfers",
    ),
    "no name": (
        duo(CAMELOT.replace("Basisschool Camelot", " ")),
        "x.csv:2: kolom VESTIGINGSNAAM: de naam ontbreekt; vul hem in",
    ),
    "a control character": (
        duo(CAMELOT.replace("Camelot", "Cam\x07elot")),
        "x.csv:2: kolom VESTIGINGSNAAM: er staat een onzichtbaar stuurteken in",
    ),
    "a duplicate": (
        duo(CAMELOT, CAMELOT),
        "x.csv:3: kolom VESTIGINGSCODE: 16LF00 staat al op regel 2; laat er één staan",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_names_line_column_and_remedy(case: str) -> None:
    data, expected = BROKEN[case]
    with pytest.raises(SchoolFileError) as caught:
        read_schools(data, "x.csv")
    assert str(caught.value).startswith(expected)
    assert caught.value.in_language("en") != str(caught.value)


def test_all_problems_of_a_file_are_told_at_once_and_the_rest_counted() -> None:
    rows = [CAMELOT.replace("16LF00", f"?{number}") for number in range(25)]
    with pytest.raises(SchoolFileError) as caught:
        read_schools(duo(*rows), "x.csv")
    assert len(caught.value.problems) == 25
    assert str(caught.value).splitlines()[-1] == "… en nog 5"


@given(st.binary(max_size=400))
def test_no_bytes_bring_reading_down(noise: bytes) -> None:
    for data in (noise, duo(CAMELOT) + noise, (HEADER_02 + "\n").encode() + noise):
        with contextlib.suppress(SchoolFileError):
            assert all(school.code and school.name for school in read_schools(data, "x.csv"))


cell = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20)


@given(st.lists(st.tuples(cell, cell), min_size=1, max_size=5))
def test_what_is_written_is_what_is_read(names: list[tuple[str, str]]) -> None:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=";")
    writer.writerow(["VESTIGINGSCODE", "VESTIGINGSNAAM", "STRAATNAAM"])
    writer.writerows([f"10AA{number:02}", *both] for number, both in enumerate(names))
    schools = read_schools(file.getvalue().encode(), "x.csv")
    assert [(school.official_name, school.street) for school in schools] == names


@pytest.mark.parametrize(
    ("capitals", "readable"),
    [
        ("HAARLEM", "Haarlem"),
        ("'S-GRAVENHAGE", "'s-Gravenhage"),
        ("SPAARNDAM GEM. HAARLEM", "Spaarndam"),
        ("CAPELLE AAN DEN IJSSEL", "Capelle aan den IJssel"),
        ("'T HARDE", "'t Harde"),
        ("BERGEN NH", "Bergen NH"),
        ("DE BILT", "De Bilt"),
        ("Heemstede", "Heemstede"),
    ],
)
def test_capitals_become_readable_places(capitals: str, readable: str) -> None:
    assert readable_place(capitals) == readable


@pytest.mark.parametrize(
    ("official", "shown"),
    [
        ("Openbare Basisschool De Cirkel", "De Cirkel"),
        ("Rooms katholiek Basisschool St Bavo", "St Bavo"),
        ("Dreefschool voor Protestants Christelijk Basisonderwijs", "Dreefschool"),
        ("School voor Speciaal Basisonderwijs Hildebrand", "Hildebrand"),
        ("Sancta Maria Lyceum voor Havo, Atheneum en Gymnasium", "Sancta Maria Lyceum"),
        ("School voor Praktische Vorming Oost-ter-Hout", "School voor Praktische Vorming Oost-ter-Hout"),
        ("De Meer", "De Meer"),
    ],
)
def test_official_names_become_names_for_a_screen(official: str, shown: str) -> None:
    assert display_name(official) == shown


def test_the_shipped_schools_are_the_83_of_the_three_municipalities() -> None:
    schools = shipped_schools()
    assert len({school.code for school in schools}) == 83
    assert len({school.name for school in schools}) == 83
    assert {school.municipality for school in schools} == {"Haarlem", "Heemstede", "Zandvoort"}
    assert [len([s for s in schools if s.sector == sector]) for sector in ("po", "so", "vo")] == [52, 10, 21]
    assert next(s.name for s in schools if s.code == "20RF00") == "Coornhert Lyceum"


def test_the_shipped_schools_are_those_of_the_sources(shared: Path) -> None:
    name = "duo_po_raw_format_cp1252.csv"
    duos = read_schools((shared / "data" / name).read_bytes(), name)
    assert len(duos) == 52
    shipped = {school.code: school for school in shipped_schools()}
    for duos_own in duos:
        ours = shipped[duos_own.code]
        for fact in ("official_name", "street", "house_number", "postcode", "place", "municipality"):
            assert getattr(ours, fact) == getattr(duos_own, fact)


def test_duos_list_of_the_country_is_narrowed_to_the_three_municipalities_and_ones_own_list_is_not(
    shared: Path,
) -> None:
    name = "duo_po_encoding_sample_cp1252.csv"
    elsewhere = read_schools((shared / "data" / name).read_bytes(), name)
    assert elsewhere[1].official_name == "IKC 't Oelebröd"
    assert in_area(elsewhere) == []
    own = read_schools(b"code,name,municipality\n16LF00,Camelot,Bloemendaal\n", "own.csv")
    assert in_area(own) == own


def school(store: Store, code: str) -> tuple[School, Organisation]:
    with store.read() as session:
        return session.exec(select(School, Organisation).join(Organisation).where(School.code == code)).one()


def load(store: Store, records: list[SchoolRecord]) -> tuple[int, int, int]:
    with store.write() as session:
        report = import_schools(session, records)
    return len(report.added), len(report.changed), len(report.unchanged)


def test_importing_twice_changes_nothing_the_second_time(store: Store) -> None:
    assert load(store, shipped_schools()) == (83, 0, 0)
    assert load(store, shipped_schools()) == (0, 0, 83)


def test_a_newer_file_changes_what_differs_and_keeps_what_it_does_not_say(store: Store) -> None:
    load(store, read_schools(duo(CAMELOT), "02.csv"))
    header = "VESTIGINGSCODE;VESTIGINGSNAAM;POSTCODE"
    newer = read_schools(duo("16LF00;Basisschool Camelot Oost;2033 XX", header=header), "nieuw.csv")
    assert load(store, newer) == (0, 1, 0)
    row, organisation = school(store, "16LF00")
    assert (row.postcode, row.street, row.edition) == ("2033 XX", "Vrijheidsweg", "nieuw.csv")
    assert organisation.name == "Camelot Oost"


def test_a_name_that_was_given_stays_when_duo_calls_the_school_otherwise(store: Store) -> None:
    load(store, shipped_schools())
    header = "VESTIGINGSCODE;VESTIGINGSNAAM;ONDERWIJSSTRUCTUUR"
    load(store, read_schools(duo("20RF00;Coornhertlyceum SGM;MAVO/HAVO/VWO", header=header), "vo.csv"))
    row, organisation = school(store, "20RF00")
    assert (organisation.name, row.official_name) == ("Coornhert Lyceum", "Coornhertlyceum SGM")


def test_an_import_that_fails_halfway_leaves_nothing(store: Store) -> None:
    with pytest.raises(KeyError), store.write() as session:
        import_schools(session, shipped_schools())
        raise KeyError
    with store.read() as session:
        assert session.exec(select(School)).all() == []
