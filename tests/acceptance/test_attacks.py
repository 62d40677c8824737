"""Somebody with every password there is tries to destroy databases: no operation does it, whatever it is given."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import PASSWORD, House, set_up
from tests.conftest import Start
from tests.contract.wire import Answer, Stranger, stranger
from tests.ports import wait_until
from trackkit.contract.catalogue import OPERATIONS
from trackkit.domain.jobs import JobState

ROLES = ("viewer", "operator", "admin")
NO_SUCH_THING = frozenset({"server.info", "server.health"})
"""Asked often enough elsewhere; they take no fields."""

CLOSED = ("not_allowed", "not_logged_in")
"""What the role, or the realm, is answered before anybody looks at what is asked."""


@pytest.fixture
def victim(start: Start, tmp_path: Path) -> House:
    """A server with databases in the list and out of it, on relative names and a full path, with a backup."""
    root = tmp_path / "drive"
    root.mkdir()
    set_up(tmp_path / "data", allow_full_paths=str(root), backup_roots=str(tmp_path / "drive"))
    return House(start(tmp_path / "data"), root, None)


def fingerprints(*folders: Path) -> dict[Path, str]:
    """The content of every database and backup below."""
    files = itertools.chain.from_iterable(folder.rglob("project.db") for folder in folders)
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def tricks(house: House, listed: str, unlisted: str, outside: str) -> Iterator[str]:
    """What somebody would try where a name or a path is asked for."""
    databases = house.server.data / "databases"
    for target in (listed, unlisted):
        yield from (
            target,
            target.upper(),
            f"{target} ",
            f"./{target}",
            f"{target}/",
            f"x/../{target}",
            f"{target}\x00",
        )
        yield from (str(databases / target), str(databases / target / "project.db"), f"file://{databases / target}")
        yield f"{house.root}/../data/databases/{target}"
    yield from (
        outside,
        f"{outside}/project.db",
        f"{outside}/.",
        "..",
        "../backups",
        str(house.server.data / "backups"),
    )
    yield f"sqlite:///{outside}/project.db"


def attack(http: Stranger, token: str, name: str, trick: str) -> Answer:
    """One operation with a trick in every field that takes a text."""
    operation = OPERATIONS[name]
    fields: dict[str, Any] = {}
    for field, info in operation.request.model_fields.items():
        if info.annotation is str or info.annotation == (str | None):
            fields[field] = trick
        elif field in ("backup_id", "job_id", "file_id", "number", "limit", "before"):
            fields[field] = 1
        elif field in ("values", "settings"):
            fields[field] = {}
        elif info.is_required():
            fields[field] = trick
    if name == "task.add":
        fields["values"] = {"name": trick[:90] or "x", "kind": "backup", "database": trick, "keep": 1}
    return http.ask(name, fields, token)


@pytest.mark.timeout(600)
@pytest.mark.spec("2: no API deletes, overwrites or moves a database's files")
def test_no_operation_of_any_role_harms_a_database(victim: House) -> None:
    folder = victim.root / "outside"
    folder.mkdir()
    listed, unlisted = victim.make("listed"), victim.make("unlisted")
    outside = victim.admin.databases.create(str(folder), administrator_password=PASSWORD).name
    for name in (listed, unlisted, outside):
        with victim.project(name) as project:
            project.add("defect", title="It has to survive")
    victim.admin.databases.backup(unlisted).wait()
    victim.admin.databases.remove(unlisted)
    victim.admin.databases.remove(outside)
    victim.admin.tasks.add(name="Keep one", kind="backup", database=listed, keep=1)
    places = (victim.server.data / "databases", victim.server.data / "backups", victim.root)
    before = fingerprints(*places)
    live = victim.server.data / "databases" / listed / "project.db"
    inode = live.stat().st_ino
    http = stranger(victim.server)
    asked = {"database": listed, "username": "administrator", "password": PASSWORD}
    tokens = [http.ask("project.open", asked).body["token"]]  # first: it ends when the list loses that database
    for role in ROLES:
        victim.admin.users.add(f"attacker-{role}", role, PASSWORD)
        tokens.append(http.ask("session.open", {"username": f"attacker-{role}", "password": PASSWORD}).body["token"])
    harmless = NO_SUCH_THING | {name for name in OPERATIONS if OPERATIONS[name].request.model_fields == {}}
    for token in tokens:
        for name in sorted(set(OPERATIONS) - harmless - {"session.open", "project.open", "setup.complete"}):
            if name.startswith(("database.", "task.", "project.", "job.")):
                for trick in tricks(victim, listed, unlisted, outside):
                    if attack(http, token, name, trick).code in CLOSED:
                        break  # to this token, whatever is asked
            else:
                attack(http, token, name, str(live))
    wait_until(
        lambda: all(JobState(job.state).ended for job in victim.admin.jobs.list().jobs), seconds=120, what="jobs"
    )
    after = fingerprints(*places)
    gone = {path for path in before if path not in after}
    assert {path for path in gone if "backups" not in path.parts} == set()
    assert live.stat().st_ino == inode
    names = {database.name for database in victim.admin.databases.list().databases}
    for name in (listed, unlisted, outside):  # what was not in the list was not touched; what came into it is whole
        if name not in names:
            victim.admin.databases.add(name).wait()
        with victim.project(name) as project:
            assert project.show("defect", "1").values["title"] == "It has to survive"
    unlisted_files = {path for path in before if path in after and "backups" in path.parts}
    assert {path for path in unlisted_files if before[path] != after[path]} == set()
