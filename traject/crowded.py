"""When more people are asked than the place of a gathering holds: staff are told, and decide."""

from sqlmodel import Session, col, select

from models import Location
from models.enums import GatheringState
from traject.dossier import Dossier, row_id
from traject.locations import asked_of, invited_to
from traject.programme import Step, Text


def too_small(session: Session, dossier: Dossier, step: Step, cycle: str) -> Text | None:
    """That more people are asked than the place holds, as a sentence: alone there a gathering may all the same."""
    row = dossier.steps.get((step.key, cycle))
    gathering = dossier.gatherings.get(row_id(row)) if row is not None else None
    is_fixed = gathering is not None and gathering.state is GatheringState.FIXED
    place = gathering.place if is_fixed and gathering else step.place.nl if step.place else ""
    seats = session.exec(select(col(Location.seats)).where(Location.name == place)).first()
    if is_fixed and gathering:
        people = gathering.capacity or invited_to(session, gathering)
    else:
        people = step.capacity or asked_of(session, dossier.id, step.to)
    if seats is None or people <= seats:
        return None
    return Text(
        f"Let op: ‘{place}’ is voor {seats} mensen, en hier worden er {people} gevraagd.",
        f"Note: ‘{place}’ holds {seats}, and {people} are asked here.",
    )
