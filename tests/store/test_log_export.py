"""The log as a file and as a frame, on both databases, beside the listing; and its summary, which stays exact."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.conftest import AsUser, Clock
from trackkit.client.octets import Readable
from trackkit.contract import log as contract
from trackkit.domain.log import ExportFormat, LogEntry, LogFilter, Severity
from trackkit.domain.project import csv_rows
from trackkit.frames import log_frame
from trackkit.frames.log import log_frame_of
from trackkit.services import log, log_export
from trackkit.services.environment import Environment
from trackkit.services.log_deletion import delete_until, keep_newest
from trackkit.store import log as rows
from trackkit.store import log_summary
from trackkit.store.database import Connection, Store, sqlite
from trackkit.store.log_deletion import delete_some
from trackkit.store.log_tables import entries, log_hours
from trackkit.store.migrate import upgrade, upgrade_on

NASTY = (
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "'=1",
    "'it''s",
    'say "hi", then\r\nleave',
    "\x1b[31mred\x07",
    "<script>alert(1)</script>",
    "\u202egnp.exe",
    "Grüße 世界 🙂",
    "nul \u2400",
    "",
    "x" * 1_000_000,
)


@pytest.fixture
def filled(environment: Environment, clock: Clock) -> Environment:
    environment.log_store.write(
        lambda c: rows.append(
            c,
            [
                LogEntry(clock() + timedelta(microseconds=n), list(Severity)[n % 5], "mail", text, text[::-1], text[:9])
                for n, text in enumerate(NASTY)
            ],
        )
    )
    return environment


def exported(admin: AsUser, format: ExportFormat, **asked: Any) -> bytes:
    return b"".join(log_export.export_log(admin(), contract.ExportLog(format=format, **asked)).pieces)


@pytest.mark.usefixtures("filled")
def test_every_format_holds_what_the_listing_shows(admin: AsUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_export, "_ENTRIES", 3)
    listed = log.list_log(admin(), contract.ListLog(limit=100)).entries
    plain = [
        {**row.model_dump(), "at": row.at.isoformat(timespec="microseconds"), "level": row.level.value}
        for row in listed
    ]
    columns, read = csv_rows.read(exported(admin, ExportFormat.csv).replace(b"x" * 500_000, b""))
    shortened = [{n: str(v).replace("x" * 500_000, "") for n, v in row.items()} for row in plain]
    assert [dict(zip(columns, row, strict=True)) for row in read] == shortened
    lines = exported(admin, ExportFormat.jsonl).decode("ascii").splitlines()
    assert [json.loads(line) for line in lines] == plain
    table = pq.read_table(BytesIO(exported(admin, ExportFormat.parquet)))
    stream = pa.ipc.open_stream(exported(admin, ExportFormat.arrow)).read_all()
    for read_table in (table, stream):
        rows_ = [{**row, "at": row["at"].isoformat(timespec="microseconds")} for row in read_table.to_pylist()]
        assert rows_ == plain
    assert stream.schema.field("level").type.ordered


@pytest.mark.usefixtures("filled")
def test_no_cell_of_a_csv_file_is_a_formula(admin: AsUser) -> None:
    csv.field_size_limit(2_000_000)
    read = list(csv.reader(StringIO(exported(admin, ExportFormat.csv).decode("utf-8-sig"), newline="")))
    assert not [cell[:20] for row in read for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.usefixtures("filled")
def test_an_export_obeys_conditions_and_limit(admin: AsUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_export, "_ENTRIES", 2)
    for asked in ({"level": "error", "match": "only"}, {"text": "X"}, {"source": "nobody"}, {}):
        for limit in (None, 1, 2, 3):
            listed = log.list_log(admin(), contract.ListLog(**asked, limit=limit or 100)).entries
            lines = exported(admin, ExportFormat.jsonl, **asked, limit=limit).splitlines()
            assert [json.loads(line)["entry_id"] for line in lines] == [row.entry_id for row in listed]
    for format in ExportFormat:
        empty = exported(admin, format, source="nobody")
        assert bool(empty) == (format != ExportFormat.jsonl), "a file without entries is a file of its format"


@pytest.mark.usefixtures("filled")
def test_a_frame_is_the_same_from_arrow_and_from_rows(admin: AsUser) -> None:
    from pandas.testing import assert_frame_equal

    for source in ("mail", "nobody"):
        listed = log.list_log(admin(), contract.ListLog(limit=100, source=source)).entries
        content = exported(admin, ExportFormat.arrow, source=source)
        pieces: Iterator[bytes] = iter([content[n : n + 1000] for n in range(0, len(content), 1000)])
        assert_frame_equal(log_frame_of(Readable(pieces), "office"), log_frame(listed, "office"))


def test_an_export_of_large_entries_is_read_in_small_portions(
    environment: Environment, admin: AsUser, clock: Clock
) -> None:
    one = LogEntry(clock(), Severity.error, "large", "m", "d" * 1_000_000)
    environment.log_store.write(lambda c: rows.append(c, [one] * 12))
    pieces = list(log_export.export_log(admin(), contract.ExportLog(format="jsonl", source="large")).pieces)
    assert len(pieces) >= 1
    assert sum(piece.count(b"\n") for piece in pieces) == 12


def summary_of(connection: Connection) -> dict[tuple[int, int], int]:
    found = connection.execute(log_hours.select())
    return {(row.hour, row.severity): row.entries for row in found}


def counted(connection: Connection) -> dict[tuple[int, int], int]:
    found = connection.execute(entries.select())
    return dict(Counter((log_summary.microseconds(row.at) // log_summary.HOUR, row.severity) for row in found))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(st.tuples(st.sampled_from(["append", "until", "keep", "fail"]), st.integers(0, 40)), max_size=8))
def test_the_summary_is_exact_whatever_happens(
    environment: Environment, clock: Clock, steps: list[tuple[str, int]]
) -> None:
    for step, number in steps:
        if step == "append":
            new = [
                LogEntry(clock() - timedelta(minutes=13 * n), list(Severity)[n % 5], "s", "m") for n in range(number)
            ]
            environment.log_store.write(lambda c, new=new: rows.append(c, new))
        elif step == "until":
            delete_until(environment, clock() - timedelta(minutes=13 * number))
        elif step == "keep":
            keep_newest(environment, number)
        else:
            with pytest.raises(ZeroDivisionError):
                environment.log_store.write(lambda c: delete_some(c, None, 10**9, 3) / 0)
        assert environment.log_store.read(summary_of) == environment.log_store.read(counted)
        left = environment.log_store.read(lambda c: rows.count(c, LogFilter())).entries
        assert left <= number or step != "keep"
        edges = LogFilter(severities=(Severity.error, Severity.warning), since=clock() - timedelta(minutes=222))
        assert environment.log_store.read(lambda c: rows.count(c, edges)).entries == len(  # noqa: B023
            environment.log_store.read(lambda c: rows.page(c, edges, None, 1000))  # noqa: B023
        )


def test_an_upgrade_fills_the_summary(tmp_path_factory: pytest.TempPathFactory, database_url: str | None) -> None:
    from trackkit.store import database

    store: Store = (
        database.postgresql(database_url) if database_url else sqlite(tmp_path_factory.mktemp("old") / "log.db")
    )

    def old(connection: Connection) -> None:
        upgrade_on(connection, "log", "log_0001")
        values = [
            {
                "at": datetime(2026, 1, 1, n % 7, 59, tzinfo=UTC),
                "severity": n % 5 + 1,
                **dict.fromkeys(("source", "database", "username", "client_address", "message", "details"), "x"),
            }
            for n in range(50)
        ]
        connection.execute(entries.insert(), values)

    store.write(old)
    upgrade(store, "log")
    assert store.read(summary_of) == store.read(counted)
    assert store.read(lambda c: rows.count(c, LogFilter())) == rows.Counted(50, True)
    store.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_space_of_deleted_entries_is_used_again(environment: Environment, clock: Clock) -> None:
    new = [LogEntry(clock(), Severity.error, "s", "m" * 500) for _ in range(2000)]
    size = []
    for _ in range(3):
        environment.log_store.write(lambda c: rows.append(c, new))
        size.append(environment.log_store.read(lambda c: c.exec_driver_sql("PRAGMA page_count").scalar_one()))
        delete_until(environment, None)
    assert size[2] <= size[0] * 1.1
