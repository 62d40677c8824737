"""Turns of several processes of one machine at a SQLite database, by a lock on a file beside it.

SQLite alone keeps them apart, too, but whoever finds it busy sleeps for milliseconds and looks again; here the system
wakes who waits. Nothing depends on it but the time it takes: a process that ends lets go, however it ends.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

if os.name == "posix":
    import fcntl

POSSIBLE = os.name == "posix"


class FileTurn:
    """Held while its `with` lasts; by one thread of a process at a time, which sees to that itself.

    Raises `OSError` where the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)
