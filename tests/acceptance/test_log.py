"""SPEC §4, the log as it is stored, through a running server on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.acceptance.conftest import House
from tests.command_line import CommandLine
from tests.ports import wait_until
from trackkit.contract.catalogue import OPERATIONS
from trackkit.domain.errors import InvalidInput
from trackkit.domain.log import LogEntry, LogFilter, Match, Severity
from trackkit.domain.project import csv_rows
from trackkit.store import database
from trackkit.store import log as rows

NOON = datetime(2020, 5, 17, 12, 0, tzinfo=UTC)
"""Years before the server itself writes anything."""


def write(house: House, entries: Sequence[LogEntry]) -> None:
    """Put entries of the past into the server's log."""
    url = house.server.database_url
    store = database.postgresql(url) if url else database.sqlite(house.server.data / "log.db")
    store.write(lambda c: rows.append(c, entries))
    store.close()


def entry(source: str, n: int = 0, **more: object) -> LogEntry:
    given = {"at": NOON + timedelta(minutes=n), "severity": Severity.error, "message": f"number {n}", **more}
    return LogEntry(source=source, **given)  # type: ignore[arg-type]


@pytest.fixture
def commands(house: House, tmp_path: Path) -> CommandLine:
    """The administrator's, on the server machine."""
    return CommandLine(tmp_path, {"TRACKKIT_DATA": str(house.server.data)})


@pytest.mark.spec("4: log: the five levels, and all that an entry holds")
def test_an_entry_comes_back_as_it_was_written(house: House) -> None:
    whole = {"database": "demo", "username": "olga", "client_address": "10.0.0.9", "details": "more\nof it"}
    write(house, [entry("whole", n, severity=severity, **whole) for n, severity in enumerate(Severity)])
    shown = house.admin.log.list(source="whole").entries
    assert [one.level for one in shown] == [severity.name for severity in reversed(Severity)]
    assert [severity.title for severity in Severity] == [
        *("Severe Error", "Error", "Warning", "Unusual Activity", "Information"),
    ]
    for one in shown:
        assert one.at == NOON + timedelta(minutes=int(one.message.removeprefix("number ")))
        assert {name: getattr(one, name) for name in whole} == whole


@pytest.mark.spec(
    "4: log: filters by level only / and more / and less severe, time, source, database, user, address, text"
)
@pytest.mark.spec("4: log: the number of matches")
def test_filters_and_the_number_of_matches(house: House) -> None:
    made = [
        entry(
            "filters",
            n,
            severity=list(Severity)[n % 5],
            database=("", "demo")[n % 2],
            username=("", "olga", "ivan")[n % 3],
            client_address=("", "10.0.0.1")[n % 4 == 0],
            details=("", "100% FULL", "b\x00c")[n % 3].replace("\x00", "\u2400"),
        )
        for n in range(60)
    ]
    write(house, made)
    later = NOON + timedelta(minutes=30)
    asked: list[tuple[dict[str, object], LogFilter]] = [
        *(
            ({"level": level.name, "match": match}, LogFilter(match.severities(level)))
            for level in Severity
            for match in Match
        ),
        ({"since": later}, LogFilter(since=later)),
        ({"until": later}, LogFilter(until=later)),
        ({"database": "demo"}, LogFilter(database="demo")),
        ({"username": "olga"}, LogFilter(username="olga")),
        ({"client_address": "10.0.0.1"}, LogFilter(client_address="10.0.0.1")),
        ({"text": "% full"}, LogFilter(text="% FULL")),
        ({"text": "NUMBER 1"}, LogFilter(text="number 1")),
        ({"since": datetime(2999, 1, 1, tzinfo=UTC)}, LogFilter(since=datetime(2999, 1, 1, tzinfo=UTC))),
        (
            {"username": "olga", "level": "error", "until": later},
            LogFilter((Severity.severe_error, Severity.error), until=later, username="olga"),
        ),
    ]
    for conditions, model in asked:
        page = house.admin.log.list(**conditions, source="filters", limit=1000)  # type: ignore[arg-type]
        expected = [one.message for one in reversed(made) if model.matches(one)]
        assert [one.message for one in page.entries] == expected, conditions
        assert (page.total, page.total_is_exact) == (len(expected), True)
        assert house.admin.log.histogram(**conditions, source="filters").total == len(expected)  # type: ignore[arg-type]
    for naive in ("since", "until"):
        with pytest.raises(InvalidInput, match=naive):
            house.admin.log.list(**{naive: datetime(2020, 1, 1)})  # type: ignore[arg-type]


@pytest.mark.spec("4: log: newest first, pages by key while the log grows")
@pytest.mark.spec("4: log: histogram over time by level")
def test_pages_by_key_while_the_log_grows_and_the_histogram(house: House) -> None:
    write(house, [entry("pages", n) for n in range(95)])
    found, before = [], None
    while True:
        page = house.admin.log.list(source="pages", limit=10, before=before)
        found += [one.message for one in page.entries]
        write(house, [entry("pages", 1000, message="written meanwhile")])
        before = page.next_before
        if before is None:
            break
    assert found == [f"number {n}" for n in reversed(range(95))]
    hours = house.admin.log.histogram(
        "error", "only", source="pages", until=NOON + timedelta(hours=3), bucket_seconds=3600
    )
    assert [(count.starts_at, count.entries) for count in hours.counts] == [(NOON, 60), (NOON + timedelta(hours=1), 35)]


@pytest.mark.spec("4: log: export to CSV, JSON lines, Parquet")
def test_exports_through_python_and_the_command_line(house: House, commands: CommandLine, tmp_path: Path) -> None:
    nasty = ("=1+1", "\x1b[31mred", "<b>bold</b>", 'a,b;"c"\r\nd', "\u2400")
    write(house, [entry("export", n, message=text, details="x" * 1_000_000) for n, text in enumerate(nasty)])
    messages = list(reversed(nasty))
    written = house.admin.log.export(tmp_path / "log.jsonl", source="export")
    assert [json.loads(line)["message"] for line in written.read_text().splitlines()] == messages
    assert commands("log", "export", str(tmp_path / "log.parquet"), "--source", "export").startswith("Wrote")
    table = pq.read_table(tmp_path / "log.parquet")
    assert table.column("message").to_pylist() == messages
    assert set(map(len, table.column("details").to_pylist())) == {1_000_000}
    commands("log", "export", str(tmp_path / "odd.txt"), "--format", "csv", "--source", "export", "--level", "error")
    columns, read = csv_rows.read((tmp_path / "odd.txt").read_bytes())
    assert [row[columns.index("message")] for row in read] == messages
    frame = house.admin.log.frame(limit=None, source="export")
    assert list(frame.message) == messages
    refused = commands.run("log", "export", str(tmp_path / "odd.txt"), "--format", "csv")
    assert refused.returncode != 0
    assert "exists already" in refused.stderr
    for name in ("log.xlsx", "missing/log.csv"):
        with pytest.raises(InvalidInput):
            house.admin.log.export(tmp_path / name)
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.is_file()) == [".jsonl", ".parquet", ".txt"]


@pytest.mark.spec("4: log: millions of entries stay usable: nothing of it is read by offset or counted one by one")
def test_the_search_index_is_filled_beside_the_server(house: House) -> None:
    write(house, [entry("index", n, message=f"needle {n}" if n % 1000 == 7 else "hay") for n in range(3000)])
    log = house.admin.log

    def covered() -> int:
        url = house.server.database_url
        if url is None:
            import sqlite3
            from contextlib import closing

            with closing(sqlite3.connect(house.server.data / "log-search.db", timeout=20)) as connection:
                return int(connection.execute("SELECT covered FROM state").fetchone()[0])
        import psycopg

        with psycopg.connect(url) as connection_:
            found = connection_.execute("SELECT covered FROM log_search_state").fetchone()
        return int(found[0]) if found else 0

    wait_until(lambda: covered() >= 3000, what="the search index")
    assert [one.message for one in log.list(text="NEEDLE").entries] == ["needle 2007", "needle 1007", "needle 7"]
    assert log.list(text="needle", source="index").total == 3


@pytest.mark.spec("4: log: deleting asks first and advises against it while there are problems")
@pytest.mark.spec("4: log: delete all; delete up to and including a date in the server's time zone; says how many")
@pytest.mark.spec("4: log: deleting is recorded in the audit, which no API deletes")
def test_deleting_by_date_and_all(house: House, commands: CommandLine) -> None:
    log = house.admin.log
    noon = datetime(2019, 3, 5, 12).astimezone()  # of this machine, on which the server runs
    write(house, [entry("old", at=noon + timedelta(hours=12 * n)) for n in range(-3, 4)])
    days = {one.at.astimezone().date() for one in log.list(source="old").entries}
    assert date(2019, 3, 5) in days
    doomed = sum(one.at.astimezone().date() <= date(2019, 3, 5) for one in log.list(source="old").entries)
    asked = commands.run("log", "delete", "--through", "2019-03-05", stdin="n\n")
    assert asked.returncode != 0
    for words in ("This asks first", f"Delete {doomed} log entries", "better to keep the log", "has no password"):
        assert words in asked.stderr
    assert log.delete(through=date(2019, 3, 5), preview=True).entries == doomed
    assert log.list(source="old").total == 7, "asking and counting delete nothing"
    assert f"Deleted {doomed} log entries." in commands("log", "delete", "--through", "2019-03-05", "--yes")
    assert log.list(source="old").total == 7 - doomed
    [record] = [one for one in house.admin.audit.list().records if one.operation == "log.delete"][:1]
    assert record.after == {"entries": str(doomed)}
    assert log.delete(all=True).entries > 0
    assert log.list(source="old").total == 0
    assert house.admin.audit.list().records[0].operation == "log.delete"
    assert not [name for name, one in OPERATIONS.items() if name.startswith("audit.") and one.method == "DELETE"]
