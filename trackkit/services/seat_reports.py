"""Reading seats: who holds one now, who held one, how many were in use over time, and the history played again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from trackkit.contract import licenses as contract
from trackkit.contract.operation import Nothing
from trackkit.domain import seat_replay
from trackkit.domain.errors import InvalidInput
from trackkit.domain.seats import PAUSE, Ending, Timeouts
from trackkit.services import licensing
from trackkit.services.environment import Call
from trackkit.services.seats import timeouts
from trackkit.store import project_sessions, seat_history
from trackkit.store.columns import EPOCH
from trackkit.store.database import Connection
from trackkit.store.project_sessions import ProjectSessionRow

_USAGE_BEFORE: Final = timedelta(days=30)
_REPLAY_BEFORE: Final = timedelta(days=365)
_USE_FIELDS: Final = tuple(name for name in contract.SeatUse.model_fields if name != "use_id")
_MOST_HOURS: Final = timedelta(days=100)
"""By the hour; longer times are asked for by the day."""


def list_seats(call: Call, request: Nothing) -> contract.Seats:
    """Who holds a seat now, longest first."""
    environment, lasting = call.environment, timeouts(call.environment)

    def work(connection: Connection) -> contract.Seats:
        rows = sorted(project_sessions.all_sessions(connection), key=lambda row: row.opened_at)
        return contract.Seats(
            seats=tuple(_seat(row, lasting) for row in rows), pools=licensing.pool_uses(environment, connection)
        )

    return environment.store.read(work)


def _seat(row: ProjectSessionRow, lasting: Timeouts) -> contract.Seat:
    ends_at = row.last_used_at + lasting.idle[row.client]
    if row.client in ("native", "api"):
        ends_at = min(ends_at, row.seen_at + lasting.unseen)
    return contract.Seat(
        session_id=row.session_id,
        pool=row.pool,
        license_number=row.license_number,
        database=row.database,
        username=row.username,
        client=row.client,
        client_address=row.client_address,
        taken_at=row.opened_at,
        used_at=row.last_used_at,
        seen_at=row.seen_at,
        ends_at=ends_at,
    )


def list_uses(call: Call, request: contract.ListUses) -> contract.SeatUses:
    """A page of the history."""

    def work(connection: Connection) -> list[tuple[int, seat_history.SeatUse]]:
        return seat_history.page_uses(
            connection, request.before, request.limit + 1, request.pool, refused_only=request.refused_only
        )

    found = call.environment.store.read(work)
    shown = found[: request.limit]
    return contract.SeatUses(
        uses=tuple(
            contract.SeatUse(use_id=key, **{name: getattr(use, name) for name in _USE_FIELDS}) for key, use in shown
        ),
        next_before=shown[-1][0] if len(found) > request.limit else None,
    )


def usage(call: Call, request: contract.AskUsage) -> contract.Usage:
    """Seats in use over time."""
    since, until = _times(call, request.since, request.until, _USAGE_BEFORE)
    if request.by == "hour" and until - since > _MOST_HOURS:
        raise InvalidInput.of(
            "by", f"is hour, which for {(until - since).days} days makes too many points", "Ask by the day."
        )
    found = call.environment.store.read(lambda connection: seat_history.hours(connection, since, until, request.pool))
    if request.by == "day":
        found = seat_history.by_day(found)
    return contract.Usage(
        points=tuple(
            contract.UsagePoint(
                starts_at=EPOCH + timedelta(hours=row.hour),
                hours=row.hours,
                pool=row.pool,
                capacity=row.capacity,
                peak=row.peak,
                mean=row.seats / row.samples if row.samples else None,
                refusals=row.refusals,
            )
            for row in found
        )
    )


def replay(call: Call, request: contract.AskReplay) -> contract.ReplayAnswer:
    """Play the history again. Who holds a seat now is in it up to now."""
    seats, minutes = _seats_and_minutes(call, request)
    timeout = seat_replay.checked_timeout(minutes)
    since, until = _times(call, request.since, request.until, _REPLAY_BEFORE)

    def work(connection: Connection) -> list[seat_replay.Use]:
        uses = seat_history.uses_to_replay(connection, request.pool, since, until)
        held = project_sessions.all_sessions(connection)
        uses += [_use(row) for row in held if row.pool is request.pool and since <= row.opened_at < until]
        return uses

    uses = call.environment.store.read(work)
    found = seat_replay.replay(seat_replay.stretches(uses, timeout), seats)
    return contract.ReplayAnswer(
        pool=request.pool,
        seats=seats,
        timeout_minutes=minutes,
        since=since,
        until=until,
        wanted=found.wanted,
        refusals=found.refusals,
        really_refused=sum(ending == Ending.refused for _, _, _, _, ending, _ in uses),
        refused=tuple(contract.Refusal(at=_instant(at), holder=holder) for at, holder in found.refused),
        by_holder=tuple(contract.HolderRefusals(holder=holder, refusals=number) for holder, number in found.by_holder),
        enough=found.enough,
        busiest_at=None if found.busiest_at is None else _instant(found.busiest_at),
    )


def _seats_and_minutes(call: Call, request: contract.AskReplay) -> tuple[int, int]:
    """What to play with: as asked, else as it is now."""
    environment = call.environment
    pools = environment.store.read(lambda connection: licensing.pool_uses(environment, connection))
    (now,) = (pool for pool in pools if pool.pool is request.pool)
    seats, minutes = request.seats, request.timeout_minutes
    least = PAUSE // timedelta(minutes=1)
    return now.seats if seats is None else seats, max(now.idle_minutes, least) if minutes is None else minutes


def _use(row: ProjectSessionRow) -> seat_replay.Use:
    used_at = _microseconds(row.last_used_at)
    opened_at = _microseconds(row.opened_at)
    return (f"{row.username} in {row.database}", opened_at, used_at, used_at, Ending.idle.value, row.pauses)


def _times(call: Call, since: datetime | None, until: datetime | None, before: timedelta) -> tuple[datetime, datetime]:
    until = until or call.now + timedelta(microseconds=1)
    since = since or until - before
    if since >= until:
        raise InvalidInput.of("since", f"is {since}, not before {until}")
    return max(since, EPOCH), until


def _microseconds(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def _instant(stored: int) -> datetime:
    return EPOCH + timedelta(microseconds=stored)
