"""Who gets several small mails together in one: whoever would otherwise get more than three mails in a week.

An overview is made in the transaction that claims it, so it holds nothing whose reason had gone. A reminder never waits
for one: it goes now, with whatever else may go with it; only news waits, once, until there is room. What has a calendar
part, opens a stage or asks for an evaluation is a mail of its own; it counts, and goes as it would.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import blake2b

from sqlalchemy import and_, bindparam, func, or_, select
from sqlmodel import Session, SQLModel, col
from sqlmodel import select as rows_of

from models import Message, MessageContent, Organisation, Person, Trajectory
from models.enums import MessageKind, MessageState
from traject import digest_parts, unsubscribe
from traject.compose import compose
from traject.digest_text import adviser_of, dutch_in, pieces_of, told_apart
from traject.dossier import calendars_of, row_id
from traject.mail_bytes import Head
from traject.mail_contexts import DigestContext, DigestLine
from traject.mail_words import Dutch
from traject.outbox import Candidate
from traject.settings import Settings

MOST = 3
WEEK = timedelta(days=7)
WAITS = "wacht op ruimte in de week"
"""Why news was put off, so that it is put off once."""

NEWS = frozenset({MessageKind.NOTICE, MessageKind.THANKS})
"""What asks nothing of anybody, and so can wait."""

MERGED = NEWS | {MessageKind.REMINDER, MessageKind.GATHERING_REMINDER, MessageKind.EVALUATION_REMINDER}
"""What may stand in an overview. A nudge is one mail about all that was not answered already."""

_UNCOUNTED = (MessageKind.TASK, MessageKind.MAILBOX)  # staff's own work
_messages = SQLModel.metadata.tables[str(Message.__tablename__)]
_m = _messages.c
_NOW = bindparam("now", type_=_m.queued_at.type)
_LEFT = or_(_m.state == MessageState.ATTEMPTING, _m.accepted_at > bindparam("since", type_=_m.queued_at.type))
_GOES = and_(_m.state == MessageState.QUEUED, _m.next_attempt_at <= _NOW)
_COUNTED = and_(
    _m.person_id.in_(bindparam("people", expanding=True)),
    _m.digest_id.is_(None),
    _m.kind.not_in(_UNCOUNTED),
    or_(_LEFT, _GOES),
)
_TOO_MANY = (
    select(_m.person_id)
    .where(_COUNTED)
    .group_by(_m.person_id)
    .having(func.count() > MOST)
    .order_by(_m.person_id)
)
_WHEN = select(func.coalesce(_m.accepted_at, _m.attempted_at, _NOW)).where(
    _COUNTED, ~and_(_GOES, _m.kind.in_(MERGED))
)


class Digests:
    """Puts mail together for one sender."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._name, self._email = settings.sender

    def merge(self, session: Session, candidates: Sequence[Candidate], now: datetime) -> bool:
        """Put together or off what is too much for those who would get mail now; whether anything changed."""
        changed = self._look_again(
            session, [one.id for one in candidates if one.kind is MessageKind.DIGEST], now
        )
        people = {one.person_id for one in candidates if one.kind in MERGED} - {None}
        if people:
            asked = {"people": sorted(filter(None, people)), "since": now - WEEK, "now": now}
            for person_id in session.connection().execute(_TOO_MANY, asked).scalars().all():
                changed |= self._fit(session, person_id, now)
        return changed

    def _look_again(self, session: Session, digest_ids: Sequence[int], now: datetime) -> bool:
        """Take apart what was made before and never offered to the server, when it says what is no longer so.

        One that was offered may have arrived, and goes again with the same bytes as long as anything in it holds.
        """
        changed = False
        connection = session.connection()
        for digest_id in digest_ids:
            states = connection.execute(select(_m.state).where(_m.digest_id == digest_id)).scalars().all()
            gone = [state for state in states if state is not MessageState.ATTEMPTING]
            offered = connection.execute(select(_m.attempted_at).where(_m.id == digest_id)).scalar()
            if len(gone) == len(states):
                digest_parts.withdraw(connection, digest_id, why="wat erin stond is ingetrokken")
            elif gone and offered is None:
                digest_parts.take_apart(connection, digest_id, at=now, why="")
            else:
                continue
            changed = True
        return changed

    def _fit(self, session: Session, person_id: int, now: datetime) -> bool:
        # Who is being changed or put together elsewhere gets these by themselves: nobody waits for a lock here.
        mine = rows_of(Person).where(Person.id == person_id).with_for_update(key_share=True, skip_locked=True)
        person = session.exec(mine.execution_options(populate_existing=True)).one_or_none()
        if person is None:
            return False
        due = session.exec(
            rows_of(Message)
            .where(
                Message.person_id == person_id,
                Message.to_email == person.email,
                Message.state == MessageState.QUEUED,
                col(Message.kind).in_(MERGED),
                col(Message.next_attempt_at) <= now,
                or_(col(Message.expires_at).is_(None), col(Message.expires_at) > now),
                col(Message.attempted_at).is_(None),  # of what may have arrived, only the same bytes go again
            )
            .order_by(col(Message.kind).in_(NEWS), col(Message.next_attempt_at), col(Message.id))
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).all()
        asked = {"people": [person_id], "since": now - WEEK, "now": now}
        left = sorted(session.connection().execute(_WHEN, asked).scalars())
        if len(left) >= MOST and due and all(each.kind in NEWS and each.answer != WAITS for each in due):
            calendar = calendars_of(session, (), self._settings)[None]
            room_at = calendar.next_sending_moment(left[-MOST] + WEEK)
            for each in due:
                # Its days of trying begin when there is room.
                each.answer, each.next_attempt_at, each.queued_at = WAITS, room_at, room_at
        elif len(due) > 1:
            self._together(session, person, due, now)
        else:
            return False
        session.flush()
        return True

    def _together(self, session: Session, person: Person, parts: Sequence[Message], now: datetime) -> None:
        key = f"digest:p{person.id}:{parts[0].id}:{now.isoformat()}"
        tag = blake2b(key.encode(), key=self._settings.key[:64], digest_size=10).hexdigest()
        news = any(part.kind in unsubscribe.OPTIONAL for part in parts)
        head = Head(
            message_id=f"<{tag}@{self._email.partition('@')[2]}>",
            date=now,
            from_name=self._name,
            from_email=self._email,
            to_name=person.name,
            to_email=person.email,
            reply_to=self._tagged(tag),
            list_unsubscribe=unsubscribe.links(self._settings, row_id(person)) if news else (),
        )
        context = self._context(session, person, parts, head)
        composed = compose(MessageKind.DIGEST, person.language, context, head)
        digest = Message(
            effect_key=key,
            kind=MessageKind.DIGEST,
            person_id=person.id,
            to_email=person.email,
            return_path=self._tagged(f"b-{tag}"),
            message_id=head.message_id,
            subject=composed.subject,
            content=MessageContent(data=composed.data),
            queued_at=min(part.queued_at for part in parts),
            # It takes the place of the first that was due, and so is claimed now.
            next_attempt_at=min(part.next_attempt_at or now for part in parts),
        )
        session.add(digest)
        session.flush()
        for part in parts:
            part.state, part.digest_id, part.next_attempt_at = MessageState.ATTEMPTING, digest.id, None

    def _context(
        self, session: Session, person: Person, parts: Sequence[Message], head: Head
    ) -> DigestContext:
        mails = [(part.subject, part.data or b"") for part in parts]
        advisers = {adviser_of(data) for _, data in mails} - {""}
        named = session.exec(rows_of(Person).where(col(Person.email).in_(advisers))).all()
        one = named[0] if len(named) == len(advisers) == 1 else None
        titles, names = self._about(session, parts)
        known = (titles, names) if len({part.trajectory_id for part in parts}) == 1 else ()
        lines = [
            DigestLine(title, pieces_of(data, adviser=one.email if one else "", known=known), dutch_in(data))
            for title, data in mails
        ]
        return DigestContext(
            person_name=person.name,
            organisation_name=names,
            trajectory_title=titles,
            programme_title=titles,
            adviser_name=one.name if one else self._name or self._email,
            adviser_email=one.email if one else self._email,
            base_url=self._settings.base_url,
            privacy_url=f"{self._settings.base_url}/privacy",
            unsubscribe_url=head.list_unsubscribe[0] if head.list_unsubscribe else "",
            lines=told_apart(lines),
            has_one_adviser=one is not None,
        )

    def _about(self, session: Session, parts: Sequence[Message]) -> tuple[str, str]:
        """The trajectories that it is about, and whose they are."""
        found = session.exec(
            rows_of(Trajectory, Organisation)
            .outerjoin(Organisation, col(Organisation.id) == col(Trajectory.organisation_id))
            .where(col(Trajectory.id).in_({part.trajectory_id for part in parts}))
            .order_by(col(Trajectory.id))
        ).all()
        titles = dict.fromkeys(trajectory.title for trajectory, _ in found)
        names = dict.fromkeys(home.name if home else trajectory.group_name for trajectory, home in found)
        sender = self._name or self._email
        return Dutch(", ".join(titles)) or sender, ", ".join(filter(None, names)) or sender

    def _tagged(self, tag: str) -> str:
        local, _, domain = self._email.partition("@")
        return f"{local}+{tag}@{domain}"
