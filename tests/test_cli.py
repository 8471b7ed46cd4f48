"""The command line as staff use it: from an empty place to a trajectory that runs, and every change seen first."""

import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
import time_machine
from commands import LAUNCH, Traject, with_settings
from sqlmodel import select

from models import Event, Message, School, Trajectory
from traject.cli.running import MOVES
from traject.moves import Move
from traject.settings import Settings
from traject.store import Store

REFERENCE = "po-nieuw:16LF00"


@pytest.fixture
def traject(monkeypatch: pytest.MonkeyPatch, settings: Settings, now: datetime) -> Iterator[Traject]:
    """The command line on a fresh database that was made ready, at a fixed moment."""
    with time_machine.travel(now, tick=False):
        made = with_settings(monkeypatch, settings)
        assert made("init").code == 0
        yield made


@pytest.fixture
def running(traject: Traject) -> Traject:
    """The same, with one school's trajectory launched and its first day behind it."""
    assert traject(*LAUNCH, "--yes").code == 0
    assert (
        traject("run-once", "--now", "2026-09-14 10:00").code == 1
    )  # no mail server; everything else is done
    return traject


def test_a_school_is_previewed_launched_and_followed(traject: Traject, store: Store) -> None:
    preview = traject("preview", "po-nieuw", "--school", "16LF00", "--start", "2026-09-14")
    assert preview.code == 0
    assert "Ambitie en intake  ma 14 sep 2026 – " in preview.out
    assert max(len(line) for line in preview.out.splitlines()) <= 80
    launched = traject(*LAUNCH, answer="j\n")
    assert (launched.code, launched.out.splitlines()[-1]) == (0, f"Gestart: {REFERENCE}")
    assert "Camelot" in traject("status").out
    whole = traject("status", REFERENCE)
    assert "intern cultuurcoördinator: Noor Visser <noor@school.example>" in whole.out
    assert "ma 14 sep 2026 09:00" in traject("upcoming").out


def test_a_dry_run_and_a_no_launch_nothing(traject: Traject, store: Store) -> None:
    assert traject(*LAUNCH, "--dry-run").out.splitlines()[-1] == "Er is niets gestart (--dry-run)."
    assert traject(*LAUNCH, answer="n\n").err.splitlines()[-1].endswith("Afgebroken; er is niets veranderd.")
    assert traject(*LAUNCH).code == 1  # nobody there to answer
    with store.read() as session:
        assert session.exec(select(Trajectory)).all() == []


def test_the_same_school_twice_is_refused_unless_it_is_meant(traject: Traject) -> None:
    assert traject(*LAUNCH, "--yes").code == 0
    second = traject(*LAUNCH, "--yes")
    assert (second.code, second.out) == (1, "")
    assert "loopt al sinds 14-09-2026" in second.err
    again = traject(*LAUNCH, "--yes", "--again", "--json")
    assert (again.code, len(again.json["trajectories"])) == (0, 1)
    assert again.json["trajectories"][0]["reference"] != REFERENCE


def test_many_schools_are_launched_from_a_file(traject: Traject, tmp_path: Path) -> None:
    rows = ["programme;school;start;coordinator;directeur;adviseur"]
    for code in ("16LF00", "16DS00"):
        people = f"N <n{code}@school.example>;D <d{code}@school.example>;Sanne <s@hart.example>"
        rows.append(f"po-nieuw;{code};2026-09-14;{people}")
    file = tmp_path / "launch.csv"
    file.write_text("\n".join(rows), encoding="utf-8")
    ran = traject("launch", "--from", str(file), "--yes")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "Gestart: po-nieuw:16DS00")
    assert len(traject("status", "--json").json) == 2


def test_a_group_programme_is_launched_for_a_group(traject: Traject) -> None:
    programme = next(p for p in traject("programmes", "list", "--json").json if p["kind"] == "group")
    roles = [f"--role={role['key']}=A <a@x.example>" for role in programme["roles"] if role["required"]]
    given = ("launch", programme["key"], "--group", "Zandvoort", "--start", "2026-09-14", *roles)
    ran = traject(*given, "--yes", "--json")
    assert (ran.code, ran.json["trajectories"][0]["reference"]) == (0, f"{programme['key']}:zandvoort")


CHANGES = {
    "hold": ("hold", REFERENCE, "intake"),
    "skip": ("skip", REFERENCE, "intake"),
    "move a step": ("move", REFERENCE, "intake", "--to", "2026-12-08 13:30"),
    "move a stage": ("move", REFERENCE, "--stage", "ambitie", "--ends", "2027-02-26"),
    "close-stage": ("close-stage", REFERENCE, "ambitie"),
    "pause": ("pause", REFERENCE),
    "cancel": ("cancel", REFERENCE),
    "hand-over": (
        "hand-over",
        REFERENCE,
        "directeur",
        "--from",
        "daan@school.example",
        "--to",
        "Els Bos <els@school.example>",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_change_is_shown_first_and_done_only_when_confirmed(case: str, running: Traject) -> None:
    command = CHANGES[case]
    before = running("status", REFERENCE, "--json").json
    dry = running(*command, "--dry-run")
    assert (dry.code, dry.out.splitlines()[-1]) == (0, "Er is niets veranderd (--dry-run).")
    assert running(*command, answer="nee\n").code == 1
    assert running("status", REFERENCE, "--json").json == before
    done = running(*command, answer="ja\n")
    assert (done.code, done.out.splitlines()[-1]) == (0, "Gedaan.")
    assert running("status", REFERENCE, "--json").json != before


def test_what_staff_decide_is_said_and_refused_in_english_on_request(running: Traject) -> None:
    said = {
        "hold": "is held until you release it.",
        "skip": "is skipped.",
        "move a step": "is moved.",
        "move a stage": "is moved.",
        "close-stage": "is closed.",
        "pause": "The trajectory stands still until you resume it.",
        "cancel": "The trajectory is stopped.",
    }
    for case, words in said.items():
        assert words in running("--lang", "en", *CHANGES[case], "--dry-run").out
    refused = {
        ("hold", REFERENCE, "nergens"): "there is no step 'nergens' in this trajectory; choose from",
        ("close-stage", REFERENCE, "nergens"): "there is no stage 'nergens' in this trajectory; choose from",
        ("release", REFERENCE, "intake"): "step 'intake' is not held",
        ("resume", REFERENCE): f"trajectory {REFERENCE} is not paused",
        ("move", REFERENCE, "intake", "--to", "2020-01-01 10:00"): "is past; choose a moment in the future",
        (
            "move",
            REFERENCE,
            "--stage",
            "ambitie",
            "--ends",
            "2020-01-01",
        ): "is past; choose a day in the future",
        ("tasks", "done", "9999"): "there is no task 9999; `traject tasks list` shows the tasks",
    }
    for command, words in refused.items():
        ran = running("--lang", "en", *command, "--yes")
        assert (ran.code, ran.out) == (1, "")
        assert words in ran.err
    running("cancel", REFERENCE, "--yes")
    assert (
        f"trajectory {REFERENCE} is stopped; it cannot become paused"
        in running("--lang", "en", "pause", REFERENCE, "--yes").err
    )


BACK = {
    "release": (("hold", REFERENCE, "intake"), ("release", REFERENCE, "intake")),
    "resume": (("pause", REFERENCE), ("resume", REFERENCE)),
    "reopen-stage": (("close-stage", REFERENCE, "ambitie"), ("reopen-stage", REFERENCE, "ambitie")),
}


@pytest.mark.parametrize("case", BACK)
def test_what_was_stopped_goes_on_and_cannot_go_on_twice(case: str, running: Traject) -> None:
    there, back = BACK[case]
    assert running(*there, "--yes").code == 0
    assert running(*back, "--yes").code == 0
    again = running(*back, "--yes")
    assert (again.code, again.out) == (1, "")
    assert again.err.count("\n") <= 2


def test_a_change_as_json_holds_before_and_after_and_who_gets_what(running: Traject) -> None:
    move = ("move", REFERENCE, "intake", "--to", "2026-12-08 13:30")
    unclear = running(*move, "--json")
    assert (unclear.code, unclear.out) == (2, "")
    dry = running(*move, "--json", "--dry-run").json
    assert (dry["done"], dry["reference"]) == (False, REFERENCE)
    moved = next(c for c in dry["changes"]["steps"] if c["after"] and c["after"]["key"] == "intake")
    assert moved["after"]["starts_at"] == "2026-12-08T13:30:00+01:00"
    assert moved["before"]["starts_at"] != moved["after"]["starts_at"]
    assert running(*move, "--json", "--yes").json["done"] is True


@pytest.fixture
def own_programmes(running: Traject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of programmes that may be changed, in use after the launch."""
    folder = tmp_path / "programmes"
    shutil.copytree(running.settings.programmes_dir, folder)
    monkeypatch.setenv("TRAJECT_PROGRAMMES_DIR", str(folder))
    return folder / "po-nieuw.yaml"


def edit(file: Path, **words: str) -> None:
    text = file.read_text(encoding="utf-8").replace("version: 1", "version: 2")
    for old, new in words.items():
        assert old in text
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


def test_a_trajectory_goes_over_to_a_new_version_when_staff_say_so(
    running: Traject, own_programmes: Path
) -> None:
    edit(own_programmes, **{"lasts: 4 maanden": "lasts: 5 maanden"})
    before = running("status", REFERENCE, "--json").json
    dry = running("migrate", REFERENCE, "2", "--dry-run", "--json").json
    assert any(c["after"]["key"] == "ambitie" for c in dry["changes"]["stages"])
    assert running("status", REFERENCE, "--json").json == before
    assert running("migrate", REFERENCE, "2", "--yes").code == 0
    assert running("status", REFERENCE, "--json").json["programme"] == "po-nieuw@2"


def test_a_version_without_the_running_stage_is_refused(running: Traject, own_programmes: Path) -> None:
    edit(own_programmes, **{"stage: ambitie": "stage: begin"})
    before = running("status", REFERENCE, "--json").json
    ran = running("migrate", REFERENCE, "--yes")
    assert (ran.code, ran.out) == (1, "")
    assert "kent de lopende fase ‘Ambitie en intake’ (ambitie) niet; sluit die fase eerst af" in ran.err
    assert running("status", REFERENCE, "--json").json == before


def test_migrating_without_a_newer_version_is_refused(running: Traject) -> None:
    ran = running("migrate", REFERENCE, "--yes")
    assert (ran.code, ran.out) == (1, "")
    assert "er is geen nieuwere" in ran.err


def test_a_task_is_listed_and_done_once(running: Traject) -> None:
    for day in ("2027-03-01", "2027-06-01"):  # the meeting is held, and what follows it is due
        running("run-once", "--now", f"{day} 10:00")
    tasks = running("tasks", "list", "--json").json
    assert {task["reference"] for task in tasks} == {REFERENCE}
    number = str(tasks[0]["id"])
    shown = running("tasks", "show", number)
    assert tasks[0]["title"] in shown.out
    assert f"Gedaan: traject tasks done {number}" in shown.out
    assert running("tasks", "show", number, "--json").json["state"] == "open"
    assert "taak 999 bestaat niet" in running("tasks", "show", "999").err
    assert running("tasks", "done", number, "--yes").code == 0
    assert "niet meer open" in running("tasks", "show", number).out
    assert number not in [str(task["id"]) for task in running("tasks", "list", "--json").json]
    assert running("tasks", "done", number, "--yes").code == 1


def test_one_mail_is_held_released_and_skipped(running: Traject) -> None:
    numbers = [str(mail["id"]) for mail in running("outbox", "list", "--json").json]
    assert numbers
    for verb, state in (("hold", "held"), ("release", "queued"), ("skip", "withdrawn")):
        assert running("outbox", verb, numbers[0], "--json").json == {"id": int(numbers[0]), "state": state}
    assert running("outbox", "release", numbers[0]).code == 1
    assert [m["id"] for m in running("outbox", "list", "--state", "withdrawn", "--json").json] == [
        int(numbers[0])
    ]


def test_a_mail_is_read_before_it_leaves(running: Traject) -> None:
    mail = running("outbox", "list", "--json").json[0]
    shown = running("outbox", "show", str(mail["id"]), "--json").json
    assert {key: shown[key] for key in ("id", "to", "subject")} == {
        key: mail[key] for key in ("id", "to", "subject")
    }
    assert shown["text"].startswith("Beste ")
    assert shown["text"] in running("outbox", "show", str(mail["id"])).out
    assert running("outbox", "show", "999").err == "er is geen mail 999\n"


def test_a_mail_from_a_file_is_stored_once(running: Traject, tmp_path: Path) -> None:
    file = tmp_path / "reply.eml"
    file.write_bytes(b"From: x@school.example\r\nTo: cmk@hart.example\r\nSubject: Vraag\r\n\r\nHallo\r\n")
    first, second = (running("inbox", "add", str(file), "--json").json for _ in range(2))
    assert first == second
    assert len(running("inbox", "list", "--json").json) == 1


def test_every_move_has_words_for_people() -> None:
    assert set(MOVES) == {move.__name__ for move in get_args(Move)}


def test_a_second_run_once_at_the_same_moment_does_nothing(running: Traject, store: Store) -> None:
    def everything() -> tuple[int, int]:
        with store.read() as session:
            return len(session.exec(select(Message)).all()), len(session.exec(select(Event)).all())

    before = everything()
    again = running("run-once", "--now", "2026-09-14 10:00", "--json")
    assert (again.json["trajectories"], everything()) == (0, before)


def test_plan_rows_and_outbox_agree_after_a_launch(running: Traject) -> None:
    assert running("reconcile").out.splitlines()[-1].startswith("✓")
    assert running("reconcile", "--json").json == []


def test_after_a_pretended_future_plan_and_rows_agree_as_of_then(running: Traject) -> None:
    for day in ("2026-10-05", "2026-11-02", "2027-01-05", "2027-02-02"):  # the first stage is overdue by then
        running("run-once", "--now", f"{day} 10:00")
    clock_behind, compared, agree = running("reconcile").out.splitlines()
    assert clock_behind == "De klok loopt achter op de database;"
    assert compared == "er is vergeleken zoals het is op di 2 feb 2027 10:00."
    assert agree.startswith("✓")


def test_what_does_not_agree_is_said_in_dutch_and_on_request_in_english(
    running: Traject, store: Store
) -> None:
    with store.write() as session:
        trajectory = session.exec(select(Trajectory)).one()
        assert trajectory.next_due_at is not None
        trajectory.next_due_at -= timedelta(days=100)
    assert f"✗ {REFERENCE}: er had al iets moeten gebeuren" in running("reconcile").out
    english = running("--lang", "en", "reconcile")
    assert f"✗ {REFERENCE}: something should have happened by now" in english.out
    [found] = running("--lang", "en", "reconcile", "--json").json
    assert (found["code"], found["sentence"]) == (
        "late",
        "something should have happened by now; does the heartbeat run? `traject doctor` tells",
    )


SHOWING = [
    ("schools", "list"),
    ("programmes", "list"),
    ("programmes", "check"),
    ("preview", "po-nieuw", "--school", "16LF00", "--start", "2026-09-14"),
    ("status",),
    ("status", REFERENCE),
    ("upcoming", "--days", "400"),
    ("tasks", "list"),
    ("outbox", "list"),
    ("inbox", "list"),
    ("init",),
    ("reconcile",),
]


def test_what_is_shown_fits_80_columns_has_no_colours_and_is_also_json(running: Traject) -> None:
    for command in SHOWING:
        for language in ("nl", "en"):
            shown = running("--lang", language, *command)
            assert (shown.code, shown.err) == (0, "")
            assert "\x1b" not in shown.out
            if command[0] not in ("programmes", "init"):  # these hold paths and sentences of any length
                assert max(map(len, shown.out.splitlines())) <= 80
        as_json = running(*command, "--json")
        assert (as_json.code, as_json.err) == (0, "")
        json.loads(as_json.out)


def test_english_is_spoken_on_request(traject: Traject, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ("preview", "po-nieuw", "--school", "16LF00", "--start", "2026-09-14")
    assert "Mon 14 Sep 2026 09:00" in traject("--lang", "en", *command).out
    assert "Missing" not in traject("--help").out
    assert "begeleidt de meerjarige trajecten" in traject("--help").out
    monkeypatch.setenv("TRAJECT_LANGUAGE", "en")
    assert "Mon 14 Sep 2026 09:00" in traject(*command).out
    assert "runs the multi-year trajectories" in traject("--help").out


def test_what_comes_is_told_in_order_with_who_it_is_for(running: Traject) -> None:
    coming = running("--lang", "en", "upcoming", "--days", "400", "--json").json
    assert [one["at"] for one in coming] == sorted(one["at"] for one in coming)
    intake = [one for one in coming if one["key"] == "intake"]
    assert [one["what"] for one in intake] == ["invite", "hold"]
    assert intake[0]["to"] == ["culture coordinator", "head", "adviser of Hart"]
    running("hold", REFERENCE, "intake", "--yes")
    held = [one for one in running("upcoming", "--days", "400", "--json").json if one["on_hold"]]
    assert {one["key"] for one in held} == {"intake"}
    running("pause", REFERENCE, "--yes")
    assert running("upcoming", "--days", "400", "--json").json == []


def test_schools_are_imported_from_duos_list_and_others_only_when_asked(
    traject: Traject, store: Store, tmp_path: Path
) -> None:
    header = "VESTIGINGSCODE;VESTIGINGSNAAM;GEMEENTENAAM;PLAATSNAAM"
    file = tmp_path / "02.csv"
    file.write_bytes(
        f"{header}\r\n99ZZ00;Nieuw;HAARLEM;HAARLEM\r\n05OC00;’t Kompas;AA EN HUNZE;EEXT\r\n".encode("cp1252")
    )
    dry = traject("schools", "import", str(file), "--dry-run", "--json").json
    assert (dry["added"], dry["left_out"]) == (["99ZZ00"], 1)
    assert "1 scholen buiten Haarlem, Heemstede, Zandvoort" in traject("schools", "import", str(file)).out
    assert traject("schools", "import", str(file), "--all", "--json").json["added"] == ["05OC00"]
    with store.read() as session:
        assert len(session.exec(select(School)).all()) == 85


def test_years_are_simulated_and_counted(
    monkeypatch: pytest.MonkeyPatch, sqlite_url: str, tmp_path: Path
) -> None:
    traject = with_settings(monkeypatch, Settings(database_url=sqlite_url, var_dir=tmp_path / "var"))
    ran = traject("simulate", "--schools", "1", "--years", "1", "--seed", "7", "--json")
    assert (ran.code, ran.err) == (0, "")
    report = ran.json
    assert (report["schools"], report["years"], report["seed"]) == (1, 1, 7)
    assert (report["duplicates"], report["lost"], report["schools_without_evaluation"]) == (0, 0, 0)
    assert report["evaluations"]["2026-2027"]["asked"] > 0
    assert report["mails"]["welcome"] > 0
