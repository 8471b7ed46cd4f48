"""A school's own days off: given by staff or by its own calendar; its trajectories follow."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
import time_machine
from commands import LAUNCH, Traject, with_settings
from engine_cases import MORNING, World, days

from calendars.school_year import DayOff
from models import DayOff as DayOffRow
from models.enums import StepState
from traject.days_off import change_days_off, new_day_off, read_days_off
from traject.errors import Refused
from traject.settings import Settings


def ics(*events: tuple[str, str, str]) -> bytes:
    """A school's calendar file of all-day events: first day, day after the last, name."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//school//nl"]
    for number, (first, after, name) in enumerate(events):
        lines += ["BEGIN:VEVENT", f"UID:{number}", "DTSTAMP:20260801T000000Z"]
        lines += [f"DTSTART;VALUE=DATE:{first}", f"DTEND;VALUE=DATE:{after}", f"SUMMARY:{name}", "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def _day_of(world: World, step: str) -> date:
    starts_at = world.step(step).starts_at
    assert starts_at is not None
    return starts_at.astimezone(world.settings.zone).date()


def _free(day: date, label: str = "Studiedag") -> DayOff:
    return new_day_off(day, day, label)


def test_a_gathering_that_nobody_knows_of_leaves_a_new_day_off(world: World) -> None:
    on = _day_of(world, "kennismaking")
    result = change_days_off(world.store, world.settings, "16lf00", now=MORNING, add=[_free(on)])
    assert _day_of(world, "kennismaking") != on
    [followed] = result.trajectories
    assert "kennismaking" in {change.after.key for change in followed.changes.steps if change.after}
    assert followed.mails == []


def test_a_gathering_that_people_know_of_stays_and_the_adviser_is_told_once(world: World) -> None:
    invite_at = world.step("kennismaking").due_at
    assert invite_at is not None
    world.live(invite_at)
    on, now = _day_of(world, "kennismaking"), invite_at + days(1)
    assert world.step("kennismaking").state is StepState.OPEN
    for label in ("Studiedag", "Studiedag team"):
        change_days_off(world.store, world.settings, "16LF00", now=now, add=[_free(on, label)])
    assert _day_of(world, "kennismaking") == on
    [task] = [task for task in world.tasks() if "Kies een andere datum" in task.title]
    assert f"Op {on:%d-%m-%Y} kan het niet meer (de school is vrij: Studiedag)" in task.detail


def test_a_dry_run_shows_what_would_be_and_changes_nothing(world: World) -> None:
    on = _day_of(world, "kennismaking")
    tried = change_days_off(world.store, world.settings, "16LF00", now=MORNING, add=[_free(on)], dry_run=True)
    assert tried.added == (_free(on),)
    assert tried.trajectories[0].changes
    assert world.rows(DayOffRow) == []
    assert _day_of(world, "kennismaking") == on


def test_a_file_replaces_what_was_known_of_its_school_years_and_nothing_else(world: World) -> None:
    old, other = _free(date(2027, 3, 12)), _free(date(2028, 3, 10))
    change_days_off(world.store, world.settings, "16LF00", now=MORNING, add=[old, other])
    file = read_days_off(
        ics(("20270319", "20270320", "Studiedag"), ("20270424", "20270510", "Meivakantie")), "school.ics"
    )
    result = change_days_off(world.store, world.settings, "16LF00", now=MORNING, file=file)
    assert result.removed == (old,)
    rows = world.rows(DayOffRow)
    assert {(row.starts_on, row.replaces) for row in rows} == {
        (date(2028, 3, 10), None),
        (date(2027, 3, 19), None),
        (date(2027, 4, 24), "Meivakantie"),
    }
    again = change_days_off(world.store, world.settings, "16LF00", now=MORNING, file=file)
    assert (again.added, again.removed, again.trajectories) == ((), (), ())


@pytest.mark.parametrize(
    ("attempt", "sentence"),
    [
        (
            lambda w: change_days_off(w.store, w.settings, "99ZZ99", now=MORNING),
            "school ‘99ZZ99’ bestaat niet",
        ),
        (
            lambda w: change_days_off(w.store, w.settings, "16LF00", now=MORNING, remove=[date(2027, 1, 4)]),
            "op 04-01-2027 begint geen eigen vrije dag",
        ),
        (lambda _: read_days_off(b"nothing", "school.ics"), "school.ics:1: "),
        (lambda _: read_days_off(ics(), "school.ics"), "noemt geen vrije dagen"),
        (lambda _: new_day_off(date(2027, 1, 2), date(2027, 1, 1), "Vrij"), "draai de dagen om"),
    ],
    ids=["school", "remove", "no calendar", "empty calendar", "reversed"],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    world: World, attempt: Callable[[World], object], sentence: str
) -> None:
    with pytest.raises(Refused) as refused:
        attempt(world)
    assert sentence in str(refused.value)


@pytest.fixture
def traject(monkeypatch: pytest.MonkeyPatch, settings: Settings, now: datetime) -> Iterator[Traject]:
    """The command line with one launched trajectory."""
    with time_machine.travel(now, tick=False):
        made = with_settings(monkeypatch, settings)
        assert made("init").code == 0
        assert made(*LAUNCH, "--yes").code == 0
        yield made


def test_staff_read_a_calendar_after_seeing_what_it_changes(traject: Traject, tmp_path: Path) -> None:
    shown = traject("status", "po-nieuw:16LF00", "--json").json
    [intake] = [step for step in shown["steps"] if step["key"] == "intake"]
    on = intake["starts_at"][:10]
    file = tmp_path / "school.ics"
    file.write_bytes(ics((on.replace("-", ""), on.replace("-", ""), "Studiedag")))
    seen = traject("schools", "calendar", "16LF00", str(file), "--dry-run")
    assert "Studiedag" in seen.out
    assert "Kennismaking en intake" in seen.out
    assert traject("schools", "calendar", "16LF00", "--json").json == []
    assert traject("schools", "calendar", "16LF00", str(file), answer="j\n").code == 0
    [row] = traject("schools", "calendar", "16LF00", "--json").json
    assert (row["starts_on"], row["label"]) == (on, "Studiedag")
    done = traject("schools", "calendar", "16LF00", "--remove", on, "--yes", "--json").json
    assert [off["starts_on"] for off in done["removed"]] == [on]


def test_days_are_added_by_hand_and_slips_are_named(traject: Traject) -> None:
    args = ("schools", "calendar", "16LF00")
    added = traject(
        *args, "--add", "2027-04-24 2027-05-09 Meivakantie", "--add", "2027-03-12 Studiedag", "--yes"
    )
    assert added.code == 0
    listed = traject(*args).out
    assert "Studiedag" in listed
    assert "Meivakantie" in listed
    wrong = traject(*args, "--add", "2027-03-12", "--yes")
    assert (wrong.code, "mist een naam" in wrong.err) == (2, True)
    assert traject(*args, "--add", "morgen Studiedag", "--yes").code == 2
    assert traject(*args, "missing.ics").code == 1
    dutch = traject(*args, "--add", "14-03-2027 16-03-2027 Studiedagen", "--yes", "--json").json["added"]
    assert [(off["starts_on"], off["ends_on"], off["label"]) for off in dutch] == [
        ("2027-03-14", "2027-03-16", "Studiedagen")
    ]
