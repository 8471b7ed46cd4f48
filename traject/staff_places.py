"""What staff decide about the places at a gathering: how many there are."""

from datetime import datetime

from traject.errors import Refused
from traject.gatherings import Gatherings
from traject.settings import Settings
from traject.staff_action import DryRun, StaffResult
from traject.staff_gatherings import on_gathering, refuse_begun
from traject.store import Store
from traject.waiting import Standing, is_kept, standing, taken, waiting_list


def set_capacity(
    store: Store, settings: Settings, number: int, *, capacity: int, now: datetime, dry_run: bool = False
) -> StaffResult:
    """Say how many places a gathering has, for those who need not come. Who has a place keeps it.

    What comes free is offered to who waits. Refused when fewer than are taken or promised.
    """
    with on_gathering(store, settings, number, now, dry_run=dry_run) as (work, gathering, result):
        refuse_begun(gathering, now)
        if gathering.capacity is None:
            Gatherings(work.effects).require_by_role(gathering)
        invited = [invitation for invitation, _ in work.dossier.invitations[number]]
        has, kept = taken(invited), sum(is_kept(gathering, each) for each in invited)
        if capacity < has + kept:
            kregen = f" en {_count(kept, 'persoon kreeg', 'mensen kregen')} er een aangeboden" if kept else ""
            were = f" and {_count(kept, 'person was', 'people were')} offered one" if kept else ""
            raise Refused(
                f"{_count(has, 'persoon heeft', 'mensen hebben')} al een plek bij ‘{gathering.title}’{kregen}; "
                f"wie een plek heeft, houdt die. Kies {has + kept} of meer, of trek eerst uitnodigingen in",
                f"{_count(has, 'person has', 'people have')} a place at '{gathering.title}' already{were}; "
                f"who has a place keeps it. Choose {has + kept} or more, or withdraw invitations first",
            )
        if gathering.capacity == capacity:
            result.sentence = (
                f"‘{gathering.title}’ heeft al {_count(capacity, 'plek', 'plekken')}; er verandert niets."
            )
            result.english = (
                f"'{gathering.title}' has {_count(capacity, 'place', 'places')} already; nothing changes."
            )
            result.is_nothing = True
            raise DryRun
        gathering.capacity = capacity
        work.effects.event("gathering.capacity-set", actor="staff", gathering=number, capacity=capacity)
        waits = len(waiting_list(gathering, invited))
        required = sum(standing(each) is Standing.PLACE and each.is_required for each in invited)
        wachten, wait = (
            f", {waits} {words}" if waits else "" for words in ("op de wachtlijst", "on the waiting list")
        )
        moeten, must = "", ""
        if required:
            moeten = f"; {_count(required, 'persoon die erbij moet zijn telt', 'mensen die erbij moeten zijn tellen')} niet mee"
            must = f"; {_count(required, 'person who must come takes', 'people who must come take')} none"
        work.say(
            f"‘{gathering.title}’ heeft {_count(capacity, 'plek', 'plekken')}: {has + kept} bezet{wachten}{moeten}.",
            f"'{gathering.title}' has {_count(capacity, 'place', 'places')}: {has + kept} taken{wait}{must}.",
        )
    return result


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
