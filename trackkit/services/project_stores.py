"""The opened project databases, and which of them are away.

Before and after each unit of work it is looked whether the file opened is still the one at its place (device and
inode): a process can go on writing into an open file whose folder was moved away, and nothing of that may be told as
saved. A database that is away is refused at once with `DatabaseUnavailable`, logged once as Severe Error, and looked
for by `check`, which brings it back. The others go on.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from trackkit.domain.errors import DatabaseUnavailable, InvalidInput, NotFound, TrackkitError, Unavailable
from trackkit.domain.log import Severity
from trackkit.services.database_places import Location, Places
from trackkit.services.log_writer import LogWriter
from trackkit.services.sealing import Sealer
from trackkit.store import databases, project_facts
from trackkit.store.database import Connection, Store, Work
from trackkit.store.databases import DatabaseRow
from trackkit.store.migrate import standing

T = TypeVar("T")

SOURCE: Final = "databases"


@dataclass(frozen=True, slots=True)
class _Opened:
    store: Store
    file: tuple[Path, int, int] | None
    """Path, device and inode of a database on disk."""
    queueing: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class OpenProject:
    """A database of the list, ready for units of work.

    Parameters
    ----------
    queueing: whoever takes the project's mail into the queue holds it.
    """

    row: DatabaseRow
    store: Store
    queueing: threading.Lock
    _unit: Callable[[Work[object], bool], object]

    def read(self, work: Work[T]) -> T:
        """Run `work` in a transaction that sees one state of the database; `DatabaseUnavailable`."""
        return self._unit(work, False)  # type: ignore[return-value]

    def write(self, work: Work[T]) -> T:
        """Run `work` in a write transaction; it is on the disk of the database when this returns."""
        return self._unit(work, True)  # type: ignore[return-value]


class ProjectStores:
    """Every project database that this server has open."""

    def __init__(self, main: Store, sealer: Sealer, places: Places, log: LogWriter) -> None:
        self._main, self._sealer, self._places, self._log = main, sealer, places, log
        self._opened: dict[int, _Opened] = {}
        self._away: dict[int, str] = {}
        self._opening: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.RLock()

    def open(self, name: str) -> OpenProject:
        """The database of that name, whatever its case; `NotFound`, `DatabaseUnavailable`."""
        return self.opened(self.row(name))

    def row(self, name: str) -> DatabaseRow:
        """What the list says about the database of that name; `NotFound`."""
        try:
            key = self._places.key_of(name)
        except InvalidInput:
            raise NotFound("There is no database of that name in the list.") from None  # it can hold a password
        row = self._main.read(lambda connection: databases.find_database(connection, key))
        if row is None:
            raise NotFound(f"There is no database {name!r} in the list.")
        return row

    def location(self, row: DatabaseRow) -> Location:
        """Where a database of the list lies."""
        return self._places.listed(row.name, row.name_key, row.place)

    def opened(self, row: DatabaseRow) -> OpenProject:
        """A database of the list, opened if it is not yet."""
        found = self._ready(row)
        if found is None:
            with self._lock:
                opening = self._opening[row.id]
            with opening:  # a host can take its time; only who wants this very database waits for it
                found = self._ready(row)
                if found is None:
                    try:
                        found = self._open(row)
                    except TrackkitError as error:
                        raise self._lost(row, _reason(error)) from error
                    with self._lock:
                        self._opened[row.id] = found
        return OpenProject(row, found.store, found.queueing, lambda work, writing: self._do(row, work, writing))

    def _ready(self, row: DatabaseRow) -> _Opened | None:
        with self._lock:
            if row.id in self._away:
                raise _unavailable(row, self._away[row.id])
            return self._opened.get(row.id)

    def unopened(self, row: DatabaseRow) -> Store:
        """What lies where a database of the list should, whatever it is; whoever asks closes it."""
        location = self.location(row)
        self._places.allowed_still(location)
        password = self._sealer.open(row.name, row.sealed_password) if row.sealed_password else None
        return self._places.open_existing(location, password)

    def _open(self, row: DatabaseRow) -> _Opened:
        location, store = self.location(row), self.unopened(row)
        try:
            status = location.file.stat() if location.folder else None
            store.read(lambda connection: _refuse_other(connection, row))
        except BaseException:
            store.close()
            raise
        return _Opened(store, (location.file, status.st_dev, status.st_ino) if status else None)

    def _do(self, row: DatabaseRow, work: Work[T], writing: bool) -> T:
        with self._lock:
            found = self._opened.get(row.id)
        if found is None:
            return self.opened(row)._unit(work, writing)  # type: ignore[return-value]

        def guarded(connection: Connection) -> T:
            _refuse_moved(found)
            result = work(connection)
            _refuse_moved(found)  # raised before the commit: what went elsewhere is not told as saved
            return result

        try:
            result = found.store.write(guarded) if writing else found.store.read(guarded)
            _refuse_moved(found)  # gone while it was committed: nobody may take it for saved
        except DatabaseUnavailable as error:
            raise self._lost(row, error.message) from error
        except Unavailable as error:
            reason = _gone(found)
            if reason:
                raise self._lost(row, reason) from error
            words = f"A table of database {row.name} could not be opened: {error.message}"
            self._log.write(Severity.error, SOURCE, words, database=row.name)
            raise DatabaseUnavailable(f"{row.name}: {error.message}", error.advice) from error
        return result

    def _lost(self, row: DatabaseRow, reason: str) -> DatabaseUnavailable:
        """Mark a database as away; the first time it is logged."""
        with self._lock:
            known = row.id in self._away
            self._away[row.id] = reason
            found = self._opened.pop(row.id, None)
        if not known:
            self._log.write(
                Severity.severe_error, SOURCE, f"Database {row.name} is not available: {reason}", database=row.name
            )
        if found is not None:
            threading.Thread(target=found.store.close, daemon=True).start()  # a host that is away can take its time
        return _unavailable(row, reason)

    def availability(self, row: DatabaseRow) -> str:
        """Why a database cannot be used now; empty when it can."""
        with self._lock:
            return self._away.get(row.id, "")

    def check(self) -> None:
        """Look after every database of the list: what is away is marked, what is back is brought back."""
        rows = self._main.read(databases.all_databases)
        for row in rows:
            if self.availability(row):
                self._try_again(row)
            else:
                try:
                    self.opened(row).read(partial(_refuse_other, row=row))
                except DatabaseUnavailable:
                    continue  # marked and logged
        listed = {row.id for row in rows}
        with self._lock:
            unlisted = {*self._opened, *self._away} - listed
        for row_id in unlisted:
            if self._main.read(partial(databases.by_row, row_id=row_id)) is None:  # none came there meanwhile
                self.forget(row_id)

    def _try_again(self, row: DatabaseRow) -> None:
        try:
            found = self._open(row)
        except TrackkitError as error:
            with self._lock:
                if row.id in self._away:
                    self._away[row.id] = _reason(error)
            return
        with self._lock:
            self._opened[row.id] = found
            self._away.pop(row.id, None)
        self._log.write(Severity.information, SOURCE, f"Database {row.name} is available again.", database=row.name)

    def forget(self, row_id: int) -> None:
        """Close a database that is not in the list any more, or whose place changes."""
        with self._lock:
            found = self._opened.pop(row_id, None)
            self._away.pop(row_id, None)
        if found is not None:
            found.store.close()

    def close(self) -> None:
        """Close every database."""
        with self._lock:
            known = list(self._opened)
        for row_id in known:
            self.forget(row_id)


def _refuse_other(connection: Connection, row: DatabaseRow) -> None:
    found = standing(connection, "project")
    if found == "older":
        raise DatabaseUnavailable("it has an older schema and could not be upgraded; the log says why")
    if found != "current":
        raise DatabaseUnavailable(f"what lies there is {_STANDING[found]}")
    if project_facts.identity(connection) != row.database_id:
        raise DatabaseUnavailable("another database lies in its place")


_STANDING: Final = {
    "empty": "empty",
    "newer": "a database written by a newer trackkit",
    "foreign": "no trackkit database",
}


def _refuse_moved(found: _Opened) -> None:
    if found.file is None:
        return
    path, device, inode = found.file
    try:
        status, linked = path.lstat(), path.parent.is_symlink()
    except OSError as error:
        raise DatabaseUnavailable(f"{path} is gone ({error.strerror})") from error
    if linked or (status.st_dev, status.st_ino) != (device, inode):
        raise DatabaseUnavailable(f"{path} is another file now")


def _gone(found: _Opened) -> str:
    """Why a database whose unit failed is away; empty when it is there and the unit failed for another reason."""
    try:
        _refuse_moved(found)
        found.store.read(project_facts.identity)
    except TrackkitError as error:
        return error.message
    return ""


def _reason(error: TrackkitError) -> str:
    return error.problems[0].message if error.problems else error.message


def _unavailable(row: DatabaseRow, reason: str) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"The database {row.name} is not available now: {reason}",
        "It comes back by itself when its drive or host does. Nothing was changed.",
    )
