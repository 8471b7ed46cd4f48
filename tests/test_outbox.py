"""The outbox: what is queued once, claimed once, tried again by the table, and never silently dropped."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from sqlmodel import Session, select

from models import Message, MessageContent, Organisation, Person, ProgrammeVersion, Trajectory
from models.enums import MessageKind, MessageState, OrganisationKind
from traject import holding, outbox
from traject.errors import Refused
from traject.outbox import LEASE, Claimed, accepted, claim, failed, queue, queue_all, withdraw
from traject.rates import RatePlan
from traject.refusal import Refusal, Stage
from traject.store import Store

LAUNCHED = datetime(2026, 9, 1, tzinfo=UTC)
_numbers = count(1)


def a_message(
    now: datetime, key: str = "", data: bytes | None = b"Subject: Dag\r\n\r\nDag!\r\n", **values
) -> Message:
    number = next(_numbers)
    given = {
        "effect_key": key or f"effect:{number}",
        "kind": MessageKind.NOTICE,
        "to_email": f"p{number}@school.example",
        "return_path": f"b-{number}@hart.example",
        "message_id": f"<{number}@hart.example>",
        "subject": "Dag",
        "content": MessageContent(data=data) if data else None,
        "queued_at": now,
    }
    return Message(**(given | values))


def put(store: Store, *messages: Message) -> list[int]:
    """Queue them; gives their ids in order."""
    with store.write() as session:
        queue_all(session, messages)
    return [key_of(row(store, message.effect_key)) for message in messages]


def key_of(kept: Message | Person | Trajectory) -> int:
    assert kept.id is not None
    return kept.id


def next_of(store: Store, key: int) -> datetime:
    at = row(store, key).next_attempt_at
    assert at is not None
    return at


def row(store: Store, key: str | int) -> Message:
    column = Message.id if isinstance(key, int) else Message.effect_key
    with store.read() as session:
        return session.exec(select(Message).where(column == key)).one()


def a_person(session: Session) -> int:
    person = Person(name="Kim", email=f"kim{next(_numbers)}@school.example")
    session.add(person)
    session.flush()
    return key_of(person)


def a_trajectory(session: Session) -> int:
    number = next(_numbers)
    school = Organisation(kind=OrganisationKind.SCHOOL, name="De Linde")
    version = ProgrammeVersion(
        key="po-nieuw", version=number, title="PO", sha256=f"{number}", text="", stored_at=LAUNCHED
    )
    session.add_all([school, version])
    session.flush()
    made = Trajectory(
        reference=f"po-nieuw:{number}",
        programme_version_id=version.id,
        organisation_id=school.id,
        title="De Linde",
        starts_on=LAUNCHED.date(),
        launched_at=LAUNCHED,
    )
    session.add(made)
    session.flush()
    return key_of(made)


def claimed(store: Store, now: datetime, wanted: int = 10, per_minute: int = 0) -> list[Claimed]:
    with store.write() as session:
        return claim(session, wanted, now=now, plan=RatePlan(per_minute)).messages


def refuse(store: Store, mail: Claimed, said: str, now: datetime, stage: Stage = Stage.RECIPIENT):
    code, _, text = said.partition(" ")
    with store.write() as session:
        return failed(session, mail, Refusal(stage, int(code), text), now=now)


# Queueing


def test_an_effect_is_queued_once_and_the_second_time_changes_nothing(store: Store, now: datetime):
    with store.write() as session:
        assert queue(session, a_message(now, "t1:welcome:kim", subject="first"))
        assert not queue(session, a_message(now, "t1:welcome:kim", subject="second"))
    assert row(store, "t1:welcome:kim").subject == "first"


def test_of_a_thousand_effects_only_the_new_ones_are_named(store: Store, now: datetime):
    put(store, *(a_message(now, f"k{number}") for number in range(0, 2000, 2)))
    with store.write() as session:
        new = queue_all(session, [a_message(now, f"k{number}") for number in range(2000)])
    assert new == {f"k{number}" for number in range(1, 2000, 2)}


def test_the_same_effect_twice_in_one_list_is_one_message(store: Store, now: datetime):
    with store.write() as session:
        assert queue_all(session, [a_message(now, "k"), a_message(now, "k")]) == {"k"}


def test_a_message_without_bytes_is_refused_unless_it_is_withheld(store: Store, now: datetime):
    with store.write() as session:
        with pytest.raises(ValueError, match="has no bytes; compose it"):
            queue(session, a_message(now, data=None))
        assert queue(session, a_message(now, "w", data=None, state=MessageState.WITHHELD))
    assert claimed(store, now) == []


def test_a_message_for_later_waits_until_then(store: Store, now: datetime):
    put(store, a_message(now, next_attempt_at=now + timedelta(hours=1)))
    assert claimed(store, now) == []
    assert len(claimed(store, now + timedelta(hours=1))) == 1


# Withdrawing, and what staff decide


def test_only_reminders_are_withdrawn_when_the_answer_comes_first(store: Store, now: datetime):
    with store.write() as session:
        person = a_person(session)
    reminder, other = put(
        store, a_message(now, person_id=person, is_reminder=True), a_message(now, person_id=person)
    )
    with store.write() as session:
        assert withdraw(session, reason="answered", person_id=person) == 1
    assert row(store, reminder).state is MessageState.WITHDRAWN
    assert row(store, reminder).answer == "answered"
    assert [mail.id for mail in claimed(store, now)] == [other]


def test_without_any_id_nothing_can_be_withdrawn(store: Store):
    with store.write() as session, pytest.raises(ValueError, match="at least one id"):
        withdraw(session, reason="oops", reminders_only=False)


def test_a_reminder_withdrawn_while_it_is_sent_is_never_tried_again(store: Store, now: datetime):
    with store.write() as session:
        person = a_person(session)
    (key,) = put(store, a_message(now, person_id=person, is_reminder=True))
    (mail,) = claimed(store, now)
    with store.write() as session:
        assert withdraw(session, reason="answered", person_id=person) == 1
    assert refuse(store, mail, "451 4.3.0 later", now) == (0, 0)
    assert row(store, key).state is MessageState.WITHDRAWN
    assert claimed(store, now + timedelta(days=1)) == []


def test_a_withdrawn_message_that_the_server_took_all_the_same_is_accepted(store: Store, now: datetime):
    with store.write() as session:
        person = a_person(session)
    (key,) = put(store, a_message(now, person_id=person, is_reminder=True))
    (mail,) = claimed(store, now)
    with store.write() as session:
        withdraw(session, reason="answered", person_id=person)
        accepted(session, [(mail, "250 kept")], now=now)
    assert (row(store, key).state, row(store, key).answer) == (MessageState.ACCEPTED, "250 kept")


def test_a_held_message_waits_until_it_is_released(store: Store, now: datetime):
    (key,) = put(store, a_message(now))
    with store.write() as session:
        holding.hold(session, key, reason="wacht op Joost")
    assert claimed(store, now) == []
    later = now + timedelta(days=5)
    with store.write() as session:
        holding.release(session, key, now=later)
    (mail,) = claimed(store, later)
    assert refuse(store, mail, "451 greylisted", later) == (1, 0), "its four days start at the release"


def test_releasing_before_its_time_does_not_send_it_early(store: Store, now: datetime):
    (key,) = put(store, a_message(now, next_attempt_at=now + timedelta(days=1)))
    with store.write() as session:
        holding.hold(session, key)
        holding.release(session, key, now=now)
    assert claimed(store, now) == []


def test_a_skipped_message_is_never_sent(store: Store, now: datetime):
    (key,) = put(store, a_message(now))
    with store.write() as session:
        holding.skip(session, key, reason="niet nodig")
    assert claimed(store, now + timedelta(days=9)) == []
    assert row(store, key).answer == "niet nodig"


@pytest.mark.parametrize("act", [holding.hold, holding.skip])
def test_staff_cannot_stop_a_message_that_was_claimed(store: Store, now: datetime, act):
    (key,) = put(store, a_message(now))
    claimed(store, now)
    with (
        store.write() as session,
        pytest.raises(Refused, match=f"mail {key} kan niet worden .*: hij is onderweg"),
    ):
        act(session, key)


def test_a_message_that_does_not_exist_is_named(store: Store, now: datetime):
    with store.write() as session, pytest.raises(Refused, match=r"er is geen mail 99; `traject outbox list`"):
        holding.release(session, 99, now=now)


# Claiming


def test_a_claimed_message_is_not_claimed_again_until_its_lease_ends(store: Store, now: datetime):
    (key,) = put(store, a_message(now))
    assert [(mail.id, mail.attempts) for mail in claimed(store, now)] == [(key, 1)]
    assert claimed(store, now + LEASE - timedelta(seconds=1)) == []
    assert [(mail.id, mail.attempts) for mail in claimed(store, now + LEASE)] == [(key, 2)]


def test_a_lost_claim_writes_no_failure_but_an_acceptance_counts(store: Store, now: datetime):
    (key,) = put(store, a_message(now))
    (first,) = claimed(store, now)
    claimed(store, now + LEASE)
    assert refuse(store, first, "550 5.1.1 nobody", now + LEASE) == (0, 0)
    assert row(store, key).state is MessageState.ATTEMPTING
    with store.write() as session:
        accepted(session, [(first, "250 ok")], now=now + LEASE)
    assert row(store, key).state is MessageState.ACCEPTED


def test_two_that_claim_at_once_never_get_the_same(store: Store, now: datetime):
    if store.is_sqlite:
        pytest.skip("SQLite lets one writer in at a time")
    put(store, *(a_message(now) for _ in range(6)))
    other = Store(store.engine.url.render_as_string(hide_password=False))
    with store.write() as one, other.write() as two:
        first = {mail.id for mail in claim(one, 4, now=now).messages}
        second = {mail.id for mail in claim(two, 4, now=now).messages}
    other.close()
    assert (len(first), len(second)) == (4, 2)
    assert not first & second


def test_what_comes_too_late_is_given_up_and_the_next_goes(store: Store, now: datetime):
    late, good = put(
        store, a_message(now, expires_at=now), a_message(now, expires_at=now + timedelta(hours=1))
    )
    with store.write() as session:
        got = claim(session, 1, now=now)
    assert ([mail.id for mail in got.messages], got.expired) == ([good], 1)
    assert row(store, late).state is MessageState.FAILED


def test_the_rate_limit_counts_every_attempt_of_the_last_minute(store: Store, now: datetime):
    put(store, *(a_message(now) for _ in range(5)))
    with store.write() as session:
        first = claim(session, 10, now=now, plan=RatePlan(3))
        second = claim(session, 10, now=now + timedelta(seconds=59), plan=RatePlan(3))
        third = claim(session, 10, now=now + timedelta(seconds=60), plan=RatePlan(3))
    assert [len(got.messages) for got in (first, second, third)] == [3, 0, 2]
    assert first.resume_at == second.resume_at == now + timedelta(minutes=1)
    assert third.resume_at is None


def test_claiming_reads_the_partial_index_and_not_the_table(store: Store, now: datetime):
    if not store.is_sqlite:
        pytest.skip("PostgreSQL reads small tables as a whole")
    asked = select(Message.id).where(outbox.due(now)).order_by(Message.next_attempt_at, Message.id).limit(4)
    with store.read() as session:
        sql = str(asked.compile(session.get_bind(), compile_kwargs={"literal_binds": True}))
        steps = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}").all()
    assert [step.detail for step in steps] == [
        "SEARCH messages USING INDEX ix_messages_waiting (next_attempt_at<?)"
    ]
