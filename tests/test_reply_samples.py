"""Replies, automatic answers and bounces in the shape of real clients, where the samples are at hand."""

import importlib.util
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from test_reply import read_reply

from calendars.reply import NotAReply, NotAReplyKind, Reply
from calendars.verdict import KnownInvitation, judge

SAMPLES = Path(__file__).parents[2] / "shared" / "samples"
RECEIVED = datetime(2026, 10, 20, 12, tzinfo=UTC)
VALUES = {
    "UID": "7f0c-21@traject.example",
    "SEQUENCE": "2",
    "STALE_SEQUENCE": "1",
    "ATTENDEE": "j.dejong@obs-dezonnebloem.example",
    "ATTENDEE_NAME": "Jong, Jörgen de",
    "ORGANIZER": "planning+k7x2m9@cultuurbureau.example",
    "SUMMARY": "Studiemiddag muziek, groep 5; één middag",
    "DTSTART_UTC": "20261105T123000Z",
    "DTEND_UTC": "20261105T153000Z",
    "DTSTAMP_UTC": "20261014T074200Z",
    "PROPOSED_DTSTART_UTC": "20261112T123000Z",
    "PROPOSED_DTEND_UTC": "20261112T153000Z",
}


def expected(folder: str) -> dict[str, dict]:
    file = SAMPLES / folder / "EXPECTED.json"
    return json.loads(file.read_text()) if file.exists() else {}


def filled(name: str, values: dict[str, str]) -> bytes:
    spec = importlib.util.spec_from_file_location("samples_fill", SAMPLES / "fill.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.fill((SAMPLES / "replies" / name).read_bytes(), values)


@pytest.mark.parametrize("tag", [None, "k7x2m9"], ids=["untagged", "tagged"])
@pytest.mark.parametrize("name", sorted(expected("replies")))
def test_every_sample_reply_is_read_and_judged_as_expected(name, tag):
    wanted = expected("replies")[name]
    values = VALUES | wanted.get("needs", {})
    if tag is None:
        values["ORGANIZER"] = "planning@cultuurbureau.example"
    found = read_reply(filled(name, values))
    said = found.enclosed if isinstance(found, NotAReply) else found
    assert said.method == wanted["method"]
    assert said.partstat == wanted["partstat"]
    assert said.comment == wanted["comment"]
    assert said.uid == values["UID"]
    assert said.tagged_to == tag
    invitation = KnownInvitation(
        uid=values["UID"], sequence=int(values["SEQUENCE"]), attendee_email=values["ATTENDEE"], tag=tag
    )
    verdict = judge(found, invitation, received_at=RECEIVED)
    assert verdict.outcome == wanted["outcome"], verdict.why
    if name != "outlookcom-declined-comment.eml":
        assert said.dtstamp == datetime(2026, 10, 14, 7, 42, tzinfo=UTC)
    if name == "google-counter.eml":
        assert said.proposed_end == datetime(2026, 11, 12, 15, 30, tzinfo=UTC)
    if wanted["outcome"] == "proposal":
        assert said.proposed_start == datetime(2026, 11, 12, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize("name", sorted(expected("autoreplies")))
def test_every_sample_automatic_answer_is_one(name):
    found = read_reply((SAMPLES / "autoreplies" / name).read_bytes())
    assert isinstance(found, NotAReply)
    assert found.kind == expected("autoreplies")[name]["outcome"]


@pytest.mark.parametrize("name", sorted(expected("bounces")))
def test_no_sample_bounce_is_an_answer(name):
    found = read_reply((SAMPLES / "bounces" / name).read_bytes())
    outcome = expected("bounces")[name]["outcome"]
    assert not isinstance(found, Reply)
    if outcome in ("bounced", "delayed", "feedback"):
        assert found.kind is NotAReplyKind.BOUNCE, found.why
    if outcome == "not-a-bounce":
        assert found.kind is NotAReplyKind.ORDINARY
