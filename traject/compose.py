"""One effect becomes one mail, frozen: its subject and its exact bytes.

`compose` is pure: the same kind, language, context, head and calendar give the same bytes, on every machine. A value
that is missing stops it here (ComposeError), so no mail ever says "None". Templates are templates/emails/<language>/
<kind>/{subject.txt,body.txt,body.html}; docs/mails.md tells how to change one.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from css_inline import CSSInliner
from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    Undefined,
    pass_eval_context,
    select_autoescape,
)
from jinja2.nodes import EvalContext

from models.enums import MessageKind
from traject.mail_bytes import CalendarMethod, CalendarPart, Head, HeaderError, mail_bytes, one_line
from traject.mail_contexts import ComposeError, MailContext, check
from traject.mail_words import FILTERS, LANGUAGES, Dutch, in_dutch

TEMPLATES = Path(__file__).parent.parent / "templates" / "emails"

CALENDAR_METHODS: dict[MessageKind, CalendarMethod] = {
    MessageKind.INVITATION: "REQUEST",
    MessageKind.INVITATION_UPDATE: "REQUEST",
    MessageKind.WAITING_LIST: "REQUEST",
    MessageKind.PLACE_OFFERED: "REQUEST",
    MessageKind.CANCELLATION: "CANCEL",
    MessageKind.DECLINE_COUNTER: "DECLINECOUNTER",
}
"""The kinds that carry a calendar part, and its METHOD; no other kind may carry one."""

_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Composed:
    """A mail that is ready to be queued; `data` never changes after this."""

    subject: str
    data: bytes


def compose(
    kind: MessageKind,
    language: str,
    context: MailContext,
    head: Head,
    *,
    calendar: CalendarPart | None = None,
) -> Composed:
    """Write one mail to one person.

    `context` is of the type CONTEXTS names for `kind`. Raises ComposeError, which names the kind, the field and the
    template, when a value is missing or cannot be sent.
    """
    if language not in LANGUAGES:
        raise ComposeError(kind, "language", f"{language}/{kind}", f"choose one of {', '.join(LANGUAGES)}")
    check(kind, language, context)
    _check_calendar(kind, language, calendar)
    subject_template, text_template, html_template = _templates(kind, language)
    values: dict[str, Any] = {name: getattr(context, name) for name in _names(type(context))}
    values["language"] = language
    subject = one_line(_render(kind, subject_template, values))
    text = _BLANK_LINES.sub("\n\n", _render(kind, text_template, values))
    html = _render(kind, html_template, {**values, "subject": subject})
    try:
        data = mail_bytes(head, subject, language, text, html, calendar)
    except HeaderError as error:
        raise ComposeError(kind, f"head.{error.field}", f"{language}/{kind}", error.problem) from error
    except UnicodeEncodeError as error:
        problem = (
            f"holds half a character (a lone surrogate) near {error.object[error.start - 20 : error.end]!r}"
        )
        raise ComposeError(kind, "text", f"{language}/{kind}", problem) from error
    return Composed(subject, data)


def _check_calendar(kind: MessageKind, language: str, calendar: CalendarPart | None) -> None:
    wanted = CALENDAR_METHODS.get(kind)
    found = None if calendar is None else calendar.method
    if wanted != found:
        problem = f"needs a calendar part with METHOD {wanted}, got {found}"
        raise ComposeError(kind, "calendar", f"{language}/{kind}", problem)
    if calendar is not None and f"\r\nMETHOD:{wanted}\r\n".encode() not in calendar.data:
        # Gmail shows nothing, and later ignores the CANCEL, when header and body do not agree.
        problem = f"the line METHOD:{wanted} does not stand in the calendar part"
        raise ComposeError(kind, "calendar", f"{language}/{kind}", problem)


def _render(kind: MessageKind, template: Template, values: dict[str, Any]) -> str:
    try:
        return template.render(values)
    except (TemplateError, _Unwritable) as error:
        name = template.name or ""
        match = re.search(r"'(\w+)' is undefined", str(error))
        raise ComposeError(kind, match[1] if match else "?", name, str(error)) from error


@lru_cache
def _names(of: type[MailContext]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(of))


@lru_cache
def _templates(kind: MessageKind, language: str) -> tuple[Template, Template, Template]:
    environment = _environment(language)
    subject, text, html = (
        environment.get_template(f"{language}/{kind}/{name}")
        for name in ("subject.txt", "body.txt", "body.html")
    )
    return subject, text, html


@lru_cache
def _environment(language: str) -> Environment:
    """Templates of one language over the shared base."""
    environment = Environment(
        loader=_InliningLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=select_autoescape(("html",), default=False),
        finalize=_writable if language == "nl" else _with_dutch_marked,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    for name, function in FILTERS.items():
        environment.filters[name] = _in_language(function, language)
    return environment


def _in_language(function: Callable[..., object], language: str) -> Callable[..., object]:
    return lambda value, *arguments: function(value, language, *arguments)


class _Unwritable(TypeError):
    """A value that is no text reached a template's output."""


def _writable(value: object) -> object:
    """Let only text and whole numbers into a mail; a None or a bare date is a fault of the template."""
    if isinstance(value, str | int | Undefined) and not isinstance(value, bool):
        return value  # an Undefined raises by itself, with its name
    raise _Unwritable(f"{value!r} cannot be written; use a filter, or say what happens when it is absent")


@pass_eval_context
def _with_dutch_marked(context: EvalContext, value: object) -> object:
    return in_dutch(value) if isinstance(value, Dutch) and context.autoescape else _writable(value)


class _InliningLoader(FileSystemLoader):
    """Reads templates; in HTML the rules of style.css are moved into style attributes, once per template.

    Mail clients drop style sheets. A `{% tag %}` is hidden in a comment meanwhile, so that one between table rows
    stays where it is; `{{ value }}` is plain text or a quoted attribute and needs no help.
    """

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        source, path, is_fresh = super().get_source(environment, template)
        if not template.endswith(".html"):
            return source, path, is_fresh
        hidden = re.sub(r"\{%.*?%\}", r"<!--\g<0>-->", source, flags=re.DOTALL)
        css = (TEMPLATES / "style.css").read_text(encoding="utf-8")
        if hidden.lstrip().lower().startswith("<!doctype"):
            inlined = CSSInliner(extra_css=css, keep_style_tags=True, load_remote_stylesheets=False).inline(
                hidden
            )
        else:
            inlined = CSSInliner(load_remote_stylesheets=False).inline_fragment(hidden, css)
        return re.sub(r"<!--(\{%.*?%\})-->", r"\1", inlined, flags=re.DOTALL), path, is_fresh
