"""How what is due reaches the mail server: over a few reused connections, each with one message in flight.

What is promised (design rule 7): a row is committed as *attempting* before its DATA and as *accepted* after the server's
250, so that a killed process leaves at most one message a connection that may go out a second time, byte for byte.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from traject.digest import Digests
from traject.late import wait_for_hours
from traject.outbox import Claim, Claimed, accepted, claim, count_due, failed, put_off_all
from traject.rates import RatePlan, rate_plan
from traject.refusal import Refusal, Scope, Stage
from traject.settings import Settings
from traject.smtp import TIMEOUT, Line
from traject.store import Store

log = logging.getLogger(__name__)

GATHER = timedelta(milliseconds=2)
"""How long a commit waits for the other connections, so that one commit serves them all. Next to nothing on a network."""

GRACE = timedelta(seconds=20)
"""How long a cancelled delivery may take to finish what is in flight."""


@dataclass
class DeliveryReport:
    """What one run did. `problem`: why it stopped early; `resume_at`: when the rate limit lets the rest go."""

    accepted: int = 0
    deferred: int = 0
    failed: int = 0
    seconds: float = 0.0
    problem: str = ""
    resume_at: datetime | None = None


async def deliver(
    store: Store,
    settings: Settings,
    *,
    clock: Callable[[], datetime],
    limit: int | None = None,
    only: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    answer_within: timedelta = TIMEOUT,
) -> DeliveryReport:
    """Send what is due, at most `limit` messages or `only` this one, and return when nothing is due any more.

    Any number may run at once, in any number of processes. A server that cannot be used is no fault but the report's
    `problem`, and everything due waits by the table. With a rate limit it returns early and says when to call again.
    `progress` gets (messages done, messages due at the start); `answer_within` is for each answer of the server. When
    cancelled it finishes what is in flight first. Database faults are raised.
    """
    started = time.monotonic()
    with store.glance() as connection:
        waiting = count_due(connection, now=clock(), only=only)
    if waiting and only is None:
        waiting -= wait_for_hours(store, settings, clock())
    plan = rate_plan(settings)
    recorder = _Recorder(store, settings, plan, clock, limit, only, waiting, progress)
    if waiting and limit != 0:
        most = min(settings.smtp_connections, plan.connections or settings.smtp_connections, waiting)
        lines = [Line(settings, answer_within) for _ in range(most)]
        await _drain(lines, recorder)
    recorder.report.seconds = time.monotonic() - started
    return recorder.report


async def _drain(lines: list[Line], recorder: "_Recorder") -> None:
    workers: list[asyncio.Task[None]] = []
    try:
        refusal = await lines[0].open()  # one alone, to see whether the server is there at all
        if refusal:
            await recorder.record(_Outcome(None, refusal))
            return
        recorder.lines = len(lines)
        workers = [asyncio.create_task(_work(line, recorder)) for line in lines]
        await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        recorder.is_stopping = True
        if workers:
            _, stuck = await asyncio.wait(workers, timeout=GRACE.total_seconds())
            for worker in stuck:
                worker.cancel()
        recorder.close()
    for worker in workers:
        worker.result()


async def _work(line: Line, recorder: "_Recorder") -> None:
    """Send one message after another; what became of the last and the claim of the next are one commit."""
    outcome: _Outcome | None = None
    try:
        while True:
            if not line.is_ready:
                if outcome:  # what is known is written before anything that can take long
                    await recorder.record(outcome)
                    outcome = None
                if recorder.is_stopping:
                    return
                if refusal := await line.open():
                    recorder.lines -= 1
                    if recorder.lines == 0:
                        await recorder.record(_Outcome(None, refusal))
                    return
            mail = await recorder.record_and_claim(outcome)
            if mail is None:
                return
            outcome = _Outcome(mail, await line.send(mail))
    finally:
        await line.close()


class _Outcome(NamedTuple):
    """What the server said: to one message, or (None) to us."""

    mail: Claimed | None
    answer: str | Refusal


class _Entry(NamedTuple):
    """What one worker brings to the next commit, and whether it wants a message from it."""

    outcome: _Outcome | None
    wants_mail: bool
    done: asyncio.Future[Claimed | None]


class _Recorder:
    """Group commit: while one commit runs, what the other workers bring is gathered for the next.

    Each worker waits for the commit of its claim before it sends, so no crash leaves more in flight than there are workers.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        plan: RatePlan,
        clock: Callable[[], datetime],
        limit: int | None,
        only: int | None,
        waiting: int,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self.report = DeliveryReport()
        self.lines = 0  # not given up
        self.is_stopping = False
        self._store = store
        self._settings = settings
        self._plan = plan
        self._clock = clock
        self._left = limit
        self._only = only
        self._merging = None if only is not None else Digests(settings).merge
        self._waiting = waiting
        self._progress = progress
        self._losses = 0
        self._entries: list[_Entry] = []
        self._all_in = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(
            1, "outbox"
        )  # a commit may wait for a lock; the connections must not

    async def record(self, outcome: _Outcome) -> None:
        """Write what the server said."""
        await self._enter(outcome, wants_mail=False)

    async def record_and_claim(self, outcome: _Outcome | None) -> Claimed | None:
        """Write what the server said to the last message and claim the next; None: no more, or we are stopping."""
        return await self._enter(outcome, wants_mail=True)

    def close(self) -> None:
        """End the thread; what it is writing is written."""
        self._thread.shutdown(wait=True)

    async def _enter(self, outcome: _Outcome | None, *, wants_mail: bool) -> Claimed | None:
        entry = _Entry(outcome, wants_mail, asyncio.get_running_loop().create_future())
        self._entries.append(entry)
        if len(self._entries) >= self.lines:
            self._all_in.set()
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        return await entry.done

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._entries:
            if not self._all_in.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._all_in.wait(), GATHER.total_seconds())
            self._all_in.clear()
            entries, self._entries = self._entries, []
            mails: list[Claimed] = []
            fault: Exception | None = None
            try:
                mails = (await loop.run_in_executor(self._thread, self._commit, entries)).messages
            except Exception as raised:  # it belongs to the workers that wait for this commit
                fault = raised
            for entry in entries:
                if entry.done.done():  # its worker was cancelled
                    continue
                if fault:
                    entry.done.set_exception(fault)
                else:
                    entry.done.set_result(mails.pop(0) if entry.wants_mail and mails else None)
            if self._progress:
                done = self.report.accepted + self.report.deferred + self.report.failed
                self._progress(done, max(done, self._waiting))
        self._writer = None

    def _commit(self, entries: list[_Entry]) -> Claim:
        """One transaction, in the recorder's thread."""
        now = self._clock()
        outcomes = [entry.outcome for entry in entries if entry.outcome]
        trouble = self._trouble(outcomes)
        if trouble:
            self.is_stopping = True
        wanted = 0 if self.is_stopping else sum(entry.wants_mail for entry in entries)
        wanted = wanted if self._left is None else min(wanted, self._left)
        taken: list[tuple[Claimed, str]] = []
        deferred = lost = 0
        claims = Claim([], 0, None)
        with self._store.write() as session:
            for mail, answer in outcomes:
                if mail and isinstance(answer, Refusal):
                    changed = failed(session, mail, answer, now=now)
                    deferred, lost = deferred + changed.deferred, lost + changed.failed
                elif mail and isinstance(answer, str):
                    taken.append((mail, answer))
            if taken:
                accepted(session, taken, now=now)
            if trouble:
                changed = put_off_all(session, trouble, now=now)
                deferred, lost = deferred + changed.deferred, lost + changed.failed
            if wanted:
                claims = claim(
                    session, wanted, now=now, plan=self._plan, only=self._only, merging=self._merging
                )
        if self._left is not None:
            self._left -= len(claims.messages)
        report = self.report
        report.accepted += len(taken)
        report.deferred += deferred
        report.failed += lost + claims.expired
        report.resume_at = claims.resume_at or report.resume_at
        if trouble:
            server = urlsplit(self._settings.mail_url)
            where = f"{server.hostname}:{server.port}" if server.port else server.hostname
            report.problem = (
                f"the mail server {where} cannot be used: {trouble}; "
                "what was due waits; check TRAJECT_SMTP_URL and that the server runs"
                if self._settings.language == "en"
                else f"de mailserver {where} kan niet worden gebruikt: {trouble}; "
                "wat uit moest gaan wacht; controleer TRAJECT_SMTP_URL en of de server draait"
            )
            log.warning("mail server cannot be used", extra={"stage": trouble.stage, "code": trouble.code})
        return claims

    def _trouble(self, outcomes: list[_Outcome]) -> Refusal | None:
        """A refusal of us as a whole; or one connection lost after another, which is one too."""
        for _, answer in outcomes:
            if not isinstance(answer, Refusal):
                self._losses = 0
            elif answer.scope is Scope.SERVER:
                return answer
            elif answer.code > 0:
                self._losses = 0
            else:
                self._losses += 1
                if self._losses >= max(5, 2 * self._settings.smtp_connections):
                    return Refusal(
                        Stage.CONNECT, 0, f"{self._losses} connections lost in a row; {answer.text}"
                    )
        return None
