"""Full path names: allowed only by the server machine, never beyond its roots; and drives and hosts that go away."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.conftest import PASSWORD, House, set_up
from tests.command_line import CommandLine
from tests.conftest import Start
from tests.peers import postgres as postgres_peer
from tests.ports import wait_until
from tests.running import RunningServer
from trackkit.domain.errors import Conflict, DatabaseUnavailable, InvalidInput, TrackkitError


def at(server: RunningServer, root: Path) -> House:
    """A house without PostgreSQL."""
    return House(server, root, None)


@pytest.fixture
def drive(start: Start, tmp_path: Path) -> House:
    """A server that allows full paths below one folder."""
    root = tmp_path / "drive"
    root.mkdir()
    set_up(tmp_path / "data", allow_full_paths=str(root))
    return at(start(tmp_path / "data"), root)


@pytest.mark.spec("2: full paths are refused unless the server machine allows them, never through the API")
def test_without_the_machines_leave_there_are_only_relative_names(start: Start, tmp_path: Path) -> None:
    house = at(start(), tmp_path)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name in (str(folder), "postgresql://somebody@127.0.0.1/projects"):
        with pytest.raises(InvalidInput, match="allow-full-paths"):
            house.admin.databases.create(name)
        with pytest.raises(InvalidInput, match="allow-full-paths"):
            house.admin.databases.add(name)
    assert list(folder.iterdir()) == []
    assert house.admin.databases.list().full_paths == ()
    for option in ("allow-full-paths", "allow_full_paths", "server.allow_full_paths"):
        with pytest.raises(InvalidInput):
            house.admin.options.set({option: str(tmp_path)})
    set_up(house.server.data, allow_full_paths=str(tmp_path))
    with pytest.raises(InvalidInput, match="allow-full-paths"):
        house.admin.databases.create(str(folder))  # it counts from the next start
    house.server.stop()
    house.server.restart()
    assert house.admin.databases.create(str(folder)).name == str(folder)


@pytest.mark.spec("2: full paths: roots, links and .. resolved, an existing folder without a database")
def test_a_full_path_stays_inside_the_roots_and_never_takes_a_database(drive: House, tmp_path: Path) -> None:
    inside, outside = drive.root / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (drive.root / "link").symlink_to(outside)
    (drive.root / "file").write_text("no folder")
    (drive.root / "unwritable").mkdir()
    for wrong in (
        outside,
        drive.root / "link",
        drive.root / ".." / "outside",
        f"{drive.root}/link/../../outside",
        drive.root / "missing",
        drive.root / "file",
        f"{inside}/a*b",
        f"{inside}\n",
        "/",
        "/etc",
        drive.server.data,
    ):
        with pytest.raises((InvalidInput, Conflict)) as caught:
            drive.admin.databases.create(str(wrong))
        assert caught.value.message
    assert list(outside.iterdir()) == []
    assert list(inside.iterdir()) == []
    drive.admin.databases.create(f"{drive.root}/./inside/../inside", administrator_password=PASSWORD)
    with pytest.raises((InvalidInput, Conflict)):
        drive.admin.databases.create(str(inside))
    drive.admin.databases.remove(str(inside))
    before = (inside / "project.db").read_bytes()
    with pytest.raises((InvalidInput, Conflict), match="database"):
        drive.admin.databases.create(str(inside))
    assert (inside / "project.db").read_bytes() == before


@pytest.mark.spec("2: full paths: choosing one warns")
def test_choosing_a_full_path_warns(drive: House) -> None:
    folder = drive.root / "slow"
    folder.mkdir()
    assert any("slower" in words for words in drive.admin.databases.create(str(folder)).warnings)
    command = CommandLine(drive.server.data.parent, {"TRACKKIT_DATA": str(drive.server.data)})
    asked = command.run("database", "create", str(drive.root), stdin="n\n")
    assert asked.returncode != 0
    assert "slower" in asked.stdout + asked.stderr
    assert not (drive.root / "project.db").exists()


@pytest.mark.spec("2: full paths: a PostgreSQL URL")
@pytest.mark.postgres
def test_a_database_on_postgresql_by_its_url(start: Start, postgres: postgres_peer.Cluster, tmp_path: Path) -> None:
    set_up(tmp_path / "data", allow_full_paths=f"postgresql://127.0.0.1:{postgres.port}")
    house = House(start(tmp_path / "data"), tmp_path, postgres)
    with pytest.raises(InvalidInput, match="password"):
        house.admin.databases.create(f"postgresql://trackkit:hush-hush@127.0.0.1:{postgres.port}/x")
    with pytest.raises(InvalidInput):
        house.admin.databases.create("postgresql://trackkit@192.0.2.1/x")
    name = house.new_name("remote")
    made = house.admin.databases.create(name, administrator_password=PASSWORD, database_password="hush-hush")
    assert made.place == "postgresql"
    with house.project(name) as project:
        project.add("defect", title="Far away")
    again = house.new_name("again")
    with pytest.raises((InvalidInput, Conflict)):
        house.admin.databases.create(name)
    house.admin.databases.remove(name)
    with pytest.raises((InvalidInput, Conflict)):
        house.admin.databases.create(name)  # it is not empty
    everything = [house.admin.databases.list(), house.admin.jobs.list(), house.admin.audit.list()]
    house.admin.databases.create(again)
    house.server.stop()
    raw = b"".join(path.read_bytes() for path in house.server.data.rglob("*") if path.is_file())
    assert b"hush-hush" not in raw
    assert "hush-hush" not in repr(everything)


@pytest.mark.spec("2: a drive or host that goes away takes only its database with it, and comes back")
def test_a_drive_that_is_unplugged(drive: House, tmp_path: Path) -> None:
    folder = drive.root / "usb"
    folder.mkdir()
    name = drive.admin.databases.create(str(folder), administrator_password=PASSWORD).name
    other = drive.make("other")
    with drive.project(name) as project, drive.project(other) as beside:
        project.add("defect", title="Before")
        folder.rename(tmp_path / "unplugged")
        with pytest.raises(DatabaseUnavailable):
            project.add("defect", title="Never saved")
        beside.add("defect", title="The others go on")
        shown = {database.name: database for database in drive.admin.databases.list().databases}
        assert (shown[name].available, shown[other].available) == (False, True)
        assert shown[name].unavailable_reason
        severe = wait_until(lambda: drive.admin.log.list(level="severe_error", match="only").entries, what="an entry")
        assert [entry.database for entry in severe] == [name]
        folder.mkdir()  # an empty folder in its place is not the database
        with pytest.raises(DatabaseUnavailable):
            project.list("defect")
        folder.rmdir()
        (tmp_path / "unplugged").rename(folder)
        wait_until(lambda: drive.admin.databases.show(name).available, what="the database is back")
        assert [item.values["title"] for item in project.list("defect").items] == ["Before"]
        project.add("defect", title="After")
    assert len(drive.admin.log.list(level="severe_error", match="only").entries) == 1


@pytest.mark.spec("2: a drive or host that goes away takes only its database with it, and comes back")
@pytest.mark.postgres
def test_a_postgresql_that_is_stopped(start: Start, tmp_path: Path) -> None:
    if reason := postgres_peer.missing():
        pytest.skip(reason)
    cluster = postgres_peer.start(fsync=True)
    try:
        set_up(tmp_path / "data", allow_full_paths=f"postgresql://127.0.0.1:{cluster.port}")
        house = House(start(tmp_path / "data"), tmp_path, cluster)
        name = house.make("far")
        near = house.admin.databases.create("near", administrator_password=PASSWORD).name
        with house.project(name) as project, house.project(near) as beside:
            project.add("defect", title="Before")
            cluster.halt()
            with pytest.raises(DatabaseUnavailable):
                project.add("defect", title="Never saved")
            beside.add("defect", title="The others go on")
            severe = wait_until(lambda: house.admin.log.list(level="severe_error", match="only").entries, what="log")
            assert {entry.database for entry in severe} == {name}
        house.server.stop()
        house.server.restart()  # a database that is away keeps no server from starting
        assert not house.admin.databases.show(name).available
        assert house.admin.databases.show(near).available
        cluster.resume()
        wait_until(lambda: house.admin.databases.show(name).available, seconds=60, what="it is back")
        with house.project(name) as project:
            assert [item.values["title"] for item in project.list("defect").items] == ["Before"]
    finally:
        cluster.stop()


@pytest.mark.spec("2: add existing: the browser sees only the roots")
def test_the_browser_sees_nothing_but_the_roots(drive: House, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (drive.root / "link").symlink_to(tmp_path / "secret")
    (drive.root / "plain").mkdir()
    name = drive.make("mine")
    drive.admin.databases.remove(name)
    top = drive.admin.databases.browse()
    assert top.parent is None
    assert str(tmp_path) not in {entry.title for entry in top.entries}
    addable = {entry.name for entry in _everywhere(drive) if entry.kind == "database" and not entry.reason}
    assert addable == {name}
    for wrong in (
        "/",
        "/etc",
        str(tmp_path),
        f"{drive.root}/..",
        f"{drive.root}/link",
        str(drive.server.data),
        "../..",
    ):
        with pytest.raises(TrackkitError):
            drive.admin.databases.browse(wrong)
    drive.admin.databases.add(name).wait()
    listed = [entry for entry in _everywhere(drive) if entry.name == name]
    assert listed[0].reason


def _everywhere(house: House) -> list:
    """Every entry of every folder that the browser leads to."""
    found, todo, seen = [], [None], set()
    while todo:
        listing = house.admin.databases.browse(todo.pop())
        found += listing.entries
        for entry in listing.entries:
            if entry.kind == "folder" and entry.name not in seen:
                seen.add(entry.name)
                todo.append(entry.name)
    return found
