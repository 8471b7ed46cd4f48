"""What `make run` starts, in which order, and how all of it stops."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from sqlalchemy import make_url

from traject import clock, prefect_server
from traject.errors import TrajectError
from traject.settings import Settings
from traject.up.children import Child, Children
from traject.up.sentences import say

FIRST_START = timedelta(minutes=3)
"""How long Prefect's first start may take; 25 seconds on two quiet cores."""

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
T = TypeVar("T")


def up(settings: Settings) -> int:
    """Start everything on this machine and keep it running until Ctrl-C or SIGTERM.

    Gives the exit code: 0 stopped as asked, 1 something did not start, 2 nothing was started because a port is in use
    or a setting is wrong. What happens is said on the terminal, in the language of the settings.
    """
    console = Console(highlight=False)
    if (refusal := why_not(settings)) is not None:
        console.print(refusal, style="red", markup=False, soft_wrap=True)
        return 2
    return asyncio.run(_Run(settings, console).until_stopped())


def why_not(settings: Settings) -> str | None:
    """The sentence that says why nothing can be started here, or None."""
    if not Path("prefect.yaml").exists():
        return say(settings, "root")
    if settings.host not in LOOPBACK and not os.environ.get("PREFECT_SERVER_API_AUTH_STRING"):
        return say(settings, "open", host=settings.host)
    wanted = [
        ("Prefect", settings.prefect_port, "TRAJECT_PREFECT_PORT"),
        (
            "portal" if settings.language == "en" else "het portaal",
            settings.portal_port,
            "TRAJECT_PORTAL_PORT",
        ),
    ]
    if settings.smtp_url is None:
        mailbox = "the local mailbox" if settings.language == "en" else "de lokale postbus"
        wanted.append((mailbox, settings.mailbox_port, "TRAJECT_MAILBOX_PORT"))
    for what, port, setting in wanted:
        if not is_free(settings.host, port):
            return say(settings, "port", host=settings.host, port=port, what=what, setting=setting)
    return None


def is_free(host: str, port: int) -> bool:
    """Whether a server could bind to host:port now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As the servers do: a connection that closed a moment ago does not hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


class DidNotStart(TrajectError):
    """A part did not start; the message names it and its log."""


class _Run:
    """One `traject up`, from the first sentence to the last."""

    def __init__(self, settings: Settings, console: Console) -> None:
        self.settings, self.console = settings, console
        var = settings.var_dir
        self.logs, self.home = var / "log", var / "prefect"
        self.children = Children(self.logs, fell=self._fell)
        # The portal has it too: it emits events.
        self.environment = prefect_server.environment(
            os.environ, host=settings.host, port=settings.prefect_port, home=self.home
        )

    async def until_stopped(self) -> int:
        """Start, wait for a signal, stop. A signal during the start stops what was started."""
        asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, asked.set)
        starting = asyncio.create_task(self._start())
        stopping = asyncio.create_task(asked.wait())
        code = 0
        try:
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await stopping
        except TrajectError as error:
            self.console.print(str(error), style="red", markup=False, soft_wrap=True)
            code = 1
        finally:
            starting.cancel()
            stopping.cancel()
            await asyncio.gather(starting, stopping, return_exceptions=True)
            self.console.print(say(self.settings, "stopping"))
            await self.children.stop()
        if code == 0:
            self.console.print(say(self.settings, "stopped"))
        return code

    async def _start(self) -> None:
        settings = self.settings
        from traject.setup import initialise  # a second of imports, after the ports were checked

        await self._step("database", asyncio.to_thread(initialise, settings, clock.now()))
        await self.children.start(self._server())
        if settings.smtp_url is None:
            await self.children.start(self._mailbox())
        await self.children.start(self._portal())
        await self._step("server", self._server_answers())
        await self._step("deploy", self._deploy())
        await self.children.start(
            Child("prefect-worker", prefect_server.worker_command(), self.environment, timedelta(seconds=4))
        )
        self._show_places()

    async def _step(self, key: str, work: Awaitable[T]) -> T:
        sentence = say(self.settings, key)
        with self.console.status(f"{sentence} …"):
            done = await work
        self.console.print(f"✓ {sentence}", style="green")
        return done

    def _server(self) -> Child:
        command = prefect_server.server_command(host=self.settings.host, port=self.settings.prefect_port)
        return Child("prefect-server", command, self.environment, timedelta(seconds=4))

    def _mailbox(self) -> Child:
        command = [sys.executable, "-m", "traject.mailbox", "--host", self.settings.host]
        place = ["--port", str(self.settings.mailbox_port), "--folder", str(self._mail_folder())]
        return Child("mailbox", [*command, *place], self.environment, timedelta(seconds=1))

    def _portal(self) -> Child:
        address = ["--host", self.settings.host, "--port", str(self.settings.portal_port)]
        command = [sys.executable, "-m", "uvicorn", "portal.app:app", *address, "--no-server-header"]
        return Child(
            "portal", [*command, "--timeout-graceful-shutdown", "1"], self.environment, timedelta(seconds=2)
        )

    def _mail_folder(self) -> Path:
        return self.settings.var_dir / "mail"

    async def _server_answers(self) -> None:
        health = (prefect_server.get, self.settings.prefect_api_url, "/health")
        try:
            async with asyncio.timeout(FIRST_START.total_seconds()):
                while await asyncio.to_thread(*health) != 200:  # noqa: ASYNC110 - another process sets no event of ours
                    await asyncio.sleep(0.3)
        except TimeoutError:
            raise self._failed("server", "prefect-server") from None

    async def _deploy(self) -> None:
        """Make the pool, the deployments and the automation, unless all of them stand there and nothing changed."""
        file, stamp = Path("prefect.yaml"), self.home / "deployed"
        wanted = prefect_server.fingerprint(Path())
        if stamp.exists() and stamp.read_text() == wanted:
            names = prefect_server.deployments(file)
            if await asyncio.to_thread(prefect_server.all_deployed, self.settings.prefect_api_url, names):
                return
        template = self.home / "pool.json"
        prefect_server.write_pool_template(template)
        for command in (prefect_server.pool_command(template), prefect_server.deploy_command()):
            if await self.children.run(Child("prefect-deploy", command, self.environment)) != 0:
                raise self._failed("deploy", "prefect-deploy")
        stamp.write_text(wanted)

    def _failed(self, step: str, child: str) -> DidNotStart:
        what = say(self.settings, step)
        return DidNotStart(say(self.settings, "failed", what=what, log=self.logs / f"{child}.log"))

    def _fell(self, child: Child, code: int, wait: float) -> None:
        log = self.logs / f"{child.name}.log"
        said = say(self.settings, "fell", name=child.name, code=code, wait=wait, log=log)
        self.console.print(said, style="yellow", markup=False, soft_wrap=True)

    def _show_places(self) -> None:
        settings = self.settings
        places = say(
            settings,
            "places",
            portal=f"http://{settings.host}:{settings.portal_port}",
            prefect=f"http://{settings.host}:{settings.prefect_port}",
            mail=make_url(settings.smtp_url).render_as_string() if settings.smtp_url else self._mail_folder(),
            database=make_url(settings.database_url).render_as_string(),
            logs=self.logs,
            school="16LF00",
        )
        self.console.print(f"\n[bold]{say(settings, 'started')}[/bold]")
        self.console.print(places, markup=False, soft_wrap=True)
