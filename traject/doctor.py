"""Whether everything that Traject needs works, part by part, each with what to do when it does not."""

import asyncio
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from dns.resolver import Resolver
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import func, select

from models import Event, ProgrammeVersion
from traject import mail_dns, prefect_server
from traject.mail_check import template_faults
from traject.mailbox_address import mailbox_address
from traject.mailbox_error import MailboxError, Trouble, found, remedy
from traject.programme import Text
from traject.programme_file import ProgrammeError, load_programmes
from traject.reading import open_mailbox
from traject.schema import SchemaState, schema_state
from traject.settings import Settings
from traject.smtp import Line
from traject.staff_agenda import problem_of, with_agenda
from traject.store import Store

LEAST_ROOM = 200 * 1024 * 1024
"""Bytes that must be free: a year of mail for 100 schools is about half of it."""

MOST_DRIFT = timedelta(minutes=2)
ANSWER_WITHIN = timedelta(seconds=5)


NONE = Text("")


@dataclass(frozen=True, slots=True)
class Check:
    """One part: what was found, and the remedy when it is not ok."""

    part: str
    is_ok: bool
    found: Text
    remedy: Text = NONE


class _Sick(Exception):
    """A part does not work; holds what was found and the remedy."""

    def __init__(self, found: Text, remedy: Text) -> None:
        self.found, self.remedy = found, remedy
        super().__init__(found.nl)


def examine(settings: Settings, now: datetime, resolver: Resolver | None = None) -> list[Check]:
    """Look at every part, in order of dependence; nothing is changed. One that fails does not stop the others.

    `resolver`: the name servers to ask about the sender's domain; None: those of this machine.
    """
    parts: list[tuple[str, Callable[[], Text]]] = [
        ("programmes", lambda: _programmes(settings)),
        ("templates", _templates),
        ("disk", lambda: _disk(settings)),
        ("database", lambda: _database(settings)),
        ("clock", lambda: _clock(settings, now)),
        ("smtp", lambda: _smtp(settings)),
        ("mailbox", lambda: _mailbox(settings, now)),
        ("agendas", lambda: _agendas(settings)),
        ("prefect", lambda: _prefect(settings)),
    ]
    checks: list[Check] = []
    for part, look in parts:
        try:
            checks.append(Check(part, True, look()))
        except _Sick as sick:
            checks.append(Check(part, False, sick.found, sick.remedy))
    seen = mail_dns.look(settings, resolver or mail_dns.system_resolver())
    checks += [Check(one.part, one.is_ok, one.found, one.remedy) for one in seen]
    return checks


def _programmes(settings: Settings) -> Text:
    folder = settings.programmes_dir
    try:
        programmes = load_programmes(folder)
    except ProgrammeError as error:
        raise _Sick(
            Text(str(error), error.english),
            Text("verbeter de genoemde regels", "correct the lines that are named"),
        ) from error
    if not programmes:
        raise _Sick(
            Text(f"in {folder} staat geen programma", f"{folder} holds no programme"),
            Text(
                "laat TRAJECT_PROGRAMMES_DIR naar de map programmes wijzen",
                "point TRAJECT_PROGRAMMES_DIR at programmes/",
            ),
        )
    names = ", ".join(f"{programme.key}@{programme.version}" for programme in programmes.values())
    return Text(f"{len(programmes)} in orde: {names}", f"{len(programmes)} valid: {names}")


def _templates() -> Text:
    faults, tried = template_faults()
    if faults:
        raise _Sick(
            Text("\n".join(faults)),
            Text(
                "verbeter het genoemde bestand onder templates/emails",
                "correct the file under templates/emails",
            ),
        )
    return Text(f"{tried} mails worden goed opgemaakt", f"{tried} mails render")


def _disk(settings: Settings) -> Text:
    place = settings.var_dir.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    english = f"{free // 1024 // 1024:,} MB"
    said = english.replace(",", ".")
    if free < LEAST_ROOM or not place.is_dir() or not os.access(place, os.W_OK):
        raise _Sick(
            Text(f"{place}: {said} vrij", f"{place}: {english} free"),
            Text(
                "maak ruimte vrij, of zet TRAJECT_VAR_DIR op een schijf waar geschreven kan worden",
                "make room, or set TRAJECT_VAR_DIR to a disk that can be written",
            ),
        )
    return Text(f"{said} vrij in {place}", f"{english} free in {place}")


_INIT = Text("voer `traject init` uit", "run `traject init`")


def _database(settings: Settings) -> Text:
    shown = make_url(settings.database_url).render_as_string()
    with closing(_store(settings)) as store:
        try:
            state = schema_state(store)
            if state is SchemaState.NEWER:
                raise _Sick(
                    Text(
                        f"{shown} is nieuwer dan deze versie van Traject",
                        f"{shown} is newer than this Traject",
                    ),
                    Text("werk Traject bij", "update Traject"),
                )
            if state is not SchemaState.CURRENT:
                raise _Sick(
                    Text(
                        f"{shown} heeft nog niet de tabellen van deze versie",
                        f"{shown} lacks this version's tables",
                    ),
                    _INIT,
                )
            with store.write() as session:  # rolled back: only to see that it can be written
                session.connection().execute(text("UPDATE programme_versions SET title = title"))
                session.rollback()
        except DBAPIError as error:
            raise _unreachable(shown, error) from error
    return Text(f"{shown} is bij en kan worden beschreven", f"{shown} is current and can be written")


def _store(settings: Settings) -> Store:
    """The database; never makes a file of one that is not there."""
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise _Sick(
            Text(f"{url.render_as_string()} is er nog niet", f"{url.render_as_string()} is not there yet"),
            _INIT,
        )
    return Store(settings.database_url)


def _unreachable(shown: str, error: DBAPIError) -> _Sick:
    reason = str(error.orig).strip().splitlines()[0]
    return _Sick(
        Text(f"{shown}: {reason}"),
        Text(
            "controleer TRAJECT_DATABASE_URL, of de server draait, en de rechten op het bestand",
            "check TRAJECT_DATABASE_URL, that the server runs, and the rights on the file",
        ),
    )


def _clock(settings: Settings, now: datetime) -> Text:
    """The clock against what cannot lie in the future: the database server's own, its file, what Traject wrote."""
    said = now.astimezone(settings.zone).strftime("%d-%m-%Y %H:%M")
    witnesses: list[tuple[datetime, Text]] = []
    with closing(_store(settings)) as store:
        try:
            with store.read() as session:
                written = [session.exec(select(func.max(Event.at))).one()]
                written.append(session.exec(select(func.max(ProgrammeVersion.stored_at))).one())
                witnesses += [
                    (at, Text("Traject schreef later dan nu", "Traject wrote later than now"))
                    for at in written
                    if at
                ]
                if not store.is_sqlite:
                    server = session.connection().execute(text("SELECT clock_timestamp()")).scalar_one()
                    if server < now - MOST_DRIFT:
                        raise _slow_or_fast(
                            said, Text("de databaseserver loopt achter", "the database server is behind")
                        )
                    witnesses.append(
                        (server, Text("de databaseserver loopt voor", "the database server is ahead"))
                    )
        except DBAPIError as error:
            raise _unreachable(make_url(settings.database_url).render_as_string(), error) from error
        if store.is_sqlite:
            touched = Path(store.engine.url.database or "").stat().st_mtime
            file = Text("het databasebestand is later geschreven", "the database file was written later")
            witnesses.append((datetime.fromtimestamp(touched, UTC), file))
    for at, meaning in witnesses:
        if at > now + MOST_DRIFT:
            raise _slow_or_fast(said, meaning)
    return Text(f"{said} ({settings.timezone})")


def _agendas(settings: Settings) -> Text:
    """The calendars of staff, as they were read the last time."""
    try:
        with closing(_store(settings)) as store, store.read() as session:
            people = with_agenda(session)
    except (_Sick, DBAPIError):  # the check of the database says why
        return Text("niet bekeken: dat vraagt de database", "not looked at: that takes the database")
    broken = [(person.name, problem) for person in people if (problem := problem_of(person))]
    if broken:
        raise _Sick(
            Text(
                "; ".join(f"{name}: {problem.nl}" for name, problem in broken),
                "; ".join(f"{name}: {problem.in_language('en')}" for name, problem in broken),
            ),
            Text(
                "de laatst bekende tijden blijven gelden; geef het goede adres met `traject people agenda`",
                "the times that were known stay; give the right address with `traject people agenda`",
            ),
        )
    return Text(f"{len(people)} gelezen", f"{len(people)} read")


def _slow_or_fast(said: str, meaning: Text) -> _Sick:
    return _Sick(
        Text(
            f"de klok staat op {said}, maar {meaning.nl}",
            f"the clock says {said}, but {meaning.in_language('en')}",
        ),
        Text(
            "zet de klok gelijk (NTP) op alle machines; na `run-once --now` in de toekomst gaat dit vanzelf over",
            "set the clock (NTP) on all machines; after `run-once --now` in the future this passes by itself",
        ),
    )


def _smtp(settings: Settings) -> Text:
    shown = make_url(settings.mail_url).render_as_string()

    async def greet() -> Any:
        line = Line(settings, ANSWER_WITHIN)
        try:
            return await line.open()
        finally:
            await line.close()

    refusal = asyncio.run(greet())
    if refusal is not None:
        remedy = (
            Text(
                "controleer TRAJECT_SMTP_URL (naam, poort, TLS, wachtwoord)",
                "check TRAJECT_SMTP_URL (host, port, TLS, password)",
            )
            if settings.smtp_url
            else Text(
                "start `traject up`, dat de lokale postbus meebrengt, of zet TRAJECT_SMTP_URL",
                "start `traject up`, which brings the local mailbox, or set TRAJECT_SMTP_URL",
            )
        )
        raise _Sick(Text(f"{shown}: {refusal}"), remedy)
    return Text(f"{shown} neemt mail aan", f"{shown} takes mail")


def _mailbox(settings: Settings, now: datetime) -> Text:
    """Opened as a reading opens it, and left as it is."""
    if not settings.mailbox_url:
        return Text(
            "geen postbus ingesteld: antwoorden komen binnen met `traject inbox add`",
            "no mailbox set: answers come in with `traject inbox add`",
        )
    shown = mailbox_address(settings.mailbox_url).name
    try:
        count, is_full = open_mailbox(settings, now, timeout=ANSWER_WITHIN)
    except MailboxError as error:
        what = found(error.trouble)
        raise _Sick(
            Text(
                f"{shown}: {what.nl} ({error.detail})", f"{shown}: {what.in_language('en')} ({error.detail})"
            ),
            remedy(error.trouble),
        ) from error
    if is_full:
        what = found(Trouble.FULL)
        raise _Sick(Text(f"{shown}: {what.nl}", f"{shown}: {what.in_language('en')}"), remedy(Trouble.FULL))
    return Text(f"{shown} kan worden gelezen: {count} mails", f"{shown} can be read: {count} mails")


def _prefect(settings: Settings) -> Text:
    up = Text("start `traject up` (of `make run`)", "start `traject up` (or `make run`)")
    url = settings.prefect_api_url
    try:
        with httpx.Client(
            base_url=url, auth=settings.prefect_login, timeout=ANSWER_WITHIN.total_seconds(), trust_env=False
        ) as api:
            if (health := api.get("/health")).status_code != 200:
                raise _Sick(
                    Text(f"{url} antwoordt {health.status_code}", f"{url} answers {health.status_code}"), up
                )
            file = Path("prefect.yaml")
            wanted = prefect_server.deployments(file) if file.exists() else []
            missing = [name for name in wanted if api.get(f"/deployments/name/{name}").status_code != 200]
            if missing:
                listed = ", ".join(missing)
                raise _Sick(
                    Text(f"niet uitgerold: {listed}", f"not deployed: {listed}"),
                    Text(
                        "start `traject up`, of voer `prefect deploy --all` uit", "run `prefect deploy --all`"
                    ),
                )
            pool = api.get(f"/work_pools/{prefect_server.POOL}")
            status = pool.json().get("status") if pool.status_code == 200 else "NOT_FOUND"
    except httpx.HTTPError as error:
        raise _Sick(
            Text(f"{url} antwoordt niet ({type(error).__name__})", f"{url} does not answer"), up
        ) from error
    if status != "READY":
        raise _Sick(
            Text(f"geen worker aan het werk ({status})", f"no worker online ({status})"),
            Text(
                f"start `traject up`, of een worker: `prefect worker start --pool {prefect_server.POOL}`",
                f"start `traject up`, or a worker: `prefect worker start --pool {prefect_server.POOL}`",
            ),
        )
    return Text(
        f"{len(wanted)} flows uitgerold, een worker werkt",
        f"{len(wanted)} flows deployed, a worker is online",
    )
