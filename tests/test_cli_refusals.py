"""Bad input: each with one clear sentence, its exit code, and nothing half done."""

import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import time_machine
from commands import LAUNCH, ROLES, Ran, Traject, with_settings
from sqlmodel import select

from models import School, Trajectory
from traject.settings import Settings
from traject.store import Store


@pytest.fixture
def settings(sqlite_url: str, tmp_path: Path) -> Settings:
    """SQLite only: what is wrong here is wrong before any database is asked."""
    return Settings(database_url=sqlite_url, var_dir=tmp_path / "var", base_url="http://portal.example")


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    """The same database, to look into."""
    opened = Store(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture
def traject(monkeypatch: pytest.MonkeyPatch, settings: Settings, now: datetime) -> Iterator[Traject]:
    """The command line at a fixed moment, on a database that was made ready."""
    with time_machine.travel(now, tick=False):
        made = with_settings(monkeypatch, settings)
        assert made("init").code == 0
        yield made


def refused(ran: Ran, code: int = 1) -> str:
    """The sentence on the error stream of a command that refused."""
    assert (ran.code, ran.out) == (code, "")
    assert "Traceback" not in ran.err
    return ran.err.strip()


def launch(**given: str) -> tuple[str, ...]:
    """A launch with some of it replaced."""
    values = {"programme": "po-nieuw", "school": "16LF00", "start": "2026-09-14"} | given
    return (
        "launch",
        values["programme"],
        "--school",
        values["school"],
        "--start",
        values["start"],
        *ROLES,
        "--yes",
    )


WRONG_LAUNCHES: dict[str, tuple[tuple[str, ...], int, str]] = {
    "unknown school": (
        launch(school="16LF09"),
        1,
        "school ‘16LF09’ is niet bekend; bedoel je 16LF00 (Camelot)?",
    ),
    "unknown programme": (
        launch(programme="po-niew"),
        1,
        "programma ‘po-niew’ bestaat niet; bedoel je ‘po-nieuw’?",
    ),
    "another kind of school": (launch(school="20RF00"), 1, "programma ‘po-nieuw’ is voor bo, sbo, so, vso"),
    "start in a holiday": (
        launch(start="2026-10-12"),
        1,
        "valt in herfstvakantie; de eerste schooldag daarna is",
    ),
    "start in the past": (launch(start="2026-09-01"), 1, "ligt in het verleden; kies vandaag of later"),
    "start is no date": (
        launch(start="morgen"),
        2,
        "‘morgen’ is geen datum; schrijf 2026-09-14, 14-09-2026 of eerstvolgende",
    ),
    "start on 31 September": (launch(start="2026-09-31"), 2, "‘2026-09-31’ is geen datum"),
    "no start": (("launch", "po-nieuw", "--school", "16LF00", *ROLES), 2, "vanaf wanneer? geef --start"),
    "no programme": (("launch",), 2, "welk programma? `traject programmes list` toont ze"),
    "school and group": ((*LAUNCH, "--group", "x"), 2, "geef één van beide: --school CODE of --group NAAM"),
    "a role missing": (LAUNCH[:-1], 1, "rol ‘adviseur’ (adviseur van Hart) ontbreekt"),
    "an unknown role": ((*LAUNCH, "--role=coordinatr=A <a@x.example>"), 1, "bedoel je ‘coordinator’?"),
    "a bad address": (
        (*LAUNCH[:-1], "--role=adviseur=Sanne <sanne@@hart>"),
        1,
        "adviseur",
    ),
    "capitals where none belong": (launch(programme="PO-NIEUW"), 1, "bedoel je ‘po-nieuw’?"),
    "the name of a school": (launch(school="camelot"), 1, "bedoel je 16LF00 (Camelot)?"),
    "one address for two people": (
        (
            *LAUNCH[:-1],
            "--role=adviseur=Zoë <noor@school.example>",
        ),
        1,
        "noor@school.example staat bij Noor Visser en bij Zoë; geef ieder een eigen adres",
    ),
    "a role that is none": (
        (*LAUNCH, "--role", "Noor Visser"),
        1,
        "‘Noor Visser’ is geen rol; schrijf het zo",
    ),
    "json without an answer": ((*LAUNCH, "--json"), 2, "geef bij --json ook --yes of --dry-run"),
    "a file that is not there": (
        ("launch", "--from", "nergens.csv"),
        1,
        "nergens.csv bestaat niet",
    ),
    "a file and a programme": (("launch", "po-nieuw", "--from", "x.csv"), 2, "niet allebei"),
}


@pytest.mark.parametrize("case", WRONG_LAUNCHES)
def test_a_wrong_launch_is_refused_and_nothing_was_written(case: str, traject: Traject, store: Store) -> None:
    command, code, expected = WRONG_LAUNCHES[case]
    assert expected in refused(traject(*command), code)
    with store.read() as session:
        assert session.exec(select(Trajectory)).all() == []


HEADER = "programme;school;start;coordinator;directeur;adviseur\n"
GOOD = "po-nieuw;16LF00;2026-09-14;N <n@school.example>;D <d@school.example>;S <s@hart.example>\n"
WRONG_FILES: dict[str, tuple[bytes, str]] = {
    "a wrong column": (GOOD.encode(), "x.csv:1: kolom ‘programme’ ontbreekt"),
    "an unknown role": ((HEADER.replace("adviseur", "advisr") + GOOD).encode(), "bedoel je ‘adviseur’?"),
    "another encoding": ((HEADER + GOOD).encode() + b"\x81", "sla het bestand op als CSV UTF-8"),
    "a duplicate": ((HEADER + GOOD + GOOD).encode(), "x.csv:3: po-nieuw:16LF00 staat ook op regel 2"),
    "one wrong school among good ones": (
        (HEADER + GOOD + GOOD.replace("16LF00", "99XX99")).encode(),
        "x.csv:3: school ‘99XX99’ is niet bekend",
    ),
    "no date": ((HEADER + GOOD.replace("2026-09-14", "later")).encode(), "x.csv:2: ‘later’ is geen datum"),
    "nothing": (HEADER.encode(), "x.csv: er staat geen enkel traject in"),
}


@pytest.mark.parametrize("case", WRONG_FILES)
def test_a_wrong_file_launches_none_of_its_rows(
    case: str, traject: Traject, store: Store, tmp_path: Path
) -> None:
    data, expected = WRONG_FILES[case]
    (tmp_path / "x.csv").write_bytes(data)
    assert expected in refused(traject("launch", "--from", str(tmp_path / "x.csv"), "--yes"))
    with store.read() as session:
        assert session.exec(select(Trajectory)).all() == []


def test_what_cannot_be_read_of_one_row_hides_no_problem_of_another(
    traject: Traject, store: Store, tmp_path: Path
) -> None:
    rows = [
        GOOD.replace("2026-09-14", "later").replace("16LF00", "99XX99"),
        GOOD.replace("D <d@school.example>", "D").replace("po-nieuw", "po-niew"),
        GOOD.replace("D <d@school.example>", "").replace("16LF00", "16NG00"),
        "po-nieuw;te;weinig\n",
        GOOD.replace("D <d@school.example>", "Dirk"),
        GOOD.replace("2026-09-14", "2026-09-01"),
    ]
    (tmp_path / "x.csv").write_text(HEADER + "".join(rows), encoding="utf-8")
    said = refused(traject("launch", "--from", str(tmp_path / "x.csv"), "--yes")).splitlines()
    assert [line[:8] for line in said] == [f"x.csv:{n}:" for n in (2, 2, 3, 3, 4, 5, 6, 7, 7)]
    for line, words in zip(
        said,
        (
            "‘later’ is geen datum",
            "school ‘99XX99’ is niet bekend",
            "programma ‘po-niew’ bestaat niet",
            "kolom ‘directeur’: ‘D’ is geen naam met adres",
            "rol ‘directeur’ (directeur) ontbreekt",
            "6 kolommen verwacht",
            "kolom ‘directeur’: ‘Dirk’ is geen naam met adres",
            "staat ook op regel 6",
            "de startdatum 01-09-2026 ligt in het verleden",
        ),
        strict=True,
    ):
        assert words in line
    english = traject("--lang", "en", "launch", "--from", str(tmp_path / "x.csv"), "--yes").err
    assert "x.csv:2: ‘later’ is no date; write 2027-09-01 or 01-09-2027" in english
    assert not {"geen", "niet", "regel", "kolom"} & set(english.replace(":", " ").split())
    with store.read() as session:
        assert session.exec(select(Trajectory)).all() == []


def test_one_wrong_file_of_schools_stops_the_import_of_all(
    traject: Traject, store: Store, tmp_path: Path
) -> None:
    good, wrong = tmp_path / "good.csv", tmp_path / "wrong.csv"
    good.write_text("code,name\n99ZZ00,Nieuw\n", encoding="utf-8")
    wrong.write_text("code,name\n99ZZ01,\n", encoding="utf-8")
    said = refused(traject("schools", "import", str(good), str(wrong)))
    assert said.startswith("wrong.csv:2: kolom NAME: de naam ontbreekt")
    assert "column NAME: the name is missing" in traject("--lang", "en", "schools", "import", str(wrong)).err
    with store.read() as session:
        assert len(session.exec(select(School)).all()) == 83


def test_a_broken_programme_is_named_with_its_line(traject: Traject, tmp_path: Path) -> None:
    file = tmp_path / "kapot.yaml"
    file.write_text("programme: kapot\nversion: een\n", encoding="utf-8")
    ran = traject("programmes", "check", str(file))
    assert ran.code == 1
    assert f"{file}:2: het programma: 'version' is 'een'; schrijf een heel getal vanaf 1" in ran.err
    english = traject("--lang", "en", "programmes", "check", str(file)).err
    assert f"{file}:2: the programme: 'version' is 'een'; write a whole number from 1" in english
    as_json = traject("programmes", "check", str(file), "--json")
    assert (as_json.code, as_json.json[0]["ok"]) == (1, False)
    assert 2 in [problem["line"] for problem in as_json.json[0]["problems"]]


UNKNOWN: dict[str, tuple[tuple[str, ...], int, str]] = {
    "trajectory": (("status", "po-nieuw:0"), 1, "traject ‘po-nieuw:0’ bestaat niet; `traject status` toont"),
    "task": (("tasks", "done", "7", "--yes"), 1, "taak 7 bestaat niet"),
    "mail": (("outbox", "hold", "7"), 1, "7"),
    "state of mails": (("outbox", "list", "--state", "gone"), 2, "kies uit queued, held"),
    "moment": (
        ("run-once", "--now", "straks"),
        2,
        "‘straks’ is geen moment; schrijf dag en tijd, zoals ‘2026-10-07 13:30’",
    ),
    "half a move": (("move", "x", "intake"), 2, "geef een stap met --to"),
    "two people to hand over to": (
        ("hand-over", "x", "directeur", "--to", "Els <els@x.example>, Kim <kim@x.example>"),
        2,
        "is geen naam met adres",
    ),
    "somebody without an address": (
        ("people", "add", "Piet"),
        1,
        "‘Piet’ is geen naam met adres; schrijf het zo",
    ),
    "nobody to hand over to": (
        ("hand-over", "x", "directeur", "--to", "Els"),
        2,
        "‘Els’ is geen naam met adres",
    ),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_is_not_there_is_named(case: str, traject: Traject) -> None:
    command, code, expected = UNKNOWN[case]
    assert expected in refused(traject(*command), code)


def test_an_unknown_step_and_stage_are_answered_with_the_ones_there_are(traject: Traject) -> None:
    assert traject(*LAUNCH, "--yes").code == 0
    assert "kies uit" in refused(traject("skip", "po-nieuw:16LF00", "intakee", "--yes"))
    assert "kies uit ambitie, " in refused(traject("close-stage", "po-nieuw:16LF00", "ambitieus", "--yes"))


def test_a_database_that_is_not_there_asks_for_init(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path
) -> None:
    missing = f"sqlite:///{tmp_path / 'none' / 'x.db'}"
    traject = with_settings(monkeypatch, settings, TRAJECT_DATABASE_URL=missing)
    assert "voer eerst `traject init` uit" in refused(traject("status"))
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("command", ["status", "init"])
def test_a_database_that_is_newer_than_the_code_is_refused(
    command: str, traject: Traject, store: Store
) -> None:
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    said = refused(traject(command))
    assert "nieuwer dan deze versie" in said or "newer than this version" in said


def test_a_file_that_is_no_database_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "x.db").write_bytes(b"not a database at all" * 100)
    traject = with_settings(monkeypatch, settings, TRAJECT_DATABASE_URL=f"sqlite:///{tmp_path / 'x.db'}")
    assert "De database kan niet worden gebruikt: file is not a database" in refused(traject("status"))


def test_a_server_that_is_not_there_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    url = "postgresql://nobody:secret@127.0.0.1:1/traject"
    said = refused(with_settings(monkeypatch, settings, TRAJECT_DATABASE_URL=url)("status"))
    assert said.startswith("De database kan niet worden gebruikt: ")
    assert "secret" not in said


def test_a_full_disk_is_one_sentence_and_nothing_is_half_done(
    monkeypatch: pytest.MonkeyPatch, traject: Traject, store: Store
) -> None:
    with store.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    real = Store.__init__

    def small(self: Store, url: str) -> None:
        """Open the database with no room to grow: SQLite then says what it says on a full disk."""
        real(self, url)
        with self.engine.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    monkeypatch.setattr(Store, "__init__", small)
    said = refused(traject(*LAUNCH, "--yes", "--json"))
    assert "database or disk is full" in said
    monkeypatch.undo()
    with store.read() as session:
        assert session.exec(select(Trajectory)).all() == []


@pytest.mark.parametrize(
    ("setting", "dutch", "english"),
    [
        (
            "TIMEZONE=Haarlem",
            "'Haarlem' is geen tijdzone; schrijf een naam als",
            "'Haarlem' is not a time zone",
        ),
        ("DATABASE_URL=mysql://x", "moet sqlite:///BESTAND of postgresql", "must be sqlite:///FILE or"),
        ("SMTP_URL=http://x", "moet smtp://SERVER:POORT", "must be smtp://HOST:PORT"),
        ("FROM=Hart", 'moet zijn zoals "Hart <cmk@hart.example>"', "must be like"),
        ("BASE_URL=hart", "moet het adres zijn dat deelnemers", "must be the address that participants"),
        ("MAILBOX_URL=pop3://x", "moet imaps://NAAM:WACHTWOORD@SERVER", "must be imaps://USER:PASSWORD@HOST"),
        ("PORTAL_PORT=veel", "moet een heel getal zijn", "should be a valid integer"),
        ("PORTAL_PORT=0", "moet 1 of meer zijn", "greater than or equal to 1"),
        ("PORTAL_PORT=70000", "moet 65535 of minder zijn", "less than or equal to 65535"),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy_in_the_language_that_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, setting: str, dutch: str, english: str
) -> None:
    name, _, value = setting.partition("=")
    traject = with_settings(monkeypatch, settings, **{f"TRAJECT_{name}": value})
    assert f"TRAJECT_{name}: {dutch}" in refused(traject("status"))
    said = refused(traject("--lang", "en", "status"))
    assert f"TRAJECT_{name}: " in said
    assert english in said


def test_without_a_mail_server_everything_else_is_done_and_the_mail_waits(
    traject: Traject, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert traject(*LAUNCH, "--yes").code == 0
    monkeypatch.setattr(
        logging.root, "handlers", []
    )  # as outside the tests: then warnings go to the error stream
    ran = traject("run-once", "--now", "2026-09-14 10:00")
    assert ran.code == 1
    assert ran.err.startswith("de mailserver 127.0.0.1:1 kan niet worden gebruikt")
    english = traject("--lang", "en", "run-once", "--now", "2026-09-14 11:00")  # tried again by then
    assert "the mail server 127.0.0.1:1 cannot be used" in english.err
    assert {mail["state"] for mail in traject("outbox", "list", "--json").json} == {"queued"}
