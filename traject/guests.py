"""Who is invited to a gathering, what they said and whether they were there, and who of Hart organises it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlmodel import Session, col, select

from models import (
    Gathering,
    Invitation,
    Organisation,
    Person,
    ProgrammeVersion,
    RoleHolder,
    StepRow,
    Trajectory,
)
from models.enums import PartStat
from traject.dossier import programme_of, row_id
from traject.programme import Programme


class Said(StrEnum):
    """What somebody answered, as the list says it."""

    YES = "yes"
    MAYBE = "maybe"
    NOTHING = "nothing"
    WAITING = "waiting"
    NO = "no"
    UNINVITED = "uninvited"


_WORDS: dict[Said, tuple[str, str]] = {
    Said.YES: ("ja", "yes"),
    Said.MAYBE: ("misschien", "maybe"),
    Said.NOTHING: ("geen antwoord", "no answer"),
    Said.WAITING: ("wachtlijst", "waiting list"),
    Said.NO: ("nee", "no"),
    Said.UNINVITED: ("afgehaald", "taken off"),
}
ON_THE_LIST = frozenset({Said.YES, Said.MAYBE, Said.NOTHING, Said.WAITING})


@dataclass(frozen=True, slots=True)
class Guest:
    """One person and one gathering."""

    invitation_id: int
    name: str
    email: str
    organisation: str
    roles: tuple[str, ...]  # titles
    said: Said
    attended: bool | None


def said_word(said: Said, language: str) -> str:
    """An answer as people say it."""
    return _WORDS[said][language == "en"]


def answer_of(invitation: Invitation) -> Said:
    """What an invitation says of the person who has it."""
    if invitation.is_cancelled:
        return Said.UNINVITED
    if invitation.waiting_since is not None:
        return Said.WAITING
    match invitation.partstat:
        case PartStat.ACCEPTED:
            return Said.YES
        case PartStat.TENTATIVE:
            return Said.MAYBE
        case PartStat.DECLINED | PartStat.DELEGATED:
            return Said.NO
        case PartStat.NEEDS_ACTION:
            return Said.NOTHING


def guests_of(session: Session, gathering: Gathering, language: str) -> list[Guest]:
    """Everybody with an invitation to a gathering, by name, also who declined."""
    query = (
        select(Invitation, Person, Organisation)
        .join(Person, col(Person.id) == col(Invitation.person_id))
        .outerjoin(Organisation, col(Organisation.id) == col(Person.organisation_id))
        .where(Invitation.gathering_id == gathering.id)
    )
    rows = session.exec(query).all()
    roles = _roles(session, gathering, [invitation for invitation, _, _ in rows], language)
    guests = [
        Guest(
            row_id(invitation),
            person.name,
            person.email,
            home.name if home else "",
            tuple(dict.fromkeys(roles[row_id(person)])),
            answer_of(invitation),
            invitation.attended,
        )
        for invitation, person, home in rows
    ]
    return sorted(guests, key=lambda guest: (guest.name.casefold(), guest.email))


def _roles(
    session: Session, gathering: Gathering, invitations: Sequence[Invitation], language: str
) -> dict[int, list[str]]:
    """The roles of people, here and in the trajectories that asked for the theme of a shared gathering."""
    asked = [invitation.step_id for invitation in invitations if invitation.step_id is not None]
    elsewhere = select(StepRow.trajectory_id).where(col(StepRow.id).in_(asked)).distinct()
    trajectories = {gathering.trajectory_id, *(session.exec(elsewhere) if asked else ())}
    query = (
        select(RoleHolder.person_id, RoleHolder.role, ProgrammeVersion)
        .join(Trajectory, col(Trajectory.id) == col(RoleHolder.trajectory_id))
        .join(ProgrammeVersion, col(ProgrammeVersion.id) == col(Trajectory.programme_version_id))
        .where(
            col(RoleHolder.trajectory_id).in_(trajectories),
            col(RoleHolder.person_id).in_([invitation.person_id for invitation in invitations]),
            col(RoleHolder.until).is_(None),
        )
        .order_by(col(RoleHolder.id))
    )
    found: dict[int, list[str]] = defaultdict(list)
    for person_id, role, version in session.exec(query):
        programme = programme_of(version)
        titles = {known.key: known.title.in_language(language) for known in programme.roles}
        found[person_id].append(titles.get(role, role))
    return found


def programme_of_trajectory(session: Session, trajectory_id: int) -> Programme:
    """The programme version that a trajectory follows."""
    version = session.exec(
        select(ProgrammeVersion)
        .join(Trajectory, col(Trajectory.programme_version_id) == col(ProgrammeVersion.id))
        .where(Trajectory.id == trajectory_id)
    ).one()
    return programme_of(version)


def staff_of(session: Session, trajectory_id: int) -> list[Person]:
    """Who works on a trajectory for Hart now, the adviser first."""
    roles = [role.key for role in programme_of_trajectory(session, trajectory_id).roles if role.staff]
    held = (
        select(Person, RoleHolder.role)
        .join(RoleHolder, col(RoleHolder.person_id) == col(Person.id))
        .where(
            RoleHolder.trajectory_id == trajectory_id,
            col(RoleHolder.role).in_(roles),
            col(RoleHolder.until).is_(None),
        )
        .order_by(col(RoleHolder.id))
    )
    found = sorted(session.exec(held), key=lambda pair: roles.index(pair[1]))
    return list({row_id(person): person for person, _ in found}.values())
