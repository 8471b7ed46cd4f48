"""`traject tasks`: what staff must do, and that it is done."""

from functools import partial
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.text import Text as Styled
from sqlmodel import col, select

from models import Organisation, Person, Task, Trajectory
from models.enums import TaskState
from traject import staff
from traject.choosing import asks_for_a_date
from traject.cli.console import AsJson, Desk, both, desk
from traject.cli.deciding import Action, deciding
from traject.errors import Refused
from traject.show import day, table

commands = typer.Typer(help=both("Taken van medewerkers.", "Tasks of staff."), no_args_is_help=True)

Number = Annotated[int, typer.Argument(help=both("Nummer van de taak.", "Number of the task."))]
_EVERY = (
    select(Task, Trajectory, Organisation.name, Person.name)
    .join(Trajectory, col(Trajectory.id) == col(Task.trajectory_id))
    .join(Organisation, col(Organisation.id) == col(Trajectory.organisation_id), isouter=True)
    .join(Person, col(Person.id) == col(Task.person_id), isouter=True)
    .order_by(col(Task.due_on).is_(None), col(Task.due_on), col(Task.id))
)


def _values(task: Task, trajectory: Trajectory, school: str | None, person: str | None) -> dict[str, Any]:
    return {
        "id": task.id,
        "reference": trajectory.reference,
        "name": school or trajectory.group_name,
        "title": task.title,
        "detail": task.detail,
        "for": person,
        "due_on": task.due_on,
        "state": task.state,
    }


@commands.command("list", help=both("Alle open taken.", "All open tasks."))
def list_tasks(context: typer.Context, as_json: AsJson = False) -> None:
    """What staff still have to do, oldest date first."""
    at = desk(context)
    with at.store.read() as session:
        query = _EVERY.where(Task.state == TaskState.OPEN)
        rows = [_values(*row) for row in session.exec(query)]
    if as_json:
        at.give(rows)
        return
    made = table(
        ("Nr", {"justify": "right"}),
        at.say("Taak", "Task"),
        at.say("School of groep", "School or group"),
        at.say("Voor", "For"),
        at.say("Vóór", "By"),
    )
    for row in rows:
        by = day(row["due_on"], at.language) if row["due_on"] else ""
        made.add_row(str(row["id"]), escape(row["title"]), escape(row["name"]), escape(row["for"] or ""), by)
    at.show(made)
    taken, tasks = ("taak", "task") if len(rows) == 1 else ("taken", "tasks")
    at.tell(at.say(f"{len(rows)} {taken}", f"{len(rows)} {tasks}"))
    if rows:
        at.tell(
            at.say("Wat er te doen is: traject tasks show NR", "What is to be done: traject tasks show NO")
        )


@commands.command("show", help=both("Eén taak, met wat erover te zeggen is.", "One task in full."))
def show(context: typer.Context, number: Number, as_json: AsJson = False) -> None:
    """What is asked, by when, and with which commands it is done."""
    at = desk(context)
    with at.store.read() as session:
        found = session.exec(_EVERY.where(Task.id == number)).first()
        if found is None:
            raise Refused(
                f"taak {number} bestaat niet; `traject tasks list` toont de taken",
                f"there is no task {number}; `traject tasks list` shows the tasks",
            )
        row = _values(*found)
    if as_json:
        at.give(row)
        return
    at.show(Styled(f"{number}  {row['title']}", style="bold"))
    by = at.say(" · vóór ", " · by ") + day(row["due_on"], at.language) if row["due_on"] else ""
    whose = f" · {row['for']}" if row["for"] else ""
    at.tell(f"{row['reference']}  {row['name']}{whose}{by}")
    if row["detail"]:
        at.tell(f"\n{row['detail']}")
    if row["state"] != TaskState.OPEN:
        at.tell(at.say("\nDeze taak is niet meer open.", "\nThis task is not open any more."))
    elif asks_for_a_date(found[0]):
        at.tell(at.say("\nVerdwijnt vanzelf als er een datum is.", "\nGoes by itself when there is a date."))
    else:
        at.tell(at.say(f"\nGedaan: traject tasks done {number}", f"\nDone: traject tasks done {number}"))


@deciding(commands, "done", help=both("Een taak is gedaan.", "A task is done."))
def finish(at: Desk, number: Number) -> Action:
    """The stage that waited for it may close."""
    return partial(staff.finish_task, at.store, at.settings, number)
