"""What arrives: kept, applied once, the latest answer wins in any order, and what is broken stops nothing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import permutations

import pytest
from answering import STARTS, World, build, dump, events, keep, partstat, queue_reminder, state_of
from sqlmodel import select

from models import Arrival, Event, Gathering, Invitation, Trajectory
from models.enums import (
    GatheringState,
    InboxKind,
    InboxState,
    MessageState,
    PartStat,
)
from traject.inbox import apply_arrival, apply_one, apply_stored, store_arrival
from traject.outcome import public
from traject.settings import Settings
from traject.store import Store

HOUR = timedelta(hours=1)


@pytest.fixture
def world(store: Store) -> World:
    return build(store)


def test_an_answer_becomes_state_event_and_withdrawn_reminders_and_wakes_nothing_that_waits_for_it(
    store: Store, settings: Settings, now: datetime, world: World
):
    reminder = queue_reminder(store, world, "r", invitation_id=world.invitation)
    invite = queue_reminder(store, world, "i", invitation_id=world.invitation, is_reminder=False)
    others = queue_reminder(store, world, "o", invitation_id=world.other_invitation)
    arrival = keep(store, now, world.invitation, "a", {"partstat": "ACCEPTED", "comment": "Leuk!"})

    outcome = apply_one(store, arrival, now, settings)

    assert (outcome.kind, outcome.outcome) == ("invitation-answer", "counted")
    assert partstat(store, world.invitation) is PartStat.ACCEPTED
    assert partstat(store, world.other_invitation) is PartStat.NEEDS_ACTION
    assert events(store) == ["invitation.accepted"]
    assert [state_of(store, each) for each in (reminder, invite, others)] == [
        MessageState.WITHDRAWN,
        MessageState.QUEUED,
        MessageState.QUEUED,
    ]
    with store.read() as session:
        assert session.get_one(Trajectory, world.trajectory).next_due_at is None
        assert session.get_one(Invitation, world.invitation).comment == "Leuk!"
        assert session.get_one(Arrival, arrival).state is InboxState.APPLIED
        assert session.exec(select(Event.details)).one() == {
            "invitation": world.invitation,
            "gathering": world.gathering,
            "sequence": 1,
            "via": "web",
        }


def test_what_arrives_twice_is_kept_once(store: Store, now: datetime, world: World):
    keep(store, now, world.invitation, "same", "ACCEPTED")
    with store.write() as session:
        again = store_arrival(
            session, InboxKind.INVITATION_ANSWER, "same", now, {}, invitation_id=world.invitation
        )
        assert again is None
        assert len(session.exec(select(Arrival)).all()) == 1


def test_applying_twice_changes_nothing_and_gives_the_same_outcome(
    store: Store, settings: Settings, now: datetime, world: World
):
    arrival = keep(store, now, world.invitation, "a", "DECLINED")
    first = apply_one(store, arrival, now, settings)
    before = dump(store)
    assert apply_one(store, arrival, now + HOUR, settings) == first
    assert apply_stored(store, settings, now + HOUR).total == 0
    assert dump(store) == before


def test_the_same_answer_again_is_one_fact(store: Store, settings: Settings, now: datetime, world: World):
    for key in "ab":
        keep(store, now, world.invitation, key, "ACCEPTED")
        now += HOUR
    assert apply_stored(store, settings, now).outcomes == {"counted": 2}
    assert events(store) == ["invitation.accepted"]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_answers_in_any_order_end_with_the_latest(
    store: Store, settings: Settings, now: datetime, world: World, order: tuple[int, ...]
):
    said = ["ACCEPTED", "DECLINED", "TENTATIVE"]
    for each in order:
        keep(store, now + each * HOUR, world.invitation, f"a{each}", said[each])
    apply_stored(store, settings, now + 9 * HOUR)
    assert partstat(store, world.invitation) is PartStat.TENTATIVE


@pytest.mark.parametrize(
    ("sent_to_this_person", "outcome"), [(2, "stale"), (1, "counted")], ids=["moved", "another was uninvited"]
)
def test_an_answer_to_the_date_before_the_move_is_stale_and_uninviting_another_makes_none_stale(
    store: Store, settings: Settings, now: datetime, world: World, sent_to_this_person: int, outcome: str
):
    arrival = keep(store, now, world.invitation, "a", {"partstat": "ACCEPTED", "comment": "", "sequence": 1})
    with store.write() as session:
        session.get_one(Gathering, world.gathering).sequence = 2
        session.get_one(Invitation, world.invitation).sequence = sent_to_this_person
    assert apply_one(store, arrival, now, settings).outcome == outcome
    assert len(events(store)) == (outcome == "counted")


@pytest.mark.parametrize(
    ("late", "gathering_state", "person_cancelled", "outcome"),
    [
        (timedelta(0), GatheringState.FIXED, False, "too-late"),
        (-HOUR, GatheringState.FIXED, False, "counted"),
        (-HOUR, GatheringState.CANCELLED, False, "cancelled"),
        (-HOUR, GatheringState.FIXED, True, "cancelled"),
        (-HOUR, GatheringState.HELD, False, "too-late"),
    ],
    ids=["at its start", "an hour before", "cancelled", "this person cancelled", "held"],
)
def test_an_answer_counts_only_to_a_gathering_that_is_still_to_come(
    store: Store,
    settings: Settings,
    world: World,
    late: timedelta,
    gathering_state: GatheringState,
    person_cancelled: bool,
    outcome: str,
):
    with store.write() as session:
        session.get_one(Gathering, world.gathering).state = gathering_state
        session.get_one(Invitation, world.invitation).is_cancelled = person_cancelled
    arrival = keep(store, STARTS + late, world.invitation, "a", "ACCEPTED")
    assert apply_one(store, arrival, STARTS + 48 * HOUR, settings).outcome == outcome
    assert (partstat(store, world.invitation) is PartStat.ACCEPTED) == (outcome == "counted")


def test_what_cannot_be_applied_is_put_aside_with_the_reason_and_stops_nothing(
    store: Store, settings: Settings, now: datetime, world: World
):
    broken = keep(store, now, world.invitation, "a", "PERHAPS")
    keep(store, now, world.other_invitation, "b", "ACCEPTED")
    report = apply_stored(store, settings, now)
    assert report.outcomes == {"quarantined": 1, "counted": 1}
    with store.read() as session:
        kept = session.get_one(Arrival, broken)
        assert kept.state is InboxState.QUARANTINED
        assert "PERHAPS" in kept.why
        assert kept.why.startswith("kon niet worden verwerkt (")
        assert kept.payload["partstat"] == "PERHAPS"
    assert partstat(store, world.other_invitation) is PartStat.ACCEPTED


def test_the_reason_is_kept_in_dutch_and_told_in_english_to_who_works_in_english(
    store: Store, settings: Settings, now: datetime, world: World
):
    broken = keep(store, now, world.invitation, "a", "PERHAPS")
    outcome = apply_one(store, broken, now, settings.model_copy(update={"language": "en"}))
    with store.read() as session:
        assert session.get_one(Arrival, broken).why.startswith("kon niet worden verwerkt (")
    assert public(outcome, "en")["why"].startswith("could not be processed (")


def test_a_crash_between_storing_and_applying_loses_nothing(
    store: Store, settings: Settings, now: datetime, world: World
):
    arrival = keep(store, now, world.invitation, "a", "ACCEPTED")
    with pytest.raises(KeyboardInterrupt), store.write() as session:
        apply_arrival(session, arrival, now, settings)
        raise KeyboardInterrupt
    assert events(store) == []
    assert apply_stored(store, settings, now).outcomes == {"counted": 1}
    assert events(store) == ["invitation.accepted"]


def test_four_processes_at_once_apply_each_arrival_once(
    store: Store, settings: Settings, now: datetime, world: World
):
    for each in range(6):
        keep(store, now + each * HOUR, world.invitation, f"a{each}", ["ACCEPTED", "DECLINED"][each % 2])
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: apply_stored(store, settings, now + 9 * HOUR), range(4)))
    assert partstat(store, world.invitation) is PartStat.DECLINED
    with store.read() as session:
        assert {arrival.state for arrival in session.exec(select(Arrival)).all()} <= {
            InboxState.APPLIED,
            InboxState.IGNORED,
        }
    assert sum(report.outcomes["quarantined"] for report in reports) == 0
