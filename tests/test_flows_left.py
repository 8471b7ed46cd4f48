"""The flows when something cannot be done: no mail server, a rate limit, a school with a fault, and no Prefect at all."""

import asyncio
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from engine_cases import (
    COORDINATOR,
    HEAD,
    MORNING,
    World,
    days,
    end_state,
    engine_settings,
    local,
)
from prefect import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
)
from prefect.client.schemas.objects import StateType
from prefect_office import Office, office, prefect, some_mail_waits
from smtp_faults import Post, serving
from sqlmodel import col, select

from flows.verdict import NotAllDone
from models import (
    Message,
    ProgrammeVersion,
    StepRow,
    Trajectory,
)
from models.enums import MessageState, StepState
from traject.engine import run_once
from traject.settings import Settings
from traject.store import Store

pytestmark = pytest.mark.xdist_group("prefect")
__all__ = ["office", "prefect"]  # fixtures
EVERY_FIVE = timedelta(minutes=5)


# What cannot be done now


def test_a_rate_limit_ends_the_run_with_when_the_rest_may_go_and_a_heartbeat_sends_it(office: Office):
    office.monkeypatch.setenv("TRAJECT_MAIL_PER_MINUTE", "1")
    some_mail_waits(office)
    started = time.monotonic()
    report = office.run("deliver_mail")
    assert time.monotonic() - started < 20, "a flow never sleeps until the limit is over"
    assert (report["accepted"], len(office.post.received)) == (1, 1)
    assert report["resume_at"] == "2026-09-07T10:01:00+02:00"
    assert office.run("deliver_mail")["accepted"] == 0
    office.at(MORNING + EVERY_FIVE)
    assert office.run("heartbeat")["delivered"]["accepted"] == 1
    assert office.post.to() == sorted([COORDINATOR.email, HEAD.email])


def test_prefect_is_asked_once_for_a_run_when_the_rate_limit_is_over(office: Office):
    office.monkeypatch.setenv("TRAJECT_MAIL_PER_MINUTE", "1")
    some_mail_waits(office)

    async def asked() -> list[tuple[Any, Any]]:
        async with get_client() as client:
            flow = await client.create_flow_from_name("deliver_mail")
            deployment = await client.create_deployment(flow, "deliver_mail")
            try:
                await office.started("deliver_mail")
                await office.started("heartbeat")
                of = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
                found = await client.read_flow_runs(deployment_filter=of)
            finally:
                await client.delete_deployment(deployment)
        return [(run.state_type, run.expected_start_time) for run in found]

    assert asyncio.run(asked()) == [(StateType.SCHEDULED, MORNING + timedelta(minutes=1))]


def test_without_a_mail_server_the_run_is_red_everything_waits_and_a_later_beat_sends_it(office: Office):
    office.mail_server(1)
    with pytest.raises(NotAllDone, match="De mailserver is niet bruikbaar"):
        office.run("heartbeat")
    assert office.world.stage("begin").opened_at == MORNING
    assert [message.state for message in office.world.rows(Message)] == [MessageState.QUEUED] * 2
    office.mail_server(office.post.port)
    office.at(MORNING + days(1))
    office.run("heartbeat")
    assert {message.to_email for message in office.world.mails("welcome", state="accepted")} == {
        COORDINATOR.email,
        HEAD.email,
    }
    assert office.world.mails(state="queued") == []


def test_the_first_beat_of_a_day_mends_a_year_that_was_forgotten(office: Office):
    office.run("heartbeat")
    office.at(MORNING + days(1))
    office.run("heartbeat")  # after this nothing is due for days
    year = (StepRow.key == "jaarevaluatie", StepRow.cycle == "2026-2027")
    with office.world.store.write() as session:
        for row in session.exec(
            select(StepRow).where(StepRow.cycle == "2026-2027", StepRow.kind == "evaluation")
        ):
            session.delete(row)
        for row in session.exec(select(StepRow).where(col(StepRow.key).startswith("jaarevaluatie/"))):
            session.delete(row)
    office.at(MORNING + days(1) + EVERY_FIVE)
    assert office.run("heartbeat")["mended"] == []
    assert office.world.rows(StepRow, *year) == [], "once a day is enough"
    office.at(MORNING + days(2))
    assert office.run("heartbeat")["mended"] == [office.world.trajectory().id]
    assert len(office.world.rows(StepRow, *year)) == 1


def test_a_school_with_a_fault_keeps_nobody_else_waiting_and_is_named_by_its_number(office: Office):
    office.world.launch(programme="proef", school="27YD00")
    broken = office.world.trajectory().id
    with office.world.store.write() as session:
        [version] = session.exec(select(ProgrammeVersion))
        values = version.model_dump(exclude={"id"}) | {
            "version": 99,
            "text": version.text.replace("stage: begin", "stage: start"),
        }
        other = ProgrammeVersion(**values)
        session.add(other)
        session.flush()
        session.get_one(Trajectory, broken).programme_version_id = other.id
    with pytest.raises(NotAllDone, match=f"Deze trajecten konden niet verder: {broken}\\."):
        office.run("heartbeat")
    assert office.post.to() == sorted([COORDINATOR.email, HEAD.email])
    assert office.world.rows(StepRow, StepRow.trajectory_id == broken, StepRow.state == StepState.DONE) == []


def test_what_does_not_agree_is_a_table_and_a_red_run(office: Office):
    office.run("heartbeat")
    assert office.run("reconcile") == 0
    with office.world.store.write() as session:
        session.get_one(Trajectory, office.world.trajectory().id).next_due_at = MORNING - days(3)
    with pytest.raises(NotAllDone, match="1 keer klopt er iets niet"):
        office.run("reconcile")

    async def table() -> str:
        async with get_client() as client:
            return (await client.request("GET", "/artifacts/controle/latest")).json()["data"]

    assert "er had al iets moeten gebeuren; loopt de hartslag?" in asyncio.run(table())


# With Prefect gone


def test_run_once_without_prefect_ends_where_the_heartbeat_ends(office: Office, tmp_path: Path):
    other = tmp_path / "other.db"
    office.world.store.close()
    shutil.copy(tmp_path / "traject.db", other)
    alone = World(Store(f"sqlite:///{other}"), engine_settings(f"sqlite:///{other}", tmp_path / "other"))
    # Days apart, and the last after weeks without any beat.
    moments = [
        MORNING,
        MORNING + days(1),
        MORNING + days(8),
        MORNING + days(15),
        MORNING + days(49),
        local(2027, 5, 3, 9),
    ]
    with serving(Post()) as theirs:
        changed = {"smtp_url": f"smtp://127.0.0.1:{theirs.port}"}
        settings = Settings(**(alone.settings.model_dump(by_alias=False) | changed))
        for moment in moments:
            office.at(moment)
            office.run("heartbeat")
            asyncio.run(run_once(alone.store, settings, clock=lambda moment=moment: moment))
    assert end_state(alone.store) == end_state(office.world.store)
    assert theirs.to() == office.post.to()
    assert len(theirs.to()) > 10
    alone.store.close()


def test_run_once_needs_nothing_of_prefect():
    program = "import sys, traject.cli, traject.engine; assert not any(m.partition('.')[0] == 'prefect' for m in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
