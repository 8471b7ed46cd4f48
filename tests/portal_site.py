"""The portal on a small world, with a browser and a clock that tests move."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import unescape

import pytest
from answering import World, build
from sqlmodel import select

from models import (
    Event,
)
from portal.app import create_app
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


def text_of(html: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)))
