"""Who has a place at a gathering that not everybody can come to, who waits, and how long an offer is kept. Pure.

First come, first served. Who is required has a place whatever the capacity, and takes none of it. A place that comes
free is offered to who waits longest, and kept for three working days, but never later than a day before the start.
When that would leave less than a day to answer, everybody who waits hears it, and the first who says yes has it.
"""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from enum import StrEnum

from calendars.school_year import SchoolCalendar
from models import Gathering, Invitation
from models.enums import PartStat

OFFER_LASTS = 3
"""Working days."""
DAY = timedelta(days=1)
OFFER_ENDS = time(17)


class Standing(StrEnum):
    """Where somebody stands at a gathering."""

    ASKED = "asked"  # has not answered, may come, or does not
    PLACE = "place"  # said yes, and has a place
    WAITING = "waiting"  # said yes when it was full
    OFFERED = "offered"  # waited, and is asked to take a place


def standing(invitation: Invitation) -> Standing:
    """Where this person stands, by the invitation alone."""
    if invitation.is_cancelled:
        return Standing.ASKED
    if invitation.offered_until is not None:
        return Standing.OFFERED
    if invitation.partstat is not PartStat.ACCEPTED:
        return Standing.ASKED
    return Standing.PLACE if invitation.waiting_since is None else Standing.WAITING


LABELS: dict[Standing, str] = {Standing.WAITING: "Wachtlijst: ", Standing.OFFERED: "Plek vrij: "}
"""How a calendar names a gathering at which somebody has no place yet. It is STATUS:TENTATIVE too, but Google and Outlook
show their own state of an invitation and not that of the event, and the title everywhere."""


def taken(invitations: Iterable[Invitation]) -> int:
    """How many places are taken: by who comes and is not required."""
    return sum(standing(each) is Standing.PLACE and not each.is_required for each in invitations)


def is_kept(gathering: Gathering, invitation: Invitation) -> bool:
    """Whether a place is kept for this person alone, and not open to whoever is first."""
    return invitation.offered_until is not None and invitation.offered_until < gathering.starts_at


def free(gathering: Gathering, invitations: Iterable[Invitation]) -> int | None:
    """How many places are neither taken nor kept; None: as many as come."""
    if gathering.capacity is None:
        return None
    known = list(invitations)
    return max(0, gathering.capacity - taken(known) - sum(is_kept(gathering, each) for each in known))


def waiting_list(gathering: Gathering, invitations: Iterable[Invitation]) -> list[Invitation]:
    """Who waits and has no place kept, in the order in which they said yes."""
    waiting = [
        each
        for each in invitations
        if standing(each) in (Standing.WAITING, Standing.OFFERED) and not is_kept(gathering, each)
    ]
    return sorted(waiting, key=lambda each: (each.waiting_since or gathering.starts_at, each.id or 0))


def position(gathering: Gathering, invitations: Iterable[Invitation], invitation: Invitation) -> int:
    """The place on the waiting list, counted from 1; 0: not on it."""
    ids = [each.id for each in waiting_list(gathering, invitations)]
    return ids.index(invitation.id) + 1 if invitation.id in ids else 0


def is_first_come(starts_at: datetime, now: datetime) -> bool:
    """Whether it is too late to keep a place for one person: less than a day would be left to answer."""
    return starts_at - now < 2 * DAY


def has_place_for_newcomer(gathering: Gathering, invitations: Iterable[Invitation], at: datetime) -> bool:
    """Whether who says yes at this instant has a place, or joins the list behind those who wait for what is free."""
    known = list(invitations)
    left = free(gathering, known)
    if left is None:
        return True
    ahead = 0 if is_first_come(gathering.starts_at, at) else len(waiting_list(gathering, known))
    return left > ahead


def to_lapse(gathering: Gathering, invitations: Iterable[Invitation], at: datetime) -> list[Invitation]:
    """Whose offer is over."""
    kept = (each for each in invitations if is_kept(gathering, each))
    return [each for each in kept if each.offered_until and each.offered_until <= at]


def to_close(gathering: Gathering, invitations: Iterable[Invitation]) -> list[Invitation]:
    """Who was told that the first to say yes has the place, when somebody was first."""
    known = list(invitations)
    is_open = (each for each in known if standing(each) is Standing.OFFERED and not is_kept(gathering, each))
    return [] if free(gathering, known) else list(is_open)


def to_offer(gathering: Gathering, invitations: Iterable[Invitation], told_at: datetime) -> list[Invitation]:
    """Who is offered a place that is free: as many as there are places, but in the last days everybody who waits."""
    known = list(invitations)
    left = free(gathering, known) or 0
    waiting = [each for each in waiting_list(gathering, known) if each.offered_until is None]
    if is_first_come(gathering.starts_at, told_at):
        return waiting if left else []
    return waiting[:left]


def is_unsettled(
    gathering: Gathering, invitations: Iterable[Invitation], now: datetime, told_at: datetime
) -> bool:
    """Whether a place is to be passed on, taken back or offered. `told_at`: when a mail of now goes out."""
    if gathering.capacity is None or gathering.starts_at <= told_at:
        return False
    known = list(invitations)
    return bool(
        to_lapse(gathering, known, now) or to_close(gathering, known) or to_offer(gathering, known, told_at)
    )


def offer_until(calendar: SchoolCalendar, starts_at: datetime, told_at: datetime) -> datetime:
    """Until when an offer that is told at this instant is kept; the start itself: it is open to whoever is first."""
    if is_first_come(starts_at, told_at):
        return starts_at
    day = calendar.to_local(told_at).date()
    for _ in range(OFFER_LASTS):
        day = calendar.next_working_day(day + DAY)
    return min(calendar.local(day, OFFER_ENDS), starts_at - DAY)
