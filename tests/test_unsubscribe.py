"""News stops with one click, by a page, by mail and by staff; what belongs to a trajectory goes on."""

from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default as modern
from pathlib import Path

import pytest
from commands import with_settings
from engine_cases import MORNING, World, add_school, engine_settings
from portal_site import Site, site, text_of
from sqlmodel import Session, select

from models import Alias, Event, Message, Person
from models.enums import MessageKind, MessageState
from traject.inbox import add_mail
from traject.settings import Settings
from traject.store import Store
from traject.unsubscribe import OPTIONAL, WHY, links, person_of, resubscribe, token_of, unsubscribe

__all__ = ["site"]
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def kim(store: Store) -> Person:
    with store.write() as session:
        made = Person(name="Kim", email="kim@school.example")
        session.add(made)
        session.flush()
        session.expunge(made)
    return made


def news(store: Store, person: Person) -> bool:
    with store.read() as session:
        return session.get_one(Person, person.id).unsubscribed_at is None


def told(store: Store) -> list[tuple[str, str]]:
    with store.read() as session:
        events = session.exec(select(Event).where(Event.name.like("person.%")).order_by(Event.id)).all()
    return [(event.name, event.details["via"]) for event in events]


# Who may be named


def test_a_token_names_its_person_and_cannot_be_made_by_others(store: Store, settings: Settings, kim: Person):
    number = kim.id or 0
    token = token_of(settings, number)
    other = Settings(secret_key="another key")
    with store.read() as session:

        def named(text: str) -> int | None:
            found = person_of(session, settings, text)
            return found.id if found else None

        assert named(token) == named(token.upper()) == number
        made_up = [
            "",
            "-",
            "1",
            f"{number}-",
            f"{number + 1}-{token.partition('-')[2]}",
            token[:-1],
            token + "0",
        ]
        made_up += [
            token_of(other, number),
            "٣-abc",
            f"{10**12}-x",
            f"{number}-é\ud800",
            token_of(settings, 999),
        ]
        assert [named(each) for each in made_up] == [None] * len(made_up)


def test_only_news_may_be_unsubscribed_from():
    assert {str(kind) for kind in OPTIONAL} == {"notice"}


# The mails


@pytest.fixture
def world(store: Store, database_url: str, tmp_path: Path) -> World:
    made = World(store, engine_settings(database_url, tmp_path / "var"))
    add_school(store)
    made.launch()
    return made


def test_who_wants_no_news_gets_all_the_rest_and_what_is_left_out_says_why(world: World):
    with world.store.write() as session:
        for person in session.exec(select(Person).where(Person.email.like("%school.example"))):
            unsubscribe(session, person, now=MORNING, via="staff")
    world.live(MORNING + timedelta(days=400))
    school = [mail for mail in world.mails() if mail.to_email.endswith("school.example")]
    optional = [mail for mail in school if mail.kind in OPTIONAL]
    assert optional
    assert {(mail.state, mail.answer) for mail in optional} == {(MessageState.WITHHELD, WHY)}
    rest = {mail.kind for mail in school if mail.state is not MessageState.WITHHELD}
    assert {MessageKind.INVITATION, MessageKind.WELCOME, MessageKind.EVALUATION_REQUEST} <= rest


def test_the_headers_of_one_click_stand_on_news_only(world: World):
    world.live(MORNING + timedelta(days=400))
    mails = world.mails()
    assert {mail.kind for mail in mails} & OPTIONAL
    for mail in mails:
        found = message_from_bytes(mail.data or b"", policy=modern)
        if mail.kind not in OPTIONAL:
            assert found["List-Unsubscribe"] is None, mail.kind
            assert found["List-Unsubscribe-Post"] is None
            continue
        link, mailto = links(world.settings, mail.person_id or 0)
        assert found["List-Unsubscribe"] == f"<{link}>, <{mailto}>"
        assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        for kind in ("plain", "html"):
            body = found.get_body((kind,))
            assert body is not None
            assert link in body.get_content()


def test_news_that_waits_is_withheld_when_somebody_unsubscribes(store: Store, now: datetime, kim: Person):
    def mail(session: Session, kind: MessageKind, state: MessageState) -> None:
        key = f"{kind}:{state}"
        values = {"return_path": key, "message_id": key, "subject": "Dag", "queued_at": now}
        session.add(
            Message(effect_key=key, kind=kind, state=state, person_id=kim.id, to_email=kim.email, **values)
        )

    waiting = [MessageState.QUEUED, MessageState.HELD, MessageState.ATTEMPTING, MessageState.ACCEPTED]
    with store.write() as session:
        for state in waiting:
            mail(session, MessageKind.NOTICE, state)
        mail(session, MessageKind.INVITATION, MessageState.QUEUED)
        session.flush()
        assert unsubscribe(session, session.get_one(Person, kim.id), now=now, via="staff")
    with store.read() as session:
        found = {mail.effect_key: mail.state for mail in session.exec(select(Message))}
    assert found == {
        "notice:queued": MessageState.WITHHELD,
        "notice:held": MessageState.WITHHELD,
        "notice:attempting": MessageState.WITHHELD,  # and accepted all the same when the server takes it
        "notice:accepted": MessageState.ACCEPTED,
        "invitation:queued": MessageState.QUEUED,
    }


def test_twice_is_once_and_it_can_be_undone(store: Store, now: datetime, kim: Person):
    with store.write() as session:
        person = session.get_one(Person, kim.id)
        assert not resubscribe(session, person, now=now, via="staff")
        assert unsubscribe(session, person, now=now, via="link")
        assert not unsubscribe(session, person, now=now + timedelta(1), via="mail")
        assert person.unsubscribed_at == now
        assert resubscribe(session, person, now=now, via="staff")
    assert told(store) == [("person.unsubscribed", "link"), ("person.resubscribed", "staff")]


# The page


def person_behind(site: Site) -> Person:
    with site.store.read() as session:
        return session.exec(select(Person).order_by(Person.id)).all()[-1]


def test_opening_the_page_changes_nothing(site: Site, settings: Settings):
    person = person_behind(site)
    page = site.browser.get(f"/u/{token_of(settings, person.id or 0)}")
    assert page.status_code == 200
    assert "uitnodigingen, wijzigingen" in text_of(page.text)
    assert site.browser.head(f"/u/{token_of(settings, person.id or 0)}").status_code == 200
    assert news(site.store, person)
    assert told(site.store) == []


@pytest.mark.parametrize("form", [{"data": ONE_CLICK}, {"files": {"List-Unsubscribe": (None, "One-Click")}}])
def test_one_click_of_a_mail_program_unsubscribes_without_a_redirect(site: Site, settings: Settings, form):
    person = person_behind(site)
    done = site.browser.post(f"/u/{token_of(settings, person.id or 0)}", follow_redirects=False, **form)
    assert done.status_code == 200
    assert not news(site.store, person)


def test_a_person_presses_the_button_and_changes_their_mind(site: Site, settings: Settings):
    person = person_behind(site)
    address = f"/u/{token_of(settings, person.id or 0)}?lang=en"
    done = site.browser.post(address, data={"news": "stop"})
    assert "You will get no more news" in text_of(done.text)
    assert done.request.method == "GET", "a reload of the page sends nothing again"
    assert not news(site.store, person)
    again = site.browser.post(address, data={"news": "again"})
    assert "Send me no more news" in text_of(again.text)
    assert news(site.store, person)
    assert told(site.store) == [("person.unsubscribed", "link"), ("person.resubscribed", "link")]


def test_a_link_that_we_did_not_make_opens_nothing(site: Site):
    assert site.browser.get("/u/1-abc").status_code == 404
    assert site.browser.post("/u/1-abc", data=ONE_CLICK).status_code == 404
    assert told(site.store) == []


# By mail


def asking(sender: str, to: str, subject: str = "unsubscribe") -> bytes:
    return (
        f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <x-{sender}>\r\n"
        "Date: Mon, 07 Sep 2026 08:00:00 +0000\r\n\r\n\r\n"
    ).encode()


@pytest.mark.parametrize("case", ["the address of the header", "their own address", "an alias"])
def test_a_mail_that_asks_for_it_unsubscribes(
    store: Store, settings: Settings, now: datetime, kim: Person, case: str
):
    with store.write() as session:
        session.add(Alias(email="kim@thuis.example", person_id=kim.id or 0, linked_at=now))
    tagged = links(settings, kim.id or 0)[1].removeprefix("mailto:").partition("?")[0]
    mails = {
        "the address of the header": asking("iemand@elders.example", tagged),
        "their own address": asking("Kim@School.example", "cmk@hart.example", "Afmelden"),
        "an alias": asking("kim@thuis.example", "cmk@hart.example"),
    }
    outcome = add_mail(store, settings, mails[case], now, now)
    assert (outcome.kind, outcome.outcome) == ("unsubscribe", "recorded")
    assert not news(store, kim)
    assert told(store) == [("person.unsubscribed", "mail")]


def test_a_mail_of_somebody_unknown_is_for_staff(
    store: Store, settings: Settings, now: datetime, kim: Person
):
    forged = f"cmk+u-{kim.id}-00000000000000000000@hart.example"
    outcome = add_mail(store, settings, asking("iemand@elders.example", forged), now, now)
    assert (outcome.kind, outcome.outcome) == ("unsubscribe", "quarantined")
    assert news(store, kim)


# By staff


def test_staff_see_who_gets_no_news_and_change_it(
    store: Store, settings: Settings, kim: Person, monkeypatch: pytest.MonkeyPatch
):
    traject = with_settings(monkeypatch, settings)
    assert traject("people", "unsubscribe", "Kim@school.example").out == "Kim krijgt geen nieuws meer.\n"
    assert "geen nieuws" in traject("people", "list").out
    assert traject("people", "list", "--json").json[0]["gets_news"] is False
    assert traject("people", "resubscribe", str(kim.id), "--json").json["gets_news"] is True
    assert news(store, kim)
    unknown = traject("people", "unsubscribe", "niemand@x.nl")
    assert (unknown.code, "niet bekend" in unknown.err) == (1, True)
