"""``trackkit connection``, and what a person at a terminal is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit import client_peers as peers
from tests.unit.cli_runs import run, run_at_terminal
from trackkit.client import Connections


@pytest.fixture(scope="module")
def authority() -> peers.Authority:
    return peers.Authority()


@pytest.fixture
def api(authority: peers.Authority) -> Iterator[peers.ApiServer]:
    with peers.serving(authority.certificate()) as api:
        yield api


def test_add_list_edit_move_delete() -> None:
    assert "no connection yet" in run("connection", "list").out
    for name in ("a", "b", "c\x1b[31m"):
        assert run("connection", "add", name, "192.0.2.1", "--port", "8471", "--no-encrypt").code == 0
    assert "\x1b" not in run("connection", "list").out
    assert run("connection", "up", "b").code == 0
    assert run("connection", "down", "a").code == 0
    rows: list[dict[str, Any]] = json.loads(run("connection", "list", "--json").out)
    assert [row["name"] for row in rows] == ["b", "c\x1b[31m", "a"]
    assert rows[0] == {
        "name": "b",
        "address": "192.0.2.1",
        "port": 8471,
        "encrypted": False,
        "fingerprint": "",
        "remembered": "",
    }
    assert run("connection", "edit", "b", "--port", "1", "--encrypt").code == 0
    assert Connections.load()["b"].endpoint.url == "https://192.0.2.1:1"
    refused = run("connection", "delete", "b")
    assert refused.code == 2
    assert "no undo" in refused.err
    assert run("connection", "delete", "b", "--yes").code == 0
    assert [c.name for c in Connections.load()] == ["c\x1b[31m", "a"]


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (["add", "x", "127.0.0.1", "--port", "0"], 2, "port: is 0; ports go from 1 to 65535"),
        (["add", "x", "127.0.0.1", "--port", "65536"], 2, "port: is 65536"),
        (["add", "x", "a b"], 2, "address:"),
        (["add", "", "127.0.0.1"], 2, "name: is empty"),
        (["delete", "nope", "--yes"], 1, "no connection named 'nope'"),
        (["test", "nope"], 1, "no connection named 'nope'"),
    ],
)
def test_refusals(command: list[str], code: int, words: str) -> None:
    ran = run("connection", *command)
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert len(Connections.load()) == 0


def test_unattended_pinning(api: peers.ApiServer) -> None:
    here = ["127.0.0.1", "--port", str(api.port)]
    assert run("connection", "add", "here", *here, "--fingerprint", api.fingerprint).code == 0
    assert Connections.load()["here"].fingerprint == api.fingerprint
    tested = run("connection", "test", "here")
    assert tested.code == 0
    assert "0.1.0" in tested.out
    assert run("connection", "add", "there", *here).code == 0
    unknown = run("connection", "test", "there")
    assert unknown.code == 1
    assert api.fingerprint in unknown.err
    assert run("connection", "pin", "there").code == 2
    wrong = run("connection", "pin", "there", "0" * 64)
    assert wrong.code == 1
    assert api.fingerprint in wrong.err
    assert run("connection", "pin", "there", api.fingerprint).code == 0
    assert run("connection", "test", "there").code == 0


@pytest.mark.spec("1: First use shows the certificate's fingerprint and asks")
def test_first_use_at_a_terminal(api: peers.ApiServer) -> None:
    Connections.load().add("here", "127.0.0.1", api.port)
    code, shown = run_at_terminal("mail", "list", answers=[("at its start?", "n")])
    assert code == 1
    assert api.fingerprint in shown
    assert api.seen == []
    code, shown = run_at_terminal(
        "mail", "list", answers=[("at its start?", "y"), ("User name", "ada"), ("Password", "typed-secret")]
    )
    assert code == 0, shown
    assert "q1" in shown
    assert "typed-secret" not in shown
    assert api.last("session.open").fields == {"username": "ada", "password": "typed-secret"}
    assert Connections.load()["here"].fingerprint == api.fingerprint


@pytest.mark.spec("0: No changes nothing")
def test_no_changes_nothing(api: peers.ApiServer) -> None:
    environment = {
        "TRACKKIT_SERVER": api.url,
        "TRACKKIT_FINGERPRINT": api.fingerprint,
        "TRACKKIT_TOKEN": "tk_env",
    }
    for answer, code in (("n", 1), ("", 1), ("y", 0)):
        assert "log.delete" not in [s.operation for s in api.seen if s.fields.get("preview") == "false"]
        done, shown = run_at_terminal("log", "delete", "--all", answers=[("[y/N]", answer)], environment=environment)
        assert done == code, shown
        assert "5 log entries" in shown
    assert api.last("log.delete").fields["preview"] == "false"


def test_secret_typed_at_a_terminal_is_hidden_and_asked_twice(api: peers.ApiServer) -> None:
    environment = {
        "TRACKKIT_SERVER": api.url,
        "TRACKKIT_FINGERPRINT": api.fingerprint,
        "TRACKKIT_TOKEN": "tk_env",
    }
    code, shown = run_at_terminal(
        "user",
        "add",
        "bob",
        "--role",
        "viewer",
        answers=[("password", "typed-secret"), ("epeat", "typed-secret")],
        environment=environment,
    )
    assert code == 0, shown
    assert "typed-secret" not in shown
    assert api.last("user.add").fields["password"] == "typed-secret"


@pytest.mark.spec("1: an explicit way to pin the new one")
def test_changed_certificate_is_pinned_on_request(authority: peers.Authority, api: peers.ApiServer) -> None:
    connections = Connections.load()
    connections.add("here", "127.0.0.1", api.port)
    other = peers.Authority().certificate().cert_chain_pems[0].bytes().decode()
    before = connections.keep_certificate("here", other).fingerprint
    refused = run("connection", "test", "here")
    assert refused.code == 1
    assert before in refused.err
    assert api.fingerprint in refused.err
    assert "connection pin" in refused.err
    code, shown = run_at_terminal("connection", "pin", "here", answers=[("[y/N]", "y")])
    assert code == 0
    assert before in shown
    assert run("connection", "test", "here").code == 0


def test_start_is_quick_and_loads_nothing_heavy() -> None:
    code = (
        "import sys, trackkit.cli.main;"
        "print(sorted({'httpx', 'pandas', 'rich', 'pydantic', 'fastapi', 'sqlalchemy', 'asyncio', 'ipywidgets'}"
        " & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
    top = subprocess.run([sys.executable, "-m", "trackkit", "--help"], capture_output=True, text=True, check=True)
    assert all(group in top.stdout for group in ("connection", "mail", "log", "options", "user", "token", "audit"))
    version = subprocess.run(
        [sys.executable, "-m", "trackkit", "--version"], capture_output=True, text=True, check=True
    )
    assert version.stdout.startswith("trackkit ")
