"""One school's staged workflow, as far as it can go now: a task per stage, and an artifact with its timeline."""

from typing import Any

from prefect import flow, get_client, task
from prefect.artifacts import acreate_markdown_artifact
from prefect.context import FlowRunContext

from flows.context import opened
from flows.deliver_mail import drain_outbox
from flows.verdict import all_done
from models import Trajectory
from traject.advance import advance
from traject.clock import now
from traject.dossier import load
from traject.errors import Refused
from traject.settings import Settings
from traject.store import Store
from traject.timeline import timeline


@flow(name="run_trajectory", flow_run_name="traject {trajectory_id}")
async def run_trajectory(trajectory_id: str) -> dict[str, Any]:
    """Advance one trajectory, send what that queued, and show where it stands and what comes next."""
    number = int(trajectory_id)
    with opened() as (store, settings):
        with store.read() as session:
            if session.get(Trajectory, number) is None:
                raise Refused(
                    f"traject {number} bestaat niet; `traject status` toont welke er zijn",
                    f"there is no trajectory {number}; `traject status` shows which there are",
                )
            stages = list(load(session, number, settings, now()).stages)
        states = {
            stage: await run_stage.with_options(name=f"fase {stage}")(number, stage) for stage in stages
        }
        await show_timeline(store, settings, number)
    return all_done({"stages": states, "delivered": await drain_outbox()})


@task
async def run_stage(trajectory_id: int, stage: str) -> str:
    """Let everything that is due happen, and give the state in which this stage is then."""
    with opened() as (store, settings):
        report = advance(store, settings, now=now(), only=[trajectory_id])
        all_done({}, failed=report.failed)
        with store.read() as session:
            return str(load(session, trajectory_id, settings, now()).stages[stage].state)


async def show_timeline(store: Store, settings: Settings, trajectory_id: int, name: str = "") -> None:
    """Publish where a trajectory stands, and name and tag the run, so that a school is found in Prefect's own screen."""
    with store.read() as session:
        shown = timeline(load(session, trajectory_id, settings, now()), now())
    await acreate_markdown_artifact(
        key=f"traject-{trajectory_id}",
        markdown=shown.markdown(),
        description=f"Tijdlijn van {shown.reference}",
    )
    context = FlowRunContext.get()
    if context and context.flow_run:
        tags = {*context.flow_run.tags, *shown.tags}
        async with get_client() as client:
            await client.update_flow_run(context.flow_run.id, name=name or shown.reference, tags=tags)
