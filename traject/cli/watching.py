"""`traject status` and `upcoming`: how far everything is, and what comes."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.text import Text as Styled
from sqlmodel import Session, col, func, select

from models import Message, Person, Task
from models.enums import StepState, TaskState
from traject.cli.console import AsJson, Desk, both, desk
from traject.cli.mailbox import warn_of_the_mailbox
from traject.dossier import Dossier, StepId, find, load, row_id
from traject.guests import Said, said_word
from traject.overview import Coming, coming, trajectories
from traject.show import MOMENT, day, instant_json, moment, table, word
from traject.who_comes import Answered, by_answer, who_comes

commands = typer.Typer()

_WHAT = {
    "send": ("mail", "mail"),
    "invite": ("uitnodiging", "invitation"),
    "choose": ("taak: kies een datum", "task: choose a date"),
    "look": ("taak als er nog geen datum is", "task if there is no date yet"),
    "ask": ("evaluatie vragen", "ask evaluation"),
    "assign": ("taak", "task"),
    "hold": ("bijeenkomst", "gathering"),
    "close": ("evaluatie sluit", "evaluation closes"),
}


@commands.command(
    "status",
    help=both(
        "Hoe ver elk traject is; met een traject: alles ervan.", "How far each trajectory is; or all of one."
    ),
)
def status(
    context: typer.Context,
    reference: Annotated[
        str, typer.Argument(help=both("Traject, zoals po-nieuw:16LF00.", "Trajectory, like po-nieuw:16LF00."))
    ] = "",
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help=both("Ook wat afgerond of gestopt is.", "Also what is finished or cancelled.")
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """A line for each, or one in full."""
    at = desk(context)
    with at.store.read() as session:
        if reference:
            found = find(session, reference)
            dossier = load(session, row_id(found), at.settings, at.now())
            if as_json:
                at.give(_in_full(at, session, dossier))
            else:
                _show_in_full(at, session, dossier)
            return
        lines = trajectories(session, everything=everything)
    if as_json:
        at.give(
            [
                {
                    "reference": line.reference,
                    "name": line.name,
                    "programme": line.programme,
                    "state": line.state.value,
                    "stage": line.stage or None,
                    "starts_on": line.starts_on.isoformat(),
                    "ends_on": line.ends_on.isoformat() if line.ends_on else None,
                    "next_at": instant_json(line.next_at, at.settings.zone),
                    "next": line.next_title or None,
                    "unanswered": line.unanswered,
                    "tasks": line.tasks,
                    "missed": line.missed,
                }
                for line in lines
            ]
        )
        return
    warn_of_the_mailbox(at)
    made = table(
        (at.say("Traject", "Trajectory"), {"overflow": "fold"}),
        at.say("School of groep", "School or group"),
        at.say("Nu", "Now"),
        at.say("Straks", "Next"),
        (at.say("Open", "Open"), {"no_wrap": True}),
    )
    for line in lines:
        now = line.stage or word(line.state, at.language)
        upcoming = (
            f"{day(line.next_at.astimezone(at.settings.zone).date(), at.language)}" if line.next_at else ""
        )
        made.add_row(
            escape(line.reference),
            escape(line.name),
            escape(now),
            f"{upcoming} {escape(line.next_title)}",
            _owed(at, line),
        )
    at.show(made)
    at.tell(at.say(f"{len(lines)} trajecten", f"{len(lines)} trajectories"))


def _owed(at: Desk, line: Any) -> str:
    parts = [
        (line.unanswered, at.say("antwoord", "answer"), at.say("antwoorden", "answers")),
        (line.tasks, at.say("taak", "task"), at.say("taken", "tasks")),
        (line.missed, at.say("gemist", "missed"), at.say("gemist", "missed")),
    ]
    return "\n".join(f"{count} {one if count == 1 else more}" for count, one, more in parts if count)


def _in_full(at: Desk, session: Session, dossier: Dossier) -> dict[str, Any]:
    zone, trajectory = at.settings.zone, dossier.trajectory
    answers = who_comes(session, dossier)
    return {
        "id": dossier.id,
        "reference": trajectory.reference,
        "title": trajectory.title,
        "name": dossier.name,
        "programme": f"{dossier.programme.key}@{dossier.programme.version}",
        "state": trajectory.state.value,
        "starts_on": trajectory.starts_on.isoformat(),
        "ends_on": trajectory.ends_on.isoformat() if trajectory.ends_on else None,
        "roles": {
            role: [{"name": person.name, "email": person.email} for person in people]
            for role, people in dossier.holders.items()
        },
        "stages": [
            {
                "key": stage.key,
                "title": stage.title,
                "state": stage.state.value,
                "opens_on": stage.opens_on.isoformat(),
                "ends_on": stage.ends_on.isoformat(),
                "certainty": stage.certainty.value,
            }
            for stage in dossier.stages.values()
        ],
        "steps": [
            {
                "stage": step.stage or None,
                "key": step.key,
                "cycle": step.cycle or None,
                "kind": step.kind.value,
                "title": step.title,
                "state": step.state.value,
                "due_at": instant_json(step.due_at, zone),
                "starts_at": instant_json(step.starts_at, zone),
                "ends_at": instant_json(step.ends_at, zone),
                "certainty": step.certainty.value,
                "on_hold": step.on_hold,
                "note": step.note or None,
                "unanswered": [person.email for person in _silent(dossier, answers, (step.key, step.cycle))],
                "answers": [
                    {"name": each.person.name, "email": each.person.email, "answer": each.said.value}
                    for each in answers
                    if each.step == (step.key, step.cycle)
                ],
            }
            for step in sorted(
                dossier.steps.values(), key=lambda s: (s.due_at is None, str(s.due_at), s.key, s.cycle)
            )
        ],
        "tasks": [
            {"id": task.id, "title": task.title, "due_on": task.due_on.isoformat() if task.due_on else None}
            for task in _open_tasks(session, dossier.id)
        ],
        "mails": dict(
            session.exec(
                select(Message.state, func.count())
                .where(Message.trajectory_id == dossier.id)
                .group_by(col(Message.state))
            ).all()
        ),
    }


def _show_in_full(at: Desk, session: Session, dossier: Dossier) -> None:
    trajectory, zone = dossier.trajectory, at.settings.zone
    at.show(Styled(f"{trajectory.reference} · {dossier.name}", style="bold"))
    until = day(trajectory.ends_on, at.language) if trajectory.ends_on else "?"
    at.tell(trajectory.title)
    at.tell(f"{word(trajectory.state, at.language)} · {day(trajectory.starts_on, at.language)} – {until}\n")
    stages = table(
        at.say("Fase", "Stage"),
        at.say("Stand", "State"),
        at.say("Van", "From"),
        at.say("Tot en met", "Until"),
    )
    for stage in dossier.stages.values():
        style = "bold" if stage.state == "open" else "dim" if stage.state in ("closed", "cancelled") else ""
        stages.add_row(
            escape(stage.title),
            word(stage.state, at.language),
            day(stage.opens_on, at.language),
            day(stage.ends_on, at.language),
            style=style,
        )
    at.show(stages, "")
    titles = {role.key: role.title.in_language(at.language) for role in dossier.programme.roles}
    for role, people in dossier.holders.items():
        at.tell(f"{titles.get(role, role)}: {', '.join(f'{p.name} <{p.email}>' for p in people)}")
    now = at.now()
    at.show("", Styled(at.say("Straks", "Next"), style="bold"))
    _show_coming(
        at, coming(session, until=now + timedelta(days=90), now=now, only=dossier.id)[:12], names=False
    )
    answers = who_comes(session, dossier)
    waiting = [
        f"{person.name} <{person.email}>: {step.title}"
        for step in dossier.steps.values()
        if step.state is StepState.OPEN
        for person in _silent(dossier, answers, (step.key, step.cycle))
    ]
    _show_list(at, at.say("Wie komt", "Who comes"), _coming_lines(at, dossier, answers))
    _show_list(at, at.say("Nog geen antwoord", "No answer yet"), waiting)
    _show_list(
        at,
        at.say("Taken", "Tasks"),
        [
            f"{t.id}: {t.title}{f' ({day(t.due_on, at.language)})' if t.due_on else ''}"
            for t in _open_tasks(session, dossier.id)
        ],
    )
    _show_list(
        at,
        at.say("Gemist of zonder datum", "Missed or without a date"),
        [
            f"{step.title}{f' {step.cycle}' if step.cycle else ''}: {step.note}"
            for step in dossier.steps.values()
            if step.state is StepState.MISSED or (step.state is StepState.PLANNED and step.due_at is None)
        ],
    )
    held = [
        f"{step.title} ({moment(step.due_at, zone, at.language) if step.due_at else '?'})"
        for step in dossier.steps.values()
        if step.on_hold
    ]
    _show_list(at, at.say("Vastgehouden", "On hold"), held)


def _silent(dossier: Dossier, answers: Sequence[Answered], step: StepId) -> list[Person]:
    """Who was asked or invited by a step and has not answered, also where they joined a gathering elsewhere."""
    elsewhere = [each for each in answers if each.step == step and each.is_elsewhere]
    return [*dossier.unanswered(*step), *(each.person for each in elsewhere if each.said is Said.NOTHING)]


def _coming_lines(at: Desk, dossier: Dossier, answers: Sequence[Answered]) -> list[str]:
    """A line for each gathering: how many say what, and of those who come or may come their names."""
    lines: list[str] = []
    for step in dict.fromkeys(each.step for each in answers):
        row = dossier.steps[step]
        said = by_answer([each for each in answers if each.step == step])
        parts = [
            f"{said_word(word, at.language)} {len(of)}"
            + (f" ({', '.join(each.person.name for each in of)})" if word is not Said.NOTHING else "")
            for word, of in said.items()
        ]
        when = f" {moment(row.starts_at, at.settings.zone, at.language)}" if row.starts_at else ""
        lines.append(f"{row.title}{when}: {'; '.join(parts)}")
    return lines


def _show_list(at: Desk, heading: str, lines: list[str]) -> None:
    if lines:
        at.show("", Styled(heading, style="bold"))
        for line in lines:
            at.tell(f"  {line}")


def _open_tasks(session: Session, trajectory_id: int) -> list[Task]:
    query = select(Task).where(Task.trajectory_id == trajectory_id, Task.state == TaskState.OPEN)
    return list(session.exec(query.order_by(col(Task.id))))


@commands.command(
    "upcoming",
    help=both("Wat er de komende tijd uitgaat en gebeurt.", "What goes out and happens in the coming days."),
)
def upcoming(
    context: typer.Context,
    days: Annotated[
        int,
        typer.Option("--days", min=1, max=36500, help=both("Hoeveel dagen vooruit.", "How many days ahead.")),
    ] = 30,
    as_json: AsJson = False,
) -> None:
    """Over all running trajectories."""
    at = desk(context)
    now = at.now()
    with at.store.read() as session:
        found = coming(session, until=now + timedelta(days=days), now=now)
    if not as_json:
        _show_coming(at, found, names=True)
        at.tell(at.say(f"{len(found)} in {days} dagen", f"{len(found)} in {days} days"))
        return
    at.give(
        [
            {
                "at": instant_json(one.at, at.settings.zone),
                "what": one.what,
                "reference": one.reference,
                "name": one.name,
                "key": one.key,
                "cycle": one.cycle or None,
                "kind": one.kind.value,
                "title": one.title.in_language(at.language),
                "to": [role.in_language(at.language) for role in one.to],
                "certainty": one.certainty.value,
                "on_hold": one.on_hold,
            }
            for one in found
        ]
    )


def _show_coming(at: Desk, found: list[Coming], *, names: bool) -> None:
    made = table(
        (at.say("Wanneer", "When"), {"no_wrap": True}),
        *([at.say("School of groep", "School or group")] if names else []),
        at.say("Wat", "What"),
        at.say("Voor wie", "To whom"),
        at.say("Zeker", "Certain"),
    )
    for one in found:
        what = f"{_WHAT[one.what][at.language == 'en']}: {one.title.in_language(at.language)}"
        certain = at.say("vastgehouden", "on hold") if one.on_hold else word(one.certainty, at.language)
        made.add_row(
            moment(one.at - (MOMENT if one.what == "close" else timedelta()), at.settings.zone, at.language),
            *([escape(one.name)] if names else []),
            escape(what),
            escape(", ".join(role.in_language(at.language) for role in one.to)),
            certain,
        )
    at.show(made)
