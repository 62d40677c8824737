"""Retention: what the log keeps no longer is deleted by itself, in small transactions with pauses between them.

Entries of days further back than `log.retention_days` go (whole days, in the server's time zone), and the oldest ones
beyond `log.retention_entries`. It is done when one of the two was changed, at the start, and every ten minutes. How
many they were is logged and recorded in the audit at once, and then at most once a day, so that keeping the log short
does not fill it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from trackkit.domain.log import Severity, kept_since
from trackkit.domain.log_options import LogOptions
from trackkit.services import audit
from trackkit.services.environment import Environment
from trackkit.services.log_deletion import delete_until, keep_newest

SOURCE: Final = "log"
OPERATION: Final = "log.retention"
_EVERY: Final = timedelta(minutes=10)
_TOLD_EVERY: Final = timedelta(days=1)


@dataclass(slots=True)
class _Done:
    """What was deleted and is not told yet."""

    by_age: int = 0
    by_number: int = 0


class LogRetention:
    """Looked at often; does something when it is time."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._wanted: tuple[int | None, int | None] = (None, None)
        self._done_at: datetime | None = None
        self._told_at: datetime | None = None
        self._untold = _Done()

    def look(self) -> None:
        """Delete what is due."""
        options, now = self._environment.options.current.log, self._environment.clock()
        wanted = (options.retention_days, options.retention_entries)
        if wanted != self._wanted:
            self._wanted, self._done_at, self._told_at = wanted, None, None
        if wanted == (None, None) or (self._done_at is not None and timedelta(0) <= now - self._done_at < _EVERY):
            return
        to_be_told = self._told_at is None or now - self._told_at >= _TOLD_EVERY
        if options.retention_days is not None:
            until = kept_since(now, options.retention_days, self._environment.zone)
            self._untold.by_age += delete_until(self._environment, until)
        if options.retention_entries is not None:
            self._untold.by_number += self._keep(options.retention_entries, to_be_told)
        self._done_at = now
        if to_be_told:
            self._tell(options, now)

    def _keep(self, number: int, to_be_told: bool) -> int:
        deleted = keep_newest(self._environment, number)
        if deleted and to_be_told:  # the entry that tells of it is one of those that are kept
            deleted += keep_newest(self._environment, number - 1)
        return deleted

    def _tell(self, options: LogOptions, now: datetime) -> None:
        parts = []
        if self._untold.by_age:
            parts.append(f"{self._untold.by_age:,} of days more than {options.retention_days} days back")
        if self._untold.by_number:
            parts.append(f"{self._untold.by_number:,} beyond the newest {options.retention_entries:,}")
        if not parts:
            return
        environment, words = self._environment, f"Entries were deleted by retention: {' and '.join(parts)}."
        after = {"by age": str(self._untold.by_age), "by number": str(self._untold.by_number)}
        environment.store.write(lambda connection: audit.note_own(connection, now, OPERATION, "log entries", after))
        environment.log.write(Severity.information, SOURCE, words)
        self._untold, self._told_at = _Done(), now
