"""The list of project databases: what this server knows of each without looking into it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from trackkit.domain.databases import DatabaseSettings, Place
from trackkit.domain.declared import fields_of, flat_values
from trackkit.domain.errors import Conflict
from trackkit.store.tables import databases


@dataclass(frozen=True, slots=True)
class DatabaseRow:
    """A database of the list."""

    id: int
    name: str
    name_key: str
    place: Place
    database_id: str
    sealed_password: bytes | None
    settings: DatabaseSettings
    revision: int
    created_at: datetime
    last_backup_at: datetime | None
    last_compacted_at: datetime | None


_SETTINGS = tuple(fields_of(DatabaseSettings))


def _row(found: Any) -> DatabaseRow:
    values = dict(found._mapping)
    settings = DatabaseSettings(**{name: values.pop(name) for name in _SETTINGS})
    return DatabaseRow(settings=settings, **values)


def all_databases(connection: Connection) -> list[DatabaseRow]:
    """Every database, by name."""
    return [_row(found) for found in connection.execute(select(databases).order_by(databases.c.name_key))]


def find_database(connection: Connection, key: str, *, lock: bool = False) -> DatabaseRow | None:
    """The database with that key (`Location.key`); `lock` keeps the row until the transaction ends."""
    query = select(databases).where(databases.c.name_key == key)
    found = connection.execute(query.with_for_update() if lock else query).first()
    return _row(found) if found else None


def by_row(connection: Connection, row_id: int, *, lock: bool = False) -> DatabaseRow | None:
    """The database with that row id; `lock` keeps the row until the transaction ends."""
    query = select(databases).where(databases.c.id == row_id)
    found = connection.execute(query.with_for_update() if lock else query).first()
    return _row(found) if found else None


def by_identity(connection: Connection, database_id: str) -> DatabaseRow | None:
    """The database with that identity."""
    found = connection.execute(select(databases).where(databases.c.database_id == database_id)).first()
    return _row(found) if found else None


def add_database(
    connection: Connection,
    *,
    name: str,
    key: str,
    place: Place,
    database_id: str,
    sealed_password: bytes | None,
    settings: DatabaseSettings,
    now: datetime,
) -> DatabaseRow:
    """Put a database into the list; `Conflict` when its name, or the very same database, is there already."""
    values = {
        "name": name,
        "name_key": key,
        "place": place,
        "database_id": database_id,
        "sealed_password": sealed_password,
        "revision": 1,
        "created_at": now,
        **flat_values(settings),
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(databases).values(values))
    except IntegrityError:
        twin = by_identity(connection, database_id)
        if twin is not None and twin.name_key != key:
            raise Conflict(
                f"{name} is a copy of {twin.name}, which is in the list; nothing was changed.",
                f"Two databases with one identity cannot be told apart. Restore a backup of {twin.name} instead.",
            ) from None
        raise Conflict(
            f"There is a database {name!r} in the list already; nothing was changed.",
            "Names that differ only in case are the same.",
        ) from None
    row = find_database(connection, key)
    assert row is not None  # noqa: S101 - it was put there just now
    return row


def edit_database(connection: Connection, row: DatabaseRow, settings: DatabaseSettings) -> None:
    """Change the settings of a row that was read with `lock`."""
    values = {**flat_values(settings), "revision": row.revision + 1}
    connection.execute(update(databases).where(databases.c.id == row.id).values(values))


def remove_database(connection: Connection, row_id: int) -> None:
    """Take a database out of the list."""
    connection.execute(delete(databases).where(databases.c.id == row_id))


def note_backup(connection: Connection, key: str, at: datetime) -> None:
    """Remember the last verified backup."""
    connection.execute(update(databases).where(databases.c.name_key == key).values(last_backup_at=at))


def note_compaction(connection: Connection, key: str, at: datetime) -> None:
    """Remember the last compaction; what was wanted for the next start is done."""
    values = {"last_compacted_at": at, "compact_next_start": False}
    connection.execute(update(databases).where(databases.c.name_key == key).values(values))
