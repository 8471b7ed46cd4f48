"""The facts of a trajectory, laid out by what they are about. The order in which they came does not matter."""

from collections.abc import Iterable
from datetime import datetime

from traject.plan import (
    Busy,
    EvaluationAsked,
    Fact,
    GatheringFixed,
    GatheringProposed,
    Offered,
    PlaceTaken,
    SchoolClosed,
    SchoolHours,
    StageClosed,
    StageMoved,
    StageOpened,
    StepDropped,
    StepHappened,
    StepMoved,
)

StepId = tuple[str, str]
Slot = tuple[datetime, datetime]


class Known:
    """What is known of each stage and step. Of two facts about the same, the later counts."""

    def __init__(self, happened: Iterable[Fact]) -> None:
        self.opened: dict[str, datetime] = {}
        self.closed: dict[str, datetime] = {}
        self.moved_stages: dict[str, StageMoved] = {}
        self.happened: dict[StepId, datetime] = {}
        self.asked: dict[StepId, Slot] = {}  # when, and until when
        self.dropped: dict[StepId, datetime] = {}
        self.moved: dict[StepId, datetime] = {}
        self.invited: dict[StepId, datetime] = {}
        self.fixed: dict[StepId, Slot] = {}
        self.proposed: dict[StepId, Slot] = {}
        self.busy: list[Busy] = []
        self.closed_schools: list[SchoolClosed] = []
        self.school_hours: list[SchoolHours] = []
        self.places_taken: list[PlaceTaken] = []
        self.offered: dict[str, list[Offered]] = {}  # by theme, the earliest first
        for fact in happened:
            self._add(fact)
        for offers in self.offered.values():
            offers.sort(key=lambda offer: (offer.starts_at, offer.ends_at, offer.title))
        for stage, at in list(self.closed.items()):  # reopened since
            if self.opened.get(stage, at) > at:
                del self.closed[stage]

    def _add(self, fact: Fact) -> None:
        match fact:
            case StageOpened(stage, at):
                self.opened[stage] = max(at, self.opened.get(stage, at))
            case StageClosed(stage, at):
                self.closed[stage] = max(at, self.closed.get(stage, at))
            case StageMoved(stage):
                self.moved_stages[stage] = max(fact, self.moved_stages.get(stage, fact), key=repr)
            case StepHappened(key, cycle, at):
                self.happened[key, cycle] = max(at, self.happened.get((key, cycle), at))
            case StepMoved(key, cycle, to):
                self.moved[key, cycle] = max(to, self.moved.get((key, cycle), to))
            case StepDropped(key, cycle, at):
                self.dropped[key, cycle] = max(at, self.dropped.get((key, cycle), at))
            case EvaluationAsked(key, cycle, at, closes_at):
                slot = (at, closes_at)
                self.asked[key, cycle] = max(slot, self.asked.get((key, cycle), slot))
                self.happened[key, cycle] = self.asked[key, cycle][0]
            case GatheringFixed(key, cycle, starts_at, ends_at, invited_at):
                slot = (starts_at, ends_at)
                if invited_at:
                    self.invited[key, cycle] = max(invited_at, self.invited.get((key, cycle), invited_at))
                self.fixed[key, cycle] = max(slot, self.fixed.get((key, cycle), slot))
            case GatheringProposed(key, cycle, starts_at, ends_at):
                slot = (starts_at, ends_at)
                self.proposed[key, cycle] = max(slot, self.proposed.get((key, cycle), slot))
            case Busy():
                self.busy.append(fact)
            case SchoolClosed():
                self.closed_schools.append(fact)
            case SchoolHours():
                self.school_hours.append(fact)
            case PlaceTaken():
                self.places_taken.append(fact)
            case Offered(theme):
                self.offered.setdefault(theme, []).append(fact)
