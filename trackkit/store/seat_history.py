"""The history of license seats: each use and refusal, and how many were in use over time.

Neither grows for ever: uses are kept for `USES_KEPT` and at most `MOST_USES`; counts are kept by the hour for
`HOURS_KEPT`, then by the day for `DAYS_KEPT`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Text, cast, delete, func, insert, select, update

from trackkit.domain.seat_replay import Use
from trackkit.domain.seats import Ending, Pool
from trackkit.store.columns import EPOCH
from trackkit.store.tables import seat_hours, seat_uses

USES_KEPT: Final = timedelta(days=400)
MOST_USES: Final = 1_000_000
HOURS_KEPT: Final = timedelta(days=400)
DAYS_KEPT: Final = timedelta(days=3650)

_DAY: Final = 24
_AT_ONCE: Final = 5_000


@dataclass(frozen=True, slots=True)
class SeatUse:
    """A use of a seat that has ended, or a refusal."""

    pool: Pool
    license_number: str
    database: str
    username: str
    client: str
    client_address: str
    taken_at: datetime
    used_at: datetime
    ended_at: datetime
    ending: Ending
    pauses: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class SeatHour:
    """Seats of a pool over an hour or a day.

    Parameters
    ----------
    hour: counted from 1970 in UTC; of a day its first.
    hours: 1 or 24.
    capacity: the most seats there were.
    peak: the most that were in use at once.
    samples, seats: looks at it, and the seats in use at them summed up: their ratio is the mean.
    """

    hour: int
    pool: Pool
    hours: int
    capacity: int
    peak: int
    samples: int
    seats: int
    refusals: int


def hour_of(at: datetime) -> int:
    """The hour an instant lies in, counted from 1970 in UTC."""
    return (at - EPOCH) // timedelta(hours=1)


def add_uses(connection: Connection, uses: Sequence[SeatUse]) -> None:
    """Put uses into the history."""
    if uses:
        connection.execute(insert(seat_uses), [{**asdict(use), "pauses": list(use.pauses)} for use in uses])


def page_uses(
    connection: Connection, before: int | None, limit: int, pool: Pool | None, *, refused_only: bool
) -> list[tuple[int, SeatUse]]:
    """(id, use), those that ended last first; with an id below `before`."""
    query = select(seat_uses).order_by(seat_uses.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(seat_uses.c.id < before)
    if pool is not None:
        query = query.where(seat_uses.c.pool == pool)
    if refused_only:
        query = query.where(seat_uses.c.ending == Ending.refused)
    found = []
    for row in connection.execute(query):
        values = dict(row._mapping)
        found.append((values.pop("id"), SeatUse(**values)))
    return found


def uses_to_replay(connection: Connection, pool: Pool, since: datetime, until: datetime) -> list[Use]:
    """Every use of a pool that began in that time, as it is played again, by that time.

    As the driver has them: of a year they are hundreds of thousands, and making rows of SQLAlchemy's and converting
    each value takes several times as long as everything else.
    """
    query = (
        select(
            seat_uses.c.username + " in " + seat_uses.c.database,
            seat_uses.c.taken_at,
            seat_uses.c.used_at,
            seat_uses.c.ended_at,
            seat_uses.c.ending,
            func.nullif(cast(seat_uses.c.pauses, Text), "[]"),
        )
        .where(seat_uses.c.pool == pool, seat_uses.c.taken_at >= since, seat_uses.c.taken_at < until)
        .order_by(seat_uses.c.taken_at)
    )
    with connection.execute(query) as result:
        cursor: Any = result.cursor
        rows = cursor.fetchall()
    return [row if row[5] is None else (*row[:5], json.loads(row[5])) for row in rows]


def note_seats(
    connection: Connection,
    now: datetime,
    pool: Pool,
    capacity: int,
    in_use: int,
    *,
    sample: bool,
    refused: bool = False,
) -> int:
    """Count what is in use now; the refusals of this hour so far."""
    hour = hour_of(now)
    mine = (seat_hours.c.hour == hour) & (seat_hours.c.pool == pool)
    row = connection.execute(select(seat_hours).where(mine).with_for_update()).first()
    looked, wasted = int(sample), int(refused)
    if row is None:
        values = SeatHour(hour, pool, 1, capacity, in_use, looked, looked * in_use, wasted)
        connection.execute(insert(seat_hours).values(asdict(values)))
        return wasted
    values_now: Mapping[str, Any] = {
        "capacity": max(row.capacity, capacity),
        "peak": max(row.peak, in_use),
        "samples": row.samples + looked,
        "seats": row.seats + looked * in_use,
        "refusals": row.refusals + wasted,
    }
    connection.execute(update(seat_hours).where(mine).values(values_now))
    return int(row.refusals) + wasted


def hours(connection: Connection, since: datetime, until: datetime, pool: Pool | None) -> list[SeatHour]:
    """What was counted in that time, oldest first."""
    query = select(seat_hours).where(seat_hours.c.hour >= hour_of(since), seat_hours.c.hour < hour_of(until) + 1)
    if pool is not None:
        query = query.where(seat_hours.c.pool == pool)
    rows = connection.execute(query.order_by(seat_hours.c.hour, seat_hours.c.pool))
    return [SeatHour(**row._mapping) for row in rows]


def by_day(found: Sequence[SeatHour]) -> list[SeatHour]:
    """Hours as days, each with its highest peak and capacity."""
    days: dict[tuple[int, Pool], list[SeatHour]] = {}
    for row in found:
        days.setdefault((row.hour - row.hour % _DAY, row.pool), []).append(row)
    return [
        SeatHour(
            hour,
            pool,
            _DAY,
            max(row.capacity for row in rows),
            max(row.peak for row in rows),
            sum(row.samples for row in rows),
            sum(row.seats for row in rows),
            sum(row.refusals for row in rows),
        )
        for (hour, pool), rows in days.items()
    ]


def tidy(connection: Connection, now: datetime) -> None:
    """Let the history not grow: old hours become days, what is older than is kept goes."""
    connection.execute(delete(seat_hours).where(seat_hours.c.hour < hour_of(now - DAYS_KEPT)))
    old = (seat_hours.c.hour < _whole_day(now - HOURS_KEPT)) & (seat_hours.c.hours == 1)
    rows = [SeatHour(**row._mapping) for row in connection.execute(select(seat_hours).where(old))]
    if rows:
        connection.execute(delete(seat_hours).where(old))
        connection.execute(insert(seat_hours), [asdict(day) for day in by_day(rows)])
    newest = connection.execute(select(func.max(seat_uses.c.id))).scalar_one() or 0
    gone = (seat_uses.c.ended_at < now - USES_KEPT) | (seat_uses.c.id <= newest - MOST_USES)
    some = select(seat_uses.c.id).where(gone).order_by(seat_uses.c.id).limit(_AT_ONCE)
    connection.execute(delete(seat_uses).where(seat_uses.c.id.in_(some)))


def _whole_day(at: datetime) -> int:
    hour = hour_of(at)
    return hour - hour % _DAY
