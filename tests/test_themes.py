"""A study afternoon that many trajectories share: whoever asks for its theme is invited, once, and follows it."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from engine_cases import MORNING, World, add_school, dump, engine_settings, local
from sqlmodel import select

from models import Event, Gathering, Invitation, Person, StepRow
from models.enums import GatheringState, PartStat, StepState
from traject import themes
from traject.advance import advance
from traject.dossier import find, load, row_id
from traject.engine import look_once_a_day
from traject.hand_over import hand_over
from traject.launch import RoleGiven
from traject.overview import coming, trajectories
from traject.reconcile import reconcile
from traject.scheduling import schedule_gatherings
from traject.staff import move_step, pause, skip
from traject.store import Store
from traject.theme_news import FOLLOWED, MOST_UNREAD, read_news, remember
from traject.themes import follow_themes
from traject.who_comes import by_answer, who_comes

HOST = """
programme: middagen
version: 1
kind: group
title: Studiemiddagen
roles:
  - {role: deelnemer, title: deelnemer, required: yes, many: yes}
  - {role: adviseur, title: adviseur, required: yes, staff: yes}
stages:
  - stage: reeks
    title: De reeks
    starts: bij de lancering
    lasts: 10 maanden
    steps:
      - gathering: muziek
        title: Studiemiddag muziek
        to: [deelnemer, adviseur]
        when: binnen de fase, vanaf 8 weken na de start van de fase, dinsdag of donderdag, vanaf 13:30, 3 uur
        theme: muziek
        invite: 4 weken
"""
SCHOOL = """
programme: verder
version: 1
kind: school
title: Verder
roles:
  - {role: coordinator, title: coördinator, required: yes}
  - {role: team, title: leerkracht, many: yes}
  - {role: adviseur, title: adviseur, required: yes, staff: yes}
stages:
  - stage: vakken
    title: Vakken
    starts: bij de lancering
    lasts: 8 maanden
    steps:
      - gathering: samen
        title: Studiemiddag muziek met anderen
        to: [team, adviseur]
        when: binnen de fase, elke werkdag, vanaf 12:00, 2 uur
        theme: muziek
        shared: yes
        invite: 5 weken
      - task: nagesprek
        title: Bespreek de middag
        to: [adviseur]
        when: 7 dagen na stap samen
"""
SAM = RoleGiven("adviseur", "Sam Vos", "s.vos@hart.example")
GUEST = RoleGiven("deelnemer", "Kim Mol", "kim@elders.example")
NOOR = RoleGiven("team", "Noor Visser", "noor@school.example")
BO = RoleGiven("team", "Bo Prins", "bo@school.example")
FATIMA = RoleGiven("coordinator", "Fatima Çelik", "fatima@school.example")
GATHERS = "middagen:haarlem"
ASKS = "verder:16LF00"


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    """Two programmes: one holds the afternoon, one asks for it. Nothing is launched."""
    folder = tmp_path / "programmes"
    folder.mkdir()
    (folder / "middagen.yaml").write_text(HOST)
    (folder / "verder.yaml").write_text(SCHOOL)
    made = World(store, engine_settings(database_url, tmp_path / "var", folder))
    add_school(store)
    add_school(store, "16LG00", "De Vogels")
    return made


def host(world: World, now: datetime = MORNING) -> None:
    world.launch(
        now=now, programme="middagen", school=None, group="Haarlem", roles=(GUEST, SAM), starts_on=now.date()
    )


def ask(
    world: World, now: datetime = MORNING, school: str = "16LF00", team: tuple[RoleGiven, ...] = (NOOR, BO)
) -> None:
    world.launch(now=now, programme="verder", school=school, roles=(FATIMA, SAM, *team), starts_on=now.date())


def live(world: World, until: datetime, at: datetime = MORNING) -> None:
    """Day by day, as the daily run does."""
    while at <= until:
        world.advance(at)
        report = schedule_gatherings(world.store, world.settings, now=at)
        assert report.advanced.failed == {}
        world.deliver(at)
        at += timedelta(days=1)


def asking(world: World, reference: str = ASKS, key: str = "samen") -> StepRow:
    trajectory = world.trajectory(reference)
    [row] = world.rows(StepRow, StepRow.trajectory_id == trajectory.id, StepRow.key == key)
    return row


def invited(world: World) -> dict[str, Invitation]:
    """By address, who is invited to the one gathering and not taken off."""
    people = {person.id: person.email for person in world.rows(Person)}
    found = [i for i in world.rows(Invitation) if not i.is_cancelled]
    assert len({(i.gathering_id, i.person_id) for i in found}) == len(found)
    return {people[i.person_id]: i for i in found}


FIXED = local(2026, 10, 8, 12)


@pytest.mark.parametrize("order", ["host first", "asked first", "asked when it was fixed"])
def test_who_asks_for_a_theme_is_invited_to_the_gathering_with_it_in_any_order(world: World, order: str):
    if order == "asked first":
        ask(world)
    host(world)
    if order == "host first":
        ask(world)
    live(world, FIXED)
    if order == "asked when it was fixed":
        ask(world, now=FIXED)
        live(world, FIXED + timedelta(days=2), FIXED)
    row, held = asking(world), world.gathering("muziek")
    assert row.state is StepState.OPEN
    assert (
        (row.starts_at, row.ends_at)
        == (held.starts_at, held.ends_at)
        == (
            local(2026, 11, 3, 13, 30),
            local(2026, 11, 3, 16, 30),
        )
    )
    found = invited(world)
    assert set(found) == {
        "kim@elders.example",
        "s.vos@hart.example",
        "noor@school.example",
        "bo@school.example",
    }
    assert found["noor@school.example"].step_id == row.id
    assert found["s.vos@hart.example"].step_id is None  # of the host itself
    mails = world.mails("invitation")
    assert sorted(m.to_email for m in mails) == sorted(found)
    assert world.lint() == 4
    assert world.rows(Gathering) == [held]
    assert reconcile(world.store, world.settings, now=FIXED + timedelta(days=2)) == []


def test_a_step_that_asks_shows_the_date_before_it_is_fixed_and_what_counts_from_it_follows(world: World):
    ask(world)
    assert asking(world).starts_at is None
    assert asking(world, key="nagesprek").due_at is None
    host(world)
    follow_themes(world.store, world.settings, now=MORNING)
    assert asking(world).starts_at == local(2026, 11, 3, 13, 30)
    assert asking(world, key="nagesprek").due_at == local(2026, 11, 10, 9)
    assert world.rows(Invitation) == []


def test_running_it_twice_changes_nothing_the_second_time(world: World):
    host(world)
    ask(world)
    live(world, FIXED)
    before = dump(world.store)
    assert follow_themes(world.store, world.settings, now=FIXED) == []
    assert dump(world.store) == before


def test_within_a_day_news_is_followed_at_the_next_heartbeat_and_without_it_nothing_is_read_or_written(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    host(world)
    ask(world)
    live(world, FIXED)
    look_once_a_day(world.store, world.settings, now=FIXED)
    for minutes in (5, 10):  # what the daily look itself did is looked at once more
        look_once_a_day(world.store, world.settings, now=FIXED + timedelta(minutes=minutes))
    before = dump(world.store)
    with monkeypatch.context() as idle:
        idle.setattr(themes, "_asking", None)
        look_once_a_day(world.store, world.settings, now=FIXED + timedelta(minutes=15))
        assert dump(world.store) == before
        skip(world.store, world.settings, ASKS, "nagesprek", now=FIXED + timedelta(minutes=15))
        look_once_a_day(world.store, world.settings, now=FIXED + timedelta(minutes=20))
    assert set(invited(world)) >= {"noor@school.example", "bo@school.example"}
    at = FIXED + timedelta(minutes=25)
    hand_over(
        world.store,
        world.settings,
        ASKS,
        "team",
        old_email="bo@school.example",
        name=None,
        email=None,
        now=at,
    )
    look_once_a_day(world.store, world.settings, now=at)
    assert "bo@school.example" not in invited(world), "the same day"


def test_however_much_happens_to_others_no_more_of_it_is_read_again_and_nothing_is_forgotten(
    world: World,
):
    host(world)
    ask(world)
    live(world, FIXED)
    remember(world.store, read_news(world.store), FIXED)

    def happen(count: int, name: str = "message.accepted", **about: int | None) -> int:
        """Write events; gives the number of the last."""
        with world.store.write() as session:
            events = [Event(at=FIXED, name=name, **about) for _ in range(count)]
            session.add_all(events)
            session.flush()
            return row_id(events[-1])

    def notes() -> list[int]:
        return [event.details["last"] for event in world.rows(Event, Event.name == FOLLOWED)]

    of = {"trajectory_id": world.trajectory(ASKS).id}
    [before] = notes()
    happen(4)
    assert read_news(world.store) == (False, None), "so few cost nothing, also not a line in the database"
    newest = happen(MOST_UNREAD + 1)
    assert read_news(world.store) == (False, newest)
    follow_themes(world.store, world.settings, now=FIXED, only_news=True)
    assert [before < note <= newest for note in notes()] == [True]
    first = happen(1, "role.given", **of)
    happen(MOST_UNREAD + 1)
    assert read_news(world.store) == (True, first), "what others do does not hide it"
    remember(world.store, read_news(world.store), FIXED)
    assert notes() == [first]
    assert read_news(world.store).is_there is False, "and it is followed once"
    second = happen(1, "role.given", **of)
    assert read_news(world.store) == (True, second)


def test_two_schools_that_share_a_teacher_invite_her_once_and_the_other_keeps_her_place(world: World):
    host(world)
    ask(world)
    ask(world, school="16LG00", team=(NOOR,))
    live(world, FIXED)
    assert len(world.mails("invitation", to="noor@school.example")) == 1
    first, second = asking(world), asking(world, "verder:16LG00")
    assert second.state is StepState.OPEN
    assert invited(world)["noor@school.example"].step_id == first.id
    skip(world.store, world.settings, ASKS, "samen", now=FIXED)
    follow_themes(world.store, world.settings, now=FIXED)
    assert invited(world)["noor@school.example"].step_id == second.id
    assert "bo@school.example" not in invited(world)
    assert world.mails("cancellation", to="noor@school.example") == []
    assert len(world.mails("cancellation", to="bo@school.example")) == 1


def test_a_school_sees_who_of_its_own_people_comes_to_the_gathering_elsewhere(world: World):
    host(world)
    ask(world)
    ask(world, school="16LG00", team=(NOOR,))
    live(world, FIXED)
    with world.store.write() as session:
        noor = session.exec(select(Person).where(Person.email == "noor@school.example")).one()
        place = session.exec(select(Invitation).where(Invitation.person_id == noor.id)).one()
        place.partstat, place.answered_at = PartStat.ACCEPTED, FIXED

    def said(reference: str) -> dict[str, list[str]]:
        with world.store.read() as session:
            dossier = load(session, row_id(find(session, reference)), world.settings, FIXED)
            found = by_answer(who_comes(session, dossier))
        return {word.value: [each.person.name for each in of] for word, of in found.items()}

    assert said(ASKS) == {"yes": ["Noor Visser"], "nothing": ["Bo Prins", "Sam Vos"]}
    assert said("verder:16LG00") == {"yes": ["Noor Visser"], "nothing": ["Sam Vos"]}
    assert said(GATHERS) == {"yes": ["Noor Visser"], "nothing": ["Bo Prins", "Kim Mol", "Sam Vos"]}
    with world.store.read() as session:
        waits = {line.reference: line.unanswered for line in trajectories(session)}
    assert (waits[GATHERS], waits[ASKS]) == (3, 1)


def test_what_is_coming_says_that_the_date_of_a_shared_step_is_looked_for(world: World):
    ask(world)
    live(world, MORNING)

    def acts() -> list[str]:
        with world.store.read() as session:
            found = coming(session, until=MORNING + timedelta(days=365), now=MORNING)
        return [one.what for one in found if one.key == "samen"]

    assert acts() == ["look"]
    host(world)
    live(world, MORNING)
    assert acts() == ["hold"], "whoever holds it invites them"


def test_the_step_follows_when_the_gathering_moves_and_is_done_when_it_is_held(world: World):
    host(world)
    ask(world)
    live(world, FIXED)
    to = local(2026, 11, 24, 13, 30)
    move_step(world.store, world.settings, GATHERS, "muziek", to=to, now=FIXED)
    follow_themes(world.store, world.settings, now=FIXED)
    advance(world.store, world.settings, now=FIXED)
    assert asking(world).starts_at == to
    assert asking(world, key="nagesprek").due_at == local(2026, 12, 1, 9)
    assert len(world.mails("invitation-update", to="noor@school.example")) == 1
    live(world, local(2026, 11, 25, 18), FIXED)
    assert world.gathering("muziek").state is GatheringState.HELD
    assert asking(world).state is StepState.DONE
    assert asking(world).done_at == to + timedelta(hours=3)
    live(world, local(2026, 12, 1, 12), local(2026, 11, 26, 12))
    assert asking(world, key="nagesprek").state is StepState.OPEN


def test_a_gathering_that_is_cancelled_is_looked_for_anew_and_staff_hear_when_there_is_none(world: World):
    host(world)
    ask(world)
    live(world, FIXED)
    skip(world.store, world.settings, GATHERS, "muziek", now=FIXED)
    follow_themes(world.store, world.settings, now=FIXED)
    row = asking(world)
    assert (row.state, row.starts_at) == (StepState.PLANNED, None)
    assert len(world.mails("cancellation", to="noor@school.example")) == 1
    [task] = [t for t in world.tasks() if t.step_id == row.id]
    assert task.title == "Geen datum: Studiemiddag muziek met anderen"
    assert "thema ‘muziek’" in task.detail
    world.launch(
        now=FIXED,
        programme="middagen",
        school=None,
        group="Zandvoort",
        roles=(GUEST, SAM),
        starts_on=FIXED.date(),
    )
    follow_themes(world.store, world.settings, now=FIXED)
    assert asking(world).starts_at == local(2026, 12, 3, 13, 30)
    assert [t for t in world.tasks() if t.step_id == row.id] == []


def test_staff_hear_once_when_nothing_is_offered_in_time_and_the_step_ends_with_its_stage(world: World):
    ask(world)
    live(world, local(2027, 3, 20, 12))
    assert [t for t in world.tasks() if t.title.startswith("Geen datum")] == []
    live(world, local(2027, 4, 20, 12), local(2027, 3, 20, 12))
    assert len([t for t in world.tasks() if t.title.startswith("Geen datum")]) == 1
    assert len(world.mails("task", to="s.vos@hart.example")) == 1
    live(world, local(2027, 5, 10, 12), local(2027, 4, 20, 12))
    assert asking(world).state is StepState.WITHDRAWN
    assert [t for t in world.tasks() if t.title.startswith("Geen datum")] == []


def test_who_takes_over_a_role_is_invited_and_who_left_is_taken_off(world: World):
    host(world)
    ask(world)
    live(world, FIXED)
    hand_over(
        world.store,
        world.settings,
        ASKS,
        "team",
        old_email="bo@school.example",
        name="Ties Bos",
        email="ties@school.example",
        now=FIXED,
    )
    follow_themes(world.store, world.settings, now=FIXED)
    world.deliver(FIXED)
    found = invited(world)
    assert "ties@school.example" in found
    assert "bo@school.example" not in found
    follow_themes(world.store, world.settings, now=FIXED)
    assert len(world.mails("invitation", to="ties@school.example")) == 1


def test_a_trajectory_that_is_paused_asks_nothing_and_keeps_what_it_has(world: World):
    host(world)
    ask(world)
    pause(world.store, world.settings, ASKS, now=MORNING)
    live(world, FIXED)
    assert "noor@school.example" not in invited(world)
    assert asking(world).state is StepState.PLANNED
