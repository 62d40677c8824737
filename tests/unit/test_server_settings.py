"""Settings of the server machine: where databases, backups and event logs are; and whether it is a service."""

from __future__ import annotations

from pathlib import Path

import pytest

from trackkit.domain.errors import InvalidInput
from trackkit.server.run import started_as_service
from trackkit.server.settings import MachineSettings, changed, load, save, shown


@pytest.mark.spec("2: full paths are refused unless the server machine allows them, never through the API")
@pytest.mark.parametrize(
    ("name", "text", "roots"),
    [
        ("allow-full-paths", "/srv/projects", ("/srv/projects",)),
        (
            "allow-full-paths",
            " /srv/a , postgresql://db.example.org:5433",
            ("/srv/a", "postgresql://db.example.org:5433"),
        ),
        ("allow-full-paths", "no", ()),
        ("allow-full-paths", "", ()),
        ("backup-roots", "/mnt/one,/mnt/two", ("/mnt/one", "/mnt/two")),
        ("backup-roots", "NO", ()),
        ("pickup-roots", "/var/spool/pickup", ("/var/spool/pickup",)),
    ],
)
def test_roots_survive_the_file(tmp_path: Path, name: str, text: str, roots: tuple[str, ...]) -> None:
    save(tmp_path, changed(MachineSettings(), name, text))
    found = load(tmp_path)
    assert getattr(found, name.replace("-", "_")) == roots
    assert changed(MachineSettings(), name, shown(found)[name]) == found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("allow-full-paths", "yes"),
        ("allow-full-paths", "relative/path"),
        ("allow-full-paths", "/srv/a,,/srv/b"),
        ("allow-full-paths", "/"),
        ("allow-full-paths", "/srv/.."),
        ("allow-full-paths", "mysql://host"),
        ("allow-full-paths", "postgresql://user:canary@host"),
        ("backup-roots", "postgresql://host"),
        ("backup-roots", "here"),
        ("pickup-roots", "postgresql://host"),
        ("pickup-roots", "/"),
    ],
)
def test_what_is_no_root_is_refused(name: str, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        changed(MachineSettings(), name, text)
    assert refused.value.problems[0].field == name
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("name", ["journal-socket", "syslog-socket", "mapi-library"])
@pytest.mark.parametrize(("text", "socket"), [("/run/x/log", "/run/x/log"), ("no", ""), ("", "")])
def test_sockets_survive_the_file(tmp_path: Path, name: str, text: str, socket: str) -> None:
    save(tmp_path, changed(MachineSettings(), name, text))
    found = load(tmp_path)
    assert getattr(found, name.replace("-", "_")) == socket
    assert changed(MachineSettings(), name, shown(found)[name]) == found
    with pytest.raises(InvalidInput, match="no full path"):
        changed(MachineSettings(), name, "log")


@pytest.mark.parametrize(
    ("environment", "is_one"),
    [
        ({}, False),
        ({"INVOCATION_ID": "x"}, True),
        ({"INVOCATION_ID": "x", "SYSTEMD_EXEC_PID": "17"}, True),
        ({"INVOCATION_ID": "x", "SYSTEMD_EXEC_PID": "1"}, True),
        ({"INVOCATION_ID": "x", "SYSTEMD_EXEC_PID": "99"}, False),
        ({"SYSTEMD_EXEC_PID": "17"}, False),
    ],
)
def test_what_a_service_manager_started(environment: dict[str, str], is_one: bool) -> None:
    assert started_as_service(environment, (17, 1)) is is_one
