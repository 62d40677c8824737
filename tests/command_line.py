"""`trackkit` as people run it: a process of its own, no terminal."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests import forked
from tests.running import clean_environment


@dataclass(frozen=True)
class CommandLine:
    """Runs commands with one home folder and one environment."""

    home: Path
    environment: Mapping[str, str]

    def __call__(self, *words: str, exit_code: int = 0, stdin: str = "") -> str:
        """The command's stdout; `AssertionError` with both outputs when it ends with another exit code."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode == exit_code, f"trackkit {' '.join(words)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """The whole result, whatever its exit code; a traceback is never one."""
        done = forked.run(words, clean_environment(self.home, **self.environment), self.home, stdin=stdin)
        assert "Traceback" not in done.stderr, done.stderr
        return done
