"""Entries of the server log: append, page by key, count, count over time.

A text is looked for by the search index where there is one and the other conditions leave much to look through; what
the index does not hold yet is looked through. Counts are exact where that is cheap, else they go up to a bound and
say so.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from operator import itemgetter
from typing import Any, Final, cast

from sqlalchemy import (
    BigInteger,
    Connection,
    Select,
    func,
    literal,
    literal_column,
    select,
    text,
    type_coerce,
)

from trackkit.domain.log import LogEntry, LogFilter, Severity
from trackkit.store import log_summary
from trackkit.store.columns import instant, microseconds
from trackkit.store.log_query import Found, Plan, condition, is_by_summary, only_name, plan
from trackkit.store.log_search import Candidates, searchable
from trackkit.store.log_tables import entries
from trackkit.store.text import among

COUNTED: Final = 1_000
"""Matches that are counted one by one; of more it is only said that there are more."""

NAMED: Final = 1_000_000
"""Entries of one name that are counted by its index alone."""

EXAMINED: Final = 100_000
"""Entries looked through to count matches for which there is no index."""

RARE: Final = 100_000
"""A text found in fewer entries is counted over time by the search index; a more common one by looking everywhere."""

_BATCH: Final = 500
_LARGEST_BATCH: Final = 20_000
_PIECE: Final = 1_000

COLUMNS: Final = (
    entries.c.id,
    type_coerce(entries.c.at, BigInteger).label("at"),
    type_coerce(entries.c.severity, BigInteger).label("severity"),
    entries.c.source,
    entries.c.database,
    entries.c.username,
    entries.c.client_address,
    entries.c.message,
    entries.c.details,
)
"""What is read of an entry, as it is stored: `at` in microseconds, the level as its number."""

# Written out: through SQLAlchemy's parameters a batch of entries takes several times as long.
_FIELDS: Final = "at, severity, source, database, username, client_address, message, details"
_INSERT_SQLITE: Final = f"INSERT INTO log_entries ({_FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_INSERT_POSTGRESQL: Final = (
    f"WITH new AS (INSERT INTO log_entries ({_FIELDS}) SELECT * FROM unnest("  # noqa: S608
    "%s::bigint[], %s::smallint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[]"
    ") RETURNING id) SELECT min(id), max(id) FROM new"
)

_APPENDING: Final = 0x747261636B6C6F67  # "tracklog"

Stored = tuple[int, int, int, str, str, str, str, str, str]
"""An entry as `COLUMNS` has it."""

_MESSAGE, _DETAILS = itemgetter(7), itemgetter(8)


@dataclass(frozen=True, slots=True)
class Counted:
    """How many entries match; if that is not exact, at least so many."""

    entries: int
    is_exact: bool


def append(connection: Connection, new: Sequence[LogEntry]) -> None:
    """Add entries, all by one statement, and count them in the summary."""
    if not new:
        return
    rows = [
        (
            microseconds(e.at),
            int(e.severity),
            e.source,
            e.database,
            e.username,
            e.client_address,
            e.message,
            e.details,
        )
        for e in new
    ]
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_INSERT_SQLITE, rows)
        last = connection.exec_driver_sql("SELECT last_insert_rowid()").scalar_one()
        first = last - len(rows) + 1  # there is one writer, so that they follow each other
    else:
        # Other processes append, too: ids shall be in the order of commits, because tails and the search index take
        # whatever has a lower id for seen.
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_APPENDING})")
        first, last = connection.exec_driver_sql(_INSERT_POSTGRESQL, tuple(map(list, zip(*rows, strict=True)))).one()
    log_summary.add(connection, ((row[0], row[1]) for row in rows), first, last)


def page(
    connection: Connection,
    wanted: LogFilter,
    before: int | None,
    limit: int,
    oldest_first: bool = False,
    search: Candidates | None = None,
) -> list[tuple[int, LogEntry]]:
    """(id, entry) of the entries that match and come after id `before`, newest first or oldest first."""
    return [
        (row[0], LogEntry(instant(row[1]), Severity(row[2]), row[3], row[7], row[8], row[4], row[5], row[6]))
        for piece in _stored(connection, wanted, before, limit, oldest_first, search)
        for row in piece
    ]


def portion(
    connection: Connection, wanted: LogFilter, before: int | None, limit: int, octets: int, search: Candidates | None
) -> tuple[list[Stored], bool]:
    """Entries that match, newest first, as they are stored: no more than `limit`, and no more once there are `octets`.

    The second says whether there may be more.
    """
    rows: list[Stored] = []
    size = 0
    for part in _stored(connection, wanted, before, limit, False, search):
        rows += part
        size += sum(map(len, map(_MESSAGE, part))) + sum(map(len, map(_DETAILS, part)))
        if size >= octets:
            return rows, True
    return rows, len(rows) == limit


def _stored(
    connection: Connection,
    wanted: LogFilter,
    before: int | None,
    limit: int,
    oldest_first: bool,
    search: Candidates | None,
) -> Iterator[Sequence[Stored]]:
    """The entries of a page in pieces, which are read as they are asked for."""
    found = plan(connection, wanted)
    if found is None:
        return
    if before is not None:
        found = found.between(before + 1, found.last_id) if oldest_first else found.between(0, before - 1)
    if search is None or not _to_be_searched(found, search):
        yield from _pieces(connection, found.page(limit, oldest_first=oldest_first, columns=COLUMNS))
        return
    left = limit
    tail, old = found.between(search.covered + 1, found.last_id), found.between(found.first_id, search.covered)
    key = entries.c.id.asc() if oldest_first else entries.c.id.desc()
    found_ones: Iterator[Found] = (
        _verified(wanted, ids, *COLUMNS).order_by(key) for ids in _batches(old, search, limit, oldest_first)
    )
    later = [tail.page(limit, oldest_first=oldest_first, columns=COLUMNS)] if tail.first_id <= tail.last_id else []
    for query in chain(found_ones, later) if oldest_first else chain(later, found_ones):
        for piece in _pieces(connection, query.limit(left)):
            yield piece
            left -= len(piece)
        if not left:
            return


def count(connection: Connection, wanted: LogFilter, search: Candidates | None = None) -> Counted:
    """How many entries match."""
    if is_by_summary(wanted):
        return Counted(log_summary.count(connection, wanted.severities, wanted.since, wanted.until), True)
    found = plan(connection, wanted)
    if found is None:
        return Counted(0, True)
    if found.is_small:
        return Counted(connection.execute(found.select(func.count())).scalar_one(), True)
    if only_name(wanted):
        return _counted_to(connection, found, NAMED)
    if search is None or not _is_long_enough(wanted, search):
        return _looked_through(connection, found)
    tail = _looked_through(connection, found.between(search.covered + 1, found.last_id))
    old = found.between(found.first_id, search.covered)
    ids = search.ids(wanted.text or "", old.first_id, old.last_id, COUNTED + 1, oldest_first=False)
    number = connection.execute(_verified(wanted, ids, func.count())).scalar_one()
    return Counted(tail.entries + number, tail.is_exact and len(ids) <= COUNTED)


def extent(
    connection: Connection, wanted: LogFilter, search: Candidates | None = None
) -> tuple[datetime, datetime] | None:
    """When the oldest and the newest entry that match were written; none when none matches.

    Where many have to be looked through: of all entries of those levels, which costs nothing.
    """
    found = plan(connection, wanted)
    if found is None:
        return None
    if (rare := _rare(connection, found, search)) is not None:
        return (instant(min(at for at, _ in rare)), instant(max(at for at, _ in rare))) if rare else None
    if not found.is_small:
        return log_summary.extent(connection, wanted.severities)
    oldest, newest = connection.execute(found.select(func.min(entries.c.at), func.max(entries.c.at))).one()
    return None if oldest is None else (oldest, newest)


def histogram(
    connection: Connection,
    wanted: LogFilter,
    starts_at: datetime,
    width: timedelta,
    search: Candidates | None = None,
) -> list[tuple[datetime, Severity, int]]:
    """(start of the bucket, level, number) of the entries that match; only where there are any.

    By time, then most severe first. `starts_at` begins the first bucket; nothing that matches is older.
    """
    if is_by_summary(wanted) and wanted.since is not None and wanted.until is not None:
        counts = log_summary.by_bucket(connection, wanted.severities, wanted.since, wanted.until, starts_at, width)
    else:
        counts = _by_bucket(connection, wanted, starts_at, width, search)
    return [
        (starts_at + bucket * width, Severity(severity), number)
        for (bucket, severity), number in sorted(counts.items())
        if number
    ]


def newest_id(connection: Connection) -> int:
    """The id of the newest entry; 0 when there is none."""
    return connection.execute(select(func.max(entries.c.id))).scalar_one() or 0


def highest_id(connection: Connection) -> int:
    """The highest id ever given out, also to entries that have been deleted since."""
    if connection.dialect.name == "sqlite":
        known = connection.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = 'log_entries'"))
    else:
        known = connection.scalar(text("SELECT pg_sequence_last_value(pg_get_serial_sequence('log_entries', 'id'))"))
    return known or 0


def _by_bucket(
    connection: Connection, wanted: LogFilter, starts_at: datetime, width: timedelta, search: Candidates | None
) -> Counter[tuple[int, int]]:
    found = plan(connection, wanted)
    if found is None:
        return Counter()
    start, wide = microseconds(starts_at), width // timedelta(microseconds=1)
    if (rare := _rare(connection, found, search)) is not None:
        return Counter(((at - start) // wide, severity) for at, severity in rare)
    bucket = (type_coerce(entries.c.at, BigInteger) - start) // wide
    rows = found.select(bucket.label("bucket"), entries.c.severity).subquery()
    keys = (rows.c.bucket, rows.c.severity)
    counted = connection.execute(select(*keys, func.count()).group_by(*keys))
    return Counter({(number, severity): held for number, severity, held in counted})


def _rare(connection: Connection, found: Plan, search: Candidates | None) -> list[tuple[int, int]] | None:
    """(microseconds, severity) of all that match, where the search index says that they are few; else none."""
    if search is None or found.is_small or not _is_long_enough(found.wanted, search):
        return None
    part, covered = found.wanted.text or "", search.covered
    ids = search.ids(part, found.first_id, min(found.last_id, covered), RARE, oldest_first=False)
    if len(ids) == RARE:
        return None
    columns = (type_coerce(entries.c.at, BigInteger), entries.c.severity)
    rows = [tuple(row) for row in connection.execute(found.between(covered + 1, found.last_id).select(*columns))]
    for begin in range(0, len(ids), _LARGEST_BATCH):
        some = ids[begin : begin + _LARGEST_BATCH]
        rows += [tuple(row) for row in connection.execute(_verified(found.wanted, some, *columns))]
    return [(at, severity) for at, severity in rows]


def _is_long_enough(wanted: LogFilter, search: Candidates) -> bool:
    return wanted.text is not None and searchable(wanted.text) and search.covered > 0


def _to_be_searched(found: Plan, search: Candidates) -> bool:
    """Whether the index is the shorter way to a page.

    Not for a common text together with other conditions: most of what the index finds would fail those, and looking
    through their entries in order soon meets the text.
    """
    wanted = found.wanted
    if found.is_small or not _is_long_enough(wanted, search):
        return False
    if found.by is None:
        return True
    last_id = min(found.last_id, search.covered)
    ids = search.ids(wanted.text or "", found.first_id, last_id, _LARGEST_BATCH, oldest_first=False)
    return len(ids) < _LARGEST_BATCH


def _batches(old: Plan, search: Candidates, size: int, oldest_first: bool) -> Iterator[list[int]]:
    size = max(size, _BATCH)
    first_id, last_id = old.first_id, old.last_id
    while first_id <= last_id:
        ids = search.ids(old.wanted.text or "", first_id, last_id, size, oldest_first=oldest_first)
        yield ids
        if len(ids) < size:
            return
        first_id, last_id = (ids[-1] + 1, last_id) if oldest_first else (first_id, ids[-1] - 1)
        size = min(size * 2, _LARGEST_BATCH)


def _verified(wanted: LogFilter, ids: Sequence[int], *columns: Any) -> Select[Any]:
    """Those of the entries that match whatever put them on the list."""
    return select(*columns).where(among(entries.c.id, literal(json.dumps(ids))), condition(wanted))


def _looked_through(connection: Connection, found: Plan) -> Counted:
    """Count matches among the newest `EXAMINED` ids, up to `COUNTED`."""
    if found.first_id > found.last_id:
        return Counted(0, True)
    part = found.between(found.last_id - EXAMINED + 1, found.last_id)
    counted = _counted_to(connection, part, COUNTED)
    return Counted(counted.entries, counted.is_exact and part.first_id == found.first_id)


def _counted_to(connection: Connection, found: Plan, most: int) -> Counted:
    some = found.select(literal_column("1")).select_from(entries).limit(most + 1).subquery()
    number = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return Counted(min(number, most), number <= most)


def _pieces(connection: Connection, query: Found) -> Iterator[Sequence[Stored]]:
    """The rows as they come: what is read here can be millions.

    On SQLite as the driver has them: `COLUMNS` need no conversion, and making rows of SQLAlchemy's of them takes as
    long as reading them. PostgreSQL would send all of them at once without SQLAlchemy's streaming, which buffers.
    """
    if connection.dialect.name != "sqlite":
        streamed = connection.execute(query, execution_options={"yield_per": _PIECE})
        yield from cast("Iterator[Sequence[Stored]]", streamed.partitions())
        return
    with connection.execute(query) as result:
        cursor: Any = result.cursor
        while rows := cursor.fetchmany(_PIECE):
            yield rows
