"""Before a defect from somebody without an account is looked at: whether it may come now, and what the log is told.

The rules are `domain.project.submission`; here they meet the clock, the log and threads. Fails with `TooManyAttempts`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final

from trackkit.domain.errors import TooManyAttempts
from trackkit.domain.failures import Failures, Summary
from trackkit.domain.log import Severity
from trackkit.domain.project.submission import Pace, flood_words
from trackkit.domain.throttle import place_of
from trackkit.services.log_writer import LogWriter

SOURCE: Final = "solosubmit"


class SubmissionGate:
    """The one through which every defect without an account goes. Safe for threads."""

    def __init__(self, log: LogWriter, clock: Callable[[], datetime]) -> None:
        self._log, self._clock = log, clock
        self._lock = threading.Lock()
        self._pace = Pace()
        self._flood = Failures()

    def admit(self, address: str) -> None:
        """Count one from that address; `TooManyAttempts` when it may not come now."""
        place, summary = place_of(address), None
        try:
            with self._lock:
                now = self._clock()
                try:
                    self._pace.admit(now, place)
                except TooManyAttempts:
                    summary = self._flood.due(now)
                    self._flood.note(now, place, address, turned_away=True)
                    raise
        finally:
            self._summarise(summary)

    def tell(self, *, at_the_end: bool = False) -> None:
        """Write the summary that is due, if any; asked now and then, and when the server stops."""
        with self._lock:
            summary = self._flood.due(self._clock(), at_the_end=at_the_end)
        self._summarise(summary)

    def _summarise(self, summary: Summary | None) -> None:
        if summary is not None:
            message, details = flood_words(summary)
            self._log.write(Severity.unusual_activity, SOURCE, message, details)
