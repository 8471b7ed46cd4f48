"""What staff see of the mail server's limits before they do something, and while mail waits."""

from datetime import timedelta
from pathlib import Path

import pytest
from commands import LAUNCH, Traject, with_settings
from engine_cases import World, add_school, engine_settings
from test_outbox import a_message, put

from traject import clock
from traject.settings import Settings
from traject.setup import initialise
from traject.staff import move_step
from traject.store import Store


@pytest.fixture
def limited(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Traject:
    """A command line that sends through Exchange Online, two mails a minute."""
    initialise(settings, clock.now())
    return with_settings(
        monkeypatch, settings, TRAJECT_MAIL_PROVIDER="exchange-online", TRAJECT_MAIL_PER_MINUTE="2"
    )


def test_a_launch_says_beforehand_how_long_its_busiest_moment_takes(limited: Traject):
    launch = [*LAUNCH[:5], "eerstvolgende", *LAUNCH[6:], "--dry-run"]
    shown = limited(*launch)
    assert shown.code == 0, shown.err
    assert "Drukste moment: " in shown.out
    busiest = limited(*launch, "--json").json["busiest"]
    mails, minutes = busiest["mails"], busiest["minutes"]
    assert minutes == -(-mails // 2) > 1
    assert f"Deze {mails} mails doen er {minutes} minuten over." in shown.out


def test_an_action_of_staff_says_beforehand_how_long_its_mails_take(
    store: Store, database_url: str, tmp_path: Path
):
    slow = {"mail_provider": "exchange-online", "mail_per_minute": 2}
    world = World(store, engine_settings(database_url, tmp_path / "var").model_copy(update=slow))
    add_school(store)
    world.launch()
    invited_at, starts_at = (getattr(world.step("kennismaking"), name) for name in ("due_at", "starts_at"))
    world.live(invited_at)
    world.deliver(invited_at)
    now, to = invited_at + timedelta(hours=1), starts_at + timedelta(weeks=2)
    put(store, *(a_message(now) for _ in range(4)))
    shown = move_step(store, world.settings, "proef:16LF00", "kennismaking", to=to, now=now, dry_run=True)
    assert len(shown.mails) == 3
    assert shown.takes is not None
    assert shown.takes.sentence.nl == "Deze 3 mails doen er 4 minuten over, achter 4 andere aan."


def test_the_plan_of_the_outbox_shows_who_waits_until_when(limited: Traject, store: Store):
    assert "Er wacht niets." in limited("outbox", "plan").out
    now = clock.now()
    put(store, *(a_message(now, to_email=f"p{number}@groot.nl") for number in range(4)))
    put(store, a_message(now, to_email="p@klein.nl"))
    shown = limited("outbox", "plan")
    assert shown.out.startswith("exchange-online: 2 per minuut, 10000 per 24 uur")
    assert shown.out.index("klein.nl") < shown.out.index("groot.nl")
    given = limited("outbox", "plan", "--json").json
    assert (given["waiting"], given["per_minute"], given["per_domain"]) == (5, 2, None)
    assert [(row["domain"], row["waiting"]) for row in given["domains"]] == [("klein.nl", 1), ("groot.nl", 4)]
    assert given["until"] == given["domains"][0]["until"]


def test_without_a_provider_the_plan_says_that_nothing_limits_it(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
):
    traject = with_settings(monkeypatch, settings)
    put(store, a_message(clock.now()))
    assert "TRAJECT_MAIL_PROVIDER" in traject("outbox", "plan").out
    assert traject("--lang", "en", "outbox", "plan").out.startswith("No limit")
