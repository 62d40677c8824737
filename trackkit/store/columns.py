"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Dialect, Integer, String
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_MICROSECOND = timedelta(microseconds=1)


def microseconds(at: datetime) -> int:
    """An aware instant as it is stored: whole microseconds since 1970 in UTC."""
    return (at - EPOCH) // _MICROSECOND


def instant(stored: int) -> datetime:
    """A stored instant."""
    return EPOCH + stored * _MICROSECOND


RowId = BigInteger().with_variant(Integer(), "sqlite")
"""A key that counts up (SQLite counts only in columns declared INTEGER)."""

E = TypeVar("E", bound=StrEnum)


class Instant(TypeDecorator[datetime]):
    """An aware instant, stored as whole microseconds since 1970 in UTC: exact, and sorts as it should."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else instant(int(value))


class Enumerated(TypeDecorator[E]):
    """A member of a StrEnum, stored by its value."""

    impl = String
    cache_ok = True

    def __init__(self, enumeration: type[E]) -> None:
        self.enumeration = enumeration
        super().__init__(32)

    def process_bind_param(self, value: E | None, dialect: Dialect) -> str | None:
        return None if value is None else value.value

    def process_result_value(self, value: Any, dialect: Dialect) -> E | None:
        return None if value is None else self.enumeration(value)
