"""The flows on a real Prefect, a real database and a real mail server: run again, at once, late, or with Prefect gone."""

import asyncio
import json
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from engine_cases import (
    ADVISER,
    COORDINATOR,
    HEAD,
    MORNING,
    PROGRAMMES,
    TEACHERS,
    World,
    add_school,
    days,
    end_state,
    engine_settings,
    local,
)
from prefect import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterName,
    TaskRunFilter,
    TaskRunFilterFlowRunId,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.logging.handlers import APILogHandler
from prefect.testing.utilities import prefect_test_harness
from prefect_office import PRIVATE, Office, roles_by_number
from smtp_faults import Post, serving
from sqlalchemy import make_url
from sqlmodel import col, select

from flows.launch_trajectory import launch_trajectory
from flows.verdict import NotAllDone
from models import (
    EvaluationRequest,
    Message,
    ProgrammeVersion,
    StepRow,
    Trajectory,
)
from models.enums import InboxKind, MessageState, PartStat, StepState
from traject.engine import run_once
from traject.errors import Refused
from traject.inbox import store_arrival
from traject.settings import Settings
from traject.store import Store

pytestmark = pytest.mark.xdist_group("prefect")
EVERY_FIVE = timedelta(minutes=5)


@pytest.fixture(scope="session")
def prefect() -> Iterator[Path]:
    """A real Prefect server with an empty database of its own; gives the file of that database."""
    from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL

    with pytest.MonkeyPatch.context() as outside:
        outside.setenv("DO_NOT_TRACK", "1")
        outside.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        with prefect_test_harness(server_startup_timeout=120):
            yield Path(make_url(str(PREFECT_API_DATABASE_CONNECTION_URL.value())).database or "")


@pytest.fixture
def office(
    request: pytest.FixtureRequest, prefect: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Office]:
    """One school with a trajectory that was launched this morning and in which nothing has happened yet."""
    url: str = request.getfixturevalue(getattr(request, "param", "sqlite_url"))
    store = Store(url)
    world = World(store, engine_settings(url, tmp_path / "var"))
    add_school(store)
    add_school(store, "27YD00", "De Ark")
    world.launch()
    for name, value in {
        "DATABASE_URL": url,
        "VAR_DIR": str(tmp_path / "var"),
        "SECRET_KEY": "a key for tests",
        "BASE_URL": "http://portal.example",
        "PROGRAMMES_DIR": str(PROGRAMMES),
        "PREFECT_PORT": "1",  # a hint finds nobody there
    }.items():
        monkeypatch.setenv(f"TRAJECT_{name}", value)
    with serving(Post()) as post:
        made = Office(world, post, monkeypatch)
        made.mail_server(post.port)
        made.at(MORNING)
        yield made
    store.close()


async def the_run(name: str) -> Any:
    """The newest flow run of this name, as Prefect holds it."""
    async with get_client() as client:
        named = FlowRunFilter(name=FlowRunFilterName(any_=[name]))
        found = await client.read_flow_runs(flow_run_filter=named, sort=FlowRunSort.START_TIME_DESC, limit=1)
        return found[0]


# Twice


def some_mail_waits(office: Office) -> None:
    office.world.advance(MORNING)


def an_answer_waits(office: Office) -> None:
    office.world.live(MORNING + days(15))
    invitation = office.world.invitation("kennismaking", HEAD.email)
    with office.world.store.write() as session:
        payload = {"partstat": PartStat.DECLINED, "comment": ""}
        store_arrival(
            session, InboxKind.INVITATION_ANSWER, "web:1", MORNING, payload, invitation_id=invitation.id
        )


def a_gathering_is_due(office: Office) -> None:
    due = office.world.step("kennismaking").due_at
    assert due is not None
    office.world.live(due - timedelta(minutes=1))
    office.at(due)


def the_yearly_window_opens(office: Office) -> None:
    opens = local(2027, 5, 3, 9)
    office.world.live(opens - days(4))
    office.at(opens)


@pytest.mark.parametrize(
    ("flow", "first"),
    [
        ("heartbeat", None),
        ("run_trajectory", None),
        ("deliver_mail", some_mail_waits),
        ("read_mailbox", an_answer_waits),
        ("schedule_study_afternoons", a_gathering_is_due),
        ("queue_yearly_evaluations", the_yearly_window_opens),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_flow_does_its_work_and_a_second_run_changes_nothing(office: Office, flow: str, first: Any):
    if first:
        first(office)
    parameters = {"trajectory_id": str(office.world.trajectory().id)} if flow == "run_trajectory" else {}
    before = office.everything()
    office.run(flow, **parameters)
    once = office.everything()
    assert once != before
    office.run(flow, **parameters)
    assert office.everything() == once


def test_each_flow_did_what_it_is_for(office: Office):
    the_yearly_window_opens(office)
    asked = len(office.world.rows(EvaluationRequest))
    office.run("queue_yearly_evaluations")
    assert len(office.world.rows(EvaluationRequest)) == asked + 2
    assert office.world.step("jaarevaluatie", "2026-2027").state is StepState.OPEN
    assert {COORDINATOR.email, HEAD.email} <= set(office.post.to())


def test_a_gathering_gets_its_invitations_from_the_daily_flow(office: Office):
    a_gathering_is_due(office)
    office.run("schedule_study_afternoons")
    assert office.world.step("kennismaking").state is StepState.OPEN
    invited = [
        recipient
        for _, recipient, data in office.post.received
        if b"METHOD:REQUEST" in data or b"method=REQUEST" in data
    ]
    assert sorted(invited) == sorted([COORDINATOR.email, HEAD.email, ADVISER.email])


def test_an_answer_in_the_mailbox_is_taken_in(office: Office):
    an_answer_waits(office)
    assert office.run("read_mailbox") == {"counted": 1}
    assert office.world.invitation("kennismaking", HEAD.email).partstat is PartStat.DECLINED


# At once


@pytest.mark.parametrize("office", ["sqlite_url", "postgres_database"], indirect=True)
def test_two_heartbeats_and_a_run_of_the_school_at_once_send_every_mail_once(office: Office):
    office.world.launch(school="27YD00")

    async def at_once() -> tuple[Any, ...]:
        return await asyncio.gather(
            office.started("heartbeat"),
            office.started("heartbeat"),
            office.started("run_trajectory", str(office.world.trajectory().id)),
        )

    done = asyncio.run(at_once())
    assert sum(report["delivered"]["accepted"] for report in done) == len(office.post.received) == 4
    assert office.post.to() == sorted([COORDINATOR.email, HEAD.email] * 2)
    assert {message.state for message in office.world.rows(Message)} == {MessageState.ACCEPTED}
    once = office.everything()
    office.run("heartbeat")
    assert office.everything() == once


# Launch


def test_prefects_form_shows_what_each_parameter_is(prefect: Path):
    schema = launch_trajectory.parameters
    assert schema.required == ["programme", "start", "roles"]
    shown = {name: (field["title"], field.get("type")) for name, field in schema.properties.items()}
    assert shown == {
        "programme": ("Programma", "string"),
        "start": ("Startdatum", "string"),
        "roles": ("Rollen", "object"),
        "school": ("School", "string"),
        "group": ("Groep", "string"),
        "again": ("Nog een keer", "boolean"),
        "only_show": ("Alleen laten zien", "boolean"),
    }
    assert all(len(field["description"]) > 20 for field in schema.properties.values())
    assert "po-nieuw" in schema.properties["programme"]["enum"]
    assert schema.properties["start"]["format"] == "date"


def form(office: Office, **changes: Any) -> dict[str, Any]:
    roles = roles_by_number(office.people(), COORDINATOR, HEAD, ADVISER, *TEACHERS)
    return {"programme": "proef", "school": "27YD00", "start": date(2026, 9, 14), "roles": roles} | changes


def test_the_form_launches_one_school_with_people_by_number(office: Office):
    assert office.run("launch_trajectory", **form(office)) == "proef:27YD00"
    launched = office.world.trajectory("proef:27YD00")
    assert launched.starts_on == date(2026, 9, 14)
    run = asyncio.run(the_run("start proef:27YD00"))
    assert {"traject", "proef", "27YD00"} <= set(run.tags)
    once = office.everything()
    with pytest.raises(Refused, match="proef:27YD00 loopt al sinds 14-09-2026"):
        office.run("launch_trajectory", **form(office))
    assert office.everything() == once


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"school": "16LG00"}, "school ‘16LG00’ is niet bekend; bedoel je 16LF00"),
        ({"programme": "proev"}, "programma ‘proev’ bestaat niet; bedoel je ‘proef’"),
        ({"start": date(2026, 12, 25)}, "valt in kerstvakantie; de eerste schooldag daarna is 04-01-2027"),
        ({"start": date(2026, 9, 1)}, "de startdatum 01-09-2026 ligt in het verleden"),
        ({"roles": {"coordinator": 4711}}, "niet bekend als persoon: 4711; `traject people list`"),
        ({"roles": {}}, "rol ‘coordinator’ \\(cultuurcoördinator\\) ontbreekt"),
        ({"school": "", "group": "De Ring"}, "programma ‘proef’ is voor één school"),
    ],
)
def test_a_launch_that_cannot_be_fails_the_run_with_the_reason_and_writes_nothing(
    office: Office, changes: dict[str, Any], sentence: str
):
    before = office.everything()
    with pytest.raises(Refused, match=sentence):
        office.run("launch_trajectory", **form(office, **changes))
    assert office.everything() == before


def test_the_form_can_show_what_will_happen_and_to_whom_without_launching(office: Office):
    before = office.everything()
    assert office.run("launch_trajectory", **form(office, only_show=True)) == "proef:27YD00"
    assert office.everything() == before

    async def table() -> list[dict[str, str]]:
        async with get_client() as client:
            return json.loads(
                (await client.request("GET", "/artifacts/plan-proef-27yd00/latest")).json()["data"]
            )

    lines = asyncio.run(table())
    [welcome] = [line for line in lines if line["wat"] == "Welkom"]
    assert welcome["wanneer"].startswith("14-09-2026 ")
    assert (welcome["soort"], welcome["voor"]) == ("mail", "coordinator, directeur")
    assert sum(line["wat"] == "Terugblik" and line["soort"] == "evaluatie" for line in lines) >= 4
    with pytest.raises(Refused, match="niet bekend"):
        office.run("launch_trajectory", **form(office, only_show=True, school="16LG00"))


def test_the_reason_of_a_refusal_names_people_by_number(office: Office):
    one = office.people()[COORDINATOR.email]
    roles = form(office)["roles"] | {"team": [one, one]}
    with pytest.raises(Refused, match=f"rol ‘team’: persoon {one} staat er twee keer"):
        office.run("launch_trajectory", **form(office, roles=roles))


# One school in Prefect's own screen


def test_a_school_is_found_in_prefects_screen_with_a_task_per_stage_and_its_timeline(office: Office):
    number = office.world.trajectory().id
    report = office.run("run_trajectory", str(number))
    assert report["stages"] == {"begin": "open", "doen": "planned", "borgen": "planned"}

    async def seen() -> tuple[Any, list[str], list[Any]]:
        run = await the_run("proef:16LF00")
        async with get_client() as client:
            mine = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[run.id]))
            deadline = time.monotonic() + 20  # task runs are told to the server as events
            while len(tasks := await client.read_task_runs(task_run_filter=mine)) < 4:
                assert time.monotonic() < deadline, tasks
                await asyncio.sleep(0.1)
            latest = (await client.request("GET", f"/artifacts/traject-{number}/latest")).json()
        return run, [task.name for task in tasks], latest

    run, tasks, artifact = asyncio.run(seen())
    assert set(run.tags) == {"traject", "proef", "16LF00"}
    for stage in ("begin", "doen", "borgen"):
        assert sum(name.startswith(f"fase {stage}") for name in tasks) == 1
    assert artifact["description"] == "Tijdlijn van proef:16LF00"
    stages, _, coming = artifact["data"].partition("## Wat er komt")
    assert "| Begin | ◐ loopt | 07-09-2026 |" in stages
    assert "| Doen | ○ nog niet begonnen |" in stages
    assert "Kennismaking | bijeenkomst" in coming


@pytest.mark.parametrize("given", ["999", "0"])
def test_a_hint_about_a_trajectory_that_is_not_there_fails_with_a_sentence(office: Office, given: str):
    with pytest.raises(Refused, match=f"traject {given} bestaat niet; `traject status` toont welke er zijn"):
        office.run("run_trajectory", given)


def test_no_name_address_or_answer_crosses_into_prefect(office: Office, prefect: Path):
    answer = f"zeg niets {uuid.uuid4()}"
    an_answer_waits(office)
    invitation = office.world.invitation("kennismaking", COORDINATOR.email)
    with office.world.store.write() as session:
        payload = {"partstat": PartStat.DECLINED, "comment": answer}
        store_arrival(
            session, InboxKind.INVITATION_ANSWER, "web:2", MORNING, payload, invitation_id=invitation.id
        )
    office.at(MORNING + days(15))
    office.post.recipient[HEAD.email] = f"550 5.1.1 no {HEAD.email} here"
    office.run("heartbeat")
    office.run("run_trajectory", str(office.world.trajectory().id))
    office.at(MORNING)
    office.run("launch_trajectory", **form(office))
    one = office.people()[COORDINATOR.email]
    with pytest.raises(Refused):
        office.run("launch_trajectory", **form(office, again=True, roles={"team": [one, one]}))
    office.mail_server(1)
    office.at(MORNING + days(30))
    with pytest.raises(NotAllDone):
        office.run("heartbeat")
    asyncio.run(flushed())
    kept = b"".join(file.read_bytes() for file in prefect.parent.glob(f"{prefect.name}*"))
    assert b"proef:16LF00" in kept, "this is where Prefect keeps everything"
    assert b"staat er twee keer" in kept, "also the words of a refusal are there"
    for word in (*PRIVATE, answer):
        assert word.encode() not in kept
        assert json.dumps(word)[1:-1].encode() not in kept


async def flushed() -> None:
    """Everything that was logged has been sent to the server."""
    await APILogHandler.aflush()


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
