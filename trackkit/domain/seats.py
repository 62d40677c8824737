"""License seats as leases: who gets one, how long it lasts, and when it comes back.

A lease belongs to a project session and is of one pool: the floating seats (native clients), the web seats (web and
API clients), or one dedicated license (its person's native client).

| state | event | afterwards | what happens |
| --- | --- | --- | --- |
| none | checkout, a seat is free | held | the session begins |
| none | checkout, none is free | none | refused; how many there are, who holds them and since when |
| held | renew by what a person does | held | used and seen now |
| held | renew by an automatic request | held | seen now |
| held | idle for the time-out of its kind of client | none | timed out |
| held | native or API, unseen for the API time-out | none | vanished |
| held | checkin: log-out, or ended by somebody | none | returned, or ended |
| held | the clock goes back | held | what lies ahead of the clock counts as now |

Before a checkout every lease that is over is reclaimed, so that nobody is refused for the sake of somebody who has
gone. Pure: the clock is passed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

PAUSE: Final = timedelta(minutes=5)
"""Pauses from this length on stand in the history, so that a shorter time-out can be replayed on it."""

MOST_PAUSES: Final = 200
"""Of one lease; a longer history of it is cut."""


class Pool(StrEnum):
    """Where a seat comes from."""

    floating = "floating"
    web = "web"
    dedicated = "dedicated"


class Ending(StrEnum):
    """How the use of a seat ended."""

    returned = "returned"
    """By logging out."""
    idle = "idle"
    vanished = "vanished"
    """A client that was not heard of any more."""
    ended = "ended"
    """By an operator, a changed password or account, or with its database."""
    refused = "refused"
    """It never began: no seat was free."""


WORDS: Final[Mapping[Ending, str]] = {
    Ending.returned: "logged out",
    Ending.idle: "timed out",
    Ending.vanished: "was not heard of any more",
    Ending.ended: "was ended",
    Ending.refused: "was refused",
}


@dataclass(frozen=True, slots=True)
class Lease:
    """A seat somebody holds.

    Parameters
    ----------
    license_number: of a dedicated license; else empty.
    client: native, web or api.
    used_at: when its person did something last.
    seen_at: when anything was heard of its client last, automatic requests included.
    """

    session_id: str
    pool: Pool
    license_number: str
    client: str
    taken_at: datetime
    used_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Timeouts:
    """When a lease is over.

    Parameters
    ----------
    idle: for each kind of client.
    unseen: for native and API clients.
    """

    idle: Mapping[str, timedelta]
    unseen: timedelta


@dataclass(frozen=True, slots=True)
class Decision:
    """What a checkout comes to.

    Parameters
    ----------
    reclaimed: leases that are over, and how; they end whatever else is decided.
    granted: whether there is a seat.
    holders: who is in the pool now, longest first, without the one that asks.
    """

    reclaimed: tuple[tuple[Lease, Ending], ...]
    granted: bool
    holders: tuple[Lease, ...]


def pool_of(client: str, *, dedicated: bool) -> Pool:
    """The pool a kind of client takes its seat from; an API client takes a web seat."""
    if client != "native":
        return Pool.web
    return Pool.dedicated if dedicated else Pool.floating


def ending_of(lease: Lease, now: datetime, timeouts: Timeouts) -> Ending | None:
    """How the lease is over by itself; none when it still holds."""
    if now - lease.used_at >= timeouts.idle[lease.client]:
        return Ending.idle
    if lease.client in ("native", "api") and now - lease.seen_at >= timeouts.unseen:
        return Ending.vanished
    return None


def pulled_back(lease: Lease, now: datetime) -> Lease:
    """The lease as it counts after the clock was put back: nothing of it lies ahead."""
    return replace(lease, used_at=min(lease.used_at, now), seen_at=min(lease.seen_at, now))


def renewed(lease: Lease, now: datetime, *, automatic: bool) -> Lease:
    """The lease after a request."""
    return replace(lease, seen_at=now, used_at=min(lease.used_at, now) if automatic else now)


def reclaim(
    leases: Iterable[Lease], now: datetime, timeouts: Timeouts
) -> tuple[list[Lease], list[tuple[Lease, Ending]]]:
    """(those that still hold, those that are over and how)."""
    held: list[Lease] = []
    over: list[tuple[Lease, Ending]] = []
    for lease in leases:
        ending = ending_of(lease, now, timeouts)
        if ending is None:
            held.append(lease)
        else:
            over.append((lease, ending))
    return held, over


def checkout(
    leases: Iterable[Lease], pool: Pool, license_number: str, capacity: int, now: datetime, timeouts: Timeouts
) -> Decision:
    """Decide about a seat.

    Parameters
    ----------
    leases: all there are, of any pool.
    license_number: of the dedicated license that asks; else empty.
    capacity: seats of the pool; of a dedicated license 1.
    """
    held, over = reclaim(leases, now, timeouts)
    holders = [lease for lease in held if lease.pool is pool and lease.license_number == license_number]
    holders.sort(key=lambda lease: lease.taken_at)
    return Decision(tuple(over), len(holders) < capacity, tuple(holders))


def with_pause(
    pauses: Sequence[tuple[int, int]], taken_at: datetime, used_at: datetime, now: datetime
) -> list[tuple[int, int]]:
    """The pauses of a lease after a use: (seconds after it was taken, seconds long), those from `PAUSE` on."""
    found = list(pauses)
    if now - used_at >= PAUSE and used_at >= taken_at and len(found) < MOST_PAUSES:
        found.append((int((used_at - taken_at).total_seconds()), int((now - used_at).total_seconds())))
    return found
