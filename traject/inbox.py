"""Everything that arrives is stored first and applied once.

`store_arrival` and `apply_arrival` are two transactions: what was stored is never lost, whatever happens next. One
transaction consumes the arrival, makes the fact, writes the event, withdraws what would still remind and, for an evaluation, wakes the
plan; `advance` then follows the facts. An arrival that cannot be applied is put aside with the reason and stops nothing.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Session, SQLModel, col, select

from models import Arrival, EvaluationRequest, EvaluationRound, Gathering, Invitation
from models.enums import InboxKind, InboxState, PartStat
from traject.answers import Answer, Judged, current_sequence
from traject.evaluations import AnswerResult, record_answers
from traject.fetched import mail_key
from traject.incoming import apply_mail
from traject.known_senders import keep_aliases
from traject.outcome import Outcome, recorded
from traject.places import take_answer
from traject.settings import Settings
from traject.store import Store
from traject.waking import lock_trajectories, wake

log = logging.getLogger(__name__)

TOGETHER = 20
"""Arrivals in one transaction, because beginning and ending one costs as much as an arrival."""

_GIVE_WAY = text("SET LOCAL lock_timeout = '100ms'")
"""Several arrivals lock several trajectories, in any order. Whoever waits for us finds a deadlock after a second only, so
this lets us give way first: then each arrival is applied by itself. SQLite has one writer."""

_inbox = SQLModel.metadata.tables[str(Arrival.__tablename__)].c
_ADD = (  # as text, because SQLAlchemy compiles an ON CONFLICT anew each time, and a savepoint is two statements more
    text(
        "INSERT INTO inbox (external_key, kind, received_at, invitation_id, request_id, payload, raw, state, outcome, why) "
        "VALUES (:external_key, :kind, :received_at, :invitation_id, :request_id, :payload, :raw, :state, '', '') "
        "ON CONFLICT (external_key) DO NOTHING RETURNING id, external_key, kind, received_at, invitation_id, request_id, "
        "payload, raw, state, outcome, why, applied_at"
    )
    .bindparams(
        *(
            bindparam(name, type_=_inbox[name].type)
            for name in ("external_key", "kind", "received_at", "payload", "raw", "state")
        )
    )
    .columns(*_inbox)
)


@dataclass
class Report:
    """What one drain of the inbox did: how many arrivals by outcome."""

    outcomes: Counter[str] = field(default_factory=Counter[str])

    @property
    def total(self) -> int:
        """How many were taken."""
        return self.outcomes.total()


def store_arrival(
    session: Session,
    kind: InboxKind,
    external_key: str,
    received_at: datetime,
    payload: Mapping[str, Any],
    raw: bytes | None = None,
    invitation_id: int | None = None,
    request_id: int | None = None,
) -> Arrival | None:
    """Keep what arrived. None: it is here already, by its `external_key`; nothing was changed.

    The payload of an invitation's answer: `partstat`, `comment`, and the `sequence` it answers (else the one of the
    moment it is applied). Of an evaluation's: `answers`, already checked, `questionnaire` and `version`.
    """
    values = {
        "external_key": external_key,
        "kind": kind,
        "received_at": received_at,
        "invitation_id": invitation_id,
        "request_id": request_id,
        "payload": dict(payload),
        "raw": raw,
        "state": InboxState.STORED,
    }
    return session.scalars(select(Arrival).from_statement(_ADD), values).one_or_none()


def find_arrival(session: Session, external_key: str) -> Arrival | None:
    """The arrival with this key."""
    return session.exec(select(Arrival).where(Arrival.external_key == external_key)).one_or_none()


def apply_arrival(session: Session, arrival_id: int, now: datetime, settings: Settings) -> Outcome:
    """Apply one arrival, once: waits while another process is at it, and a second call gives the first's outcome."""
    keep_aliases(session)
    arrival = session.exec(select(Arrival).where(Arrival.id == arrival_id).with_for_update()).one()
    return _apply(session, arrival, now, settings)


def _apply(session: Session, arrival: Arrival, now: datetime, settings: Settings) -> Outcome:
    if arrival.state is not InboxState.STORED:
        return recorded(arrival)
    match arrival.kind:
        case InboxKind.INVITATION_ANSWER:
            outcome = _apply_invitation_answer(session, arrival, now, settings)
        case InboxKind.EVALUATION_ANSWER:
            outcome = _apply_evaluation_answer(session, arrival, now)
        case InboxKind.MAIL:
            outcome = apply_mail(session, arrival, now, settings)
            arrival.payload = outcome.details()
    _settle(session, arrival, outcome, now)
    return recorded(arrival)


def apply_one(store: Store, arrival_id: int, now: datetime, settings: Settings) -> Outcome:
    """Apply one stored arrival in a transaction of its own; one that cannot be applied is put aside with the reason.

    Raises what says that the database is not there; the arrival then stays stored for the next time.
    """
    try:
        with store.write() as session:
            return apply_arrival(session, arrival_id, now, settings)
    except Exception as error:
        return _put_aside(store, arrival_id, error, now)


_STORED = (
    select(col(Arrival.id))
    .where(col(Arrival.state) == InboxState.STORED)
    .order_by(col(Arrival.id))
    .limit(bindparam("most"))
)


def apply_stored(store: Store, settings: Settings, now: datetime, limit: int = 500) -> Report:
    """Apply what waits, oldest first, at most `limit`. What another process is at is left to it.

    Raises as `apply_one`.
    """
    report = Report()
    with store.glance() as connection:  # so that an empty inbox takes no write lock
        ids = connection.execute(_STORED, {"most": limit}).scalars().all()
    for start in range(0, len(ids), TOGETHER):
        batch = ids[start : start + TOGETHER]
        try:
            found = _apply_claimed(store, batch, now, settings)
        except Exception as error:
            if len(batch) == 1:
                found = [_put_aside(store, batch[0], error, now).outcome]
            else:  # one of them is at fault, or somebody else is at their trajectory: each by itself
                found = _apply_each(store, batch, now, settings)
        report.outcomes.update(found)
    return report


def _apply_claimed(store: Store, batch: Sequence[int], now: datetime, settings: Settings) -> list[str]:
    """Apply these in one transaction, without what another process is at; gives how they ended."""
    with store.write() as session:
        if len(batch) > 1 and not store.is_sqlite:
            session.connection().execute(_GIVE_WAY)
        keep_aliases(session)
        claim = select(Arrival).where(col(Arrival.id).in_(batch), col(Arrival.state) == InboxState.STORED)
        claimed = session.exec(claim.order_by(col(Arrival.id)).with_for_update(skip_locked=True)).all()
        return [_apply(session, arrival, now, settings).outcome for arrival in claimed]


def _apply_each(store: Store, batch: Sequence[int], now: datetime, settings: Settings) -> list[str]:
    found: list[str] = []
    for arrival_id in batch:
        try:
            found += _apply_claimed(store, [arrival_id], now, settings)
        except Exception as error:
            found.append(_put_aside(store, arrival_id, error, now).outcome)
    return found


def add_mail(
    store: Store, settings: Settings, mail: bytes, received_at: datetime, now: datetime | None = None
) -> Outcome:
    """Store one mail, whatever it is, and apply it at `now` (else `received_at`).

    The same bytes a second time change nothing and give the outcome again.
    """
    key = mail_key(mail)
    with store.write() as session:
        arrival = store_arrival(session, InboxKind.MAIL, key, received_at, {}, raw=mail)
        arrival = arrival or find_arrival(session, key)
        arrival_id = arrival.id if arrival else None
    if arrival_id is None:
        message = f"the arrival {key} was stored and is gone; run `traject reconcile`"
        raise LookupError(message)
    return apply_one(store, arrival_id, now or received_at, settings)


def _put_aside(store: Store, arrival_id: int, error: Exception, now: datetime) -> Outcome:
    if isinstance(error, DBAPIError) and not isinstance(error, IntegrityError):
        raise error  # not this arrival's fault: the database is locked, gone or full
    # The reason stands in the inbox; a log must not hold what people wrote.
    log.warning("arrival put aside", extra={"arrival": arrival_id, "error": type(error).__name__})
    with store.write() as session:
        arrival = session.get_one(Arrival, arrival_id)
        what = f"{type(error).__name__}: {error}"
        why = f"kon niet worden verwerkt ({what}); lees het origineel, en meld het aan de beheerder"
        outcome = Outcome(arrival.kind.value, "quarantined", why[:500])
        _settle(session, arrival, outcome, now)
    return outcome


def _settle(session: Session, arrival: Arrival, outcome: Outcome, now: datetime) -> None:
    arrival.state = outcome.state
    arrival.outcome = outcome.outcome
    arrival.why = outcome.why
    arrival.applied_at = now
    session.add(arrival)


def _apply_invitation_answer(
    session: Session, arrival: Arrival, now: datetime, settings: Settings
) -> Outcome:
    invitation_id = arrival.invitation_id or 0
    trajectory_id = session.exec(
        select(Gathering.trajectory_id)
        .join(Invitation, col(Invitation.gathering_id) == Gathering.id)
        .where(Invitation.id == invitation_id)
    ).one()
    lock_trajectories(session, [trajectory_id])
    invitation = session.get_one(Invitation, invitation_id)
    gathering = session.get_one(Gathering, invitation.gathering_id)
    said = arrival.payload
    sequence = said.get("sequence")
    answer = Answer(
        partstat=PartStat(said["partstat"]),
        comment=said.get("comment", ""),
        sequence=current_sequence(gathering, invitation) if sequence is None else int(sequence),
        given_at=arrival.received_at,
        received_at=arrival.received_at,
        via="web",
    )
    # Nothing that is planned waits for an answer to an invitation, so the trajectory is not woken.
    result = take_answer(session, gathering, invitation, answer, settings, now=now)
    kind = arrival.kind.value
    if result is Judged.UNCHANGED:
        return Outcome(kind, "counted", "het antwoord was al hetzelfde")
    return Outcome(kind, result.value)


def _apply_evaluation_answer(session: Session, arrival: Arrival, now: datetime) -> Outcome:
    request_id = arrival.request_id or 0
    trajectory_id = session.exec(
        select(EvaluationRound.trajectory_id)
        .join(EvaluationRequest, col(EvaluationRequest.round_id) == EvaluationRound.id)
        .where(EvaluationRequest.id == request_id)
    ).one()
    lock_trajectories(session, [trajectory_id])
    said = arrival.payload
    result = record_answers(
        session,
        session.get_one(EvaluationRequest, request_id),
        said["answers"],
        questionnaire=said["questionnaire"],
        version=said["version"],
        received_at=arrival.received_at,
        now=now,
    )
    if result is AnswerResult.COUNTED:
        wake(session, [trajectory_id], now)
    # The answers are kept in one place only, so that changing or erasing them there leaves nothing here.
    arrival.payload = {"questionnaire": said["questionnaire"], "version": said["version"]}
    kind = arrival.kind.value
    if result is AnswerResult.UNCHANGED:
        return Outcome(kind, "counted", "de antwoorden waren al hetzelfde")
    return Outcome(kind, result.value)
