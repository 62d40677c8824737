"""Compacting gives back what deleted rows took, changes nothing that is in the database, and can be broken off."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.store.conftest import Clock
from tests.store.test_copying import add, everything, fill
from trackkit.domain.errors import Unavailable
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS
from trackkit.store import compaction, copying, database, project_facts, project_files, project_items
from trackkit.store.database import Connection, Store
from trackkit.store.migrate import upgrade
from trackkit.store.project_tables import project as metadata


def _silent(done: int, total: int, words: str) -> None:
    """Hears of progress and does nothing."""


def _fill_and_delete(connection: Connection, clock: Clock) -> None:
    fill(connection)
    numbers = add(connection, Kind.defect, *({"title": "x", "description": "d" * 3000} for _ in range(300)))
    for number in numbers[:40]:
        project_files.attach(
            connection, Kind.defect, number, "a", random.Random(number).randbytes(50_000), clock(), "bob"
        )
    for number in numbers[:280]:
        project_items.delete(connection, KINDS[Kind.defect], number)


@pytest.mark.spec("2: space of deleted rows given back, indexes rebuilt; before/after sizes shown; progress shown.")
def test_space_of_deleted_rows_is_given_back_and_nothing_else_changes(project: Store, clock: Clock) -> None:
    project.write(lambda c: _fill_and_delete(c, clock))
    contents, large = everything(project), compaction.size(project)
    heard: list[tuple[int, int, str]] = []
    before, after = compaction.compact(project, lambda *progress: heard.append(progress))
    assert (before, after) == (large, compaction.size(project))
    assert after < before / 2
    assert everything(project) == contents
    copying.verify(project, {name: len(rows) for name, rows in contents.items()})
    assert [done for done, _, _ in heard] == list(range(len(metadata.tables) + 2))
    assert {total for _, total, _ in heard} == {len(metadata.tables) + 1}
    assert all(any(name in words for _, _, words in heard) for name in metadata.tables)
    assert compaction.compact(project, _silent) == (after, after)


def test_the_file_itself_becomes_smaller(tmp_path: Path, clock: Clock) -> None:
    for journal in ("WAL", "DELETE"):
        path = tmp_path / f"{journal}.db"
        with closing(database.sqlite(path, journal=journal)) as store:  # type: ignore[arg-type]
            upgrade(store, "project")
            store.write(lambda c: project_facts.found_project(c, "first", clock(), "administrator", None))
            store.write(lambda c: _fill_and_delete(c, clock))
            store.read(lambda c: c.execute(text("SELECT 1")))
            before, after = compaction.compact(store, _silent)
            files = [found.stat().st_size for found in tmp_path.glob(f"{journal}.db*") if "shm" not in found.name]
            assert sum(files) == after < before


def test_a_damaged_index_is_right_again(tmp_path: Path, clock: Clock) -> None:
    with closing(database.sqlite(tmp_path / "a.db")) as store:
        upgrade(store, "project")
        store.write(lambda c: project_facts.found_project(c, "first", clock(), "administrator", None))

        store.write(lambda c: add(c, Kind.defect, *({"title": "x", "owner": "administrator"} for _ in range(9))))
        counts = store.read(copying.row_counts)
        _empty_index(store, "ix_defects_owner_id")
        with pytest.raises(Unavailable, match="damaged"):
            copying.verify(store, counts)
        compaction.compact(store, _silent)
        copying.verify(store, counts)


def _empty_index(store: Store, name: str) -> None:
    """Make an index one of rows that do not exist: its entries then fit no row of the table."""

    def work(connection: Connection) -> None:
        create = "SELECT sql FROM sqlite_master WHERE name = :name"
        sql = connection.execute(text(create), {"name": name}).scalar_one()
        connection.execute(text(f"DROP INDEX {name}"))
        connection.execute(text(f"{sql} WHERE id < 0"))
        connection.execute(text("PRAGMA writable_schema = ON"))
        connection.execute(text("UPDATE sqlite_master SET sql = :sql WHERE name = :name"), {"sql": sql, "name": name})
        connection.execute(text("PRAGMA writable_schema = RESET"))

    store.alone(work)
    store.engine.dispose()  # other connections know the schema as it was


def test_progress_that_raises_ends_it_between_two_steps(project: Store, clock: Clock) -> None:
    project.write(lambda c: _fill_and_delete(c, clock))
    contents = everything(project)

    def stop(done: int, total: int, words: str) -> None:
        if done == 3:
            raise KeyError("stop")

    with pytest.raises(KeyError):
        compaction.compact(project, stop)
    assert everything(project) == contents
    before, after = compaction.compact(project, _silent)
    assert after < before


@pytest.mark.spec("2: Compact")
def test_work_goes_on_while_it_is_compacted(project: Store, clock: Clock) -> None:
    project.write(lambda c: _fill_and_delete(c, clock))
    started, numbers = threading.Event(), []
    ended = threading.Event()

    def write() -> None:
        started.set()
        while not ended.is_set():
            numbers.extend(project.write(lambda c: add(c, Kind.defect, {"title": "meanwhile"})))
            project.read(lambda c: project_items.count(c, KINDS[Kind.defect]))

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        started.wait(10)
        try:
            compaction.compact(project, _silent)
        finally:
            ended.set()
        writing.result(60)
    found = project.read(lambda c: project_items.count(c, KINDS[Kind.defect]))
    assert numbers
    assert found == 1 + 20 + len(numbers)
