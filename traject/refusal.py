"""What a mail server's refusal means: try again, when, and who else has to wait; or never again, and why."""

import re
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

RETRY_AFTER = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120, 240))
"""After the first, second… failed attempt; the last one repeats. RFC 5321 §4.5.4.1 asks for at least a few days."""

GIVE_UP_AFTER = timedelta(days=4)
"""Since it was queued; not before it was tried as often as the table has waits, and once more."""

_ENHANCED = re.compile(r"(?:^|#)([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])", re.MULTILINE)


class Stage(StrEnum):
    """How far the conversation was when it stopped."""

    CONNECT = "connect"
    SENDER = "MAIL"
    RECIPIENT = "RCPT"
    DATA = "DATA"


class Meaning(StrEnum):
    """What becomes of the message."""

    LATER = "later"
    ADDRESS = "address"  # nobody there: no other mail to that address either
    NEVER = "never"  # policy, size, content: never the same bytes again


class Scope(StrEnum):
    """Who waits when it is tried later."""

    MESSAGE = "message"
    PROVIDER = "provider"  # everything to the same domain
    SERVER = "server"  # everything


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the mail server said instead of 250: `code` 0 when it said nothing (connection lost, timeout)."""

    stage: Stage
    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}" if self.code > 0 else self.text

    @property
    def enhanced(self) -> str:
        """RFC 3463: `5.1.1`; empty when the server gave none."""
        found = _ENHANCED.search(self.text)
        return ".".join(found.groups()) if found else ""

    @property
    def status(self) -> str:
        """The codes alone, without the words, which may hold an address: `550 5.1.1`."""
        return f"{self.code} {self.enhanced}".strip() if self.code > 0 else "geen antwoord"

    @property
    def may_have_arrived(self) -> bool:
        """The connection was lost after the mail was offered: the server may have kept it (RFC 1047)."""
        return self.stage is Stage.DATA and self.code <= 0

    @property
    def meaning(self) -> Meaning:
        """Only codes that speak of the recipient's address make it a bad address (RFC 3463 §3.2, §3.3).

        5.1.7 and 5.1.8 speak of the sender. A server that wants a login refuses us, not the message.
        """
        if not 500 <= self.code <= 599 or self.scope is Scope.SERVER:
            return Meaning.LATER
        if self.stage in (Stage.RECIPIENT, Stage.DATA):
            enhanced = self.enhanced
            if enhanced.startswith("5.1.") and enhanced not in ("5.1.7", "5.1.8"):
                return Meaning.ADDRESS
            if enhanced == "5.2.1":
                return Meaning.ADDRESS
            if not enhanced and self.stage is Stage.RECIPIENT and self.code in (550, 551, 553):
                return Meaning.ADDRESS
        return Meaning.NEVER

    @property
    def scope(self) -> Scope:
        """421 and 452 say "too much": about us before a recipient was named, about the provider after it."""
        if self.stage is Stage.CONNECT:
            return Scope.SERVER
        if self.stage is Stage.SENDER and (
            self.code in (421, 452, 530, 535, 538) or self.enhanced.startswith("5.7.")
        ):
            return Scope.SERVER
        return Scope.PROVIDER if self.code in (421, 452) else Scope.MESSAGE


def retry_at(
    message_id: int, attempts: int, *, now: datetime, queued_at: datetime, expires_at: datetime | None
) -> datetime | None:
    """When to try again after `attempts` failed attempts; None: give up.

    The table with ±10 %, the same for the same message and attempt, so that a thousand mails refused at once do not
    come back at once; never within the minute over which the rate limit counts. Days in which nothing ran are no days of
    trying: after them the first refusal, or a mail server that is up later than we are, would end everything that waited.
    """
    step = RETRY_AFTER[min(attempts, len(RETRY_AFTER)) - 1]
    share = zlib.crc32(f"{message_id}:{attempts}".encode()) / 2**32
    at = now + max(step * (0.9 + 0.2 * share), RETRY_AFTER[0])
    if expires_at is not None and at >= expires_at:
        return None
    is_tried_enough = attempts > len(RETRY_AFTER)
    return None if is_tried_enough and at >= queued_at + GIVE_UP_AFTER else at
