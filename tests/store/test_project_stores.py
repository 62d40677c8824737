"""Databases that go away and come back: marked, logged once, and nothing told as saved that is not; on both."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.store.conftest import AsUser
from tests.store.test_databases import create
from trackkit.contract import databases as contract
from trackkit.contract.log import ListLog
from trackkit.contract.operation import Nothing
from trackkit.domain.errors import DatabaseUnavailable
from trackkit.services import databases, health, log
from trackkit.services.environment import Environment
from trackkit.store import project_facts
from trackkit.store.database import Connection


@pytest.fixture
def folder(environment: Environment, admin: AsUser) -> Path:
    create(admin, "Alpha")
    create(admin, "Beta")
    return environment.places.databases / "Alpha"


def severities(environment: Environment, admin: AsUser, severity: str) -> list[str]:
    environment.log.flush()
    entries = log.list_log(admin(), ListLog()).entries
    return [entry.message for entry in entries if entry.level == severity and "Alpha" in entry.message]


@pytest.mark.spec("2: a drive or host that goes away takes only its database with it, and comes back")
def test_a_folder_moved_away_and_back(environment: Environment, admin: AsUser, folder: Path) -> None:
    away = folder.with_name("elsewhere")
    project = environment.projects.open("Alpha")
    assert project.read(project_facts.user_count) == 1
    folder.rename(away)
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable, match="Alpha"):
            project.write(lambda connection: project_facts.set_identity(connection, "changed"))
        environment.projects.check()
    assert environment.projects.open("Beta").read(project_facts.user_count) == 1
    info = databases.show_database(admin(), contract.NamedDatabase(database="Alpha"))
    assert (info.available, info.size, info.users) == (False, None, 0)
    assert "project.db" in info.unavailable_reason or "missing" in info.unavailable_reason
    listed = {d.name: d.available for d in databases.list_databases(admin(), Nothing()).databases}
    assert listed == {"Alpha": False, "Beta": True}
    assert [f.severity for f in health.health(admin(), Nothing()).findings if f.subject == "database Alpha"] == [
        "severe_error"
    ]
    assert len(severities(environment, admin, "severe_error")) == 1
    away.rename(folder)
    environment.projects.check()
    assert project.read(project_facts.identity) == info.database_id
    assert any("available again" in text for text in severities(environment, admin, "information"))


@pytest.mark.spec("2: a drive or host that goes away takes only its database with it, and comes back")
def test_what_is_moved_away_during_a_write_is_not_told_as_saved(environment: Environment, folder: Path) -> None:
    def work(connection: Connection) -> None:
        project_facts.set_identity(connection, "changed")
        folder.rename(folder.with_name("elsewhere"))

    with pytest.raises(DatabaseUnavailable, match="gone"):
        environment.projects.open("Alpha").write(work)
    folder.with_name("elsewhere").rename(folder)
    environment.projects.check()
    assert environment.projects.open("Alpha").read(project_facts.identity) != "changed"


@pytest.mark.parametrize("trick", ["another database", "a copy", "a link to the folder", "a link to the file", "text"])
def test_what_is_put_in_its_place_is_not_written_to(environment: Environment, folder: Path, trick: str) -> None:
    project, away = environment.projects.open("Alpha"), folder.with_name("elsewhere")
    file = folder / "project.db"
    assert project.read(project_facts.user_count) == 1
    if trick == "a link to the file":
        file.rename(folder / "moved.db")
        file.symlink_to("moved.db")
    else:
        folder.rename(away)
    if trick == "a link to the folder":
        folder.symlink_to(away)
    elif trick == "another database":
        shutil.copytree(folder.with_name("Beta"), folder)
    elif trick in ("a copy", "text"):
        shutil.copytree(away, folder)
        if trick == "text":
            file.write_text("no database")
    before = file.read_bytes()
    with pytest.raises(DatabaseUnavailable):
        project.write(lambda connection: project_facts.set_identity(connection, "changed"))
    environment.projects.check()
    if trick == "a copy":  # the same project, as after a restore of the disk: it is taken again, whole
        assert project.read(project_facts.identity) not in (None, "changed")
        return
    with pytest.raises(DatabaseUnavailable):
        environment.projects.open("Alpha").read(project_facts.user_count)
    assert file.read_bytes() == before


def test_a_database_that_is_away_at_the_start_keeps_nothing_from_starting(
    environment: Environment, admin: AsUser, folder: Path
) -> None:
    environment.projects.close()
    away = folder.with_name("elsewhere")
    folder.rename(away)
    environment.projects.check()
    assert [d.available for d in databases.list_databases(admin(), Nothing()).databases] == [False, True]
    away.rename(folder)
    environment.projects.check()
    assert [d.available for d in databases.list_databases(admin(), Nothing()).databases] == [True, True]


def test_what_is_taken_out_of_the_list_while_away_is_forgotten(
    environment: Environment, admin: AsUser, folder: Path
) -> None:
    folder.rename(folder.with_name("elsewhere"))
    environment.projects.check()
    removed = databases.remove_database(admin(), contract.RemoveDatabase(database="Alpha"))
    assert removed.location == str(folder)
    environment.projects.check()
    assert len(severities(environment, admin, "severe_error")) == 1
    assert [d.name for d in databases.list_databases(admin(), Nothing()).databases] == ["Beta"]
