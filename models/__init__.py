"""The tables, one noun a file. No session, no clock."""

from models.evaluation import AccessToken, EvaluationRequest, EvaluationResponse, EvaluationRound
from models.event import Event
from models.gathering import Gathering, Invitation
from models.inbox import Arrival
from models.message import Message, MessageContent
from models.organisation import DayOff, Organisation, School
from models.person import Person, RoleHolder
from models.programme import ProgrammeVersion
from models.trajectory import StageRow, StepRow, Task, Trajectory

__all__ = [
    "AccessToken",
    "Arrival",
    "DayOff",
    "EvaluationRequest",
    "EvaluationResponse",
    "EvaluationRound",
    "Event",
    "Gathering",
    "Invitation",
    "Message",
    "MessageContent",
    "Organisation",
    "Person",
    "ProgrammeVersion",
    "RoleHolder",
    "School",
    "StageRow",
    "StepRow",
    "Task",
    "Trajectory",
]
