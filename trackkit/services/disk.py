"""Whether the disk of the data folder is getting full: a Warning before it hurts."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from trackkit.domain.log import Severity
from trackkit.services.environment import Environment

SOURCE: Final = "server"
LITTLE: Final = 1024**3
"""Bytes free below which there is little room."""

_ENOUGH_AGAIN: Final = LITTLE * 11 // 10
_REMIND_AFTER: Final = timedelta(days=1)


def little_room(data: Path) -> str:
    """A sentence when there is little room; ``""`` when there is enough."""
    free = shutil.disk_usage(data).free
    return f"Only {free // 1024**2:,} MB are free on the disk of the data folder." if free < LITTLE else ""


class DiskWatch:
    """Warns when room gets little, again each day while it is, and tells when there is enough again."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._warned_at: datetime | None = None

    def look(self) -> None:
        """Look now."""
        environment, now = self._environment, self._environment.clock()
        words = little_room(environment.data)
        if words:
            if self._warned_at is None or now - self._warned_at >= _REMIND_AFTER:
                self._warned_at = now
                environment.log.write(Severity.warning, SOURCE, words, "Make room on the server machine.")
        elif self._warned_at is not None and shutil.disk_usage(environment.data).free >= _ENOUGH_AGAIN:
            self._warned_at = None
            environment.log.write(Severity.information, SOURCE, "There is enough room on the disk again.")
