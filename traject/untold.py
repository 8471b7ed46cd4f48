"""Which tasks the adviser was not mailed yet: those about mail that cannot be delivered, made where none can be composed."""

import hashlib

from sqlmodel import Session, bindparam, col, or_, select

from models import Message, Person, Task
from models.enums import TaskState
from traject.dossier import Dossier, row_id
from traject.effects import Effects
from traject.undelivered import BOUNCE, UNDELIVERED

_OPEN = select(Task).where(  # built once: it is asked whenever a trajectory has something due
    Task.trajectory_id == bindparam("which"),
    Task.state == TaskState.OPEN,
    or_(col(Task.effect_key).startswith(BOUNCE), col(Task.effect_key).startswith(UNDELIVERED)),
)


def tell_of_undelivered(session: Session, dossier: Dossier, effects: Effects) -> None:
    """Mail these tasks to the adviser: once for each address, and never to the address that does not work."""
    adviser = dossier.adviser()
    if adviser is None:
        return
    for task in session.exec(_OPEN, params={"which": dossier.id}).all():
        key = _key(session, task)
        told = select(Message.id).where(Message.effect_key == f"{key}:p{row_id(adviser)}")
        if task.person_id != row_id(adviser) and session.exec(told).first() is None:
            effects.tell_of_task(task, adviser, key)


def _key(session: Session, task: Task) -> str:
    """The same for the same address, however often it stops working."""
    if not task.effect_key.startswith(BOUNCE) or task.person_id is None:
        return task.effect_key
    address = session.get_one(Person, task.person_id).email
    return f"{task.effect_key}:{hashlib.sha256(address.encode()).hexdigest()[:12]}"
