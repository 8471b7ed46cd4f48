"""Every change of a gathering: who gets what, which SEQUENCE, and which answers stay."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from engine_cases import World, days, dump
from gathering_cases import KEY, REFERENCE, attendee, calendar_of, event_of, invited, plain_text, world_with
from sqlmodel import select

from models import Gathering, Invitation, Message, Person
from models.enums import AddressState, PartStat, StepState
from traject import staff_gatherings as staff
from traject.answers import Answer, record_answer
from traject.dossier import load
from traject.effects import Effects
from traject.errors import Refused
from traject.gatherings import Gatherings
from traject.significance import MEANING, Significance, Told, changed, significance
from traject.staff import move_step, skip
from traject.store import Store

FATIMA, JAN, SAM = "fatima@school.example", "jan@school.example", "s.vos@hart.example"
REQUESTS = ("invitation", "invitation-update")


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    """One school whose three people were invited to `kennismaking`, and got it."""
    made = world_with(store, database_url, tmp_path)
    invited(made)
    return made


def now_of(world: World) -> datetime:
    return world.gathering(KEY).starts_at - days(10)  # well before its reminders


def say(world: World, email: str, partstat: PartStat, at: datetime) -> None:
    with world.store.write() as session:
        invitation = session.get_one(Invitation, world.invitation(KEY, email).id)
        gathering = session.get_one(Gathering, invitation.gathering_id)
        answer = Answer(partstat, "", invitation.sequence, at, at, "mail")
        record_answer(session, gathering, invitation, answer, now=at)


def do(world: World, action: Any, now: datetime, **values: Any) -> Any:
    return action(world.store, world.settings, world.gathering(KEY).id, now=now, **values)


def news(world: World, *kinds: str) -> list[Message]:
    """What waits in the outbox."""
    return world.mails(*kinds, state="queued")


# Significance


def test_every_thing_that_people_are_told_has_a_meaning() -> None:
    assert MEANING.keys() == Told.__dataclass_fields__.keys()


AT = datetime(2026, 10, 7, 11, 30, tzinfo=UTC)
BEFORE = Told(AT, AT + timedelta(hours=3), "Zaal 1", "Middag", "Samen")


@pytest.mark.parametrize(
    ("after", "meaning"),
    [
        pytest.param({}, Significance.NOTHING, id="nothing"),
        pytest.param({"starts_at": AT - timedelta(hours=1)}, Significance.NEW, id="start"),
        pytest.param({"ends_at": AT + timedelta(hours=4)}, Significance.NEW, id="end"),
        pytest.param({"place": "Zaal 2"}, Significance.NEW, id="place"),
        pytest.param({"is_cancelled": True}, Significance.NEW, id="status"),
        pytest.param({"title": "Studiemiddag"}, Significance.WORDS, id="title"),
        pytest.param({"description": "Neem klei mee"}, Significance.WORDS, id="description"),
        pytest.param({"title": "Studiemiddag", "place": "Zaal 2"}, Significance.NEW, id="both"),
    ],
)
def test_the_most_that_changed_decides(after: dict[str, Any], meaning: Significance) -> None:
    fields = {name: getattr(BEFORE, name) for name in Told.__dataclass_fields__} | after
    assert significance(BEFORE, Told(**fields)) is meaning
    assert changed(BEFORE, Told(**fields)) == after.keys()


# Move, place, text


@pytest.mark.parametrize("what", ["move", "place"])
def test_another_time_or_place_asks_everybody_again_with_a_higher_sequence(world: World, what: str) -> None:
    now = now_of(world)
    say(world, FATIMA, PartStat.ACCEPTED, now - days(1))
    if what == "move":
        do(world, staff.move, now, to=world.gathering(KEY).starts_at + days(7))
    else:
        do(world, staff.change, now, place="De Pletterij")
    updates = news(world, "invitation-update")
    assert sorted(mail.to_email for mail in updates) == sorted([FATIMA, JAN, SAM])
    for mail in updates:
        assert event_of(mail).first("SEQUENCE").value == "1"
        assert attendee(mail).parameter("PARTSTAT") == "NEEDS-ACTION"
    assert world.invitation(KEY, FATIMA).partstat is PartStat.NEEDS_ACTION
    assert world.lint() == 6


def test_other_words_keep_the_sequence_and_the_answers_and_have_a_new_dtstamp(world: World) -> None:
    now = now_of(world)
    say(world, FATIMA, PartStat.ACCEPTED, now - days(1))
    do(world, staff.change, now, title="Kennismaking met het team", description="Neem klei mee.")
    updates = {mail.to_email: mail for mail in news(world, "invitation-update")}
    assert updates.keys() == {FATIMA, JAN, SAM}
    for mail in updates.values():
        event = event_of(mail)
        assert event.first("SEQUENCE").value == "0"
        assert event.first("DTSTAMP").value == f"{now:%Y%m%dT%H%M%SZ}"
        assert event.first("SUMMARY").text.startswith("Kennismaking met het team")
        assert event.first("DESCRIPTION").text == "Neem klei mee."
    assert attendee(updates[FATIMA]).parameter("PARTSTAT") == "ACCEPTED"
    assert attendee(updates[JAN]).parameter("PARTSTAT") == "NEEDS-ACTION"
    assert world.invitation(KEY, FATIMA).partstat is PartStat.ACCEPTED
    assert world.gathering(KEY).revision == 1
    assert world.lint() == 6


def test_two_changes_of_words_in_one_second_have_rising_dtstamps(world: World) -> None:
    now = now_of(world)
    for title in ("Een", "Twee", "Drie"):
        do(world, staff.change, now, title=title)
        world.deliver(now)
    stamps = [event_of(mail).first("DTSTAMP").value for mail in world.mails(*REQUESTS, to=JAN)]
    assert stamps == sorted(set(stamps))
    assert len(stamps) == 4


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(
            lambda world, now: do(world, staff.move, now, to=world.gathering(KEY).starts_at), id="time"
        ),
        pytest.param(lambda world, now: do(world, staff.change, now, place=" op school "), id="place"),
        pytest.param(lambda world, now: do(world, staff.change, now, title="Kennismaking"), id="title"),
        pytest.param(lambda world, now: do(world, staff.change, now), id="nothing said"),
    ],
)
def test_nothing_changed_means_nothing_sent_and_nothing_kept(world: World, again: Any) -> None:
    before = dump(world.store)
    result = again(world, now_of(world))
    assert "er verandert niets" in result.sentence
    assert dump(world.store) == before


def test_a_move_is_the_same_fact_as_a_move_of_the_step(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    world = world_with(store, database_url, tmp_path)
    invited(world)
    now, to = now_of(world), world.gathering(KEY).starts_at + days(7)
    by_number = do(world, staff.move, now, to=to, dry_run=True)
    by_step = move_step(world.store, world.settings, REFERENCE, KEY, to=to, now=now, dry_run=True)
    assert (by_number.sentence, by_number.changes, by_number.mails) == (
        by_step.sentence,
        by_step.changes,
        by_step.mails,
    )
    do(world, staff.move, now, to=to, until=to + timedelta(hours=4))
    row = world.step(KEY)
    assert (row.moved_to, row.starts_at, row.ends_at) == (to, to, to + timedelta(hours=4))
    assert world.gathering(KEY).ends_at == to + timedelta(hours=4)
    world.live(to + timedelta(hours=5))
    assert world.step(KEY).state is StepState.DONE


def test_an_invitation_that_did_not_leave_is_replaced_by_one_invitation(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    world = world_with(store, database_url, tmp_path)
    at = world.step(KEY).due_at
    assert at is not None
    world.live(at)
    do(world, staff.move, at, to=world.gathering(KEY).starts_at + days(7))
    do(world, staff.change, at, title="Kennismaken")
    assert news(world, "invitation-update") == []
    assert sorted(mail.to_email for mail in news(world, "invitation")) == sorted([FATIMA, JAN, SAM])
    assert len(world.mails("invitation", state="withdrawn")) == 6
    do(world, staff.remove, at, email=JAN)
    assert world.mails("cancellation") == []
    assert world.mails(*REQUESTS, to=JAN, state="queued") == []


def test_who_missed_an_update_reads_in_the_next_what_they_knew_and_not_what_they_never_heard(
    world: World,
) -> None:
    now, first = now_of(world), world.gathering(KEY).starts_at
    do(world, staff.move, now, to=first + days(7))
    do(world, staff.move, now, to=first + days(14))
    do(world, staff.change, now, title="Kennismaken")
    [mail] = news(world, "invitation-update")[:1]
    text = plain_text(mail)
    assert event_of(mail).first("SEQUENCE").value == "2"
    assert f" {first.astimezone(world.settings.zone).day} september" in text
    assert f" {(first + days(7)).astimezone(world.settings.zone).day} oktober" not in text
    assert f" {(first + days(14)).astimezone(world.settings.zone).day} oktober" in text


# People


def test_one_person_removed_gets_a_cancellation_alone_and_comes_back_with_a_higher_sequence(
    world: World,
) -> None:
    now = now_of(world)
    do(world, staff.remove, now, email=JAN, reason="Je bent niet meer nodig.")
    [mail] = news(world)
    assert (mail.kind, mail.to_email) == ("cancellation", JAN)
    assert calendar_of(mail).first("METHOD").value == "CANCEL"
    assert event_of(mail).first("STATUS").value == "CANCELLED"
    gone = int(event_of(mail).first("SEQUENCE").value)
    world.deliver(now)
    do(world, staff.add, now + days(1), name="", email=JAN)
    [again] = news(world)
    assert (again.kind, again.to_email) == ("invitation", JAN)
    assert int(event_of(again).first("SEQUENCE").value) > gone == 1
    # Nobody else's version rose, so their answers still count.
    assert world.invitation(KEY, FATIMA).sequence == 0


def test_a_person_removed_and_added_before_anything_left_just_keeps_the_invitation(world: World) -> None:
    now = now_of(world)
    do(world, staff.remove, now, email=JAN)
    do(world, staff.add, now, name="", email=JAN)
    [mail] = news(world)
    assert (mail.kind, mail.to_email) == ("invitation-update", JAN)
    assert event_of(mail).first("SEQUENCE").value == "2"


def test_a_person_removed_and_added_in_one_transaction_ends_with_one_newer_invitation(world: World) -> None:
    now = now_of(world)
    with world.store.write() as session:
        trajectory = world.trajectory().id or 0
        dossier = load(session, trajectory, world.settings, now, lock=True)
        gatherings = Gatherings(Effects(session, dossier, world.settings, now))
        [gathering] = dossier.gatherings.values()
        person = session.exec(select(Person).where(Person.email == JAN)).one()
        gatherings.uninvite(gathering, person)
        gatherings.invite(gathering, person)
    [mail] = news(world)
    assert (mail.kind, event_of(mail).first("SEQUENCE").value) == ("invitation-update", "2")


def test_somebody_without_a_role_can_be_added_by_name(world: World) -> None:
    now = now_of(world)
    do(world, staff.add, now, name="Noor Visser", email="N.Visser@partner.example")
    [mail] = news(world)
    assert (mail.kind, mail.to_email) == ("invitation", "n.visser@partner.example")
    assert world.lint() == 4


# Cancelling


def test_a_cancellation_reaches_everybody_with_its_reason_and_ends_the_step(world: World) -> None:
    now = now_of(world)
    do(world, staff.cancel, now, reason="De docent is ziek.")
    mails = news(world, "cancellation")
    assert sorted(mail.to_email for mail in mails) == sorted([FATIMA, JAN, SAM])
    assert all("De docent is ziek." in plain_text(mail) for mail in mails)
    assert world.step(KEY).state is StepState.SKIPPED
    assert world.lint() == 6


SERIES = "series: reeks"


def test_the_rest_of_a_series_is_cancelled_whether_or_not_people_know_of_it(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    more = SERIES + "\n"
    world = world_with(store, database_url, tmp_path, more, also=("studiemiddag", "vervolg"))
    invited(world)
    now = now_of(world)
    result = do(world, staff.cancel, now, series=True)
    assert "3 bijeenkomsten" in result.sentence
    assert [world.step(key).state for key in (KEY, "studiemiddag", "vervolg")] == [StepState.SKIPPED] * 3
    assert len(news(world, "cancellation")) == 3


def test_a_gathering_of_no_series_has_no_rest(world: World) -> None:
    with pytest.raises(Refused, match="hoort bij geen reeks"):
        do(world, staff.cancel, now_of(world), series=True)


# Refusals


def _bounced(world: World) -> None:
    with world.store.write() as session:
        person = session.exec(select(Person).where(Person.email == JAN)).one()
        person.address_state = AddressState.BOUNCED


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (lambda w, n: do(w, staff.move, n, to=n - days(1)), "is voorbij"),
        (lambda w, n: do(w, staff.move, n, to=n + days(9), until=n + days(8)), "niet eindigen voor"),
        (lambda w, n: do(w, staff.change, n, title=" "), "zonder titel"),
        (lambda w, n: do(w, staff.add, n, name="", email="wie@school.example"), "schrijf de naam erbij"),
        (lambda w, n: do(w, staff.add, n, name="Wie", email="wie@"), "is geen mailadres"),
        (lambda w, n: do(w, staff.add, n, name="", email=FATIMA), "al uitgenodigd"),
        (lambda w, n: do(w, staff.remove, n, email="wie@school.example"), "niet uitgenodigd.*wel: Fatima"),
        (lambda w, n: do(w, staff.change, n + days(30), place="Elders"), "al begonnen"),
        (lambda w, n: staff.move(w.store, w.settings, 99, to=n, now=n), "bijeenkomst 99 bestaat niet"),
    ],
    ids=["past", "ends first", "no title", "no name", "no address", "twice", "nobody", "begun", "no number"],
)
def test_what_cannot_be_done_is_refused_whole(world: World, act: Any, why: str) -> None:
    before = dump(world.store)
    with pytest.raises(Refused, match=why):
        act(world, now_of(world))
    assert dump(world.store) == before


def test_whose_address_bounced_is_not_invited(world: World) -> None:
    now = now_of(world)
    do(world, staff.remove, now, email=JAN)
    _bounced(world)
    before = dump(world.store)
    with pytest.raises(Refused, match="werkt niet meer; vraag een ander adres"):
        do(world, staff.add, now, name="", email=JAN)
    assert dump(world.store) == before


@pytest.mark.parametrize("state", ["held", "cancelled"])
def test_what_is_over_or_off_does_not_change(world: World, state: str) -> None:
    now = now_of(world)
    if state == "held":
        world.live(world.gathering(KEY).ends_at)
    else:
        skip(world.store, world.settings, REFERENCE, KEY, now=now)
    for action, values in (
        (staff.move, {"to": now + days(300)}),
        (staff.change, {"title": "Anders"}),
        (staff.add, {"name": "", "email": JAN}),
        (staff.remove, {"email": JAN}),
        (staff.cancel, {}),
    ):
        with pytest.raises(Refused, match="daar verandert niets meer aan"):
            do(world, action, now, **values)


# What is shown before it is done


def test_a_dry_run_says_who_gets_what_and_who_gets_nothing_and_changes_nothing(world: World) -> None:
    _bounced(world)
    now, before = now_of(world), dump(world.store)
    result = do(world, staff.change, now, place="De Pletterij", dry_run=True)
    assert {mail.email: mail.why_not for mail in result.mails} == {
        FATIMA: "",
        SAM: "",
        JAN: "het adres van deze persoon werkt niet meer",
    }
    assert dump(world.store) == before
    do(world, staff.change, now, place="De Pletterij")
    assert sorted(mail.to_email for mail in news(world, "invitation-update")) == sorted([FATIMA, SAM])
