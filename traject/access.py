"""What a link in a mail opens, and until when.

The token in the link is the whole capability: there is no account, no session and no cookie. Only its SHA-256 is kept,
so that a leaked database opens nothing.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import update
from sqlmodel import Session, col, select

from models import AccessToken

TOKEN_BYTES = 24
"""192 bits: more than enough never to be guessed, and a link short enough for one line of a mail."""


class Refusal(StrEnum):
    """Why a token opens nothing. For staff and tests: outsiders see the same words for each."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"


def issue(
    session: Session,
    *,
    now: datetime,
    expires_at: datetime,
    invitation_id: int | None = None,
    request_id: int | None = None,
) -> str:
    """Make a token for one invitation or one evaluation request, valid until `expires_at` (exclusive).

    Returns the token itself, which is kept nowhere. ValueError unless exactly one of the two ids is given.
    """
    if (invitation_id is None) == (request_id is None):
        message = "a token opens one invitation or one evaluation request; give exactly one of the two ids"
        raise ValueError(message)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    session.add(
        AccessToken(
            token_hash=token_hash(token),
            invitation_id=invitation_id,
            request_id=request_id,
            created_at=now,
            expires_at=expires_at,
        )
    )
    return token


def open_token(session: Session, token: str, now: datetime) -> AccessToken | Refusal:
    """What a token opens at `now`, or why it opens nothing. Changes nothing."""
    found = session.exec(
        select(AccessToken).where(col(AccessToken.token_hash) == token_hash(token))
    ).one_or_none()
    if found is None:
        return Refusal.UNKNOWN
    if found.revoked_at is not None and found.revoked_at <= now:
        return Refusal.REVOKED
    if found.expires_at <= now:
        return Refusal.EXPIRED
    return found


def revoke(
    session: Session, *, now: datetime, invitation_id: int | None = None, request_id: int | None = None
) -> int:
    """End every token of one invitation or one evaluation request. Returns how many were still valid.

    ValueError unless exactly one of the two ids is given.
    """
    if (invitation_id is None) == (request_id is None):
        message = "say whose tokens end: give exactly one of the two ids"
        raise ValueError(message)
    whose = (
        col(AccessToken.invitation_id) == invitation_id
        if invitation_id is not None
        else col(AccessToken.request_id) == request_id
    )
    ended = session.exec(
        update(AccessToken)
        .where(whose, col(AccessToken.revoked_at).is_(None), col(AccessToken.expires_at) > now)
        .values(revoked_at=now)
    )
    return ended.rowcount


LINK_LASTS = timedelta(days=30)
"""How much longer a link works than it can be answered, so that whoever is late reads that it is closed, and why."""


def answer_url(base_url: str, token: str) -> str:
    """The link that opens an invitation."""
    return f"{base_url}/i/{token}"


def evaluation_url(base_url: str, token: str) -> str:
    """The link that opens an evaluation request."""
    return f"{base_url}/e/{token}"


def token_hash(token: str) -> str:
    """What is kept of a token: the SHA-256, in 64 hexadecimal digits."""
    # A plain hash suffices: the token is random, so there is nothing to guess. `surrogatepass`: a hostile URL may hold
    # what is no text.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
