"""A mail to oneself, to see whether real mail arrives: every header as in real mail, over the real way out."""

import secrets
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from sqlmodel import Session

from calendars.invitation import Attendee, CalendarEvent, cancel, request
from models import Message, MessageContent
from models.enums import MessageKind
from traject import outbox
from traject.addresses import person_problem
from traject.compose import compose
from traject.dossier import calendar_for, row_id
from traject.errors import Refused
from traject.mail_bytes import CalendarPart, Head
from traject.mail_contexts import GatheringContext, MailContext, NoticeContext
from traject.settings import Settings

KEY = "trial:"
LASTS = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial to one address, in one language."""

    session: Session
    settings: Settings
    email: str
    language: str
    now: datetime

    def notice(self) -> int:
        """Queue a plain mail; gives the message's id. Refused when the address cannot be mailed."""
        tag = secrets.token_hex(10)
        context = NoticeContext(**self._common(), title=self._say("Proefmail", "Test mail"))
        return self._queue(MessageKind.NOTICE, KEY + tag, tag, context)

    def invitation(self) -> int:
        """Queue an invitation for the next school day, 13:30; `cancel` takes it out of the calendar again."""
        tag = secrets.token_hex(10)
        calendar = calendar_for((), self.settings.timezone)
        day = calendar.next_working_day(calendar.to_local(self.now).date() + timedelta(days=1))
        starts_at = calendar.local(day, time(13, 30))
        event = self._event(tag, starts_at, sequence=0)
        part = CalendarPart("REQUEST", request(event, self._attendee()))
        context = self._gathering(starts_at, answer_url=self.settings.base_url)
        return self._queue(MessageKind.INVITATION, KEY + tag, tag, context, part, expires_at=starts_at)

    def cancel(self, number: int) -> int:
        """Queue the cancellation of a trial invitation, by its message's id. Refused when there is none."""
        sent = self.session.get(Message, number)
        is_trial = sent is not None and sent.effect_key.startswith(KEY)
        if sent is None or not is_trial or sent.kind is not MessageKind.INVITATION or sent.expires_at is None:
            raise Refused(
                f"mail {number} is geen proefuitnodiging; `traject mail test ADRES --invitation` noemt het nummer",
                f"mail {number} is no trial invitation; `traject mail test ADDRESS --invitation` names its number",
            )
        tag = sent.effect_key.removeprefix(KEY)
        if sent.to_email != self.email:
            raise Refused(
                f"mail {number} ging naar {sent.to_email}; geef dat adres",
                f"mail {number} went to {sent.to_email}; give that address",
            )
        event = self._event(tag, sent.expires_at, sequence=1)
        part = CalendarPart("CANCEL", cancel(event, self._attendee()))
        context = self._gathering(sent.expires_at)
        key = f"{sent.effect_key}:cancel:{secrets.token_hex(4)}"
        return self._queue(
            MessageKind.CANCELLATION, key, tag, context, part, tag_of_mail=secrets.token_hex(10)
        )

    def _queue(
        self,
        kind: MessageKind,
        key: str,
        tag: str,
        context: MailContext,
        calendar: CalendarPart | None = None,
        *,
        tag_of_mail: str = "",
        expires_at: datetime | None = None,
    ) -> int:
        if problem := person_problem("", self.email):
            raise Refused(problem.nl, problem.en)
        name, sender = self.settings.sender
        own = tag_of_mail or tag
        head = Head(
            message_id=f"<{own}@{sender.partition('@')[2]}>",
            date=self.now,
            from_name=name,
            from_email=sender,
            to_name=self._name,
            to_email=self.email,
            reply_to=self._tagged(tag),
        )
        composed = compose(kind, self.language, context, head, calendar=calendar)
        message = Message(
            effect_key=key,
            kind=kind,
            to_email=self.email,
            return_path=self._tagged(f"b-{own}"),
            message_id=head.message_id,
            subject=composed.subject,
            content=MessageContent(data=composed.data),
            queued_at=self.now,
            expires_at=expires_at,
        )
        outbox.queue(self.session, message)
        return row_id(outbox.find(self.session, key))

    def _event(self, tag: str, starts_at: datetime, *, sequence: int) -> CalendarEvent:
        name, sender = self.settings.sender
        return CalendarEvent(
            uid=f"trial-{tag}@{sender.partition('@')[2]}",
            sequence=sequence,
            dtstamp=self.now.replace(microsecond=0),
            starts_at=starts_at,
            ends_at=starts_at + LASTS,
            timezone=self.settings.timezone,
            summary=self._title,
            organizer_name=name or sender,
            organizer_email=self._tagged(tag),
        )

    def _gathering(self, starts_at: datetime, answer_url: str = "") -> GatheringContext:
        return GatheringContext(
            **self._common(),
            title=self._title,
            starts_at=starts_at,
            ends_at=starts_at + LASTS,
            timezone=self.settings.timezone,
            answer_url=answer_url,
        )

    def _common(self) -> dict[str, Any]:
        name, sender = self.settings.sender
        return {
            "person_name": self._name,
            "organisation_name": self._say("een proef van Hart", "a trial of Hart"),
            "trajectory_title": self._say("de proef of mail aankomt", "the trial whether mail arrives"),
            "programme_title": self._title,
            "adviser_name": name or sender,
            "adviser_email": sender,
            "base_url": self.settings.base_url,
            "privacy_url": f"{self.settings.base_url}/privacy",
            "text": self._say(
                "Niemand anders krijgt deze mail. Antwoord erop om te zien of antwoorden terugkomen.",
                "Nobody else gets this mail. Reply to it to see whether answers come back.",
            ),
        }

    def _attendee(self) -> Attendee:
        return Attendee(self._name, self.email)

    @property
    def _name(self) -> str:
        return self.email.partition("@")[0]

    @property
    def _title(self) -> str:
        return self._say("Proefbijeenkomst", "Test meeting")

    def _say(self, dutch: str, english: str) -> str:
        return english if self.language == "en" else dutch

    def _tagged(self, tag: str) -> str:
        local, _, domain = self.settings.sender[1].partition("@")
        return f"{local}+{tag}@{domain}"
