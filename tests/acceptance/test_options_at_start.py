"""Options that the start of a server decides about: port, encryption, and the key that secrets are sealed with."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.conftest import set_up
from tests.conftest import Start
from tests.ports import free_port
from trackkit.domain.errors import InvalidInput

HEAD = 'kind = "trackkit server options"\nformat = 1\n'
CANARY = "canary-secret-4711"
APART = ("unshare", "--map-root-user", "--net")
"""A network of its own, so that a server can listen on every address there is and still be reached by nobody."""


@pytest.mark.spec("7: server: encryption is on by default; off is refused where others reach the server, unless forced")
def test_encryption_cannot_be_switched_off_where_others_reach_the_server(start: Start) -> None:
    if subprocess.run([*APART, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs unshare and the right to make a network namespace (as root)")
    server = start(arguments=("--address", "0.0.0.0"), prefix=APART)
    assert server.url.startswith("https://0.0.0.0:")
    options = server.admin.options
    assert options.get().value("server.encrypt") is True
    for change in (
        lambda: options.set({"server.encrypt": False}),
        lambda: options.plan(HEAD + "[server]\nencrypt = false\n"),
        lambda: options.apply(HEAD + "[server]\nencrypt = false\n"),
    ):
        with pytest.raises(InvalidInput, match="cannot be switched off") as refused:
            change()
        assert "allow-plain" in refused.value.advice
    assert options.get().value("server.encrypt") is True
    server.stop()
    set_up(server.data, allow_plain="yes")
    server.restart()
    state = server.admin.options.set({"server.encrypt": False})
    assert "connections must be edited" in state.notes["server.encrypt"]
    server.stop()
    server.restart()
    assert server.url.startswith("http://")
    assert not any(option.restart_needed for option in server.admin.options.get().options)


@pytest.mark.spec("7: server: port; --port wins over the stored option and says so")
def test_the_stored_port_is_used_when_none_is_given(start: Start) -> None:
    server = start()
    given, stored = server.port, free_port()
    assert f"--port {given}" in server.admin.options.set({"server.port": stored}).notes["server.port"]
    server.stop()
    server.restart()
    assert server.url.endswith(f":{given}")
    assert server.admin.log.list(text=f"The port {given} given at the start wins over the option").total == 2
    server.stop()
    server.port = 0
    server.restart()
    assert server.url.endswith(f":{stored}")
    assert server.admin.options.get().notes == {}


@pytest.mark.spec("7: secret options: a lost, replaced or damaged key file is told clearly")
def test_a_key_that_does_not_fit_is_told(start: Start) -> None:
    server = start()
    server.admin.options.set({"sending.smtp.password": CANARY})
    server.stop()
    key = server.data / "secret.key"
    right = key.read_bytes()

    def refused(words: str) -> None:
        with pytest.raises(AssertionError, match="no ready line"):
            server.restart()
        for told in (server.stderr, (server.data / "startup.log").read_text()):
            assert words in told
            assert "sending.smtp.password" in told or "damaged" in words
            assert "Traceback" not in told
            assert CANARY not in told

    key.write_bytes(b"no key at all")
    refused("secret.key holds no key: the file is damaged.")
    key.unlink()
    refused("secret.key does not fit this database. It was lost and made anew, or replaced.")
    assert _mode(key) == 0o600
    assert "Put the secret.key that belongs to the database into the data folder" in server.stderr
    key.write_bytes(right)
    server.restart()
    assert "sending.smtp.password" in server.admin.options.export().secrets


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
