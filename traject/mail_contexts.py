"""What each kind of mail must know before it may be written, and what is refused.

A field without a default is required: an empty text, or None, is an error that names it. All fields are keywords.
"""

import re
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from models.enums import MessageKind, PartStat
from traject.waiting import Standing

ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,186}[A-Za-z0-9])?")
"""An address that every mail server takes: ASCII only, so that SMTPUTF8 (RFC 6531) is never needed."""

_LINK = re.compile(
    r"https?://[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]{1,900}"
)  # RFC 3986: no space, quote or <>


class ComposeError(Exception):
    """A mail that cannot be written as asked. `field` is the value at fault, `template` where it was wanted."""

    def __init__(self, kind: str, field: str, template: str, problem: str) -> None:
        self.kind, self.field, self.template, self.problem = kind, field, template, problem
        super().__init__(f"mail '{kind}', field '{field}' (templates/emails/{template}): {problem}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailContext:
    """What every mail knows. `text` is the programme's own paragraph; blank lines in it separate paragraphs."""

    person_name: str
    organisation_name: str  # the school, or the group
    trajectory_title: str
    programme_title: str
    adviser_name: str
    adviser_email: str
    base_url: str
    privacy_url: str
    text: str = ""
    unsubscribe_url: str = ""  # only in what may be unsubscribed from


@dataclass(frozen=True, slots=True)
class StageLine:
    """One stage in the welcome mail's overview; both days inclusive."""

    title: str
    opens_on: date
    ends_on: date


@dataclass(frozen=True, slots=True)
class UpcomingLine:
    """One thing that comes up."""

    on: date
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WelcomeContext(MailContext):
    """The first mail. It names the source, purpose, term and rights of AVG art. 14; `retention` is the term in words.

    `data_source` is who gave Hart the person's data: the school, also when the trajectory is a group's. Empty: the
    organisation itself.
    """

    role_title: str
    starts_on: date
    ends_on: date
    retention: str
    data_source: str = ""
    stages: tuple[StageLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOpenedContext(MailContext):
    """A stage has opened; both days inclusive."""

    stage_title: str
    opens_on: date
    ends_on: date
    stage_goal: str = ""
    upcoming: tuple[UpcomingLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderContext(MailContext):
    """Something that is still open."""

    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeContext(MailContext):
    """Something worth knowing."""

    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskContext(MailContext):
    """Something for staff to do. `url` opens it, when there is a page for it."""

    title: str
    detail: str = ""
    due_on: date | None = None
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatheringContext(MailContext):
    """A gathering and one person's place at it. Instants are aware; `timezone` is the one they are told in.

    The `previous_…` values are what an update changed: None when that did not change. An `answer_url` is required
    in all but a cancellation. `uninvited`: this person's place is cancelled and the gathering goes on. `position` is the
    place on the waiting list, from 1. `answer_by`: until when an offered place is kept; None: it is whoever's is first.
    `sent_again`: this person's calendar asked for it. `proposed_…`: the moment that was proposed and is declined; None
    when it could not be read.
    """

    title: str
    starts_at: datetime
    ends_at: datetime
    timezone: str
    place: str = ""
    description: str = ""
    answer_url: str = ""
    previous_starts_at: datetime | None = None
    previous_ends_at: datetime | None = None
    previous_place: str | None = None
    reason: str = ""
    partstat: PartStat = PartStat.NEEDS_ACTION
    uninvited: bool = False
    standing: Standing = Standing.ASKED
    position: int = 0
    answer_by: datetime | None = None
    sent_again: bool = False
    proposed_starts_at: datetime | None = None
    proposed_ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NudgeLine:
    """One gathering that somebody has not answered. Instants are aware; `timezone` is the one they are told in."""

    title: str
    starts_at: datetime
    ends_at: datetime
    timezone: str
    trajectory_title: str
    answer_url: str
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NudgeContext(MailContext):
    """Whether somebody comes, asked once more of everything they have not answered, in order of time."""

    lines: tuple[NudgeLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThanksContext(MailContext):
    """A gathering that this person was at. `text` is the programme's thank-you; each link only when there is one."""

    title: str
    starts_at: datetime
    ends_at: datetime
    timezone: str
    place: str = ""
    materials_url: str = ""
    certificate_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationContext(MailContext):
    """One person's evaluation request. `minutes` is how long it takes; `closes_on` the last day, inclusive."""

    school_year: str
    closes_on: date
    minutes: int
    answer_url: str
    role_title: str
    questionnaire_title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxContext(MailContext):
    """The mailbox that answers come to cannot be read, since when and what to do; without a `problem`: it can again."""

    mailbox: str
    since: datetime
    timezone: str
    problem: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class DigestPiece:
    """A piece of what a mail said: a paragraph, or rows of label and value, or a link with its label.

    `is_pressed`: the link is a button, because something is asked.
    """

    paragraph: str = ""
    rows: tuple[tuple[str, str], ...] = ()
    label: str = ""
    url: str = ""
    is_pressed: bool = False


@dataclass(frozen=True, slots=True)
class DigestLine:
    """One mail in an overview: its subject and what it said, and what of it is Dutch in an English mail."""

    title: str
    pieces: tuple[DigestPiece, ...]
    dutch: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestContext(MailContext):
    """Several mails of one person together. With several advisers each line names its own, and the mail itself none."""

    lines: tuple[DigestLine, ...]
    has_one_adviser: bool = True


CONTEXTS: dict[MessageKind, type[MailContext]] = {
    MessageKind.WELCOME: WelcomeContext,
    MessageKind.STAGE_OPENED: StageOpenedContext,
    MessageKind.REMINDER: ReminderContext,
    MessageKind.NOTICE: NoticeContext,
    MessageKind.TASK: TaskContext,
    MessageKind.INVITATION: GatheringContext,
    MessageKind.INVITATION_UPDATE: GatheringContext,
    MessageKind.CANCELLATION: GatheringContext,
    MessageKind.GATHERING_REMINDER: GatheringContext,
    MessageKind.DECLINE_COUNTER: GatheringContext,
    MessageKind.NUDGE: NudgeContext,
    MessageKind.WAITING_LIST: GatheringContext,
    MessageKind.PLACE_OFFERED: GatheringContext,
    MessageKind.THANKS: ThanksContext,
    MessageKind.EVALUATION_REQUEST: EvaluationContext,
    MessageKind.EVALUATION_REMINDER: EvaluationContext,
    MessageKind.DIGEST: DigestContext,
    MessageKind.MAILBOX: MailboxContext,
}

_ANSWERABLE = frozenset(
    {
        MessageKind.INVITATION,
        MessageKind.INVITATION_UPDATE,
        MessageKind.GATHERING_REMINDER,
        MessageKind.DECLINE_COUNTER,
        MessageKind.WAITING_LIST,
        MessageKind.PLACE_OFFERED,
    }
)


def is_link(text: str) -> bool:
    """Whether a mail can carry it as a link."""
    return _LINK.fullmatch(text) is not None


def check(kind: MessageKind, language: str, context: MailContext) -> None:
    """Raise ComposeError for the first value that may not reach a mail of this kind."""
    template = f"{language}/{kind}"
    wanted = CONTEXTS[kind]
    if type(context) is not wanted:
        problem = f"needs a {wanted.__name__}, got a {type(context).__name__}"
        raise ComposeError(kind, "context", template, problem)
    also = ("answer_url",) if kind in _ANSWERABLE else ()
    problem = _first_problem(context, also)
    if problem is not None:
        raise ComposeError(kind, problem[0], template, problem[1])


@lru_cache
def _rules(of: type[Any]) -> tuple[tuple[str, bool, bool], ...]:
    """Per field of a dataclass: its name, whether it is required, whether None is allowed."""
    return tuple((f.name, f.default is MISSING, f.default is None) for f in fields(of))


def _first_problem(thing: Any, also_required: tuple[str, ...] = ()) -> tuple[str, str] | None:
    for name, required, may_be_none in _rules(type(thing)):
        value = getattr(thing, name)
        problem = _problem(name, value, required or name in also_required, may_be_none)
        if problem:
            return name, problem
        if isinstance(value, tuple):
            for position, line in enumerate(value):
                inner = _first_problem(line) if is_dataclass(line) else None
                if inner:
                    return f"{name}[{position}].{inner[0]}", inner[1]
    return None


def _problem(name: str, value: object, required: bool, may_be_none: bool) -> str | None:
    if value is None:
        return None if may_be_none else "is None; give it a value before the mail is queued"
    if isinstance(value, str):
        if not value.strip():
            return "is empty; give it a value before the mail is queued" if required else None
        if name.endswith("url") and not is_link(value):
            return f"is no http(s) link: {value!r}"
        if name.endswith("_email"):
            return address_problem(value)
        if name == "timezone":
            return _zone_problem(value)
    if isinstance(value, datetime) and value.utcoffset() is None:
        return f"is an instant without a timezone: {value.isoformat()}"
    return None


def address_problem(address: str) -> str | None:
    """Why no mail can be sent to this address, or None when it can."""
    if ADDRESS.fullmatch(address) and ".." not in address:
        return None
    if not address.isascii():
        return (
            f"address {address!r} has letters outside ASCII, which many mail servers refuse; "
            "ask this person for an address without them"
        )
    return f"{address!r} is no mail address"


@lru_cache
def _zone_problem(name: str) -> str | None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"{name!r} is no timezone; write it as Europe/Amsterdam"
    return None
