"""The busiest moment that a launch brings: how many mails at once, and how long they take under the rate plan."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from models.enums import StepKind
from traject.launch_check import Prepared
from traject.pacing import look_ahead
from traject.rates import HowLong, domain_of
from traject.settings import Settings


@dataclass(frozen=True, slots=True)
class Busiest:
    """The moment at which most mails are due, and how long they take then."""

    at: datetime
    takes: HowLong


def busiest(
    session: Session, prepared: Iterable[Prepared], settings: Settings, now: datetime
) -> Busiest | None:
    """Of everything that these launches will send by themselves, the moment with the most mails; the first of equals.

    None when nothing is planned to be sent. People who will join later are not counted, and who declines is.
    """
    moments: dict[datetime, Counter[str]] = defaultdict(Counter)
    for one in prepared:
        for step in one.plan.steps if one.plan else ():
            if step.kind is StepKind.TASK or step.due_at is None:
                continue
            people = {given.email.lower() for given in one.request.roles if given.role in step.to}
            moments[step.due_at].update(domain_of(email) for email in people)
    if not any(moments.values()):
        return None
    at = max(moments, key=lambda moment: (moments[moment].total(), -moment.timestamp()))
    return Busiest(at, look_ahead(session, settings, now).how_long(moments[at], at))
