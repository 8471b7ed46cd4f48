"""Where the mailbox is that answers come back to, and whether the settings say enough to open it."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from pydantic import ValidationInfo

from traject.errors import WrongSetting

FOLDERS = ("maildir", "folder")
PORTS = {"imaps": 993, "imap+starttls": 143, "imap": 143}
_HERE = re.compile(r"localhost|127\.[\d.]+|::1")


@dataclass(frozen=True, slots=True)
class MailboxAddress:
    """One mailbox: on an IMAP server (`host` …), or a folder of this machine (`path`)."""

    scheme: str
    host: str
    port: int
    user: str
    password: str
    path: str
    """Of a folder: where it is. On a server: which of its mailboxes, mostly INBOX."""

    @property
    def name(self) -> str:
        """The address without its password, by which the mailbox is known."""
        if self.scheme in FOLDERS:
            return f"{self.scheme}://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{quote(self.user, safe='@')}@{host}{port}/{self.path}"

    @property
    def folder(self) -> Path:
        """The folder of this machine."""
        return Path(self.path)


def mailbox_address(url: str) -> MailboxAddress:
    """Read a TRAJECT_MAILBOX_URL. ValueError says what it must be."""
    parts = urlsplit(url)
    if parts.scheme in FOLDERS:
        if parts.netloc or len(parts.path) < 2:
            raise WrongSetting(
                f"moet {parts.scheme}:///MAP zijn, met het hele pad: drie schuine strepen",
                f"must be {parts.scheme}:///FOLDER, with the whole path: three slashes",
            )
        return MailboxAddress(parts.scheme, "", 0, "", "", unquote(parts.path))
    try:
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:  # no number where the port stands
        port = None
    if port is None or not parts.hostname or not parts.username or parts.query or parts.fragment:
        raise WrongSetting(
            "moet imaps://NAAM:WACHTWOORD@SERVER/INBOX, imap+starttls://NAAM:WACHTWOORD@SERVER/INBOX, "
            "maildir:///MAP of folder:///MAP zijn; schrijf @ : / ? # in een naam of wachtwoord als "
            "%40 %3A %2F %3F %23",
            "must be imaps://USER:PASSWORD@HOST/INBOX, imap+starttls://USER:PASSWORD@HOST/INBOX, maildir:///FOLDER or "
            "folder:///FOLDER; write @ : / ? # in a name or password as %40 %3A %2F %3F %23",
        )
    if parts.scheme == "imap" and not _HERE.fullmatch(parts.hostname):
        raise WrongSetting(
            "imap:// stuurt het wachtwoord leesbaar over het netwerk: gebruik imaps:// of imap+starttls://",
            "imap:// sends the password readable over the network: use imaps:// or imap+starttls://",
        )
    return MailboxAddress(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port,
        user=unquote(parts.username),
        password=unquote(parts.password or ""),
        path=unquote(parts.path.strip("/")) or "INBOX",
    )


def check_mailbox_url(url: str | None) -> str | None:
    """The setting, checked."""
    if not url:
        return None
    mailbox_address(url)
    return url


def check_token_url(url: str) -> str:
    """The setting, checked: what is sent there is a secret."""
    parts = urlsplit(url)
    is_here = parts.scheme == "http" and _HERE.fullmatch(parts.hostname or "")
    if url and not is_here and (parts.scheme != "https" or not parts.hostname):
        raise WrongSetting(
            "moet een adres met https:// zijn: er gaat een sleutel naartoe",
            "must be an https:// address: a secret is sent there",
        )
    return url


def check_oauth_provider(name: str, info: ValidationInfo) -> str:
    """The setting, checked with those before it: whether all is there that a token is asked with."""
    if not name:
        return name
    given = info.data
    needed = ["oauth_client_id"]
    if name == "google":
        needed += ["oauth_client_secret", "oauth_refresh_token"]
    else:
        needed += ["oauth_tenant"] + ([] if given.get("oauth_refresh_token") else ["oauth_client_secret"])
    missing = [f"TRAJECT_{each.upper()}" for each in needed if not given.get(each)]
    if missing:
        raise WrongSetting(
            f"heeft ook {' en '.join(missing)} nodig; docs/operating.md zegt waar je dat vindt",
            f"needs {' and '.join(missing)} too; docs/operating.md tells where to find it",
        )
    if not (given.get("mailbox_url") or "").startswith("imap"):
        raise WrongSetting(
            "een token opent een mailbox op een server: zet TRAJECT_MAILBOX_URL op imaps://ADRES@SERVER/INBOX",
            "a token opens a mailbox on a server: set TRAJECT_MAILBOX_URL to imaps://ADDRESS@HOST/INBOX",
        )
    return name
