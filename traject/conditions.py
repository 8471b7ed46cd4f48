"""Whether a condition of the programme holds, by a trajectory's rows as they are. Pure."""

from models import StepRow
from models.enums import StepKind, StepState
from traject.dossier import Dossier
from traject.programme import Condition, Predicate

SETTLED = (StepState.DONE, StepState.SKIPPED)
"""What a guard takes as enough: done, or staff decided that it need not be."""


def holds(dossier: Dossier, condition: Condition, cycle: str = "") -> bool:
    """Whether a condition is true of the rows as they are."""
    match condition.predicate:
        case Predicate.HAS_ROLE:
            return bool(dossier.holders.get(condition.subject))
        case Predicate.LACKS_ROLE:
            return not dossier.holders.get(condition.subject)
        case Predicate.STEP_DONE:
            return is_settled(dossier, condition.subject, cycle)
        case Predicate.STEP_OPEN:
            return not is_settled(dossier, condition.subject, cycle)
        case Predicate.SCHOOL_TYPE:
            return (
                dossier.school is not None
                and condition.subject in dossier.school.school_type.lower().split("/")
            )


def unmet(dossier: Dossier, condition: Condition) -> str:
    """A condition that does not hold, as a clause in Dutch."""
    subject = condition.subject
    match condition.predicate:
        case Predicate.HAS_ROLE:
            return f"er is nog geen {dossier.programme.role(subject).title.nl}"
        case Predicate.LACKS_ROLE:
            return f"er is al een {dossier.programme.role(subject).title.nl}"
        case Predicate.STEP_DONE:
            return f"‘{dossier.programme.step(subject).title.nl}’ is nog niet afgerond"
        case Predicate.STEP_OPEN:
            return f"‘{dossier.programme.step(subject).title.nl}’ is al afgerond"
        case Predicate.SCHOOL_TYPE:
            return f"geldt alleen voor het schooltype {subject}"


def is_settled(dossier: Dossier, key: str, cycle: str) -> bool:
    """Whether a step is behind us: of this school year, or without one of any."""
    exact = dossier.steps.get((key, cycle))
    rows = [exact] if exact else [row for (name, _), row in dossier.steps.items() if name == key]
    return any(row.state in SETTLED or _is_answered(dossier, row) for row in rows)


def _is_answered(dossier: Dossier, row: StepRow) -> bool:
    """An evaluation that everybody answered counts as done; its round stays open for who wants to change something."""
    asked = row.kind is StepKind.EVALUATION and row.state is StepState.OPEN
    return asked and not dossier.unanswered(row.key, row.cycle)
