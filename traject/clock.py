"""The one place where the real clock is read; flows, the command line and the portal call it, nothing else."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)
