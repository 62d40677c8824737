"""A real trackkit server as a process of its own, started the way people start it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import trackkit
from tests import forked, licensed, migrated
from tests.ports import free_port
from trackkit.client import Server
from trackkit.server.folder import Folder

START_SECONDS = 60
SHORT = "tk-"
"""Prefix of data folders made here; short, because a Unix socket's path may have little more than 100 characters."""


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """This process's environment without any trackkit settings, with an empty home folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKKIT_")}
    return {**kept, "HOME": str(home), "TRACKKIT_HOME": str(home / "trackkit"), "PYTHONUNBUFFERED": "1", **more}


@dataclass
class RunningServer:
    """A server process. `stop` ends it in order, `kill` like a power cut; `restart` goes on with the same data."""

    data: Path
    port: int
    database_url: str | None = None
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    sample: bool = False
    """A server that starts for the first time gets the sample database, as people's do."""
    prefix: tuple[str, ...] = ()
    """What the command is run by: a program that starts another one (``env`` for a process of its own all the way)."""
    url: str = ""
    fingerprint: str = ""

    def start(self) -> None:
        """Start the process and wait for its `ready` line; `AssertionError` with its stderr when there is none."""
        command = ["server", "run", "--data", str(self.data)]
        if self.port:  # else the one that is stored
            command += ["--port", str(self.port)]
        if self.database_url:
            command += ["--database-url", self.database_url]
        if not self.sample:
            command.append("--no-sample")
        self.process = self._run([*command, *self.arguments])
        alarm = threading.Timer(START_SECONDS, self.process.kill)
        alarm.start()
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        alarm.cancel()
        words = line.split()
        if len(words) < 2 or words[0] != "ready":
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"no ready line but {line!r}; stderr:\n{self.stderr}")
        self.url = words[1]
        self.fingerprint = words[2].removeprefix("sha256:") if len(words) > 2 else ""

    def _run(self, words: list[str]) -> subprocess.Popen[str] | forked.Forked:
        environment = clean_environment(self.data.parent, **self.environment)
        if not self.prefix:
            return forked.start(words, environment, stderr=self._stderr_path)
        with self._stderr_path.open("ab") as stderr:
            return subprocess.Popen(
                [*self.prefix, sys.executable, "-m", "trackkit", *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env=environment,
            )

    @property
    def _stderr_path(self) -> Path:
        return self.data.parent / "server.stderr"

    @property
    def stderr(self) -> str:
        """Everything the process wrote there, over all its starts."""
        return self._stderr_path.read_text(errors="replace")

    @cached_property
    def admin(self) -> Server:
        """A client logged in through the local socket."""
        return trackkit.local(self.data)

    def connect(self, username: str, password: str) -> Server:
        """A client logged in over the network as that user."""
        return trackkit.connect(self.url, username=username, password=password, fingerprint=self.fingerprint)

    def stop(self) -> int:
        """SIGTERM and wait; the exit code."""
        try:
            self._forget_admin(log_out=self.process.poll() is None)
        finally:  # a server that cannot answer any more is stopped all the same
            if self.process.poll() is None:
                self.process.terminate()
            code = self._wait()
        return code

    def kill(self) -> None:
        """SIGKILL: nothing in the process gets to tidy up."""
        self.process.send_signal(signal.SIGKILL)
        self._wait()
        self._forget_admin(log_out=False)

    def restart(self) -> None:
        """Start again on the same data and port, after `stop` or `kill`."""
        self.start()

    def _wait(self) -> int:
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not stop in 30 s; stderr:\n{self.stderr}") from None
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def _forget_admin(self, *, log_out: bool) -> None:
        admin = self.__dict__.pop("admin", None)
        if admin is not None and log_out:
            admin.close()


def start_server(
    data: Path | None = None,
    options: Mapping[str, Any] | None = None,
    database_url: str | None = None,
    *,
    arguments: tuple[str, ...] = (),
    environment: Mapping[str, str] | None = None,
    sample: bool = False,
    prefix: tuple[str, ...] = (),
    seats: int | None = None,
) -> RunningServer:
    """Start a server on a fresh data folder (or the one given) and set options. In a fresh one its tables are there
    already; in one that is given, with a `prefix` and on PostgreSQL it makes those that are not there.

    Parameters
    ----------
    seats: floating and web seats beside those for evaluation; the server accepts serials of `tests.licensed` then, also
        with 0.
    """
    if data is None:
        data = Path(tempfile.mkdtemp(prefix=SHORT)) / "data"
        if not database_url and not prefix:
            data.mkdir(mode=0o700)
            migrated.copy_to(Folder(data))
    if seats is not None:
        licensed.accept(data)
    server = RunningServer(data, free_port(), database_url, arguments, environment or {}, sample, prefix)
    try:
        server.start()
        if options:
            server.admin.options.set(dict(options))
        if seats:
            licensed.give_seats(server.admin, floating=seats, web=seats)
    except BaseException:
        server.kill()
        if data.parent.name.startswith(SHORT):
            shutil.rmtree(data.parent)
        raise
    return server
