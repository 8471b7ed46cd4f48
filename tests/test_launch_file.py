"""Many trajectories from one CSV file: what is read, and what each wrong file is told."""

from datetime import date

import pytest

from traject.launch import LaunchError, RoleGiven
from traject.launch_file import read_launch_csv

HEADER = "programme;school;start;coordinator;directeur;adviseur;team\n"
ROW = "proef;16LF00;2026-09-07;Fatima Çelik <f@s.example>;Jan <j@s.example>;Sam <s@h.example>;\n"


def problem(data: bytes) -> str:
    """What is wrong with the file, or with what could not be read of its rows."""
    try:
        requests = read_launch_csv(data, "lijst.csv")
    except LaunchError as error:
        return str(error)
    return "\n".join(f"{request.where}: {said.nl}" for request in requests for _, said in request.unread)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param((HEADER + ROW).encode(), id="UTF-8"),
        pytest.param((HEADER + ROW).encode("utf-8-sig"), id="UTF-8 with a mark, as Excel writes it"),
        pytest.param((HEADER + ROW).encode("cp1252"), id="Windows-1252"),
        pytest.param((HEADER + ROW).encode("utf-16"), id="UTF-16, Excel's Unicode text"),
        pytest.param((HEADER + ROW).replace(";", ",").encode(), id="commas"),
        pytest.param((HEADER + ROW).replace(";", "\t").encode(), id="tabs"),
        pytest.param((HEADER + ROW).replace("\n", "\r\n").encode(), id="CRLF"),
        pytest.param((HEADER.title() + ROW).encode(), id="capitals in the header"),
        pytest.param((HEADER + ROW).replace("16LF00", "16lf00").encode(), id="a code in small letters"),
        pytest.param((HEADER + ROW + ";;;;;;\n\n").encode(), id="empty rows at the end"),
        pytest.param((HEADER + ROW.replace("2026-09-07", "07-09-2026")).encode(), id="a Dutch date"),
    ],
)
def test_a_file_is_read_in_every_shape_that_a_spreadsheet_writes(data: bytes):
    [request] = read_launch_csv(data, "lijst.csv")
    assert (request.programme, request.school, request.group) == ("proef", "16LF00", None)
    assert request.starts_on == date(2026, 9, 7)
    assert request.roles[0] == RoleGiven("coordinator", "Fatima Çelik", "f@s.example")
    assert request.where == "lijst.csv:2"


def test_several_people_stand_in_one_cell():
    row = ROW.replace("<s@h.example>;", "<s@h.example>;Noor <n@s.example> | Bo <b@s.example>")
    [request] = read_launch_csv((HEADER + row).encode(), "lijst.csv")
    assert [r.name for r in request.roles if r.role == "team"] == ["Noor", "Bo"]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        pytest.param(b"", "lijst.csv:1: kolom ‘programme’ ontbreekt (gevonden: niets)", id="nothing"),
        pytest.param(HEADER.encode(), "lijst.csv: er staat geen enkel traject in", id="only a header"),
        pytest.param(
            b"programma;school;start\nproef;16LF00;2026-09-07\n",
            "kolom ‘programme’ ontbreekt (gevonden: programma, school, start)",
            id="a wrong column",
        ),
        pytest.param(b"programme;start\nproef;2026-09-07\n", "kolom ‘school’ ontbreekt", id="no school"),
        pytest.param(
            b"programme;school;start;team;team\nproef;16LF00;2026-09-07;A <a@s.example>;B <b@s.example>\n",
            "kolom ‘team’ staat twee keer; zet meer mensen in één cel met een | ertussen",
            id="a column twice",
        ),
        pytest.param(
            (HEADER + ROW[:-1] + ";\n").encode(), "lijst.csv:2: 7 kolommen verwacht", id="one delimiter more"
        ),
        pytest.param(
            (HEADER + "proef;16LF00\n").encode(), "lijst.csv:2: 7 kolommen verwacht", id="some less"
        ),
        pytest.param(
            (HEADER + ROW.replace("2026-09-07", "2026-13-07")).encode(),
            "‘2026-13-07’ is geen datum; schrijf 2027-09-01 of 01-09-2027",
            id="no date",
        ),
        pytest.param(
            (HEADER + ROW.replace("2026-09-07", "")).encode(), "‘’ is geen datum", id="an empty date"
        ),
        pytest.param(
            (HEADER + ROW + ROW).encode(),
            "lijst.csv:3: proef:16LF00 staat ook op regel 2; haal er een weg",
            id="twice",
        ),
        pytest.param(
            (HEADER + ROW.replace("Jan <j@s.example>", "Jan")).encode(),
            "lijst.csv:2: kolom ‘directeur’: ‘Jan’ is geen naam met adres",
            id="no address",
        ),
        pytest.param(
            (HEADER + ROW.replace("Jan <j@s.example>", '"Jan <j@s.example>, Kim <k@s.example>"')).encode(),
            "schrijf Naam <adres>, en meer mensen met een | ertussen",
            id="two people without a bar",
        ),
        pytest.param((HEADER + 'proef;"16LF00;x\n').encode(), "geen goede CSV", id="an open quote"),
        pytest.param(b'programme;"school;start\n', "geen goede CSV", id="an open quote in the header"),
        pytest.param(b"\x81\x8d\x8f\x90\x9d", "geen UTF-8 en geen Windows-1252", id="an unknown encoding"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line_and_the_remedy(data: bytes, sentence: str):
    assert sentence in problem(data)


def test_all_wrong_rows_are_named_at_once():
    rows = ROW.replace("2026-09-07", "morgen").replace("Sam <s@h.example>", "Sam") + ROW.replace(
        "Jan <j@s.example>", "Jan"
    ).replace("16LF00", "27YD00")
    assert [line.partition(": ")[0] for line in problem((HEADER + rows).encode()).splitlines()] == [
        "lijst.csv:2",
        "lijst.csv:2",
        "lijst.csv:3",
    ]


def test_the_first_line_that_excel_writes_about_its_delimiter_is_no_header():
    [request] = read_launch_csv(("sep=;\r\n" + HEADER + ROW).encode(), "lijst.csv")
    assert request.where == "lijst.csv:3"
    assert "lijst.csv:3: ‘morgen’" in problem(
        ("sep=;\r\n" + HEADER + ROW.replace("2026-09-07", "morgen")).encode()
    )


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_text_of_two_bytes_a_character_without_its_mark_is_named_for_what_it_is(encoding: str):
    said = problem((HEADER + ROW).encode(encoding))
    assert said == "lijst.csv: geen UTF-8 en geen Windows-1252; sla het bestand op als CSV UTF-8"
