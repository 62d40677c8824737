"""One process at a time: an exclusive lock on a file beside the one that is changed.

The lock goes away with the process, so a crash leaves nothing to clean up. Waits at most `timeout` seconds, then
raises `Unavailable`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trackkit.domain.errors import Unavailable

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _give(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _give(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextmanager
def exclusive(path: Path, timeout: float = 10.0) -> Iterator[None]:
    """Hold the lock file `path`; it is made if need be and stays."""
    with path.open("a") as file:
        deadline = time.monotonic() + timeout
        while True:
            try:
                _take(file.fileno())
                break
            except OSError:  # held by another process; POSIX and Windows report it with different numbers
                if time.monotonic() >= deadline:
                    raise Unavailable(
                        f"{path} is locked by another process; nothing was changed.", "Try again in a moment."
                    ) from None
                time.sleep(0.02)
        try:
            yield
        finally:
            _give(file.fileno())
