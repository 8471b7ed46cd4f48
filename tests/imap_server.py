"""A real IMAP server, Dovecot, and a real server of tokens, both of which a test starts on this machine.

Dovecot 2.3 from Debian (`apt-get install dovecot-imapd`); tests that need it are left out, and say so, where it is not.
"""

import grp
import imaplib
import json
import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, quote

import pytest
from imap_tools.utils import encode_folder
from smtp_faults import certificate

PASSWORD = "ge/h@eim"
FULL = "vol@hart.example"
"""A user of whom 10 kB may be kept."""

_CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
mail_location = maildir:{folder}/mail/%u
auth_mechanisms = plain xoauth2
auth_failure_delay = 0
mail_max_userip_connections = 50
mail_fsync = never
{users}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
mail_plugins = quota
protocol imap {{
  mail_plugins = quota imap_quota
}}
plugin {{
  quota = maildir:User quota
}}
passdb {{
  driver = passwd-file
  mechanisms = plain
  args = {folder}/users
}}
passdb {{
  driver = static
  mechanisms = plain
  args = password={password}
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  process_min_avail = 2
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
"""


@dataclass
class Tokens:
    """A server of tokens: what it answers next, what it was asked, and which tokens open which mailbox."""

    port: int = 0
    answers: list[tuple[int, Any]] = field(default_factory=list)
    """Status and body, used up one by one; then every request gets a new token."""
    asked: list[dict[str, str]] = field(default_factory=list)
    opens: dict[str, str] = field(default_factory=dict)
    user: str = ""
    """Whose mailbox a new token opens."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/token"

    def answer(self, form: dict[str, str]) -> tuple[int, Any]:
        self.asked.append(form)
        if self.answers:
            return self.answers.pop(0)
        token = secrets.token_hex(8)
        self.opens[token] = self.user
        return 200, {"access_token": token, "expires_in": 3600, "token_type": "Bearer"}


@contextmanager
def serving_tokens() -> Generator[Tokens]:
    tokens = Tokens()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self._say(*tokens.answer({name: values[0] for name, values in form.items()}))

        def do_GET(self) -> None:
            user = tokens.opens.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
            self._say(200 if user else 401, {"username": user} if user else {"error": "invalid_token"})

        def _say(self, status: int, body: Any) -> None:
            said = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    tokens.port = server.server_address[1]
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield tokens
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Post:
    """One mailbox on the server, and what its owner can do with it."""

    server: "Dovecot"
    user: str

    def url(self, scheme: str = "imaps", *, password: str = PASSWORD, folder: str = "INBOX") -> str:
        port = self.server.tls_port if scheme == "imaps" else self.server.port
        login = quote(self.user, safe="") + (f":{quote(password, safe='')}" if password else "")
        return f"{scheme}://{login}@127.0.0.1:{port}/{quote(folder)}"

    @contextmanager
    def client(self) -> Generator[imaplib.IMAP4]:
        found = imaplib.IMAP4("127.0.0.1", self.server.port, timeout=10)
        found.login(self.user, PASSWORD)
        try:
            yield found
        finally:
            found.logout()

    def put(self, *mails: bytes, at: datetime | None = None, folder: str = "INBOX") -> None:
        """Have the server receive mails, at the instant that the test chooses."""
        with self.client() as client:
            client.create(encode_folder(folder).decode())
            for mail in mails:
                when = f'"{at:%d-%b-%Y %H:%M:%S %z}"' if at else None
                status, said = client.append(encode_folder(folder).decode(), None, when, mail)
                assert status == "OK", said

    def flags(self, folder: str = "INBOX") -> list[bytes]:
        """The flags of every mail, without having looked at any."""
        with self.client() as client:
            client.select(encode_folder(folder).decode(), readonly=True)
            answer = client.uid("FETCH", "1:*", "(FLAGS)")[1]
            return [re.search(rb"FLAGS \((.*?)\)", line)[1] for line in answer if line]

    def renumber(self, *mails: bytes, at: datetime, folder: str) -> None:
        """Make the folder anew, with another UIDVALIDITY, and these mails."""
        with self.client() as client:
            client.delete(encode_folder(folder).decode())
        self.put(*mails, at=at, folder=folder)


@dataclass
class Dovecot:
    """The server."""

    folder: Path
    port: int
    tls_port: int
    certificate: Path
    tokens: Tokens
    _count: int = 0

    def mailbox(self) -> Post:
        """A new, empty mailbox."""
        self._count += 1
        return Post(self, f"cmk{self._count}@hart.example")

    def log(self) -> str:
        return (self.folder / "log").read_text()


def missing() -> str:
    """Why there is no Dovecot here; empty when there is."""
    if not shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin"):
        return "dovecot is not installed (apt-get install dovecot-imapd): the IMAP tests are left out"
    version = subprocess.run([_program(), "--version"], capture_output=True, text=True, check=True).stdout
    return (
        ""
        if version.startswith("2.3.")
        else f"dovecot {version.split()[0]} wants another configuration than 2.3"
    )


def _program() -> str:
    return shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or "dovecot"


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """Dovecot on free ports, for all tests of this process."""
    if why := missing():
        pytest.skip(why)
    # Not under pytest's own folder: that is closed to others, and as root Dovecot's processes are another user.
    folder = Path(tempfile.mkdtemp(prefix="traject-dovecot-"))
    with serving_tokens() as tokens:
        try:
            yield from _running(folder, tokens)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _running(folder: Path, tokens: Tokens) -> Iterator[Dovecot]:
    folder.chmod(0o755)
    (folder / "run").mkdir()
    (folder / "mail").mkdir()
    _, trusted = certificate(folder)
    (folder / "users").write_text(f"{FULL}:{{PLAIN}}{PASSWORD}::::::userdb_quota_rule=*:storage=10K\n")
    (folder / "oauth2.conf").write_text(
        f"introspection_url = http://127.0.0.1:{tokens.port}/whose\nintrospection_mode = auth\n"
        "username_attribute = username\n"
    )
    port, tls_port = _free_ports()
    me = pwd.getpwuid(os.getuid())
    owner = pwd.getpwnam("nobody") if me.pw_uid == 0 else me
    os.chown(folder / "mail", owner.pw_uid, owner.pw_gid)
    group = grp.getgrgid(me.pw_gid).gr_name
    rootless = (
        ""
        if me.pw_uid == 0
        else f"default_internal_user = {me.pw_name}\ndefault_internal_group = {group}\ndefault_login_user = {me.pw_name}"
    )
    config = folder / "dovecot.conf"
    config.write_text(
        _CONFIG.format(
            folder=folder,
            users=rootless,
            user=owner.pw_uid,
            group=owner.pw_gid,
            password=PASSWORD,
            port=port,
            tls_port=tls_port,
        )
    )
    server = subprocess.Popen([_program(), "-F", "-c", str(config)], stderr=subprocess.DEVNULL)
    found = Dovecot(folder, port, tls_port, trusted, tokens)
    try:
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as line:
                if line.recv(100).startswith(b"* OK"):
                    break
            time.sleep(0.05)
        else:
            pytest.fail(f"Dovecot does not start: {found.log()}")
        yield found
    finally:
        server.terminate()
        server.wait(10)


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]
