"""Every setting of Traject, in one class; each is an environment variable `TRAJECT_<NAME>`."""

import difflib
import os
import re
import secrets
import sys
from collections.abc import Iterator, Mapping
from email.utils import getaddresses, parseaddr
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from traject.errors import SettingsError, WrongSetting
from traject.mailbox_address import check_mailbox_url, check_oauth_provider, check_token_url

PREFIX = "TRAJECT_"


def database_address(url: str) -> str:
    """The URL with the driver that Traject uses; ValueError says what it must be."""
    try:
        driver = make_url(url).get_backend_name()
    except ArgumentError:
        driver = ""
    if driver not in ("sqlite", "postgresql"):
        raise WrongSetting(
            "moet sqlite:///BESTAND of postgresql://NAAM:WACHTWOORD@SERVER/DATABASE zijn",
            "must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME",
        )
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _smtp(url: str | None) -> str | None:
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps", "smtp+starttls") or not parts.hostname or not _has_port(url):
        raise WrongSetting(
            "moet smtp://SERVER:POORT, smtp+starttls://NAAM:WACHTWOORD@SERVER:587 of "
            "smtps://NAAM:WACHTWOORD@SERVER:465 zijn",
            "must be smtp://HOST:PORT, smtp+starttls://USER:PASSWORD@HOST:587 or smtps://USER:PASSWORD@HOST:465",
        )
    return url


def _has_port(url: str) -> bool:
    """Whether the port of an address is one, or none is named."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _address(text: str) -> str:
    found = getaddresses([text])
    try:
        # One address: of two, or of a name with a comma and no quotes, mail would come from somebody else.
        validate_email(
            found[0][1] if len(found) == 1 else text, check_deliverability=False, test_environment=True
        )
    except EmailNotValidError as error:
        example = '"Hart <cmk@hart.example>"'
        raise WrongSetting(
            f"moet zijn zoals {example}: {error}", f"must be like {example}: {error}"
        ) from error
    return text


def _base(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise WrongSetting(
            "moet het adres zijn dat deelnemers kunnen bereiken, zoals https://traject.example",
            "must be the address that participants can reach, like https://traject.example",
        )
    return url.rstrip("/")


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise WrongSetting(
            "moet een map met programma's zijn, en die is er niet",
            "must be a folder with programmes, and there is none",
        )
    return path


def _portal_here(given: Mapping[str, Any]) -> str:
    """The portal that `traject up` starts, from the settings that were right."""
    host = given.get("host", "127.0.0.1")
    return f"http://{f'[{host}]' if ':' in host else host}:{given.get('portal_port', 8080)}"


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise WrongSetting(
            f"{name!r} is geen tijdzone; schrijf een naam als Europe/Amsterdam",
            f"{name!r} is not a time zone; use a name like Europe/Amsterdam",
        )
    return name


class Settings(BaseSettings):
    """What can be set. The defaults run everything on this machine, without any other service."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    database_url: Annotated[str, AfterValidator(database_address)] = Field(
        default="sqlite:///var/traject.db", description="SQLite file or PostgreSQL database of Traject"
    )
    smtp_url: Annotated[str | None, AfterValidator(_smtp)] = Field(
        default=None,
        description="mail server, as smtp://, smtp+starttls:// or smtps://; empty: the local mailbox under var/mail",
    )
    mailbox_url: Annotated[str | None, AfterValidator(check_mailbox_url)] = Field(
        default=None,
        description="mailbox that answers come back to, only read: imaps://USER:PASSWORD@HOST/INBOX, imap+starttls://…, "
        "maildir:///FOLDER, or folder:///FOLDER with .eml files; empty: none is read",
    )
    oauth_client_id: str = Field(
        default="", description="id of the app that may open the mailbox with a token"
    )
    oauth_client_secret: str = Field(
        default="",
        description="secret of that app; with Microsoft and without a refresh token it is all that is needed",
    )
    oauth_refresh_token: str = Field(
        default="",
        description="what a person who signed in gave the app; its successors are kept under TRAJECT_VAR_DIR",
    )
    oauth_tenant: str = Field(
        default="", description="Microsoft's name or id of your organisation, the directory id"
    )
    oauth_token_url: Annotated[str, AfterValidator(check_token_url)] = Field(
        default="", description="where tokens are asked; empty: the provider's own address"
    )
    oauth_provider: Annotated[str, AfterValidator(check_oauth_provider)] = Field(
        default="",
        pattern="^(|microsoft|google)$",
        description="microsoft or google: open the mailbox with a token instead of a password; empty: with the password",
    )
    mail_from: Annotated[str, AfterValidator(_address)] = Field(
        default="Hart Cultuureducatie <cmk@hart.example>",
        validation_alias="TRAJECT_FROM",
        description="sender of every mail; replies and bounces come back to tagged forms of this address",
    )
    secret_key: str = Field(
        default="",
        description="makes the tags in reply and bounce addresses unguessable; empty: made once, kept in var/secret-key",
    )
    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        default="Europe/Amsterdam", description="the local time of the programmes"
    )
    language: str = Field(
        default="nl", pattern="^(nl|en)$", description="language of the command line: nl or en"
    )
    mail_provider: str = Field(
        default="",
        pattern="^(|exchange-online|google-workspace|own-server)$",
        description="who sends, and so how fast it may go: exchange-online, google-workspace or own-server; empty: no limit",
    )
    mail_per_minute: int | None = Field(
        default=None,
        ge=0,
        description="most mails a minute over all workers; empty: as the provider allows, 0: as fast as the server takes them",
    )
    mail_per_day: int | None = Field(
        default=None,
        ge=0,
        description="most mails in 24 hours over all workers; empty: as the provider allows, 0: no limit",
    )
    mail_per_domain: int | None = Field(
        default=None,
        ge=0,
        description="most mails a minute to one receiving domain; empty: as suits the provider, 0: no limit",
    )
    dkim_selector: str = Field(
        default="",
        pattern="^[A-Za-z0-9._-]*$",
        description="name of the mail server's DKIM key, which `traject doctor` then looks up; empty: the provider's usual one",
    )
    smtp_connections: int = Field(
        default=4, ge=1, le=50, description="connections to the mail server at once"
    )
    retention_years: int = Field(
        default=5,
        ge=1,
        description="years after the programme that mails and the privacy page name as the time personal data is kept",
    )
    programmes_dir: Annotated[Path, AfterValidator(_folder)] = Field(
        default=Path(__file__).parent.parent / "programmes", description="folder of programme files"
    )
    var_dir: Path = Field(
        default=Path("var"), description="folder for the database, mail, logs and Prefect's state"
    )
    host: str = Field(default="127.0.0.1", description="address that every server binds to")
    portal_port: int = Field(default=8080, ge=1, le=65535, description="port of the portal")
    base_url: Annotated[str, AfterValidator(_base)] = Field(
        default_factory=lambda given: _portal_here(given),
        description="where participants reach the portal; links in mails start with it; empty: the portal on this machine",
    )
    prefect_port: int = Field(default=4200, ge=1, le=65535, description="port of the Prefect server")
    mailbox_port: int = Field(default=2525, ge=1, le=65535, description="port of the local mailbox")

    @property
    def mail_url(self) -> str:
        """The mail server in use: the one that was set, or the local mailbox."""
        return self.smtp_url or f"smtp://{self.host}:{self.mailbox_port}"

    @property
    def sender(self) -> tuple[str, str]:
        """The name and the address that mail comes from."""
        return _name_and_address(self.mail_from)

    @property
    def prefect_api_url(self) -> str:
        """Where Prefect's API is: PREFECT_API_URL when it is set, else the server that `traject up` starts."""
        return os.environ.get("PREFECT_API_URL") or f"http://{self.host}:{self.prefect_port}/api"

    @property
    def prefect_login(self) -> tuple[str, str] | None:
        """The name and password that Prefect's API asks for, when PREFECT_SERVER_API_AUTH_STRING sets them."""
        name, colon, password = os.environ.get("PREFECT_SERVER_API_AUTH_STRING", "").partition(":")
        return (name, password) if colon else None

    @property
    def zone(self) -> ZoneInfo:
        """The time zone, ready for use."""
        return ZoneInfo(self.timezone)

    @cached_property
    def key(self) -> bytes:
        """The secret key, made once and kept when it was not set."""
        if self.secret_key:
            return self.secret_key.encode()
        file = self.var_dir / "secret-key"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as made:
                made.write(secrets.token_hex(32))
        return file.read_text().strip().encode()


_name_and_address = lru_cache(maxsize=16)(parseaddr)


def load_settings() -> Settings:
    """Read the environment. SettingsError names each wrong variable, what is wrong and what it must be.

    A variable whose name was mistyped is one too: what it should have set would silently be as if it was never set.
    """
    lines = list(_mistyped(os.environ))
    try:
        read = Settings()
    except ValidationError as error:
        for problem in error.errors():
            if problem["type"] == "default_factory_not_called":
                continue  # It only follows from another one.
            name = str(problem["loc"][0]).upper()
            name = name if name.startswith("TRAJECT_") else f"TRAJECT_{name}"
            now = re.sub(r"(://[^:/]*):.*@", r"\1:***@", repr(problem["input"]))  # no password on a screen
            dutch, english = _what_is_wrong(problem)
            lines.append((f"{name}: {dutch} (nu: {now})", f"{name}: {english} (now: {now})"))
        raise _settings_error(lines) from error
    if lines:
        raise _settings_error(lines)
    return read


def _settings_error(lines: list[tuple[str, str]]) -> SettingsError:
    return SettingsError(*("\n".join(said) for said in zip(*lines, strict=True)))


def _mistyped(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What to say of each variable that is nearly one of ours."""
    ours = [_variable(name) for name in Settings.model_fields]
    short = [name.removeprefix(PREFIX) for name in ours]
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in ours:
            continue
        for meant in difflib.get_close_matches(name.removeprefix(PREFIX), short, n=1, cutoff=0.78):
            yield (
                f"{name}: die instelling bestaat niet; bedoel je {PREFIX}{meant}?",
                f"{name}: there is no such setting; did you mean {PREFIX}{meant}?",
            )


def _variable(field: str) -> str:
    return str(Settings.model_fields[field].validation_alias or f"{PREFIX}{field.upper()}")


_DUTCH = {
    "greater_than_equal": "moet {ge} of meer zijn",
    "less_than_equal": "moet {le} of minder zijn",
    "int_parsing": "moet een heel getal zijn",
    "literal_error": "moet {expected} zijn",
    "string_pattern_mismatch": "moet passen bij {pattern}",
}


def _what_is_wrong(problem: ErrorDetails) -> tuple[str, str]:
    """What one setting must be, in Dutch and in English."""
    given = problem.get("ctx", {})
    wrong = given.get("error")
    if isinstance(wrong, WrongSetting):
        return wrong.dutch, wrong.english
    choices = re.fullmatch(r"\^\(([^()]+)\)\$", str(given.get("pattern", "")))
    if choices:
        *others, last = [choice or "''" for choice in choices[1].split("|")]
        return f"moet {', '.join(others)} of {last} zijn", f"must be {', '.join(others)} or {last}"
    english = problem["msg"].removeprefix("Value error, ")
    dutch = _DUTCH[problem["type"]].format(**given) if problem["type"] in _DUTCH else english
    return dutch.replace(" or ", " of "), english


def settings_table() -> str:
    """Every setting with its default, as the Markdown table of README.md; `python -m traject.settings` prints it."""
    return "\n".join(["| variable | default | what it is |", "|---|---|---|", *_table_lines()])


def _table_lines() -> Iterator[str]:
    root = Path(__file__).parent.parent
    for name, field in Settings.model_fields.items():
        variable = _variable(name)
        default = field.default if field.default_factory is None else None
        if isinstance(default, Path) and default.is_relative_to(root):
            default = default.relative_to(root)
        yield f"| `{variable}` | {'' if default in (None, '') else f'`{default}`'} | {field.description} |"


if __name__ == "__main__":
    sys.stdout.write(settings_table() + "\n")
