"""One worker among the mail workers of its server: its lease holder's name, its share of the connections, its signs.

One that is alone, as the server's own is on SQLite without a second process, has all connections and is never lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from trackkit.domain.mail_workers import REMEMBERED, Watch, granted, is_fresh, looked, share
from trackkit.store import mail_workers
from trackkit.store.database import Connection, Store
from trackkit.store.mail_workers import WorkerRow, holder_of

_NOBODY: Final = Watch()


@dataclass(frozen=True, slots=True)
class Beat:
    """What came of giving a sign."""

    was_lost: bool = False
    """This worker had been taken for lost; it has joined anew, and what it held is not its own any more."""
    lost: tuple[WorkerRow, ...] = ()
    """Others that were found lost."""
    is_divided: bool = True
    """The connections are divided as they shall be; else more signs shall follow soon."""


class Membership:
    """This worker's place among the others. Used by several threads; one at a time gives signs.

    Parameters
    ----------
    limit: the connections for the whole server, asked each time.
    """

    def __init__(self, store: Store, name: str, clock: Callable[[], datetime], limit: Callable[[], int]) -> None:
        self._store, self.name, self._clock, self._limit = store, name, clock, limit
        self.alone = store.is_sqlite
        """Whether no other process sends."""
        self._life: int | None = None
        self._sign_at: datetime | None = None
        self._granted: int | None = None
        self._watch = _NOBODY

    @property
    def holder(self) -> str | None:
        """How this life's leases name it; none before it has joined."""
        return None if self._life is None else holder_of(self.name, self._life)

    @property
    def connections(self) -> int:
        """How many connections may be open here now. Cheap."""
        limit = self._limit()
        return limit if self._granted is None else min(self._granted, limit)

    @property
    def is_fresh(self) -> bool:
        """Whether what this worker holds is still its own for a good while. Cheap."""
        return self.alone or is_fresh(self._sign_at, self._clock())

    def join(self, *, alone_of_its_name: bool = False) -> None:
        """Begin a life; `alone_of_its_name`: every other of that name is over for certain."""
        now = self._clock()

        def work(connection: Connection) -> int:
            mail_workers.forget_lost(connection, now - REMEMBERED)
            if alone_of_its_name:  # on SQLite all are this server's own, and end with it
                mail_workers.forget(connection, None if self._store.is_sqlite else self.name)
            return mail_workers.join(connection, self.name, now)

        self._life = self._store.write(work)
        self._sign_at, self._watch = now, _NOBODY

    def expect_others(self) -> None:
        """Another process may begin to send after this."""
        self._sign_at, self._watch, self.alone = self._clock(), _NOBODY, False

    def be_alone(self) -> None:
        """The other process of this machine sends no more: it has ended."""
        self.alone, self._granted = True, None

    def leave(self) -> None:
        """End in order."""
        life, self._life = self._life, None
        if life is not None:
            self._store.write(lambda connection: mail_workers.leave(connection, life))

    def is_there(self, connection: Connection, holder: str) -> bool:
        """Whether that is this life, and it counts until the transaction ends; not once it was taken for lost."""
        life = self._life
        if life is None or holder != holder_of(self.name, life):
            return False
        return self.alone or mail_workers.is_there(connection, life)

    def beat(self, open_connections: int) -> Beat:
        """Give a sign, look at the others, take one's share.

        Parameters
        ----------
        open_connections: how many there are, counted since the share was last taken.
        """
        if self.alone:
            return Beat()
        now, life, limit = self._clock(), self._life, self._limit()
        before = 0 if self._granted is None else self._granted

        def work(connection: Connection) -> tuple[Beat, int, Watch] | None:
            mail_workers.never_idle(connection)
            rows = {row.life: row for row in mail_workers.present(connection, lock=True)}
            if life is None or life not in rows:
                return None
            watch, lost = looked(self._watch, {row.life: row.seen_at for row in rows.values() if row.life != life}, now)
            mail_workers.set_lost(connection, lost, now)
            held = {row.life: row.connections for row in rows.values() if row.life not in lost}
            mine = granted(limit, held, life)
            # What this worker was granted before it may be opening just now: let go of it with the next sign.
            kept = max(mine, before, open_connections)
            mail_workers.set_sign(connection, life, now, kept)
            wanted = share(limit, sorted(held).index(life), len(held))
            return Beat(lost=tuple(rows[one] for one in sorted(lost)), is_divided=kept == mine == wanted), mine, watch

        done = self._store.write(work)
        if done is None:
            self._granted = 0
            self.join()
            return Beat(was_lost=True, is_divided=False)
        found, self._granted, self._watch = done
        self._sign_at = now
        return found
