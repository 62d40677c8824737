"""Deleting entries of the log: in small transactions with pauses, so that nobody who writes to it waits for long.

The size of a portion follows from how long the last one took, so that this holds on a slow disk, too. Deletions take
turns: two at once would each let the writers in only half as often.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Final

from trackkit.domain.log import LogFilter
from trackkit.services.environment import Environment
from trackkit.store import log as rows
from trackkit.store import log_deletion as deletion
from trackkit.store.database import Connection

_PAUSE_SECONDS: Final = 0.02
"""Between two transactions; who writes to the log gets in between."""

_PORTION_SECONDS: Final = 0.02
_FIRST, _LEAST, _MOST = 1_000, 250, 10_000
_one_at_a_time = threading.Lock()


def delete_until(environment: Environment, until: datetime | None) -> int:
    """Delete what was written before that instant (none: everything); how many it were. What comes meanwhile stays."""
    environment.log.flush()
    return _delete(environment, until, environment.log_store.read(rows.newest_id), None)


def keep_newest(environment: Environment, number: int) -> int:
    """Delete the oldest entries until `number` are left; how many it were."""
    environment.log.flush()

    def look(connection: Connection) -> tuple[int, int]:
        return rows.newest_id(connection), rows.count(connection, LogFilter()).entries

    newest, total = environment.log_store.read(look)
    return _delete(environment, None, newest, max(total - number, 0))


def _delete(environment: Environment, until: datetime | None, newest_id: int, number: int | None) -> int:
    deleted, size = 0, _FIRST
    with _one_at_a_time:
        while number is None or deleted < number:
            at_most = size if number is None else min(size, number - deleted)
            part, seconds = environment.log_store.write(
                lambda connection, at_most=at_most: _timed(connection, until, newest_id, at_most)  # type: ignore[misc]
            )
            deleted += part
            if part < at_most:
                break
            size = max(_LEAST, min(_MOST, int(size * min(2.0, _PORTION_SECONDS / max(seconds, 0.001)))))
            time.sleep(_PAUSE_SECONDS)
    return deleted


def _timed(connection: Connection, until: datetime | None, newest_id: int, at_most: int) -> tuple[int, float]:
    begun = time.monotonic()
    return deletion.delete_some(connection, until, newest_id, at_most), time.monotonic() - begun
