"""Launch one trajectory from Prefect's own form. Only ids cross into Prefect: people are named by their number."""

import re
from datetime import date
from typing import Annotated, Any

from prefect import flow
from prefect.artifacts import acreate_table_artifact
from pydantic import Field
from pydantic.fields import FieldInfo

from flows.context import opened
from flows.run_trajectory import show_timeline
from models import Person
from traject.clock import now
from traject.errors import Refused
from traject.hints import hint
from traject.launch import LaunchError, LaunchRequest, RoleGiven, launch, prepare
from traject.programme_file import load_programmes
from traject.settings import Settings, load_settings
from traject.store import Store
from traject.timeline import CERTAINTIES, KINDS

PROGRAMMES = sorted(load_programmes(load_settings().programmes_dir))
"""What Prefect's form offers: the programmes that are there when the flow is deployed."""


def _asked(title: str, description: str, **more: Any) -> FieldInfo:
    """A field of the form. Prefect shows its own title and no description unless they stand in the schema itself."""
    return Field(json_schema_extra={"title": title, "description": description, **more})


@flow(name="launch_trajectory", flow_run_name="start {programme} {school}{group}")
async def launch_trajectory(
    programme: Annotated[
        str, _asked("Programma", "Welk traject de school of groep gaat volgen.", enum=list(PROGRAMMES))
    ],
    start: Annotated[date, _asked("Startdatum", "De eerste dag: een schooldag, vandaag of later.")],
    roles: Annotated[
        dict[str, int | list[int]],
        _asked(
            "Rollen",
            "Wie welke rol heeft, met de nummers uit `traject people list`: "
            '{"coordinator": 12, "directeur": 13, "adviseur": 3}. Meer mensen in één rol: {"team": [21, 22]}.',
        ),
    ],
    school: Annotated[str, _asked("School", "De vestigingscode, zoals 16LF00. Leeg bij een groep.")] = "",
    group: Annotated[str, _asked("Groep", "De naam van de groep. Leeg bij een school.")] = "",
    again: Annotated[
        bool, _asked("Nog een keer", "Aan als dit programma hier al loopt en een tweede bedoeld is.")
    ] = False,
    only_show: Annotated[
        bool,
        _asked(
            "Alleen laten zien",
            "Aan: er verandert niets; wat er wanneer en voor wie gaat gebeuren staat als tabel bij de run.",
        ),
    ] = False,
) -> str:
    """Check, plan and launch, or only show the plan; gives the trajectory's reference.

    The run fails with the reasons in plain Dutch when something is wrong; nothing is written then.
    """
    with opened() as (store, settings):
        people = _people(store, roles)
        request = LaunchRequest(
            programme=programme,
            starts_on=start,
            school=school.strip().upper() or None,
            group=group.strip() or None,
            roles=tuple(RoleGiven(role, one.name, one.email) for role, held in people for one in held),
            again=again,
        )
        try:
            if only_show:
                return await _show_plan(store, settings, request)
            [launched] = launch(store, [request], settings=settings, now=now())
        except LaunchError as error:
            # Prefect keeps the words and the causes of a failure; those of a launch may name people.
            named = [one for _, held in people for one in held]
            raise Refused(_with_numbers(str(error), named), _with_numbers(error.english, named)) from None
        hint(settings, "trajectory.launched", [launched.trajectory_id], now())
        await show_timeline(store, settings, launched.trajectory_id, f"start {launched.reference}")
    return launched.reference


async def _show_plan(store: Store, settings: Settings, request: LaunchRequest) -> str:
    """Publish the plan of this request as a table, by role; LaunchError when it cannot be launched."""
    with store.read() as session:
        [one] = prepare(session, [request], settings=settings, now=now())
    if one.plan is None or one.calendar is None:
        raise LaunchError(one.problems)
    problems = {(problem.key, problem.cycle): problem.reason.nl for problem in one.plan.problems}
    table = [
        {
            "wanneer": f"{one.calendar.to_local(step.when):%d-%m-%Y %H:%M}" if step.when else "geen datum",
            "wat": step.title,
            "soort": KINDS[step.kind],
            "voor": ", ".join(step.to),
            "zeker": problems.get(step.id, CERTAINTIES[step.certainty]),
        }
        for step in one.plan.steps
    ]
    name = re.sub(r"[^a-z0-9]+", "-", one.reference.lower())
    said = f"Wat er gaat gebeuren in {one.reference}. Er is nog niets gestart."
    await acreate_table_artifact(key=f"plan-{name}", table=table, description=said)
    return one.reference


def _people(store: Store, roles: dict[str, int | list[int]]) -> list[tuple[str, list[Person]]]:
    numbers = {role: [given] if isinstance(given, int) else given for role, given in roles.items()}
    with store.read() as session:
        found = {number: session.get(Person, number) for held in numbers.values() for number in held}
    if unknown := [str(number) for number, person in found.items() if person is None]:
        raise Refused(
            f"niet bekend als persoon: {', '.join(unknown)}; `traject people list` toont wie er zijn",
            f"not known as a person: {', '.join(unknown)}; `traject people list` shows who there are",
        )
    return [(role, [one for number in held if (one := found[number])]) for role, held in numbers.items()]


def _with_numbers(text: str, people: list[Person]) -> str:
    for one in people:
        for word in (one.email, one.name):
            text = text.replace(word, f"persoon {one.id}")
    return text
