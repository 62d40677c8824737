"""Units of work: durable, grouped, undone alone; migrations under a lock."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from trackkit.domain.errors import Conflict, Unavailable
from trackkit.services.environment import Environment
from trackkit.store import database, log_tables, records, tables
from trackkit.store.database import Connection, Store
from trackkit.store.migrate import upgrade


def _set(name: str, value: str = "x"):
    return lambda connection: records.set_fact(connection, name, value)


def _get(store: Store, name: str) -> str | None:
    return store.read(lambda connection: records.get_fact(connection, name))


def test_a_unit_that_fails_is_undone_alone_while_others_share_its_commit(environment: Environment) -> None:
    entered, go = threading.Event(), threading.Event()

    def first(connection: Connection) -> None:
        entered.set()
        go.wait(10)

    def bad(connection: Connection) -> None:
        records.set_fact(connection, "bad", "written")
        raise ValueError("no")

    with ThreadPoolExecutor(8) as pool:
        waiting = pool.submit(environment.store.write, first)
        assert entered.wait(10)
        good = [pool.submit(environment.store.write, _set(f"good{n}")) for n in range(5)]
        failing = pool.submit(environment.store.write, bad)
        go.set()
        waiting.result(10)
        for future in good:
            future.result(10)
        with pytest.raises(ValueError, match="no"):
            failing.result(10)
    assert [_get(environment.store, f"good{n}") for n in range(5)] == ["x"] * 5
    assert _get(environment.store, "bad") is None


def test_units_that_wait_together_share_a_commit(tmp_path: Path) -> None:
    store = database.sqlite(tmp_path / "a.db")
    upgrade(store, "main")
    said: list[str] = []
    store.write(lambda connection: connection.connection.driver_connection.set_trace_callback(said.append))
    hold = threading.Event()
    first = store.submit(lambda connection: hold.wait(10))
    futures = [store.submit(_set(f"f{n}")) for n in range(100)]
    hold.set()
    for future in (first, *futures):
        future.result(10)
    store.close()
    assert 1 < said.count("COMMIT") <= 4


def test_a_reading_sees_one_state_from_its_beginning_to_its_end(environment: Environment) -> None:
    store = environment.store
    store.write(_set("fact", "before"))

    def read(connection: Connection) -> tuple[str | None, str | None]:
        first = records.get_fact(connection, "fact")
        store.write(_set("fact", "after"))
        return first, records.get_fact(connection, "fact")

    assert store.read(read) == ("before", "before")
    assert _get(store, "fact") == "after"


def test_writing_goes_on_after_a_connection_broke(tmp_path: Path) -> None:
    store = database.sqlite(tmp_path / "a.sqlite")
    try:
        store.write(lambda connection: connection.exec_driver_sql("CREATE TABLE t (n INTEGER)"))

        def broken(connection: Connection) -> None:
            connection.exec_driver_sql("INSERT INTO t VALUES (1)")
            connection.connection.driver_connection.close()

        with pytest.raises(Exception, match="closed"):
            store.write(broken)
        store.write(lambda connection: connection.exec_driver_sql("INSERT INTO t VALUES (2)"))
        assert store.read(lambda connection: connection.exec_driver_sql("SELECT n FROM t").scalars().all()) == [2]
    finally:
        store.close()


def test_a_closed_store_refuses_and_what_was_submitted_before_is_done(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = database.sqlite(path)
    upgrade(store, "main")
    futures = [store.submit(_set(f"f{n}")) for n in range(50)]
    store.close()
    assert all(future.done() and future.exception() is None for future in futures)
    with pytest.raises(Unavailable):
        store.write(_set("late"))
    again = database.sqlite(path)
    assert _get(again, "f49") == "x"
    assert _get(again, "late") is None
    again.close()


def test_sqlite_is_durable_by_its_settings(tmp_path: Path) -> None:
    store = database.sqlite(tmp_path / "a.db")
    pragmas = store.read(
        lambda c: [
            c.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    )
    store.close()
    assert pragmas == ["wal", 2, 1]


def test_a_database_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    store = database.postgresql("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(Unavailable, match="cannot be used"):
        store.read(lambda connection: connection.execute(text("SELECT 1")))
    store.close()


def test_the_migrations_make_the_tables_that_the_code_uses(environment: Environment) -> None:
    for store, metadata, schema in (
        (environment.store, tables.main, "main"),
        (environment.log_store, log_tables.log, "log"),
    ):
        mine = set(metadata.tables)

        def compare(connection: Connection, metadata=metadata, schema=schema, mine=mine) -> list[object]:
            options = {
                "version_table": f"{schema}_schema",
                "include_object": lambda o, name, kind, *_: kind != "table" or name in mine,
            }
            return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

        assert store.read(compare) == []


def test_migrating_twice_and_at_the_same_time_does_no_harm(tmp_path: Path, database_url: str | None) -> None:
    def opened() -> Store:
        return database.postgresql(database_url) if database_url else database.sqlite(tmp_path / "a.db")

    stores = [opened() for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(upgrade, store, "main") for store in stores]:
            future.result(60)
    upgrade(stores[0], "main")
    stores[0].write(_set("works"))
    assert _get(stores[1], "works") == "x"
    for store in stores:
        store.close()


def test_a_database_of_a_newer_version_is_refused_and_left_alone(environment: Environment) -> None:
    environment.store.write(lambda c: c.execute(text("UPDATE main_schema SET version_num = 'main_9999'")))
    with pytest.raises(Conflict, match="newer trackkit"):
        upgrade(environment.store, "main")
    found = environment.store.read(lambda c: c.execute(text("SELECT version_num FROM main_schema")).scalar_one())
    assert found == "main_9999"
