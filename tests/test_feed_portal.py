"""Feeds over HTTP: what a calendar gets that asks again and again, and what nobody gets."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from answering import dump
from portal_site import Site, site, text_of
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
        assert site.browser.request(method, path).status_code in (404, 405)
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


def subscribe(site: Site) -> str:
    """Press the button on the page of thanks; gives the page it leads to."""
    sent = site.browser.post(f"{site.invitation}/agenda", follow_redirects=False)
    assert sent.status_code == 303
    return sent.headers["location"]


def test_a_person_subscribes_with_the_button_after_an_answer_and_a_calendar_reads_it(site: Site):
    thanks = site.browser.post(site.invitation, data={"answer": "ACCEPTED"})
    assert f'action="{site.invitation}/agenda"' in thanks.text
    page = site.browser.get(subscribe(site))
    assert "Al je bijeenkomsten in je agenda" in text_of(page.text)
    [webcal] = re.findall(r'href="(webcal://[^"]+)"', page.text)
    [https] = re.findall(r'value="(http[^"]+)"', page.text)
    assert webcal.partition("://")[2] == https.partition("://")[2]
    feed = site.browser.get(https.removeprefix("http://portal.example"))
    assert (feed.status_code, b"STATUS:CONFIRMED" in feed.content) == (200, True)
    assert site.events() == ["invitation.accepted", "feed.made"]


def test_every_press_gives_the_same_address_until_it_is_ended_and_then_another(site: Site):
    first = subscribe(site)
    assert [subscribe(site) for _ in range(2)] == [first, first]
    assert first.removeprefix("/f/") not in str(dump(site.store))
    for _ in range(2):  # a second press says the same
        assert "gestopt" in text_of(site.browser.post(first).text)
    assert site.events() == ["feed.made", "feed.revoked"]
    assert {site.browser.get(each).status_code for each in (first, f"{first}.ics")} == {404}
    second = subscribe(site)
    assert second != first
    assert site.browser.get(f"{second}.ics").status_code == 200


def test_an_address_that_staff_gave_is_not_the_one_a_person_makes(site: Site):
    given = address(site)
    own = subscribe(site)
    assert f"{own}.ics" != given
    assert subscribe(site) == own


def test_looking_at_the_page_makes_and_ends_nothing(site: Site):
    own = subscribe(site)
    before = dump(site.store)
    for path in (own, f"{site.invitation}/agenda", f"{site.invitation}/bedankt", f"{own}?lang=en"):
        for method in ("GET", "HEAD"):
            assert site.browser.request(method, path).status_code in (200, 405)
    assert dump(site.store) == before


def test_what_is_said_of_an_ended_subscription_can_be_read_again_and_in_the_other_language(site: Site):
    own = subscribe(site)
    ended = site.browser.post(f"{own}?lang=en")
    assert "Your subscription has ended" in ended.text
    assert own not in str(ended.url), "its address opens nothing any more"
    assert "Je abonnement is gestopt" in site.browser.get(f"{ended.url.path}?lang=nl").text
    assert "Je abonnement is gestopt" in site.browser.post(own).text, "without a choice, in the person's own"


def test_a_feed_that_is_no_persons_has_no_page_and_cannot_be_ended_by_its_address(site: Site):
    with site.store.write() as session:
        token = make_feed(session, FeedKind.STAFF, now=site.clock.at)[1]
    assert site.browser.get(f"/f/{token}").status_code == 404
    assert site.browser.post(f"/f/{token}").status_code == 404
    assert site.browser.post("/f/unknown").status_code == 404
    assert site.browser.post("/i/unknown/agenda").status_code == 404
    assert site.browser.get(f"/f/{token}.ics").status_code == 200


def test_the_subscription_is_told_in_english_to_who_reads_english(site: Site):
    thanks = site.browser.post(f"{site.invitation}?lang=en", data={"answer": "ACCEPTED"})
    assert f'action="{site.invitation}/agenda?lang=en"' in thanks.text
    page = site.browser.post(f"{site.invitation}/agenda?lang=en")
    assert '<html lang="en">' in page.text
    assert "All your meetings in your calendar" in text_of(page.text)
    assert "Your subscription has ended" in text_of(site.browser.post(str(page.url)).text)
