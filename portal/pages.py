"""How a page is made: the language, the template, and the headers that keep a link to its person.

There are no cookies and no sessions: the token in the link is the capability. So there is nothing that another site
could make a browser use on somebody's behalf (CSRF), and no consent to ask.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from traject.mail_words import FILTERS, LANGUAGES
from traject.programme import Text
from traject.settings import Settings
from traject.store import Store

TEMPLATES = Path(__file__).parent.parent / "templates" / "portal"
STATIC = Path(__file__).parent / "static"


class Desk:
    """What every page needs: the settings, the database, the clock and the templates."""

    def __init__(self, settings: Settings, store: Store, clock: Callable[[], datetime]) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        self.contact = settings.sender[1]

    def page(
        self,
        request: Request,
        template: str,
        *,
        language: str | None = None,
        status: int = 200,
        **context: Any,
    ) -> HTMLResponse:
        """Render a template. `language` is that of the person whom the page is for, if it is for one."""
        language = language_of(request, language)
        made = _environment(language).get_template(template)
        html = made.render(
            language=language,
            say=partial(_say, language),
            keep=f"?lang={language}" if "lang" in request.query_params else "",
            path=request.url.path,
            contact=self.contact,
            dutch=Markup(' lang="nl"') if language == "en" else "",
            style=_style_version(),
            **context,
        )
        return HTMLResponse(html, status_code=status)


def language_of(request: Request, own: str | None) -> str:
    """The language that the address asks for (`?lang=en`), else the person's own, else what the browser reads, else Dutch."""
    wanted = (request.query_params.get("lang"), own or _read_by(request.headers.get("accept-language", "")))
    return next((language for language in wanted if language in LANGUAGES), "nl")


def _read_by(accepted: str) -> str:
    """The language for a browser with this Accept-Language: Dutch unless it reads English and no Dutch."""
    ranges = [each.partition(";") for each in accepted.lower().split(",")]
    read = {
        name.strip().partition("-")[0] for name, _, weight in ranges if weight.strip() not in ("q=0", "q=0.0")
    }
    return "en" if "en" in read and "nl" not in read else "nl"


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["said"] = partial(_said, language)
    for name, words in FILTERS.items():
        environment.filters[name] = partial(_in_language, words, language)
    return environment


def _say(language: str, dutch: str, english: str) -> str:
    """Both languages stand beside each other in a template, so that a change of one meets the other."""
    return english if language == "en" else dutch


def _said(language: str, text: Text) -> str:
    return text.in_language(language)


def _in_language(words: Callable[..., object], language: str, value: object, *rest: object) -> object:
    return words(value, language, *rest)


@cache
def _style_version() -> str:
    """Changes with the style sheet, so that browsers may keep it."""
    return hashlib.sha256((STATIC / "portal.css").read_bytes()).hexdigest()[:12]
