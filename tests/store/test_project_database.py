"""The schema of a project database, what every new one holds, and what is said when its disk fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from tests.store.conftest import Clock
from trackkit.domain.errors import Conflict, Unavailable
from trackkit.domain.project.commands import ADMINISTRATORS, COMMANDS, MAIL_COMMANDS, MEMBERS, MEMBERS_MAY
from trackkit.domain.project.kind import Kind
from trackkit.domain.project.kinds import KINDS
from trackkit.store import database, project_facts, project_items
from trackkit.store.database import Connection, Store
from trackkit.store.migrate import newest, revision_of, standing, upgrade, upgrade_on
from trackkit.store.project_tables import TABLES
from trackkit.store.project_tables import project as metadata


def test_the_migrations_make_the_tables_that_the_code_uses(project: Store) -> None:
    def compare(connection: Connection) -> list[object]:
        options = {
            "version_table": "project_schema",
            "include_object": lambda o, name, kind, *_: kind != "table" or name in metadata.tables,
        }
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    assert project.read(compare) == []


def test_each_kind_has_its_table_after_those_it_refers_to() -> None:
    seen = set()
    for kind, table in TABLES.items():
        assert {key.column.table.name for key in table.foreign_keys} <= seen
        seen.add(table.name)
        assert len(table.columns) == len(KINDS[kind].fields) + 6 + KINDS[kind].named


def test_a_database_is_told_from_older_newer_and_foreign_ones(project: Store) -> None:
    def stands() -> str:
        return project.read(lambda c: standing(c, "project"))

    assert (stands(), project.read(lambda c: revision_of(c, "project"))) == ("current", newest("project"))
    project.write(lambda c: c.execute(text("UPDATE project_schema SET version_num = 'project_9999'")))
    assert stands() == "newer"
    with pytest.raises(Conflict, match="newer trackkit"):
        project.write(lambda c: upgrade_on(c, "project"))
    project.write(lambda c: c.execute(text("UPDATE project_schema SET version_num = 'e3f9'")))
    assert stands() == "foreign"
    project.write(lambda c: c.execute(text("DROP TABLE project_schema")))
    assert stands() == "foreign"


def test_an_empty_database_is_empty_and_a_main_database_is_no_project(tmp_path: Path) -> None:
    store = database.sqlite(tmp_path / "a.db")
    assert store.read(lambda c: standing(c, "project")) == "empty"
    upgrade(store, "main")
    assert (store.read(lambda c: standing(c, "project")), store.read(lambda c: standing(c, "main"))) == (
        "foreign",
        "current",
    )
    store.close()


def test_tables_and_what_is_written_after_them_come_together_or_not_at_all(tmp_path: Path, clock: Clock) -> None:
    store = database.sqlite(tmp_path / "a.db")

    def failing(connection: Connection) -> None:
        upgrade_on(connection, "project")
        project_facts.found_project(connection, "id", clock(), "administrator", None)
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        store.write(failing)
    assert store.read(lambda c: standing(c, "project")) == "empty"
    store.close()


@pytest.mark.spec("9: customers, groups, filters")
def test_a_new_project_has_its_administrator_and_two_groups(project: Store) -> None:
    def look(connection: Connection) -> None:
        found = project_items.login_row(connection, "ADMINISTRATOR")
        assert found is not None
        assert (found.name, found.active, found.password_hash) == ("administrator", True, None)
        assert set(found.commands) == {name for name in COMMANDS if name not in MAIL_COMMANDS}
        assert project_items.login_row_by_number(connection, found.number) == found
        assert project_items.login_row(connection, "nobody") is None
        assert project_items.login_row(connection, "admin\x00istrator") is None
        groups = {row.key: row for row in project_items.all_items(connection, Kind.group)}
        assert set(groups) == {ADMINISTRATORS, MEMBERS}
        assert set(groups[MEMBERS].values["commands"]) == set(MEMBERS_MAY)
        assert [row.key for row in project_items.all_items(connection, Kind.template)] == ["Standard"]
        assert (project_facts.identity(connection), project_facts.user_count(connection)) == ("first", 1)
        assert set(project_facts.record_counts(connection).values()) == {0}

    project.read(look)
    project.write(lambda c: project_facts.set_identity(c, "second"))
    assert project.read(project_facts.identity) == "second"


def test_a_full_disk_is_called_so_and_nothing_is_half_written(project: Store) -> None:
    if not project.is_sqlite:
        with pytest.raises(Unavailable, match="disk is full"):
            project.write(
                lambda c: c.execute(text("DO $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$"))
            )
        return
    pages = project.read(lambda c: c.execute(text("PRAGMA page_count")).scalar_one())

    def fill(connection: Connection) -> None:
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
        try:
            connection.execute(text("CREATE TABLE filler (x)"))
            connection.execute(text("INSERT INTO filler VALUES (zeroblob(1000000))"))
        finally:
            connection.execute(text("PRAGMA max_page_count = 1000000"))

    with pytest.raises(Unavailable, match="disk is full; nothing was changed"):
        project.write(fill)
    assert project.read(lambda c: c.execute(text("SELECT name FROM sqlite_master WHERE name = 'filler'")).all()) == []
    project.write(lambda c: project_facts.set_identity(c, "still works"))


def test_a_database_that_can_only_be_read_is_called_so(project: Store) -> None:
    def write(connection: Connection) -> None:
        if project.is_sqlite:
            connection.execute(text("PRAGMA query_only = 1"))
        else:
            connection.execute(text("SET TRANSACTION READ ONLY"))
        try:
            project_facts.set_identity(connection, "other")
        finally:
            if project.is_sqlite:
                connection.execute(text("PRAGMA query_only = 0"))

    with pytest.raises(Unavailable, match="can only be read; nothing was changed"):
        project.write(write)
    assert project.read(project_facts.identity) == "first"


def test_a_missing_file_is_not_made_by_opening_it(tmp_path: Path) -> None:
    store = database.sqlite(tmp_path / "gone.db", create=False)
    with pytest.raises(Unavailable):
        store.read(lambda c: c.execute(text("SELECT 1")))
    store.close()
    assert os.listdir(tmp_path) == []


def test_a_store_for_network_drives_keeps_a_rollback_journal(tmp_path: Path) -> None:
    store = database.sqlite(tmp_path / "a.db", journal="DELETE")
    pragma = "PRAGMA {}"
    found = [
        store.read(lambda c, name=name: c.execute(text(pragma.format(name))).scalar_one())
        for name in ("journal_mode", "synchronous")
    ]
    upgrade(store, "project")
    store.close()
    assert found == ["delete", 2]
    assert os.listdir(tmp_path) == ["a.db"]


def test_work_alone_has_no_transaction_and_waits_its_turn(project: Store) -> None:
    order: list[str] = []
    futures = [project.submit(lambda c, n=n: order.append(f"write {n}")) for n in range(3)]
    project.alone(lambda c: (c.execute(text("VACUUM")), order.append("alone")))
    for future in futures:
        future.result(20)
    assert order.count("alone") == 1
    if project.is_sqlite:
        assert order[-1] == "alone"
    with pytest.raises(ValueError, match="mine"):
        project.alone(lambda c: (_ for _ in ()).throw(ValueError("mine")))
    project.write(lambda c: project_facts.set_identity(c, "after"))
    assert project.read(project_facts.identity) == "after"
