"""Feeds over HTTP: what a calendar gets that asks again and again, and what nobody gets."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from answering import dump
from portal_site import Site, site
from sqlmodel import select

from models import Feed, Gathering, Person
from models.enums import FeedKind
from portal.security import redact
from traject.feeds import make_feed, revoke_feed

__all__ = ["site"]  # the fixture


def address(site: Site, email: str = "fatima@school.example") -> str:
    with site.store.write() as session:
        person = session.exec(select(Person).where(Person.email == email)).one()
        token = make_feed(session, FeedKind.PERSON, now=site.clock.at, person_id=person.id)[1]
    return f"/f/{token}.ics"


def test_a_calendar_gets_the_feed_and_then_hears_that_nothing_changed(site: Site):
    path = address(site)
    first = site.browser.get(path)
    assert first.status_code == 200
    assert first.headers["content-type"] == "text/calendar; charset=utf-8"
    assert first.headers["cache-control"] == "private, no-cache"
    assert first.content.startswith(b"BEGIN:VCALENDAR\r\n")
    assert b"UID:g-1@traject.example" in first.content
    modified = parsedate_to_datetime(first.headers["last-modified"])
    assert modified == datetime(2026, 9, 7, 8, tzinfo=UTC)  # when the feed was made
    tag = first.headers["etag"]
    for asked in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = site.browser.get(path, headers={"If-None-Match": asked})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == "private, no-cache"
    for asked in ('"other"', "", tag.strip('"'), tag[:-2] + '"'):
        assert site.browser.get(path, headers={"If-None-Match": asked}).status_code == 200


def test_what_changed_is_there_at_the_next_look(site: Site):
    path = address(site)
    tag = site.browser.get(path).headers["etag"]
    with site.store.write() as session:
        found = session.get_one(Gathering, site.world.gathering)
        found.place, found.sequence, found.changed_at = "Elders", 2, site.clock.at
    again = site.browser.get(path, headers={"If-None-Match": tag})
    assert again.status_code == 200
    assert b"LOCATION:Elders" in again.content
    assert again.headers["etag"] != tag


def test_a_date_alone_is_never_enough_to_say_that_nothing_changed(site: Site):
    path = address(site)
    since = site.browser.get(path).headers["last-modified"]
    assert site.browser.get(path, headers={"If-Modified-Since": since}).status_code == 200


def test_an_answer_on_the_page_is_in_ones_feed_at_once(site: Site):
    path = address(site)
    before = site.browser.get(path)
    assert b"STATUS:TENTATIVE" in before.content
    site.browser.post(site.invitation, data={"answer": "ACCEPTED"})
    after = site.browser.get(path, headers={"If-None-Match": before.headers["etag"]})
    assert b"STATUS:CONFIRMED" in after.content


def test_looking_changes_nothing_and_nothing_else_is_possible(site: Site):
    path = address(site)
    before = dump(site.store)
    whole = site.browser.get(path)
    head = site.browser.head(path)
    assert (head.status_code, head.headers["etag"]) == (200, whole.headers["etag"])
    for method in ("POST", "PUT", "DELETE", "PATCH", "PROPFIND"):
        assert site.browser.request(method, path).status_code == 405
    assert dump(site.store) == before


def test_an_unknown_and_a_revoked_address_get_the_same_answer(site: Site):
    path = address(site)
    assert site.browser.get(path).status_code == 200
    with site.store.write() as session:
        revoke_feed(session, session.exec(select(Feed.id)).one() or 0, now=site.clock.at)
    unknown = site.browser.get("/f/unknown.ics")
    for refused in (
        path,
        f"/f/{site.world.invitation_token}.ics",
        "/f/%00.ics",
        "/f/%F0%9F%92%A9.ics",
        f"/f/{'a' * 4000}.ics",
        path.removesuffix(".ics"),
        "/f/.ics",
    ):
        answer = site.browser.get(refused, headers={"If-None-Match": "*"})
        assert (answer.status_code, answer.text) == (404, unknown.text), refused
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers


def test_the_address_of_a_feed_stays_out_of_the_logs(site: Site):
    path = address(site)
    assert redact(f'"GET {path} HTTP/1.1" 200') == '"GET /f/… HTTP/1.1" 200'
