"""A calendar as RFC 5546 wants it: what it shows of one event after the mails it got, in any order, some of them twice."""

from datetime import UTC, datetime

from calendars.invitation import CalendarEvent, Method
from calendars.sent import sent_in
from models.enums import PartStat

_NEVER = (-1, datetime.min.replace(tzinfo=UTC))


class CalendarClient:
    """One person's calendar."""

    def __init__(self) -> None:
        self.shown: CalendarEvent | None = None
        self.partstat = PartStat.NEEDS_ACTION
        self.version = _NEVER

    def receive(self, mail: bytes) -> None:
        """Take an invitation or a cancellation; what is older than what it knows changes nothing (§2.1.5).

        A cancellation, and an invitation after one, must have a higher SEQUENCE.
        """
        sent = sent_in(mail)
        version = sent.event.sequence, sent.event.dtstamp
        turns = (sent.method is Method.CANCEL) == (self.shown is not None)
        if version < self.version or (turns and sent.event.sequence == self.version[0]):
            return
        asks_again = self.shown is None or sent.event.sequence > self.version[0]
        self.version = version
        if sent.method is Method.CANCEL:
            self.shown, self.partstat = None, PartStat.NEEDS_ACTION
            return
        self.shown = sent.event
        if asks_again or self.partstat is PartStat.NEEDS_ACTION:
            self.partstat = sent.attendee.partstat
