"""How every mail looks, for one school and one programme, in each language: as files to look through, and what is wrong.

The words are the programme's own and the school is a real one; the people are made up, so that nobody's name lies in a
folder.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default as modern
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from calendars.invitation import Attendee, CalendarEvent, Method, decline_counter, prepare
from models.enums import MessageKind, PartStat, StepKind
from traject.compose import CALENDAR_METHODS, compose
from traject.digest_text import dutch_in, pieces_of, told_apart
from traject.html_check import findings_of
from traject.mail_bytes import CalendarPart, Head
from traject.mail_contexts import (
    DigestContext,
    DigestLine,
    EvaluationContext,
    GatheringContext,
    MailboxContext,
    MailContext,
    NoticeContext,
    NudgeContext,
    NudgeLine,
    ReminderContext,
    StageLine,
    StageOpenedContext,
    TaskContext,
    ThanksContext,
    UpcomingLine,
    WelcomeContext,
)
from traject.mail_pictures import find_browser, pictures_of, take
from traject.mail_words import LANGUAGES, Dutch
from traject.programme import Programme, Step, Text
from traject.settings import Settings
from traject.waiting import Standing

PERSON = "Marieke Öztürk"
_TROUBLE = Text("de mailserver weigert het wachtwoord", "the mail server refuses the password")
_REMEDY = Text(
    "zet het goede wachtwoord in TRAJECT_MAILBOX_URL", "put the right password in TRAJECT_MAILBOX_URL"
)
_ZONE = "Europe/Amsterdam"


@dataclass(frozen=True, slots=True)
class Preview:
    """One mail in one language, and what is wrong with it."""

    kind: MessageKind
    language: str
    subject: str
    text: str
    html: str
    findings: tuple[str, ...]


def previews(programme: Programme, school: str, settings: Settings, now: datetime) -> Iterator[Preview]:
    """Compose every kind of mail in every language for a school by its name, and check it."""
    for language in LANGUAGES:
        for kind, context in _Sample(programme, school, settings, now, language).contexts().items():
            head = _head(kind, language, now)
            composed = compose(kind, language, context, head, calendar=_calendar(kind, context, now))
            message = message_from_bytes(composed.data, policy=modern)
            text, html = (_body(message, each) for each in ("plain", "html"))
            found = [*findings_of(html, language), *_parse_errors(html)]
            yield Preview(kind, language, composed.subject, text, html, tuple(found))


def write(
    folder: Path, made: list[Preview], *, pictures: bool, taken: Callable[[int, int], None] = lambda *_: None
) -> bool:
    """Write each mail as .html and .txt, and a page to look through them. True: with pictures, as there is a browser.

    `taken` hears after each picture how many of how many there are.
    """
    browser = find_browser() if pictures else None
    pages: list[Path] = []
    for each in made:
        here = folder / each.language
        here.mkdir(parents=True, exist_ok=True)
        pages.append(here / f"{each.kind}.html")
        pages[-1].write_text(each.html, encoding="utf-8")
        (here / f"{each.kind}.txt").write_text(f"{each.subject}\n\n{each.text}", encoding="utf-8")
    if browser:
        take(browser, [picture for page in pages for picture in pictures_of(page)], taken)
    (folder / "index.html").write_text(_index(made, with_pictures=browser is not None), encoding="utf-8")
    return browser is not None


def _head(kind: MessageKind, language: str, now: datetime) -> Head:
    return Head(
        message_id=f"<preview-{kind}-{language}@hart.example>",
        date=now,
        from_name="Hart Haarlem",
        from_email="traject@hart.example",
        to_name=PERSON,
        to_email="marieke@school.example",
        reply_to="traject+voorbeeld@hart.example",
    )


def _index(made: list[Preview], *, with_pictures: bool) -> str:
    rows: list[str] = []
    for each in made:
        name = f"{each.language}/{each.kind}"
        problems = "".join(f"<li>{escape(found)}</li>" for found in each.findings)
        shots = [
            f'<a href="{shot.file}"><img src="{shot.file}" alt="{each.kind}, {shot.width}, {shot.shade}" loading="lazy"></a>'
            for shot in pictures_of(Path(f"{name}.html"))
        ]
        shown = (
            "".join(shots) if with_pictures else f'<iframe src="{name}.html" title="{each.kind}"></iframe>'
        )
        rows.append(
            f'<section><h2 id="{name}">{each.kind} <small>{each.language}</small></h2><p>{escape(each.subject)} · '
            f'<a href="{name}.html">HTML</a> · <a href="{name}.txt">text</a></p><ul>{problems}</ul><div>{shown}</div></section>'
        )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<title>Mails</title><style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem;max-width:1200px}h2{margin:2rem 0 0}"
        "div{display:flex;gap:1rem;overflow-x:auto}img{height:420px;border:1px solid #ccc}iframe{width:100%;height:600px;"
        "border:1px solid #ccc}li{color:#a3163b}</style></head><body><h1>Mails</h1>"
        + "".join(rows)
        + "</body></html>"
    )


def _body(message: Any, kind: str) -> str:
    return str(message.get_body((kind,)).get_content()).replace("\r\n", "\n")


def _parse_errors(html: str) -> list[str]:
    """What a browser's parser would have to mend; only where the parser is installed, as it is for development."""
    if find_spec("justhtml") is None:
        return []
    from justhtml import JustHTML

    return [f"HTML: {error}" for error in JustHTML(html, collect_errors=True).errors]


def _calendar(kind: MessageKind, context: MailContext, now: datetime) -> CalendarPart | None:
    method = CALENDAR_METHODS.get(kind)
    if method is None or not isinstance(context, GatheringContext):
        return None
    event = CalendarEvent(
        uid="voorbeeld@hart.example",
        sequence=1,
        dtstamp=now.replace(microsecond=0),
        starts_at=context.starts_at,
        ends_at=context.ends_at,
        timezone=context.timezone,
        summary=context.title,
        organizer_name="Hart Haarlem",
        organizer_email="traject+voorbeeld@hart.example",
    )
    attendee = Attendee(context.person_name, "marieke@school.example")
    if method == "DECLINECOUNTER":
        return CalendarPart(method, decline_counter(event, attendee, context.reason))
    which = Method.CANCEL if method == "CANCEL" else Method.REQUEST
    return CalendarPart(method, prepare(event, which).for_attendee(attendee))


class _Sample:
    """One school's mails of one programme, in one language."""

    def __init__(
        self, programme: Programme, school: str, settings: Settings, now: datetime, language: str
    ) -> None:
        self.programme, self.school, self.language, self.now = programme, school, language, now
        self.base_url = settings.base_url
        self.starts_at = (now + timedelta(days=30)).replace(hour=11, minute=30, second=0, microsecond=0)
        self.opens_on = now.date()
        self.links = {
            name: f"{self.base_url}/voorbeeld/{name}" for name in ("answer", "task", "materials", "paper")
        }

    def say(self, text: Text | None, otherwise: str = "") -> str:
        """A text of the programme in this language."""
        return text.for_mail(self.language) if text else otherwise

    def contexts(self) -> dict[MessageKind, MailContext]:
        """A context for every kind of mail."""
        made = {**self._letters(), **self._gatherings(), **self._asking()}
        return made | {MessageKind.DIGEST: self._digest(made)}

    def _common(self, step: Step | None) -> dict[str, Any]:
        return {
            "person_name": PERSON,
            "organisation_name": self.school,
            "trajectory_title": Dutch(self.programme.title.nl),
            "programme_title": self.say(self.programme.title),
            "adviser_name": "Sanne de Vries",
            "adviser_email": "sanne@hart.example",
            "base_url": self.base_url,
            "privacy_url": f"{self.base_url}/privacy",
            "text": self.say(step.text if step else None),
        }

    def _step(self, kind: StepKind, template: str = "") -> Step | None:
        """The programme's first step of this kind (and template) that has a text, else its first."""
        steps = [
            step
            for step in self.programme.steps
            if step.kind is kind and (not template or step.template == template)
        ]
        return next((step for step in steps if step.text), next(iter(steps), None))

    def _letters(self) -> dict[MessageKind, MailContext]:
        welcome, opened, reminder, notice = (
            self._step(StepKind.MAIL, kind) for kind in ("welcome", "stage-opened", "reminder", "notice")
        )
        task, gathering = self._step(StepKind.TASK), self._step(StepKind.GATHERING)
        length = timedelta(days=90)
        stages = tuple(
            StageLine(
                self.say(stage.title), self.opens_on + number * length, self.opens_on + (number + 1) * length
            )
            for number, stage in enumerate(self.programme.stages)
        )
        stage = next((each for each in self.programme.stages if opened and each.key == opened.stage), None)
        role = self.say(self.programme.roles[0].title)
        return {
            MessageKind.WELCOME: WelcomeContext(
                **self._common(welcome),
                role_title=role,
                starts_on=self.opens_on,
                ends_on=self.opens_on + 4 * 4 * length,
                retention="2 years after the programme ends" if self.language == "en" else "2 jaar na afloop",
                data_source=self.school,
                stages=stages,
            ),
            MessageKind.STAGE_OPENED: StageOpenedContext(
                **self._common(opened),
                stage_title=self.say(stage.title if stage else None, self.school),
                stage_goal=self.say(stage.goal if stage else None),
                opens_on=self.opens_on,
                ends_on=self.opens_on + length,
                upcoming=(UpcomingLine(self.starts_at.date(), self._written(gathering)),),
            ),
            MessageKind.REMINDER: ReminderContext(**self._common(reminder), title=self._title(reminder)),
            MessageKind.NOTICE: NoticeContext(**self._common(notice), title=self._title(notice)),
            MessageKind.TASK: TaskContext(
                **self._common(None),
                title=self._written(task),
                detail=Dutch(task.text.nl if task and task.text else ""),
                due_on=self.starts_at.date(),
                url=self.links["task"],
            ),
            MessageKind.MAILBOX: MailboxContext(
                **self._common(None),
                mailbox="imaps://cmk@hart.example@mail.hart.example/INBOX",
                since=self.now,
                timezone=_ZONE,
                problem=_TROUBLE.in_language(self.language),
                remedy=_REMEDY.in_language(self.language),
            ),
        }

    def _title(self, step: Step | None) -> str:
        return self.say(step.title) if step else self.say(self.programme.title)

    def _written(self, step: Step | None) -> str:
        """The title of a row that stands in the database: Dutch, as staff read it."""
        return Dutch((step or self.programme).title.nl)

    def _gatherings(self) -> dict[MessageKind, MailContext]:
        step = self._step(StepKind.GATHERING)
        when: dict[str, Any] = {
            "title": self._written(step),
            "starts_at": self.starts_at,
            "ends_at": self.starts_at + timedelta(hours=3),
            "timezone": _ZONE,
            "place": Dutch(step.place.nl if step and step.place else "De Pletterij, Haarlem"),
        }
        thanked: dict[str, Any] = when | {"title": self._title(step)}
        plain = GatheringContext(
            **self._common(None),
            **when,
            description=Dutch(step.text.nl if step and step.text else ""),
            answer_url=self.links["answer"],
        )
        earlier = {
            "starts_at": plain.starts_at - timedelta(days=1),
            "ends_at": plain.ends_at - timedelta(days=1),
        }
        reason = Dutch("De zaal was dubbel geboekt.")
        moved = {f"previous_{name}": at for name, at in earlier.items()}
        proposed = {f"proposed_{name}": at for name, at in earlier.items()}
        line = NudgeLine(
            plain.title,
            plain.starts_at,
            plain.ends_at,
            _ZONE,
            plain.trajectory_title,
            self.links["answer"],
            plain.place,
        )
        week = timedelta(days=7)
        later = replace(line, starts_at=line.starts_at + week, ends_at=line.ends_at + week)
        return {
            MessageKind.INVITATION: plain,
            MessageKind.INVITATION_UPDATE: replace(
                plain, **moved, previous_place="De Toneelschuur", reason=reason
            ),
            MessageKind.CANCELLATION: replace(plain, reason=reason),
            MessageKind.GATHERING_REMINDER: replace(plain, partstat=PartStat.ACCEPTED),
            MessageKind.DECLINE_COUNTER: replace(plain, **proposed, reason=reason),
            MessageKind.WAITING_LIST: replace(
                plain, partstat=PartStat.ACCEPTED, standing=Standing.WAITING, position=2
            ),
            MessageKind.PLACE_OFFERED: replace(
                plain, standing=Standing.OFFERED, answer_by=self.now + timedelta(days=3)
            ),
            MessageKind.NUDGE: NudgeContext(**self._common(None), lines=(line, later)),
            MessageKind.THANKS: ThanksContext(
                **self._common(None),
                **thanked,
                materials_url=self.links["materials"],
                certificate_url=self.links["paper"],
            ),
        }

    def _digest(self, made: dict[MessageKind, MailContext]) -> DigestContext:
        """Some of these mails in one."""
        kinds = (MessageKind.GATHERING_REMINDER, MessageKind.REMINDER, MessageKind.NOTICE, MessageKind.THANKS)
        common = self._common(None)
        lines: list[DigestLine] = []
        for kind in kinds:
            composed = compose(kind, self.language, made[kind], _head(kind, self.language, self.now))
            said = pieces_of(
                composed.data,
                adviser=common["adviser_email"],
                known=(common["trajectory_title"], self.school),
            )
            lines.append(DigestLine(composed.subject, said, dutch_in(composed.data)))
        return DigestContext(**common, lines=told_apart(lines))

    def _asking(self) -> dict[MessageKind, MailContext]:
        step = self._step(StepKind.EVALUATION)
        year = self.opens_on.year if self.opens_on.month >= 8 else self.opens_on.year - 1
        asked = EvaluationContext(
            **self._common(step),
            school_year=f"{year}-{year + 1}",
            closes_on=self.starts_at.date(),
            minutes=10,
            answer_url=self.links["answer"],
            role_title=self.say(self.programme.roles[0].title),
            questionnaire_title=self._title(step),
        )
        return {MessageKind.EVALUATION_REQUEST: asked, MessageKind.EVALUATION_REMINDER: asked}
