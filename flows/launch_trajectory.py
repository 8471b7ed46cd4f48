"""Launch one trajectory from Prefect's own form. Only ids cross into Prefect: people are named by their number."""

from datetime import date
from typing import Annotated, Any

from prefect import flow
from pydantic import Field
from pydantic.fields import FieldInfo

from flows.context import opened
from flows.run_trajectory import show_timeline
from models import Person
from traject.clock import now
from traject.errors import Refused
from traject.hints import hint
from traject.launch import LaunchError, LaunchRequest, RoleGiven, launch
from traject.programme_file import load_programmes
from traject.settings import load_settings
from traject.store import Store

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
) -> str:
    """Check, plan and launch. The run fails with the reasons in plain Dutch when something is wrong; nothing is written then."""
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
            [launched] = launch(store, [request], settings=settings, now=now())
        except LaunchError as error:
            # Prefect keeps the words and the causes of a failure; those of a launch may name people.
            raise Refused(_with_numbers(str(error), [one for _, held in people for one in held])) from None
        hint(settings, "trajectory.launched", [launched.trajectory_id], now())
        await show_timeline(store, settings, launched.trajectory_id, f"start {launched.reference}")
    return launched.reference


def _people(store: Store, roles: dict[str, int | list[int]]) -> list[tuple[str, list[Person]]]:
    numbers = {role: [given] if isinstance(given, int) else given for role, given in roles.items()}
    with store.read() as session:
        found = {number: session.get(Person, number) for held in numbers.values() for number in held}
    if unknown := [str(number) for number, person in found.items() if person is None]:
        message = f"niet bekend als persoon: {', '.join(unknown)}; `traject people list` toont wie er zijn"
        raise Refused(message)
    return [(role, [one for number in held if (one := found[number])]) for role, held in numbers.items()]


def _with_numbers(text: str, people: list[Person]) -> str:
    for one in people:
        for word in (one.email, one.name):
            text = text.replace(word, f"persoon {one.id}")
    return text
