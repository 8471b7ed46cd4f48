"""Pictures of pages: one browser takes them all, because it takes longer to start than to look.

The browser is Chromium. It is told what to do over two pipes (the DevTools protocol with `--remote-debugging-pipe`: its
file descriptors 3 and 4, a NUL after each message), so this needs no library and opens no port.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WIDTHS = {"desktop": 900, "phone": 360}
"""CSS pixels of a picture; it is as high as the page."""

SHADES = ("light", "dark")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LEAST_HEIGHT, MOST_HEIGHT = 400, 6000  # CSS pixels
LONGEST_WAIT = 60  # seconds, for one answer of the browser

_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--remote-debugging-pipe", "about:blank"),
)


class BrowserError(Exception):
    """The browser does not do what it is asked; the text is what it answered."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture to take: of a page, in a file beside it."""

    page: Path
    width: str
    shade: str

    @property
    def file(self) -> Path:
        """Where it is kept."""
        return self.page.with_name(f"{self.page.stem}-{self.width}-{self.shade}.png")


def find_browser() -> str | None:
    """Where Chromium is, if it is installed."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def pictures_of(page: Path) -> list[Picture]:
    """The pictures of one page: wide and narrow, light and dark."""
    return [Picture(page, width, shade) for width in WIDTHS for shade in SHADES]


def take(browser: str, pictures: Sequence[Picture], taken: Callable[[int, int], None]) -> None:
    """Take them all; `taken` hears after each how many of how many there are."""
    with _running(browser) as (to_browser, from_browser):
        tab = _Tab(to_browser, from_browser)
        for count, picture in enumerate(pictures, 1):
            picture.file.write_bytes(tab.look(picture))
            taken(count, len(pictures))


class _Tab:
    """The one page of a running browser."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._unread = b""
        self._asked = 0
        self._happened: set[str] = set()
        self._session: dict[str, str] = {}
        self._shown: Path | None = None
        [target] = [each for each in self._ask("Target.getTargets")["targetInfos"] if each["type"] == "page"]
        attached = self._ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        self._ask("Page.enable")

    def look(self, picture: Picture) -> bytes:
        """Give the page as PNG, as it is seen at this width in this light."""
        scheme = {"name": "prefers-color-scheme", "value": picture.shade}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])
        self._resize(picture, LEAST_HEIGHT)
        if self._shown != picture.page:
            self._happened.clear()
            self._ask("Page.navigate", url=picture.page.resolve().as_uri())
            while "Page.loadEventFired" not in self._happened:
                self._next()
            self._shown = picture.page
        height = round(self._ask("Page.getLayoutMetrics")["cssContentSize"]["height"])
        self._resize(picture, min(max(height, LEAST_HEIGHT), MOST_HEIGHT))
        seen = self._ask("Page.captureScreenshot", format="png", optimizeForSpeed=True)
        return base64.b64decode(seen["data"])

    def _resize(self, picture: Picture, height: int) -> None:
        width = WIDTHS[picture.width]
        self._ask(
            "Emulation.setDeviceMetricsOverride",
            **{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )

    def _ask(self, method: str, **params: object) -> dict[str, Any]:
        self._asked += 1
        asked = {"id": self._asked, "method": method, "params": params, **self._session}
        os.write(self._to, json.dumps(asked).encode() + b"\0")
        while (answer := self._next()).get("id") != self._asked:
            pass
        if "error" in answer:
            message = f"{method}: {answer['error']}"
            raise BrowserError(message)
        return answer["result"]

    def _next(self) -> dict[str, Any]:
        """What the browser says next: an answer, or what happened."""
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._from], [], [], LONGEST_WAIT)
            read = os.read(self._from, 1 << 20) if ready else b""
            if not read:
                message = "the browser stopped" if ready else f"no answer within {LONGEST_WAIT} seconds"
                raise BrowserError(message)
            self._unread += read
        said, _, self._unread = self._unread.partition(b"\0")
        told: dict[str, Any] = json.loads(said)
        self._happened.add(told.get("method", ""))
        return told


@contextmanager
def _running(browser: str) -> Generator[tuple[int, int]]:
    """Start a browser with a profile of its own; gives the pipe to it and the pipe from it, and stops it afterwards."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        its_in, to_browser = os.pipe()
        from_browser, its_out = os.pipe()
        # Above 4, so that neither is overwritten by the other when they become 3 and 4.
        high = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 10) for each in (its_in, its_out)]
        process = os.posix_spawn(
            browser,
            [browser, *_OPTIONS, f"--user-data-dir={profile}"],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, high[0], 3),
                (os.POSIX_SPAWN_DUP2, high[1], 4),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
            setpgroup=0,
        )
        for each in (its_in, its_out, *high):
            os.close(each)
        try:
            yield to_browser, from_browser
        finally:
            os.close(to_browser)
            os.close(from_browser)
            os.killpg(process, signal.SIGKILL)
            os.waitpid(process, 0)
