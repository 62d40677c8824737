"""startup.log: plain text in the data folder for what nobody may be watching, or what the database could not take.

One line an entry, control characters made harmless, secrets that are known taken out. When the file has grown to
`MAXIMUM_BYTES` it becomes startup.log.1 (the one before is forgotten), so that the two never hold more than twice that.
Only the owner can read it. `append` raises `OSError`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from trackkit.domain.log import LogEntry
from trackkit.domain.log_options import LogOptions
from trackkit.domain.log_text import one_line, scrubbed

MAXIMUM_BYTES: Final = 20 * 1024 * 1024
_LINE: Final = 20_000
"""Characters of one line: more of an entry is in the server log."""


class StartupLog:
    """The file. As a sink it gets everything if the options ask for it.

    Parameters
    ----------
    secrets: the values that must not stand in it, asked at every writing.
    """

    title: Final = "startup.log"
    at_once: Final = 100
    elsewhere: Final = "The server log has them, as far as its level reaches."

    def __init__(self, path: Path, secrets: Callable[[], Iterable[str]] = tuple) -> None:
        self._path = path
        self._secrets = secrets
        self._lock = threading.Lock()

    def level(self, options: LogOptions) -> str:
        """Everything, or nothing beyond what always goes here."""
        return "information" if options.startup_log else "off"

    def write(self, entries: Sequence[LogEntry]) -> None:
        """Append a line for each."""
        secrets = tuple(self._secrets())
        for start in range(0, len(entries), self.at_once):
            lines = (scrubbed(line_of(entry), secrets) for entry in entries[start : start + self.at_once])
            self._append("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))

    def close(self) -> None:
        """Nothing: the file is opened for each writing."""

    def last(self, number: int) -> tuple[str, bool]:
        """The last `number` bytes of what is kept, from the beginning of a line on, and whether that is all."""
        with self._lock:
            parts = [path.read_bytes() for path in (self._older, self._path) if path.exists()]
        kept = b"".join(parts)
        whole = len(kept) <= number
        if not whole:
            _, _, kept = kept[-number - 1 :].partition(b"\n")
        return scrubbed(kept.decode("utf-8", "replace"), self._secrets()), whole

    def _append(self, data: bytes) -> None:
        with self._lock:
            self._rotate(len(data))
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with open(descriptor, "ab") as file:
                file.write(data)

    @property
    def _older(self) -> Path:
        return self._path.with_name(f"{self._path.name}.1")

    def _rotate(self, coming: int) -> None:
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            return
        if size and size + coming > MAXIMUM_BYTES:
            self._path.replace(self._older)


def line_of(entry: LogEntry) -> str:
    """An entry as one line."""
    about = "".join(f" [{value}]" for value in (entry.database, entry.username, entry.client_address) if value)
    line = one_line(f"{entry.source}:{about} {entry.message}"[:_LINE], entry.details[:_LINE])
    return f"{entry.at:%Y-%m-%d %H:%M:%S.%f}Z {entry.severity.title}: {line[:_LINE]}"
