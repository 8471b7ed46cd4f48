"""Column types that every table shares: instants in UTC, enums as readable text, JSON."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Enum, LargeBinary
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field


class Instant(TypeDecorator[datetime]):
    """An aware datetime, stored in UTC. SQLite has no time zones, so it keeps the naive UTC value."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive datetime: it would silently mean another instant."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = f"{value!r} has no time zone; give an aware datetime"
            raise ValueError(message)
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """How a stored value is read. SQLite's text in one step: every row has several, and in three it takes ten times as long."""
        return _of_text if dialect.name == "sqlite" else super().result_processor(dialect, coltype)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back an aware datetime in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _of_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(f"{value}+00:00")


def id_field() -> Any:
    """A surrogate key, given by the database."""
    return Field(default=None, primary_key=True)


def ref(target: str, *, index: bool = True, nullable: bool = False, unique: bool = False) -> Any:
    """A foreign key to `table.column`."""
    if nullable:
        return Field(default=None, foreign_key=target, index=index, nullable=True, unique=unique)
    return Field(foreign_key=target, index=index, unique=unique)


def instant(*, index: bool = False, nullable: bool = False) -> Any:
    """An instant, always aware, always UTC."""
    if nullable:
        return Field(default=None, sa_type=Instant, index=index, nullable=True)
    return Field(sa_type=Instant, index=index)


def choice(kind: type[StrEnum], default: StrEnum | None = None) -> Any:
    """An enum stored as its readable value; the database does not know the members, so adding one is no migration."""
    column = Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=24,
        values_callable=lambda members: [member.value for member in members],
    )
    return Field(sa_type=column) if default is None else Field(default=default, sa_type=column)  # pyright: ignore[reportArgumentType, reportCallIssue]


def json_field() -> Any:
    """A JSON object."""
    return Field(default_factory=dict, sa_type=JSON)


def bytes_field(*, nullable: bool = False) -> Any:
    """Bytes, as they are."""
    if nullable:
        return Field(default=None, sa_type=LargeBinary, nullable=True)
    return Field(sa_type=LargeBinary)
