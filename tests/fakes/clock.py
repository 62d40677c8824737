"""A clock for a server process that a test can set: `clock.c`, built by gcc and loaded before the C library."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest


class ShiftedClock:
    """The library and the file that says by how much; start a program with `environment`."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("gcc")
        if compiler is None:
            assert not os.environ.get("CI"), "gcc has to be there in CI"
            pytest.skip("gcc is not there to build the clock")
        self._file, library = folder / "shift", folder / "clock.so"
        self.shift(timedelta(0))
        source = Path(__file__).with_name("clock.c")
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source], check=True)
        self.environment = {"LD_PRELOAD": str(library), "SHIFTED_CLOCK": str(self._file)}

    def shift(self, by: timedelta) -> None:
        """What the program takes for now differs by this from what it is."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("=q", int(by.total_seconds())))
