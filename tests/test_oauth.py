"""Tokens for a mailbox: asked of a real server over HTTP, kept until a minute before they expire."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from commands import with_settings
from imap_server import Tokens, serving_tokens

from traject import oauth
from traject.errors import SettingsError
from traject.mailbox_address import mailbox_address
from traject.mailbox_error import MailboxError, Trouble
from traject.oauth import access_token
from traject.settings import Settings, load_settings

SOON = timedelta(seconds=5)
APP = {
    "TRAJECT_MAILBOX_URL": "imaps://cmk%40hart.example@outlook.office365.com/INBOX",
    "TRAJECT_OAUTH_PROVIDER": "microsoft",
    "TRAJECT_OAUTH_CLIENT_ID": "app",
    "TRAJECT_OAUTH_CLIENT_SECRET": "the secret",
    "TRAJECT_OAUTH_TENANT": "hart.example",
}
PERSON = APP | {"TRAJECT_OAUTH_REFRESH_TOKEN": "first"}
GOOGLE = PERSON | {"TRAJECT_OAUTH_PROVIDER": "google", "TRAJECT_OAUTH_TENANT": ""}


@pytest.fixture
def tokens() -> Iterator[Tokens]:
    with serving_tokens() as serving:
        yield serving


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth, "_kept", {})


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tokens: Tokens) -> Any:
    """The settings as they come from the environment."""

    def make(given: dict[str, str]) -> Settings:
        for name, value in (given | {"TRAJECT_OAUTH_TOKEN_URL": tokens.url}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("TRAJECT_VAR_DIR", str(tmp_path))
        return load_settings()

    return make


def kept(folder: Path) -> Path:
    return folder / "oauth-refresh-token"


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        (APP, {"grant_type": "client_credentials", "scope": "https://outlook.office365.com/.default"}),
        (
            PERSON,
            {
                "grant_type": "refresh_token",
                "refresh_token": "first",
                "scope": "https://outlook.office365.com/IMAP.AccessAsUser.All offline_access",
            },
        ),
        (GOOGLE, {"grant_type": "refresh_token", "refresh_token": "first"}),
    ],
    ids=["microsoft-app", "microsoft-person", "google"],
)
def test_each_provider_is_asked_in_its_own_words(
    made: Any, tokens: Tokens, now: datetime, given: dict[str, str], asked: dict[str, str]
):
    access_token(made(given), now, timeout=SOON)
    assert tokens.asked == [{"client_id": "app", "client_secret": "the secret", **asked}]


def test_the_addresses_of_the_providers() -> None:
    assert oauth._MICROSOFT.format(tenant="hart.example") == (
        "https://login.microsoftonline.com/hart.example/oauth2/v2.0/token"
    )
    assert oauth._GOOGLE == "https://oauth2.googleapis.com/token"


@pytest.mark.parametrize(
    ("lasts", "after", "asked"),
    [
        (3600, timedelta(minutes=58, seconds=59), 1),
        (3600, timedelta(minutes=59), 2),
        ("300", timedelta(minutes=3), 1),
        ("300", timedelta(minutes=4), 2),
        (None, timedelta(minutes=58), 1),
        (30, timedelta(0), 2),
    ],
)
def test_a_token_is_kept_until_a_minute_before_it_expires(
    made: Any, tokens: Tokens, now: datetime, lasts: Any, after: timedelta, asked: int
):
    config = made(APP)
    tokens.answers = [(200, {"access_token": "one", "expires_in": lasts}), (200, {"access_token": "two"})]
    assert access_token(config, now, timeout=SOON) == "one"
    assert access_token(config, now + after, timeout=SOON) == ("one" if asked == 1 else "two")
    assert len(tokens.asked) == asked


def test_a_new_refresh_token_is_kept_where_only_we_can_read_it_and_used_from_then_on(
    made: Any, tokens: Tokens, now: datetime, tmp_path: Path
):
    config = made(PERSON)
    tokens.answers = [
        (200, {"access_token": "one", "expires_in": 60, "refresh_token": "second"}),
        (200, {"access_token": "two", "expires_in": 60, "refresh_token": "third"}),
        (200, {"access_token": "three", "expires_in": 60}),
    ]
    assert [access_token(config, now, timeout=SOON) for _ in range(3)] == ["one", "two", "three"]
    assert [asked["refresh_token"] for asked in tokens.asked] == ["first", "second", "third"]
    assert kept(tmp_path).stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["oauth-refresh-token"]


def test_another_refresh_token_in_the_settings_begins_anew(
    made: Any, tokens: Tokens, now: datetime, tmp_path: Path
):
    tokens.answers = [(200, {"access_token": "one", "refresh_token": "second"})]
    access_token(made(PERSON), now, timeout=SOON)
    access_token(made(PERSON | {"TRAJECT_OAUTH_REFRESH_TOKEN": "other"}), now, timeout=SOON)
    assert [asked["refresh_token"] for asked in tokens.asked] == ["first", "other"]


def test_when_the_kept_one_is_spent_the_one_that_was_set_is_tried(made: Any, tokens: Tokens, now: datetime):
    config = made(PERSON)
    tokens.answers = [
        (200, {"access_token": "one", "expires_in": 60, "refresh_token": "second"}),
        (400, {"error": "invalid_grant"}),
        (200, {"access_token": "two"}),
    ]
    access_token(config, now, timeout=SOON)
    assert access_token(config, now, timeout=SOON) == "two"
    assert [asked["refresh_token"] for asked in tokens.asked] == ["first", "second", "first"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"of": 3}', "null"])
def test_a_broken_file_is_as_none(made: Any, tokens: Tokens, now: datetime, tmp_path: Path, content: str):
    kept(tmp_path).write_text(content)
    access_token(made(PERSON), now, timeout=SOON)
    assert tokens.asked[0]["refresh_token"] == "first"


@pytest.mark.parametrize(
    ("status", "body", "trouble"),
    [
        (400, {"error": "invalid_grant", "error_description": "AADSTS70008: expired"}, Trouble.TOKEN),
        (401, {"error": "invalid_client", "error_description": "AADSTS7000222: secret"}, Trouble.TOKEN),
        (400, {"error": "temporarily_unavailable"}, Trouble.UNREACHABLE),
        (429, {"error": "too_many"}, Trouble.UNREACHABLE),
        (503, b"<html>busy</html>", Trouble.UNREACHABLE),
        (200, b"<html>a page of the network</html>", Trouble.UNREACHABLE),
        (200, {"token": "no such"}, Trouble.UNREACHABLE),
        (200, [1], Trouble.UNREACHABLE),
    ],
)
def test_what_is_refused_for_good_wants_a_person_and_the_rest_passes(
    made: Any, tokens: Tokens, now: datetime, status: int, body: Any, trouble: Trouble
):
    config = made(PERSON)
    tokens.answers = [(status, body)]
    with pytest.raises(MailboxError) as raised:
        access_token(config, now, timeout=SOON)
    assert raised.value.trouble is trouble
    said = f"{raised.value} {raised.value.detail}"
    assert not re.search("the secret|first", said), "no secret in a sentence"
    assert trouble is Trouble.UNREACHABLE or body["error"] in said
    assert access_token(config, now, timeout=SOON), "the next time it may be well"


def test_a_server_of_tokens_that_is_not_there_is_unreachable(made: Any, tokens: Tokens, now: datetime):
    config = made(APP).model_copy(update={"oauth_token_url": "http://127.0.0.1:1/token"})
    with pytest.raises(MailboxError) as raised:
        access_token(config, now, timeout=SOON)
    assert raised.value.trouble is Trouble.UNREACHABLE


# The settings


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (APP | {"TRAJECT_OAUTH_CLIENT_SECRET": ""}, "needs TRAJECT_OAUTH_CLIENT_SECRET too"),
        (APP | {"TRAJECT_OAUTH_TENANT": ""}, "needs TRAJECT_OAUTH_TENANT too"),
        (
            GOOGLE | {"TRAJECT_OAUTH_REFRESH_TOKEN": "", "TRAJECT_OAUTH_CLIENT_ID": ""},
            "needs TRAJECT_OAUTH_CLIENT_ID and TRAJECT_OAUTH_REFRESH_TOKEN too",
        ),
        (APP | {"TRAJECT_MAILBOX_URL": "folder:///mails"}, "set TRAJECT_MAILBOX_URL to imaps://"),
        (APP | {"TRAJECT_MAILBOX_URL": ""}, "set TRAJECT_MAILBOX_URL to imaps://"),
        (APP | {"TRAJECT_OAUTH_PROVIDER": "yahoo"}, "TRAJECT_OAUTH_PROVIDER"),
        (APP | {"TRAJECT_OAUTH_TOKEN_URL": "http://tokens.example/"}, "a secret is sent there"),
        ({"TRAJECT_MAILBOX_URL": "imap://cmk:geheim@mail.example/INBOX"}, "readable over the network"),
        ({"TRAJECT_MAILBOX_URL": "imaps://mail.example/INBOX"}, "imaps://USER:PASSWORD@HOST/INBOX"),
        ({"TRAJECT_MAILBOX_URL": "imaps://cmk:geheim@mail.example:poort/"}, "imaps://USER:PASSWORD@HOST"),
        ({"TRAJECT_MAILBOX_URL": "imaps://cmk:ge#heim@mail.example/"}, "%23"),
        ({"TRAJECT_MAILBOX_URL": "pop3://cmk:geheim@mail.example/"}, "imaps://USER:PASSWORD@HOST"),
        ({"TRAJECT_MAILBOX_URL": "maildir://mails"}, "three slashes"),
    ],
)
def test_what_is_missing_or_wrong_is_named_without_a_password(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], said: str
):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    english = raised.value.in_language("en")
    assert said in english
    assert not re.search("ge#?heim|the secret", f"{raised.value}{english}")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("imaps://cmk%40hart.nl:p%2F%40ss@mail.hart.nl", "imaps://cmk@hart.nl@mail.hart.nl/INBOX"),
        ("imap+starttls://a:b@mail.hart.nl:144/Post/In", "imap+starttls://a@mail.hart.nl:144/Post/In"),
        ("imap://a:b@[::1]/INBOX", "imap://a@[::1]/INBOX"),
        ("maildir:///var/mail/post%20in", "maildir:///var/mail/post in"),
    ],
)
def test_a_mailbox_is_known_by_its_address_without_the_password(url: str, name: str):
    assert mailbox_address(url).name == name


def test_a_wrong_setting_reaches_a_person_as_one_sentence(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
):
    run = with_settings(monkeypatch, settings, TRAJECT_MAILBOX_URL="imap://cmk:geheim@mail.example/INBOX")
    ran = run("inbox", "read")
    assert ran.code == 1
    assert ran.err.startswith("TRAJECT_MAILBOX_URL: imap:// stuurt het wachtwoord leesbaar over het netwerk")
    assert "geheim" not in ran.err
