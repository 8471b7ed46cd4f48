"""The overview: more than three mails in a week are fewer, none is lost, none is told twice, and no reminder waits."""

from dataclasses import replace
from datetime import datetime

import pytest
from digest_cases import (
    DAY,
    REMINDERS,
    a_noor,
    digests,
    mail,
    plain_text,
    read,
    reminders,
    states,
)
from mail_samples import CONTEXT_OF, HEAD
from smtp_faults import Post, serving
from test_delivery import sent
from test_outbox import put, row

from models import Message, MessageContent, Person
from models.enums import MessageKind, MessageState
from traject.compose import compose
from traject.digest import MERGED, WAITS
from traject.digest_text import pieces_of, told_apart
from traject.mail_contexts import DigestLine, DigestPiece
from traject.store import Store


@pytest.fixture
def noor(store: Store) -> int:
    return a_noor(store)


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


def test_links_of_several_mails_with_one_name_are_told_apart_by_their_mails():
    def line(title: str, url: str, *more: DigestPiece) -> DigestLine:
        return DigestLine(
            title, (DigestPiece(paragraph="Tot dan!"), DigestPiece(label="Wijzig", url=url), *more)
        )

    once = DigestPiece(label="Bekijk", url="https://x.example/3")
    lines = (line("Drama", "https://x.example/1"), line("Dans", "https://x.example/2", once))
    assert [[piece.label for piece in each.pieces] for each in told_apart(lines)] == [
        ["", "Wijzig (Drama)"],
        ["", "Wijzig (Dans)", "Bekijk"],
    ]


def test_a_mail_for_an_address_that_somebody_had_before_stays_by_itself(
    store: Store, now: datetime, noor: int
):
    old = put(store, *reminders(now, noor, 4, to_email="oud@school.example"))
    with serving(Post()) as post:
        assert sent(store, post, now).accepted == 4
    assert {row(store, key).digest_id for key in old} == {None}
