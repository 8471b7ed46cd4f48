"""Which rows a calendar feed shows, and the few sums over them that tell whether it changed.

The statements are built once: building one costs more than running it. Their parameters are `hash` (of the token), in
SHOWN `whose` (the id of the person or the trajectory), and three instants: what ended before `since` is left out, and in
the feed of staff answers are counted of what starts between `today` and `soon`; counting all of them takes too long.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    type_coerce,
)
from sqlmodel import col

from models import Feed, Gathering, Invitation, Organisation, Person, StepRow, Trajectory
from models.columns import Instant
from models.enums import FeedKind, GatheringState, PartStat


def _word(said: str) -> ColumnElement[str]:
    """Said in the statement itself: a parameter more costs as much as a row more."""
    return literal_column(f"'{said}'", String)


_NAME: ColumnElement[str] = func.coalesce(col(Organisation.name), col(Trajectory.group_name))
_STAMP: ColumnElement[Any] = func.coalesce(
    col(Gathering.changed_at), col(StepRow.acted_at), col(Trajectory.launched_at), type_=Instant()
)


_partstat = type_coerce(col(Invitation.partstat), String)
_STANDING = case(
    (col(Invitation.is_cancelled), _word("X")),
    (col(Invitation.offered_until).is_not(None), _word("O")),
    (
        and_(col(Invitation.waiting_since).is_not(None), _partstat == _word(PartStat.ACCEPTED.value)),
        _word("W"),
    ),
    else_=_partstat,
)
"""Where somebody stands, as `feed_shown.shown` tells it apart: answers come and go, so a sum would say nothing."""

_WHERE_EACH_STANDS = func.aggregate_strings(cast(col(Invitation.id), String).concat(_STANDING), ",")

COUNTED = (("ACCEPTED",), ("TENTATIVE",), ("DECLINED", "DELEGATED"), ("NEEDS-ACTION",), ("O", "W"))
"""What staff read of a gathering, as counts in this order: they come, may come, do not, have not answered, wait."""


def _answers() -> Select[Any]:
    counts = [cast(func.count().filter(_STANDING.in_(each)), String) for each in COUNTED]
    told: ColumnElement[str] = literal("", String)
    for each in counts:
        told = told.concat(" ").concat(each)
    return _soon(col(Invitation.gathering_id), told).group_by(col(Invitation.gathering_id))


def _soon(*columns: Any) -> Select[Any]:
    today, soon = (bindparam(name, type_=Instant()) for name in ("today", "soon"))
    return (
        select(*columns)
        .select_from(Invitation)
        .join(Gathering, col(Gathering.id) == col(Invitation.gathering_id))
        .where(col(Gathering.starts_at).between(today, soon))
    )


ANSWERS = _answers()
"""How many gave which answer at each gathering that is soon, in the order of COUNTED, with a blank before each."""

_IS_OPEN = (col(Feed.token_hash) == bindparam("hash"), col(Feed.revoked_at).is_(None))
_WHOSE = func.coalesce(col(Feed.person_id), col(Feed.trajectory_id), 0)


def _in_feed(kind: FeedKind, whose: ColumnElement[int]) -> Sequence[ColumnElement[bool]]:
    """Which gatherings are in a feed of this kind. One that is only proposed is in none: nobody was told of it."""
    known = [
        col(Gathering.state) != GatheringState.PROPOSED,
        col(Gathering.ends_at) >= bindparam("since", type_=Instant()),
    ]
    if kind is FeedKind.PERSON:
        return [*known, col(Invitation.person_id) == whose]
    if kind is FeedKind.TRAJECTORY:  # its own, and those of others to which a step of it sent people
        shared = (
            select(col(Invitation.gathering_id))
            .join(StepRow, col(StepRow.id) == col(Invitation.step_id))
            .where(col(StepRow.trajectory_id) == whose)
        )
        return [*known, or_(col(Gathering.trajectory_id) == whose, col(Gathering.id).in_(shared))]
    return known


def _shown(kind: FeedKind) -> Select[Any]:
    columns: list[Any] = [Gathering, _STAMP, _NAME]
    query = select(*columns, Invitation) if kind is FeedKind.PERSON else select(*columns)
    query = query.select_from(Gathering)
    if kind is FeedKind.PERSON:
        query = query.join(Invitation, col(Invitation.gathering_id) == col(Gathering.id))
    return (
        query.join(StepRow, col(StepRow.id) == col(Gathering.step_id))
        .join(Trajectory, col(Trajectory.id) == col(Gathering.trajectory_id))
        .outerjoin(Organisation, col(Organisation.id) == col(Trajectory.organisation_id))
        .where(*_in_feed(kind, bindparam("whose")))
        .order_by(col(Gathering.starts_at), col(Gathering.id))
    )


def _opened(kind: FeedKind) -> Select[Any]:
    """The feed and its marks in one statement, because asking a server costs more than what is asked."""
    marks: list[Any] = [_marks(kind)]
    if kind is FeedKind.STAFF:
        marks.append(_soon(_WHERE_EACH_STANDS).scalar_subquery())  # counting them takes longer
    return (
        select(
            col(Feed.id),
            col(Feed.kind),
            _WHOSE,
            col(Feed.token_hash),
            col(Feed.created_at),
            func.coalesce(col(Person.language), _word("nl")),
            func.coalesce(col(Trajectory.title), _word("")),
            *marks,
        )
        .select_from(Feed)
        .outerjoin(Person, col(Person.id) == col(Feed.person_id))
        .outerjoin(Trajectory, col(Trajectory.id) == col(Feed.trajectory_id))
        .where(*_IS_OPEN, col(Feed.kind) == kind)
    )


def _marks(kind: FeedKind) -> ScalarSelect[str]:
    """One text with the sums of each trajectory: reading rows of columns costs more than the sums."""
    marks: list[Any] = [
        func.count(),
        func.sum(col(Gathering.id)),
        func.sum(col(Gathering.sequence)),
        func.sum(col(Gathering.revision)),
        func.max(col(Gathering.changed_at)),
    ]
    if kind is FeedKind.PERSON:
        marks += [
            func.sum(col(Invitation.sequence)),
            func.max(col(Invitation.answered_at)),
            _WHERE_EACH_STANDS,
        ]
    query = select(col(Gathering.trajectory_id), *marks).select_from(Gathering)
    if kind is FeedKind.PERSON:
        query = query.join(Invitation, col(Invitation.gathering_id) == col(Gathering.id))
    whose = select(_WHOSE).where(*_IS_OPEN).correlate(None).scalar_subquery()
    sums = query.where(*_in_feed(kind, whose)).group_by(col(Gathering.trajectory_id)).subquery()
    told: ColumnElement[str] = func.coalesce(_NAME, _word(""))
    for each in sums.c:
        told = told.concat(_word(" ")).concat(func.coalesce(cast(each, String), _word("-")))
    return (
        select(func.aggregate_strings(told, ";"))
        .select_from(sums)
        .join(Trajectory, col(Trajectory.id) == sums.c.trajectory_id)
        .outerjoin(Organisation, col(Organisation.id) == col(Trajectory.organisation_id))
        .correlate(None)
        .scalar_subquery()
    )


SHOWN = {kind: _shown(kind) for kind in FeedKind}
"""Gathering, when it was last decided, of whom it is, and in a person's own feed the invitation; by start."""

OPENED = {kind: _opened(kind) for kind in FeedKind}
"""The feed, and what moves when anything in it does; NULL when it is empty."""
