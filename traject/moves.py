"""What can happen to a trajectory: the moves that `traject.decide` gives and `traject.advance` applies."""

from dataclasses import dataclass

from models.enums import StepState
from traject.programme import Condition


@dataclass(frozen=True, slots=True)
class OpenStage:
    """The stage begins."""

    key: str


@dataclass(frozen=True, slots=True)
class CloseStage:
    """The stage is over and its guard holds."""

    key: str


@dataclass(frozen=True, slots=True)
class StageOverdue:
    """The stage is over and its guard does not hold; `missing` is what stands in the way."""

    key: str
    missing: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Finish:
    """Every stage is closed and nothing that people were asked for is still open."""


@dataclass(frozen=True, slots=True)
class Fire:
    """A step is due: send, ask, invite or assign."""

    key: str
    cycle: str


@dataclass(frozen=True, slots=True)
class Settle:
    """A step ends without being fired, or an open one ends: its new state, and why."""

    key: str
    cycle: str
    state: StepState
    note: str = ""


@dataclass(frozen=True, slots=True)
class FillPlaces:
    """A place at a gathering is to be offered, or an offer is over."""

    gathering: int


Move = OpenStage | CloseStage | StageOverdue | Finish | Fire | Settle | FillPlaces
