"""Where databases may lie: every refusal changes nothing, and nothing that exists is ever written over."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.peers.postgres import Cluster
from tests.store.test_databases import tree
from trackkit.domain.databases import FORBIDDEN_IN_NAME, FORBIDDEN_IN_PATH, Place
from trackkit.domain.errors import Conflict, InvalidInput, TrackkitError, Unavailable
from trackkit.services.database_places import Places
from trackkit.store import project_facts
from trackkit.store.database import Connection


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "drive"
    folder.mkdir()
    return folder


@pytest.fixture
def places(tmp_path: Path, root: Path) -> Places:
    data = tmp_path / "data"
    data.mkdir()
    return Places(data, [str(root)])


def fill(connection: Connection) -> None:
    project_facts.set_identity(connection, "first")


def build(places: Places, name: str) -> Path:
    location = places.locate(name)
    places.build(location, None, fill)
    return location.file


def refused(places: Places, name: str) -> InvalidInput:
    with pytest.raises(InvalidInput) as error:
        build(places, name)
    return error.value


@pytest.mark.spec("2: create: refused names say which character or rule")
@pytest.mark.parametrize("character", [*FORBIDDEN_IN_NAME, "\x00", "\n", "\x7f", "\u202e"])
def test_forbidden_characters_in_names(places: Places, character: str) -> None:
    error = refused(places, f"a{character}b")
    reason = error.problems[0].message
    assert repr(character) in reason or f"U+{ord(character):04X}" in reason
    assert list(places.databases.iterdir()) == []


@pytest.mark.parametrize("name", ["", " ", "con", "LPT1", "Nul", "COM¹", "x" * 101, " a", "a ", "..", ".", "é" * 101])
def test_empty_reserved_and_long_names(places: Places, name: str) -> None:
    refused(places, name)
    assert list(places.databases.iterdir()) == []


@pytest.mark.spec('2: Then only `* | > < ? "` and control characters are forbidden in a file path')
@pytest.mark.parametrize("character", [*FORBIDDEN_IN_PATH, "\x00", "\r"])
def test_forbidden_characters_in_paths(places: Places, root: Path, character: str) -> None:
    refused(places, f"{root}/a{character}b")


def test_paths_need_the_machines_leave(tmp_path: Path, root: Path) -> None:
    none = Places(tmp_path)
    for name in (str(root), "postgresql://u@localhost/db", "C:\\data", "\\\\host\\share"):
        error = refused(none, name)
        assert "allow-full-paths" in error.problems[0].message
    assert list(root.iterdir()) == []


@pytest.mark.spec("2: full paths: roots, links and .. resolved, an existing folder without a database")
def test_ways_out_of_the_root(places: Places, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "link").symlink_to(outside)
    (root / "loop").symlink_to(root / "loop")
    (root / "in").mkdir()
    for name in (
        outside,
        root / ".." / "outside",
        root / "link",
        root / "link" / ".." / "outside",
        root / "loop",
        f"{root}-other",
        places.data,
        places.backups,
        "//etc",
        "C:/../data",
    ):
        refused(places, str(name))
    assert list(outside.iterdir()) == []
    build(places, f"{root}/in/../in/.")
    assert (root / "in" / "project.db").is_file()


def test_a_root_that_holds_the_data_folder_opens_no_way_into_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    places = Places(data, [str(tmp_path)])
    for name in (data, data / "databases", data / "backups", tmp_path):
        assert "data folder" in refused(places, str(name)).problems[0].message
    for folder in (data, places.backups):
        with pytest.raises(InvalidInput):
            places.browse(str(folder))
    assert places.browse(str(places.databases))[0] == places.databases


@pytest.mark.spec("2: full paths: roots, links and .. resolved, an existing folder without a database")
def test_folders_that_do_not_fit(places: Places, root: Path) -> None:
    assert "missing" in refused(places, str(root / "none")).problems[0].message
    (root / "file").write_text("x")
    assert "file" in refused(places, str(root / "file")).problems[0].message
    for name in ("project.db", "project.db-journal", "project.db-wal", "project.db.new", "project.db.new-journal"):
        folder = root / f"with {name}"
        folder.mkdir()
        (folder / name).write_text("mine")
        with pytest.raises(Conflict):
            build(places, str(folder))
        assert tree(folder) == {name: b"mine"}
    dangling = root / "dangling"
    dangling.mkdir()
    (dangling / "project.db").symlink_to(root / "elsewhere")
    with pytest.raises(Conflict):
        build(places, str(dangling))
    assert not (root / "elsewhere").exists()


@pytest.mark.parametrize("existing", ["Name", "NAME", "Na\u0308me", "N\u00e4me"])
def test_what_is_on_the_disk_counts_like_the_list(places: Places, existing: str) -> None:
    name = "N\u00e4ME" if "m" in existing and not existing.isascii() else "name"
    kinds: tuple[Callable[[Path], object], ...] = (Path.mkdir, Path.touch, lambda path: path.symlink_to("/none"))
    for make in kinds:
        path = places.databases / existing
        make(path)
        with pytest.raises(Conflict, match="among the databases"):
            build(places, name)
        assert os.listdir(places.databases) == [existing]
        path.rmdir() if path.is_dir() else path.unlink()


def test_what_fails_while_it_is_filled_leaves_nothing(places: Places, root: Path) -> None:
    def fail(connection: Connection) -> None:
        fill(connection)
        raise Unavailable("broken off")

    (root / "db").mkdir()
    (root / "db" / "note").write_text("mine")
    for name in ("Alpha", str(root / "db")):
        with pytest.raises(Unavailable, match="broken off"):
            places.build(places.locate(name), None, fail)
    assert list(places.databases.iterdir()) == []
    assert tree(root) == {"db/note": b"mine"}
    assert build(places, "Alpha").is_file()


@pytest.mark.parametrize("step", ["replace", "open"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_refuses(places: Places, monkeypatch: pytest.MonkeyPatch, step: str, number: int) -> None:
    """Neither can be brought about for root on the disks of a test machine."""

    def no(*args: object, **kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        if step == "replace":
            patch.setattr(Path, "replace", no)
        else:
            patch.setattr(os, "open", no)
        with pytest.raises(Unavailable, match="full" if number == errno.ENOSPC else os.strerror(number)):
            build(places, "Alpha")
    assert list(places.databases.iterdir()) == []


def test_a_file_that_came_meanwhile_stays(places: Places, root: Path) -> None:
    def slow(connection: Connection) -> None:
        fill(connection)
        (root / "project.db").write_text("theirs")

    with pytest.raises(Conflict, match="nothing was overwritten"):
        places.build(places.locate(str(root)), None, slow)
    assert tree(root) == {"project.db": b"theirs"}


@pytest.mark.parametrize("what", ["link", "file link", "file", "foreign", "damaged", "none", "empty", "directory"])
@pytest.mark.spec("2: add existing: newer, foreign, damaged and missing ones are refused with the reason")
def test_what_cannot_be_added(places: Places, what: str) -> None:
    folder = places.databases / "Alpha"
    if what == "link":
        folder.symlink_to(build(places, "Beta").parent)
    elif what == "file":
        folder.write_text("x")
    elif what != "none":
        folder.mkdir()
    if what == "file link":
        (folder / "project.db").symlink_to(build(places, "Beta"))
    elif what == "directory":
        (folder / "project.db").mkdir()
    elif what in ("foreign", "damaged"):
        (folder / "project.db").write_bytes(b"SQLite format 2" if what == "foreign" else b"")
    with pytest.raises(InvalidInput) as error:
        places.open_existing(places.locate("Alpha"), None)
    assert error.value.problems[0].field == "name"


def test_a_listed_place_that_becomes_a_way_out_is_refused(places: Places, root: Path, tmp_path: Path) -> None:
    (root / "sub" / "db").mkdir(parents=True)
    location = places.locate(str(root / "sub" / "db"))
    places.allowed_still(location)
    (root / "sub").rename(tmp_path / "outside")
    (root / "sub").symlink_to(tmp_path / "outside")
    with pytest.raises(InvalidInput):
        places.allowed_still(location)
    (root / "sub").unlink()
    (tmp_path / "outside").rename(root / "other")
    (root / "sub").symlink_to(root / "other")
    with pytest.raises(InvalidInput, match="elsewhere"):
        places.allowed_still(location)
    with pytest.raises(InvalidInput, match="allow-full-paths"):
        Places(places.data, []).allowed_still(location)


@pytest.mark.postgres
@pytest.mark.spec("2: full paths: a PostgreSQL URL")
def test_a_postgresql_database_is_filled_once(tmp_path: Path, postgres: Cluster, postgres_url: str) -> None:
    parts = urlsplit(postgres_url)
    host = f"postgresql://{parts.hostname}:{parts.port or 5432}"
    url = f"postgresql://{parts.username}@{parts.hostname}:{parts.port or 5432}{parts.path}"
    places = Places(tmp_path, [host])
    location = places.locate(url)
    assert (location.place, location.shown) == (Place.postgresql, url)

    def fail(connection: Connection) -> None:
        fill(connection)
        raise Unavailable("broken off")

    with pytest.raises(Unavailable, match="broken off"):
        places.build(location, None, fail)
    places.build(location, None, fill)
    with pytest.raises(InvalidInput, match="not empty"):
        places.build(location, None, fail)
    store = places.open_existing(location, None)
    assert store.read(project_facts.identity) == "first"
    store.close()
    for other in (f"postgresql://u@127.9.9.9{parts.path}", f"{url}?sslmode=disable", url.replace("@", ":secret@", 1)):
        with pytest.raises(TrackkitError) as error:
            places.locate(other)
        assert "secret" not in str(error.value)


@pytest.mark.postgres
def test_of_two_that_fill_one_postgresql_database_one_does(tmp_path: Path, postgres_url: str) -> None:
    parts = urlsplit(postgres_url)
    host = f"{parts.hostname}:{parts.port or 5432}"
    places = Places(tmp_path, [f"postgresql://{host}"])
    location = places.locate(f"postgresql://{parts.username}@{host}{parts.path}")

    def one(number: int) -> str:
        try:
            places.build(location, None, lambda c: project_facts.set_identity(c, str(number)))
        except InvalidInput as error:
            return error.problems[0].message
        return str(number)

    with ThreadPoolExecutor(2) as pool:
        ends = sorted(pool.map(one, range(2)))
    assert "not empty" in ends[1]
    store = places.open_existing(location, None)
    assert store.read(project_facts.identity) == ends[0]
    store.close()
