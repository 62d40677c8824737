"""How fast something may be done: so many times at once, then once every so often, counted by key.

One instant a key is kept: until when it owes. Doing it once costs a key what its `Limit` says; it may be done while
every key that it counts for has room for that.

- Who waits as told is admitted, unless somebody else used the room; no wait is longer than the interval of its limit.
- What is turned away costs nothing and makes no wait longer.
- The memory is bounded: only what is admitted leaves a trace.

Pure: the clock is passed in, and one that jumps back lengthens no wait and keeps nobody out.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import datetime, timedelta
from typing import Final, Generic, NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)

NO_WAIT: Final = timedelta()


class Limit(NamedTuple):
    """So many tries at once, then one every so often."""

    tries: int
    every: timedelta

    @property
    def room(self) -> timedelta:
        """What may be owed at most."""
        return self.tries * self.every


class Rates(Generic[Key]):
    """What each key owes. Not safe for threads by itself.

    Parameters
    ----------
    most: so many keys are kept at most; the oldest go first.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._owed: dict[Key, datetime] = {}
        """Until when each key owes; the difference to now is what it owes."""

    def __len__(self) -> int:
        return len(self._owed)

    def admit(self, now: datetime, limits: Mapping[Key, Limit]) -> timedelta:
        """How long to wait before it may be done; zero = it is admitted and charged to each of these keys."""
        wait = max(self.wait(now, key, limit) for key, limit in limits.items())
        if wait == NO_WAIT:
            for key, limit in limits.items():
                self._owed[key] = now + self._debt(now, key, limit) + limit.every
            bounded(self._owed, now, self._most)
        return wait

    def wait(self, now: datetime, key: Key, limit: Limit) -> timedelta:
        """How long this key alone has to wait."""
        return max(self._debt(now, key, limit) + limit.every - limit.room, NO_WAIT)

    def give_back(self, now: datetime, limits: Mapping[Key, Limit]) -> None:
        """What was admitted was not done after all."""
        for key, limit in limits.items():
            if key in self._owed:
                self._owed[key] = now + self._debt(now, key, limit) - limit.every

    def forgive(self, key: Key) -> None:
        """This key owes nothing any more."""
        self._owed.pop(key, None)

    def _debt(self, now: datetime, key: Key, limit: Limit) -> timedelta:
        owed = max(self._owed.get(key, now) - now, NO_WAIT)
        return owed if owed <= limit.room else NO_WAIT  # more cannot be owed: it is from before the clock was put back


def bounded(kept: dict[Key, datetime], over: datetime, most: int) -> None:
    """Of more than `most` forget what is over, and the oldest of what is still too much."""
    if len(kept) <= most:
        return
    for key in [key for key, at in kept.items() if at <= over]:
        del kept[key]
    for key in sorted(kept, key=kept.__getitem__)[: len(kept) - most * 9 // 10]:
        del kept[key]
