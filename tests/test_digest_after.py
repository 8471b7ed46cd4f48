"""What becomes of an overview: taken, refused, lost, withdrawn, skipped; and the law that no effect is lost or told twice."""

from datetime import datetime
from email.utils import parsedate_to_datetime

import pytest
from digest_cases import (
    DAY,
    GREYLISTED,
    REMINDERS,
    TO,
    a_noor,
    answered,
    claimed,
    digests,
    mail,
    plain_text,
    read,
    reminders,
    states,
)
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from smtp_faults import KEEP_AND_DROP, Post, serving
from sqlalchemy import text
from sqlmodel import select
from test_delivery import sent
from test_outbox import a_trajectory, key_of, put, row

from models import Event, Message, Person, Task
from models.enums import MessageKind, MessageState
from traject import holding, outbox
from traject.digest import MERGED, Digests
from traject.outbox import LEASE
from traject.readdress import change_person
from traject.refusal import RETRY_AFTER
from traject.settings import Settings
from traject.store import Store
from traject.unsubscribe import unsubscribe


@pytest.fixture
def noor(store: Store) -> int:
    return a_noor(store)


def test_a_refused_overview_is_taken_apart_so_that_answers_still_win(store: Store, now: datetime, noor: int):
    parts = put(store, *reminders(now, noor))
    with serving(Post(recipient={TO: [GREYLISTED]})) as post:
        assert sent(store, post, now).deferred == 1
        assert states(store, parts) == {MessageState.QUEUED}
        again = row(store, parts[0]).next_attempt_at
        assert answered(store, noor) == 4
        assert sent(store, post, again).accepted == 0
    assert post.received == []


def test_an_answer_while_the_overview_is_offered_wins_when_it_is_refused(
    store: Store, now: datetime, noor: int
):
    parts = put(store, *reminders(now, noor, 3), mail(now, noor))
    post = Post(data={TO: [GREYLISTED]}, on_data=lambda _: None)
    post.on_data = lambda _: answered(store, noor) and None
    with serving(post):
        sent(store, post, now)
        post.on_data = lambda _: None
        assert [row(store, key).state for key in parts] == [
            *3 * [MessageState.WITHDRAWN],
            MessageState.QUEUED,
        ]
        assert sent(store, post, now + DAY).accepted == 1
    assert {row(store, key).digest_id for key in parts} == {None}, "the news went by itself"


def test_an_answer_while_the_overview_is_offered_comes_too_late_when_it_is_taken(
    store: Store, now: datetime, noor: int
):
    parts = put(store, *reminders(now, noor))
    with serving(Post(on_data=lambda _: answered(store, noor) and None)) as post:
        assert sent(store, post, now).accepted == 1
    assert states(store, parts) == {MessageState.ACCEPTED}, "it did go out"


def test_who_wants_no_more_news_while_the_overview_is_offered_gets_none_when_it_is_refused(
    store: Store, now: datetime, noor: int
):
    parts = put(store, *reminders(now, noor, 3), mail(now, noor))

    def click(_: str) -> None:
        with store.write() as session:
            unsubscribe(session, session.get_one(Person, noor), now=now, via="link")

    with serving(Post(data={TO: [GREYLISTED]}, on_data=click)) as post:
        sent(store, post, now)
        sent(store, post, now + DAY)
    assert row(store, parts[3]).state is MessageState.WITHHELD
    assert states(store, parts[:3]) == {MessageState.ACCEPTED}


def test_a_refused_overview_is_made_anew_and_its_retries_go_on_by_the_table(
    store: Store, now: datetime, noor: int
):
    parts = put(store, *reminders(now, noor))
    with serving(Post(recipient={TO: 3 * [GREYLISTED]})) as post:
        at, waits = now, []
        for _ in range(3):
            sent(store, post, at)
            later = row(store, parts[0]).next_attempt_at
            assert later is not None
            waits.append(later - at)
            at = later
        assert sent(store, post, at).accepted == 1
    for wait, step in zip(waits, RETRY_AFTER, strict=False):
        assert step * 0.9 <= wait <= step * 1.1
    assert [each.state for each in digests(store)] == [*3 * [MessageState.WITHDRAWN], MessageState.ACCEPTED]


def test_an_overview_that_may_have_arrived_goes_again_with_the_same_bytes(
    store: Store, now: datetime, noor: int
):
    parts = put(store, *reminders(now, noor))
    with serving(Post(data={"": [KEEP_AND_DROP, GREYLISTED]})) as post:
        sent(store, post, now)
        [digest] = digests(store)
        sent(store, post, digest.next_attempt_at)
        [digest] = digests(store)
        assert digest.state is MessageState.QUEUED, "it may have arrived the first time: it is not made anew"
        put(store, *reminders(digest.next_attempt_at, noor))
        sent(store, post, digest.next_attempt_at, connections=1)
    assert post.received[0] in post.received[1:]
    assert states(store, parts) == {MessageState.ACCEPTED}
    assert [each.state for each in digests(store)] == 2 * [MessageState.ACCEPTED]


def test_an_overview_in_which_nothing_holds_any_more_does_not_go_again(
    store: Store, now: datetime, noor: int
):
    parts = put(store, *reminders(now, noor))
    with serving(Post(data={"": [KEEP_AND_DROP]})) as post:
        sent(store, post, now)
        assert answered(store, noor) == 4
        assert sent(store, post, now + DAY).accepted == 0
    assert len(post.received) == 1
    assert states(store, parts) == {MessageState.WITHDRAWN}
    assert [each.state for each in digests(store)] == [MessageState.WITHDRAWN]


def test_after_a_crash_the_overview_goes_once_more(store: Store, now: datetime, noor: int):
    parts = put(store, *reminders(now, noor))
    [lost] = claimed(store, now)
    with serving(Post()) as post:
        assert sent(store, post, now + DAY / 1440).accepted == 0, "its lease holds"
        assert sent(store, post, now + LEASE).accepted == 1
    assert [data for _, _, data in post.received] == [lost.data]
    assert states(store, parts) == {MessageState.ACCEPTED}


def test_an_overview_that_waited_for_the_rate_limit_is_made_anew_when_it_tells_too_much(
    store: Store, now: datetime, noor: int
):
    parts = put(store, *reminders(now, noor, 3), *(mail(now, noor) for _ in range(2)))
    with store.write() as session:
        merging = Digests(Settings(secret_key="test")).merge
        noted = [outbox.Candidate(key, MessageKind.REMINDER, noor) for key in parts[:1]]
        assert merging(session, noted, now)
        assert not merging(session, noted, now), "the second look changes nothing"
    assert answered(store, noor) == 3
    with serving(Post()) as post:
        assert sent(store, post, now).accepted >= 1
    assert all("Vergeet" not in plain_text(data) for _, _, data in post.received)
    assert [row(store, key).state for key in parts] == [
        *3 * [MessageState.WITHDRAWN],
        *2 * [MessageState.ACCEPTED],
    ]


def test_whoever_is_being_changed_gets_the_mails_by_themselves_and_nobody_waits(
    store: Store, now: datetime, noor: int, database_url: str
):
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite lets one writer in at a time")
    put(store, *reminders(now, noor))
    with store.write() as session:
        session.exec(select(Person).where(Person.id == noor).with_for_update()).one()
        assert len(claimed(store, now)) == 4
    assert digests(store) == []


def test_when_an_overview_fails_staff_hear_of_everything_in_it(store: Store, now: datetime, noor: int):
    with store.write() as session:
        trajectory = a_trajectory(session)
    parts = put(store, *reminders(now, noor, trajectory_id=trajectory))
    with serving(Post(recipient={TO: "554 5.7.1 no"})) as post:
        sent(store, post, now)
    assert states(store, parts) == {MessageState.FAILED}
    with store.read() as session:
        tasks = session.exec(select(Task)).all()
        assert len(tasks) == 4
        assert all("na 1 poging" in task.detail for task in tasks)
        assert len(session.exec(select(Event).where(Event.name == "message.failed")).all()) == 5


def test_what_staff_skip_takes_along_what_stands_in_it(store: Store, now: datetime, noor: int):
    parts = put(store, *reminders(now, noor))
    with serving(Post(data={"": [KEEP_AND_DROP]})) as post:
        sent(store, post, now)
        [digest] = digests(store)
        with store.write() as session:
            holding.skip(session, key_of(digest), reason="niet nodig")
        assert sent(store, post, now + DAY).accepted == 0
    assert {row(store, key).answer for key in parts} == {"niet nodig"}


def test_news_in_an_overview_that_came_back_goes_to_the_new_address_and_the_overview_does_not(
    store: Store, now: datetime, noor: int
):
    put(store, *reminders(now, noor, 3), mail(now, noor))
    with serving(Post(recipient={TO: "550 5.1.1 nobody"})) as post:
        sent(store, post, now)
        change_person(store, Settings(secret_key="test"), TO, new_email="noor@nieuw.example", now=now + DAY)
        sent(store, post, now + DAY)
    [(_, to, data)] = post.received
    assert to == "noor@nieuw.example"
    assert read(data)["Subject"] == "De landelijke monitor"


# The law


KINDS = st.sampled_from([*sorted(MERGED), MessageKind.INVITATION, MessageKind.CANCELLATION])
FAULTS = st.sampled_from([None, GREYLISTED, "421 4.7.0 slow", KEEP_AND_DROP])
DAYS = 12


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@hypothesis_settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mails=st.lists(st.tuples(st.integers(0, DAYS - 1), KINDS), max_size=10),
    faults=st.lists(FAULTS, max_size=2),
    answers=st.sets(st.integers(0, DAYS - 1), max_size=2),
    crashes=st.sets(st.integers(0, DAYS - 1), max_size=1),
)
def test_no_effect_is_lost_or_told_twice_and_none_after_its_answer(
    store: Store, now: datetime, mails, faults, answers, crashes
):
    """Never more than three lost days, because after four a mail is given up, and staff hear of it."""
    with store.write() as session:
        for table in ("message_contents", "messages", "people"):
            session.connection().execute(text(f"DELETE FROM {table}"))
    noor = a_noor(store)
    withdrawn_at: dict[int, datetime] = {}
    with serving(Post(data={"": list(faults)})) as post:
        for day in range(DAYS + 12):
            at = now + day * DAY
            coming = [(number, kind) for number, (on, kind) in enumerate(mails) if on == day]
            if day in answers:
                answered(store, noor)
                already = [
                    number for number, (on, kind) in enumerate(mails) if on < day and kind in REMINDERS
                ]
                withdrawn_at |= {number: at for number in already if number not in withdrawn_at}
            put(store, *(mail(at, noor, kind, subject=f"nummer {number}.") for number, kind in coming))
            if day in crashes:
                claimed(store, at)
            else:
                sent(store, post, at, connections=1)
    with store.read() as session:
        kept = session.exec(select(Message)).all()
        of = {each.subject: each for each in kept if each.kind is not MessageKind.DIGEST}
        stored = {each.return_path: each for each in kept}
        assert {each.state for each in kept} <= {MessageState.ACCEPTED, MessageState.WITHDRAWN}
        came = {path: data for path, _, data in post.received}
        assert all(data == came[path] for path, _, data in post.received), "a duplicate is the same mail"
        for number in range(len(mails)):
            name = f"nummer {number}."
            told = [
                path
                for path, data in came.items()
                if stored[path].subject == name
                or (stored[path].kind is MessageKind.DIGEST and f". {name}\n" in plain_text(data))
            ]
            assert len(told) <= 1
            assert told or number in withdrawn_at
            assert bool(told) >= (of[name].state is MessageState.ACCEPTED)
            for path in told:
                if stored[path].kind is MessageKind.DIGEST and number in withdrawn_at:
                    assert parsedate_to_datetime(str(read(came[path])["Date"])) < withdrawn_at[number]
