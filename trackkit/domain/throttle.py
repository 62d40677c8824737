"""How fast log-ins may be tried: decided before a password is looked at, so that a wrong one costs next to nothing.

A try is for an account from a place (an address, or a browser that has logged in before). It must fit into each of
these, and is then charged to each; a log-in that succeeds gives back what it was charged.

| what is limited | tries at once | then one every |
| --- | --- | --- |
| one account from one place | 5 (20 where that place has logged in to it before) | 10 s |
| one account from all places that are new to it | 20 | 10 s |
| one place at all accounts it is new to | 20 | 5 s |
| the same for a shared place (loopback: every visitor of the dashboards comes from there) | 50 | 1 s |

| state of an account at a place | the next try | afterwards |
| --- | --- | --- |
| has room | admitted and charged | succeeded: known, nothing owed; failed: owes one try more |
| has none | turned away, with the time to wait | nothing changes |

What follows, and is tested as properties:

- Nobody is locked out: who waits as told is admitted unless somebody else used the room, and no wait is longer than
  the interval of its row. A try that is turned away makes no wait longer.
- Strangers cannot keep out somebody who logs in from where they did before: only tries from that very place count.
- The memory is bounded: only admitted tries leave a trace, and of each kind at most `MOST` are kept.

Nothing here says whether an account exists: names that do not are treated alike. Pure: the clock is passed in, and one
that jumps back lengthens no wait and locks nobody out.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from typing import Final, NamedTuple

MOST: Final = 10_000
"""Of each kind of trace; the oldest go first."""

KNOWN_FOR: Final = timedelta(days=30)
"""After its last success a place is new to the account again."""

NO_WAIT: Final = timedelta()


class Limit(NamedTuple):
    """So many tries at once, then one every so often."""

    tries: int
    every: timedelta

    @property
    def room(self) -> timedelta:
        """What may be owed at most."""
        return self.tries * self.every


PAIR: Final = Limit(5, timedelta(seconds=10))
KNOWN_PAIR: Final = Limit(20, timedelta(seconds=10))
ACCOUNT: Final = Limit(20, timedelta(seconds=10))
PLACE: Final = Limit(20, timedelta(seconds=5))
SHARED_PLACE: Final = Limit(50, timedelta(seconds=1))

_Key = tuple[str, str]


class Throttle:
    """What was tried lately. Not safe for threads by itself."""

    def __init__(self) -> None:
        self._owed: dict[_Key, datetime] = {}
        """Until when each key owes; the difference to now is what it owes."""
        self._known: dict[_Key, datetime] = {}
        """When a place last logged in to an account."""

    def __len__(self) -> int:
        return len(self._owed) + len(self._known)

    def admit(self, now: datetime, account: str, place: str, *, known: bool = False) -> timedelta:
        """How long to wait before this may be tried; zero = it is admitted and charged.

        Parameters
        ----------
        place: as `place_of` gives it, or the name of a browser.
        known: it is certain otherwise that the place has logged in to the account before.
        """
        limits = self._limits(now, account, place, known)
        wait = max(self._wait(now, key, limit) for key, limit in limits.items())
        if wait == NO_WAIT:
            for key, limit in limits.items():
                self._owed[key] = now + self._debt(now, key, limit) + limit.every
            self._bound(self._owed, now)
        return wait

    def succeeded(self, now: datetime, account: str, place: str, *, known: bool = False) -> None:
        """An admitted try was right: nothing is owed for it, and the place is known from now on."""
        self.give_back(now, account, place, known=known)
        self._owed.pop((account, place), None)
        self._known.pop((account, place), None)
        self._known[account, place] = now  # at the end: the order is that of the last success
        self._bound(self._known, now - KNOWN_FOR)

    def give_back(self, now: datetime, account: str, place: str, *, known: bool = False) -> None:
        """An admitted try was not looked at after all."""
        for key, limit in self._limits(now, account, place, known).items():
            if key in self._owed:
                self._owed[key] = now + self._debt(now, key, limit) - limit.every

    def _limits(self, now: datetime, account: str, place: str, known: bool) -> dict[_Key, Limit]:
        pair = (account, place)
        if known or (pair in self._known and now - self._known[pair] < KNOWN_FOR):
            return {pair: KNOWN_PAIR}
        return {pair: PAIR, (account, ""): ACCOUNT, ("", place): SHARED_PLACE if _shared(place) else PLACE}

    def _debt(self, now: datetime, key: _Key, limit: Limit) -> timedelta:
        owed = max(self._owed.get(key, now) - now, NO_WAIT)
        return owed if owed <= limit.room else NO_WAIT  # more cannot be owed: it is from before the clock was put back

    def _wait(self, now: datetime, key: _Key, limit: Limit) -> timedelta:
        return max(self._debt(now, key, limit) + limit.every - limit.room, NO_WAIT)

    @staticmethod
    def _bound(kept: dict[_Key, datetime], over: datetime) -> None:
        """Forget what is over, and the oldest of what is still too much."""
        if len(kept) <= MOST:
            return
        for key in [key for key, at in kept.items() if at <= over]:
            del kept[key]
        for key in sorted(kept, key=kept.__getitem__)[: len(kept) - MOST * 9 // 10]:
            del kept[key]


def place_of(address: str) -> str:
    """The place an address stands for: of IPv6 the network of 64 bits, which one customer has whole (RFC 6177)."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ip) if ip.is_loopback else str(ipaddress.ip_network((ip, 64), strict=False))


def _shared(place: str) -> bool:
    try:
        return ipaddress.ip_address(place).is_loopback
    except ValueError:
        return False
