"""Writing to the server log: nobody waits for it; an entry that cannot be written goes to stderr and startup.log.

Entries below the chosen level are dropped here; `startup.log` gets what the options ask for, and always what went
wrong while starting.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import TextIO

from trackkit.domain.errors import Unavailable
from trackkit.domain.log import LogEntry, Severity
from trackkit.domain.options import LogOptions
from trackkit.store import log as log_rows
from trackkit.store.database import Store

MAXIMUM_TEXT = 1_000_000
"""Characters of one message or details that are kept."""


class LogWriter:
    """The server log's entrance. `options` is asked at every entry, so that a change counts at once."""

    def __init__(
        self, store: Store, options: Callable[[], LogOptions], clock: Callable[[], datetime], startup_log: Path
    ) -> None:
        self._store = store
        self._options = options
        self._clock = clock
        self._startup_log = startup_log
        self._last: Future[None] | None = None
        self._lock = threading.Lock()

    def write(
        self,
        severity: Severity,
        source: str,
        message: str,
        details: str = "",
        *,
        database: str = "",
        username: str = "",
        client_address: str = "",
    ) -> None:
        """Append an entry; returns before it is on disk. Order is kept."""
        entry = LogEntry(
            self._clock(), severity, source, _storable(message), _storable(details), database, username, client_address
        )
        options = self._options()
        if options.startup_log:
            self.write_startup_log(entry)
        if options.database_level == "off" or severity > Severity.named(options.database_level):
            return
        try:
            future = self._store.submit(lambda connection: log_rows.append(connection, [entry]))
        except Unavailable as error:
            self._lost(entry, error)
            return
        self._last = future
        future.add_done_callback(lambda done: self._check(done, entry))

    def flush(self) -> None:
        """Wait until everything written so far is on disk (or was reported as lost)."""
        last = self._last
        if last is not None:
            last.exception()

    def write_startup_log(self, entry: LogEntry) -> None:
        """One line in startup.log."""
        with self._lock:
            append_line(self._startup_log, entry)

    def _check(self, done: Future[None], entry: LogEntry) -> None:
        error = done.exception()
        if error is not None:
            self._lost(entry, error)

    def _lost(self, entry: LogEntry, error: BaseException) -> None:
        _write_line(
            sys.stderr, f"The server log could not be written to ({error}): {entry.severity.title}: {entry.message}"
        )
        self.write_startup_log(entry)


def append_line(startup_log: Path, entry: LogEntry) -> None:
    """Add an entry to startup.log, as one line."""
    line = f"{entry.at:%Y-%m-%d %H:%M:%S.%f}Z {entry.severity.title}: {entry.source}: {entry.message}"
    text = " | ".join(f"{line}\n{entry.details}".split("\n")).rstrip(" |")
    with startup_log.open("a", encoding="utf-8") as file:
        _write_line(file, text)


def _write_line(file: TextIO, text: str) -> None:
    file.write("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text) + "\n")
    file.flush()


def _storable(text: str) -> str:
    """Text that every database takes: no NUL, no lone surrogates, not endless."""
    text = text[:MAXIMUM_TEXT].replace("\x00", "\N{SYMBOL FOR NULL}")
    return text.encode("utf-8", "replace").decode("utf-8")
