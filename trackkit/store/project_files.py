"""Files attached to records: their bytes as they came. `NotFound` when the record is gone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from trackkit.domain.errors import NotFound
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS
from trackkit.store.project_numbers import take_file_numbers
from trackkit.store.project_tables import TABLES, files


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
    """Add a file to a record, which stays there until the transaction ends; `NotFound` when it is gone."""
    table = TABLES[kind]
    if connection.execute(select(table.c.id).where(table.c.id == number).with_for_update()).first() is None:
        raise NotFound(f"There is no {KINDS[kind].title.lower()} {number} (any more); nothing was attached.")
    sha256 = hashlib.sha256(content).hexdigest()
    row = FileRow(take_file_numbers(connection, 1), kind, number, name, len(content), sha256, now, username)
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
