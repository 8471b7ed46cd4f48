"""`traject inbox add --json`: what became of each mail, in the same words every time."""

from pathlib import Path

import pytest
from answering import World, build
from commands import with_settings
from test_bounce_inbox import report_of
from test_incoming_mail import asks, reply_of

from traject.outcome import Outcome, public
from traject.settings import Settings
from traject.store import Store

KEYS = ["kind", "outcome", "uid", "attendee", "partstat", "sequence", "comment", "bounce", "why"]


def test_each_file_is_told_with_the_same_keys(
    store: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    world = build(store)
    run = with_settings(monkeypatch, settings)
    mails = {
        "reply": reply_of(world, comment="Graag"),
        "counter": asks(world, "COUNTER"),
        "refresh": asks(world, "REFRESH"),
        "bounce": report_of(),
        "auto-reply": b"From: a@x.example\r\nAuto-Submitted: auto-replied\r\nSubject: Weg\r\n\r\n",
        "unsubscribe": b"From: a@x.example\r\nSubject: Unsubscribe\r\n\r\n",
        "unknown": b"From: a@x.example\r\nSubject: Vraag\r\n\r\nHallo\r\n",
    }
    files = [tmp_path / f"{name}.eml" for name in mails]
    for file, mail in zip(files, mails.values(), strict=True):
        file.write_bytes(mail)
    told = run("inbox", "add", *map(str, files), "--json").json
    assert [each["kind"] for each in told] == list(mails)
    assert all(list(each) == KEYS for each in told)
    reply, bounce = told[0], told[3]
    assert reply["outcome"] in ("counted", "stale")  # the clock of this machine says whether it is over
    assert [reply[key] for key in KEYS[2:8]] == [
        *("g-1@traject.example", "fatima@school.example", "ACCEPTED", 1, "Graag"),
        None,
    ]
    assert bounce["bounce"] == {
        "address": "fatima@school.example",
        "hard": True,
        "status": "5.1.1",
        "reason": "userunknown",
    }
    assert set(bounce["bounce"]) == {"address", "hard", "status", "reason"}
    again = run("inbox", "add", *map(str, files), "--json").json
    assert [each["outcome"] for each in again] == [each["outcome"] for each in told]


def test_why_is_told_in_english_on_request(
    store: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    build(store)
    run = with_settings(monkeypatch, settings)
    file = tmp_path / "bounce.eml"
    file.write_bytes(report_of())
    expected = "hard: no such address (5.1.1); it belongs to none of our mails"
    assert run("--lang", "en", "inbox", "add", str(file), "--json").json[0]["why"] == expected
    assert run("--lang", "en", "inbox", "list", "--json").json[0]["why"] == expected
    assert run("--lang", "en", "inbox", "show", "1", "--json").json["why"] == expected
    assert run("inbox", "list", "--json").json[0]["why"].startswith("hard: het adres bestaat niet")


def test_on_a_database_that_knows_nothing_every_mail_is_told_all_the_same(
    store: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    elsewhere = World(1, 1, 1, 1, 2, 1, 1, 2, "", "")
    mails = {"reply": reply_of(elsewhere), "bounce": report_of()}
    run = with_settings(monkeypatch, settings)
    files = [tmp_path / f"{name}.eml" for name in mails]
    for file, mail in zip(files, mails.values(), strict=True):
        file.write_bytes(mail)
    reply, bounce = run("inbox", "add", *map(str, files), "--json").json
    assert (reply["outcome"], reply["uid"], reply["attendee"], reply["partstat"]) == (
        *("quarantined", "g-1@traject.example", "fatima@school.example", "ACCEPTED"),
    )
    assert (bounce["kind"], bounce["outcome"], bounce["bounce"]["hard"]) == ("bounce", "quarantined", True)


@pytest.mark.parametrize(
    ("kind", "outcome", "wanted"),
    [
        ("reply", "too-late", ("reply", "stale")),
        ("reply", "cancelled", ("reply", "stale")),
        ("forwarded", "quarantined", ("reply", "quarantined")),
        ("request", "ignored", ("unknown", "ignored")),
        ("mail", "quarantined", ("unknown", "quarantined")),
        ("delivery-report", "ignored", ("unknown", "ignored")),
        ("complaint", "quarantined", ("unknown", "quarantined")),
    ],
)
def test_finer_names_stay_within(kind: str, outcome: str, wanted: tuple[str, str]):
    said = public(Outcome(kind, outcome))
    assert (said["kind"], said["outcome"]) == wanted
