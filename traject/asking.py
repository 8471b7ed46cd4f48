"""The asking side of yearly evaluations: a round with its requests, reminders to who has not answered, escalation."""

import secrets
from datetime import timedelta
from pathlib import Path

from calendars.school_year import SchoolYear
from models import EvaluationRequest, EvaluationRound, Person, StepRow
from models.enums import MessageKind, RequestState, StepState
from traject import access
from traject.dossier import row_id
from traject.effects import Effects, Reason
from traject.evaluations import close_round
from traject.mail_contexts import EvaluationContext
from traject.planner import closing
from traject.programme import Step
from traject.questionnaire import Questionnaire, read_questionnaire


class Asking:
    """What happens to the evaluations of one trajectory, in the session's transaction."""

    def __init__(self, effects: Effects) -> None:
        self.effects = effects
        self.session = effects.session
        self.dossier = effects.dossier
        self.now = effects.now

    def ask(self, step: Step, row: StepRow) -> None:
        """Fire an evaluation step: open its round and ask everybody in its roles."""
        people = self.dossier.people(step.to)
        if not people or row.ends_at is None:
            row.state, row.done_at = StepState.SKIPPED, self.now
            row.note = "niemand heeft de rol " + " of ".join(step.to)
            self.effects.event("step.skipped", step=row.key, cycle=row.cycle, people=0)
            return
        round_ = EvaluationRound(
            trajectory_id=self.dossier.id,
            step_id=row_id(row),
            step_key=row.key,
            school_year=row.cycle,
            questionnaire=step.questionnaire,
            opened_at=self.now,
            closes_at=closing(
                self.dossier.calendar,
                step,
                self.now,
                self.dossier.calendar.to_local(row.ends_at - timedelta(seconds=1)).date(),
            ),
        )
        self.session.add(round_)
        self.session.flush()
        self.dossier.rounds[row_id(row)] = round_
        row.state, row.acted_at = StepState.OPEN, self.now
        row.ends_at = row.due_at = round_.closes_at
        self.effects.event(
            "evaluation.asked", step=row.key, cycle=row.cycle, round=round_.id, people=len(people)
        )
        with self.effects.together():
            for role, person in people:
                self.request(step, row, round_, role, person)

    def request(self, step: Step, row: StepRow, round_: EvaluationRound, role: str, person: Person) -> None:
        """Ask one person; who was asked already is not, unless that was withdrawn."""
        known = self.dossier.requests[row_id(round_)]
        before = next((found for found, asked in known if asked.id == person.id), None)
        if before is not None:
            if before.state is RequestState.WITHDRAWN:
                before.state, before.asked_at, before.role = RequestState.ASKED, self.now, role
                again = f"ask-{self.now:%Y%m%dT%H%M%S}"
                self._send(MessageKind.EVALUATION_REQUEST, step, row, round_, before, person, again)
            return
        request = EvaluationRequest(
            round_id=row_id(round_),
            person_id=row_id(person),
            role=role,
            tag=f"e-{secrets.token_hex(8)}",
            asked_at=self.now,
        )
        self.session.add(request)
        self.session.flush()
        known.append((request, person))
        self._send(MessageKind.EVALUATION_REQUEST, step, row, round_, request, person, "ask")

    def remind(self, step: Step, row: StepRow, of: StepRow) -> None:
        """Fire a reminder: to who was asked and has not answered."""
        round_ = self.dossier.rounds.get(row_id(of))
        reminded = 0
        for request, person in self._open(of):
            if round_:
                reminded += 1
                what = row.key.partition("/")[2]
                self._send(MessageKind.EVALUATION_REMINDER, step, of, round_, request, person, what)
        row.state = StepState.DONE if reminded else StepState.WITHDRAWN
        row.acted_at = row.done_at = self.now
        row.note = "" if reminded else "iedereen heeft geantwoord"
        self.effects.event("step.reminded", step=row.key, cycle=row.cycle, people=reminded)

    def escalate(self, row: StepRow, of: StepRow) -> None:
        """Fire an escalation: a task for the adviser, with who has not answered."""
        names = ", ".join(person.name for person in self.dossier.unanswered(of.key, of.cycle))
        detail = f"Nog geen antwoord van: {names}." if names else ""
        self.effects.task(self.effects.key(row), row.title, detail, row=row)
        row.state, row.acted_at, row.done_at = StepState.DONE, self.now, self.now
        self.effects.event("step.escalated", step=row.key, cycle=row.cycle)

    def close(self, row: StepRow) -> None:
        """The round is over, or everybody has answered."""
        round_ = self.dossier.rounds.get(row_id(row))
        row.state, row.done_at = StepState.DONE, self.now
        if round_:
            close_round(self.session, round_, self.now)

    def _open(self, row: StepRow) -> list[tuple[EvaluationRequest, Person]]:
        round_ = self.dossier.rounds.get(row_id(row))
        requests = self.dossier.requests[row_id(round_)] if round_ else []
        return [(request, person) for request, person in requests if request.state is RequestState.ASKED]

    def _send(
        self,
        kind: MessageKind,
        step: Step,
        row: StepRow,
        round_: EvaluationRound,
        request: EvaluationRequest,
        person: Person,
        what: str,
    ) -> None:
        questionnaire = self._questionnaire(round_.questionnaire)
        token = access.issue(
            self.session,
            now=self.now,
            expires_at=round_.closes_at + access.LINK_LASTS,
            request_id=row_id(request),
        )
        closes_on = self.dossier.calendar.to_local(round_.closes_at - timedelta(seconds=1)).date()
        text = step.text.for_mail(person.language) if step.text else ""
        context = EvaluationContext(
            **self.effects.common(person, text),
            school_year=round_.school_year or str(SchoolYear.of(closes_on)),
            closes_on=closes_on,
            minutes=questionnaire.minutes,
            answer_url=access.evaluation_url(self.effects.settings.base_url, token),
            role_title=self.dossier.programme.role(request.role).title.for_mail(person.language),
            questionnaire_title=questionnaire.title.for_mail(person.language),
        )
        self.effects.queue(
            kind,
            person,
            context,
            self.effects.key(row, what, f"p{row_id(person)}"),
            Reason(
                step_id=row.id,
                request_id=request.id,
                is_reminder=kind is MessageKind.EVALUATION_REMINDER,
                expires_at=round_.closes_at,
                reply_tag=request.tag,
            ),
        )

    def _questionnaire(self, name: str) -> Questionnaire:
        return read_questionnaire(
            Path(self.effects.settings.programmes_dir) / "questionnaires" / f"{name}.yaml"
        )
