"""Launch one trajectory from Prefect's own form. Only ids cross into Prefect: people are named by their number."""

from datetime import date
from typing import Annotated

from prefect import flow
from pydantic import Field

from flows.context import opened
from models import Person
from traject.clock import now
from traject.errors import Refused
from traject.hints import hint
from traject.launch import LaunchRequest, RoleGiven, launch
from traject.programme_file import load_programmes
from traject.settings import load_settings
from traject.store import Store

PROGRAMMES = sorted(load_programmes(load_settings().programmes_dir))
"""What Prefect's form offers: the programmes that are there when the flow is deployed."""


@flow(name="launch_trajectory", flow_run_name="start {programme} {school}{group}")
async def launch_trajectory(
    programme: Annotated[
        str,
        Field(
            title="Programma",
            description="Welk traject de school of groep gaat volgen",
            json_schema_extra={"enum": list(PROGRAMMES)},
        ),
    ],
    start: Annotated[date, Field(title="Startdatum", description="Een schooldag, vandaag of later")],
    roles: Annotated[
        dict[str, int],
        Field(
            title="Rollen",
            description='Wie welke rol heeft, met het nummer uit `traject people list`: {"coordinator": 12, "adviseur": 3}',
        ),
    ],
    school: Annotated[
        str, Field(title="School", description="De vestigingscode, zoals 16LF00; leeg bij een groep")
    ] = "",
    group: Annotated[str, Field(title="Groep", description="De naam van de groep; leeg bij een school")] = "",
    again: Annotated[
        bool,
        Field(
            title="Nog een keer", description="Aan als de school dit programma al volgt en dat zo bedoeld is"
        ),
    ] = False,
) -> str:
    """Check, plan and launch. The run fails with the reasons in plain Dutch when something is wrong; nothing is written then."""
    with opened() as (store, settings):
        request = LaunchRequest(
            programme=programme,
            starts_on=start,
            school=school or None,
            group=group or None,
            roles=tuple(_given(store, role, person_id) for role, person_id in roles.items()),
            again=again,
        )
        [launched] = launch(store, [request], settings=settings, now=now())
        hint(settings, "trajectory.launched", [launched.trajectory_id], now())
    return launched.reference


def _given(store: Store, role: str, person_id: int) -> RoleGiven:
    with store.read() as session:
        person = session.get(Person, person_id)
    if person is None:
        message = f"persoon {person_id} bestaat niet; `traject people list` toont wie er zijn"
        raise Refused(message)
    return RoleGiven(role, person.name, person.email)
