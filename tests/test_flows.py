"""The flows on a real Prefect, a real database and a real mail server: run again, at once, from the form; and what of it Prefect holds."""

import asyncio
import json
import time
import uuid
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from engine_cases import (
    ADVISER,
    COORDINATOR,
    HEAD,
    MORNING,
    TEACHERS,
    days,
    local,
)
from prefect import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterName,
    TaskRunFilter,
    TaskRunFilterFlowRunId,
)
from prefect.client.schemas.sorting import FlowRunSort
from prefect.logging.handlers import APILogHandler
from prefect_office import PRIVATE, Office, office, prefect, roles_by_number, some_mail_waits

from flows.launch_trajectory import launch_trajectory
from flows.verdict import NotAllDone
from models import (
    EvaluationRequest,
    Message,
)
from models.enums import InboxKind, MessageState, PartStat, StepState
from traject.errors import Refused
from traject.inbox import store_arrival

pytestmark = pytest.mark.xdist_group("prefect")
__all__ = ["office", "prefect"]  # fixtures


async def the_run(name: str) -> Any:
    """The newest flow run of this name, as Prefect holds it."""
    async with get_client() as client:
        named = FlowRunFilter(name=FlowRunFilterName(any_=[name]))
        found = await client.read_flow_runs(flow_run_filter=named, sort=FlowRunSort.START_TIME_DESC, limit=1)
        return found[0]


# Twice


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
