"""The doctor: every part, well and ill, each illness with its remedy."""

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from commands import with_settings
from smtp_faults import Post, serving

from traject import clock
from traject import compose as composing
from traject.doctor import Check, examine
from traject.settings import Settings
from traject.setup import initialise
from traject.store import Store

PROGRAMMES = Path(__file__).parent.parent / "programmes"


@pytest.fixture
def present() -> datetime:
    """Files carry the real time, so here the clock is the real one."""
    return clock.now()


def part(checks: list[Check], name: str) -> Check:
    return next(check for check in checks if check.part == name)


@pytest.fixture
def prefect() -> Iterator[Callable[[dict[str, bytes]], int]]:
    """A stand-in for Prefect's API: what it answers by path; other paths do not exist."""
    servers: list[ThreadingHTTPServer] = []

    def serve(answers: dict[str, bytes]) -> int:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = next((body for path, body in answers.items() if self.path.startswith(path)), None)
                self.send_response(200 if body is not None else 404)
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server.server_address[1]

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


WELL = {
    "/api/health": b"true",
    "/api/deployments/name/": b"{}",
    "/api/work_pools/traject": b'{"status": "READY"}',
}


def test_everything_works_and_the_doctor_says_so(
    settings: Settings,
    present: datetime,
    prefect: Callable[[dict[str, bytes]], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    initialise(settings, present)
    with serving(Post()) as post:
        traject = with_settings(
            monkeypatch,
            settings,
            TRAJECT_SMTP_URL=f"smtp://127.0.0.1:{post.port}",
            TRAJECT_PREFECT_PORT=str(prefect(WELL)),
        )
        shown = traject("doctor")
        parts = [(check["part"], check["ok"]) for check in traject("doctor", "--json").json]
    names = (
        "programmes",
        "templates",
        "disk",
        "database",
        "clock",
        "smtp",
        "mailbox",
        "agendas",
        "prefect",
        "dns",
    )
    assert parts == [(name, True) for name in names]
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.count("✓") == 10


def test_a_mail_server_that_refuses_us_is_found(settings: Settings, present: datetime) -> None:
    with serving(Post(greeting="554 5.7.1 not you")) as post:
        ill = settings.model_copy(update={"smtp_url": f"smtp://user:secret@127.0.0.1:{post.port}"})
        found = part(examine(ill, present), "smtp")
    assert (found.is_ok, "554" in found.found.nl, "secret" in found.found.nl) == (False, True, False)


def test_each_part_that_does_not_work_is_named_with_a_remedy(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "kapot").mkdir()
    (tmp_path / "kapot" / "x.yaml").write_text("programme: x\n", encoding="utf-8")
    traject = with_settings(
        monkeypatch,
        settings,
        TRAJECT_PROGRAMMES_DIR=str(tmp_path / "kapot"),
        TRAJECT_DATABASE_URL=f"sqlite:///{tmp_path / 'none.db'}",
    )
    ran = traject("doctor", "--json")
    ill = {check["part"]: check for check in ran.json if not check["ok"]}
    assert ran.code == 1
    assert set(ill) == {"programmes", "database", "clock", "smtp", "prefect"}
    assert "x.yaml:1: " in ill["programmes"]["found"]
    assert ill["database"]["remedy"] == "voer `traject init` uit"
    assert "TRAJECT_SMTP_URL" in ill["smtp"]["remedy"]
    assert "traject up" in ill["prefect"]["remedy"]
    assert all(check["remedy"] for check in ill.values())
    assert not (tmp_path / "none.db").exists()
    assert traject("--lang", "en", "doctor").out.count("✗") == 5


def test_a_database_without_this_versions_tables_or_with_newer_ones_is_ill(
    settings: Settings, store: Store, present: datetime
) -> None:
    assert part(examine(settings, present), "database").is_ok
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    newer = part(examine(settings, present), "database")
    assert (newer.is_ok, newer.remedy.nl) == (False, "werk Traject bij")
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM alembic_version")
    assert part(examine(settings, present), "database").remedy.nl == "voer `traject init` uit"


def test_a_clock_that_is_behind_is_found(settings: Settings, present: datetime) -> None:
    initialise(settings, present)
    behind = part(examine(settings, present - timedelta(days=1)), "clock")
    assert not behind.is_ok
    assert "NTP" in behind.remedy.nl
    assert part(examine(settings, present), "clock").is_ok


def test_a_clock_that_is_ahead_of_the_database_server_is_found(
    postgres_database: str, settings: Settings, present: datetime
) -> None:
    on_a_server = settings.model_copy(update={"database_url": postgres_database})
    ahead = part(examine(on_a_server, present + timedelta(hours=1)), "clock")
    assert (ahead.is_ok, "de databaseserver loopt achter" in ahead.found.nl) == (False, True)


PREFECTS = {
    "a deployment is missing": (
        {path: body for path, body in WELL.items() if "deployments" not in path},
        "niet uitgerold: ",
    ),
    "no worker": (WELL | {"/api/work_pools/traject": b'{"status": "NOT_READY"}'}, "geen worker aan het werk"),
    "no pool": (
        {path: body for path, body in WELL.items() if "work_pools" not in path},
        "geen worker aan het werk",
    ),
    "another server": ({"/api/nothing": b""}, "antwoordt 404"),
}


@pytest.mark.parametrize("case", PREFECTS)
def test_a_prefect_that_cannot_work_is_found(
    case: str,
    sqlite_url: str,
    tmp_path: Path,
    present: datetime,
    prefect: Callable[[dict[str, bytes]], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers, expected = PREFECTS[case]
    (tmp_path / "prefect.yaml").write_text("deployments: [{name: heartbeat}]\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    settings = Settings(
        database_url=sqlite_url, var_dir=tmp_path, prefect_port=prefect(answers), programmes_dir=PROGRAMMES
    )
    found = part(examine(settings, present), "prefect")
    assert (found.is_ok, expected in found.found.nl) == (False, True)
    assert found.remedy.nl


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ("{{ nobody_knows_this }}", "nl/notice/body.txt"),
        ("{% if %}", "nl/notice/body.txt:1"),
        (None, "nl/notice/body.txt"),
    ],
    ids=["a missing value", "wrong syntax", "no file"],
)
def test_a_broken_template_is_found(
    broken: str | None,
    expected: str,
    sqlite_url: str,
    tmp_path: Path,
    present: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "emails"
    shutil.copytree(composing.TEMPLATES, folder)
    file = folder / "nl" / "notice" / "body.txt"
    file.write_text(broken, encoding="utf-8") if broken else file.unlink()
    monkeypatch.setattr(composing, "TEMPLATES", folder)
    _forget_templates()
    try:
        found = part(examine(Settings(database_url=sqlite_url, var_dir=tmp_path), present), "templates")
    finally:
        _forget_templates()
    assert (found.is_ok, expected in found.found.nl) == (False, True)


def _forget_templates() -> None:
    composing._environment.cache_clear()
    composing._templates.cache_clear()
