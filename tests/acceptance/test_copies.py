"""What copies a database: templates, backups, restoring, adding what exists; each with real progress."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.acceptance.conftest import PASSWORD, House, set_up
from tests.conftest import Start
from trackkit.client.project import Project
from trackkit.domain.errors import Conflict, InvalidInput, JobCancelled, NotFound, TrackkitError
from trackkit.domain.project.kinds import KINDS

COPIED = {"user", "group", "customer", "filter", "test_configuration", "report", "template", "rule"}
DEFECTS, USERS = 5_000, 1_000
HANDS = 4


def fill(house: House, project: Project) -> None:
    """One of everything."""
    house.admin.options.set({"sending.smtp.host": "127.0.0.1", "sending.paused": True})
    project.add("group", name="Testers", commands=["test_case.view", "test_run.add"])
    project.add("user", name="anna", full_name="Anna A.", groups=["Testers"], password="anna's password")
    project.add("customer", name="ACME", company="ACME Ltd.")
    project.add("test_configuration", name="Linux", platform="Debian 12")
    project.add("filter", name="Open ones", record_kind="defect", conditions=["status=open"], owner="anna")
    project.add("template", name="Ack", subject="Thank you", body="We have it.")
    project.add("rule", name="Tell", event="assigned", recipients=["owner"], template="Ack")
    project.add("report", name="Weekly", record_kind="defect", filter="Open ones", columns=["title", "status"])
    document = project.add("requirement_document", title="Needs")
    requirement = project.add("requirement", title="It works", document=document.key)
    case = project.add("test_case", title="Try it", requirement=requirement.key)
    project.add("test_run", title="Tried", test_case=case.key, configuration="Linux", owner="anna")
    defect = project.add("defect", title="It does not", customer="ACME", owner="anna")
    project.attach("defect", defect.key, "trace.txt", b"\x00\xff trace")
    project.add("workbook_task", title="Look into it", owner="anna", record=f"defect {defect.key}")
    project.edit("user", "administrator", {"email": "administrator@example.invalid"})
    project.mail.send(f"defect {defect.key}", ["x@example.invalid"], "Well?", "text", tracked=False)


def allow_everything(project: Project) -> None:
    """Tracked e-mail is what no group of a new database may; an administrator gives it to their own."""
    from trackkit.domain.project.commands import COMMANDS

    project.edit("group", "Administrators", {"commands": list(COMMANDS)})


def content(project: Project) -> dict[str, list[tuple[str, Mapping[str, Any]]]]:
    """Everything a project holds, comparable."""
    items = {kind: [(item.key, item.values) for item in project.each(kind)] for kind in KINDS if KINDS[kind].generic}
    mails = [(mail.subject, {"text": project.mail.show(mail.number).text}) for mail in project.mail.list().items]
    return {**items, "e-mail": mails}


def outgoing(house: House, name: str) -> int:
    """How many mails wait in a project to be queued."""
    query = "SELECT count(*) FROM outgoing"
    if house.postgres:
        with psycopg.connect(name) as connection:
            found = connection.execute(query).fetchone()
    else:
        with closing(sqlite3.connect(house.server.data / "databases" / name / "project.db")) as connection:
            found = connection.execute(query).fetchone()
    return int(found[0]) if found else 0


@pytest.mark.spec("2: create from template: what is copied and what is not")
def test_a_template_gives_its_people_and_definitions_but_no_records(house: House) -> None:
    source = house.make("source")
    with house.project(source) as project:
        allow_everything(project)
        fill(house, project)
        before = content(project)
    made = house.admin.databases.create_from_template(
        house.new_name("copy"), source, settings={"description": "From the template", "in_web_list": False}
    ).wait()
    name = str(made.database)
    shown = house.admin.databases.show(name)
    assert (shown.settings["description"], shown.settings["in_web_list"]) == ("From the template", False)
    assert shown.database_id != house.admin.databases.show(source).database_id
    with house.project(name) as copy:
        after = content(copy)
        assert {kind for kind, items in after.items() if items} <= COPIED
        for kind in COPIED:
            assert after[kind] == before[kind], kind
        copy.add("defect", title="The first here")
        assert [item.number for item in copy.list("defect").items] == [1]
    with house.project(name, "anna", "anna's password") as anna:
        assert set(anna.session().commands) == {"test_case.view", "test_run.add"}
    with pytest.raises(InvalidInput):
        house.admin.databases.create_from_template("a:b", source)
    with pytest.raises(NotFound):
        house.admin.databases.create_from_template(house.new_name(), "no such database")


@pytest.mark.spec("2: create from template: what is copied and what is not")
@pytest.mark.spec("2: back up: online, verified, never over anything that exists, with progress")
@pytest.mark.spec("2: restore: a new database with a new identity and sending switched off")
def test_a_large_database_is_copied_and_backed_up_while_it_is_written_to(house: House) -> None:
    """5,000 defects and 1,000 users; the backup is one moment of a database that changes all the time."""
    source = house.make("large")
    with house.project(source) as project:
        users = [[f"user{number}", f"user{number}@example.invalid"] for number in range(USERS)]
        project.import_rows("user", ["name", "email"], users).wait()
        defects = [[f"Defect {number}", f"user{number % USERS}"] for number in range(DEFECTS)]
        project.import_rows("defect", ["title", "owner"], defects).wait()
        seen: list[tuple[int, int | None]] = []
        copied = house.admin.databases.create_from_template(house.new_name("small"), source).wait(
            lambda job: seen.append((job.done, job.total))
        )
        with house.project(str(copied.database)) as copy:
            assert copy.list("user", limit=1).total == USERS + 1
            assert copy.list("defect", limit=1).total == 0
        assert copied.done == copied.total
        assert copied.total >= USERS

        stop, written = threading.Event(), []

        def write() -> None:
            while not stop.is_set():
                written.append(project.add("defect", title="Meanwhile").number)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            seen.clear()
            job = house.admin.databases.backup(source).wait(lambda job: seen.append((job.done, job.total)))
        finally:
            stop.set()
            writer.join()
        assert written
        assert len({done for done, _ in seen}) >= 2  # progress was to be seen
        (backup,) = house.admin.databases.backups(source).backups
        assert backup.verified
        assert backup.rows == job.result["rows"]
        restored = house.admin.databases.restore(backup.backup_id, house.new_name("restored")).wait()
        name = str(restored.database)
        info = house.admin.databases.show(name)
        assert info.settings["sending"] is False
        assert info.database_id != house.admin.databases.show(source).database_id
        assert info.records["defect"] >= DEFECTS
        with house.project(name) as again:
            there = [(item.number, item.values) for item in again.each("defect")]
            here = [(item.number, item.values) for item in project.each("defect")]
            assert there == here[: len(there)]
            assert [item.values for item in again.each("user")] == [item.values for item in project.each("user")]


@pytest.mark.spec("2: back up: online, verified, never over anything that exists, with progress")
@pytest.mark.spec("2: restore: a new database with a new identity and sending switched off")
def test_a_backup_restores_to_equal_content(house: House) -> None:
    name = house.make("kept")
    with house.project(name) as project:
        allow_everything(project)
        fill(house, project)
        before = content(project)
        house.admin.databases.edit(name, {"sending": False})
        octets = f"CAST('Subject: it waits' AS {'bytea' if house.postgres else 'blob'})"
        house.project_sql(
            name,
            "INSERT INTO outgoing (id, purpose, mail_from, rcpt_tos, raw, created_at) "
            f"""VALUES (99, 'sent', '', '["x@y.test"]', {octets}, 0)""",
        )
        assert outgoing(house, name) == 1
        first, second = (house.admin.databases.backup(name).wait().result["location"] for _ in range(2))
        assert first != second
        project.edit("customer", "ACME", {"company": "Changed afterwards"})
    backups = house.admin.databases.backups(name).backups
    assert {backup.location for backup in backups} == {first, second}
    restored = house.admin.databases.restore(backups[-1].backup_id, house.new_name("as it was")).wait()
    with house.project(str(restored.database)) as project:
        assert content(project) == before
        assert outgoing(house, str(restored.database)) == 0  # it goes out from where it was written, once
        (file,) = project.files("defect", "1").files
        assert project.file(file.file_id).content == b"\x00\xff trace"
    with pytest.raises((InvalidInput, Conflict)):
        house.admin.databases.restore(backups[0].backup_id, name)
    for root in ("/tmp", str(house.root), "../..", str(house.server.data)):
        with pytest.raises(TrackkitError):
            house.admin.databases.backup(name, root=root)


@pytest.mark.spec("2: restore: a new database with a new identity and sending switched off")
def test_a_damaged_backup_is_refused(house: House) -> None:
    name = house.make("damaged")
    house.admin.databases.backup(name).wait()
    (backup,) = house.admin.databases.backups(name).backups
    file = Path(backup.location, "project.db")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(TrackkitError):
        house.admin.databases.restore(backup.backup_id, house.new_name()).wait()
    assert len([d for d in house.admin.databases.list().databases if d.name == name]) == 1


@pytest.mark.spec("2: restore: a new database with a new identity and sending switched off")
def test_a_backup_of_another_server_is_found_and_restored(house: House, tmp_path: Path) -> None:
    name = house.make("elsewhere")
    with house.project(name) as project:
        project.add("defect", title="From a server that is no more")
    made = Path(str(house.admin.databases.backup(name).wait().result["location"]))
    found = house.server.data / "backups" / "rescued" / "2026"
    found.parent.mkdir()
    shutil.copytree(made, found)
    for label, manifest in (("broken", "{"), ("odd", '{"database": 1}'), ("nul", made_up(made, "a\x00b"))):
        (found.parent / label).mkdir()
        (found.parent / label / "project.db").write_text("x")
        (found.parent / label / "manifest.json").write_text(manifest)
    listed = house.admin.databases.backups().backups
    (backup,) = [one for one in listed if Path(one.location).parent == found.parent]
    assert (backup.location, backup.database) == (str(found), name)
    assert (backup.verified, backup.available) == (False, True)
    restored = house.admin.databases.restore(backup.backup_id, house.new_name("rescued")).wait()
    with house.project(str(restored.database)) as project:
        assert [item.values["title"] for item in project.each("defect")] == ["From a server that is no more"]


def made_up(backup: Path, database: str) -> str:
    """A backup's manifest with another database's name."""
    return json.dumps({**json.loads((backup / "manifest.json").read_text()), "database": database})


@pytest.mark.spec("2: scheduled backups with a number kept; the rotation's limits")
def test_rotation_removes_nothing_that_somebody_worked_in(start: Start, tmp_path: Path) -> None:
    """Somebody with the admin password takes a backup for a database and lets the rotation run over it."""
    drive = tmp_path / "drive"
    drive.mkdir()
    set_up(tmp_path / "data", allow_full_paths=str(drive), backup_roots=str(drive))
    house = House(start(tmp_path / "data"), drive, None)
    name = house.make("kept")
    with pytest.raises(InvalidInput, match="not allowed"):
        house.admin.tasks.add(name="Nightly", kind="backup", database=name, keep=1, root=str(tmp_path))
    house.admin.tasks.add(name="Nightly", kind="backup", database=name, keep=1, root=str(drive))
    old = Path(str(house.admin.tasks.run("Nightly").wait().result["location"]))
    copied = drive / "kept" / "worked in"
    shutil.copytree(old, copied)
    for place in (old, copied):
        with pytest.raises(InvalidInput, match="is a backup"):
            house.admin.databases.add(str(place))
    with closing(sqlite3.connect(old / "project.db")) as connection, connection:
        connection.execute("UPDATE facts SET value = 'worked in' WHERE name = 'database_id'")
    house.admin.tasks.run("Nightly").wait()
    assert (old / "project.db").is_file()
    assert house.admin.log.list(text="is not what its manifest says").total == 1


@pytest.fixture
def folders(start: Start, tmp_path: Path) -> House:
    """A server on SQLite with an allowed root."""
    root = tmp_path / "drive"
    root.mkdir()
    set_up(tmp_path / "data", allow_full_paths=str(root))
    return House(start(tmp_path / "data"), root, None)


@pytest.mark.spec("2: add existing: newer, foreign, damaged and missing ones are refused with the reason")
def test_what_is_no_database_of_ours_is_refused(house: House) -> None:
    original = house.make("original")
    house.admin.databases.remove(original)
    if house.postgres:
        house.postgres.create("foreign")
        foreign = house.postgres.url("foreign")
        house.postgres.sql("SELECT 1")
        cases = {foreign: "no trackkit", house.postgres.url("there_is_none"): "reach|exist"}
    else:
        databases = house.server.data / "databases"
        for label in ("newer", "damaged", "foreign", "empty"):
            shutil.copytree(databases / original, databases / label)
        with closing(sqlite3.connect(databases / "newer" / "project.db")) as connection, connection:
            connection.execute("UPDATE project_schema SET version_num = 'project_9999'")
        damaged = (databases / "damaged" / "project.db").read_bytes()
        (databases / "damaged" / "project.db").write_bytes(damaged[:5000] + b"\x00" * 4000 + damaged[9000:])
        (databases / "foreign" / "project.db").unlink()
        with closing(sqlite3.connect(databases / "foreign" / "project.db")) as connection, connection:
            connection.execute("CREATE TABLE recipes (name TEXT)")
        (databases / "empty" / "project.db").write_text("This is a letter, not a database.")
        (databases / "link").symlink_to(databases / original)
        cases = {
            "newer": "newer",
            "damaged": "damaged",
            "foreign": "no trackkit",
            "empty": "no trackkit|damaged",
            "no such": "no|missing",
            "link": "link",
        }
    for name, reason in cases.items():
        with pytest.raises(TrackkitError, match=f"(?i){reason}"):
            house.admin.databases.add(name).wait()
    assert not {d.name for d in house.admin.databases.list().databases} & set(cases)
    house.admin.databases.add(original).wait()


def make_older(house: House, name: str) -> None:
    """Take from an unlisted database what its last migration brought: it is then as an older version left it."""
    columns = ("origin", "tracked", "answers", '"user"', "standing", "cut", "queue_id")
    statements = (
        *(f"DROP TABLE {table}" for table in ("email_sources", "email_recipients", "outgoing", "overdue_told")),
        *(f"ALTER TABLE tracked_emails DROP COLUMN {column}" for column in columns),
        "DROP TABLE files",
        "UPDATE project_schema SET version_num = 'project_0001'",
    )
    if house.postgres:
        with psycopg.connect(name) as connection:
            for statement in statements:
                connection.execute(statement.encode())
        return
    with closing(sqlite3.connect(house.server.data / "databases" / name / "project.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.spec("2: add existing: an older one is backed up and upgraded")
def test_an_older_database_is_backed_up_then_upgraded(house: House) -> None:
    name = house.make("older")
    with house.project(name) as project:
        project.add("defect", title="From before")
    current = house.admin.databases.show(name).schema_version
    house.admin.databases.remove(name)
    make_older(house, name)
    added = house.admin.databases.add(name, settings={"description": "Upgraded"}).wait()
    assert "upgraded" in added.words
    shown = house.admin.databases.show(name)
    assert (shown.schema_version, shown.settings["description"]) == (current, "Upgraded")
    with house.project(name) as project:
        assert [item.values["title"] for item in project.each("defect")] == ["From before"]
        file = project.attach("defect", "1", "new.txt", b"only the newer schema has files")
        assert project.file(file.file_id).content == b"only the newer schema has files"
    saved = Path(str(added.result["backup"]))
    with closing(sqlite3.connect(saved / "project.db")) as connection:
        assert connection.execute("SELECT version_num FROM project_schema").fetchall() == [("project_0001",)]
        assert connection.execute("SELECT title FROM defects").fetchall() == [("From before",)]
    (backup,) = house.admin.databases.backups(name).backups
    assert backup.location == str(saved)
    restored = house.admin.databases.restore(backup.backup_id, house.new_name("as before")).wait()
    with house.project(str(restored.database)) as project:
        assert [item.values["title"] for item in project.each("defect")] == ["From before"]
    assert house.admin.log.list(text="was upgraded", limit=1).total >= 1


@pytest.mark.spec("2: scheduled backups with a number kept; the rotation's limits")
@pytest.mark.spec("10: cron-like schedules, last result, next run, run now, history")
def test_a_scheduled_backup_keeps_what_it_shall(house: House) -> None:
    name = house.make("scheduled")
    by_hand = house.admin.databases.backup(name).wait().result["location"]
    task = house.admin.tasks.add(
        name=f"Nightly {name}", kind="backup", database=name, schedule="0 2 * * *", keep=2, enabled=True
    )
    assert task.next_run_at is not None
    made = [house.admin.tasks.run(task.name).wait().result["location"] for _ in range(4)]
    left = [backup.location for backup in house.admin.databases.backups(name).backups]
    assert left == [made[3], made[2], by_hand]
    assert [Path(location).exists() for location in (by_hand, *made)] == [True, False, False, True, True]
    runs = house.admin.tasks.history(task.name).runs
    assert [(run.state, run.started_by) for run in runs] == [("done", "admin")] * 4
    (row,) = [row for row in house.admin.tasks.list().tasks if row.name == task.name]
    assert (row.last_state, row.last_run_at is not None) == ("done", True)
    with pytest.raises(InvalidInput, match="schedule"):
        house.admin.tasks.edit(task.name, {"schedule": "every now and then"})
    house.admin.tasks.edit(task.name, {"enabled": False})
    (row,) = [row for row in house.admin.tasks.list().tasks if row.name == task.name]
    assert row.next_run_at is None
    house.admin.tasks.delete(task.name)
    assert len(house.admin.tasks.history(task.name).runs) == 4


@pytest.mark.spec("10: a missed run runs once at start if asked")
@pytest.mark.spec("10: cron-like schedules, last result, next run, run now, history")
def test_a_missed_run_runs_once_at_the_start(house: House) -> None:
    from tests.ports import wait_until

    name = house.make("missed")
    for label, asked in (("Asked", True), ("Not asked", False)):
        house.admin.tasks.add(name=label, kind="compact", database=name, schedule="0 3 1 1 *", run_missed=asked)
    house.server.stop()
    house.sql("UPDATE tasks SET next_run_at = 1700000000000000")  # a year that has passed
    house.server.restart()
    runs = wait_until(lambda: house.admin.tasks.history("Asked").runs, what="the missed run")
    wait_until(lambda: house.admin.tasks.history("Asked").runs[0].state == "done", what="the end of the missed run")
    assert [(run.missed, run.started_by) for run in runs] == [(True, "")]
    assert house.admin.tasks.history("Not asked").runs == ()
    rows = {row.name: row for row in house.admin.tasks.list().tasks}
    assert all(rows[label].next_run_at.year > 2025 for label in ("Asked", "Not asked"))
    for label in rows:
        house.admin.tasks.delete(label)


@pytest.mark.spec("10: cron-like schedules, last result, next run, run now, history")
def test_a_schedule_that_is_due_runs_by_itself(house: House) -> None:
    from tests.ports import wait_until

    name = house.make("due")
    house.admin.tasks.add(name="Due", kind="compact", database=name, schedule="0 3 1 1 *")
    house.sql("UPDATE tasks SET next_run_at = 1700000000000000 WHERE name = 'Due'")
    wait_until(
        lambda: [run.state for run in house.admin.tasks.history("Due").runs] == ["done"], seconds=60, what="the run"
    )
    house.admin.tasks.delete("Due")


def test_a_passphrase_of_the_administrator_is_nowhere(folders: House) -> None:
    folders.make("secretive")
    folders.server.stop()
    raw = b"".join(path.read_bytes() for path in folders.server.data.rglob("*") if path.is_file())
    assert PASSWORD.encode() not in raw


def test_a_cancelled_copy_leaves_nothing(house: House) -> None:
    source = house.make("much")
    with house.project(source) as project:
        project.import_rows("customer", ["name"], [[f"Customer {number}"] for number in range(10_000)]).wait()
    name = house.new_name("never")
    for begin in (
        lambda: house.admin.databases.create_from_template(name, source),
        lambda: house.admin.databases.backup(source),
    ):
        running = begin()
        running.cancel()
        with pytest.raises(JobCancelled):
            running.wait()
    assert name not in {database.name for database in house.admin.databases.list().databases}
    assert house.admin.databases.backups(source).backups == ()
    house.admin.databases.create(name)  # nothing is in the way
    with house.project(source) as project:
        rows = [[f"Defect {number}"] for number in range(10_000)]
        running = project.import_rows("defect", ["title"], rows)
        running.cancel()
        with pytest.raises(JobCancelled):
            running.wait()
        assert project.list("defect", limit=1).total == 0


def test_many_hands_at_once(house: House) -> None:
    """Several administrators make, copy, back up and compact databases at the same time."""

    def work(hand: int) -> str:
        name = house.make(f"hand {hand}")
        with house.project(name) as project:
            project.add("defect", title=f"Of hand {hand}")
        copied = house.admin.databases.create_from_template(house.new_name("copy"), name).wait()
        house.admin.databases.backup(name).wait()
        house.admin.databases.compact(name).wait()
        house.admin.databases.remove(str(copied.database))
        house.admin.databases.add(str(copied.database)).wait()
        with house.project(name) as project:
            return str(project.show("defect", "1").values["title"])

    with ThreadPoolExecutor(HANDS) as pool:
        assert list(pool.map(work, range(HANDS))) == [f"Of hand {hand}" for hand in range(HANDS)]
    assert house.admin.log.list(level="severe_error", limit=1).total == 0
