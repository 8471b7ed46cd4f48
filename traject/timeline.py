"""Where a trajectory stands and what comes next, for staff to read. No names of people."""

from dataclasses import dataclass
from datetime import date, datetime

from models.enums import Certainty, StageState, StepKind, StepState
from traject.dossier import Dossier

STATES = {
    StageState.PLANNED: "○ nog niet begonnen",
    StageState.OPEN: "◐ loopt",
    StageState.CLOSED: "● afgesloten",
    StageState.CANCELLED: "✕ vervallen",
}
KINDS = {
    StepKind.MAIL: "mail",
    StepKind.GATHERING: "bijeenkomst",
    StepKind.EVALUATION: "evaluatie",
    StepKind.TASK: "taak",
}
CERTAINTIES = {Certainty.FIXED: "vast", Certainty.EXPECTED: "verwacht", Certainty.ESTIMATED: "geschat"}
SOON = 12


@dataclass(frozen=True, slots=True)
class StageLine:
    """One stage: its state and days, and how many of its steps are done."""

    title: str
    state: StageState
    opens_on: date
    ends_on: date
    done: int
    of: int


@dataclass(frozen=True, slots=True)
class StepLine:
    """One thing that comes: when (local), what, how sure, and whether it is on hold."""

    when: datetime
    kind: StepKind
    title: str
    certainty: Certainty
    on_hold: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """A trajectory on one page."""

    reference: str
    title: str
    tags: tuple[str, ...]
    stages: tuple[StageLine, ...]
    coming: tuple[StepLine, ...]

    def markdown(self) -> str:
        """The page as Markdown, in Dutch."""
        lines = [
            f"# {self.reference}",
            "",
            self.title,
            "",
            "| fase | stand | van | tot en met | stappen |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| {s.title} | {STATES[s.state]} | {s.opens_on:%d-%m-%Y} | {s.ends_on:%d-%m-%Y} | {s.done} van {s.of} |"
            for s in self.stages
        ]
        lines += ["", "## Wat er komt", "", "| wanneer | wat | | zeker? |", "|---|---|---|---|"]
        lines += [
            f"| {step.when:%d-%m-%Y %H:%M} | {step.title}{' (vastgehouden)' if step.on_hold else ''} "
            f"| {KINDS[step.kind]} | {CERTAINTIES[step.certainty]} |"
            for step in self.coming
        ]
        if not self.coming:
            lines.append("| | er staat niets meer gepland | | |")
        return "\n".join(lines) + "\n"


def timeline(dossier: Dossier, now: datetime) -> Timeline:
    """Lay out one trajectory as it stands at `now`."""
    rows = list(dossier.steps.values())
    coming = sorted(
        (
            (when, row)
            for row in rows
            if row.state in (StepState.PLANNED, StepState.OPEN)
            and (when := row.starts_at or row.due_at)
            and when >= now
        ),
        key=lambda pair: (pair[0], pair[1].key),
    )
    school = dossier.school.code if dossier.school else dossier.trajectory.group_name
    return Timeline(
        reference=dossier.trajectory.reference,
        title=dossier.trajectory.title,
        tags=("traject", dossier.programme.key, school),
        stages=tuple(
            StageLine(
                stage.title,
                stage.state,
                stage.opens_on,
                stage.ends_on,
                sum(row.stage == key and row.state is StepState.DONE for row in rows),
                sum(row.stage == key for row in rows),
            )
            for key, stage in dossier.stages.items()
        ),
        coming=tuple(
            StepLine(dossier.calendar.to_local(when), row.kind, row.title, row.certainty, row.on_hold)
            for when, row in coming[:SOON]
        ),
    )
