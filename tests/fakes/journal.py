"""A stand-in for systemd's journal: a datagram socket that reads the native protocol as its documentation says.

It is strict: what does not follow https://systemd.io/JOURNAL_NATIVE_PROTOCOL/ ends up in `broken`. A real journald
(`tests/peers/journald.py`) says nothing about what it does not understand.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_NAME = re.compile(rb"[A-Z][A-Z0-9_]{0,63}")


class Journal:
    """Start with ``with Journal(path) as journal``; `entries` are fields by name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: list[dict[str, str]] = []
        self.large = 0
        """Entries that came as a file."""
        self.broken: list[str] = []

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.path.unlink()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._socket.close()

    def _take(self) -> None:
        while True:
            datagram, descriptors, _, _ = socket.recv_fds(self._socket, 1 << 20, 1)
            if not datagram and not descriptors:
                return
            try:
                if descriptors:
                    datagram = _sealed(descriptors[0])
                    self.large += 1
                self.entries.append(parsed(datagram))
            except ValueError as error:
                self.broken.append(str(error))


def _sealed(descriptor: int) -> bytes:
    import fcntl

    seals = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS)
    wanted = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
    with os.fdopen(descriptor, "rb") as file:
        if seals & wanted != wanted:
            raise ValueError(f"the file is not sealed: {seals}")
        file.seek(0)
        return file.read()


def parsed(datagram: bytes) -> dict[str, str]:
    """The fields of an entry; `ValueError` for what is none."""
    fields: dict[str, str] = {}
    while datagram:
        line, end, rest = datagram.partition(b"\n")
        if not end:
            raise ValueError(f"a line without an end: {line[:50]!r}")
        name, equals, value = line.partition(b"=")
        if not equals:
            length = int.from_bytes(rest[:8], "little")
            value, rest = rest[8 : 8 + length], rest[8 + length :]
            if len(value) != length or rest[:1] != b"\n":
                raise ValueError(f"{name!r} has not the length it says")
            rest = rest[1:]
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a field")
        fields[name.decode()] = value.decode()
        datagram = rest
    return fields
