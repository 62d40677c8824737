"""Rows of the backups this server made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from trackkit.store.tables import backups


@dataclass(frozen=True, slots=True)
class BackupRow:
    """A backup: a folder that is never written to again."""

    id: int
    database: str
    location: str
    made_at: datetime
    size: int
    row_count: int
    verified: bool
    task: str


@dataclass(frozen=True, slots=True)
class FoundBackup:
    """A backup that lies in a backup folder; what its manifest says of it."""

    database: str
    location: str
    made_at: datetime
    size: int
    row_count: int
    task: str


def add_backup(
    connection: Connection,
    *,
    database: str,
    location: str,
    made_at: datetime,
    size: int,
    row_count: int,
    task: str,
    verified: bool = True,
) -> BackupRow:
    """A backup that was verified just now, or one that was found."""
    values = {
        "database": database,
        "location": location,
        "made_at": made_at,
        "size": size,
        "row_count": row_count,
        "verified": verified,
        "task": task,
    }
    number = connection.execute(insert(backups).values(values).returning(backups.c.id)).scalar_one()
    return BackupRow(id=number, **values)  # type: ignore[arg-type]


def note_found(connection: Connection, found: Iterable[FoundBackup]) -> None:
    """Backups that nobody made here; one that is known already, or becomes known meanwhile, stays as it is."""
    for backup in found:
        try:
            with connection.begin_nested():
                add_backup(connection, **asdict(backup), verified=False)
        except IntegrityError:
            continue


def find_backup(connection: Connection, backup_id: int) -> BackupRow | None:
    """The backup with that number."""
    row = connection.execute(select(backups).where(backups.c.id == backup_id)).first()
    return BackupRow(**row._mapping) if row else None


def all_backups(connection: Connection, database: str | None = None) -> list[BackupRow]:
    """Backups of one database or of all, newest first."""
    query = select(backups).order_by(backups.c.id.desc())
    rows = connection.execute(query if database is None else query.where(backups.c.database == database))
    return [BackupRow(**row._mapping) for row in rows]


def forget_backup(connection: Connection, backup_id: int) -> None:
    """A backup that rotation removed."""
    connection.execute(delete(backups).where(backups.c.id == backup_id))
