"""The server log counted by level and hour: kept in the transactions that append and delete, so that it is exact.

It answers how many entries there are, when the oldest and the newest were written and between which ids a stretch of
time lies, without reading the entries; only the two hours in which a range begins and ends inside are counted from
the entries themselves, by an index that holds time and level. The ids are bounds: a deletion leaves them as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    type_coerce,
    update,
)

from trackkit.domain.log import Severity
from trackkit.store.columns import instant, microseconds
from trackkit.store.log_tables import entries, log_hours

_MICROSECOND: Final = timedelta(microseconds=1)
HOUR: Final = timedelta(hours=1) // _MICROSECOND
"""Microseconds."""

_AT: Final = type_coerce(entries.c.at, BigInteger)
_LEVEL: Final = entries.c.severity + literal_column("0")
"""Written so that the index by time, which holds the level, is taken and not that by level."""

# Written out: this runs with every entry, and making the statement from parts took most of the time of it.
_UPSERT: Final = (
    "INSERT INTO log_hours (hour, severity, entries, first_id, last_id) VALUES ({marks}) "
    "ON CONFLICT (hour, severity) DO UPDATE SET entries = log_hours.entries + excluded.entries, "
    "first_id = {lower}(log_hours.first_id, excluded.first_id), last_id = {higher}(log_hours.last_id, excluded.last_id)"
)
_UPSERT_SQLITE: Final = _UPSERT.format(marks="?, ?, ?, ?, ?", lower="min", higher="max")
_UPSERT_POSTGRESQL: Final = _UPSERT.format(marks="%s, %s, %s, %s, %s", lower="least", higher="greatest")

Key = tuple[int, int]
"""Hour and severity."""


def add(connection: Connection, times: Iterable[tuple[int, int]], first_id: int, last_id: int) -> None:
    """Count entries that were appended, given by (microseconds, severity), with ids in those bounds."""
    counted = Counter((at // HOUR, severity) for at, severity in times)
    rows = [
        (hour, severity, number, first_id, last_id)
        for (hour, severity), number in sorted(counted.items())  # in one order, so that no two wait for each other
    ]
    connection.exec_driver_sql(_UPSERT_SQLITE if connection.dialect.name == "sqlite" else _UPSERT_POSTGRESQL, rows)


def subtract(connection: Connection, gone: Iterable[tuple[int, int]]) -> None:
    """Count entries that were deleted, given by (microseconds, severity)."""
    counted = Counter((at // HOUR, severity) for at, severity in gone)
    if not counted:
        return
    one = and_(log_hours.c.hour == bindparam("h"), log_hours.c.severity == bindparam("s"))
    rows = [{"h": hour, "s": severity, "n": number} for (hour, severity), number in sorted(counted.items())]
    connection.execute(update(log_hours).where(one).values(entries=log_hours.c.entries - bindparam("n")), rows)
    connection.execute(
        delete(log_hours).where(one, log_hours.c.entries <= 0), [{"h": row["h"], "s": row["s"]} for row in rows]
    )


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is known of a stretch of time before reading entries: ids between which they lie, and at most how many."""

    first_id: int
    last_id: int
    entries: int


def bounds(
    connection: Connection, severities: Sequence[Severity], since: datetime | None, until: datetime | None
) -> Bounds | None:
    """Between which ids the entries of these levels and times lie; none when there is not one."""
    first = None if since is None else microseconds(since) // HOUR
    last = None if until is None else -(-microseconds(until) // HOUR)
    query = select(
        func.min(log_hours.c.first_id), func.max(log_hours.c.last_id), func.coalesce(func.sum(log_hours.c.entries), 0)
    ).where(_hours(severities, first, last))
    low, high, number = connection.execute(query).one()
    return None if not number else Bounds(low, high, int(number))


def everything(connection: Connection) -> Bounds | None:
    """The same for all entries, by the ids alone."""
    low = connection.scalar(select(func.min(entries.c.id)))
    high = connection.scalar(select(func.max(entries.c.id)))
    return None if low is None or high is None else Bounds(low, high, high - low + 1)


def count(
    connection: Connection, severities: Sequence[Severity], since: datetime | None, until: datetime | None
) -> int:
    """How many entries of these levels and times there are, exactly."""
    first, last, edges = _pieces(since, until)
    number = 0
    if first is None or last is None or first < last:
        whole = select(func.coalesce(func.sum(log_hours.c.entries), 0)).where(_hours(severities, first, last))
        number = int(connection.execute(whole).scalar_one())
    for begin, end in edges:
        edge = select(func.count()).where(_edge(severities, begin, end))
        number += connection.execute(edge).scalar_one()
    return number


def by_bucket(
    connection: Connection,
    severities: Sequence[Severity],
    since: datetime,
    until: datetime,
    starts_at: datetime,
    width: timedelta,
) -> Counter[Key]:
    """Entries by (number of the bucket, severity); `starts_at` begins bucket 0."""
    start, wide = microseconds(starts_at), width // _MICROSECOND
    found: Counter[Key] = Counter()
    first, last, edges = _pieces(since, until)
    if wide % HOUR or start % HOUR:
        edges = [(microseconds(since), microseconds(until))]
    elif first is not None and last is not None and first < last:
        bucket = ((log_hours.c.hour - start // HOUR) // (wide // HOUR)).label("bucket")
        keys = (bucket, log_hours.c.severity)
        whole = select(*keys, func.sum(log_hours.c.entries)).where(_hours(severities, first, last)).group_by(*keys)
        for number, severity, held in connection.execute(whole):
            found[number, severity] += int(held)
    for begin, end in edges:
        counted = select(((_AT - start) // wide).label("bucket"), entries.c.severity).where(
            _edge(severities, begin, end)
        )
        rows = counted.subquery()
        both = (rows.c.bucket, rows.c.severity)
        for number, severity, held in connection.execute(select(*both, func.count()).group_by(*both)):
            found[number, severity] += held
    return found


def extent(connection: Connection, severities: Sequence[Severity]) -> tuple[datetime, datetime] | None:
    """When the oldest and the newest entry of these levels were written; none when there is none."""
    query = select(func.min(log_hours.c.hour), func.max(log_hours.c.hour)).where(_hours(severities, None, None))
    first, last = connection.execute(query).one()
    if first is None:
        return None
    level = _LEVEL.in_([int(s) for s in severities])
    oldest = select(_AT).where(first * HOUR <= _AT, level).order_by(_AT).limit(1)
    newest = select(_AT).where((last + 1) * HOUR > _AT, level).order_by(_AT.desc()).limit(1)
    return instant(connection.execute(oldest).scalar_one()), instant(connection.execute(newest).scalar_one())


def _pieces(since: datetime | None, until: datetime | None) -> tuple[int | None, int | None, Sequence[tuple[int, int]]]:
    """The whole hours of a range, ``first <= hour < last``, and what of it lies beside them, in microseconds."""
    begin = None if since is None else microseconds(since)
    end = None if until is None else microseconds(until)
    if begin is not None and end is not None and begin >= end:
        return 0, 0, ()
    first = None if begin is None else -(-begin // HOUR)
    last = None if end is None else end // HOUR
    if first is not None and last is not None and first >= last:
        assert begin is not None and end is not None  # noqa: S101, PT018 - for the type checker
        return 0, 0, ((begin, end),)
    return first, last, tuple(_beside(begin, first, last, end))


def _beside(begin: int | None, first: int | None, last: int | None, end: int | None) -> Iterator[tuple[int, int]]:
    if begin is not None and first is not None and begin < first * HOUR:
        yield begin, first * HOUR
    if end is not None and last is not None and last * HOUR < end:
        yield last * HOUR, end


def _hours(severities: Sequence[Severity], first: int | None, last: int | None) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [log_hours.c.severity.in_([int(s) for s in severities])]
    if first is not None:
        conditions.append(log_hours.c.hour >= first)
    if last is not None:
        conditions.append(log_hours.c.hour < last)
    return and_(*conditions)


def _edge(severities: Sequence[Severity], begin: int, end: int) -> ColumnElement[bool]:
    return and_(begin <= _AT, end > _AT, _LEVEL.in_([int(s) for s in severities]))
