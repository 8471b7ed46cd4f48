"""What people and staff see of places: on the page behind the link, and on the command line."""

import warnings
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from commands import with_settings
from engine_cases import dump
from place_cases import NAMES, Few
from portal_site import text_of

from portal.app import create_app
from traject.access import issue
from traject.store import Store
from traject.waiting import Standing

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Starlette's client would rather have httpx2; Prefect brings httpx
    from fastapi.testclient import TestClient


class Page:
    """The page of each of the four, at the instant that their world has reached."""

    def __init__(self, few: Few, browser: TestClient) -> None:
        self.few, self.browser = few, browser

    def path(self, name: str) -> str:
        with self.few.world.store.write() as session:
            expires = self.few.gathering.ends_at + timedelta(days=30)
            number = self.few.invitation(name).id
            return f"/i/{issue(session, now=self.few.now, expires_at=expires, invitation_id=number)}"

    def read(self, name: str, query: str = "") -> str:
        path = self.path(name)
        before = dump(self.few.world.store)
        shown = self.browser.get(path + query)
        assert shown.status_code == 200
        assert dump(self.few.world.store) == before, "opening changes nothing"
        return text_of(shown.text)

    def press(self, name: str, answer: str) -> str:
        self.few.now += timedelta(minutes=1)
        path, sequence = self.path(name), self.few.invitation(name).sequence
        return text_of(self.browser.post(path, data={"answer": answer, "sequence": str(sequence)}).text)


@pytest.fixture
def page(store: Store, database_url: str, tmp_path: Path) -> Iterator[Page]:
    few = Few(store, database_url, tmp_path)

    def clock() -> datetime:
        return few.now

    with TestClient(create_app(few.world.settings, store, clock)) as browser:
        yield Page(few, browser)


def test_the_page_says_how_many_places_are_free_and_what_a_yes_brings(page: Page):
    assert "Er zijn nog 2 van de 2 plekken vrij." in page.read("anna")
    assert "Fijn, tot dan!" in page.press("anna", "ACCEPTED")
    assert "Er is nog 1 van de 2 plekken vrij." in page.read("bo")
    assert "1 of the 2 places is free." in page.read("bo", "?lang=en")
    page.press("bo", "ACCEPTED")
    assert "Je hebt een plek." in page.read("bo")
    assert "Zeg je ja, dan kom je op de wachtlijst, op plaats 1." in page.read("cas")
    waits = page.press("cas", "ACCEPTED")
    assert "Je staat op de wachtlijst" in waits
    assert "Fijn, tot dan!" not in waits
    assert "op plaats 2." in page.read("dewi")
    page.press("dewi", "ACCEPTED")
    assert "Je staat op de wachtlijst, op plaats 2." in page.read("dewi")


def test_the_page_offers_the_place_with_its_deadline_and_a_press_takes_it(page: Page):
    for name in NAMES:
        page.press(name, "ACCEPTED")
    page.press("anna", "DECLINED")
    offer = page.read("cas")
    assert "Er is een plek voor je vrij. We houden hem voor je vrij tot " in offer
    assert ", 17:00 uur. Horen we dan niets" in offer
    old = {"answer": "ACCEPTED", "sequence": str(page.few.invitation("cas").sequence - 1)}
    late = text_of(page.browser.post(page.path("cas"), data=old).text)
    assert "Er is een plek voor je vrij" in late, "who pressed on an old page sees the offer"
    assert "verplaatst" not in late
    assert "Fijn, tot dan!" in page.press("cas", "ACCEPTED")
    assert page.few.stands("cas") == [Standing.PLACE]


def test_in_the_last_days_the_page_says_that_the_first_has_it(page: Page):
    for name in NAMES:
        page.press(name, "ACCEPTED")
    page.few.now = page.few.gathering.starts_at - timedelta(hours=28)
    page.press("anna", "DECLINED")
    assert "Wie het eerst ja zegt, heeft de plek." in page.read("dewi")


def test_staff_see_who_gets_what_before_they_change_the_number_of_places(
    page: Page, monkeypatch: pytest.MonkeyPatch
):
    for name in NAMES:
        page.press(name, "ACCEPTED")
    number = str(page.few.gathering.id)
    traject = with_settings(monkeypatch, page.few.world.settings)
    before = dump(page.few.world.store)
    with time_machine.travel(page.few.now, tick=False):
        shown = traject("gatherings", "capacity", number, "3", "--dry-run")
        assert shown.code == 0
        assert "‘Eerste sessie’ heeft 3 plekken: 2 bezet, 2 op de wachtlijst." in shown.out
        assert "Mail: Cas <cas@school.example>: Er is een plek vrij: Eerste sessie" in shown.out
        assert dump(page.few.world.store) == before
        seen = traject("gatherings", "show", number).out
        assert "2 van 2 plekken bezet" in seen
        assert seen.count("heeft altijd een plek") == 1, "Hart's own adviser"
        done = traject("gatherings", "capacity", number, "3", "--yes", "--json").json
        assert [mail["email"] for mail in done["mails"]] == ["cas@school.example"]
        refused = traject("gatherings", "capacity", number, "1", "--yes")
    assert refused.code == 1
    assert "wie een plek heeft, houdt die. Kies 3 of meer" in refused.err
