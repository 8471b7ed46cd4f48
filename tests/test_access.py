"""Links: what they open, until when, and that the database does not hold them."""

import re
from datetime import datetime, timedelta

import pytest
from answering import build, dump
from hypothesis import given
from hypothesis import strategies as st

from models import AccessToken
from traject.access import Refusal, answer_url, evaluation_url, issue, open_token, revoke, token_hash
from traject.store import Store


def test_a_token_opens_what_it_was_issued_for_and_nothing_else(store: Store, now: datetime):
    world = build(store)
    with store.read() as session:
        opened = open_token(session, world.invitation_token, now)
        assert isinstance(opened, AccessToken)
        assert (opened.invitation_id, opened.request_id) == (world.invitation, None)
        opened = open_token(session, world.request_token, now)
        assert isinstance(opened, AccessToken)
        assert (opened.invitation_id, opened.request_id) == (None, world.request)


@pytest.mark.parametrize("token", ["", "x", "' OR 1=1 --", "ë" * 500, "\x00", "\udcff", "a/../b"])
def test_what_was_never_issued_is_unknown(store: Store, now: datetime, token: str):
    build(store)
    with store.read() as session:
        assert open_token(session, token, now) is Refusal.UNKNOWN


def test_a_token_ends_at_its_instant(store: Store, now: datetime):
    world = build(store)
    end = now + timedelta(days=3)
    with store.write() as session:
        token = issue(session, now=now, expires_at=end, invitation_id=world.invitation)
    with store.read() as session:
        assert isinstance(open_token(session, token, end - timedelta(microseconds=1)), AccessToken)
        assert open_token(session, token, end) is Refusal.EXPIRED


def test_revoking_ends_the_tokens_of_that_invitation_only(store: Store, now: datetime):
    world = build(store)
    with store.write() as session:
        second = issue(session, now=now, expires_at=now + timedelta(days=9), invitation_id=world.invitation)
        assert revoke(session, now=now, invitation_id=world.invitation) == 2
        assert revoke(session, now=now, invitation_id=world.invitation) == 0
    with store.read() as session:
        assert open_token(session, second, now) is Refusal.REVOKED
        assert open_token(session, world.invitation_token, now) is Refusal.REVOKED
        assert isinstance(open_token(session, world.request_token, now), AccessToken)
    with store.write() as session:
        assert revoke(session, now=now, request_id=world.request) == 1


def test_the_database_does_not_hold_the_token(store: Store, now: datetime):
    world = build(store)
    everything = repr(dump(store))
    assert world.invitation_token not in everything
    assert token_hash(world.invitation_token) in everything


def test_tokens_are_long_url_safe_and_all_different(store: Store, now: datetime):
    world = build(store)
    with store.write() as session:
        tokens = {issue(session, now=now, expires_at=now, invitation_id=world.invitation) for _ in range(50)}
    assert len(tokens) == 50
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", token) for token in tokens)


def test_a_token_is_for_exactly_one_thing(store: Store, now: datetime):
    with store.read() as session:
        with pytest.raises(ValueError, match="exactly one"):
            issue(session, now=now, expires_at=now)
        with pytest.raises(ValueError, match="exactly one"):
            issue(session, now=now, expires_at=now, invitation_id=1, request_id=1)
        with pytest.raises(ValueError, match="exactly one"):
            revoke(session, now=now)


@given(st.text())
def test_any_text_has_a_hash(token: str):
    assert re.fullmatch("[0-9a-f]{64}", token_hash(token))


def test_links_say_which_page_they_open():
    assert answer_url("https://traject.example", "abc") == "https://traject.example/i/abc"
    assert evaluation_url("https://traject.example", "abc") == "https://traject.example/e/abc"
