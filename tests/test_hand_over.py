"""Roles change hands: what is open moves along, what is done stays, and nobody is asked twice."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from engine_cases import World, add_school, dump, engine_settings, local

from models import EvaluationRequest, Invitation, Organisation, Person, RoleHolder
from models.enums import OrganisationKind, PartStat, RequestState
from portal.answering import adviser_of
from traject.answers import Answer, Judged, record_answer
from traject.errors import Refused
from traject.hand_over import hand_over
from traject.staff import StaffResult, move_step, pause
from traject.store import Store

REF = "proef:16LF00"
NOW = local(2026, 9, 9, 10)
FATIMA, JAN, SAM = "fatima@school.example", "jan@school.example", "s.vos@hart.example"
NEW = "roos@school.example"


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    return started(World(store, engine_settings(database_url, tmp_path / "var")))


@pytest.fixture
def light(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    store = Store(sqlite_url)
    yield started(World(store, engine_settings(sqlite_url, tmp_path / "var")))
    store.close()


def started(world: World) -> World:
    """Welcomed and invited for 29 September, the mails accepted."""
    add_school(world.store)
    world.launch()
    world.live(NOW)
    world.deliver(NOW)
    return world


def change(world: World, role: str, *, now: datetime = NOW, **who: Any) -> StaffResult:
    before = dump(world.store)
    shown = hand_over(world.store, world.settings, REF, role, now=now, dry_run=True, **who)
    assert dump(world.store) == before
    done = hand_over(world.store, world.settings, REF, role, now=now, **who)
    assert (shown.sentence, shown.mails) == (done.sentence, done.mails)
    return done


def to_roos(world: World, now: datetime = NOW) -> StaffResult:
    return change(world, "coordinator", now=now, old_email=FATIMA, name="Roos Bakker", email=NEW)


def test_a_new_coordinator_is_welcomed_and_invited_and_the_old_one_hears_that_it_is_off_for_her(world: World):
    result = to_roos(world)
    assert result.sentence == "cultuurcoördinator: Fatima Çelik → Roos Bakker"
    assert sorted((m.kind, m.email) for m in result.mails) == [
        ("cancellation", FATIMA),
        ("invitation", NEW),
        ("welcome", NEW),
    ]
    assert {h.until is None for h in world.rows(RoleHolder, RoleHolder.role == "coordinator")} == {
        True,
        False,
    }
    world.live(local(2026, 10, 1), world.do_tasks)
    assert [m for m in world.mails(to=FATIMA) if m.queued_at > NOW] == []
    assert {m.kind for m in world.mails(to=NEW)} >= {
        "welcome",
        "invitation",
        "reminder",
        "gathering-reminder",
    }
    assert world.lint() == 5


def test_the_answers_of_the_others_still_count_after_one_person_left(world: World):
    """The others hold an invitation with SEQUENCE 0; that one left does not make their answers stale."""
    to_roos(world)
    gathering = world.gathering("kennismaking")
    invitation = world.invitation("kennismaking", JAN)
    assert (gathering.sequence, invitation.sequence) == (1, 0)
    with world.store.write() as session:
        answer = Answer(PartStat.ACCEPTED, "", 0, NOW, NOW, "mail")
        judged = record_answer(
            session, gathering, session.get_one(Invitation, invitation.id), answer, now=NOW
        )
    assert judged is Judged.COUNTED
    assert world.invitation("kennismaking", JAN).partstat is PartStat.ACCEPTED


def test_who_comes_back_is_invited_again_above_the_cancellation(world: World):
    to_roos(world)
    world.deliver(NOW)
    later = NOW + timedelta(days=1)
    change(world, "coordinator", now=later, old_email=NEW, name="Fatima", email=FATIMA)
    mine = [(m.kind, m.sequence) for m in world.mails(to=FATIMA) if m.sequence is not None]
    assert mine == [("invitation", 0), ("cancellation", 1), ("invitation", 2)]
    invitation = world.invitation("kennismaking", FATIMA)
    assert (invitation.is_cancelled, invitation.sequence) == (False, 2)
    world.deliver(later)
    move_step(
        world.store,
        world.settings,
        REF,
        "kennismaking",
        to=local(2026, 10, 1, 14),
        now=later + timedelta(hours=1),
    )
    updates = {m.to_email: m.sequence for m in world.mails("invitation-update")}
    assert set(updates) == {FATIMA, JAN, SAM}
    assert min(n or 0 for n in updates.values()) > 2
    assert world.lint() == 10


def test_who_left_before_the_invitation_did_gets_nothing(light: World):
    with light.store.write() as session:
        for mail in light.mails("invitation", to=FATIMA):
            mail.state, mail.attempted_at, mail.accepted_at, mail.next_attempt_at = "queued", None, None, NOW
            session.merge(mail)
    to_roos(light)
    assert light.mails("cancellation") == []
    assert [m.state for m in light.mails("invitation", to=FATIMA)] == ["withdrawn"]


def test_an_open_evaluation_request_moves_along_and_the_old_one_is_withdrawn(world: World):
    world.live(local(2027, 5, 4), world.do_tasks)
    now = local(2027, 5, 5, 10)
    result = to_roos(world, now)
    assert ("evaluation-request", NEW) in [(m.kind, m.email) for m in result.mails]
    [roos] = world.rows(Person, Person.email == NEW)
    states = {r.person_id: r.state for r in world.rows(EvaluationRequest) if r.asked_at > local(2027, 5, 1)}
    assert states.pop(roos.id) is RequestState.ASKED
    assert sorted(states.values()) == [RequestState.ASKED, RequestState.WITHDRAWN]
    world.live(local(2027, 7, 10), world.do_tasks)
    reminded = {m.to_email for m in world.mails("evaluation-reminder") if m.queued_at > now}
    assert reminded == {NEW, JAN}


def test_whoever_takes_over_after_the_answer_is_not_asked_again(light: World):
    light.live(local(2027, 5, 4), light.do_tasks)
    light.answer(local(2027, 5, 4, 12))
    result = to_roos(light, local(2027, 5, 5, 10))
    assert "evaluation-request" not in [m.kind for m in result.mails]


def test_who_comes_back_while_it_is_open_is_asked_again(light: World):
    light.live(local(2027, 5, 4), light.do_tasks)
    to_roos(light, local(2027, 5, 5, 10))
    result = change(
        light, "coordinator", now=local(2027, 5, 6, 10), old_email=NEW, name="Fatima", email=FATIMA
    )
    assert ("evaluation-request", FATIMA) in [(m.kind, m.email) for m in result.mails]
    assert light.answer(local(2027, 5, 7, 10), emails=[FATIMA]) == 1


def test_open_tasks_move_to_the_new_adviser(world: World):
    world.live(local(2026, 10, 7))
    before = [task.id for task in world.tasks()]
    assert len(before) == 2
    change(
        world,
        "adviseur",
        now=local(2026, 10, 8, 10),
        old_email=SAM,
        name="Kim Smit",
        email="k.smit@hart.example",
    )
    [kim] = world.rows(Person, Person.email == "k.smit@hart.example")
    assert world.rows(Organisation, Organisation.id == kim.organisation_id)[0].kind == OrganisationKind.HART
    with world.store.read() as session:
        adviser = adviser_of(session, world.trajectory().id or 0)
    assert adviser is not None
    assert adviser.email == kim.email, "and people who look at a page see whom to turn to"
    assert [(task.id, task.person_id) for task in world.tasks()] == [(each, kim.id) for each in before]
    world.live(local(2026, 12, 8), world.do_tasks)
    [opened] = world.mails("stage-opened")
    assert b"k.smit" in (opened.data or b"")


def test_a_teacher_joins_and_leaves(light: World):
    light.live(local(2026, 12, 20), light.do_tasks)  # invited for the study afternoon of 2 February
    light.deliver(local(2026, 12, 20))
    now = local(2027, 1, 5, 10)
    joined = change(light, "team", now=now, name="Roos", email=NEW)
    assert [(m.kind, m.email) for m in joined.mails] == [("invitation", NEW)]
    left = change(light, "team", now=now + timedelta(hours=1), old_email="bo@school.example")
    assert [(m.kind, m.email) for m in left.mails] == [("cancellation", "bo@school.example")]
    light.live(local(2027, 2, 10), light.do_tasks)
    reminded = {m.to_email for m in light.mails("gathering-reminder") if m.queued_at > now}
    assert NEW in reminded
    assert "bo@school.example" not in reminded


def test_a_hand_over_in_a_pause_takes_the_old_one_off_at_once_and_invites_when_it_goes_on(light: World):
    pause(light.store, light.settings, REF, now=NOW)
    to_roos(light, NOW + timedelta(hours=1))
    assert {m.state for m in light.mails("cancellation")} == {"queued"}
    assert {m.state for m in light.mails("invitation", to=NEW)} == {"held"}


@pytest.mark.parametrize(
    ("role", "who", "sentence"),
    [
        (
            "coordinatr",
            {"email": NEW},
            "rol ‘coordinatr’ bestaat niet in dit programma; kies uit coordinator",
        ),
        ("coordinator", {"email": NEW}, "is voor één persoon en die heeft Fatima Çelik al"),
        ("coordinator", {"old_email": FATIMA}, "rol ‘coordinator’ is verplicht"),
        (
            "coordinator",
            {"old_email": "x@y.example", "email": NEW},
            "x@y.example heeft de rol ‘coordinator’ niet",
        ),
        ("coordinator", {"old_email": FATIMA, "email": FATIMA}, "Fatima Çelik heeft de rol ‘coordinator’ al"),
        (
            "coordinator",
            {"old_email": FATIMA, "email": "bø@school.example"},
            "heeft tekens die niet elke mailserver",
        ),
        ("coordinator", {"old_email": FATIMA, "email": "geen adres"}, "‘geen adres’ is geen mailadres"),
        ("coordinator", {"old_email": FATIMA, "name": "A\nB", "email": NEW}, "regeleinde"),
        ("team", {"email": "bo@school.example"}, "Bo Prins heeft de rol ‘team’ al"),
    ],
)
def test_a_change_that_cannot_be_is_refused_and_changes_nothing(
    light: World, role: str, who: dict[str, Any], sentence: str
):
    before = dump(light.store)
    with pytest.raises(Refused) as caught:
        hand_over(light.store, light.settings, REF, role, now=NOW, **who)
    assert sentence in str(caught.value)
    assert dump(light.store) == before
