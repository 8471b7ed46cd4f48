"""What people do with their mail: answer, decline, hesitate, forget, answer late, change their mind."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from models import AccessToken, EvaluationRequest, EvaluationRound, Gathering, Invitation
from models.enums import InboxKind, PartStat
from traject.access import open_token
from traject.answers import can_answer, current_sequence
from traject.evaluations import can_answer as can_evaluate
from traject.inbox import add_mail, apply_one, store_arrival
from traject.questionnaire import Answers, QuestionKind, Questionnaire, check_answers, read_questionnaire
from traject.simulation.cast import Actor, Cast, Client, Temper
from traject.simulation.letters import Letter, calendar_reply
from traject.simulation.world import World

_ANSWERS = (PartStat.ACCEPTED, PartStat.TENTATIVE, PartStat.DECLINED)


@dataclass
class Thread:
    """What one person knows of one invitation or one evaluation request."""

    letter: Letter  # the latest that asks for an answer
    invitation: Letter | None  # the latest with a calendar part
    answers: int = 0
    reminders: int = 0


@dataclass
class People:
    """Everybody who gets mail and is no machine."""

    world: World
    cast: Cast
    threads: dict[tuple[str, str], Thread] = field(default_factory=dict[tuple[str, str], Thread])
    outcomes: dict[str, int] = field(default_factory=dict[str, int])
    _number: int = 0

    def read(self, recipient: str, letter: Letter) -> None:
        """Somebody reads a mail, and decides when to do something about it."""
        actor = self.cast.people[recipient]
        gone = actor.left_on is not None and actor.left_on <= self.world.today()
        if letter.method == "CANCEL":
            self.threads.pop((recipient, letter.thread), None)
        elif letter.link and not gone:
            self._asked(actor, letter)

    def _asked(self, actor: Actor, letter: Letter) -> None:
        name = (actor.email, letter.thread)
        thread = self.threads.get(name)
        is_new = thread is None or bool(letter.event)
        if thread is None or letter.event:
            thread = self.threads[name] = Thread(letter, letter if letter.event else None)
        else:
            thread.letter, thread.reminders = letter, thread.reminders + 1
        if thread.answers:
            return
        days = _patience(actor) if is_new else _after_a_reminder(actor)
        if days is not None:
            at = self.world.free_moment(actor.chance, days)
            self.world.plan(at, partial(self._answer, actor, thread))

    def _answer(self, actor: Actor, thread: Thread) -> None:
        if thread.answers or (actor.left_on is not None and actor.left_on <= self.world.today()):
            return
        current = self.threads.get((actor.email, thread.letter.thread))
        if current is None or (current is not thread and actor.client is not Client.APPLE):
            return  # who reads the newest mail first answers that one; a telephone may answer an older one
        thread.answers += 1
        if thread.letter.link == "e":
            self._evaluate(actor, thread)
            return
        answer = actor.chance.choices(_ANSWERS, (72, 14, 14))[0]
        self._reply(actor, thread, answer)
        if answer is PartStat.TENTATIVE and actor.chance.random() < 0.5:
            later = self.world.free_moment(actor.chance, actor.chance.randrange(2, 10))
            final = actor.chance.choice((PartStat.ACCEPTED, PartStat.DECLINED))
            self.world.plan(later, partial(self._reply, actor, thread, final))

    # Invitations

    def _reply(self, actor: Actor, thread: Thread, answer: PartStat) -> None:
        if thread.invitation is None or actor.client is Client.WEB:
            self._press(thread.letter.token, answer)
            return
        self._number += 1
        now = self.world.now
        mail = calendar_reply(thread.invitation, actor, answer, now, self._number)
        outcome = add_mail(self.world.store, self.world.settings, mail, now, now)
        self._count("reply", outcome.outcome)
        if outcome.outcome == "quarantined":
            self.world.violated("a calendar's answer was not understood", outcome.why)

    def _press(self, token: str, answer: PartStat) -> None:
        """Open the page behind the link and press a button, as the portal does it."""
        with self.world.store.read() as session:
            opened = open_token(session, token, self.world.now)
            if not isinstance(opened, AccessToken) or opened.invitation_id is None:
                self._count("web", f"link {opened}" if isinstance(opened, str) else "link")
                return
            invitation = session.get_one(Invitation, opened.invitation_id)
            gathering = session.get_one(Gathering, invitation.gathering_id)
            if closed := can_answer(gathering, invitation, self.world.now):
                self._count("web", closed)
                return
            payload = {
                "partstat": answer.value,
                "comment": "",
                "sequence": current_sequence(gathering, invitation),
            }
            number = opened.invitation_id
        self._keep(InboxKind.INVITATION_ANSWER, payload, invitation_id=number)

    # Evaluations

    def _evaluate(self, actor: Actor, thread: Thread) -> None:
        """Fill in the form behind the link, and send it, as the portal does it."""
        with self.world.store.read() as session:
            opened = open_token(session, thread.letter.token, self.world.now)
            if not isinstance(opened, AccessToken) or opened.request_id is None:
                self._count("evaluation", "link closed")
                return
            request = session.get_one(EvaluationRequest, opened.request_id)
            round_ = session.get_one(EvaluationRound, request.round_id)
            if closed := can_evaluate(request, round_, self.world.now):
                self._count("evaluation", closed)
                return
            name, number = round_.questionnaire, opened.request_id
        folder = self.world.settings.programmes_dir / "questionnaires"
        questionnaire = read_questionnaire(folder / f"{name}.yaml")
        checked = check_answers(questionnaire, _filled_in(questionnaire, actor))
        if not isinstance(checked, Answers):
            self.world.violated("valid answers were refused", f"{name}: {checked[0].key}")
            return
        values = {key: list(v) if isinstance(v, tuple) else v for key, v in checked.values.items()}
        payload = {"answers": values, "questionnaire": questionnaire.key, "version": questionnaire.version}
        self._keep(InboxKind.EVALUATION_ANSWER, payload, request_id=number)
        if actor.chance.random() < 0.08:  # something else came to mind
            again = self.world.free_moment(actor.chance, actor.chance.randrange(1, 9))
            self.world.plan(again, partial(self._evaluate, actor, thread))

    # The portal's way

    def _keep(
        self,
        kind: InboxKind,
        payload: Mapping[str, object],
        *,
        invitation_id: int | None = None,
        request_id: int | None = None,
    ) -> None:
        self._number += 1
        now = self.world.now
        with self.world.store.write() as session:
            arrival = store_arrival(
                session,
                kind,
                f"web:{self._number}",
                now,
                payload,
                invitation_id=invitation_id,
                request_id=request_id,
            )
            number = arrival.id if arrival else None
        if number is not None:
            outcome = apply_one(self.world.store, number, now, self.world.settings)
            self._count(kind, outcome.outcome)
            if outcome.outcome == "quarantined":
                self.world.violated("an answer from the web was put aside", outcome.why)

    def _count(self, kind: str, outcome: str) -> None:
        name = f"{kind}: {outcome}"
        self.outcomes[name] = self.outcomes.get(name, 0) + 1


def _patience(actor: Actor) -> float | None:
    """Days until somebody answers what they are asked for the first time; None: not of themselves."""
    match actor.temper:
        case Temper.PROMPT:
            return actor.chance.randrange(5)
        case Temper.LATE:
            return actor.chance.randrange(8, 45)
        case _:
            return None


def _after_a_reminder(actor: Actor) -> float | None:
    return (
        actor.chance.randrange(4)
        if actor.temper is not Temper.SILENT and actor.chance.random() < 0.7
        else None
    )


def _filled_in(questionnaire: Questionnaire, actor: Actor) -> dict[str, list[str]]:
    form: dict[str, list[str]] = {}
    chance = actor.chance
    for question in questionnaire.questions:
        if not question.required and chance.random() < 0.5:
            continue
        keys = [option.key for option in question.options]
        match question.kind:
            case QuestionKind.SCALE:
                form[question.key] = [str(chance.randint(1, 5))]
            case QuestionKind.CHOICE:
                form[question.key] = [chance.choice(keys)]
            case QuestionKind.CHOICES:
                form[question.key] = chance.sample(keys, chance.randint(1, len(keys)))
            case _:
                form[question.key] = ["De kinderen wilden niet meer naar huis."]
    return form
