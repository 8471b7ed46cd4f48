"""Staff's own calendars, dates that staff choose, and what is done about gatherings that have none."""

import http.server
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from engine_cases import ADVISER, MORNING, ZONE, World, add_school, dump, local, request
from gathering_cases import KEY, REFERENCE, world_with
from sqlmodel import select

from calendars.school_year import DayOff as DayOffValue
from models import BusyTime, DayOff, Message, Organisation, Person, Task
from models.enums import StepState, TaskState
from traject.days_off import change_days_off
from traject.errors import Refused
from traject.launch import RoleGiven, launch
from traject.overview import Coming, coming
from traject.plan import LONGEST_KEPT
from traject.reconcile import reconcile
from traject.scheduling import schedule_gatherings
from traject.staff import finish_task, move_step
from traject.staff_agenda import READ_AGAIN_AFTER, read_agendas, remove_agenda, set_agenda
from traject.staff_dates import choose
from traject.store import Store

SECRET = "Gesprek met de bedrijfsarts"
SAM = ADVISER.email


def taken(*times: tuple[datetime, datetime]) -> str:
    events = "".join(
        f"BEGIN:VEVENT\r\nUID:{number}\r\nSUMMARY:{SECRET}\r\nDTSTART:{a:%Y%m%dT%H%M%SZ}\r\n"
        f"DTEND:{b:%Y%m%dT%H%M%SZ}\r\nEND:VEVENT\r\n"
        for number, (a, b) in enumerate(times)
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//nl\r\n{events}END:VCALENDAR\r\n"


def whole_day(year: int, month: int, day: int) -> tuple[datetime, datetime]:
    return local(year, month, day, 8), local(year, month, day, 18)


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    return world_with(store, database_url, tmp_path)


@pytest.fixture
def staffed(store: Store, database_url: str, tmp_path: Path) -> World:
    """Where staff choose the date of the first meeting."""
    return world_with(store, database_url, tmp_path, "date: staff")


def write(world: World, tmp_path: Path, *times: tuple[datetime, datetime]) -> Path:
    path = tmp_path / "sam.ics"
    path.write_text(taken(*times))
    return path


def when(world: World, key: str = KEY) -> datetime:
    at = world.step(key).starts_at
    assert at is not None
    return at


# Their calendars


def test_a_gathering_makes_way_for_what_stands_in_the_advisers_calendar(world: World, tmp_path: Path):
    before = when(world)
    day = (before.replace(hour=6), before.replace(hour=17))
    assert set_agenda(world.store, world.settings, SAM, str(write(world, tmp_path, day)), now=MORNING) == 1
    report = schedule_gatherings(world.store, world.settings, now=MORNING)
    assert report.replanned == [world.trajectory().id]
    assert when(world) > before
    again = dump(world.store)
    assert schedule_gatherings(world.store, world.settings, now=MORNING).replanned == []
    assert dump(world.store) == again


def test_a_date_that_still_will_do_agrees_with_the_plan_also_when_an_earlier_one_came_free(
    world: World, tmp_path: Path
):
    free = when(world)
    long = (free.replace(hour=6), free.replace(hour=17) + LONGEST_KEPT + timedelta(days=1))
    set_agenda(world.store, world.settings, SAM, str(write(world, tmp_path, long)), now=MORNING)
    schedule_gatherings(world.store, world.settings, now=MORNING)
    planned = when(world)
    assert planned - free > LONGEST_KEPT
    set_agenda(world.store, world.settings, SAM, str(write(world, tmp_path)), now=MORNING)
    assert reconcile(world.store, world.settings, MORNING) == [], "nothing wakes it, as nothing is wrong"
    day = (planned.replace(hour=6), planned.replace(hour=17))
    set_agenda(world.store, world.settings, SAM, str(write(world, tmp_path, day)), now=MORNING)
    assert {found.code for found in reconcile(world.store, world.settings, MORNING)} == {"plan"}


def test_nothing_of_a_calendar_but_its_times_is_kept_or_logged(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    path = write(world, tmp_path, whole_day(2026, 10, 6))
    set_agenda(world.store, world.settings, SAM, str(path), now=MORNING)
    path.write_text(taken(whole_day(2026, 10, 7)).replace("DTEND:", "DTEND:gisteren"))
    schedule_gatherings(world.store, world.settings, now=MORNING)
    assert SECRET not in str(dump(world.store))
    assert SECRET not in caplog.text
    assert str(path) not in caplog.text


@pytest.mark.parametrize("broken", ["", "<html>Inloggen</html>", None], ids=["empty", "a page", "gone"])
def test_a_calendar_that_cannot_be_read_keeps_the_times_and_is_said_once(
    world: World, tmp_path: Path, broken: str | None, caplog: pytest.LogCaptureFixture
):
    path = write(world, tmp_path, whole_day(2026, 10, 6))
    set_agenda(world.store, world.settings, SAM, str(path), now=MORNING)
    path.unlink() if broken is None else path.write_text(broken)
    for hours in (1, 2):
        read_agendas(world.store, world.settings, now=MORNING + timedelta(hours=hours))
    [person] = world.rows(Person, Person.email == SAM)
    assert person.agenda_problem
    assert person.agenda_read_at == MORNING
    assert len(world.rows(BusyTime)) == 1
    assert len([r for r in caplog.records if r.message == "calendar of staff cannot be read"]) == 1
    path.write_text(taken())
    read_agendas(world.store, world.settings, now=MORNING + timedelta(hours=3))
    [person] = world.rows(Person, Person.email == SAM)
    assert (person.agenda_problem, world.rows(BusyTime)) == ("", [])


def test_a_calendar_that_is_removed_is_forgotten(world: World, tmp_path: Path):
    set_agenda(
        world.store, world.settings, SAM, str(write(world, tmp_path, whole_day(2026, 10, 6))), now=MORNING
    )
    remove_agenda(world.store, SAM)
    [person] = world.rows(Person, Person.email == SAM)
    assert (person.agenda, person.agenda_read_at, world.rows(BusyTime)) == ("", None, [])
    with pytest.raises(Refused, match="geen agenda ingesteld"):
        remove_agenda(world.store, SAM)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("ftp://agenda.example/sam.ics", "begint met https://"),
        ("er-is-niets.ics", "bestaat niet"),
        ("http://127.0.0.1:1/sam.ics", "niet te bereiken"),
    ],
)
def test_an_address_that_gives_no_calendar_is_refused_and_nothing_changes(
    world: World, address: str, why: str
):
    before = dump(world.store)
    with pytest.raises(Refused, match=why):
        set_agenda(world.store, world.settings, SAM, address, now=MORNING)
    assert dump(world.store) == before


def test_a_calendar_of_somebody_who_is_not_known_is_refused(world: World, tmp_path: Path):
    path = str(write(world, tmp_path, whole_day(2026, 10, 6)))
    with pytest.raises(Refused, match="niet bekend"):
        set_agenda(world.store, world.settings, "niemand@hart.example", path, now=MORNING)


class _Server(http.server.ThreadingHTTPServer):
    """Somebody's calendar on the web."""

    body = b""
    asked: list[str | None]


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        server.asked.append(self.headers["If-None-Match"])
        if self.headers["If-None-Match"] == '"een"':
            self.send_response(304)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("ETag", '"een"')
        self.end_headers()
        self.wfile.write(server.body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the output of the tests."""


@pytest.fixture
def web() -> Iterator[_Server]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_unchanged_calendar_is_fetched_again_once_a_week(
    world: World, web: _Server, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    web.body = taken(whole_day(2026, 10, 6)).encode()
    secret = f"http://127.0.0.1:{web.server_port}/geheim-4711.ics"
    set_agenda(world.store, world.settings, SAM, secret, now=MORNING)
    for days in (1, 6, 7, 8):
        report = read_agendas(world.store, world.settings, now=MORNING + timedelta(days=days))
        assert report.failed == []
    assert web.asked == [None, '"een"', '"een"', None, '"een"']
    assert timedelta(days=7) == READ_AGAIN_AFTER
    assert len(world.rows(BusyTime)) == 1
    assert "geheim-4711" not in "".join(r.getMessage() for r in caplog.records if r.name != "httpcore")


def test_a_calendar_that_never_ends_is_cut_off_and_refused(world: World, web: _Server):
    web.body = taken().encode() + b" " * 6_000_000
    with pytest.raises(Refused, match="groter dan 5 MB"):
        set_agenda(world.store, world.settings, SAM, f"http://127.0.0.1:{web.server_port}/x", now=MORNING)


# Schools of a group


def test_a_group_meets_on_no_day_on_which_a_school_of_its_people_is_free(
    store: Store, database_url: str, tmp_path: Path
):
    world = world_with(store, database_url, tmp_path)
    add_school(store, "16LG00", "De Vogels")
    with store.write() as session:
        schools = {each.name: each for each in session.exec(select(Organisation))}
        people = [
            Person(name="Kim Mol", email="kim@een.example", organisation_id=schools["De Kleine Wereld"].id),
            Person(name="Ria Bos", email="ria@twee.example", organisation_id=schools["De Vogels"].id),
        ]
        session.add_all(people)
        for name, day in (("De Kleine Wereld", date(2026, 11, 3)), ("De Vogels", date(2026, 11, 5))):
            session.add(
                DayOff(organisation_id=schools[name].id or 0, starts_on=day, ends_on=day, label="Studiedag")
            )
    group = request(
        programme="proefgroep",
        school=None,
        group="Haarlem",
        roles=(
            RoleGiven("deelnemer", "Kim Mol", "kim@een.example"),
            RoleGiven("deelnemer", "Ria Bos", "ria@twee.example"),
            RoleGiven("adviseur", "Ada Bos", "ada@hart.example"),
        ),
        starts_on=date(2026, 9, 28),
    )
    launch(store, [group], settings=world.settings, now=MORNING)
    assert when(world, "eerste") == local(2026, 11, 10, 13, 30)  # else 3 November, or 5
    day = DayOffValue(date(2026, 11, 10), date(2026, 11, 10), "Studiedag")
    result = change_days_off(store, world.settings, "16LG00", now=MORNING, add=[day])
    assert [each.reference for each in result.trajectories] == ["proefgroep:haarlem"]
    assert when(world, "eerste") == local(2026, 11, 12, 13, 30)


# Dates that staff choose


def asked_at(world: World) -> datetime:
    """Live until staff are asked; gives that instant."""
    at = world.step(KEY).due_at
    assert at is not None
    world.live(at)
    return at


def test_what_is_coming_says_that_staff_choose_a_date_before_anybody_is_invited(staffed: World):
    def first() -> Coming:
        with staffed.store.read() as session:
            found = coming(session, until=MORNING + timedelta(days=90), now=MORNING)
        return next(one for one in found if one.key == KEY and one.what != "hold")

    assert (first().what, [role.nl for role in first().to]) == ("choose", ["adviseur"])
    choose(staffed.store, staffed.settings, REFERENCE, KEY, to=local(2026, 10, 8, 14), now=MORNING)
    assert (first().what, len(first().to)) == ("invite", 3)


def test_staff_are_asked_with_the_three_best_moments_and_nobody_is_invited(staffed: World):
    at = asked_at(staffed)
    [task] = [t for t in staffed.tasks() if t.effect_key.endswith(":choose")]
    assert "1. " in task.detail
    assert "3. " in task.detail
    assert "4. " not in task.detail
    assert f"traject choose {REFERENCE} {KEY}" in task.detail
    assert len(staffed.mails("task", to=SAM)) == 1
    assert staffed.step(KEY).state is StepState.PLANNED
    staffed.live(at + timedelta(days=60))
    assert staffed.mails("invitation") == []
    assert staffed.step(KEY).state is StepState.PLANNED


def test_when_staff_have_chosen_the_invitations_follow_at_their_time_and_the_task_is_done(staffed: World):
    at = asked_at(staffed)
    to = (when(staffed).astimezone(ZONE) + timedelta(days=28)).astimezone(UTC)  # the same hour
    choose(staffed.store, staffed.settings, REFERENCE, KEY, to=to, now=at)
    [task] = staffed.rows(Task, Task.title == f"Kies een datum: {staffed.step(KEY).title}")
    assert task.state is TaskState.DONE
    due = staffed.step(KEY).due_at
    assert due is not None
    staffed.live(due)
    assert staffed.step(KEY).state is StepState.OPEN
    assert staffed.gathering(KEY).starts_at == to
    assert staffed.mails("invitation")


def test_what_is_proposed_moves_along_while_nobody_chooses_and_a_ticked_off_question_comes_back(
    staffed: World,
):
    at = asked_at(staffed)
    first = when(staffed)
    [task] = [t for t in staffed.tasks() if t.effect_key.endswith(":choose")]
    finish_task(staffed.store, staffed.settings, task.id or 0, now=at)
    schedule_gatherings(staffed.store, staffed.settings, now=first - timedelta(days=5))
    [again] = [t for t in staffed.tasks() if t.effect_key.endswith(":choose")]
    assert again.id == task.id
    assert again.detail != task.detail
    assert when(staffed) > first
    assert staffed.mails("invitation") == []


def test_a_moment_that_is_not_free_is_refused_with_what_is_in_the_way(world: World, tmp_path: Path):
    set_agenda(
        world.store, world.settings, SAM, str(write(world, tmp_path, whole_day(2026, 10, 8))), now=MORNING
    )
    before = dump(world.store)
    for to, why in (
        (local(2026, 10, 8, 13, 30), "Sam Vos heeft dan iets anders"),
        (local(2026, 10, 13, 13, 30), "is vrij: Herfstvakantie"),
        (local(2026, 10, 10, 13, 30), "is geen dag van het programma"),
        (local(2026, 9, 1, 13, 30), "is voorbij"),
    ):
        with pytest.raises(Refused, match=why):
            choose(world.store, world.settings, REFERENCE, KEY, to=to, now=MORNING)
    assert dump(world.store) == before
    choose(
        world.store, world.settings, REFERENCE, KEY, to=local(2026, 10, 8, 13, 30), force=True, now=MORNING
    )
    assert when(world) == local(2026, 10, 8, 13, 30)
    with pytest.raises(Refused, match="is voorbij"):
        choose(
            world.store, world.settings, REFERENCE, KEY, to=local(2026, 9, 1, 13, 30), force=True, now=MORNING
        )


def test_a_task_about_no_date_goes_when_there_is_one_and_comes_back_when_there_is_none_again(
    world: World, tmp_path: Path
):
    always = (local(2026, 9, 7), local(2027, 8, 1))
    path = write(world, tmp_path, always)
    set_agenda(world.store, world.settings, SAM, str(path), now=MORNING)

    def problems() -> list[Task]:
        return [t for t in world.tasks() if t.effect_key == f"t{world.trajectory().id}:{KEY}::problem"]

    schedule_gatherings(world.store, world.settings, now=MORNING)
    [task] = problems()
    assert "keer heeft Sam Vos iets anders" in task.detail
    assert f"`traject slots {REFERENCE} {KEY}`" in task.detail
    assert "--force`" in task.detail
    schedule_gatherings(world.store, world.settings, now=MORNING)
    assert [t.id for t in problems()] == [task.id]
    assert len(world.rows(Message, Message.effect_key == task.effect_key)) == 1
    path.write_text(taken())
    schedule_gatherings(world.store, world.settings, now=MORNING)
    assert problems() == []
    assert world.step(KEY).starts_at is not None
    path.write_text(taken(always))
    schedule_gatherings(world.store, world.settings, now=MORNING)
    assert [t.id for t in problems()] == [task.id]


def test_a_shared_or_past_gathering_has_no_date_to_choose(world: World):
    with pytest.raises(Refused, match="is geen bijeenkomst"):
        choose(world.store, world.settings, REFERENCE, "welkom", to=local(2026, 10, 8), now=MORNING)
    with pytest.raises(Refused, match="kies uit"):
        choose(world.store, world.settings, REFERENCE, "onbekend", to=local(2026, 10, 8), now=MORNING)
    with pytest.raises(Refused):
        move_step(world.store, world.settings, REFERENCE, "onbekend", to=local(2026, 10, 8), now=MORNING)
