"""The participants' pages: what opening does (nothing) and what a press does (one fact)."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from answering import ASKED, CLOSES, STARTS, dump, partstat, queue_reminder
from portal_site import CHOSEN, HOUR, Site, site, text_of
from sqlmodel import select

from models import (
    Arrival,
    EvaluationRequest,
    EvaluationResponse,
    EvaluationRound,
    Gathering,
    Invitation,
    Message,
    Organisation,
    Person,
    RoleHolder,
    Trajectory,
)
from models.enums import GatheringState, MessageState, OrganisationKind, PartStat, RequestState, RoundState
from portal.evaluation import last_moment

__all__ = ["site"]  # the fixture


# Opening


def test_opening_any_page_in_any_way_changes_nothing(site: Site):
    before = dump(site.store)
    for path in (
        site.invitation,
        f"{site.invitation}/bedankt",
        site.evaluation,
        f"{site.evaluation}/bedankt",
        "/",
        "/privacy",
        "/health",
        "/i/unknown",
        "/e/unknown",
        "/nothing",
    ):
        for method in ("GET", "HEAD"):
            for query in ("", "?lang=en", "?answer=ACCEPTED"):
                assert site.browser.request(method, path + query).status_code in (200, 404)
    assert dump(site.store) == before


def test_the_invitation_says_what_when_where_and_who_invites(site: Site):
    with site.store.write() as session:
        hart = Organisation(kind=OrganisationKind.HART, name="Hart")
        session.add(hart)
        session.flush()
        adviser = Person(name="Sanne de Vries", email="sanne@hart.example", organisation_id=hart.id)
        session.add(adviser)
        session.flush()
        session.add(
            RoleHolder(
                trajectory_id=site.world.trajectory, role="adviseur", person_id=adviser.id, since=ASKED
            )
        )
    page = site.browser.get(site.invitation)
    text = text_of(page.text)
    for expected in (
        "Studiemiddag beeldende kunst",
        "woensdag 7 oktober 2026, 13:30–16:30 uur",
        "Hart, Kleine Houtweg 18, Haarlem",
        "Uitnodiging voor Fatima Çelik",
        "Sanne de Vries, Hart",
        "Ik kom",
        "Misschien",
        "Ik kan niet",
    ):
        assert expected in text
    assert 'href="mailto:sanne@hart.example"' in page.text
    assert "Je antwoord nu" not in text


def test_the_evaluation_says_who_asks_how_long_it_takes_when_it_closes_and_that_it_is_not_anonymous(
    site: Site,
):
    text = text_of(site.browser.get(site.evaluation).text)
    for expected in (
        "Hoe was dit schooljaar?",
        "2026-2027",
        "Basisschool De Kleine Wereld",
        "Hart, voor Cultuureducatie bij De Kleine Wereld",
        "ongeveer 8 minuten",
        "tot zondag 1 november 2026, 09:00 uur",
        "niet anoniem",
    ):
        assert expected in text


# Answering an invitation


@pytest.mark.parametrize(
    ("answer", "event", "heading"),
    [
        ("ACCEPTED", "invitation.accepted", "Fijn, tot dan!"),
        ("TENTATIVE", "invitation.tentative", "misschien"),
        ("DECLINED", "invitation.declined", "Jammer"),
    ],
)
def test_a_press_is_one_fact_and_the_page_says_thanks(site: Site, answer: str, event: str, heading: str):
    reminder = queue_reminder(site.store, site.world, "r", invitation_id=site.world.invitation)
    sent = site.browser.post(
        site.invitation,
        data={"answer": answer, "comment": "Tot dan!", "sequence": "1"},
        follow_redirects=False,
    )
    assert (sent.status_code, sent.headers["location"]) == (303, f"{site.invitation}/bedankt")
    thanks = site.browser.get(sent.headers["location"])
    assert heading in text_of(thanks.text)
    assert "Tot dan!" in thanks.text
    assert partstat(site.store, site.world.invitation) is PartStat(answer)
    assert site.events() == [event]
    with site.store.read() as session:
        assert session.get_one(Message, reminder).state is MessageState.WITHDRAWN
        assert session.get_one(Trajectory, site.world.trajectory).next_due_at is None
        assert session.exec(select(Arrival.outcome)).all() == ["counted"]


def test_a_second_press_of_the_same_button_is_no_second_fact(site: Site):
    for _ in range(2):
        site.browser.post(site.invitation, data={"answer": "ACCEPTED"})
        site.clock.at += HOUR
    assert site.events() == ["invitation.accepted"]


def test_the_latest_of_two_answers_wins_and_is_shown(site: Site):
    site.browser.post(site.invitation, data={"answer": "ACCEPTED"})
    site.clock.at += HOUR
    site.browser.post(site.invitation, data={"answer": "DECLINED", "comment": "Toch niet"})
    assert partstat(site.store, site.world.invitation) is PartStat.DECLINED
    assert site.events() == ["invitation.accepted", "invitation.declined"]
    again = site.browser.get(site.invitation).text
    assert "Je antwoord nu: ik kan niet" in text_of(again)
    assert "Toch niet" in again


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({}, "Kies een van de drie antwoorden"),
        ({"answer": "PERHAPS", "comment": "Bijna af"}, "Kies een van de drie antwoorden"),
        ({"answer": "ACCEPTED", "comment": "Bijna af" + "x" * 500}, "te lang"),
    ],
    ids=["empty", "unknown", "too long"],
)
def test_a_form_that_cannot_be_taken_says_so_and_loses_nothing(
    site: Site, form: dict[str, str], problem: str
):
    before = dump(site.store)
    page = site.browser.post(site.invitation, data=form)
    assert page.status_code == 422
    assert problem in text_of(page.text)
    assert form.get("comment", "") in page.text
    assert dump(site.store) == before


def test_yes_to_the_old_date_is_not_yes_to_the_new_one(site: Site):
    with site.store.write() as session:
        gathering = session.get_one(Gathering, site.world.gathering)
        session.get_one(Invitation, site.world.invitation).sequence = 2
        gathering.sequence, gathering.starts_at = 2, STARTS + 24 * HOUR
        gathering.ends_at = STARTS + 27 * HOUR
    page = site.browser.post(site.invitation, data={"answer": "ACCEPTED", "sequence": "1"})
    assert "De bijeenkomst is verplaatst" in text_of(page.text)
    assert "donderdag 8 oktober 2026" in text_of(page.text)
    assert partstat(site.store, site.world.invitation) is PartStat.NEEDS_ACTION
    site.browser.post(site.invitation, data={"answer": "ACCEPTED", "sequence": "2"})
    assert partstat(site.store, site.world.invitation) is PartStat.ACCEPTED


def test_a_gathering_that_started_or_was_cancelled_shows_why_it_cannot_be_answered(site: Site):
    site.clock.at = STARTS
    assert "al begonnen" in text_of(site.browser.get(site.invitation).text)
    page = site.browser.post(site.invitation, data={"answer": "ACCEPTED"})
    assert "Je antwoord kwam te laat" in text_of(page.text)
    site.clock.at = STARTS - HOUR
    with site.store.write() as session:
        session.get_one(Gathering, site.world.gathering).state = GatheringState.CANCELLED
    assert "gaat niet door" in text_of(site.browser.get(site.invitation).text)
    page = site.browser.post(site.invitation, data={"answer": "ACCEPTED"})
    assert "gaat niet door" in text_of(page.text)
    assert partstat(site.store, site.world.invitation) is PartStat.NEEDS_ACTION
    assert site.events() == []


def test_an_answer_that_cannot_be_applied_now_is_kept_and_the_person_is_told_so(
    site: Site, monkeypatch: pytest.MonkeyPatch
):
    def fails(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("traject.inbox.take_answer", fails)
    page = site.browser.post(site.invitation, data={"answer": "ACCEPTED"})
    assert "Je antwoord is ontvangen" in text_of(page.text)
    with site.store.read() as session:
        kept = session.exec(select(Arrival)).one()
        assert kept.payload["partstat"] == "ACCEPTED"


# Answering an evaluation


def test_a_filled_in_evaluation_is_recorded_and_can_be_changed_until_it_closes(site: Site):
    reminder = queue_reminder(site.store, site.world, "r", request_id=site.world.request)
    page = site.browser.post(site.evaluation, data={**CHOSEN, "behoefte-toelichting": "Méér <b>muziek</b>"})
    assert "Dank je wel!" in text_of(page.text)
    with site.store.read() as session:
        answers = session.exec(select(EvaluationResponse.answers)).one()
        assert answers["activiteiten-soort"] == ["bezoek", "team"]
        assert answers["activiteiten-tevreden"] == 4
        assert answers["behoefte-toelichting"] == "Méér <b>muziek</b>"
        assert session.get_one(EvaluationRequest, site.world.request).state is RequestState.ANSWERED
        assert session.get_one(Message, reminder).state is MessageState.WITHDRAWN

    again = site.browser.get(site.evaluation).text
    assert "Je hebt dit al ingevuld" in text_of(again)
    assert "Méér &lt;b&gt;muziek&lt;/b&gt;" in again
    assert len(re.findall(r"<input[^>]* checked", again)) == 8

    site.clock.at += HOUR
    site.browser.post(site.evaluation, data={**CHOSEN, "activiteiten-tevreden": "1"})
    with site.store.read() as session:
        assert session.exec(select(EvaluationResponse.answers)).one()["activiteiten-tevreden"] == 1
    assert site.events() == ["evaluation.answered", "evaluation.amended"]

    site.clock.at = CLOSES
    closed = site.browser.get(site.evaluation).text
    assert "gesloten" in text_of(closed)
    assert "<form" not in closed
    assert "al gesloten" in text_of(site.browser.post(site.evaluation, data=CHOSEN).text)
    with site.store.read() as session:
        assert session.exec(select(EvaluationResponse.answers)).one()["activiteiten-tevreden"] == 1


def test_a_mistake_is_named_on_top_with_a_link_to_its_field_and_nothing_typed_is_lost(site: Site):
    before = dump(site.store)
    typed = {**CHOSEN, "samenwerking-leerpunt": "Regel 1\r\nRegel 2", "activiteiten-trots": 'De "krant"'}
    del typed["activiteiten-tevreden"]
    page = site.browser.post(site.evaluation, data=typed)
    assert page.status_code == 422
    assert dump(site.store) == before
    assert '<a href="#v-activiteiten-tevreden-1">' in page.text
    assert 'id="v-activiteiten-tevreden-1"' in page.text
    assert 'aria-describedby="v-activiteiten-tevreden-problem"' in page.text
    assert "Kies een cijfer van 1 tot en met 5." in text_of(page.text)
    assert "Regel 1\nRegel 2</textarea>" in page.text
    assert "De &#34;krant&#34;" in page.text
    assert len(re.findall(r"<input[^>]* checked", page.text)) == 7
    assert "<title>Fout: " in page.text


def test_a_withdrawn_request_is_told_and_not_counted(site: Site):
    with site.store.write() as session:
        session.get_one(EvaluationRequest, site.world.request).state = RequestState.WITHDRAWN
    page = site.browser.post(site.evaluation, data=CHOSEN)
    assert "ingetrokken" in text_of(page.text)
    assert site.events() == []


def test_a_round_that_was_closed_early_is_closed(site: Site):
    with site.store.write() as session:
        session.get_one(EvaluationRound, site.world.round).state = RoundState.CLOSED
    assert "gesloten" in text_of(site.browser.get(site.evaluation).text)


@pytest.mark.parametrize(
    ("closes_at", "language", "words"),
    [
        ("2026-10-31T23:00+00:00", "nl", "tot en met zaterdag 31 oktober 2026"),
        ("2026-10-31T23:00+00:00", "en", "up to and including Saturday 31 October 2026"),
        ("2026-11-01T16:00+00:00", "nl", "tot zondag 1 november 2026, 17:00 uur"),
    ],
)
def test_closing_is_said_as_people_say_it(closes_at: str, language: str, words: str):
    assert last_moment(datetime.fromisoformat(closes_at), language, "Europe/Amsterdam") == words


@dataclass(frozen=True)
class Button:
    """The button of a form that shows it in the other language."""

    address: str
    sends: dict[str, str]


def language_button(page: str) -> Button:
    tag = re.findall(r'<button class="link"[^>]*>', page)[0]
    given = dict(re.findall(r'([a-z]+)="([^"]*)"', tag))
    assert f'<form id="{given["form"]}" method="post"' in page
    return Button(given["formaction"], {given["name"]: given["value"]})


def test_a_form_in_the_other_language_holds_what_was_typed_and_is_not_sent(site: Site):
    before = dump(site.store)
    typed = {**CHOSEN, "samenwerking-leerpunt": "Regel 1\r\nRegel 2"}
    del typed["activiteiten-tevreden"]
    page = site.browser.get(site.evaluation).text
    for other in ("English", "Nederlands"):
        button = language_button(page)
        shown = site.browser.post(button.address, data={**typed, **button.sends})
        page = shown.text
        assert shown.status_code == 200
        assert f">{other}<" not in page
        assert "Regel 1\nRegel 2</textarea>" in page
        assert len(re.findall(r"<input[^>]* checked", page)) == 7
        assert 'class="problem"' not in page  # nobody is told of what they did not get to yet
    assert dump(site.store) == before


def test_a_refused_form_in_the_other_language_still_says_what_is_wrong(site: Site):
    before = dump(site.store)
    typed = {**CHOSEN, "samenwerking-leerpunt": "Regel 1"}
    del typed["activiteiten-tevreden"]
    button = language_button(site.browser.post(site.evaluation, data=typed).text)
    page = site.browser.post(button.address, data={**typed, **button.sends}).text
    assert "Choose a number from 1 to 5." in text_of(page)
    assert "<title>Error: " in page
    assert "Regel 1</textarea>" in page
    button = language_button(page)
    mended = site.browser.post(button.address, data={**CHOSEN, **button.sends}).text
    assert "Fout: " not in mended
    assert dump(site.store) == before


@pytest.mark.parametrize(
    ("form", "dutch", "english"),
    [
        ({"comment": "Iets later"}, "Kies een van de drie", "Choose one of the three"),
        ({"comment": "Iets later" + "x" * 500, "answer": "ACCEPTED"}, "is te lang", "is too long"),
    ],
    ids=["no answer", "too long"],
)
def test_a_comment_goes_along_to_the_other_language(
    site: Site, form: dict[str, str], dutch: str, english: str
):
    before = dump(site.store)
    typed = {"comment": form["comment"], "sequence": "1"}
    button = language_button(site.browser.get(site.invitation).text)
    page = site.browser.post(button.address, data={**typed, **button.sends})
    assert (page.status_code, english in page.text) == (200, False)
    assert f"{form['comment']}</textarea>" in page.text
    refused = site.browser.post(site.invitation, data=form).text
    assert dutch in text_of(refused)
    button = language_button(refused)
    page = site.browser.post(button.address, data={**typed, **button.sends}).text
    assert english in text_of(page)
    assert f"{form['comment']}</textarea>" in page
    assert dump(site.store) == before
