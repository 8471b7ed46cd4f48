"""A world with one gathering that people are invited to, its programme changed as a test needs it."""

import shutil
from datetime import datetime
from pathlib import Path

from engine_cases import MORNING, PROGRAMMES, World, add_school, engine_settings

from calendars.content_lines import Component, Line, read_components
from calendars.mail_parts import read_mail
from models import Message
from traject.store import Store

REFERENCE = "proef:16LF00"
KEY = "kennismaking"


def world_with(
    store: Store,
    database_url: str,
    folder: Path,
    more: str = "",
    *,
    also: tuple[str, ...] = (),
    **launch: object,
) -> World:
    """A school with a launched trajectory; `more` are lines of YAML for the step `kennismaking`, and for those of `also`."""
    programmes = Path(shutil.copytree(PROGRAMMES, folder / "programmes"))
    path = programmes / "proef.yaml"
    extra = "".join(f"        {line.strip()}\n" for line in more.strip().splitlines())
    for key in (KEY, *also):
        step = f"      - gathering: {key}\n"
        path.write_text(path.read_text().replace(step, step + extra))
    made = World(store, engine_settings(database_url, folder / "var", programmes))
    add_school(store)
    made.launch(**launch)
    made.advance(MORNING)
    return made


def invited(world: World) -> datetime:
    """Live until the invitations to `kennismaking` have gone out; gives that instant."""
    at = world.step(KEY).due_at
    assert at is not None
    world.live(at)
    world.deliver(at)
    return at


def calendar_of(message: Message) -> Component:
    """The calendar part of a mail."""
    assert message.data is not None
    parts = [part for part in read_mail(message.data).walk() if part.content_type == "text/calendar"]
    return read_components(parts[0].body)[0]


def event_of(message: Message) -> Component:
    """The event in a mail."""
    return calendar_of(message).inside("VEVENT")[0]


def attendee(message: Message) -> Line:
    """Whom the event in a mail names."""
    found = event_of(message).first("ATTENDEE")
    assert found is not None
    return found


def plain_text(message: Message) -> str:
    """What a person reads in a mail."""
    assert message.data is not None
    parts = [part for part in read_mail(message.data).walk() if part.content_type == "text/plain"]
    return parts[0].body.decode()
