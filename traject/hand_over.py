"""Roles change hands: what is still open moves along with the role."""

from datetime import datetime

from sqlmodel import col, select

from models import Person, RoleHolder, StepRow, Task
from models.enums import GatheringState, MessageKind, RequestState, StepKind, StepState, TaskState
from traject import outbox
from traject.addresses import person_problem
from traject.asking import Asking
from traject.dossier import open_gatherings, row_id
from traject.errors import Refused
from traject.gatherings import Gatherings
from traject.launch import hart_itself, home_of
from traject.programme import Role
from traject.settings import Settings
from traject.staff import StaffResult, Work, action, withdraw_request
from traject.staff_action import refuse_ended
from traject.store import Store


def hand_over(
    store: Store,
    settings: Settings,
    reference: str,
    role: str,
    *,
    old_email: str | None = None,
    name: str | None = None,
    email: str | None = None,
    now: datetime,
    dry_run: bool = False,
) -> StaffResult:
    """Give a role to another person, add somebody to it (no `old_email`), or let somebody leave (no `email`).

    The one who leaves gets a cancellation of what is still to come, and no reminder any more; the one who comes gets
    the invitations and evaluation requests that are open, and the tasks.
    """
    result = StaffResult(reference)
    with action(store, settings, reference, now, result, dry_run=dry_run) as work:
        refuse_ended(work.dossier.trajectory)
        declared = {known.key: known for known in work.dossier.programme.roles}
        if role not in declared:
            raise Refused(
                f"rol ‘{role}’ bestaat niet in dit programma; kies uit {', '.join(declared)}",
                f"there is no role ‘{role}’ in this programme; choose from {', '.join(declared)}",
            )
        holders = work.dossier.holders.setdefault(role, [])
        old = _leaving(holders, role, old_email)
        if old is None and email and holders and not declared[role].many:
            raise Refused(
                f"rol ‘{role}’ is voor één persoon en die heeft {holders[0].name} al; "
                f"zeg van wie de rol overgaat: --from {holders[0].email}",
                (
                    f"role ‘{role}’ is for one person, and {holders[0].name} has it already; "
                    f"say from whom it passes: --from {holders[0].email}"
                ),
            )
        if email is None and (old is None or (declared[role].required and len(holders) == 1)):
            raise Refused(
                f"rol ‘{role}’ is verplicht; geef ook wie hem overneemt",
                f"role ‘{role}’ is required; also give who takes it over",
            )
        new = person_for(work, name or "", email, declared[role]) if email else None
        if old is not None and new is not None and old.id == new.id:
            raise Refused(f"{old.name} heeft de rol ‘{role}’ al", f"{old.name} has the role ‘{role}’ already")
        answered = _answered(work, old) if old else set[int]()
        if old:
            _leave(work, role, old)
        if new:
            _join(work, role, new, answered)
        if old:
            _after_leaving(work, old, new)
        work.sentence = f"{declared[role].title.nl}: {_who(old, new)}"
    return result


def _who(old: Person | None, new: Person | None) -> str:
    if old and new:
        return f"{old.name} → {new.name}"
    return f"{new.name} komt erbij" if new else f"{old.name if old else 'niemand'} stopt"


def _leaving(holders: list[Person], role: str, old_email: str | None) -> Person | None:
    if old_email is None:
        return None
    for person in holders:
        if person.email == old_email.strip().lower():
            return person
    names = ", ".join(f"{person.name} <{person.email}>" for person in holders)
    raise Refused(
        f"{old_email} heeft de rol ‘{role}’ niet; die heeft {names or 'niemand'}",
        f"{old_email} does not have the role ‘{role}’; {names or 'nobody'} has it",
    )


def person_for(work: Work, name: str, email: str, role: Role | None = None) -> Person:
    """The person with this address, who is added when nobody has it. Refused when no mail can reach it.

    Somebody new belongs to the school of the trajectory, unless the role says otherwise.
    """
    if problem := person_problem(name, email.strip()):
        raise Refused(problem.nl, problem.en)
    found = work.session.exec(select(Person).where(Person.email == email.strip().lower())).one_or_none()
    if found is None:
        school = work.dossier.trajectory.organisation_id
        home = home_of(role, school=school, hart=hart_itself(work.session)) if role else school
        found = Person(name=name or email, email=email.strip().lower(), organisation_id=home)
        work.session.add(found)
        work.session.flush()
    return found


def _leave(work: Work, role: str, person: Person) -> None:
    query = select(RoleHolder).where(
        RoleHolder.trajectory_id == work.dossier.id,
        RoleHolder.role == role,
        RoleHolder.person_id == person.id,
        col(RoleHolder.until).is_(None),
    )
    work.session.exec(query).one().until = work.now
    work.dossier.holders[role] = [holder for holder in work.dossier.holders[role] if holder.id != person.id]
    work.effects.event("role.left", actor="staff", role=role, person=person.id)


def _answered(work: Work, person: Person) -> set[int]:
    """The rounds that this person has answered; whoever takes over is not asked again."""
    return {
        row_id(round_)
        for round_ in work.dossier.rounds.values()
        if any(
            p.id == person.id and r.state is RequestState.ANSWERED
            for r, p in work.dossier.requests[row_id(round_)]
        )
    }


def _join(work: Work, role: str, person: Person, answered: set[int]) -> None:
    if any(holder.id == person.id for holder in work.dossier.holders[role]):
        raise Refused(
            f"{person.name} heeft de rol ‘{role}’ al", f"{person.name} has the role ‘{role}’ already"
        )
    work.session.add(
        RoleHolder(trajectory_id=work.dossier.id, role=role, person_id=row_id(person), since=work.now)
    )
    work.dossier.holders[role].append(person)
    work.effects.event("role.taken", actor="staff", role=role, person=person.id)
    _welcome(work, role, person)
    gatherings = Gatherings(work.effects)
    for gathering in open_gatherings(work.dossier, work.now):
        row = _row(work, gathering.step_id)
        if role in work.dossier.programme.step(row.key).to:
            gatherings.invite(gathering, person)
    asking = Asking(work.effects)
    for row in work.dossier.steps.values():
        round_ = work.dossier.rounds.get(row_id(row))
        if row.kind is StepKind.EVALUATION and row.state is StepState.OPEN and round_:
            step = work.dossier.programme.step(row.key)
            if role in step.to and row_id(round_) not in answered:
                asking.request(step, row, round_, role, person)


def _welcome(work: Work, role: str, person: Person) -> None:
    """Whoever joins after the welcome went out is welcomed too: that mail says how we got the address (AVG art. 14)."""
    for step in work.dossier.programme.steps:
        row = work.dossier.steps.get((step.key, ""))
        was_sent = row is not None and row.state not in (StepState.PLANNED, StepState.CANCELLED)
        if row and was_sent and step.template == MessageKind.WELCOME and role in step.to:
            work.effects.mail_to(step, row, role, person)
            return


def _after_leaving(work: Work, person: Person, successor: Person | None) -> None:
    """Whoever left, and holds no other role here that is asked for the same, is no longer asked for it."""
    roles = {role for role, people in work.dossier.holders.items() if any(p.id == person.id for p in people)}
    gatherings = Gatherings(work.effects)
    for gathering in work.dossier.gatherings.values():
        to_come = gathering.state is GatheringState.FIXED and gathering.starts_at > work.now
        if to_come and not roles & set(work.dossier.programme.step(_row(work, gathering.step_id).key).to):
            gatherings.uninvite(gathering, person)
    for row in work.dossier.steps.values():
        round_ = work.dossier.rounds.get(row_id(row))
        if (
            row.state is not StepState.OPEN
            or round_ is None
            or roles & set(work.dossier.programme.step(row.key).to)
        ):
            continue
        for request, asked in work.dossier.requests[row_id(round_)]:
            if asked.id == person.id and request.state is RequestState.ASKED:
                withdraw_request(work, request, "deze persoon heeft de rol niet meer")
    if not roles:
        outbox.withdraw(
            work.session,
            reason="deze persoon heeft de rol niet meer",
            trajectory_id=work.dossier.id,
            person_id=row_id(person),
            reminders_only=False,
        )
    staff_roles = {role.key for role in work.dossier.programme.roles if role.staff}
    if not roles & staff_roles:
        _give_tasks(work, person, successor)


def _give_tasks(work: Work, person: Person, successor: Person | None) -> None:
    """Open tasks go to whoever takes over, with a mail for each, as the one before had."""
    to = successor or work.dossier.adviser()
    open_tasks = select(Task).where(
        Task.trajectory_id == work.dossier.id, Task.person_id == person.id, Task.state == TaskState.OPEN
    )
    for task in work.session.exec(open_tasks.order_by(col(Task.id))):
        task.person_id = to.id if to else None
        if to:
            work.effects.tell_of_task(task, to)


def _row(work: Work, step_id: int) -> StepRow:
    return next(row for row in work.dossier.steps.values() if row.id == step_id)
