"""Years of school trajectories with made-up people: what never may happen does not, and the count would see it."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from engine_cases import World as LifeWorld
from engine_cases import add_school, engine_settings
from sqlalchemy import delete
from sqlmodel import col, select

from calendars.school_year import SchoolYear
from models import (
    AccessToken,
    EvaluationRequest,
    EvaluationResponse,
    Invitation,
    Message,
    MessageContent,
    NudgedInvitation,
)
from models.enums import MessageState
from traject.dossier import calendar_for
from traject.errors import Refused
from traject.settings import Settings
from traject.simulate import SimulationReport, simulate
from traject.simulation import summary
from traject.simulation.letters import read_letter
from traject.simulation.office import Office
from traject.simulation.post import Received
from traject.simulation.watch import Watch
from traject.simulation.world import World
from traject.store import Store

YEARS = ("2026-2027", "2027-2028", "2028-2029", "2029-2030")


@pytest.fixture(scope="module")
def lived() -> SimulationReport:
    return simulate(4, 4, 1)


@pytest.mark.xdist_group("simulate")
def test_in_four_years_no_mail_is_lost_or_doubled_and_no_school_is_forgotten(lived: SimulationReport):
    assert (lived.duplicates, lived.lost, lived.schools_without_evaluation) == (0, 0, 0)
    assert lived.violations == []


@pytest.mark.xdist_group("simulate")
def test_the_second_and_third_year_are_asked_as_surely_as_the_first(lived: SimulationReport):
    assert tuple(lived.evaluations) == YEARS
    for counted in lived.evaluations.values():
        assert counted["asked"] >= 4
        assert 0 < counted["answered"] <= counted["asked"]


@pytest.mark.xdist_group("simulate")
def test_people_answer_in_every_way_and_every_kind_of_mail_that_they_cause_goes_out(lived: SimulationReport):
    assert {"ACCEPTED", "DECLINED", "NEEDS-ACTION"} <= set(lived.invitations)
    assert {"invitation", "gathering-reminder", "evaluation-reminder", "task", "welcome"} <= set(lived.mails)
    assert "unknown" not in lived.mails


@pytest.mark.xdist_group("simulate")
def test_the_same_seed_lives_through_the_same_year_whatever_the_order_of_sets():
    program = (
        "import json; from traject.simulate import simulate; print(json.dumps(simulate(2, 1, 3).as_dict()))"
    )
    runs = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", program],
                env={**os.environ, "PYTHONHASHSEED": seed},
                capture_output=True,
                check=True,
            ).stdout
        )
        for seed in ("1", "2")
    ]
    for run in runs:
        run.pop("seconds")
    assert runs[0] == runs[1]


@pytest.mark.xdist_group("simulate")
def test_the_count_sees_what_was_lost_and_who_was_forgotten_and_a_database_in_use_is_refused(sqlite_url: str):
    simulate(2, 1, 3, database_url=sqlite_url)
    with pytest.raises(Refused, match="heeft al trajecten"):
        simulate(2, 1, 3, database_url=sqlite_url)
    store = Store(sqlite_url)
    year, until = [SchoolYear.parse("2026-2027")], datetime(2027, 9, 1, tzinfo=UTC)
    calendar = calendar_for((), "Europe/Amsterdam")
    with store.read() as session:
        delivered = select(Message.message_id).where(Message.state == MessageState.ACCEPTED)
        received = set(session.exec(delivered))
        assert summary.lost(session, received) == []
        assert summary.without_evaluation(session, calendar, received, set(), year, until) == []
        one = min(received)
        assert len(summary.lost(session, received - {one})) == 1
        assert len(summary.without_evaluation(session, calendar, set(), set(), year, until)) == 2
    with store.write() as session:
        for table in (EvaluationResponse, AccessToken):
            session.exec(delete(table))
        asked = session.exec(select(EvaluationRequest.id)).all()
        session.exec(delete(Message).where(col(Message.request_id).is_not(None)))
    with store.read() as session:
        assert len([gone for gone in summary.lost(session, received) if gone.startswith("request")]) == len(
            asked
        )
    store.close()


def test_a_mail_that_comes_twice_or_that_nobody_sent_is_noticed(store: Store, settings: Settings):
    world = World(store, settings, calendar_for((), settings.timezone), 1)
    world.now = datetime(2026, 9, 8, 8, tzinfo=UTC)
    watch = Watch(world, Office(world, None, world.now.date()))
    mail = Received(world.now, "b@hart.example", "noor@school.example", _mail("<one@hart.example>"))
    with store.write() as session:
        session.add(
            Message(
                effect_key="t1:welkom::p1",
                kind="welcome",
                to_email="noor@school.example",
                return_path="b@hart.example",
                message_id="<one@hart.example>",
                subject="Welkom",
                content=MessageContent(data=mail.data),
                queued_at=world.now,
            )
        )
    watch.see([(mail, read_letter(mail))])
    assert (watch.mails, watch.duplicates, world.violations) == ({"welcome": 1}, 0, [])
    watch.see([(mail, read_letter(mail))])
    assert watch.duplicates == 1
    stranger = Received(world.now, "b@hart.example", "noor@school.example", _mail("<two@hart.example>"))
    world.now = datetime(2026, 9, 8, 21, tzinfo=UTC)
    watch.see([(stranger, read_letter(stranger)), (mail, read_letter(mail))])
    assert watch.mails["unknown"] == 1
    assert any("outside sending hours" in violation for violation in world.violations)


def test_a_nudge_to_who_answered_is_noticed(store: Store, database_url: str, tmp_path: Path):
    settings = engine_settings(database_url, tmp_path)
    lived = World(store, settings, calendar_for((), settings.timezone), 1)
    lived.now = datetime(2026, 9, 21, 8, tzinfo=UTC)
    school = LifeWorld(store, settings)
    add_school(store)
    school.launch()
    school.live(datetime(2026, 9, 8, 12, tzinfo=UTC))
    fatima = school.invitation("kennismaking", "fatima@school.example")
    with store.write() as session:
        nudge = Message(
            effect_key="nudge:1",
            kind="nudge",
            to_email="fatima@school.example",
            return_path="b@hart.example",
            message_id="<one@hart.example>",
            subject="Kom je?",
            content=MessageContent(data=_mail("<one@hart.example>")),
            queued_at=lived.now,
            attempted_at=lived.now,
            is_reminder=True,
        )
        session.add(nudge)
        session.flush()
        session.add(NudgedInvitation(message_id=nudge.id, invitation_id=fatima.id))

    def seen() -> list[str]:
        lived.violations.clear()
        watch = Watch(lived, Office(lived, None, lived.now.date()))
        mail = Received(lived.now, "b@hart.example", "fatima@school.example", _mail("<one@hart.example>"))
        watch.see([(mail, read_letter(mail))])
        return lived.violations

    assert seen() == []
    with store.write() as session:
        place = session.get_one(Invitation, fatima.id)
        place.answered_at = lived.now + timedelta(minutes=1)
    assert seen() == [], "it crossed the answer"
    with store.write() as session:
        session.get_one(Invitation, fatima.id).answered_at = lived.now - timedelta(minutes=1)
    assert any("a nudge to who answered" in violation for violation in seen())


def _mail(message_id: str) -> bytes:
    lines = [
        f"Message-ID: {message_id}",
        "Reply-To: cmk+abc@hart.example",
        "Content-Type: text/plain; charset=UTF-8",
        "",
        "Welkom",
    ]
    return "\r\n".join(lines).encode()
