"""The server log's entrance: nobody waits for it.

Promises
- `write` only puts the entry before each sink that wants it by its level, asked at every entry, so that a change of
  the options counts at once. Order is kept in each sink.
- An entry that the server log's database does not take at the first try goes to stderr and startup.log, in case the
  server is killed before it does; it stays in memory and is written when the database is back. The outage is told
  on stderr when it begins, and in the server log when it is over.
- Should entries come faster than the database takes them, until its queue in memory is full, they go to startup.log
  instead, and an entry in the server log says how many: the server works on, and nothing is dropped silently.
- A system event log that is away is told once in the server log, and is tried again.
- Texts are bounded (1,000,000 characters) and made such that every database takes them.
- `close` writes everything out; what cannot be written then is on stderr and in startup.log.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from trackkit.domain.log import LogEntry, Severity, includes
from trackkit.domain.log_options import LogOptions
from trackkit.domain.log_text import storable
from trackkit.services.sinks.database import DatabaseSink
from trackkit.services.sinks.outlet import Listener, Outlet, Sink
from trackkit.services.sinks.startup_log import StartupLog, line_of
from trackkit.store.database import Store

SOURCE: Final = "log"
_MAIL_LINGER_SECONDS: Final = 0.2


class LogWriter:
    """Hands entries to the sinks.

    Parameters
    ----------
    options: asked at every entry.
    event_log: the operating system's event log.
    mail: collects what is e-mailed.
    """

    def __init__(
        self,
        store: Store,
        options: Callable[[], LogOptions],
        clock: Callable[[], datetime],
        startup_log: StartupLog,
        event_log: Sink,
        mail: Sink,
    ) -> None:
        self._options = options
        self._clock = clock
        self.startup_log = startup_log
        """The file; what stands in it is read through this."""
        listener = Listener(self._failing, self._working, self._unwritten, self._no_room)
        self._database = Outlet(DatabaseSink(store), listener, clock)
        self._startup = Outlet(startup_log, listener, clock)
        self._event_log = Outlet(event_log, listener, clock)
        self._mail = Outlet(mail, listener, clock, _MAIL_LINGER_SECONDS)
        self._outlets = (self._database, self._startup, self._event_log, self._mail)

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
        mailed: bool = True,
    ) -> None:
        """Add an entry; returns before it is on disk.

        Parameters
        ----------
        mailed: False for what is caused by mails about the log: it would make more of them.
        """
        entry = LogEntry(
            self._clock(),
            severity,
            storable(source, 64),
            storable(message),
            storable(details),
            storable(database, 256),
            storable(username, 64),
            storable(client_address, 64),
        )
        options = self._options()
        for outlet in self._outlets:
            if includes(outlet.sink.level(options), severity) and (mailed or outlet is not self._mail):
                outlet.put(entry)

    def flush(self) -> None:
        """Wait until everything written so far is on disk (or was reported as not written)."""
        self._database.flush()
        self._startup.flush()

    def close(self) -> None:
        """Write everything out; what is written to the log afterwards goes to stderr and startup.log."""
        # The files last: what the others cannot take goes there.
        for outlet in (self._event_log, self._mail, self._database, self._startup):
            outlet.close()

    def _failing(self, sink: Sink, reason: str) -> None:
        words = f"{sink.title.capitalize()} cannot be written to; entries wait in memory, and it is tried again."
        if sink is self._event_log.sink or sink is self._mail.sink:
            self.write(Severity.warning, SOURCE, words, reason, mailed=False)
        else:
            say(f"{words} {reason}")

    def _working(self, sink: Sink) -> None:
        severity = Severity.warning if sink is self._database.sink else Severity.information
        words = f"{sink.title.capitalize()} can be written to again; what waited was written."
        self.write(severity, SOURCE, words, mailed=False)

    def _unwritten(self, sink: Sink, entries: Sequence[LogEntry], reason: str) -> None:
        if sink is self._event_log.sink or sink is self._mail.sink:
            return  # they are in the server log, as far as its level reaches
        for entry in entries:
            say(f"Not written to {sink.title} ({reason}): {line_of(entry)}")
        if sink is self._database.sink:
            self._to_file(entries)

    def _no_room(self, sink: Sink, entry: LogEntry) -> None:
        if sink is self._database.sink:
            self._to_file([entry])

    def _to_file(self, entries: Sequence[LogEntry]) -> None:
        try:
            self.startup_log.write(entries)
        except OSError as error:
            say(f"startup.log cannot be written to: {error}")


def say(text: str) -> None:
    """A line on stderr, which whoever started the server may read; where even that is full or closed, nobody can."""
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
