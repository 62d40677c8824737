"""A real systemd-journald with a /run of its own, so that the system's, if there is one, is neither used nor changed.

It runs in a mount namespace; its socket and its journal are reached through /proc, and entries are read back with
journalctl.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.ports import wait_until

_PROGRAM = Path("/lib/systemd/systemd-journald")
_SCRIPT = f"""
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/journal /run/log/journal
if [ ! -s /etc/machine-id ]; then
    echo 0123456789abcdef0123456789abcdef > /run/machine-id
    mount --bind /run/machine-id /etc/machine-id
fi
mkdir -p "/run/log/journal/$(cat /etc/machine-id)"
exec {_PROGRAM}
"""


def missing() -> str:
    """Why there is no journald to be run here; ``""`` when there is one."""
    if not _PROGRAM.exists() or shutil.which("journalctl") is None:
        return "systemd-journald is not installed (Debian package systemd)"
    tried = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/run"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "a mount namespace is needed, which only root can make"


class Journald:
    """The daemon; `start` and `stop`."""

    def start(self) -> None:
        """Start it and wait for its socket."""
        self._process = subprocess.Popen(
            ["unshare", "-m", "bash", "-c", _SCRIPT],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "SYSTEMD_LOG_TARGET": "null"},
        )
        wait_until(lambda: self._is_journald() and self.socket.exists(), what="the socket of journald")

    def _is_journald(self) -> bool:
        """Not any more the shell that made its surroundings."""
        return Path(f"/proc/{self._process.pid}/comm").read_text().startswith("systemd-journal")

    @property
    def _run(self) -> Path:
        return Path(f"/proc/{self._process.pid}/root/run")

    @property
    def socket(self) -> Path:
        """Where it takes entries."""
        return self._run / "systemd" / "journal" / "socket"

    def stop(self) -> None:
        """Stop it; its journal goes with it."""
        self._process.terminate()
        self._process.wait(20)

    def entries(self) -> list[dict[str, str]]:
        """What came from the server, the oldest first, as journalctl reads it."""
        command = ["journalctl", "-D", self._run / "log" / "journal", "-t", "trackkit", "-o", "json", "--all"]
        shown = subprocess.run(command, capture_output=True, text=True, check=False)
        return [json.loads(line) for line in shown.stdout.splitlines() if line.startswith("{")]
