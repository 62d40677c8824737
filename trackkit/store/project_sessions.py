"""Rows of project sessions: who is logged in to which project, and the license seat each holds.

Only hashes of tokens are kept. However a session ends, the use of its seat goes into the history in the same
transaction (`_end` is the only place that deletes one).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, true, update

from trackkit.domain.seats import Ending, Lease, Pool
from trackkit.store.seat_history import SeatUse, add_uses
from trackkit.store.tables import databases, project_sessions


@dataclass(frozen=True, slots=True)
class ProjectSessionRow:
    """A session with the database it belongs to and the seat it holds."""

    session_id: str
    database_row: int
    database: str
    user_number: int
    username: str
    client: str
    client_address: str
    opened_at: datetime
    last_used_at: datetime
    seen_at: datetime
    pool: Pool
    license_number: str
    pauses: list[tuple[int, int]]

    @property
    def lease(self) -> Lease:
        """The seat."""
        return Lease(
            self.session_id,
            self.pool,
            self.license_number,
            self.client,
            self.opened_at,
            self.last_used_at,
            self.seen_at,
        )


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
    project_sessions.c.seen_at,
    project_sessions.c.pool,
    project_sessions.c.license_number,
    project_sessions.c.pauses,
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
    pool: Pool,
    license_number: str,
    now: datetime,
) -> None:
    """Begin a session, and hold its seat."""
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
            seen_at=now,
            pool=pool,
            license_number=license_number,
            pauses=[],
        )
    )


def find_session(connection: Connection, token_hash: str) -> ProjectSessionRow | None:
    """The session a token belongs to."""
    return next(iter(_sessions(connection, project_sessions.c.token_hash == token_hash)), None)


def all_sessions(connection: Connection) -> list[ProjectSessionRow]:
    """Every session there is."""
    return _sessions(connection, true())


def _sessions(connection: Connection, condition: ColumnElement[bool]) -> list[ProjectSessionRow]:
    query = select(*_COLUMNS).join_from(project_sessions, databases).where(condition)
    return [ProjectSessionRow(**row._mapping) for row in connection.execute(query)]


def renew(connection: Connection, lease: Lease, pauses: list[tuple[int, int]]) -> None:
    """Note that a session was used or heard of."""
    mine = project_sessions.c.session_id == lease.session_id
    values = {"last_used_at": lease.used_at, "seen_at": lease.seen_at, "pauses": pauses}
    connection.execute(update(project_sessions).where(mine).values(values))


def pull_back(connection: Connection, now: datetime) -> None:
    """After the clock was put back: nothing lies ahead of it, so that no seat is held until it has caught up."""
    for column in (project_sessions.c.last_used_at, project_sessions.c.seen_at):
        connection.execute(update(project_sessions).where(column > now).values({column: now}))


def end(connection: Connection, session_id: str, how: Ending, now: datetime) -> bool:
    """End a session; whether there was one."""
    return bool(_end(connection, project_sessions.c.session_id == session_id, lambda _: how, now))


def end_leases(
    connection: Connection, over: Iterable[tuple[Lease, Ending]], now: datetime
) -> list[tuple[ProjectSessionRow, Ending]]:
    """End the sessions whose seats are over; each that there was, and how."""
    how = {lease.session_id: ending for lease, ending in over}
    if not how:
        return []
    ended = _end(connection, project_sessions.c.session_id.in_(how), lambda row: how[row.session_id], now)
    return [(row, how[row.session_id]) for row in ended]


def end_all_of(connection: Connection, database_row: int, now: datetime) -> int:
    """End every session of a database; how many."""
    return len(_end(connection, project_sessions.c.database_row == database_row, lambda _: Ending.ended, now))


def end_of_user(
    connection: Connection, database_row: int, user_number: int, now: datetime, *, keep: str | None = None
) -> None:
    """End the sessions of a project user, but `keep`."""
    condition = and_(project_sessions.c.database_row == database_row, project_sessions.c.user_number == user_number)
    if keep is not None:
        condition &= project_sessions.c.session_id != keep
    _end(connection, condition, lambda _: Ending.ended, now)


def count_of(connection: Connection, database_row: int) -> int:
    """How many sessions a database has."""
    query = select(func.count()).where(project_sessions.c.database_row == database_row)
    return int(connection.execute(query).scalar_one())


def _end(
    connection: Connection,
    condition: ColumnElement[bool],
    how: Callable[[ProjectSessionRow], Ending],
    now: datetime,
) -> list[ProjectSessionRow]:
    """End the sessions; who ends one at the same time finds it gone, so that no use is told twice."""
    found = {row.session_id: row for row in _sessions(connection, condition)}
    if not found:
        return []
    these = or_(*(project_sessions.c.session_id.in_(part) for part in _parts(list(found))))
    gone = connection.execute(delete(project_sessions).where(these).returning(project_sessions.c.session_id)).scalars()
    rows = [found[session_id] for session_id in gone]
    add_uses(connection, [_use(row, how(row), now) for row in rows])
    return rows


def _parts(ids: list[Any]) -> Iterable[list[Any]]:
    return (ids[at : at + 500] for at in range(0, len(ids), 500))


def _use(row: ProjectSessionRow, how: Ending, now: datetime) -> SeatUse:
    return SeatUse(
        pool=row.pool,
        license_number=row.license_number,
        database=row.database,
        username=row.username,
        client=row.client,
        client_address=row.client_address,
        taken_at=row.opened_at,
        used_at=row.last_used_at,
        ended_at=max(now, row.last_used_at),
        ending=how,
        pauses=row.pauses,
    )
