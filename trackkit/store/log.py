"""Entries of the server log: append, page by key, count, count over time, delete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    true,
    type_coerce,
)

from trackkit.domain.log import LogEntry, LogFilter, Severity
from trackkit.store.columns import EPOCH
from trackkit.store.tables import entries
from trackkit.store.text import holds, text_value

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


def page(
    connection: Connection, wanted: LogFilter, before: int | None, limit: int, oldest_first: bool = False
) -> list[tuple[int, LogEntry]]:
    """(id, entry) of the entries that match and come after id `before`, newest first or oldest first."""
    key = entries.c.id
    query = select(entries).where(_condition(wanted)).order_by(key.asc() if oldest_first else key.desc()).limit(limit)
    if before is not None:
        query = query.where(key > before if oldest_first else key < before)
    rows = connection.execute(query)
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


def extent(connection: Connection, wanted: LogFilter) -> tuple[datetime, datetime] | None:
    """When the oldest and the newest entry that match were written; none when none matches."""
    query = select(func.min(entries.c.at), func.max(entries.c.at)).where(_condition(wanted))
    oldest, newest = connection.execute(query).one()
    return None if oldest is None else (oldest, newest)


def histogram(
    connection: Connection, wanted: LogFilter, starts_at: datetime, width: timedelta
) -> list[tuple[datetime, Severity, int]]:
    """(start of the bucket, level, number) of the entries that match; only where there are any.

    By time, then most severe first. `starts_at` begins the first bucket; nothing that matches is older.
    """
    microseconds = width // timedelta(microseconds=1)
    since_start = type_coerce(entries.c.at, BigInteger) - (starts_at - EPOCH) // timedelta(microseconds=1)
    bucketed = (
        select((since_start // microseconds).label("bucket"), entries.c.severity).where(_condition(wanted)).subquery()
    )
    keys = (bucketed.c.bucket, bucketed.c.severity)
    rows = connection.execute(select(*keys, func.count()).group_by(*keys).order_by(*keys))
    return [(starts_at + bucket * width, Severity(severity), number) for bucket, severity, number in rows]


def delete_some(connection: Connection, until: datetime | None, up_to_id: int) -> int:
    """Delete at most `DELETE_CHUNK` entries with an id up to `up_to_id` (and before `until`); how many it were."""
    doomed = select(entries.c.id).where(entries.c.id <= up_to_id)
    if until is not None:
        doomed = doomed.where(entries.c.at < until)
    return connection.execute(delete(entries).where(entries.c.id.in_(doomed.limit(DELETE_CHUNK)))).rowcount


def newest_id(connection: Connection) -> int:
    """The id of the newest entry; 0 when there is none."""
    return connection.execute(select(func.max(entries.c.id))).scalar_one() or 0


def newest_beyond(connection: Connection, number: int) -> int:
    """The id of the newest entry that is not among the newest `number`; 0 when there is none."""
    query = select(entries.c.id).order_by(entries.c.id.desc()).offset(number).limit(1)
    return connection.execute(query).scalar_one_or_none() or 0


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
            or_(holds(entries.c.message, text_value(wanted.text)), holds(entries.c.details, text_value(wanted.text)))
        )
    return and_(*conditions)
