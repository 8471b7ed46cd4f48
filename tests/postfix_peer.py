"""Postfix as a real peer on the loopback: its own server with its own queue, and its sink that has faults."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

import pytest

PLACES = os.environ.get("PATH", "") + ":/usr/sbin:/usr/lib/postfix/sbin"  # sbin is not in everybody's PATH
SINK = shutil.which("smtp-sink", path=PLACES)
POSTFIX = shutil.which("postfix", path=PLACES)
IS_ROOT = os.geteuid() == 0

needs_sink = pytest.mark.skipif(SINK is None, reason="smtp-sink is not here (Debian: postfix; `make peers`)")
needs_postfix = pytest.mark.skipif(
    POSTFIX is None or not IS_ROOT,
    reason="Postfix is not here, or this is not root (Debian: postfix; `make peers`)",
)

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
"""

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
inet_protocols = ipv4
inet_interfaces = 127.0.0.1
myhostname = mx.school.example
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = school.example
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{ {boxes} }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_recipient_restrictions = check_recipient_access inline:{{ {access} }}, permit_mynetworks, reject
smtpd_client_connection_rate_limit = 0
"""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_until_it_listens(port: int, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@contextmanager
def sink(*faults: str) -> Generator[tuple[int, Path]]:
    """smtp-sink with these faults, as its own options say them; gives its port and where it keeps what it got."""
    folder = Path(tempfile.mkdtemp(prefix="traject-sink-"))
    user: list[str] = []
    if IS_ROOT:
        shutil.chown(folder, "postfix")
        user = ["-u", "postfix"]
    port = free_port()
    dump = ["-d", str(folder / "%H%M%S.")]
    running = subprocess.Popen([SINK or "", *user, *dump, *faults, f"127.0.0.1:{port}", "100"], cwd=folder)
    try:
        wait_until_it_listens(port)
        yield port, folder
    finally:
        running.kill()
        running.wait()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Office:
    """A running Postfix: where it listens, and the mailboxes that it delivers into."""

    port: int
    folder: Path

    def read(self, box: str, count: int, seconds: float = 15) -> list[tuple[Message, bytes]]:
        """What came into a mailbox, once so many did: the mail as it is read, and its bytes."""
        new = self.folder / "mail" / box / "new"
        deadline = time.monotonic() + seconds
        while (found := sorted(new.glob("*")) if new.is_dir() else []) is not None and len(found) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} mails in {box}"
            time.sleep(0.05)
        return [(BytesParser().parsebytes(file.read_bytes()), file.read_bytes()) for file in found]


@contextmanager
def postfix(boxes: dict[str, str], access: dict[str, str]) -> Generator[Office]:
    """A Postfix of its own: address → mailbox, and address → how a recipient is answered. Root only."""
    folder = Path(tempfile.mkdtemp(prefix="traject-postfix-"))
    folder.chmod(0o755)
    office = Office(free_port(), folder)
    nobody = pwd.getpwnam("nobody")
    for name, owner in (("queue", "root"), ("data", "postfix"), ("mail", "nobody"), ("etc", "root")):
        (folder / name).mkdir(mode=0o755)
        shutil.chown(folder / name, owner)

    def pairs(of: dict[str, str]) -> str:
        return ", ".join(f"{{{key} = {value}}}" for key, value in of.items())

    values = {
        "folder": folder,
        "uid": nobody.pw_uid,
        "gid": nobody.pw_gid,
        "boxes": pairs({address: f"{box}/" for address, box in boxes.items()}),
        "access": pairs(access),
    }
    (folder / "etc" / "main.cf").write_text(MAIN.format(**values))
    (folder / "etc" / "master.cf").write_text(MASTER.format(port=office.port).lstrip())
    command = [POSTFIX or "", "-c", str(folder / "etc")]
    subprocess.run([*command, "start"], check=True, capture_output=True, timeout=30)
    try:
        wait_until_it_listens(office.port)
        yield office
    finally:
        subprocess.run([*command, "stop"], capture_output=True, timeout=30, check=False)
        shutil.rmtree(folder, ignore_errors=True)
