"""Millions of log entries on SQLite and PostgreSQL beside the best hand-written SQL and `pandas.read_sql`.

Printed as one table with ratios; of what is repeated the best round counts. What trackkit does is measured as the whole
use case (the page with its number of matches, as the API answers it), what stands beside it as the bare statement.
Run by `make bench`; `TRACKKIT_BENCH_ENTRIES` says how many entries (5,000,000), `TRACKKIT_BENCH_ENGINES` on which of
the two.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.benchmarks.log_entries import COMMON, fill, rare, store_of
from tests.peers import postgres as postgres_peer
from tests.running import clean_environment, start_server
from trackkit.contract import log as contract
from trackkit.domain.accounts import Actor, Role
from trackkit.domain.log import LogEntry, LogFilter, Severity
from trackkit.server import compose
from trackkit.server.folder import prepare
from trackkit.server.settings import MachineSettings
from trackkit.services import log
from trackkit.services.environment import Call, Environment
from trackkit.services.log_deletion import delete_until
from trackkit.store import log as rows
from trackkit.store.log_summary import HOUR, microseconds
from trackkit.store.migrate import upgrade

ENTRIES = int(os.environ.get("TRACKKIT_BENCH_ENTRIES", "5000000"))
ENGINES = os.environ.get("TRACKKIT_BENCH_ENGINES", "SQLite,PostgreSQL").split(",")
ROUNDS = 5
FRAME_ROWS = min(1_000_000, ENTRIES)
SECONDS_OF_APPENDS = 2.0
PASSWORD = "correct horse battery"

FIELDS = "id, at, severity, source, database, username, client_address, message, details"
LEVEL = f"SELECT {FIELDS} FROM log_entries WHERE severity = {{}} AND at >= {{since}} AND {{holds}}"
PEER_TABLE = """CREATE TABLE peer_entries (id {key}, at bigint NOT NULL, severity smallint NOT NULL,
    source text NOT NULL, database text NOT NULL, username text NOT NULL, client_address text NOT NULL,
    message text NOT NULL, details text NOT NULL)"""
HOLDS = {
    "SQLite": "(instr(lower(message), lower('{0}')) > 0 OR instr(lower(details), lower('{0}')) > 0)",
    "PostgreSQL": "(message ILIKE '%{0}%' OR details ILIKE '%{0}%')",
}


@dataclass
class Table:
    """What was measured, in the order it was."""

    lines: list[tuple[str, str, float, float | None, str]] = field(default_factory=list)

    def add(self, engine: str, what: str, ours: float, peer: float | None = None, unit: str = "ms") -> None:
        """One line; of rates more is better, of everything else less."""
        self.lines.append((engine, what, ours, peer, unit))
        print(".", end="", flush=True)

    def show(self) -> None:
        """As one table; a ratio over 1 = trackkit is the quicker."""
        print(f"\n\nserver log, {ENTRIES:,} entries, best of {ROUNDS}")
        print(f"{'':11} {'':52} {'trackkit':>12} {'SQL':>12} {'ratio':>7}")
        for engine, what, ours, peer, unit in self.lines:
            if peer is None:
                print(f"{engine:11} {what:52} {ours:12,.1f} {'':>12} {'':7} {unit}")
                continue
            ratio = ours / peer if unit.endswith("/s") else peer / ours
            print(f"{engine:11} {what:52} {ours:12,.1f} {peer:12,.1f} {ratio:6.2f}x {unit}")


@dataclass
class Bench:
    """One engine, filled."""

    engine: str
    environment: Environment
    url: str
    table: Table

    @contextmanager
    def raw(self) -> Iterator[Any]:
        """A connection of the driver alone, as hand-written SQL would use it."""
        if self.engine == "SQLite":
            with closing(sqlite3.connect(self.url, isolation_level=None, timeout=60)) as connection:
                connection.execute("PRAGMA synchronous=FULL")
                yield connection
        else:
            with psycopg.connect(self.url, autocommit=True) as connection:
                yield connection

    def call(self) -> Call:
        """An administrator asks."""
        return Call(self.environment, Actor("admin", Role.admin, "local"), datetime.now(UTC))

    def beside(self, what: str, ours: Callable[[], object], statement: str) -> None:
        """Measure a use case beside a statement, in turns."""
        mine, peers = [], []
        with self.raw() as connection:
            for _ in range(ROUNDS):
                mine.append(timed(ours))
                peers.append(timed(lambda: connection.execute(statement).fetchall()))
        self.table.add(self.engine, what, min(mine) * 1000, min(peers) * 1000)


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def entry(number: int) -> LogEntry:
    return LogEntry(datetime.now(UTC), Severity.information, "mail", f"message {number} accepted by relay", "")


@contextmanager
def waiting_writer(environment: Environment) -> Iterator[list[float]]:
    """Appends entry after entry meanwhile; how long each of them waited, in seconds."""
    waits: list[float] = []
    ending = threading.Event()

    def write() -> None:
        while not ending.is_set():
            waits.append(timed(lambda: environment.log_store.write(lambda c: rows.append(c, [entry(0)]))))
            time.sleep(0.002)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield waits
    finally:
        ending.set()
        thread.join()


def reading(bench: Bench) -> None:
    """Pages and counts."""
    week = datetime.now(UTC) - timedelta(days=7)
    holds = HOLDS[bench.engine]
    ask = log.list_log

    def listing(**asked: Any) -> Callable[[], object]:
        return lambda: ask(bench.call(), contract.ListLog(limit=500, **asked))

    levels = " UNION ALL ".join(LEVEL.format(s, since=microseconds(week), holds=holds.format(COMMON)) for s in (1, 2))
    bench.beside(
        "newest 500, level <= 2, 7 days, text",
        listing(level="error", since=week, text=COMMON),
        f"{levels} ORDER BY id DESC LIMIT 500",
    )
    for name, text in (("common", COMMON), ("rare", rare(ENTRIES))):
        bench.beside(
            f"newest 500 by a {name} text, all time",
            listing(text=text),
            f"SELECT {FIELDS} FROM log_entries WHERE {holds.format(text)} ORDER BY id DESC LIMIT 500",
        )
    bench.beside(
        "a page 100,000 entries down, by key / by offset",
        listing(before=ENTRIES - min(100_000, ENTRIES // 2)),
        f"SELECT {FIELDS} FROM log_entries ORDER BY id DESC LIMIT 500 OFFSET {min(100_000, ENTRIES // 2)}",
    )
    by_hour = f"SELECT at / {HOUR}, severity, count(*) FROM log_entries GROUP BY 1, 2"
    now, hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0), timedelta(hours=1)
    year = LogFilter(since=now - timedelta(days=366), until=now + hour)
    bench.beside(
        "count by level and hour of a year",
        lambda: bench.environment.log_store.read(lambda c: rows.histogram(c, year, now - timedelta(days=366), hour)),
        by_hour,
    )
    bench.beside(
        "the histogram as the view asks for it, whole log",
        lambda: log.count_log(bench.call(), contract.CountLog()),
        by_hour,
    )
    bench.beside(
        "count of three levels, half a year to the minute",
        lambda: ask(bench.call(), contract.ListLog(limit=1, level="warning", until=week - timedelta(days=180))),
        f"SELECT count(*) FROM log_entries WHERE severity <= 3 AND at < {microseconds(week - timedelta(days=180))}",
    )


def appending(bench: Bench) -> None:
    """Commit each, and by 100."""

    def rate(size: int, write: Callable[[int], object]) -> float:
        ends_at, done = time.perf_counter() + SECONDS_OF_APPENDS, 0
        started = time.perf_counter()
        while time.perf_counter() < ends_at:
            write(size)
            done += size
        return done / (time.perf_counter() - started)

    def ours(size: int) -> object:
        return bench.environment.log_store.write(lambda c: rows.append(c, [entry(n) for n in range(size)]))

    marks = ", ".join(["?" if bench.engine == "SQLite" else "%s"] * 8)
    insert = f"INSERT INTO peer_entries ({FIELDS.removeprefix('id, ')}) VALUES ({marks})"
    with bench.raw() as connection:
        key = "integer PRIMARY KEY" if bench.engine == "SQLite" else "bigserial PRIMARY KEY"
        connection.execute(PEER_TABLE.format(key=key))
        connection.execute("CREATE INDEX peer_1 ON peer_entries (severity, at)")

        def peer(size: int) -> object:
            made = [(microseconds(e.at), 5, e.source, "", "", "", e.message, "") for e in map(entry, range(size))]
            connection.execute("BEGIN")
            connection.cursor().executemany(insert, made)
            return connection.execute("COMMIT")

        for name, size in (("one commit each", 1), ("by 100", 100)):
            bench.table.add(bench.engine, f"append, {name}", rate(size, ours), rate(size, peer), "entries/s")
        connection.execute("DROP TABLE peer_entries")


def deleting(bench: Bench) -> None:
    """Half of them by date, while somebody writes."""
    until = datetime.now(UTC) - timedelta(days=365) / 2
    with bench.raw() as connection, waiting_writer(bench.environment) as waits:
        connection.execute("BEGIN IMMEDIATE" if bench.engine == "SQLite" else "BEGIN")
        connection.execute(f"DELETE FROM log_entries WHERE at < {microseconds(until)}")
        connection.execute("ROLLBACK")
    peer = max(waits)
    started = time.perf_counter()
    with waiting_writer(bench.environment) as waits:
        deleted = delete_until(bench.environment, until)
    took = time.perf_counter() - started
    bench.table.add(bench.engine, f"delete {deleted:,}: longest wait of a writer", max(waits) * 1000, peer * 1000)
    bench.table.add(
        bench.engine, "the same: 99 of 100 waits are shorter than", sorted(waits)[len(waits) * 99 // 100] * 1000
    )
    bench.table.add(bench.engine, "the same: entries deleted", deleted / took, unit="entries/s")


def indexing(bench: Bench) -> None:
    """Fill the search index, while somebody writes."""
    search, started = bench.environment.log_search, time.perf_counter()
    with waiting_writer(bench.environment) as waits:
        while search.covered < ENTRIES - 10_000:
            search.keep_up()
    rate = ENTRIES / (time.perf_counter() - started)
    bench.table.add(bench.engine, "search index filled", rate, unit="entries/s")
    bench.table.add(bench.engine, "the same: longest wait of a writer", max(waits) * 1000)


OURS = """
import sys, time, resource, trackkit
url, fingerprint, rows = sys.argv[1:]
with trackkit.connect(url, username="reader", password="correct horse battery", fingerprint=fingerprint) as server:
    server.log.frame(limit=10)
    started = time.perf_counter()
    frame = server.log.frame(limit=int(rows))
    print(len(frame), time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
PEER = """
import sys, time, resource, pandas, sqlalchemy
url, fields, rows = sys.argv[1:]
engine = sqlalchemy.create_engine(url)
pandas.read_sql(f"SELECT {fields} FROM log_entries LIMIT 10", engine)
started = time.perf_counter()
frame = pandas.read_sql(f"SELECT {fields} FROM log_entries ORDER BY id DESC LIMIT {rows}", engine)
frame["at"] = pandas.to_datetime(frame["at"], unit="us", utc=True)
print(len(frame), time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def framing(engine: str, data: Path, database_url: str | None, url: str, table: Table) -> None:
    """A frame over HTTPS beside `read_sql` on the database itself, each in a process of its own."""

    def run(code: str, *arguments: str) -> tuple[float, float]:
        command: Sequence[str] = [sys.executable, "-c", code, *arguments, str(FRAME_ROWS)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=clean_environment(data.parent))
        number, seconds, megabytes = (float(word) for word in done.stdout.split())
        assert number == FRAME_ROWS
        return seconds, megabytes

    address = f"sqlite:///{url}" if engine == "SQLite" else url.replace("postgresql:", "postgresql+psycopg:")
    server = start_server(data, database_url=database_url)
    try:
        server.admin.users.add("reader", "viewer", PASSWORD)
        ours = [run(OURS, server.url, server.fingerprint) for _ in range(2)]
        peers = [run(PEER, address, FIELDS) for _ in range(2)]
    finally:
        server.stop()
    for place, (what, factor, unit) in enumerate((("seconds", 1000, "ms"), ("memory", 1, "MB"))):
        mine, peer = (min(run[place] for run in runs) * factor for runs in (ours, peers))
        table.add(engine, f"{FRAME_ROWS:,} rows to a frame over HTTPS / read_sql: {what}", mine, peer, unit)


@pytest.mark.timeout(7200)
@pytest.mark.postgres
def test_the_log_beside_hand_written_sql(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if reason := postgres_peer.missing():
        pytest.skip(reason)
    table = Table()
    with capsys.disabled():
        try:
            for engine in ENGINES:
                _on(engine, tmp_path / engine / "data", table)
        finally:
            table.show()


def _on(engine: str, data: Path, table: Table) -> None:
    folder = prepare(data)
    cluster = postgres_peer.start(fsync=True) if engine == "PostgreSQL" else None
    try:
        database_url = cluster.create("log") if cluster else None
        _measure(engine, folder.path, database_url, database_url or str(folder.log_database), table)
    finally:
        if cluster:
            cluster.stop()


def _measure(engine: str, data: Path, database_url: str | None, url: str, table: Table) -> None:
    store = store_of(url)
    fill(store, ENTRIES)
    started = time.perf_counter()
    upgrade(store, "log")
    table.add(
        engine, "upgrade to the summary and its indexes", ENTRIES / (time.perf_counter() - started), unit="entries/s"
    )
    store.close()
    with compose.environment(prepare(data), MachineSettings(), database_url) as environment:
        bench = Bench(engine, environment, url, table)
        indexing(bench)
        if engine == "PostgreSQL":
            with bench.raw() as connection:
                connection.execute("VACUUM ANALYZE")
        reading(bench)
        appending(bench)
    framing(engine, data, database_url, url, table)
    with compose.environment(prepare(data), MachineSettings(), database_url) as environment:
        deleting(Bench(engine, environment, url, table))
