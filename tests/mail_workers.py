"""Mail workers as processes of their own; and `python -m tests.mail_workers -m trackkit …`, trackkit in which a worker
that gives no sign is lost after seconds instead of a minute."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from tests.running import clean_environment

BEAT = timedelta(seconds=1)
LOST_AFTER = timedelta(seconds=10)
IMPATIENT = (sys.executable, "-m", "tests.mail_workers")
"""What to put before a command, so that the processes of one server agree on it."""


@dataclass
class RunningWorker:
    """A worker process; `stop` ends it in order, `kill` like a power cut."""

    database_url: str
    key_file: Path
    name: str
    home: Path
    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        where = ["--database-url", self.database_url, "--key-file", str(self.key_file), "--name", self.name]
        with self._stderr.open("ab") as stderr:
            self.process = subprocess.Popen(
                [*IMPATIENT, sys.executable, "-m", "trackkit", "worker", *where],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env=clean_environment(self.home),
            )

    @property
    def _stderr(self) -> Path:
        return self.home / f"{self.name}.stderr"

    def wait_until_ready(self) -> None:
        """Until it sends."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line == f"ready {self.name}\n", (line, self._stderr.read_text())

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


def key_of(data: Path, home: Path) -> Path:
    """A copy of the server's key, as an administrator carries it to another machine."""
    copy = home / "worker.key"
    shutil.copyfile(data / "secret.key", copy)
    copy.chmod(0o600)
    return copy


def main() -> None:
    """Run ``trackkit``, impatiently."""
    import trackkit.domain.mail_workers as domain

    domain.BEAT, domain.LOST_AFTER, domain._STEADY = BEAT, LOST_AFTER, 3 * BEAT  # type: ignore[misc]
    from trackkit.cli.main import main as trackkit

    sys.argv = ["trackkit", *sys.argv[sys.argv.index("trackkit") + 1 :]]
    trackkit()


if __name__ == "__main__":
    os.umask(0o077)
    main()
