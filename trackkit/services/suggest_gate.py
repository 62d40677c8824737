"""The one through which all looking for settings goes: how often it may be done, and who does it.

| what is limited | times at once | then one every |
| --- | --- | --- |
| one person | 5 | 20 s |
| the whole server | 10 | 6 s |

So the server is no tool for knocking at others' doors. Fails with `TooManyAttempts`.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from trackkit.domain.errors import TooManyAttempts
from trackkit.domain.rates import NO_WAIT, Limit, Rates
from trackkit.domain.suggestions import Asked, Suggested
from trackkit.domain.trust import Trusted

PERSON: Final = Limit(5, timedelta(seconds=20))
SERVER: Final = Limit(10, timedelta(seconds=6))
_MOST: Final = 1_000
"""People that are remembered at most."""

_WHOLE: Final = ""
"""The key of the whole server; no person is called so."""

Look = Callable[[Asked, Iterable[Trusted]], Suggested]
"""Finds settings; blocks, for twenty seconds at most."""


class SuggestGate:
    """Safe for threads.

    Parameters
    ----------
    look: what looks, once it may.
    """

    def __init__(self, look: Look, clock: Callable[[], datetime]) -> None:
        self.look = look
        self._clock = clock
        self._lock = threading.Lock()
        self._rates: Rates[str] = Rates(_MOST)

    def admit(self, username: str) -> None:
        """Count one look of that person; `TooManyAttempts` when it may not be now."""
        with self._lock:
            wait = self._rates.admit(self._clock(), {username: PERSON, _WHOLE: SERVER})
        if wait > NO_WAIT:
            seconds = max(math.ceil(wait.total_seconds()), 1)
            raise TooManyAttempts(
                "Settings were looked for too often lately: each look connects to others' hosts. "
                f"Look again in {seconds} second{'s' if seconds > 1 else ''}.",
                "Trying earlier is turned away, too, and makes the wait no longer.",
                details={"retry_after": str(seconds)},
            )
