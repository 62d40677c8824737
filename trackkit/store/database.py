"""Databases and the one way to use them: a unit of work is a function of a connection.

`Store.read` runs one in a read transaction, `Store.write` in a write transaction; it is on disk when `write` returns.
On SQLite all writing goes over one connection, which threads use in turn: whoever writes while nobody else does,
whoever has a single statement (`Store.write_at_once`), and for all others the writer, which lets units that wait at the
same time share a commit, each in a savepoint of its own (a unit that raises is undone alone). On PostgreSQL each unit
is a transaction of the pool.

Fails with `Unavailable` when the database cannot be reached or the store is closed; whatever a unit raises comes
out of the call that asked for it.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Generic, Literal, TypeVar, cast

from pydantic import SecretStr
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from trackkit.domain.errors import Unavailable
from trackkit.store.prepared import run_plain
from trackkit.store.reachable import reachable

__all__ = ["Connection", "Store", "Work", "postgresql", "sqlite"]

T = TypeVar("T")
Work = Callable[[Connection], T]

_GROUP: Final = 200
"""Units of work that may share a commit; bounds how long the first of them waits."""

_BUSY_TIMEOUT_MS: Final = 20_000
_PAUSE_SECONDS: Final = 0.001
"""How long whoever writes waits before trying again, where another process is writing. SQLite by itself waits longer
each time, up to 100 ms, as long as dozens of transactions of that process take
(https://www.sqlite.org/c3ref/busy_timeout.html)."""

_CACHE_KIB: Final = 16_000
"""Of whoever writes: pages that are written again and again need not be read again."""

_ENGINE: Final[dict[str, Any]] = {"pool_size": 8, "max_overflow": 24, "hide_parameters": True}
"""Values stay out of error messages: they can be secret, or somebody's mail."""

_CLOSED: Final = "The server is stopping; nothing was changed."


class Store:
    """One database. Made by `sqlite` or `postgresql`; close it when done."""

    def __init__(self, engine: Engine, *, pauses: bool = False) -> None:
        self.engine, self._pauses = engine, pauses
        self.is_sqlite = engine.dialect.name == "sqlite"
        # SQLite's read transactions see one state anyway; PostgreSQL's by default see a new one at every statement.
        self._reader = engine if self.is_sqlite else engine.execution_options(isolation_level="REPEATABLE READ")
        self._closed = False
        self._gate = threading.Lock()
        self._jobs: queue.SimpleQueue[_Job[Any]] = queue.SimpleQueue()
        self._pool = None if self.is_sqlite else ThreadPoolExecutor(1, thread_name_prefix="trackkit-writer")
        self._kept: Connection | None = None
        self._turn = threading.Lock()
        """Whoever writes to SQLite holds it."""
        self._handed = 0
        """Units that the writer has not done yet."""
        self._writer: threading.Thread | None = None
        if self.is_sqlite:
            self._writer = threading.Thread(target=self._write_jobs, name="trackkit-writer", daemon=True)
            self._writer.start()

    def read(self, work: Work[T]) -> T:
        """Run `work` in a transaction that sees one state of the database."""
        with reachable(), self._reader.begin() as connection:
            return work(connection)

    def write(self, work: Work[T]) -> T:
        """Run `work` in a write transaction; what it did is durable when this returns."""
        if self.is_sqlite:
            return self._write_here(work) if self._takes_turn() else self.submit(work).result()
        if self._closed:
            raise Unavailable(_CLOSED)
        return self._transaction(work)

    def _takes_turn(self) -> bool:
        """Whether this thread has the turn now: nobody writes, and nothing was handed over before.

        Each time a unit is handed over, and its result handed back, a thread waits for Python's lock.
        """
        with self._gate:
            return not self._closed and not self._handed and self._turn.acquire(blocking=False)

    def _write_here(self, work: Work[T]) -> T:
        """As the writer would; in the turn, which ends with it."""
        job = _Job(work)
        try:
            self._commit_together([job])
        finally:
            self._turn.release()
        return job.future.result()

    def submit(self, work: Work[T]) -> Future[T]:
        """Like `write`, without waiting. Units submitted by one thread are done in their order."""
        with self._gate:
            if self._closed:
                raise Unavailable(_CLOSED)
            if self._pool is not None:
                return self._pool.submit(self._transaction, work)
        return self._handed_over(_Job(work))

    def write_at_once(self, work: Work[T]) -> T:
        """Like `write`, for a `work` that is a single statement: SQLite needs no transaction around it.

        It runs in the thread that asks, in the writer's turn: to hand it over, and to get the result back, is to wait
        for Python's lock twice more. It may be done before units that the thread has submitted and not waited for.
        """
        if not self.is_sqlite:
            return self.write(work)
        with self._turn, reachable():
            if self._closed:
                raise Unavailable(_CLOSED)
            try:
                return _patiently(lambda: work(self._connection()))
            except BaseException as error:
                self._doubt(error)
                raise

    def alone(self, work: Work[T]) -> T:
        """Run `work` in the writer's turn with no transaction open: what VACUUM and its like need."""

        mode = {"trackkit_plain": True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}

        def outside() -> T:
            with reachable(), self.engine.connect().execution_options(**mode) as connection:
                return work(connection)

        if not self.is_sqlite:
            return outside()
        return self._handed_over(_Job(lambda _: outside(), how="outside")).result()

    def _handed_over(self, job: _Job[T]) -> Future[T]:
        """To the writer."""
        with self._gate:
            if self._closed:
                raise Unavailable(_CLOSED)
            self._handed += 1
            self._jobs.put(job)
        return job.future

    def close(self) -> None:
        """Finish what was submitted, then let go of the database."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
        if self._pool is not None:
            self._pool.shutdown()
        if self._writer is not None:
            self._jobs.put(_NO_MORE)
            self._writer.join()
        self.engine.dispose()

    def _transaction(self, work: Work[T]) -> T:
        with reachable(), self.engine.begin() as connection:
            return work(connection)

    def _write_jobs(self) -> None:
        try:
            self._until_closed()
        finally:
            with self._turn:
                self._let_go()

    def _until_closed(self) -> None:
        following = None
        while (job := following or self._jobs.get()) is not _NO_MORE:
            following = None
            with self._turn:
                if job.how == "together":
                    jobs, following = self._gathered(job)
                    self._commit_together(jobs)
                else:
                    jobs = [job]
                    self._run_outside(job)
            with self._gate:
                self._handed -= len(jobs)

    def _gathered(self, first: _Job[Any]) -> tuple[list[_Job[Any]], _Job[Any] | None]:
        """What waits and may share a commit with `first`, and what comes next and may not."""
        jobs = [first]
        while len(jobs) < _GROUP and not self._jobs.empty():
            job = self._jobs.get()
            if job.how != "together":
                return jobs, job
            jobs.append(job)
        return jobs, None

    def _commit_together(self, jobs: list[_Job[Any]]) -> None:
        done: list[tuple[_Job[Any], Any]] = []
        try:
            with reachable(), _begun(self._connection()) as connection:
                if len(jobs) == 1:  # needs no savepoint: what it did goes with the transaction
                    done.append((jobs[0], jobs[0].work(connection)))
                else:
                    for job in jobs:
                        self._run_in_savepoint(connection, job, done)
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the unit
            for job in jobs:
                job.fail(error)
            self._doubt(error)
        else:
            for job, result in done:
                job.future.set_result(result)

    def _connection(self) -> Connection:
        """For writing. It is kept: to fetch one from the pool each time, and to bring it back, takes longer than
        most units of work."""
        if self._kept is None:
            self._kept = self.engine.connect().execution_options(trackkit_plain=True)
            run_plain(self._kept, f"PRAGMA cache_size=-{_CACHE_KIB}")
            if self._pauses:
                run_plain(self._kept, "PRAGMA busy_timeout=0")
        return self._kept

    def _doubt(self, error: BaseException) -> None:
        """The connection for writing may be of no use any more, unless it is only the unit that has failed."""
        if isinstance(error, SQLAlchemyError | sqlite3.Error | Unavailable):
            self._let_go()

    def _let_go(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            with suppress(SQLAlchemyError):  # what it says to that is of no interest any more
                kept.invalidate()  # nobody shall read over it
                kept.close()

    @staticmethod
    def _run_outside(job: _Job[Any]) -> None:
        """A job that is no part of a transaction."""
        try:
            with reachable():
                result = job.work(cast("Connection", None))
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for it
            job.fail(error)
        else:
            job.future.set_result(result)

    @staticmethod
    def _run_in_savepoint(connection: Connection, job: _Job[Any], done: list[tuple[_Job[Any], Any]]) -> None:
        run_plain(connection, "SAVEPOINT unit")
        try:
            result = job.work(connection)
            run_plain(connection, "RELEASE unit")
        except OperationalError:
            raise
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the unit
            run_plain(connection, "ROLLBACK TO unit")
            run_plain(connection, "RELEASE unit")
            job.fail(error)
        else:
            done.append((job, result))


class _Job(Generic[T]):
    """A unit of work waiting for the writer.

    Parameters
    ----------
    how: in a transaction ``together`` with others, or ``outside`` of the connection for writing.
    """

    def __init__(self, work: Work[T], how: Literal["together", "outside"] = "together") -> None:
        self.work = work
        self.how = how
        self.future: Future[T] = Future()

    def fail(self, error: BaseException) -> None:
        if not self.future.done():
            self.future.set_exception(error)


_NO_MORE: Final = _Job[Any](lambda _: None, how="outside")


def _patiently(begin: Callable[[], T]) -> T:
    """What `begin` returns, tried again as long as another process writes; it has changed nothing until then."""
    until = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            return begin()
        except (OperationalError, sqlite3.OperationalError) as error:
            name = getattr(getattr(error, "orig", error), "sqlite_errorname", "")
            if not name.startswith("SQLITE_BUSY") or time.monotonic() >= until:
                raise
        time.sleep(_PAUSE_SECONDS)


@contextmanager
def _begun(connection: Connection) -> Iterator[Connection]:
    """A write transaction of SQLite. SQLAlchemy's own takes longer to begin and to end than most units of work take."""
    _patiently(lambda: run_plain(connection, "BEGIN IMMEDIATE"))
    try:
        yield connection
        _end(connection, "COMMIT")
    except BaseException:
        with suppress(SQLAlchemyError):  # it has been undone by what has failed
            _end(connection, "ROLLBACK")
        raise


def _end(connection: Connection, how: Literal["COMMIT", "ROLLBACK"]) -> None:
    """End the transaction, and SQLAlchemy's within it, which a unit has begun by using more than `Prepared`."""
    within = connection.get_transaction()
    if within is None:
        run_plain(connection, how)
    elif how == "COMMIT":
        within.commit()
    else:
        within.rollback()


def sqlite(path: Path, *, journal: Literal["WAL", "DELETE"] = "WAL", create: bool = True) -> Store:
    """A store in the file at `path`, every commit synced to disk.

    `synchronous=FULL`: with NORMAL the last commits are lost at power loss, and accepted mail with them.

    Parameters
    ----------
    journal: a write-ahead log, or a rollback journal where the file may lie on a network drive
        (https://www.sqlite.org/wal.html: WAL does not work over a network).
    create: make the file when it is missing; else a missing one is `Unavailable`.
    """
    address = path.resolve().as_uri() + ("?mode=rwc" if create else "?mode=rw")
    engine = create_engine(URL.create("sqlite", database=address, query={"uri": "true"}), **_ENGINE)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
        # Who finds another at it is told so at once, whatever the time-out.
        _patiently(lambda: connection.execute(f"PRAGMA journal_mode={journal}"))
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA secure_delete=FAST")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        asked = connection.get_execution_options()
        if not asked.get("trackkit_plain", False):
            run_plain(connection, "BEGIN IMMEDIATE" if asked.get("trackkit_write", False) else "BEGIN")

    # A commit waits for readers without a write-ahead log, and is not tried again.
    return Store(engine, pauses=journal == "WAL")


def postgresql(url: str, password: SecretStr | None = None, *, connect_timeout: int | None = None) -> Store:
    """A store in the PostgreSQL database at `url` (``postgresql://user@host/name``).

    Parameters
    ----------
    password: of the URL's account, where it is kept apart.
    connect_timeout: seconds to wait for the host; none = as long as the system waits.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise Unavailable(f"{scheme or url!r} is no database trackkit can use.", "Use a postgresql:// URL.")
    more: dict[str, Any] = {}
    if password is not None:
        more["password"] = password.get_secret_value()
    if connect_timeout is not None:
        more["connect_timeout"] = connect_timeout
    return Store(create_engine(f"postgresql+psycopg://{rest}", pool_pre_ping=True, connect_args=more, **_ENGINE))
