"""systemd's journal by its native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/).

An entry is one datagram of fields; a value with line breaks is sent with its length, so that no text can forge a
field; an entry too large for a datagram goes as a sealed file in memory. Raises `OSError` when the journal is away.
"""

from __future__ import annotations

import errno
import os
import socket

from trackkit.domain.log import SYSLOG_SEVERITY, LogEntry
from trackkit.domain.log_text import harmless
from trackkit.services.sinks.datagrams import IDENTIFIER, connected


class Journald:
    """The journal at a socket."""

    def __init__(self, path: str) -> None:
        self._socket = connected(path)

    def send(self, entry: LogEntry) -> None:
        """Hand over one entry."""
        datagram = encoded(entry)
        try:
            self._socket.send(datagram)
        except OSError as error:
            if error.errno not in (errno.EMSGSIZE, errno.ENOBUFS):
                raise
            self._send_file(datagram)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _send_file(self, content: bytes) -> None:
        import fcntl

        descriptor = os.memfd_create("trackkit-log", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            with os.fdopen(os.dup(descriptor), "wb") as file:
                file.write(content)
            seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
            socket.send_fds(self._socket, [b""], [descriptor])
        finally:
            os.close(descriptor)


def encoded(entry: LogEntry) -> bytes:
    """The entry's fields; those without a value are left out."""
    fields = {
        "MESSAGE": entry.message,
        "PRIORITY": str(SYSLOG_SEVERITY[entry.severity]),
        "SYSLOG_IDENTIFIER": IDENTIFIER,
        "SYSLOG_PID": str(os.getpid()),
        "TRACKKIT_TIME": entry.at.isoformat(),
        "TRACKKIT_LEVEL": entry.severity.name,
        "TRACKKIT_SOURCE": entry.source,
        "TRACKKIT_DATABASE": entry.database,
        "TRACKKIT_USER": entry.username,
        "TRACKKIT_CLIENT_ADDRESS": entry.client_address,
        "TRACKKIT_DETAILS": entry.details,
    }
    return b"".join(_field(name, harmless(value, keep="\n\t")) for name, value in fields.items() if value)


def _field(name: str, value: str) -> bytes:
    data = value.encode("utf-8", "replace")
    if b"\n" not in data:
        return name.encode() + b"=" + data + b"\n"
    return name.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n"
