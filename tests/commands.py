"""Running `traject` in a test as it is typed, on a database of the test's own."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from typer.testing import CliRunner

from traject.cli import app
from traject.settings import Settings

ROLES = (
    "--role=coordinator=Noor Visser <noor@school.example>",
    "--role=directeur=Daan Smit <daan@school.example>",
    "--role=adviseur=Sanne de Vries <sanne@hart.example>",
)
LAUNCH = ("launch", "po-nieuw", "--school", "16LF00", "--start", "2026-09-14", *ROLES)


@dataclass(frozen=True)
class Ran:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it gave to a machine; fails when anything else stands on the output."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Traject:
    """The command line, with settings for one test."""

    settings: Settings

    def __call__(self, *args: str, answer: str = "") -> Ran:
        """Run it, with what is typed when it asks."""
        result = CliRunner().invoke(app, list(args), input=answer)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)


def with_settings(monkeypatch: pytest.MonkeyPatch, settings: Settings, **more: str) -> Traject:
    """The command line for these settings, through the environment, as in real life."""
    given = {
        "TRAJECT_DATABASE_URL": settings.database_url,
        "TRAJECT_VAR_DIR": str(settings.var_dir),
        "TRAJECT_SECRET_KEY": "a key for tests",
        "TRAJECT_BASE_URL": settings.base_url,
        "TRAJECT_SMTP_URL": "smtp://127.0.0.1:1",  # nothing listens there
        "TRAJECT_PREFECT_PORT": "1",
        "TRAJECT_LANGUAGE": "",
        "PREFECT_SERVER_API_AUTH_STRING": "",
    }
    for name, value in (given | more).items():
        monkeypatch.setenv(name, value)
    return Traject(settings)
