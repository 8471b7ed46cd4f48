"""Whether every mail can be written: each kind in each language, with made-up values in every field."""

from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args, get_origin, get_type_hints

from jinja2 import TemplateError

from calendars.invitation import Attendee, CalendarEvent, cancel, decline_counter, request
from models.enums import MessageKind
from traject.compose import CALENDAR_METHODS, compose
from traject.mail_bytes import CalendarPart, Head
from traject.mail_contexts import CONTEXTS, ComposeError
from traject.mail_words import LANGUAGES

_AT = datetime(2026, 10, 7, 11, 30, tzinfo=UTC)
_HEAD = Head(
    message_id="<check@hart.example>",
    date=_AT,
    from_name="Hart",
    from_email="cmk@hart.example",
    to_name="Noor Visser",
    to_email="noor@school.example",
    reply_to="cmk+check@hart.example",
)
_EVENT = CalendarEvent(
    uid="check@hart.example",
    sequence=0,
    dtstamp=_AT,
    starts_at=_AT,
    ends_at=_AT + timedelta(hours=3),
    summary="Studiemiddag",
    organizer_name="Hart",
    organizer_email="cmk@hart.example",
)
_WRITE = {"REQUEST": request, "CANCEL": cancel, "DECLINECOUNTER": decline_counter}
_SAID = {"email": "sanne@hart.example", "url": "https://traject.example/x", "timezone": "Europe/Amsterdam"}


def template_faults() -> tuple[list[str], int]:
    """What is wrong with the templates, a sentence each, and how many mails were tried. Nothing is sent."""
    faults: list[str] = []
    tried = 0
    for kind in MessageKind:
        for language in LANGUAGES:
            tried += 1
            try:
                compose(kind, language, _sample(CONTEXTS[kind]), _HEAD, calendar=_calendar(kind))
            except ComposeError as error:
                faults.append(str(error))
            except TemplateError as error:  # it is not there, or cannot be read
                where = getattr(error, "name", None) or f"{language}/{kind}"
                line = getattr(error, "lineno", None)
                faults.append(
                    f"templates/emails/{where}{f':{line}' if line else ''}: {error.message or error}"
                )
    return faults, tried


def _calendar(kind: MessageKind) -> CalendarPart | None:
    method = CALENDAR_METHODS.get(kind)
    if method is None:
        return None
    return CalendarPart(method, _WRITE[method](_EVENT, Attendee("Noor Visser", "noor@school.example")))


def _sample(of: type[Any]) -> Any:
    """A context with a value in every field, so that every branch of a template that shows one is taken."""
    hints = get_type_hints(of)
    return of(**{field.name: _value(field.name, hints[field.name], field.default) for field in fields(of)})


def _value(name: str, hint: Any, default: object) -> Any:
    if get_origin(hint) is tuple:
        return tuple(_value(name, each, default) for each in get_args(hint) if each is not Ellipsis)
    if isinstance(hint, type) and is_dataclass(hint):
        return _sample(hint)
    kinds = [kind for kind in get_args(hint) if kind is not type(None)] or [hint]
    match kinds[0].__name__:
        case "str":
            return next((said for part, said in _SAID.items() if name.endswith(part)), f"Tekst van {name}")
        case "datetime":
            return _AT + timedelta(hours=3) if name.startswith("ends") else _AT
        case "date":
            return date(2026, 10, 7)
        case "int":
            return 10
        case _:
            return kinds[0]() if default is MISSING else default
