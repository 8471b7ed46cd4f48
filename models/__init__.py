"""The tables, one noun a file. No session, no clock."""

from models.evaluation import AccessToken, EvaluationRequest, EvaluationResponse, EvaluationRound
from models.event import Event
from models.feed import Feed
from models.gathering import Gathering, Invitation
from models.inbox import Arrival
from models.mailbox import Mailbox
from models.message import Message, MessageContent, NudgedInvitation
from models.organisation import DayOff, Location, Organisation, QuietPeriod, School
from models.person import Alias, BusyTime, Person, RoleHolder
from models.programme import ProgrammeVersion
from models.trajectory import StageRow, StepRow, Task, Trajectory

__all__ = [
    "AccessToken",
    "Alias",
    "Arrival",
    "BusyTime",
    "DayOff",
    "EvaluationRequest",
    "EvaluationResponse",
    "EvaluationRound",
    "Event",
    "Feed",
    "Gathering",
    "Invitation",
    "Location",
    "Mailbox",
    "Message",
    "MessageContent",
    "NudgedInvitation",
    "Organisation",
    "Person",
    "ProgrammeVersion",
    "QuietPeriod",
    "RoleHolder",
    "School",
    "StageRow",
    "StepRow",
    "Task",
    "Trajectory",
]
