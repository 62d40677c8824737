"""The list of project databases, as an administrator uses it: make, look at, set, compact, remove, add again."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from tests.acceptance.conftest import PASSWORD, House
from tests.conftest import Start
from tests.ports import wait_until
from trackkit.domain.errors import Conflict, InvalidInput, NotFound, NotLoggedIn, WrongLogin


@pytest.mark.spec("2: list")
def test_the_list_says_everything_about_each_database(house: House) -> None:
    name = house.make("listed", description="What we build", in_web_list=False)
    listed = {database.name: database for database in house.admin.databases.list().databases}
    found = listed[name]
    assert found.settings["description"] == "What we build"
    assert found.settings["in_web_list"] is False
    assert found.settings["in_other_list"] is True
    assert found.settings["active"] is True
    assert found.available
    assert found.size is not None
    assert found.size > 10_000
    assert found.last_backup_at is None
    assert PASSWORD not in repr(found)
    house.admin.databases.backup(name).wait()
    assert {d.name: d for d in house.admin.databases.list().databases}[name].last_backup_at is not None
    frame = house.admin.databases.frame()
    assert name in set(frame["name"])


@pytest.mark.spec("2: create: refused names say which character or rule")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *((f"a{character}b", repr(character)) for character in '*|\\:/><.?"'),
        ("", "empty"),
        ("  ", "empty"),
        ("CON", "reserved"),
        ("lpt1", "reserved"),
        ("tab\there", "control character"),
        ("line\nbreak", "control character"),
        ("..", "'.'"),
        ("../outside", "'.'"),
        (" blank", "blank"),
        ("x" * 101, "101"),
    ],
)
def test_a_bad_name_is_refused_with_its_reason(house: House, name: str, reason: str) -> None:
    before = house.admin.databases.list().databases
    with pytest.raises(InvalidInput) as caught:
        house.admin.databases.create(name)
    assert caught.value.problems[0].field == "name"
    assert reason in caught.value.problems[0].message
    assert house.admin.databases.list().databases == before


@pytest.mark.spec("2: create: refused names say which character or rule")
def test_names_that_differ_only_in_case_are_the_same(house: House) -> None:
    house.admin.databases.create("Apollo One")
    with pytest.raises((Conflict, InvalidInput), match=r"(?i)apollo one"):
        house.admin.databases.create("apollo ONE")
    house.admin.databases.remove("Apollo One")
    with pytest.raises((Conflict, InvalidInput), match=r"(?i)apollo one"):
        house.admin.databases.create("APOLLO one")


@pytest.mark.spec("2: create: description and settings")
@pytest.mark.spec("2: information after each operation")
def test_a_new_database_is_empty_and_its_first_user_can_log_in(house: House) -> None:
    made = house.admin.databases.create(house.new_name("new"), settings={"description": "Ours", "in_web_list": False})
    assert (made.settings["description"], made.settings["in_web_list"]) == ("Ours", False)
    assert made.users == 1
    assert set(made.records.values()) == {0}
    assert made.schema_version
    assert "password" not in made.location
    assert made.administrator_password
    with house.project(made.name, made.administrator, made.administrator_password) as project:
        assert project.session().username == made.administrator
    shown = house.admin.databases.show(made.name)
    assert shown.size is not None
    assert (shown.last_compacted_at, shown.last_backup_at) == (None, None)
    assert made.administrator_password not in house.admin.audit.frame().to_string()
    with pytest.raises(InvalidInput, match="colour"):
        house.admin.databases.create(house.new_name("no"), settings={"colour": "red"})


@pytest.mark.spec("2: settings: active, log-in lists, description; the location is not editable")
def test_settings_do_what_they_say(house: House) -> None:
    name = house.make("settings")
    with house.project(name) as project:
        assert name in {offered.name for offered in house.admin.offered("web").databases}
        house.admin.databases.edit(name, {"in_web_list": False})
        assert name not in {offered.name for offered in house.admin.offered("web").databases}
        assert name in {offered.name for offered in house.admin.offered("api").databases}
        house.admin.databases.edit(name, {"in_other_list": False})
        assert name not in {offered.name for offered in house.admin.offered("api").databases}
        house.admin.databases.edit(name, {"active": False})
        with pytest.raises(NotLoggedIn):
            project.session()
    with pytest.raises(WrongLogin):
        house.project(name)
    house.admin.databases.edit(name, {"active": True, "description": "Again"})
    assert house.admin.databases.show(name).settings["description"] == "Again"
    house.project(name).close()
    for wrong in ("name", "location", "place"):
        with pytest.raises(InvalidInput, match=wrong):
            house.admin.databases.edit(name, {wrong: "elsewhere"})


@pytest.mark.spec("2: settings: two administrators")
def test_the_second_of_two_administrators_is_told(house: House) -> None:
    name = house.make("shared")
    seen = house.admin.databases.show(name).revision
    house.admin.databases.edit(name, {"description": "first"}, revision=seen)
    with pytest.raises(Conflict, match=r"(?i)meanwhile"):
        house.admin.databases.edit(name, {"description": "second"}, revision=seen)
    assert house.admin.databases.show(name).settings["description"] == "first"


@pytest.mark.spec("2: compact: sizes before and after, progress")
def test_compacting_gives_space_back(house: House) -> None:
    name = house.make("big")
    with house.project(name) as project:
        rows = [[f"Defect {number}", "x" * 4000] for number in range(300)]
        project.import_rows("defect", ["title", "description"], rows).wait()
        for item in project.list("defect", limit=150).items:
            project.delete("defect", item.key)
        seen = []
        job = house.admin.databases.compact(name).wait(lambda job: seen.append((job.done, job.total)))
        assert job.result["after"] < job.result["before"]
        assert project.list("defect", limit=1).total == 150
    assert job.total
    assert job.done == job.total
    assert seen
    assert house.admin.databases.show(name).last_compacted_at is not None


@pytest.mark.spec("2: settings: compact at every start, compact at next start")
def test_compacting_at_the_start(house: House) -> None:
    once, always = house.make("once", compact_next_start=True), house.make("always", compact_every_start=True)
    warnings = {d.name: d.warnings for d in house.admin.databases.list().databases}
    assert any("start" in words for words in warnings[always])
    house.server.stop()
    house.server.restart()
    first = {name: house.admin.databases.show(name) for name in (once, always)}
    assert all(shown.last_compacted_at for shown in first.values())
    assert first[once].settings["compact_next_start"] is False
    house.server.stop()
    house.server.restart()
    assert house.admin.databases.show(once).last_compacted_at == first[once].last_compacted_at
    assert house.admin.databases.show(always).last_compacted_at > first[always].last_compacted_at


@pytest.mark.spec("2: remove from list: sessions end, files stay, add existing reverses it")
def test_removing_ends_sessions_and_leaves_the_files(house: House) -> None:
    name = house.make("removed", description="Before")
    with house.project(name) as project:
        project.add("defect", title="It is still there afterwards")
        foreseen = house.admin.databases.remove(name, preview=True)
        assert foreseen.sessions == 1
        assert project.session()
        removed = house.admin.databases.remove(name)
        assert (removed.sessions, removed.location) == (1, foreseen.location)
        with pytest.raises(NotLoggedIn):
            project.session()
    with pytest.raises(NotFound):
        house.admin.databases.show(name)
    if house.engine == "SQLite":
        assert Path(removed.location, "project.db").exists()
    house.admin.databases.add(name, settings={"description": "After"}).wait()
    with house.project(name) as project:
        assert [item.values["title"] for item in project.list("defect").items] == ["It is still there afterwards"]
    assert house.admin.databases.show(name).settings["description"] == "After"


@pytest.mark.spec("2: health warns after 7 days without a backup")
def test_health_wants_backups(house: House) -> None:
    name = house.make("unsaved")
    findings = [finding for finding in house.admin.health().findings if name in finding.subject + finding.words]
    assert [finding for finding in findings if "backup" in finding.words] == []  # a young database is no trouble yet
    eight_days = int(timedelta(days=8) / timedelta(microseconds=1))
    house.sql(f"UPDATE databases SET created_at = created_at - {eight_days}")
    (finding,) = (f for f in house.admin.health().findings if name in f.subject + f.words and "backup" in f.words)
    assert finding.severity == "warning"
    house.admin.databases.backup(name).wait()
    assert [f for f in house.admin.health().findings if name in f.subject + f.words and "backup" in f.words] == []


@pytest.mark.spec("2: each database in its own folder; a copy of DATA/databases backs all of them up")
def test_the_folder_of_the_databases_is_a_whole_backup(start: Start, tmp_path: Path) -> None:
    house = House(start(), tmp_path, None)
    names = [house.make(label) for label in ("one", "two")]
    for name in names:
        with house.project(name) as project:
            project.add("customer", name=f"Customer of {name}")
    databases = house.server.data / "databases"
    assert {path.name for path in databases.iterdir()} >= set(names)
    house.server.stop()
    shutil.copytree(databases, tmp_path / "copy")
    house.server.restart()
    for name in names:
        with house.project(name) as project:
            project.delete("customer", f"Customer of {name}")
    house.server.stop()
    shutil.rmtree(databases)  # a disk is lost, and the copy put in its place
    shutil.copytree(tmp_path / "copy", databases)
    house.server.restart()
    for name in names:
        wait_until(lambda name=name: house.admin.databases.show(name).available, what=f"{name} is available")
        with house.project(name) as project:
            assert project.show("customer", f"Customer of {name}").values["name"]
