"""How a calendar feed shows a gathering: how sure it is, whether it takes the reader's time, and what is said with it."""

from dataclasses import dataclass, replace

from calendars.feed import FeedEvent
from calendars.invitation import CalendarEvent, Status
from models import Gathering, Invitation
from models.enums import GatheringState, PartStat
from traject.programme import Text
from traject.waiting import LABELS, Standing, standing

_NONE = Text("")


@dataclass(frozen=True, slots=True)
class Shown:
    """One gathering as a feed shows it; `note` comes before its description, `label` before its title."""

    status: Status
    takes_time: bool
    note: Text
    label: Text = _NONE


CALLED_OFF = Text("Vervallen: ", "Cancelled: ")
"""Outlook shows STATUS:CANCELLED as an ordinary event, so the title says it too."""

ELSEWHERE = Shown(Status.CONFIRMED, False, _NONE)
"""In a feed that is not of one person: there to be seen, and nobody's time."""

OFF = Shown(
    Status.CANCELLED,
    False,
    Text("Deze bijeenkomst gaat niet door.", "This meeting does not take place."),
    CALLED_OFF,
)
UNINVITED = Shown(
    Status.CANCELLED,
    False,
    Text(
        "Je bent niet meer uitgenodigd voor deze bijeenkomst.", "You are no longer invited to this meeting."
    ),
    CALLED_OFF,
)

BY_STANDING: dict[Standing, Shown] = {
    Standing.WAITING: Shown(
        Status.TENTATIVE,
        True,
        Text(
            "Je staat op de wachtlijst. Komt er een plek vrij, dan krijg je een mail.",
            "You are on the waiting list. When a place comes free, you will get a mail.",
        ),
        Text(LABELS[Standing.WAITING], "Waiting list: "),
    ),
    Standing.OFFERED: Shown(
        Status.TENTATIVE,
        True,
        Text(
            "Er is een plek voor je vrij. Laat met de knop in de mail weten of je komt.",
            "There is a place for you. Let us know with the button in the mail whether you will come.",
        ),
        Text(LABELS[Standing.OFFERED], "Place free: "),
    ),
}

BY_ANSWER: dict[PartStat, Shown] = {
    PartStat.NEEDS_ACTION: Shown(
        Status.TENTATIVE,
        True,
        Text(
            "Je hebt nog niet geantwoord. Dat kan met de knop in de uitnodiging.",
            "You have not answered yet. You can do so with the button in the invitation.",
        ),
    ),
    PartStat.ACCEPTED: Shown(Status.CONFIRMED, True, Text("Je komt.", "You will come.")),
    PartStat.TENTATIVE: Shown(Status.TENTATIVE, True, Text("Je komt misschien.", "You may come.")),
    PartStat.DECLINED: Shown(
        Status.CONFIRMED, False, Text("Je hebt je afgemeld.", "You said that you cannot come.")
    ),
    PartStat.DELEGATED: Shown(
        Status.CONFIRMED, False, Text("Er komt iemand anders voor je.", "Somebody else comes for you.")
    ),
}


ANSWERS = ("komt", "misschien", "kan niet", "nog geen antwoord", "wachtlijst")
"""What `feed_rows.COUNTED` counts, for staff."""


def shown(gathering: Gathering, invitation: Invitation | None) -> Shown:
    """How a gathering is shown; `invitation`: that of the person whose own feed it is."""
    if gathering.state is GatheringState.CANCELLED:
        return OFF
    if invitation is None:
        return ELSEWHERE
    if invitation.is_cancelled:
        return UNINVITED
    return BY_STANDING.get(standing(invitation), BY_ANSWER[invitation.partstat])


def with_answers(how: Shown, counts: str) -> Shown:
    """With how many gave which answer, as `feed_rows` counts them; nothing when nobody was invited or it is off."""
    found = [f"{what}: {count}" for what, count in zip(ANSWERS, counts.split(), strict=False) if count != "0"]
    return replace(how, note=Text(" · ".join(found).capitalize())) if found and how is ELSEWHERE else how


def told(how: Shown, event: CalendarEvent, language: str) -> FeedEvent:
    """An event of `calendar_event` as its feed shows it, in the reader's language."""
    note, label = how.note.in_language(language), how.label.in_language(language)
    description = "\n\n".join(part for part in (note, event.description) if part)
    shown_event = replace(event, summary=label + event.summary, description=description)
    return FeedEvent(shown_event, how.status, how.takes_time)
