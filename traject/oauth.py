"""Which token opens the mailbox: asked of Microsoft or Google, kept until a minute before it expires.

The refresh token that was set is only the first: its successors (Microsoft gives a new one with each token) are kept in
one file under `TRAJECT_VAR_DIR` that nobody else can read. Not in the database, because a backup of that travels; each
machine has its own chain, as an older refresh token stays good until it was not used for months. Setting another one
begins anew. RFC 6749 §4.4 (client credentials) and §6 (refresh).
"""

import hashlib
import json
import os
import re
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from traject.mailbox_error import MailboxError, Trouble
from traject.settings import Settings

EARLY = timedelta(minutes=1)
"""So long before it expires a token is no longer used."""

_USUAL = 3600
"""Seconds that a token lasts when the answer does not say (RFC 6749 §5.1)."""

_MICROSOFT = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
_GOOGLE = "https://oauth2.googleapis.com/token"
_APP_SCOPE = "https://outlook.office365.com/.default"
_PERSON_SCOPE = "https://outlook.office365.com/IMAP.AccessAsUser.All offline_access"


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    expires_at: datetime


_kept: dict[str, _Token] = {}
"""The tokens of this process, by whom they are for."""


def access_token(settings: Settings, now: datetime, *, timeout: timedelta) -> str:
    """A token for the mailbox that is good at `now`. MailboxError when none is given, with whose fault it is."""
    kept = _kept.get(_whose(settings))
    if kept and now < kept.expires_at - EARLY:
        return kept.value
    given = None
    if settings.oauth_refresh_token:
        for refresh_token in filter(None, (_successor(settings), settings.oauth_refresh_token)):
            try:
                given = _ask(settings, refresh_token, timeout)
                break
            except MailboxError as error:
                # The successor may be spent while the one that was set, perhaps by a restore of settings, is not.
                if error.trouble is not Trouble.TOKEN or refresh_token == settings.oauth_refresh_token:
                    raise
    given = given or _ask(settings, "", timeout)
    if (successor := given.get("refresh_token")) and settings.oauth_refresh_token:
        _keep_successor(settings, str(successor))
    token = _Token(str(given["access_token"]), now + timedelta(seconds=_seconds(given.get("expires_in"))))
    _kept[_whose(settings)] = token
    return token.value


def forget(settings: Settings) -> None:
    """Drop the token that is kept, because the mailbox refused it."""
    _kept.pop(_whose(settings), None)


def _ask(settings: Settings, refresh_token: str, timeout: timedelta) -> dict[str, Any]:
    url = settings.oauth_token_url or (
        _MICROSOFT.format(tenant=settings.oauth_tenant) if settings.oauth_provider == "microsoft" else _GOOGLE
    )
    asked = {"client_id": settings.oauth_client_id, "client_secret": settings.oauth_client_secret}
    if refresh_token:
        asked |= {"grant_type": "refresh_token", "refresh_token": refresh_token}
    else:
        asked["grant_type"] = "client_credentials"
    if settings.oauth_provider == "microsoft":
        asked["scope"] = _PERSON_SCOPE if refresh_token else _APP_SCOPE
    form = {name: value for name, value in asked.items() if value}
    try:
        answer = httpx.post(url, data=form, timeout=timeout.total_seconds())
    except httpx.HTTPError as error:
        raise MailboxError(Trouble.UNREACHABLE, f"{url}: {type(error).__name__} {error}") from error
    try:
        said = answer.json()
    except ValueError:  # a page of a proxy, say
        said = None
    said = said if isinstance(said, dict) else {}
    if answer.status_code == 200 and said.get("access_token"):
        return said
    detail = f"{url}: {answer.status_code} {said.get('error', '')} {said.get('error_description', '')}"
    is_refused = answer.status_code in (400, 401, 403) and said.get("error") != "temporarily_unavailable"
    raise MailboxError(Trouble.TOKEN if is_refused else Trouble.UNREACHABLE, detail)


def _seconds(said: Any) -> int:
    return int(said) if re.fullmatch(r"[0-9]{1,9}", str(said)) else _USUAL


def _whose(settings: Settings) -> str:
    parts = (
        settings.oauth_provider,
        settings.oauth_client_id,
        settings.oauth_client_secret,
        settings.oauth_refresh_token,
        settings.oauth_tenant,
        settings.oauth_token_url,
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _file(settings: Settings) -> Path:
    return settings.var_dir / "oauth-refresh-token"


def _successor(settings: Settings) -> str:
    """The refresh token that followed on the one that was set; empty when there is none, or it followed on another."""
    try:
        kept = json.loads(_file(settings).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return ""
    return str(kept.get("token", "")) if isinstance(kept, dict) and kept.get("of") == _whose(settings) else ""


def _keep_successor(settings: Settings, token: str) -> None:
    """Replace the file at once, so that a killed process leaves the old or the new one; only we can read it."""
    if token == _successor(settings):
        return
    file = _file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    number, unfinished = tempfile.mkstemp(dir=file.parent, prefix=".oauth-")  # of mode 600
    try:
        with os.fdopen(number, "w", encoding="utf-8") as writing:
            json.dump({"of": _whose(settings), "token": token}, writing)
        Path(unfinished).replace(file)
    except OSError:
        Path(unfinished).unlink(missing_ok=True)
        raise
