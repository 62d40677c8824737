"""The trusted certificates as the mail engine uses them: kept in memory, read again after a change."""

from __future__ import annotations

import threading

from trackkit.domain.trust import Trusted
from trackkit.store import trust
from trackkit.store.database import Connection, Store


class TrustCache:
    """What is trusted now."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reloading = threading.Lock()
        self._ids, self._current = store.read(_read)

    @property
    def current(self) -> tuple[Trusted, ...]:
        """What is trusted, as last read; cheap, and the same object until it is read again."""
        return self._current

    def reload(self) -> None:
        """Read it again, after a change."""
        with self._reloading:  # two at a time could leave the older one's reading in place
            self._ids, self._current = self._store.read(_read)

    def follow(self) -> bool:
        """Read it again if another process has changed it; whether it has."""
        if self._store.read(trust.trusted_ids) == self._ids:
            return False
        self.reload()
        return True


def _read(connection: Connection) -> tuple[frozenset[int], tuple[Trusted, ...]]:
    rows = trust.trusted_rows(connection)
    return frozenset(row.id for row in rows), trust.as_trusted(rows)
