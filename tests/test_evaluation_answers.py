"""Answers to an evaluation: recorded, replaced until the round closes, and never asked for again."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from answering import CLOSES, World, build, queue_reminder
from sqlmodel import select

from models import (
    Arrival,
    EvaluationRequest,
    EvaluationResponse,
    EvaluationRound,
    Event,
    Message,
    Trajectory,
)
from models.enums import InboxKind, MessageState, RequestState, RoundState
from traject.evaluations import close_round, round_progress
from traject.inbox import apply_one, apply_stored, store_arrival
from traject.settings import Settings
from traject.store import Store

HOUR = timedelta(hours=1)


@pytest.fixture
def world(store: Store) -> World:
    return build(store)


def answer(
    store: Store,
    settings: Settings,
    request: int,
    at: datetime,
    answers: dict[str, Any],
    *,
    apply: bool = True,
) -> str:
    payload = {"answers": answers, "questionnaire": "jaarevaluatie", "version": 1}
    with store.write() as session:
        arrival = store_arrival(
            session, InboxKind.EVALUATION_ANSWER, f"{request}:{at}", at, payload, request_id=request
        )
        assert arrival is not None
        session.flush()
        arrival_id = arrival.id or 0
    return apply_one(store, arrival_id, at, settings).outcome if apply else "stored"


def test_answers_are_recorded_and_reminders_withdrawn_and_the_plan_wakes(
    store: Store, settings: Settings, now: datetime, world: World
):
    mine = queue_reminder(store, world, "mine", request_id=world.request)
    others = queue_reminder(store, world, "others", request_id=world.other_request)
    assert answer(store, settings, world.request, now, {"cijfer": 4, "partners": ["museum"]}) == "counted"
    with store.read() as session:
        response = session.exec(select(EvaluationResponse)).one()
        assert (response.request_id, response.answers) == (
            world.request,
            {"cijfer": 4, "partners": ["museum"]},
        )
        assert (response.questionnaire, response.questionnaire_version) == ("jaarevaluatie", 1)
        request = session.get_one(EvaluationRequest, world.request)
        assert (request.state, request.answered_at) == (RequestState.ANSWERED, now)
        assert session.get_one(Message, mine).state is MessageState.WITHDRAWN
        assert session.get_one(Message, others).state is MessageState.QUEUED
        assert session.get_one(Trajectory, world.trajectory).next_due_at == now
        assert session.exec(select(Event.name)).all() == ["evaluation.answered"]
        assert round_progress(session, world.round) == (2, 1)


def test_answering_again_replaces_the_answers_until_the_round_closes(
    store: Store, settings: Settings, now: datetime, world: World
):
    assert answer(store, settings, world.request, now, {"cijfer": 2}) == "counted"
    assert answer(store, settings, world.request, now + HOUR, {"cijfer": 5}) == "counted"
    assert answer(store, settings, world.request, CLOSES, {"cijfer": 1}) == "closed"
    with store.read() as session:
        assert session.exec(select(EvaluationResponse.answers)).one() == {"cijfer": 5}
        assert session.exec(select(Event.name).order_by(Event.id)).all() == [
            "evaluation.answered",
            "evaluation.amended",
        ]
        assert round_progress(session, world.round) == (2, 1)


def test_the_latest_answers_win_in_whatever_order_they_are_applied(
    store: Store, settings: Settings, now: datetime, world: World
):
    answer(store, settings, world.request, now + HOUR, {"cijfer": 5})
    assert answer(store, settings, world.request, now, {"cijfer": 2}) == "stale"
    with store.read() as session:
        assert session.exec(select(EvaluationResponse.answers)).one() == {"cijfer": 5}


def test_the_same_answers_again_are_one_fact(store: Store, settings: Settings, now: datetime, world: World):
    for at in (now, now + HOUR):
        assert answer(store, settings, world.request, at, {"cijfer": 5}) == "counted"
    with store.read() as session:
        assert session.exec(select(Event.name)).all() == ["evaluation.answered"]


def test_answers_are_kept_in_one_place_only(store: Store, settings: Settings, now: datetime, world: World):
    answer(store, settings, world.request, now, {"tekst": "Het was te druk."})
    answer(store, settings, world.request, now + HOUR, {"tekst": "Het was fijn."})
    answer(store, settings, world.request, CLOSES, {"tekst": "Te laat."})
    with store.read() as session:
        assert "druk" not in repr(session.exec(select(Arrival.payload)).all())
        assert "laat" not in repr(session.exec(select(Arrival.payload)).all())


@pytest.mark.parametrize(
    ("state", "outcome"), [(RequestState.WITHDRAWN, "withdrawn"), (RequestState.EXPIRED, "closed")]
)
def test_who_is_no_longer_asked_is_not_counted(
    store: Store, settings: Settings, now: datetime, world: World, state: RequestState, outcome: str
):
    with store.write() as session:
        session.get_one(EvaluationRequest, world.request).state = state
    assert answer(store, settings, world.request, now, {"cijfer": 5}) == outcome
    with store.read() as session:
        assert session.exec(select(EvaluationResponse)).all() == []
        assert session.get_one(EvaluationRequest, world.request).state is state


def test_an_answer_given_in_time_counts_when_it_is_applied_late(
    store: Store, settings: Settings, world: World
):
    answer(store, settings, world.request, CLOSES - HOUR, {"cijfer": 5}, apply=False)
    assert apply_stored(store, settings, CLOSES + HOUR).outcomes == {"counted": 1}


def test_closing_expires_who_did_not_answer_and_stops_their_reminders(
    store: Store, settings: Settings, now: datetime, world: World
):
    answer(store, settings, world.request, now, {"cijfer": 5})
    reminder = queue_reminder(store, world, "r", request_id=world.other_request)
    for expected in (True, False):
        with store.write() as session:
            round_ = session.get_one(EvaluationRound, world.round)
            assert close_round(session, round_, CLOSES) is expected
    with store.read() as session:
        assert session.get_one(EvaluationRound, world.round).state is RoundState.CLOSED
        states = session.exec(select(EvaluationRequest.state).order_by(EvaluationRequest.id)).all()
        assert states == [RequestState.ANSWERED, RequestState.EXPIRED]
        assert session.get_one(Message, reminder).state is MessageState.WITHDRAWN
        closed = session.exec(select(Event).where(Event.name == "evaluation.closed")).one()
        assert (closed.details["asked"], closed.details["answered"]) == (2, 1)
        assert round_progress(session, world.round) == (2, 1)


def test_who_was_withdrawn_counts_neither_as_asked_nor_as_answered(store: Store, world: World):
    with store.write() as session:
        session.get_one(EvaluationRequest, world.other_request).state = RequestState.WITHDRAWN
    with store.read() as session:
        assert round_progress(session, world.round) == (1, 0)
        assert round_progress(session, 999) == (0, 0)
