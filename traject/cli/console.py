"""How the command line speaks: in which language, to which stream, with which exit code, and never with a trace."""

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType
from sqlalchemy import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from typer.core import TyperGroup

from calendars.school_year import school_calendar
from traject import clock
from traject.cli.help import fault_in_dutch, speak_dutch, write_commands
from traject.errors import Refused, StoreError, TrajectError, unread
from traject.schema import SchemaState, schema_state
from traject.settings import Settings, load_settings
from traject.store import Store

SEPARATOR = "\x1f"
NEXT = ("eerstvolgende", "next")
USAGE_ERROR: Any = typer.BadParameter.__base__
"""What typer raises when a command was not typed as it should be; it has no public name."""

TOO_LARGE = "22003"
"""What PostgreSQL calls a number that does not fit (SQLSTATE numeric_value_out_of_range)."""

CALENDAR_YEARS = range(2000, 2200)
"""Beyond these a moment is a slip of the pen."""


def both(dutch: str, english: str) -> str:
    """A help text in two languages; Group shows the one that was asked for."""
    return f"{dutch}{SEPARATOR}{english}"


AsJson = Annotated[
    bool, typer.Option("--json", help=both("Alleen JSON op de uitvoer.", "Only JSON on the output."))
]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help=both("Niet om bevestiging vragen.", "Do not ask to confirm."))
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help=both("Alleen laten zien, niets veranderen.", "Only show, change nothing.")
    ),
]


class Desk:
    """What a command works with: settings, database, clock, and a voice. Everything is opened when it is first used."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._store: Store | None = None

    def say(self, dutch: str, english: str) -> str:
        """The text in the language that was asked for."""
        return english if self.language == "en" else dutch

    @cached_property
    def settings(self) -> Settings:
        """The settings of the environment, in the language that was asked for."""
        return load_settings().model_copy(update={"language": self.language})

    @property
    def store(self) -> Store:
        """The database. StoreError when `traject init` must run first, or the database is newer than the code."""
        if self._store is None:
            self._store = self._open()
        return self._store

    def _open(self) -> Store:
        url = make_url(self.settings.database_url)
        shown = url.render_as_string()
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
            raise StoreError(
                f"de database {shown} is er nog niet; voer eerst `traject init` uit",
                f"no database {shown} yet; run `traject init` first",
            )
        store = Store(self.settings.database_url)
        state = schema_state(store)
        if state is SchemaState.NEWER:
            raise StoreError(
                f"de database {shown} is nieuwer dan deze versie van Traject; werk Traject bij, of laat "
                "TRAJECT_DATABASE_URL naar een andere database wijzen",
                f"the database {shown} is newer than this version of Traject; update Traject, or point "
                "TRAJECT_DATABASE_URL at another database",
            )
        if state is not SchemaState.CURRENT:
            raise StoreError(
                f"de database {shown} heeft nog niet de tabellen van deze versie; voer eerst `traject init` uit",
                f"the database {shown} lacks the tables of this version; run `traject init` first",
            )
        return store

    def close(self) -> None:
        """Give the database back."""
        if self._store is not None:
            self._store.close()

    def now(self) -> datetime:
        """The present instant."""
        return clock.now()

    def show(self, *what: RenderableType) -> None:
        """Tables and sentences for a person, on the output."""
        console = Console(highlight=False, width=None if sys.stdout.isatty() else 80)
        for each in what:
            console.print(each)

    def tell(self, text: str) -> None:
        """One sentence for a person, as it is."""
        Console(highlight=False, soft_wrap=True).print(text, markup=False)

    def give(self, data: Any) -> None:
        """Values for a machine: JSON and nothing else on the output."""
        sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2, default=str) + "\n")

    def warn(self, text: str) -> None:
        """A sentence on the error stream."""
        Console(stderr=True, highlight=False, soft_wrap=True).print(text, markup=False, style="red")

    def confirm(self) -> bool:
        """Ask whether to go on; no answer is no."""
        question = self.say("Doorgaan? [j/N]", "Go on? [y/N]")
        try:
            answer = typer.prompt(question, default="n", show_default=False, err=True)
        except typer.Abort:
            answer = ""
        if answer.strip().lower() in ("j", "ja", "y", "yes"):
            return True
        self.warn(self.say("Afgebroken; er is niets veranderd.", "Stopped; nothing was changed."))
        return False

    def refuse_unasked(self, *, yes: bool, dry_run: bool, as_json: bool) -> None:
        """A machine cannot be asked whether to go on. BadUsage when it does not say so beforehand."""
        if as_json and not (yes or dry_run):
            raise BadUsage(
                self.say("geef bij --json ook --yes of --dry-run", "with --json also give --yes or --dry-run")
            )

    def day(self, text: str) -> date:
        """A date as people write it: 2026-09-14 or 14-9-2026; `eerstvolgende` (`next`) is the next school day."""
        if text.strip().lower() in NEXT:
            return self._next_school_day()
        for form in ("%Y-%m-%d", "%d-%m-%Y"):
            try:
                found = datetime.strptime(text.strip(), form).date()  # noqa: DTZ007 - a day has no zone
            except ValueError:
                continue
            if found.year in CALENDAR_YEARS:
                return found
        raise BadUsage(
            self.say(
                f"‘{text}’ is geen datum; schrijf 2026-09-14, 14-09-2026 of eerstvolgende (schooldag)",
                f"‘{text}’ is no date; write 2026-09-14, 14-09-2026 or next (school day)",
            )
        )

    def _next_school_day(self) -> date:
        calendar = school_calendar(timezone=self.settings.timezone)
        return calendar.next_working_day(calendar.to_local(self.now()).date() + timedelta(days=1))

    def instant(self, text: str) -> datetime:
        """A moment: `2026-10-07 13:30` or `7-10-2026 13:30` in local time, ISO 8601 with an offset, or `eerstvolgende`.

        That is the next school day at 10:00. A day alone is no moment: nobody means midnight.
        """
        if text.strip().lower() in NEXT:
            return datetime.combine(self._next_school_day(), time(10), self.settings.zone)
        moment = _moment(text.strip())
        if moment is None or moment.year not in CALENDAR_YEARS:
            raise BadUsage(
                self.say(
                    f"‘{text}’ is geen moment; schrijf dag en tijd, zoals ‘2026-10-07 13:30’",
                    f"‘{text}’ is no moment; write day and time, like ‘2026-10-07 13:30’",
                )
            )
        # In UTC, because a local time that the clock skips would be said as it is and kept as another.
        return (moment if moment.tzinfo else moment.replace(tzinfo=self.settings.zone)).astimezone(UTC)

    def read(self, path: Path) -> bytes:
        """The bytes of a file that was named. Refused when it cannot be read."""
        try:
            return path.read_bytes()
        except OSError as error:
            raise Refused(
                f"{path} {unread(error)}; kijk of de naam klopt",
                f"{path} cannot be read: {error.strerror}; check the name",
            ) from error


def _moment(text: str) -> datetime | None:
    for form in ("%Y-%m-%d %H:%M", "%d-%m-%Y %H:%M"):
        with suppress(ValueError):
            return datetime.strptime(text, form)  # noqa: DTZ007 - given its zone by who asks
    with suppress(ValueError):
        date.fromisoformat(text)
        return None
    with suppress(ValueError):
        return datetime.fromisoformat(text)
    return None


class BadUsage(TrajectError):
    """A command was not given what it needs; exit code 2."""


def desk(context: typer.Context) -> Desk:
    """The desk of this run."""
    found = context.find_object(Desk)
    if found is None:
        message = "no desk was made for this run"
        raise RuntimeError(message)
    return found


class Group(TyperGroup):
    """The `traject` command: speaks Dutch or English, and turns faults into one sentence and an exit code."""

    language = "nl"

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Choose the language first, because help is written while arguments are read."""
        if parent is None:
            self.language = language_of(args)
            _translate(self, self.language)
        return super().make_context(info_name, args, parent, **extra)

    def _mistyped(self, error: Any, context: Any) -> None:
        """Say in Dutch what was not typed as it should be; in English typer says it, and a missing command is help."""
        context = error.ctx or context
        if self.language == "en" or error.format_message() == context.get_help():
            raise error
        voice = _voice(context)
        voice.warn(fault_in_dutch(error.format_message()))
        voice.warn(f"Uitleg: {context.command_path} --help")

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands by what one wants to do."""
        write_commands(self.commands, formatter, self.language)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; what reaches a person is a sentence."""
        try:
            return super().invoke(ctx)
        except USAGE_ERROR as error:
            self._mistyped(error, ctx)
            raise typer.Exit(2) from error
        except TrajectError as error:
            found = _voice(ctx)
            in_language = getattr(error, "in_language", None)
            said = in_language(found.language) if in_language else str(error)
            found.warn(said)
            raise typer.Exit(2 if isinstance(error, BadUsage) else 1) from error
        except OverflowError as error:  # a number that SQLite cannot hold
            _too_large(ctx)
            raise typer.Exit(2) from error
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", "") == TOO_LARGE:
                _too_large(ctx)
                raise typer.Exit(2) from error
            if isinstance(error, (IntegrityError, ProgrammingError, DataError)):
                raise  # our mistake, not the database's
            reason, found = str(error.orig).strip().splitlines()[0], _voice(ctx)
            found.warn(
                found.say(
                    f"De database kan niet worden gebruikt: {reason}. Er is niets half gedaan. Controleer "
                    "TRAJECT_DATABASE_URL, of de server draait, of daar geschreven mag worden en of de schijf niet vol is.",
                    f"The database cannot be used: {reason}. Nothing was half done. Check TRAJECT_DATABASE_URL, that "
                    "the server runs, that it may be written and that the disk is not full.",
                )
            )
            raise typer.Exit(1) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            _voice(ctx).warn(f"{error.strerror or error}{where}")
            raise typer.Exit(1) from error


def _too_large(context: Any) -> None:
    at = _voice(context)
    at.warn(
        at.say(
            "Dat getal is te groot; er is niets veranderd. Kijk na welk nummer je bedoelt.",
            "That number is too large; nothing was changed. Check which number you mean.",
        )
    )


def _voice(context: Any) -> Desk:
    """The desk of this run, also when it failed before there was one."""
    return context.obj if isinstance(context.obj, Desk) else Desk(language_of([]))


def language_of(args: Sequence[str]) -> str:
    """The language of `--lang`, else of TRAJECT_LANGUAGE, else Dutch."""
    for number, arg in enumerate(args):
        if arg == "--lang" and number + 1 < len(args):
            return "en" if args[number + 1] == "en" else "nl"
        if arg.startswith("--lang="):
            return "en" if arg == "--lang=en" else "nl"
    return "en" if os.environ.get("TRAJECT_LANGUAGE") == "en" else "nl"


def _translate(command: Any, language: str) -> None:
    """Keep of every help text the language that was asked for."""
    if language == "nl":
        speak_dutch(command)
    for thing in (command, *getattr(command, "params", ())):
        for name in ("help", "short_help", "epilog"):
            text = getattr(thing, name, None)
            if text and SEPARATOR in text:
                setattr(thing, name, text.split(SEPARATOR)[language == "en"])
    for inner in getattr(command, "commands", {}).values():
        _translate(inner, language)
