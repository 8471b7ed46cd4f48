"""`traject feeds`: made, listed and taken back, and what it says when something was not given right."""

import pytest
from answering import World, build, dump
from commands import Traject, with_settings
from feed_office import NOW

from traject.feeds import open_feed
from traject.settings import Settings
from traject.store import Store


@pytest.fixture
def world(store: Store) -> World:
    return build(store)


@pytest.fixture
def traject(settings: Settings, monkeypatch: pytest.MonkeyPatch, world: World) -> Traject:
    return with_settings(monkeypatch, settings)


def opens(store: Store, settings: Settings, token: str) -> bool:
    with store.glance() as connection:
        return open_feed(connection, token, settings, NOW) is not None


@pytest.mark.parametrize(
    ("given", "kind", "of"),
    [
        (("--person", "Fatima@School.example"), "person", "Fatima Çelik <fatima@school.example>"),
        (("--trajectory", "po-nieuw:16LF00"), "trajectory", "po-nieuw:16LF00"),
        (("--staff",), "staff", "staf: alle bijeenkomsten"),
    ],
    ids=["person", "trajectory", "staff"],
)
def test_a_feed_is_made_its_address_shown_once_and_taken_back(
    traject: Traject, store: Store, settings: Settings, given: tuple[str, ...], kind: str, of: str
):
    made = traject("feeds", "add", *given, "--json").json
    assert (made["id"], made["kind"], made["of"], made["revoked_at"]) == (1, kind, of, None)
    token = made["url"].removeprefix("http://portal.example/f/").removesuffix(".ics")
    assert made["webcal"] == f"webcal://portal.example/f/{token}.ics"
    assert opens(store, settings, token)
    [listed] = traject("feeds", "list", "--json").json
    assert listed == {key: made[key] for key in ("id", "kind", "of", "made_at", "revoked_at")}
    assert token not in traject("feeds", "list").out
    assert of.split()[0] in traject("feeds", "list").out

    assert "is ingetrokken" in traject("feeds", "revoke", "1").out
    assert not opens(store, settings, token)
    assert traject("feeds", "list", "--json").json[0]["revoked_at"]
    after = dump(store)
    again = traject("feeds", "revoke", "1")
    assert (again.code, "was al ingetrokken" in again.out) == (0, True)
    assert traject("feeds", "revoke", "1", "--json").json["id"] == 1
    assert dump(store) == after


def test_a_person_is_told_that_the_address_is_a_secret_and_how_to_take_it_back(traject: Traject):
    out = traject("feeds", "add", "--staff").out
    assert "http://portal.example/f/" in out
    assert "niet nog eens getoond" in out
    assert "traject feeds revoke 1" in out
    english = traject("--lang", "en", "feeds", "add", "--staff").out
    assert "it is not shown again" in english
    assert "traject feeds revoke 2" in english


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        (("add",), 2, "geef één van --person"),
        (("add", "--staff", "--person", "fatima@school.example"), 2, "geef één van --person"),
        (("add", "--person", "niemand@school.example"), 1, "`traject people list`"),
        (("add", "--trajectory", "po-nieuw:99XX00"), 1, "`traject status`"),
        (("revoke", "7"), 1, "`traject feeds list`"),
    ],
    ids=["nothing", "two", "no such person", "no such trajectory", "no such feed"],
)
def test_what_was_not_given_right_is_said_with_the_remedy_and_nothing_is_made(
    traject: Traject, store: Store, given: tuple[str, ...], code: int, words: str
):
    before = dump(store)
    ran = traject("feeds", *given)
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert dump(store) == before
