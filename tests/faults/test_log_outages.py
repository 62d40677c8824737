"""The log's database away, locked, its disk full: nobody waits, nothing is lost, and it is told."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Start
from tests.ports import wait_until
from tests.running import RunningServer
from trackkit.domain.errors import WrongLogin


def fail_to_log_in(server: RunningServer, *names: str) -> None:
    for name in names:
        with pytest.raises(WrongLogin):
            server.connect(name, "wrong password")


def in_the_log(server: RunningServer, *names: str) -> list[str]:
    """Which of the names failed to log in according to the log, in its order."""
    entries = server.admin.log.list(text="Failed log-in", oldest_first=True).entries
    return [name for entry in entries for name in names if f"'{name}'" in entry.message]


def sql(server: RunningServer, statement: str) -> None:
    """Change the log's database behind the server's back."""
    if server.database_url is None:
        with closing(sqlite3.connect(server.data / "log.db", timeout=20)) as connection, connection:
            connection.execute(statement)
    else:
        with psycopg.connect(server.database_url) as connection:
            connection.execute(statement.encode())


@pytest.mark.spec("4: nobody waits for the log, and what its database cannot take is on stderr and in startup.log")
def test_entries_of_an_outage_are_told_kept_and_written_after_it(database_url: str | None, start: Start) -> None:
    server = start(database_url=database_url)
    sql(server, "ALTER TABLE log_entries RENAME TO log_entries_away")
    fail_to_log_in(server, "ana", "ben")
    wait_until(lambda: "'ben'" in server.stderr, what="stderr")
    fail_to_log_in(server, "cem")
    text = server.admin.log.startup().text
    assert "'ana'" in text
    assert "'ben'" in text
    assert server.stderr.count("The server log cannot be written to") == 1
    sql(server, "ALTER TABLE log_entries_away RENAME TO log_entries")
    wait_until(
        lambda: in_the_log(server, "ana", "ben", "cem") == ["ana", "ben", "cem"], seconds=60, what="all, in order"
    )
    assert wait_until(lambda: server.admin.log.list("warning", "only", text="can be written to again").entries)


def test_a_locked_log_keeps_nobody_waiting(start: Start) -> None:
    server = start()
    with closing(sqlite3.connect(server.data / "log.db", isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        fail_to_log_in(server, "ana", "ben")  # answered while the log cannot be written to
        server.admin.options.set({"sending.timing.days": 7})
        holder.execute("ROLLBACK")
    wait_until(lambda: in_the_log(server, "ana", "ben") == ["ana", "ben"], what="both")


def test_entries_that_wait_when_the_server_stops_are_not_lost(start: Start) -> None:
    server = start()
    sql(server, "ALTER TABLE log_entries RENAME TO log_entries_away")
    fail_to_log_in(server, "ana")
    server.stop()
    sql(server, "ALTER TABLE log_entries_away RENAME TO log_entries")
    assert "'ana'" in server.stderr
    assert "'ana'" in (server.data / "startup.log").read_text()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "tmpfs", folder]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def tight(small_disk: Path, start: Start) -> Iterator[RunningServer]:
    """A server on the small disk, stopped before that is taken away."""
    server = start(small_disk / "data")
    yield server
    (small_disk / "filler").unlink(missing_ok=True)
    server.stop()


@pytest.mark.spec("4: Warning: disk low")
def test_a_disk_that_gets_full_is_warned_of_and_loses_nothing(tight: RunningServer) -> None:
    [warning] = tight.admin.log.list("warning", "only", text="MB are free on the disk").entries
    assert warning.source == "server"
    filler = tight.data.parent / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 65_536):
                pass
        except OSError:
            pass
    fail_to_log_in(tight, *(f"{'n' * 40}{number:03d}" for number in range(20)))
    names = [f"{'n' * 40}{number:03d}" for number in range(20)]
    filler.unlink()
    wait_until(lambda: in_the_log(tight, *names) == names, seconds=60, what="all twenty, in order")
