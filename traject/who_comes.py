"""Who of a trajectory comes to its gatherings: to its own, and to those elsewhere that its people joined by a theme."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from models import Gathering, Invitation, Person
from models.enums import GatheringState
from traject.dossier import Dossier, StepId, row_id
from traject.guests import Said, answer_of


@dataclass(frozen=True, slots=True)
class Answered:
    """What one person said of one gathering; `is_elsewhere`: another trajectory holds it."""

    step: StepId
    person: Person
    said: Said
    is_elsewhere: bool


def who_comes(session: Session, dossier: Dossier) -> list[Answered]:
    """What everybody said who is invited for a step of this trajectory, to gatherings that are on; by step and name.

    To its own gatherings also people of other trajectories come, by the theme: they are counted here as well.
    """
    names = {row_id(row): name for name, row in dossier.steps.items()}
    joined = {row.joins: name for name, row in dossier.steps.items() if row.joins is not None}
    elsewhere = (
        select(Invitation, Person)
        .join(Gathering, col(Gathering.id) == col(Invitation.gathering_id))
        .join(Person, col(Person.id) == col(Invitation.person_id))
        .where(col(Gathering.id).in_(joined), Gathering.state == GatheringState.FIXED)
    )
    found: list[tuple[StepId, Invitation, Person, bool]] = []
    for place, person in session.exec(elsewhere) if joined else ():
        step = joined[place.gathering_id]
        theirs = {each.id for _, each in dossier.people(dossier.programme.step(step[0]).to)}
        if person.id in theirs:  # also who was invited for another school where they work
            found.append((step, place, person, True))
    for gathering in dossier.gatherings.values():
        if gathering.state is GatheringState.FIXED:
            places = dossier.invitations[row_id(gathering)]
            found += [(names[gathering.step_id], place, person, False) for place, person in places]
    answers = [
        Answered(step, person, answer_of(place), is_elsewhere)
        for step, place, person, is_elsewhere in found
        if not place.is_cancelled
    ]
    return sorted(answers, key=lambda each: (each.step, each.person.name.casefold(), each.person.email))


def by_answer(answers: Sequence[Answered]) -> dict[Said, list[Answered]]:
    """The same by what was said, in the order in which staff read it; what nobody said is left out."""
    return {said: of for said in Said if (of := [each for each in answers if each.said is said])}
