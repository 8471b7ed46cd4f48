"""How a plan, a change and a moment look to a person: tables for a terminal of 80 columns, and the same as JSON values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text as Styled

from models.enums import Certainty, StepKind, StepState
from traject.plan import Change, Changes, Plan, PlannedStage, PlannedStep
from traject.programme import Programme
from traject.words import part_in_english

NOTHING_ENDED: Mapping[tuple[str, str], StepState] = {}
MOMENT = timedelta(minutes=1)  # what closes at midnight was open until the day before

_WEEKDAYS = {
    "nl": ("ma", "di", "wo", "do", "vr", "za", "zo"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
_MONTHS = {
    "nl": ("jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}

_WORDS: dict[str, tuple[str, str]] = {
    "fixed": ("vast", "fixed"),
    "expected": ("verwacht", "expected"),
    "estimated": ("geschat", "estimated"),
    "mail": ("mail", "mail"),
    "gathering": ("bijeenkomst", "gathering"),
    "evaluation": ("evaluatie", "evaluation"),
    "task": ("taak", "task"),
    "school": ("school", "school"),
    "group": ("groep", "group"),
    "running": ("loopt", "running"),
    "paused": ("gepauzeerd", "paused"),
    "finished": ("afgerond", "finished"),
    "cancelled": ("geannuleerd", "cancelled"),
    "planned": ("gepland", "planned"),
    "open": ("open", "open"),
    "closed": ("gesloten", "closed"),
    "done": ("gedaan", "done"),
    "skipped": ("overgeslagen", "skipped"),
    "missed": ("gemist", "missed"),
    "withdrawn": ("ingetrokken", "withdrawn"),
    "queued": ("klaar", "queued"),
    "held": ("vastgehouden", "held"),
    "attempting": ("onderweg", "attempting"),
    "accepted": ("verstuurd", "accepted"),
    "failed": ("mislukt", "failed"),
    "withheld": ("niet verstuurd", "withheld"),
    "stored": ("wacht", "stored"),
    "applied": ("verwerkt", "applied"),
    "ignored": ("genegeerd", "ignored"),
    "quarantined": ("bekijken", "to look at"),
}


def word(value: str, language: str) -> str:
    """A state or kind as people say it; what has no word of its own stays as it is."""
    both = _WORDS.get(str(value))
    return str(value) if both is None else both[language == "en"]


def day(on: date, language: str) -> str:
    """`wo 7 okt 2026`."""
    return f"{_WEEKDAYS[language][on.weekday()]} {on.day} {_MONTHS[language][on.month - 1]} {on.year}"


def moment(at: datetime, zone: ZoneInfo, language: str) -> str:
    """`wo 7 okt 2026 13:30`, in the local time of `zone`."""
    local = at.astimezone(zone)
    return f"{day(local, language)} {local:%H:%M}"


def table(*columns: str | tuple[str, dict[str, Any]], title: str = "") -> Table:
    """An empty table in the one look that all have: no box, headings in bold; a column is its heading and options."""
    made = Table(box=None, pad_edge=False, header_style="bold", title=title or None, title_justify="left")
    made.title_style = "bold"
    for column in columns:
        heading, given = (column, {}) if isinstance(column, str) else column
        options: dict[str, Any] = {"overflow": "fold"} | given  # a key cut off by … cannot be copied
        made.add_column(heading, **options)
    return made


@dataclass(frozen=True)
class PlanView:
    """How one trajectory's plan is told: in which language and time zone, with the programme's own titles."""

    programme: Programme
    zone: ZoneInfo
    language: str

    def say(self, dutch: str, english: str) -> str:
        """The text in the language of this view."""
        return english if self.language == "en" else dutch

    def plan(self, plan: Plan) -> RenderableType:
        """Per stage a table of what happens when and to whom; the yearly cycle by itself; problems last."""
        parts: list[RenderableType] = []
        for stage in plan.stages:
            heading = (
                f"{self.stage_title(stage)}  {self._period(stage)}  {word(stage.certainty, self.language)}"
            )
            parts += self._section(heading, [step for step in plan.steps if step.stage == stage.key])
        yearly = [step for step in plan.steps if not step.stage]
        if yearly:
            parts += self._section(self.say("Elk schooljaar", "Every school year"), yearly)
        for problem in plan.problems:
            parts.append(Styled(f"! {problem.reason.in_language(self.language)}", style="red"))
        parts.append(self._legend(plan))
        return Group(*parts)

    def changes(
        self, changes: Changes, ended: Mapping[tuple[str, str], StepState] = NOTHING_ENDED
    ) -> RenderableType:
        """The before/after list; a sentence when nothing differs. `ended`: how steps that are no longer owed ended."""
        if not changes:
            return Styled(self.say("Er verandert niets in de planning.", "Nothing changes in the plan."))
        made = table(
            (self.say("Wat", "What"), {"ratio": 4}),
            (self.say("Nu", "Now"), {"ratio": 3}),
            (self.say("Wordt", "Becomes"), {"ratio": 3}),
        )
        made.expand = True
        for change in (*changes.stages, *sorted(changes.steps, key=_by_time)):
            made.add_row(
                escape(self._changed(change)),
                self._side(change.before, "—"),
                self._side(change.after, self._gone(change, ended)),
            )
        return made

    def stage_title(self, stage: PlannedStage) -> str:
        """The stage's title in the language of this view."""
        known = next((s for s in self.programme.stages if s.key == stage.key), None)
        return known.title.in_language(self.language) if known else stage.title

    def step_title(self, step: PlannedStep) -> str:
        """The step's title in the language of this view; what belongs to a step says so."""
        key, _, part = step.key.partition("/")
        known = next((s for s in self.programme.steps if s.key == key), None)
        if known is None or self.language != "en":
            return step.title
        if part == "escalation" and known.escalation:
            return known.escalation.title.in_language("en")
        return f"{part_in_english(part)}{known.title.in_language('en')}"

    def roles(self, keys: Iterable[str]) -> str:
        """The titles of roles, as in `directeur, adviseur van Hart`."""
        titles = {role.key: role.title.in_language(self.language) for role in self.programme.roles}
        return ", ".join(titles.get(key, key) for key in keys)

    def _section(self, heading: str, steps: list[PlannedStep]) -> list[RenderableType]:
        made = table(
            (self.say("Wanneer", "When"), {"no_wrap": True, "width": 21 if self.language == "en" else 20}),
            (self.say("Wat", "What"), {"ratio": 1}),
            (self.say("Voor wie", "To whom"), {"width": 20, "overflow": "fold"}),
            (self.say("Zeker", "Certain"), {"no_wrap": True, "width": 9}),
        )
        made.expand = True
        for step in steps:
            when = (
                moment(step.when, self.zone, self.language)
                if step.when
                else self.say("geen datum", "no date")
            )
            made.add_row(
                when if step.when else Styled(when, style="red"),
                escape(self._what(step)),
                escape(self.roles(step.to)),
                _marked(step.certainty, self.language),
            )
        nothing = Styled(f"  {self.say('niets', 'nothing')}", style="dim")
        return [Styled(heading, style="bold cyan"), made if steps else nothing, Styled("")]

    def _what(self, step: PlannedStep) -> str:
        kind = word(step.kind, self.language)
        what = f"{kind[0].upper()}{kind[1:]}: {self.step_title(step)}"
        if (
            step.kind is StepKind.GATHERING
            and step.due_at
            and step.starts_at
            and step.due_at < step.starts_at
        ):
            if any(known.key == step.key and known.staff_choose for known in self.programme.steps):
                return f"{what} ({self.say('datum kiezen', 'date to be chosen')} {self._on(step.due_at)})"
            return f"{what} ({self.say('uitnodiging', 'invitation')} {self._on(step.due_at)})"
        if step.kind is StepKind.GATHERING and step.due_at and step.starts_at is None:
            return f"{what} ({self.say('als anderen haar houden', 'when others hold one')})"
        if step.kind is StepKind.EVALUATION and step.ends_at:
            return f"{what} ({self.say('t/m', 'until')} {self._on(step.ends_at - MOMENT)})"
        return what

    def _on(self, at: datetime) -> str:
        return day(at.astimezone(self.zone).date(), self.language)

    def _period(self, stage: PlannedStage) -> str:
        return f"{day(stage.opens_on, self.language)} – {day(stage.ends_on, self.language)}"

    def _legend(self, plan: Plan) -> RenderableType:
        found = {thing.certainty for thing in (*plan.stages, *plan.steps)}
        lines = {
            Certainty.EXPECTED: self.say(
                "verwacht: hangt af van iets dat nog moet gebeuren",
                "expected: depends on what must happen first",
            ),
            Certainty.ESTIMATED: self.say(
                "geschat: de vakanties van dat schooljaar zijn nog niet bekend",
                "estimated: the holidays of that school year are not published yet",
            ),
        }
        return Styled("\n".join(text for certainty, text in lines.items() if certainty in found), style="dim")

    def _changed(self, change: Change) -> str:
        thing = change.after or change.before
        if isinstance(thing, PlannedStage):
            return f"{self.say('Fase', 'Stage')}: {self.stage_title(thing)}"
        if thing is None:
            return ""
        return f"{self.step_title(thing)}{f' {thing.cycle}' if thing.cycle else ''}"

    def _side(self, thing: PlannedStage | PlannedStep | None, absent: str) -> str:
        if thing is None:
            return absent
        if isinstance(thing, PlannedStage):
            return self._period(thing)
        if thing.when is None:
            return self.say("geen datum", "no date")
        if thing.kind is StepKind.GATHERING and thing.starts_at is None:  # of a theme that others hold
            return self.say("nog niet bekend", "not known yet")
        if thing.kind is StepKind.EVALUATION and thing.ends_at == thing.due_at:  # asked already
            return f"{self.say('sluit', 'closes')} {self._on(thing.when - MOMENT)}"
        certain = "" if thing.certainty is Certainty.FIXED else f" ({word(thing.certainty, self.language)})"
        return f"{moment(thing.when, self.zone, self.language)}{certain}"

    def _gone(self, change: Change, ended: Mapping[tuple[str, str], StepState]) -> str:
        step = change.before
        if isinstance(step, PlannedStep) and ended.get(step.id) is StepState.MISSED:
            return word(StepState.MISSED, self.language)
        if isinstance(step, PlannedStep) and ended.get(step.id) is StepState.DONE:
            return (
                self.say("gaat nu uit", "goes out now")
                if step.kind is StepKind.MAIL
                else self.say("gedaan", "done")
            )
        return self.say("vervalt", "is dropped")


def _by_time(change: Change) -> tuple[bool, str]:
    step = change.after or change.before
    when = step.when if isinstance(step, PlannedStep) else None
    return when is None, when.isoformat() if when else ""


def _marked(certainty: Certainty, language: str) -> Styled:
    styles = {Certainty.FIXED: "green", Certainty.EXPECTED: "", Certainty.ESTIMATED: "yellow"}
    return Styled(word(certainty, language), style=styles[certainty])


# As JSON values


def instant_json(at: datetime | None, zone: ZoneInfo) -> str | None:
    """An instant in ISO 8601 with the offset of `zone`: `2026-10-07T13:30:00+02:00`."""
    return at.astimezone(zone).isoformat() if at else None


def stage_json(stage: PlannedStage | None) -> dict[str, Any] | None:
    """One planned stage."""
    if stage is None:
        return None
    return {
        "key": stage.key,
        "title": stage.title,
        "opens_on": stage.opens_on.isoformat(),
        "ends_on": stage.ends_on.isoformat(),
        "certainty": stage.certainty.value,
    }


def step_json(step: PlannedStep | None, zone: ZoneInfo) -> dict[str, Any] | None:
    """One planned step."""
    if step is None:
        return None
    return {
        "stage": step.stage or None,
        "key": step.key,
        "cycle": step.cycle or None,
        "kind": step.kind.value,
        "title": step.title,
        "to": list(step.to),
        "due_at": instant_json(step.due_at, zone),
        "starts_at": instant_json(step.starts_at, zone),
        "ends_at": instant_json(step.ends_at, zone),
        "certainty": step.certainty.value,
    }


def plan_json(plan: Plan, zone: ZoneInfo, language: str) -> dict[str, Any]:
    """`{stages: [...], steps: [...], problems: [{key, cycle, reason}], ends_on}`."""
    return {
        "stages": [stage_json(stage) for stage in plan.stages],
        "steps": [step_json(step, zone) for step in plan.steps],
        "problems": [
            {"key": p.key, "cycle": p.cycle or None, "reason": p.reason.in_language(language)}
            for p in plan.problems
        ],
        "ends_on": plan.ends_on.isoformat(),
    }


def changes_json(changes: Changes, zone: ZoneInfo) -> dict[str, Any]:
    """`{stages: [{before, after}], steps: [{before, after}]}`; null on one side: new, or gone."""

    def side(thing: PlannedStage | PlannedStep | None) -> dict[str, Any] | None:
        return stage_json(thing) if isinstance(thing, PlannedStage) else step_json(thing, zone)

    return {
        name: [{"before": side(change.before), "after": side(change.after)} for change in of]
        for name, of in (("stages", changes.stages), ("steps", changes.steps))
    }
