"""Reading when staff are taken from their own calendars: a web address or a file each, once a day.

Only when, never what. An address can be as secret as a password, so it stands in no log and no problem. A calendar that
cannot be read keeps the times that were known, is named at the person with the reason, and stops nothing.
"""

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from sqlalchemy import delete, insert
from sqlmodel import Session, col, select

from calendars.busy import MOST_BYTES, BusyFileError, Interval, parse_busy
from models import BusyTime, Person
from traject.dossier import row_id
from traject.errors import Refused
from traject.programme import Text
from traject.settings import Settings
from traject.store import Store

log = logging.getLogger(__name__)
logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs addresses, and those of calendars are secret

AHEAD = timedelta(days=730)
"""So far ahead it is known when somebody is taken."""
ANSWER_WITHIN = timedelta(seconds=10)
READ_AGAIN_AFTER = timedelta(days=7)
"""Also an unchanged calendar: what repeats reaches a week further."""
AT_ONCE = 8
MOST_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Source:
    """Where somebody's calendar is. `etag`: of what was read, when that is still good enough."""

    person_id: int
    address: str
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one reading: bytes, or nothing new (both None), or a problem."""

    data: bytes | None = None
    etag: str = ""
    problem: Text | None = None


@dataclass
class AgendaReport:
    """Whose calendar (ids) changed, stayed as it was, or could not be read."""

    changed: list[int] = field(default_factory=list)
    unchanged: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)


def read_agendas(store: Store, settings: Settings, *, now: datetime) -> AgendaReport:
    """Read every calendar that is known of staff; each person's times are replaced in one transaction."""
    with store.read() as session:
        sources = [_source(person, now) for person in with_agenda(session)]
    report = AgendaReport()
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        answers = list(pool.map(_fetch, sources))
    for source, answer in zip(sources, answers, strict=True):
        _store_answer(store, settings, source, answer, now, report)
    return report


def set_agenda(store: Store, settings: Settings, email: str, address: str, *, now: datetime) -> int:
    """Read somebody's calendar now and from now on; gives how many times they are taken in the coming two years.

    Refused for an unknown person and for what is no calendar; then what was known stays.
    """
    place = _place(address)
    with store.read() as session:
        person_id = row_id(_person(session, email))
    answer = _fetch(Source(person_id, place))
    times = [] if answer.problem else _parse(answer, settings, now)
    problem = answer.problem if isinstance(times, list) else times
    if problem or not isinstance(times, list):
        said = problem or Text("")
        raise Refused(
            f"de agenda is niet ingesteld: {said.nl}", f"the calendar was not set: {said.in_language('en')}"
        )
    with store.write() as session:
        person = _person(session, email)
        person.agenda = place
        _replace(session, person, times, answer.etag, now)
    return len(times)


def remove_agenda(store: Store, email: str) -> None:
    """Forget somebody's calendar and the times that came from it."""
    with store.write() as session:
        person = _person(session, email)
        if not person.agenda:
            raise Refused(
                f"van {email} is geen agenda ingesteld",
                f"no calendar is set for {email}; `traject people list` shows who has one",
            )
        person.agenda = person.agenda_etag = person.agenda_problem = ""
        person.agenda_read_at = None
        session.exec(delete(BusyTime).where(col(BusyTime.person_id) == person.id))


def with_agenda(session: Session) -> Sequence[Person]:
    """Everybody whose calendar is read; `problem_of` says why it could not be read the last time."""
    return session.exec(select(Person).where(col(Person.agenda) != "").order_by(col(Person.id))).all()


def problem_of(person: Person) -> Text | None:
    """Why somebody's calendar could not be read the last time; None: it could."""
    dutch, _, english = person.agenda_problem.partition("\n")
    return Text(dutch, english) if dutch else None


def _kept(problem: Text) -> str:
    """A problem as the database holds it: Dutch, and English on a line of its own."""
    return f"{problem.nl}\n{problem.en}"


# Where it is


def _place(address: str) -> str:
    """A web address as it is fetched, or the full path of a file. Refused for anything else."""
    parts = urlsplit(address)
    if parts.scheme in ("http", "https", "webcal", "webcals") and parts.hostname:
        return address
    if "://" in address:
        raise Refused(
            "dit adres wordt niet gelezen; geef een adres dat begint met https:// of webcal://, of een bestand",
            "this address is not read; give one that begins with https:// or webcal://, or a file",
        )
    path = Path(address).expanduser()
    if not path.is_file():
        raise Refused(
            f"{address} bestaat niet of is geen bestand; geef een adres dat begint met https:// of een .ics-bestand",
            f"{address} does not exist or is no file; give an address that begins with https:// or an .ics file",
        )
    return str(path.resolve())


def _person(session: Session, email: str) -> Person:
    found = session.exec(select(Person).where(Person.email == email.strip().lower())).one_or_none()
    if found is None:
        raise Refused(
            f"{email} is niet bekend; `traject people list` toont wie er zijn",
            f"{email} is not known; `traject people list` shows who there are",
        )
    return found


def _source(person: Person, now: datetime) -> Source:
    read_at = person.agenda_read_at
    fresh = read_at is not None and now - read_at < READ_AGAIN_AFTER
    return Source(row_id(person), person.agenda, person.agenda_etag if fresh else "")


# Fetching


def _fetch(source: Source) -> Answer:
    if "://" not in source.address:
        return _read_file(Path(source.address))
    url = source.address
    for webcal, http in (("webcals://", "https://"), ("webcal://", "https://")):
        url = http + url.removeprefix(webcal) if url.lower().startswith(webcal) else url
    headers = {"Accept": "text/calendar", "User-Agent": "Traject"}
    if source.etag:
        headers["If-None-Match"] = source.etag
    try:
        with (
            httpx.Client(
                timeout=ANSWER_WITHIN.total_seconds(), follow_redirects=True, max_redirects=MOST_REDIRECTS
            ) as client,
            client.stream("GET", url, headers=headers) as response,
        ):
            if response.status_code == httpx.codes.NOT_MODIFIED:
                return Answer()
            if response.status_code != httpx.codes.OK:
                return Answer(
                    problem=Text(
                        f"de server van de agenda antwoordt {response.status_code}",
                        f"the server of the calendar answers {response.status_code}",
                    )
                )
            return _received(response)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # its message may hold the address
        kind = type(error).__name__
        return Answer(
            problem=Text(
                f"de agenda is niet te bereiken ({kind})", f"the calendar cannot be reached ({kind})"
            )
        )


def _received(response: httpx.Response) -> Answer:
    """The body, no more of it than is read anyway."""
    data = bytearray()
    for part in response.iter_bytes():
        data += part
        if len(data) > MOST_BYTES:
            break
    return Answer(bytes(data), response.headers.get("ETag", "")[:200])


def _read_file(path: Path) -> Answer:
    try:
        with path.open("rb") as file:
            return Answer(file.read(MOST_BYTES + 1))
    except OSError as error:
        kind = type(error).__name__
        return Answer(
            problem=Text(f"het bestand kan niet worden gelezen ({kind})", f"the file cannot be read ({kind})")
        )


# Keeping


def _parse(answer: Answer, settings: Settings, now: datetime) -> list[Interval] | Text:
    """The times; or, as a sentence, why there are none."""
    try:
        return parse_busy(answer.data or b"", first=now, last=now + AHEAD, zone=settings.zone)
    except BusyFileError as error:
        return Text(error.dutch, error.english)


def _store_answer(
    store: Store, settings: Settings, source: Source, answer: Answer, now: datetime, report: AgendaReport
) -> None:
    times = _parse(answer, settings, now) if answer.data is not None else answer.problem
    with store.write() as session:
        person = session.get_one(Person, source.person_id, with_for_update=True)
        if person.agenda != source.address:
            return  # changed meanwhile: that reading was of another calendar
        if isinstance(times, list):
            changed = _replace(session, person, times, answer.etag, now)
            (report.changed if changed else report.unchanged).append(source.person_id)
        elif times is None:
            report.unchanged.append(source.person_id)
            person.agenda_problem = ""
        else:
            report.failed.append(source.person_id)
            if person.agenda_problem != _kept(times):
                log.warning("calendar of staff cannot be read", extra={"person": source.person_id})
                person.agenda_problem = _kept(times)


def _replace(session: Session, person: Person, times: Iterable[Interval], etag: str, now: datetime) -> bool:
    """Keep these times instead of what was known; False when they are the same."""
    person.agenda_read_at, person.agenda_etag, person.agenda_problem = now, etag, ""
    of_person = col(BusyTime.person_id) == person.id
    known = {
        (row.starts_at, row.ends_at)
        for row in session.exec(select(BusyTime).where(of_person))
        if row.ends_at > now
    }
    wanted = set(times)
    # The first may have begun before now: it was cut where it was read.
    if {max(a, now) for a, _ in known} == {a for a, _ in wanted} and {b for _, b in known} == {
        b for _, b in wanted
    }:
        return False
    session.exec(delete(BusyTime).where(of_person))
    if wanted:
        session.exec(
            insert(BusyTime),
            params=[
                {"person_id": person.id, "starts_at": starts_at, "ends_at": ends_at}
                for starts_at, ends_at in sorted(wanted)
            ],
        )
    return True
