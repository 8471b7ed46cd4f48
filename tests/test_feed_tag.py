"""The tag of a feed moves when, and only when, what stands in it does."""

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from answering import STARTS, dump
from feed_office import NOW, Office, office
from sqlmodel import select

from models import (
    Gathering,
    Invitation,
    Organisation,
    Person,
)
from models.enums import FeedKind, GatheringState, PartStat
from traject.feed_shown import shown

__all__ = ["office"]  # the fixture


def test_reading_a_feed_changes_nothing_and_gives_the_same_bytes(office: Office):
    token = office.own()
    before = dump(office.store)
    assert office.bytes(token) == office.bytes(token)
    assert office.etag(token) == office.etag(token)
    assert dump(office.store) == before


CHANGES = [
    ("a move", Gathering, {"starts_at": STARTS + timedelta(hours=1), "sequence": 2}),
    ("other words", Gathering, {"title": "Studiemiddag muziek", "revision": 1, "changed_at": NOW}),
    ("cancelled", Gathering, {"state": GatheringState.CANCELLED, "sequence": 2}),
    ("an answer", Invitation, {"partstat": PartStat.ACCEPTED, "answered_at": NOW}),
    ("a place on the list", Invitation, {"partstat": PartStat.ACCEPTED, "waiting_since": NOW}),
    ("an offer", Invitation, {"offered_until": NOW}),
    ("uninvited", Invitation, {"is_cancelled": True}),
    ("invited again", Invitation, {"sequence": 5}),
    ("a school that is renamed", Organisation, {"name": "De Grote Wereld"}),
    ("another language", Person, {"language": "en"}),
]


@pytest.mark.parametrize(("table", "values"), [pytest.param(*c[1:], id=c[0]) for c in CHANGES])
def test_the_tag_moves_when_anything_in_the_feed_does(
    office: Office, table: type[Any], values: dict[str, Any]
):
    tokens = {
        Invitation: [office.own()],
        Person: [office.own()],
        Gathering: [
            office.own(),
            office.feed(FeedKind.TRAJECTORY, office.world.trajectory),
            office.feed(FeedKind.STAFF),
        ],
    }
    tokens[Organisation] = tokens[Gathering]
    rows = {
        Gathering: office.world.gathering,
        Invitation: office.world.invitation,
        Organisation: 1,
        Person: office.person("fatima@school.example").id,
    }
    before = [(office.bytes(token), office.etag(token)) for token in tokens[table]]
    office.change(table, rows[table], **values)
    for token, (old, tag) in zip(tokens[table], before, strict=True):
        assert office.bytes(token) != old
        assert office.etag(token) != tag


def test_the_tag_stays_when_nothing_in_the_feed_changes(office: Office):
    own, school = office.own(), office.feed(FeedKind.TRAJECTORY, office.world.trajectory)
    before = [(office.bytes(token), office.etag(token)) for token in (own, school)]
    office.change(Invitation, office.world.other_invitation, partstat=PartStat.DECLINED, answered_at=NOW)
    office.change(Person, office.person("jan@school.example").id, name="Johan de Wit")
    other = office.gathering(trajectory_id=office.other_trajectory())
    office.invite(other, office.person("jan@school.example").id)
    later = NOW + timedelta(days=3)
    assert [(office.bytes(token, later), office.etag(token, later)) for token in (own, school)] == before


def test_two_answers_that_change_places_are_not_the_same_as_before(office: Office):
    person = office.person("fatima@school.example").id
    other = office.gathering()
    office.invite(other, person, partstat=PartStat.ACCEPTED, answered_at=NOW)
    token = office.own()
    office.change(Invitation, office.world.invitation, partstat=PartStat.DECLINED, answered_at=NOW)
    before = office.etag(token)
    with office.store.write() as session:
        for found in session.exec(select(Invitation).where(Invitation.person_id == person)):
            found.partstat = PartStat.DECLINED if found.partstat is PartStat.ACCEPTED else PartStat.ACCEPTED
    assert office.etag(token) != before


def test_standings_that_are_shown_alike_are_the_only_ones_with_one_tag(office: Office):
    token = office.own()
    seen: dict[str, Any] = {}
    for partstat, cancelled, waiting, offered in product(PartStat, (False, True), (None, NOW), (None, NOW)):
        values = {
            "partstat": partstat,
            "is_cancelled": cancelled,
            "waiting_since": waiting,
            "offered_until": offered,
        }
        office.change(Invitation, office.world.invitation, **values)
        with office.store.read() as session:
            how = shown(
                session.get_one(Gathering, office.world.gathering),
                session.get_one(Invitation, office.world.invitation),
            )
        assert seen.setdefault(office.etag(token), how) == how


def test_every_feed_and_every_setting_that_is_in_it_has_its_own_tag(office: Office):
    settings = [
        office.settings,
        office.settings.model_copy(update={"base_url": "https://elders.example"}),
        office.settings.model_copy(update={"mail_from": "Elders <x@elders.example>"}),
    ]
    tokens = [office.own(), office.own(of="jan@school.example"), office.feed(FeedKind.STAFF)]
    tags = {replace(office, settings=each).etag(token) for each in settings for token in tokens}
    assert len(tags) == 9
    assert all(len(tag) == 34 for tag in tags)
    assert all(tag[0] == tag[-1] == '"' for tag in tags)
