"""A small world of rows: one school, one study afternoon with two people invited, one evaluation round."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import Session, SQLModel, select

from models import (
    AccessToken,
    EvaluationRequest,
    EvaluationRound,
    Event,
    Gathering,
    Invitation,
    Message,
    MessageContent,
    Organisation,
    Person,
    ProgrammeVersion,
    School,
    StepRow,
    Trajectory,
)
from models.enums import InboxKind, MessageKind, MessageState, OrganisationKind, PartStat, StepKind, StepState
from traject.access import issue
from traject.inbox import store_arrival
from traject.store import Store

PROGRAMME = Path(__file__).parent / "programmes" / "proef.yaml"
ASKED = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
STARTS = datetime(2026, 10, 7, 11, 30, tzinfo=UTC)  # Wednesday 13:30 in Haarlem
CLOSES = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    """The ids and the open tokens."""

    trajectory: int
    step: int
    gathering: int
    invitation: int
    other_invitation: int
    round: int
    request: int
    other_request: int
    invitation_token: str
    request_token: str


def build(store: Store) -> World:
    with store.write() as session:
        school = _add(
            session, Organisation(kind=OrganisationKind.SCHOOL, name="Basisschool De Kleine Wereld")
        )
        session.add(School(organisation_id=school, code="16LF00", sector="po", official_name="KLEINE WERELD"))
        version = _add(
            session,
            ProgrammeVersion(
                key="po-nieuw",
                version=1,
                title="Nieuw",
                sha256="0",
                text=PROGRAMME.read_text(),
                stored_at=ASKED,
            ),
        )
        trajectory = _add(
            session,
            Trajectory(
                reference="po-nieuw:16LF00",
                programme_version_id=version,
                organisation_id=school,
                title="Cultuureducatie bij De Kleine Wereld",
                starts_on=date(2026, 9, 1),
                launched_at=ASKED,
            ),
        )
        people = [
            _add(session, Person(name=name, email=email, organisation_id=school))
            for name, email in (
                ("Fatima Çelik", "fatima@school.example"),
                ("Jan de Wit", "jan@school.example"),
            )
        ]
        meeting = _step(session, trajectory, "studiemiddag", StepKind.GATHERING)
        yearly = _step(session, trajectory, "jaarevaluatie", StepKind.EVALUATION)
        gathering = _add(
            session,
            Gathering(
                trajectory_id=trajectory,
                step_id=meeting,
                uid="g-1@traject.example",
                sequence=1,
                title="Studiemiddag beeldende kunst",
                description="Een middag zelf maken en samen kiezen wat past bij de school.",
                place="Hart, Kleine Houtweg 18, Haarlem",
                starts_at=STARTS,
                ends_at=STARTS + timedelta(hours=3),
            ),
        )
        invitations = [
            _add(
                session,
                Invitation(
                    gathering_id=gathering, person_id=person, tag=f"i{person}", address=address, sequence=1
                ),
            )
            for person, address in zip(people, ("fatima@school.example", "jan@school.example"), strict=True)
        ]
        evaluation = _add(
            session,
            EvaluationRound(
                trajectory_id=trajectory,
                step_id=yearly,
                step_key="jaarevaluatie",
                school_year="2026-2027",
                questionnaire="jaarevaluatie",
                opened_at=ASKED,
                closes_at=CLOSES,
            ),
        )
        requests = [
            _add(
                session,
                EvaluationRequest(
                    round_id=evaluation,
                    person_id=person,
                    role="coordinator",
                    tag=f"e{person}",
                    asked_at=ASKED,
                ),
            )
            for person in people
        ]
        return World(
            trajectory,
            meeting,
            gathering,
            *invitations,
            evaluation,
            *requests,
            issue(session, now=ASKED, expires_at=STARTS + timedelta(days=30), invitation_id=invitations[0]),
            issue(session, now=ASKED, expires_at=CLOSES + timedelta(days=30), request_id=requests[0]),
        )


def queue_reminder(
    store: Store,
    world: World,
    key: str,
    *,
    invitation_id: int | None = None,
    request_id: int | None = None,
    is_reminder: bool = True,
    person_id: int | None = None,
) -> int:
    """A mail that waits in the outbox."""
    with store.write() as session:
        return _add(
            session,
            Message(
                effect_key=key,
                kind=MessageKind.GATHERING_REMINDER if invitation_id else MessageKind.EVALUATION_REMINDER,
                trajectory_id=world.trajectory,
                invitation_id=invitation_id,
                request_id=request_id,
                person_id=person_id,
                is_reminder=is_reminder,
                to_email="fatima@school.example",
                return_path=f"cmk+{key}@hart.example",
                message_id=f"<{key}@hart.example>",
                subject="Weet u het al?",
                content=MessageContent(data=b"..."),
                queued_at=ASKED,
                next_attempt_at=STARTS - timedelta(days=2),
            ),
        )


def dump(store: Store) -> dict[str, list[Any]]:
    """Every row of every table."""
    with store.engine.connect() as connection:
        return {
            name: [tuple(row) for row in connection.execute(table.select().order_by(*table.primary_key))]
            for name, table in SQLModel.metadata.tables.items()
        }


def partstat(store: Store, invitation_id: int) -> PartStat:
    with store.read() as session:
        return session.get_one(Invitation, invitation_id).partstat


def expire(store: Store) -> None:
    """Every token is past its time."""
    with store.write() as session:
        for token in session.exec(select(AccessToken)).all():
            token.expires_at = ASKED
            session.add(token)


def _add(session: Session, row: Any) -> int:
    session.add(row)
    session.flush()
    return row.id


def _step(session: Session, trajectory: int, key: str, kind: StepKind) -> int:
    return _add(
        session,
        StepRow(trajectory_id=trajectory, key=key, kind=kind, title=key, state=StepState.OPEN, due_at=ASKED),
    )


def keep(store: Store, at: datetime, invitation: int, key: str, said: dict[str, Any] | str) -> int:
    """Store one answer to an invitation."""
    payload = {"partstat": said, "comment": ""} if isinstance(said, str) else said
    with store.write() as session:
        arrival = store_arrival(
            session, InboxKind.INVITATION_ANSWER, key, at, payload, invitation_id=invitation
        )
        assert arrival is not None
        session.flush()
        return arrival.id or 0


def events(store: Store) -> list[str]:
    with store.read() as session:
        return list(session.exec(select(Event.name).order_by(Event.id)).all())


def state_of(store: Store, message: int) -> MessageState:
    with store.read() as session:
        return session.get_one(Message, message).state
