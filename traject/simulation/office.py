"""What staff do: launch, finish tasks (or forget them for weeks), hand roles over, hold, move, pause, close, stop."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import partial
from random import Random

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from models import Person, RoleHolder, StageRow, StepRow, Task, Trajectory
from models.enums import StageState, StepKind, StepState, TaskState, TrajectoryState
from traject import staff, staff_stages, staff_steps
from traject.errors import Refused
from traject.hand_over import hand_over
from traject.launch import launch
from traject.simulation.cast import Actor, Cast, Part
from traject.simulation.world import World

HABITS: dict[str, float] = {
    "hold": 0.5,
    "move": 0.6,
    "skip": 0.15,
    "pause": 0.12,
    "close_stage": 0.1,
    "move_stage": 0.2,
    "cancel": 0.02,
}
"""How often in a year staff do this to a trajectory."""

LEAVING = 0.3
"""How many of the people at schools leave in the years that are lived through."""

_ACTIVE = (TrajectoryState.RUNNING, TrajectoryState.PAUSED)

_NEW_TASKS = select(col(Task.id)).where(col(Task.id) > bindparam("last")).order_by(col(Task.id))

_TASK = (
    select(Task, Trajectory, Person, StepRow)
    .join(Trajectory, col(Trajectory.id) == col(Task.trajectory_id))
    .outerjoin(Person, col(Person.id) == col(Task.person_id))
    .outerjoin(StepRow, col(StepRow.id) == col(Task.step_id))
    .where(col(Task.id) == bindparam("task"))
)


@dataclass
class Office:
    """The staff of Hart in this world."""

    world: World
    cast: Cast
    ends: date
    moved: set[int] = field(default_factory=set[int])
    """Steps of which staff chose the moment themselves."""
    _last_task: int = 0
    _stopped: int = 0

    def open(self) -> None:
        """Plan what is known from the start: the launches, and who leaves when."""
        for part in self.cast.parts:
            self.world.plan(part.launched_at, partial(self._launch, part))
        for actor in list(self.cast.people.values()):
            chance = self.world.random("leaves", actor.email)
            leaves = not actor.email.endswith("museum.example") and chance.random() < LEAVING
            if leaves or (actor is self.cast.advisers[0] and len(self.cast.schools) > 1):
                day = date(self.ends.year, 1, 1) - timedelta(days=chance.randrange(365 * 3))
                at = self.world.calendar.local(day, time(17))
                self.world.plan(at, partial(self._leave, actor, chance))

    def _launch(self, part: Part) -> None:
        [launched] = launch(
            self.world.store, [part.request], settings=self.world.settings, now=self.world.now, actor="staff"
        )
        chance = self.world.random("staff", launched.reference)
        day = self.world.today()
        while day < self.ends:
            for habit, often in HABITS.items():
                if chance.random() < often:
                    at = self.world.office_moment(
                        chance, (day - self.world.today()).days + chance.randrange(365)
                    )
                    self.world.plan(at, partial(self._intervene, habit, launched.reference, chance))
            day += timedelta(days=365)

    def _try(self, name: str, action: Callable[[], object]) -> bool:
        """Staff may ask what cannot be; then they are told so."""
        try:
            action()
        except Refused:
            self.world.refusals[name] += 1
            return False
        return True

    # People come and go

    def _leave(self, actor: Actor, chance: Random) -> None:
        """Somebody leaves; the address dies, or is read by nobody. Staff hear of it early, late or from a bounce."""
        actor.left_on = self.world.today()
        if chance.random() < 0.6 and not actor.is_staff:
            self.world.post.bury(actor.email)
        at = self.world.office_moment(chance, 1 if actor.is_staff else chance.randrange(1, 40))
        self.world.plan(at, partial(self._replace, actor))

    def _replace(self, actor: Actor) -> None:
        held = self._roles(actor)
        if not held:
            return
        domain = actor.email.partition("@")[2]
        successor = self.cast.join(self.world.seed, domain, is_staff=actor.is_staff)
        for reference, role in held:
            # Nobody follows a teacher who leaves; every other role goes on.
            new = None if role == "team" else successor
            self._try(
                "hand over",
                lambda reference=reference, role=role, new=new: hand_over(
                    self.world.store,
                    self.world.settings,
                    reference,
                    role,
                    old_email=actor.email,
                    name=new.name if new else None,
                    email=new.email if new else None,
                    now=self.world.now,
                ),
            )

    def _roles(self, actor: Actor) -> list[tuple[str, str]]:
        with self.world.store.read() as session:
            query = (
                select(Trajectory.reference, RoleHolder.role)
                .join(RoleHolder, col(RoleHolder.trajectory_id) == col(Trajectory.id))
                .join(Person, col(Person.id) == col(RoleHolder.person_id))
                .where(
                    Person.email == actor.email,
                    col(RoleHolder.until).is_(None),
                    col(Trajectory.state).in_(_ACTIVE),
                )
                .order_by(col(RoleHolder.id))
            )
            return list(session.exec(query))

    # Tasks

    def look_at_tasks(self) -> None:
        """See the tasks that are new, and plan when they are done."""
        with self.world.store.glance() as connection:
            new = connection.execute(_NEW_TASKS, {"last": self._last_task}).scalars().all()
        for task in new:
            chance = self.world.random("task", task)
            days = chance.randrange(21, 75) if chance.random() < 0.1 else chance.randrange(1, 15)
            self.world.plan(self.world.office_moment(chance, days), partial(self._finish, task, chance))
            self._last_task = task

    def _finish(self, number: int, chance: Random) -> None:
        with self.world.store.read() as session:
            task, trajectory, person, step = session.exec(_TASK, params={"task": number}).one()
            session.expunge_all()
        if task.state is not TaskState.OPEN or trajectory.state not in _ACTIVE:
            return
        reference, email = trajectory.reference, person.email if person else ""
        if task.effect_key.startswith("bounce:") and email in self.cast.people:
            self._replace(self.cast.people[email])
        elif task.effect_key.endswith(":problem") and step:
            self._choose_a_date(reference, step, chance)
        elif task.effect_key.endswith(":overdue") and chance.random() < 0.5:
            stage = task.effect_key.split(":")[1]
            self._do("close stage", staff_stages.close_stage, reference, stage)
        elif step and step.key == "partner-gekozen":
            self._welcome(reference, "partner", chance.choice(self.cast.partners))
        elif step and step.key == "voorschool-gevraagd" and chance.random() < 0.4:
            self._welcome(reference, "voorschool", self.cast.join(self.world.seed, "voorschool.example"))
        self._try(
            "finish task",
            lambda: staff.finish_task(self.world.store, self.world.settings, number, now=self.world.now),
        )

    def _welcome(self, reference: str, role: str, actor: Actor) -> None:
        self._do("join", hand_over, reference, role, name=actor.name, email=actor.email)

    def _choose_a_date(self, reference: str, step: StepRow, chance: Random) -> None:
        self._move(
            reference, step, self._afternoon(self.world.today() + timedelta(days=chance.randrange(15, 40)))
        )

    def _afternoon(self, day: date) -> datetime:
        while not self.world.calendar.is_school_day(day):
            day += timedelta(days=1)
        return self.world.calendar.local(day, time(13, 30))

    def _move(self, reference: str, step: StepRow, to: datetime) -> None:
        self.moved.add(step.id or 0)
        self._do("move", staff_steps.move_step, reference, step.key, step.cycle, to=to)

    def _do(
        self, doing: str, action: Callable[..., object], reference: str, /, *what: str, **more: object
    ) -> bool:
        world = self.world
        return self._try(
            doing, lambda: action(world.store, world.settings, reference, *what, now=world.now, **more)
        )

    # What nobody planned

    def _intervene(self, habit: str, reference: str, chance: Random) -> None:
        with self.world.store.read() as session:
            trajectory = session.exec(select(Trajectory).where(Trajectory.reference == reference)).one()
            if trajectory.state is not TrajectoryState.RUNNING:
                return
            step = self._some_step(session, trajectory, habit, chance)
            query = select(StageRow).where(
                StageRow.trajectory_id == trajectory.id, StageRow.state == StageState.OPEN
            )
            stage = session.exec(query.order_by(col(StageRow.position))).first()
            session.expunge_all()
        match habit:
            case "hold" if step and self._do("hold", staff_steps.hold, reference, step.key, step.cycle):
                at = self.world.office_moment(chance, chance.randrange(2, 25))
                self.world.plan(
                    at, lambda: self._do("release", staff_steps.release, reference, step.key, step.cycle)
                )
            case "move" if step and step.starts_at:
                day = self.world.calendar.to_local(step.starts_at).date() + timedelta(
                    days=chance.choice((7, 14))
                )
                self._move(reference, step, self._afternoon(day))
            case "skip" if step:
                self._do("skip", staff_steps.skip, reference, step.key, step.cycle)
            case "pause" if self._do("pause", staff.pause, reference):
                at = self.world.office_moment(chance, chance.randrange(10, 70))
                self.world.plan(at, lambda: self._do("resume", staff.resume, reference))
            case "close_stage" if stage:
                self._do("close stage", staff_stages.close_stage, reference, stage.key)
            case "move_stage" if stage:
                ends_on = max(stage.ends_on, self.world.today()) + timedelta(days=chance.randrange(7, 30))
                self._do("move stage", staff_stages.move_stage, reference, stage.key, ends_on=ends_on)
            case "cancel" if self._stopped < len(self.cast.schools) // 10 and self._do(
                "cancel", staff.cancel, reference
            ):
                self._stopped += 1
            case _:
                pass

    def _some_step(
        self, session: Session, trajectory: Trajectory, habit: str, chance: Random
    ) -> StepRow | None:
        """A step of the coming weeks: to move, a gathering people know of; else one that is still planned."""
        state = StepState.OPEN if habit == "move" else StepState.PLANNED
        moment = col(StepRow.starts_at) if habit == "move" else col(StepRow.due_at)
        query = select(StepRow).where(
            StepRow.trajectory_id == trajectory.id,
            StepRow.state == state,
            moment > self.world.now + timedelta(days=1),
            moment < self.world.now + timedelta(days=60),
            col(StepRow.kind) != StepKind.EVALUATION,  # that every school is asked is what is proved
        )
        if habit == "move":
            query = query.where(StepRow.kind == StepKind.GATHERING)
        found = list(session.exec(query.order_by(col(StepRow.id))))
        return chance.choice(found) if found else None
