"""The server log's own database as a sink: a batch of entries is one append and one commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from trackkit.domain.log import LogEntry
from trackkit.domain.log_options import LogOptions
from trackkit.store import log as log_rows
from trackkit.store.database import Store


class DatabaseSink:
    """The server log."""

    title: Final = "the server log"
    at_once: Final = 500
    elsewhere: Final = "startup.log in the data folder has them, as far back as it reaches."

    def __init__(self, store: Store) -> None:
        self._store = store

    def level(self, options: LogOptions) -> str:
        """`log.database_level`."""
        return options.database_level

    def write(self, entries: Sequence[LogEntry]) -> None:
        """Append them; they are on disk afterwards."""
        self._store.write(lambda connection: log_rows.append(connection, entries))

    def close(self) -> None:
        """Nothing: the store is closed by who opened it."""
