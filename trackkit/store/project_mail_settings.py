"""The e-mail settings of projects as they are stored: values by name, and the sealed password of their own mailbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from trackkit.store.tracking_tables import project_mail


@dataclass(frozen=True, slots=True)
class StoredMailSettings:
    """What of a project differs from the defaults."""

    values: dict[str, Any]
    sealed_password: bytes | None
    revision: int


NONE_YET = StoredMailSettings({}, None, 0)


def find(connection: Connection, database_row: int) -> StoredMailSettings:
    """The settings of a project; `NONE_YET` when nothing was ever set."""
    columns = (project_mail.c["values"], project_mail.c.sealed_password, project_mail.c.revision)
    row = connection.execute(select(*columns).where(project_mail.c.database_row == database_row)).first()
    return StoredMailSettings(*row) if row else NONE_YET


def save(connection: Connection, database_row: int, settings: StoredMailSettings) -> None:
    """Store the settings of a project whose row in the list is locked."""
    values = {
        "values": settings.values,
        "sealed_password": settings.sealed_password,
        "revision": settings.revision,
    }
    known = update(project_mail).where(project_mail.c.database_row == database_row).values(values)
    if connection.execute(known).rowcount == 0:
        connection.execute(insert(project_mail).values(database_row=database_row, **values))
