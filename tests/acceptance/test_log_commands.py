"""``trackkit log tail`` and ``trackkit log filter`` as processes of their own, against the real server."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import CommandLine
from tests.conftest import Start
from tests.forked import Forked
from tests.ports import wait_until
from tests.running import RunningServer, clean_environment

PASSWORD = "a-long-passphrase"


class Tail:
    """A running `trackkit log tail` and what it has printed so far."""

    def __init__(self, server: RunningServer, home: Path, *words: str) -> None:
        self._out, self._err = home / "tail.out", home / "tail.err"
        for file in (self._out, self._err):
            file.touch()
        self.process = Forked(
            ["log", "tail", *words, "--data", str(server.data)],
            clean_environment(home),
            (os.devnull, str(self._out), str(self._err)),
        )

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def interrupt(self) -> int:
        """Ctrl+C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


@pytest.fixture
def tails(tmp_path: Path) -> Iterator[list[Tail]]:
    """Every tail put in here is ended after the test."""
    running: list[Tail] = []
    yield running
    for tail in running:
        if tail.process.poll() is None:
            tail.process.kill()
            tail.process.wait()


@pytest.mark.spec("4: view: newest first; live tail")
def test_a_tail_prints_what_comes_survives_a_restart_and_ends_cleanly(
    database_url: str | None, start: Start, tmp_path: Path, tails: list[Tail]
) -> None:
    server = start(database_url=database_url)
    server.admin.users.add("before", "viewer", PASSWORD)
    tail = Tail(server, tmp_path, "--text", "User ")
    tails.append(tail)
    wait_until(lambda: "User before was added" in tail.out, what="the newest entry before the tail began")
    server.admin.users.add("first", "viewer", PASSWORD)
    wait_until(lambda: "User first was added" in tail.out, what="the next entry")
    server.stop()
    wait_until(lambda: "Waiting for the server" in tail.err, what="the note about the server")
    server.restart()
    server.admin.users.add("second", "viewer", PASSWORD)
    wait_until(lambda: "User second was added" in tail.out, what="the entry after the restart")
    assert tail.err.count("Waiting for the server") == tail.err.count("The server answers again.") == 1
    assert tail.interrupt() == 0
    assert "Traceback" not in tail.err
    lines = [line for line in tail.out.splitlines() if "was added" in line]
    assert len(lines) == len(set(lines)) == 3, "each entry once"


def test_a_tail_in_json_is_one_entry_a_line_and_harmless(
    server: RunningServer, tmp_path: Path, tails: list[Tail]
) -> None:
    with pytest.raises(Exception, match="wrong"):
        server.connect("\x1b[31mred", "not the password")
    tail = Tail(server, tmp_path, "--json", "--level", "unusual_activity", "--match", "only", "--lines", "5")
    tails.append(tail)
    wait_until(lambda: "red" in tail.out, what="the failed log-in")
    assert "\x1b" not in tail.out
    entries = [json.loads(line) for line in tail.out.splitlines()]
    assert {entry["level"] for entry in entries} == {"unusual_activity"}
    assert tail.interrupt() == 0


@pytest.mark.spec("4: view: saved filters")
def test_filters_by_command(database_url: str | None, start: Start, tmp_path: Path) -> None:
    server = start(database_url=database_url)
    command = CommandLine(tmp_path, {"TRACKKIT_DATA": str(server.data)})
    assert "No filter is saved." in command("log", "filter", "list")
    saved = command("log", "filter", "save", "Last day", "--last", "24h", "--level", "warning", "--shared")
    assert saved == "Saved Last day: level Warning (more), last 24 hours.\n"
    refused = command.run("log", "filter", "save", "last DAY", "--shared")
    assert (refused.returncode, "already" in refused.stderr) == (2, True), "without a terminal it asks in vain"
    command("log", "filter", "save", "Last day", "--shared", "--yes", "--last", "90m", "--text", "password")
    assert command("log", "filter", "show", "last day") == "Last day (shared): text password, last 90 minutes\n"
    (listed,) = json.loads(command("log", "filter", "list", "--json"))["filters"]
    assert (listed["shared"], listed["conditions"]["last_minutes"], listed["saved_by"]) == (True, 90, "admin")
    found = json.loads(command("log", "list", "--filter", "Last day", "--json"))["entries"]
    assert found
    assert all("password" in entry["message"] for entry in found)
    assert json.loads(command("log", "list", "--filter", "Last day", "--text", "no such", "--json"))["entries"] == []
    for words in (("--last", "soon"), ("--last", "5h", "--since", "2026-01-01"), ("--last", "0m")):
        assert command.run("log", "filter", "save", "bad", *words).returncode == 2
    assert command.run("log", "list", "--filter", "missing").returncode == 1
    assert command.run("log", "filter", "delete", "Last day", "--shared").returncode == 2
    command("log", "filter", "delete", "Last day", "--shared", "--yes")
    assert "No filter is saved." in command("log", "filter", "list")
