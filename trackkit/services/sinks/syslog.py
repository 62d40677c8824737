"""The local syslog daemon over its datagram socket, in the form its local parsers know (RFC 3164 §4.1).

An entry is one datagram and one line: control characters are made harmless, so that no text can forge a second entry
or reach a terminal, and it is cut at `MAXIMUM_BYTES`, which daemons take. Raises `OSError` when the daemon is away.
"""

from __future__ import annotations

import os
from typing import Final

from trackkit.domain.log import SYSLOG_SEVERITY, LogEntry
from trackkit.domain.log_text import cut, one_line
from trackkit.services.sinks.datagrams import IDENTIFIER, connected

MAXIMUM_BYTES: Final = 8000
"""rsyslog takes 8,192 unless told otherwise."""

_FACILITY: Final = 3  # system daemons
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Syslog:
    """The daemon at a socket."""

    def __init__(self, path: str) -> None:
        self._socket = connected(path)

    def send(self, entry: LogEntry) -> None:
        """Hand over one entry."""
        self._socket.send(encoded(entry))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def encoded(entry: LogEntry) -> bytes:
    """The entry as a datagram: priority, local time, tag, then level, source, message and what else is known."""
    at = entry.at.astimezone()
    known = (("database", entry.database), ("user", entry.username), ("from", entry.client_address))
    about = "".join(f" [{name} {value}]" for name, value in known if value)
    head = f"<{_FACILITY * 8 + SYSLOG_SEVERITY[entry.severity]}>{_MONTHS[at.month - 1]} {at.day:2d} {at:%H:%M:%S} "
    # Longer texts are cut anyway: no need to go through a megabyte.
    message = one_line(f"{entry.source}: {entry.message[:MAXIMUM_BYTES]}{about}", entry.details[:MAXIMUM_BYTES])
    line = f"{head}{IDENTIFIER}[{os.getpid()}]: {entry.severity.title}: {message}"
    return cut(line, MAXIMUM_BYTES, " … (cut; the server log has all of it)")
