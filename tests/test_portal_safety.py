"""What nobody may do at the portal, what no page may leak, and what holds for every page."""

import logging
import re
from collections.abc import Iterator
from datetime import datetime

import pytest
from answering import dump, expire
from portal_site import CHOSEN, Clock, Site, TestClient, site, text_of
from sqlmodel import select

from models import (
    EvaluationResponse,
    EvaluationRound,
    Gathering,
    Invitation,
    Person,
    Trajectory,
)
from portal.app import create_app
from portal.security import BODY_LIMIT, WithoutTokens, redact
from traject.access import revoke
from traject.questionnaire import QuestionKind, Questionnaire, read_questionnaire
from traject.settings import Settings
from traject.store import Store

__all__ = ["site"]  # the fixture


@pytest.fixture
def questionnaire(settings: Settings) -> Questionnaire:
    return read_questionnaire(settings.programmes_dir / "questionnaires" / "jaarevaluatie.yaml")


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
    record.args = ("127.0.0.1:1", "GET", "/f/secret.ics", "1.1", 304)
    assert not logger.filter(record)  # what calendars hear hour after hour is not kept


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
