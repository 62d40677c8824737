"""Options as stored and as used: validated when they are read, sealed when they are secret, kept in memory.

Secret values are sealed and bound to their option's name; they leave this module only inside `Options`.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from trackkit.domain import options as declared
from trackkit.domain.options import Options
from trackkit.services.sealing import Sealer
from trackkit.store import records
from trackkit.store.database import Connection, Store
from trackkit.store.records import GroupRevision, StoredOption


class OptionCache:
    """The current options, and those the server started with (`at_start`)."""

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self._store = store
        self._sealer = sealer
        self._reloading = threading.Lock()
        self._revisions, self._current = store.read(self._load_all)
        self.at_start = self._current

    @property
    def current(self) -> Options:
        """The options as last read; cheap."""
        return self._current

    def reload(self) -> Options:
        """Read them again, after a change or from another process."""
        with self._reloading:  # two at a time could leave the older one's reading in place
            self._revisions, self._current = self._store.read(self._load_all)
        return self._current

    def follow(self) -> bool:
        """Read them again if another process has changed them; whether it has."""
        if self._store.read(records.group_revisions) == self._revisions:
            return False
        self.reload()
        return True

    def _load_all(self, connection: Connection) -> tuple[Mapping[str, GroupRevision], Options]:
        return records.group_revisions(connection), self.load(connection)

    def load(self, connection: Connection) -> Options:
        """The options as stored; names this version does not know are passed over."""
        stored = {n: s for n, s in records.get_options(connection).items() if n in declared.catalogue()}
        return declared.from_flat({name: self._open(name, value) for name, value in stored.items()})

    def save(self, connection: Connection, old: Options, new: Options) -> Mapping[str, tuple[Any, Any]]:
        """Store what differs; (old, new) value of each changed option."""
        defaults = declared.flat(Options())
        before, after = declared.flat(old), declared.flat(new)
        changes = {name: (before[name], after[name]) for name in after if before[name] != after[name]}
        for name, (_, value) in changes.items():
            records.set_option(connection, name, None if value == defaults[name] else self._sealed(name, value))
        return changes

    def _sealed(self, name: str, value: Any) -> StoredOption:
        if isinstance(value, SecretStr):
            return StoredOption(None, self._sealer.seal(name, value))
        return StoredOption(value, None)

    def _open(self, name: str, stored: StoredOption) -> Any:
        return stored.value if stored.sealed is None else self._sealer.open(name, stored.sealed)
