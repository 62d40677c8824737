"""Files attached to records: their bytes as they came."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from trackkit.domain.project.kinds import Kind
from trackkit.store.project_tables import files


@dataclass(frozen=True, slots=True)
class FileRow:
    """An attached file without its bytes."""

    id: int
    record_kind: Kind
    record_id: int
    name: str
    size: int
    sha256: str
    added_at: datetime
    added_by: str


_ABOUT = tuple(column for column in files.columns if column.name != "content")


def attached(connection: Connection, kind: Kind, number: int) -> list[FileRow]:
    """The files of a record in the order they were added."""
    query = select(*_ABOUT).where(files.c.record_kind == kind, files.c.record_id == number).order_by(files.c.id)
    return [FileRow(**row._mapping) for row in connection.execute(query)]


def attach(
    connection: Connection, kind: Kind, number: int, name: str, content: bytes, now: datetime, username: str
) -> FileRow:
    """Add a file to a record."""
    last = connection.execute(select(func.max(files.c.id))).scalar() or 0
    row = FileRow(last + 1, kind, number, name, len(content), hashlib.sha256(content).hexdigest(), now, username)
    values = {column.name: getattr(row, column.name) for column in _ABOUT}
    connection.execute(insert(files).values(content=content, **values))
    return row


def find(connection: Connection, file_id: int) -> FileRow | None:
    """What is known of a file."""
    row = connection.execute(select(*_ABOUT).where(files.c.id == file_id)).first()
    return FileRow(**row._mapping) if row else None


def content(connection: Connection, file_id: int) -> bytes:
    """The bytes of a file that is there."""
    return bytes(connection.execute(select(files.c.content).where(files.c.id == file_id)).scalar_one())


def detach(connection: Connection, file_id: int) -> None:
    """Remove a file."""
    connection.execute(delete(files).where(files.c.id == file_id))
