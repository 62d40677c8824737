"""The mail workers of one server: how they share its connections, and which of them are lost. Pure.

Each worker is a *life* (a number that is given once and counts up) and tells now and then that it is there: its last
*sign*. The clocks of several machines are never compared: a worker is lost when another one has looked steadily for
`LOST_AFTER` and seen no new sign. Whoever has not looked steadily (it was stopped, or the database was away for both)
begins to wait anew, so that an outage makes nobody lost.

The limit of connections is divided over the workers there are. One takes more only once the others have let go:
together they never have more than the limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from trackkit.domain.options import SendingOptions

SERVER: Final = "server"
"""The name of the server's own worker; nobody else may have it."""

SECOND: Final = "server-2"
"""That of the process beside it which a server on SQLite may have."""

SECOND_FROM_CONNECTIONS: Final = 8
"""With so many connections one process is not enough for them: Python runs on one processor at a time."""

LONGEST_NAME: Final = 40
BEAT: Final = timedelta(seconds=5)
"""How often a worker gives a sign."""

LOST_AFTER = timedelta(seconds=60)
REMEMBERED: Final = timedelta(days=1)
"""How long one that was lost stays in the list."""

TOLD: Final = timedelta(hours=1)
"""How long health tells of it."""

_STEADY: Final = 3 * BEAT


def wants_second(sending: SendingOptions, processors: int) -> bool:
    """Whether a server on SQLite with so many processors shall send from a second process, too."""
    over_connections = sending.method not in ("pickup", "mapi") and sending.is_set_up
    # Some providers take a refresh token just once: two processes would use it up for each other.
    by_refresh_token = sending.smtp.authentication == "oauth2" and sending.oauth2.refresh_token is not None
    many = sending.timing.connections >= SECOND_FROM_CONNECTIONS
    return over_connections and not by_refresh_token and processors > 1 and many


def share(limit: int, number: int, workers: int) -> int:
    """How many of `limit` connections are for worker `number` (from 0) of so many.

    Where there are more workers than connections, the last of them get none: they stand by until one before them goes.
    """
    return limit // workers + (number < limit % workers)


def granted(limit: int, held: Mapping[int, int], life: int) -> int:
    """How many connections that life may have now: its share, as far as the others leave room or it has them already.

    Parameters
    ----------
    held: how many each worker that is there (this one included) may still have open, by life.
    """
    wanted = share(limit, sorted(held).index(life), len(held))
    others = sum(number for other, number in held.items() if other != life)
    return min(wanted, max(limit - others, held[life]))


def is_fresh(sign_at: datetime | None, now: datetime) -> bool:
    """Whether a worker that gave its last sign then can rely on what it holds: nobody takes it for lost soon."""
    return sign_at is not None and timedelta(0) <= now - sign_at < LOST_AFTER / 2


@dataclass(frozen=True, slots=True)
class Watch:
    """What a worker has seen of the others."""

    looked_at: datetime | None = None
    seen: Mapping[int, tuple[datetime, datetime]] = field(default_factory=lambda: MappingProxyType({}))
    """By life: its last sign, and since when it has been the last."""


def looked(watch: Watch, signs: Mapping[int, datetime], now: datetime) -> tuple[Watch, frozenset[int]]:
    """What is known after another look, and who is lost.

    Parameters
    ----------
    signs: the last sign of each of the others, by life.
    now: by the clock of the one that looks.
    """
    steady = watch.looked_at is not None and timedelta(0) <= now - watch.looked_at <= _STEADY
    seen: dict[int, tuple[datetime, datetime]] = {}
    for life, sign in signs.items():
        before = watch.seen.get(life) if steady else None
        seen[life] = before if before is not None and before[0] == sign else (sign, now)
    lost = frozenset(life for life, (_, since) in seen.items() if now - since >= LOST_AFTER)
    return Watch(now, MappingProxyType(seen)), lost
