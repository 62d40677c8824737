"""A server's log with a past: entries written at given times by the server's own parts, before it is started."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from tests.running import SHORT
from trackkit.domain.log import LogEntry
from trackkit.server import compose
from trackkit.server.folder import prepare
from trackkit.server.settings import MachineSettings


def new_data() -> Path:
    """Where a data folder can be made; whoever starts a server on it removes it afterwards."""
    return Path(tempfile.mkdtemp(prefix=SHORT)) / "data"


def write_history(data: Path, entries: Iterable[LogEntry], database_url: str | None = None) -> None:
    """Make the data folder, its log with these entries."""
    now: list[datetime] = []
    told = sorted(entries, key=lambda entry: entry.at)
    now.append(told[0].at)
    with compose.environment(prepare(data), MachineSettings(), database_url, lambda: now[-1]) as environment:
        for entry in told:
            now[:] = [entry.at]
            environment.log.write(
                entry.severity,
                entry.source,
                entry.message,
                entry.details,
                database=entry.database,
                username=entry.username,
                client_address=entry.client_address,
            )
        environment.log.flush()
