"""Deleting entries of the log: in small transactions with pauses, so that nobody who writes to it waits for long."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Final

from trackkit.services.environment import Environment
from trackkit.store import log as rows

_PAUSE_SECONDS: Final = 0.02
"""Between two transactions; who writes to the log gets in between."""


def delete_until(environment: Environment, until: datetime | None) -> int:
    """Delete what was written before that instant (none: everything); how many it were. What comes meanwhile stays."""
    environment.log.flush()
    return _delete(environment, until, environment.log_store.read(rows.newest_id))


def keep_newest(environment: Environment, number: int) -> int:
    """Delete the oldest entries until `number` are left; how many it were."""
    environment.log.flush()
    beyond = environment.log_store.read(lambda connection: rows.newest_beyond(connection, number))
    return _delete(environment, None, beyond) if beyond else 0


def _delete(environment: Environment, until: datetime | None, newest_id: int) -> int:
    deleted = 0
    while part := environment.log_store.write(lambda connection: rows.delete_some(connection, until, newest_id)):
        deleted += part
        if part < rows.DELETE_CHUNK:
            break
        time.sleep(_PAUSE_SECONDS)
    return deleted
