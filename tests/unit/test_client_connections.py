"""`connections.toml`: what it holds, what is refused, and that nothing loses or damages it."""

from __future__ import annotations

import multiprocessing
import os
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import trackkit
from tests.unit import client_peers as peers
from trackkit.client import Connections
from trackkit.client.connections import home
from trackkit.domain.errors import CertificateChanged, Conflict, InvalidInput, NotFound, Unavailable


@pytest.fixture
def connections() -> Iterator[Connections]:
    return Connections.load()


def names(connections: Connections) -> list[str]:
    """In order, as the file has them."""
    assert [c.name for c in connections] == [c.name for c in Connections.load()]
    return [c.name for c in connections]


@pytest.mark.spec("1: kept in order in connections.toml in the user's config folder (TRACKKIT_HOME overrides it)")
def test_add_edit_move_delete(connections: Connections) -> None:
    assert len(connections) == 0
    assert not connections.path.exists()
    for name in ("head office", "Büro \N{PILE OF POO}", 'quo"te\\ [x]'):
        connections.add(name, "192.0.2.7", 8471)
    assert connections.path == Path(os.environ["TRACKKIT_HOME"]) / "connections.toml"
    assert names(connections) == ["head office", "Büro \N{PILE OF POO}", 'quo"te\\ [x]']
    connections.move("head office", up=False)
    connections.move('quo"te\\ [x]', up=True)
    connections.move('quo"te\\ [x]', up=True)
    assert names(connections) == ['quo"te\\ [x]', "Büro \N{PILE OF POO}", "head office"]
    edited = connections.edit("head office", address="mail.example.org", port=1, encrypted=False)
    assert (edited.name, edited.endpoint.url) == ("head office", "http://mail.example.org:1")
    assert connections.edit("head office", port=65535).endpoint.url == "http://mail.example.org:65535"
    connections.delete("Büro \N{PILE OF POO}")
    assert names(connections) == ['quo"te\\ [x]', "head office"]
    assert "head office" in connections
    assert Connections.load()["head office"] == connections["head office"]


def test_home_is_the_users_config_folder_without_the_override(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TRACKKIT_HOME")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert home() == tmp_path / "trackkit"


def test_file_is_private_and_holds_no_password(connections: Connections) -> None:
    connections.add("a", "localhost")
    assert stat.S_IMODE(connections.path.stat().st_mode) == 0o600
    tree = tomllib.loads(connections.path.read_text(encoding="utf-8"))
    assert set(tree["connection"][0]) == {"name", "address", "port", "encrypted", "certificate_pem"}
    assert [p.name for p in connections.path.parent.glob(".*")] == []


@pytest.mark.parametrize(
    ("address", "port", "refused"),
    [
        ("", 1, {"address"}),
        ("a b", 1, {"address"}),
        ("a\r\nb", 1, {"address"}),
        ("https://example.org", 1, {"address"}),
        ("example.org:8470", 1, {"address"}),
        ("256.1.1.1", 1, {"address"}),
        ("-a.example.org", 1, {"address"}),
        ("a..b", 1, {"address"}),
        ("x" * 64, 1, {"address"}),
        ("user@example.org", 1, {"address"}),
        ("localhost", 0, {"port"}),
        ("localhost", 65536, {"port"}),
        ("localhost", -1, {"port"}),
        ("localhost", True, {"port"}),
        ("localhost", "8470", {"port"}),
        ("", 0, {"address", "port"}),
    ],
)
@pytest.mark.spec("1: address (IP or DNS name), port (1–65535)")
def test_bad_values_are_refused_by_name(connections: Connections, address: str, port: int, refused: set[str]) -> None:
    connections.add("kept", "localhost")
    before = connections.path.read_bytes()
    for change in (
        lambda: connections.add("new", address, port),
        lambda: connections.edit("kept", address=address, port=port),
    ):
        with pytest.raises(InvalidInput) as caught:
            change()
        assert {p.field for p in caught.value.problems} == refused
    assert connections.path.read_bytes() == before


@pytest.mark.parametrize("address", ["::1", "[2001:db8::1]", "10.0.0.1", "localhost", "mail.example.org.", "bücher.de"])
def test_good_addresses(connections: Connections, address: str) -> None:
    connections.add("x", address)
    assert connections["x"].address == address.strip("[]")


@pytest.mark.spec("1: name (any text, unique, only for people)")
def test_names_are_unique_and_not_empty(connections: Connections) -> None:
    connections.add("a", "localhost")
    with pytest.raises(Conflict):
        connections.add("a", "other")
    for name in ("", "  ", "\ud800"):
        with pytest.raises(InvalidInput):
            connections.add(name, "localhost")
    for change in (connections.delete, lambda n: connections.move(n, up=True), lambda n: connections.edit(n, port=1)):
        with pytest.raises(NotFound):
            change("b")
    assert names(connections) == ["a"]


DAMAGED = [
    ("not [ toml", 1),
    ('[[connection]]\nname = "a"\naddress = "x"\nport = 99999\n', 4),
    ('[[connection]]\nname = "a"\naddress = "x"\n\n[[connection]]\nname = "a"\naddress = "y"\n', 6),
    ('[[connection]]\nname = "a"\naddress = "x"\npassword = "hunter2"\n', 4),
    ('[[connection]]\nname = "a"\naddress = "x"\n[[connection]]\nname = "b"\n', 4),
    ('[[connection]]\nname = 7\naddress = "x"\n', 2),
    ('[[connection]]\nname = "a"\naddress = "x"\nencrypted = "yes"\n', 4),
    ('connection = "x"\n', 1),
    ("\n[other]\na = 1\n", 2),
    ('[[connection]]\nname = "a\nb"\n', 2),
]


@pytest.mark.parametrize(("text", "line"), DAMAGED)
def test_damaged_file_names_the_line_and_is_never_overwritten(text: str, line: int) -> None:
    path = home() / "connections.toml"
    path.write_text(text, encoding="utf-8")
    for change in (Connections.load, lambda: Connections(path).add("new", "localhost")):
        with pytest.raises(InvalidInput) as caught:
            change()
        assert [p.field for p in caught.value.problems] == [f"line {line}"]
        assert "hunter2" not in str(caught.value)
    assert path.read_text(encoding="utf-8") == text


def test_file_that_is_no_text(connections: Connections) -> None:
    connections.path.write_bytes(b'[[connection]]\nname = "\xff"\n')
    with pytest.raises(InvalidInput) as caught:
        Connections.load()
    assert [p.field for p in caught.value.problems] == ["line 2"]


def _add_many(path: Path, who: str) -> None:
    for number in range(20):
        Connections.load(path).add(f"{who}{number}", "localhost")


def test_two_processes_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "connections.toml"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_add_many, args=(path, who)) for who in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert {c.name for c in Connections.load(path)} == {f"{who}{n}" for who in "ab" for n in range(20)}


def test_lock_held_by_another_is_said(connections: Connections, monkeypatch: pytest.MonkeyPatch) -> None:
    from trackkit.client import file_lock

    connections.add("a", "localhost")
    with (
        file_lock.exclusive(connections.path.with_suffix(".lock")),
        pytest.raises(Unavailable),
        file_lock.exclusive(connections.path.with_suffix(".lock"), timeout=0.1),
    ):
        pass
    connections.add("b", "localhost")
    assert names(connections) == ["a", "b"]


def test_stale_copies_do_not_undo_each_other() -> None:
    one, two = Connections.load(), Connections.load()
    one.add("a", "localhost")
    two.add("b", "localhost")
    assert names(two) == ["a", "b"]


@pytest.mark.spec("1: a changed certificate is refused with both fingerprints shown and an explicit way to pin")
def test_pin_takes_only_the_certificate_that_was_named(connections: Connections) -> None:
    authority = peers.Authority()
    with peers.serving(authority.certificate()) as api:
        connections.add("here", "127.0.0.1", api.port)
        with pytest.raises(CertificateChanged) as caught:
            connections.pin("here", "0" * 64)
        assert caught.value.details == {"pinned": "sha256:" + "0" * 64, "shown": api.fingerprint}
        assert connections["here"].fingerprint == ""
        written = api.fingerprint.removeprefix("sha256:").upper()
        pairs = ":".join(written[i : i + 2] for i in range(0, 64, 2))
        assert connections.pin("here", pairs).fingerprint == api.fingerprint
        assert Connections.load()["here"].fingerprint == api.fingerprint
        assert connections.edit("here", address="localhost").fingerprint == api.fingerprint
        with pytest.raises(InvalidInput):
            connections.pin("here", "sha256:123")
        assert api.seen == []


def test_python_sees_it_from_the_top() -> None:
    trackkit.Connections.load().add("x", "localhost")
    assert list(trackkit.Connections.load()) == [trackkit.Connection("x", "localhost")]
