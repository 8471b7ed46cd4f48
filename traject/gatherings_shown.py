"""What staff see of gatherings: when and where, who comes, who has not said, and whom no mail reaches."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from models import Gathering, Invitation, Organisation, Person, Trajectory
from models.enums import AddressState, GatheringState, PartStat
from traject.dossier import row_id
from traject.errors import Refused


@dataclass(frozen=True, slots=True)
class Guest:
    """One person's place at a gathering."""

    person: Person
    invitation: Invitation

    @property
    def is_waiting(self) -> bool:
        """Whether they said yes and there is no place for them yet."""
        return self.invitation.waiting_since is not None

    @property
    def is_reachable(self) -> bool:
        """Whether mail to this person arrives."""
        return self.person.address_state is not AddressState.BOUNCED

    @property
    def proposes(self) -> bool:
        """Whether another time they proposed waits for staff."""
        return self.invitation.proposed_starts_at is not None


@dataclass(frozen=True, slots=True)
class Shown:
    """One gathering with everybody who is or was invited."""

    gathering: Gathering
    reference: str
    name: str  # of the school or the group
    guests: tuple[Guest, ...]

    @property
    def invited(self) -> tuple[Guest, ...]:
        """Those whose invitation holds."""
        return tuple(guest for guest in self.guests if not guest.invitation.is_cancelled)

    def count(self, partstat: PartStat) -> int:
        """How many answered so; who waits for a place has none yet."""
        return sum(guest.invitation.partstat is partstat and not guest.is_waiting for guest in self.invited)

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return sum(guest.is_waiting for guest in self.invited)

    @property
    def proposals(self) -> int:
        """How many proposed another time."""
        return sum(guest.proposes for guest in self.invited)

    @property
    def unreachable(self) -> int:
        """To how many no mail arrives."""
        return sum(not guest.is_reachable for guest in self.invited)


_EVERY = (
    select(Gathering, Trajectory, Organisation)
    .join(Trajectory, col(Trajectory.id) == col(Gathering.trajectory_id))
    .outerjoin(Organisation, col(Organisation.id) == col(Trajectory.organisation_id))
)


def to_come(
    session: Session, now: datetime, *, trajectory_id: int | None = None, days: int | None = None
) -> list[Shown]:
    """The gatherings that are still to be, in order of time; of one trajectory, within so many days."""
    query = _EVERY.where(Gathering.state == GatheringState.FIXED, col(Gathering.ends_at) > now)
    if trajectory_id is not None:
        query = query.where(Gathering.trajectory_id == trajectory_id)
    if days is not None:
        query = query.where(col(Gathering.starts_at) <= now + timedelta(days=days))
    return _with_guests(session, session.exec(query.order_by(col(Gathering.starts_at), col(Gathering.id))))


def one(session: Session, number: int) -> Shown:
    """One gathering, whatever its state. Refused when there is none with this number."""
    found = _with_guests(session, session.exec(_EVERY.where(Gathering.id == number)))
    if not found:
        raise unknown(number)
    return found[0]


def unknown(number: int) -> Refused:
    """There is no gathering with this number."""
    return Refused(
        f"bijeenkomst {number} bestaat niet; `traject gatherings list` toont de nummers",
        f"there is no gathering {number}; `traject gatherings list` shows the numbers",
    )


def _with_guests(
    session: Session, rows: Iterable[tuple[Gathering, Trajectory, Organisation | None]]
) -> list[Shown]:
    found = list(rows)
    guests: dict[int, list[Guest]] = defaultdict(list)
    query = (
        select(Invitation, Person)
        .join(Person, col(Person.id) == col(Invitation.person_id))
        .where(col(Invitation.gathering_id).in_([row_id(gathering) for gathering, _, _ in found]))
        .order_by(col(Invitation.id))
    )
    for invitation, person in session.exec(query):
        guests[invitation.gathering_id].append(Guest(person, invitation))
    return [
        Shown(
            gathering,
            trajectory.reference,
            organisation.name if organisation else trajectory.group_name,
            tuple(guests[row_id(gathering)]),
        )
        for gathering, trajectory, organisation in found
    ]
