"""The local socket of a data folder: no password, paths of any length, and clear words when nobody is there."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import trackkit
from tests.unit import client_peers as peers
from trackkit.client import reach_local
from trackkit.domain import errors

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no local sockets here")


@pytest.mark.spec("6: An account without a password can log in only on the server machine")
def test_log_in_without_a_password(tmp_path: Path) -> None:
    with peers.serving_locally(tmp_path) as api, trackkit.local(tmp_path) as server:
        assert server.mail.list().total == 1
        assert api.last("session.open").fields == {"username": "admin"}
        assert server.name == str(tmp_path)
    assert api.calls()[-1] == "session.close"


def test_other_user_and_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    with peers.serving_locally(tmp_path / "data") as api, trackkit.local("data", "bob"):
        assert api.last("session.open").fields == {"username": "bob"}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reaches sockets through /proc")
def test_path_longer_than_a_socket_address(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120) / ("y" * 120)
    folder.mkdir(parents=True)
    descriptors = len(os.listdir("/proc/self/fd"))
    with peers.serving_locally(folder), trackkit.local(folder) as server:
        assert server.mail.list().total == 1
    assert len(os.listdir("/proc/self/fd")) <= descriptors


def test_nobody_is_there(tmp_path: Path) -> None:
    with pytest.raises(errors.PortClosed) as caught:
        trackkit.local(tmp_path)
    assert f"No server is running on the data folder {tmp_path}" in str(caught.value)
    assert "trackkit" in caught.value.advice
    with pytest.raises(errors.NotFound):
        trackkit.local(tmp_path / "none")


def test_socket_left_by_a_server_that_crashed(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "local.sock"))
    with pytest.raises(errors.PortClosed):
        trackkit.local(tmp_path)


@contextmanager
def _as_somebody_else(folder: Path) -> Iterator[None]:
    """As another account; the superuser becomes one, anybody else loses the rights to the folder."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    else:
        folder.chmod(0)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        else:
            folder.chmod(0o700)


@pytest.mark.spec("6: as the account that owns the data folder (an owner-only local socket in the data folder)")
def test_somebody_elses_socket() -> None:
    with tempfile.TemporaryDirectory() as made, peers.serving_locally(Path(made)):
        with _as_somebody_else(Path(made)), pytest.raises(errors.NotAllowed):
            trackkit.local(made)
        with _as_somebody_else(Path(made)), pytest.raises(errors.NotAllowed):
            trackkit.local(Path(made) / "below")


def test_server_that_stops_meanwhile(tmp_path: Path) -> None:
    with peers.serving_locally(tmp_path):
        server = reach_local(tmp_path)
    server._caller._http._transport.close()
    (tmp_path / "local.sock").unlink()
    with pytest.raises(errors.PortClosed) as caught:
        server.info()
    assert str(tmp_path) in str(caught.value)
