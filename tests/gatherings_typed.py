"""`traject gatherings` as it is typed, about a gathering to which three people were invited."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine
from commands import Ran, Traject, with_settings
from engine_cases import World, days, engine_settings
from gathering_cases import KEY, invited, world_with

from traject.store import Store

FATIMA, JAN, SAM = "fatima@school.example", "jan@school.example", "s.vos@hart.example"
SERIES = ("series: reeks\n", ("studiemiddag", "vervolg"))


@pytest.fixture(scope="module")
def begun(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database in which three people were invited to the first of a series, and got it."""
    folder = tmp_path_factory.mktemp("gatherings")
    url = f"sqlite:///{shutil.copy(sqlite_template, folder / 'traject.db')}"
    store = Store(url)
    more, also = SERIES
    invited(world_with(store, url, folder, more, also=also))
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return folder


@pytest.fixture
def world(begun: Path, tmp_path: Path) -> Iterator[World]:
    url = f"sqlite:///{shutil.copy(begun / 'traject.db', tmp_path / 'traject.db')}"
    store = Store(url)
    yield World(store, engine_settings(url, tmp_path / "var", begun / "programmes"))
    store.close()


@pytest.fixture
def traject(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Traject]:
    with time_machine.travel(world.gathering(KEY).starts_at - days(10), tick=False):
        yield with_settings(monkeypatch, world.settings)


class Typed:
    """What is typed after `traject gatherings`; N is the number of the gathering."""

    def __init__(self, world: World, traject: Traject) -> None:
        self.world, self.traject = world, traject
        self.now = world.gathering(KEY).starts_at - days(10)

    def __call__(self, *words: str, lang: str = "nl", answer: str = "") -> Ran:
        number = str(self.world.gathering(KEY).id)
        typed = (number if word == "N" else word for word in words)
        return self.traject("--lang", lang, "gatherings", *typed, answer=answer)


@pytest.fixture
def gatherings(world: World, traject: Traject) -> Typed:
    return Typed(world, traject)


def words(text: str) -> str:
    return " ".join(text.split())


def mailed(ran: Ran) -> dict[str, str]:
    return {mail["email"]: mail["kind"] for mail in ran.json["mails"]}
