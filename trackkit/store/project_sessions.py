"""Rows of project sessions: who is logged in to which project. Only hashes of tokens are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from trackkit.store.tables import databases, project_sessions


@dataclass(frozen=True, slots=True)
class ProjectSessionRow:
    """A session with the database it belongs to."""

    session_id: str
    database_row: int
    database: str
    user_number: int
    username: str
    client: str
    client_address: str
    opened_at: datetime
    last_used_at: datetime


_COLUMNS = (
    project_sessions.c.session_id,
    project_sessions.c.database_row,
    databases.c.name.label("database"),
    project_sessions.c.user_number,
    project_sessions.c.username,
    project_sessions.c.client,
    project_sessions.c.client_address,
    project_sessions.c.opened_at,
    project_sessions.c.last_used_at,
)


def open_session(
    connection: Connection,
    *,
    session_id: str,
    token_hash: str,
    database_row: int,
    user_number: int,
    username: str,
    client: str,
    address: str,
    now: datetime,
) -> None:
    """Begin a session."""
    connection.execute(
        insert(project_sessions).values(
            session_id=session_id,
            token_hash=token_hash,
            database_row=database_row,
            user_number=user_number,
            username=username,
            client=client,
            client_address=address,
            opened_at=now,
            last_used_at=now,
        )
    )


def find_session(connection: Connection, token_hash: str) -> ProjectSessionRow | None:
    """The session a token belongs to."""
    query = select(*_COLUMNS).join_from(project_sessions, databases).where(project_sessions.c.token_hash == token_hash)
    row = connection.execute(query).first()
    return ProjectSessionRow(**row._mapping) if row else None


def all_sessions(connection: Connection) -> list[ProjectSessionRow]:
    """Every session there is."""
    query = select(*_COLUMNS).join_from(project_sessions, databases)
    return [ProjectSessionRow(**row._mapping) for row in connection.execute(query)]


def touch(connection: Connection, session_id: str, now: datetime) -> None:
    """Note that a session was used."""
    mine = project_sessions.c.session_id == session_id
    connection.execute(update(project_sessions).where(mine).values(last_used_at=now))


def end(connection: Connection, session_id: str) -> bool:
    """End a session; whether there was one."""
    return connection.execute(delete(project_sessions).where(project_sessions.c.session_id == session_id)).rowcount > 0


def end_all_of(connection: Connection, database_row: int) -> int:
    """End every session of a database; how many."""
    mine = project_sessions.c.database_row == database_row
    return connection.execute(delete(project_sessions).where(mine)).rowcount


def end_of_user(connection: Connection, database_row: int, user_number: int, *, keep: str | None = None) -> None:
    """End the sessions of a project user, but `keep`."""
    condition = and_(project_sessions.c.database_row == database_row, project_sessions.c.user_number == user_number)
    if keep is not None:
        condition &= project_sessions.c.session_id != keep
    connection.execute(delete(project_sessions).where(condition))


def count_of(connection: Connection, database_row: int) -> int:
    """How many sessions a database has."""
    query = select(func.count()).where(project_sessions.c.database_row == database_row)
    return int(connection.execute(query).scalar_one())


def delete_idle(connection: Connection, before: Mapping[str, datetime]) -> list[ProjectSessionRow]:
    """End the sessions of each kind of client not used since its instant; those that ended."""
    idle = or_(
        *(
            and_(project_sessions.c.client == client, project_sessions.c.last_used_at <= at)
            for client, at in before.items()
        )
    )
    query = select(*_COLUMNS).join_from(project_sessions, databases).where(idle)
    found = [ProjectSessionRow(**row._mapping) for row in connection.execute(query)]
    if found:
        ended = project_sessions.c.session_id.in_([row.session_id for row in found])
        connection.execute(delete(project_sessions).where(ended))
    return found
