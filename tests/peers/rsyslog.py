"""A real rsyslog on a socket of its own, writing what it takes to a file in a form that tests can read back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.ports import wait_until

_CONFIGURATION = """
global(workDirectory="{folder}")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{socket}" CreatePath="on" RateLimit.Interval="0")
template(name="lines" type="list" option.jsonf="on") {{
    property(outname="priority" name="pri" format="jsonf")
    property(outname="facility" name="syslogfacility-text" format="jsonf")
    property(outname="severity" name="syslogseverity-text" format="jsonf")
    property(outname="program" name="programname" format="jsonf")
    property(outname="text" name="msg" format="jsonf")
}}

action(type="omfile" file="{out}" template="lines")
"""


def missing() -> str:
    """Why there is no rsyslog here; ``""`` when there is one."""
    return "" if _program() else "rsyslog is not installed (Debian package rsyslog)"


def _program() -> str | None:
    return shutil.which("rsyslogd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@dataclass(frozen=True)
class Line:
    """One entry as rsyslog understood it."""

    facility: str
    severity: str
    program: str
    text: str


class Rsyslog:
    """The daemon; `start` and `stop` as often as wanted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "log"
        self._out = folder / "out.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait for its socket."""
        configuration = self.folder / "rsyslog.conf"
        configuration.write_text(_CONFIGURATION.format(folder=self.folder, socket=self.socket, out=self._out))
        program = _program()
        assert program is not None
        self._process = subprocess.Popen(
            [program, "-n", "-f", configuration, "-i", self.folder / "pid"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "stderr").open("wb"),
        )
        wait_until(self.socket.exists, what="the socket of rsyslog")

    def stop(self) -> None:
        """Stop it; its socket goes with it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None
        self.socket.unlink(missing_ok=True)

    def lines(self) -> list[Line]:
        """What it has written so far."""
        if not self._out.exists():
            return []
        whole, _, _ = self._out.read_text(errors="replace").rpartition("\n")  # it may be writing just now
        found = [json.loads(line) for line in whole.splitlines() if line.strip()]
        return [Line(f["facility"], f["severity"], f["program"], f["text"].strip()) for f in found]

    def of_trackkit(self) -> list[Line]:
        """What came from the server."""
        return [line for line in self.lines() if line.program == "trackkit"]
