"""The list of project databases: creating, settings, removing, browsing; on both databases."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.store.conftest import AsUser
from trackkit.contract import databases as contract
from trackkit.contract.audit import ListAudit
from trackkit.contract.operation import Nothing
from trackkit.contract.project import OpenProject
from trackkit.domain.databases import DatabaseSettings
from trackkit.domain.errors import Conflict, InvalidInput, NotFound, TrackkitError
from trackkit.services import audit, databases, health, project_login
from trackkit.services.environment import Environment
from trackkit.store import databases as rows

PASSWORD = "a long pass phrase"


def create(admin: AsUser, name: str = "Alpha", **settings: bool | str) -> contract.CreatedDatabase:
    request = contract.CreateDatabase(
        name=name, administrator="Boss", administrator_password=SecretStr(PASSWORD), settings=settings
    )
    return databases.create_database(admin(), request)


def names(admin: AsUser) -> list[str]:
    return [row.name for row in databases.list_databases(admin(), Nothing()).databases]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.spec("2: information after each operation")
def test_a_new_database_is_listed_with_what_is_in_it(environment: Environment, admin: AsUser) -> None:
    made = create(admin, description="First")
    assert made.administrator_password is None
    assert (made.location, made.users, made.sessions) == (str(environment.places.databases / "Alpha"), 1, 0)
    assert made.records["defect"] == 0
    assert made.size
    assert made.schema_version
    assert (Path(made.location) / "project.db").stat().st_mode & 0o077 == 0
    listed = databases.list_databases(admin(), Nothing())
    assert [(d.name, d.settings["description"]) for d in listed.databases] == [("Alpha", "First")]
    assert audit.list_audit(admin(), ListAudit()).records[0].operation == "database.create"
    opened = project_login.open_project(
        admin(), OpenProject(database="aLPHa", username="boss", password=SecretStr(PASSWORD), client="api")
    )
    assert opened.database == "Alpha"


def test_a_password_made_by_the_server_is_shown_once_and_works(admin: AsUser) -> None:
    made = databases.create_database(admin(), contract.CreateDatabase(name="Alpha"))
    password = made.administrator_password
    assert password
    assert password not in repr(made)
    request = OpenProject(database="Alpha", username="administrator", password=SecretStr(password), client="api")
    assert project_login.open_project(admin(), request).username == "administrator"
    assert password not in audit.list_audit(admin(), ListAudit()).model_dump_json()


@pytest.mark.spec("2: create: refused names say which character or rule")
@pytest.mark.parametrize("again", ["Alpha", "ALPHA", "alpha"])
def test_a_name_is_taken_whatever_its_case(environment: Environment, admin: AsUser, again: str) -> None:
    create(admin)
    with pytest.raises(Conflict, match="nothing was changed"):
        create(admin, again)
    databases.remove_database(admin(), contract.RemoveDatabase(database="Alpha"))
    before = tree(environment.places.databases / "Alpha")
    with pytest.raises(Conflict, match="among the databases already"):
        create(admin, again)
    assert tree(environment.places.databases / "Alpha") == before
    assert [entry.name for entry in environment.places.databases.iterdir()] == ["Alpha"]


def test_of_many_that_create_one_name_one_does(environment: Environment, admin: AsUser) -> None:
    ends: list[str] = []

    def one() -> None:
        try:
            create(admin)
            ends.append("made")
        except TrackkitError as error:
            ends.append(type(error).__name__)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["Conflict", "Conflict", "Conflict", "made"]
    assert environment.projects.open("Alpha").read(lambda connection: True)
    assert [file.name for file in (environment.places.databases / "Alpha").glob("*.new*")] == []


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"location": "/x"}, "location"),
        ({"name": "Beta"}, "name"),
        ({"colour": "red"}, "colour"),
        ({"active": "maybe"}, "active"),
        ({"description": "x" * 501}, "description"),
    ],
)
@pytest.mark.spec("2: settings: active, log-in lists, description; the location is not editable")
def test_bad_settings_are_refused_by_name(admin: AsUser, values: dict[str, bool | str], field: str) -> None:
    create(admin)
    with pytest.raises(InvalidInput) as refused:
        databases.edit_database(admin(), contract.EditDatabase(database="Alpha", settings=values))
    assert [problem.field for problem in refused.value.problems] == [field]
    info = databases.show_database(admin(), contract.NamedDatabase(database="Alpha"))
    assert info.revision == 1
    with pytest.raises(InvalidInput):
        databases.create_database(admin(), contract.CreateDatabase(name="Beta", settings=values))
    assert names(admin) == ["Alpha"]


@pytest.mark.spec("2: settings: two administrators")
def test_the_second_of_two_administrators_is_told(admin: AsUser) -> None:
    seen = create(admin).revision
    mine = contract.EditDatabase(database="Alpha", settings={"description": "Mine"}, revision=seen)
    databases.edit_database(admin(), mine)
    theirs = contract.EditDatabase(database="Alpha", settings={"in_web_list": False}, revision=seen)
    with pytest.raises(Conflict, match="somebody else"):
        databases.edit_database(admin(), theirs)
    settings = databases.show_database(admin(), contract.NamedDatabase(database="Alpha")).settings
    assert (settings["description"], settings["in_web_list"]) == ("Mine", True)


@pytest.mark.spec("2: settings: active, log-in lists, description; the location is not editable")
def test_the_sessions_of_an_inactive_database_end(admin: AsUser) -> None:
    create(admin)
    request = OpenProject(database="Alpha", username="Boss", password=SecretStr(PASSWORD), client="api")
    project_login.open_project(admin(), request)
    named = contract.NamedDatabase(database="Alpha")
    assert databases.show_database(admin(), named).sessions == 1
    edited = databases.edit_database(admin(), contract.EditDatabase(database="Alpha", settings={"active": False}))
    assert edited.sessions == 0
    with pytest.raises(TrackkitError):
        project_login.open_project(admin(), request)
    shown = audit.list_audit(admin(), ListAudit()).records[0]
    assert (shown.operation, shown.before, shown.after) == ("database.edit", {"active": "yes"}, {"active": "no"})


@pytest.mark.spec("2: remove from list: sessions end, files stay, add existing reverses it")
def test_removing_leaves_the_files_and_says_where(environment: Environment, admin: AsUser) -> None:
    made = create(admin)
    preview = databases.remove_database(admin(), contract.RemoveDatabase(database="alpha", preview=True))
    assert (preview.location, names(admin)) == (made.location, ["Alpha"])
    removed = databases.remove_database(admin(), contract.RemoveDatabase(database="alpha"))
    assert (removed.location, names(admin)) == (made.location, [])
    assert (Path(made.location) / "project.db").is_file()
    with pytest.raises(NotFound):
        databases.remove_database(admin(), contract.RemoveDatabase(database="Alpha"))
    with pytest.raises(NotFound):
        environment.projects.open("Alpha")


def test_the_list_refuses_the_same_database_twice(environment: Environment, admin: AsUser) -> None:
    made = create(admin)
    location = environment.places.locate("Beta")
    with pytest.raises(Conflict, match="copy of Alpha"):
        databases.register(admin(), "database.add", location, DatabaseSettings(), made.database_id, None)
    assert environment.store.read(lambda connection: rows.find_database(connection, location.key)) is None


@pytest.mark.spec("2: add existing: the browser sees only the roots")
def test_the_browser_sees_databases_and_why_others_are_none(environment: Environment, admin: AsUser) -> None:
    create(admin)
    root = environment.places.databases
    (root / "Empty").mkdir()
    (root / "Link").symlink_to(root / "Alpha")
    (root / "Foreign").mkdir()
    (root / "Foreign" / "project.db").write_text("something else")
    top = databases.browse_databases(admin(), contract.Browse())
    assert [entry.name for entry in top.entries] == [str(root)]
    found = databases.browse_databases(admin(), contract.Browse(folder=str(root)))
    reasons = {entry.name: entry.reason for entry in found.entries}
    assert set(reasons) == {"Alpha", "Empty", "Foreign"}
    assert "in the list" in reasons["Alpha"]
    assert "no trackkit database" in reasons["Empty"]
    assert "no trackkit database" in reasons["Foreign"]
    databases.remove_database(admin(), contract.RemoveDatabase(database="Alpha"))
    again = databases.browse_databases(admin(), contract.Browse(folder=str(root)))
    assert {entry.name: entry.reason for entry in again.entries}["Alpha"] == ""
    for outside in ("/", str(root.parent), f"{root}/../..", str(root / "Link" / ".." / ".." / ".."), "/etc"):
        with pytest.raises(InvalidInput, match="outside"):
            databases.browse_databases(admin(), contract.Browse(folder=outside))
    with pytest.raises(NotFound):
        databases.browse_databases(admin(), contract.Browse(folder=str(root / "None")))


@pytest.mark.spec("2: health warns after 7 days without a backup")
def test_health_asks_for_a_backup(environment: Environment, admin: AsUser) -> None:
    create(admin)

    def wanted() -> list[str]:
        return [f.words for f in health.health(admin(), Nothing()).findings if f.subject == "database Alpha"]

    assert wanted() == []
    admin.clock.forward(days=7)
    assert ["no backup" in text for text in wanted()] == [True]
    environment.store.write(lambda connection: rows.note_backup(connection, "alpha", admin.clock()))
    assert wanted() == []
    admin.clock.forward(days=8)
    assert ["8 days" in text for text in wanted()] == [True]
