"""The pages for everybody who reads them: in their language, with a screen reader, with large letters, in any light."""

import re
from datetime import timedelta
from html import unescape
from itertools import pairwise, product

import pytest
from justhtml import JustHTML
from portal_site import CHOSEN, Site, site, text_of
from sqlmodel import select

from models import EvaluationRequest, Gathering, Invitation, RoleHolder
from models.enums import GatheringState, PartStat, RequestState
from portal.pages import STATIC
from traject.html_check import contrast
from traject.mail_words import briefly

__all__ = ["site"]  # the fixture


def every_page(site: Site, query: str = "") -> dict[str, str]:
    """Each page in each of its shapes, by name."""
    look, press = site.browser.get, site.browser.post
    pages = {
        path: look(path + query).text
        for path in ("/", "/privacy", "/i/unknown", site.invitation, site.evaluation)
    }
    pages["wrong answer"] = press(site.invitation + query, data={"comment": "x" * 501}).text
    pages["wrong form"] = press(site.evaluation + query, data={}).text
    pages["thanks"] = press(site.invitation + query, data={"answer": "ACCEPTED", "comment": "Tot dan"}).text
    pages["answered"] = look(site.invitation + query).text
    pages["evaluation thanks"] = press(site.evaluation + query, data=CHOSEN).text
    pages["feed"] = press(f"{site.invitation}/agenda{query}").text
    pages["offered"] = offer(site, query)
    pages["uninvited"] = uninvite(site, query)
    return pages


def offer(site: Site, query: str = "") -> str:
    with site.store.write() as session:
        invitation = session.get_one(Invitation, site.world.invitation)
        session.get_one(Gathering, site.world.gathering).capacity = 1
        invitation.is_required, invitation.partstat = False, PartStat.ACCEPTED
        invitation.waiting_since = site.clock.at
        invitation.offered_until = site.clock.at + timedelta(days=3)
    return site.browser.get(f"{site.invitation}/bedankt{query}").text


def uninvite(site: Site, query: str = "") -> str:
    with site.store.write() as session:
        session.get_one(Invitation, site.world.invitation).is_cancelled = True
    return site.browser.get(site.invitation + query).text


@pytest.mark.parametrize("query", ["", "?lang=en"])
def test_every_page_is_html_with_one_h1_and_headings_in_order(site: Site, query: str):
    for name, page in every_page(site, query).items():
        assert [str(error) for error in JustHTML(page, collect_errors=True).errors] == [], name
        levels = [int(each) for each in re.findall(r"<h([1-6])[ >]", page)]
        assert levels[0] == 1, name
        assert levels.count(1) == 1, name
        assert all(after <= before + 1 for before, after in pairwise(levels)), name
        ids = set(re.findall(r'\sid="([^"]+)"', page))
        for field in re.findall(r'<(?:textarea|input type="text")[^>]* id="([^"]+)"', page):
            assert f'for="{field}"' in page, name
        for refers in re.findall(r'(?:aria-describedby|aria-labelledby|for)="([^"]+)"', page):
            assert set(refers.split()) <= ids, name
        assert not re.search(r"<(p|li|h[1-6]|a|button)[^>]*>\s*</\1>", page), name
        assert "<script" not in page, name
        assert " style=" not in page, name


@pytest.mark.parametrize(("query", "language", "other"), [("", "nl", "en"), ("?lang=en", "en", "nl")])
def test_every_page_offers_the_other_language(site: Site, query: str, language: str, other: str):
    for name, page in every_page(site, query).items():
        assert f'<html lang="{language}">' in page, name
        link = f'<a href="?lang={other}" lang="{other}" hreflang="{other}">' in page
        button = re.search(
            rf'<button class="link"[^>]* formaction="[^"]*\?lang={other}"[^>]* lang="{other}">', page
        )
        assert link != bool(button), name
        assert bool(button) == bool(re.search("<(?:textarea|input type=.(?:radio|checkbox))", page)), name


@pytest.mark.parametrize("query", ["", "?lang=en"])
def test_links_with_one_name_lead_to_one_place(site: Site, query: str):
    for name, page in every_page(site, query).items():
        leads: dict[str, str] = {}
        for href, said in re.findall(r'<a [^>]*href="([^"]*)"[^>]*>(.*?)</a>', page, re.DOTALL):
            assert leads.setdefault(text_of(said).strip(), href) == href, (name, said)


@pytest.mark.parametrize(
    ("accepted", "shown"),
    [
        ("", "nl"),
        ("nl-NL,nl;q=0.9,en;q=0.8", "nl"),
        ("en-GB,en;q=0.9,nl;q=0.5", "nl"),  # reads both, and Hart writes Dutch
        ("en-GB,en;q=0.9", "en"),
        ("en, nl;q=0", "en"),
        ("de-DE,de;q=0.9", "nl"),
        (";;,=,en;q=x", "en"),
    ],
)
def test_where_nobody_is_known_a_browser_without_dutch_gets_english(site: Site, accepted: str, shown: str):
    headers = {"Accept-Language": accepted}
    for path in ("/", "/privacy", "/i/unknown"):
        assert f'<html lang="{shown}">' in site.browser.get(path, headers=headers).text
    assert '<html lang="nl">' in site.browser.get(site.invitation, headers=headers).text  # the person's own
    asked = site.browser.get("/?lang=nl", headers=headers).text
    assert '<html lang="nl">' in asked


def test_an_english_page_says_which_words_are_dutch(site: Site):
    page = site.browser.get(f"{site.invitation}?lang=en").text
    assert '<h1 lang="nl">Studiemiddag beeldende kunst</h1>' in page
    assert '<p class="lines" lang="nl">Een middag' in page
    assert '<dd lang="nl">Hart, Kleine Houtweg 18, Haarlem</dd>' in page
    assert ' lang="nl">' not in re.sub(r"<html[^>]*>|<a [^>]*>", "", site.browser.get(site.invitation).text)


def test_what_somebody_writes_from_right_to_left_reads_so_and_turns_nothing_around(site: Site):
    thanks = site.browser.post(site.invitation, data={"answer": "ACCEPTED", "comment": "أحضر معي زميلة"}).text
    assert '<blockquote class="lines" dir="auto">أحضر معي زميلة</blockquote>' in thanks
    for path in (site.invitation, site.evaluation):
        fields = re.findall('<(?:textarea|input type="text")[^>]*>', site.browser.get(path).text)
        assert fields
        assert all('dir="auto"' in field for field in fields)


def test_the_title_says_how_it_stands_so_that_a_screen_reader_says_it_first(site: Site):
    def title(page: str) -> str:
        return unescape(re.findall("<title>(.*)</title>", page)[0]).removesuffix(" · Hart")

    what = "Studiemiddag beeldende kunst"
    assert title(site.browser.get(site.invitation).text) == what
    assert title(site.browser.post(site.invitation, data={}).text) == f"Fout: {what}"
    sent = site.browser.post(site.invitation, data={"answer": "ACCEPTED"}).text
    assert title(sent) == f"Fijn, tot dan! · {what}"
    assert title(site.browser.get(site.invitation).text) == f"Beantwoord: {what}"
    offer(site)
    assert title(site.browser.get(site.invitation).text) == f"Plek vrij: {what}"
    assert title(uninvite(site)) == f"Niet meer uitgenodigd: {what}"
    assert title(site.browser.post(site.evaluation, data={}).text).startswith("Fout: ")
    site.browser.post(site.evaluation, data=CHOSEN)
    assert title(site.browser.get(site.evaluation).text).startswith("Ingevuld: ")


def test_a_group_says_that_it_must_be_answered_and_that_it_was_not(site: Site):
    def groups(page: str) -> list[str]:
        return re.findall('<fieldset class="question [^>]*>', page)

    for tag in groups(site.browser.get(site.evaluation).text):
        assert ('role="radiogroup"' in tag) == ("choices" not in tag)
        assert "aria-invalid" not in tag
    page = site.browser.post(site.evaluation, data={}).text
    wrong = [tag for tag in groups(page) if " wrong" in tag]
    assert len(wrong) == len(CHOSEN)
    for tag in wrong:
        assert "-problem" in tag
        if "radiogroup" in tag:
            assert 'aria-required="true"' in tag
            assert 'aria-invalid="true"' in tag
    boxes = re.findall('<input type="checkbox"[^>]*name="activiteiten-soort"[^>]*>', page)
    assert boxes
    assert all('aria-invalid="true"' in box for box in boxes)
    assert not re.search("<fieldset[^>]*choices[^>]*aria-invalid", page), "a group cannot be invalid"


def test_the_keyboard_lands_on_what_is_wrong(site: Site):
    for page in (
        site.browser.post(site.invitation, data={}).text,
        site.browser.post(site.evaluation, data={}).text,
    ):
        assert '<div class="problems" role="alert" tabindex="-1" autofocus>' in page
        assert page.count("autofocus") == 1
    assert "autofocus" not in site.browser.get(site.invitation).text


def test_an_adviser_is_not_told_who_the_adviser_is(site: Site):
    with site.store.write() as session:
        own = session.get_one(Invitation, site.world.invitation).person_id
        other = session.get_one(Invitation, site.world.other_invitation).person_id
        held = RoleHolder(
            trajectory_id=site.world.trajectory, role="adviseur", person_id=other, since=site.clock.at
        )
        session.add(held)
    assert "Jan de Wit is je adviseur" in text_of(site.browser.get(site.invitation).text)
    with site.store.write() as session:
        session.exec(select(RoleHolder)).one().person_id = own
    for path in (site.invitation, f"{site.invitation}/bedankt"):
        page = text_of(site.browser.get(path).text)
        assert "is je adviseur" not in page
        assert "cmk@hart.example" in page


def test_who_is_no_longer_invited_is_not_told_that_it_is_cancelled(site: Site):
    assert "niet meer uitgenodigd" in text_of(uninvite(site))
    said = text_of(site.browser.post(site.invitation, data={"answer": "ACCEPTED"}).text)
    assert "Je bent niet meer uitgenodigd" in said
    assert "gaat niet door" not in said
    with site.store.write() as session:
        session.get_one(Gathering, site.world.gathering).state = GatheringState.CANCELLED
    assert "gaat niet door" in text_of(site.browser.get(site.invitation).text)


def test_a_withdrawn_request_is_not_called_closed(site: Site):
    with site.store.write() as session:
        session.get_one(EvaluationRequest, site.world.request).state = RequestState.WITHDRAWN
    page = site.browser.get(site.evaluation).text
    assert "Hart vraagt je dit niet meer" in text_of(page)
    assert "gesloten" not in text_of(page)
    assert "<form" not in page


def test_who_is_offered_a_place_is_asked_and_not_told_that_all_is_done(site: Site):
    page = text_of(offer(site))
    assert "Er is een plek voor je vrij" in page
    assert "Laten weten of je komt" in page
    assert "Herinneringen krijg je hiervoor niet meer" not in page


# What is read on what: text and surface, and how far they must be apart (WCAG 2.2 §1.4.3, §1.4.11).
SURFACES = ("page", "card", "soft", "good-soft")
READ = [
    *product(("text", "muted", "accent"), SURFACES, (4.5,)),
    *product(("edge",), ("card", "field"), (3.0,)),
    *product(("focus",), ("page", "card"), (3.0,)),
    ("text", "field", 4.5),
    ("good", "good-soft", 3.0),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_and_edge_stands_out_in_light_and_dark(scheme: str):
    css = (STATIC / "portal.css").read_text()
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in css.split("}", 2)[:2])
    colors = light if scheme == "light" else dark
    assert set(colors) == set(light)
    found = [(on, below, contrast(colors[on], colors[below]), least) for on, below, least in READ]
    assert [each for each in found if each[2] < each[3]] == []
    for press in ("press", "press-over"):
        assert contrast("#ffffff", colors[press]) >= 4.5


def test_a_line_does_not_break_within_a_school_year_or_an_hour(site: Site):
    """Seen at 360 pixels in WebKit and Firefox: `2026-` above `2027`, `12:30` above `uur`."""
    whole = '<span class="together">2026-2027</span>'
    assert whole in site.browser.get(site.evaluation).text
    assert whole in site.browser.post(site.evaluation, data=CHOSEN).text
    assert briefly(site.clock.at, "nl", "Europe/Amsterdam").count("\xa0") == 2
