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
from typing import Final

from trackkit.domain.rates import Limit, Rates, bounded

MOST: Final = 10_000
"""Of each kind of trace; the oldest go first."""

KNOWN_FOR: Final = timedelta(days=30)
"""After its last success a place is new to the account again."""

PAIR: Final = Limit(5, timedelta(seconds=10))
KNOWN_PAIR: Final = Limit(20, timedelta(seconds=10))
ACCOUNT: Final = Limit(20, timedelta(seconds=10))
PLACE: Final = Limit(20, timedelta(seconds=5))
SHARED_PLACE: Final = Limit(50, timedelta(seconds=1))

_Key = tuple[str, str]


class Throttle:
    """What was tried lately. Not safe for threads by itself."""

    def __init__(self) -> None:
        self._rates: Rates[_Key] = Rates(MOST)
        self._known: dict[_Key, datetime] = {}
        """When a place last logged in to an account."""

    def __len__(self) -> int:
        return len(self._rates) + len(self._known)

    def admit(self, now: datetime, account: str, place: str, *, known: bool = False) -> timedelta:
        """How long to wait before this may be tried; zero = it is admitted and charged.

        Parameters
        ----------
        place: as `place_of` gives it, or the name of a browser.
        known: it is certain otherwise that the place has logged in to the account before.
        """
        return self._rates.admit(now, self._limits(now, account, place, known))

    def succeeded(self, now: datetime, account: str, place: str, *, known: bool = False) -> None:
        """An admitted try was right: nothing is owed for it, and the place is known from now on."""
        self.give_back(now, account, place, known=known)
        self._rates.forgive((account, place))
        self._known.pop((account, place), None)
        self._known[account, place] = now  # at the end: the order is that of the last success
        bounded(self._known, now - KNOWN_FOR, MOST)

    def give_back(self, now: datetime, account: str, place: str, *, known: bool = False) -> None:
        """An admitted try was not looked at after all."""
        self._rates.give_back(now, self._limits(now, account, place, known))

    def _limits(self, now: datetime, account: str, place: str, known: bool) -> dict[_Key, Limit]:
        pair = (account, place)
        if known or (pair in self._known and now - self._known[pair] < KNOWN_FOR):
            return {pair: KNOWN_PAIR}
        return {pair: PAIR, (account, ""): ACCOUNT, ("", place): SHARED_PLACE if _shared(place) else PLACE}


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
