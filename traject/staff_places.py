"""What staff decide about the places at a gathering: how many there are."""

from datetime import datetime

from models import Gathering, Trajectory
from models.enums import GatheringState
from traject.errors import Refused
from traject.gatherings import Gatherings
from traject.settings import Settings
from traject.staff_action import StaffResult, action
from traject.store import Store
from traject.waiting import Standing, is_kept, standing, taken, waiting_list


def set_capacity(
    store: Store, settings: Settings, number: int, *, capacity: int, now: datetime, dry_run: bool = False
) -> StaffResult:
    """Say how many places a gathering has, for those who need not come. Who has a place keeps it.

    What comes free is offered to who waits. Refused when fewer than are taken or promised.
    """
    with store.read() as session:
        found = session.get(Gathering, number)
        trajectory = session.get(Trajectory, found.trajectory_id) if found else None
    if trajectory is None:
        message = f"bijeenkomst {number} bestaat niet; `traject gatherings list` toont de nummers"
        raise Refused(message)
    result = StaffResult(trajectory.reference)
    with action(store, settings, trajectory.reference, now, result, dry_run=dry_run) as work:
        gathering = next(each for each in work.dossier.gatherings.values() if each.id == number)
        if gathering.state is not GatheringState.FIXED or gathering.starts_at <= now:
            message = f"‘{gathering.title}’ is al begonnen of gaat niet door; het aantal plekken doet er niet meer toe"
            raise Refused(message)
        if gathering.capacity is None:
            Gatherings(work.effects).require_by_role(gathering)
        invited = [invitation for invitation, _ in work.dossier.invitations.get(number, [])]
        has, kept = taken(invited), sum(is_kept(gathering, each) for each in invited)
        if capacity < has + kept:
            promised = f" en {_people(kept)} een plek aangeboden gekregen" if kept else ""
            message = (
                f"voor ‘{gathering.title}’ {'heeft' if has == 1 else 'hebben'} {_people(has)} al een plek{promised}; "
                f"wie een plek heeft, houdt die. Kies {has + kept} of meer, of trek eerst uitnodigingen in"
            )
            raise Refused(message)
        gathering.capacity = capacity
        work.effects.event("gathering.capacity-set", actor="staff", gathering=number, capacity=capacity)
        waits = len(waiting_list(gathering, invited))
        required = sum(standing(each) is Standing.PLACE and each.is_required for each in invited)
        work.sentence = (
            f"‘{gathering.title}’ heeft {capacity} {'plek' if capacity == 1 else 'plekken'}: {has + kept} bezet"
            f"{f', {waits} op de wachtlijst' if waits else ''}"
            f"{f'; {_people(required)} die erbij moeten zijn tellen niet mee' if required else ''}."
        )
    return result


def _people(count: int) -> str:
    return "1 persoon" if count == 1 else f"{count} mensen"
