"""What a refusal does: to the message, to the person, to the provider, and who hears of it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select
from test_outbox import a_message, a_person, a_trajectory, claimed, next_of, put, refuse, row

from models import Event, Person, Task
from models.enums import AddressState, MessageState, TaskState
from traject.outbox import put_off_all
from traject.rates import MINUTE
from traject.refusal import GIVE_UP_AFTER, RETRY_AFTER, Meaning, Refusal, Scope, Stage, retry_at
from traject.store import Store


@pytest.mark.parametrize(
    ("stage", "said", "meaning", "scope"),
    [
        pytest.param(stage, said, meaning, scope, id=f"{stage}: {said}")
        for stage, said, meaning, scope in [
            (Stage.RECIPIENT, "550 5.1.1 no such user", Meaning.ADDRESS, Scope.MESSAGE),
            (Stage.DATA, "550 5.1.10 recipient not found", Meaning.ADDRESS, Scope.MESSAGE),
            (Stage.RECIPIENT, "550 5.2.1 mailbox disabled", Meaning.ADDRESS, Scope.MESSAGE),
            (Stage.RECIPIENT, "550 sorry, no mailbox (#5.1.1)", Meaning.ADDRESS, Scope.MESSAGE),
            (Stage.RECIPIENT, "550 user unknown", Meaning.ADDRESS, Scope.MESSAGE),
            (Stage.RECIPIENT, "551 user not local", Meaning.ADDRESS, Scope.MESSAGE),
            (Stage.RECIPIENT, "553 mailbox name not allowed", Meaning.ADDRESS, Scope.MESSAGE),
            (Stage.DATA, "550 looks like spam", Meaning.NEVER, Scope.MESSAGE),
            (Stage.RECIPIENT, "550 5.7.1 relaying denied", Meaning.NEVER, Scope.MESSAGE),
            (Stage.DATA, "554 5.7.1 policy", Meaning.NEVER, Scope.MESSAGE),
            (Stage.RECIPIENT, "552 5.2.2 mailbox full", Meaning.NEVER, Scope.MESSAGE),
            (Stage.RECIPIENT, "550 5.1.8 bad sender domain", Meaning.NEVER, Scope.MESSAGE),
            (Stage.RECIPIENT, "550 see 5.1.1.1 for help", Meaning.ADDRESS, Scope.MESSAGE),
            (Stage.SENDER, "553 5.1.7 bad sender", Meaning.NEVER, Scope.MESSAGE),
            (Stage.SENDER, "552 5.3.4 too big", Meaning.NEVER, Scope.MESSAGE),
            (Stage.SENDER, "530 5.7.0 log in first", Meaning.LATER, Scope.SERVER),
            (Stage.SENDER, "421 4.7.0 too many", Meaning.LATER, Scope.SERVER),
            (Stage.RECIPIENT, "450 4.2.0 greylisted", Meaning.LATER, Scope.MESSAGE),
            (Stage.RECIPIENT, "450 5.1.1 undecided", Meaning.LATER, Scope.MESSAGE),
            (Stage.RECIPIENT, "452 4.5.3 too many", Meaning.LATER, Scope.PROVIDER),
            (Stage.DATA, "421 4.7.28 rate limit", Meaning.LATER, Scope.PROVIDER),
            (Stage.DATA, "0 connection lost", Meaning.LATER, Scope.MESSAGE),
            (Stage.DATA, "-1 nonsense", Meaning.LATER, Scope.MESSAGE),
            (Stage.CONNECT, "554 go away", Meaning.LATER, Scope.SERVER),
            (Stage.CONNECT, "0 refused", Meaning.LATER, Scope.SERVER),
        ]
    ],
)
def test_what_a_refusal_means(stage, said, meaning, scope):
    code, _, text = said.partition(" ")
    refusal = Refusal(stage, int(code), text)
    assert (refusal.meaning, refusal.scope) == (meaning, scope)


def test_the_table_of_retries_is_followed_to_the_end(store: Store, now: datetime):
    (key,) = put(store, a_message(now))
    at, waits = now, []
    while True:
        (mail,) = claimed(store, at)
        refuse(store, mail, "451 4.3.0 later", at)
        if row(store, key).state is MessageState.FAILED:
            break
        waits.append(next_of(store, key) - at)
        at = next_of(store, key)
    steps = [*RETRY_AFTER, *[RETRY_AFTER[-1]] * (len(waits) - len(RETRY_AFTER))]
    for waited, step in zip(waits, steps, strict=True):
        assert 0.9 * step <= waited <= 1.1 * step
        assert waited >= MINUTE
    assert timedelta() < GIVE_UP_AFTER - (at - now) < 1.1 * RETRY_AFTER[-1]


@given(
    st.integers(1, 10**9),
    st.integers(1, 60),
    st.timedeltas(timedelta(), timedelta(days=5)),
    st.integers(0, 96),
)
def test_a_retry_lies_ahead_and_before_the_end_and_is_always_the_same(message_id, attempts, age, hours):
    now = datetime(2026, 9, 7, 8, 0, tzinfo=UTC)
    queued_at, expires_at = now - age, now - age + timedelta(hours=hours)
    at, again = (
        retry_at(message_id, attempts, now=now, queued_at=queued_at, expires_at=expires_at) for _ in range(2)
    )
    assert at == again
    if at is not None:
        assert now + timedelta(minutes=1) <= at < expires_at
        assert at < queued_at + GIVE_UP_AFTER or attempts <= len(RETRY_AFTER)


def test_days_in_which_nothing_ran_are_no_days_of_trying(store: Store, now: datetime):
    in_flight, waited = put(store, a_message(now), a_message(now))
    claimed(store, now, 1)  # and then the process was killed, and nothing ran for a fortnight
    at = now + timedelta(days=14)
    with store.write() as session:  # the network is up later than we are
        assert put_off_all(session, Refusal(Stage.CONNECT, 0, "refused"), now=at) == (2, 0)
    for tried in range(len(RETRY_AFTER) - 1):
        at = max(next_of(store, key) for key in (waited, in_flight))
        for mail in claimed(store, at):
            done = mail.attempts > len(RETRY_AFTER)
            assert refuse(store, mail, "451 4.7.1 greylisted", at) == ((0, 1) if done else (1, 0)), tried
    states = [row(store, key).state for key in (in_flight, waited)]
    assert states == [MessageState.FAILED, MessageState.QUEUED], (
        "as often as the table has waits, and once more"
    )


def test_a_retry_after_the_meeting_started_is_given_up(store: Store, now: datetime):
    (key,) = put(store, a_message(now, expires_at=now + timedelta(seconds=30)))
    (mail,) = claimed(store, now)
    assert refuse(store, mail, "451 later", now) == (0, 1)
    assert row(store, key).state is MessageState.FAILED


def test_a_bad_address_marks_the_person_and_what_waits_for_them(store: Store, now: datetime):
    with store.write() as session:
        person, trajectory = a_person(session), a_trajectory(session)
    bad, waiting, reminder, other = put(
        store,
        a_message(now, person_id=person, trajectory_id=trajectory),
        a_message(now, person_id=person, next_attempt_at=now + timedelta(days=30)),
        a_message(now, person_id=person, is_reminder=True, next_attempt_at=now + timedelta(days=30)),
        a_message(now),
    )
    (mail,) = claimed(store, now, 1)
    refuse(store, mail, "550 5.1.1 <kim@school.example>: user unknown", now)
    states = [row(store, key).state for key in (bad, waiting, reminder, other)]
    assert states == [MessageState.FAILED, MessageState.HELD, MessageState.WITHDRAWN, MessageState.QUEUED]
    with store.read() as session:
        assert session.get(Person, person).address_state is AddressState.BOUNCED
        assert session.get(Person, person).address_state_at == now
        event = session.exec(select(Event)).one()
        task = session.exec(select(Task)).one()
    assert (event.name, event.details) == (
        "message.bounced",
        {"message": bad, "person": person, "status": "550 5.1.1", "held": 1},
    )
    assert (task.effect_key, task.trajectory_id, task.person_id) == (f"bounce:{person}", trajectory, person)
    assert "kim@" not in task.detail


def test_an_address_that_breaks_again_reopens_the_one_task(store: Store, now: datetime):
    with store.write() as session:
        person, trajectory = a_person(session), a_trajectory(session)
    for _ in range(2):
        put(store, a_message(now, person_id=person, trajectory_id=trajectory))
        (mail,) = claimed(store, now)
        refuse(store, mail, "550 5.1.1 nobody", now)
        with store.write() as session:
            task = session.exec(select(Task)).one()
            assert task.state is TaskState.OPEN
            task.state, task.done_at = TaskState.DONE, now


@pytest.mark.parametrize("said", ["554 5.7.1 policy", "552 5.3.4 too big", "550 spam"])
def test_a_refusal_by_policy_fails_the_message_and_leaves_the_address(store: Store, now: datetime, said):
    with store.write() as session:
        person, trajectory = a_person(session), a_trajectory(session)
    (key,) = put(store, a_message(now, person_id=person, trajectory_id=trajectory))
    (mail,) = claimed(store, now)
    assert refuse(store, mail, said, now, Stage.DATA) == (0, 1)
    assert claimed(store, now + timedelta(days=2)) == []
    with store.read() as session:
        assert session.get(Person, person).address_state is AddressState.OK
        assert session.exec(select(Event.name)).all() == ["message.failed"]
        assert session.exec(select(Task.effect_key)).all() == [f"undelivered:{key}"]


@pytest.mark.parametrize("code", [421, 452])
def test_too_much_puts_off_the_provider_and_nobody_else(store: Store, now: datetime, code):
    first, same, sub, other = put(
        store,
        *(
            a_message(now, to_email=to)
            for to in ("a@big_mail.nl", "b@BIG_MAIL.nl", "c@bigxmail.nl", "d@x.nl")
        ),
    )
    (mail,) = claimed(store, now, 1)
    assert refuse(store, mail, f"{code} 4.7.0 slow down", now) == (2, 0)
    assert next_of(store, same) >= next_of(store, first) > now
    assert [mail.id for mail in claimed(store, now)] == [sub, other]


def test_a_server_that_is_away_puts_everything_off_by_the_table(store: Store, now: datetime):
    soon = a_message(now, expires_at=now + timedelta(seconds=20))
    later = a_message(now, next_attempt_at=now + timedelta(days=1))
    given_up, untouched, *rest = put(store, soon, later, *(a_message(now) for _ in range(20)))
    with store.write() as session:
        assert put_off_all(session, Refusal(Stage.CONNECT, 0, "refused"), now=now) == (20, 1)
    assert row(store, given_up).state is MessageState.FAILED
    assert row(store, untouched).attempts == 0
    times = {next_of(store, key) for key in rest}
    assert now + timedelta(seconds=60) <= min(times) <= max(times) <= now + timedelta(seconds=66)
    assert {row(store, key).attempted_at for key in rest} == {None}, (
        "the rate limit counts real attempts only"
    )


def test_words_that_no_database_takes_are_kept_as_far_as_they_can(store: Store, now: datetime):
    (key,) = put(store, a_message(now))
    (mail,) = claimed(store, now)
    refuse(store, mail, "451 caf\udce9 \0" + "x" * 9000, now)
    assert row(store, key).answer.startswith("451 caf? ?xxx")
    assert len(row(store, key).answer) == 500
