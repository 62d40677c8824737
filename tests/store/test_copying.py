"""Copies of project databases: between engines, from one moment, whole, or said to be broken."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from tests import migrated
from tests.peers.postgres import Cluster
from tests.store.test_project_items import model
from trackkit.domain.errors import Unavailable
from trackkit.domain.project.kind import RECORD_KINDS, Kind
from trackkit.domain.project.kinds import KINDS
from trackkit.store import copying, database, project_facts, project_files, project_items
from trackkit.store.database import Connection, Store
from trackkit.store.migrate import standing, upgrade, upgrade_on
from trackkit.store.project_items import ItemRow
from trackkit.store.project_tables import TABLES, counters
from trackkit.store.project_tables import project as metadata

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ENGINES = [
    pytest.param(("sqlite", "sqlite"), id="SQLite to SQLite"),
    pytest.param(("postgresql", "sqlite"), id="PostgreSQL to SQLite", marks=pytest.mark.postgres),
    pytest.param(("sqlite", "postgresql"), id="SQLite to PostgreSQL", marks=pytest.mark.postgres),
    pytest.param(("postgresql", "postgresql"), id="PostgreSQL to PostgreSQL", marks=pytest.mark.postgres),
]


@pytest.fixture(params=ENGINES)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """A new project, and a database with empty tables."""
    with ExitStack() as afterwards:

        def opened(engine: str, name: str) -> Store:
            if engine == "sqlite":
                migrated.project_to(tmp_path / name)
                store = database.sqlite(tmp_path / name)
            else:
                cluster: Cluster = request.getfixturevalue("postgres")
                name = f"t{uuid.uuid4().hex[:12]}"
                template = request.getfixturevalue("migrated_project_database")
                store = database.postgresql(cluster.create(name, template))
                afterwards.callback(cluster.drop, name)
            afterwards.callback(store.close)
            return store

        source, target = opened(request.param[0], "source.db"), opened(request.param[1], "target.db")
        source.write(lambda c: project_facts.found_project(c, "first", NOW, "administrator", "hash"))
        yield source, target


def copied(source: Store, target: Store, **more: Any) -> dict[str, int]:
    return source.read(lambda s: target.write(lambda t: copying.copy(s, t, **more)))


def add(connection: Connection, kind: Kind, *all_values: dict[str, Any], now: datetime = NOW) -> list[int]:
    pairs = [(model(kind, **values), {}) for values in all_values]
    return project_items.add_many(connection, KINDS[kind], pairs, now, "bob")


def everything(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every value of every table, as the code reads it."""

    def work(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=lambda row: row[:1])
            for table in metadata.sorted_tables
        }

    return store.read(work)


def all_of(store: Store, kind: Kind) -> list[ItemRow]:
    return store.read(lambda c: project_items.all_items(c, kind))


def fill(connection: Connection) -> None:
    """Something of every kind."""
    add(connection, Kind.customer, {"name": "ACME"})
    add(connection, Kind.filter, {"name": "Mine", "conditions": ("status=open",), "owner": "administrator"})
    add(connection, Kind.rule, {"name": "R", "template": "Standard"})
    add(connection, Kind.report, {"name": "P", "filter": "Mine"})
    add(connection, Kind.test_configuration, {"name": "Linux"})
    for kind in RECORD_KINDS:
        add(connection, kind, {"title": "gone"}, {"title": "One", "owner": "administrator"})
        project_items.delete(connection, KINDS[kind], 1)
        project_files.attach(connection, kind, 2, "a.bin", bytes(range(256)) * 10, NOW, "bob")
    add(connection, Kind.workbook_task, {"title": "Do", "record": "defect 2", "due_on": "2026-01-31"})
    add(connection, Kind.tracked_email, {"record": "defect 2", "recipients": ("a@b",)})


@pytest.mark.spec("2: verified after writing (integrity check and row counts)")
def test_a_copy_holds_everything_and_is_found_whole(pair: tuple[Store, Store]) -> None:
    source, target = pair
    source.write(fill)
    heard: list[tuple[int, int]] = []
    counts = copied(source, target, progress=lambda done, total: heard.append((done, total)))
    assert everything(target) == everything(source)
    assert counts == source.read(copying.row_counts) == target.read(copying.row_counts)
    assert set(counts) == set(metadata.tables)
    assert heard[-1] == (sum(counts.values()), sum(counts.values()))
    assert heard == sorted(heard)
    copying.verify(target, counts)
    assert target.read(lambda c: standing(c, "project")) == "current"
    assert target.write(lambda c: add(c, Kind.defect, {"title": "new"})) == [3]
    assert target.write(lambda c: project_files.attach(c, Kind.defect, 3, "b", b"x", NOW, "bob").id) == 6


@pytest.mark.spec("2: defects and other records, tracked e-mail and workbook tasks are not.")
def test_a_template_gives_its_set_up_and_none_of_its_work(pair: tuple[Store, Store]) -> None:
    source, target = pair
    source.write(fill)
    counts = source.read(lambda s: target.write(lambda t: copying.copy_template(s, t)))
    assert set(counts) == set(copying.TEMPLATE_TABLES)
    before, after = everything(source), everything(target)
    for kind, info in KINDS.items():
        name = TABLES[kind].name
        assert after[name] == (before[name] if info.templated else [])
        assert before[name]
    assert after["files"] == []
    assert target.read(project_facts.identity) is None
    assert target.write(lambda c: add(c, Kind.defect, {"title": "new"})) == [1]
    assert target.write(lambda c: add(c, Kind.customer, {"name": "new"})) == [2]
    login = target.read(lambda c: project_items.login_row(c, "administrator"))
    assert login is not None
    assert (login.password_hash, len(login.commands) > 10) == ("hash", True)


def test_references_to_tables_that_are_not_copied_become_empty(pair: tuple[Store, Store]) -> None:
    source, target = pair
    source.write(fill)
    copied(source, target, tables=["defects", "filters"])
    assert [row.values["owner"] for row in all_of(source, Kind.defect)] == ["administrator"]
    assert [row.values["owner"] for row in all_of(target, Kind.defect) + all_of(target, Kind.filter)] == [None, None]
    copying.verify(target, {"defects": 1, "filters": 1, "users": 0})


@pytest.mark.spec("2: Back up: online, while in use")
def test_a_copy_is_of_one_moment_while_others_write(pair: tuple[Store, Store]) -> None:
    source, target = pair
    source.write(lambda c: add(c, Kind.defect, *({"title": f"Defect {n}"} for n in range(1200))))
    before = everything(source)

    def write(done: int, total: int) -> None:
        source.write(lambda c: add(c, Kind.defect, {"title": f"while copying {done}"}))
        source.write(lambda c: add(c, Kind.customer, {"name": f"while copying {done}"}))

    counts = copied(source, target, progress=write)
    assert everything(target) == before
    copying.verify(target, counts)
    assert len(all_of(source, Kind.defect)) > 1200


def test_a_copy_that_is_stopped_leaves_nothing(pair: tuple[Store, Store]) -> None:
    source, target = pair
    source.write(fill)

    def stop(done: int, total: int) -> None:
        if done > 10:
            raise KeyError("stop")

    with pytest.raises(KeyError):
        copied(source, target, progress=stop)
    assert set(target.read(copying.row_counts).values()) == {0}


def test_a_copy_of_an_older_database_is_complete_and_can_be_upgraded(tmp_path: Path) -> None:
    source, target = database.sqlite(tmp_path / "source.db"), database.sqlite(tmp_path / "target.db")
    for store in (source, target):
        store.write(lambda c: upgrade_on(c, "project", "project_0001"))
    source.write(lambda c: project_facts.found_project(c, "first", NOW, "administrator", "hash"))
    counts = copied(source, target)
    copying.verify(target, counts)
    assert target.read(lambda c: standing(c, "project")) == "older"
    for store in (source, target):
        upgrade(store, "project")
    assert everything(target) == everything(source)
    source.close()
    target.close()


def test_an_older_database_can_be_copied_into_a_new_one(tmp_path: Path) -> None:
    source, target = database.sqlite(tmp_path / "source.db"), database.sqlite(tmp_path / "target.db")
    source.write(lambda c: upgrade_on(c, "project", "project_0001"))
    upgrade(target, "project")
    source.write(lambda c: project_facts.found_project(c, "first", NOW, "administrator", "hash"))
    counts = copied(source, target)
    assert counts == source.read(copying.row_counts)
    since = dict.fromkeys(("files", "email_sources", "email_recipients", "outgoing", "overdue_told"), 0)
    assert target.read(copying.row_counts) == counts | since
    assert all_of(target, Kind.user)[0].key == "administrator"
    source.close()
    target.close()


def test_a_copy_that_is_not_whole_is_found(pair: tuple[Store, Store]) -> None:
    source, target = pair
    source.write(fill)
    counts = copied(source, target)
    with pytest.raises(Unavailable, match="defects has 1 rows instead of 2"):
        copying.verify(target, counts | {"defects": 2})
    with pytest.raises(Unavailable, match="not whole: more"):
        copying.verify(target, counts | {"more": 1})


def test_a_copy_that_refers_to_nothing_or_is_damaged_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = database.sqlite(path, journal="DELETE")
    upgrade(store, "project")
    store.write(lambda c: project_facts.found_project(c, "first", NOW, "administrator", "hash"))
    store.write(lambda c: add(c, Kind.defect, *({"title": "x" * 200, "description": "y" * 2000} for _ in range(200))))
    counts = store.read(copying.row_counts)
    copying.verify(store, counts)

    def orphan(connection: Connection) -> None:
        connection.execute(text("PRAGMA foreign_keys = OFF"))
        connection.execute(text("UPDATE defects SET owner_id = 99 WHERE id = 7"))
        connection.execute(text("PRAGMA foreign_keys = ON"))

    store.alone(orphan)
    with pytest.raises(Unavailable, match="rows of defects refer to nothing"):
        copying.verify(store, counts)
    store.close()
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 8192] = b"\xaa" * 8192
    path.write_bytes(content)
    store = database.sqlite(path, journal="DELETE")
    with pytest.raises(Unavailable, match=r"damaged|malformed"):
        copying.verify(store, counts)
    store.close()


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
TITLES = WORDS.filter(lambda word: bool(word.strip()) and word.isprintable())
DEFECTS = st.lists(
    st.fixed_dictionaries(
        {
            "title": TITLES,
            "description": WORDS,
            "owner": st.sampled_from([None, "administrator"]),
            "found_in": WORDS,
            "due_on": st.none() | st.dates(),
        }
    ),
    max_size=5,
)
MAILS = st.lists(st.fixed_dictionaries({"subject": WORDS, "recipients": st.lists(WORDS, max_size=3)}), max_size=3)
INSTANTS = st.datetimes(timezones=st.just(UTC))


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(defects=DEFECTS, mails=MAILS, content=st.binary(max_size=3000), now=INSTANTS, active=st.booleans())
def test_whatever_is_in_a_project_comes_through_a_copy(
    pair: tuple[Store, Store], defects: Any, mails: Any, content: bytes, now: datetime, active: bool
) -> None:
    source, target = pair

    def clear(connection: Connection) -> None:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())

    def begin(connection: Connection) -> None:
        clear(connection)
        project_facts.found_project(connection, "first", now, "administrator", None)
        add(connection, Kind.user, {"name": "Bob", "active": active})
        add(connection, Kind.defect, {"title": "first"}, *defects, now=now)
        add(connection, Kind.tracked_email, *({"record": "defect 1", **mail} for mail in mails), now=now)
        project_files.attach(connection, Kind.defect, 1, "a", content, now, "bob")

    target.write(clear)
    source.write(begin)
    counts = copied(source, target)
    assert everything(target) == everything(source)
    copying.verify(target, counts)
    assert target.read(lambda c: project_files.content(c, 1)) == content
    assert [row.values for row in all_of(target, Kind.defect)][1:] == [
        all_of(source, Kind.defect)[n + 1].values for n in range(len(defects))
    ]


def test_counters_are_copied(pair: tuple[Store, Store]) -> None:
    source, target = pair
    source.write(fill)
    copied(source, target)
    last = {row.kind: row.last for row in target.read(lambda c: c.execute(select(counters)).all())}
    assert last[Kind.defect] == 2
    assert date.fromisoformat("2026-01-31") in [row.values["due_on"] for row in all_of(target, Kind.workbook_task)]
