"""The overview: more than three mails in a week are fewer, none is lost, none is told twice, and no reminder waits."""

from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from mail_samples import CONTEXT_OF, HEAD
from smtp_faults import KEEP_AND_DROP, Post, serving
from sqlalchemy import text
from sqlmodel import select
from test_delivery import sent
from test_outbox import a_message, a_trajectory, key_of, put, row

from models import Event, Message, MessageContent, Person, Task
from models.enums import MessageKind, MessageState
from traject import holding, outbox
from traject.compose import compose
from traject.digest import MERGED, NEWS, WAITS, Digests
from traject.digest_text import pieces_of
from traject.outbox import LEASE, withdraw
from traject.readdress import change_person
from traject.refusal import RETRY_AFTER
from traject.settings import Settings
from traject.store import Store
from traject.unsubscribe import unsubscribe

TO = "noor@school.example"
DAY = timedelta(days=1)
REMINDERS = MERGED - NEWS
GREYLISTED = "450 4.2.0 greylisted"


@pytest.fixture
def noor(store: Store) -> int:
    return a_noor(store)


def a_noor(store: Store) -> int:
    with store.write() as session:
        person = Person(name="Noor", email=TO)
        session.add(person)
        session.flush()
        return key_of(person)


def mail(now: datetime, person: int, kind: MessageKind = MessageKind.NOTICE, **values) -> Message:
    """A real mail of this kind; when it cannot be composed here, as it carries a calendar, a plain one."""
    given = {"person_id": person, "to_email": TO, "kind": kind, "is_reminder": kind in REMINDERS}
    if kind in MERGED:
        composed = compose(kind, "nl", CONTEXT_OF[kind], HEAD)
        given |= {"content": MessageContent(data=composed.data), "subject": composed.subject}
    return a_message(now, **(given | values))


def reminders(now: datetime, noor: int, count: int = 4, **values) -> list[Message]:
    return [mail(now, noor, MessageKind.REMINDER, **values) for _ in range(count)]


def read(data: bytes | None) -> EmailMessage:
    return message_from_bytes(data or b"", policy=modern)


def plain_text(data: bytes | None) -> str:
    body = read(data).get_body(("plain",))
    assert body is not None
    return body.get_content().replace("\r\n", "\n")


def digests(store: Store) -> list[Message]:
    with store.read() as session:
        kept = select(Message).where(Message.kind == MessageKind.DIGEST).order_by(Message.id)
        return list(session.exec(kept).all())


def states(store: Store, keys: list[int]) -> set[MessageState]:
    return {row(store, key).state for key in keys}


def answered(store: Store, noor: int) -> int:
    """What Noor was reminded of has its answer."""
    with store.write() as session:
        return withdraw(session, reason="beantwoord", person_id=noor)


# When


def test_three_mails_in_a_week_go_by_themselves(store: Store, now: datetime, noor: int):
    put(store, *(mail(now, noor) for _ in range(3)))
    with serving(Post()) as post:
        assert sent(store, post, now).accepted == 3
    assert digests(store) == []


def test_four_are_one_mail_with_all_that_they_said(store: Store, now: datetime, noor: int):
    parts = put(store, *(mail(now, noor, kind) for kind in sorted(MERGED)))
    with serving(Post()) as post:
        assert sent(store, post, now, connections=1).accepted == 1
        assert sent(store, post, now + DAY).accepted == 0
    [digest] = digests(store)
    assert states(store, parts) == {MessageState.ACCEPTED}
    assert {row(store, key).answer for key in parts} == {f"in overzicht {digest.id}"}
    [(_, _, data)] = post.received
    said = plain_text(data)
    for key in parts:
        with store.read() as session:
            part = session.get_one(Message, key)
            pieces = pieces_of(part.data or b"")
        assert part.subject in said
        for piece in pieces:
            assert piece.paragraph in said
            assert all(f"{label}: {value}" in said for label, value in piece.rows)
            assert f"{piece.label}: {piece.url}" in said or not piece.url
    assert said.count("Beste ") == 1
    assert said.count("\n--------\n") == 1
    assert read(data)["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click", "there is news in it"
    first = next(row(store, key) for key in parts if row(store, key).kind in REMINDERS)
    assert read(data)["Subject"] == f"{first.subject} (en nog 4 berichten)", "what asks something comes first"


def test_an_overview_of_reminders_alone_cannot_be_unsubscribed_from(store: Store, now: datetime, noor: int):
    put(store, *reminders(now, noor))
    with serving(Post()) as post:
        sent(store, post, now)
    [(_, _, data)] = post.received
    assert read(data)["List-Unsubscribe"] is None
    assert "afmelden" not in plain_text(data).lower()


@pytest.mark.parametrize("kind", sorted(set(MessageKind) - MERGED - {MessageKind.DIGEST}))
def test_what_is_no_small_mail_goes_by_itself_at_once(
    store: Store, now: datetime, noor: int, kind: MessageKind
):
    """Above all what has a calendar part: a merged invitation is in nobody's calendar."""
    put(store, *(mail(now, noor) for _ in range(5)))
    alone = put(store, *(mail(now, noor, kind) for _ in range(5)))
    with serving(Post()) as post:
        assert sent(store, post, now).accepted >= 5
    assert states(store, alone) == {MessageState.ACCEPTED}
    assert {row(store, key).digest_id for key in alone} == {None}


def test_invitations_count_so_that_reminders_beside_them_are_one(store: Store, now: datetime, noor: int):
    put(store, *(mail(now, noor, MessageKind.INVITATION) for _ in range(2)), *reminders(now, noor, 2))
    with serving(Post()) as post:
        assert sent(store, post, now).accepted == 3
    assert len(digests(store)) == 1


def test_mails_of_the_past_week_count_and_older_ones_do_not(store: Store, now: datetime, noor: int):
    with serving(Post()) as post:
        put(store, *reminders(now, noor, 2))
        assert sent(store, post, now).accepted == 2
        put(store, *reminders(now + DAY, noor, 2))
        assert sent(store, post, now + DAY).accepted == 1, "2 + 2 is too much: the two are one"
        put(store, *reminders(now + 9 * DAY, noor, 3))
        assert sent(store, post, now + 9 * DAY).accepted == 3
    assert len(digests(store)) == 1


def test_news_waits_once_until_there_is_room_and_goes_together_then(store: Store, now: datetime, noor: int):
    with serving(Post()) as post:
        put(store, *(mail(now, noor) for _ in range(3)))
        sent(store, post, now)
        late = put(store, *(mail(now + number * DAY, noor) for number in (1, 2)))
        assert sent(store, post, now + 2 * DAY).accepted == 0
        waiting = [row(store, key) for key in late]
        assert {(each.answer, each.next_attempt_at) for each in waiting} == {(WAITS, now + 7 * DAY)}
        put(store, *(mail(now + 3 * DAY, noor, MessageKind.INVITATION) for _ in range(3)))
        assert sent(store, post, now + 3 * DAY).accepted == 3
        assert sent(store, post, now + 7 * DAY).accepted == 1, "there is no room again, and it waited already"
    assert [each.state for each in digests(store)] == [MessageState.ACCEPTED]


@pytest.mark.parametrize("kind", sorted(REMINDERS))
def test_no_reminder_ever_waits_and_it_takes_the_news_along(
    store: Store, now: datetime, noor: int, kind: MessageKind
):
    with serving(Post()) as post:
        put(store, *(mail(now, noor) for _ in range(3)))
        sent(store, post, now)
        put(store, mail(now + DAY, noor, kind))
        assert sent(store, post, now + DAY).accepted == 1
        put(store, mail(now + 2 * DAY, noor), mail(now + 2 * DAY, noor, kind))
        assert sent(store, post, now + 2 * DAY).accepted == 1
    assert len(digests(store)) == 1


@pytest.mark.parametrize("advisers", [["sanne@hart.example"], ["sanne@hart.example", "joost@hart.example"]])
def test_one_adviser_is_named_once_and_two_each_beside_what_is_theirs(
    store: Store, now: datetime, noor: int, advisers: list[str]
):
    with store.write() as session:
        session.add_all(Person(name=email.partition("@")[0].title(), email=email) for email in advisers)
    contexts = [
        replace(CONTEXT_OF[MessageKind.REMINDER], adviser_name=email[:5], adviser_email=email)
        for email in 4 * advisers
    ]
    mails = [compose(MessageKind.REMINDER, "nl", context, HEAD).data for context in contexts]
    put(store, *(mail(now, noor, MessageKind.REMINDER, content=MessageContent(data=data)) for data in mails))
    with serving(Post()) as post:
        sent(store, post, now)
    said = plain_text(post.received[0][2])
    times = 1 if len(advisers) == 1 else 4
    assert [said.count(f"is je adviseur bij Hart: {email}") for email in advisers] == [times] * len(advisers)
    assert said.count("is je adviseur") == times * len(advisers)


def test_only_what_was_a_button_is_one_in_the_overview(store: Store, now: datetime, noor: int):
    """Who said yes may change that; who has not filled in the evaluation is asked to."""
    kinds = [MessageKind.GATHERING_REMINDER, MessageKind.EVALUATION_REMINDER]
    put(store, *(mail(now, noor, kind) for kind in 2 * kinds))
    with serving(Post()) as post:
        sent(store, post, now)
    html = read(post.received[0][2]).get_body(("html",))
    assert html is not None
    found = html.get_content()
    assert found.count('<a class="button" href="https://traject.example/e/s3cret"') == 2
    assert found.count('<a href="https://traject.example/a/s3cret"') == 2


def test_a_mail_for_an_address_that_somebody_had_before_stays_by_itself(
    store: Store, now: datetime, noor: int
):
    old = put(store, *reminders(now, noor, 4, to_email="oud@school.example"))
    with serving(Post()) as post:
        assert sent(store, post, now).accepted == 4
    assert {row(store, key).digest_id for key in old} == {None}


# What becomes of it


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


def claimed(store: Store, now: datetime) -> list[outbox.Claimed]:
    """What a process takes that ends before it sends anything."""
    with store.write() as session:
        merging = Digests(Settings(secret_key="test")).merge
        return outbox.claim(session, 10, now=now, merging=merging).messages


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
@hypothesis_settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
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
