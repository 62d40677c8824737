"""Retention: what the log keeps no longer is deleted by itself, in small transactions with pauses between them.

Entries of days further back than `log.retention_days` go (whole days, in the server's time zone), and the oldest ones
beyond `log.retention_entries`. It is done when one of the two was changed, at the start, and every ten minutes. How
many they were is logged and recorded in the audit at once, and then at most once a day, so that keeping the log short
does not fill it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from trackkit.domain.log import Severity, kept_since
from trackkit.domain.log_options import LogOptions
from trackkit.services.environment import Environment
from trackkit.store import log as rows
from trackkit.store import records

SOURCE: Final = "log"
OPERATION: Final = "log.retention"
_EVERY: Final = timedelta(minutes=10)
_TOLD_EVERY: Final = timedelta(days=1)
_PAUSE_SECONDS: Final = 0.02
_CHUNKS_A_TURN: Final = 50
"""The rest follows in the next turn: a server that is to stop must not wait for millions of entries."""


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
        self._environment.log.flush()
        if self._delete(options, now):
            self._done_at = now
        if self._done_at is not None and self._to_be_told(now):
            self._tell(options, now)

    def _delete(self, options: LogOptions, now: datetime) -> bool:
        """Delete for one turn; whether nothing is left to be deleted."""
        chunks = _CHUNKS_A_TURN
        store = self._environment.log_store
        if options.retention_days is not None:
            until = kept_since(now, options.retention_days, self._environment.zone)
            deleted, chunks = self._some(until, store.read(rows.newest_id), chunks)
            self._untold.by_age += deleted
        if options.retention_entries is not None and chunks:
            kept = options.retention_entries
            beyond = store.read(lambda connection: rows.newest_beyond(connection, kept))
            if beyond and self._to_be_told(now):  # the entry that tells of it is one of those that are kept
                beyond = store.read(lambda connection: rows.newest_beyond(connection, kept - 1))
            deleted, chunks = self._some(None, beyond, chunks) if beyond else (0, chunks)
            self._untold.by_number += deleted
        return chunks > 0

    def _some(self, until: datetime | None, up_to_id: int, chunks: int) -> tuple[int, int]:
        """Delete chunk by chunk; how many entries, and how many chunks are left for this turn."""
        deleted = 0
        while chunks:
            part = self._environment.log_store.write(lambda connection: rows.delete_some(connection, until, up_to_id))
            deleted += part
            if part < rows.DELETE_CHUNK:
                break
            chunks -= 1
            time.sleep(_PAUSE_SECONDS)
        return deleted, chunks

    def _to_be_told(self, now: datetime) -> bool:
        return self._told_at is None or now - self._told_at >= _TOLD_EVERY

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
        environment.store.write(
            lambda connection: records.add_audit(
                connection,
                at=now,
                operation=OPERATION,
                username="",
                client_address="",
                subject="log entries",
                before={},
                after=after,
            )
        )
        environment.log.write(Severity.information, SOURCE, words)
        self._untold, self._told_at = _Done(), now
