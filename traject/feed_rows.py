"""Which rows a calendar feed shows, and the few sums over them that tell whether it changed.

The statements are built once: building one costs more than running it. Their parameters are `whose` (the id of the
person or the trajectory) and `since` (an instant; what ended before it is left out).
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, bindparam, case, cast, func, or_, select
from sqlmodel import col

from models import Gathering, Invitation, Organisation, StepRow, Trajectory
from models.columns import Instant
from models.enums import FeedKind, GatheringState, PartStat

_NAME: ColumnElement[str] = func.coalesce(col(Organisation.name), col(Trajectory.group_name))
_STAMP: ColumnElement[Any] = func.coalesce(
    col(Gathering.changed_at), col(StepRow.acted_at), col(Trajectory.launched_at), type_=Instant()
)


def _in_feed(kind: FeedKind) -> Sequence[ColumnElement[bool]]:
    """Which gatherings are in a feed of this kind. One that is only proposed is in none: nobody was told of it."""
    known = [
        col(Gathering.state) != GatheringState.PROPOSED,
        col(Gathering.ends_at) >= bindparam("since", type_=Instant()),
    ]
    whose = bindparam("whose")
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
        .where(*_in_feed(kind))
        .order_by(col(Gathering.starts_at), col(Gathering.id))
    )


def _marks(kind: FeedKind) -> Select[Any]:
    marks: list[Any] = [
        col(Gathering.trajectory_id).label("trajectory_id"),
        func.count().label("gatherings"),
        func.sum(col(Gathering.id)),
        func.sum(col(Gathering.sequence)),
        func.sum(col(Gathering.revision)),
        func.max(col(Gathering.changed_at)),
    ]
    if kind is FeedKind.PERSON:
        marks += [
            func.sum(col(Invitation.sequence)),
            func.max(col(Invitation.answered_at)),
            func.aggregate_strings(_answer(), ","),
        ]
    query = select(*marks).select_from(Gathering)
    if kind is FeedKind.PERSON:
        query = query.join(Invitation, col(Invitation.gathering_id) == col(Gathering.id))
    sums = query.where(*_in_feed(kind)).group_by(col(Gathering.trajectory_id)).subquery()
    return (
        select(*sums.c, _NAME)
        .join(Trajectory, col(Trajectory.id) == sums.c.trajectory_id)
        .outerjoin(Organisation, col(Organisation.id) == col(Trajectory.organisation_id))
        .order_by(sums.c.trajectory_id)
    )


def _answer() -> ColumnElement[str]:
    """Where somebody stands, as `feed_shown.shown` tells it apart: answers come and go, so a sum would say nothing."""
    partstat = cast(col(Invitation.partstat), String)
    standing = case(
        (col(Invitation.is_cancelled), "X"),
        (col(Invitation.offered_until).is_not(None), "O"),
        (and_(col(Invitation.waiting_since).is_not(None), partstat == PartStat.ACCEPTED.value), "W"),
        else_=partstat,
    )
    return cast(col(Invitation.id), String).concat(standing)


SHOWN = {kind: _shown(kind) for kind in FeedKind}
"""Gathering, when it was last decided, of whom it is, and in a person's own feed the invitation; by start."""

MARKS = {kind: _marks(kind) for kind in FeedKind}
"""What moves when anything in a feed does: a row for each trajectory."""
