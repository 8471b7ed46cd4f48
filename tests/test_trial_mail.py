"""A mail to oneself: the same headers and the same way out as real mail, and nothing else goes with it."""

from email import message_from_bytes
from email.policy import default as modern

import pytest
from commands import Traject, with_settings
from icalendar import Calendar
from smtp_faults import Post, serving
from test_outbox import a_message, put, row

from calendars.lint_mail import lint_mail
from models.enums import MessageState
from traject import clock
from traject.settings import Settings
from traject.store import Store

TO = "sanne@hart.example"


def traject_to(post: Post, settings: Settings, monkeypatch: pytest.MonkeyPatch, **more: str) -> Traject:
    return with_settings(monkeypatch, settings, TRAJECT_SMTP_URL=f"smtp://127.0.0.1:{post.port}", **more)


def test_a_test_mail_goes_the_real_way_and_alone(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    (other,) = put(store, a_message(clock.now()))
    with serving(Post()) as post:
        ran = traject_to(post, settings, monkeypatch)("mail", "test", "Sanne@Hart.example")
    assert ran.code == 0, ran.err
    assert "250 2.0.0 kept as 1" in ran.out
    assert "dkim=pass met header.d=hart.example" in ran.out
    [(sender, recipient, data)] = post.received
    assert recipient == TO
    mail = message_from_bytes(data, policy=modern)
    assert sender.startswith("cmk+b-")
    assert mail["Reply-To"].startswith("cmk+")
    assert (mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"]) == ("auto-generated", "OOF, AutoReply")
    assert mail["References"] == mail["Message-ID"]
    assert row(store, other).state is MessageState.QUEUED


def test_a_test_invitation_is_a_real_one_and_can_be_taken_out_of_the_calendar(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    with serving(Post()) as post:
        traject = traject_to(post, settings, monkeypatch)
        shown = traject("mail", "test", TO, "--invitation")
        number = shown.out.rpartition("--cancel ")[2].partition("`")[0]
        gone = traject("mail", "test", TO, "--cancel", number, "--json").json
        again = traject("mail", "test", TO, "--cancel", number)
    assert (gone["state"], again.code) == ("accepted", 0)
    made, cancelled, _ = [data for _, _, data in post.received]
    assert lint_mail(made) == lint_mail(cancelled) == []

    def event(data: bytes):
        mail = message_from_bytes(data, policy=modern)
        [part] = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
        calendar = Calendar.from_ical(part.get_content())
        [found] = calendar.walk("VEVENT")
        return calendar["METHOD"], found["UID"], found["SEQUENCE"], found["DTSTART"].dt, found["ORGANIZER"]

    (method, uid, sequence, starts, organizer), after = event(made), event(cancelled)
    assert (method, sequence) == ("REQUEST", 0)
    assert after == ("CANCEL", uid, 1, starts, organizer)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("geen adres",), "is geen mailadres"),
        (("zoë@hart.example",), "tekens die niet elke mailserver aanneemt"),
        ((TO, "--cancel", "99"), "geen proefuitnodiging"),
        ((TO, "--invitation", "--cancel", "1"), "niet allebei"),
    ],
)
def test_what_cannot_be_tried_is_refused_with_the_reason(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
):
    ran = with_settings(monkeypatch, settings)("mail", "test", *arguments)
    assert ran.code in (1, 2)
    assert said in ran.err


def test_an_invitation_to_somebody_else_is_not_cancelled(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    with serving(Post()) as post:
        traject = traject_to(post, settings, monkeypatch)
        number = traject("mail", "test", TO, "--invitation", "--json").json["id"]
        ran = traject("mail", "test", "daan@hart.example", "--cancel", str(number))
    assert (ran.code, len(post.received)) == (1, 1)
    assert TO in ran.err


def test_what_the_server_says_no_to_is_said(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
):
    with serving(Post(recipient={TO: "554 5.7.1 we know you not"})) as post:
        traject = traject_to(post, settings, monkeypatch)
        ran = traject("mail", "test", TO)
    assert ran.code == 1
    assert "554 5.7.1 we know you not" in ran.err
    gone = with_settings(monkeypatch, settings)("mail", "test", TO)
    assert (gone.code, "niet aan" in gone.err) == (1, True)


def test_a_limit_that_is_reached_is_said_with_when_it_will_go(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    with serving(Post()) as post:
        traject = traject_to(post, settings, monkeypatch, TRAJECT_MAIL_PER_MINUTE="1")
        assert traject("mail", "test", TO).code == 0
        ran = traject("mail", "test", TO)
    assert (ran.code, len(post.received)) == (1, 1)
    assert "limiet van de provider" in ran.err
