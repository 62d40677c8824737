"""Databases, projects, tasks and long work on the command line, against the real server, as an administrator types."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.running import RunningServer
from tests.unit.cli_runs import Ran, run

PASSWORD = "the project's password"

Command = Callable[..., Ran]


@pytest.fixture(scope="module")
def shared(start_for_module: Start) -> RunningServer:
    return start_for_module()


@pytest.fixture
def command(shared: RunningServer, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A command as a script runs it on the server machine; it must succeed unless `code` says otherwise."""
    monkeypatch.setenv("TRACKKIT_DATA", str(shared.data))
    monkeypatch.setenv("TRACKKIT_PROJECT_PASSWORD", PASSWORD)
    monkeypatch.setenv("DATABASE_PASSPHRASE", PASSWORD)

    def go(*words: str, code: int = 0, stdin: str = "") -> Ran:
        ran = run(*words, stdin=stdin)
        assert (ran.code, ran.err if ran.code != code else "") == (code, "")
        return ran

    return go


def made(command: Command, name: str) -> str:
    command("database", "create", name, "--administrator-password", "env:DATABASE_PASSPHRASE")
    return name


@pytest.mark.spec("2: after each operation: information about the database")
def test_a_database_from_its_making_to_its_return(command: Command, shared: RunningServer) -> None:
    shown = command("database", "create", "Mill", "--set", "description=grinds", "--set", "in_web_list=no").out
    assert "shown only now" in shown
    assert "grinds" in shown
    assert "project_0" in shown, "the schema version"

    listed = json.loads(command("database", "list", "--json").out)["databases"]
    (mill,) = [database for database in listed if database["name"] == "Mill"]
    assert (mill["settings"]["description"], mill["settings"]["in_web_list"]) == ("grinds", False)
    assert "Mill" in command("database", "list").out

    assert "starts take longer" in command("database", "set", "Mill", "compact_every_start=yes", code=2).err.replace(
        "each start take longer", "starts take longer"
    )
    assert "no" in command("database", "show", "Mill").out
    assert shared.admin.databases.show("Mill").settings["compact_every_start"] is False, "not without an answer"
    command("database", "set", "Mill", "compact_every_start=yes", "--yes")
    assert shared.admin.databases.show("Mill").settings["compact_every_start"] is True

    refused = command("database", "set", "Mill", "colour=red", code=2).err
    assert "colour" in refused

    assert "Compacted" in command("database", "compact", "Mill").out
    assert "Backed up" in command("database", "backup", "Mill").out
    (backup,) = json.loads(command("database", "backups", "Mill", "--json").out)["backups"]
    assert backup["verified"]
    assert "Mill" in command("database", "backups").out
    again = command("database", "restore", str(backup["backup_id"]), "Mill again", code=2).err
    assert "--yes" in again, "it asks first"
    command("database", "restore", str(backup["backup_id"]), "Mill again", "--yes")
    assert shared.admin.databases.show("Mill again").settings["sending"] is False

    command("database", "from-template", "Mill two", "Mill")
    assert shared.admin.databases.show("Mill two").users == 1

    command("database", "remove", "Mill two", code=2)
    assert shared.admin.databases.show("Mill two").available
    gone = command("database", "remove", "Mill two", "--yes").out
    assert str(shared.data / "databases" / "Mill two") in gone
    folder = json.loads(command("database", "browse", "--json").out)["entries"][0]["name"]
    assert "can be added" in command("database", "browse", folder).out
    assert "Added Mill two" in command("database", "add", "Mill two").out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("create", "a:b"), "':'"),
        (("create", "mill of CAPITALS"), "Mill of capitals"),
        (("show", "nothing of that name"), "nothing of that name"),
        (("restore", "4711", "New", "--yes"), "4711"),
        (("create", "/somewhere/else", "--yes"), "allow-full-paths"),
        (("create", "x", "--administrator-password", "in the open"), "administrator-password"),
    ],
)
def test_what_cannot_be_done_says_why(command: Command, words: tuple[str, ...], named: str) -> None:
    if "mill of CAPITALS" in words:
        made(command, "Mill of capitals")
    ran = run("database", *words)
    assert ran.code != 0
    assert named in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.spec("9: import and export as CSV")
def test_a_project_on_the_command_line(command: Command, tmp_path: Path) -> None:
    here = ("-d", made(command, "Orchard"), "-u", "administrator")
    command("project", "add", "customer", "name=Blue", *here)
    command("project", "add", "defect", "title=Worm in it", "customer=Blue", *here)
    assert "Worm in it" in command("project", "list", "defect", "-w", "customer=Blue", *here).out
    command("project", "set", "defect", "1", "status=open", *here)
    assert json.loads(command("project", "show", "defect", "1", "--json", *here).out)["values"]["status"] == "open"

    faulty = tmp_path / "faulty.csv"
    faulty.write_text("title,due_on\nFine,2026-01-31\nLate,tomorrow\n")
    refused = command("project", "import", "defect", str(faulty), *here, code=2)
    assert "due_on" in refused.out
    assert "tomorrow" in refused.out
    faulty.write_text("title,due_on\nFine,2026-01-31\nLate,2026-02-01\n")
    assert "2 rows" in command("project", "import", "defect", str(faulty), "--preview", *here).out
    command("project", "import", "defect", str(faulty), *here)

    target = tmp_path / "out.csv"
    command("project", "export", "defect", str(target), *here)
    assert len(target.read_text(encoding="utf-8-sig").splitlines()) == 4
    again = command("project", "export", "defect", str(target), *here, code=2).err
    assert "exists already" in again
    nowhere = command("project", "export", "defect", str(tmp_path / "no" / "folder.csv"), *here, code=2).err
    assert "folder.csv" in nowhere

    note = tmp_path / "note.txt"
    note.write_bytes(b"\x00kept to the byte")
    command("project", "attach", "defect", "1", str(note), *here)
    (file,) = json.loads(command("project", "files", "defect", "1", "--json", *here).out)["files"]
    command("project", "save-file", str(file["file_id"]), str(tmp_path / "back"), *here)
    assert (tmp_path / "back").read_bytes() == note.read_bytes()

    assert "1 attached file" in command("project", "delete", "defect", "1", *here, code=2).err
    command("project", "delete", "defect", "1", "--yes", *here)
    command("project", "show", "defect", "1", *here, code=1)


def test_a_wrong_project_password_is_told_and_not_repeated(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    name = made(command, "Locked")
    monkeypatch.setenv("TRACKKIT_PROJECT_PASSWORD", "not the one at all")
    ran = run("project", "list", "defect", "-d", name, "-u", "administrator")
    assert ran.code != 0
    assert "not the one at all" not in ran.out + ran.err
    assert "password" in ran.err


@pytest.mark.spec("10: last result, next run, run now, history")
def test_a_task_on_the_command_line(command: Command) -> None:
    name = made(command, "Kept")
    command("task", "add", "nightly", "kind=backup", f"database={name}", "schedule=0 2 * * *", "keep=1")
    command("task", "run", "nightly")
    command("task", "run", "nightly")
    assert "done" in command("task", "list").out
    assert len(json.loads(command("task", "history", "nightly", "--json").out)["runs"]) == 2
    backups = json.loads(command("database", "backups", name, "--json").out)["backups"]
    assert [backup["available"] for backup in backups] == [True], "the first was removed, as keep=1 says"
    assert "schedule" in command("task", "set", "nightly", "schedule=now and then", code=2).err
    command("task", "set", "nightly", "enabled=no")
    command("task", "delete", "nightly", code=2)
    command("task", "delete", "nightly", "--yes")
    assert json.loads(command("task", "list", "--json").out)["tasks"] == []


def test_long_work_is_followed_from_elsewhere(command: Command) -> None:
    name = made(command, "Followed")
    begun = command("database", "backup", name, "--no-wait", "--json")
    job = str(json.loads(begun.out)["job_id"])
    assert "Backed up" in command("job", "follow", job).out
    assert "done" in command("job", "show", job).out
    assert job in command("job", "list").out
    assert "ended" in command("job", "cancel", job, code=1).err
