"""When the next try of a deferred recipient is due, and when trying ends. Clock and randomness are passed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

WAITS: tuple[timedelta, ...] = tuple(timedelta(minutes=m) for m in (1, 5, 15, 30, 60, 120, 240))
"""After the first, second … failed try; the last one repeats. From minutes to hours (RFC 5321 §4.5.4.1 asks for
retries beginning quickly, then at least half an hour apart)."""

JITTER = 0.2
"""Share of a wait by which it may grow, so that many messages do not come due at one instant."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long trying goes on."""

    keep_trying: timedelta

    def wait(self, tries: int, jitter: float) -> timedelta:
        """The wait after try number `tries` (1, 2 …); `jitter` is a random number from 0 to 1."""
        wait = WAITS[min(max(tries, 1), len(WAITS)) - 1]
        return wait * (1 + JITTER * jitter)

    def expires_at(self, since: datetime) -> datetime:
        """When trying ends for what was queued (or reattempted) at `since`."""
        return since + self.keep_trying
