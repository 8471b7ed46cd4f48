"""The participants' pages: what opening does (nothing), what a press does (one fact), and what nobody may do."""

import logging
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from answering import ASKED, CLOSES, STARTS, World, build, dump, expire, partstat, queue_reminder
from sqlmodel import select

from models import (
    Arrival,
    EvaluationRequest,
    EvaluationResponse,
    EvaluationRound,
    Event,
    Gathering,
    Invitation,
    Message,
    Organisation,
    Person,
    RoleHolder,
    Trajectory,
)
from models.enums import GatheringState, MessageState, OrganisationKind, PartStat, RequestState, RoundState
from portal.app import create_app
from portal.evaluation import last_moment
from portal.security import BODY_LIMIT, WithoutTokens, redact
from traject.access import revoke
from traject.questionnaire import QuestionKind, Questionnaire, read_questionnaire
from traject.settings import Settings
from traject.store import Store

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Starlette's client would rather have httpx2; Prefect brings httpx
    from fastapi.testclient import TestClient

HOUR = timedelta(hours=1)
CHOSEN = {
    "activiteiten-soort": ["bezoek", "team"],
    "activiteiten-tevreden": "4",
    "samenwerking-verloop": "3",
    "samenwerking-duur": "ja",
    "programma-ambitie": "2",
    "programma-plek": "vakken",
    "begeleiding-ervaring": "5",
}


@dataclass
class Clock:
    """A clock that stands still until a test moves it."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Site:
    """The portal, a browser, and the world behind it."""

    browser: TestClient
    store: Store
    world: World
    clock: Clock

    @property
    def invitation(self) -> str:
        return f"/i/{self.world.invitation_token}"

    @property
    def evaluation(self) -> str:
        return f"/e/{self.world.request_token}"

    def events(self) -> list[str]:
        with self.store.read() as session:
            return list(session.exec(select(Event.name).order_by(Event.id)).all())


@pytest.fixture
def site(store: Store, settings: Settings, now: datetime) -> Iterator[Site]:
    clock = Clock(now)
    world = build(store)
    with TestClient(create_app(settings, store, clock), raise_server_exceptions=False) as browser:
        yield Site(browser, store, world, clock)


@pytest.fixture
def questionnaire(settings: Settings) -> Questionnaire:
    return read_questionnaire(settings.programmes_dir / "questionnaires" / "jaarevaluatie.yaml")


def text_of(html: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)))


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
        assert session.get_one(Trajectory, site.world.trajectory).next_due_at == site.clock.at
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

    monkeypatch.setattr("traject.inbox.record_answer", fails)
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


# Links that open nothing


def refused_links(site: Site) -> list[str]:
    return [
        "/i/unknown",
        "/e/unknown",
        f"/i/{site.world.request_token}",
        f"/e/{site.world.invitation_token}",
        f"{site.invitation}x",
        "/i/%00",
        "/i/" + "a" * 4000,
        "/e/%F0%9F%92%A9",
    ]


def test_a_link_that_opens_nothing_says_the_same_whatever_the_reason(site: Site):
    unknown = site.browser.get("/i/unknown")
    assert unknown.status_code == 404
    assert "cmk@hart.example" in unknown.text
    for path in refused_links(site):
        assert site.browser.get(path).text == unknown.text
        assert site.browser.post(path, data={"answer": "ACCEPTED"}).text == unknown.text
    with site.store.write() as session:
        revoke(session, now=site.clock.at, invitation_id=site.world.invitation)
    assert site.browser.get(site.invitation).text == unknown.text
    expire(site.store)
    assert site.browser.get(site.evaluation).text == unknown.text
    assert site.browser.post(site.evaluation, data=CHOSEN).text == unknown.text
    assert site.events() == []


# Hostile input


def test_what_people_type_is_text_and_never_markup(site: Site):
    bad = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}"
    with site.store.write() as session:
        gathering = session.get_one(Gathering, site.world.gathering)
        gathering.title = gathering.place = gathering.description = bad
        session.get_one(Person, session.get_one(Invitation, site.world.invitation).person_id).name = bad
        session.get_one(Trajectory, site.world.trajectory).title = bad
    site.browser.post(site.invitation, data={"answer": "ACCEPTED", "comment": bad})
    for path in (site.invitation, f"{site.invitation}/bedankt", site.evaluation):
        page = site.browser.get(path).text
        assert "<script" not in page
        assert "<img" not in page
        assert "{{ 7*7 }}" in page
    page = site.browser.get(f"/{bad}?lang={bad}").text
    assert "<script" not in page


def test_control_characters_are_dropped_and_every_database_keeps_the_rest(site: Site):
    site.browser.post(site.invitation, data={"answer": "ACCEPTED", "comment": "a\x00b\x1b[31mc\td\r\ne"})
    with site.store.read() as session:
        assert session.get_one(Invitation, site.world.invitation).comment == "ab[31mc\td\ne"
    site.browser.post(site.evaluation, data={**CHOSEN, "activiteiten-trots": "x\x00y"})
    with site.store.read() as session:
        assert session.exec(select(EvaluationResponse.answers)).one()["activiteiten-trots"] == "xy"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"comment=" + b"a" * BODY_LIMIT, "application/x-www-form-urlencoded", 413),
        (b"answer=%FF%FE&comment=%ZZ", "application/x-www-form-urlencoded", 422),
        (b"&".join(b"a%d=1" % n for n in range(600)), "application/x-www-form-urlencoded", 400),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x", 422),
        (b"no boundary", "multipart/form-data", 400),
        (
            b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nhi\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            400,
        ),
        (b'{"answer": "ACCEPTED"}', "application/json", 422),
        (b"\xff" * 100, "text/plain", 422),
    ],
    ids=["too long", "bad bytes", "too many", "broken", "no boundary", "a file", "json", "plain"],
)
def test_a_body_that_is_no_form_gets_a_page_in_words_and_changes_nothing(
    site: Site, body: bytes, kind: str, status: int
):
    before = dump(site.store)
    page = site.browser.post(site.invitation, content=body, headers={"Content-Type": kind})
    assert page.status_code == status
    assert page.headers["content-type"].startswith("text/html")
    assert dump(site.store) == before


def test_a_long_body_is_stopped_while_it_comes_in(site: Site):
    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield b"a" * 4096

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert site.browser.post(site.invitation, content=chunks(), headers=headers).status_code == 413


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_another_method_is_refused_in_words(site: Site, method: str):
    page = site.browser.request(method, site.invitation)
    assert page.status_code == 405
    assert "Zo werkt deze pagina niet" in page.text


def test_a_fault_shows_no_trace_and_keeps_the_headers(site: Site):
    with site.store.write() as session:
        session.get_one(EvaluationRound, site.world.round).questionnaire = "weg"
    page = site.browser.get(site.evaluation)
    assert page.status_code == 500
    assert "Er ging bij ons iets mis" in page.text
    assert "Traceback" not in page.text
    assert "weg.yaml" not in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in page.headers["content-security-policy"]


# What no page may leak


def test_no_page_leaks_its_address_may_be_framed_kept_or_run_a_script(site: Site):
    for path in (
        site.invitation,
        site.evaluation,
        f"{site.invitation}/bedankt",
        "/",
        "/privacy",
        "/i/unknown",
    ):
        page = site.browser.get(path)
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["x-robots-tag"] == "noindex, nofollow"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "set-cookie" not in page.headers
        assert "<script" not in page.text
        assert not re.search(r"\sstyle=|\son\w+=|src=.http", page.text)
        assert "http://" not in page.text
        assert "https://" not in page.text


def test_the_style_sheet_may_be_kept(site: Site):
    address = re.search(r'href="(/static/portal\.css[^"]*)"', site.browser.get("/").text)
    assert address is not None
    sheet = site.browser.get(address[1])
    assert sheet.status_code == 200
    assert "max-age" in sheet.headers["cache-control"]
    assert site.browser.get("/static/../app.py").status_code == 404
    assert site.browser.get("/static/missing.css").headers["cache-control"] == "no-store"


def test_tokens_stay_out_of_the_access_log(site: Site):
    record = logging.LogRecord(
        "uvicorn.access",
        logging.INFO,
        "",
        0,
        '%s - "%s %s HTTP/%s" %d',
        ("127.0.0.1:1", "GET", f"{site.invitation}/bedankt?lang=en", "1.1", 200),
        None,
    )
    logger = logging.getLogger("uvicorn.access")
    assert [type(each) for each in logger.filters].count(WithoutTokens) == 1
    assert logger.filter(record)
    assert record.getMessage() == '127.0.0.1:1 - "GET /i/…/bedankt?lang=en HTTP/1.1" 200'
    assert site.world.request_token not in redact(f"Exception at {site.evaluation}")


# Languages, and what holds for every page


def test_english_on_request_goes_along_with_every_step(site: Site):
    page = site.browser.get(f"{site.invitation}?lang=en").text
    assert '<html lang="en">' in page
    assert "Wednesday 7 October 2026, 13:30–16:30" in text_of(page)
    assert f'action="{site.invitation}?lang=en"' in page
    thanks = site.browser.post(f"{site.invitation}?lang=en", data={"answer": "DECLINED"})
    assert "thank you for telling us" in text_of(thanks.text)
    assert "How was this school year?" in site.browser.get(f"{site.evaluation}?lang=en").text
    wrong = site.browser.post(f"{site.evaluation}?lang=en", data={})
    assert "Choose a number from 1 to 5." in text_of(wrong.text)
    assert "does not work" in site.browser.get("/i/unknown?lang=en").text
    assert "How Hart handles your data" in site.browser.get("/privacy?lang=en").text
    assert "Did you get a mail" in site.browser.get("/?lang=en").text


def test_a_person_reads_their_own_language_and_dutch_when_it_is_unknown(site: Site):
    for own, shown in (("en", "en"), ("fr", "nl"), ("nl", "nl")):
        with site.store.write() as session:
            session.get_one(
                Person, session.get_one(Invitation, site.world.invitation).person_id
            ).language = own
        assert f'<html lang="{shown}">' in site.browser.get(site.invitation).text
    assert '<html lang="nl">' in site.browser.get(f"{site.invitation}?lang=xx").text


def test_every_page_has_one_heading_labels_and_known_ids(site: Site, questionnaire: Questionnaire):
    site.browser.post(site.evaluation, data=CHOSEN)
    pages = [
        site.browser.get(path).text
        for path in (
            "/",
            "/privacy",
            "/privacy?lang=en",
            "/i/unknown",
            site.invitation,
            site.evaluation,
            f"{site.evaluation}/bedankt",
        )
    ]
    pages.append(site.browser.post(site.evaluation, data={}).text)
    pages.append(site.browser.post(site.invitation, data={}).text)
    for page in pages:
        assert page.count("<h1") == 1
        ids = re.findall(r'\sid="([^"]+)"', page)
        assert len(ids) == len(set(ids))
        for link in re.findall(r'href="#([^"]+)"', page):
            assert link in ids
        for described in re.findall(r'aria-(?:describedby|labelledby)="([^"]+)"', page):
            assert set(described.split()) <= set(ids)
        for label in re.findall(r'<label[^>]* for="([^"]+)"', page):
            assert label in ids
    groups = sum(
        question.kind not in (QuestionKind.SHORT, QuestionKind.LONG) for question in questionnaire.questions
    )
    assert pages[5].count("<fieldset") == pages[5].count("<legend") == groups


def test_privacy_names_source_purpose_term_and_rights(site: Site, settings: Settings):
    text = text_of(site.browser.get("/privacy").text)
    for expected in ("krijgen we van je school", "Waarom", f"{settings.retention_years} jaar", "Je rechten"):
        assert expected in text


def test_health_says_whether_the_database_can_be_reached(site: Site, settings: Settings, now: datetime):
    assert site.browser.get("/health").json() == {"status": "well", "database": "reachable"}
    gone = Store("postgresql+psycopg://nobody@127.0.0.1:1/traject?connect_timeout=1")
    with TestClient(create_app(settings, gone, Clock(now))) as browser:
        unwell = browser.get("/health")
    assert (unwell.status_code, unwell.json()["database"]) == (503, "unreachable")


def test_the_application_is_made_when_it_is_asked_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, store: Store
):
    import portal.app

    monkeypatch.setenv("TRAJECT_DATABASE_URL", settings.database_url)
    portal.app._app.cache_clear()
    with TestClient(portal.app.app) as browser:
        assert browser.get("/health").status_code == 200
    assert portal.app.app is portal.app.app
    portal.app._app.cache_clear()
    with pytest.raises(AttributeError, match="nothing"):
        _ = portal.app.nothing
