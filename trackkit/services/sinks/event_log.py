"""The operating system's event log as a sink: the journal where there is one, else syslog; on Windows its own.

Which sockets those are is a setting of the server machine. Where none is to be had the sink is away: the writer says
so once, keeps the entries in memory as far as they fit, and tries again; the next try looks for both sockets anew.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from trackkit.domain.errors import Unavailable
from trackkit.domain.log import LogEntry
from trackkit.domain.log_options import LogOptions
from trackkit.services.sinks.journald import Journald
from trackkit.services.sinks.nt_event_log import NtEventLog, windows_calls
from trackkit.services.sinks.syslog import Syslog

JOURNAL_SOCKET: Final = "/run/systemd/journal/socket"
SYSLOG_SOCKET: Final = "/dev/log"


class EventLog(Protocol):
    """An event log that is there."""

    def send(self, entry: LogEntry) -> None:
        """Hand over one entry; `OSError` when it is away."""

    def close(self) -> None:
        """Let go of it."""


def system_event_log(journal_socket: str, syslog_socket: str) -> EventLog:
    """The event log of this system; `Unavailable` when there is none. An empty name = not that one."""
    if sys.platform == "win32":
        return NtEventLog(windows_calls())
    reasons = []
    for path, kind in ((journal_socket, Journald), (syslog_socket, Syslog)):
        if path and Path(path).exists():
            try:
                return kind(path)
            except OSError as error:
                reasons.append(f"{path}: {error.strerror or error}")
        elif path:
            reasons.append(f"there is no {path}")
    raise Unavailable(
        f"The system's event log cannot be reached: {'; '.join(reasons) or 'no socket is set'}.",
        "Start journald or a syslog daemon, or name its socket with `trackkit server set syslog-socket`.",
    )


class EventLogSink:
    """The system's event log, opened when it is first needed and again after trouble."""

    title: Final = "the system's event log"
    at_once: Final = 1
    elsewhere: Final = "The server log has them, as far as its level reaches."

    def __init__(self, find: Callable[[], EventLog]) -> None:
        self._find = find
        self._open: EventLog | None = None

    def level(self, options: LogOptions) -> str:
        """`log.event_log_level`."""
        return options.event_log_level

    def write(self, entries: Sequence[LogEntry]) -> None:
        """Hand them over; a daemon that was started anew since gets them at the second try."""
        for entry in entries:
            fresh = self._open is None
            try:
                self._send(entry)
            except OSError:
                self.close()
                if fresh:
                    raise
                self._send(entry)

    def close(self) -> None:
        """Let go of it."""
        opened, self._open = self._open, None
        if opened is not None:
            opened.close()

    def _send(self, entry: LogEntry) -> None:
        if self._open is None:
            self._open = self._find()
        self._open.send(entry)
