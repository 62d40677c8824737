"""The e-mail settings of projects, in the main database; their passwords are sealed.

A project without a row has never had other settings than those of a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from trackkit.store.tracking_tables import project_mail


@dataclass(frozen=True, slots=True)
class ProjectMailRow:
    """What is stored for a project: the values of `MailSettings` as they nest, without the mailbox's password."""

    values: Mapping[str, Any]
    sealed_password: bytes | None
    revision: int


NEVER_SET = ProjectMailRow({}, None, 0)


def find(connection: Connection, database_row: int, *, lock: bool = False) -> ProjectMailRow:
    """The settings of a project; `lock` keeps them until the transaction ends, if they are there."""
    query = select(project_mail).where(project_mail.c.database_row == database_row)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return ProjectMailRow(row.values, row.sealed_password, row.revision) if row else NEVER_SET


def save(connection: Connection, database_row: int, new: ProjectMailRow) -> None:
    """Store the settings of a project in place of those it has."""
    connection.execute(delete(project_mail).where(project_mail.c.database_row == database_row))
    connection.execute(
        insert(project_mail).values(
            database_row=database_row,
            values=dict(new.values),
            sealed_password=new.sealed_password,
            revision=new.revision,
        )
    )
