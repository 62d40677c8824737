"""The e-mailed digest as a sink: entries are collected in the main database, so that a restart forgets none.

Whoever reads and writes what is collected does it inside `changing`, one at a time, those of other processes included.
A server that is killed may lose what the sink was just handed; those entries are in the server log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from trackkit.domain.log import LogEntry
from trackkit.domain.log_digest import Digest, collected
from trackkit.domain.log_options import LogOptions
from trackkit.store import records
from trackkit.store.database import Connection, Store

T = TypeVar("T")

_FACT: Final = "log_digest"
_STORED: Final = TypeAdapter(Digest)


class DigestSink:
    """What waits to be e-mailed."""

    title: Final = "the e-mailed digest"
    at_once: Final = 5000
    elsewhere: Final = "The server log has them, as far as its level reaches."

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def level(self, options: LogOptions) -> str:
        """`log.email_level`."""
        return options.email_level

    def write(self, entries: Sequence[LogEntry]) -> None:
        """Collect them."""
        now = self._clock()
        self.changing(lambda connection, digest: (None, collected(digest, entries, now)))

    def close(self) -> None:
        """Nothing: the store is closed by who opened it."""

    @property
    def present(self) -> Digest:
        """What is collected now, by other processes too."""
        return self._store.read(_load)

    def changing(self, work: Callable[[Connection, Digest], tuple[T, Digest]]) -> T:
        """Change what is collected, in one transaction with whatever else `work` does; its result."""

        def unit(connection: Connection) -> T:
            records.lock_facts(connection)
            before = _load(connection)
            result, changed = work(connection, before)
            if changed != before:
                records.set_fact(connection, _FACT, _STORED.dump_json(changed).decode())
            return result

        return self._store.write(unit)


def _load(connection: Connection) -> Digest:
    text = records.get_fact(connection, _FACT)
    if text is None:
        return Digest()
    try:
        return _STORED.validate_json(text)
    except ValidationError:
        return Digest()  # of another version: what it had collected is in the log
