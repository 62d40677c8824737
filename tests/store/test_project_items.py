"""Items of a project: added, changed, deleted; references; what is refused changes nothing."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest

from tests.store.conftest import Clock
from trackkit.domain.declared import checked
from trackkit.domain.errors import Conflict, InvalidInput, NotFound
from trackkit.domain.project.kind import RECORD_KINDS, Kind
from trackkit.domain.project.kinds import KINDS
from trackkit.store import project_files, project_items
from trackkit.store.database import Connection, Store
from trackkit.store.project_items import ItemRow
from trackkit.store.project_tables import TABLES

NAMED = [kind for kind in Kind if KINDS[kind].named]


def model(kind: Kind, **values: Any) -> Any:
    return checked(KINDS[kind].model, values, "refused")


class Items:
    """The items of one project, each call a unit of work of its own."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock

    def add(self, kind: Kind, hashes: Mapping[str, str | None] | None = None, **values: Any) -> ItemRow:
        made = model(kind, **values)
        return self.store.write(
            lambda c: project_items.add(c, KINDS[kind], made, hashes or {}, self.clock(), "administrator")
        )

    def edit(self, row: ItemRow, revision: int | None, hashes: Any = None, by: str = "bob", **values: Any) -> ItemRow:
        made = model(row.kind, **(row.values | values))
        return self.store.write(
            lambda c: project_items.edit(c, KINDS[row.kind], row.number, made, hashes or {}, revision, self.clock(), by)
        )

    def delete(self, row: ItemRow) -> None:
        self.store.write(lambda c: project_items.delete(c, KINDS[row.kind], row.number))

    def find(self, kind: Kind, key: str) -> ItemRow | None:
        return self.store.read(lambda c: project_items.find(c, KINDS[kind], key))

    def again(self, row: ItemRow) -> ItemRow:
        found = self.find(row.kind, row.key)
        assert found is not None
        return found

    def count(self, kind: Kind) -> int:
        return self.store.read(lambda c: project_items.count(c, KINDS[kind]))


@pytest.fixture
def items(project: Store, clock: Clock) -> Items:
    return Items(project, clock)


@pytest.mark.spec("2: A database holds records (defects, requirements, requirement documents, test cases, test runs)")
def test_every_kind_is_kept_with_all_its_fields(items: Items) -> None:
    examples: dict[Kind, dict[str, Any]] = {
        Kind.group: {"name": "Testers", "description": "a\nb", "commands": ("defect.view", "defect.edit")},
        Kind.user: {
            "name": "Zoë",
            "full_name": "Zoë \N{GRINNING FACE}",
            "email": "z@example.org",
            "groups": ("Members", "Testers"),
            "active": False,
        },
        Kind.customer: {"name": "ACME", "company": "A", "email": "a@b", "phone": "1", "notes": "n"},
        Kind.test_configuration: {"name": "Linux", "description": "d", "platform": "x86"},
        Kind.filter: {"name": "Mine", "record_kind": "defect", "conditions": ("status=open",), "owner": "Zoë"},
        Kind.template: {"name": "T", "record_kind": "test_run", "subject": "s", "body": "b"},
        Kind.rule: {
            "name": "R",
            "record_kind": "defect",
            "event": "status",
            "recipients": ("owner", "Zoë"),
            "template": "T",
            "tracked": True,
            "active": False,
        },
        Kind.report: {
            "name": "P",
            "record_kind": "defect",
            "filter": "Mine",
            "columns": ("number", "title"),
            "sort": "title",
        },
        Kind.requirement_document: {
            "title": "Doc",
            "description": "d",
            "status": "in review",
            "version": "1",
            "owner": "Zoë",
            "due_on": date(2026, 1, 31),
        },
        Kind.requirement: {
            "title": "Req",
            "description": "d",
            "status": "accepted",
            "priority": "urgent",
            "document": "1",
            "owner": "Zoë",
            "customer": "ACME",
            "due_on": date(1, 1, 1),
        },
        Kind.test_case: {
            "title": "Case",
            "description": "d",
            "status": "ready",
            "priority": "low",
            "requirement": "1",
            "steps": "s",
            "expected": "e",
            "owner": None,
            "due_on": date(9999, 12, 31),
        },
        Kind.test_run: {
            "title": "Run",
            "test_case": "1",
            "configuration": "Linux",
            "status": "failed",
            "notes": "n",
            "owner": "Zoë",
            "run_on": date(2026, 2, 1),
            "due_on": None,
        },
        Kind.defect: {
            "title": "Broken",
            "description": "d" * 100_000,
            "status": "fixed",
            "severity": "critical",
            "priority": "high",
            "owner": "Zoë",
            "reporter": "administrator",
            "customer": "ACME",
            "found_in": "1.0",
            "fixed_in": "1.1",
            "due_on": date(2026, 5, 5),
        },
        Kind.workbook_task: {
            "title": "Do",
            "owner": "Zoë",
            "due_on": date(2026, 5, 6),
            "done": True,
            "record": "requirement_document 1",
            "notes": "n",
        },
        Kind.tracked_email: {
            "record": "defect 1",
            "direction": "sent",
            "origin": "notification",
            "tracked": False,
            "answers": 7,
            "user": "Zoë",
            "standing": "unknown",
            "sender": "a@b",
            "recipients": ("c@d", "e@f"),
            "subject": "s",
            "text": "t",
            "cut": "c",
            "queue_id": "Q1",
            "message_id": "<1@x>",
            "mailed_on": date(2026, 5, 7),
        },
    }
    assert set(examples) == set(Kind)
    for kind, values in examples.items():
        added = items.add(kind, **values)
        assert added.values == values
        assert items.find(kind, added.key) == added
        expected = (1, "administrator", "administrator", items.clock(), items.clock(), 0)
        about = (added.revision, added.created_by, added.changed_by, added.created_at, added.changed_at, added.files)
        assert about == expected


@pytest.mark.parametrize("kind", NAMED)
def test_names_are_found_whatever_their_case_and_given_once(items: Items, kind: Kind) -> None:
    added = items.add(kind, name="  Straße  ")
    assert added.key == "Straße"
    for spelled in ("STRASSE", "straße", " Strasse "):
        found = items.find(kind, spelled)
        assert found is not None
        assert found.number == added.number
    before = items.count(kind)
    with pytest.raises(Conflict, match="already; nothing was changed") as refused:
        items.add(kind, name="STRASSE")
    assert [problem.field for problem in refused.value.problems] == ["name"]
    other = items.add(kind, name="Other")
    with pytest.raises(Conflict, match="already"):
        items.edit(other, 1, name="strasse")
    assert items.count(kind) == before + 1
    assert items.edit(added, 1, name="STRASSE").key == "STRASSE"


@pytest.mark.parametrize("key", ["", "0", "-1", "1.5", "²", "9" * 18, "9" * 40, "a\x00b", "\ud800"])
def test_a_key_that_means_nothing_finds_nothing(items: Items, key: str) -> None:
    items.add(Kind.defect, title="One")
    assert items.find(Kind.defect, key) is None
    assert items.find(Kind.user, key) is None


def test_a_secret_is_kept_as_its_hash_and_told_only_as_set(items: Items) -> None:
    user = items.add(Kind.user, {"password": "hash-1"}, name="Bob")
    assert user.set_secrets == ("password",)
    assert "hash-1" not in repr(user)
    assert "password" not in user.values
    assert items.edit(user, 1, full_name="Bob B.").set_secrets == ("password",)
    login = items.store.read(lambda c: project_items.login_row(c, "bob"))
    assert login is not None
    assert login.password_hash == "hash-1"
    assert items.edit(user, 2, {"password": None}).set_secrets == ()
    assert items.find(Kind.user, "administrator").set_secrets == ()  # type: ignore[union-attr]


def test_what_a_user_may_is_what_all_groups_may_together(items: Items) -> None:
    items.add(Kind.group, name="Lookers", commands=("defect.view", "customer.view"))
    items.add(Kind.group, name="Workers", commands=("defect.edit", "defect.view"))
    items.add(Kind.user, name="Bob", groups=("workers", "LOOKERS"))
    login = items.store.read(lambda c: project_items.login_row(c, "Bob"))
    assert login is not None
    assert login.commands == ("customer.view", "defect.edit", "defect.view")
    items.delete(items.find(Kind.group, "Workers"))  # type: ignore[arg-type]
    login = items.store.read(lambda c: project_items.login_row(c, "Bob"))
    assert login is not None
    assert login.commands == ("customer.view", "defect.view")


@pytest.mark.parametrize(
    ("kind", "values", "field"),
    [
        (Kind.defect, {"title": "t", "owner": "nobody"}, "owner"),
        (Kind.defect, {"title": "t", "customer": "a\x7fb"}, "customer"),
        (Kind.user, {"name": "n", "groups": ("Members", "nothing")}, "groups"),
        (Kind.test_run, {"title": "t", "test_case": "7"}, "test_case"),
        (Kind.test_run, {"title": "t", "test_case": "Members"}, "test_case"),
        (Kind.requirement, {"title": "t", "document": "9" * 30}, "document"),
        (Kind.workbook_task, {"title": "t", "record": "defect 7"}, "record"),
        (Kind.workbook_task, {"title": "t", "record": "user 1"}, "record"),
        (Kind.tracked_email, {"record": "12"}, "record"),
    ],
)
def test_a_reference_to_what_is_not_there_is_refused_at_its_field(
    items: Items, kind: Kind, values: dict[str, Any], field: str
) -> None:
    before = items.count(kind)
    with pytest.raises(InvalidInput, match="nothing was changed") as refused:
        items.add(kind, **values)
    assert [problem.field for problem in refused.value.problems] == [field]
    assert items.count(kind) == before


def test_a_change_of_what_somebody_else_changed_is_refused_and_says_who(items: Items) -> None:
    defect = items.add(Kind.defect, title="One")
    items.clock.forward(minutes=5)
    changed = items.edit(defect, 1, by="carol", status="open")
    assert (changed.revision, changed.changed_by, changed.created_by) == (2, "carol", "administrator")
    assert changed.changed_at > changed.created_at
    with pytest.raises(Conflict, match="carol"):
        items.edit(defect, 1, status="closed")
    assert items.again(defect) == changed
    assert items.edit(defect, None, status="closed").revision == 3


def test_what_is_gone_is_not_found(items: Items) -> None:
    defect = items.add(Kind.defect, title="One")
    items.delete(defect)
    with pytest.raises(NotFound, match="defect"):
        items.edit(defect, None, title="Two")
    with pytest.raises(NotFound):
        items.delete(defect)


def test_numbers_are_never_given_twice(items: Items) -> None:
    first = items.add(Kind.defect, title="One")
    items.delete(first)
    assert items.add(Kind.defect, title="Two").number == first.number + 1


def test_many_at_the_same_time_get_a_number_each(items: Items) -> None:
    start = threading.Barrier(8)

    def add(n: int) -> int:
        start.wait(10)
        return items.add(Kind.defect, title=f"Defect {n}").number

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(add, range(8))) == list(range(1, 9))


def test_of_many_that_take_a_name_at_the_same_time_one_gets_it(items: Items) -> None:
    start = threading.Barrier(6)

    def add(_: int) -> str:
        start.wait(10)
        try:
            items.add(Kind.customer, name="ACME")
        except Conflict:
            return "refused"
        return "added"

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(add, range(6))) == ["added"] + ["refused"] * 5


@pytest.mark.parametrize("first", ["the reference", "the deletion"])
@pytest.mark.parametrize(
    ("kind", "values", "field", "referred"),
    [
        (Kind.defect, {"title": "t", "owner": "Bob"}, "owner", Kind.user),
        (Kind.workbook_task, {"title": "t", "record": "defect 1"}, "record", Kind.defect),
        (Kind.user, {"name": "Carol", "groups": ("Bob",)}, "groups", Kind.group),
    ],
)
def test_nothing_refers_to_what_is_deleted_at_the_same_time(
    items: Items, first: str, kind: Kind, values: dict[str, Any], field: str, referred: Kind
) -> None:
    target = items.add(referred, **({"name": "Bob"} if KINDS[referred].named else {"title": "Bob"}))
    made = model(kind, **values)
    done, go = threading.Event(), threading.Event()

    def refer(connection: Connection) -> None:
        project_items.add(connection, KINDS[kind], made, {}, items.clock(), "bob")

    def delete(connection: Connection) -> None:
        project_items.delete(connection, KINDS[referred], target.number)

    def held(connection: Connection) -> None:
        (refer if first == "the reference" else delete)(connection)
        done.set()
        go.wait(10)

    with ThreadPoolExecutor(2) as pool:
        holding = pool.submit(items.store.write, held)
        assert done.wait(10)
        other = pool.submit(items.store.write, delete if first == "the reference" else refer)
        with contextlib.suppress(TimeoutError):  # it waits for the one that holds the row
            other.result(0.3)
        go.set()
        holding.result(10)
        if first == "the reference":
            other.result(10)
        else:
            with pytest.raises((InvalidInput, Conflict), match="nothing was changed"):
                other.result(10)
    rows = items.store.read(lambda c: project_items.all_items(c, kind))
    assert items.find(referred, target.key) is None
    assert all(row.values[field] in (None, (), ("Administrators",)) for row in rows)


def test_deleting_empties_what_refers_to_it(items: Items) -> None:
    user = items.add(Kind.user, name="Bob", groups=("Members",))
    customer = items.add(Kind.customer, name="ACME")
    defect = items.add(Kind.defect, title="One", owner="bob", reporter="bob", customer="acme")
    task = items.add(Kind.workbook_task, title="Do", owner="Bob", record=f"Defect {defect.number}")
    assert task.values["record"] == f"defect {defect.number}"
    for row in (user, customer):
        items.delete(row)
    left = items.again(defect).values
    assert (left["owner"], left["reporter"], left["customer"]) == (None, None, None)
    items.delete(defect)
    assert items.again(task).values == task.values | {"owner": None, "record": None}
    items.delete(items.find(Kind.group, "Members"))  # type: ignore[arg-type]
    assert items.count(Kind.group) == 1


def test_what_must_be_referred_to_cannot_be_deleted_and_the_refusal_names_who_refers(items: Items) -> None:
    case = items.add(Kind.test_case, title="Case")
    runs = [items.add(Kind.test_run, title="Run", test_case=case.key) for _ in range(2)]
    with pytest.raises(Conflict, match="test runs 1, 2 still refer"):
        items.delete(case)
    for run in runs:
        items.delete(run)
    mail = items.add(Kind.tracked_email, record=f"test_case {case.number}")
    with pytest.raises(Conflict, match="tracked e-mail 1 still"):
        items.delete(case)
    items.delete(mail)
    items.delete(case)
    items.add(Kind.filter, name="Open")
    items.add(Kind.report, name="All open", filter="open")
    with pytest.raises(Conflict, match="report All open"):
        items.delete(items.find(Kind.filter, "Open"))  # type: ignore[arg-type]
    assert items.find(Kind.filter, "Open") is not None


def test_a_refused_deletion_leaves_what_would_have_been_emptied(items: Items) -> None:
    defect = items.add(Kind.defect, title="One")
    task = items.add(Kind.workbook_task, title="Do", record="defect 1")
    items.add(Kind.tracked_email, record="defect 1")
    with pytest.raises(Conflict):
        items.delete(defect)
    assert items.again(task).values["record"] == "defect 1"


def test_many_items_come_in_together_with_every_bad_reference_named(items: Items) -> None:
    info = KINDS[Kind.defect]
    heard: list[int] = []

    def add(connection: Connection, models: list[Any]) -> list[int]:
        pairs = [(m, {}) for m in models]
        return project_items.add_many(connection, info, pairs, items.clock(), "bob", heard.append)

    good = [model(Kind.defect, title=f"Defect {n}", owner="administrator") for n in range(2500)]
    assert items.store.write(lambda c: add(c, good)) == list(range(1, 2501))
    assert heard[-1] == 2500
    assert sorted(heard) == heard
    bad = list(good)
    bad[3] = model(Kind.defect, title="x", owner="nobody", customer="none")
    bad[2499] = model(Kind.defect, title="x", reporter="nobody")
    with pytest.raises(InvalidInput) as refused:
        items.store.write(lambda c: add(c, bad))
    assert [p.field for p in refused.value.problems] == ["4.owner", "4.customer", "2500.reporter"]
    assert items.count(Kind.defect) == 2500
    assert items.store.write(lambda c: add(c, [])) == []


def test_of_many_items_the_first_taken_name_is_named(items: Items) -> None:
    info = KINDS[Kind.customer]

    def add(connection: Connection, names: list[str]) -> list[int]:
        pairs = [(model(Kind.customer, name=name), {}) for name in names]
        return project_items.add_many(connection, info, pairs, items.clock(), "bob")

    with pytest.raises(Conflict) as refused:
        items.store.write(lambda c: add(c, [*(f"c{n}" for n in range(1200)), "C7"]))
    assert [p.field for p in refused.value.problems] == ["1201.name"]
    with pytest.raises(Conflict) as refused:
        items.store.write(lambda c: add(c, ["a", "b", "A"]))
    assert [p.field for p in refused.value.problems] == ["3.name"]
    assert items.count(Kind.customer) == 0


def test_stopping_in_the_middle_leaves_nothing(items: Items) -> None:
    def stop(done: int) -> None:
        raise KeyError("stop")

    pairs = [(model(Kind.defect, title="x"), {}) for _ in range(1500)]
    with pytest.raises(KeyError):
        items.store.write(lambda c: project_items.add_many(c, KINDS[Kind.defect], pairs, items.clock(), "bob", stop))
    assert items.count(Kind.defect) == 0


@pytest.mark.spec("9: records of the five types with numbers and attached files")
def test_files_are_kept_to_the_byte_and_go_with_their_record(items: Items) -> None:
    contents = [b"", b"\x00\xff" * 1000, bytes(range(256))]
    for kind in RECORD_KINDS:
        record = items.add(kind, title="One")

        def attach(connection: Connection, kind: Kind = kind, number: int = record.number) -> list[int]:
            now = items.clock()
            return [
                project_files.attach(connection, kind, number, f"{n}.bin", content, now, "bob").id
                for n, content in enumerate(contents)
            ]

        ids = items.store.write(attach)
        assert items.again(record).files == 3
        rows = items.store.read(lambda c, k=kind, n=record.number: project_files.attached(c, k, n))
        assert [(row.id, row.name, row.size, row.added_by) for row in rows] == [
            (key, f"{n}.bin", len(content), "bob") for n, (key, content) in enumerate(zip(ids, contents, strict=True))
        ]
        assert [items.store.read(lambda c, key=key: project_files.content(c, key)) for key in ids] == contents
        items.store.write(lambda c, key=ids[2]: project_files.detach(c, key))
        assert items.store.read(lambda c, key=ids[2]: project_files.find(c, key)) is None
        again = items.store.write(
            lambda c, k=kind, n=record.number: project_files.attach(c, k, n, "x", b"y", items.clock(), "bob").id
        )
        assert again == ids[2] + 1
        items.delete(record)
        assert items.store.read(lambda c, key=ids[0]: project_files.find(c, key)) is None
    with pytest.raises(NotFound, match="nothing was attached"):
        items.store.write(lambda c: project_files.attach(c, Kind.defect, 99, "x", b"y", items.clock(), "bob"))


def test_every_table_is_used_by_a_kind() -> None:
    assert set(TABLES) == set(KINDS) == set(Kind)
