"""The history of changed options: who changed what at once, and from what to what. Nothing here is ever deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from trackkit.store.tables import option_changes

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change set as stored."""

    id: int
    at: datetime
    username: str
    client_address: str
    operation: str
    reverts: int | None
    before: Values
    after: Values


def add_change(
    connection: Connection,
    *,
    at: datetime,
    username: str,
    client_address: str,
    operation: str,
    reverts: int | None,
    before: Values,
    after: Values,
) -> None:
    """Keep a change, in the transaction that makes it."""
    connection.execute(
        insert(option_changes).values(
            at=at,
            username=username,
            client_address=client_address,
            operation=operation,
            reverts=reverts,
            before=dict(before),
            after=dict(after),
        )
    )


def find_change(connection: Connection, change_id: int) -> ChangeRow | None:
    """The change of that number."""
    row = connection.execute(select(option_changes).where(option_changes.c.id == change_id)).one_or_none()
    return None if row is None else ChangeRow(**row._mapping)


def page_changes(connection: Connection, before: int | None, limit: int) -> list[ChangeRow]:
    """Changes older than `before`, newest first."""
    query = select(option_changes).order_by(option_changes.c.id.desc()).limit(limit)
    rows = connection.execute(query if before is None else query.where(option_changes.c.id < before))
    return [ChangeRow(**row._mapping) for row in rows]


def changes_since(connection: Connection, change_id: int) -> list[ChangeRow]:
    """Every change after the one of that number, newest first."""
    query = select(option_changes).where(option_changes.c.id > change_id).order_by(option_changes.c.id.desc())
    return [ChangeRow(**row._mapping) for row in connection.execute(query)]
