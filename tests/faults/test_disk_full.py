"""A disk that fills up or can only be read: told in those words, nothing half done, and the others go on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import PASSWORD, House, set_up
from tests.conftest import Start
from tests.ports import wait_until
from tests.unit.test_pickup_transport import put
from trackkit.domain.errors import TrackkitError, Unavailable
from trackkit.domain.replies import Verdict
from trackkit.services.machine import Machine

FULL = "(?i)disk is full"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB of its own."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def house(start: Start, tmp_path: Path, disk: Path) -> House:
    """A server that may keep databases and backups on the small disk."""
    set_up(tmp_path / "data", allow_full_paths=str(disk), backup_roots=str(disk))
    return House(start(tmp_path / "data"), disk, None)


def fill_up(disk: Path) -> Path:
    """A file that leaves no room."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return filler


def test_mail_for_a_full_pickup_folder_waits_and_leaves_nothing_there(disk: Path) -> None:
    folder, machine = disk / "pickup", Machine(pickup_roots=(str(disk),))
    folder.mkdir()
    filler = fill_up(disk)
    outcome = put(machine, folder)
    assert (outcome.verdict, "No space left" in outcome.text) == (Verdict.temporary, True)
    assert not list(folder.rglob("*.eml"))
    filler.unlink()
    assert put(machine, folder).verdict is Verdict.accepted
    assert len(list(folder.glob("*.eml"))) == 1


def on_disk(house: House, name: str) -> str:
    """The name of a database on the small disk, whose folder is made."""
    (house.root / name).mkdir()
    return str(house.root / name)


def refused(act: Callable[[], object], words: str) -> TrackkitError:
    """What an act is refused with, in those words; raises nothing else."""
    with pytest.raises(TrackkitError, match=words) as caught:
        act()
    return caught.value


def test_a_disk_that_is_full(house: House) -> None:
    used = house.admin.databases.create(on_disk(house, "used"), administrator_password=PASSWORD).name
    beside = house.make("beside")
    empty = on_disk(house, "empty")
    with house.project(used) as project, house.project(beside) as other:
        project.add("defect", title="Before")
        filler = fill_up(house.root)
        assert isinstance(refused(lambda: house.admin.databases.create(empty), FULL), Unavailable)
        assert list(Path(empty).iterdir()) == []
        refused(lambda: project.attach("defect", "1", "large.bin", os.urandom(400_000)), FULL)
        refused(lambda: house.admin.databases.backup(beside, root=str(house.root)).wait(), "(?i)space|disk is full")
        assert sorted(path.name for path in house.root.rglob("project.db*")) == ["project.db"]
        assert house.admin.databases.show(used).available, "a full disk is there"
        other.add("defect", title="The others go on")
        filler.unlink()
        project.add("defect", title="After")
        assert [item.values["title"] for item in project.list("defect").items] == ["Before", "After"]
        assert project.files("defect", "1").files == ()
    house.admin.databases.create(empty)
    backup = house.admin.databases.backup(beside, root=str(house.root)).wait()
    assert Path(str(backup.result["location"])).is_relative_to(house.root)


def test_a_disk_that_can_only_be_read(house: House) -> None:
    used = house.admin.databases.create(on_disk(house, "used"), administrator_password=PASSWORD).name
    empty = on_disk(house, "empty")
    with house.project(used) as project:
        project.add("defect", title="Before")
    beside = house.make("beside")
    house.server.stop()  # an open file keeps a disk from becoming read-only
    remount(house.root, "ro")
    house.server.restart()
    refused(lambda: house.admin.databases.create(empty), "(?i)cannot be written")
    assert "read-only" in refused(lambda: house.project(used), "(?i)not available").message
    assert "read-only" in house.admin.databases.show(used).unavailable_reason
    with house.project(beside) as other:
        other.add("defect", title="The others go on")
    remount(house.root, "rw")
    wait_until(lambda: house.admin.databases.show(used).available, what="the database is back")
    with house.project(used) as project:
        assert [item.values["title"] for item in project.list("defect").items] == ["Before"]
        project.add("defect", title="After")


def remount(disk: Path, how: str) -> None:
    """Make a mounted disk read-only, or writable again."""
    subprocess.run(["mount", "-o", f"remount,{how}", disk], check=True, capture_output=True)
