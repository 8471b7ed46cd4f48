"""Staff say for how many people a place is, and see which gatherings that moves."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from models import Location
from traject.calendar_changes import follow_calendar
from traject.errors import Refused
from traject.settings import Settings
from traject.staff_action import StaffResult, changing
from traject.store import Store


@dataclass(frozen=True, slots=True)
class LocationResult:
    """What a change did, or with a dry run would do. `seats` None: there is room for everybody."""

    name: str
    before: int | None
    seats: int | None
    trajectories: tuple[StaffResult, ...]


def locations(session: Session) -> list[Location]:
    """The places of which it is known how many people they are for, by name."""
    return list(session.exec(select(Location).order_by(col(Location.name))))


def set_seats(
    store: Store, settings: Settings, name: str, seats: int | None, *, now: datetime, dry_run: bool = False
) -> LocationResult:
    """Say for how many people a place is (None: no longer known); what nobody knows of yet is planned again.

    `name` is the place as programmes write it. Refused without a name, and for less than one person.
    """
    name = " ".join(name.split())
    if not name:
        raise Refused(
            "noem de plek zoals die in het programma staat", "name the place as the programme writes it"
        )
    if seats is not None and seats < 1:
        raise Refused(
            f"‘{name}’ heeft plaats voor minstens één persoon; haal een plek weg met --remove",
            f"‘{name}’ holds at least one person; remove a place with --remove",
        )
    with changing(store, dry_run=dry_run) as session:
        row = session.exec(select(Location).where(Location.name == name)).first()
        before = row.seats if row else None
        if seats is None:
            if row is None:
                raise Refused(
                    f"van ‘{name}’ is geen aantal plaatsen bekend; `traject locations list` toont de plekken",
                    f"it is not known how many ‘{name}’ holds; `traject locations list` shows the places",
                )
            session.delete(row)
        elif row is None:
            session.add(Location(name=name, seats=seats))
        else:
            row.seats = seats
        session.flush()
        followed = follow_calendar(session, settings, now) if seats != before else []
        moved = tuple(one for one in followed if one.changes.steps or one.mails)
        return LocationResult(name, before, seats, moved)
