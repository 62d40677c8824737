"""Entries of the server log: append, page by key, count, delete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Connection, and_, delete, func, insert, literal, or_, select, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from trackkit.domain.log import LogEntry, LogFilter, Severity
from trackkit.store.tables import entries

DELETE_CHUNK = 10_000
"""Entries deleted in one transaction, so that nobody who writes to the log waits for long."""


def append(connection: Connection, new: Sequence[LogEntry]) -> None:
    """Add entries."""
    connection.execute(
        insert(entries),
        [
            {
                "at": e.at,
                "severity": int(e.severity),
                "source": e.source,
                "database": e.database,
                "username": e.username,
                "client_address": e.client_address,
                "message": e.message,
                "details": e.details,
            }
            for e in new
        ],
    )


def page(connection: Connection, wanted: LogFilter, before: int | None, limit: int) -> list[tuple[int, LogEntry]]:
    """(id, entry) of the entries that match and are older than id `before`, newest first."""
    query = select(entries).where(_condition(wanted)).order_by(entries.c.id.desc()).limit(limit)
    rows = connection.execute(query if before is None else query.where(entries.c.id < before))
    return [
        (
            row.id,
            LogEntry(
                row.at,
                Severity(row.severity),
                row.source,
                row.message,
                row.details,
                row.database,
                row.username,
                row.client_address,
            ),
        )
        for row in rows
    ]


def count(connection: Connection, wanted: LogFilter) -> int:
    """How many entries match."""
    return connection.execute(select(func.count()).select_from(entries).where(_condition(wanted))).scalar_one()


def delete_some(connection: Connection, until: datetime | None, up_to_id: int) -> int:
    """Delete at most `DELETE_CHUNK` entries with an id up to `up_to_id` (and before `until`); how many it were."""
    doomed = select(entries.c.id).where(entries.c.id <= up_to_id)
    if until is not None:
        doomed = doomed.where(entries.c.at < until)
    return connection.execute(delete(entries).where(entries.c.id.in_(doomed.limit(DELETE_CHUNK)))).rowcount


def newest_id(connection: Connection) -> int:
    """The id of the newest entry; 0 when there is none."""
    return connection.execute(select(func.max(entries.c.id))).scalar_one() or 0


def _condition(wanted: LogFilter) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [true()]
    if set(wanted.severities) != set(Severity):
        conditions.append(entries.c.severity.in_([int(s) for s in wanted.severities]))
    if wanted.since is not None:
        conditions.append(entries.c.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(entries.c.at < wanted.until)
    for column, value in (
        (entries.c.source, wanted.source),
        (entries.c.database, wanted.database),
        (entries.c.username, wanted.username),
    ):
        if value is not None:
            conditions.append(column == value)
    if wanted.text is not None:
        conditions.append(
            or_(_holds(entries.c.message, literal(wanted.text)), _holds(entries.c.details, literal(wanted.text)))
        )
    return and_(*conditions)


class _holds(FunctionElement[bool]):
    """Whether the first text holds the second; ASCII letters match whatever their case, on both databases."""

    type = Boolean()
    inherit_cache = True


@compiles(_holds, "sqlite")
def _sqlite_holds(element: _holds, compiler: SQLCompiler, **kw: Any) -> str:
    text, part = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"instr(lower({text}), lower({part})) > 0"  # SQLite's lower() knows ASCII letters only


@compiles(_holds, "postgresql")
def _postgresql_holds(element: _holds, compiler: SQLCompiler, **kw: Any) -> str:
    text, part = (compiler.process(clause, **kw) for clause in element.clauses)
    return f'strpos(lower({text} COLLATE "C"), lower({part} COLLATE "C")) > 0'
