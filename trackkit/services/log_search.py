"""The search index of the log, kept up to date beside everything else, and reading the log with it.

An index that cannot be used is told once in the log and looked at, or made anew, at the next turn; until then, and
where the database has no such index, texts are found by looking through the entries: slower, and the same result.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from trackkit.domain.log import LogFilter, Severity
from trackkit.services.log_writer import LogWriter
from trackkit.store import log as rows
from trackkit.store.database import Connection, Store
from trackkit.store.log_search import Candidates, SearchBroken, SearchIndex

SOURCE: Final = "log"

BATCH: Final = 2_000
"""Entries taken in by one transaction of the index."""

WORTHWHILE: Final = 1_000
"""Fewer than these are not taken in: looking through them costs nothing, and a transaction for each would."""

_TURN_SECONDS: Final = 0.7
_STALE_ENTRIES: Final = 10_000

T = TypeVar("T")


class LogSearch:
    """The search index of a server's log; `close` it before the log's store."""

    def __init__(self, index: SearchIndex, store: Store, log: LogWriter) -> None:
        self._index = index
        self._store = store
        self._log = log
        self._ready = False
        self._damaged = False
        self._told = ""
        self._closing = threading.Event()
        self._turn = threading.Lock()
        self._prepare()

    def read(self, work: Callable[[Connection, Candidates | None], T]) -> T:
        """Do a unit of reading on the log, with the index if it can be used."""

        def with_index(connection: Connection) -> T:
            with self._index.reading(connection) as candidates:
                return work(connection, candidates)

        if self._ready:
            try:
                return self._store.read(with_index)
            except SearchBroken as error:
                self._broken(error)
        return self._store.read(lambda connection: work(connection, None))

    def keep_up(self) -> None:
        """Take in what has come since, for a moment at most: who calls comes back soon."""
        ends_at = time.monotonic() + _TURN_SECONDS
        with self._turn:
            if not self._ready:
                self._prepare()
            try:
                if self._ready:
                    self._drop_if_stale()
                while self._ready and not self._closing.is_set() and time.monotonic() < ends_at:
                    if not self._index.fill(BATCH, at_least=WORTHWHILE):
                        return
            except SearchBroken as error:
                self._broken(error)

    @property
    def covered(self) -> int:
        """Up to which id the index knows the log; 0 when there is none."""
        try:
            return self._index.filled()[0]
        except SearchBroken:
            return 0

    def close(self) -> None:
        """End at the next batch, and wait for it."""
        self._closing.set()
        with self._turn:
            self._ready = False

    def _prepare(self) -> None:
        if self._closing.is_set():
            return
        try:
            if self._damaged:
                self._index.reset()
                self._damaged = False
            reason = self._index.prepare(self._store.read(rows.highest_id))
        except SearchBroken as error:
            self._tell(
                Severity.information,
                "The log has no search index, so that texts are found by looking through the entries, which is slower.",
                str(error),
            )
            return
        self._ready, self._told = True, ""
        if reason:
            self._tell(Severity.information, f"The log's search index is made anew: {reason}.")

    def _drop_if_stale(self) -> None:
        """Deleted entries stay in the index; when most of it is of deleted ones it is made anew."""
        covered, taken_in = self._index.filled()
        if taken_in <= _STALE_ENTRIES:
            return
        total = self._store.read(lambda connection: rows.count(connection, LogFilter())).entries
        later = max(self._store.read(rows.newest_id) - covered, 0)
        if taken_in > 2 * max(total - later, 0) + _STALE_ENTRIES:
            self._index.reset()

    def _broken(self, error: SearchBroken) -> None:
        self._ready, self._damaged = False, self._damaged or error.is_damaged
        words = "The log's search index could not be used; it is looked at, and made anew if need be."
        self._tell(Severity.warning, words, str(error))

    def _tell(self, severity: Severity, message: str, details: str = "") -> None:
        if message + details != self._told:
            self._told = message + details
            self._log.write(severity, SOURCE, message, details)
